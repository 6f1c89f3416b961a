//! What a connection sends, so that whatever comes back wrong shows: no eight bytes look like those at
//! another place, nor like another connection's.

use ring3::mem;

/// The bytes of one connection.
#[derive(Clone, Copy)]
pub struct Pattern(u64);

impl Pattern {
    /// The pattern of connection `number`.
    pub fn new(number: u64) -> Self {
        Self(mixed(number))
    }

    /// Writes the bytes from `position` of the stream on.
    pub fn fill(self, position: u64, bytes: &mut [u8]) {
        let mut index = position / 8;
        let skip = (position % 8) as usize;
        let (head, rest) = bytes.split_at_mut(bytes.len().min((8 - skip) % 8));
        if skip > 0 {
            mem::copy(head, self.word(index).get(skip..).unwrap_or_default());
            index += 1;
        }
        let (words, tail) = rest.as_chunks_mut();
        for word in words {
            *word = self.word(index);
            index += 1;
        }
        mem::copy(tail, &self.word(index));
    }

    /// Eight bytes of the stream.
    fn word(self, index: u64) -> [u8; 8] {
        mixed(self.0 ^ index).to_le_bytes()
    }
}

/// SplitMix64: each bit of the result depends on every bit of `value`, and no two values have one
/// result.
fn mixed(value: u64) -> u64 {
    let mut mixed = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
