//! The order of lines that the options ask for.

use core::cmp::Ordering;

use crate::number::{self, Number};
use crate::text::WORD;

/// The options that make the order. Lines that are equal in this order keep the order of the inputs; with `unique`,
/// only the first of them is printed.
#[derive(Clone, Copy, Default)]
pub struct Order {
    /// Whether lines are compared by their numbers first.
    pub numeric: bool,
    /// Whether lines with equal numbers keep the order of the input.
    pub stable: bool,
    pub unique: bool,
    pub reverse: bool,
}

impl Order {
    /// Compares two lines.
    pub fn compare(self, a: &[u8], b: &[u8]) -> Ordering {
        let ordering = match self.numeric {
            false => a.cmp(b),
            true => match Number::of(a).compare(&Number::of(b)) {
                Ordering::Equal if !self.by_number_alone() => a.cmp(b),
                ordering => ordering,
            },
        };
        self.direct(ordering)
    }

    /// Whether lines with equal numbers are equal, as with `-s` and `-u`.
    pub fn by_number_alone(self) -> bool {
        self.stable || self.unique
    }

    /// Reverses the ordering, if the options say so.
    pub fn direct(self, ordering: Ordering) -> Ordering {
        match self.reverse {
            false => ordering,
            true => ordering.reverse(),
        }
    }

    /// Returns a key of the line. Of two lines with different keys, the line with the smaller key is the smaller line,
    /// if the order is not reversed.
    pub fn key(self, line: &[u8]) -> u64 {
        match self.numeric {
            true => number::key(line, 0),
            false => {
                let mut first = [0; WORD];
                ring3::bytes::copy(&mut first, line);
                u64::from_be_bytes(first)
            }
        }
    }
}
