//! What the heap takes of the kernel's memory and gives back. Prints one number, as its argument says.

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
use ring3::fd::STDOUT;
use ring3::fs::{self, CWD, O_RDONLY};
use ring3::heap::Heap;
use ring3::io;
use ring3::parts;
use ring3::print::Writer;
use ring3::rt::{Exit, Start};
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

/// The page faults of the first block, until it is written.
fn first() -> usize {
    faults(); // the code that looks has its pages
    let before = faults();
    let block = black_box(Box::new(42));
    let after = faults();
    drop(block);
    after - before
}

/// The KiB that a GiB of zeros takes of which a few are read.
fn zeros() -> usize {
    let layout = Layout::new::<[u8; 1 << 30]>();
    let before = resident();
    // SAFETY: not of size 0.
    let block = black_box(unsafe { alloc_zeroed(layout) });
    assert!(!block.is_null());
    for place in (0..layout.size()).step_by(128 * MIB) {
        // SAFETY: within the block, which is released once.
        assert_eq!(unsafe { *block.add(place) }, 0);
    }
    let after = resident();
    // SAFETY: as above.
    unsafe { dealloc(block, layout) };
    after.saturating_sub(before)
}

/// Blocks that are written, of so many bytes at least and at most, until all have so many together.
fn fill(blocks: &mut Vec<Vec<u8>>, random: &mut Random, (least, most): (u32, u32), bytes: usize) {
    let mut live: usize = blocks.iter().map(Vec::len).sum();
    while live < bytes {
        let size = least + random.below(most - least);
        blocks.push(black_box(vec![1; size as usize]));
        live += size as usize;
    }
}

/// Frees one of two blocks.
fn halve(blocks: &mut Vec<Vec<u8>>, random: &mut Random) {
    for _ in 0..blocks.len() / 2 {
        blocks.swap_remove(random.below(blocks.len() as u32) as usize);
    }
}

/// The KiB that stay when all is freed, in random order.
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

/// The KiB that stay when this thread frees what others, which have ended, allocated.
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

/// The memory for a second phase, of other sizes, once half of the first is freed at random: thousandths
/// of what is live.
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
    (resident() - before) * 1024 * 1000 / live
}

/// The KiB that come to it while two thousand threads follow one another, and a thousand before them: each
/// frees half of its blocks and leaves the others to the first thread. What threads take that allocate
/// nothing is not counted: nothing, but under qemu-user, which keeps 285 KiB of each for good.
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
        // What the thread left is used here.
        left.iter_mut().for_each(|block| block.push(2));
    };
    (0..1_000).for_each(|nth| generation(nth, 400 << 10));
    let before = resident();
    (0..2_000).for_each(|nth| generation(nth, 0));
    let between = resident();
    (0..2_000).for_each(|nth| generation(1_000 + nth, 400 << 10));
    (resident() - between).saturating_sub(between - before)
}

/// The KiB of this process that are in memory: Rss of `/proc/self/smaps_rollup` (proc_pid_smaps(5)), which
/// is exact.
fn resident() -> usize {
    let mut text = [0; 4096];
    let text = read(c"/proc/self/smaps_rollup", &mut text);
    text.lines()
        .find_map(|line| line.strip_prefix("Rss:")?.strip_suffix("kB"))
        .and_then(|kib| kib.trim().parse().ok())
        .expect("a number")
}

/// The page faults until now: the 10th field of proc_pid_stat(5), the 8th behind the name in parentheses.
fn faults() -> usize {
    let mut text = [0; 4096];
    let text = read(c"/proc/self/stat", &mut text);
    let (_, fields) = text.rsplit_once(") ").expect("a name");
    let faults = fields.split(' ').nth(7);
    faults.and_then(|n| n.parse().ok()).expect("a number")
}

/// The text of a file.
fn read<'b>(path: &core::ffi::CStr, buffer: &'b mut [u8]) -> &'b str {
    let file = fs::open(CWD, path, O_RDONLY, 0).expect("/proc is mounted");
    let count = io::read(file.as_fd(), buffer).expect("it can be read");
    core::str::from_utf8(&buffer[..count]).expect("it is text")
}
