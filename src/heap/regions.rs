//! The regions of the process: allocates runs of units from them, and returns pages of free units to the kernel.
//!
//! Free units whose pages are still in memory are *warm*: the next run reuses them without a page fault. At most as
//! many units stay warm as are in use, plus `WARM`. The kernel gets the excess back.

use core::ops::Range;
use core::ptr::NonNull;

use super::region::{
    self, BIG, End, HUGE, LISTS, NONE, OWN, QUAD, Region, SPACE, STEP, UNITS, quad,
};
use super::register::REGISTER;
use super::reservation::Reservation;
use super::span::{Block, Grain, Link, Span};
use super::units::{Unit, Units};
use crate::mem;
use crate::sync::Mutex;

/// The number of units that may be warm in addition to the number of units in use.
const WARM: Units = Units::of(512 << 10);

/// How many addresses on either side of another region are tried for a new region.
const TRIES: usize = 4;

/// The regions of the process.
///
/// Each region in the list is mapped, and only the owner of this value accesses its header and unit records. Quads also
/// hold span records and bitmaps: these belong to the store that the span was opened for.
pub struct Regions {
    /// The first region of the list.
    first: Option<NonNull<Region>>,
    /// The number of units in use.
    used: Units,
    /// The number of dirty units. Units in use count as dirty.
    dirty: Units,
}

// SAFETY: regions lie in memory of the process, which outlives each thread. Their headers are accessed only through
// this value.
unsafe impl Send for Regions {}

/// The regions of the process.
pub static REGIONS: Mutex<Regions> = Mutex::new(Regions::new());

impl Regions {
    const fn new() -> Self {
        Self {
            first: None,
            used: Units::ZERO,
            dirty: Units::ZERO,
        }
    }

    /// Returns the bytes of all units in use, by spans and by middling blocks.
    pub fn used(&self) -> usize {
        self.used.bytes()
    }

    /// Allocates a span without allocated blocks, which is in no list. `None` if the kernel has no more memory.
    pub fn open(&mut self, grain: Grain) -> Link {
        let (region, first, dirty) = self.take(QUAD, QUAD)?;
        // SAFETY: `take` returns a region in the list, so its header is valid, and `&mut self` excludes other users.
        let start = unsafe { region.as_ref() }.start(first);
        let touched = dirty.end.since(first).bytes();
        // SAFETY: `take` allocated the four units, whose first is a multiple of `QUAD`: a span's alignment. They stay
        // mapped until `close`. The quad's record and bitmap are in use only while its units are a span, so no other
        // code uses them now. `dirty` ends after the last unit that may hold anything but zeros.
        unsafe {
            let quad = quad(region, first).as_ptr();
            let bits = NonNull::new_unchecked(&raw mut (*quad).bits).cast();
            let record = &raw mut (*quad).span;
            record.write(Span::new(start, bits, grain, touched));
            Some(NonNull::new_unchecked(record))
        }
    }

    /// Frees a span.
    ///
    /// # Safety
    /// [`open`](Self::open) returned the span. None of its blocks is handed out, it is in no list, and no code uses it
    /// again.
    pub unsafe fn close(&mut self, span: NonNull<Span>) {
        // SAFETY: the caller promises that `open` returned the span, so its record is valid, and that no code uses it.
        let (region, first) = region::place(unsafe { span.as_ref() }.start());
        self.put(region, first, QUAD);
    }

    /// Allocates a block of whole units at a multiple of `align`. Also returns the range of its bytes that may not be
    /// zero. `None` if no region has room, and the kernel has no more memory.
    pub fn alloc(&mut self, size: usize, align: usize) -> Option<(Block, Range<usize>)> {
        let (region, first, dirty) = self.take(Units::of(size), Units::of(align))?;
        // SAFETY: as in `open`.
        let start = unsafe { region.as_ref() }.start(first);
        let offset = |unit: Unit| unit.since(first).bytes();
        Some((start, offset(dirty.start)..offset(dirty.end)))
    }

    /// Frees a block of whole units. Returns false if no block of this size is allocated there.
    ///
    /// # Safety
    /// The address is in a region. If a block of this size is allocated there, no code uses it again.
    pub unsafe fn dealloc(&mut self, block: Block, size: usize) -> bool {
        // SAFETY: the caller promises that the address is in a region.
        let Some((region, first)) = (unsafe { self.block(block, size) }) else {
            return false;
        };
        self.put(region, first, Units::of(size));
        true
    }

