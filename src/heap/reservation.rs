//! A reservation: the address space of one large block, with a guard on either side and room to grow. (A block without
//! guards has only its own pages.)
//!
//! ```text
//!  base     block                                block + length                   base + reserved
//!  | guard  | the block, in whole pages          | guard, and room to grow        |
//! ```
//!
//! A guard is address space without access rights: an access to it raises SIGSEGV. Growth commits whole huge pages, so
//! the guard can begin up to 2 MiB after the last page of a block that has grown.

use core::ptr::NonNull;

use super::span::Block;
use crate::mem::{self, HUGE_PAGE, LEAST_PAGE, MREMAP_MAYMOVE};

/// Blocks of at least this size are aligned to this size, and the heap requests huge pages for them: a program mostly
/// uses all of such a block, and a page fault every 4 KiB would cost more than all its other work with the block.
const HUGE: usize = HUGE_PAGE;

/// A block that must move to grow gets room for this many times its new size.
const ROOM: usize = 4;

/// The properties of a new block.
#[derive(Clone, Copy)]
pub struct Wish {
    /// The size in bytes.
    pub size: usize,
    pub align: usize,
    /// Whether the block gets guards.
    pub guarded: bool,
    /// Whether few of the pages may be used. Then huge pages are not requested.
    pub sparse: bool,
}

/// A large block, and the address space that belongs to it.
///
/// The range `base..base + reserved` is mapped, and belongs to this value alone. Only `release` and moves unmap it. The
/// block's `length` bytes can be read and written; the rest cannot.
pub struct Reservation {
    block: Block,
    /// The bytes of the block, in whole pages. 0 if the value is [no block](Self::space).
    length: usize,
    /// The start of the address space.
    base: NonNull<u8>,
    /// The bytes of the address space.
    reserved: usize,
}

impl Reservation {
    /// Maps a block of zeros. `None` if the kernel has no more memory.
    pub fn new(wish: Wish) -> Option<Self> {
        let length = pages(wish.size)?;
        if !wish.guarded && wish.align <= LEAST_PAGE {
            return Some(Self::bare(mem::map(length).ok()?, length));
        }
        let new = Self::reserve(length, length, wish.align)?;
        // SAFETY: the range is whole pages of the new reservation, and no other code has its address.
        if unsafe { mem::commit(new.block, length) }.is_err() {
            // SAFETY: no other code has the address of the block.
            unsafe { new.release() };
            return None;
        }
        if !wish.sparse {
            new.prefer_huge();
        }
        Some(new)
    }

    /// Returns the reservation of a block without guards and without room.
    fn bare(block: Block, length: usize) -> Self {
        Self {
            block,
            length,
            base: block,
            reserved: length,
        }
    }

    /// Returns a register entry for a region at `start`. The entry is no block, and does not own the region's address
    /// space.
    pub fn space(start: NonNull<u8>) -> Self {
        Self::bare(start, 0)
    }

    /// Whether this is a block, not a region.
    pub fn is_block(&self) -> bool {
        self.length != 0
    }

    /// Reserves address space for a block of `length` bytes that may grow to `room` bytes. Nothing is committed.
    fn reserve(length: usize, room: usize, align: usize) -> Option<Self> {
        let page = mem::page_size();
        let align = match length >= HUGE {
            true => align.max(HUGE),
            false => align.max(page),
        };
        // A guard page before the block, another after it, and the bytes that alignment may skip. Under another runtime
        // `page` is the largest page size of the architecture, but a mapping may begin at a multiple of the smallest.
        let slack = align - LEAST_PAGE;
        let mut reserved = room.checked_add(slack)?.checked_add(2 * page)?;
        let mut base = mem::reserve(reserved).ok()?;
        let first = base.addr().get() + page;
        let before = page + (first.wrapping_neg() & (align - 1));
        // SAFETY: `before` is at most `page + slack`, so `base + before` is within the `reserved` bytes, with the room
        // and a page after it.
        let block = unsafe { base.add(before) };
        if align > HUGE {
            // The bytes that alignment skipped may be more than a huge page: unmap all but the guards.
            let (surplus, after) = (before - page, reserved - before - room - page);
            // SAFETY: both ranges lie within the reservation, and outside the block, its room and the guards. No other
            // code has their addresses.
            unsafe {
                give_back(base, surplus);
                give_back(block.add(room + page), after);
                base = base.add(surplus);
            }
            reserved -= surplus + after;
        }
        Some(Self {
            block,
            length,
            base,
            reserved,
        })
    }

    /// Returns the address of the block.
    pub fn block(&self) -> Block {
        self.block
    }

