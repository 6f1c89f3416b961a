//! Reads an input line by line, with one buffer. The buffer grows only for a line that is longer than the buffer.

use alloc::vec::Vec;
use core::ops::Range;

use ring3::cli::OrFail;
use ring3::fd::{OwnedFd, STDIN};
use ring3::rt::Exit;
use ring3::{Result, io};

use crate::memory::reserve;
use crate::text::Text;
use crate::{Input, PROGRAM};

/// An input that is read line by line.
pub struct Stream {
    pub input: Input,
    /// The open file; `None` for standard input.
    file: Option<OwnedFd>,
    /// The bytes that were read, and a terminator after them. So a search for a terminator ends, and a last line
    /// without a terminator has one.
    buffer: Vec<u8>,
    /// The number of bytes in the buffer before that terminator.
    used: usize,
    /// The current line, with its terminator. At first and at the end, it is empty.
    line: Range<usize>,
    /// Whether a read has returned 0.
    at_eof: bool,
    /// The byte that ends a line.
    end: u8,
}

impl Stream {
    /// Opens an input, with a buffer of `size` bytes, at least 2.
    ///
    /// # Errors
    /// Exit 1: the input cannot be opened, or there is no memory; a message was printed.
    pub fn open(input: Input, end: u8, size: usize) -> core::result::Result<Self, Exit> {
        let file = match input.is_stdin() {
            true => None,
            false => Some(input.open()?),
        };
        let mut buffer = Vec::new();
        reserve(&mut buffer, size).or_fail(PROGRAM, "read", input)?;
        buffer.resize(size, end);
        Ok(Self {
            input,
            file,
            buffer,
            used: 0,
            line: 0..0,
            at_eof: false,
            end,
        })
    }

    /// The current line with its terminator; an empty slice before the first line and after the last.
    pub fn line(&self) -> &[u8] {
        &self.buffer[self.line.clone()]
    }

    /// Goes on to the next line.
    ///
    /// # Errors
    /// Those of read(2); `ENOMEM` if the line does not fit into memory.
    pub fn advance(&mut self) -> Result<()> {
        // A last line without a terminator ends after `used`.
        let mut begin = self.line.end.min(self.used);
        let mut searched = begin;
        loop {
            let text = Text::new(&self.buffer[..=self.used], self.end);
            let at = text.end_from(searched);
            if at < self.used || self.at_eof {
                // After the last line, the rest is empty.
                let length = if begin < self.used { at + 1 - begin } else { 0 };
                self.line = begin..begin + length;
                return Ok(());
            }
            self.buffer.copy_within(begin..self.used, 0);
            self.used -= begin;
            begin = 0;
            searched = self.used;
            self.read()?;
        }
    }

    /// Reads more bytes, after those in the buffer.
    fn read(&mut self) -> Result<()> {
        if self.used + 1 == self.buffer.len() {
            reserve(&mut self.buffer, self.used)?;
            self.buffer.resize(self.buffer.capacity(), 0);
        }
        let fd = self.file.as_ref().map_or(STDIN, OwnedFd::as_fd);
        let room = self.buffer.len() - 1;
        let count = io::read(fd, &mut self.buffer[self.used..room])?;
        self.used += count;
        self.buffer[self.used] = self.end;
        self.at_eof = count == 0;
        Ok(())
    }
}
