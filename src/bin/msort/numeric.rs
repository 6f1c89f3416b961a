//! Sorts by the numbers at the beginnings of lines (`-n`). A number is blanks, a minus, digits, a point, digits; each
//! part may be missing. The rest of the line is ignored. A line without a digit has the number 0.
//!
//! Digits are compared as text, so a number may have any length. Most comparisons need only the keys, which are
//! integers.

use alloc::vec::Vec;
use core::cmp::Ordering;
use core::ops::Range;

use ring3::Result;

use crate::index;
use crate::line::Line;
use crate::order::Order;
use crate::sort::{sort_by_key, sort_from};
use crate::text::{Key, Text};

/// The number at the beginning of a line, in digits. Numbers of the same value have the same fields.
pub struct Number<'a> {
    negative: bool,
    /// The digits before the point, from the first that is not zero.
    whole: &'a [u8],
    /// The digits after the point, up to the last that is not zero.
    fraction: &'a [u8],
}

impl<'a> Number<'a> {
    /// Returns the number of a line.
    #[inline]
    pub fn of(line: &'a [u8]) -> Self {
        // A newline can be in the line if a zero byte ends it.
        let line = after(line, |byte| matches!(byte, b' ' | b'\t' | b'\n'));
        let (negative, digits) = match line {
            [b'-', digits @ ..] => (true, digits),
            digits => (false, digits),
        };
        let digits = after(digits, |byte| byte == b'0');
        let rest = after(digits, |byte| byte.is_ascii_digit());
        let whole = &digits[..digits.len() - rest.len()];
        let mut fraction = &[][..];
        if let [b'.', digits @ ..] = rest {
            let rest = after(digits, |byte| byte.is_ascii_digit());
            fraction = &digits[..digits.len() - rest.len()];
            while let [others @ .., b'0'] = fraction {
                fraction = others;
            }
        }
        Self {
            negative: negative && !(whole.is_empty() && fraction.is_empty()), // there is one zero
            whole,
            fraction,
        }
    }

    /// Compares the values.
    pub fn compare(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (negative, _) => {
                let (a, b) = if negative {
                    (other, self)
                } else {
                    (self, other)
                };
                let lengths = a.whole.len().cmp(&b.whole.len());
                let whole = lengths.then_with(|| a.whole.cmp(b.whole));
                whole.then_with(|| a.fraction.cmp(b.fraction))
            }
        }
    }

    /// Returns a key of the digits after the first `skip`: an integer that compares as the numbers do, if they have the
    /// same digits before. Numbers with equal keys are equal, unless the keys are [cut](is_cut).
    ///
    /// The key is `ZERO` plus or minus an integer that consists of, from the most significant bit: the number of digits
    /// before the point (8 bits), [`DIGITS`] digits (4 bits each), and whether there are more digits (1 bit). From 255
    /// digits before the point on, the key has the count 255, no digits, and the last bit.
    fn key(&self, skip: usize) -> u64 {
        const MOST: usize = 255;
        let length = self.whole.len();
        let digits = self.whole.iter().chain(self.fraction);
        let mut room = DIGITS;
        let mut value = 0;
        digits.skip(skip).take(DIGITS).for_each(|digit| {
            value = value << 4 | u64::from(digit & 0xF);
            room -= 1;
        });
        let magnitude = if length < MOST {
            let cut = length + self.fraction.len() > skip + DIGITS;
            (length as u64) << 53 | value << (4 * room) << 1 | u64::from(cut)
        } else {
            (MOST as u64) << 53 | 1
        };
        match self.negative {
            false => ZERO + magnitude,
            true => ZERO - magnitude,
        }
    }
}

/// The number of digits in a key.
const DIGITS: usize = 13;

/// The key of the number 0.
const ZERO: u64 = 1 << 62;

/// Returns the key of a line's number, from its digits after the first `skip`.
#[inline(never)] // called in two loops
pub fn key(line: &[u8], skip: usize) -> u64 {
    Number::of(line).key(skip)
}

