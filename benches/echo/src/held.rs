//! Connections that the bench itself holds open, most of the time idle.

use std::io::{self, Read, Write};
use std::mem;
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use crate::server::PATIENCE;

/// How many connections are opened, or wait for an echo, at a time: fewer than the accept queue of any server holds.
const BATCH: usize = 500;

/// How many connections have the same source address: fewer than an address has ports.
const EACH_SOURCE: usize = 16_000;

/// The number of bytes in an echo.
const SIZE: usize = 64;

/// Connections to one server.
pub struct Held {
    streams: Vec<TcpStream>,
    /// How many echoes each connection has received.
    echoes: u64,
}

impl Held {
    /// Opens `count` connections. Each waits for an echo at once, so that the server must have accepted it: until then,
    /// a connection may be in the kernel's accept queue.
    pub fn open(address: SocketAddrV4, count: usize) -> io::Result<Self> {
        let mut streams = Vec::with_capacity(count);
        while streams.len() < count {
            let first = streams.len();
            for index in first..count.min(first + BATCH) {
                // Not 127.0.0.1: other processes use that address, and it may be short of ports.
                let source = Ipv4Addr::new(127, 0, 0, 2 + (index / EACH_SOURCE) as u8);
                streams.push(connect(source, address)?);
            }
            echo(&mut streams[first..], first, 0)?;
        }
        Ok(Self { streams, echoes: 1 })
    }

    /// Sends a message on each connection, and waits for its echo. Fails at the first echo that is missing or wrong.
    pub fn echo(&mut self) -> io::Result<()> {
        for (index, streams) in self.streams.chunks_mut(BATCH).enumerate() {
            echo(streams, index * BATCH, self.echoes)?;
        }
        self.echoes += 1;
        Ok(())
    }
}

/// Sends a message on all connections, and then reads an echo on all. No two messages are equal.
fn echo(streams: &mut [TcpStream], first: usize, turn: u64) -> io::Result<()> {
    let message = |index: usize| {
        let mut bytes = [b'.'; SIZE];
        bytes[..8].copy_from_slice(&(first + index).to_le_bytes());
        bytes[8..16].copy_from_slice(&turn.to_le_bytes());
        bytes
    };
    for (index, stream) in streams.iter_mut().enumerate() {
        stream.write_all(&message(index))?;
    }
    for (index, stream) in streams.iter_mut().enumerate() {
        let mut bytes = [0; SIZE];
        stream.read_exact(&mut bytes)?;
        if bytes != message(index) {
            return Err(io::Error::other("other bytes came back"));
        }
    }
    Ok(())
}

/// Opens a connection from the address `source`.
fn connect(source: Ipv4Addr, address: SocketAddrV4) -> io::Result<TcpStream> {
    // SAFETY: socket takes numbers only. The descriptor that it returns is new, so nothing else owns it.
    let fd = unsafe {
        let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC;
        OwnedFd::from_raw_fd(checked(libc::socket(libc::AF_INET, kind, 0))?)
    };
    // The kernel chooses the port at connect, when it knows the peer. So the port may be that of a connection to
    // another peer.
    set(&fd, libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT, &1_i32)?;
    // Closing resets the connection, so that its port is free at once.
    let linger = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    set(&fd, libc::SOL_SOCKET, libc::SO_LINGER, &linger)?;

    let length = size_of::<libc::sockaddr_in>() as libc::socklen_t;
    let from = sockaddr(SocketAddrV4::new(source, 0));
    // SAFETY: bind reads `length` bytes of `from`, which are that structure.
    checked(unsafe { libc::bind(fd.as_raw_fd(), (&raw const from).cast(), length) })?;
    let to = sockaddr(address);
    // SAFETY: connect reads `length` bytes of `to`, which are that structure.
    checked(unsafe { libc::connect(fd.as_raw_fd(), (&raw const to).cast(), length) })?;
    let stream = TcpStream::from(fd);
    stream.set_read_timeout(Some(Duration::from_secs(PATIENCE)))?;
    stream.set_write_timeout(Some(Duration::from_secs(PATIENCE)))?;
    Ok(stream)
}

/// Sets an option of a socket.
fn set<T>(fd: &OwnedFd, level: i32, option: i32, value: &T) -> io::Result<()> {
    let length = size_of::<T>() as libc::socklen_t;
    let value: *const T = value;
    // SAFETY: setsockopt reads `length` bytes from `value`, which borrows a `T` of that size.
    checked(unsafe { libc::setsockopt(fd.as_raw_fd(), level, option, value.cast(), length) })?;
    Ok(())
}

/// Returns the result of a C function, or the error in `errno` if the result is negative.
fn checked(result: i32) -> io::Result<i32> {
    match result {
        0.. => Ok(result),
        _ => Err(io::Error::last_os_error()),
    }
}

fn sockaddr(address: SocketAddrV4) -> libc::sockaddr_in {
    // SAFETY: all fields of a sockaddr_in are integers, for which zero is a valid value.
    let mut raw: libc::sockaddr_in = unsafe { mem::zeroed() };
    raw.sin_family = libc::AF_INET as _;
    raw.sin_port = address.port().to_be();
    raw.sin_addr.s_addr = u32::from(*address.ip()).to_be();
    raw
}
