//! Pseudo-random operations, the same at every run.

use crate::operation::{MODEST, MODESTLY_ALIGNED, SMALL};

/// The generator xorshift64*.
pub struct Random(u64);

impl Random {
    /// Creates a generator. Different seeds give different numbers.
    pub const fn new(seed: u32) -> Self {
        Self((seed as u64 + 1) << 32 | 0x9E37_79B9)
    }

    /// A number below `limit`, which must not be 0.
    pub fn below(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let bits = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32;
        ((bits * u64::from(limit)) >> 32) as u32 // below limit
    }

    /// Fills `buffer` with operations: mostly small blocks, rarely large or strongly aligned blocks, sometimes an
    /// impossible size or a `dealloc` of several blocks. Returns the used part.
    pub fn operations<'b>(&mut self, buffer: &'b mut [u8]) -> &'b [u8] {
        let mut used = 0;
        while let Some(room) = buffer[used..].first_chunk_mut() {
            used += self.operation(room);
        }
        &buffer[..used]
    }

    /// Writes one operation and returns its length.
    fn operation(&mut self, room: &mut [u8; 5]) -> usize {
        let kind = match self.below(400) {
            0 => 15,
            _ => self.byte(15),
        };
        let [magnitude, shape] = match self.below(200) {
            0 => [256, 256].map(|limit| self.byte(limit)),
            // Prefers small blocks, because programs use mostly small blocks.
            _ => [
                self.byte(MODEST)
                    .min(self.byte(MODEST))
                    .min(self.byte(SMALL)),
                self.byte(MODESTLY_ALIGNED),
            ],
        };
        let (nth, more) = (self.byte(256), self.byte(256));
        let first = kind | nth << 4;
        match kind {
            0..=7 => room[..4].copy_from_slice(&[kind, magnitude, shape, more]),
            _ => *room = [first, nth ^ more, magnitude, shape, more],
        }
        match kind {
            0..=7 => 4,
            8..=10 => 5,
            _ => 2,
        }
    }

    /// A number below `limit`, which is at most 256.
    fn byte(&mut self, limit: u32) -> u8 {
        self.below(limit) as u8
    }
}
