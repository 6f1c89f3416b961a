//! Lives on the heap as its argument says: `types` (what the `alloc` crate offers), `exhaust` (until
//! there is no more, and again), `fresh` (memory that was never touched), `layouts` (all alignments, and
//! sizes that cannot be), `grow` (a block by doubling), or ends by what is caught: `twice`, `twice-small`,
//! `foreign`.

#![no_std]
#![no_main]

extern crate alloc;

use alloc::alloc::{alloc, alloc_zeroed, dealloc, realloc};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::alloc::Layout;
use core::hint::black_box;
use core::ptr;

use ring3::env::Start;
use ring3::fd::STDOUT;
use ring3::fs::{self, CWD, O_RDONLY};
use ring3::io;
use ring3::parts;
use ring3::rt::Exit;
use ring3::text::Writer;
use ring3::thread;

ring3::program!("heap", main);

#[global_allocator]
static HEAP: ring3::heap::Heap = ring3::heap::Heap::new();

const MIB: usize = 1 << 20;

// The compiler knows what alloc and dealloc are, and leaves them out where nobody else sees the block:
// so black_box.

fn main(start: Start) -> Result<(), Exit> {
    match start.args().nth(1).map(|arg| arg.to_bytes()) {
        Some(b"types") => types(),
        Some(b"exhaust") => exhaust(),
        Some(b"fresh") => fresh(),
        Some(b"layouts") => layouts(),
        Some(b"grow") => grow(),
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
    for size in [16, 1000, 32 << 10, 100_000, 4 * MIB, 16, 4 * MIB] {
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

/// Every alignment up to a GiB has blocks, and what is larger than the address space is null.
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
        // SAFETY: the size is not 0.
        let blocks = unsafe { black_box((alloc(layout), alloc_zeroed(layout))) };
        assert!(blocks.0.is_null() && blocks.1.is_null());
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
