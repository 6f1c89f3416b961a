//! A small allocator: first fit in a list of gaps, in less than 1 KB of code. [`Heap`](super::Heap) is faster, and has
//! 24 KB of code.
//!
//! A caller frees a block with the [`Layout`] that it allocated the block with, so no block has a header. Each block is
//! a multiple of [`GRANULE`] bytes. Free memory is a list of *gaps*, in the order of their addresses. A gap holds its
//! own size and the address of the next gap.
//!
//! A new block is cut from the first gap that is large enough. If there is none, a mapping of the kernel becomes a gap.
//! A freed block becomes a gap, and is united with the gaps next to it, also if they came from different mappings. So
//! both operations take time in proportion to the number of gaps.

use core::alloc::{GlobalAlloc, Layout};
use core::fmt;
use core::ptr::{self, NonNull};

use crate::mem::{self, LEAST_PAGE, MREMAP_MAYMOVE};
use crate::sync::Mutex;

/// An allocator for small programs, on top of [`mem`]: little code, and no memory until the first allocation.
///
/// ```
/// #[global_allocator]
/// static HEAP: ring3::heap::Small = ring3::heap::Small::new();
/// ```
///
/// It serves every layout that [`GlobalAlloc`] allows, and returns null if the kernel has no more memory. Threads may
/// share it: a [`Mutex`] protects the gaps. A block grows in its place if a sufficient gap follows.
///
/// - The time of an operation is proportional to the number of gaps. A program with many blocks, or with several
///   threads that allocate at the same time, is faster with [`Heap`](super::Heap).
/// - A block of 128 KiB or more is a mapping of its own, unless its alignment is greater than 4 KiB. Such a block
///   returns to the kernel when it is freed, and grows by mremap(2), without a copy. Other memory returns to the kernel
///   when 1 MiB is free without a block in between.
/// - A panic reports that a block smaller than 128 KiB is freed while it is free, or partly free. Other misuse is not
///   detected.
///
/// It must not be used in a signal handler that may have interrupted it, nor in the child of a `fork` by a process with
/// several threads: another thread may hold the lock.
pub struct Small {
    gaps: Mutex<Gaps>,
}

/// The sizes and the addresses of all blocks are multiples of this number, so that a freed block has room for a
/// [`Gap`].
const GRANULE: usize = size_of::<Gap>();

/// Mappings for small blocks are multiples of this number of bytes. A block of at least this size is a mapping of its
/// own.
const CHUNK: usize = 128 << 10;

/// A gap of at least this size returns to the kernel, except its first and last bytes.
const TRIM: usize = 8 * CHUNK;

impl Small {
    /// An allocator without memory. Each value of this type allocates from its own gaps.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            gaps: Mutex::new(Gaps {
                first: ptr::null_mut(),
            }),
        }
    }
}

impl Default for Small {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Small {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Small").finish_non_exhaustive()
    }
}

impl Small {
    /// Changes the size of a block in its place, and returns the block; null if there is no room. A block of 0 bytes is
    /// no block: an increase from 0 allocates a block with this alignment, and a decrease to 0 frees the block.
    ///
    /// One function for all, so that the lock's code is in the program once.
    ///
    /// # Safety
    /// The sizes are multiples of [`GRANULE`]. If `size` is not 0, this function returned `block`, which has `size`
    /// bytes now. No code uses the bytes of the block after `new_size` again.
    #[inline(never)]
    unsafe fn change(&self, block: *mut u8, size: usize, new_size: usize, align: usize) -> *mut u8 {
        let mut gaps = self.gaps.lock();
        if new_size < size {
            // SAFETY: the caller promises that no code uses these bytes, which belong to the block.
            unsafe {
                let gap = gaps.free(block.addr() + new_size, size - new_size);
                gaps.trim(gap);
            }
        } else if size == 0 {
            return gaps.alloc(new_size, align);
        } else if new_size > size && gaps.take(block.addr() + size, new_size - size, 1) == 0 {
            return ptr::null_mut();
        }
        block
    }
}

