//! Tests of echod with failing system calls: strace replaces the results of selected calls.

use std::fs;
use std::io::{ErrorKind, Write};
use std::process::Command;

use libtest_mimic::{Completion, Trial};

use super::client::{Blocked, Leave, connect, is_reset, ping, session};
use super::server::Server;
use crate::per_arch;
use crate::skip;
use crate::support::{Arch, Folder, Ran, run, wait_until};
use crate::trial::{LONG, may_take};

pub fn trials() -> impl Iterator<Item = Trial> {
    per_arch![
        goes_on_when_interrupted,
        serves_ipv4_where_there_is_no_ipv6,
        goes_on_when_a_client_left_before_it_was_accepted,
        accepts_again_after_a_shortage,
        resets_a_client_that_it_cannot_watch,
        resets_a_client_whose_bytes_it_holds,
        cuts_the_client_for_which_there_is_no_memory,
        does_without_pipes,
        does_without_splice,
        copies_few_bytes_again_after_many,
        is_interrupted_while_it_moves_pages,
        resets_a_client_whose_pages_it_cannot_send,
    ]
}

/// A client that sent much gets its bytes back by splice(2), and after two small messages by recv and send again.
fn copies_few_bytes_again_after_many(arch: Arch) -> Completion {
    if !arch.is_native() {
        return Completion::ignored_with(skip::STRACE);
    }
    let folder = Folder::new();
    let calls = folder.path("calls");
    let mut strace = Command::new("strace");
    strace
        .args(["-D", "-qq", "-e", "trace=recvfrom", "-o"])
        .arg(&calls);
    strace.arg(arch.shipped("echod"));
    let server = Server::start(strace.args(["-w", "1", "-l", "127.0.0.1:0"]), 1);
    let mut client = connect(server.address());
    for _ in 0..3 {
        ping(&mut client, &vec![b'x'; 256 << 10]);
        for _ in 0..9 {
            ping(&mut client, b"small");
        }
    }
    server.end("");
    let calls = fs::read_to_string(calls).unwrap();
    // The end of a large message may be small, too.
    let copies = calls.matches("\"small\"").count();
    assert!((3 * 7..=3 * 9).contains(&copies), "{calls}");
    Completion::Completed
}

/// Starts echod under strace, with results replaced according to the `inject` expressions.
pub fn start(
    arch: Arch,
    listen: &[&str],
    listeners: usize,
    inject: &[&str],
) -> Result<Server, Completion> {
    if !arch.is_native() {
        return Err(Completion::ignored_with(skip::STRACE));
    }
    let mut strace = Command::new("strace");
    // strace runs as a grandchild (-D): the child is echod itself.
    strace.args(["-D", "-qq", "-o", "/dev/null"]);
    for inject in inject {
        strace.arg(format!("--inject={inject}"));
    }
    // One worker, so that the order of the calls is fixed.
    strace
        .arg(arch.shipped("echod"))
        .args(["-w", "1"])
        .args(listen);
    Ok(Server::start(&mut strace, listeners))
}

/// Every third call of each kind is interrupted.
fn goes_on_when_interrupted(arch: Arch) -> Completion {
    let calls = "epoll_pwait,accept4,recvfrom,sendto,read:error=EINTR:when=2+3";
    let server = match start(arch, &["-l", "127.0.0.1:0"], 1, &[calls]) {
        Ok(server) => server,
        Err(skipped) => return skipped,
    };
    let address = server.address();
    std::thread::scope(|scope| {
        for seed in 0..10 {
            let leave = [Leave::HalfClose, Leave::Close][seed as usize % 2];
            scope.spawn(move || session(address, seed, 100_000, leave));
        }
    });
    server.end("");
    Completion::Completed
}

fn serves_ipv4_where_there_is_no_ipv6(arch: Arch) -> Completion {
    // bind has no effect, so the listener gets a port of the kernel's choice. Port 7007 may be in use.
    let bound = "bind:retval=0";
    let no_ipv6 = "socket:error=EAFNOSUPPORT:when=2";
    let server = match start(arch, &[], 1, &[no_ipv6, bound]) {
        Ok(server) => server,
        Err(skipped) => return skipped,
    };
    ping(&mut connect(server.address()), b"four");
    server.end(
        "echod: socket [::1]:7007: Address family not supported by protocol (EAFNOSUPPORT); \
         IPv4 only\n",
    );

    // An IPv6 address given by -l is an error.
    let mut strace = Command::new("strace");
    strace.args([
        "-D",
        "-qq",
        "-o",
        "/dev/null",
        "--inject=socket:error=EAFNOSUPPORT",
    ]);
    let ran = run(strace.arg(arch.shipped("echod")).args(["-l", "[::1]:0"]));
    let why = "Address family not supported by protocol (EAFNOSUPPORT)";
    assert_eq!(
        ran,
        Ran::new(1, "", &format!("echod: socket [::1]:0: {why}\n"))
    );
    Completion::Completed
}

fn goes_on_when_a_client_left_before_it_was_accepted(arch: Arch) -> Completion {
    let left = "accept4:error=ECONNABORTED:when=1+2";
    let server = match start(arch, &["-l", "127.0.0.1:0"], 1, &[left]) {
        Ok(server) => server,
        Err(skipped) => return skipped,
    };
    for _ in 0..10 {
        ping(&mut connect(server.address()), b"the next one");
    }
    server.end("");
    Completion::Completed
}

