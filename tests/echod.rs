//! Tests of `echod`, the echo server. This file tests its start and its end. The modules test that every byte comes
//! back to every client, regardless of other clients.

mod abuse;
pub mod client;
mod datagrams;
mod each_call;
mod injected;
mod networks;
mod reports;
mod rights;
pub mod server;
pub mod service;
mod settings;
mod sockets;
pub mod times;
mod unix;
mod workers;

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use libtest_mimic::{Completion, Trial};
use rustix::process::Signal;

use crate::per_arch;
use crate::skip;
use crate::support::{Arch, Folder, Ran, ran, run, wait_until};
use client::{Blocked, compare, connect, is_reset, patterned, ping};
use server::Server;

pub fn trials() -> Vec<Trial> {
    per_arch![
        serves_ipv4_and_ipv6,
        serves_what_the_address_says,
        serves_a_zone_by_its_name,
        refuses_a_zone_that_there_is_not,
        serves_both_loopback_addresses_by_default,
        refuses_what_cannot_be_bound,
        reports_a_reader_that_is_gone,
        gives_no_client_a_standard_descriptor,
        drains_at_a_signal,
        ends_when_the_grace_is_over,
        gives_less_grace_than_docker_does,
        ends_at_once_at_a_second_signal,
        resets_whom_it_owes_bytes,
        goes_on_at_a_hangup,
        drains_a_busy_crowd,
    ]
    .chain(workers::trials())
    .chain(abuse::trials())
    .chain(injected::trials())
    .chain(each_call::trials())
    .chain(unix::trials())
    .chain(service::trials())
    .chain(rights::trials())
    .chain(reports::trials())
    .chain(datagrams::trials())
    .chain(settings::trials())
    .chain(sockets::trials())
    .chain(networks::trials())
    .chain(times::trials())
    .collect()
}

fn echod(arch: Arch, arguments: &[&str]) -> Ran {
    run(arch.program("echod").args(arguments))
}

fn serves_ipv4_and_ipv6(arch: Arch) {
    let listen = ["-l", "127.0.0.1:0", "-l[::1]:0", "-l", "127.0.0.2:0"];
    let server = Server::start(arch.program("echod").args(listen), 3);
    let hosts: Vec<_> = server.addresses.iter().map(SocketAddr::ip).collect();
    let second = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
    assert_eq!(
        hosts,
        [
            Ipv4Addr::LOCALHOST.into(),
            Ipv6Addr::LOCALHOST.into(),
            second
        ]
    );
    for &address in &server.addresses {
        assert_ne!(address.port(), 0);
        ping(&mut connect(address), b"over which?");
    }
    server.end("");
}

