//! The register: the large blocks and the regions of the process, each with its address space.
//!
//! It is a hash table with the block's address as key: open addressing with linear probing. The table doubles before it
//! is more than half full, and never shrinks.

use core::ptr::NonNull;

use super::reservation::Reservation;
use super::span::Block;
use crate::mem;
use crate::sync::Mutex;

/// A slot of the table.
type Slot = Option<Reservation>;

/// The number of slots of the first table, which lies in the register itself.
const FIRST: usize = 16;

/// The register of the process.
pub static REGISTER: Mutex<Register> = Mutex::new(Register::new());

/// The hash table. "Block" means a region too in its methods.
pub struct Register {
    first: [Slot; FIRST],
    /// The table in use once `first` is too small. Its length is a power of two. `double` mapped it, and only this
    /// register has its address.
    more: Option<NonNull<[Slot]>>,
    /// The number of blocks, lent blocks included.
    count: usize,
}

// SAFETY: the table lies in memory of the process, which outlives each thread. Only the owner of the register accesses
// the table.
unsafe impl Send for Register {}

impl Register {
    /// Creates an empty register.
    pub const fn new() -> Self {
        Self {
            first: [const { None }; FIRST],
            more: None,
            count: 0,
        }
    }

    /// Returns the number of blocks, lent blocks included.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Adds a block.
    ///
    /// # Errors
    /// Returns the block if the table is too small and the kernel has no more memory.
    pub fn insert(&mut self, block: Reservation) -> Result<(), Reservation> {
        if 2 * (self.count + 1) > self.table().len() && !self.double() {
            return Err(block);
        }
        self.count += 1;
        self.give_back(block);
        Ok(())
    }

    /// Removes a block, and returns its entry. `None` if the register does not contain it.
    pub fn remove(&mut self, block: Block) -> Slot {
        let found = self.lend(block)?;
        self.count -= 1;
        Some(found)
    }

    /// Returns the entry of a block.
    pub fn get(&mut self, block: Block) -> Option<&Reservation> {
        let at = self.find(block)?;
        self.table()[at].as_ref()
    }

    /// Returns the index of a block's slot.
    fn find(&mut self, block: Block) -> Option<usize> {
        let table = self.table();
        let last = table.len() - 1; // also the mask of an index
        let mut at = home(block, last);
        while table[at].as_ref()?.block() != block {
            at = (at + 1) & last;
        }
        Some(at)
    }

    /// Removes a block that the caller will [give back](Self::give_back), perhaps with another address. The register
    /// still counts the block, so that the table keeps room for it.
    pub fn lend(&mut self, block: Block) -> Slot {
        let mut gap = self.find(block)?;
        let table = self.table();
        let last = table.len() - 1;
        let found = table[gap].take();
        // The table has no tombstones: an empty slot ends each search. So no gap may lie between the home of a block
        // and its slot. A block after the gap whose search path crosses the gap moves into it, and leaves a new gap.
        // The loop ends at the next empty slot.
        let mut at = gap;
        loop {
            at = (at + 1) & last;
            let Some(next) = &table[at] else { return found };
            let from_home = at.wrapping_sub(home(next.block(), last)) & last;
            if from_home >= at.wrapping_sub(gap) & last {
                table[gap] = table[at].take();
                gap = at;
            }
        }
    }

    /// Adds a block that was lent, or that `insert` counted: the table has room for the block.
    pub fn give_back(&mut self, block: Reservation) {
        let table = self.table();
        let last = table.len() - 1;
        let mut at = home(block.block(), last);
        while table[at].is_some() {
            at = (at + 1) & last;
        }
        table[at] = Some(block);
    }

    /// Moves all blocks to a new table of double the length. Returns false if the kernel has no more memory.
    fn double(&mut self) -> bool {
        let length = 2 * self.table().len();
        let Ok(start) = mem::map(length * size_of::<Slot>()) else {
            return false;
        };
        for at in 0..length {
            // SAFETY: `at` is below `length`, the number of slots in the new mapping. No other code has its address.
            unsafe { start.cast::<Slot>().add(at).write(None) };
        }
        let table = NonNull::slice_from_raw_parts(start.cast(), length);
        match self.more.replace(table) {
            None => {
                for at in 0..FIRST {
                    self.first[at]
                        .take()
                        .into_iter()
                        .for_each(|block| self.give_back(block));
                }
            }
            Some(old) => {
                // SAFETY: an earlier `double` mapped and filled the old table. `self.more` was its only reference, and
                // is replaced.
                for slot in unsafe { &mut *old.as_ptr() } {
                    slot.take()
                        .into_iter()
                        .for_each(|block| self.give_back(block));
                }
                // SAFETY: the range is the whole mapping of the old table, which nothing uses after the loop. If the
                // kernel cannot unmap it, the memory is lost but unused.
                let _ = unsafe { mem::unmap(old.cast(), old.len() * size_of::<Slot>()) };
            }
        }
        true
    }

    /// Returns the table in use.
    fn table(&mut self) -> &mut [Slot] {
        match &mut self.more {
            None => &mut self.first,
            // SAFETY: `double` mapped and filled the table. Only `self` has its address, and the result borrows `self`.
            Some(table) => unsafe { table.as_mut() },
        }
    }
}

/// Returns the index where a block's search path begins, in a table of `last + 1` slots.
fn home(block: Block, last: usize) -> usize {
    /// 2^64, or 2^32, divided by the golden ratio (Fibonacci hashing): spreads numbers that are multiples of a page.
    const SPREAD: usize = (0x9E37_79B9_7F4A_7C15_u64 >> (64 - usize::BITS)) as usize;
    (block.addr().get().wrapping_mul(SPREAD) >> (usize::BITS / 2)) & last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_register_that_grows_unmaps_the_smaller_table() {
        const BLOCKS: usize = 1 << 16;
        let mut register = Register::new();
        let mut add = |n: usize| {
            let place = NonNull::new(core::ptr::without_provenance_mut(n << 12)).unwrap();
            assert!(register.insert(Reservation::space(place)).is_ok());
            core::ptr::from_mut(register.table())
        };
        let [mut smaller, mut larger] = [add(1); 2];
        for n in 2..=BLOCKS {
            let table = add(n);
            if table.addr() != larger.addr() {
                [smaller, larger] = [larger, table];
            }
        }
        assert_eq!([smaller.len(), larger.len()], [BLOCKS, 2 * BLOCKS]);
        // The whole range is free again.
        let length = size_of::<Slot>() * BLOCKS;
        let start = mem::map_at(smaller.addr(), length).unwrap();
        // SAFETY: the range is the mapping of the line above, and nothing else uses it.
        unsafe { mem::unmap(start, length) }.unwrap();
    }
}