/// No action of echod ends the shortage, so echod must retry by itself.
fn accepts_again_after_a_shortage(arch: Arch) -> Completion {
    may_take(LONG);
    for (error, words) in [
        ("ENFILE", "Too many open files in system"),
        ("EPERM", "Operation not permitted"), // from a seccomp filter: no client has been accepted
    ] {
        let shortage = format!("accept4:error={error}:when=1..2");
        let server = match start(arch, &["-l", "127.0.0.1:0"], 1, &[&shortage]) {
            Ok(server) => server,
            Err(skipped) => return skipped,
        };
        ping(&mut connect(server.address()), b"patience");
        server.end(&format!("echod: accept client: {words} ({error})\n"));
    }
    Completion::Completed
}

fn resets_a_client_that_it_cannot_watch(arch: Arch) -> Completion {
    // The first three calls are for the eventfd, the listener and the signalfd.
    let no_watch = "epoll_ctl:error=ENOSPC:when=4";
    let server = match start(arch, &["-l", "127.0.0.1:0"], 1, &[no_watch]) {
        Ok(server) => server,
        Err(skipped) => return skipped,
    };
    assert!(is_reset(connect(server.address())));
    ping(&mut connect(server.address()), b"the next one");
    server.end("echod: accept client: No space left on device (ENOSPC)\n");
    Completion::Completed
}

/// echod has read all bytes and sent none. Without a reset by echod, the kernel would end such a connection with an
/// ordinary EOF.
fn resets_a_client_whose_bytes_it_holds(arch: Arch) -> Completion {
    let no_room = "sendto:error=EAGAIN";
    let listen = ["-l", "127.0.0.1:0", "--grace", "0"];
    let server = match start(arch, &listen, 1, &[no_room]) {
        Ok(server) => server,
        Err(skipped) => return skipped,
    };
    let before = server.mapped();
    let mut stream = connect(server.address());
    stream.write_all(b"held").unwrap();
    wait_until("echod holds the bytes", || server.mapped() > before);
    server.end("");
    assert!(is_reset(stream));
    Completion::Completed
}

fn cuts_the_client_for_which_there_is_no_memory(arch: Arch) -> Completion {
    // The second name is that of 32 bits. The first nine mappings are made at start-up. Later mappings are for bytes
    // that cannot be sent.
    let no_memory = "mmap,?mmap2:error=ENOMEM:when=10+";
    let no_pipe = "pipe2:error=EMFILE:when=2+"; // the first call occupies closed standard descriptors
    let server = match start(arch, &["-l", "127.0.0.1:0"], 1, &[no_memory, no_pipe]) {
        Ok(server) => server,
        Err(skipped) => return skipped,
    };
    let mut witness = connect(server.address());
    let mut stream = connect(server.address());
    ping(&mut stream, b"well");
    let bytes = vec![0; 1 << 20];
    let error = loop {
        if let Err(error) = stream.write_all(&bytes) {
            break error;
        }
    };
    assert!(
        matches!(
            error.kind(),
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
        ),
        "{error}"
    );
    ping(&mut witness, b"still there");
    drop(witness);
    server.end("echod: echo client: Cannot allocate memory (ENOMEM)\n");
    Completion::Completed
}

/// Clients that transfer much data, with a server whose results are replaced.
fn bulk(arch: Arch, inject: &[&str]) -> Completion {
    may_take(LONG);
    let server = match start(arch, &["-l", "127.0.0.1:0"], 1, inject) {
        Ok(server) => server,
        Err(skipped) => return skipped,
    };
    let address = server.address();
    std::thread::scope(|scope| {
        for seed in 0..4 {
            let leave = [Leave::HalfClose, Leave::Close][seed as usize % 2];
            // With these seeds, some clients send pieces larger than the server's buffer.
            scope.spawn(move || session(address, seed, 1 << 20, leave));
        }
        scope.spawn(move || {
            let mut blocked = Blocked::new(address, 9);
            blocked.fill();
            blocked.finish();
        });
    });
    server.end("");
    Completion::Completed
}

fn does_without_pipes(arch: Arch) -> Completion {
    bulk(arch, &["pipe2:error=EMFILE:when=2+"])
}

/// The errors of a seccomp filter, and of a kind of socket without splice.
fn does_without_splice(arch: Arch) -> Completion {
    for error in ["EPERM", "ENOSYS", "EINVAL"] {
        match bulk(arch, &[&format!("splice:error={error}")]) {
            Completion::Completed => {}
            ignored => return ignored,
        }
    }
    Completion::Completed
}

fn is_interrupted_while_it_moves_pages(arch: Arch) -> Completion {
    bulk(arch, &["splice,recvfrom,sendto:error=EINTR:when=1+3"])
}

/// The client's bytes are in the pipe: to continue without them would lose them.
fn resets_a_client_whose_pages_it_cannot_send(arch: Arch) -> Completion {
    // For each client the first splice fills the pipe, and the second empties it.
    let no_memory = "splice:error=ENOMEM:when=2";
    let server = match start(arch, &["-l", "127.0.0.1:0"], 1, &[no_memory]) {
        Ok(server) => server,
        Err(skipped) => return skipped,
    };
    // Only one thread uses the stream, because the kernel reports a reset once.
    let mut stream = connect(server.address());
    let bytes = vec![0; 1 << 20];
    let error = loop {
        if let Err(error) = stream.write_all(&bytes) {
            break error;
        }
    };
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    server.end("echod: echo client: Cannot allocate memory (ENOMEM)\n");
    Completion::Completed
}
