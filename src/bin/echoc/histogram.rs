//! How often each latency occurred, in memory of a fixed size.
//!
//! Below 64 ns a slot is one nanosecond; above, each doubling has 64 slots of the same width. So a
//! slot is at most 1/64 of what it counts, and its middle less than 1 % away.

use ring3::mem::Mapping;

/// Slots for each doubling, a power of two.
const STEPS: u64 = 1 << STEP_BITS;
const STEP_BITS: u32 = 6;

/// Doublings behind the first 64 ns. What is beyond the last, 73 minutes, is counted there.
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
    /// Without any.
    pub fn new() -> ring3::Result<Self> {
        Ok(Self {
            slots: Mapping::new(SLOTS * size_of::<u64>())?,
            count: 0,
            max: 0,
        })
    }

    /// Counts one.
    #[inline]
    pub fn add(&mut self, value: u64) {
        let (slots, _) = self.slots.as_chunks_mut();
        if let Some(count) = slots.get_mut(slot(value)) {
            *count = (u64::from_ne_bytes(*count) + 1).to_ne_bytes(); // each value has a slot
        }
        self.count += 1;
        self.max = self.max.max(value);
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The largest, exactly; 0 of none.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// What so many in a thousand do not exceed, to 1 %; 0 of none.
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

fn slot(value: u64) -> usize {
    let value = value.min((STEPS << DOUBLINGS) - 1);
    let doubling = (value | (STEPS - 1)).ilog2() + 1 - STEP_BITS;
    // Halved once less than that, it is 64 to 127.
    let step = match doubling.checked_sub(1) {
        None => value,
        // Halved so often, it is 64 to 127.
        Some(halvings) => (value >> halvings) - STEPS,
    };
    (u64::from(doubling) * STEPS + step) as usize
}

/// The middle of a slot.
fn middle(slot: usize) -> u64 {
    let (doubling, step) = (slot as u64 / STEPS, slot as u64 % STEPS);
    match doubling.checked_sub(1) {
        None => step,
        Some(doublings) => ((STEPS + step) << doublings) + (1 << doublings) / 2,
    }
}
