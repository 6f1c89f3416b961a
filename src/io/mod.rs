//! Reading and writing a descriptor. This module repeats calls that a signal interrupted (`EINTR`), and
//! completes partial writes. Only loops that wait for events handle `EINTR` themselves, and only non-blocking
//! senders handle partial sends.
//!
//! [`BufReader`] reads lines through a buffer of the caller. [`text::Writer`](crate::text::Writer) is the
//! buffer for output.
//!
//! ```
//! use ring3::fs::{self, CWD, O_CLOEXEC, O_RDONLY};
//! use ring3::io::BufReader;
//!
//! fn main() -> ring3::Result<()> {
//!     let file = fs::open(CWD, c"/proc/self/status", O_RDONLY | O_CLOEXEC, 0)?;
//!     let mut buffer = [0; 4096];
//!     let mut reader = BufReader::new(file.as_fd(), &mut buffer);
//!     let mut lines = 0;
//!     while let Some(line) = reader.next_line()? {
//!         assert!(!line.ends_with(b"\n"));
//!         lines += 1;
//!     }
//!     assert!(lines > 10);
//!     Ok(())
//! }
//! ```

mod reader;
mod vectored;

pub use reader::BufReader;
pub use vectored::{IoSlice, IoSliceMut, read_vectored, write_all_vectored, write_vectored};

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
pub fn write_counting(fd: BorrowedFd<'_>, bytes: &[u8], took: impl FnMut(usize)) -> Result<()> {
    complete(bytes, |rest| write(fd, rest), took)
}

/// Reads up to `buffer.len()` bytes at `offset`, in bytes from the beginning of the file (pread64(2)). The
/// descriptor's offset does not change. Returns how many bytes were read; 0 is EOF.
///
/// # Errors
/// As for [`read`](fn@read). `ESPIPE`: a pipe, a socket or a terminal. `EINVAL`: `offset` is greater than
/// `i64::MAX`.
#[doc(alias = "pread")]
#[doc(alias = "pread64")]
#[inline]
pub fn read_at(fd: BorrowedFd<'_>, buffer: &mut [u8], offset: u64) -> Result<usize> {
    // SAFETY: the kernel writes at most `buffer.len()` bytes to `buffer`, which this function borrows
    // mutably.
    retry(|| unsafe { syscall!(pread64(fd, buffer.as_mut_ptr(), buffer.len(), offset)) })
}

/// Writes up to `bytes.len()` bytes at `offset`, in bytes from the beginning of the file (pwrite64(2)). The
/// descriptor's offset does not change. Returns how many bytes were written, which may be fewer.
///
/// If the descriptor has `O_APPEND`, Linux appends the bytes to the file, whatever `offset` is.
///
/// # Errors
/// As for [`write`](fn@write) and [`read_at`].
#[doc(alias = "pwrite")]
#[doc(alias = "pwrite64")]
#[inline]
pub fn write_at(fd: BorrowedFd<'_>, bytes: &[u8], offset: u64) -> Result<usize> {
    // SAFETY: the kernel reads at most `bytes.len()` bytes from `bytes`.
    retry(|| unsafe { syscall!(pwrite64(fd, bytes.as_ptr(), bytes.len(), offset)) })
}

/// Writes all of `bytes` at `offset`. After a partial write, it writes the remaining bytes.
///
/// # Errors
/// As for [`write_all`] and [`write_at`]; the first part of the bytes may have been written.
pub fn write_all_at(fd: BorrowedFd<'_>, bytes: &[u8], offset: u64) -> Result<()> {
    let length = bytes.len();
    let write = |rest: &[u8]| {
        // An offset that is too large stays too large: the kernel refuses both.
        let done = (length - rest.len()) as u64;
        write_at(fd, rest, offset.saturating_add(done))
    };
    complete(bytes, write, |_| ())
}

/// Calls `write` with the remaining bytes until no byte remains. Calls `took` with the byte count of each write.
#[inline]
fn complete(
    mut bytes: &[u8],
    mut write: impl FnMut(&[u8]) -> Result<usize>,
    mut took: impl FnMut(usize),
) -> Result<()> {
    while !bytes.is_empty() {
        let written = match write(bytes) {
            Ok(0) => Err(Errno::EIO),
            result => result,
        }?;
        took(written);
        // SAFETY: `written` is at most `bytes.len()`: the kernel never reports more bytes than it was given.
        bytes = unsafe { bytes.get_unchecked(written..) };
    }
    Ok(())
}
