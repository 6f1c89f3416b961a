//! Tests of echod's UDP: replies come from the address that was asked, no reply can start an endless loop between
//! servers, and TCP works beside UDP.

use std::io::{Error, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use libtest_mimic::{Completion, Trial};
use rustix::process::Signal;
use rustix::thread::{CpuSet, sched_setaffinity};
use socket2::{Domain, Socket, Type};

use super::client::{Leave, PATIENCE, connect, patterned, ping, session};
use super::injected;
use super::server::Server;
use super::workers::{several_cpus, stopped, threads};
use super::{Ran, echod};
use crate::per_arch;
use crate::skip;
use crate::support::{Arch, wait_until, with_new_times};
use crate::trial::{LONG, may_take};

pub fn trials() -> impl Iterator<Item = Trial> {
    with_new_times(per_arch![
        every_length_comes_back,
        many_clients_are_answered,
        arrive_at_the_worker_of_their_cpu,
        replies_come_from_the_address_that_was_asked,
        those_for_many_are_not_answered,
        services_are_not_answered,
        its_own_ports_are_not_answered,
        are_not_served_unasked,
        a_flood_leaves_room_for_others,
        the_port_is_its_alone,
        another_pair_of_ports_is_tried,
        end_at_a_signal,
        goes_on_when_interrupted,
        goes_on_when_one_cannot_be_sent,
        goes_on_after_a_shortage,
        does_not_spin_in_a_shortage,
    ])
}

/// echod with TCP and UDP at one port of IPv4's loopback address, and the arguments `more`.
fn start(arch: Arch, more: &[&str]) -> Server {
    listen(arch, &["127.0.0.1:0"], more)
}

/// The same at the addresses `addresses`.
fn listen(arch: Arch, addresses: &[&str], more: &[&str]) -> Server {
    let mut command = arch.program("echod");
    for address in addresses {
        command.args(["-l", address]);
    }
    Server::start(command.arg("-u").args(more), 2 * addresses.len())
}

/// A socket bound to `address`; the kernel chooses port 0.
fn socket(address: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind(address).unwrap();
    let patience = PATIENCE;
    socket.set_read_timeout(Some(patience)).unwrap();
    socket
}

/// A client of the server at this address.
pub fn client(server: SocketAddr) -> UdpSocket {
    let own: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let client = socket((own, 0).into());
    client.connect(server).unwrap();
    client
}

/// Sends a datagram and waits until it has come back.
pub fn ask(client: &UdpSocket, bytes: &[u8]) {
    client.send(bytes).unwrap();
    let mut back = vec![0; 1 << 16];
    let length = loop {
        match client.recv(&mut back) {
            // A socket with a time-out is also interrupted without a signal handler (signal(7)).
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            answer => break answer.expect("echod answers"),
        }
    };
    assert!(
        back[..length] == *bytes,
        "the reply has {length} bytes, or differs"
    );
}

/// Whether no reply has arrived. The caller must first wait for a reply to a later request of another client.
fn got_nothing(socket: &UdpSocket) -> bool {
    socket.set_nonblocking(true).unwrap();
    matches!(socket.recv(&mut [0; 16]), Err(error) if error.kind() == ErrorKind::WouldBlock)
}

fn every_length_comes_back(arch: Arch) {
    let server = listen(arch, &["127.0.0.1:0", "[::1]:0"], &[]);
    for (&address, longest) in server.addresses.iter().zip([65_507, 65_527]) {
        let client = client(address);
        for (seed, length) in (0..).zip([0, 1, 1472, 9000, longest, 0, 2]) {
            ask(&client, &patterned(seed, 0, length));
        }
        ping(&mut connect(address), b"and TCP");
    }
    server.end("");
}

fn many_clients_are_answered(arch: Arch) {
    for workers in ["1", "4"] {
        let server = start(arch, &["-w", workers]);
        let address = server.address();
        std::thread::scope(|scope| {
            for seed in 0..50 {
                scope.spawn(move || {
                    let client = client(address);
                    for round in 0..40 {
                        ask(&client, &patterned(seed, round, round * 17));
                    }
                });
            }
        });
        server.end("");
    }
}

/// Datagrams arrive at the worker of the client's CPU, as connections do. No other worker wakes up.
fn arrive_at_the_worker_of_their_cpu(arch: Arch) -> Completion {
    const ASKED: u64 = 200;
    let all = match several_cpus(arch) {
        Ok(all) => all,
        Err(ignored) => return ignored,
    };
    let server = start(arch, &[]);
    wait_until("all workers are running", || {
        threads(&server).len() == all.len()
    });
    for (&cpu, worker) in all.iter().zip(threads(&server)) {
        let counts = || threads(&server).into_iter().map(|it| stopped(&server, it));
        let before: Vec<_> = counts().collect();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut set = CpuSet::new();
                set.set(cpu);
                sched_setaffinity(None, &set).unwrap();
                // A new socket for each request: if the kernel chose the worker by a hash of the ports, several workers
                // would wake up.
                (0..ASKED).for_each(|_| ask(&client(server.address()), b"here"));
            });
        });
        for ((thread, after), before) in threads(&server).into_iter().zip(counts()).zip(before) {
            let (more, its_own) = (after - before, thread == worker);
            assert_eq!(more > ASKED / 10, its_own, "{more} times, of {ASKED} asked");
        }
    }
    Completion::Completed
}

