//! Tests of echod under a service manager: passed sockets (LISTEN_FDS) and status notifications (NOTIFY_SOCKET).

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream};
use std::process::Command;

use libtest_mimic::Trial;
use rustix::process::Signal;
use socket2::{Domain, Socket, Type};

use super::client::{PATIENCE, connect, patterned, ping, reset_on_close};
use super::server::Server;
use crate::per_arch;
use crate::support::{Arch, Folder, Ran, with_new_times};
use crate::trial::{LONG, may_take};

pub fn trials() -> impl Iterator<Item = Trial> {
    per_arch![
        serves_a_socket_passed_to_it,
        serves_a_unix_socket_passed_to_it,
        serves_a_client_passed_to_it,
        serves_a_client_as_standard_input,
        listens_elsewhere_too_where_asked,
        takes_no_socket_of_another_process,
        refuses_what_it_cannot_serve,
        reports_when_it_is_ready_and_when_it_ends,
        serves_where_no_manager_receives,
        serves_where_the_manager_does_not_read,
    ]
    .chain(with_new_times(per_arch![
        answers_datagrams_of_a_socket_passed_to_it,
        answers_datagrams_that_came_before_it,
    ]))
}

/// A shell that executes echod with `fd` as descriptor 3 and these variables, as a service manager does.
fn activated(arch: Arch, fd: impl Into<OwnedFd>, variables: &str, more: &[&str]) -> Command {
    let mut echod = arch.program("echod");
    activate(echod.args(more), fd, variables)
}

/// Like [`activated`], for any program.
pub fn activate(program: &Command, fd: impl Into<OwnedFd>, variables: &str) -> Command {
    let mut shell = Command::new("sh");
    let line = format!("exec 3<&0 0</dev/null 4<&-; export {variables}; exec \"$0\" \"$@\"");
    shell
        .args(["-c", &line])
        .arg(program.get_program())
        .args(program.get_args())
        .stdin(fd.into());
    shell
}

pub const OURS: &str = "LISTEN_PID=$$ LISTEN_FDS=1";

fn serves_a_socket_passed_to_it(arch: Arch) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // This client is in the accept queue before the server starts.
    let mut early = connect(address);
    let mut shell = activated(arch, listener, OURS, &["-w", "3"]);
    let server = Server::run(&mut shell, 1);
    assert_eq!(server.listens, ["descriptor 3"]);
    ping(&mut early, b"early");
    let mut clients: Vec<_> = (0..20).map(|_| connect(address)).collect();
    clients.iter_mut().for_each(|client| ping(client, b"late"));
    drop((early, clients));
    server.end("");
}

fn serves_a_unix_socket_passed_to_it(arch: Arch) {
    let folder = Folder::new();
    let listener = UnixListener::bind(folder.path("socket")).unwrap();
    let server = Server::run(&mut activated(arch, listener, OURS, &[]), 1);
    let mut client = UnixStream::connect(folder.path("socket")).unwrap();
    ping(&mut client, b"passed on");
    drop(client);
    server.end("");
}

fn answers_datagrams_of_a_socket_passed_to_it(arch: Arch) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let server = Server::run(&mut activated(arch, socket, OURS, &["-w", "2"]), 1);
    for _ in 0..20 {
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.connect(address).unwrap();
        client.send(b"passed on").unwrap();
        let mut back = [0; 10];
        assert_eq!(client.recv(&mut back).unwrap(), 9);
        assert_eq!(&back[..9], b"passed on");
    }
    server.end("");
}

/// The datagrams arrived before the socket requested destination addresses, so the kernel does not report their
/// destination addresses.
fn answers_datagrams_that_came_before_it(arch: Arch) {
    for address in ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0"] {
        let socket = UdpSocket::bind(address).unwrap();
        let port = socket.local_addr().unwrap().port();
        let is_any = socket.local_addr().unwrap().ip().is_unspecified();
        let host = match address.starts_with('[') {
            true => IpAddr::from(Ipv6Addr::LOCALHOST),
            false => Ipv4Addr::LOCALHOST.into(),
        };
        let client = |host| {
            let client = UdpSocket::bind((host, 0)).unwrap();
            client.set_read_timeout(Some(PATIENCE)).unwrap();
            client.set_broadcast(true).unwrap();
            client
        };
        // Broadcasts are still not answered.
        let many = client(Ipv4Addr::LOCALHOST.into());
        if is_any {
            many.send_to(b"all!", (Ipv4Addr::new(127, 255, 255, 255), port))
                .unwrap();
        }
        let early = client(host);
        early.send_to(b"early", (host, port)).unwrap();
        let server = Server::run(&mut activated(arch, socket, OURS, &["-w", "2"]), 1);
        let mut back = [0; 10];
        let (length, from) = early.recv_from(&mut back).expect("echod answers");
        assert_eq!(
            (&back[..length], from),
            (&b"early"[..], (host, port).into())
        );
        early.send_to(b"late", (host, port)).unwrap();
        assert_eq!(early.recv(&mut back).expect("echod answers"), 4);
        many.set_nonblocking(true).unwrap();
        let nothing = many.recv(&mut back).unwrap_err();
        assert_eq!(nothing.kind(), std::io::ErrorKind::WouldBlock);
        server.end("");
    }
}

