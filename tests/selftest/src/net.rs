//! Self-test cases of TCP and UDP sockets over loopback.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ring3::Errno;
use ring3::fd::{BorrowedFd, OwnedFd};
use ring3::net::*;

use crate::case::*;
use crate::cases;
use crate::fd::nobody;

cases! {
    "a socket of IPv4", [socket], socket(LOOPBACK, STREAM).map(drop) => DONE;
    "a socket of IPv6", [socket], socket(LOOPBACK_6, STREAM).map(drop) => DONE, cannot EAFNOSUPPORT;
    "a socket of no kind", [socket], socket(LOOPBACK, Sock::NONE | SOCK_CLOEXEC).map(drop) => error(Errno::ESOCKTNOSUPPORT);
    "the kernel chooses a port", [bind, local_address], bound(LOOPBACK).and_then(|fd| local_address(fd.as_fd())).map(|address| address.ip() == LOOPBACK.ip() && address.port() != 0) => YES;
    "and one of IPv6", [bind, local_address], bound(LOOPBACK_6).and_then(|fd| local_address(fd.as_fd())).map(|address| address.ip() == LOOPBACK_6.ip() && address.port() != 0) => YES, cannot EAFNOSUPPORT | EADDRNOTAVAIL;
    "an address of another machine", [bind], bound(ELSEWHERE).map(drop) => error(Errno::EADDRNOTAVAIL);
    "an address that is taken", [bind], taken() => error(Errno::EADDRINUSE);
    "the address of what is no socket", [local_address], crate::fd::open().and_then(|file| local_address(file.as_fd())).map(drop) => error(Errno::ENOTSOCK);
    "listening twice", [listen], listening().and_then(|fd| listen(fd.as_fd(), 1)) => DONE;
    "listening to nothing", [listen], listen(nobody(), 1) => error(Errno::EBADF);
    "nobody waits", [accept], listening().and_then(|fd| accept(fd.as_fd(), SOCK_CLOEXEC)).map(drop) => error(Errno::EAGAIN);
    "accepting where nobody listens", [accept], bound(LOOPBACK).and_then(|fd| accept(fd.as_fd(), SOCK_CLOEXEC)).map(drop) => error(Errno::EINVAL);
    "a client", [accept, connect], pair().map(drop) => DONE;
    "nobody listens there", [connect], refused() => error(Errno::ECONNREFUSED);
    "a connection being made", [connect, take_error], being_made() => YES;
    "no error waits", [take_error], bound(LOOPBACK).and_then(|fd| take_error(fd.as_fd())) => DONE;
    "bytes there and back", [send, recv], there_and_back() => value(5);
    "nothing there yet", [recv], not_yet() => error(Errno::EAGAIN);
    "receiving where there is no connection", [recv], bound(LOOPBACK).and_then(|fd| recv(fd.as_fd(), &mut [0])) => error(Errno::ENOTCONN);
    "the peer takes no more", [send], takes_no_more() => error(Errno::EAGAIN);
    "sending where there is no connection: no SIGPIPE", [send], bound(LOOPBACK).and_then(|fd| send(fd.as_fd(), b"x")) => error(Errno::EPIPE);
    "the end of what the peer sent", [shutdown_write], half_closed() => value(0);
    "ending what there is not", [shutdown_write], bound(LOOPBACK).and_then(|fd| shutdown_write(fd.as_fd())) => error(Errno::ENOTCONN);
    "a reset is no end", [reset_on_close], reset() => error(Errno::ECONNRESET);
    "lo is up", [bring_up], bound(LOOPBACK).and_then(|fd| bring_up(fd.as_fd(), c"lo")) => DONE, cannot EPERM;
    "no such interface", [bring_up], bound(LOOPBACK).and_then(|fd| bring_up(fd.as_fd(), c"nothing0")) => error(Errno::ENODEV);
    "an interface has a number", [interface_number], interface_number(b"lo").map(|number| number > 0) => YES;
    "no such interface has one", [interface_number], interface_number(b"nothing0") => error(Errno::ENODEV);
    "nor one of as long a name as may be", [interface_number], interface_number(b"fifteen letters") => error(Errno::ENODEV);
    "the question leaves no descriptor open", [interface_number], left_open() => value(0);
    "nor one of such a name", [interface_number], interface_number(b"sixteen-in-a-row") => error(Errno::EINVAL);
    "no interface has such a name", [bring_up], bound(LOOPBACK).and_then(|fd| bring_up(fd.as_fd(), c"longer than fifteen")) => error(Errno::EINVAL);
    "an option", [set_option], bound(LOOPBACK).and_then(|fd| set_option(fd.as_fd(), IPPROTO_TCP, TCP_NODELAY, 1)) => DONE;
    "what an option is", [get_option], bound(LOOPBACK).and_then(|fd| get_option(fd.as_fd(), SOL_SOCKET, SO_REUSEADDR)) => value(0);
    "of what is no socket", [get_option], crate::fd::open().and_then(|file| get_option(file.as_fd(), SOL_SOCKET, SO_ERROR)) => error(Errno::ENOTSOCK);
    "the peer's address", [peer_address], pair().and_then(|(client, server)| Ok(peer_address(client.as_fd())? == local_address(server.as_fd())? && peer_address(server.as_fd())? == local_address(client.as_fd())?)) => YES;
    "of whom there is none", [peer_address], bound(LOOPBACK).and_then(|fd| peer_address(fd.as_fd())).map(drop) => error(Errno::ENOTCONN);
    "an address as text", [address], address(b"127.0.0.1:7") == Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7)) && address(b"[::1]:7").is_some_and(|it| it.is_ipv6()) => YES;
    "a zone by its name", [address_and_zone], address_and_zone(b"[fe80::1%lo]:7").is_some_and(|(address, zone)| address.port() == 7 && zone == b"lo") => YES;
    "a text that is none", [address], address(b"127.0.0.1").or(address(b"1.2.3.4:65536")).is_some() => NO;
    "datagrams, many a call, and back", [Batch::new, Batch::receive, Batch::send_back, report_destination], datagrams() => value(3);
    "a datagram, and whose", [send_to, recv_from], one_datagram() => value(4);
    "a datagram that is too long", [send_to], bound_udp().and_then(|fd| send_to(fd.as_fd(), &[0; 66_000], local_address(fd.as_fd())?)) => error(Errno::EMSGSIZE);
    "no datagram at all", [recv_from], bound_udp().and_then(|fd| { fd.as_fd().set_nonblocking()?; recv_from(fd.as_fd(), &mut [0]).map(drop) }) => error(Errno::EAGAIN);
    "no datagram there", [Batch::receive], bound_udp().and_then(|fd| Batch::new(4)?.receive(fd.as_fd())) => error(Errno::EAGAIN);
    "room for none", [Batch::new], Batch::new(0).map(drop) => error(Errno::EINVAL);
    "no such option", [set_option], bound(LOOPBACK).and_then(|fd| set_option(fd.as_fd(), IPPROTO_TCP, 9999, 1)) => error(Errno::ENOPROTOOPT);
    "a program chooses among sockets", [attach_reuseport_filter], chosen_by() => DONE, cannot ENOPROTOOPT;
    "a program that is none", [attach_reuseport_filter], bound(LOOPBACK).and_then(|fd| attach_reuseport_filter(fd.as_fd(), &[])) => error(Errno::EINVAL), cannot ENOPROTOOPT;
}

