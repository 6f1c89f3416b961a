//! What echod tells of itself: `-q`, `-v`, `--stats` and SIGUSR1.

use std::io::{BufRead, BufReader};
use std::net::{Shutdown, TcpListener, UdpSocket};

use libtest_mimic::Trial;
use rustix::process::Signal;

use super::client::{PATIENCE, connect, is_reset, ping, reset_on_close};
use super::server::Server;
use super::{Ran, echod};
use crate::per_arch;
use crate::support::{Arch, wait_until};

pub fn trials() -> impl Iterator<Item = Trial> {
    per_arch![
        what_it_served_when_asked,
        how_many_datagrams_it_answered,
        what_it_served_now_and_then,
        who_comes_and_goes,
        nothing,
        nothing_but_why_it_cannot_begin,
    ]
}

fn what_it_served_when_asked(arch: Arch) {
    let mut server = Server::new(arch, &["-w", "2"]);
    let mut stderr = BufReader::new(server.take_stderr());
    let mut asked = || {
        server.signal(Signal::USR1);
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        line
    };
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
    // One client resets its connection; another client does so after its end.
    reset_on_close(&clients[0]);
    reset_on_close(&clients[1]);
    clients[1].shutdown(Shutdown::Write).unwrap();
    drop(clients);
    let all = "echod: 0 clients of 3, 60 bytes, 12 requests, 1 resets, 0 errors\n";
    wait_until("all have left", || asked() == all);
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
    server.signal(Signal::USR1);
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert_eq!(
        line,
        "echod: 0 clients of 0, 15 bytes, 3 requests, 0 resets, 0 errors\n"
    );
    server.signal(Signal::TERM);
    assert_eq!(server.wait().status, Some(0));
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
    // Each is through before the next one comes, so that all get the same descriptor.
    for end in [
        "ended",
        "Connection reset by peer (ECONNRESET)",
        "closed: the time is over",
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
            "closed: the time is over" => {
                server.signal(Signal::TERM);
                assert!(!is_reset(client));
                break;
            }
            _ => {
                reset_on_close(&client);
                drop(client);
            }
        }
        wait_until("it is closed", || server.descriptors() == others);
    }
    let ran = server.wait();
    assert_eq!((ran.status, ran.stderr), (Some(0), expected));
}

fn nothing(arch: Arch) {
    // It does not say where it listens: so somebody else has to choose the port.
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
    wait_until("it listens", || {
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
