//! Copies everything from one descriptor to another, within the kernel where both ends allow it.
//!
//! ```
//! use ring3::fs::copy::copy;
//! use ring3::{fs, io};
//!
//! let (from, to) = (fs::in_memory(c"from")?, fs::in_memory(c"to")?);
//! io::write_all(from.as_fd(), b"some text")?;
//! fs::seek(from.as_fd(), 0)?;
//! assert_eq!(copy(from.as_fd(), to.as_fd()), Ok(9));
//! # Ok::<(), ring3::Errno>(())
//! ```

use core::ptr;

use crate::abi::{Errno, Result, syscall};
use crate::fd::BorrowedFd;
use crate::io::{read, retry, write_counting};
use crate::mem::Mapping;
use crate::pipe::{self, Splice};

/// The count of bytes in one request to the kernel, for the calls that need no buffer in this process.
const WITHIN: usize = 1 << 30;

/// Size of the buffer between `read` and `write`, in bytes: the capacity of a pipe, so that a read can empty
/// a pipe.
const BUFFER: usize = 1 << 16;

/// The error with which a copy stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// How many bytes were written before the error.
    pub copied: u64,
    /// The end that the error belongs to.
    pub end: End,
    /// The error.
    pub errno: Errno,
}

/// An end of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The descriptor that is read.
    From,
    /// The descriptor that is written.
    To,
}

