//! The memory allocators: [`Heap`] for all programs, and [`Small`] for programs that must be small. `alloc`'s `Vec`,
//! `String`, `BTreeMap` and `Arc` allocate from an allocator after this line:
//!
//! ```
//! #[global_allocator]
//! static HEAP: ring3::heap::Heap = ring3::heap::Heap::new();
//! ```
//!
//! [`Heap`] takes 24 KB of code, [`Small`] less than 1 KB. `Small` is slower with many blocks or many threads. The rest of
//! this page is about [`Heap`].
//!
//! The allocator serves freestanding programs and programs that use std. A caller frees a block with the [`Layout`]
//! that it allocated the block with, so no block has a header. There are three kinds of blocks, by size:
//!
//! - *Small* blocks, up to 64 KiB, belong to a size class. Each thread has a cache of free blocks of each class
//!   (`cache`). The cache gets and returns blocks in batches: from and to a `depot`, which holds the surplus of other
//!   threads, or a `store`, which cuts blocks from a `span` of 256 KiB. A span has a bit for each granule of 16 or 256
//!   bytes. So adjacent freed blocks form one gap, and a block of any class can be cut from the gap.
//! - *Middling* blocks, up to 32 MiB, are runs of 64 KiB units in a `region`. Spans are such runs too.
//! - *Large* blocks are mappings of their own, between guard pages (`reservation`). They grow by `mremap`.
//!
//! Memory returns to the kernel in these cases. A large block is unmapped when it is freed. Free units are discarded
//! when they outnumber the units in use by more than 512 KiB. A thread cache is flushed when few of the *touched* bytes
//! (bytes of spans that were handed out at least once) are in use, when the heap has grown by 2 MiB, and when the
//! thread ends. Threads of [`thread`](mod@crate::thread) call the cache at their end. Threads of another runtime do
//! not: a later thread takes over their caches.
//!
//! # Errors that are detected
//!
//! A panic reports these errors:
//!
//! - a middling or large block is freed twice, or with a wrong length, or was never allocated;
//! - a small block that a cache returns to its span is already free there, or cannot be a block of its class.
//!
//! SIGSEGV reports a write before the start of a large block that has guards, or after its last page. After a block has
//! grown, the guard can begin up to 2 MiB after the end of the block. A block has no guards if the process has 10 000
//! large blocks already, or if the kernel lacked address space for guards when the block grew. The heap's own records
//! lie apart from the blocks: a write past the end of a block reaches them only if it overruns a whole region.
//!
//! # Errors that are not detected
//!
//! - a write past the end of a small or middling block;
//! - use after free;
//! - a small block that is freed again while it is in a cache;
//! - an address that the heap never returned, freed with the layout of a small block.
//!
//! # Where it must not be used
//!
//! - In a signal handler that may have interrupted the heap: the heap is not reentrant.
//! - In the child of a `fork` by a process with several threads. Another thread may have held a lock of the heap at the
//!   `fork`. That thread does not exist in the child, so no thread unlocks the lock.

mod cache;
mod class;
mod depot;
mod large;
mod region;
mod regions;
mod register;
mod reservation;
mod small;
mod span;
mod store;
#[cfg(test)]
mod tests;
mod units;

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{self, NonNull};

use class::Class;
use regions::REGIONS;
pub use small::Small;
use span::{Block, Corrupt};

use crate::mem::LEAST_PAGE;

/// An allocator on top of [`mem`](crate::mem), for every layout that [`GlobalAlloc`] allows.
///
/// It returns null if the kernel has no more memory, and allocates again after other memory was freed. A process has
/// one heap: all values of this type allocate from the same heap.
#[derive(Clone, Copy, Default, Debug)]
pub struct Heap;

