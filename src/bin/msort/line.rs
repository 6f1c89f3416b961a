//! A line, the item that is sorted. One [`Line`] can stand for several equal short lines.

use crate::text::{Key, Text};

/// A line of the text; or several equal lines, if the key holds all bytes of the line.
#[derive(Clone, Copy)]
pub struct Line {
    /// The key of the whole line, or of its number. While lines with a common prefix are sorted, the key of the rest
    /// after the prefix.
    pub key: Key,
    /// Where the line begins in the text; or [`COUNTED`] and the number of equal lines.
    place: usize,
}

/// A bit that no place has: a text has at most `isize::MAX` bytes.
const COUNTED: usize = 1 << (usize::BITS - 1);

/// Where the bytes of a [`Line`] are.
#[derive(Clone, Copy)]
pub enum Content {
    /// In the text, from this place on.
    At(usize),
    /// In the key; the number is how many equal lines there are.
    Short(Key, usize),
}

impl Line {
    /// No line: a count of 0.
    pub const NONE: Self = Self::short(Key::EMPTY, 0);

    /// Returns the line that begins at `place`.
    pub fn at(place: usize, key: Key) -> Self {
        Self { key, place }
    }

    /// Returns `count` equal lines whose bytes are all in `key`.
    pub const fn short(key: Key, count: usize) -> Self {
        let place = COUNTED | count;
        Self { key, place }
    }

    /// Returns where the line begins. The line must be in the text, not in the key.
    pub fn place(self) -> usize {
        self.place
    }

    /// Returns where the line's bytes are.
    pub fn content(self) -> Content {
        match self.place & COUNTED {
            0 => Content::At(self.place),
            _ => Content::Short(self.key, self.place & !COUNTED),
        }
    }

    /// Adds `count` to the number of equal lines. The line must be in the key ([`short`](Self::short)).
    pub fn add(&mut self, count: usize) {
        self.place += count;
    }

    /// Whether this is [`NONE`](Self::NONE), whatever its key.
    pub fn is_none(self) -> bool {
        self.place == COUNTED
    }

    /// Whether two neighbours in the sorted list have the same bytes.
    pub fn equals(self, other: Self, text: Text<'_>) -> bool {
        // Two equal lines get their new keys together, from the same depth, so their keys are equal. Two different
        // lines can have equal keys from different depths: then the text decides.
        self.key == other.key
            && match (self.content(), other.content()) {
                (Content::At(a), Content::At(b)) => text.line(a) == text.line(b),
                (Content::Short(..), Content::Short(..)) => true,
                _ => false,
            }
    }
}
