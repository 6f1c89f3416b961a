//! Reading into several buffers, and writing from several buffers, with one call.

use core::fmt;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use core::slice;

use super::retry;
use crate::abi::fs::UIO_MAXIOV;
use crate::abi::net::Iovec;
use crate::abi::{Errno, Result, syscall};
use crate::fd::BorrowedFd;

/// A buffer that [`write_vectored`] reads from.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct IoSlice<'a>(Iovec, PhantomData<&'a [u8]>);

/// A buffer that [`read_vectored`] writes to.
#[repr(transparent)]
pub struct IoSliceMut<'a>(Iovec, PhantomData<&'a mut [u8]>);

// SAFETY: the value is a `&[u8]` in the kernel's form.
unsafe impl Send for IoSlice<'_> {}
// SAFETY: as for `Send`.
unsafe impl Sync for IoSlice<'_> {}
// SAFETY: the value is a `&mut [u8]` in the kernel's form.
unsafe impl Send for IoSliceMut<'_> {}
// SAFETY: as for `Send`.
unsafe impl Sync for IoSliceMut<'_> {}

impl<'a> IoSlice<'a> {
    /// The bytes of `bytes`.
    #[inline]
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        let piece = Iovec {
            iov_base: bytes.as_ptr().cast_mut(),
            iov_len: bytes.len(),
        };
        Self(piece, PhantomData)
    }

    /// Removes the first `count` bytes, or all bytes if there are fewer.
    pub fn advance(&mut self, count: usize) {
        *self = Self::new(self.rest(count));
    }

    /// The bytes after the first `count`.
    fn rest(&self, count: usize) -> &'a [u8] {
        // SAFETY: `new` made the value from a `&'a [u8]`.
        let bytes: &'a [u8] = unsafe { slice::from_raw_parts(self.0.iov_base, self.0.iov_len) };
        bytes.get(count..).unwrap_or_default()
    }
}

impl<'a> IoSliceMut<'a> {
    /// The bytes of `buffer`.
    #[inline]
    pub fn new(buffer: &'a mut [u8]) -> Self {
        let piece = Iovec {
            iov_base: buffer.as_mut_ptr(),
            iov_len: buffer.len(),
        };
        Self(piece, PhantomData)
    }
}

impl Deref for IoSlice<'_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.rest(0)
    }
}

impl Deref for IoSliceMut<'_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        // SAFETY: `new` made the value from a `&'a mut [u8]`, and `self` is borrowed.
        unsafe { slice::from_raw_parts(self.0.iov_base, self.0.iov_len) }
    }
}

impl DerefMut for IoSliceMut<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: `new` made the value from a `&'a mut [u8]`, and `self` is borrowed mutably.
        unsafe { slice::from_raw_parts_mut(self.0.iov_base, self.0.iov_len) }
    }
}

impl fmt::Debug for IoSlice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl fmt::Debug for IoSliceMut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// Reads into the buffers, in order: a buffer is filled before the next is used (readv(2)). Returns how many
/// bytes were read; 0 is EOF. The kernel takes the first 1024 buffers.
///
/// # Errors
/// As for [`read`](fn@super::read).
#[doc(alias = "readv")]
#[inline]
pub fn read_vectored(fd: BorrowedFd<'_>, buffers: &mut [IoSliceMut<'_>]) -> Result<usize> {
    let count = buffers.len().min(UIO_MAXIOV);
    // SAFETY: an `IoSliceMut` is an Iovec of bytes that it borrows mutably. The kernel reads `count` of them, and
    // writes only to their bytes.
    retry(|| unsafe { syscall!(readv(fd, buffers.as_ptr(), count)) })
}

/// Writes the bytes of the buffers, in order, as one write (writev(2)). Returns how many bytes were written,
/// which may be fewer. The kernel takes the first 1024 buffers.
///
/// # Errors
/// As for [`write`](fn@super::write). `EINVAL`: the buffers have more than `isize::MAX` bytes in all.
#[doc(alias = "writev")]
#[inline]
pub fn write_vectored(fd: BorrowedFd<'_>, buffers: &[IoSlice<'_>]) -> Result<usize> {
    let count = buffers.len().min(UIO_MAXIOV);
    // SAFETY: an `IoSlice` is an Iovec of bytes that it borrows. The kernel reads `count` of them and their
    // bytes.
    retry(|| unsafe { syscall!(writev(fd, buffers.as_ptr(), count)) })
}

