//! Middling and large blocks. A middling block is a run of units of a [region](super::region). A large block is a
//! mapping of its own, between guard pages ([`reservation`](super::reservation)).
//!
//! The [register](super::register) lists all large blocks and all regions, in memory apart from both. So the heap
//! detects a block that is freed twice, or that it never allocated.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::region;
use super::regions::REGIONS;
use super::register::{REGISTER, Register};
use super::reservation::{Reservation, Wish};
use super::span::{Block, Corrupt};

/// The bytes of the largest middling block. Larger blocks are mappings of their own: they grow by `mremap`.
const MIDDLING: usize = 32 << 20;

/// The largest alignment of a middling block.
const MIDDLING_ALIGN: usize = 1 << 20;

/// The most large blocks that get guards. Each guard counts towards the mappings that a process may have
/// (vm.max_map_count, mostly 65530). Blocks beyond this number have no guards, and may lie side by side.
const GUARDED: usize = 10_000;

/// Allocates a block for `layout`, zeroed if `zeros` is set. `None` if the kernel has no more memory.
pub fn alloc(layout: Layout, zeros: bool) -> Option<Block> {
    if layout.size() <= MIDDLING && layout.align() <= MIDDLING_ALIGN {
        let found = REGIONS.lock().alloc(layout.size(), layout.align());
        if let Some((block, dirty)) = found {
            if zeros && dirty.start < layout.size() {
                let length = dirty.end.min(layout.size()) - dirty.start;
                // SAFETY: the range is within the block, of `layout.size()` bytes. `Regions::alloc` returned the block
                // to this call only.
                unsafe { block.add(dirty.start).write_bytes(0, length) };
            }
            return Some(block);
        }
    }
    // This is a statement of its own, so that the lock is released at its end: the next statement makes system calls.
    let guarded = REGISTER.lock().count() < GUARDED;
    let new = Reservation::new(Wish {
        size: layout.size(),
        align: layout.align(),
        guarded,
        // Often most pages of a large zeroed block remain unused, for example in a hash table.
        sparse: zeros,
    })?;
    let block = new.block();
    let noted = REGISTER.lock().insert(new);
    match noted {
        Ok(()) => Some(block),
        Err(new) => {
            // SAFETY: no other code has the address of the block yet.
            unsafe { new.release() };
            None
        }
    }
}

/// The kind of a block.
enum Kind {
    /// A mapping of its own, which was removed from the register.
    Own(Reservation),
    /// A run of units in a region.
    Region,
}

/// Finds the kind of a block. Removes a mapping of its own from the register, by `take`.
///
/// # Errors
/// `Foreign` if the address is neither a large block nor in a region.
fn look_up(
    block: Block,
    take: impl FnOnce(&mut Register, Block) -> Option<Reservation>,
) -> Result<Kind, Corrupt> {
    let offset = block.addr().get() % region::SPACE;
    // The address can lie outside the mapping of `block`. The register only compares it. Under qemu-user, a mapping can
    // lie below `SPACE`. Then the start of the region would be 0, and the block is in no region.
    let region = NonNull::new(block.as_ptr().wrapping_sub(offset));
    let mut register = REGISTER.lock();
    if register.get(block).is_some_and(Reservation::is_block)
        && let Some(found) = take(&mut register, block)
    {
        return Ok(Kind::Own(found));
    }
    match region.and_then(|region| register.get(region)) {
        Some(found) if !found.is_block() => Ok(Kind::Region),
        _ => Err(Corrupt::Foreign(block)),
    }
}

/// Frees a middling or large block.
///
/// # Errors
/// `Foreign` if the block is not allocated with this size.
///
/// # Safety
/// No code uses the block again.
pub unsafe fn dealloc(block: Block, layout: Layout) -> Result<(), Corrupt> {
    match look_up(block, Register::remove)? {
        // SAFETY: `look_up` removed the block from the register, so this function owns it. The caller promises that no
        // code uses the block.
        Kind::Own(found) => unsafe { found.release() },
        Kind::Region => {
            // SAFETY: `look_up` found the block's region in the register. The region stays mapped while the block is
            // allocated. The caller promises that no code uses the block.
            let was_out = unsafe { REGIONS.lock().dealloc(block, layout.size()) };
            if !was_out {
                return Err(Corrupt::Foreign(block));
            }
        }
    }
    Ok(())
}

/// Resizes a block. `size` must be the size of a middling or large block; the alignment remains. Returns `None` if the
/// block does not fit in its place and must be copied; the block is unchanged then.
///
/// # Errors
/// `Foreign` if the block is not allocated with the size of `layout`.
///
/// # Safety
/// The caller uses the block only at the returned address afterwards, and only its first `size` bytes.
pub unsafe fn realloc(block: Block, layout: Layout, size: usize) -> Result<Option<Block>, Corrupt> {
    match look_up(block, Register::lend)? {
        Kind::Own(mut found) => {
            // SAFETY: `look_up` removed the block from the register, so this function owns it until `give_back`. The
            // caller promises not to use the bytes after `size`, nor the old address.
            let resized = unsafe { found.resize(size, layout.align()) };
            let block = found.block();
            REGISTER.lock().give_back(found);
            Ok(resized.then_some(block))
        }
        Kind::Region => {
            if size > MIDDLING {
                return Ok(None);
            }
            // SAFETY: `look_up` found the block's region in the register. The region stays mapped while the block is
            // allocated. The caller promises not to use the bytes after `size`.
            let resized = unsafe { REGIONS.lock().resize(block, layout.size(), size) };
            Ok(resized.ok_or(Corrupt::Foreign(block))?.then_some(block))
        }
    }
}
