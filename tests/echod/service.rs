//! What a service manager passes: sockets that listen already, and where it hears how the server is.

use std::net::{TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream};
use std::process::Command;

use libtest_mimic::Trial;
use rustix::process::Signal;

use super::client::{PATIENCE, connect, ping};
use super::server::Server;
use crate::per_arch;
use crate::support::{Arch, Folder, Ran};

pub fn trials() -> impl Iterator<Item = Trial> {
    per_arch![
        serves_a_socket_passed_to_it,
        serves_a_unix_socket_passed_to_it,
        answers_datagrams_of_a_socket_passed_to_it,
        listens_elsewhere_too_where_asked,
        takes_no_socket_of_another_process,
        refuses_what_does_not_listen,
        tells_when_it_is_ready_and_when_it_ends,
        fails_where_nobody_hears_it,
    ]
}

/// A shell that becomes echod with `fd` as descriptor 3, and these variables: as a service manager does it.
fn activated(arch: Arch, fd: impl Into<OwnedFd>, variables: &str, more: &[&str]) -> Command {
    let echod = arch.program("echod");
    let mut shell = Command::new("sh");
    let line = format!("exec 3<&0 0</dev/null 4<&-; export {variables}; exec \"$0\" \"$@\"");
    shell
        .args(["-c", &line])
        .arg(echod.get_program())
        .args(echod.get_args())
        .args(more)
        .stdin(fd.into());
    shell
}

const OURS: &str = "LISTEN_PID=$$ LISTEN_FDS=1";

fn serves_a_socket_passed_to_it(arch: Arch) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // It waits already when the server starts.
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

fn refuses_what_does_not_listen(arch: Arch) {
    let (stream, _peer) = UnixStream::pair().unwrap();
    let (datagrams, _other) = UnixDatagram::pair().unwrap();
    let file = tempfile::tempfile().unwrap();
    let listener = || TcpListener::bind("127.0.0.1:0").unwrap();
    for (fd, variables, why) in [
        (
            datagrams.into(),
            OURS,
            "serve descriptor 3: Invalid argument (EINVAL)",
        ),
        (
            OwnedFd::from(stream),
            OURS,
            "serve descriptor 3: Invalid argument (EINVAL)",
        ),
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

fn tells_when_it_is_ready_and_when_it_ends(arch: Arch) {
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
        let heard = || {
            let mut text = [0; 100];
            let length = manager.recv(&mut text).expect("it tells");
            String::from_utf8_lossy(&text[..length]).into_owned()
        };
        let mut command = arch.program("echod");
        command.args(["-l", "127.0.0.1:0", "--grace", "1000"]);
        let server = Server::start(command.env("NOTIFY_SOCKET", address), 1);
        assert_eq!(heard(), "READY=1");
        let mut client = connect(server.address());
        ping(&mut client, b"served");
        server.signal(Signal::TERM);
        assert_eq!(heard(), "STOPPING=1");
        ping(&mut client, b"still");
        drop(client);
        assert_eq!(server.wait().status, Some(0));
        manager.set_nonblocking(true).unwrap();
        assert!(manager.recv(&mut [0]).is_err(), "nothing is told twice");
    }
}

fn fails_where_nobody_hears_it(arch: Arch) {
    let mut command = arch.program("echod");
    command
        .args(["-l", "127.0.0.1:0"])
        .env("NOTIFY_SOCKET", "/nowhere");
    let why = "No such file or directory (ENOENT)";
    assert_eq!(
        crate::support::run(&mut command),
        Ran::new(1, "", &format!("echod: connect NOTIFY_SOCKET: {why}\n"))
    );
}
