//! The first allocation of a process.

use crate::{block::Block, machine, measure::print_figure};

/// Allocates and writes a block of 32 bytes: measures the page faults and the time.
pub fn first() {
    let look = || {
        (
            machine::faults(),
            machine::nanoseconds(libc::CLOCK_MONOTONIC),
        )
    };
    look(); // the first call faults in the pages of the measuring code
    let before = look();
    let block = Block::new(32);
    let after = look();
    block.free();
    print_figure("first-faults", (after.0 - before.0) as f64);
    print_figure("first-time", (after.1 - before.1) as f64 / 1000.0);
}
