//! TCP and UDP sockets over IPv4 and IPv6. Local sockets are in [`unix`], typed options in [`sockopt`], names of hosts
//! in [`resolve`](mod@resolve) and [`dns`].
//!
//! ```
//! use ring3::net::{self, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_STREAM};
//!
//! let any = net::address(b"127.0.0.1:0").unwrap();
//! let listener = net::socket(any, SOCK_STREAM | SOCK_CLOEXEC)?;
//! net::bind(listener.as_fd(), any)?;
//! net::listen(listener.as_fd(), 16)?;
//! let client = net::socket(any, SOCK_STREAM | SOCK_CLOEXEC)?;
//! net::connect(client.as_fd(), net::local_address(listener.as_fd())?)?;
//! let server = net::accept(listener.as_fd(), SOCK_CLOEXEC)?;
//! net::send(client.as_fd(), b"hello")?;
//! assert_eq!(net::recv(server.as_fd(), &mut [0; 16])?, 5);
//!
//! let (one, two) = (net::socket(any, SOCK_DGRAM)?, net::socket(any, SOCK_DGRAM)?);
//! net::bind(one.as_fd(), any)?;
//! net::send_to(two.as_fd(), b"a datagram", net::local_address(one.as_fd())?)?;
//! let (length, _sender) = net::recv_from(one.as_fd(), &mut [0; 64])?;
//! assert_eq!(length, 10);
//! # Ok::<(), ring3::Errno>(())
//! ```

pub mod dns;
pub mod resolve;
pub mod sockopt;
pub mod unix;

mod datagram;
mod interface;
mod sockaddr;
mod text;
mod udp;

use core::net::SocketAddr;

pub use crate::abi::net::*;
use crate::abi::{Errno, Result, syscall};
use crate::fd::{BorrowedFd, OwnedFd};
use crate::io::retry;
use sockaddr::Sockaddr;

pub use datagram::*;
pub use interface::{bring_up, interface_number};
pub use text::{address, address_and_zone, host_and_port, numeric_host};
pub use udp::{recv_from, send_to};

/// Creates a socket of `address`'s family (socket(2)).
///
/// # Errors
/// `EAFNOSUPPORT`: the kernel does not have this family. `EMFILE`, `ENFILE`, `ENOBUFS`, `ENOMEM`.
pub fn socket(address: SocketAddr, kind: Sock) -> Result<OwnedFd> {
    const DEFAULT_PROTOCOL: i32 = 0;
    let family = match address {
        SocketAddr::V4(_) => AF_INET,
        SocketAddr::V6(_) => AF_INET6,
    };
    // SAFETY: socket takes numbers. The returned descriptor is new, so no other value owns it.
    unsafe {
        let raw = syscall!(socket(family, kind, DEFAULT_PROTOCOL))?;
        Ok(OwnedFd::from_raw(raw))
    }
}

/// Binds the socket to a local address (bind(2)). Port 0 lets the kernel choose a port.
///
/// # Errors
/// `EADDRINUSE`: another socket has this address. `EADDRNOTAVAIL`: this machine does not have this address.
/// `EACCES`: a port below `net.ipv4.ip_unprivileged_port_start`.
pub fn bind(fd: BorrowedFd<'_>, address: SocketAddr) -> Result<()> {
    let (raw, length) = Sockaddr::new(address);
    // SAFETY: the kernel reads the first `length` bytes of `raw`, a local; `Sockaddr::new` returned both.
    unsafe { syscall!(bind(fd, &raw const raw, length)) }.map(drop)
}

/// Makes the socket accept connections (listen(2)). The accept queue holds up to `backlog` + 1 connections.
/// The kernel reduces `backlog` to `net.core.somaxconn`.
///
/// # Errors
/// `EADDRINUSE`: another socket has begun to listen at this address after this socket was bound.
pub fn listen(fd: BorrowedFd<'_>, backlog: i32) -> Result<()> {
    // SAFETY: listen takes numbers; the kernel accesses no memory of this process.
    unsafe { syscall!(listen(fd, backlog)) }.map(drop)
}

