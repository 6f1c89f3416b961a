//! Reading and writing a descriptor. This module repeats calls that a signal interrupted (`EINTR`), and
//! completes partial writes. Only loops that wait for events handle `EINTR` themselves, and only non-blocking
//! senders handle partial sends.

use crate::abi::{Errno, Result, syscall};
use crate::fd::BorrowedFd;

/// Repeats a system call for as long as a signal interrupts it (`EINTR`).
///
/// The call must return `EINTR` only if the call has transferred nothing. The call must not be a wait for a
/// signal.
#[inline]
pub fn retry<T>(mut call: impl FnMut() -> Result<T>) -> Result<T> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            result => return result,
        }
    }
}

/// Reads up to `buffer.len()` bytes (read(2)). Returns how many bytes were read; 0 is EOF.
///
/// # Errors
/// They depend on the kind of file: `EAGAIN` if the descriptor is non-blocking, `EISDIR`, `EIO`, `EBADF`...
#[inline]
pub fn read(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<usize> {
    // SAFETY: the kernel writes at most `buffer.len()` bytes to `buffer`, which this function borrows
    // mutably.
    retry(|| unsafe { syscall!(read(fd, buffer.as_mut_ptr(), buffer.len())) })
}

/// Writes up to `bytes.len()` bytes (write(2)). Returns how many bytes were written, which may be fewer.
///
/// # Errors
/// They depend on the kind of file: `EAGAIN` if the descriptor is non-blocking, `ENOSPC`, `EPIPE`, `EIO`,
/// `EBADF`...
#[inline]
pub fn write(fd: BorrowedFd<'_>, bytes: &[u8]) -> Result<usize> {
    // SAFETY: the kernel reads at most `bytes.len()` bytes from `bytes`.
    retry(|| unsafe { syscall!(write(fd, bytes.as_ptr(), bytes.len())) })
}

/// Writes all of `bytes`. After a partial write, it writes the remaining bytes.
///
/// # Errors
/// As for [`write`](fn@write); the first part of the bytes may have been written. `EIO`: write(2) returned 0,
/// so nothing was written and there is no error number.
pub fn write_all(fd: BorrowedFd<'_>, bytes: &[u8]) -> Result<()> {
    write_counting(fd, bytes, |_| ())
}

/// As [`write_all`], and calls `took` with the byte count of each write. So the caller knows after an error
/// how many bytes were written before it.
///
/// # Errors
/// As for [`write_all`].
#[inline]
pub fn write_counting(
    fd: BorrowedFd<'_>,
    mut bytes: &[u8],
    mut took: impl FnMut(usize),
) -> Result<()> {
    while !bytes.is_empty() {
        let written = match write(fd, bytes) {
            Ok(0) => Err(Errno::EIO),
            result => result,
        }?;
        took(written);
        // SAFETY: `written` is at most `bytes.len()`: the kernel never reports more bytes than it was given.
        bytes = unsafe { bytes.get_unchecked(written..) };
    }
    Ok(())
}
