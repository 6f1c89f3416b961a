//! The sizes of small blocks: 16 bytes apart at first, then eight to each doubling, and above 4 KiB
//! four. What rounding adds to a block is on the average a twentieth.

use core::alloc::Layout;

/// The smallest block, and what each is a multiple of: the alignment that the widest primitive types
/// ask for.
const SMALLEST: usize = 16;

/// Up to this many bytes a class stands in a table, and is of fine sizes.
const FINE: usize = 4096;

/// The largest small block.
pub const LARGEST: usize = 64 * 1024;

/// How many classes there are.
pub const COUNT: usize = index(LARGEST) + 1;

/// The class for each 16 bytes up to `FINE`, and for none.
static TABLE: [u8; FINE / SMALLEST + 1] = {
    let mut table = [0; FINE / SMALLEST + 1];
    let mut at = 1;
    while at < table.len() {
        table[at] = index(at * SMALLEST) as u8;
        at += 1;
    }
    table
};

/// The class of a size, worked out: the doubling that it is in, and the part of that.
const fn index(size: usize) -> usize {
    if size <= FINE {
        // Below 256 the parts would be less than 16 bytes: all there is one doubling of 16.
        let doubling = ((size - 1) | 128).ilog2() as usize;
        8 * (doubling - 7) + ((size - 1) >> (doubling - 3))
    } else {
        let doubling = (size - 1).ilog2() as usize;
        COARSE + 4 * (doubling - FINE.ilog2() as usize) + ((size - 1) >> (doubling - 2)) - 4
    }
}

/// The first class above `FINE`.
const COARSE: usize = 8 * (FINE.ilog2() as usize - 6);

/// The most blocks of a class that a cache can hold; and the most bytes, but for the fewest blocks.
const MOST: usize = 512;
const MOST_BYTES: usize = 64 * 1024;
const FEWEST: usize = 4;

const FIRST_SLOTS: [usize; COUNT] = {
    let mut first = [0; COUNT];
    let mut class = 1;
    while class < COUNT {
        first[class] = first[class - 1] + Class::ALL[class - 1].most();
        class += 1;
    }
    first
};

/// How many slots all classes have.
pub const SLOTS: usize = FIRST_SLOTS[COUNT - 1] + Class::ALL[COUNT - 1].most();

/// A size class, from 0 to [`COUNT`] - 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Class(u8);

impl Class {
    /// All of them, from the smallest.
    pub const ALL: [Self; COUNT] = {
        let mut all = [Self(0); COUNT];
        let mut class = 0;
        while class < COUNT {
            all[class] = Self(class as u8);
            class += 1;
        }
        all
    };

    /// The class of the blocks for `layout`; none where it is large.
    #[inline(always)]
    pub fn of(layout: Layout) -> Option<Self> {
        let mut size = layout.size();
        if layout.align() > SMALLEST {
            // A block of a power of two is aligned to its size.
            size = size.max(layout.align()).checked_next_power_of_two()?;
        }
        if size <= FINE {
            Some(Self(TABLE[size.div_ceil(SMALLEST)]))
        } else if size <= LARGEST {
            Some(Self(index(size) as u8)) // below COUNT, which fits
        } else {
            None
        }
    }

    /// The bytes of a block.
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

    /// How many blocks a cache can hold.
    pub const fn most(self) -> usize {
        match MOST_BYTES / self.size() {
            many if many > MOST => MOST,
            few if few < FEWEST => FEWEST,
            some => some,
        }
    }

    /// The first of so many slots, where each class has its own.
    pub const fn first_slot(self) -> usize {
        FIRST_SLOTS[self.index()]
    }

    /// The class as an index.
    #[inline(always)]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}
