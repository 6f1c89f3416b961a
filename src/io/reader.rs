//! Buffered reading.

use core::ptr;

use super::read;
use crate::abi::{Errno, Result};
use crate::bytes;
use crate::fd::BorrowedFd;

/// A buffer in front of a descriptor, for input in small pieces and in lines. The caller provides the buffer.
///
/// The reader owns the descriptor's input: bytes in the buffer are no longer in the descriptor. Dropping the
/// value loses them.
///
/// A line must be shorter than the buffer, because the delimiter or EOF needs room for a byte. For a longer line,
/// [`next_line`](Self::next_line) and [`read_until`](Self::read_until) return `EMSGSIZE`, and the beginning of the line
/// stays in the [`buffer`](Self::buffer). A caller that can use a line in pieces takes the piece and continues:
///
/// ```
/// # use ring3::{Errno, fs, io::{self, BufReader}};
/// # fn main() -> ring3::Result<()> {
/// # let file = fs::in_memory(c"")?;
/// # io::write_all(file.as_fd(), b"a line longer than the buffer\n")?;
/// # fs::seek(file.as_fd(), 0)?;
/// let mut buffer = [0; 8];
/// let mut reader = BufReader::new(file.as_fd(), &mut buffer);
/// let mut length = 0;
/// loop {
///     match reader.read_until(b'\n') {
///         Ok(None) => break,
///         Ok(Some(end)) => length += end.len(),
///         Err(Errno::EMSGSIZE) => {
///             let piece = reader.buffer().len();
///             length += piece;
///             reader.consume(piece);
///         }
///         Err(errno) => return Err(errno),
///     }
/// }
/// assert_eq!(length, 30);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct BufReader<'a> {
    fd: BorrowedFd<'a>,
    buffer: &'a mut [u8],
    /// The bytes that were read and not consumed are `start..end` of `buffer`. `start` is at most `end`, and `end`
    /// is at most `buffer.len()`.
    start: usize,
    end: usize,
}

impl<'a> BufReader<'a> {
    /// A reader of `fd` through `buffer`, which must not be empty.
    #[inline]
    pub const fn new(fd: BorrowedFd<'a>, buffer: &'a mut [u8]) -> Self {
        Self {
            fd,
            buffer,
            start: 0,
            end: 0,
        }
    }

    /// The bytes that were read from the descriptor and not consumed.
    #[inline]
    #[must_use]
    pub fn buffer(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// The bytes in the buffer; if there are none, reads from the descriptor once. No bytes is EOF.
    ///
    /// # Errors
    /// As for [`read`](fn@read). `EMSGSIZE`: the buffer has no room for one byte.
    pub fn fill_buf(&mut self) -> Result<&[u8]> {
        if self.start == self.end {
            self.read_more()?;
        }
        Ok(self.buffer())
    }

    /// Removes the first `count` bytes from the buffer, or all if there are fewer.
    pub fn consume(&mut self, count: usize) {
        self.start = self.end.min(self.start.saturating_add(count));
    }

    /// Reads up to `into.len()` bytes: from the buffer if it has bytes, else from the descriptor. Returns how many
    /// bytes were read; 0 is EOF.
    ///
    /// # Errors
    /// As for [`read`](fn@read).
    pub fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        if self.start == self.end && into.len() >= self.buffer.len() {
            return read(self.fd, into);
        }
        let held = self.fill_buf()?;
        let count = held.len().min(into.len());
        bytes::copy(into, held);
        self.consume(count);
        Ok(count)
    }

    /// Reads up to the next `delimiter`. The result ends with the delimiter, except at EOF. `None`: EOF, and no byte
    /// is left.
    ///
    /// # Errors
    /// `EMSGSIZE`: the buffer is full and has no delimiter. Other errors as for [`read`](fn@read). After an error
    /// no byte is lost: the bytes read so far are in the [`buffer`](Self::buffer), and the next call continues.
    pub fn read_until(&mut self, delimiter: u8) -> Result<Option<&[u8]>> {
        let mut searched = 0;
        loop {
            let held = self.buffer();
            let new = held.get(searched..).unwrap_or_default();
            if let Some(at) = bytes::position(new, delimiter) {
                return Ok(Some(self.take(searched + at + 1)));
            }
            searched = held.len();
            if self.read_more()? == 0 {
                return Ok((searched > 0).then_some(self.take(searched)));
            }
        }
    }

    /// Reads the next line. The result has no line terminator: `\n` or `\r\n`. `None`: EOF, and no byte is left.
    ///
    /// # Errors
    /// As for [`read_until`](Self::read_until). `EMSGSIZE`: the line is not shorter than the buffer.
    #[doc(alias = "lines")]
    pub fn next_line(&mut self) -> Result<Option<&[u8]>> {
        let line = self.read_until(b'\n')?;
        Ok(line.map(|line| match line {
            [line @ .., b'\r', b'\n'] | [line @ .., b'\n'] => line,
            last => last,
        }))
    }

    /// Consumes the first `count` bytes, and returns them.
    fn take(&mut self, count: usize) -> &[u8] {
        let start = self.start;
        self.consume(count);
        self.buffer.get(start..self.start).unwrap_or_default()
    }

