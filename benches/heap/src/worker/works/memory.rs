//! How much memory stays resident.

use std::mem::MaybeUninit;

use crate::{block::Block, machine, measure::say, random::Random};

/// How many bytes are live at the end of a phase.
const LIVE: usize = 64 << 20;

/// A phase of blocks of 16 to 256 bytes; half of them are freed at random, and a phase of other sizes
/// takes their place, 256 to 1024 bytes, until as many bytes are live as before. Then all are freed.
pub fn memory() {
    let mut phases = Phases::new();
    let before = machine::resident();
    phases.fill(16, 256);
    phases.halve();
    phases.fill(256, 1024);
    let resident = machine::resident() - before;
    say("phase", resident as f64 / phases.live as f64);
    phases.free();
    let left = machine::resident().saturating_sub(before);
    say("left", left as f64 / (1 << 20) as f64);
}

struct Phases {
    random: Random,
    blocks: Vec<Block>,
    live: usize,
}

impl Phases {
    /// No block yet, and room for the list of all, resident already.
    fn new() -> Self {
        let mut blocks = Vec::with_capacity(LIVE / 64);
        for room in blocks.spare_capacity_mut() {
            *room = MaybeUninit::zeroed();
        }
        Self {
            random: Random::new(1),
            blocks,
            live: 0,
        }
    }

    /// Blocks of `least` to `most` bytes, all written, until `LIVE` bytes are live.
    fn fill(&mut self, least: usize, most: usize) {
        while self.live < LIVE {
            let block = Block::new(self.random.size(least, most));
            block.fill(0);
            self.live += block.size();
            self.blocks.push(block);
        }
    }

    /// Frees every other one, on average.
    fn halve(&mut self) {
        for _ in 0..self.blocks.len() / 2 {
            let one = self.random.below(self.blocks.len());
            let block = self.blocks.swap_remove(one);
            self.live -= block.size();
            block.free();
        }
    }

    fn free(&mut self) {
        for block in self.blocks.drain(..) {
            block.free();
        }
    }
}