    /// Resizes a block of whole units without moving it. Returns `Some(false)` if there is no room, and `None` if no
    /// block of this size is allocated there.
    ///
    /// # Safety
    /// The address is in a region. If a block of this size is allocated there, no code uses its bytes after the new
    /// size.
    pub unsafe fn resize(&mut self, block: Block, size: usize, new_size: usize) -> Option<bool> {
        // SAFETY: the caller promises that the address is in a region.
        let (mut region, first) = unsafe { self.block(block, size) }?;
        // SAFETY: `block` returns the region of the address, which is in the list. `&mut self` excludes other users of
        // its header.
        let region = unsafe { region.as_mut() };
        let (length, new_length) = (Units::of(size), Units::of(new_size));
        if !region.resize(first, new_length) {
            return Some(false);
        }
        if new_length > length {
            self.dirty += region.soil(first + length..first + new_length);
            self.used += new_length - length;
        } else {
            self.used -= length - new_length;
            self.cool();
        }
        Some(true)
    }

    /// Returns the region and the first unit of an allocated block. `None` if no block of this size is allocated there.
    ///
    /// # Safety
    /// The address is in a region.
    unsafe fn block(&self, block: Block, size: usize) -> Option<(NonNull<Region>, Unit)> {
        let (region, first) = region::place(block);
        // SAFETY: the caller promises that the address is in a region, so `place` returns the region's valid header.
        // `&self` excludes changes of the header.
        let header = unsafe { region.as_ref() };
        if first < OWN || first >= header.rest || header.start(first) != block {
            return None;
        }
        let is_out =
            header.record(first).end == End::Used && header.length(first) == Units::of(size);
        is_out.then_some((region, first))
    }

    /// Allocates a run from the first region with room, or from a new region. Returns the region, the first unit, and
    /// the range of units that may not be zero.
    fn take(
        &mut self,
        length: Units,
        align: Units,
    ) -> Option<(NonNull<Region>, Unit, Range<Unit>)> {
        let (mut region, first) = self
            .find(|region| region.take(length, align))
            .or_else(|| {
                self.find(|region| {
                    let end = region.place(region.rest, length, align) + length;
                    region.extend(end).then(|| region.take(length, align))?
                })
            })
            .or_else(|| {
                let mut region = self.map(length + align)?;
                // SAFETY: `map` returns a valid region that it has just added to the list. `&mut self` excludes other
                // users of its header.
                Some((region, unsafe { region.as_mut() }.take(length, align)?))
            })?;
        // SAFETY: the region is in the list, so its header is valid. `&mut self` excludes other users of the header.
        let header = unsafe { region.as_mut() };
        let units = first..first + length;
        let dirty = header.dirty(units.clone());
        self.dirty += header.soil(units);
        self.used += length;
        Some((region, first, dirty))
    }

    /// Calls `work` with each region until `work` returns a value. Returns that region and the value.
    fn find<T>(&self, work: impl Fn(&mut Region) -> Option<T>) -> Option<(NonNull<Region>, T)> {
        let mut next = self.first;
        while let Some(mut region) = next {
            // SAFETY: regions in the list are valid, and `self` is borrowed. Callers hold the lock of `REGIONS` (a test
            // owns its `Regions`), so no other code has a reference to the header; `work` has no access to `self`.
            let header = unsafe { region.as_mut() };
            if let Some(found) = work(header) {
                return Some((region, found));
            }
            next = header.next;
        }
        None
    }

    /// Frees a run. Unmaps its region if no other run of the region is in use, unless it is the only region.
    fn put(&mut self, mut region: NonNull<Region>, first: Unit, length: Units) {
        // SAFETY: callers pass a region in the list, so its header is valid. `&mut self` excludes other users of the
        // header.
        let header = unsafe { region.as_mut() };
        header.put(first, length);
        self.used -= length;
        if header.rest == OWN && (header.previous.is_some() || header.next.is_some()) {
            self.unmap(region);
        }
        self.cool();
    }

    /// Returns the excess of warm pages to the kernel.
    fn cool(&mut self) {
        let many = WARM + self.used;
        if self.dirty > self.used + many {
            self.cool_to(many);
        }
    }