    /// Reads once, to the end of the bytes in the buffer. Returns how many bytes were read.
    fn read_more(&mut self) -> Result<usize> {
        if self.start > 0 {
            let held = self.end - self.start;
            let begin = self.buffer.as_mut_ptr();
            // SAFETY: `start..end` is within the buffer, so `0..held`, which is not longer, is too.
            unsafe { ptr::copy(begin.add(self.start), begin, held) };
            (self.start, self.end) = (0, held);
        }
        match self.buffer.get_mut(self.end..) {
            None | Some([]) => Err(Errno::EMSGSIZE),
            Some(room) => {
                let count = read(self.fd, room)?;
                self.end += count;
                Ok(count)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::fd::OwnedFd;
    use crate::fs;
    use crate::io::write_all;
    use crate::path::tests::texts;
    use crate::pipe::{O_CLOEXEC, O_NONBLOCK, Pipe};
    use std::io::BufRead;
    use std::vec;

    fn file(bytes: &[u8]) -> OwnedFd {
        let file = fs::in_memory(c"").unwrap();
        write_all(file.as_fd(), bytes).unwrap();
        fs::seek(file.as_fd(), 0).unwrap();
        file
    }

    /// Every text of up to six bytes of an alphabet, with every size of the buffer: the lines are those of std, and
    /// no byte is lost.
    #[test]
    fn the_lines_are_those_of_std() {
        let file = fs::in_memory(c"").unwrap();
        for text in &texts(*b"a\n\r", 6) {
            fs::set_length(file.as_fd(), 0).unwrap();
            crate::io::write_all_at(file.as_fd(), text, 0).unwrap();
            for size in [1, 2, 3, 8] {
                fs::seek(file.as_fd(), 0).unwrap();
                let mut buffer = vec![0; size];
                let mut reader = BufReader::new(file.as_fd(), &mut buffer);
                let (mut pieces, mut whole, mut too_long) = (vec![], vec![], false);
                loop {
                    match reader.read_until(b'\n') {
                        Ok(None) => break,
                        Ok(Some(piece)) => {
                            pieces.extend_from_slice(piece);
                            whole.push(piece.to_vec());
                        }
                        Err(Errno::EMSGSIZE) => {
                            assert_eq!(reader.buffer().len(), size);
                            pieces.extend_from_slice(reader.buffer());
                            reader.consume(size);
                            too_long = true;
                        }
                        Err(errno) => panic!("{errno:?}"),
                    }
                }
                assert_eq!(pieces, *text);
                let mut lines = text.split_inclusive(|&byte| byte == b'\n');
                let longest = lines.clone().map(<[u8]>::len).max().unwrap_or(0);
                let last_is_open = !text.ends_with(b"\n");
                assert!(longest <= size || too_long);
                if longest < size || longest == size && !last_is_open {
                    assert!(!too_long);
                    assert!(whole.iter().all(|line| Some(&**line) == lines.next()));
                    assert_eq!(lines.next(), None);
                }
            }
            fs::seek(file.as_fd(), 0).unwrap();
            let mut buffer = [0; 8];
            let mut reader = BufReader::new(file.as_fd(), &mut buffer);
            for line in text.lines() {
                let own = reader.next_line().unwrap().unwrap();
                assert_eq!(own, line.unwrap().as_bytes());
            }
            assert_eq!(reader.next_line(), Ok(None));
        }
    }

    #[test]
    fn a_line_comes_in_pieces_and_after_an_error() {
        let pipe = Pipe::new(O_CLOEXEC | O_NONBLOCK).unwrap();
        let write = |text: &[u8]| write_all(pipe.write.as_fd(), text).unwrap();
        let mut buffer = [0; 16];
        let mut reader = BufReader::new(pipe.read.as_fd(), &mut buffer);
        assert_eq!(reader.next_line(), Err(Errno::EAGAIN));
        write(b"a li");
        assert_eq!(reader.next_line(), Err(Errno::EAGAIN));
        assert_eq!(reader.buffer(), b"a li");
        write(b"ne\nanother line");
        assert_eq!(reader.next_line(), Ok(Some(&b"a line"[..])));
        assert_eq!(reader.next_line(), Err(Errno::EAGAIN));
        write(b"\r\nend");
        assert_eq!(reader.next_line(), Ok(Some(&b"another line"[..])));
        drop(pipe.write);
        assert_eq!(reader.next_line(), Ok(Some(&b"end"[..])));
        assert_eq!(reader.next_line(), Ok(None));
        assert_eq!(reader.next_line(), Ok(None));
    }

    #[test]
    fn bytes_are_read_through_the_buffer_and_past_it() {
        let file = file(b"0123456789");
        let mut buffer = [0; 4];
        let mut reader = BufReader::new(file.as_fd(), &mut buffer);
        let mut two = [0; 2];
        assert_eq!((reader.read(&mut two), two), (Ok(2), *b"01"));
        assert_eq!(reader.fill_buf(), Ok(&b"23"[..]));
        let mut six = [0; 6];
        assert_eq!((reader.read(&mut six), &six[..2]), (Ok(2), &b"23"[..]));
        assert_eq!((reader.read(&mut six), six), (Ok(6), *b"456789"));
        assert_eq!(reader.read(&mut six), Ok(0));
        assert_eq!(reader.fill_buf(), Ok(&[][..]));
        reader.consume(usize::MAX);
        assert_eq!(reader.buffer(), b"");
        // Without a buffer.
        let mut reader = BufReader::new(file.as_fd(), &mut []);
        assert_eq!(reader.fill_buf().err(), Some(Errno::EMSGSIZE));
        assert_eq!(reader.next_line().err(), Some(Errno::EMSGSIZE));
        fs::seek(file.as_fd(), 9).unwrap();
        assert_eq!(reader.read(&mut six), Ok(1));
    }
}
