//! Tests of echod's messages and statistics: `-q`, `-v`, `--stats` and SIGUSR1.

use std::io::{BufRead, BufReader};
use std::net::{Shutdown, TcpListener, UdpSocket};

use libtest_mimic::{Completion, Trial};
use ring3::Errno;
use rustix::process::Signal;

use super::client::{Blocked, PATIENCE, connect, is_reset, ping, reset_on_close};
use super::server::Server;
use super::{Ran, datagrams, echod, injected};
use crate::per_arch;
use crate::support::{Arch, once, wait_until, with_new_times};

#[path = "../../src/bin/echod/counts.rs"]
#[allow(dead_code)] // the tests use only the counts of errors
mod counts;

pub fn trials() -> impl Iterator<Item = Trial> {
    per_arch![
        what_it_served_when_asked,
        how_much_it_moved_by_pages,
        what_went_wrong,
        what_it_served_now_and_then,
        who_comes_and_goes,
        nothing,
        nothing_but_why_it_cannot_begin,
    ]
    .chain(with_new_times(per_arch![how_many_datagrams_it_answered,]))
    .chain([
        once(
            "echod::reports::each_error_is_counted_once",
            each_error_is_counted_once,
        ),
        once(
            "echod::reports::errors_of_one_connection_are_those_of_the_network",
            errors_of_one_connection_are_those_of_the_network,
        ),
    ])
}

fn what_it_served_when_asked(arch: Arch) {
    let mut server = Server::new(arch, &["-w", "2"]);
    let mut stderr = BufReader::new(server.take_stderr());
    let mut asked = || asked(&server, &mut stderr);
    assert_eq!(
        asked(),
        "echod: 0 clients of 0, 0 bytes, 0 requests, 0 resets, 0 errors\n"
    );
    let mut clients: Vec<_> = (0..3).map(|_| connect(server.address())).collect();
    for client in &mut clients {
        (0..4).for_each(|_| ping(client, b"12345"));
    }
    assert_eq!(
        asked(),
        "echod: 3 clients of 3, 60 bytes, 12 requests, 0 resets, 0 errors\n"
    );
    // One client resets its connection; another client does so after its half-close.
    reset_on_close(&clients[0]);
    reset_on_close(&clients[1]);
    clients[1].shutdown(Shutdown::Write).unwrap();
    drop(clients);
    let all = "echod: 0 clients of 3, 60 bytes, 12 requests, 1 resets, 0 errors\n";
    wait_until("all clients have left", || asked() == all);
    drop(stderr);
    server.signal(Signal::TERM);
    assert_eq!(server.wait().status, Some(0));
}

fn how_many_datagrams_it_answered(arch: Arch) {
    let mut server = Server::new(arch, &["-u", "-w", "1"]);
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.connect(server.address()).unwrap();
    for _ in 0..3 {
        client.send(b"12345").unwrap();
        assert_eq!(client.recv(&mut [0; 6]).unwrap(), 5);
    }
    let mut stderr = BufReader::new(server.take_stderr());
    assert_eq!(
        asked(&server, &mut stderr),
        "echod: 0 clients of 0, 15 bytes, 3 requests, 0 resets, 0 errors\n"
    );
    server.signal(Signal::TERM);
    assert_eq!(server.wait().status, Some(0));
}

/// The line of statistics that the server prints at SIGUSR1.
fn asked(server: &Server, stderr: &mut impl BufRead) -> String {
    server.signal(Signal::USR1);
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    line
}

/// The client sends more bytes than the kernel's buffers hold. The server reads, writes, splices and holds them.
fn how_much_it_moved_by_pages(arch: Arch) {
    let mut server = Server::new(arch, &["-w", "1"]);
    let mut stderr = BufReader::new(server.take_stderr());
    let mut blocked = Blocked::new(server.address(), 1);
    blocked.fill();
    let sent = blocked.sent();
    blocked.finish();
    let line = asked(&server, &mut stderr);
    let words: Vec<_> = line.split(' ').collect();
    let end = ["requests,", "0", "resets,", "0", "errors\n"];
    assert_eq!(words[..5], ["echod:", "0", "clients", "of", "1,"], "{line}");
    assert_eq!(words[5..7], [&*sent.to_string(), "bytes,"], "{line}");
    assert_eq!(words[8..], end, "{line}");
    // A request is a piece of at least one byte and at most 64 KiB.
    let pieces: usize = words[7].parse().unwrap();
    assert!((sent.div_ceil(65_536)..=sent).contains(&pieces), "{line}");
    server.signal(Signal::TERM);
    assert_eq!(server.wait().status, Some(0));
}