// SAFETY: the allocator never returns memory that is still allocated. A block is a new mapping of the kernel, or `take`
// cut it out of a gap, under the lock. The only memory in gaps is from mappings of this allocator and from freed blocks.
// A block has at least the size and the alignment of its layout: a mapping begins at a page, and `take` sees to both.
// No method unwinds: `corrupt` aborts.
unsafe impl GlobalAlloc for Small {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let size = rounded(layout.size());
        if is_own(size, layout) {
            return mem::map(size).map_or(ptr::null_mut(), NonNull::as_ptr);
        }
        // SAFETY: the size of a block that does not exist yet is 0.
        unsafe { self.change(ptr::null_mut(), 0, size, layout.align()) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller promises the same for `alloc`.
        let block = unsafe { self.alloc(layout) };
        // A new mapping is zero already.
        if !is_own(rounded(layout.size()), layout) && !block.is_null() {
            // SAFETY: `alloc` returned the block for this `layout`, and no other code uses it yet.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let size = rounded(layout.size());
        // SAFETY: `alloc` returned the block for this `layout`, so the block is not null, and has `size` bytes. The
        // caller does not use it again. If the kernel refuses to unmap it because the number of mappings is exhausted,
        // the pages stay mapped: a leak, but sound.
        unsafe {
            if is_own(size, layout) {
                let _ = mem::unmap(NonNull::new_unchecked(block), size);
            } else {
                self.change(block, size, 0, 1);
            }
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller promises that `new_size`, rounded up to the alignment, is at most isize::MAX.
        let new = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        let (size, rounded_size) = (rounded(layout.size()), rounded(new_size));
        // SAFETY: `alloc` returned the block for this `layout`, so the block is not null, and has `size` bytes. The
        // caller uses only the first `new_size` bytes afterwards, at the returned address. An own mapping is a whole
        // mapping, or a part of the mapping with which the kernel has merged it.
        let moved = unsafe {
            match (is_own(size, layout), is_own(rounded_size, layout)) {
                (false, false) => self.change(block, size, rounded_size, 1),
                (true, true) => {
                    let block = NonNull::new_unchecked(block);
                    mem::remap(block, size, rounded_size, MREMAP_MAYMOVE)
                        .map_or(ptr::null_mut(), NonNull::as_ptr)
                }
                _ => ptr::null_mut(),
            }
        };
        if !moved.is_null() {
            return moved;
        }
        // SAFETY: the caller promises that `new_size` is not 0.
        let copy = unsafe { self.alloc(new) };
        if !copy.is_null() {
            // SAFETY: both blocks have at least as many bytes as the copy. They do not overlap: both are allocated. The
            // caller does not use `block` again, because `copy` replaces it.
            unsafe {
                ptr::copy_nonoverlapping(block, copy, layout.size().min(new_size));
                self.dealloc(block, layout);
            }
        }
        copy
    }
}

/// The size of a block: at most `isize::MAX + 1`, because a layout's size is at most `isize::MAX`.
fn rounded(size: usize) -> usize {
    (size + GRANULE - 1) & !(GRANULE - 1)
}

/// Whether a block of this size and of this layout's alignment is a mapping of its own.
fn is_own(size: usize, layout: Layout) -> bool {
    size >= CHUNK && layout.align() <= LEAST_PAGE
}

/// Free memory.
#[repr(C)]
struct Gap {
    /// Null for the last gap.
    next: *mut Gap,
    size: usize,
}

/// The gaps, in the order of their addresses. Between two gaps lies memory that is no gap.
///
/// The gaps are memory that the kernel mapped for this allocator, and that no block has. The provenance of their
/// addresses is exposed ([`mem::map`]). Mappings next to each other are one piece of memory for the kernel, and no
/// compiler knows their bounds.
struct Gaps {
    first: *mut Gap,
}

// SAFETY: the list is owned by this value: no other code knows the address of a gap.
unsafe impl Send for Gaps {}

impl Gaps {
    /// Allocates a block, whose size is a multiple of [`GRANULE`]. Returns null if the kernel has no more memory.
    fn alloc(&mut self, size: usize, align: usize) -> *mut u8 {
        let block = self.take(0, size, align);
        if block != 0 {
            return ptr::with_exposed_provenance_mut(block);
        }
        // A mapping begins at a page. So up to the alignment of a page, the block fits without more bytes. No sum here
        // overflows: the size of a layout, rounded up to its alignment, is at most isize::MAX.
        let length = (size + (align & !(LEAST_PAGE - 1))).next_multiple_of(CHUNK);
        let Ok(start) = mem::map(length) else {
            return ptr::null_mut();
        };
        // SAFETY: the mapping is new, so no other code uses it. Its length is a multiple of GRANULE, and it begins at a
        // page.
        unsafe { self.free(start.addr().get(), length) };
        ptr::with_exposed_provenance_mut(self.take(0, size, align))
    }

    /// Cuts a block out of the first gap that has room for it; at the address `at`, if that is not 0. Returns the
    /// block's address, or 0 if no gap has room.
    fn take(&mut self, at: usize, size: usize, align: usize) -> usize {
        let mut link = &raw mut self.first;
        loop {
            // SAFETY: `link` is the field `first`, or the field `next` of a gap in the list.
            let gap = unsafe { *link };
            if gap.is_null() {
                return 0;
            }
            let begin = gap.addr();
            // SAFETY: `gap` is in the list, so its memory is a valid `Gap`.
            let Gap { next, size: length } = unsafe { gap.read() };
            // With 32 bits an address may be above isize::MAX, so that these sums exceed all addresses. Then `start` is
            // 0, or `block_end` is after every gap: the gap has no room.
            let start = if at != 0 {
                at
            } else {
                begin.wrapping_add(align - 1) & !(align - 1)
            };
            let (end, block_end) = (begin + length, start.saturating_add(size));
            if begin <= start && block_end <= end {
                let mut rest = next;
                if block_end < end {
                    rest = ptr::with_exposed_provenance_mut(block_end);
                    // SAFETY: the bytes from `block_end` to `end` are in this gap, and become a gap. All bounds are
                    // multiples of GRANULE, so there is room for a `Gap`.
                    unsafe {
                        rest.write(Gap {
                            next,
                            size: end - block_end,
                        })
                    };
                }
                // SAFETY: as above; the gap keeps the bytes before the block, if there are any.
                unsafe {
                    if begin < start {
                        gap.write(Gap {
                            next: rest,
                            size: start - begin,
                        });
                    } else {
                        link.write(rest);
                    }
                }
                return start;
            }
            // SAFETY: as above.
            link = unsafe { &raw mut (*gap).next };
        }
    }

    /// Returns a large gap to the kernel, except its ends.
    ///
    /// # Safety
    /// `gap` is in the list.
    unsafe fn trim(&mut self, gap: *mut Gap) {
        // SAFETY: the caller promises that `gap` is in the list, so its memory is a valid `Gap`.
        let (begin, size) = (gap.addr(), unsafe { (*gap).size });
        if size < TRIM {
            return;
        }
        let first = begin.next_multiple_of(CHUNK);
        let length = (begin + size - first) & !(CHUNK - 1);
        self.take(first, length, 1);
        // SAFETY: the range is whole pages, because CHUNK is a multiple of every page size. The pages were in the gap,
        // so no code uses them. If the kernel refuses to unmap them because the number of mappings is exhausted, they
        // stay mapped: a leak, but sound.
        unsafe {
            let first = NonNull::new_unchecked(ptr::with_exposed_provenance_mut(first));
            let _ = mem::unmap(first, length);
        }
    }

    /// Makes `size` bytes at `start` a gap, and returns the gap, which may be larger.
    ///
    /// # Safety
    /// The bytes are mapped for this allocator, and no code uses them. Both numbers are multiples of [`GRANULE`], and
    /// `size` is not 0.
    #[inline(never)]
    unsafe fn free(&mut self, start: usize, size: usize) -> *mut Gap {
        let mut link = &raw mut self.first;
        let (mut before, mut before_end) = (ptr::null_mut::<Gap>(), 0);
        let mut next = self.first;
        while !next.is_null() && next.addr() < start {
            // SAFETY: `next` is in the list, so its memory is a valid `Gap`, and `link` is the field `next` of a gap.
            unsafe {
                (before, before_end) = (next, next.addr() + (*next).size);
                link = &raw mut (*next).next;
                next = *link;
            }
        }
        let mut gap = Gap { next, size };
        let end = start + size;
        if before_end > start || (!next.is_null() && end > next.addr()) {
            corrupt();
        }
        if end == next.addr() {
            // SAFETY: `next` is in the list, so its memory is a valid `Gap`.
            let after = unsafe { next.read() };
            gap = Gap {
                next: after.next,
                size: size + after.size,
            };
        }
        let mut place = ptr::with_exposed_provenance_mut(start);
        if before_end == start {
            place = before;
            gap.size += start - before.addr();
        } else {
            // SAFETY: `link` is the field `first`, or the field `next` of a gap in the list.
            unsafe { link.write(place) };
        }
        // SAFETY: the caller promises that no code uses the bytes at `start`; the bytes of `before` are a gap.
        unsafe { place.write(gap) };
        place
    }
}

/// Panics because a freed block is free already.
///
/// An allocator must not unwind. An `extern "C"` function cannot: here a panic aborts.
#[cold]
extern "C" fn corrupt() -> ! {
    panic!("heap: freed a block that is free")
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::thread;
    use std::vec::Vec;

    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).unwrap()
    }