    /// Returns how long the block can become in its place: up to the guard page at the end of the address space.
    fn room(&self) -> usize {
        let before = self.block.addr().get() - self.base.addr().get();
        (self.reserved - before - mem::page_size()).max(self.length)
    }

    /// Resizes the block, and moves it if necessary. Returns false if the kernel refuses; the block is unchanged then.
    ///
    /// # Safety
    /// No code uses the bytes after the new size, nor the old address after the block has moved.
    pub unsafe fn resize(&mut self, size: usize, align: usize) -> bool {
        let Some(length) = pages(size) else {
            return false;
        };
        // SAFETY: `shrink` changes only bytes after `length`, which is at least `size`, and the caller promises that no
        // code uses these bytes. For `add` and `commit`, `length` is at most the room, so the range lies within the
        // reservation, after the block. For the moves, the caller promises that no code uses the old address after a
        // move.
        unsafe {
            if length <= self.length {
                // A surplus of less than a huge page stays committed: an earlier growth may have committed these bytes
                // ahead.
                if self.length - length >= HUGE {
                    self.shrink(length);
                }
                return true;
            }
            if length <= self.room() {
                // Grow in steps of huge pages: the kernel makes a huge page only if its whole range is committed.
                let length = length.next_multiple_of(HUGE).min(self.room());
                let (end, more) = (self.block.add(self.length), length - self.length);
                if mem::commit(end, more).is_ok() {
                    self.length = length;
                    return true;
                }
            }
            self.move_to_room(length, align) || (align <= LEAST_PAGE && self.move_anywhere(length))
        }
    }

    /// Returns the memory of the pages after `length` to the kernel, and makes them guards.
    ///
    /// # Safety
    /// No code uses these pages.
    unsafe fn shrink(&mut self, length: usize) {
        // SAFETY: `length` is in whole pages and at most `self.length`, so the range is whole pages of the block. The
        // caller promises that no code uses them.
        unsafe {
            let (end, less) = (self.block.add(length), self.length - length);
            // If the kernel refuses, the block keeps its length. That does no harm.
            let _ = mem::discard(end, less);
            if mem::protect(end, less).is_ok() {
                self.length = length;
            }
        }
    }

    /// Moves the block to new address space, with room if possible. Returns false if the kernel refuses.
    ///
    /// # Safety
    /// No code uses the old address afterwards.
    unsafe fn move_to_room(&mut self, length: usize, align: usize) -> bool {
        let room = length.saturating_mul(ROOM);
        let Some(mut new) =
            Self::reserve(length, room, align).or_else(|| Self::reserve(length, length, align))
        else {
            return false;
        };
        let room = new.room();
        // SAFETY: `move_to` needs one mapping at `self.block`, else the kernel refuses. The block is one mapping:
        // `commit` gives new pages the rights and flags of the block, so that the kernel merges them. The target is
        // `new`, whose address no other code has, and `room` is its size. The move extends the mapping to the whole
        // room, and `protect` then removes the rights of the part after the block. So when the block grows by `commit`,
        // the kernel merges the two parts into one mapping again. The caller promises that no code uses the old
        // address, so `release_around` can unmap the rest of the old reservation.
        unsafe {
            let moved = mem::move_to(self.block, self.length, new.block, room).is_ok();
            if !moved {
                // A failed move may have unmapped the target range. Another thread may have mapped the range since, so
                // the range must not be unmapped here.
                new.release_around(room);
                return false;
            }
            new.prefer_huge();
            new.length = length.next_multiple_of(HUGE).min(room);
            // If the kernel refuses, the block has no guard, but can be used.
            let _ = mem::protect(new.block.add(new.length), room - new.length);
            self.release_around(self.length);
        }
        *self = new;
        true
    }

    /// Moves the block to an address that the kernel chooses. This takes the least address space. The block loses its
    /// guards. Returns false if the kernel refuses.
    ///
    /// # Safety
    /// No code uses the old address afterwards.
    unsafe fn move_anywhere(&mut self, length: usize) -> bool {
        // SAFETY: the block is one mapping of `self.length` bytes, as in `move_to_room`. The caller promises that no
        // code uses the old address, so `release_around` can unmap the rest of the old reservation.
        unsafe {
            match mem::remap(self.block, self.length, length, MREMAP_MAYMOVE) {
                Ok(block) => {
                    self.release_around(self.length);
                    *self = Self::bare(block, length);
                    true
                }
                Err(_) => false,
            }
        }
    }

    /// Requests huge pages for the block and its room, if the block is large enough. The room is included, so that the
    /// block's flags and the room's flags are equal, and the block is still one mapping after growth.
    fn prefer_huge(&self) {
        if self.length >= HUGE {
            // The result is ignored: a kernel without huge pages refuses.
            //
            // SAFETY: the block and its room lie within the reservation, in whole pages. The advice does not change the
            // content.
            let _ = unsafe { mem::prefer_huge(self.block, self.room()) };
        }
    }

