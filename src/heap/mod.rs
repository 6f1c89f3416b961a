//! The allocator: what `alloc`'s `Vec`, `String`, `BTreeMap` and `Arc` live on, behind one line:
//!
//! ```ignore
//! #[global_allocator]
//! static HEAP: ring3::heap::Heap = ring3::heap::Heap::new();
//! ```
//!
//! It is for freestanding programs and for those of std alike. A [`Layout`] says at its release what it
//! said at its birth, so no block has a header. By its size, a block is
//!
//! - *small*, up to 64 KiB: of a size class. Each thread has a cache of blocks of each class at hand
//!   (`cache`), which gives and takes many at a time: from a `depot`, where another thread's surplus
//!   lies, or from a `store`, which cuts them from a `span` of 256 KiB. A span has a bit for each 16 or
//!   256 bytes, so that what is freed side by side is a gap again for any class;
//! - *middling*, up to 32 MiB: a run of 64 KiB units in a `region`, which is where spans come from too;
//! - *large*: a mapping of its own, between guards (`reservation`), which grows by moving its pages.
//!
//! Memory goes back to the kernel when a large block is freed; and when more units are free than are in
//! use, and 512 KiB. What a thread has in its cache goes back when little of much is in use, when the
//! heap grows by much, and when the thread ends. Threads of the [`thread`](mod@crate::thread) room say
//! that they end; the caches of others are taken over by a later thread.
//!
//! # What is caught
//!
//! By a panic that says so: a middling or large block that is freed twice, or is none, or has another
//! length; a small one that is in its span already when its cache gives it back, or lies there as no
//! block of its class can. By SIGSEGV: a write before a large block, or behind its last page (behind a
//! block that has grown: up to 2 MiB further on). No write behind a block reaches what the heap knows of
//! blocks, but through a whole region.
//!
//! What is not: a write behind a small or middling block, the use of a block after its release, a small
//! one that is freed again while it is in a cache, and an address that was never the heap's, freed as
//! small.
//!
//! # Where it must not be used
//!
//! In a signal handler that may have interrupted it; nor in the forked child of a process that has
//! several threads: it waits for what one of them holds.

mod cache;
mod class;
mod depot;
mod large;
mod region;
mod regions;
mod register;
mod reservation;
mod span;
mod store;
#[cfg(test)]
mod tests;

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{self, NonNull};

use class::Class;
use regions::REGIONS;
use span::{Block, Corrupt};

use crate::mem::LEAST_PAGE;

/// An allocator on top of [`mem`](crate::mem), for every layout that [`GlobalAlloc`] allows.
///
/// It answers null where the kernel has no more memory, and serves again once some was freed.
/// A process has one heap: every value of this type is the same.
#[derive(Clone, Copy, Default, Debug)]
pub struct Heap;

impl Heap {
    /// The heap of the process.
    pub const fn new() -> Self {
        Self
    }
}

