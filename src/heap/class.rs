//! The size classes of small blocks. Classes are 16 bytes apart up to 128 bytes. Above that, each doubling has eight
//! classes up to 4 KiB, and four up to 64 KiB. On average, rounding a size up to its class adds 5 %.

use core::alloc::Layout;

/// The size of the smallest block. The sizes of all classes are multiples of this size. It is also the largest
/// alignment that a primitive type needs.
const SMALLEST: usize = 16;

/// Up to this many bytes the class of a size is read from `TABLE`, and a doubling has eight classes.
const FINE: usize = 4096;

/// The bytes of the largest small block.
pub const LARGEST: usize = 64 * 1024;

/// The number of classes.
pub const COUNT: usize = index(LARGEST) + 1;

/// The index of the class for each size up to `FINE`, in steps of 16 bytes. Entry 0 is for size 0.
static TABLE: [u8; FINE / SMALLEST + 1] = {
    let mut table = [0; FINE / SMALLEST + 1];
    let mut at = 1;
    while at < table.len() {
        table[at] = index(at * SMALLEST) as u8;
        at += 1;
    }
    table
};

/// Computes the class index of a size from the doubling that contains the size, and from the place of the size in the
/// doubling.
const fn index(size: usize) -> usize {
    if size <= FINE {
        // An eighth of a doubling below 128 is less than 16 bytes. `| 128` keeps the step at 16 bytes there.
        let doubling = ((size - 1) | 128).ilog2() as usize;
        8 * (doubling - 7) + ((size - 1) >> (doubling - 3))
    } else {
        let doubling = (size - 1).ilog2() as usize;
        COARSE + 4 * (doubling - FINE.ilog2() as usize) + ((size - 1) >> (doubling - 2)) - 4
    }
}

/// The first class above `FINE`.
const COARSE: usize = 8 * (FINE.ilog2() as usize - 6);

/// The limits of one class in a thread cache: at most `MOST` blocks, and at most `MOST_BYTES` bytes; but always room
/// for `FEWEST` blocks.
const MOST: usize = 512;
const MOST_BYTES: usize = 64 * 1024;
const FEWEST: usize = 4;

/// The index of the first slot of each class. The slots of a class follow the slots of the class before it.
const FIRST_SLOTS: [usize; COUNT] = {
    let mut first = [0; COUNT];
    let mut class = 1;
    while class < COUNT {
        first[class] = first[class - 1] + Class::ALL[class - 1].most();
        class += 1;
    }
    first
};

/// The number of slots of all classes together.
pub const SLOTS: usize = FIRST_SLOTS[COUNT - 1] + Class::ALL[COUNT - 1].most();

/// A size class, from 0 to [`COUNT`] - 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Class(u8);

impl Class {
    /// All classes, from the smallest to the largest.
    pub const ALL: [Self; COUNT] = {
        let mut all = [Self(0); COUNT];
        let mut class = 0;
        while class < COUNT {
            all[class] = Self(class as u8);
            class += 1;
        }
        all
    };

    /// Returns the class of the blocks for `layout`; `None` if the layout is too large for a small block.
    #[inline(always)]
    pub fn of(layout: Layout) -> Option<Self> {
        let mut size = layout.size();
        if layout.align() > SMALLEST {
            // A block whose size is a power of two is aligned to its size.
            size = size.max(layout.align()).checked_next_power_of_two()?;
        }
        if size <= FINE {
            Some(Self(TABLE[size.div_ceil(SMALLEST)]))
        } else if size <= LARGEST {
            Some(Self(index(size) as u8)) // below COUNT, so it fits in a u8
        } else {
            None
        }
    }

    /// Returns the bytes of a block of this class.
    pub const fn size(self) -> usize {
        let class = self.0 as usize;
        if class < 16 {
            (class + 1) * SMALLEST
        } else if class < COARSE {
            (class % 8 + 9) << (class / 8 + 3)
        } else {
            let class = class - COARSE;
            (class % 4 + 5) << (class / 4 + FINE.ilog2() as usize - 2)
        }
    }

    /// Returns the most blocks of this class that a thread cache can hold.
    pub const fn most(self) -> usize {
        match MOST_BYTES / self.size() {
            many if many > MOST => MOST,
            few if few < FEWEST => FEWEST,
            some => some,
        }
    }

    /// Returns the index of the first slot of this class, in an array with [`SLOTS`] slots.
    pub const fn first_slot(self) -> usize {
        FIRST_SLOTS[self.index()]
    }

    /// Returns the class as an index below [`COUNT`].
    #[inline(always)]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}
