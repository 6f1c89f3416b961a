//! Blocks of memory, allocated and freed by hand. `black_box` hides sizes and addresses from the compiler, so that it
//! cannot remove an allocation.

use std::{
    alloc::{self, Layout},
    hint::black_box,
};

/// The alignment of all blocks, which is that of most types in Rust programs.
const ALIGN: usize = 8;

/// An allocated block. It is live until a work calls [`free`](Self::free) for one of its copies.
#[derive(Clone, Copy)]
pub struct Block {
    start: *mut u8,
    size: usize,
}

// SAFETY: memory of the global allocator may be used and freed by any thread. A work that moves a block to another
// thread does not use it in the first thread any more, so one thread at a time uses it.
unsafe impl Send for Block {}

impl Block {
    /// Allocates a block of `size` bytes, which must be at least 8, and writes the first eight, so that the memory is
    /// used.
    #[inline(always)]
    pub fn new(size: usize) -> Self {
        let size = black_box(size);
        // SAFETY: the size of a layout must not be 0: no work allocates a block of fewer than 16 bytes.
        let start = black_box(unsafe { alloc::alloc(layout(size)) });
        assert!(!start.is_null());
        // SAFETY: the block was just allocated, so nothing else uses it. It has at least 8 bytes, and is aligned to 8.
        unsafe { start.cast::<usize>().write(size) };
        Self { start, size }
    }

    /// Returns the size that was requested.
    pub fn size(self) -> usize {
        self.size
    }

    /// Frees the block.
    #[inline(always)]
    pub fn free(self) {
        // SAFETY: `new` or `grow` allocated the block with this layout. Each work frees a block once, and does not use
        // it afterwards.
        unsafe { alloc::dealloc(self.start, layout(self.size)) }
    }

    /// Reallocates the block with a larger size.
    #[inline(always)]
    pub fn grow(self, size: usize) -> Self {
        let size = black_box(size);
        // SAFETY: `new` or `grow` allocated the block with this layout; the works use only the returned block from now
        // on. The new size is larger than the old one, so it is not 0.
        let start = black_box(unsafe { alloc::realloc(self.start, layout(self.size), size) });
        assert!(!start.is_null());
        Self { start, size }
    }

    /// Writes all bytes from `begin` on, which must not be beyond the end.
    #[inline(always)]
    pub fn fill(self, begin: usize) {
        // SAFETY: `begin..self.size` is in the block, which is live and used by this thread only.
        unsafe { self.start.add(begin).write_bytes(1, self.size - begin) };
        black_box(self.start);
    }

    /// Writes one byte of every page from `begin` on.
    #[inline(always)]
    pub fn touch(self, begin: usize) {
        for at in (begin..self.size).step_by(4096) {
            // SAFETY: `at` is less than `self.size`, so the byte is in the block, which is live and used by this thread
            // only.
            unsafe { self.start.add(at).write_volatile(1) };
        }
    }
}

#[inline(always)]
fn layout(size: usize) -> Layout {
    // SAFETY: `ALIGN` is a power of two. No work has a size near `isize::MAX`.
    unsafe { Layout::from_size_align_unchecked(size, ALIGN) }
}
