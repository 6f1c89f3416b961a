//! How much memory stays resident.

use std::mem::MaybeUninit;

use super::threads::on_both;
use crate::{block::Block, machine, measure::say, random::Random};

/// How many bytes are live at the end of a phase.
const LIVE: usize = 64 << 20;

/// Two phases: the least and the most bytes of each one's blocks.
pub type Change = [(usize, usize); 2];

/// Small blocks, of sizes that glibc and dlmalloc need 1.25 times the memory for.
pub const SMALL: Change = [(16, 1 << 10), (1 << 10, 2 << 10)];

/// The same of larger ones, which have pages of their own.
pub const MEDIUM: Change = [(4 << 10, 32 << 10), (32 << 10, 128 << 10)];

/// The memory for a change of phases, and what is left of it when all is freed.
pub fn change(name: &str, change: Change) {
    let nothing = machine::resident();
    let mut phases = Phases::new(LIVE);
    let list = machine::resident();
    phases.pass(change);
    let ratio = (machine::resident() - list) as f64 / phases.live as f64;
    phases.free();
    let left = mebibytes_since(nothing);
    // To print takes memory, and keeps it.
    say(&format!("{name}-rss"), ratio);
    say(&format!("{name}-left"), left);
}

/// What is left of two threads that did so, and ended.
pub fn ended() {
    let nothing = machine::resident();
    on_both(|_| {
        let mut phases = Phases::new(LIVE / 2);
        phases.pass(SMALL);
        phases.free();
    });
    say("ended-left", mebibytes_since(nothing));
}

/// MiB that are resident, and were not before.
fn mebibytes_since(before: usize) -> f64 {
    machine::resident().saturating_sub(before) as f64 / (1 << 20) as f64
}

struct Phases {
    random: Random,
    blocks: Vec<Block>,
    live: usize,
    /// What `live` is at the end of a phase.
    goal: usize,
}

impl Phases {
    /// No block yet, and room for the list of all, resident already.
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

    /// Half of the first phase's blocks are freed at random. The second phase's, for which the hole that
    /// one leaves is too small, take their place, until as many bytes are live as before.
    fn pass(&mut self, [first, second]: Change) {
        self.fill(first);
        self.halve();
        self.fill(second);
    }

    /// Blocks of `least` to `most` bytes, all written, until as many bytes are live as the goal says.
    fn fill(&mut self, (least, most): (usize, usize)) {
        while self.live < self.goal {
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

    /// Frees all, at last the list.
    fn free(self) {
        for block in self.blocks {
            block.free();
        }
    }
}
