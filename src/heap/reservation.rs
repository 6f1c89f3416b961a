//! Address space for one large block: the block, a guard on either side, and room to grow.
//!
//! ```text
//!  base     block                                length behind it                 the end
//!  | guard  | the block, in whole pages          | guard, and room to grow        |
//! ```
//!
//! A guard is address space without memory: who touches it ends by SIGSEGV. Where a block has grown,
//! it begins up to 2 MiB behind its last page.

use core::ptr::NonNull;

use super::span::Block;
use crate::mem::{self, HUGE_PAGE, LEAST_PAGE, MREMAP_MAYMOVE};

/// Blocks from this size on begin at a multiple of it, and ask for huge pages: theirs, mostly. A page
/// fault every 4 KiB would cost more than all else that is done with such a block.
const HUGE: usize = HUGE_PAGE;

/// A block that has to move in order to grow gets room for this many times its size.
const ROOM: usize = 4;

/// What is asked of a new block.
#[derive(Clone, Copy)]
pub struct Wish {
    /// In bytes.
    pub size: usize,
    pub align: usize,
    /// Whether it gets guards.
    pub guarded: bool,
    /// Whether perhaps few of its pages will be used: then they are small.
    pub sparse: bool,
}

/// A large block, and what else belongs to it.
pub struct Reservation {
    block: Block,
    /// The bytes of the block, in whole pages.
    length: usize,
    base: NonNull<u8>,
    /// The bytes from the base to the end.
    reserved: usize,
}

impl Reservation {
    /// A block of zeros; none where the kernel has no more.
    pub fn new(wish: Wish) -> Option<Self> {
        let length = pages(wish.size)?;
        if !wish.guarded && wish.align <= LEAST_PAGE {
            return Some(Self::bare(mem::map(length).ok()?, length));
        }
        let new = Self::reserve(length, length, wish.align)?;
        // SAFETY: whole pages of the reservation, used by nobody yet.
        if unsafe { mem::commit(new.block, length) }.is_err() {
            // SAFETY: as above.
            unsafe { new.release() };
            return None;
        }
        if !wish.sparse {
            new.prefer_huge();
        }
        Some(new)
    }

    /// A block that is a mapping and nothing else.
    fn bare(block: Block, length: usize) -> Self {
        Self {
            block,
            length,
            base: block,
            reserved: length,
        }
    }

    /// A place that is no block, and not this one's to give back.
    pub fn space(start: NonNull<u8>) -> Self {
        Self::bare(start, 0)
    }

    /// Whether it is a block.
    pub fn is_block(&self) -> bool {
        self.length != 0
    }

    /// Address space for a block of `length` bytes that may grow to `room`; nothing is committed.
    fn reserve(length: usize, room: usize, align: usize) -> Option<Self> {
        let page = mem::page_size();
        let align = match length >= HUGE {
            true => align.max(HUGE),
            false => align.max(page),
        };
        // A page before the block, a page behind it, and what comes before a multiple of `align`. Under another runtime
        // `page` is the largest of the architecture, and a mapping may begin at a multiple of the least.
        let slack = align - LEAST_PAGE;
        let mut reserved = room.checked_add(slack)?.checked_add(2 * page)?;
        let mut base = mem::reserve(reserved).ok()?;
        let first = base.addr().get() + page;
        let before = page + (first.wrapping_neg() & (align - 1));
        // SAFETY: the block and a page behind it are within what was reserved.
        let block = unsafe { base.add(before) };
        if align > HUGE {
            // Too much to keep for nothing.
            let (surplus, behind) = (before - page, reserved - before - room - page);
            // SAFETY: within what was reserved, of which nothing is used.
            unsafe {
                give_back(base, surplus);
                give_back(block.add(room + page), behind);
                base = base.add(surplus);
            }
            reserved -= surplus + behind;
        }
        Some(Self {
            block,
            length,
            base,
            reserved,
        })
    }

    /// Where the block is.
    pub fn block(&self) -> Block {
        self.block
    }

    /// How many bytes the block may have: to the end, without a page for the guard.
    fn room(&self) -> usize {
        let before = self.block.addr().get() - self.base.addr().get();
        (self.reserved - before - mem::page_size()).max(self.length)
    }

