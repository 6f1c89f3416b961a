//! An exchange: an array of slots through which threads pass blocks to each other.

use core::cell::UnsafeCell;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::block::Block;

/// No operation waits: a thread that finds a slot in use continues without a block, or keeps its own.
pub struct Exchange([Place; Self::PLACES]);

struct Place {
    state: AtomicU32,
    block: UnsafeCell<Block>,
}

const EMPTY: u32 = 0;
/// One thread is reading or writing the block.
const BUSY: u32 = 1;
const FULL: u32 = 2;

// SAFETY: only the thread that changed a slot's state to BUSY accesses its block, until that thread stores another
// state. `Block` is `Send`, so blocks may pass between threads.
unsafe impl Sync for Exchange {}

impl Exchange {
    /// The number of slots.
    pub const PLACES: usize = 256;

    pub const fn new() -> Self {
        Self(
            [const {
                Place {
                    state: AtomicU32::new(EMPTY),
                    block: UnsafeCell::new(Block::NONE),
                }
            }; Self::PLACES],
        )
    }

    /// Puts a block into a slot. Returns the block if the slot is not empty.
    pub(crate) fn give(&self, place: usize, block: Block) -> Result<(), Block> {
        let place = &self.0[place];
        if !place.turn(EMPTY) {
            return Err(block);
        }
        // SAFETY: this thread changed the state to BUSY, so no other thread accesses the block until the store below.
        unsafe { *place.block.get() = block };
        place.state.store(FULL, Release);
        Ok(())
    }

    /// Takes the block from a slot, if there is one.
    pub(crate) fn take(&self, place: usize) -> Option<Block> {
        let place = &self.0[place];
        if !place.turn(FULL) {
            return None;
        }
        // SAFETY: this thread changed the state to BUSY, so no other thread accesses the block until the store below.
        let block = unsafe { *place.block.get() };
        place.state.store(EMPTY, Release);
        Some(block)
    }
}

impl Default for Exchange {
    fn default() -> Self {
        Self::new()
    }
}

impl Place {
    /// Changes the state from `from` to BUSY, which gives this thread exclusive use of the slot. Returns whether the
    /// state was `from`.
    fn turn(&self, from: u32) -> bool {
        // Acquire: pairs with the Release store of the previous user, whose write of the block happens before this
        // thread's access.
        let turned = self.state.compare_exchange(from, BUSY, Acquire, Relaxed);
        turned.is_ok()
    }
}
