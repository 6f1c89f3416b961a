//! The register of mappings: which large blocks there are, what address space belongs to each, and
//! which regions.
//!
//! A hash table by the block's address, open addressing with linear probing, which doubles before it is
//! half full and does not shrink.

use core::ptr::NonNull;

use super::reservation::Reservation;
use super::span::Block;
use crate::mem;
use crate::sync::Mutex;

type Place = Option<Reservation>;

/// How many places the first table has, which is in the register itself.
const FIRST: usize = 16;

/// The register of the process.
pub static REGISTER: Mutex<Register> = Mutex::new(Register::new());

/// The large blocks.
pub struct Register {
    first: [Place; FIRST],
    /// The places, as many as a power of two, once they are more than the first.
    more: Option<NonNull<[Place]>>,
    /// How many blocks there are, those that were lent included.
    count: usize,
}

// SAFETY: the table is memory of the process, not of a thread.
unsafe impl Send for Register {}

impl Register {
    pub const fn new() -> Self {
        Self {
            first: [const { None }; FIRST],
            more: None,
            count: 0,
        }
    }

    /// How many blocks there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Adds a block.
    ///
    /// # Errors
    /// The block, where there is no memory for the table.
    pub fn insert(&mut self, block: Reservation) -> Result<(), Reservation> {
        if 2 * (self.count + 1) > self.table().len() && !self.double() {
            return Err(block);
        }
        self.count += 1;
        self.give_back(block);
        Ok(())
    }

    /// Takes a block out.
    pub fn remove(&mut self, block: Block) -> Place {
        let found = self.lend(block)?;
        self.count -= 1;
        Some(found)
    }

    /// What is noted of a block.
    pub fn get(&mut self, block: Block) -> Option<&Reservation> {
        let at = self.find(block)?;
        self.table()[at].as_ref()
    }

    /// Where the table has a block.
    fn find(&mut self, block: Block) -> Option<usize> {
        let table = self.table();
        let last = table.len() - 1; // also the mask of places
        let mut at = home(block, last);
        while table[at].as_ref()?.block() != block {
            at = (at + 1) & last;
        }
        Some(at)
    }

    /// Takes a block out that will be [given back](Self::give_back), perhaps with another address.
    pub fn lend(&mut self, block: Block) -> Place {
        let mut gap = self.find(block)?;
        let table = self.table();
        let last = table.len() - 1;
        let found = table[gap].take();
        // A block behind the gap that was put there because the places from its home on were taken
        // moves into it, so that no search ends at the gap; and leaves the next.
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

    /// Adds a block in the place of one that was lent: there is room for it.
    pub fn give_back(&mut self, block: Reservation) {
        let table = self.table();
        let last = table.len() - 1;
        let mut at = home(block.block(), last);
        while table[at].is_some() {
            at = (at + 1) & last;
        }
        table[at] = Some(block);
    }

    /// Moves to a table of double the size.
    fn double(&mut self) -> bool {
        let length = 2 * self.table().len();
        let Ok(start) = mem::map(length * size_of::<Place>()) else {
            return false;
        };
        for at in 0..length {
            // SAFETY: within the table, just mapped.
            unsafe { start.cast::<Place>().add(at).write(None) };
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
                // SAFETY: the old table, to which nobody else has a reference.
                for place in unsafe { &mut *old.as_ptr() } {
                    place
                        .take()
                        .into_iter()
                        .for_each(|block| self.give_back(block));
                }
                // SAFETY: a whole mapping, of no use any more. Where the kernel cannot unmap it, it is
                // lost but unused.
                let _ = unsafe { mem::unmap(old.cast(), old.len() * size_of::<Place>()) };
            }
        }
        true
    }

    fn table(&mut self) -> &mut [Place] {
        match &mut self.more {
            None => &mut self.first,
            // SAFETY: `double` made it, and it is ours alone.
            Some(table) => unsafe { table.as_mut() },
        }
    }
}

/// Where a block is looked for first, in a table whose last place is `last`.
fn home(block: Block, last: usize) -> usize {
    /// 2^64 by the golden ratio: spreads numbers that are multiples of a page.
    const SPREAD: usize = 0x9E37_79B9_7F4A_7C15;
    (block.addr().get().wrapping_mul(SPREAD) >> 32) & last
}
