//! A block that is out, and what was written there.

use core::alloc::Layout;
use core::ptr;

/// What is written at once.
const WORD: usize = size_of::<u64>();

/// Blocks below this size are written whole.
const WHOLE: usize = 4096;

/// About so many words of a larger one are written,
const SAMPLES: usize = 128;

/// and so many of one from [`HUGE`] on, where each may take a page of 2 MiB.
const FEW_SAMPLES: usize = 8;
const HUGE: usize = 2 << 20;

/// A block of up to this many words is looked through whole for something else than zeros, and of a
/// larger one about so many words are. Both are steps of powers of two: what was written of a larger
/// block that began there is found.
const ZERO_SAMPLES: usize = 4 << 10;

#[derive(Clone, Copy)]
pub struct Block {
    pub start: *mut u8,
    pub layout: Layout,
    /// What is written differs from block to block by this.
    pub mark: u64,
}

// SAFETY: whoever has this has the block.
unsafe impl Send for Block {}

impl Block {
    /// No block.
    pub const NONE: Self = Self {
        start: ptr::null_mut(),
        layout: Layout::new::<()>(),
        mark: 0,
    };

    pub fn overlaps(&self, other: &Self) -> bool {
        let end = |block: &Self| block.start.addr() + block.layout.size();
        self.start.addr() < end(other) && other.start.addr() < end(self)
    }

    /// Writes: each word of a short block, some of a long one, its first and its last.
    pub fn fill(&self) {
        for (place, length) in written(self.layout.size()) {
            // SAFETY: within the block, which is out.
            unsafe { write(self.start.add(place), self.word(place), length) };
        }
    }

    /// Whether the first `kept` bytes hold what was written when the block was of `size` bytes.
    pub fn holds(&self, size: usize, kept: usize) -> bool {
        written(size)
            .take_while(|&(place, _)| place < kept)
            .all(|(place, length)| {
                let length = length.min(kept - place);
                // SAFETY: within the block, which is out and was written there.
                let word = unsafe { read(self.start.add(place), length) };
                word == self.word(place) & low(length)
            })
    }

    /// Whether it is zero.
    pub fn is_zero(&self) -> bool {
        let size = self.layout.size();
        let step = (size / ZERO_SAMPLES).next_power_of_two().max(WORD);
        // SAFETY: within the block, which is out and was zeroed.
        words(size, step).all(|(place, length)| 0 == unsafe { read(self.start.add(place), length) })
    }

    /// What is written at a place.
    fn word(&self, place: usize) -> u64 {
        (self.mark ^ (place as u64) << 20).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1
    }
}

/// The words of a block that are written.
fn written(size: usize) -> impl Iterator<Item = (usize, usize)> {
    let samples = if size < WHOLE {
        size
    } else if size < HUGE {
        SAMPLES
    } else {
        FEW_SAMPLES
    };
    let step = (size / samples).next_power_of_two().max(WORD);
    words(size, step)
}

/// A word every `step` bytes of a block, and its last: place and length, which is less at the end.
fn words(size: usize, step: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..size)
        .step_by(step)
        .chain([(size - 1) / WORD * WORD])
        .map(move |place| (place, WORD.min(size - place)))
}

/// The bytes of a word that count where only so many are in the block.
fn low(length: usize) -> u64 {
    u64::MAX >> (u64::BITS as usize - 8 * length)
}

/// # Safety
/// `length` bytes at `place`, at most 8, may be written.
unsafe fn write(place: *mut u8, word: u64, length: usize) {
    if length == WORD {
        // SAFETY: the caller's promise.
        return unsafe { place.cast::<u64>().write_unaligned(word.to_le()) };
    }
    for (nth, byte) in word.to_le_bytes().into_iter().take(length).enumerate() {
        // SAFETY: the caller's promise.
        unsafe { *place.add(nth) = byte };
    }
}

/// # Safety
/// `length` bytes at `place`, at most 8, may be read.
unsafe fn read(place: *mut u8, length: usize) -> u64 {
    if length == WORD {
        // SAFETY: the caller's promise.
        return u64::from_le(unsafe { place.cast::<u64>().read_unaligned() });
    }
    // SAFETY: the caller's promise.
    (0..length).fold(0, |word, nth| {
        word | u64::from(unsafe { *place.add(nth) }) << (8 * nth)
    })
}
