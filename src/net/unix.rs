//! Local sockets, between processes of this machine (unix(7)). They can also pass file descriptors.
//!
//! ```
//! use ring3::net::{SOCK_CLOEXEC, SOCK_STREAM, unix};
//! use ring3::pipe::{O_CLOEXEC, Pipe};
//!
//! let [one, other] = unix::pair(SOCK_STREAM | SOCK_CLOEXEC)?;
//! let pipe = Pipe::new(O_CLOEXEC)?;
//! unix::send(one.as_fd(), b"x", &[pipe.write.as_fd()])?;
//! let received = unix::receive(other.as_fd(), &mut [0; 8])?;
//! let [Some(duplicate), ..] = received.descriptors else {
//!     panic!("no descriptor came");
//! };
//! ring3::io::write_all(duplicate.as_fd(), b"into the pipe")?;
//! # Ok::<(), ring3::Errno>(())
//! ```

use core::ffi::CStr;
use core::mem::{MaybeUninit, offset_of};

use crate::abi::net::*;
use crate::abi::{Errno, Result, syscall};
use crate::bytes;
use crate::fd::{BorrowedFd, OwnedFd};
use crate::io::retry;

/// The address of a local socket: a path, or an abstract name, which is not in the file system.
#[derive(Debug)]
pub struct Address {
    raw: SockaddrUn,
    /// How many bytes of `raw` the address has.
    length: usize,
}

impl Address {
    /// Parses an address: `/run/echo` is a path, `@echo` is the abstract name `echo`.
    ///
    /// # Errors
    /// `ENAMETOOLONG`: `text` has more than 107 bytes. `EINVAL`: `text` is empty.
    pub fn new(text: &CStr) -> Result<Self> {
        let bytes = text.to_bytes_with_nul();
        let mut raw = SockaddrUn {
            sun_family: AF_UNIX as u16,
            ..SockaddrUn::ZERO
        };
        let path = raw.sun_path.get_mut(..bytes.len());
        bytes::copy(path.ok_or(Errno::ENAMETOOLONG)?, bytes);
        // A path includes its final zero. An abstract name has a zero in place of the @, and no final zero.
        let counted = match bytes {
            b"\0" => return Err(Errno::EINVAL), // the kernel would choose a name
            [b'@', ..] => {
                raw.sun_path[0] = 0;
                bytes.len() - 1
            }
            _ => bytes.len(),
        };
        Ok(Self {
            raw,
            length: size_of_val(&raw.sun_family) + counted,
        })
    }

    /// Whether the address is a path.
    #[must_use]
    pub fn is_path(&self) -> bool {
        self.raw.sun_path[0] != 0
    }
}

/// Creates a local socket (socket(2)).
///
/// # Errors
/// `EAFNOSUPPORT`: the kernel does not support local sockets. `EMFILE`, `ENFILE`, `ENOMEM`.
pub fn socket(kind: Sock) -> Result<OwnedFd> {
    const DEFAULT_PROTOCOL: i32 = 0;
    // SAFETY: socket takes numbers. The returned descriptor is new, so no other value owns it.
    unsafe {
        let raw = syscall!(socket(AF_UNIX, kind, DEFAULT_PROTOCOL))?;
        Ok(OwnedFd::from_raw(raw))
    }
}

/// Binds the socket to an address (bind(2)). For a path this creates a socket file with permissions 777 minus
/// the umask.
///
/// # Errors
/// `EADDRINUSE`: the file exists, even if no socket listens there; or the abstract name is in use. The errors
/// of resolving a path.
pub fn bind(fd: BorrowedFd<'_>, address: &Address) -> Result<()> {
    // SAFETY: the kernel reads the first `address.length` bytes of `address.raw`. `Address::new` filled them in,
    // and checked that they fit.
    unsafe { syscall!(bind(fd, &raw const address.raw, address.length)) }.map(drop)
}

/// Connects the socket (connect(2)).
///
/// # Errors
/// `ECONNREFUSED`: no socket listens there, or the file is not a socket. `EAGAIN`: the accept queue is full,
/// and this socket is non-blocking. `EPROTOTYPE`: the other socket has another type. The errors of resolving
/// a path. `EACCES`: no permission to write to the file.
pub fn connect(fd: BorrowedFd<'_>, address: &Address) -> Result<()> {
    // SAFETY: the kernel reads the first `address.length` bytes of `address.raw`. `Address::new` filled them in,
    // and checked that they fit.
    unsafe { syscall!(connect(fd, &raw const address.raw, address.length)) }.map(drop)
}

