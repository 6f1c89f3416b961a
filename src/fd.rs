//! File descriptors, owned and borrowed.
//!
//! [`OwnedFd`] closes its descriptor, [`BorrowedFd`] is a copy of the number with a lifetime. The other
//! modules pass these types. They use a raw integer only for a kernel structure or a table index.

use core::marker::PhantomData;
use core::mem::ManuallyDrop;

use crate::abi::fs::{F_DUPFD_CLOEXEC, F_GETFD, F_GETFL, F_SETFD, F_SETFL, FD_CLOEXEC, O_NONBLOCK};
use crate::abi::{Arg, Result, syscall};

/// A file descriptor that the value owns. Dropping the value closes the descriptor.
#[derive(Debug)]
#[repr(transparent)]
pub struct OwnedFd(i32);

/// A file descriptor that its owner keeps open for at least `'fd`.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct BorrowedFd<'fd>(i32, PhantomData<&'fd OwnedFd>);

/// A value that has a descriptor.
///
/// Functions that take a descriptor take a [`BorrowedFd`]; generic code takes `impl AsFd`.
///
/// ```
/// use ring3::fd::{AsFd, OwnedFd};
/// use ring3::pipe::{O_CLOEXEC, Pipe};
///
/// fn write(to: impl AsFd, text: &str) -> ring3::Result<()> {
///     ring3::io::write_all(to.as_fd(), text.as_bytes())
/// }
/// let pipe = Pipe::new(O_CLOEXEC)?;
/// write(&pipe.write, "owned, ")?;
/// write(pipe.write.as_fd(), "borrowed")?;
/// # Ok::<(), ring3::Errno>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no descriptor",
    note = "`OwnedFd`, `BorrowedFd` and references to them have one, and types such as `Epoll`"
)]
pub trait AsFd {
    /// Borrows the descriptor.
    fn as_fd(&self) -> BorrowedFd<'_>;
}

impl AsFd for BorrowedFd<'_> {
    #[inline]
    fn as_fd(&self) -> BorrowedFd<'_> {
        *self
    }
}

impl<T: AsFd + ?Sized> AsFd for &T {
    #[inline]
    fn as_fd(&self) -> BorrowedFd<'_> {
        T::as_fd(self)
    }
}

impl<T: AsFd + ?Sized> AsFd for &mut T {
    #[inline]
    fn as_fd(&self) -> BorrowedFd<'_> {
        T::as_fd(self)
    }
}

/// Implements [`AsFd`] for a type that has a method `as_fd` of its own. (The method needs no `use` of the trait.)
macro_rules! as_fd {
    ($type:ty) => {
        impl $crate::fd::AsFd for $type {
            #[inline]
            fn as_fd(&self) -> $crate::fd::BorrowedFd<'_> {
                <$type>::as_fd(self)
            }
        }
    };
}

pub(crate) use as_fd;

as_fd! { OwnedFd }

/// Standard input, which the kernel or the parent process opened. The parent may also have closed it: then
/// every call on it returns `EBADF`.
pub const STDIN: BorrowedFd<'static> = BorrowedFd(0, PhantomData);
/// Standard output. May be closed, as [`STDIN`].
pub const STDOUT: BorrowedFd<'static> = BorrowedFd(1, PhantomData);
/// Standard error. May be closed, as [`STDIN`].
pub const STDERR: BorrowedFd<'static> = BorrowedFd(2, PhantomData);

impl OwnedFd {
    /// Takes ownership of a descriptor that a system call returned.
    ///
    /// # Safety
    /// `raw` is an open descriptor, and no other value owns it: only the returned value closes it.
    #[inline]
    #[must_use]
    pub unsafe fn from_raw(raw: usize) -> Self {
        // The kernel's descriptors are non-negative ints, so the cast loses nothing.
        Self(raw as i32)
    }

    /// Borrows the descriptor for as long as this owner lives.
    #[inline]
    #[must_use]
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        BorrowedFd(self.0, PhantomData)
    }

    /// Closes the descriptor and returns the result of close(2).
    ///
    /// Some file systems report a failed earlier write only here. The descriptor is closed in any case, also
    /// after an error and after `EINTR` (close(2), NOTES).
    ///
    /// # Errors
    /// `EIO`, `ENOSPC`, `EDQUOT`: an earlier write failed. `EINTR`.
    pub fn close(self) -> Result<()> {
        let fd = ManuallyDrop::new(self);
        // SAFETY: `self` owns the descriptor, and `ManuallyDrop` keeps `drop` from running. So the descriptor
        // is closed exactly once.
        unsafe { syscall!(close(fd.0)) }.map(drop)
    }
}

impl Drop for OwnedFd {
    fn drop(&mut self) {
        // SAFETY: `self` owns the descriptor, and nothing uses `self` after `drop`. So the descriptor is
        // closed exactly once. `drop` cannot return the error. A caller that needs the error calls `close`.
        let _ = unsafe { syscall!(close(self.0)) };
    }
}