    fn alloc(heap: &Small, size: usize) -> *mut u8 {
        // SAFETY: no test asks for a size of 0.
        let block = unsafe { heap.alloc(layout(size, 8)) };
        assert!(!block.is_null());
        block
    }

    /// # Safety
    /// `alloc` returned the block for this size, and the caller does not use it again.
    unsafe fn free(heap: &Small, block: *mut u8, size: usize) {
        // SAFETY: the caller promises it.
        unsafe { heap.dealloc(block, layout(size, 8)) };
    }

    /// The gaps of the heap: their addresses and sizes.
    fn gaps(heap: &Small) -> Vec<(usize, usize)> {
        let gaps = heap.gaps.lock();
        let mut next = gaps.first;
        let mut all = Vec::new();
        while !next.is_null() {
            // SAFETY: `next` is a gap in the list, and the list is locked.
            let gap = unsafe { next.read() };
            all.push((next.addr(), gap.size));
            next = gap.next;
        }
        all
    }

    #[test]
    fn the_first_gap_that_fits_is_used_and_freed_gaps_unite() {
        let heap = Small::new();
        assert_eq!(gaps(&heap), []);
        let blocks: Vec<_> = (0..4).map(|_| alloc(&heap, 112)).collect();
        let begin = blocks[0].addr();
        let offsets: Vec<_> = blocks.iter().map(|block| block.addr() - begin).collect();
        assert_eq!(offsets, [0, 112, 224, 336]);
        assert_eq!(gaps(&heap), [(begin + 448, CHUNK - 448)]);
        // SAFETY: each block is freed once, and not used after that.
        unsafe {
            free(&heap, blocks[1], 112);
            assert_eq!(gaps(&heap).len(), 2);
            assert_eq!(alloc(&heap, 113).addr(), begin + 448); // too large for the first gap
            assert_eq!(alloc(&heap, 64).addr(), begin + 112);
            assert_eq!(gaps(&heap)[0], (begin + 176, 48));
            free(&heap, blocks[2], 112); // unites with the gap before
            assert_eq!(gaps(&heap)[0], (begin + 176, 160));
            free(&heap, blocks[0], 112); // no neighbour
            assert_eq!(gaps(&heap)[0], (begin, 112));
            free(&heap, blocks[1], 64); // unites with both
            assert_eq!(gaps(&heap)[0], (begin, 336));
            free(&heap, blocks[3], 112); // with the gap before
            free(&heap, blocks[3].wrapping_add(112), 113); // with both
        }
        assert_eq!(gaps(&heap), [(begin, CHUNK)]);
    }

