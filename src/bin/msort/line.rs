//! What is sorted: a line of a text, or equal ones.

use crate::text::{Key, Text};

/// A line; or several that are equal, where their key holds all of one.
#[derive(Clone, Copy)]
pub struct Line {
    /// Of the whole line, or of what it does not have in common with others.
    pub key: Key,
    /// Where the line begins in the text; or `COUNTED`, and how many there are.
    place: usize,
}

/// A bit that is in no place: a text has at most `isize::MAX` bytes.
const COUNTED: usize = 1 << (usize::BITS - 1);

/// The bytes of a [`Line`].
#[derive(Clone, Copy)]
pub enum Content {
    /// Those of the line that begins at this place of the text.
    At(usize),
    /// Those of the key, so many times.
    Short(Key, usize),
}

impl Line {
    /// No line at all.
    pub const NONE: Self = Self::short(Key::EMPTY, 0);

    /// The line that begins at `place`.
    pub fn at(place: usize, key: Key) -> Self {
        Self { key, place }
    }

    /// `count` lines, each of which is all in `key`.
    pub const fn short(key: Key, count: usize) -> Self {
        let place = COUNTED | count;
        Self { key, place }
    }

    /// Where the line begins, unless it is counted.
    pub fn place(self) -> usize {
        self.place
    }

    pub fn content(self) -> Content {
        match self.place & COUNTED {
            0 => Content::At(self.place),
            _ => Content::Short(self.key, self.place & !COUNTED),
        }
    }

    /// Makes it so many lines more.
    pub fn add(&mut self, count: usize) {
        self.place += count;
    }

    /// Whether it is no line at all.
    pub fn is_none(self) -> bool {
        self.place == COUNTED
    }

    /// Whether a sorted line has the same bytes as its neighbour.
    pub fn equals(self, other: Self, text: Text<'_>) -> bool {
        // What is equal was keyed at the same depth, each time; what was not may have the same key.
        self.key == other.key
            && match (self.content(), other.content()) {
                (Content::At(a), Content::At(b)) => text.line(a) == text.line(b),
                (Content::Short(..), Content::Short(..)) => true,
                _ => false,
            }
    }
}