/// Creates two connected sockets (socketpair(2)): bytes written to one are read from the other. `kind` is
/// `SOCK_STREAM` (bytes) or `SOCK_SEQPACKET` (messages), with `SOCK_CLOEXEC` and `SOCK_NONBLOCK` as needed.
///
/// # Errors
/// `EMFILE`, `ENFILE`: fewer than two descriptors are left. `ENOMEM`. `EPROTONOSUPPORT`: no such type.
#[doc(alias = "socketpair")]
pub fn pair(kind: Sock) -> Result<[OwnedFd; 2]> {
    const DEFAULT_PROTOCOL: i32 = 0;
    let mut ends = [0_i32; 2];
    // SAFETY: the kernel writes two ints to `ends`, a local. Both descriptors are new, so no other value owns
    // them.
    unsafe {
        syscall!(socketpair(
            AF_UNIX,
            kind,
            DEFAULT_PROTOCOL,
            ends.as_mut_ptr()
        ))?;
        Ok(ends.map(|raw| OwnedFd::from_raw(raw as usize)))
    }
}

/// The maximum number of descriptors in a message. (The kernel allows 253.)
pub const DESCRIPTORS: usize = 16;

/// The ancillary data of a sent message: descriptors.
#[repr(C)]
struct Ancillary {
    head: Cmsghdr,
    fds: [i32; DESCRIPTORS],
}

/// Sends bytes together with copies of descriptors (sendmsg(2), `SCM_RIGHTS`). Returns how many bytes the
/// kernel accepted.
///
/// `bytes` must not be empty: the descriptors travel with the first byte. The receiver gets new descriptors
/// for the same open file descriptions.
///
/// # Errors
/// `EINVAL`: more than [`DESCRIPTORS`]. `EPIPE`: the peer has closed; there is no SIGPIPE. `EAGAIN`: the
/// buffer is full, and the socket is non-blocking. `ETOOMANYREFS`: too many descriptors are in flight.
/// `ENOTCONN`, `ENOTSOCK`...
#[doc(alias = "sendmsg")]
pub fn send(socket: BorrowedFd<'_>, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> Result<usize> {
    let mut ancillary = Ancillary {
        head: Cmsghdr {
            cmsg_len: offset_of!(Ancillary, fds) + size_of_val(fds),
            cmsg_level: SOL_SOCKET,
            cmsg_type: SCM_RIGHTS,
        },
        fds: [0; DESCRIPTORS],
    };
    let places = ancillary.fds.get_mut(..fds.len()).ok_or(Errno::EINVAL)?;
    for (place, fd) in places.iter_mut().zip(fds) {
        *place = fd.as_raw();
    }
    let mut piece = Iovec {
        iov_base: bytes.as_ptr().cast_mut(), // sendmsg only reads it
        iov_len: bytes.len(),
    };
    let mut message = Msghdr {
        msg_iov: &raw mut piece,
        msg_iovlen: 1,
        ..Msghdr::ZERO
    };
    if !fds.is_empty() {
        message.msg_control = (&raw mut ancillary).cast();
        message.msg_controllen = ancillary.head.cmsg_len;
    }
    // SAFETY: the kernel only reads. The message's pointers and lengths are those of `piece`, of `bytes`, and
    // of `ancillary` up to the last of `fds`. All three live until the call returns.
    retry(|| unsafe { syscall!(sendmsg(socket, &raw const message, MSG_NOSIGNAL)) })
}

/// The result of [`receive`].
#[derive(Debug)]
pub struct Received {
    /// How many bytes were received.
    pub bytes: usize,
    /// The descriptors that came with the bytes, in the sender's order. execve closes them.
    pub descriptors: [Option<OwnedFd>; DESCRIPTORS],
    /// Whether ancillary data was lost (`MSG_CTRUNC`): there were more descriptors than [`DESCRIPTORS`], or
    /// more than this process may have.
    pub is_cut: bool,
}

