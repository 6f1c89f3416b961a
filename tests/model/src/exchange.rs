//! Where threads leave blocks for each other.

use core::cell::UnsafeCell;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::block::Block;

/// Nobody waits here: who finds a place in use goes on without.
pub struct Exchange([Place; Self::PLACES]);

struct Place {
    state: AtomicU32,
    block: UnsafeCell<Block>,
}

const EMPTY: u32 = 0;
/// One thread reads or writes the block.
const BUSY: u32 = 1;
const FULL: u32 = 2;

// SAFETY: a block that may be sent, which only the thread that made its place BUSY touches.
unsafe impl Sync for Exchange {}

impl Exchange {
    /// How many blocks have room.
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

    /// Leaves a block; or gives it back where the place is not empty.
    pub(crate) fn give(&self, place: usize, block: Block) -> Result<(), Block> {
        let place = &self.0[place];
        if !place.turn(EMPTY) {
            return Err(block);
        }
        // SAFETY: the place is ours until its state changes.
        unsafe { *place.block.get() = block };
        place.state.store(FULL, Release);
        Ok(())
    }

    /// Takes a block, where there is one.
    pub(crate) fn take(&self, place: usize) -> Option<Block> {
        let place = &self.0[place];
        if !place.turn(FULL) {
            return None;
        }
        // SAFETY: the place is ours until its state changes.
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
    /// Makes it ours, if it is in that state.
    fn turn(&self, from: u32) -> bool {
        // Acquire: what the last one wrote is seen.
        let turned = self.state.compare_exchange(from, BUSY, Acquire, Relaxed);
        turned.is_ok()
    }
}
