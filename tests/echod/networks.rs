//! Tests of echod in separate network namespaces, where every port is free: requests from another machine, requests
//! over two interfaces, and requests that must not be answered.

use std::io::{ErrorKind, Read};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6, TcpStream, UdpSocket};

use libtest_mimic::{Completion, Trial};
use socket2::{Domain, Socket, Type};

use super::client::{PATIENCE, connect, ping};
use super::server::Server;
use crate::network::{Network, add_address, number, remove_address};
use crate::per_arch;
use crate::support::{Arch, with_new_times};

pub fn trials() -> impl Iterator<Item = Trial> {
    per_arch![
        the_default_is_ipv4_alone_where_ipv6_has_no_loopback_address,
        a_port_of_another_family_is_another_servers,
    ]
    .chain(with_new_times(per_arch![
        datagrams_from_port_1024_are_answered_and_none_from_below,
        multicast_of_another_machine_is_not_answered,
        replies_go_out_where_the_request_came_in,
        connections_to_one_link_are_served_there,
        the_default_is_both_loopback_addresses,
    ]))
}

/// Starts echod with these arguments, and waits for `listeners` listening addresses.
fn echod(arch: Arch, arguments: &[&str], listeners: usize) -> Server {
    Server::start(arch.program("echod").args(arguments), listeners)
}

