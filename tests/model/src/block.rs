//! A live block of a heap, and the contents that the model writes to it.

use core::alloc::Layout;
use core::ptr;

/// The model writes and compares words of this size.
const WORD: usize = size_of::<u64>();

/// Smaller blocks are filled completely.
const WHOLE: usize = 4096;

/// In larger blocks about this many words are written,
const SAMPLES: usize = 128;

/// and in blocks of [`HUGE`] bytes and more about this many words, because each word may touch a page of 2 MiB.
const FEW_SAMPLES: usize = 8;
const HUGE: usize = 2 << 20;

/// In a block of up to this many words all words are compared with zero. In a larger block about this many words are
/// compared. The steps of `fill` and `is_zero` are powers of two: `is_zero` finds the words that `fill` wrote to an
/// earlier, larger block with the same start.
const ZERO_SAMPLES: usize = 4 << 10;

#[derive(Clone, Copy)]
pub struct Block {
    pub start: *mut u8,
    pub layout: Layout,
    /// Makes the contents of blocks differ.
    pub mark: u64,
}

// SAFETY: the owner of a `Block` has exclusive use of the memory. Models and exchanges pass a block on without keeping
// a copy, and a heap allows any thread to use and free a block.
unsafe impl Send for Block {}

impl Block {
    /// The value of an unused entry.
    pub const NONE: Self = Self {
        start: ptr::null_mut(),
        layout: Layout::new::<()>(),
        mark: 0,
    };

    pub fn overlaps(&self, other: &Self) -> bool {
        let end = |block: &Self| block.start.addr() + block.layout.size();
        self.start.addr() < end(other) && other.start.addr() < end(self)
    }

    /// Writes the contents: each word of a short block, some words of a long block including the first and the last.
    pub fn fill(&self) {
        for (place, length) in written(self.layout.size()) {
            // SAFETY: `written` returns words within the block, which is live and which the owner of `self` uses
            // exclusively.
            unsafe { write(self.start.add(place), self.word(place), length) };
        }
    }

    /// Whether the first `kept` bytes hold the contents that were written when the block had `size` bytes.
    pub fn holds(&self, size: usize, kept: usize) -> bool {
        written(size)
            .take_while(|&(place, _)| place < kept)
            .all(|(place, length)| {
                let length = length.min(kept - place);
                // SAFETY: the word ends at or before `kept`, which is within the block. `fill` has written the word.
                let word = unsafe { read(self.start.add(place), length) };
                word == self.word(place) & low(length)
            })
    }

    /// Whether the block is zero.
    pub fn is_zero(&self) -> bool {
        let size = self.layout.size();
        let step = (size / ZERO_SAMPLES).next_power_of_two().max(WORD);
        // SAFETY: `words` returns words within the block, which is live, and which `alloc_zeroed` has initialized.
        words(size, step).all(|(place, length)| 0 == unsafe { read(self.start.add(place), length) })
    }

    /// The word that is written at this offset.
    fn word(&self, place: usize) -> u64 {
        (self.mark ^ (place as u64) << 20).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1
    }
}

/// The words of a block that are written: offset and length.
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

/// A word at every `step` bytes of a block, and the last word: offset and length. A word at the end may be shorter.
fn words(size: usize, step: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..size)
        .step_by(step)
        .chain([(size - 1) / WORD * WORD])
        .map(move |place| (place, WORD.min(size - place)))
}

/// A mask of the low `length` bytes of a word.
fn low(length: usize) -> u64 {
    u64::MAX >> (u64::BITS as usize - 8 * length)
}

/// Writes the first `length` bytes of a word.
///
/// # Safety
/// `length` bytes at `place` must be writable; `length` is at most 8.
unsafe fn write(place: *mut u8, word: u64, length: usize) {
    if length == WORD {
        // SAFETY: the caller promises that 8 bytes are writable.
        return unsafe { place.cast::<u64>().write_unaligned(word.to_le()) };
    }
    for (nth, byte) in word.to_le_bytes().into_iter().take(length).enumerate() {
        // SAFETY: the caller promises that `length` bytes are writable, and `nth` is below `length`.
        unsafe { *place.add(nth) = byte };
    }
}

/// Reads `length` bytes as a word.
///
/// # Safety
/// `length` bytes at `place` must be readable and initialized; `length` is at most 8.
unsafe fn read(place: *mut u8, length: usize) -> u64 {
    if length == WORD {
        // SAFETY: the caller promises that 8 bytes are readable.
        return u64::from_le(unsafe { place.cast::<u64>().read_unaligned() });
    }
    // SAFETY: the caller promises that `length` bytes are readable, and `nth` is below `length`.
    (0..length).fold(0, |word, nth| {
        word | u64::from(unsafe { *place.add(nth) }) << (8 * nth)
    })
}