/// Whether numbers with this key can differ: the key has not all their digits.
fn is_cut(key: Key) -> bool {
    key.0 & 1 != 0
}

/// Returns the bytes after those at the beginning for which `skip` is true.
#[inline]
fn after(bytes: &[u8], skip: impl Fn(u8) -> bool) -> &[u8] {
    let mut bytes = bytes;
    while let [first, rest @ ..] = bytes
        && skip(*first)
    {
        bytes = rest;
    }
    bytes
}

/// Compares the numbers of two lines by all their digits.
fn compare(text: Text<'_>, a: &Line, b: &Line) -> Ordering {
    let number = |line: &Line| Number::of(text.line(line.place()));
    number(a).compare(&number(b))
}

/// Returns the lines of a part of the text, with the keys of their numbers.
pub fn lines_of(text: Text<'_>, part: Range<usize>) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    let mut at = part.start;
    while at < part.end {
        let line = text.line(at);
        index::push(&mut lines, Line::at(at, Key(key(line, 0))))?;
        at += line.len() + 1;
    }
    Ok(lines)
}

/// Sorts lines by their numbers.
pub fn sort(text: Text<'_>, lines: &mut [Line], order: Order) {
    sort_by_key(lines);
    for run in lines.chunk_by_mut(|a, b| a.key == b.key) {
        if run.len() == 1 {
            continue;
        }
        if is_cut(run[0].key) {
            sort_cut(text, run);
        }
        for equal in run.chunk_by_mut(|a, b| are_equal(text, a, b)) {
            sort_equal(text, equal, order);
        }
    }
}

/// Sorts lines with the same cut key.
fn sort_cut(text: Text<'_>, lines: &mut [Line]) {
    let [Line { key: first, .. }, ..] = *lines else {
        return;
    };
    for line in &mut *lines {
        line.key = Key(key(text.line(line.place()), DIGITS));
    }
    sort_by_key(lines);
    for run in lines.chunk_by_mut(|a, b| a.key == b.key) {
        if is_cut(run[0].key) {
            sort_by_digits(text, run);
        }
    }
    for line in lines {
        line.key = first;
    }
}

/// Sorts lines by all digits of their numbers. This is a heapsort: it is short, and few numbers need it.
fn sort_by_digits(text: Text<'_>, lines: &mut [Line]) {
    let is_less = |a: &Line, b: &Line| compare(text, a, b).is_lt();
    // In the first half of the steps the lines become a heap; then the greatest line goes to the end of the heap.
    let count = lines.len();
    for step in (0..count + count / 2).rev() {
        let (mut root, end) = match step.checked_sub(count) {
            Some(root) => (root, count),
            None => {
                lines.swap(0, step);
                (0, step)
            }
        };
        let heap = &mut lines[..end];
        while let Some(children) = heap.get(2 * root + 1..) {
            let child = match children {
                [] => break,
                [left, right, ..] if is_less(left, right) => 2 * root + 2,
                _ => 2 * root + 1,
            };
            if !is_less(&heap[root], &heap[child]) {
                break;
            }
            heap.swap(root, child);
            root = child;
        }
    }
}

/// Sorts lines with equal numbers: by their bytes, or by their places in the input.
fn sort_equal(text: Text<'_>, lines: &mut [Line], order: Order) {
    let [Line { key, .. }, ..] = *lines else {
        return;
    };
    if !order.by_number_alone() {
        for line in &mut *lines {
            line.key = text.key(line.place());
        }
        return sort_from(text, lines, 0);
    }
    // The key of the number is needed again for `are_equal`.
    for line in &mut *lines {
        line.key = Key(line.place() as u64);
    }
    sort_by_key(lines);
    for line in &mut *lines {
        line.key = key;
    }
    // All lines are written in reverse, but lines with equal numbers stay in the order of the input.
    if order.reverse {
        lines.reverse();
    }
}

/// Whether two lines have equal numbers. Their keys must be those of their numbers.
pub fn are_equal(text: Text<'_>, a: &Line, b: &Line) -> bool {
    a.key == b.key && (!is_cut(a.key) || compare(text, a, b).is_eq())
}