/// How many descriptors a query leaves open. A new descriptor gets the lowest free number.
fn left_open() -> Result<i32, Errno> {
    let before = bound(LOOPBACK)?.as_fd().as_raw();
    interface_number(b"lo")?;
    Ok(bound(LOOPBACK)?.as_fd().as_raw() - before)
}

const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const LOOPBACK_6: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 0);
/// An address of TEST-NET-1, which no machine has (RFC 5737).
const ELSEWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 0);
const STREAM: Sock = Sock::from_bits(SOCK_STREAM.bits() | SOCK_CLOEXEC.bits());

fn bound(address: SocketAddr) -> Result<OwnedFd, Errno> {
    let fd = socket(address, STREAM)?;
    bind(fd.as_fd(), address)?;
    Ok(fd)
}

/// A non-blocking listener.
fn listening() -> Result<OwnedFd, Errno> {
    let fd = socket(LOOPBACK, STREAM | SOCK_NONBLOCK)?;
    bind(fd.as_fd(), LOOPBACK)?;
    listen(fd.as_fd(), 8)?;
    Ok(fd)
}

fn connected_to(listener: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    let fd = socket(LOOPBACK, STREAM)?;
    connect(fd.as_fd(), local_address(listener)?)?;
    Ok(fd)
}

/// Both ends of a connection; the second is non-blocking.
fn pair() -> Result<(OwnedFd, OwnedFd), Errno> {
    let listener = listening()?;
    let client = connected_to(listener.as_fd())?;
    // The client is connected a moment before the listener can accept the connection.
    wait_until_readable(&listener)?;
    Ok((
        client,
        accept(listener.as_fd(), SOCK_CLOEXEC | SOCK_NONBLOCK)?,
    ))
}

fn bound_udp() -> Result<OwnedFd, Errno> {
    let fd = socket(LOOPBACK, SOCK_DGRAM | SOCK_CLOEXEC)?;
    report_destination(fd.as_fd(), LOOPBACK)?;
    bind(fd.as_fd(), LOOPBACK)?;
    Ok(fd)
}