/// Errors: a client that cannot be read, a client that cannot be accepted, a client that left before its accept; and a
/// datagram that cannot be sent.
fn what_went_wrong(arch: Arch) -> Completion {
    let memory = "Cannot allocate memory (ENOMEM)";
    for (inject, said, counted) in [
        (
            "recvfrom:error=ENOMEM:when=1",
            format!("echod: echo client: {memory}\n"),
            "1 clients of 2, 6 bytes, 1 requests, 0 resets, 1 errors",
        ),
        (
            "accept4:error=ENOMEM:when=1",
            format!("echod: accept client: {memory}\n"),
            "1 clients of 1, 6 bytes, 1 requests, 0 resets, 1 errors",
        ),
        (
            "accept4:error=ECONNABORTED:when=1",
            String::new(),
            "1 clients of 1, 6 bytes, 1 requests, 1 resets, 0 errors",
        ),
        (
            "accept4:error=ETIMEDOUT:when=1",
            String::new(),
            "1 clients of 1, 6 bytes, 1 requests, 0 resets, 1 errors",
        ),
        (
            "sendmmsg:error=ENOBUFS:when=1",
            String::new(),
            "1 clients of 1, 11 bytes, 2 requests, 0 resets, 1 errors",
        ),
    ] {
        let mut server = match injected::start(arch, &["-u", "-l", "127.0.0.1:0"], 2, &[inject]) {
            Ok(server) => server,
            Err(skipped) => return skipped,
        };
        let mut stderr = BufReader::new(server.take_stderr());
        if inject.starts_with("recvfrom") {
            let mut lost = connect(server.address());
            std::io::Write::write_all(&mut lost, b"lost").unwrap();
            assert!(is_reset(lost));
        }
        if inject.starts_with("sendmmsg") {
            let client = datagrams::client(server.address());
            client.send(b"lost").unwrap();
            std::thread::sleep(std::time::Duration::from_millis(20)); // otherwise one call would send both
            datagrams::ask(&client, b"5 ok!");
        }
        let mut client = connect(server.address());
        ping(&mut client, b"served");
        let mut line = String::new();
        if !said.is_empty() {
            stderr.read_line(&mut line).unwrap();
            assert_eq!(line, said, "{inject}");
        }
        let line = asked(&server, &mut stderr);
        assert_eq!(line, format!("echod: {counted}\n"), "{inject}");
        drop(client);
        server.signal(Signal::TERM);
        assert_eq!(server.wait().status, Some(0));
    }
    Completion::Completed
}

/// Each error is counted once: as a reset, or as another error.
fn each_error_is_counted_once() {
    let counts = counts::Counts::default();
    let mut expected = (0, 0);
    for errno in (1..200).filter_map(Errno::from_number) {
        counts.failed(errno);
        match errno {
            Errno::ECONNRESET | Errno::EPIPE | Errno::ECONNABORTED => expected.0 += 1,
            _ => expected.1 += 1,
        }
        assert_eq!((counts.resets.get(), counts.errors.get()), expected);
    }
    assert_eq!(expected.0, 3);
    counts.bytes.add(u64::MAX);
    counts.bytes.add(2);
    assert_eq!(counts.bytes.get(), 1);
}

/// The errors that accept(2) lists as errors of the network, and no others.
fn errors_of_one_connection_are_those_of_the_network() {
    let network = [
        Errno::ECONNRESET,
        Errno::ECONNABORTED,
        Errno::EPIPE,
        Errno::ETIMEDOUT,
        Errno::EPROTO,
        Errno::ENOPROTOOPT,
        Errno::EHOSTDOWN,
        Errno::EHOSTUNREACH,
        Errno::ENETDOWN,
        Errno::ENETUNREACH,
        Errno::ENONET,
        Errno::EOPNOTSUPP,
        Errno::EPERM,
    ];
    for number in 1..200 {
        let Some(errno) = Errno::from_number(number) else {
            continue;
        };
        assert_eq!(
            counts::is_of_one_connection(errno),
            network.contains(&errno),
            "{number}"
        );
    }
}

fn what_it_served_now_and_then(arch: Arch) {
    let mut server = Server::new(arch, &["--stats", "1"]);
    let mut stderr = BufReader::new(server.take_stderr());
    let mut client = connect(server.address());
    ping(&mut client, b"counted");
    let mut line = String::new();
    for _ in 0..2 {
        line.clear();
        stderr.read_line(&mut line).unwrap();
    }
    assert_eq!(
        line,
        "echod: 1 clients of 1, 7 bytes, 1 requests, 0 resets, 0 errors\n"
    );
    drop(client);
    server.signal(Signal::TERM);
    assert_eq!(server.wait().status, Some(0));
}

fn who_comes_and_goes(arch: Arch) {
    let server = Server::new(arch, &["-v", "-w", "1", "--grace", "0"]);
    let mut expected = String::new();
    let others = server.descriptors();
    // A client leaves before the next client comes, so that all get the same descriptor number.
    for end in [
        "ended",
        "Connection reset by peer (ECONNRESET)",
        "closed: the grace period is over",
    ] {
        let mut client = connect(server.address());
        let address = client.local_addr().unwrap();
        ping(&mut client, b"hello");
        let mut names = server.descriptors();
        names.retain(|name| !others.contains(name));
        let name = &names[0];
        expected += &format!("echod: client {name}: accepted from {address}\n");
        expected += &format!("echod: client {name}: {end}\n");
        match end {
            "ended" => {
                client.shutdown(Shutdown::Write).unwrap();
                assert!(!is_reset(client));
            }
            "closed: the grace period is over" => {
                server.signal(Signal::TERM);
                assert!(!is_reset(client));
                break;
            }
            _ => {
                reset_on_close(&client);
                drop(client);
            }
        }
        wait_until("the client is closed", || server.descriptors() == others);
    }
    let ran = server.wait();
    assert_eq!((ran.status, ran.stderr), (Some(0), expected));
}

fn nothing(arch: Arch) {
    // With -q the server does not report its port, so the test chooses a port.
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let arguments = [
        "-l",
        &address.to_string(),
        "-q",
        "--max-conns",
        "1",
        "-w",
        "1",
    ];
    let server = Server::start(arch.program("echod").args(arguments), 0);
    wait_until("echod listens", || {
        std::net::TcpStream::connect(address).is_ok()
    });
    let mut first = connect(address);
    ping(&mut first, b"in");
    let mut second = connect(address);
    drop(first);
    ping(&mut second, b"waited");
    drop(second);
    server.end("");
}

fn nothing_but_why_it_cannot_begin(arch: Arch) {
    let why = "Cannot assign requested address (EADDRNOTAVAIL)";
    assert_eq!(
        echod(arch, &["-q", "-l", "192.0.2.1:0"]),
        Ran::new(1, "", &format!("echod: bind 192.0.2.1:0: {why}\n"))
    );
}
