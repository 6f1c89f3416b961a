//! File descriptors, owned and borrowed. A raw integer stops here.

use core::marker::PhantomData;
use core::mem::ManuallyDrop;

use crate::abi::fs::{F_DUPFD_CLOEXEC, F_GETFD, F_GETFL, F_SETFD, F_SETFL, FD_CLOEXEC, O_NONBLOCK};
use crate::abi::{Arg, Result, syscall};

/// A file descriptor that is closed when it goes out of scope.
#[derive(Debug)]
#[repr(transparent)]
pub struct OwnedFd(i32);

/// A file descriptor that somebody else keeps open for at least `'fd`.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct BorrowedFd<'fd>(i32, PhantomData<&'fd OwnedFd>);

/// Standard input, which the kernel or the parent opened for us. It may be closed all the same:
/// then its use answers `EBADF`.
pub const STDIN: BorrowedFd<'static> = BorrowedFd(0, PhantomData);
/// Standard output. As for [`STDIN`].
pub const STDOUT: BorrowedFd<'static> = BorrowedFd(1, PhantomData);
/// Standard error. As for [`STDIN`].
pub const STDERR: BorrowedFd<'static> = BorrowedFd(2, PhantomData);

impl OwnedFd {
    /// Takes over the descriptor that a system call returned.
    ///
    /// # Safety
    /// `raw` is an open descriptor that nobody else closes.
    #[inline]
    pub unsafe fn from_raw(raw: usize) -> Self {
        // The kernel's descriptors are non-negative ints.
        Self(raw as i32)
    }

    /// The descriptor, for as long as this owner lives.
    #[inline]
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        BorrowedFd(self.0, PhantomData)
    }

    /// Closes it and says what `close` said: on some file systems that is where a failed write is
    /// told. The descriptor is gone whatever the answer, `EINTR` included (close(2), NOTES).
    ///
    /// # Errors
    /// `EIO`, `ENOSPC`, `EDQUOT` of an earlier write; `EINTR`.
    pub fn close(self) -> Result<()> {
        let fd = ManuallyDrop::new(self);
        // SAFETY: this is the owner, and `drop` will not run: it is closed once.
        unsafe { syscall!(close(fd.0)) }.map(drop)
    }
}

impl Drop for OwnedFd {
    fn drop(&mut self) {
        // SAFETY: this is the owner, and its last use.
        // An error has nobody to go to: who wants it calls `close`.
        let _ = unsafe { syscall!(close(self.0)) };
    }
}

impl<'fd> BorrowedFd<'fd> {
    /// The descriptor of that number.
    ///
    /// # Safety
    /// `raw` stays open for `'fd`.
    #[inline]
    pub const unsafe fn borrow_raw(raw: i32) -> Self {
        Self(raw, PhantomData)
    }

    /// Whether something is open there at this moment (fcntl(2)).
    pub fn is_open(self) -> bool {
        // SAFETY: fcntl takes no memory of ours here.
        unsafe { syscall!(fcntl(self, F_GETFD)) }.is_ok()
    }

    /// Sets the descriptor's `FD_CLOEXEC`: execve closes it (fcntl(2)).
    ///
    /// # Errors
    /// `EBADF`: the descriptor is closed.
    pub fn close_at_exec(self) -> Result<()> {
        // SAFETY: fcntl with F_SETFD takes numbers; the kernel accesses no memory of ours.
        unsafe { syscall!(fcntl(self, F_SETFD, FD_CLOEXEC)) }.map(drop)
    }

    /// Another descriptor of what is open here, closed by execve, and none of the three standard ones (fcntl(2)).
    ///
    /// # Errors
    /// `EBADF`: this one is closed. `EMFILE`.
    pub fn duplicate(self) -> Result<OwnedFd> {
        const LEAST: i32 = STDERR.0 + 1;
        // SAFETY: fcntl takes no memory of ours here; what it returns is a new descriptor.
        unsafe {
            let raw = syscall!(fcntl(self, F_DUPFD_CLOEXEC, LEAST))?;
            Ok(OwnedFd::from_raw(raw))
        }
    }

