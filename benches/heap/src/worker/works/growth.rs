//! Blocks that grow by `realloc`, like a `Vec` whose final length is not known.
//!
//! Other blocks are live at the same time, as in a real program. (Without them, dlmalloc gives the memory back to the
//! kernel each time, and takes a hundred times as long.)

use crate::{block::Block, measure::time, works::small::Slots};

/// Growth by doubling from 32 bytes to 4 KiB. The first byte of each new part is written.
pub fn small() {
    const TIMES: usize = 20_000;
    let _others = Slots::others();
    time("grow-small", TIMES, || {
        for _ in 0..TIMES {
            double(32, 4 << 10, Block::touch);
        }
    });
}

/// Growth by doubling from 4 KiB to 16 MiB. Each new part is written.
pub fn large() {
    const TIMES: usize = 5;
    let _others = Slots::others();
    time("grow-large", TIMES, || {
        for _ in 0..TIMES {
            double(4 << 10, 16 << 20, Block::fill);
        }
    });
}

/// Growth by steps of 64 KiB to 32 MiB. Each new part is written.
pub fn steps() {
    const STEP: usize = 64 << 10;
    let _others = Slots::others();
    time("grow-steps", 1, || {
        let sizes = (STEP..=32 << 20).step_by(STEP);
        grow(sizes, Block::fill);
    });
}

fn double(first: usize, last: usize, write: impl Fn(Block, usize)) {
    let sizes = std::iter::successors(Some(first), |size| Some(2 * size));
    grow(sizes.take_while(|&size| size <= last), write);
}

/// Allocates a block, grows it from size to size, calls `write` for each new part, and frees the block.
#[inline(always)]
fn grow(mut sizes: impl Iterator<Item = usize>, write: impl Fn(Block, usize)) {
    let mut block = Block::new(sizes.next().expect("a first size"));
    write(block, 0);
    for size in sizes {
        let begin = block.size();
        block = block.grow(size);
        write(block, begin);
    }
    block.free();
}
