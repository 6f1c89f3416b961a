//! The operations on a heap, encoded as bytes. Every byte string is a sequence of operations, so that a fuzzer may
//! change any byte.
//!
//! | bytes | operation |
//! |---|---|
//! | `0..=5` SIZE | `alloc` |
//! | `6 7` SIZE | `alloc_zeroed` |
//! | `8..=10` NTH SIZE | `realloc` |
//! | `11 12` NTH | `dealloc` |
//! | `13` NTH | puts a block into a slot of the exchange |
//! | `14` NTH | takes a block from a slot of the exchange |
//! | `15` NTH | `dealloc` of several blocks, one after the other |
//!
//! The operation is the low half of the first byte. NTH is the high half of the first byte and the byte after it. SIZE
//! is three bytes: a magnitude, a shape (the difference to the magnitude, and the alignment), and a third byte that
//! refines both.

use core::alloc::Layout;

use crate::Exchange;

pub enum Operation {
    Alloc { layout: Layout, zeroed: bool },
    Realloc { nth: usize, size: usize },
    Dealloc { nth: usize },
    DeallocMany { nth: usize, step: usize },
    Give { nth: usize, place: usize },
    Take { place: usize },
}

/// The power of two of each group of 8 magnitudes. The magnitudes of a group divide the range up to the next power into
/// eighths.
const POWERS: [u32; 32] = [
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,
    26, 27, 28, 29, 30, MOST,
];

/// Stands for the largest sizes that a layout may have.
const MOST: u32 = 63;

/// Sizes below 32 MiB have magnitudes below this value.
pub const MODEST: u32 = 25 * 8;

/// Sizes below 256 KiB have magnitudes below this value.
pub const SMALL: u32 = 18 * 8;

/// Alignments up to 4096 have shapes below this value.
pub const MODESTLY_ALIGNED: u32 = 56 * 4;

impl Operation {
    /// Decodes the first operation and removes it from `input`. Returns `None` if the rest is no complete operation.
    pub fn read(input: &mut &[u8]) -> Option<Self> {
        let &[first, ref rest @ ..] = *input else {
            return None;
        };
        let kind = first % 16;
        let (nth, rest) = match kind {
            0..=7 => (0, rest),
            _ => {
                let (&second, rest) = rest.split_first()?;
                (usize::from(first / 16) << 8 | usize::from(second), rest)
            }
        };
        let (size, rest) = match kind {
            0..=10 => rest.split_first_chunk()?,
            _ => (&[0; 3], rest),
        };
        *input = rest;
        Some(match kind {
            0..=7 => Self::Alloc {
                layout: layout(bytes(size), align(size)),
                zeroed: kind >= 6,
            },
            8..=10 => Self::Realloc {
                nth,
                size: bytes(size),
            },
            11 | 12 => Self::Dealloc { nth },
            13 => Self::Give {
                nth,
                place: nth % Exchange::PLACES,
            },
            14 => Self::Take {
                place: nth % Exchange::PLACES,
            },
            _ => Self::DeallocMany {
                nth: nth % 256,
                step: nth / 256,
            },
        })
    }
}

/// The layout with this alignment and size, or the largest possible layout with this alignment.
pub fn layout(size: usize, align: usize) -> Layout {
    let most = isize::MAX as usize + 1 - align;
    match Layout::from_size_align(size.min(most), align) {
        Ok(layout) => layout,
        Err(_) => unreachable!("the alignment is a power of two"),
    }
}

/// Decodes a size, which is at least 1.
fn bytes(&[magnitude, shape, more]: &[u8; 3]) -> usize {
    let power = POWERS[usize::from(magnitude / 8)];
    if power == MOST {
        return isize::MAX as usize - usize::from(more);
    }
    let size = ((8 + u64::from(magnitude % 8)) << power) / 8;
    let size = match shape % 4 {
        0 => size,
        1 => (size - 1).max(1),
        2 => size + 1,
        _ => size + ((u64::from(more) << power) >> 11), // stays within the eighth
    };
    size as usize // fits: it is below 2 to the 31st
}

/// Decodes an alignment.
fn align(&[_, shape, more]: &[u8; 3]) -> usize {
    let more = u32::from(more);
    1 << match shape / 4 {
        0..=31 => more % 5,
        32..=55 => more % 13,
        56..=61 => 12 + more % 8,
        62 => 21,
        _ => 30,
    }
}
