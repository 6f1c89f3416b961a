//! Measures how much memory the heap takes from the kernel and gives back. The argument selects the measurement. Prints
//! one number.

#![no_std]
#![no_main]

extern crate alloc;

use alloc::alloc::{alloc_zeroed, dealloc};
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::alloc::Layout;
use core::hint::black_box;

use heap_model::Random;
use ring3::cli::OrFail;
use ring3::env::Start;
use ring3::fd::STDOUT;
use ring3::fs::{self, CWD, O_RDONLY};
use ring3::heap::Heap;
use ring3::io;
use ring3::parts;
use ring3::rt::Exit;
use ring3::text::Writer;
use ring3::thread;

ring3::program!("memory", main);

#[global_allocator]
static HEAP: Heap = Heap::new();

const KIB: u32 = 1 << 10;
const MIB: usize = 1 << 20;

fn main(start: Start) -> Result<(), Exit> {
    let number = match start.args().nth(1).map(|arg| arg.to_bytes()) {
        Some(b"first") => first(),
        Some(b"zeros") => zeros(),
        Some(b"freed") => freed(),
        Some(b"handed-over") => handed_over(),
        Some(b"phases") => phases([(16, KIB), (KIB, 2 * KIB)]),
        Some(b"generations") => generations(),
        _ => return Err(Exit(2)),
    };
    let mut buffer = [0; 32];
    let mut stdout = Writer::new(STDOUT, &mut buffer);
    stdout.print(parts!(number, "\n"));
    stdout.flush().or_fail(PROGRAM, "write", "stdout")
}

/// The page faults that the first allocation and its write cause.
fn first() -> usize {
    faults(); // touches the pages that the measurement itself needs
    let before = faults();
    let block = black_box(Box::new(42));
    let after = faults();
    drop(block);
    after - before
}

/// The KiB that a zeroed block of 1 GiB occupies after a few reads.
fn zeros() -> usize {
    let layout = Layout::new::<[u8; 1 << 30]>();
    let before = resident();
    // SAFETY: `alloc_zeroed` needs a size other than 0, and the size is 1 GiB.
    let block = black_box(unsafe { alloc_zeroed(layout) });
    assert!(!block.is_null());
    for place in (0..layout.size()).step_by(128 * MIB) {
        // SAFETY: `place` is within the block, which stays allocated until `dealloc` below.
        assert_eq!(unsafe { *block.add(place) }, 0);
    }
    let after = resident();
    // SAFETY: `alloc_zeroed` returned the block with this layout, and the block is not used any more.
    unsafe { dealloc(block, layout) };
    after.saturating_sub(before)
}

/// Adds written blocks, of `least..most` bytes each, until all blocks together have `bytes` bytes.
fn fill(blocks: &mut Vec<Vec<u8>>, random: &mut Random, (least, most): (u32, u32), bytes: usize) {
    let mut live: usize = blocks.iter().map(Vec::len).sum();
    while live < bytes {
        let size = least + random.below(most - least);
        blocks.push(black_box(vec![1; size as usize]));
        live += size as usize;
    }
}

/// Frees a random half of the blocks.
fn halve(blocks: &mut Vec<Vec<u8>>, random: &mut Random) {
    for _ in 0..blocks.len() / 2 {
        blocks.swap_remove(random.below(blocks.len() as u32) as usize);
    }
}

/// The KiB that stay resident after blocks of all sizes were freed in random order.
fn freed() -> usize {
    let mut random = Random::new(1);
    let before = resident();
    let sizes = [
        (1, 256),
        (16, 4 * KIB),
        (KIB, 64 * KIB),
        (64 * KIB, 4096 * KIB),
    ];
    let mut blocks = Vec::new();
    for (nth, sizes) in sizes.into_iter().enumerate() {
        fill(&mut blocks, &mut random, sizes, (nth + 1) * 16 * MIB);
    }
    assert!(resident() > before + (64 << 10));
    while !blocks.is_empty() {
        blocks.swap_remove(random.below(blocks.len() as u32) as usize);
    }
    drop(blocks);
    resident().saturating_sub(before)
}