/// A listener at [::] does not accept IPv4, so that 0.0.0.0 can have the same port.
fn serves_what_the_address_says(arch: Arch) {
    // std's listener at [::] accepts both families, so the port is free in both after its close.
    let port = TcpListener::bind("[::]:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let [six, four] = [format!("[::]:{port}"), format!("0.0.0.0:{port}")];
    let server = Server::start(arch.program("echod").args(["-l", &six, "-l", &four]), 2);
    ping(&mut connect((Ipv6Addr::LOCALHOST, port).into()), b"six");
    ping(&mut connect((Ipv4Addr::LOCALHOST, port).into()), b"four");
    server.end("");
}

/// A link-local address of this machine and the name of its interface. The columns of the table are: address, interface
/// number, prefix length, scope, flags, interface name.
fn link_local() -> Option<(Ipv6Addr, String)> {
    let table = std::fs::read_to_string("/proc/net/if_inet6").ok()?;
    table.lines().find_map(|row| {
        let columns: Vec<_> = row.split_whitespace().collect();
        let address = Ipv6Addr::from(u128::from_str_radix(columns[0], 16).unwrap());
        // Skips tentative and duplicate addresses.
        let is_usable = u8::from_str_radix(columns[4], 16).unwrap() & 0x48 == 0;
        (address.is_unicast_link_local() && is_usable).then(|| (address, columns[5].to_owned()))
    })
}

fn serves_a_zone_by_its_name(arch: Arch) -> Completion {
    // A zone is also allowed for an address that does not need a zone.
    let server = Server::start(arch.program("echod").args(["-l", "[::1%lo]:0"]), 1);
    assert_eq!(server.address().ip(), Ipv6Addr::LOCALHOST);
    ping(&mut connect(server.address()), b"by its name");
    server.end("");
    let Some((address, name)) = link_local() else {
        return Completion::ignored_with(skip::LINK_LOCAL);
    };
    let listen = format!("[{address}%{name}]:0");
    let server = Server::start(arch.program("echod").args(["-u", "-l", &listen]), 2);
    let SocketAddr::V6(bound) = server.address() else {
        panic!("{:?}", server.addresses)
    };
    let number = std::fs::read_to_string(format!("/sys/class/net/{name}/ifindex")).unwrap();
    assert_eq!(*bound.ip(), address);
    assert_eq!(bound.scope_id().to_string(), number.trim());
    ping(&mut connect(server.address()), b"by its name");
    server.end("");
    Completion::Completed
}

fn refuses_a_zone_that_there_is_not(arch: Arch) {
    let nothing = "ioctl interface nothing0: No such device (ENODEV)\n";
    let long = "ioctl interface sixteen-in-a-row: Invalid argument (EINVAL)\n";
    for (address, why) in [
        ("[::1%nothing0]:0", nothing),
        ("[::1%sixteen-in-a-row]:0", long),
    ] {
        let expected = Ran::new(1, "", &format!("echod: {why}"));
        assert_eq!(echod(arch, &["-l", address]), expected);
    }
    let why = "-l: [fe80::1]:0: expected a zone, as in [fe80::1%eth0]:7007";
    assert_eq!(
        echod(arch, &["-l", "[fe80::1]:0"]),
        Ran::misused("echod", why)
    );
}

fn serves_both_loopback_addresses_by_default(arch: Arch) -> Completion {
    // The default port is fixed, and the tests of both architectures run at the same time.
    static PORT: Mutex<()> = Mutex::new(());
    let _port = PORT
        .lock()
        .expect("the test of the other architecture passed");
    let defaults: [SocketAddr; 2] = [
        (Ipv4Addr::LOCALHOST, 7007).into(),
        (Ipv6Addr::LOCALHOST, 7007).into(),
    ];
    for address in defaults {
        if let Err(error) = TcpListener::bind(address) {
            return Completion::ignored_with(skip::address(address, error));
        }
    }
    let server = Server::start(&mut arch.program("echod"), 2);
    assert_eq!(server.addresses, defaults);
    defaults
        .iter()
        .for_each(|&address| ping(&mut connect(address), b"default"));
    server.end("");
    Completion::Completed
}

fn refuses_what_cannot_be_bound(arch: Arch) {
    let taken = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let _taken = TcpListener::bind(taken).unwrap();
    for (address, why) in [
        (taken.to_string(), "Address already in use (EADDRINUSE)"),
        (
            "192.0.2.1:0".into(),
            "Cannot assign requested address (EADDRNOTAVAIL)",
        ),
        (
            "[2001:db8::1]:0".into(),
            "Cannot assign requested address (EADDRNOTAVAIL)",
        ),
    ] {
        // No address is printed, not even the first, which was bound: the server serves no client.
        let ran = echod(arch, &["-l", "127.0.0.1:0", "-l", &address]);
        assert_eq!(
            ran,
            Ran::new(1, "", &format!("echod: bind {address}: {why}\n"))
        );
    }
}

fn reports_a_reader_that_is_gone(arch: Arch) {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = arch.program("echod");
    command
        .args(["-l", "127.0.0.1:0"])
        .stdin(Stdio::null())
        .stdout(writer)
        .stderr(Stdio::piped());
    let ran = ran(command.output().expect("echod starts"));
    assert_eq!(
        ran,
        Ran::new(1, "", "echod: write stdout: Broken pipe (EPIPE)\n")
    );
}

/// If echod starts with closed standard descriptors, no socket may get their numbers: messages on standard error would
/// go to a client.
fn gives_no_client_a_standard_descriptor(arch: Arch) {
    let echod = arch.program("echod");
    let shell = |redirections: &str| {
        let mut shell = Command::new("sh");
        let command = format!("exec \"$0\" \"$@\" -l 127.0.0.1:0 {redirections}");
        shell
            .args(["-c", &command])
            .arg(echod.get_program())
            .args(echod.get_args());
        shell
    };
    let server = Server::start(&mut shell("<&- 2>&-"), 1);
    let mut client = connect(server.address());
    ping(&mut client, b"hello");
    for number in ["0", "2"] {
        let what = std::fs::read_link(format!("/proc/{}/fd/{number}", server.pid())).unwrap();
        assert!(what.to_str().unwrap().starts_with("pipe:["), "{what:?}");
    }
    drop(client);
    server.end("");

    let ran = run(&mut shell(">&-"));
    let why = "Bad file descriptor (EBADF)";
    assert_eq!(
        ran,
        Ran::new(1, "", &format!("echod: write stdout: {why}\n"))
    );
}

/// Waits until connections to this address are refused.
fn wait_until_refused(address: SocketAddr) {
    wait_until("echod refuses clients", || {
        TcpStream::connect(address).is_err()
    });
}

fn drains_at_a_signal(arch: Arch) {
    for signal in [Signal::TERM, Signal::INT] {
        let arguments = ["-l", "127.0.0.1:0", "-l", "[::1]:0", "--grace", "1000"];
        let server = Server::start(arch.program("echod").args(arguments), 2);
        let printed: String = server
            .addresses
            .iter()
            .map(|address| format!("echod: listening on {address}\n"))
            .collect();
        let mut clients: Vec<_> = server
            .addresses
            .iter()
            .map(|&address| connect(address))
            .collect();
        clients
            .iter_mut()
            .for_each(|client| ping(client, b"before"));
        server.signal(signal);
        server
            .addresses
            .iter()
            .for_each(|&address| wait_until_refused(address));
        clients.iter_mut().for_each(|client| ping(client, b"after"));
        drop(clients);
        assert_eq!(server.wait(), Ran::new(0, &printed, ""));
    }
}

fn ends_when_the_grace_is_over(arch: Arch) {
    for grace in ["0", "1"] {
        let server = Server::new(arch, &["--grace", grace]);
        let mut client = connect(server.address());
        ping(&mut client, b"before");
        server.signal(Signal::TERM);
        let ran = server.wait();
        assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
        assert!(
            !is_reset(client),
            "a client that had received all its bytes was reset"
        );
    }
}

/// The default grace is below 10 s, after which `docker stop` and `podman stop` kill.
fn gives_less_grace_than_docker_does(arch: Arch) -> Completion {
    if !arch.is_native() {
        return Completion::ignored_with(skip::STRACE);
    }
    let folder = Folder::new();
    let mut strace = Command::new("strace");
    strace.args(["-D", "-qq", "--trace=epoll_pwait", "-o"]);
    strace.arg(folder.path("log")).arg(arch.shipped("echod"));
    let server = Server::start(strace.args(["-l", "127.0.0.1:0", "-w", "1"]), 1);
    let mut client = connect(server.address());
    ping(&mut client, b"before");
    server.signal(Signal::TERM);
    wait_until_refused(server.address());
    ping(&mut client, b"after");
    server.end("");
    // The timeout is the third argument from the end of the call.
    let log = String::from_utf8(folder.read("log")).unwrap();
    let waits = log
        .lines()
        .filter_map(|line| line.rsplit_once(", NULL, 8)")?.0.rsplit_once(' '));
    let longest = waits.map(|(_, wait)| wait.parse::<i32>().unwrap()).max();
    assert!((3000..=5000).contains(&longest.unwrap()), "{log}");
    Completion::Completed
}

fn ends_at_once_at_a_second_signal(arch: Arch) {
    let server = Server::new(arch, &["--grace", "1000"]);
    let mut client = connect(server.address());
    ping(&mut client, b"before");
    server.signal(Signal::TERM);
    wait_until_refused(server.address());
    ping(&mut client, b"after");
    server.signal(Signal::INT);
    let ran = server.wait();
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
}

/// A client that did not receive all its bytes sees a reset instead of an EOF.
fn resets_whom_it_owes_bytes(arch: Arch) {
    let server = Server::new(arch, &["--grace", "0"]);
    let mut blocked = Blocked::new(server.address(), 1);
    blocked.fill();
    let mut fed = connect(server.address());
    ping(&mut fed, b"before");
    server.signal(Signal::TERM);
    assert_eq!(server.wait().status, Some(0));
    assert!(is_reset(blocked.into_stream()));
    assert!(!is_reset(fed));
}

fn goes_on_at_a_hangup(arch: Arch) {
    let server = Server::new(arch, &[]);
    let mut client = connect(server.address());
    ping(&mut client, b"before");
    server.signal(Signal::HUP);
    ping(&mut client, b"after");
    ping(&mut connect(server.address()), b"new");
    drop(client);
    server.end("");
}

/// The signal arrives while hundreds of clients are in the middle of a transfer: all accepted clients receive every
/// byte and EOF.
fn drains_a_busy_crowd(arch: Arch) {
    const CLIENTS: u64 = 500;
    let server = Server::new(arch, &["--grace", "1000"]);
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| connect(server.address())).collect();
    for (seed, client) in (0..).zip(&mut clients) {
        client.write_all(&patterned(seed, 0, 30_000)).unwrap();
    }
    server.signal(Signal::TERM);
    // Clients in the accept queue are not accepted any more: they are reset.
    let served = clients.into_iter().zip(0..).filter(|(client, seed)| {
        let mut back = vec![0; 30_000];
        match (&*client).read_exact(&mut back) {
            Ok(()) => compare(*seed, 0, &back),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::ConnectionReset);
                return false;
            }
        }
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(client::read(client, &mut [0]).unwrap(), 0);
        true
    });
    assert!(served.count() > 0);
    let ran = server.wait();
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
}