fn replies_come_from_the_address_that_was_asked(arch: Arch) {
    let server = listen(arch, &["0.0.0.0:0", "[::]:0"], &[]);
    let [four, six] = server.addresses[..] else {
        panic!("{:?}", server.addresses)
    };
    for last in [1, 2, 77] {
        let asked = SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), four.port()));
        let client = socket((Ipv4Addr::UNSPECIFIED, 0).into());
        client.send_to(b"who?", asked).unwrap();
        let (_, from) = client.recv_from(&mut [0; 4]).unwrap();
        assert_eq!(from, asked);
    }
    ask(&client((Ipv6Addr::LOCALHOST, six.port()).into()), b"six");
    server.end("");
}

/// Broadcasts are not answered: the number of replies to one datagram would be the number of machines and workers that
/// received it.
fn those_for_many_are_not_answered(arch: Arch) {
    let server = listen(arch, &["0.0.0.0:0"], &["-w", "1"]);
    let port = server.address().port();
    let many = socket((Ipv4Addr::UNSPECIFIED, 0).into());
    many.set_broadcast(true).unwrap();
    many.send_to(b"all!", (Ipv4Addr::new(127, 255, 255, 255), port))
        .unwrap();
    ask(&client((Ipv4Addr::LOCALHOST, port).into()), b"after it");
    assert!(got_nothing(&many));
    server.end("");
}

/// A socket bound to a port below 1024.
fn service() -> Result<UdpSocket, Error> {
    let mut ports = (1..1024).rev();
    loop {
        match UdpSocket::bind((
            Ipv4Addr::LOCALHOST,
            ports.next().expect("a port below 1024 is free"),
        )) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            result => return result,
        }
    }
}

fn services_are_not_answered(arch: Arch) -> Completion {
    let service = match service() {
        Ok(service) => service,
        Err(error) => return Completion::ignored_with(skip::address("a port below 1024", error)),
    };
    let server = start(arch, &["-w", "1"]);
    let client = client(server.address());
    // The datagrams may be in one batch with datagrams that are answered.
    for _ in 0..20 {
        service.send_to(b"me?", server.address()).unwrap();
        ask(&client, b"after it");
    }
    assert!(got_nothing(&service));
    server.end("");
    Completion::Completed
}

/// Requests from another echod at the same port of another address, and from the server's own other port.
fn its_own_ports_are_not_answered(arch: Arch) {
    let server = listen(arch, &["127.0.0.1:0", "127.0.0.2:0"], &["-w", "1"]);
    let [first, second] = server.addresses[..] else {
        panic!("{:?}", server.addresses)
    };
    for port in [first.port(), second.port()] {
        let other = socket((Ipv4Addr::new(127, 0, 0, 3), port).into());
        for address in [first, second] {
            other.send_to(b"me?", address).unwrap();
            ask(&client(address), b"after it");
        }
        assert!(got_nothing(&other));
    }
    server.end("");
}

fn are_not_served_unasked(arch: Arch) {
    let server = Server::new(arch, &[]);
    let client = client(server.address());
    client.send(b"anybody?").unwrap();
    let error = client.recv(&mut [0; 8]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    server.end("");
}

/// During a flood connections are served, and after the flood datagrams.
fn a_flood_leaves_room_for_others(arch: Arch) {
    may_take(LONG);
    let server = start(arch, &["-w", "1"]);
    let address = server.address();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for length in [1, 1400] {
            let (client, stop) = (client(address), &stop);
            scope.spawn(move || {
                let bytes = vec![0; length];
                while !stop.load(Relaxed) {
                    client.send(&bytes).unwrap();
                }
            });
        }
        let sessions: Vec<_> = (0..8)
            .map(|seed| scope.spawn(move || session(address, seed, 300_000, Leave::HalfClose)))
            .collect();
        let ended: Vec<_> = sessions.into_iter().map(|one| one.join()).collect();
        stop.store(true, Relaxed);
        assert!(ended.iter().all(Result::is_ok));
    });
    // The rest of the flood may fill the queue when the first request arrives.
    let client = client(address);
    client
        .set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    wait_until("echod answers", || {
        client.send(b"after it").unwrap();
        client.recv(&mut [0; 8]).is_ok()
    });
    server.end("");
}

fn the_port_is_its_alone(arch: Arch) {
    // A port that another process has in UDP only. (Another test may take the port in TCP at the same time; then try
    // again.)
    let refused = |what: &str, address: &str| {
        let why = "Address already in use (EADDRINUSE)";
        Ran::new(1, "", &format!("echod: {what} {address}: {why}\n"))
    };
    loop {
        let taken = socket((Ipv4Addr::LOCALHOST, 0).into());
        let address = taken.local_addr().unwrap().to_string();
        let ran = echod(arch, &["-u", "-l", &address]);
        if ran != refused("bind", &address) {
            assert_eq!(ran, refused("bind udp", &address));
            break;
        }
    }
    // A port of the server: not even a socket that shares addresses can be bound there.
    let server = start(arch, &["-w", "2"]);
    let other = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
    other.set_reuse_address(true).unwrap();
    let refused = other.bind(&server.address().into()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AddrInUse);
    server.end("");
}