/// A UDP socket bound to this address.
fn datagrams(address: impl Into<SocketAddr>) -> UdpSocket {
    let address = address.into();
    let socket = UdpSocket::bind(address).unwrap_or_else(|error| panic!("{address}: {error}"));
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// Sends a request to `to` and checks that the reply comes from there. (An address may have a zone; the address of a
/// reply has a zone.)
fn asked(client: &UdpSocket, to: SocketAddr) {
    client.send_to(b"who?", to).unwrap();
    let mut back = [0; 8];
    let (length, from) = client.recv_from(&mut back).expect("echod answers");
    assert_eq!((&back[..length], from), (&b"who?"[..], to));
}

/// Checks that no reply has arrived. The caller must first wait for a reply to a later request of another client.
fn got_nothing(client: &UdpSocket) {
    client.set_nonblocking(true).unwrap();
    let error = client.recv_from(&mut [0; 8]).expect_err("no answer");
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    client.set_nonblocking(false).unwrap();
}

fn datagrams_from_port_1024_are_answered_and_none_from_below(arch: Arch) -> Completion {
    if let Err(ignored) = Network::new() {
        return ignored;
    }
    let arguments = ["-u", "-w", "1", "-l", "127.0.0.1:0", "-l", "[::1]:0"];
    let server = echod(arch, &arguments, 4);
    for &address in &server.addresses {
        let witness = datagrams((address.ip(), 0));
        for (port, is_answered) in [(1, false), (1023, false), (1024, true), (65_535, true)] {
            let client = datagrams((address.ip(), port));
            if is_answered {
                asked(&client, address);
            } else {
                client.send_to(b"me?", address).unwrap();
                asked(&witness, address);
                got_nothing(&client);
            }
        }
    }
    server.end("");
    Completion::Completed
}

/// The machine of the server and the machine of the clients, joined by two cables. The link-local addresses of both
/// cables are the same.
struct Two {
    server: Network,
    clients: Network,
}

impl Two {
    const SERVER: &str = "fe80::1";
    const CLIENT: &str = "fe80::2";

    /// Creates both machines. Afterwards the calling thread is on the server's machine.
    fn new() -> Result<Self, Completion> {
        let clients = Network::new()?;
        let server = Network::new()?;
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let cable = |here, there| {
            let here = (here, address(Self::SERVER));
            clients.join(here, (there, address(Self::CLIENT)), 64);
        };
        cable("one", "first");
        cable("two", "second");
        add_address("one", address("10.1.0.1"), 24);
        clients.enter();
        add_address("first", address("10.1.0.2"), 24);
        server.enter();
        Ok(Self { server, clients })
    }

    /// The server's address, on the link of an interface of the clients' machine. The calling thread must be on that
    /// machine.
    fn server_at(interface: &str, port: u16) -> SocketAddr {
        link_local(Self::SERVER, interface, port)
    }
}

fn link_local(address: &str, interface: &str, port: u16) -> SocketAddr {
    let ip: Ipv6Addr = address.parse().unwrap();
    SocketAddrV6::new(ip, port, 0, number(interface)).into()
}

fn multicast_of_another_machine_is_not_answered(arch: Arch) -> Completion {
    let two = match Two::new() {
        Ok(two) => two,
        Err(ignored) => return ignored,
    };
    let server = echod(
        arch,
        &["-u", "-w", "1", "-l", "[::]:0", "-l", "0.0.0.0:0"],
        4,
    );
    let ports: Vec<_> = server.addresses.iter().map(SocketAddr::port).collect();
    two.clients.enter();
    // Every machine is a member of this multicast group.
    for interface in ["first", "second"] {
        let many = datagrams(link_local(Two::CLIENT, interface, 0));
        many.send_to(b"all!", link_local("ff02::1", interface, ports[0]))
            .unwrap();
        let one = datagrams(link_local(Two::CLIENT, interface, 0));
        asked(&one, Two::server_at(interface, ports[0]));
        got_nothing(&many);
    }
    let own: SocketAddr = "10.1.0.2:0".parse().unwrap();
    for group in ["224.0.0.1", "10.1.0.255", "255.255.255.255"] {
        let many = datagrams(own);
        many.set_broadcast(true).unwrap();
        let group: IpAddr = group.parse().unwrap();
        if group.is_multicast() {
            let own = "10.1.0.2".parse().unwrap();
            socket2::SockRef::from(&many)
                .set_multicast_if_v4(&own)
                .unwrap();
        }
        // 255.255.255.255 needs a route, which this network does not have.
        if many.send_to(b"all!", (group, ports[1])).is_ok() {
            asked(&datagrams(own), ([10, 1, 0, 1], ports[1]).into());
            got_nothing(&many);
        }
    }
    two.server.enter();
    server.end("");
    Completion::Completed
}

/// Both links have the same addresses. A reply that does not keep the interface goes to the wrong link, or cannot be
/// sent.
fn replies_go_out_where_the_request_came_in(arch: Arch) -> Completion {
    let two = match Two::new() {
        Ok(two) => two,
        Err(ignored) => return ignored,
    };
    let server = echod(arch, &["-u", "-w", "2", "-l", "[::]:0"], 2);
    let port = server.address().port();
    two.clients.enter();
    let clients = ["first", "second"].map(|interface| {
        let client = datagrams(link_local(Two::CLIENT, interface, 0));
        (client, Two::server_at(interface, port))
    });
    for _ in 0..3 {
        for (client, server) in &clients {
            asked(client, *server);
        }
    }
    for (client, server) in &clients {
        got_nothing(client);
        ping(&mut connect(*server), b"and TCP");
    }
    two.server.enter();
    server.end("");
    Completion::Completed
}

/// A listener at the address of one interface, given with the interface's name, gets no connections from the other
/// link.
fn connections_to_one_link_are_served_there(arch: Arch) -> Completion {
    let two = match Two::new() {
        Ok(two) => two,
        Err(ignored) => return ignored,
    };
    let listen = format!("[{}%two]:7", Two::SERVER);
    let server = echod(arch, &["-u", "-l", &listen], 2);
    assert_eq!(server.address(), link_local(Two::SERVER, "two", 7));
    two.clients.enter();
    let address = Two::server_at("second", 7);
    ping(&mut connect(address), b"by its name");
    asked(&datagrams(link_local(Two::CLIENT, "second", 0)), address);
    let refused = TcpStream::connect(Two::server_at("first", 7)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    // echoc uses the interface name of its own machine.
    let to = format!("[{}%second]:7", Two::SERVER);
    let mut echoc = arch.program("echoc");
    let ran = crate::support::run(echoc.args(["--verify", "--stall", "60", &to]));
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
    two.server.enter();
    server.end("");
    Completion::Completed
}

fn the_default_is_ipv4_alone_where_ipv6_has_no_loopback_address(arch: Arch) -> Completion {
    if let Err(ignored) = Network::new() {
        return ignored;
    }
    remove_address("lo", Ipv6Addr::LOCALHOST.into(), 128);
    let why = "Cannot assign requested address (EADDRNOTAVAIL)";
    let server = echod(arch, &[], 1);
    assert_eq!(server.listens, ["127.0.0.1:7007"]);
    ping(&mut connect(server.address()), b"four");
    server.end(&format!("echod: bind [::1]:7007: {why}; IPv4 only\n"));
    // With -q no message is printed. If -l gives the address, the failure is an error.
    let quiet = echod(arch, &["-q"], 0);
    crate::support::wait_until("echod listens", || {
        TcpStream::connect("127.0.0.1:7007").is_ok()
    });
    quiet.end("");
    let ran = super::echod(arch, &["-l", "[::1]:7007"]);
    let message = format!("echod: bind [::1]:7007: {why}\n");
    assert_eq!(ran, super::Ran::new(1, "", &message));
    Completion::Completed
}

/// The default also applies to UDP.
fn the_default_is_both_loopback_addresses(arch: Arch) -> Completion {
    if let Err(ignored) = Network::new() {
        return ignored;
    }
    let server = echod(arch, &["-u"], 4);
    let listens = [
        "127.0.0.1:7007",
        "udp 127.0.0.1:7007",
        "[::1]:7007",
        "udp [::1]:7007",
    ];
    assert_eq!(server.listens, listens);
    for &address in &server.addresses {
        ping(&mut connect(address), b"default");
        asked(&datagrams((address.ip(), 0)), address);
    }
    server.end("");
    // If the port of IPv4 is in use, the fallback to the other family does not apply.
    let _taken = std::net::TcpListener::bind("127.0.0.1:7007").unwrap();
    let why = "Address already in use (EADDRINUSE)";
    let message = format!("echod: bind 127.0.0.1:7007: {why}\n");
    assert_eq!(super::echod(arch, &[]), super::Ran::new(1, "", &message));
    Completion::Completed
}

/// A listener at [::] leaves IPv4 free, for UDP as for TCP, regardless of `net.ipv6.bindv6only`.
fn a_port_of_another_family_is_another_servers(arch: Arch) -> Completion {
    if let Err(ignored) = Network::new() {
        return ignored;
    }
    let six = echod(arch, &["-u", "-l", "[::]:7"], 2);
    let four: SocketAddr = "0.0.0.0:7".parse().unwrap();
    let tcp = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    tcp.bind(&four.into()).unwrap();
    tcp.listen(1).unwrap();
    let _udp = datagrams(four);
    let mut other = TcpStream::connect("127.0.0.1:7").unwrap();
    let (accepted, _) = tcp.accept().unwrap();
    drop(accepted);
    assert_eq!(other.read(&mut [0]).unwrap(), 0);
    ping(&mut connect("[::1]:7".parse().unwrap()), b"six");
    six.end("");
    Completion::Completed
}