/// Receives up to `bytes.len()` bytes, and the descriptors that came with them (recvmsg(2)).
///
/// 0 bytes without descriptors are EOF. Other ancillary data, which options such as `SO_PASSCRED` request, is
/// dropped.
///
/// # Errors
/// `EAGAIN`: nothing has arrived, and the socket is non-blocking. `ECONNRESET`, `ENOTCONN`, `ENOTSOCK`...
#[doc(alias = "recvmsg")]
pub fn receive(socket: BorrowedFd<'_>, bytes: &mut [u8]) -> Result<Received> {
    /// Bytes for ancillary data: the descriptors, and before them credentials, times and a security label.
    /// The kernel closes descriptors that do not fit.
    const ROOM: usize = 512;
    let mut records = [const { MaybeUninit::<usize>::uninit() }; ROOM / size_of::<usize>()];
    let mut piece = Iovec {
        iov_base: bytes.as_mut_ptr(),
        iov_len: bytes.len(),
    };
    let mut message = Msghdr {
        msg_iov: &raw mut piece,
        msg_iovlen: 1,
        msg_control: records.as_mut_ptr().cast(),
        msg_controllen: ROOM,
        ..Msghdr::ZERO
    };
    // SAFETY: the kernel writes to `bytes`, to `records` and to `message`. The message has the address and
    // the length of each.
    let count = retry(|| unsafe { syscall!(recvmsg(socket, &raw mut message, MSG_CMSG_CLOEXEC)) })?;
    let mut received = Received {
        bytes: count,
        descriptors: [const { None }; DESCRIPTORS],
        is_cut: Msg::from_bits(message.msg_flags).contains(MSG_CTRUNC),
    };
    let mut places = received.descriptors.iter_mut();
    let mut next = records.as_ptr().cast::<Cmsghdr>();
    let mut left = message.msg_controllen;
    while left >= size_of::<Cmsghdr>() {
        // SAFETY: the kernel has written `left` bytes of records from `next` on. Each record begins with a
        // header, aligned to 8 bytes. The loop's condition checks that `left` has room for a header.
        let header = unsafe { next.read() };
        let (own, holds_descriptors) = match (header.cmsg_level, header.cmsg_type) {
            (SOL_SOCKET, SCM_RIGHTS) => (true, true),
            (SOL_SOCKET, SCM_PIDFD) => (false, true),
            _ => (false, false),
        };
        let data = next.wrapping_add(1).cast::<i32>();
        let length = header.cmsg_len.saturating_sub(size_of::<Cmsghdr>());
        let numbers = if holds_descriptors {
            length / size_of::<i32>()
        } else {
            0
        };
        for nth in 0..numbers {
            // SAFETY: the record, whose length the kernel has written, contains `numbers` descriptors after
            // its header.
            let raw = unsafe { data.wrapping_add(nth).read() };
            if raw < 0 {
                continue; // an errno in place of a descriptor
            }
            // SAFETY: the kernel has just created the descriptor for this message, so no other value owns it.
            // This loop reads each number once.
            let fd = unsafe { OwnedFd::from_raw(raw as usize) };
            if own {
                match places.next() {
                    Some(place) => *place = Some(fd),
                    None => received.is_cut = true,
                }
            }
        }
        let space = header.cmsg_len.next_multiple_of(align_of::<Cmsghdr>());
        next = next.wrapping_byte_add(space);
        left = left.saturating_sub(space);
    }
    Ok(received)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The address's fields.
    fn counted(text: &CStr) -> Result<(bool, usize, [u8; 108])> {
        let address = Address::new(text)?;
        Ok((address.is_path(), address.length, address.raw.sun_path))
    }

    #[test]
    fn addresses_are_paths_and_names() {
        let (is_path, length, path) = counted(c"/run/echo").unwrap();
        assert_eq!((is_path, length), (true, 2 + 10));
        assert_eq!(&path[..10], b"/run/echo\0");
        let (is_path, length, path) = counted(c"@echo").unwrap();
        assert_eq!((is_path, length), (false, 2 + 5));
        assert_eq!(&path[..5], b"\0echo");
        assert_eq!(counted(c"").err(), Some(Errno::EINVAL));
    }

    /// Sockets of each type transfer bytes, without descriptors.
    #[test]
    fn what_is_received_is_what_was_sent() {
        for kind in [SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM] {
            let [one, two] = pair(kind | SOCK_CLOEXEC | SOCK_NONBLOCK).unwrap();
            let get = |option| crate::net::get_option(two.as_fd(), SOL_SOCKET, option);
            assert_eq!(get(SO_TYPE), Ok(kind.bits() as i32));
            assert_eq!(send(one.as_fd(), b"hello", &[]), Ok(5));
            let mut bytes = [0; 8];
            let received = receive(two.as_fd(), &mut bytes).unwrap();
            assert_eq!((received.bytes, &bytes), (5, b"hello\0\0\0"));
            assert!(!received.is_cut && received.descriptors.iter().all(Option::is_none));
            assert_eq!(receive(two.as_fd(), &mut bytes).err(), Some(Errno::EAGAIN));
        }
    }

    /// Descriptors arrive in the sender's order.
    #[test]
    fn descriptors_keep_their_order() {
        let [one, two] = pair(SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK).unwrap();
        let open = || crate::eventfd::EventFd::new().unwrap();
        let sent: [_; DESCRIPTORS] = core::array::from_fn(|_| open());
        for count in [1, 2, DESCRIPTORS] {
            let fds: [BorrowedFd<'_>; DESCRIPTORS] = core::array::from_fn(|at| sent[at].as_fd());
            send(one.as_fd(), b"x", &fds[..count]).unwrap();
            let received = receive(two.as_fd(), &mut [0]).unwrap();
            assert!(!received.is_cut);
            for (at, bell) in sent.iter().enumerate() {
                let copy = &received.descriptors[at];
                assert_eq!(copy.is_some(), at < count);
                if let Some(copy) = copy {
                    // A ring of the sent bell is read from the received copy.
                    bell.ring();
                    assert_eq!(crate::io::read(copy.as_fd(), &mut [0; 8]), Ok(8));
                }
            }
        }
    }

    #[test]
    fn the_longest_path_fits() {
        let text = [&[b'x'; 107][..], b"\0"].concat();
        assert!(Address::new(CStr::from_bytes_with_nul(&text).unwrap()).is_ok());
        let text = [&[b'x'; 108][..], b"\0"].concat();
        let longer = Address::new(CStr::from_bytes_with_nul(&text).unwrap());
        assert_eq!(longer.err(), Some(Errno::ENAMETOOLONG));
    }
}