    /// Returns pages of free units to the kernel until at most `keep` units are warm. This splits huge pages only if
    /// the whole huge pages do not suffice.
    fn cool_to(&mut self, keep: Units) {
        for whole in [true, false] {
            let mut next = self.first;
            while let Some(mut region) = next {
                // SAFETY: regions in the list are valid. `&mut self` excludes other users of the header.
                let region = unsafe { region.as_mut() };
                self.discard(region, region.rest..region.end, keep, whole);
                for list in (0..LISTS).rev() {
                    let mut run = Unit::from(region.lists[list]);
                    while run != NONE && self.excess(keep) != Units::ZERO {
                        let units = run..run + region.length(run);
                        self.discard(region, units, keep, whole);
                        run = region.record(run).next.into();
                    }
                }
                next = region.next;
            }
        }
    }

    /// Returns pages of a range of free units to the kernel until at most `keep` units are warm.
    fn discard(&mut self, region: &mut Region, units: Range<Unit>, keep: Units, whole: bool) {
        loop {
            let excess = self.excess(keep);
            let count = match excess {
                Units::ZERO => Units::ZERO,
                _ => region.discard(units.clone(), excess, whole),
            };
            if count == Units::ZERO {
                return;
            }
            self.dirty -= count;
        }
    }

    /// Returns the pages of all free units to the kernel, and unmaps the rest of each region.
    pub fn reclaim(&mut self) {
        self.cool_to(Units::ZERO);
        self.find(|region| -> Option<()> {
            region.shorten();
            None
        });
    }

    /// Returns the number of warm units above `keep`.
    fn excess(&self, keep: Units) -> Units {
        self.dirty.saturating_sub(self.used + keep)
    }

    /// Maps a region with room for more than `wanted` units, and adds it to the list and the register. `None` if the
    /// kernel has no more memory.
    fn map(&mut self, wanted: Units) -> Option<NonNull<Region>> {
        let huge = match self.first {
            Some(_) => OWN.next_multiple_of(HUGE),
            None => Unit::START + STEP,
        };
        // A small program may need no more than the first step of its first region.
        let end = if wanted < BIG && self.first.is_none() {
            huge
        } else {
            let end = (huge + wanted).next_multiple_of(STEP);
            end.min(Unit::START + UNITS)
        };
        let region = aligned(end.offset(), self.first.map(NonNull::cast))?;
        let note = Reservation::space(region);
        if REGISTER.lock().insert(note).is_err() {
            // SAFETY: the range is the new mapping, whose address no other code has.
            let _ = unsafe { mem::unmap(region, end.offset()) };
            return None;
        }
        let region = region.cast();
        // SAFETY: the mapping is new, aligned to `SPACE`, and has room for a header and the quads. Zeros are valid
        // records of units that begin no run. `self.first` is a valid region, and `&mut self` excludes other users of
        // its header.
        unsafe {
            region.write(Region::new(end, huge, self.first));
            region.as_ref().prefer_huge(Unit::START);
            if let Some(mut next) = self.first {
                next.as_mut().previous = Some(region);
            }
        }
        self.first = Some(region);
        Some(region)
    }

    /// Unmaps a region without runs in use, and removes it from the list and the register.
    fn unmap(&mut self, region: NonNull<Region>) {
        // SAFETY: the region and its neighbours are in the list, so their headers are valid, and `&mut self` excludes
        // other users of them. No run of the region is in use, as the caller checked, so no code uses the region's
        // memory after the unmapping.
        unsafe {
            let header = region.as_ref();
            self.dirty -= header.count_dirty();
            match header.previous {
                Some(mut previous) => previous.as_mut().next = header.next,
                None => self.first = header.next,
            }
            if let Some(mut next) = header.next {
                next.as_mut().previous = header.previous;
            }
            REGISTER.lock().remove(region.cast());
            let _ = mem::unmap(region.cast(), header.end.offset());
        }
    }
}