/// How many of three datagrams come back.
fn datagrams() -> Result<usize, Errno> {
    let (server, client) = (bound_udp()?, socket(LOOPBACK, SOCK_DGRAM | SOCK_CLOEXEC)?);
    connect(client.as_fd(), local_address(server.as_fd())?)?;
    for bytes in [&b"one"[..], b"", b"three"] {
        send(client.as_fd(), bytes)?;
    }
    let mut batch = Batch::new(8)?;
    let mut back = 0;
    while back < 3 {
        wait_until_readable(&server)?;
        batch.receive(server.as_fd())?;
        back += batch.send_back(server.as_fd(), |_| true).datagrams;
    }
    let mut buffer = [0; 16];
    for bytes in [&b"one"[..], b"", b"three"] {
        let count = recv(client.as_fd(), &mut buffer)?;
        if buffer[..count] != *bytes {
            return Err(Errno::EIO);
        }
    }
    Ok(back)
}

/// The length of a datagram, if it comes from the socket that sent it.
fn one_datagram() -> Result<usize, Errno> {
    let (one, two) = (bound_udp()?, bound_udp()?);
    send_to(one.as_fd(), b"four", local_address(two.as_fd())?)?;
    let mut buffer = [0; 16];
    let (length, source) = recv_from(two.as_fd(), &mut buffer)?;
    if source == local_address(one.as_fd())? && buffer[..length] == *b"four" {
        Ok(length)
    } else {
        Err(Errno::EIO)
    }
}

fn taken() -> Result<(), Errno> {
    let first = listening()?;
    let second = socket(LOOPBACK, STREAM)?;
    bind(second.as_fd(), local_address(first.as_fd())?)
}

fn refused() -> Result<(), Errno> {
    // The port of a bound socket that does not listen.
    let closed = bound(LOOPBACK)?;
    let fd = socket(LOOPBACK, STREAM)?;
    connect(fd.as_fd(), local_address(closed.as_fd())?)
}

fn being_made() -> Result<bool, Errno> {
    let listener = listening()?;
    let client = socket(LOOPBACK, STREAM | SOCK_NONBLOCK)?;
    let begun = connect(client.as_fd(), local_address(listener.as_fd())?);
    let epoll = ring3::poll::Epoll::new()?;
    epoll.add(client.as_fd(), ring3::poll::EPOLLOUT, 0)?;
    epoll.wait(&mut [ring3::poll::EpollEvent::ZERO], None)?;
    take_error(client.as_fd())?;
    Ok(begun == Err(Errno::EINPROGRESS))
}

fn there_and_back() -> Result<usize, Errno> {
    let (client, server) = pair()?;
    let mut buffer = [0; 8];
    send(client.as_fd(), b"hello")?;
    wait_until_readable(&server)?;
    let count = recv(server.as_fd(), &mut buffer)?;
    send(server.as_fd(), &buffer[..count])?;
    let count = recv(client.as_fd(), &mut buffer)?;
    if buffer[..count] == *b"hello" {
        Ok(count)
    } else {
        Err(Errno::EIO)
    }
}

fn wait_until_readable(fd: &OwnedFd) -> Result<(), Errno> {
    let epoll = ring3::poll::Epoll::new()?;
    epoll.add(fd.as_fd(), ring3::poll::EPOLLIN, 0)?;
    epoll
        .wait(&mut [ring3::poll::EpollEvent::ZERO], None)
        .map(drop)
}

fn not_yet() -> Result<usize, Errno> {
    let (_client, server) = pair()?;
    recv(server.as_fd(), &mut [0])
}

fn takes_no_more() -> Result<(), Errno> {
    let (_client, server) = pair()?;
    let bytes = [0; 1 << 16];
    loop {
        send(server.as_fd(), &bytes)?;
    }
}

fn half_closed() -> Result<usize, Errno> {
    let (client, server) = pair()?;
    shutdown_write(server.as_fd())?;
    let end = recv(client.as_fd(), &mut [0])?;
    send(client.as_fd(), b"x")?; // the other direction stays open (half-close)
    Ok(end)
}

fn reset() -> Result<usize, Errno> {
    let (client, server) = pair()?;
    reset_on_close(server.as_fd())?;
    drop(server);
    recv(client.as_fd(), &mut [0])
}

fn chosen_by() -> Result<(), Errno> {
    let fd = socket(LOOPBACK, STREAM)?;
    set_option(fd.as_fd(), SOL_SOCKET, SO_REUSEPORT, 1)?;
    bind(fd.as_fd(), LOOPBACK)?;
    listen(fd.as_fd(), 1)?;
    let first = SockFilter {
        code: BPF_RET | BPF_K,
        jt: 0,
        jf: 0,
        k: 0,
    };
    attach_reuseport_filter(fd.as_fd(), &[first])
}
