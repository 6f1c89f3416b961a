//! A thread's stack: a mapping with a guard page below the stack, and room for the thread's data above it.

use core::alloc::Layout;
use core::ptr::NonNull;

use crate::abi::{Errno, Result};
use crate::env::auxv;
use crate::mem;

/// The least bytes of a stack: enough to start and end a thread.
const LEAST: usize = 16 << 10;

/// The mapping: a guard page, the stack, and the thread's data.
#[derive(Clone, Copy)]
pub struct Stack {
    pub start: NonNull<u8>,
    pub length: usize,
}

impl Stack {
    /// Maps a stack of at least `bytes` bytes, with room for `top` above it. Also returns the address of this room:
    /// from there the stack grows down.
    ///
    /// # Errors
    /// `ENOSYS`: there is no auxiliary vector (another runtime). `ENOMEM`: no address space or memory.
    pub fn new(bytes: usize, top: Layout) -> Result<(Self, *mut u8)> {
        // The page size that the kernel passed to `program!`'s start-up code.
        let page = auxv::get(auxv::AT_PAGESZ).ok_or(Errno::ENOSYS)?;
        let length = bytes
            .max(LEAST)
            .checked_add(page + top.size() + top.align() - 1)
            .and_then(|length| length.checked_next_multiple_of(page))
            .ok_or(Errno::ENOMEM)?;
        let start = mem::reserve(length)?;
        let stack = Self { start, length };
        // SAFETY: the range is the pages after the first of the mapping that `reserve` has just returned.
        let committed = unsafe { mem::commit(start.add(page), length - page) };
        if let Err(errno) = committed {
            // SAFETY: no other code has the address of the mapping.
            unsafe { stack.unmap() };
            return Err(errno);
        }
        let end = start.as_ptr().wrapping_add(length);
        let top = end
            .wrapping_sub(top.size())
            .map_addr(|address| address & !(top.align() - 1));
        Ok((stack, top))
    }

    /// Unmaps the stack and the thread's data.
    ///
    /// # Safety
    /// No code uses the mapping any more.
    pub unsafe fn unmap(self) {
        // SAFETY: the caller promises that no code uses the mapping. If the stack was committed, the call cannot fail:
        // the kernel may have merged the guard with a mapping below and the stack with a mapping above, but the range
        // does not lie in the middle of one mapping. If `new` could not commit the stack, the call can fail too; then
        // the address space is lost but unused.
        let _ = unsafe { mem::unmap(self.start, self.length) };
    }
}
