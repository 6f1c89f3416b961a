//! Large blocks: each a mapping of its own.
//!
//! A mapping's length is its layout's size, which the kernel rounds up to pages at every call in the
//! same way.

use core::alloc::Layout;
use core::ptr::NonNull;

use crate::mem::{self, MREMAP_MAYMOVE, Remap};

/// What every address that the kernel chooses is a multiple of, whatever its pages are.
const LEAST_PAGE: usize = 4096;

/// Fresh zeros for `layout`; none where the kernel has no more.
pub fn map(layout: Layout) -> Option<NonNull<u8>> {
    let (size, align) = (layout.size(), layout.align());
    // New mappings often lie below each other, aligned already.
    let start = mem::map(size).ok()?;
    if start.addr().get() & (align - 1) == 0 {
        return Some(start);
    }
    // SAFETY: just mapped, and given to nobody.
    unsafe { give_back(start, size) };

    // Somewhere in a mapping longer by the alignment is a place for it. What is before and behind is
    // whole pages, where `size` is.
    let size = size.next_multiple_of(mem::page_size());
    let start = mem::map(size + align).ok()?;
    let before = start.addr().get().wrapping_neg() & (align - 1);
    // SAFETY: `before` is less than the mapping's surplus, `align`.
    let block = unsafe { start.add(before) };
    // SAFETY: the pages before and behind the block are given to nobody.
    unsafe {
        give_back(start, before);
        give_back(block.add(size), align - before);
    }
    Some(block)
}

/// Gives a large block back.
///
/// # Safety
/// `block` is one that [`map`] or [`remap`] gave for `layout`, and is not used again.
pub unsafe fn unmap(block: NonNull<u8>, layout: Layout) {
    // SAFETY: the caller's promise.
    unsafe { give_back(block, layout.size()) }
}

/// The block with the size of `new`, which has the alignment of `layout`; none where the kernel
/// cannot, and it is as it was.
///
/// # Safety
/// `block` is one that [`map`] or this gave for `layout`, and is used from now on where the answer says.
pub unsafe fn remap(block: NonNull<u8>, layout: Layout, new: Layout) -> Option<NonNull<u8>> {
    // The kernel chooses a new place by pages alone.
    let how = if layout.align() <= LEAST_PAGE {
        MREMAP_MAYMOVE
    } else {
        Remap::NONE
    };
    // SAFETY: the block is a mapping of this length: the caller's promise.
    unsafe { mem::remap(block, layout.size(), new.size(), how) }.ok()
}

/// Unmaps, if there is anything to unmap.
///
/// # Safety
/// As for [`mem::unmap`].
unsafe fn give_back(start: NonNull<u8>, length: usize) {
    if length != 0 {
        // The kernel refuses a hole that would make one mapping too many (vm.max_map_count). Then
        // the pages stay, lost but unused: there is nobody whom a release could tell.
        // SAFETY: the caller's promise.
        let _ = unsafe { mem::unmap(start, length) };
    }
}
