//! How much memory stays resident when the sizes of the live blocks change, and after all blocks are freed.

use std::mem::MaybeUninit;

use super::threads::on_both;
use crate::{block::Block, machine, measure::print_figure, random::Random};

/// How many bytes of blocks are live at the end of a phase.
const LIVE: usize = 64 << 20;

/// Two phases: the least and the greatest size of the blocks in each.
pub type Change = [(usize, usize); 2];

/// Small blocks. For this change, glibc and dlmalloc need 1.25 times the memory of the live blocks.
pub const SMALL: Change = [(16, 1 << 10), (1 << 10, 2 << 10)];

/// Larger blocks, which have pages of their own.
pub const MEDIUM: Change = [(4 << 10, 32 << 10), (32 << 10, 128 << 10)];

/// Measures the resident memory after both phases, in proportion to the live bytes, and after all blocks are freed.
pub fn change(name: &str, change: Change) {
    let nothing = machine::resident();
    let mut phases = Phases::new(LIVE);
    let list = machine::resident();
    phases.pass(change);
    let ratio = (machine::resident() - list) as f64 / phases.live as f64;
    phases.free();
    let left = mebibytes_since(nothing);
    // Printing allocates memory and keeps it, so both figures are printed at the end.
    print_figure(&format!("{name}-rss"), ratio);
    print_figure(&format!("{name}-left"), left);
}

/// Measures the memory that stays resident after two threads have run both phases, freed all blocks, and ended.
pub fn ended() {
    let nothing = machine::resident();
    on_both(|_| {
        let mut phases = Phases::new(LIVE / 2);
        phases.pass(SMALL);
        phases.free();
    });
    print_figure("ended-left", mebibytes_since(nothing));
}

/// Returns how many MiB more are resident than `before`, which is in bytes.
fn mebibytes_since(before: usize) -> f64 {
    machine::resident().saturating_sub(before) as f64 / (1 << 20) as f64
}

struct Phases {
    random: Random,
    blocks: Vec<Block>,
    live: usize,
    /// The value of `live` at the end of a phase.
    goal: usize,
}

impl Phases {
    /// Returns a state without blocks. The list of blocks has all its memory already, and the memory is resident.
    fn new(goal: usize) -> Self {
        let mut blocks = Vec::with_capacity(goal / 256);
        for room in blocks.spare_capacity_mut() {
            *room = MaybeUninit::zeroed();
        }
        Self {
            random: Random::new(1),
            blocks,
            live: 0,
            goal,
        }
    }

    /// Runs both phases. After the first, half of the blocks are freed, chosen at random. The second phase allocates
    /// blocks until as many bytes are live as before. None of these fits the hole of a freed block.
    fn pass(&mut self, [first, second]: Change) {
        self.fill(first);
        self.halve();
        self.fill(second);
    }

    /// Allocates and writes blocks of `least` to `most` bytes until `goal` bytes are live.
    fn fill(&mut self, (least, most): (usize, usize)) {
        while self.live < self.goal {
            let block = Block::new(self.random.size(least, most));
            block.fill(0);
            self.live += block.size();
            self.blocks.push(block);
        }
    }

    /// Frees half of the blocks, chosen at random.
    fn halve(&mut self) {
        for _ in 0..self.blocks.len() / 2 {
            let one = self.random.below(self.blocks.len());
            let block = self.blocks.swap_remove(one);
            self.live -= block.size();
            block.free();
        }
    }

    /// Frees all blocks, and then the list.
    fn free(self) {
        for block in self.blocks {
            block.free();
        }
    }
}