    #[test]
    fn a_block_grows_and_shrinks_in_its_place() {
        let heap = Small::new();
        // SAFETY: no size is 0; each call has the current layout of a block, and a freed block is not used.
        unsafe {
            let block = alloc(&heap, 10);
            block.write_bytes(7, 10);
            assert_eq!(heap.realloc(block, layout(10, 8), 5000), block);
            assert_eq!(heap.realloc(block, layout(5000, 8), 32), block);
            let next = alloc(&heap, 16);
            assert_eq!(next, block.wrapping_add(32));
            let moved = heap.realloc(block, layout(32, 8), 33);
            assert_eq!(moved, block.wrapping_add(48));
            assert_eq!(core::slice::from_raw_parts(moved, 10), [7; 10]);
            // Between a gap and a mapping of its own, the block is copied.
            let large = heap.realloc(moved, layout(33, 8), 3 << 20);
            assert_eq!(core::slice::from_raw_parts(large, 10), [7; 10]);
            let larger = heap.realloc(large, layout(3 << 20, 8), 30 << 20);
            assert_eq!(core::slice::from_raw_parts(larger, 10), [7; 10]);
            larger.add((30 << 20) - 1).write(1);
            let small = heap.realloc(larger, layout(30 << 20, 8), 9);
            assert_eq!((small, *small), (block, 7));
            free(&heap, small, 9);
            free(&heap, next, 16);
        }
        assert_eq!(gaps(&heap).len(), 1);
    }

