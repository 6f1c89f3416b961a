//! The sizes of small blocks: powers of two, so that a block of a class is aligned to its size.

use core::alloc::Layout;

/// The smallest block: room for the link by which a free block hangs in its list, and the alignment
/// that the widest primitive types ask for.
const SMALLEST: usize = 16;

/// The largest small block: above it, rounding up to whole pages wastes less than a span would.
const LARGEST: usize = 32 * 1024;

/// How many classes there are.
pub const COUNT: usize = (LARGEST / SMALLEST).ilog2() as usize + 1;

/// A size class, from 0 to [`COUNT`] - 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Class(u8);

impl Class {
    /// The class of the blocks for `layout`; none where it is large.
    #[inline]
    pub fn of(layout: Layout) -> Option<Self> {
        let size = layout.size().max(layout.align()).max(SMALLEST);
        if size > LARGEST {
            return None;
        }
        let class = (size - 1).ilog2() + 1 - SMALLEST.ilog2();
        Some(Self(class as u8)) // below COUNT, which fits
    }

    /// The bytes of a block: 16, 32, 64... 32 KiB.
    #[inline]
    pub fn size(self) -> usize {
        SMALLEST << self.0
    }

    /// The class as an index.
    #[inline]
    pub fn index(self) -> usize {
        self.0.into()
    }
}
