//! The text: the bytes of all inputs, divided into lines. The bytes are read by words of eight bytes.

use core::ops::Range;

use ring3::bytes;

/// The number of bytes in a word.
pub const WORD: usize = size_of::<u64>();

/// The first seven bytes of a line and a count, as one integer that compares as the lines do.
///
/// The first byte of the line is the most significant. If the line has fewer than seven bytes, zeros follow. The least
/// significant byte is the count: the length of the line, or 8 if the line has more than seven bytes. So between a
/// short line and one that continues with zero bytes, the shorter comes first.
///
/// While lines are sorted by their numbers, the integer is the key of the number instead
/// ([`number::key`](crate::number::key)).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(pub u64);

impl Key {
    /// The most bytes of a line in a key.
    pub const LENGTH: usize = WORD - 1;

    /// The count for a line of more than [`LENGTH`](Self::LENGTH) bytes.
    const GOES_ON: u64 = WORD as u64;

    /// The key of an empty line.
    pub const EMPTY: Self = Self(0);

    /// Whether the line has more bytes than the key.
    pub fn goes_on(self) -> bool {
        self.0 & 0xFF == Self::GOES_ON
    }

    /// Returns the length of the line in bytes. The key must hold all of the line.
    pub fn length(self) -> usize {
        (self.0 & 0xFF) as usize
    }

    /// Returns a hash of `bits` bits (Fibonacci hashing).
    pub fn hash(self, bits: u32) -> usize {
        const GOLDEN_RATIO: u64 = 0x9E37_79B9_7F4A_7C15; // 2^64 divided by the golden ratio
        (self.0.wrapping_mul(GOLDEN_RATIO) >> (u64::BITS - bits)) as usize
    }
}

/// A text of lines. Every line, also the last, has a terminator: a newline or a zero byte.
#[derive(Clone, Copy)]
pub struct Text<'a> {
    bytes: &'a [u8],
    /// The terminator, in every byte of a word.
    end: u64,
}

impl<'a> Text<'a> {
    /// Returns the text of these bytes, whose last byte must be `end`, the terminator. An empty text is allowed.
    pub fn new(bytes: &'a [u8], end: u8) -> Self {
        let end = u64::from_ne_bytes([end; _]);
        Self { bytes, end }
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Returns the word at `at`, as a big-endian number. After the end of the text, the bytes are zero.
    #[inline]
    pub fn word(&self, at: usize) -> u64 {
        let rest = self.bytes.get(at..).unwrap_or_default();
        match rest.first_chunk() {
            Some(&chunk) => u64::from_be_bytes(chunk),
            None => rest
                .iter()
                .rfold(0, |word, &byte| word >> 8 | u64::from(byte) << 56),
        }
    }

    /// Finds the terminators in a word: returns a word in which the high bit of each such byte is set, and no other
    /// bit.
    #[inline]
    pub fn ends(&self, word: u64) -> u64 {
        const LOW: u64 = u64::from_ne_bytes([0x7F; _]);
        let zero_for_end = word ^ self.end;
        !(((zero_for_end & LOW) + LOW) | zero_for_end | LOW)
    }

    /// Returns the key of the line, or of the rest of a line, that begins at `at`.
    #[inline]
    pub fn key(&self, at: usize) -> Key {
        let word = self.word(at);
        match self.ends(word) {
            0 => Key(word & !0xFF | Key::GOES_ON),
            ends => {
                let length = first(ends);
                Key(word & !mask_from(length) | length as u64)
            }
        }
    }

    /// Returns a word that begins with the line of `key` and its terminator. The key must hold all of the line.
    pub fn word_of(&self, key: Key) -> u64 {
        let rest = mask_from(key.length());
        key.0 & !rest | self.end & rest
    }

    /// Returns where the first terminator from `at` on is.
    #[inline]
    pub fn end_from(&self, mut at: usize) -> usize {
        loop {
            match self.ends(self.word(at)) {
                0 => at += WORD,
                ends => return at + first(ends),
            }
        }
    }

    /// Returns the line at `at`, without its terminator.
    pub fn line(&self, at: usize) -> &'a [u8] {
        &self.bytes[at..self.end_from(at)]
    }

    /// Returns where part `number` begins if the text is divided into `parts` parts of about equal length, each of
    /// whole lines.
    pub fn part(&self, number: usize, parts: usize) -> usize {
        match self.bytes.len() / parts * number {
            _ if number == parts => self.bytes.len(),
            0 => 0,
            at => self.end_from(at) + 1,
        }
    }

    /// Skips the lines at the beginning of `part` that equal its first line. Returns the position after them. The first
    /// line has `length` bytes with its terminator, at most a word.
    #[inline]
    pub fn skip_equal(&self, part: Range<usize>, length: usize) -> usize {
        let unused = 8 * (WORD - length); // the bits of a word after the line
        let word = self.word(part.start) >> unused;
        let mut at = part.start + length;
        while at < part.end && self.word(at) >> unused == word {
            at += length;
        }
        at
    }

    /// Returns how many bytes from `a` on equal those from `b` on, at most `most`.
    pub fn common(&self, a: usize, b: usize, most: usize) -> usize {
        let mut length = 0;
        while length < most {
            let differ = self.word(a + length) ^ self.word(b + length);
            if differ != 0 {
                return most.min(length + first(differ));
            }
            length += WORD;
        }
        most
    }

    /// Prefetches the line at `at` into the cache.
    #[inline]
    pub fn prefetch(&self, at: usize) {
        // The first bytes, and those after them, which may be on the next cache line.
        for at in [at, at + 32] {
            if let Some(byte) = self.bytes.get(at) {
                bytes::prefetch(byte);
            }
        }
    }
}

/// Returns the index of the first byte of a word in which a bit is set.
#[inline]
pub fn first(bits: u64) -> usize {
    bits.leading_zeros() as usize / 8
}

/// Returns a mask of the bytes of a word from index `length` on, which must be less than [`WORD`].
fn mask_from(length: usize) -> u64 {
    u64::MAX >> (8 * length)
}
