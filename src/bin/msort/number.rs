//! The number at the beginning of a line (`-n`): blanks, a minus, digits, a point, digits; each part may be missing. The
//! rest of the line is ignored. A line without a digit has the number 0.
//!
//! Digits are compared as text, so a number may have any length. Most comparisons need only the keys, which are
//! integers.

use core::cmp::Ordering;

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
pub const DIGITS: usize = 13;

/// The key of the number 0.
const ZERO: u64 = 1 << 62;

/// Returns the key of a line's number, from its digits after the first `skip`.
#[inline(never)] // called in two loops
pub fn key(line: &[u8], skip: usize) -> u64 {
    Number::of(line).key(skip)
}

/// Whether numbers with this key can differ: the key has not all their digits.
pub fn is_cut(key: u64) -> bool {
    key & 1 != 0
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