    /// Unmaps the whole reservation.
    ///
    /// # Safety
    /// No code uses the block.
    pub unsafe fn release(self) {
        // SAFETY: `self` owns the range, and is consumed. The caller promises that no code uses the block.
        unsafe { give_back(self.base, self.reserved) }
    }

    /// Unmaps the reservation, except `length` bytes at the block's address.
    ///
    /// # Safety
    /// No code uses the unmapped bytes, and `self` is not used as a reservation afterwards.
    unsafe fn release_around(&self, length: usize) {
        let before = self.block.addr().get() - self.base.addr().get();
        // SAFETY: both ranges lie within the reservation, which `self` owns. The caller promises that no code uses
        // them.
        unsafe {
            give_back(self.base, before);
            give_back(self.block.add(length), self.reserved - before - length);
        }
    }
}

/// Rounds a size up to whole pages. `None` on overflow.
fn pages(size: usize) -> Option<usize> {
    size.checked_next_multiple_of(mem::page_size())
}

/// Unmaps a range, which may be empty.
///
/// # Safety
/// The range is whole pages that the caller owns, and no code uses it.
unsafe fn give_back(start: NonNull<u8>, length: usize) {
    if length != 0 {
        // The kernel refuses if the hole would split a mapping and the process has the most mappings already. Then the
        // pages stay mapped but unused: a caller could do nothing about it.
        //
        // SAFETY: the promise of this function's caller.
        let _ = unsafe { mem::unmap(start, length) };
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::rights;
    use super::*;

    const MIB: usize = 1 << 20;

    fn new(size: usize, align: usize, guarded: bool) -> Reservation {
        let wish = Wish {
            size,
            align,
            guarded,
            sparse: true,
        };
        Reservation::new(wish).expect("memory")
    }

    fn resize(block: &mut Reservation, size: usize) {
        // SAFETY: only this test uses the block, and only within its length.
        assert!(unsafe { block.resize(size, 16) });
    }

    fn write(block: &Reservation, place: usize, value: u8) {
        // SAFETY: callers pass a `place` within the block.
        unsafe { block.block().add(place).write_volatile(value) };
    }

    fn read(block: &Reservation, place: usize) -> u8 {
        // SAFETY: callers pass a `place` within the block.
        unsafe { block.block().add(place).read_volatile() }
    }

    /// Asserts that all bytes of the block can be read and written, and that the bytes on either side cannot be
    /// accessed.
    fn assert_guards(block: &Reservation, length: usize) {
        let first = block.block().addr().get();
        assert_eq!(block.length, length);
        assert_eq!(rights(first), "rw-p");
        assert_eq!(rights(first + length - 1), "rw-p");
        assert_guard(first - 1);
        assert_guard(first + length);
    }

    /// Asserts that the address cannot be accessed. (qemu-user does not list such memory of a 32-bit program.)
    fn assert_guard(address: usize) {
        let rights = rights(address);
        assert!(rights == "---p" || cfg!(target_arch = "arm") && rights == "none");
    }

    #[test]
    fn a_block_has_a_guard_on_either_side() {
        let page = mem::page_size();
        for (size, align, length, multiple) in [
            (1, 1, page, page),
            (page, 8, page, page),
            (page + 1, 16, 2 * page, page),
            (100, 1 << 16, page, 1 << 16),
            (HUGE, 16, HUGE, HUGE),
            (HUGE - page, 16, HUGE - page, page),
            (page, 2 * HUGE, page, 2 * HUGE),
            (33 * MIB, 4 * HUGE, 33 * MIB, 4 * HUGE),
            (1, 64 * MIB, page, 64 * MIB),
        ] {
            let block = new(size, align, true);
            assert_guards(&block, length);
            assert_eq!(block.block().addr().get() % multiple, 0, "{size} {align}");
            assert!(block.is_block() && block.room() < length + multiple.max(HUGE));
            if multiple > HUGE {
                assert_eq!(block.reserved, length + 2 * page);
            }
            // SAFETY: the test does not use the block any more.
            unsafe { block.release() };
        }
        let most = Wish {
            size: usize::MAX,
            align: 16,
            guarded: true,
            sparse: true,
        };
        assert!(Reservation::new(most).is_none());
        assert!(
            Reservation::new(Wish {
                size: usize::MAX - 0xffff,
                ..most
            })
            .is_none()
        );
    }

    #[test]
    fn a_block_without_guards_is_its_mapping() {
        let page = mem::page_size();
        let block = new(page + 1, LEAST_PAGE, false);
        assert_eq!((block.base, block.reserved), (block.block(), 2 * page));
        assert_eq!((block.length, block.room()), (2 * page, 2 * page));
        // SAFETY: the test does not use the block any more.
        unsafe { block.release() };
        // A large alignment needs address space around the block. That space is a guard, even if `guarded` is false.
        let block = new(page, 1 << 17, false);
        assert_guards(&block, page);
        // SAFETY: the test does not use the block any more.
        unsafe { block.release() };
        let space = Reservation::space(NonNull::dangling());
        assert!(!space.is_block());
    }

    #[test]
    fn a_block_that_grows_has_room_for_four() {
        let mut block = new(4 * MIB, 16, true);
        for place in [0, 4 * MIB - 1] {
            write(&block, place, 7);
        }
        let first = block.block();
        resize(&mut block, 7 * MIB);
        assert_ne!(block.block(), first);
        assert_eq!(block.block().addr().get() % HUGE, 0);
        assert_guards(&block, 8 * MIB);
        assert!(
            (28 * MIB..30 * MIB).contains(&block.room()),
            "{}",
            block.room()
        );
        assert_eq!(
            [0, 4 * MIB - 1, 4 * MIB].map(|place| read(&block, place)),
            [7, 7, 0]
        );

        // Within its room the block keeps its address, and grows in steps.
        let (second, room) = (block.block(), block.room());
        for (size, length) in [(8, 8), (9, 10), (12, 12), (13, 14)] {
            resize(&mut block, size * MIB);
            assert_eq!(block.block(), second);
            assert_guards(&block, length * MIB);
        }
        // (Under another runtime the page is the largest, and the room a multiple of the smallest.)
        resize(&mut block, room / mem::page_size() * mem::page_size());
        assert_eq!(block.block(), second);
        assert_guards(&block, room);
        write(&block, room - 1, 9);
        resize(&mut block, room + 1);
        assert_ne!(block.block(), second);
        assert_eq!(
            [0, 4 * MIB - 1, room - 1, room].map(|place| read(&block, place)),
            [7, 7, 9, 0]
        );
        assert_guards(&block, (room + 1).next_multiple_of(HUGE));
        // SAFETY: only this test uses the block, and only within its length.
        let mut grows = |size| unsafe { block.resize(size, 16) };
        assert!(!grows(usize::MAX) && !grows(usize::MAX - 0xffff));
        assert_eq!(read(&block, room - 1), 9);
        // SAFETY: the test does not use the block any more.
        unsafe { block.release() };
    }

    #[test]
    fn a_block_that_shrinks_by_a_huge_page_gives_it_back() {
        let mut block = new(8 * MIB, 16, true);
        for place in [0, 6 * MIB - 1, 6 * MIB, 8 * MIB - 1] {
            write(&block, place, 7);
        }
        resize(&mut block, 6 * MIB + 1);
        assert_guards(&block, 8 * MIB);
        let first = block.block();
        resize(&mut block, 6 * MIB);
        assert_eq!(block.block(), first);
        assert_guards(&block, 6 * MIB);
        // Pages that were returned to the kernel are zero when the block grows again.
        resize(&mut block, 8 * MIB);
        assert_eq!(block.block(), first);
        let places = [0, 6 * MIB - 1, 6 * MIB, 8 * MIB - 1];
        assert_eq!(places.map(|place| read(&block, place)), [7, 7, 0, 0]);
        // SAFETY: the test does not use the block any more.
        unsafe { block.release() };
    }

    /// (qemu-user does not report which pages are huge.)
    #[test]
    #[cfg(target_arch = "x86_64")]
    fn huge_pages_are_asked_for_unless_few_will_be_used() {
        use super::super::tests::has_huge_pages;
        for (size, sparse, wanted) in [
            (HUGE, false, true),
            (HUGE, true, false),
            (HUGE - 1, false, true), // rounded up to whole pages, this is HUGE
            (HUGE - LEAST_PAGE, false, false),
        ] {
            let wish = Wish {
                size,
                align: 16,
                guarded: true,
                sparse,
            };
            let mut block = Reservation::new(wish).unwrap();
            write(&block, 0, 1);
            let Some(huge) = has_huge_pages(block.block().addr().get()) else {
                return; // this kernel has no huge pages
            };
            assert_eq!(huge, wanted, "{size} {sparse}");
            // After a move, huge pages are requested for the block and its room, even if `sparse` was set.
            resize(&mut block, 3 * HUGE);
            let first = block.block().addr().get();
            assert_eq!(has_huge_pages(first), Some(true));
            assert_eq!(has_huge_pages(first + 4 * HUGE), Some(true));
            // SAFETY: the test does not use the block any more.
            unsafe { block.release() };
        }
    }
}
