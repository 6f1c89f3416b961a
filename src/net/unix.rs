//! Sockets between processes of this machine, by paths (unix(7)).

use core::ffi::CStr;

use crate::abi::net::*;
use crate::abi::{Errno, Result, syscall};
use crate::fd::{BorrowedFd, OwnedFd};
use crate::mem;

/// Where such a socket is: a path, or with `@` before it a name that is no file's.
pub struct Address {
    raw: SockaddrUn,
    /// How many bytes of it count.
    length: usize,
}

impl Address {
    /// The address that is written so: `/run/echo`, `@echo`.
    ///
    /// # Errors
    /// `ENAMETOOLONG`: it has more than 107 bytes. `EINVAL`: it has none.
    pub fn new(text: &CStr) -> Result<Self> {
        let bytes = text.to_bytes_with_nul();
        let mut raw = SockaddrUn {
            sun_family: AF_UNIX as u16,
            ..SockaddrUn::ZERO
        };
        let path = raw.sun_path.get_mut(..bytes.len());
        mem::copy(path.ok_or(Errno::ENAMETOOLONG)?, bytes);
        // A path counts with its zero; a name has one before it, in the place of the @, and none behind.
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

    /// Whether it is a path.
    pub fn is_path(&self) -> bool {
        self.raw.sun_path[0] != 0
    }
}

/// A socket (socket(2)).
///
/// # Errors
/// `EAFNOSUPPORT`: the kernel has none of these. `EMFILE`, `ENFILE`, `ENOMEM`.
pub fn socket(kind: Sock) -> Result<OwnedFd> {
    const DEFAULT_PROTOCOL: i32 = 0;
    // SAFETY: socket takes no memory of ours; what it returns is a new descriptor.
    unsafe {
        let raw = syscall!(socket(AF_UNIX, kind, DEFAULT_PROTOCOL))?;
        Ok(OwnedFd::from_raw(raw))
    }
}

/// Gives the socket its address: makes the file, with the permissions that the umask leaves of 777, or takes
/// the name (bind(2)).
///
/// # Errors
/// `EADDRINUSE`: there is a file, whether anybody listens there or not; the name is taken. Those of a path.
pub fn bind(fd: BorrowedFd<'_>, address: &Address) -> Result<()> {
    // SAFETY: the kernel reads `length` bytes of `raw`.
    unsafe { syscall!(bind(fd, &raw const address.raw, address.length)) }.map(drop)
}

/// Connects the socket (connect(2)).
///
/// # Errors
/// `ECONNREFUSED`: nobody listens there, or the file is no socket. `EAGAIN`: of a non-blocking socket: as many
/// wait to be accepted as may. `EPROTOTYPE`: a socket of another kind. Those of a path; `EACCES`: the file may
/// not be written.
pub fn connect(fd: BorrowedFd<'_>, address: &Address) -> Result<()> {
    // SAFETY: the kernel reads `length` bytes of `raw`.
    unsafe { syscall!(connect(fd, &raw const address.raw, address.length)) }.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes that count.
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

    #[test]
    fn the_longest_fits() {
        let text = [&[b'x'; 107][..], b"\0"].concat();
        assert!(Address::new(CStr::from_bytes_with_nul(&text).unwrap()).is_ok());
        let text = [&[b'x'; 108][..], b"\0"].concat();
        let longer = Address::new(CStr::from_bytes_with_nul(&text).unwrap());
        assert_eq!(longer.err(), Some(Errno::ENAMETOOLONG));
    }
}
