//! Small blocks of one thread.

use crate::{block::Block, measure::time, random::Random};

/// The smallest of the random blocks.
pub const LEAST: usize = 16;

/// A block that is freed at once, again and again.
pub fn pair() {
    const PAIRS: usize = 1_000_000;
    time("pair", PAIRS, || {
        for _ in 0..PAIRS {
            Block::new(32).free();
        }
    });
}

/// Many blocks; then the last is freed first.
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

/// As many live blocks as there are `slots`, with a size from 16 to `most`, each as likely as the
/// others; one of them makes room for a new one, again and again.
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
    /// `count` blocks of up to `most` bytes.
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

    /// A thousand small ones, for works that would be alone in their process.
    pub fn others() -> Self {
        Self::new(0, 1000, 1024)
    }

    /// Frees a random one, and puts a new one there, `count` times.
    pub fn replace(&mut self, count: usize) {
        for _ in 0..count {
            let slot = self.random.below(self.blocks.len());
            self.blocks[slot].free();
            self.blocks[slot] = Block::new(self.random.size(LEAST, self.most));
        }
    }

    /// Frees all.
    pub fn free(self) {
        for block in self.blocks {
            block.free();
        }
    }
}