/// Writes all bytes of the buffers. After a partial write, it writes the remaining bytes. The buffers that were
/// written are empty afterwards.
///
/// # Errors
/// As for [`write_all`](super::write_all). The buffers hold the bytes that were not written.
pub fn write_all_vectored(fd: BorrowedFd<'_>, buffers: &mut [IoSlice<'_>]) -> Result<()> {
    let mut left = buffers;
    loop {
        // Skips the buffers without bytes, so that a write of no bytes is an error.
        let full = left.iter().position(|buffer| !buffer.is_empty());
        left = match full.and_then(|full| left.get_mut(full..)) {
            Some(rest) => rest,
            None => return Ok(()),
        };
        let mut written = match write_vectored(fd, left)? {
            0 => return Err(Errno::EIO),
            written => written,
        };
        for buffer in left.iter_mut() {
            let count = written.min(buffer.len());
            buffer.advance(count);
            written -= count;
            if written == 0 {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::fs;
    use crate::io::{read, read_at};
    use crate::pipe::{O_CLOEXEC, O_NONBLOCK, Pipe};
    use std::vec;
    use std::vec::Vec;

    #[test]
    fn the_buffers_are_written_and_read_in_order() {
        let file = fs::in_memory(c"").unwrap();
        let written = [&b"one"[..], b"", b", two"].map(IoSlice::new);
        assert_eq!(write_vectored(file.as_fd(), &written), Ok(8));
        fs::seek(file.as_fd(), 0).unwrap();
        let (mut one, mut two, mut three) = ([0; 2], [0; 5], [0; 9]);
        let mut buffers = [&mut one[..], &mut two, &mut three].map(IoSliceMut::new);
        assert_eq!(read_vectored(file.as_fd(), &mut buffers), Ok(8));
        buffers[0][1] += 1;
        assert_eq!((&*buffers[0], &*buffers[1]), (&b"oo"[..], &b"e, tw"[..]));
        assert_eq!((one, two, three[0]), (*b"oo", *b"e, tw", b'o'));
    }

    /// More buffers than the kernel takes, and partial writes into a pipe that another thread empties.
    #[test]
    fn all_of_many_buffers_is_written() {
        let bytes: Vec<u8> = (0..300_000_u32).map(|at| (at % 251) as u8).collect();
        let mut buffers: Vec<_> = bytes.chunks(97).map(IoSlice::new).collect();
        buffers.insert(5, IoSlice::new(b""));
        buffers.push(IoSlice::new(b""));
        assert!(buffers.len() > 2 * UIO_MAXIOV);
        let pipe = Pipe::new(O_CLOEXEC).unwrap();
        let mut received = vec![];
        std::thread::scope(|scope| {
            let write = pipe.write;
            scope.spawn(move || {
                write_all_vectored(write.as_fd(), &mut buffers).unwrap();
                assert!(buffers.iter().all(|buffer| buffer.is_empty()));
            });
            let mut buffer = [0; 1000];
            while let Ok(count @ 1..) = read(pipe.read.as_fd(), &mut buffer) {
                received.extend_from_slice(&buffer[..count]);
            }
        });
        assert!(received == bytes);
    }

    #[test]
    fn what_is_not_written_stays_in_the_buffers() {
        let pipe = Pipe::new(O_CLOEXEC | O_NONBLOCK).unwrap();
        let capacity = pipe.resize(4096).unwrap();
        let (one, two) = (vec![1; capacity - 10], [2; 30]);
        let mut buffers = [&one[..], &two].map(IoSlice::new);
        let full = write_all_vectored(pipe.write.as_fd(), &mut buffers);
        assert_eq!(full, Err(Errno::EAGAIN));
        let left: usize = buffers.iter().map(|buffer| buffer.len()).sum();
        let mut came = vec![0; capacity + 30];
        let count = read(pipe.read.as_fd(), &mut came).unwrap();
        assert_eq!(count + left, one.len() + two.len());
        assert!(count >= one.len());
    }

    #[test]
    fn a_write_at_an_offset_keeps_the_descriptors_offset() {
        let file = fs::in_memory(c"").unwrap();
        let file = file.as_fd();
        crate::io::write_all(file, b"0123456789").unwrap();
        crate::io::write_all_at(file, b"abc", 4).unwrap();
        assert_eq!(crate::io::write_at(file, b"X", 12), Ok(1));
        crate::io::write_all(file, b"e").unwrap();
        let mut bytes = [0; 20];
        assert_eq!(read_at(file, &mut bytes, 2), Ok(11));
        assert_eq!(bytes[..11], *b"23abc789e\0X");
        assert_eq!(read_at(file, &mut bytes, 13), Ok(0));
        for offset in [1 << 63, u64::MAX] {
            assert_eq!(read_at(file, &mut bytes, offset), Err(Errno::EINVAL));
            let written = crate::io::write_all_at(file, b"x", offset);
            assert_eq!(written, Err(Errno::EINVAL));
        }
    }
}
