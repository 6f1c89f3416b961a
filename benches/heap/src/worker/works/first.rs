//! The first allocation of a process.

use crate::{block::Block, machine, measure::say};

/// A block of 32 bytes: the page faults until it is written, and the time.
pub fn first() {
    let look = || {
        (
            machine::faults(),
            machine::nanoseconds(libc::CLOCK_MONOTONIC),
        )
    };
    look(); // the code that looks has its pages
    let before = look();
    let block = Block::new(32);
    let after = look();
    block.free();
    say("first-faults", (after.0 - before.0) as f64);
    say("first-time", (after.1 - before.1) as f64 / 1000.0);
}
