//! Blocks that grow by `realloc`, as a `Vec` does that nobody told its length.

use crate::{block::Block, measure::time};

/// From 32 bytes to 4 KiB, written as it grows.
pub fn small() {
    const TIMES: usize = 20_000;
    time("grow-small", TIMES, || {
        for _ in 0..TIMES {
            double(32, 4 << 10);
        }
    });
}

/// From 4 KiB to 16 MiB, written as it grows.
pub fn large() {
    const TIMES: usize = 5;
    time("grow-large", TIMES, || {
        for _ in 0..TIMES {
            double(4 << 10, 16 << 20);
        }
    });
}

/// By steps of 64 KiB to 32 MiB, written as it grows.
pub fn steps() {
    const STEP: usize = 64 << 10;
    time("grow-steps", 1, || {
        let mut block = Block::new(STEP);
        block.fill(0);
        for size in (2 * STEP..=32 << 20).step_by(STEP) {
            block = block.grow(size);
            block.fill(size - STEP);
        }
        block.free();
    });
}

fn double(first: usize, last: usize) {
    let mut size = first;
    let mut block = Block::new(size);
    block.fill(0);
    while size < last {
        block = block.grow(2 * size);
        block.fill(size);
        size *= 2;
    }
    block.free();
}
