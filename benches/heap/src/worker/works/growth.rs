//! Blocks that grow by `realloc`, as a `Vec` does that nobody told its length.
//!
//! Other blocks are live beside them, as in a program that does more than this. (Without any,
//! dlmalloc gives the memory back to the kernel each time, and takes a hundred times as long.)

use crate::{block::Block, measure::time, works::small::Slots};

/// From 32 bytes to 4 KiB; of what is new the first byte is written.
pub fn small() {
    const TIMES: usize = 20_000;
    let _others = Slots::others();
    time("grow-small", TIMES, || {
        for _ in 0..TIMES {
            double(32, 4 << 10, Block::touch);
        }
    });
}

/// From 4 KiB to 16 MiB, written as it grows.
pub fn large() {
    const TIMES: usize = 5;
    let _others = Slots::others();
    time("grow-large", TIMES, || {
        for _ in 0..TIMES {
            double(4 << 10, 16 << 20, Block::fill);
        }
    });
}

/// By steps of 64 KiB to 32 MiB, written as it grows.
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

/// Makes a block that grows from size to size, its new part written, and frees it.
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
