//! Bytes in and out of a descriptor: where `EINTR` and short transfers are dealt with, once.

use crate::abi::{Errno, Result, syscall};
use crate::fd::BorrowedFd;

/// Makes a call again for as long as a signal interrupts it.
///
/// For calls that answer `EINTR` only where nothing was transferred and that wait for no signal.
#[inline]
pub fn retry<T>(mut call: impl FnMut() -> Result<T>) -> Result<T> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            result => return result,
        }
    }
}

/// Reads up to `buffer.len()` bytes and says how many; 0 is the end of the file (read(2)).
///
/// # Errors
/// What the descriptor's kind gives: `EAGAIN` of a non-blocking one, `EISDIR`, `EIO`, `EBADF`...
#[inline]
pub fn read(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<usize> {
    // SAFETY: the kernel writes at most `len` bytes into a buffer of ours.
    retry(|| unsafe { syscall!(read(fd, buffer.as_mut_ptr(), buffer.len())) })
}

/// Writes up to `bytes.len()` bytes and says how many (write(2)).
///
/// # Errors
/// What the descriptor's kind gives: `EAGAIN`, `ENOSPC`, `EPIPE`, `EIO`, `EBADF`...
#[inline]
pub fn write(fd: BorrowedFd<'_>, bytes: &[u8]) -> Result<usize> {
    // SAFETY: the kernel only reads `bytes`.
    retry(|| unsafe { syscall!(write(fd, bytes.as_ptr(), bytes.len())) })
}

/// Writes all of `bytes`, going on behind what was written each time.
///
/// # Errors
/// As [`write`](fn@write); part of the bytes may have been written. `EIO` where the kernel accepts nothing
/// and gives no reason.
pub fn write_all(fd: BorrowedFd<'_>, bytes: &[u8]) -> Result<()> {
    write_counting(fd, bytes, |_| ())
}

/// [`write_all`], which says after each write how many bytes it took: so an error leaves the caller
/// knowing what came before it.
///
/// # Errors
/// As [`write_all`].
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
        // SAFETY: the kernel wrote `written` of these bytes, so there are as many.
        bytes = unsafe { bytes.get_unchecked(written..) };
    }
    Ok(())
}
