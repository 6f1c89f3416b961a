//! The same numbers in every run: each allocator gets the same calls.

/// Marsaglia's xorshift, of 64 bits.
pub struct Random(u64);

impl Random {
    /// A sequence of its own for each `seed`.
    pub fn new(seed: u64) -> Self {
        Self(0x9e37_79b9_7f4a_7c15 ^ seed)
    }

    /// A number from 0 to `bound` - 1.
    #[inline(always)]
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        // The upper half times the bound, over 2^32: no division.
        ((self.0 >> 32) as usize * bound) >> 32
    }

    /// A size from `least` to `most`.
    #[inline(always)]
    pub fn size(&mut self, least: usize, most: usize) -> usize {
        least + self.below(most - least + 1)
    }
}