/// Accepts the next connection of the accept queue (accept4(2)).
///
/// # Errors
/// `EAGAIN`: the queue is empty, and the socket is non-blocking. `EMFILE`, `ENFILE`, `ENOBUFS`, `ENOMEM`: a
/// connection stays in the queue. `ECONNABORTED` or an error of the network: the next connection has already
/// failed; a later one may be accepted.
#[doc(alias = "accept4")]
pub fn accept(fd: BorrowedFd<'_>, flags: Sock) -> Result<OwnedFd> {
    let nowhere = core::ptr::null_mut::<u8>();
    // SAFETY: with null pointers the kernel does not write the client's address. The returned descriptor is
    // new, so no other value owns it.
    unsafe {
        let raw = retry(|| syscall!(accept4(fd, nowhere, nowhere, flags)))?;
        Ok(OwnedFd::from_raw(raw))
    }
}

/// Connects the socket to `address` (connect(2)).
///
/// # Errors
/// `EINPROGRESS`: the socket is non-blocking, and the connection is not complete. `EPOLLOUT` is reported when
/// the attempt has ended; [`take_error`] returns its result. `ECONNREFUSED`: no socket listens there.
/// `EADDRNOTAVAIL`: no local port is free. `EINTR`: a signal handler ran while a blocking socket connected;
/// the kernel continues to connect. `ETIMEDOUT`, `ENETUNREACH` and other errors of the network. `EACCES`,
/// `EPERM`: forbidden.
pub fn connect(fd: BorrowedFd<'_>, address: SocketAddr) -> Result<()> {
    let (raw, length) = Sockaddr::new(address);
    // SAFETY: the kernel reads the first `length` bytes of `raw`, a local; `Sockaddr::new` returned both.
    unsafe { syscall!(connect(fd, &raw const raw, length)) }.map(drop)
}

/// Returns the socket's pending error, and clears it (socket(7), `SO_ERROR`).
///
/// # Errors
/// The pending error: after [`connect`] returned `EINPROGRESS`, the reason why the connection failed.
#[doc(alias = "getsockopt")]
pub fn take_error(fd: BorrowedFd<'_>) -> Result<()> {
    Errno::from_number(get_option(fd, SOL_SOCKET, SO_ERROR)?).map_or(Ok(()), Err)
}

/// The value of an integer option (getsockopt(2)).
///
/// # Errors
/// `ENOTSOCK`: the descriptor is not a socket. `ENOPROTOOPT`: the socket has no such option.
#[doc(alias = "getsockopt")]
pub fn get_option(fd: BorrowedFd<'_>, level: i32, option: i32) -> Result<i32> {
    // SAFETY: any bytes are a valid i32.
    unsafe { get(fd, level, option, 0) }
}

/// The value of an option, over `value`: of a shorter option, the last bytes of `value` remain.
///
/// # Safety
/// Any bytes are a valid `T`.
unsafe fn get<T>(fd: BorrowedFd<'_>, level: i32, option: i32, mut value: T) -> Result<T> {
    let mut length = size_of::<T>() as u32;
    // SAFETY: the kernel writes at most `length` bytes to `value`, and the written length to `length`. Both are
    // locals. The caller guarantees that any bytes are valid.
    unsafe {
        syscall!(getsockopt(
            fd,
            level,
            option,
            &raw mut value,
            &raw mut length
        ))
    }?;
    Ok(value)
}

/// Closes the sending direction (shutdown(2), `SHUT_WR`): the peer reads EOF after all sent bytes. Receiving
/// is still possible (half-close).
///
/// # Errors
/// `ENOTCONN`: there is no connection, or no longer.
#[doc(alias = "shutdown")]
pub fn shutdown_write(fd: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: shutdown takes numbers; the kernel accesses no memory of this process.
    unsafe { syscall!(shutdown(fd, SHUT_WR)) }.map(drop)
}

/// The socket's local address (getsockname(2)).
///
/// # Errors
/// `ENOBUFS`. `EAFNOSUPPORT`: the socket is neither an IPv4 nor an IPv6 socket.
#[doc(alias = "getsockname")]
pub fn local_address(fd: BorrowedFd<'_>) -> Result<SocketAddr> {
    // SAFETY: `read_address` passes an address buffer and its length, to both of which the kernel may write.
    read_address(|raw, length| unsafe { syscall!(getsockname(fd, raw, length)) })
}