/// How many of the server's descriptors are sockets.
fn sockets(server: &Server) -> usize {
    let is_socket = |number: &String| {
        let path = format!("/proc/{}/fd/{number}", server.pid());
        std::fs::read_link(path).is_ok_and(|what| what.to_string_lossy().starts_with("socket:"))
    };
    server
        .descriptors()
        .iter()
        .filter(|it| is_socket(it))
        .count()
}

/// The port that the kernel chose for TCP is in use in UDP.
fn another_pair_of_ports_is_tried(arch: Arch) -> Completion {
    let arguments = ["-u", "-l", "127.0.0.1:0"];
    let taken = "bind:error=EADDRINUSE:when=2..4+2";
    let server = match injected::start(arch, &arguments, 2, &[taken]) {
        Ok(server) => server,
        Err(skipped) => return skipped,
    };
    ask(&client(server.address()), b"third");
    ping(&mut connect(server.address()), b"third");
    wait_until("the other sockets are closed", || sockets(&server) == 2);
    server.end("");
    Completion::Completed
}

/// After the signal, clients with connections may finish, but no datagram is answered.
fn end_at_a_signal(arch: Arch) {
    let server = start(arch, &["--grace", "1000"]);
    let mut stream = connect(server.address());
    ping(&mut stream, b"before");
    ask(&client(server.address()), b"before");
    server.signal(Signal::TERM);
    wait_until("the port is free", || {
        UdpSocket::bind(server.address()).is_ok()
    });
    ping(&mut stream, b"after");
    drop(stream);
    assert_eq!(server.wait().status, Some(0));
}

/// strace's names of the call that receives datagrams. The second is that of 32 bits.
const RECEIVE: &str = "recvmmsg,?recvmmsg_time64";

/// echod with one worker, TCP and UDP, and injected results.
fn inject(arch: Arch, inject: &[&str]) -> Result<Server, Completion> {
    injected::start(arch, &["-u", "-l", "127.0.0.1:0"], 2, inject)
}

fn goes_on_when_interrupted(arch: Arch) -> Completion {
    let calls = format!("{RECEIVE},sendmmsg,epoll_pwait:error=EINTR:when=1+2");
    let server = match inject(arch, &[&calls]) {
        Ok(server) => server,
        Err(skipped) => return skipped,
    };
    let client = client(server.address());
    (0..20).for_each(|_| ask(&client, b"all the same"));
    server.end("");
    Completion::Completed
}

/// A datagram that cannot be sent is lost without a message.
fn goes_on_when_one_cannot_be_sent(arch: Arch) -> Completion {
    for error in [
        "EAGAIN",
        "ENOBUFS",
        "ENOMEM",
        "EPERM",
        "ENETUNREACH",
        "EHOSTUNREACH",
        "EMSGSIZE",
        "ECONNREFUSED",
        "EINVAL",
    ] {
        let server = match inject(arch, &[&format!("sendmmsg:error={error}:when=1")]) {
            Ok(server) => server,
            Err(skipped) => return skipped,
        };
        let client = client(server.address());
        client.send(b"lost").unwrap();
        // Otherwise both would be in one batch, and the second would be sent by another call.
        std::thread::sleep(Duration::from_millis(20));
        ask(&client, b"the next one");
        server.end("");
    }
    Completion::Completed
}

fn goes_on_after_a_shortage(arch: Arch) -> Completion {
    may_take(LONG);
    for (error, said) in [
        ("EAGAIN", ""),
        (
            "ENOMEM",
            "echod: receive datagrams: Cannot allocate memory (ENOMEM)\n",
        ),
        (
            "ENOBUFS",
            "echod: receive datagrams: No buffer space available (ENOBUFS)\n",
        ),
    ] {
        let server = match inject(arch, &[&format!("{RECEIVE}:error={error}:when=1..2")]) {
            Ok(server) => server,
            Err(skipped) => return skipped,
        };
        ask(&client(server.address()), b"patience");
        server.end(said);
    }
    Completion::Completed
}

/// During a shortage connections are served, and echod pauses instead of spinning.
fn does_not_spin_in_a_shortage(arch: Arch) -> Completion {
    let server = match inject(arch, &[&format!("{RECEIVE}:error=ENOMEM")]) {
        Ok(server) => server,
        Err(skipped) => return skipped,
    };
    let datagrams = client(server.address());
    let mut stream = connect(server.address());
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(2) {
        datagrams.send(b"for nothing").unwrap();
        ping(&mut stream, b"served");
        std::thread::sleep(Duration::from_millis(10));
    }
    let ticks = server.ticks();
    assert!(ticks < 50, "{ticks} ticks of CPU time in two seconds");
    drop(stream);
    server.end("echod: receive datagrams: Cannot allocate memory (ENOMEM)\n");
    Completion::Completed
}