/// Maps `length` bytes of zeros at a multiple of `SPACE`, directly below `neighbour` if possible.
fn aligned(length: usize, neighbour: Option<NonNull<u8>>) -> Option<NonNull<u8>> {
    // The addresses next to the kernel's latest mapping are mostly free.
    let near = match neighbour {
        Some(neighbour) => neighbour.addr().get(),
        None => {
            let somewhere = mem::map(length).ok()?;
            // SAFETY: the range is the new mapping, whose address no other code has.
            let _ = unsafe { mem::unmap(somewhere, length) };
            somewhere.addr().get() / SPACE * SPACE
        }
    };
    for distance in (0..TRIES).map(|n| n * SPACE) {
        for place in [
            near.checked_sub(distance),
            near.checked_add(distance + SPACE),
        ] {
            if let Some(place) = place
                && let Ok(start) = mem::map_at(place, length)
            {
                return Some(start);
            }
        }
    }
    let surplus = mem::reserve(length + SPACE).ok()?;
    let before = surplus.addr().get().wrapping_neg() % SPACE;
    // SAFETY: `start` is the first multiple of `SPACE` in the reservation, so the `length` bytes from `start` on and
    // the unmapped bytes around them are within the reservation. No other code has an address in the reservation. If
    // the kernel cannot unmap a part, the address space of this part is lost but unused.
    unsafe {
        let start = surplus.add(before);
        if before != 0 {
            let _ = mem::unmap(surplus, before);
        }
        let _ = mem::unmap(start.add(length), SPACE - before);
        if mem::commit(start, length).is_err() {
            let _ = mem::unmap(start, length);
            return None;
        }
        Some(start)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::super::tests::alone;
    use super::*;
    use std::sync::MutexGuard;
    use std::vec;
    use std::vec::Vec;

    const KIB: usize = 1024;
    const MIB: usize = 1024 * KIB;

    // The tests count in bare numbers.
    const UNIT: usize = Units::ONE.bytes();
    const UNITS: usize = region::UNITS.count();
    const OWN: usize = region::OWN.index();
    const STEP: usize = region::STEP.count();
    const BIG: usize = region::BIG.count();
    const HUGE: usize = region::HUGE.count();

    /// The regions of a test. Marks in the regions' units show which pages the kernel got back: these pages have no
    /// mark.
    struct Own(
        Regions,
        #[expect(dead_code, reason = "it is held")] MutexGuard<'static, ()>,
    );

    impl Own {
        fn new() -> Self {
            Self(Regions::new(), alone())
        }

        /// As `new`, with a region after which nothing is mapped, so that the region can be extended.
        fn with_room() -> Self {
            for _ in 0..50 {
                let mut own = Self::new();
                let block = own.at(OWN, 1);
                own.free(block, 1);
                let (end, length) = (header(block).start(Unit::new(STEP)), SPACE - STEP * UNIT);
                if mem::map_at(end.addr().get(), length).is_ok() {
                    // SAFETY: the range is the new mapping, whose address no other code has.
                    unsafe { mem::unmap(end, length) }.unwrap();
                    return own;
                }
            }
            panic!("no room in fifty places")
        }

        /// Allocates a block of `units` units, asserts that it begins `place` units after the start of its region, and
        /// marks it.
        fn at(&mut self, place: usize, units: usize) -> Block {
            let (block, _) = self.0.alloc(units * UNIT, 1).expect("memory");
            assert_eq!(unit_of(block), place);
            mark(block, units);
            block
        }

        /// Allocates and marks blocks of these lengths, one after another from the first unit of a region on.
        fn row<const N: usize>(&mut self, lengths: [usize; N]) -> [Block; N] {
            let mut place = OWN;
            lengths.map(|length| {
                place += length;
                self.at(place - length, length)
            })
        }

        fn free(&mut self, block: Block, units: usize) {
            // SAFETY: the block is in one of these regions, and the test does not use it again.
            assert!(unsafe { self.0.dealloc(block, units * UNIT) });
        }

        fn resize(&mut self, block: Block, units: usize, new: usize) -> Option<bool> {
            // SAFETY: the block is in one of these regions. A test does not use the part that was cut off.
            unsafe { self.0.resize(block, units * UNIT, new * UNIT) }
        }
    }

    fn unit_of(block: Block) -> usize {
        region::place(block).1.index()
    }

    fn header(block: Block) -> &'static Region {
        let (region, _) = region::place(block);
        // SAFETY: the test's regions are not unmapped while the test uses the reference, and the test only reads
        // numbers.
        unsafe { region.as_ref() }
    }

    /// Marks each unit, in its first byte.
    fn mark(block: Block, units: usize) {
        for unit in 0..units {
            // SAFETY: the byte is within the block, which is allocated.
            unsafe { block.add(unit * UNIT).write_volatile(0xA5) };
        }
    }

    /// Returns which of the `units` units from a block on have their mark, as offsets from the start of the region.
    fn marked(block: Block, units: usize) -> Vec<usize> {
        let is_marked = |unit: &usize| {
            // SAFETY: callers pass units in the mapped part of the region.
            unsafe { block.add(unit * UNIT).read_volatile() == 0xA5 }
        };
        let first = unit_of(block);
        (0..units)
            .filter(is_marked)
            .map(|unit| first + unit)
            .collect()
    }

    #[test]
    fn the_first_region_of_a_small_program_is_small() {
        let mut own = Own::new();
        let block = own.at(OWN, 1);
        assert_eq!(
            (OWN, header(block).end.index(), header(block).huge.index()),
            (12, 64, 64)
        );
        assert_eq!(own.0.used(), UNIT);
        own.free(block, 1);
        assert_eq!((own.0.used(), header(block).rest.index()), (0, OWN));
        // The region stays mapped, because it is the only one.
        let again = own.at(OWN, 1);
        assert_eq!(again, block);
    }

    #[test]
    fn what_is_free_stays_warm_up_to_what_is_used_and_half_a_mib() {
        let mut own = Own::new();
        let blocks: Vec<_> = (0..40).map(|nth| own.at(OWN + nth, 1)).collect();
        let left = |own: &mut Own, kept: usize| {
            blocks[kept..]
                .iter()
                .rev()
                .skip_while(|block| header(**block).rest.index() <= unit_of(**block))
                .for_each(|&block| own.free(block, 1));
            marked(blocks[0], 40)
        };
        // 16 units in use and 24 warm: no more than 16 + 8.
        assert_eq!(left(&mut own, 16), Vec::from_iter(OWN..OWN + 40));
        // One more is too many: the units after the first huge page go back to the kernel.
        assert_eq!(left(&mut own, 15), Vec::from_iter(OWN..HUGE));
        // Then 20 units are dirty. They are not too many while 6 units are in use.
        assert_eq!(left(&mut own, 6), Vec::from_iter(OWN..HUGE));
        assert_eq!(left(&mut own, 5), Vec::from_iter(OWN..OWN + 5));
        assert_eq!(own.0.used(), 5 * UNIT);
        // Pages that went back to the kernel are zero. Warm pages count as dirty.
        let (block, dirty) = own.0.alloc(20 * KIB, 1).unwrap();
        assert_eq!((unit_of(block), dirty), (OWN + 5, 0..0));
        own.free(block, 1);
        assert_eq!(own.0.alloc(20 * KIB, 1).unwrap().1, 0..UNIT);
    }

    #[test]
    fn the_longest_run_goes_first_and_no_more_than_has_to() {
        let mut own = Own::new();
        let lengths = [1, 4, 1, 10, 1, 3, 1];
        let blocks = own.row(lengths);
        // 4 units in use, so that 12 stay warm; 17 will be free.
        for nth in [1, 5] {
            own.free(blocks[nth], lengths[nth]);
        }
        assert_eq!(marked(blocks[0], 21).len(), 21);
        own.free(blocks[3], 10);
        let rest = [OWN..OWN + 6, OWN + 16..OWN + 21];
        assert_eq!(marked(blocks[0], 21), rest.map(Vec::from_iter).concat());
    }

    #[test]
    fn all_goes_where_the_kernel_has_no_more() {
        let mut own = Own::with_room();
        let first = own.at(OWN, 1);
        let hole = own.at(OWN + 1, 2);
        let last = own.at(OWN + 3, 1);
        let behind = own.at(64, 300);
        assert_eq!(header(first).end.index(), 384);
        own.free(hole, 2);
        own.free(behind, 300);
        own.0.reclaim();
        assert_eq!((header(first).end.index(), own.0.used()), (64, 2 * UNIT));
        assert_eq!(marked(first, 4), [OWN, OWN + 3]);
        assert_eq!(own.0.dirty.count(), 2);
        // The unmapped part is mapped again at the same address.
        assert_eq!(own.at(64, 300), behind);
        own.free(last, 1);
    }

    #[test]
    fn neighbours_that_are_free_are_one_run() {
        // Free them in each order.
        for order in [
            [0, 1, 2],
            [0, 2, 1],
            [1, 0, 2],
            [1, 2, 0],
            [2, 0, 1],
            [2, 1, 0],
        ] {
            let mut own = Own::new();
            let pin = own.at(OWN, 1);
            let blocks = [0, 1, 2].map(|nth| own.at(OWN + 1 + 2 * nth, 2));
            let end = own.at(OWN + 7, 1);
            order.into_iter().for_each(|nth| own.free(blocks[nth], 2));
            let whole = own.at(OWN + 1, 6);
            own.free(whole, 6);
            // The run also merges with the very first unit.
            own.free(pin, 1);
            let whole = own.at(OWN, 7);
            own.free(whole, 7);
            // A free run at the end becomes part of the rest.
            own.free(end, 1);
            assert_eq!(header(pin).rest.index(), OWN);
            assert_eq!(own.at(OWN, BIG - 1), pin);
        }
    }

    #[test]
    fn the_first_place_of_some_is_taken() {
        let mut own = Own::new();
        // Holes of 5, 2 and 1 units, each after a block.
        let lengths = [1, 5, 1, 2, 1, 1, 1];
        let blocks = own.row(lengths);
        for nth in [1, 3, 5] {
            own.free(blocks[nth], lengths[nth]);
        }
        // The first hole with room is used, even if another is tighter. The end of the hole stays a free run.
        let mut taken =
            [2, 2, 2, 1, 1].map(|units| (unit_of(own.0.alloc(units * UNIT, 1).unwrap().0), units));
        taken.sort();
        let holes = [
            (OWN + 1, 2),
            (OWN + 3, 2),
            (OWN + 5, 1),
            (OWN + 7, 2),
            (OWN + 10, 1),
        ];
        assert_eq!(taken, holes);
        assert_eq!(unit_of(own.0.alloc(UNIT, 1).unwrap().0), OWN + 12);
    }

    #[test]
    fn of_many_places_a_few_are_looked_at() {
        let mut own = Own::new();
        let blocks: Vec<_> = (0..40).map(|nth| own.at(OWN + nth, 1)).collect();
        // Free every second block up to the twentieth. Of the eight blocks freed last, the one with the lowest address
        // is used.
        (0..20).step_by(2).for_each(|nth| own.free(blocks[nth], 1));
        let taken = unit_of(own.0.alloc(UNIT, 1).unwrap().0);
        assert_eq!(taken, OWN + 4);
    }

    #[test]
    fn an_alignment_leaves_what_is_before_it_for_others() {
        let mut own = Own::new();
        own.at(OWN, 1);
        let aligned = |own: &mut Own, align: usize| {
            let (block, _) = own.0.alloc(UNIT, align).unwrap();
            assert_eq!(block.addr().get() % align, 0);
            unit_of(block)
        };
        assert_eq!(aligned(&mut own, 16 * UNIT), 16);
        assert_eq!(aligned(&mut own, MIB), 32);
        assert_eq!(aligned(&mut own, 2 * UNIT), 14);
        for place in [13, 15, 17, 18] {
            own.at(place, 1);
        }
        // A size that is not a multiple of a unit.
        assert_eq!(own.0.used(), 8 * UNIT);
        own.0.alloc(UNIT + 1, 1).unwrap();
        assert_eq!(own.0.used(), 10 * UNIT);
    }

    #[test]
    fn a_mib_is_on_huge_pages_and_less_is_not() {
        let mut own = Own::with_room();
        own.at(OWN, 1);
        own.at(64, BIG);
        own.at(OWN + 1, BIG - 1);
        // Only the block's own huge page is dirty, as a whole.
        let (second, dirty) = own.0.alloc(MIB, 1).unwrap();
        assert_eq!((unit_of(second), dirty), (64 + BIG, 0..MIB));
        let (third, dirty) = own.0.alloc(MIB, 1).unwrap();
        assert_eq!((unit_of(third), dirty), (64 + 2 * BIG, 0..0));
        assert_eq!(own.0.dirty.count(), BIG + 2 * HUGE);
        assert_eq!(header(third).count_dirty(), own.0.dirty);
    }

    /// (qemu-user does not report which pages are huge.)
    #[test]
    #[cfg(target_arch = "x86_64")]
    fn huge_pages_are_asked_for_from_the_fifth_mib_on() {
        use super::super::tests::has_huge_pages;
        let mut own = Own::with_room();
        let first = own.at(OWN, 1);
        // Pages that are mapped with the region, by its growth, and with another region.
        let mut alloc = |units: usize| own.0.alloc(units * UNIT, 1).unwrap().0;
        let [_, second, other, far] = [100, 500, 512, 512].map(&mut alloc);
        assert_ne!(region::place(first).0, region::place(other).0);
        if has_huge_pages(first.addr().get()).is_some() {
            let huge = |block: Block, unit: usize| {
                has_huge_pages(header(block).start(Unit::new(unit)).addr().get()) == Some(true)
            };
            assert!(!huge(first, OWN) && !huge(first, 63) && huge(first, 64));
            assert!(huge(second, 600) && !huge(other, OWN));
            assert!(huge(other, HUGE) && huge(far, 500));
        }
        own.free(far, 512);
        own.free(other, 512);
    }

    #[test]
    fn of_huge_pages_whole_ones_go_first() {
        let mut own = Own::with_room();
        let pin = own.at(OWN, 1);
        let big = own.at(64, 3 * HUGE + HUGE / 2);
        let end = own.at(64 + 3 * HUGE + HUGE / 2, BIG);
        // 17 units are in use, so 25 stay warm, and 87 of 112 are too many: three whole huge pages go. The half page
        // beside the used block stays.
        own.free(big, 3 * HUGE + HUGE / 2);
        assert_eq!(
            marked(big, 3 * HUGE + HUGE / 2),
            Vec::from_iter(64 + 3 * HUGE..64 + 3 * HUGE + HUGE / 2)
        );
        assert_eq!(own.0.dirty.count(), 1 + HUGE);
        own.free(end, BIG);
        assert_eq!(marked(pin, 1), [OWN]);
    }

    #[test]
    fn a_block_gets_another_size_where_it_is() {
        let mut own = Own::new();
        let first = own.at(OWN, 2);
        let second = own.at(OWN + 2, 2);
        let pin = own.at(OWN + 4, 1);
        // The next block is in the way.
        assert_eq!(own.resize(first, 2, 3), Some(false));
        own.free(second, 2);
        // One unit more than is free, then all that is free.
        assert_eq!(own.resize(first, 2, 5), Some(false));
        assert_eq!(own.resize(first, 2, 3), Some(true));
        assert_eq!(own.resize(first, 3, 4), Some(true));
        assert_eq!((own.0.used(), own.0.dirty.count()), (5 * UNIT, 5));
        // The region records the new length: the old one is refused.
        assert_eq!(own.resize(first, 2, 3), None);
        assert_eq!(own.resize(first, 4, 1), Some(true));
        assert_eq!(own.0.used(), 2 * UNIT);
        let between = own.at(OWN + 1, 3);
        own.free(between, 3);
        // The last block has room in all of the rest, but a block of `BIG` units must lie on huge pages.
        assert_eq!(own.resize(pin, 1, BIG - 1), Some(true));
        assert_eq!(own.resize(pin, BIG - 1, BIG), Some(false));
        assert_eq!(header(pin).rest.index(), OWN + 4 + BIG - 1);
        own.free(pin, BIG - 1);
        assert_eq!(header(first).rest.index(), OWN + 1);
    }

    #[test]
    fn a_block_grows_into_what_is_not_mapped_yet() {
        let mut own = Own::with_room();
        let block = own.at(64, BIG);
        assert_eq!(header(block).end.index(), 128);
        assert_eq!(own.resize(block, BIG, 200), Some(true));
        assert_eq!(
            (header(block).end.index(), header(block).rest.index()),
            (320, 264)
        );
        mark(block, 200);
        // It grows to the end of its region, and no further.
        assert_eq!(own.resize(block, 200, UNITS - 63), Some(false));
        assert_eq!(own.resize(block, 200, UNITS - 64), Some(true));
        assert_eq!(own.0.used(), (UNITS - 64) * UNIT);
        // The units that are cut off go back to the kernel.
        assert_eq!(own.resize(block, UNITS - 64, BIG), Some(true));
        assert_eq!(marked(block, 200), Vec::from_iter(64..64 + HUGE));
    }

    #[test]
    fn a_block_that_is_not_out_is_refused() {
        let mut own = Own::new();
        let block = own.at(OWN, 2);
        let end = own.at(OWN + 2, 1);
        let region = region::place(block).0.cast::<u8>();
        // SAFETY: all these addresses are within the region.
        let wrong = unsafe {
            [
                (block, UNIT),
                (block, 3 * UNIT),
                (block.add(UNIT), UNIT),
                (block.add(16), 2 * UNIT),
                (region, UNIT),
                (region.add((OWN - 1) * UNIT), UNIT),
                (end.add(UNIT), UNIT),
            ]
        };
        for (block, size) in wrong {
            // SAFETY: the address is in a region, and no such block is allocated, so the call changes nothing.
            assert!(!unsafe { own.0.dealloc(block, size) });
            // SAFETY: as above.
            assert_eq!(unsafe { own.0.resize(block, size, UNIT) }, None);
        }
        own.free(block, 2);
        // SAFETY: as above.
        assert!(!unsafe { own.0.dealloc(block, 2 * UNIT) });
        own.free(end, 1);
        // SAFETY: as above.
        assert!(!unsafe { own.0.dealloc(end, UNIT) });
    }

    #[test]
    fn a_region_more_comes_and_goes() {
        let mut own = Own::new();
        let half = 512;
        let first = own.at(64, half);
        let region = |block: Block| region::place(block).0.cast::<u8>();
        let is_noted = |block| REGISTER.lock().get(region(block)).is_some();
        // A second block of half a region does not fit into the first region, whose first units hold its own records.
        let second = own.at(HUGE, half);
        assert_ne!(region(second), region(first));
        assert_eq!(
            region(second)
                .addr()
                .get()
                .abs_diff(region(first).addr().get())
                % SPACE,
            0
        );
        let third = own.at(HUGE, half);
        assert!(is_noted(first) && is_noted(second) && is_noted(third));
        // The region in the middle of the list is unmapped, and the list still contains both others.
        let dirty = own.0.dirty.count();
        own.free(second, half);
        assert!(is_noted(first) && !is_noted(second) && is_noted(third));
        assert_eq!(
            (own.0.dirty.count(), own.0.used()),
            (dirty - half, 2 * half * UNIT)
        );
        let small = vec![own.0.alloc(30 * UNIT, 1), own.0.alloc(30 * UNIT, 1)];
        let mut regions: Vec<_> = small
            .iter()
            .map(|found| region(found.as_ref().unwrap().0))
            .collect();
        regions.sort();
        let mut all = [region(first), region(third)];
        all.sort();
        assert_eq!(regions, all);
        for (block, _) in small.into_iter().flatten() {
            own.free(block, 30);
        }
        // The last region stays mapped.
        own.free(first, half);
        own.free(third, half);
        assert!(!is_noted(first) && is_noted(third) && own.0.used() == 0);
    }

    #[test]
    fn a_span_is_four_units_and_knows_what_was_touched() {
        let mut own = Own::new();
        let pin = own.at(OWN, 1);
        let span = own.0.open(Grain::Fine).unwrap();
        // SAFETY: the span is open, and only this test uses it.
        let record = unsafe { span.as_ref() };
        assert_eq!((unit_of(record.start()), record.touched()), (16, 0));
        assert_eq!(own.0.used(), 5 * UNIT);
        // SAFETY: none of its blocks is handed out.
        unsafe { own.0.close(span) };
        assert_eq!(own.0.used(), UNIT);
        let block = own.at(OWN + 1, 2);
        own.free(block, 2);
        let block = own.at(OWN + 1, 5);
        own.free(block, 5);
        // Two of the span's units were used, and are warm.
        own.0.reclaim();
        let block = own.at(OWN + 1, 5);
        own.free(block, 5);
        let span = own.0.open(Grain::Coarse).unwrap();
        // SAFETY: as above.
        assert_eq!(unsafe { span.as_ref() }.touched(), 2 * UNIT);
        own.free(pin, 1);
    }
}
