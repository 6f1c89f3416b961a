//! Output.

use core::fmt;

use rustix::fd::{AsFd, BorrowedFd};
use rustix::io::{Errno, Result, retry_on_intr, write};

pub fn stdin() -> BorrowedFd<'static> {
    // SAFETY: the programs of this package never close the standard descriptors.
    unsafe { rustix::stdio::stdin() }
}

pub fn stdout() -> BorrowedFd<'static> {
    // SAFETY: as for `stdin`.
    unsafe { rustix::stdio::stdout() }
}

pub fn stderr() -> BorrowedFd<'static> {
    // SAFETY: as for `stdin`.
    unsafe { rustix::stdio::stderr() }
}

/// Writes all bytes.
pub fn write_all(fd: impl AsFd, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        match retry_on_intr(|| write(fd.as_fd(), bytes))? {
            0 => return Err(Errno::IO),
            count => bytes = &bytes[count..],
        }
    }
    Ok(())
}

/// A buffered writer. It keeps the first error for `flush`, and writes nothing after it.
pub struct Out<'a> {
    fd: BorrowedFd<'a>,
    buffer: &'a mut [u8],
    used: usize,
    error: Option<Errno>,
}

impl<'a> Out<'a> {
    pub fn new(fd: BorrowedFd<'a>, buffer: &'a mut [u8]) -> Self {
        Self {
            fd,
            buffer,
            used: 0,
            error: None,
        }
    }

    /// Appends bytes.
    pub fn put(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.used == self.buffer.len() {
                let _ = self.flush();
            }
            let free = &mut self.buffer[self.used..];
            let count = free.len().min(bytes.len());
            free[..count].copy_from_slice(&bytes[..count]);
            self.used += count;
            bytes = &bytes[count..];
        }
    }

    /// Writes what is in the buffer. Returns the first error since the beginning.
    pub fn flush(&mut self) -> Result<()> {
        if self.error.is_none() {
            self.error = write_all(self.fd, &self.buffer[..self.used]).err();
        }
        self.used = 0;
        self.error.map_or(Ok(()), Err)
    }
}

impl fmt::Write for Out<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.put(text.as_bytes());
        Ok(())
    }
}