// SAFETY: the heap hands out no block twice before it is freed. A large block is a new mapping of the
// kernel. A small block is cut from a span once, by the span's store, under the store's lock and for one
// thread's cache. Each block has at least the size and the alignment of the layout.
// Nothing unwinds.
unsafe impl GlobalAlloc for Heap {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let block = match Class::of(layout) {
            Some(class) => cache::pop(class).or_else(|| small(class)),
            None => large(layout, false),
        };
        pointer(block)
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let Some(class) = Class::of(layout) else {
            return pointer(large(layout, true));
        };
        // A block of a page or more may have pages that were never touched. The store knows whether all are zero.
        if layout.size() >= LEAST_PAGE
            && let Some((block, zero)) = cache::take_one(class)
        {
            if !zero {
                // SAFETY: the block is ours alone and has at least that many bytes.
                unsafe { block.write_bytes(0, layout.size()) };
            }
            return block.as_ptr();
        }
        // SAFETY: the caller's promise.
        let block = unsafe { self.alloc(layout) };
        if !block.is_null() {
            // SAFETY: as above.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        block
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's block is one that `alloc` gave, which is never null.
        let block = unsafe { NonNull::new_unchecked(block) };
        match Class::of(layout) {
            Some(class) => {
                if !cache::push(class, block) {
                    // SAFETY: a small block, not used again: the caller's promise.
                    unsafe { flush(class, block) };
                }
            }
            // SAFETY: a large block, not used again: the caller's promise.
            None => unsafe { unmap(block, layout) },
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: GlobalAlloc asks of the caller that `new_size`, rounded up to the alignment, does
        // not exceed isize::MAX.
        let new = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        match (Class::of(layout), Class::of(new)) {
            (Some(class), Some(new_class)) => {
                if class == new_class {
                    return block;
                }
                let Some(copy) = cache::pop(new_class).or_else(|| small(new_class)) else {
                    return ptr::null_mut();
                };
                // SAFETY: both blocks have that many bytes; they do not overlap, because both are
                // live. The caller's block is one that `alloc` gave, never null, replaced by its copy.
                unsafe {
                    let length = layout.size().min(new_size);
                    ptr::copy_nonoverlapping(block, copy.as_ptr(), length);
                    let block = NonNull::new_unchecked(block);
                    if !cache::push(class, block) {
                        flush(class, block);
                    }
                }
                return copy.as_ptr();
            }
            (None, None) => {
                // SAFETY: the caller's block is one that `alloc` gave for this layout, never null.
                let moved = unsafe { remap(NonNull::new_unchecked(block), layout, new_size) };
                if let Some(moved) = moved {
                    return moved.as_ptr();
                }
            }
            _ => {}
        }
        // SAFETY: `new` is not of size 0, the caller's promise.
        let copy = unsafe { self.alloc(new) };
        if !copy.is_null() {
            // SAFETY: both blocks have that many bytes; they do not overlap, because both are live.
            unsafe { ptr::copy_nonoverlapping(block, copy, layout.size().min(new_size)) };
            // SAFETY: the caller's block, replaced by its copy.
            unsafe { self.dealloc(block, layout) };
        }
        copy
    }
}

/// A small block that the cache does not have.
#[cold]
#[inline(never)]
fn small(class: Class) -> Option<Block> {
    cache::refill(class).or_else(|| {
        reclaim();
        cache::refill(class)
    })
}

/// A large block.
#[cold]
#[inline(never)]
fn large(layout: Layout, sparse: bool) -> Option<Block> {
    large::alloc(layout, sparse).or_else(|| {
        reclaim();
        large::alloc(layout, sparse)
    })
}

/// Gives the kernel back what nobody uses, once it has no more.
fn reclaim() {
    told(cache::flush_all());
    REGIONS.lock().reclaim();
}

/// Takes back a small block that the cache has no room for.
///
/// # Safety
/// It is a small block, and not used again.
#[cold]
#[inline(never)]
unsafe fn flush(class: Class, block: Block) {
    // SAFETY: the caller's promise.
    told(unsafe { cache::flush(class, block) });
}

/// Takes back a large block.
///
/// # Safety
/// It is not used again.
#[cold]
#[inline(never)]
unsafe fn unmap(block: Block, layout: Layout) {
    // SAFETY: the caller's promise.
    told(unsafe { large::dealloc(block, layout) });
}

/// Moves or resizes a large block.
///
/// # Safety
/// It is used from now on where the answer says, and as far as `size`.
#[cold]
#[inline(never)]
unsafe fn remap(block: Block, layout: Layout, size: usize) -> Option<Block> {
    // SAFETY: the caller's promise.
    match unsafe { large::realloc(block, layout, size) } {
        Ok(moved) => moved,
        Err(why) => corrupt(why),
    }
}

/// Goes on where nothing is wrong.
fn told(result: Result<(), Corrupt>) {
    if let Err(why) = result {
        corrupt(why)
    }
}

/// Tells of a block that was freed and cannot have been. No lock is held here.
///
/// A function of C's cannot unwind, and neither may an allocator: the panic aborts.
#[cold]
extern "C" fn corrupt(why: Corrupt) -> ! {
    match why {
        Corrupt::Foreign(block) => {
            panic!("heap: freed {block:p}, which is no block of that size in use")
        }
        Corrupt::Twice(block) => panic!("heap: freed {block:p} twice"),
    }
}

/// A block as [`GlobalAlloc`] says it: null where there is none.
#[inline(always)]
fn pointer(block: Option<Block>) -> *mut u8 {
    block.map_or(ptr::null_mut(), NonNull::as_ptr)
}