    /// Has no call on what is open here wait, by whichever descriptor (fcntl(2), `O_NONBLOCK`).
    ///
    /// # Errors
    /// `EBADF`: it is closed.
    pub fn set_nonblocking(self) -> Result<()> {
        // SAFETY: fcntl takes no memory of ours here.
        unsafe {
            let flags = syscall!(fcntl(self, F_GETFL))?;
            syscall!(fcntl(self, F_SETFL, flags | O_NONBLOCK.bits() as usize)).map(drop)
        }
    }

    /// The number, for a structure of the kernel's or a table indexed by it.
    #[inline]
    pub const fn as_raw(self) -> i32 {
        self.0
    }
}

impl Arg for BorrowedFd<'_> {
    #[inline(always)]
    fn arg(self) -> usize {
        self.0.arg()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    extern crate std;
    use super::*;
    use std::fs::{File, OpenOptions};
    use std::os::fd::AsRawFd;

    fn borrowed(file: &File) -> BorrowedFd<'_> {
        // SAFETY: the file stays open for the borrow.
        unsafe { BorrowedFd::borrow_raw(file.as_raw_fd()) }
    }

    fn flags(fd: BorrowedFd<'_>, which: i32) -> usize {
        // SAFETY: fcntl takes numbers here; the kernel accesses no memory of ours.
        unsafe { syscall!(fcntl(fd, which)) }.unwrap()
    }

    /// Whether execve closes the descriptor.
    pub fn closes_at_exec(fd: BorrowedFd<'_>) -> bool {
        flags(fd, F_GETFD) == FD_CLOEXEC as usize
    }

    #[test]
    fn execve_closes_a_duplicate() {
        let null = File::open("/dev/null").unwrap();
        let duplicate = borrowed(&null).duplicate().unwrap();
        assert!(closes_at_exec(duplicate.as_fd()));
        assert!(duplicate.as_fd().as_raw() > STDERR.as_raw());
    }

    #[test]
    fn execve_closes_what_it_is_to_close() {
        let null = File::open("/dev/null").unwrap();
        let fd = borrowed(&null);
        // SAFETY: fcntl takes numbers here; the kernel accesses no memory of ours.
        unsafe { syscall!(fcntl(fd, F_SETFD, 0)) }.unwrap();
        assert_eq!(flags(fd, F_GETFD), 0);
        fd.close_at_exec().unwrap();
        assert!(closes_at_exec(fd));
    }

    #[test]
    fn nonblocking_leaves_the_other_flags() {
        use crate::abi::fs::{O_APPEND, O_WRONLY};
        let null = OpenOptions::new().append(true).open("/dev/null").unwrap();
        let fd = borrowed(&null);
        fd.set_nonblocking().unwrap();
        let all = (O_APPEND | O_NONBLOCK | O_WRONLY).bits() as usize;
        assert_eq!(flags(fd, F_GETFL) & all, all);
    }

    #[test]
    fn close_closes() {
        // A number that no other thread of this process gets meanwhile.
        const HIGH: i32 = 1000;
        let null = File::open("/dev/null").unwrap();
        for by_drop in [false, true] {
            // SAFETY: fcntl takes numbers here; what it returns is a new descriptor.
            let fd = unsafe {
                let raw = syscall!(fcntl(borrowed(&null), F_DUPFD_CLOEXEC, HIGH)).unwrap();
                OwnedFd::from_raw(raw)
            };
            let number = fd.as_fd().as_raw();
            assert!(number >= HIGH && fd.as_fd().is_open());
            match by_drop {
                true => drop(fd),
                false => fd.close().unwrap(),
            }
            // SAFETY: the borrow is only used to check whether the descriptor is open.
            let closed = unsafe { BorrowedFd::borrow_raw(number) };
            assert!(!closed.is_open());
        }
    }
}