/// Sends more bytes than the server holds, then EOF. All bytes must come back, and the server must end without output.
fn is_served_alone(mut stream: impl Read + Write + AsFd, mut command: Command) {
    const MUCH: usize = 200_000;
    let server = Server::run(&mut command, 0);
    drop(command); // closes this process's copy of the server's end
    ping(&mut stream, b"passed on");
    // In pieces that fit into the kernel's buffers. Each piece comes back before the next is sent.
    for start in (0..MUCH).step_by(20_000) {
        ping(&mut stream, &patterned(1, start, 20_000));
    }
    rustix::net::shutdown(&stream, rustix::net::Shutdown::Write).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    assert_eq!(server.wait(), Ran::new(0, "", ""));
}

/// A pair of connected TCP sockets.
fn tcp() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = connect(listener.local_addr().unwrap());
    (client, listener.accept().unwrap().0)
}

/// A connection, passed as systemd does it with `Accept=yes`.
fn serves_a_client_passed_to_it(arch: Arch) {
    let (client, server) = tcp();
    is_served_alone(client, activated(arch, server, OURS, &[]));
    let (client, server) = UnixStream::pair().unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    is_served_alone(client, activated(arch, server, OURS, &["-w", "3"]));
    // A client that has already reset the connection.
    let (client, server) = tcp();
    reset_on_close(&client);
    drop(client);
    let server = Server::run(&mut activated(arch, server, OURS, &[]), 0);
    assert_eq!(server.wait(), Ran::new(0, "", ""));
    // With listeners the server continues after the client has left, and ends at SIGTERM.
    let (mut client, server) = tcp();
    let mut shell = activated(arch, server, OURS, &["-l", "127.0.0.1:0"]);
    let server = Server::run(&mut shell, 1);
    ping(&mut client, b"passed on");
    drop(client);
    ping(&mut connect(server.address()), b"its own");
    server.end("");
}

/// inetd starts a server with the connection as standard input, output and error.
fn serves_a_client_as_standard_input(arch: Arch) {
    let (client, server) = tcp();
    let mut echod = arch.program("echod");
    let end = || OwnedFd::from(server.try_clone().unwrap());
    echod.stdin(end()).stdout(end()).stderr(end());
    drop(server);
    let mut child = echod.args(["--max-conns", "1"]).spawn().unwrap();
    drop(echod); // closes this process's copies of the server's end
    let mut stream = &client;
    ping(&mut stream, b"as standard input");
    client.shutdown(Shutdown::Write).unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"");
    assert!(child.wait().unwrap().success());
    // With -l the server does not use its standard input.
    let (_client, stdin) = tcp();
    let mut echod = arch.program("echod");
    let server = Server::run(
        echod
            .args(["-l", "127.0.0.1:0"])
            .stdin(OwnedFd::from(stdin)),
        1,
    );
    ping(&mut connect(server.address()), b"its own");
    server.end("");
}

fn listens_elsewhere_too_where_asked(arch: Arch) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut shell = activated(arch, listener, OURS, &["-l", "127.0.0.1:0"]);
    let server = Server::run(&mut shell, 2);
    ping(&mut connect(address), b"passed on");
    ping(&mut connect(server.address()), b"its own");
    server.end("");
}

fn takes_no_socket_of_another_process(arch: Arch) {
    for variables in [
        "LISTEN_PID=1 LISTEN_FDS=1",
        "LISTEN_FDS=1",
        "LISTEN_PID=$$ LISTEN_FDS=x",
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut shell = activated(arch, listener, variables, &["-l", "127.0.0.1:0"]);
        let server = Server::run(&mut shell, 1);
        ping(&mut connect(server.address()), b"its own");
        server.end("");
    }
}

