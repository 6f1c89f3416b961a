//! Sockets of TCP and UDP, over IPv4 and IPv6. [`unix`] has those of this machine alone.

pub mod unix;

mod datagram;
mod sockaddr;
mod text;

use core::net::SocketAddr;

pub use crate::abi::net::*;
use crate::abi::{Errno, Result, syscall};
use crate::fd::{BorrowedFd, OwnedFd};
use crate::io::retry;
use sockaddr::Sockaddr;

pub use datagram::*;
pub use text::{address, address_and_zone};

/// A socket of `address`'s family (socket(2)).
///
/// # Errors
/// `EAFNOSUPPORT`: the kernel has no such family. `EMFILE`, `ENFILE`, `ENOBUFS`, `ENOMEM`.
pub fn socket(address: SocketAddr, kind: Sock) -> Result<OwnedFd> {
    const DEFAULT_PROTOCOL: i32 = 0;
    let family = match address {
        SocketAddr::V4(_) => AF_INET,
        SocketAddr::V6(_) => AF_INET6,
    };
    // SAFETY: socket takes no memory of ours; what it returns is a new descriptor.
    unsafe {
        let raw = syscall!(socket(family, kind, DEFAULT_PROTOCOL))?;
        Ok(OwnedFd::from_raw(raw))
    }
}

/// Gives the socket its own address; port 0 has the kernel choose one (bind(2)).
///
/// # Errors
/// `EADDRINUSE`, `EADDRNOTAVAIL`: no such address on this machine. `EACCES`: a port below
/// `net.ipv4.ip_unprivileged_port_start`.
pub fn bind(fd: BorrowedFd<'_>, address: SocketAddr) -> Result<()> {
    let (raw, length) = Sockaddr::new(address);
    // SAFETY: the kernel reads `length` bytes of `raw`.
    unsafe { syscall!(bind(fd, &raw const raw, length)) }.map(drop)
}

/// Lets clients connect; up to `backlog` of them, and no more than `net.core.somaxconn`, wait to be
/// accepted (listen(2)).
///
/// # Errors
/// `EADDRINUSE`: another socket listens there since this one was bound.
pub fn listen(fd: BorrowedFd<'_>, backlog: i32) -> Result<()> {
    // SAFETY: listen takes no memory of ours.
    unsafe { syscall!(listen(fd, backlog)) }.map(drop)
}

/// The next client that waits (accept4(2)).
///
/// # Errors
/// `EAGAIN`: a non-blocking socket has none. `EMFILE`, `ENFILE`, `ENOBUFS`, `ENOMEM`: there is one,
/// and it goes on waiting. What is wrong with the new connection already, `ECONNABORTED` or an error
/// of the network: the next one may be well.
pub fn accept(fd: BorrowedFd<'_>, flags: Sock) -> Result<OwnedFd> {
    let nowhere = core::ptr::null_mut::<u8>();
    // SAFETY: null pointers: the client's address is not asked for. What is returned is a new descriptor.
    unsafe {
        let raw = retry(|| syscall!(accept4(fd, nowhere, nowhere, flags)))?;
        Ok(OwnedFd::from_raw(raw))
    }
}

/// Connects the socket to `address` (connect(2)).
///
/// # Errors
/// `EINPROGRESS`: a non-blocking socket is being connected; `EPOLLOUT` is reported when that is over, and
/// [`take_error`] says how it went. `ECONNREFUSED`: nobody listens there. `EADDRNOTAVAIL`: no local port
/// is free. `ETIMEDOUT`, `ENETUNREACH` and other errors of the network; `EACCES`, `EPERM`: forbidden.
pub fn connect(fd: BorrowedFd<'_>, address: SocketAddr) -> Result<()> {
    let (raw, length) = Sockaddr::new(address);
    // SAFETY: the kernel reads `length` bytes of `raw`.
    unsafe { syscall!(connect(fd, &raw const raw, length)) }.map(drop)
}

/// The error that waits on the socket (socket(7), `SO_ERROR`). It is told once.
///
/// # Errors
/// That error: after [`connect`] answered `EINPROGRESS`, why there is no connection.
pub fn take_error(fd: BorrowedFd<'_>) -> Result<()> {
    Errno::from_number(get_option(fd, SOL_SOCKET, SO_ERROR)?).map_or(Ok(()), Err)
}

/// The value of an option that is a number (getsockopt(2)).
///
/// # Errors
/// `ENOTSOCK`: the descriptor is of something else. `ENOPROTOOPT`: the socket has no such option.
pub fn get_option(fd: BorrowedFd<'_>, level: i32, option: i32) -> Result<i32> {
    let mut number = 0i32;
    let mut length = size_of::<i32>() as u32;
    // SAFETY: the kernel writes at most `length` bytes, an int, to `number`, and to `length` how many.
    unsafe {
        syscall!(getsockopt(
            fd,
            level,
            option,
            &raw mut number,
            &raw mut length
        ))
    }?;
    Ok(number)
}

/// Ends our direction: behind all that was sent the peer reads the end of file; receiving goes on
/// (shutdown(2)).
///
/// # Errors
/// `ENOTCONN`: there is no connection, or no more.
pub fn shutdown_write(fd: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: shutdown takes no memory of ours.
    unsafe { syscall!(shutdown(fd, SHUT_WR)) }.map(drop)
}

