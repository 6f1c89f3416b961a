//! Blocks of many pages.

use super::small::Slots;
use crate::{block::Block, measure::time, random::Random};

/// Keeps eight live blocks of 1 to 8 MiB. Again and again, one of them is freed and replaced by a new block, and each
/// page of the new block is written.
pub fn pages() {
    const LIVE: usize = 8;
    const OPERATIONS: usize = 200;
    let _others = Slots::others();
    let mut random = Random::new(1);
    let mut block = || {
        let block = Block::new(random.size(1 << 20, 8 << 20));
        block.touch(0);
        block
    };
    let mut blocks: [Block; LIVE] = std::array::from_fn(|_| block());
    let mut slots = Random::new(2);
    time("pages", OPERATIONS, || {
        for _ in 0..OPERATIONS {
            let slot = slots.below(LIVE);
            blocks[slot].free();
            blocks[slot] = block();
        }
    });
}