    #[test]
    fn free_memory_returns_to_the_kernel() {
        let heap = Small::new();
        let blocks: Vec<_> = (0..400).map(|_| alloc(&heap, 100_000)).collect();
        for block in blocks {
            // SAFETY: the block is freed once, and not used after that.
            unsafe { free(&heap, block, 100_000) };
        }
        let all = gaps(&heap);
        let left: usize = all.iter().map(|gap| gap.1).sum();
        assert!(left < 10 * TRIM, "{all:x?}");
        for (begin, _) in all {
            assert_eq!(crate::heap::tests::rights(begin), "rw-p");
        }
    }

    #[test]
    fn every_alignment_is_kept() {
        let heap = Small::new();
        for shift in 0..=22 {
            for size in [1, 16, 5000, CHUNK, 3 << 20] {
                let layout = layout(size, 1 << shift);
                // SAFETY: no size is 0. The block is used within its size, and freed once with its layout.
                unsafe {
                    let block = heap.alloc_zeroed(layout);
                    assert!(!block.is_null() && block.addr().is_multiple_of(layout.align()));
                    assert_eq!((*block, *block.add(size - 1)), (0, 0));
                    block.write_bytes(0xee, size);
                    let block = heap.realloc(block, layout, size + 100);
                    assert!(block.addr().is_multiple_of(layout.align()));
                    assert_eq!((*block, *block.add(size - 1)), (0xee, 0xee));
                    heap.dealloc(
                        block,
                        Layout::from_size_align(size + 100, layout.align()).unwrap(),
                    );
                }
            }
        }
    }

    #[cfg(target_pointer_width = "64")] // an address space of 32 bits may have room for the largest layout
    #[test]
    fn the_impossible_is_refused() {
        let heap = Small::new();
        for (size, align) in [
            (isize::MAX as usize, 1),
            (isize::MAX as usize - 15, 16),
            (isize::MAX as usize - 8191, 8192),
            (1 << 62, 1 << 62),
            (1, 1 << 62),
            (1 << 47, 1 << 16),
        ] {
            // SAFETY: no size is 0.
            assert!(unsafe { heap.alloc(layout(size, align)) }.is_null());
        }
        let block = alloc(&heap, 100);
        for size in [1 << 47, isize::MAX as usize - 7] {
            // SAFETY: the block has 100 bytes, and stays allocated after a refusal.
            assert!(unsafe { heap.realloc(block, layout(100, 8), size) }.is_null());
        }
        // SAFETY: the block is freed once.
        unsafe { free(&heap, block, 100) };
        assert_eq!(gaps(&heap).len(), 1);
    }

    #[test]
    fn threads_share_it() {
        static HEAP: Small = Small::new();
        thread::scope(|scope| {
            for mark in 1..=4_u8 {
                scope.spawn(move || {
                    let mut blocks = Vec::new();
                    for round in 0..2000_usize {
                        let size = 1 + (round * 37 + usize::from(mark) * 11) % 700;
                        let block = alloc(&HEAP, size);
                        // SAFETY: only this thread uses the block; it is freed once, with its size.
                        unsafe { block.write_bytes(mark, size) };
                        blocks.push((block, size));
                        if round % 3 != 0 {
                            let (block, size) = blocks.swap_remove(round % blocks.len());
                            // SAFETY: as above.
                            unsafe {
                                let bytes = core::slice::from_raw_parts(block, size);
                                assert!(bytes.iter().all(|&byte| byte == mark));
                                free(&HEAP, block, size);
                            }
                        }
                    }
                    for (block, size) in blocks {
                        // SAFETY: as above.
                        unsafe { free(&HEAP, block, size) };
                    }
                });
            }
        });
        // All memory is free again. If it was once a gap of 1 MiB, whole chunks from its middle returned to the kernel.
        let all = gaps(&HEAP);
        let free: usize = all.iter().map(|&(_, size)| size).sum();
        assert!(free != 0 && free.is_multiple_of(CHUNK), "{all:x?}");
    }
}
