//! Bytes in and out of a descriptor: where `EINTR` and short transfers are dealt with, once.

use core::fmt;

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
        match write(fd, bytes)? {
            0 => return Err(Errno::EIO),
            written => {
                took(written);
                // SAFETY: the kernel wrote `written` of these bytes, so there are as many.
                bytes = unsafe { bytes.get_unchecked(written..) };
            }
        }
    }
    Ok(())
}

/// A buffer of `N` bytes before a descriptor, for `print!` and whatever writes in small pieces.
///
/// Nothing is written before the buffer is full or [`flush`](Self::flush) is called; dropping it
/// writes nothing, because nobody would hear of the error.
pub struct Writer<'fd, const N: usize> {
    fd: BorrowedFd<'fd>,
    buffer: [u8; N],
    used: usize,
    /// The first error. Nothing is written after it, so that no later part stands alone.
    failed: Option<Errno>,
}

impl<'fd, const N: usize> Writer<'fd, N> {
    /// An empty buffer before `fd`.
    #[inline]
    pub const fn new(fd: BorrowedFd<'fd>) -> Self {
        Self {
            fd,
            buffer: [0; N],
            used: 0,
            failed: None,
        }
    }

    /// Takes `bytes`; an error is kept for [`flush`](Self::flush).
    pub fn put(&mut self, mut bytes: &[u8]) {
        loop {
            let room = &mut self.buffer[self.used..];
            let count = bytes.len().min(room.len());
            room[..count].copy_from_slice(&bytes[..count]);
            self.used += count;
            bytes = &bytes[count..];
            if bytes.is_empty() {
                return;
            }
            self.empty();
        }
    }

    /// Writes what is in the buffer, and says whether all that was ever put has been written.
    ///
    /// # Errors
    /// The first error that [`write_all`] met, again at each later call.
    pub fn flush(&mut self) -> Result<()> {
        self.empty();
        match self.failed {
            None => Ok(()),
            Some(errno) => Err(errno),
        }
    }

    fn empty(&mut self) {
        if self.failed.is_none() {
            self.failed = write_all(self.fd, &self.buffer[..self.used]).err();
        }
        self.used = 0;
    }
}

impl<const N: usize> fmt::Write for Writer<'_, N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.put(text.as_bytes());
        Ok(())
    }
}

/// Formats into a [`Writer`], as std's macro does into standard output. Errors wait for its `flush`.
#[macro_export]
macro_rules! print {
    ($writer:expr, $($format:tt)*) => {{
        // A Writer keeps its error for `flush`; write_fmt itself fails only where a Display does.
        let _ = ::core::fmt::Write::write_fmt($writer, ::core::format_args!($($format)*));
    }};
}

/// [`print!`], and the end of the line.
#[macro_export]
macro_rules! println {
    ($writer:expr $(,)?) => { $crate::print!($writer, "\n") };
    ($writer:expr, $format:literal $($arguments:tt)*) => {
        $crate::print!($writer, "{}\n", ::core::format_args!($format $($arguments)*))
    };
}
