//! All that comes out of one descriptor, into another: within the kernel where the two ends allow it.

use core::ptr;

use crate::abi::{Errno, Result, syscall};
use crate::fd::BorrowedFd;
use crate::io::{read, retry, write_counting};
use crate::mem::Mapping;
use crate::pipe::{self, Splice};

/// What is asked of the kernel at once where no buffer of ours limits it, in bytes.
const WITHIN: usize = 1 << 30;

/// Size of the buffer between `read` and `write`, in bytes: a pipe's, so that one read empties it.
const BUFFER: usize = 1 << 16;

/// Why copying ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// How many bytes were written before.
    pub copied: u64,
    /// Whose error it is.
    pub end: End,
    /// The error.
    pub errno: Errno,
}

/// One of the two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The one that is read.
    From,
    /// The one that is written.
    To,
}

/// Copies all there is in `from`, each from its own place on, and says how many bytes that was.
///
/// # Errors
/// The errors of [`read`] and [`write_counting`]. `ENOMEM` with [`End::From`]: no memory for a buffer.
pub fn copy(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> core::result::Result<u64, Stopped> {
    let mut copied = 0;
    // Neither way is believed when it ends: `copy_file_range` sees no bytes in the files of /proc,
    // both refuse many kinds of ends, and their errors do not say whose they are. `read` and `write`
    // go on from there, and what they say holds.
    type Within = fn(BorrowedFd<'_>, BorrowedFd<'_>, usize) -> Result<usize>;
    let splice: Within = |from, to, count| pipe::splice(from, to, count, Splice::NONE);
    for within in [copy_file_range, splice] {
        while let Ok(count @ 1..) = within(from, to, WITHIN) {
            copied += count as u64;
        }
    }
    let stopped = |copied, end| move |errno| Stopped { copied, end, errno };
    let mut buffer = Mapping::new(BUFFER).map_err(stopped(copied, End::From))?;
    loop {
        let count = read(from, &mut buffer).map_err(stopped(copied, End::From))?;
        if count == 0 {
            return Ok(copied);
        }
        let bytes = buffer.get(..count).unwrap_or_default();
        let written = write_counting(to, bytes, |count| copied += count as u64);
        written.map_err(stopped(copied, End::To))?;
    }
}

/// Copies up to `count` bytes from file to file, by sharing blocks where the file system can, and
/// says how many (copy_file_range(2)).
///
/// # Errors
/// `EINVAL`: not both regular files; `EBADF`: `to` is for appending; `EXDEV`, `EOPNOTSUPP`,
/// `ENOSYS`; and those of both ends.
pub fn copy_file_range(from: BorrowedFd<'_>, to: BorrowedFd<'_>, count: usize) -> Result<usize> {
    let here = ptr::null_mut::<i64>(); // each file's own place, which moves on
    // SAFETY: null pointers tell the kernel that there are no offsets of ours.
    retry(|| unsafe { syscall!(copy_file_range(from, here, to, here, count, 0)) })
}
