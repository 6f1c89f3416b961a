//! A histogram of latencies, in memory of a fixed size.
//!
//! Below 64 ns a slot is one nanosecond wide. Above, each doubling has 64 slots of equal width. So the width of a slot
//! is at most 1/64 of the values in it, and its middle differs from them by less than 1 %.

use ring3::mem::Mapping;

/// The number of slots for each doubling, a power of two.
const STEPS: u64 = 1 << STEP_BITS;
const STEP_BITS: u32 = 6;

/// The number of doublings after the first 64 ns. They reach to 73 minutes; longer times are counted in the last slot.
const DOUBLINGS: u64 = 36;

const SLOTS: usize = ((DOUBLINGS + 1) * STEPS) as usize;

/// Latencies in nanoseconds.
pub struct Histogram {
    /// The counts, of 8 bytes each. They take 19 KB, so they are not on the stack.
    slots: Mapping,
    count: u64,
    max: u64,
}

impl Histogram {
    /// Returns an empty histogram.
    pub fn new() -> ring3::Result<Self> {
        Ok(Self {
            slots: Mapping::new(SLOTS * size_of::<u64>())?,
            count: 0,
            max: 0,
        })
    }

    /// Counts one latency.
    #[inline]
    pub fn add(&mut self, value: u64) {
        let (slots, _) = self.slots.as_chunks_mut();
        if let Some(count) = slots.get_mut(slot(value)) {
            *count = (u64::from_ne_bytes(*count) + 1).to_ne_bytes(); // each value has a slot
        }
        self.count += 1;
        self.max = self.max.max(value);
    }

    /// Returns how many latencies were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns the largest latency, exactly, or 0 if there is none.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// Returns the latency that `share` in 1000 of the counted latencies do not exceed. The result is exact to 1 %, and
    /// is 0 if no latency was counted.
    pub fn per_mille(&self, share: u64) -> u64 {
        let rank = self.count.saturating_mul(share).div_ceil(1000);
        let mut seen = 0;
        let (slots, _) = self.slots.as_chunks();
        for (slot, &count) in slots.iter().enumerate() {
            let count = u64::from_ne_bytes(count);
            seen += count;
            if seen >= rank && count > 0 {
                return middle(slot).min(self.max);
            }
        }
        self.max
    }
}

/// Returns the slot of a value.
fn slot(value: u64) -> usize {
    let value = value.min((STEPS << DOUBLINGS) - 1);
    let doubling = (value | (STEPS - 1)).ilog2() + 1 - STEP_BITS;
    // Doubling 0 has one slot for each value. In the other doublings, halving the value `doubling - 1` times gives 64
    // to 127.
    let step = match doubling.checked_sub(1) {
        None => value,
        Some(halvings) => (value >> halvings) - STEPS,
    };
    (u64::from(doubling) * STEPS + step) as usize
}

/// Returns the value in the middle of a slot.
fn middle(slot: usize) -> u64 {
    let (doubling, step) = (slot as u64 / STEPS, slot as u64 % STEPS);
    match doubling.checked_sub(1) {
        None => step,
        Some(doublings) => ((STEPS + step) << doublings) + (1 << doublings) / 2,
    }
}
