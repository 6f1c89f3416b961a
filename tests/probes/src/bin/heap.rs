//! Runs one test of the heap, named by its argument: `types` (the collections of the `alloc` crate), `exhaust` (blocks
//! until there is no more memory, twice), `fresh` (memory that no code wrote), `layouts` (all alignments, and impossible
//! sizes), `grow` (a block doubles its size), `shrink` (a block loses a third of its size), `rounds N` (no memory stays
//! mapped after N rounds), `regions` (an empty region is unmapped), `table` (large blocks leave one table), `guarded` (how
//! many blocks have guards), `fork` (a forked child with threads of its own).
//!
//! These end the program: `twice`, `twice-small` and `foreign` by a panic, a write to a guard by SIGSEGV: `guard before`,
//! `after`, `grown`, `grown-again`, `shrunk`, `aligned-before` or `aligned-after`.
//!
//! With `small` before the name, the program's allocator is `heap::Small`.

#![no_std]
#![no_main]

#[path = "../maps.rs"]
#[allow(dead_code, reason = "other probes use the rest")]
mod maps;

extern crate alloc;

use alloc::alloc::{alloc, alloc_zeroed, dealloc, realloc};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::alloc::{GlobalAlloc, Layout};
use core::ffi::CStr;
use core::hint::black_box;
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

use ring3::abi::nr;
use ring3::arch::{syscall4, syscall5};
use ring3::env::Start;
use ring3::fd::STDOUT;
use ring3::fs::{self, CWD, O_RDONLY};
use ring3::heap::{Heap, Small};
use ring3::io;
use ring3::mem::page_size;
use ring3::parts;
use ring3::process;
use ring3::rt::Exit;
use ring3::signal::SIGCHLD;
use ring3::text::{Writer, number};
use ring3::thread;

use maps::{is_guard, mapped, protection};

ring3::program!("heap", main);

/// The allocator of this program: `Small` if the first argument is `small`, else `Heap`.
struct Chosen {
    is_small: AtomicBool,
    small: Small,
}

#[global_allocator]
static HEAP: Chosen = Chosen {
    is_small: AtomicBool::new(false),
    small: Small::new(),
};

