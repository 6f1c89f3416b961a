//! Tests of sockets that a service manager passes to `init` or `pipe`: they are passed on to the program.

use std::net::TcpListener;
use std::process::Command;

use libtest_mimic::Trial;
use rustix::process::Signal;

use crate::echod::client::{connect, ping};
use crate::echod::server::Server;
use crate::echod::service::{OURS, activate};
use crate::per_arch;
use crate::support::{Arch, Ran, ran};

pub fn trials() -> impl Iterator<Item = Trial> {
    per_arch![
        serves_below_a_wrapper,
        names_the_program_and_keeps_nothing,
        leaves_what_names_another,
        reports_what_is_closed,
    ]
}

/// `init` or `pipe` with these arguments. The argument `echod` is replaced by the echod of this architecture.
fn wrapper(arch: Arch, name: &str, words: &[&str]) -> Command {
    let mut wrapper = arch.program(name);
    for &word in words {
        if word == "echod" {
            let echod = arch.program(word);
            wrapper.arg(echod.get_program()).args(echod.get_args());
        } else {
            wrapper.arg(word);
        }
    }
    wrapper
}

fn serves_below_a_wrapper(arch: Arch) {
    for (name, words) in [
        ("init", &["--", "echod"][..]),
        ("init", &["-S", "echod"]),
        ("pipe", &["echod"]),
        ("pipe", &["--status", "--socket", "echod", "|", "cat"]),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        // This client is in the accept queue before the server starts.
        let mut early = connect(address);
        let mut shell = activate(&wrapper(arch, name, words), listener, OURS);
        let server = Server::run(&mut shell, 1);
        assert_eq!(server.listens, ["descriptor 3"], "{name} {words:?}");
        ping(&mut early, b"early");
        ping(&mut connect(address), b"late");
        drop(early);
        server.signal(Signal::TERM);
        let ran = server.wait();
        // The signal ends `cat`, unless `cat` has ended before.
        assert!(
            matches!(ran.status, Some(0 | 143)),
            "{name} {words:?}: {ran:?}"
        );
    }
}

/// A shell as the program, which prints its environment, its descriptors, and the descriptors of the wrapper.
const PRINTS: &str = "[ $LISTEN_PID = $$ ] && echo itself; echo $LISTEN_FDS ${LISTEN_PIDFDID-none} $OTHER; \
readlink /proc/$$/fd/3 /proc/$$/fd/4 | sed s/:.*//; \
until ! readlink /proc/$PPID/fd/* | grep -q socket:; do sleep 0.02; done; echo closed";

fn names_the_program_and_keeps_nothing(arch: Arch) {
    let printed = Ran::new(0, "itself\n2 none kept\nsocket\nsocket\nclosed\n", "");
    for name in ["init", "pipe"] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let wrapper = wrapper(arch, name, &["sh", "-c", PRINTS]);
        let variables =
            "LISTEN_FDNAMES=a:b LISTEN_PIDFDID=7 LISTEN_PID=$$ LISTEN_FDS=2 OTHER=kept; exec 4<&3";
        let mut shell = activate(&wrapper, listener, variables);
        assert_eq!(ran(shell.output().unwrap()), printed, "{name}");
    }
    // The second program has none of the sockets, and LISTEN_PID is not its id.
    let second = "cat; [ $LISTEN_PID != $$ ] && echo other; readlink /proc/$$/fd/3 || echo none";
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let wrapper = wrapper(arch, "pipe", &["true", "|", "sh", "-c", second]);
    let mut shell = activate(&wrapper, listener, OURS);
    assert_eq!(
        ran(shell.output().unwrap()),
        Ran::new(0, "other\nnone\n", "")
    );
}

fn leaves_what_names_another(arch: Arch) {
    for name in ["init", "pipe"] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let script =
            "echo $LISTEN_PID $LISTEN_FDS $LISTEN_PIDFDID; readlink /proc/$$/fd/3 | sed s/:.*//";
        let wrapper = wrapper(arch, name, &["sh", "-c", script]);
        let variables = "LISTEN_PID=1 LISTEN_FDS=1 LISTEN_PIDFDID=7";
        let mut shell = activate(&wrapper, listener, variables);
        let printed = Ran::new(0, "1 1 7\nsocket\n", "");
        assert_eq!(ran(shell.output().unwrap()), printed, "{name}");
    }
}

fn reports_what_is_closed(arch: Arch) {
    for name in ["init", "pipe"] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let wrapper = wrapper(arch, name, &["true"]);
        let mut shell = activate(&wrapper, listener, "LISTEN_PID=$$ LISTEN_FDS=60");
        let printed = format!("{name}: fcntl LISTEN_FDS: Bad file descriptor (EBADF)\n");
        assert_eq!(ran(shell.output().unwrap()), Ran::new(1, "", &printed));
    }
}
