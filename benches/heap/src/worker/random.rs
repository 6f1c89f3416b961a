//! Pseudo-random numbers. They are the same in every run, so that all allocators get the same calls.

/// Marsaglia's xorshift generator with 64 bits.
pub struct Random(u64);

impl Random {
    /// Returns a generator; each `seed` gives another sequence.
    pub fn new(seed: u64) -> Self {
        Self(0x9e37_79b9_7f4a_7c15 ^ seed)
    }

    /// Returns a number from 0 to `bound` - 1.
    #[inline(always)]
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        // Multiplies the upper half by the bound, and divides by 2^32 with a shift: no division is needed.
        ((self.0 >> 32) as usize * bound) >> 32
    }

    /// Returns a size from `least` to `most`, both included.
    #[inline(always)]
    pub fn size(&mut self, least: usize, most: usize) -> usize {
        least + self.below(most - least + 1)
    }
}