/// The address of the socket's peer (getpeername(2)).
///
/// # Errors
/// `ENOTCONN`: there is no connection, or the connection has ended. `ENOBUFS`. `EAFNOSUPPORT` as for
/// [`local_address`].
#[doc(alias = "getpeername")]
pub fn peer_address(fd: BorrowedFd<'_>) -> Result<SocketAddr> {
    // SAFETY: `read_address` passes an address buffer and its length, to both of which the kernel may write.
    read_address(|raw, length| unsafe { syscall!(getpeername(fd, raw, length)) })
}

/// Returns the address that `call` writes. `call` gets a pointer to an address buffer and a pointer to the
/// buffer's length, both valid for writes. The kernel writes at most that many bytes, and then the address's
/// length.
fn read_address(call: impl FnOnce(*mut Sockaddr, *mut u32) -> Result<usize>) -> Result<SocketAddr> {
    let mut raw = Sockaddr::ZERO;
    let mut length = size_of::<Sockaddr>() as u32;
    call(&raw mut raw, &raw mut length)?;
    raw.address().ok_or(Errno::EAFNOSUPPORT)
}

/// Sets an integer option (setsockopt(2)).
///
/// # Errors
/// `ENOPROTOOPT`: the socket has no such option.
#[doc(alias = "setsockopt")]
pub fn set_option(fd: BorrowedFd<'_>, level: i32, option: i32, value: i32) -> Result<()> {
    // SAFETY: the kernel reads an int, which has no pointers. An option whose value has pointers is longer
    // than an int: the kernel refuses an int for such an option.
    unsafe { set(fd, level, option, &value) }
}

/// Attaches a filter program that chooses the socket of a `SO_REUSEPORT` group for each new connection
/// (socket(7), `SO_ATTACH_REUSEPORT_CBPF`).
///
/// The program's result is the socket's index in the order in which the sockets began to listen. For a result
/// that is not an index, the kernel chooses.
///
/// # Errors
/// `EINVAL`: the program is invalid, or the socket does not listen or is not in a group. `ENOPROTOOPT`: a
/// kernel before Linux 4.5. `ENOMEM`: the program is longer than `net.core.optmem_max` allows.
#[doc(alias = "setsockopt")]
pub fn attach_reuseport_filter(fd: BorrowedFd<'_>, program: &[SockFilter]) -> Result<()> {
    let program = SockFprog {
        len: u16::try_from(program.len()).map_err(|_| Errno::EINVAL)?,
        filter: program.as_ptr(),
    };
    // SAFETY: the option's value is a SockFprog. The kernel reads `len` instructions from `filter`, which is
    // the caller's slice of that length. It checks them and keeps a copy.
    unsafe { set(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program) }
}

/// Makes closing the socket reset the connection (`SO_LINGER`). The peer then reads `ECONNRESET` instead of
/// EOF, and can't take the received bytes for everything that was to be sent.
///
/// # Errors
/// None for a socket.
#[doc(alias = "setsockopt")]
pub fn reset_on_close(fd: BorrowedFd<'_>) -> Result<()> {
    let linger = Linger {
        l_onoff: 1,
        l_linger: 0,
    };
    // SAFETY: the option's value is a Linger, without pointers.
    unsafe { set(fd, SOL_SOCKET, SO_LINGER, &linger) }
}

