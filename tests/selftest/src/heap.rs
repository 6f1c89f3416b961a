//! Self-test cases of the allocator, directly and through the `alloc` crate.

extern crate alloc;

use alloc::alloc::{alloc, alloc_zeroed, dealloc, realloc};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::alloc::{GlobalAlloc, Layout};

use ring3::Errno;
use ring3::heap::{Heap, Small};
use ring3::thread::{scope, spawn};

use crate::case::*;
use crate::cases;

cases! {
    "every size, at every alignment", [Heap::new], sizes() => value(0);
    "zeros, whatever was there", [], zeros() => value(0);
    "a block grows and keeps its bytes", [], grows() => value(0);
    "more than there is", [Heap::new], refuses(&Heap::new()) => YES;
    // SAFETY: the size is not 0, and the block is freed once, with its layout.
    "and again what there is", [], unsafe { let block = alloc(layout(1 << 20, 8)); let got = !block.is_null(); dealloc(block, layout(1 << 20, 8)); got } => YES;
    "blocks of the small allocator", [Small::new], small() => YES;
    "more than the small allocator has", [Small::new], refuses(&Small::new()) => YES;
    "a vector", [], (0..100_000).collect::<Vec<u64>>().iter().sum::<u64>() => value(4_999_950_000);
    "a map", [], (0..10_000).map(|n| (n * 7919 % 10_007, n)).collect::<BTreeMap<i32, i32>>().len() => value(10_000);
    "a string", [], core::iter::repeat_n("word ", 1000).collect::<String>().len() => value(5000);
    "a block that another thread frees", [], handed_over() => value(1000);
    "what threads share", [], shared() => value(4);
    "a block of 64 MiB is written", [], large() => YES;
}

/// Whether a heap refuses the third of three blocks, if not an earlier one: together they are larger than an address
/// space of 32 bits. Only the third is too large there, because a block has at most `isize::MAX` bytes.
fn refuses(heap: &impl GlobalAlloc) -> bool {
    let largest = layout(isize::MAX as usize - 7, 8);
    // SAFETY: the size is not 0.
    let blocks = [(); 3].map(|()| unsafe { heap.alloc(largest) });
    for block in blocks.into_iter().filter(|block| !block.is_null()) {
        // SAFETY: the block is freed once, with its layout.
        unsafe { heap.dealloc(block, largest) };
    }
    blocks.iter().any(|block| block.is_null())
}

/// Blocks of the small allocator, from this many bytes up to a mapping of their own, written and freed.
fn small() -> bool {
    let heap = Small::new();
    [1, 100, 5000, 1 << 20].iter().all(|&size| {
        // SAFETY: no size is 0. The block is written within its size, grows once, and is freed once, with its layout.
        unsafe {
            let block = heap.alloc(layout(size, 64));
            if block.is_null() {
                return false;
            }
            block.write_bytes(7, size);
            let block = heap.realloc(block, layout(size, 64), 3 * size);
            let kept = !block.is_null() && *block == 7 && *block.add(size - 1) == 7;
            heap.dealloc(block, layout(3 * size, 64));
            kept && block.addr().is_multiple_of(64)
        }
    })
}

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).expect("a power of two")
}

/// Counts blocks that are missing, misaligned, or overlapped by another block.
fn sizes() -> usize {
    let mut wrong = 0;
    for align in [1, 8, 16, 64, 4096, 65536] {
        let mut blocks = Vec::new();
        for size in [
            1,
            7,
            8,
            16,
            24,
            100,
            1000,
            4096,
            5000,
            65536,
            65537,
            200_000,
            3 << 20,
        ] {
            // SAFETY: no size is 0.
            let block = unsafe { alloc(layout(size, align)) };
            if block.is_null() {
                wrong += 1;
                continue;
            }
            let mark = blocks.len() as u8 + 1;
            // SAFETY: the block was just allocated with `size` bytes, and only this function uses it.
            unsafe { block.write_bytes(mark, size) };
            blocks.push((block, size, mark));
            wrong += usize::from(block.addr() % align != 0);
        }
        for (block, size, mark) in blocks {
            // SAFETY: the block is still allocated, and all its bytes were written above.
            let bytes = unsafe { core::slice::from_raw_parts(block, size) };
            wrong += usize::from(bytes.iter().any(|&byte| byte != mark));
            // SAFETY: the block is freed once, with its layout. `bytes` is not used any more.
            unsafe { dealloc(block, layout(size, align)) };
        }
    }
    wrong
}

fn zeros() -> usize {
    let mut wrong = 0;
    for size in [16, 5000, 65536, 300_000, 40 << 20] {
        for _ in 0..2 {
            // SAFETY: no size is 0. The block is freed once, with its layout, and not used after that.
            unsafe {
                let block = alloc_zeroed(layout(size, 8));
                let bytes = core::slice::from_raw_parts_mut(block, size);
                wrong += usize::from(bytes.iter().step_by(101).any(|&byte| byte != 0));
                bytes.fill(0xEE);
                dealloc(block, layout(size, 8));
            }
        }
    }
    wrong
}

fn grows() -> usize {
    let sizes = [
        10,
        100,
        5000,
        70_000,
        1 << 20,
        33 << 20,
        50 << 20,
        100_000,
        20,
    ];
    let mut wrong = 0;
    // SAFETY: no size is 0. Each call passes the current layout of the block, and all accesses are to its first 10
    // bytes, which every size has.
    unsafe {
        let mut size = 10;
        let mut block = alloc(layout(size, 8));
        block.write_bytes(0x5A, 10);
        for new in sizes {
            block = realloc(block, layout(size, 8), new);
            size = new;
            let kept = core::slice::from_raw_parts(block, 10);
            wrong += usize::from(kept.iter().any(|&byte| byte != 0x5A));
        }
        dealloc(block, layout(size, 8));
    }
    wrong
}

fn handed_over() -> Result<usize, Errno> {
    let made = spawn(|| (0..1000).map(|n| Vec::from([n; 20])).collect::<Vec<_>>())?.join();
    Ok(made
        .iter()
        .enumerate()
        .filter(|(n, block)| block.iter().all(|value| value == n))
        .count())
}

fn shared() -> Result<usize, Errno> {
    let value = Arc::new(String::from("shared"));
    scope(|scope| {
        for _ in 0..4 {
            let value = Arc::clone(&value);
            drop(scope.spawn(move || drop(value))?);
        }
        Ok::<_, Errno>(())
    })?;
    if Arc::strong_count(&value) == 1 {
        Ok(4)
    } else {
        Err(Errno::EIO)
    }
}

fn large() -> bool {
    let mut bytes = Vec::new();
    if bytes.try_reserve_exact(64 << 20).is_err() {
        return false;
    }
    bytes.resize(64 << 20, 1_u8);
    bytes
        .iter()
        .step_by(4096)
        .map(|&byte| usize::from(byte))
        .sum::<usize>()
        == 64 << 8
}