/// Copies all bytes from `from` to `to`, up to EOF, each from its current offset. Returns how many bytes were
/// copied.
///
/// # Errors
/// The errors of [`read`] and [`write_counting`]. `ENOMEM` with [`End::From`]: no memory for the buffer.
pub fn copy(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> core::result::Result<u64, Stopped> {
    let mut copied = 0;
    // Copying within the kernel is only an optimisation. An EOF or an error of these calls does not end the
    // copy. `copy_file_range` sees no bytes in files of /proc. Both calls refuse many kinds of files, and
    // their errors do not show which end failed. `read` and `write` continue at the same offsets, and decide
    // how the copy ends.
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

/// Copies up to `count` bytes between regular files, sharing blocks if the file system can
/// (copy_file_range(2)). Returns how many bytes were copied.
///
/// # Errors
/// `EINVAL`: not both are regular files. `EBADF`: `to` is open for appending. `EXDEV`, `EOPNOTSUPP`,
/// `ENOSYS`. Also the errors of both ends.
pub fn copy_file_range(from: BorrowedFd<'_>, to: BorrowedFd<'_>, count: usize) -> Result<usize> {
    let here = ptr::null_mut::<i64>(); // null: use and advance the file's own offset
    // SAFETY: both offset pointers are null, so the kernel accesses no memory of this process.
    retry(|| unsafe { syscall!(copy_file_range(from, here, to, here, count, 0)) })
}

/// Copies up to `count` bytes from a regular file or a block device to a file, a pipe or a socket, within the kernel
/// (sendfile(2)). Returns how many bytes were copied, which may be fewer; 0 is EOF.
///
/// The bytes come from the current offset of `from`, which advances; or, with `offset`, from this offset, which
/// advances instead.
///
/// # Errors
/// `EINVAL`: `from` has no pages in memory that the kernel can send (a pipe, a socket, most files of /proc), or `to`
/// is open for appending. `ESPIPE`: `offset` for a file without offsets. `EAGAIN`: `to` is non-blocking and full.
/// Also the errors of both ends.
#[doc(alias = "sendfile64")]
pub fn sendfile(
    from: BorrowedFd<'_>,
    to: BorrowedFd<'_>,
    offset: Option<&mut u64>,
    count: usize,
) -> Result<usize> {
    let offset = offset.map_or(ptr::null_mut(), ptr::from_mut);
    // SAFETY: `offset` is null, or a `u64` that this function borrows mutably. The kernel reads and writes this
    // number, and no other memory of this process.
    retry(|| unsafe { syscall!(sendfile(to, from, offset, count)) })
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::fs::{self, CWD, O_APPEND, O_CLOEXEC, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY};
    use crate::io::write_all;
    use crate::pipe::Pipe;
    use std::format;
    use std::vec::Vec;

    /// Lengths around the capacity of a pipe and of the buffer.
    const LENGTHS: [usize; 6] = [0, 1, BUFFER - 1, BUFFER, BUFFER + 1, 3 * BUFFER + 5];

    fn bytes(length: usize) -> Vec<u8> {
        (0..length).map(|at| (at * 31 % 251) as u8).collect()
    }

    /// A file in memory with these bytes, at offset 0.
    fn file(bytes: &[u8]) -> crate::fd::OwnedFd {
        let file = fs::in_memory(c"").unwrap();
        write_all(file.as_fd(), bytes).unwrap();
        fs::seek(file.as_fd(), 0).unwrap();
        file
    }

    fn content(file: &crate::fd::OwnedFd) -> Vec<u8> {
        std::fs::read(format!("/proc/self/fd/{}", file.as_fd().as_raw())).unwrap()
    }

    #[test]
    fn every_length_is_copied_and_counted() {
        for length in LENGTHS {
            let bytes = bytes(length);
            // From file to file.
            let (from, to) = (file(&bytes), file(b""));
            assert_eq!(copy(from.as_fd(), to.as_fd()), Ok(length as u64));
            assert!(content(&to) == bytes, "{length}");
            // From the middle of the file, to the end of another file.
            fs::seek(from.as_fd(), length as u64 / 2).unwrap();
            let path = std::ffi::CString::new(format!("/proc/self/fd/{}", to.as_fd().as_raw()));
            let flags = O_WRONLY | O_APPEND | O_CLOEXEC;
            let end = fs::open(CWD, &path.unwrap(), flags, 0).unwrap();
            let rest = length - length / 2;
            assert_eq!(copy(from.as_fd(), end.as_fd()), Ok(rest as u64));
            assert!(content(&to) == [&bytes[..], &bytes[length / 2..]].concat());
            // From a pipe to a file, and from a file to a pipe.
            let (one, two) = (Pipe::new(O_CLOEXEC).unwrap(), Pipe::new(O_CLOEXEC).unwrap());
            let (from, to) = (file(&bytes), file(b""));
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    let write = one.write;
                    assert_eq!(copy(from.as_fd(), write.as_fd()), Ok(length as u64));
                });
                scope.spawn(|| {
                    let write = two.write;
                    assert_eq!(copy(one.read.as_fd(), write.as_fd()), Ok(length as u64));
                });
                assert_eq!(copy(two.read.as_fd(), to.as_fd()), Ok(length as u64));
            });
            assert!(content(&to) == bytes, "{length}");
        }
    }

    /// The count includes the bytes of all calls before the error.
    #[test]
    fn an_error_has_its_end_and_its_count() {
        let stopped = |copied, end, errno| Err(Stopped { copied, end, errno });
        let from = file(&bytes(3 * BUFFER));
        let pipe = Pipe::new(O_CLOEXEC | O_NONBLOCK).unwrap();
        let capacity = pipe.resize(64 << 10).unwrap() as u64;
        // splice works until the pipe is full.
        assert_eq!(
            copy(from.as_fd(), pipe.write.as_fd()),
            stopped(capacity, End::To, Errno::EAGAIN)
        );
        // Into a file, until the pipe is empty.
        let to = file(b"");
        assert_eq!(
            copy(pipe.read.as_fd(), to.as_fd()),
            stopped(capacity, End::From, Errno::EAGAIN)
        );
        assert_eq!(content(&to).len() as u64, capacity);
        let full = fs::open(CWD, c"/dev/full", O_RDWR | O_CLOEXEC, 0).unwrap();
        fs::seek(from.as_fd(), 0).unwrap();
        assert_eq!(
            copy(from.as_fd(), full.as_fd()),
            stopped(0, End::To, Errno::ENOSPC)
        );
        let directory = fs::open(CWD, c"/", O_RDONLY | O_CLOEXEC, 0).unwrap();
        assert_eq!(
            copy(directory.as_fd(), to.as_fd()),
            stopped(0, End::From, Errno::EISDIR)
        );
    }
}