/// The KiB that stay resident after this thread has freed blocks of four other threads, which have ended.
fn handed_over() -> usize {
    let before = resident();
    let mut blocks: Vec<_> = thread::scope(|scope| {
        let threads = [0, 1, 2, 3].map(|nth| {
            let work = move || {
                let mut random = Random::new(nth);
                let mut blocks = Vec::new();
                fill(&mut blocks, &mut random, (1, 2 * KIB), 8 * MIB);
                fill(&mut blocks, &mut random, (KIB, 64 * KIB), 16 * MIB);
                blocks
            };
            scope.spawn(work).unwrap()
        });
        threads
            .into_iter()
            .flat_map(|handle| handle.join())
            .collect()
    });
    assert!(resident() > before + (60 << 10));
    let mut random = Random::new(4);
    while !blocks.is_empty() {
        blocks.swap_remove(random.below(blocks.len() as u32) as usize);
    }
    drop(blocks);
    resident().saturating_sub(before)
}

/// The memory use of a program with two phases: half of the blocks are freed at random, and replaced by blocks of other
/// sizes. Returns resident memory in thousandths of the live bytes.
fn phases([first, second]: [(u32, u32); 2]) -> usize {
    const LIVE: usize = 64 * MIB;
    let mut random = Random::new(1);
    let before = resident();
    let mut blocks = Vec::with_capacity(LIVE / 256);
    fill(&mut blocks, &mut random, first, LIVE);
    halve(&mut blocks, &mut random);
    fill(&mut blocks, &mut random, second, LIVE);
    let bytes: usize = blocks.iter().map(Vec::len).sum();
    let live = bytes + blocks.len() * size_of::<Vec<u8>>();
    ((resident() - before) as u64 * 1024 * 1000 / live as u64) as usize
}

/// The KiB by which the heap grows during two thousand threads that run one after the other, after a warm-up of a
/// thousand such threads. Each thread frees half of its blocks and leaves the rest to the first thread. The growth
/// during two thousand threads that allocate nothing is subtracted: it is 0 natively, but qemu-user never frees 285 KiB
/// of each thread.
fn generations() -> usize {
    let generation = |nth, bytes: usize| {
        let mut left: Vec<Vec<u8>> = thread::scope(|scope| {
            let work = move || {
                let mut random = Random::new(nth);
                let mut blocks = Vec::new();
                fill(&mut blocks, &mut random, (1, 2 * KIB), bytes / 4);
                fill(&mut blocks, &mut random, (KIB, 64 * KIB), bytes);
                halve(&mut blocks, &mut random);
                blocks
            };
            scope.spawn(work).unwrap().join()
        });
        // The first thread writes to the blocks that the thread left.
        left.iter_mut().for_each(|block| block.push(2));
    };
    (0..500).for_each(|nth| generation(nth, 400 << 10));
    let before = resident();
    (0..1_000).for_each(|nth| generation(nth, 0));
    let between = resident();
    (0..1_000).for_each(|nth| generation(500 + nth, 400 << 10));
    resident()
        .saturating_sub(between)
        .saturating_sub(between.saturating_sub(before))
}

/// The resident memory of this process in KiB: the field Rss of `/proc/self/smaps_rollup` (proc_pid_smaps(5)), which is
/// exact.
fn resident() -> usize {
    let mut text = [0; 4096];
    let text = read(c"/proc/self/smaps_rollup", &mut text);
    text.lines()
        .find_map(|line| line.strip_prefix("Rss:")?.strip_suffix("kB"))
        .and_then(|kib| kib.trim().parse().ok())
        .expect("a number")
}

/// The number of (minor) page faults so far: the 10th field of proc_pid_stat(5), the 8th after the name in parentheses.
fn faults() -> usize {
    let mut text = [0; 4096];
    let text = read(c"/proc/self/stat", &mut text);
    let (_, fields) = text.rsplit_once(") ").expect("a name");
    let faults = fields.split(' ').nth(7);
    faults.and_then(|n| n.parse().ok()).expect("a number")
}

/// Reads a file into `buffer` and returns its text.
fn read<'b>(path: &core::ffi::CStr, buffer: &'b mut [u8]) -> &'b str {
    let file = fs::open(CWD, path, O_RDONLY, 0).expect("/proc is mounted");
    let count = io::read(file.as_fd(), buffer).expect("the file can be read");
    core::str::from_utf8(&buffer[..count]).expect("the file is UTF-8")
}
