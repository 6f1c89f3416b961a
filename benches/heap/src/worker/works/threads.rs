//! Blocks in two threads, each on a core of its own.

use std::{sync::mpsc, thread};

use super::small::{LEAST, Slots};
use crate::{block::Block, machine, measure::time, random::Random};

/// Runs `work` in two threads at the same time, on core 0 and on core 1.
pub fn on_both(work: impl Fn(usize) + Sync) {
    thread::scope(|scope| {
        for core in 0..2 {
            let work = &work;
            scope.spawn(move || {
                machine::pin(core);
                work(core);
            });
        }
    });
}

/// Each thread allocates and frees blocks of its own, of random sizes from 16 to 1024 bytes.
pub fn private() {
    const OPERATIONS: usize = 500_000;
    time("private", 2 * OPERATIONS, || {
        on_both(|core| {
            let mut slots = Slots::new(core as u64, 10_000, 1024);
            slots.replace(OPERATIONS);
            slots.free();
        });
    });
}

/// Larson and Krishnan's server: a thread replaces random blocks of a thousand, each of 16 to 1024 bytes. Then it
/// passes all of them to a new thread, and ends. So blocks outlive the threads that allocated them.
pub fn larson() {
    const GENERATIONS: usize = 20;
    const OPERATIONS: usize = 50_000;
    time("larson", 2 * GENERATIONS * OPERATIONS, || {
        on_both(|core| {
            let mut slots = Slots::new(core as u64, 1000, 1024);
            for _ in 0..GENERATIONS {
                slots = thread::spawn(move || {
                    slots.replace(OPERATIONS);
                    slots
                })
                .join()
                .expect("the generation before");
            }
            slots.free();
        });
    });
}

/// One thread allocates blocks of 16 to 1024 bytes, and the other frees them, a thousand at a time.
pub fn remote() {
    const BATCHES: usize = 500;
    const BATCH: usize = 1000;
    const BETWEEN: usize = 32;
    time("remote", BATCHES * BATCH, || {
        let (full, to_free) = mpsc::sync_channel::<Vec<Block>>(BETWEEN);
        let (emptied, empty) = mpsc::sync_channel(BETWEEN);
        for _ in 0..BETWEEN {
            emptied
                .send(Vec::with_capacity(BATCH))
                .expect("empty is here");
        }
        thread::scope(|scope| {
            scope.spawn(move || {
                machine::pin(0);
                let mut random = Random::new(1);
                for _ in 0..BATCHES {
                    let mut batch: Vec<Block> = empty.recv().expect("a batch to fill");
                    batch.extend((0..BATCH).map(|_| Block::new(random.size(LEAST, 1024))));
                    full.send(batch).expect("the other thread frees");
                }
            });
            scope.spawn(move || {
                machine::pin(1);
                for mut batch in to_free {
                    for block in batch.drain(..) {
                        block.free();
                    }
                    // This fails if the thread that allocates has ended already.
                    let _ = emptied.send(batch);
                }
            });
        });
    });
}
