//! The allocator: what `alloc`'s `Vec`, `String`, `BTreeMap` and `Arc` live on, behind one line:
//!
//! ```ignore
//! #[global_allocator]
//! static HEAP: ring3::heap::Heap = ring3::heap::Heap::new();
//! ```
//!
//! A [`Layout`] says at its release what it said at its birth, so no block has a header:
//!
//! - a *small* one is of a size class (`class`), a power of two, and lies in a span of such blocks
//!   (`span`); the beginning of the span, found by masking the address, says the rest;
//! - a *large* one is a mapping of its own (`large`), and grows by moving its pages.
//!
//! Memory goes back to the kernel when a large block is freed, and when the last block of a span is.
//!
//! What it does not do: catch a double free or a foreign pointer, or work in a signal handler that
//! interrupted it (it would wait for its own lock).

mod class;
mod large;
mod lock;
mod span;
#[cfg(test)]
mod tests;

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{self, NonNull};

use class::Class;
use lock::Lock;
use span::Spans;

/// An allocator on top of [`mem`](crate::mem), for every layout that [`GlobalAlloc`] allows.
///
/// It answers null where the kernel has no more memory, and serves again once some was freed.
/// Its spans are its own for as long as blocks in them live: it belongs in a static.
pub struct Heap {
    small: Lock<Spans>,
}

impl Heap {
    /// A heap that has asked the kernel for nothing yet.
    pub const fn new() -> Self {
        Self {
            small: Lock::new(Spans::new()),
        }
    }
}

impl Default for Heap {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: each block is one that is handed out nowhere else until it is freed: a large one because
// the kernel gave it as a new mapping, a small one because `Spans` hands out a block of a span once,
// behind a lock. Both are as long and as aligned as the layout asks. Nothing unwinds.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let block = match Class::of(layout) {
            Some(class) => self
                .small
                .with(|spans| spans.take(class))
                .map(|block| block.start),
            None => large::map(layout),
        };
        pointer(block)
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let Some(class) = Class::of(layout) else {
            return pointer(large::map(layout)); // a new mapping is zero, and stays untouched
        };
        let block = self.small.with(|spans| spans.take(class));
        if let Some(block) = &block
            && !block.zero
        {
            // SAFETY: the block is ours alone and has at least that many bytes.
            unsafe { block.start.write_bytes(0, layout.size()) };
        }
        pointer(block.map(|block| block.start))
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's block is one that `alloc` gave, which is never null.
        let block = unsafe { NonNull::new_unchecked(block) };
        match Class::of(layout) {
            // SAFETY: the block is of this heap, of this layout and not used again: the caller's promise.
            Some(class) => self.small.with(|spans| unsafe { spans.put(class, block) }),
            // SAFETY: as above.
            None => unsafe { large::unmap(block, layout) },
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: GlobalAlloc asks of the caller that `new_size`, rounded up to the alignment, does
        // not exceed isize::MAX.
        let new = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        match (Class::of(layout), Class::of(new)) {
            (Some(class), Some(new_class)) if class == new_class => return block,
            (None, None) => {
                // SAFETY: the caller's block is one that `alloc` gave for this layout, never null.
                let moved = unsafe { large::remap(NonNull::new_unchecked(block), layout, new) };
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

/// A block as [`GlobalAlloc`] says it: null where there is none.
fn pointer(block: Option<NonNull<u8>>) -> *mut u8 {
    block.map_or(ptr::null_mut(), NonNull::as_ptr)
}
