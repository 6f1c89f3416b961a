//! A text of lines, read a word of eight bytes at a time.

use core::ops::Range;

use ring3::mem;

/// The bytes of a word.
pub const WORD: usize = size_of::<u64>();

/// The first bytes of a line and how many there are, as one number: the first is the most significant,
/// zeros stand where the line is shorter, and the count in the last byte puts the shorter line first
/// where all else is equal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(u64);

impl Key {
    /// How many bytes of a line it has.
    pub const LENGTH: usize = WORD - 1;

    /// The count of a line that has more.
    const GOES_ON: u64 = WORD as u64;

    /// That of an empty line.
    pub const EMPTY: Self = Self(0);

    /// Whether the line has more bytes.
    pub fn goes_on(self) -> bool {
        self.0 & 0xFF == Self::GOES_ON
    }

    /// How many bytes the line has, if no more than these.
    pub fn length(self) -> usize {
        (self.0 & 0xFF) as usize
    }

    /// A number of so many bits that looks random.
    pub fn hash(self, bits: u32) -> usize {
        const GOLDEN_RATIO: u64 = 0x9E37_79B9_7F4A_7C15; // 2^64 over it
        (self.0.wrapping_mul(GOLDEN_RATIO) >> (u64::BITS - bits)) as usize
    }
}

/// Bytes in which every line has its end.
#[derive(Clone, Copy)]
pub struct Text<'a> {
    bytes: &'a [u8],
    /// The byte that ends a line, as often as it goes into a word.
    end: u64,
}

impl<'a> Text<'a> {
    pub fn new(bytes: &'a [u8], end: u8) -> Self {
        let end = u64::from_ne_bytes([end; _]);
        Self { bytes, end }
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The word at `at`, its first byte the most significant; zeros are behind the text.
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

    /// The ends in a word: the high bit of each such byte, and no other bit.
    #[inline]
    pub fn ends(&self, word: u64) -> u64 {
        const LOW: u64 = u64::from_ne_bytes([0x7F; _]);
        let zero_for_end = word ^ self.end;
        !(((zero_for_end & LOW) + LOW) | zero_for_end | LOW)
    }

    /// The key of the line at `at`, or of the rest of one.
    #[inline]
    pub fn key(&self, at: usize) -> Key {
        let word = self.word(at);
        match self.ends(word) {
            0 => Key(word & !0xFF | Key::GOES_ON),
            ends => {
                let length = first(ends);
                Key(word & !behind(length) | length as u64)
            }
        }
    }

    /// The word that a line begins with which has no more bytes than its key.
    pub fn word_of(&self, key: Key) -> u64 {
        let behind = behind(key.length());
        key.0 & !behind | self.end & behind
    }

    /// Where the line ends that `at` is in.
    #[inline]
    pub fn end_from(&self, mut at: usize) -> usize {
        loop {
            match self.ends(self.word(at)) {
                0 => at += WORD,
                ends => return at + first(ends),
            }
        }
    }

    /// The line at `at`, without its end.
    pub fn line(&self, at: usize) -> &'a [u8] {
        &self.bytes[at..self.end_from(at)]
    }

    /// Where the `number`th of so many parts begins, each whole lines and about equally long.
    pub fn part(&self, number: usize, parts: usize) -> usize {
        match self.bytes.len() / parts * number {
            _ if number == parts => self.bytes.len(),
            0 => 0,
            at => self.end_from(at) + 1,
        }
    }

    /// Where in `part` the lines end that are equal to the one that it begins with, of which `length`
    /// bytes with its end are no more than a word.
    #[inline]
    pub fn skip_equal(&self, part: Range<usize>, length: usize) -> usize {
        let behind = 8 * (WORD - length);
        let word = self.word(part.start) >> behind;
        let mut at = part.start + length;
        while at < part.end && self.word(at) >> behind == word {
            at += length;
        }
        at
    }

    /// How many bytes are equal from `a` and from `b` on, up to `most`.
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

    /// Begins to fetch the line at `at`.
    #[inline]
    pub fn prefetch(&self, at: usize) {
        // The line's first bytes, and those that may be on the next line of the cache.
        for at in [at, at + 32] {
            if let Some(byte) = self.bytes.get(at) {
                mem::prefetch(byte);
            }
        }
    }
}

/// The number of a word's first byte in which a bit is set.
#[inline]
pub fn first(bits: u64) -> usize {
    bits.leading_zeros() as usize / 8
}

/// The bytes of a word behind the first `length`, fewer than all.
fn behind(length: usize) -> u64 {
    u64::MAX >> (8 * length)
}