/// Whether an error tells of the peer of one connection or of the network on the way to it, and not
/// of this machine (accept(2), tcp(7), ip(7)).
pub fn is_of_one_connection(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::ECONNRESET
            | Errno::ECONNABORTED
            | Errno::EPIPE
            | Errno::ETIMEDOUT
            | Errno::EPROTO
            | Errno::ENOPROTOOPT
            | Errno::EHOSTDOWN
            | Errno::EHOSTUNREACH
            | Errno::ENETDOWN
            | Errno::ENETUNREACH
            | Errno::ENONET
            | Errno::EOPNOTSUPP
            | Errno::EPERM // a rule of the firewall's
    )
}

/// The socket's own address (getsockname(2)).
///
/// # Errors
/// `ENOBUFS`; `EAFNOSUPPORT`: it is neither of IPv4 nor of IPv6.
pub fn local_address(fd: BorrowedFd<'_>) -> Result<SocketAddr> {
    // SAFETY: as `asked_for` promises.
    asked_for(|raw, length| unsafe { syscall!(getsockname(fd, raw, length)) })
}

/// The address of the socket's peer (getpeername(2)).
///
/// # Errors
/// `ENOTCONN`: there is no connection, or no more. `ENOBUFS`; `EAFNOSUPPORT` as for [`local_address`].
pub fn peer_address(fd: BorrowedFd<'_>) -> Result<SocketAddr> {
    // SAFETY: as `asked_for` promises.
    asked_for(|raw, length| unsafe { syscall!(getpeername(fd, raw, length)) })
}

/// The address that the call gives. The kernel writes at most as many bytes to the first pointer as are at
/// the second, and to that how many there are.
fn asked_for(call: impl FnOnce(*mut Sockaddr, *mut u32) -> Result<usize>) -> Result<SocketAddr> {
    let mut raw = Sockaddr::ZERO;
    let mut length = size_of::<Sockaddr>() as u32;
    call(&raw mut raw, &raw mut length)?;
    raw.address().ok_or(Errno::EAFNOSUPPORT)
}

/// Sets an option whose value is a number (setsockopt(2)).
///
/// # Errors
/// `ENOPROTOOPT`: the socket has no such option.
pub fn set_option(fd: BorrowedFd<'_>, level: i32, option: i32, value: i32) -> Result<()> {
    // SAFETY: the kernel reads an int.
    unsafe { set(fd, level, option, &value) }
}

/// Has a program choose which socket of those that share the address (`SO_REUSEPORT`) takes a new
/// connection, in the order in which they began to listen. A result that is no such number leaves it to
/// the kernel (socket(7), `SO_ATTACH_REUSEPORT_CBPF`).
///
/// # Errors
/// `EINVAL`: the program is none, or the socket does not listen or share. `ENOPROTOOPT`: a kernel before 4.5.
/// `ENOMEM`: it is longer than `net.core.optmem_max` allows.
pub fn choose_by(fd: BorrowedFd<'_>, program: &[SockFilter]) -> Result<()> {
    let program = SockFprog {
        len: u16::try_from(program.len()).map_err(|_| Errno::EINVAL)?,
        filter: program.as_ptr(),
    };
    // SAFETY: the kernel reads an SockFprog and as many instructions as it says, checks them, and keeps
    // a copy.
    unsafe { set(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program) }
}

/// Makes closing the socket reset the connection: the peer reads `ECONNRESET` and no end of file, so
/// that it cannot take what it got for all there was.
///
/// # Errors
/// None of a socket.
pub fn reset_on_close(fd: BorrowedFd<'_>) -> Result<()> {
    let linger = Linger {
        l_onoff: 1,
        l_linger: 0,
    };
    // SAFETY: the kernel reads a Linger.
    unsafe { set(fd, SOL_SOCKET, SO_LINGER, &linger) }
}

/// # Safety
/// The option's value is a `T`, and what its pointers lead to is as the option wants it.
unsafe fn set<T>(fd: BorrowedFd<'_>, level: i32, option: i32, value: &T) -> Result<()> {
    // SAFETY: the kernel reads the bytes of `value`; the caller's promise is that they are what it takes.
    unsafe {
        syscall!(setsockopt(
            fd,
            level,
            option,
            core::ptr::from_ref(value),
            size_of::<T>()
        ))
    }
    .map(drop)
}

/// Receives up to `buffer.len()` bytes and says how many; 0 is the end of what the peer sent (recv(2)).
///
/// # Errors
/// `EAGAIN`: nothing there yet, of a non-blocking socket. `ECONNRESET`, `ETIMEDOUT` and other errors
/// of the network: the connection is gone. `ENOMEM`.
#[inline]
pub fn recv(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<usize> {
    let nowhere = core::ptr::null_mut::<u8>();
    // SAFETY: the kernel writes at most `len` bytes into a buffer of ours; the sender's address is
    // not asked for.
    retry(|| unsafe {
        syscall!(recvfrom(
            fd,
            buffer.as_mut_ptr(),
            buffer.len(),
            0u32,
            nowhere,
            nowhere
        ))
    })
}

/// Sends up to `bytes.len()` bytes and says how many the kernel took (send(2)).
///
/// # Errors
/// `EAGAIN`: it takes none now, of a non-blocking socket. `EPIPE` and `ECONNRESET`: the peer is gone,
/// told without a SIGPIPE. Other errors of the network; `ENOBUFS`, `ENOMEM`.
#[inline]
pub fn send(fd: BorrowedFd<'_>, bytes: &[u8]) -> Result<usize> {
    let connected = core::ptr::null::<u8>();
    // SAFETY: the kernel only reads `bytes`.
    retry(|| unsafe {
        syscall!(sendto(
            fd,
            bytes.as_ptr(),
            bytes.len(),
            MSG_NOSIGNAL,
            connected,
            0usize
        ))
    })
}