fn refuses_what_it_cannot_serve(arch: Arch) {
    let (datagrams, _other) = UnixDatagram::pair().unwrap();
    let messages = Socket::new(Domain::UNIX, Type::SEQPACKET, None).unwrap();
    let file = tempfile::tempfile().unwrap();
    let listener = || TcpListener::bind("127.0.0.1:0").unwrap();
    let kind = "serve descriptor 3: Socket type not supported (ESOCKTNOSUPPORT)";
    for (fd, variables, why) in [
        (OwnedFd::from(datagrams), OURS, kind),
        (messages.into(), OURS, kind),
        (
            file.into(),
            OURS,
            "getsockopt descriptor 3: Socket operation on non-socket (ENOTSOCK)",
        ),
        (
            listener().into(),
            "LISTEN_PID=$$ LISTEN_FDS=60",
            "fcntl LISTEN_FDS: Bad file descriptor (EBADF)",
        ),
    ] {
        let output = activated(arch, fd, variables, &[]).output().unwrap();
        let expected = Ran::new(1, "", &format!("echod: {why}\n"));
        assert_eq!(crate::support::ran(output), expected);
    }
}

fn reports_when_it_is_ready_and_when_it_ends(arch: Arch) {
    let folder = Folder::new();
    let path = folder.path("manager");
    let name = format!("ring3-manager-{}-{}", std::process::id(), arch.name());
    for (manager, address) in [
        (UnixDatagram::bind(&path).unwrap(), path.to_str().unwrap()),
        (
            UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap(),
            &format!("@{name}"),
        ),
    ] {
        manager.set_read_timeout(Some(PATIENCE)).unwrap();
        let received = || {
            let mut text = [0; 100];
            let length = manager.recv(&mut text).expect("echod notifies the manager");
            String::from_utf8_lossy(&text[..length]).into_owned()
        };
        let mut command = arch.program("echod");
        command.args(["-l", "127.0.0.1:0", "--grace", "1000"]);
        let server = Server::start(command.env("NOTIFY_SOCKET", address), 1);
        assert_eq!(received(), "READY=1");
        let mut client = connect(server.address());
        ping(&mut client, b"served");
        server.signal(Signal::TERM);
        assert_eq!(received(), "STOPPING=1");
        ping(&mut client, b"still");
        drop(client);
        assert_eq!(server.wait().status, Some(0));
        manager.set_nonblocking(true).unwrap();
        assert!(manager.recv(&mut [0]).is_err(), "a second notification");
    }
}

/// If the queue of the manager is full because it does not read, the server still serves and ends.
fn serves_where_the_manager_does_not_read(arch: Arch) {
    may_take(LONG);
    let folder = Folder::new();
    let path = folder.path("manager");
    let _manager = UnixDatagram::bind(&path).unwrap();
    let other = UnixDatagram::unbound().unwrap();
    other.set_nonblocking(true).unwrap();
    while other.send_to(b"other", &path).is_ok() {}
    let mut command = arch.program("echod");
    command
        .args(["-l", "127.0.0.1:0", "-w", "1"])
        .env("NOTIFY_SOCKET", &path);
    let server = Server::start(&mut command, 1);
    ping(&mut connect(server.address()), b"all the same");
    let line = "echod: notify NOTIFY_SOCKET: Resource temporarily unavailable (EAGAIN)\n";
    server.end(&line.repeat(2));
}

/// Addresses where no manager listens, in all forms of sd_notify(3), and invalid addresses.
fn serves_where_no_manager_receives(arch: Arch) {
    let folder = Folder::new();
    drop(UnixDatagram::bind(folder.path("left")).unwrap());
    let _stream = UnixListener::bind(folder.path("stream")).unwrap();
    let path = |name: &str| folder.path(name).into_os_string().into_string().unwrap();
    let long = format!("/{}", "x".repeat(200));
    let family = "Address family not supported by protocol (EAFNOSUPPORT)";
    for (address, why) in [
        ("/nowhere", "No such file or directory (ENOENT)"),
        ("/dev/null", "Connection refused (ECONNREFUSED)"),
        (&path("left"), "Connection refused (ECONNREFUSED)"),
        (
            &path("stream"),
            "Protocol wrong type for socket (EPROTOTYPE)",
        ),
        ("@ring3-nobody", "Connection refused (ECONNREFUSED)"),
        (&long, "File name too long (ENAMETOOLONG)"),
        ("", family),
        ("relative", family),
        ("vsock:2:1234", family),
        ("vsock-stream:2:1234", family),
    ] {
        let mut command = arch.program("echod");
        command
            .args(["-l", "127.0.0.1:0"])
            .env("NOTIFY_SOCKET", address);
        let server = Server::start(&mut command, 1);
        ping(&mut connect(server.address()), b"all the same");
        server.end(&format!("echod: connect NOTIFY_SOCKET: {why}\n"));
    }
}
