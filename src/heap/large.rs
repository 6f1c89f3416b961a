//! Large blocks: the middling ones are units of a [region](super::region), the others mappings of
//! their own, between guards ([`reservation`](super::reservation)).
//!
//! Which mappings there are stands in a [register](super::register), apart from them, the regions too:
//! so a block that is freed twice, or was never given out, is told of.

use core::alloc::Layout;

use super::region;
use super::regions::REGIONS;
use super::register::{REGISTER, Register};
use super::reservation::{Reservation, Wish};
use super::span::{Block, Corrupt};

/// The largest block that is of a region, in bytes. What is larger grows by moving its pages.
const MIDDLING: usize = 32 << 20;

/// The largest alignment of one.
const MIDDLING_ALIGN: usize = 1 << 20;

/// How many blocks get guards. Each takes some of the mappings that a process may have
/// (vm.max_map_count, 65530 mostly); blocks beyond this number go without, and lie side by side.
const GUARDED: usize = 10_000;

/// A block for `layout`, of zeros where that is asked; none where the kernel has no more memory.
pub fn alloc(layout: Layout, zeros: bool) -> Option<Block> {
    if layout.size() <= MIDDLING && layout.align() <= MIDDLING_ALIGN {
        let found = REGIONS.lock().alloc(layout.size(), layout.align());
        if let Some((block, dirty)) = found {
            if zeros && dirty.start < layout.size() {
                let length = dirty.end.min(layout.size()) - dirty.start;
                // SAFETY: within the block, which is ours alone.
                unsafe { block.add(dirty.start).write_bytes(0, length) };
            }
            return Some(block);
        }
    }
    // A separate statement: the lock is free at its end. The next statement makes system calls.
    let guarded = REGISTER.lock().count() < GUARDED;
    let new = Reservation::new(Wish {
        size: layout.size(),
        align: layout.align(),
        guarded,
        // Large tables of zeros often stay that, for the most part.
        sparse: zeros,
    })?;
    let block = new.block();
    let noted = REGISTER.lock().insert(new);
    match noted {
        Ok(()) => Some(block),
        Err(new) => {
            // SAFETY: given to nobody.
            unsafe { new.release() };
            None
        }
    }
}

/// Where a block is.
enum Place {
    /// In a mapping of its own, which is out of the register now.
    Own(Reservation),
    /// In a region.
    Region,
}

/// Looks a block up, and takes its mapping out of the register by `take`.
fn place(
    block: Block,
    take: impl FnOnce(&mut Register, Block) -> Option<Reservation>,
) -> Result<Place, Corrupt> {
    let offset = block.addr().get() % region::SPACE;
    // SAFETY: only its address is used.
    let region = unsafe { block.sub(offset) };
    let mut register = REGISTER.lock();
    if register.get(block).is_some_and(Reservation::is_block)
        && let Some(found) = take(&mut register, block)
    {
        return Ok(Place::Own(found));
    }
    match register.get(region) {
        Some(found) if !found.is_block() => Ok(Place::Region),
        _ => Err(Corrupt::Foreign(block)),
    }
}

/// Takes a large block back.
///
/// # Safety
/// Nobody uses it again.
pub unsafe fn dealloc(block: Block, layout: Layout) -> Result<(), Corrupt> {
    match place(block, Register::remove)? {
        // SAFETY: the block is in no register any more: ours; and unused, the caller's promise.
        Place::Own(found) => unsafe { found.release() },
        Place::Region => {
            // SAFETY: there is a region; the caller's promise.
            let was_out = unsafe { REGIONS.lock().dealloc(block, layout.size()) };
            if !was_out {
                return Err(Corrupt::Foreign(block));
            }
        }
    }
    Ok(())
}

/// The block with another size, large too, and the alignment that it had; none where that takes a
/// copy, and it is as it was.
///
/// # Safety
/// The block is used from now on where the answer says, and as far as `size`.
pub unsafe fn realloc(block: Block, layout: Layout, size: usize) -> Result<Option<Block>, Corrupt> {
    match place(block, Register::lend)? {
        Place::Own(mut found) => {
            // SAFETY: the block is in no register meanwhile: ours; the caller's promise.
            let resized = unsafe { found.resize(size, layout.align()) };
            let block = found.block();
            REGISTER.lock().give_back(found);
            Ok(resized.then_some(block))
        }
        Place::Region => {
            if size > MIDDLING {
                return Ok(None);
            }
            // SAFETY: there is a region; the caller's promise.
            let resized = unsafe { REGIONS.lock().resize(block, layout.size(), size) };
            Ok(resized.ok_or(Corrupt::Foreign(block))?.then_some(block))
        }
    }
}
