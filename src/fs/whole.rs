//! Whole files: read into memory, and written from memory.

use core::ffi::CStr;
use core::fmt;
use core::ops::{Deref, DerefMut};

use super::{open, stat};
use crate::abi::fs::*;
use crate::abi::{Errno, Result};
use crate::fd::BorrowedFd;
use crate::io;
use crate::mem::Mapping;

/// The content of a file, in memory of its own.
pub struct Contents {
    mapping: Mapping,
    /// How many bytes of the mapping are content.
    length: usize,
}

impl Deref for Contents {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.mapping.get(..self.length).unwrap_or_default()
    }
}

impl DerefMut for Contents {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.mapping.get_mut(..self.length).unwrap_or_default()
    }
}

impl fmt::Debug for Contents {
    /// The length; the content may be large.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Contents");
        fields.field("length", &self.length).finish_non_exhaustive()
    }
}

impl AsRef<[u8]> for Contents {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

/// Reads the whole file at a path.
///
/// The result has the bytes up to EOF, also if the file grows meanwhile, and if the kernel reports the length 0
/// (files in /proc, pipes).
///
/// ```
/// use ring3::fs::{self, CWD};
///
/// let status = fs::read(CWD, c"/proc/self/status")?;
/// assert!(status.starts_with(b"Name:\t"));
/// # Ok::<(), ring3::Errno>(())
/// ```
///
/// # Errors
/// Those of [`open`](fn@open) and of [`io::read`](fn@crate::io::read). `ENOMEM`: the content is larger than the
/// free memory; a file without an end is.
pub fn read(dir: BorrowedFd<'_>, path: &CStr) -> Result<Contents> {
    let file = open(dir, path, O_RDONLY | O_CLOEXEC, 0)?;
    read_to_end(file.as_fd())
}

/// Reads from a descriptor up to EOF. See [`read`].
///
/// # Errors
/// Those of [`io::read`](fn@crate::io::read). `ENOMEM`: the content is larger than the free memory.
pub fn read_to_end(file: BorrowedFd<'_>) -> Result<Contents> {
    // Room for one byte more than the file has: the last read returns 0 without a change of the mapping.
    const LEAST: usize = 1 << 16;
    let expected = stat(file).map_or(0, |stat| stat.stx_size);
    let expected = usize::try_from(expected).unwrap_or(usize::MAX);
    let mapping = Mapping::new(expected.saturating_add(1).max(LEAST))?;
    let mut contents = Contents { mapping, length: 0 };
    loop {
        let read = read_up_to(file, &mut contents.mapping, &mut contents.length)?;
        if read == Read::All {
            return Ok(contents);
        }
        let more = contents.mapping.len().saturating_mul(2);
        contents.mapping.resize(more)?;
    }
}

/// Reads the whole file at a path into `buffer`. Returns the content.
///
/// # Errors
/// Those of [`open`](fn@open) and of [`io::read`](fn@crate::io::read). `EFBIG`: the buffer is full before EOF. A
/// buffer that is one byte longer than the file is large enough.
pub fn read_into<'b>(
    dir: BorrowedFd<'_>,
    path: &CStr,
    buffer: &'b mut [u8],
) -> Result<&'b mut [u8]> {
    let file = open(dir, path, O_RDONLY | O_CLOEXEC, 0)?;
    let mut length = 0;
    match read_up_to(file.as_fd(), buffer, &mut length)? {
        Read::All => Ok(buffer.get_mut(..length).unwrap_or_default()),
        Read::Full => Err(Errno::EFBIG),
    }
}

#[derive(PartialEq, Eq)]
enum Read {
    /// Up to EOF.
    All,
    /// The buffer is full. Whether more bytes follow is unknown.
    Full,
}

/// Reads into `buffer` from `length` on, and adds the count of bytes to `length`.
fn read_up_to(file: BorrowedFd<'_>, buffer: &mut [u8], length: &mut usize) -> Result<Read> {
    loop {
        match buffer.get_mut(*length..) {
            None | Some([]) => return Ok(Read::Full),
            Some(room) => match io::read(file, room)? {
                0 => return Ok(Read::All),
                count => *length += count,
            },
        }
    }
}

/// Writes a whole file at a path. Creates the file, with the permissions 666 less the umask, or truncates the file
/// to length 0 first.
///
/// While this function writes, and after an error, the file has a part of the bytes.
/// [`fs::replace`](super::replace) replaces a file as a whole instead.
///
/// # Errors
/// Those of [`open`](fn@open), [`io::write_all`](crate::io::write_all) and
/// [`OwnedFd::close`](crate::fd::OwnedFd::close).
pub fn write(dir: BorrowedFd<'_>, path: &CStr, bytes: &[u8]) -> Result<()> {
    let flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
    let file = open(dir, path, flags, 0o666)?;
    io::write_all(file.as_fd(), bytes)?;
    file.close()
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::fs::CWD;
    use crate::fs::tests::{New, c};
    use crate::pipe::{self, Pipe};
    use std::vec;
    use std::vec::Vec;

    #[test]
    fn what_is_written_is_read() {
        let new = New::named("whole");
        let path = c(&new.path);
        for length in [0, 1, (1 << 16) - 1, 1 << 16, (1 << 16) + 1, 300_000] {
            let bytes: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            write(CWD, &path, &bytes).unwrap();
            assert!(*read(CWD, &path).unwrap() == *bytes, "{length}");
            let mut buffer = vec![0; length + 1];
            assert!(*read_into(CWD, &path, &mut buffer).unwrap() == *bytes);
            let full = read_into(CWD, &path, &mut buffer[..length]);
            assert_eq!(full.err(), Some(Errno::EFBIG));
        }
        assert_eq!(read(CWD, c"/nothing").err(), Some(Errno::ENOENT));
        assert_eq!(read(CWD, c"/").err(), Some(Errno::EISDIR));
        assert_eq!(write(CWD, c"/nothing/x", b"").err(), Some(Errno::ENOENT));
        assert_eq!(write(CWD, c"/dev/full", b"x").err(), Some(Errno::ENOSPC));
    }

    /// The kernel reports the length 0 for both.
    #[test]
    fn the_content_may_be_longer_than_the_length() {
        let mounts = read(CWD, c"/proc/self/mounts").unwrap();
        assert!(*mounts == *std::fs::read("/proc/self/mounts").unwrap());
        let pipe = Pipe::new(pipe::O_CLOEXEC).unwrap();
        let bytes: Vec<u8> = (0..1_000_000).map(|at| (at % 251) as u8).collect();
        std::thread::scope(|scope| {
            let write = pipe.write;
            let bytes = &bytes;
            scope.spawn(move || io::write_all(write.as_fd(), bytes).unwrap());
            let mut read = read_to_end(pipe.read.as_fd()).unwrap();
            assert!(*read == *bytes);
            read[0] = 1;
            assert_eq!(read.as_ref()[0], 1);
        });
    }
}