// SAFETY: both allocators keep the contract. `main` chooses one of them before the first allocation, so each block is
// freed by the allocator that made it.
unsafe impl GlobalAlloc for Chosen {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are the same.
        match self.is_small.load(Relaxed) {
            true => unsafe { self.small.alloc(layout) },
            false => unsafe { Heap.alloc(layout) },
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        match self.is_small.load(Relaxed) {
            true => unsafe { self.small.alloc_zeroed(layout) },
            false => unsafe { Heap.alloc_zeroed(layout) },
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above.
        match self.is_small.load(Relaxed) {
            true => unsafe { self.small.dealloc(block, layout) },
            false => unsafe { Heap.dealloc(block, layout) },
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above.
        match self.is_small.load(Relaxed) {
            true => unsafe { self.small.realloc(block, layout, size) },
            false => unsafe { Heap.realloc(block, layout, size) },
        }
    }
}

const MIB: usize = 1 << 20;

// The compiler knows what alloc and dealloc are, and leaves them out where nobody else sees the block:
// so black_box.

fn main(start: Start) -> Result<(), Exit> {
    let mut arguments = start.args().skip(1).map(CStr::to_bytes);
    let mut first = arguments.next();
    if first == Some(b"small") {
        HEAP.is_small.store(true, Relaxed);
        first = arguments.next();
    }
    let second = arguments.next().unwrap_or_default();
    match first {
        Some(b"types") => types(),
        Some(b"exhaust") => exhaust(),
        Some(b"fresh") => fresh(),
        Some(b"layouts") => layouts(),
        Some(b"grow") => grow(),
        Some(b"shrink") => shrink(),
        Some(b"rounds") => rounds(number::whole(second, 10, 1_000_000).ok_or(Exit(2))?),
        Some(b"regions") => regions(),
        Some(b"table") => table(),
        Some(b"guarded") => guarded(),
        Some(b"fork") => fork(),
        Some(b"guard") => guard(second),
        Some(b"twice") => twice(2 * MIB, 2),
        Some(b"twice-small") => twice(64, 100_000),
        Some(b"foreign") => foreign(),
        _ => Err(Exit(2)),
    }
}

/// Prints what a reader can work out.
fn types() -> Result<(), Exit> {
    let squares: Vec<u64> = (0..100_000).map(|n| n * n).collect();
    let text: String = (0..10_000).map(|n| format!("{n} ")).collect();
    let mut words = BTreeMap::new();
    for (place, word) in text.split_whitespace().enumerate() {
        words.insert(String::from(word), Arc::new(place));
    }
    let shared: Vec<Arc<usize>> = words.values().filter(|n| ***n % 2 == 0).cloned().collect();
    words.retain(|_, n| **n % 3 == 0);
    let shared_still = shared.iter().filter(|n| Arc::strong_count(n) == 2).count();

    let mut buffer = [0; 256];
    let mut stdout = Writer::new(STDOUT, &mut buffer);
    stdout.print(parts!("squares ", squares.iter().sum::<u64>(), "\n"));
    stdout.print(parts!("text ", text.len(), "\n"));
    let last = words.keys().next_back().map_or("none", String::as_str);
    stdout.print(parts!("words ", words.len(), " ", last, "\n"));
    stdout.print(parts!("shared ", shared.len(), " ", shared_still, "\n"));

    // Each thread keeps every fourth word, in a box of its own, and drops its share in all of them.
    let words = Arc::new(words);
    let threads = [0, 1, 2, 3].map(|nth| {
        let words = Arc::clone(&words);
        let work = move || {
            let own: VecDeque<Box<str>> = words
                .keys()
                .skip(nth)
                .step_by(4)
                .map(|word| word.repeat(2).into())
                .collect();
            own
        };
        thread::spawn(work).unwrap()
    });
    let boxes: VecDeque<Box<str>> = threads
        .into_iter()
        .flat_map(|handle| handle.join())
        .collect();
    let length: usize = boxes.iter().map(|text| text.len()).sum();
    let count = Arc::strong_count(&words);
    stdout.print(parts!("boxes ", boxes.len(), " ", length, " ", count, "\n"));
    stdout.flush().map_err(|_| Exit(1))
}

/// Run with 128 MiB of address space.
fn exhaust() -> Result<(), Exit> {
    for size in [64, 1000, 32 << 10, 100_000, 4 * MIB, 64, 4 * MIB] {
        let layout = Layout::from_size_align(size, 8).map_err(|_| Exit(1))?;
        let count = fill_and_free(layout);
        assert!(
            count * size > 64 * MIB,
            "only {count} blocks of {size} bytes"
        );
    }

    // A block that cannot grow stays what it is.
    let layout = Layout::from_size_align(50 * MIB, 8).map_err(|_| Exit(1))?;
    // SAFETY: the size is not 0, and the block is released once.
    unsafe {
        let block = black_box(alloc(layout));
        assert!(!block.is_null());
        *block = 42;
        assert!(realloc(block, layout, 1024 * MIB).is_null() && *block == 42);
        dealloc(block, layout);
    }
    assert!(Vec::<u8>::new().try_reserve(1024 * MIB).is_err());
    types()
}

/// Every alignment up to a GiB has blocks, and blocks that are together larger than the address space are not all there.
fn layouts() -> Result<(), Exit> {
    for align in (0..=30).map(|power| 1 << power) {
        for size in [1, 100, 5_000, 70_000] {
            let layout = Layout::from_size_align(size, align).map_err(|_| Exit(1))?;
            // SAFETY: the size is not 0; the block is as long, and released once.
            unsafe {
                let block = black_box(alloc(layout));
                assert!(!block.is_null() && block.addr().is_multiple_of(align));
                *block = 1;
                *block.add(size - 1) = 1;
                dealloc(block, layout);
            }
        }
        let most = isize::MAX as usize & !(align - 1);
        let layout = Layout::from_size_align(most, align).map_err(|_| Exit(1))?;
        // With 32 bits, this is a fourth of all addresses, or more.
        // SAFETY: the size is not 0. A block is released once.
        unsafe {
            let blocks = [alloc, alloc_zeroed, alloc, alloc_zeroed].map(|alloc| alloc(layout));
            let blocks = black_box(blocks);
            assert!(blocks.iter().any(|block| block.is_null()));
            assert!(usize::BITS == 32 || blocks.iter().all(|block| block.is_null()));
            for block in blocks.into_iter().filter(|block| !block.is_null()) {
                dealloc(block, layout);
            }
        }
    }
    Ok(())
}

/// A block from a MiB to 256 MiB, by doubling, and back: what was written stays.
fn grow() -> Result<(), Exit> {
    let layout = |size| Layout::from_size_align(size, 16).map_err(|_| Exit(1));
    let doublings = (0..=8).map(|power| MIB << power);
    // SAFETY: the sizes are not 0; what is read and written is inside the block, which is as long as the
    // last layout says, and is released once.
    unsafe {
        let mut block = black_box(alloc_zeroed(layout(MIB)?));
        let mut size = MIB;
        for new_size in doublings.clone().chain(doublings.rev()) {
            block = realloc(block, layout(size)?, new_size);
            assert!(!block.is_null());
            for mib in 0..size.min(new_size) / MIB {
                assert_eq!(*block.add(mib * MIB + 12_345), mib as u8);
            }
            size = new_size;
            for mib in 0..size / MIB {
                *block.add(mib * MIB + 12_345) = mib as u8;
            }
        }
        dealloc(block, layout(size)?);
    }
    Ok(())
}

/// A block that is freed when it is dropped.
struct Large {
    start: *mut u8,
    layout: Layout,
}

impl Large {
    fn new(size: usize, align: usize) -> Self {
        let layout = Layout::from_size_align(size, align).expect("a size that can be");
        // SAFETY: the size is not 0.
        let start = black_box(unsafe { alloc(layout) });
        assert!(!start.is_null());
        Self { start, layout }
    }

    fn resize(&mut self, size: usize) {
        // SAFETY: the layout is the block's, and the size is not 0.
        self.start = black_box(unsafe { realloc(self.start, self.layout, size) });
        assert!(!self.start.is_null());
        self.layout = Layout::from_size_align(size, self.layout.align()).expect("as before");
    }

    /// Writes a byte in each KiB of a range.
    fn fill(&self, bytes: core::ops::Range<usize>) {
        for place in bytes.step_by(1024) {
            // SAFETY: within the block.
            unsafe { self.start.add(place).write_volatile(1) };
        }
    }

    /// Whether memory without access rights is mapped at this distance from the first byte.
    fn is_guard(&self, distance: isize) -> bool {
        is_guard(self.start.addr().wrapping_add_signed(distance))
    }
}

impl Drop for Large {
    fn drop(&mut self) {
        // SAFETY: the layout is the block's. The block is not used again.
        unsafe { dealloc(self.start, self.layout) };
    }
}

/// A block that loses a third of its size returns the memory. If it grows again, the new part is zero.
fn shrink() -> Result<(), Exit> {
    let mut block = Large::new(96 * MIB, 16);
    block.fill(0..96 * MIB);
    let full = resident();
    block.resize(64 * MIB);
    assert!(resident() < full - 31 * MIB);
    assert!(block.is_guard(80 * MIB as isize));
    block.resize(96 * MIB);
    // SAFETY: within the block.
    let byte = |place| unsafe { *block.start.add(place) };
    assert_eq!((byte(0), byte(64 * MIB - 1024)), (1, 1));
    for place in (64 * MIB..96 * MIB).step_by(1024) {
        assert_eq!(byte(place), 0);
    }
    drop(block);
    assert!(resident() < full - 90 * MIB);
    Ok(())
}

/// Blocks of all kinds are allocated and freed in each round. After `count` rounds as many bytes are mapped as after the
/// first three rounds, and as many are in memory.
fn rounds(count: u64) -> Result<(), Exit> {
    let round = || {
        // The alignment makes this block large. It moves to where it has room, grows there, moves again and shrinks.
        let mut block = Large::new(4 * MIB, 2 * MIB);
        block.fill(0..8192);
        for size in [7, 12, 40, 6] {
            block.resize(size * MIB);
        }
        // The size makes this block large.
        drop(Large::new(33 * MIB, 16));
        // The heap reserves 16 MiB for the alignment of this block, and returns the rest of them at once.
        drop(Large::new(100, 8 * MIB));
        // Each of these blocks needs a region.
        drop([(); 3].map(|()| Large::new(32 * MIB, 16)));
        // Spans of both grains.
        drop([100, 3000, 5000, 60_000].map(|size| Large::new(size, 16)));
    };
    (0..3).for_each(|_| round());
    let (addresses, memory) = (mapped(), resident());
    (0..count).for_each(|_| round());
    let (addresses, memory) = (mapped() - addresses, resident().saturating_sub(memory));
    assert!(addresses == 0 && memory < MIB, "{addresses} {memory}");
    Ok(())
}

/// A region that becomes empty is unmapped.
fn regions() -> Result<(), Exit> {
    // The first block makes a region of 4 MiB, and a cache. The region is never empty, because the block stays in use.
    let begin = mapped();
    let first = Large::new(100, 16);
    let more = mapped() - begin;
    assert!((4 * MIB..5 * MIB).contains(&more), "{more}");
    // Regions begin at multiples of 64 MiB. Each has room for one block of 32 MiB. The first region may not be able to
    // grow by that much: other mappings of the process may be above it.
    let region = |block: &Large| block.start.addr() / (64 * MIB);
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let mut blocks = [(); 3].map(|()| Some(Large::new(32 * MIB, 16)));
        let full = mapped();
        let mut unmapped = 0;
        for nth in order {
            let block = blocks[nth].take().ok_or(Exit(1))?;
            let (place, is_first) = (block.start.addr(), region(&block) == region(&first));
            drop(block);
            let rights = is_first.then_some(*b"rw-p");
            assert_eq!(protection(place), rights, "{nth} of {order:?}");
            unmapped += usize::from(!is_first);
        }
        let less = full - mapped();
        assert!(unmapped >= 2 && less >= unmapped * 32 * MIB, "{less}");
    }
    Ok(())
}

/// A hundred large blocks leave no mapping but the table that lists them.
fn table() -> Result<(), Exit> {
    drop(Large::new(100, 16));
    let hundred = || drop([(); 100].map(|()| Large::new(100, 2 * MIB)));
    let before = mapped();
    hundred();
    let more = mapped() - before;
    assert!(more <= 2 * page_size(), "{more}");
    // The table's places are used again.
    (0..10).for_each(|_| hundred());
    assert_eq!(mapped() - before, more);
    Ok(())
}

/// The first 10,000 large blocks have guards, and later blocks have none.
fn guarded() -> Result<(), Exit> {
    const GUARDED: usize = 10_000;
    let first = Large::new(100, 16); // its region is in the register too
    let mut blocks: Vec<_> = (1..GUARDED).map(|_| Large::new(33 * MIB, 16)).collect();
    let more = mapped();
    blocks.push(Large::new(33 * MIB, 16));
    // (The vector of the blocks is in a region, and has room for one more.)
    assert_eq!(mapped() - more, 33 * MIB);
    let has_guards = |block: &Large| block.is_guard(-1) && block.is_guard(33 * MIB as isize);
    assert!(has_guards(&blocks[GUARDED - 2]) && !has_guards(&blocks[GUARDED - 1]));
    // After two blocks are freed, a new block has guards.
    blocks.truncate(GUARDED - 2);
    blocks.push(Large::new(33 * MIB, 16));
    assert!(has_guards(&blocks[GUARDED - 2]));
    drop(first);
    Ok(())
}

/// Writes to a guard of a block. The block lies between two others: without a guard the write would reach memory.
fn guard(case: &[u8]) -> Result<(), Exit> {
    let align = if case.starts_with(b"aligned") {
        8 * MIB
    } else {
        16
    };
    let mut blocks = [(); 3].map(|()| Large::new(40 * MIB, align));
    let block = &mut blocks[1];
    let place = match case {
        b"before" | b"aligned-before" => -1,
        b"after" | b"aligned-after" => 40 * MIB as isize,
        b"grown" => {
            block.resize(65 * MIB);
            66 * MIB as isize
        }
        b"grown-again" => {
            block.resize(65 * MIB);
            block.resize(101 * MIB);
            102 * MIB as isize
        }
        b"shrunk" => {
            block.resize(34 * MIB);
            34 * MIB as isize
        }
        _ => return Err(Exit(2)),
    };
    // SAFETY: the first and the last byte of the block.
    unsafe {
        block.start.write_volatile(1);
        block.start.add(block.layout.size() - 1).write_volatile(1);
    }
    assert_eq!(io::write(STDOUT, b"up to here\n"), Ok(11));
    // SAFETY: none. The test is that the kernel ends the program here.
    unsafe { block.start.offset(place).write_volatile(1) };
    Ok(())
}

/// In a forked child the first thread keeps its blocks and its cache. Threads that start in the child have other caches.
fn fork() -> Result<(), Exit> {
    // Blocks in use, and blocks in the cache of the first thread.
    let sizes = [16, 48, 200, 1000, 5000];
    let fill = || -> Vec<Vec<u8>> {
        let sizes = sizes.iter().cycle().take(500);
        sizes.map(|&size| black_box(alloc::vec![7; size])).collect()
    };
    let kept = fill();
    drop(fill());
    // SAFETY: this process has one thread, so the child has all threads of this process. The child ends by `exit`.
    let child = unsafe { syscall5::<{ nr::clone }>(SIGCHLD as usize, 0, 0, 0, 0) };
    if child == 0 {
        process::exit(i32::from(!is_whole_between_threads(&kept, fill)));
    }
    let mut status = -1_i32;
    let place = (&raw mut status).expose_provenance();
    // SAFETY: the kernel writes a status to ours.
    let ended = unsafe { syscall4::<{ nr::wait4 }>(child, place, 0, 0) };
    // The child's writes do not change this process's memory.
    assert!(kept.iter().flatten().all(|&byte| byte == 7));
    assert_eq!((ended, status), (child, 0));
    Ok(())
}

/// Whether each block belongs to one thread: each thread writes its own blocks again and again.
fn is_whole_between_threads(kept: &[Vec<u8>], fill: impl Fn() -> Vec<Vec<u8>> + Sync) -> bool {
    let work = |mark: u8| {
        (0..40).all(|_| {
            let mut blocks = fill();
            blocks.iter_mut().for_each(|block| block.fill(mark));
            thread::yield_now();
            let is_marked =
                |block: &Vec<u8>| block.first() == Some(&mark) && block.last() == Some(&mark);
            let whole = blocks.iter().all(is_marked);
            // The next round's blocks come in another order.
            blocks.reverse();
            whole
        })
    };
    let whole = thread::scope(|scope| {
        let threads = [1, 2, 3].map(|mark| scope.spawn(move || work(mark)).expect("a thread"));
        let own = work(4);
        threads.map(|handle| handle.join()) == [true; 3] && own
    });
    whole && kept.iter().flatten().all(|&byte| byte == 7)
}

/// Frees one block of many twice. The others see to it that no cache has room for it.
fn twice(size: usize, count: usize) -> Result<(), Exit> {
    let layout = Layout::from_size_align(size, 16).map_err(|_| Exit(1))?;
    // SAFETY: none: what is caught is that blocks are released twice.
    unsafe {
        let blocks: Vec<_> = (0..count).map(|_| black_box(alloc(layout))).collect();
        dealloc(blocks[1], layout);
        for block in blocks {
            dealloc(block, layout);
        }
    }
    Ok(())
}

/// Frees what is no block, but within one.
fn foreign() -> Result<(), Exit> {
    let layout = Layout::from_size_align(40 * MIB, 16).map_err(|_| Exit(1))?;
    // SAFETY: none: what is caught is that this is no block.
    unsafe { dealloc(black_box(alloc(layout)).add(MIB), layout) };
    Ok(())
}

/// Takes blocks until there are no more, gives all back, and says how many there were.
fn fill_and_free(layout: Layout) -> usize {
    let mut count = 0;
    let mut last = ptr::null_mut::<*mut u8>();
    loop {
        // SAFETY: the size is not 0.
        let block = black_box(unsafe { alloc(layout) }).cast::<*mut u8>();
        if block.is_null() {
            break;
        }
        // SAFETY: the block has room for a pointer, and its alignment.
        unsafe { *block = last.cast() };
        last = block;
        count += 1;
    }
    while !last.is_null() {
        // SAFETY: each block holds the one taken before it, and is given back once.
        unsafe {
            let before = (*last).cast();
            dealloc(last.cast(), layout);
            last = before;
        }
    }
    count
}

/// Zeros that nobody wrote take no memory, nor does moving them.
fn fresh() -> Result<(), Exit> {
    let layout = Layout::from_size_align(64 * MIB, 64).map_err(|_| Exit(1))?;
    let grown = Layout::from_size_align(128 * MIB, 64).map_err(|_| Exit(1))?;
    let before = resident();
    // SAFETY: the sizes are not 0; what is read and written is inside the block, which is as long as
    // `layout` and then as `grown`, and is released once.
    unsafe {
        let block = black_box(alloc_zeroed(layout));
        assert!(!block.is_null());
        assert_eq!((*block, *block.add(64 * MIB - 1)), (0, 0));
        let block = black_box(realloc(block, layout, grown.size()));
        assert!(!block.is_null());
        assert_eq!((*block, *block.add(64 * MIB - 1)), (0, 0));
        assert!(resident() < before + 16 * MIB);

        block.write_bytes(1, 64 * MIB);
        assert!(resident() > before + 48 * MIB);
        dealloc(block, grown);
        assert!(resident() < before + 16 * MIB);
    }
    Ok(())
}

/// The bytes of this process that are in memory: VmRSS of proc_pid_status(5), which is in KiB
/// whatever the page size.
fn resident() -> usize {
    let mut text = [0; 4096];
    let file = fs::open(CWD, c"/proc/self/status", O_RDONLY, 0).expect("/proc is mounted");
    let count = io::read(file.as_fd(), &mut text).expect("status can be read");
    let text = core::str::from_utf8(&text[..count]).expect("status is text");
    let kib: usize = text
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.strip_suffix("kB"))
        .and_then(|n| n.trim().parse().ok())
        .expect("a number");
    kib * 1024
}
