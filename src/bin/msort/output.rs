//! Writes the sorted lines.
//!
//! The output is divided into blocks of lines. Each thread copies the lines of a block into a buffer of its own, in
//! parallel with the other threads. The threads then write in the order of the blocks: each waits for its turn. A
//! thread whose buffer is full before the end of its block keeps its turn until the whole block is written.

use alloc::vec::Vec;
use core::ops::Range;

use ring3::fd::BorrowedFd;
use ring3::sync::{Condvar, Mutex};
use ring3::{Result, io};

use crate::by_number;
use crate::line::{Content, Line};
use crate::memory::reserve;
use crate::order::Order;
use crate::text::{Text, WORD, first};
use crate::workers::share;

/// The size of a thread's buffer, in bytes. It is so large that a write takes longer than waking the next thread, and
/// so small that the buffer is still in the thread's cache at the write.
const BUFFER: usize = 256 * 1024;

/// How many lines ahead the text is prefetched: neighbours in sorted order are at random places in the text.
const AHEAD: usize = 24;

/// The sorted lines, and their order.
pub struct Sorted<'a> {
    pub text: Text<'a>,
    pub lines: &'a [Line],
    pub order: Order,
}

impl Sorted<'_> {
    /// Writes the lines.
    ///
    /// # Errors
    /// `ENOMEM`, before the first byte is written; and the errors of write(2).
    pub fn write(&self, fd: BorrowedFd<'_>, threads: usize) -> Result<()> {
        let size = BUFFER.min(self.text.len() + WORD);
        let mut buffers = Vec::new();
        reserve(&mut buffers, threads * size)?;
        buffers.resize(threads * size, 0);

        // The number of lines of average length that fill a buffer.
        let count = self.lines.len();
        let block = (count * size / self.text.len().max(1)).max(1);
        let blocks = Mutex::new((0..count).step_by(block).enumerate());
        let turns = Turns {
            fd,
            turn: Mutex::new(Turn {
                number: 0,
                result: Ok(()),
            }),
            changed: Condvar::new(),
        };
        share(threads, buffers.chunks_exact_mut(size), |buffer| {
            let next = || blocks.lock().next();
            while let Some((number, begin)) = next() {
                let output = Output {
                    turns: &turns,
                    number,
                    buffer,
                    used: 0,
                };
                let end = count.min(begin + block);
                if self.put_block(begin..end, output).is_err() {
                    return; // `turns` keeps the error
                }
            }
        });
        turns.turn.into_inner().result
    }

    /// Returns the line at `place` in the order of the output.
    fn line(&self, place: usize) -> Option<Line> {
        let place = match self.order.reverse {
            false => place,
            true => self.lines.len().checked_sub(place + 1)?,
        };
        self.lines.get(place).copied()
    }

    /// Copies the lines of a block to `output`, which is written at the end of the block.
    fn put_block(&self, places: Range<usize>, mut output: Output<'_, '_>) -> Result<()> {
        for place in places {
            if let Some(Content::At(at)) = self.line(place + AHEAD).map(Line::content) {
                self.text.prefetch(at);
            }
            self.put(place, &mut output)?;
        }
        output.write(true)
    }

    /// Copies the line at `place` to `output`. With `unique`, skips a line that equals the line before.
    fn put(&self, place: usize, output: &mut Output<'_, '_>) -> Result<()> {
        let Some(line) = self.line(place) else {
            return Ok(());
        };
        let is_again = || {
            let before = place.checked_sub(1).and_then(|before| self.line(before));
            before.is_some_and(|before| match self.order.numeric {
                false => line.equals(before, self.text),
                true => by_number::are_equal(self.text, &line, &before),
            })
        };
        if self.order.unique && is_again() {
            return Ok(());
        }
        match line.content() {
            Content::At(mut at) => loop {
                let word = self.text.word(at);
                match self.text.ends(word) {
                    0 => output.put(word, WORD)?,
                    ends => return output.put(word, first(ends) + 1),
                }
                at += WORD;
            },
            Content::Short(key, count) => {
                let count = if self.order.unique { 1 } else { count };
                let word = self.text.word_of(key);
                for _ in 0..count {
                    output.put(word, key.length() + 1)?;
                }
                Ok(())
            }
        }
    }
}

/// The order in which the threads write their blocks.
struct Turns<'fd> {
    fd: BorrowedFd<'fd>,
    turn: Mutex<Turn>,
    changed: Condvar,
}

struct Turn {
    /// The number of the block that is written next.
    number: usize,
    /// The first error. After an error no block is written any more, so that the output has no gap.
    result: Result<()>,
}

/// The output of one block.
struct Output<'a, 'fd> {
    turns: &'a Turns<'fd>,
    number: usize,
    buffer: &'a mut [u8],
    used: usize,
}

impl Output<'_, '_> {
    /// Appends the first `count` bytes of a word to the buffer.
    #[inline]
    fn put(&mut self, word: u64, count: usize) -> Result<()> {
        loop {
            if let Some(room) = self.buffer[self.used..].first_chunk_mut() {
                *room = word.to_be_bytes();
                self.used += count;
                return Ok(());
            }
            self.write(false)?;
        }
    }

    /// Waits for the block's turn, and writes the bytes in the buffer. `last` ends the turn.
    ///
    /// # Errors
    /// The first error of any block.
    #[cold]
    fn write(&mut self, last: bool) -> Result<()> {
        let mut turn = self.turns.turn.lock();
        while turn.number != self.number && turn.result.is_ok() {
            turn = self.turns.changed.wait(turn);
        }
        turn.result?;
        turn.result = io::write_all(self.turns.fd, &self.buffer[..self.used]);
        turn.number += usize::from(last);
        self.used = 0;
        let result = turn.result;
        drop(turn);
        self.turns.changed.notify_all();
        result
    }
}