impl Heap {
    /// The heap of the process.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

// SAFETY: the heap never returns a block that is still allocated. A large block is a new mapping of the kernel. A
// middling block is a run of units that its region marks as used, under the lock of `REGIONS`. A small block is cut
// from free granules of a span, under the lock of the span's store, for one thread's cache. Each block has at least the
// size and the alignment of the layout (`Class::of`, `Regions::alloc`, `Reservation::new`). No method unwinds:
// `corrupt` aborts.
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
        // A block of a page or more may have pages that were never touched. The store knows whether the block is zero.
        if layout.size() >= LEAST_PAGE
            && let Some((block, zero)) = cache::take_one(class)
        {
            if !zero {
                // SAFETY: `take_one` cut the block for this call, so no other code uses it. The block has at least
                // `layout.size()` bytes, because `class` is the class of `layout`.
                unsafe { block.write_bytes(0, layout.size()) };
            }
            return block.as_ptr();
        }
        // SAFETY: `layout` has a size above 0: the caller of `alloc_zeroed` promises that.
        let block = unsafe { self.alloc(layout) };
        if !block.is_null() {
            // SAFETY: `alloc` returned the block for this `layout`, and no other code uses it yet.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        block
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller promises that `alloc` returned the block, so the block is not null.
        let block = unsafe { NonNull::new_unchecked(block) };
        match Class::of(layout) {
            Some(class) => {
                if !cache::push(class, block) {
                    // SAFETY: `layout` has a class, so this is a small block. The caller promises not to use it again.
                    unsafe { flush(class, block) };
                }
            }
            // SAFETY: `layout` has no class, so this is no small block. The caller promises not to use it again.
            None => unsafe { unmap(block, layout) },
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller of `realloc` promises that `new_size`, rounded up to the alignment, is at most isize::MAX.
        let new = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        match (Class::of(layout), Class::of(new)) {
            (Some(class), Some(new_class)) => {
                if class == new_class {
                    return block;
                }
                let Some(copy) = cache::pop(new_class).or_else(|| small(new_class)) else {
                    return ptr::null_mut();
                };
                // SAFETY: both blocks have at least `length` bytes. They do not overlap: both are allocated. The caller
                // promises that `alloc` returned `block` for `layout`, so `block` is not null and is a small block. The
                // caller does not use `block` again, because `copy` replaces it.
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
                // SAFETY: the caller promises that `alloc` returned `block` for `layout`, so `block` is not null. The
                // caller uses only the returned address afterwards.
                let moved = unsafe { remap(NonNull::new_unchecked(block), layout, new_size) };
                if let Some(moved) = moved {
                    return moved.as_ptr();
                }
            }
            _ => {}
        }
        // SAFETY: the caller of `realloc` promises that `new_size` is not 0.
        let copy = unsafe { self.alloc(new) };
        if !copy.is_null() {
            // SAFETY: both blocks have at least as many bytes as the copy. They do not overlap: both are allocated.
            unsafe { ptr::copy_nonoverlapping(block, copy, layout.size().min(new_size)) };
            // SAFETY: `alloc` returned `block` for `layout`. The caller does not use it again, because `copy` replaces
            // it.
            unsafe { self.dealloc(block, layout) };
        }
        copy
    }
}

/// Allocates a small block when the thread cache has none of this class.
#[cold]
#[inline(never)]
fn small(class: Class) -> Option<Block> {
    cache::refill(class).or_else(|| {
        reclaim();
        cache::refill(class)
    })
}

/// Allocates a middling or large block. With `sparse`, the block is zero, and no huge pages are requested for a large
/// block.
#[cold]
#[inline(never)]
fn large(layout: Layout, sparse: bool) -> Option<Block> {
    large::alloc(layout, sparse).or_else(|| {
        reclaim();
        large::alloc(layout, sparse)
    })
}

/// Returns all free memory to the kernel. Called when the kernel has refused an allocation.
fn reclaim() {
    check(cache::flush_all());
    REGIONS.lock().reclaim();
}

/// Frees a small block when the thread cache is full.
///
/// # Safety
/// `block` must be an allocated small block of this class. The caller must not use it again.
#[cold]
#[inline(never)]
unsafe fn flush(class: Class, block: Block) {
    // SAFETY: the caller of this function makes the same promise.
    check(unsafe { cache::flush(class, block) });
}

/// Frees a middling or large block.
///
/// # Safety
/// The caller must not use the block again.
#[cold]
#[inline(never)]
unsafe fn unmap(block: Block, layout: Layout) {
    // SAFETY: the caller of this function makes the same promise.
    check(unsafe { large::dealloc(block, layout) });
}

/// Resizes a middling or large block; a large block may move. Returns `None` if the block does not fit in its place and
/// must be copied.
///
/// # Safety
/// The caller must use the block only at the returned address afterwards, and only its first `size` bytes.
#[cold]
#[inline(never)]
unsafe fn remap(block: Block, layout: Layout, size: usize) -> Option<Block> {
    // SAFETY: the caller of this function makes the same promise.
    match unsafe { large::realloc(block, layout, size) } {
        Ok(moved) => moved,
        Err(why) => corrupt(why),
    }
}

/// Panics if a freed block cannot have been allocated.
fn check(result: Result<(), Corrupt>) {
    if let Err(why) = result {
        corrupt(why)
    }
}

/// Panics with a message about a freed block that cannot have been allocated. The caller holds no lock of the heap.
///
/// An allocator must not unwind. An `extern "C"` function cannot: here a panic aborts.
#[cold]
extern "C" fn corrupt(why: Corrupt) -> ! {
    match why {
        Corrupt::Foreign(block) => {
            panic!("heap: freed {block:p}, which is no block of that size in use")
        }
        Corrupt::Twice(block) => panic!("heap: freed {block:p} twice"),
    }
}

/// Converts a block to the return type of [`GlobalAlloc`]: null for `None`.
#[inline(always)]
fn pointer(block: Option<Block>) -> *mut u8 {
    block.map_or(ptr::null_mut(), NonNull::as_ptr)
}
