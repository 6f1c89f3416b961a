//! Small blocks, allocated and freed by one thread.

use crate::{block::Block, measure::time, random::Random};

/// The least size of the random blocks.
pub const LEAST: usize = 16;

/// Allocates a block and frees it at once, again and again.
pub fn pair() {
    const PAIRS: usize = 1_000_000;
    time("pair", PAIRS, || {
        for _ in 0..PAIRS {
            Block::new(32).free();
        }
    });
}

/// Allocates many blocks, and then frees them in reverse order.
pub fn lifo() {
    const BLOCKS: usize = 1000;
    const TIMES: usize = 500;
    let mut blocks = Vec::with_capacity(BLOCKS);
    time("lifo", BLOCKS * TIMES, || {
        for _ in 0..TIMES {
            for _ in 0..BLOCKS {
                blocks.push(Block::new(48));
            }
            while let Some(block) = blocks.pop() {
                block.free();
            }
        }
    });
}

/// Keeps `slots` live blocks with sizes from 16 to `most` bytes, uniformly distributed. Again and again, a random one
/// is freed and replaced by a new block.
pub fn random(name: &str, slots: usize, most: usize) {
    const OPERATIONS: usize = 300_000;
    let mut slots = Slots::new(1, slots, most);
    time(name, OPERATIONS, || slots.replace(OPERATIONS));
}

/// Live blocks of random sizes.
pub struct Slots {
    random: Random,
    blocks: Vec<Block>,
    most: usize,
}

impl Slots {
    /// Allocates `count` blocks of up to `most` bytes.
    pub fn new(seed: u64, count: usize, most: usize) -> Self {
        let mut random = Random::new(seed);
        let blocks = (0..count)
            .map(|_| Block::new(random.size(LEAST, most)))
            .collect();
        Self {
            random,
            blocks,
            most,
        }
    }

    /// Allocates a thousand small blocks, for works that would otherwise have the only blocks in the process.
    pub fn others() -> Self {
        Self::new(0, 1000, 1024)
    }

    /// Frees a random block and replaces it by a new one, `count` times.
    pub fn replace(&mut self, count: usize) {
        for _ in 0..count {
            let slot = self.random.below(self.blocks.len());
            self.blocks[slot].free();
            self.blocks[slot] = Block::new(self.random.size(LEAST, self.most));
        }
    }

    /// Frees all blocks.
    pub fn free(self) {
        for block in self.blocks {
            block.free();
        }
    }
}
