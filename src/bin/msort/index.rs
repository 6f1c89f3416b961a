//! The index: lists the lines of a text, with their keys.
//!
//! Equal short lines that are close to each other are counted in one [`Line`], so that a text of few different short
//! lines gives a short list.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem;
use core::ops::Range;

use ring3::{Errno, Result};

use crate::line::Line;
use crate::memory::reserve;
use crate::number;
use crate::order::Order;
use crate::text::{Key, Text, WORD};
use crate::workers::{MOST, share};

/// Returns the lines of `text`. Long lines are in the order of the text; short lines, which are counted, are not. If
/// the order is by numbers, the keys are those of the numbers, and all lines are in the order of the text.
///
/// # Errors
/// `ENOMEM`.
pub fn lines(text: Text<'_>, threads: usize, order: Order) -> Result<Vec<Line>> {
    let mut lists = [const { Ok(Vec::new()) }; MOST];
    share(
        threads,
        lists.iter_mut().take(threads).enumerate(),
        |(part, list)| {
            let part = text.part(part, threads)..text.part(part + 1, threads);
            *list = match order.numeric {
                false => lines_of(text, part),
                true => lines_by_number(text, part),
            };
        },
    );
    let [first, others @ ..] = lists;
    let mut lines = first?;
    for list in others {
        let list = list?;
        reserve(&mut lines, list.len())?;
        lines.extend_from_slice(&list);
    }
    Ok(lines)
}

/// Returns the lines of a part of the text.
fn lines_of(text: Text<'_>, part: Range<usize>) -> Result<Vec<Line>> {
    let mut list = List::new()?;
    let mut at = part.start;
    while at < part.end {
        let key = text.key(at);
        if key.goes_on() {
            push(&mut list.lines, Line::at(at, key))?;
            at = text.end_from(at + WORD) + 1;
        } else {
            let length = key.length() + 1;
            let next = text.skip_equal(at..part.end, length);
            list.count(key, (next - at) / length)?;
            at = next;
        }
    }
    list.into_lines()
}

/// Returns the lines of a part of the text, with the keys of their numbers.
fn lines_by_number(text: Text<'_>, part: Range<usize>) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    let mut at = part.start;
    while at < part.end {
        let line = text.line(at);
        push(&mut lines, Line::at(at, Key(number::key(line, 0))))?;
        at += line.len() + 1;
    }
    Ok(lines)
}

/// Appends a line to a list.
#[inline]
fn push(lines: &mut Vec<Line>, line: Line) -> Result<()> {
    if lines.len() == lines.capacity() {
        reserve(lines, MORE)?;
    }
    lines.push(line);
    Ok(())
}

/// A list of lines under construction, with counts for the short lines.
struct List {
    lines: Vec<Line>,
    /// The latest short lines and their counts: a hash table in which a new key replaces the old key of its slot. The
    /// table is on the heap, because it is too large for a small stack.
    recent: Box<[Line; RECENT]>,
}

/// The number of entries in [`List::recent`], a power of two. The table (16 bytes an entry) fits the first-level cache.
const RECENT: usize = 1 << 11;

/// The least number of lines for which room is made at a time.
const MORE: usize = 4096;

impl List {
    fn new() -> Result<Self> {
        let mut recent = Vec::new();
        reserve(&mut recent, RECENT)?;
        recent.resize(RECENT, Line::NONE);
        Ok(Self {
            lines: Vec::new(),
            recent: recent.try_into().map_err(|_| Errno::ENOMEM)?,
        })
    }

    /// Adds `count` equal lines whose bytes are all in `key`.
    #[inline]
    fn count(&mut self, key: Key, count: usize) -> Result<()> {
        let recent = &mut self.recent[key.hash(RECENT.ilog2())];
        if recent.key == key {
            recent.add(count);
            return Ok(());
        }
        let old = mem::replace(recent, Line::short(key, count));
        self.push_counted(old)
    }

    /// Adds a line that left the table `recent`; an empty entry adds nothing.
    fn push_counted(&mut self, line: Line) -> Result<()> {
        match line.is_none() {
            true => Ok(()),
            false => push(&mut self.lines, line),
        }
    }

    /// Adds the lines that are still in `recent`, and returns the list.
    fn into_lines(mut self) -> Result<Vec<Line>> {
        for at in 0..RECENT {
            self.push_counted(self.recent[at])?;
        }
        Ok(self.lines)
    }
}