impl<'fd> BorrowedFd<'fd> {
    /// Borrows the descriptor with the number `raw`.
    ///
    /// # Safety
    /// `raw` stays open for `'fd`. A number that may be closed is allowed too, if each call on the value is
    /// sound for any descriptor; without a descriptor the call returns `EBADF`.
    #[inline]
    #[must_use]
    pub const unsafe fn borrow_raw(raw: i32) -> Self {
        Self(raw, PhantomData)
    }

    /// Whether the descriptor is open at this moment (fcntl(2), `F_GETFD`).
    #[doc(alias = "fcntl")]
    #[must_use]
    pub fn is_open(self) -> bool {
        // SAFETY: F_GETFD takes no pointer; the kernel accesses no memory of this process.
        unsafe { syscall!(fcntl(self, F_GETFD)) }.is_ok()
    }

    /// Sets the descriptor's `FD_CLOEXEC` flag: execve(2) closes the descriptor (fcntl(2), `F_SETFD`).
    ///
    /// # Errors
    /// `EBADF`: the descriptor is closed.
    #[doc(alias = "fcntl")]
    pub fn set_cloexec(self) -> Result<()> {
        // SAFETY: F_SETFD takes a number, no pointer; the kernel accesses no memory of this process.
        unsafe { syscall!(fcntl(self, F_SETFD, FD_CLOEXEC)) }.map(drop)
    }

    /// Returns a new descriptor for the same open file description (fcntl(2), `F_DUPFD_CLOEXEC`).
    ///
    /// execve(2) closes the new descriptor. Its number is above the three standard descriptors.
    ///
    /// # Errors
    /// `EBADF`: `self` is closed. `EMFILE`: no descriptor is left.
    #[doc(alias = "fcntl")]
    #[doc(alias = "dup")]
    pub fn duplicate(self) -> Result<OwnedFd> {
        const LEAST: i32 = STDERR.0 + 1;
        // SAFETY: F_DUPFD_CLOEXEC takes a number, no pointer. The returned descriptor is new, so no other
        // value owns it.
        unsafe {
            let raw = syscall!(fcntl(self, F_DUPFD_CLOEXEC, LEAST))?;
            Ok(OwnedFd::from_raw(raw))
        }
    }

    /// Sets `O_NONBLOCK` (fcntl(2), `F_SETFL`): calls that would wait return `EAGAIN`.
    ///
    /// The flag belongs to the open file description: it also applies to duplicates of this descriptor, in
    /// other processes too.
    ///
    /// # Errors
    /// `EBADF`: the descriptor is closed.
    #[doc(alias = "fcntl")]
    pub fn set_nonblocking(self) -> Result<()> {
        // SAFETY: F_GETFL and F_SETFL take numbers, no pointers; the kernel accesses no memory of this
        // process.
        unsafe {
            let flags = syscall!(fcntl(self, F_GETFL))?;
            syscall!(fcntl(self, F_SETFL, flags | O_NONBLOCK.bits() as usize)).map(drop)
        }
    }

    /// The descriptor's number, for a structure of the kernel or as an index into a table.
    #[inline]
    #[must_use]
    pub const fn as_raw(self) -> i32 {
        self.0
    }
}

impl Arg for BorrowedFd<'_> {
    type Content = usize;

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
        // SAFETY: `file` owns the descriptor, and the result borrows `file`.
        unsafe { BorrowedFd::borrow_raw(file.as_raw_fd()) }
    }

    fn flags(fd: BorrowedFd<'_>, which: i32) -> usize {
        // SAFETY: the test calls this only with F_GETFD and F_GETFL, which take no pointer.
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
    fn close_at_exec_sets_the_flag() {
        let null = File::open("/dev/null").unwrap();
        let fd = borrowed(&null);
        // SAFETY: F_SETFD takes a number, no pointer.
        unsafe { syscall!(fcntl(fd, F_SETFD, 0)) }.unwrap();
        assert_eq!(flags(fd, F_GETFD), 0);
        fd.set_cloexec().unwrap();
        assert!(closes_at_exec(fd));
    }

    #[test]
    fn set_nonblocking_keeps_the_other_flags() {
        use crate::abi::fs::{O_APPEND, O_WRONLY};
        let null = OpenOptions::new().append(true).open("/dev/null").unwrap();
        let fd = borrowed(&null);
        fd.set_nonblocking().unwrap();
        let all = (O_APPEND | O_NONBLOCK | O_WRONLY).bits() as usize;
        assert_eq!(flags(fd, F_GETFL) & all, all);
    }

    #[test]
    fn close_closes() {
        // A number that no other thread of this process gets at the same time.
        const HIGH: i32 = 1000;
        let null = File::open("/dev/null").unwrap();
        for by_drop in [false, true] {
            // SAFETY: F_DUPFD_CLOEXEC takes a number, no pointer. The returned descriptor is new.
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
            // SAFETY: the number is only passed to F_GETFD, which is sound for a closed descriptor too.
            let closed = unsafe { BorrowedFd::borrow_raw(number) };
            assert!(!closed.is_open());
        }
    }
}
