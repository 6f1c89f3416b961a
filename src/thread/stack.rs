//! The mapping of a thread.

use core::alloc::Layout;
use core::ptr::NonNull;

use crate::abi::{Errno, Result};
use crate::env::auxv;
use crate::mem;

/// The least that there is: a thread begins and ends in less.
const LEAST: usize = 16 << 10;

/// Where it is: a page that nobody may touch, a stack, and room above that.
#[derive(Clone, Copy)]
pub struct Stack {
    pub start: NonNull<u8>,
    pub length: usize,
}

impl Stack {
    /// A stack of `bytes` or a little more, and the place above it for `top`, where it begins.
    pub fn new(bytes: usize, top: Layout) -> Result<(Self, *mut u8)> {
        // The page that the kernel told `program!`'s start-up of.
        let page = auxv::get(auxv::AT_PAGESZ).ok_or(Errno::ENOSYS)?;
        let length = bytes
            .max(LEAST)
            .checked_add(page + top.size() + top.align() - 1)
            .and_then(|length| length.checked_next_multiple_of(page))
            .ok_or(Errno::ENOMEM)?;
        let start = mem::reserve(length)?;
        let stack = Self { start, length };
        // SAFETY: the pages above the first were just reserved.
        let committed = unsafe { mem::commit(start.add(page), length - page) };
        if let Err(errno) = committed {
            // SAFETY: nobody has seen it.
            unsafe { stack.unmap() };
            return Err(errno);
        }
        let end = start.as_ptr().wrapping_add(length);
        let top = end
            .wrapping_sub(top.size())
            .map_addr(|address| address & !(top.align() - 1));
        Ok((stack, top))
    }

    /// # Safety
    /// Nobody uses it any more.
    pub unsafe fn unmap(self) {
        // SAFETY: the caller's promise. Whole mappings at both ends: this splits none, and can't fail.
        let _ = unsafe { mem::unmap(self.start, self.length) };
    }
}
