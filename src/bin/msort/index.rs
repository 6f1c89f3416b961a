//! The lines of a text, listed.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem;
use core::ops::Range;

use ring3::{Errno, Result};

use crate::line::Line;
use crate::memory::reserve;
use crate::text::{Key, Text, WORD};
use crate::workers::{MOST, share};

/// The lines of `text`, in its order but for the short ones.
///
/// # Errors
/// `ENOMEM`.
pub fn lines(text: Text<'_>, threads: usize) -> Result<Vec<Line>> {
    let mut lists = [const { Ok(Vec::new()) }; MOST];
    share(
        threads,
        lists.iter_mut().take(threads).enumerate(),
        |(part, list)| {
            let part = text.part(part, threads)..text.part(part + 1, threads);
            *list = lines_of(text, part);
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

/// Those of a part of it.
fn lines_of(text: Text<'_>, part: Range<usize>) -> Result<Vec<Line>> {
    let mut list = List::new()?;
    let mut at = part.start;
    while at < part.end {
        let key = text.key(at);
        if key.goes_on() {
            list.push(Line::at(at, key))?;
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

/// Lines, and how many of each short one there are.
struct List {
    lines: Vec<Line>,
    /// The latest short lines, each at the place of its key, until another line takes the place. The array is too large
    /// for a small stack.
    recent: Box<[Line; RECENT]>,
}

/// How many short lines are counted at a time, a power of two: as many as are in the first cache still
/// when the next one comes.
const RECENT: usize = 1 << 11;

/// How many lines there is to be room for at least, when there is none for the next.
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

    #[inline]
    fn push(&mut self, line: Line) -> Result<()> {
        if self.lines.len() == self.lines.capacity() {
            reserve(&mut self.lines, MORE)?;
        }
        self.lines.push(line);
        Ok(())
    }

    /// Adds `count` lines that are all in `key`.
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

    fn push_counted(&mut self, line: Line) -> Result<()> {
        match line.is_none() {
            true => Ok(()),
            false => self.push(line),
        }
    }

    fn into_lines(mut self) -> Result<Vec<Line>> {
        for at in 0..RECENT {
            self.push_counted(self.recent[at])?;
        }
        Ok(self.lines)
    }
}