/// Sets an option.
///
/// # Safety
/// The option's value is a `T`, and its pointers are valid as the option requires.
unsafe fn set<T>(fd: BorrowedFd<'_>, level: i32, option: i32, value: &T) -> Result<()> {
    // SAFETY: the kernel reads the `size_of::<T>()` bytes of `value`. The caller guarantees that they are
    // valid for the option.
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

/// Receives up to `buffer.len()` bytes (recv(2)). Returns how many bytes were received; 0 is EOF.
///
/// # Errors
/// `EAGAIN`: no bytes have arrived, and the socket is non-blocking. `ECONNRESET`, `ETIMEDOUT` and other
/// errors of the network: the connection has failed. `ENOMEM`.
#[doc(alias = "recvfrom")]
#[inline]
pub fn recv(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<usize> {
    let nowhere = core::ptr::null_mut::<u8>();
    // SAFETY: the kernel writes at most `buffer.len()` bytes to `buffer`, which this function borrows
    // mutably. With null pointers it does not write the sender's address.
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

/// Sends up to `bytes.len()` bytes (send(2)). Returns how many bytes the kernel accepted.
///
/// # Errors
/// `EAGAIN`: the send buffer is full, and the socket is non-blocking. `EPIPE`, `ECONNRESET`: the peer has
/// closed the connection; there is no SIGPIPE. Other errors of the network. `ENOBUFS`, `ENOMEM`.
#[doc(alias = "sendto")]
#[inline]
pub fn send(fd: BorrowedFd<'_>, bytes: &[u8]) -> Result<usize> {
    let connected = core::ptr::null::<u8>();
    // SAFETY: the kernel reads at most `bytes.len()` bytes from `bytes`. The address is null and has length
    // 0.
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

/// Why a test is skipped: the text of `tests/skip.rs`.
#[cfg(test)]
const TIMES: &str = "qemu-user does not know recvmmsg and the timeouts of sockets with times of 64 bits, \
     which programs of 32 bits use";

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};
    use std::os::fd::AsRawFd;
    use std::time::Duration;
    use std::vec::Vec;

    const SO_DOMAIN: i32 = 39;

    fn loopback(of: impl Into<std::net::IpAddr>) -> SocketAddr {
        (of.into(), 0).into()
    }

    /// The descriptor of one of std's sockets.
    fn of(socket: &impl AsRawFd) -> BorrowedFd<'_> {
        // SAFETY: `socket` owns the descriptor, and the result borrows `socket`.
        unsafe { BorrowedFd::borrow_raw(socket.as_raw_fd()) }
    }

    /// A listening socket with the given backlog.
    fn listening(address: SocketAddr, backlog: i32) -> OwnedFd {
        let fd = socket(address, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC).unwrap();
        set_option(fd.as_fd(), SOL_SOCKET, SO_REUSEPORT, 1).unwrap();
        bind(fd.as_fd(), address).unwrap();
        listen(fd.as_fd(), backlog).unwrap();
        fd
    }

    #[test]
    fn a_socket_has_the_requested_family_and_type() {
        for (address, family) in [
            (loopback(Ipv4Addr::LOCALHOST), 2),
            (loopback(Ipv6Addr::LOCALHOST), 10),
        ] {
            for kind in [SOCK_STREAM, SOCK_DGRAM] {
                let fd = socket(address, kind | SOCK_CLOEXEC).unwrap();
                let get = |option| get_option(fd.as_fd(), SOL_SOCKET, option);
                assert_eq!(get(SO_DOMAIN), Ok(family));
                assert_eq!(get(SO_TYPE), Ok(kind.bits() as i32));
            }
        }
    }

    #[test]
    fn a_set_option_is_read_back() {
        let fd = socket(loopback(Ipv4Addr::LOCALHOST), SOCK_STREAM | SOCK_CLOEXEC).unwrap();
        for (level, option, values) in [
            (IPPROTO_TCP, TCP_NODELAY, [1, 0]),
            (SOL_SOCKET, SO_OOBINLINE, [1, 0]),
            (IPPROTO_TCP, 5, [3, 7]), // TCP_KEEPINTVL, a number
        ] {
            for value in values {
                set_option(fd.as_fd(), level, option, value).unwrap();
                assert_eq!(get_option(fd.as_fd(), level, option), Ok(value));
            }
        }
    }

    #[test]
    fn the_accept_queue_holds_one_more_than_the_backlog() {
        for backlog in [0, 3] {
            let listener = listening(loopback(Ipv4Addr::LOCALHOST), backlog);
            let address = local_address(listener.as_fd()).unwrap();
            let connect =
                |millis| TcpStream::connect_timeout(&address, Duration::from_millis(millis)).ok();
            let in_time: Vec<_> = (0..=backlog).map(|_| connect(60_000)).collect();
            assert!(in_time.iter().all(Option::is_some));
            assert!(connect(100).is_none());
        }
    }

    #[test]
    fn an_accepted_socket_blocks_unless_nonblocking() {
        let listener = listening(loopback(Ipv6Addr::LOCALHOST), 9);
        let address = local_address(listener.as_fd()).unwrap();
        for flags in [SOCK_CLOEXEC | SOCK_NONBLOCK, SOCK_CLOEXEC] {
            let mut client = TcpStream::connect(address).unwrap();
            let server = std::iter::repeat_with(|| accept(listener.as_fd(), flags))
                .find(|result| result.as_ref().err() != Some(&Errno::EAGAIN));
            let server = server.unwrap().unwrap();
            assert_eq!(local_address(server.as_fd()), Ok(address));
            assert_eq!(
                peer_address(server.as_fd()),
                Ok(client.local_addr().unwrap())
            );
            if flags.contains(SOCK_NONBLOCK) {
                assert_eq!(recv(server.as_fd(), &mut [0]), Err(Errno::EAGAIN));
            }
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    std::thread::sleep(Duration::from_millis(20));
                    std::io::Write::write_all(&mut client, b"late").unwrap();
                });
                if !flags.contains(SOCK_NONBLOCK) {
                    assert_eq!(recv(server.as_fd(), &mut [0; 8]), Ok(4));
                }
            });
        }
    }

    #[test]
    fn a_pending_error_is_returned_once() {
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = nobody.local_addr().unwrap();
        drop(nobody);
        let fd = socket(address, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC).unwrap();
        assert_eq!(connect(fd.as_fd(), address), Err(Errno::EINPROGRESS));
        let epoll = crate::poll::Epoll::new().unwrap();
        let event = crate::poll::EPOLLOUT;
        epoll.add(fd.as_fd(), event, 0).unwrap();
        let mut events = [crate::poll::EpollEvent::ZERO];
        epoll.wait(&mut events, None).unwrap();
        assert_eq!(take_error(fd.as_fd()), Err(Errno::ECONNREFUSED));
        assert_eq!(take_error(fd.as_fd()), Ok(()));
    }

    #[test]
    fn a_local_socket_has_no_ip_address() {
        let (one, _two) = std::os::unix::net::UnixStream::pair().unwrap();
        assert_eq!(local_address(of(&one)), Err(Errno::EAFNOSUPPORT));
        assert_eq!(peer_address(of(&one)), Err(Errno::EAFNOSUPPORT));
    }

    #[test]
    fn a_filter_chooses_the_socket_and_has_a_maximum_length() {
        let first = listening(loopback(Ipv4Addr::LOCALHOST), 99);
        let address = local_address(first.as_fd()).unwrap();
        let all = [first, listening(address, 99), listening(address, 99)];
        for (chosen, listener) in all.iter().enumerate() {
            let always = SockFilter {
                code: BPF_RET | BPF_K,
                k: chosen as u32,
                ..SockFilter::ZERO
            };
            match attach_reuseport_filter(all[0].as_fd(), &[always]) {
                Err(Errno::ENOPROTOOPT) => return, // qemu-user does not know it
                result => result.unwrap(),
            }
            for _ in 0..20 {
                let _client = TcpStream::connect(address).unwrap();
                let epoll = crate::poll::Epoll::new().unwrap();
                for (number, listener) in (0..).zip(&all) {
                    let event = crate::poll::EPOLLIN;
                    epoll.add(listener.as_fd(), event, number).unwrap();
                }
                let mut events = [crate::poll::EpollEvent::ZERO; 3];
                let events = epoll.wait(&mut events, None).unwrap();
                assert_eq!((events.len(), { events[0].data }), (1, chosen as u64));
                drop(accept(listener.as_fd(), SOCK_CLOEXEC).unwrap());
            }
        }
        // The kernel counts up to 65,535 instructions. A longer program's length would be truncated to 0.
        let program = std::vec![SockFilter::ZERO; 1 << 16];
        assert_eq!(
            attach_reuseport_filter(all[0].as_fd(), &program),
            Err(Errno::EINVAL)
        );
    }
}