    /// Gives the block another size; false where that cannot be, and it is as it was.
    ///
    /// # Safety
    /// Nobody uses what is gone: the bytes behind the new size, and the old place where it moved.
    pub unsafe fn resize(&mut self, size: usize, align: usize) -> bool {
        let Some(length) = pages(size) else {
            return false;
        };
        // SAFETY: the caller's promise; whole pages of ours, in each case.
        unsafe {
            if length <= self.length {
                // What is behind the size may be what was committed ahead.
                if self.length - length >= HUGE {
                    self.shrink(length);
                }
                return true;
            }
            if length <= self.room() {
                // In steps of huge pages: the kernel makes none where the last is not all there.
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

    /// Takes the memory from the pages behind `length`.
    ///
    /// # Safety
    /// Nobody uses them.
    unsafe fn shrink(&mut self, length: usize) {
        // SAFETY: whole pages of the block; the caller's promise.
        unsafe {
            let (end, less) = (self.block.add(length), self.length - length);
            // Where the kernel cannot, the block stays as long as it is: nobody will miss it.
            let _ = mem::discard(end, less);
            if mem::protect(end, less).is_ok() {
                self.length = length;
            }
        }
    }

    /// Moves the block to where it has room.
    ///
    /// # Safety
    /// Nobody uses its old place.
    unsafe fn move_to_room(&mut self, length: usize, align: usize) -> bool {
        let room = length.saturating_mul(ROOM);
        let Some(mut new) =
            Self::reserve(length, room, align).or_else(|| Self::reserve(length, length, align))
        else {
            return false;
        };
        let room = new.room();
        // SAFETY: the block is one mapping: `commit` joins what it adds to what is there; if not, the
        // kernel refuses. It goes to where nothing is. It goes there as long as the room, of which
        // then the end loses its rights, so that it stays one mapping when it grows there.
        unsafe {
            let moved = mem::move_to(self.block, self.length, new.block, room).is_ok();
            if !moved {
                // Perhaps the place for it is unmapped by now, and another thread's: it is not touched.
                new.release_around(room);
                return false;
            }
            new.prefer_huge();
            new.length = length.next_multiple_of(HUGE).min(room);
            // Without the guard it is a block all the same.
            let _ = mem::protect(new.block.add(new.length), room - new.length);
            self.release_around(self.length);
        }
        *self = new;
        true
    }

    /// Moves the block to where the kernel has a place for it, which takes the least address space; it
    /// loses its guards.
    ///
    /// # Safety
    /// Nobody uses its old place.
    unsafe fn move_anywhere(&mut self, length: usize) -> bool {
        // SAFETY: as in `move_to_room`.
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

    /// Says that the block is for use as a whole, and its room, so that it is one mapping still when it
    /// has grown.
    fn prefer_huge(&self) {
        if self.length >= HUGE {
            // A kernel without huge pages does without.
            // SAFETY: whole pages of ours.
            let _ = unsafe { mem::prefer_huge(self.block, self.room()) };
        }
    }

    /// Gives everything back.
    ///
    /// # Safety
    /// Nobody uses the block.
    pub unsafe fn release(self) {
        // SAFETY: all of it is ours.
        unsafe { give_back(self.base, self.reserved) }
    }

    /// Gives back everything but the place of the block, `length` bytes.
    ///
    /// # Safety
    /// Nobody uses it.
    unsafe fn release_around(&self, length: usize) {
        let before = self.block.addr().get() - self.base.addr().get();
        // SAFETY: all of it is ours.
        unsafe {
            give_back(self.base, before);
            give_back(self.block.add(length), self.reserved - before - length);
        }
    }
}

/// As many bytes in whole pages.
fn pages(size: usize) -> Option<usize> {
    size.checked_next_multiple_of(mem::page_size())
}

/// Unmaps, if there is anything to unmap.
///
/// # Safety
/// Whole pages of ours, which nobody uses.
unsafe fn give_back(start: NonNull<u8>, length: usize) {
    if length != 0 {
        // The kernel refuses a hole that would make one mapping too many. Then the pages stay, lost
        // but unused: there is nobody whom a release could tell.
        // SAFETY: the caller's promise.
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
        // SAFETY: nobody uses the block but this test, as far as it is long.
        assert!(unsafe { block.resize(size, 16) });
    }

    fn write(block: &Reservation, place: usize, value: u8) {
        // SAFETY: within the block.
        unsafe { block.block().add(place).write_volatile(value) };
    }

    fn read(block: &Reservation, place: usize) -> u8 {
        // SAFETY: within the block.
        unsafe { block.block().add(place).read_volatile() }
    }

    /// The block may be used from its first to its last byte, and what is beside it may not.
    fn assert_guards(block: &Reservation, length: usize) {
        let first = block.block().addr().get();
        assert_eq!(block.length, length);
        assert_eq!(rights(first), "rw-p");
        assert_eq!(rights(first + length - 1), "rw-p");
        assert_eq!(rights(first - 1), "---p");
        assert_eq!(rights(first + length), "---p");
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
            // SAFETY: not used any more.
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
                size: 1 << 50,
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
        // SAFETY: not used any more.
        unsafe { block.release() };
        // An alignment takes address space, which is a guard by itself.
        let block = new(page, 1 << 17, false);
        assert_guards(&block, page);
        // SAFETY: not used any more.
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

        // Within the room it stays where it is, and grows in steps.
        let (second, room) = (block.block(), block.room());
        for (size, length) in [(8, 8), (9, 10), (12, 12), (13, 14)] {
            resize(&mut block, size * MIB);
            assert_eq!(block.block(), second);
            assert_guards(&block, length * MIB);
        }
        // (Under another runtime the page is the largest, and the room a multiple of the least.)
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
        // SAFETY: as above.
        assert!(!unsafe { block.resize(usize::MAX, 16) } && !unsafe { block.resize(1 << 50, 16) });
        assert_eq!(read(&block, room - 1), 9);
        // SAFETY: not used any more.
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
        // What comes back is zero.
        resize(&mut block, 8 * MIB);
        assert_eq!(block.block(), first);
        let places = [0, 6 * MIB - 1, 6 * MIB, 8 * MIB - 1];
        assert_eq!(places.map(|place| read(&block, place)), [7, 7, 0, 0]);
        // SAFETY: not used any more.
        unsafe { block.release() };
    }

    /// (qemu-user does not say which pages are huge.)
    #[test]
    #[cfg(target_arch = "x86_64")]
    fn huge_pages_are_asked_for_unless_few_will_be_used() {
        use super::super::tests::has_huge_pages;
        for (size, sparse, wanted) in [
            (HUGE, false, true),
            (HUGE, true, false),
            (HUGE - 1, false, true), // in whole pages it is as much
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
                return; // this kernel has none
            };
            assert_eq!(huge, wanted, "{size} {sparse}");
            // Where it has moved they are wanted whatever it was, and its room's too.
            resize(&mut block, 3 * HUGE);
            let first = block.block().addr().get();
            assert_eq!(has_huge_pages(first), Some(true));
            assert_eq!(has_huge_pages(first + 4 * HUGE), Some(true));
            // SAFETY: not used any more.
            unsafe { block.release() };
        }
    }
}
