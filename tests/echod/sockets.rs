//! Tests of echod's sockets: their options, and that execve(2) would close every descriptor.

use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::time::Duration;

use libtest_mimic::{Completion, Trial};
use ring3::net::{
    AF_INET, AF_INET6, IP_PKTINFO, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, IPV6_RECVPKTINFO,
    IPV6_V6ONLY, SO_ACCEPTCONN, SO_OOBINLINE, SO_REUSEADDR, SO_REUSEPORT, SO_TYPE, SOL_SOCKET,
    TCP_NODELAY,
};
use rustix::fs::{OFlags, fcntl_getfl};
use rustix::process::Signal;

use super::client::{connect, ping};
use super::server::Server;
use super::service::{OURS, activate};
use crate::descriptors::{all_close_at_exec, option, sockets};
use crate::per_arch;
use crate::support::{Arch, Folder};

pub fn trials() -> impl Iterator<Item = Trial> {
    per_arch![
        are_set_as_they_should_be,
        are_set_when_they_are_passed,
        let_as_many_wait_as_asked_for,
    ]
}

/// The kind of a TCP or UDP socket in a word, and its options. `reuse`: the workers share the address.
fn described(socket: &OwnedFd) -> (&'static str, String) {
    const SO_DOMAIN: i32 = 39;
    let get = |level, number| option(socket, level, number).unwrap_or(-1);
    let family = get(SOL_SOCKET, SO_DOMAIN);
    let kind = get(SOL_SOCKET, SO_TYPE);
    let listens = get(SOL_SOCKET, SO_ACCEPTCONN) == 1;
    let is_stream = kind == 1;
    let what = match (family, is_stream, listens) {
        (AF_INET, true, true) => "tcp",
        (AF_INET, true, false) => "client",
        (AF_INET, false, _) => "udp",
        (AF_INET6, true, true) => "tcp6",
        (AF_INET6, false, _) => "udp6",
        (1, true, true) => "unix",
        _ => "another",
    };
    let mut set = Vec::new();
    let mut look = |name, level, number| {
        if get(level, number) == 1 {
            set.push(name);
        }
    };
    if family != 1 {
        look("reuseaddr", SOL_SOCKET, SO_REUSEADDR);
        look("reuseport", SOL_SOCKET, SO_REUSEPORT);
    }
    if family == AF_INET6 {
        look("v6only", IPPROTO_IPV6, IPV6_V6ONLY);
        look("pktinfo", IPPROTO_IPV6, IPV6_RECVPKTINFO);
    } else if family == AF_INET {
        look("pktinfo", IPPROTO_IP, IP_PKTINFO);
    }
    if family != 1 && is_stream {
        look("nodelay", IPPROTO_TCP, TCP_NODELAY);
        look("oobinline", SOL_SOCKET, SO_OOBINLINE);
    }
    if fcntl_getfl(socket).unwrap().contains(OFlags::NONBLOCK) {
        set.push("nonblock");
    }
    (what, set.join(" "))
}

/// How many sockets of each description the server has.
fn all(server: &Server) -> Result<BTreeMap<(&'static str, String), usize>, Completion> {
    let mut all = BTreeMap::new();
    for socket in sockets(server.pid())? {
        *all.entry(described(&socket)).or_insert(0) += 1;
    }
    Ok(all)
}

fn are_set_as_they_should_be(arch: Arch) -> Completion {
    let folder = Folder::new();
    for workers in [1, 2] {
        let mut command = arch.program("echod");
        command.args(["-u", "-x", "socket", "-l", "127.0.0.1:0", "-l", "[::]:0"]);
        command.args(["-w", &workers.to_string()]);
        let server = Server::start(command.current_dir(folder.root()), 5);
        let mut client = connect(server.address());
        ping(&mut client, b"which is set as its listener is");
        let found = match all(&server) {
            Ok(found) => found,
            Err(ignored) => return ignored,
        };
        let share = if workers == 1 { "" } else { "reuseport " };
        let stream = "nodelay oobinline nonblock";
        let expected = [
            (("client", format!("reuseaddr {share}{stream}")), 1),
            (("tcp", format!("reuseaddr {share}{stream}")), workers),
            (
                ("tcp6", format!("reuseaddr {share}v6only {stream}")),
                workers,
            ),
            (("udp", format!("{share}pktinfo nonblock")), workers),
            (("udp6", format!("{share}v6only pktinfo nonblock")), workers),
            (("unix", "nonblock".to_owned()), workers),
        ];
        assert_eq!(found, BTreeMap::from(expected));
        if arch.is_native() {
            all_close_at_exec(server.pid());
        }
        drop(client);
        server.signal(Signal::TERM);
        assert_eq!(server.wait().status, Some(0));
    }
    Completion::Completed
}

/// The sockets of std have none of these options before they are passed.
fn are_set_when_they_are_passed(arch: Arch) -> Completion {
    let stream = |what| (what, "nodelay oobinline nonblock".to_owned());
    let datagrams = |what, set: &str| (what, format!("{set} nonblock"));
    for (fd, more, expected) in [
        (
            OwnedFd::from(TcpListener::bind("127.0.0.1:0").unwrap()),
            "reuseaddr ",
            stream("tcp"),
        ),
        (
            TcpListener::bind("[::]:0").unwrap().into(),
            "reuseaddr ",
            stream("tcp6"),
        ),
        (
            UdpSocket::bind("127.0.0.1:0").unwrap().into(),
            "",
            datagrams("udp", "pktinfo"),
        ),
        (
            UdpSocket::bind("[::]:0").unwrap().into(),
            "",
            datagrams("udp6", "pktinfo"),
        ),
    ] {
        let mut echod = arch.program("echod");
        let mut shell = activate(echod.args(["-w", "2"]), fd, OURS);
        let server = Server::run(&mut shell, 1);
        drop(shell);
        let found = match all(&server) {
            Ok(found) => found,
            Err(ignored) => return ignored,
        };
        // Each worker has a socket; the passed socket itself is closed.
        let expected = (expected.0, format!("{more}{}", expected.1));
        assert_eq!(found, BTreeMap::from([(expected, 2)]));
        if arch.is_native() {
            all_close_at_exec(server.pid());
        }
        server.end("");
    }
    Completion::Completed
}

/// The accept queue has the requested length. (The kernel allows one more.) While the server is stopped, it accepts no
/// client.
fn let_as_many_wait_as_asked_for(arch: Arch) {
    for backlog in [1, 5] {
        let server = Server::new(arch, &["-w", "1", "-b", &backlog.to_string()]);
        server.signal(Signal::STOP);
        let connect = |patience| {
            let patience = Duration::from_millis(patience);
            TcpStream::connect_timeout(&server.address(), patience)
        };
        let waiting: Vec<_> = (0..=backlog).map(|_| connect(60_000)).collect();
        assert!(waiting.iter().all(Result::is_ok), "{waiting:?}");
        assert!(connect(100).is_err());
        server.signal(Signal::CONT);
        for client in waiting {
            ping(&mut client.unwrap(), b"served");
        }
        server.end("");
    }
}
