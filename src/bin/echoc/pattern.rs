//! The bytes that a connection sends, made so that a lost, repeated or misdirected part of a reply is found. All
//! aligned words of eight bytes in a stream differ. Two streams have equal words only at positions that no run reaches.

use ring3::bytes;

/// The stream of bytes of one connection.
#[derive(Clone, Copy)]
pub struct Pattern(u64);

impl Pattern {
    /// Returns the pattern of connection `number`.
    pub fn new(number: u64) -> Self {
        Self(mixed(number))
    }

    /// Fills `bytes` with the bytes of the stream from `position` on.
    pub fn fill(self, position: u64, bytes: &mut [u8]) {
        let mut index = position / 8;
        let skip = (position % 8) as usize;
        let (head, rest) = bytes.split_at_mut(bytes.len().min((8 - skip) % 8));
        if skip > 0 {
            bytes::copy(head, self.word(index).get(skip..).unwrap_or_default());
            index += 1;
        }
        let (words, tail) = rest.as_chunks_mut();
        for word in words {
            *word = self.word(index);
            index += 1;
        }
        bytes::copy(tail, &self.word(index));
    }

    /// Returns the word of eight bytes at `index`.
    fn word(self, index: u64) -> [u8; 8] {
        mixed(self.0 ^ index).to_le_bytes()
    }
}

/// SplitMix64: each bit of the result depends on every bit of `value`, and no two values have the same result.
fn mixed(value: u64) -> u64 {
    let mut mixed = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
