//! Makes each system call of echod fail: with EINTR (interrupted), and with ENOBUFS (no memory for the network in the
//! kernel).
//!
//! echod may refuse to start, close a client, or end, if it reports the reason. It must not lose a byte of a client
//! that it keeps, or end such a client with an ordinary EOF. It must not leak a client's resources, crash, or hang.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::{Command, Stdio};

use libtest_mimic::{Completion, Trial};
use rustix::process::Signal;

use super::client::{PATIENCE, compare, patterned};
use super::server::Server;
use crate::skip;
use crate::support::{Arch, Folder, Ran, once, wait_until};
use crate::syscalls::calls_of;
use crate::trial::{LONG, may_take};

pub fn trials() -> impl Iterator<Item = Trial> {
    [
        once("echod::each_call::is_interrupted [x86_64]", || {
            fail_all("EINTR")
        }),
        once("echod::each_call::finds_no_buffer [x86_64]", || {
            fail_all("ENOBUFS")
        }),
    ]
    .into_iter()
}

/// Calls without injected failures: exit and exit_group do not return. close(2) closes the descriptor even if it
/// returns an error, but strace would suppress the close.
const NEVER: [&str; 3] = ["exit", "exit_group", "close"];

fn fail_all(errno: &str) -> Completion {
    may_take(LONG);
    if !Arch::X86_64.is_native() {
        return Completion::ignored_with(skip::STRACE);
    }
    let calls = calls_of("echod");
    for call in calls.iter().filter(|call| !NEVER.contains(&call.as_str())) {
        // In each run every third call of each thread fails. The three runs together fail every call.
        for first in 1..=3 {
            let inject = format!("{call}:error={errno}:when={first}+3");
            match std::panic::catch_unwind(|| fail(call, &inject)) {
                Ok(ran) => check(call, &inject, &ran),
                Err(_) => panic!("with {inject}"),
            }
        }
    }
    Completion::Completed
}

/// Checks how the server ended.
fn check(call: &str, inject: &str, ran: &Ran) {
    // If rt_sigprocmask fails, SIGTERM is not blocked and kills the server. If mprotect fails, the program ends at
    // start-up, because relocated data would stay writable.
    let killed = ran.status.is_none() && ["rt_sigprocmask", "mprotect"].contains(&call);
    assert!(
        killed || matches!(ran.status, Some(0 | 1)),
        "{inject}: {ran:?}"
    );
    let speaks = |line: &str| line.starts_with("echod: ");
    assert!(ran.stderr.lines().all(speaks), "{inject}: {ran:?}");
    assert!(
        ran.status != Some(1) || !ran.stderr.is_empty(),
        "{inject}: {ran:?}"
    );
}

/// The life of a server, some of whose calls fail.
fn fail(call: &str, inject: &str) -> Ran {
    let folder = Folder::new();
    let mut strace = Command::new("strace");
    // strace runs as a grandchild (-D): the child is echod itself.
    strace
        .args(["-f", "-D", "-qq", "-o", "/dev/null"])
        .arg(format!("--trace={call}"))
        .arg(format!("--inject={inject}"))
        .arg(Arch::X86_64.shipped("echod"))
        .args([
            "-w",
            "2",
            "-v",
            "-l",
            "127.0.0.1:0",
            "-x",
            "socket",
            "--grace",
            "1",
        ])
        .current_dir(folder.root())
        .stdin(Stdio::null());
    let mut server = match Server::attempt(&mut strace, 2) {
        Ok(server) => server,
        Err(ran) => return ran,
    };
    let address = server.address();
    let sockets = server.count("socket");
    std::thread::scope(|scope| {
        for seed in 0..2 {
            scope.spawn(move || stream(address, seed, 200_000));
        }
        scope.spawn(move || stream(address, 2, 100));
    });
    // At least one client must be served.
    wait_until("echod serves or has ended", || {
        server.has_ended() || stream(address, 3, 10)
    });
    wait_until("echod has closed its clients or has ended", || {
        server.has_ended() || server.count("socket") <= sockets
    });
    if !server.has_ended() {
        server.signal(Signal::TERM);
    }
    server.wait()
}

/// Sends `length` bytes and then EOF. Returns whether all bytes came back. If not, checks that the server has reset the
/// connection.
fn stream(address: SocketAddr, seed: u64, length: usize) -> bool {
    let Ok(client) = TcpStream::connect(address) else {
        return false;
    };
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut back = Vec::new();
    let (sent, end) = std::thread::scope(|scope| {
        let sent = scope.spawn(|| {
            (&client).write_all(&patterned(seed, 0, length))?;
            client.shutdown(Shutdown::Write)
        });
        let end = (&client).read_to_end(&mut back);
        (sent.join().unwrap(), end)
    });
    compare(seed, 0, &back);
    // The kernel reports a reset once: either to the writer or to the reader.
    match sent.and(end.map(drop)) {
        Ok(()) => assert_eq!(back.len(), length, "an ordinary EOF, but bytes are missing"),
        Err(error) => assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock, "forgotten"),
    }
    back.len() == length
}
