//! Blocks, asked for and given back so that the compiler sees neither why nor which.

use std::{
    alloc::{self, Layout},
    hint::black_box,
};

/// What most types in Rust programs are aligned to.
const ALIGN: usize = 8;

/// A block that is live until it is freed, by hand.
#[derive(Clone, Copy)]
pub struct Block {
    start: *mut u8,
    size: usize,
}

// SAFETY: a block is memory of the process; works hand it over, and one thread at a time uses it.
unsafe impl Send for Block {}

impl Block {
    /// A new block of at least 8 bytes, the first eight of them written: memory that is used.
    #[inline(always)]
    pub fn new(size: usize) -> Self {
        let size = black_box(size);
        // SAFETY: no work asks for a size of 0.
        let start = black_box(unsafe { alloc::alloc(layout(size)) });
        assert!(!start.is_null());
        // SAFETY: the block is ours, of 8 bytes or more, and aligned to 8.
        unsafe { start.cast::<usize>().write(size) };
        Self { start, size }
    }

    /// The bytes that it was asked for with.
    pub fn size(self) -> usize {
        self.size
    }

    /// Gives it back.
    #[inline(always)]
    pub fn free(self) {
        // SAFETY: each work frees a block once; the layout is the one it was made or grown with.
        unsafe { alloc::dealloc(self.start, layout(self.size)) }
    }

    /// The same block, larger.
    #[inline(always)]
    pub fn grow(self, size: usize) -> Self {
        let size = black_box(size);
        // SAFETY: as for `free`; the size is not 0.
        let start = black_box(unsafe { alloc::realloc(self.start, layout(self.size), size) });
        assert!(!start.is_null());
        Self { start, size }
    }

    /// Writes all bytes from `begin` on.
    #[inline(always)]
    pub fn fill(self, begin: usize) {
        // SAFETY: the block's own bytes.
        unsafe { self.start.add(begin).write_bytes(1, self.size - begin) };
        black_box(self.start);
    }

    /// Writes one byte of every page from `begin` on.
    #[inline(always)]
    pub fn touch(self, begin: usize) {
        for at in (begin..self.size).step_by(4096) {
            // SAFETY: the block's own bytes.
            unsafe { self.start.add(at).write_volatile(1) };
        }
    }
}

#[inline(always)]
fn layout(size: usize) -> Layout {
    // SAFETY: the alignment is a power of two; no work comes near isize::MAX.
    unsafe { Layout::from_size_align_unchecked(size, ALIGN) }
}
