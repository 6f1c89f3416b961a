//! The lines of a text, and their order.
//!
//! A line is sorted by a *key*: its next 7 bytes and how many there are, as one number. So most
//! comparisons are of two numbers, and no text is fetched for them. Only lines whose keys are equal
//! and that go on are sorted again, among themselves, by their next 7 bytes.

use alloc::vec::Vec;
use core::mem;

use ring3::Result;

use crate::memory::reserve;

/// How many bytes of a line are in a key.
const STEP: usize = size_of::<u64>() - 1;

/// A line of a text.
#[derive(Clone, Copy)]
pub struct Line<'text> {
    key: u64,
    /// With its end.
    bytes: &'text [u8],
}

impl<'text> Line<'text> {
    /// Its bytes, the end included.
    pub fn bytes(&self) -> &'text [u8] {
        self.bytes
    }

    /// Sets the key for the bytes from `depth` on: `STEP` bytes, the first the most significant,
    /// zeros where the line is shorter; and then how many of them are the line's, which puts the
    /// shorter line first where the bytes are equal.
    fn set_key(&mut self, depth: usize) {
        let rest = &self.bytes[depth..self.bytes.len() - 1];
        self.key = match rest.first_chunk() {
            // More than STEP bytes: the count says "and more".
            Some(&chunk) => u64::from_be_bytes(chunk) & !0xFF | GOES_ON,
            None => {
                let mut chunk = [0; STEP + 1];
                chunk[..rest.len()].copy_from_slice(rest);
                chunk[STEP] = rest.len() as u8;
                u64::from_be_bytes(chunk)
            }
        };
    }

    /// Whether the line has more bytes than its key.
    fn goes_on(&self) -> bool {
        self.key & 0xFF == GOES_ON
    }
}

/// The count in a key of a line that goes on behind it.
const GOES_ON: u64 = STEP as u64 + 1;

/// How many lines there is to be room for at least, when there is none for the next.
const MORE: usize = 4096;

/// The lines of `text`, each of which has its `end`.
///
/// # Errors
/// `ENOMEM`.
pub fn of(text: &[u8], end: u8) -> Result<Vec<Line<'_>>> {
    let mut lines = Vec::new();
    for bytes in text.split_inclusive(|&byte| byte == end) {
        let mut line = Line { key: 0, bytes };
        line.set_key(0);
        if lines.len() == lines.capacity() {
            reserve(&mut lines, MORE)?;
        }
        lines.push(line);
    }
    Ok(lines)
}

/// Sorts lines by their bytes, a line before those that it is the beginning of.
pub fn sort(lines: &mut [Line<'_>]) {
    sort_from(lines, 0);
}

/// Sorts lines that are equal before `depth`, and have the key from there.
fn sort_from(mut lines: &mut [Line<'_>], mut depth: usize) {
    loop {
        lines.sort_unstable_by_key(|line| line.key);
        depth += STEP;
        // The longest part is left for the loop: so each call has at most half the lines of its
        // caller, and the stack stays small whatever the lines are.
        let mut longest: &mut [Line<'_>] = &mut [];
        for part in lines.chunk_by_mut(|a, b| a.key == b.key) {
            if part.len() == 1 || !part[0].goes_on() {
                continue;
            }
            for line in &mut *part {
                line.set_key(depth);
            }
            if part.len() <= longest.len() {
                sort_from(part, depth);
            } else {
                sort_from(mem::replace(&mut longest, part), depth);
            }
        }
        if longest.is_empty() {
            return;
        }
        lines = longest;
    }
}
