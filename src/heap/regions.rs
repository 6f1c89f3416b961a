//! The regions of the process: where a run is found, and when pages go back to the kernel.
//!
//! Pages that were used and are free stay, for the next run: they are *warm*. Where there are more of
//! them than are in use, and some, they go back.

use core::ops::Range;
use core::ptr::NonNull;

use super::region::{
    self, BIG, End, HUGE, LISTS, OWN, QUAD, Region, SPACE, STEP, UNIT, UNITS, quad,
};
use super::register::REGISTER;
use super::reservation::Reservation;
use super::span::{Block, Grain, Link, Span};
use crate::mem;
use crate::sync::Mutex;

/// How many units may stay warm beyond as many as are in use.
const WARM: usize = (512 << 10) / UNIT;

/// How many places on either side of another region to try for a new one.
const TRIES: usize = 4;

/// The regions of the process.
pub struct Regions {
    first: Option<NonNull<Region>>,
    /// How many units are in use.
    used: usize,
    /// How many are dirty, all that are in use among them.
    dirty: usize,
}

// SAFETY: regions are memory of the process, not of a thread.
unsafe impl Send for Regions {}

pub static REGIONS: Mutex<Regions> = Mutex::new(Regions::new());

impl Regions {
    const fn new() -> Self {
        Self {
            first: None,
            used: 0,
            dirty: 0,
        }
    }

    /// How many bytes are in use, as spans or blocks.
    pub fn used(&self) -> usize {
        self.used * UNIT
    }

    /// A span of which all is free; none where the kernel has no more memory. It is in no list.
    pub fn open(&mut self, grain: Grain) -> Link {
        let (region, first, dirty) = self.take(QUAD, QUAD)?;
        // SAFETY: a region of ours, which nobody else uses.
        let start = unsafe { region.as_ref() }.start(first);
        let touched = dirty.end.saturating_sub(first) * UNIT;
        // SAFETY: the units are the span's, and so are the record and the bits of their quad.
        unsafe {
            let quad = quad(region, first).as_ptr();
            let bits = NonNull::new_unchecked(&raw mut (*quad).bits).cast();
            let record = &raw mut (*quad).span;
            record.write(Span::new(start, bits, grain, touched));
            Some(NonNull::new_unchecked(record))
        }
    }

    /// Takes a span back.
    ///
    /// # Safety
    /// [`open`](Self::open) gave it, nothing of it is out, it is in no list and not used again.
    pub unsafe fn close(&mut self, span: NonNull<Span>) {
        // SAFETY: the caller's promise.
        let (region, first) = region::place(unsafe { span.as_ref() }.start());
        self.put(region, first, QUAD);
    }

    /// A block of whole units, which begins at a multiple of `align`; and which bytes of it may hold
    /// something. None where no region has place for it.
    pub fn alloc(&mut self, size: usize, align: usize) -> Option<(Block, Range<usize>)> {
        let (region, first, dirty) = self.take(size.div_ceil(UNIT), align.div_ceil(UNIT))?;
        // SAFETY: a region of ours, which nobody else uses.
        let start = unsafe { region.as_ref() }.start(first);
        let offset = |unit: usize| unit.saturating_sub(first) * UNIT;
        Some((start, offset(dirty.start)..offset(dirty.end)))
    }

    /// Takes a block of whole units back; false where it is none that is out.
    ///
    /// # Safety
    /// It is in a region, and where it is a block in use, nobody uses it again.
    pub unsafe fn dealloc(&mut self, block: Block, size: usize) -> bool {
        // SAFETY: the caller's promise.
        let Some((region, first)) = (unsafe { self.block(block, size) }) else {
            return false;
        };
        self.put(region, first, size.div_ceil(UNIT));
        true
    }

    /// Gives a block of whole units another size where it is; false where there is no place for that,
    /// and nothing where it is no block that is out.
    ///
    /// # Safety
    /// As for [`dealloc`](Self::dealloc), of what is behind the new size.
    pub unsafe fn resize(&mut self, block: Block, size: usize, new_size: usize) -> Option<bool> {
        // SAFETY: the caller's promise.
        let (mut region, first) = unsafe { self.block(block, size) }?;
        // SAFETY: a region of ours, which nobody else uses.
        let region = unsafe { region.as_mut() };
        let (length, new_length) = (size.div_ceil(UNIT), new_size.div_ceil(UNIT));
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

    /// The region of a block that is out, and its first unit.
    ///
    /// # Safety
    /// It is in a region.
    unsafe fn block(&self, block: Block, size: usize) -> Option<(NonNull<Region>, usize)> {
        let (region, first) = region::place(block);
        // SAFETY: the caller's promise.
        let header = unsafe { region.as_ref() };
        if first < OWN || first >= header.rest || header.start(first) != block {
            return None;
        }
        let unit = header.unit(first);
        let is_out = unit.end == End::Used && usize::from(unit.length) == size.div_ceil(UNIT);
        is_out.then_some((region, first))
    }

    /// Takes units out of whichever region has them, or of a new one; says which, and from where to
    /// where they may hold something.
    fn take(
        &mut self,
        length: usize,
        align: usize,
    ) -> Option<(NonNull<Region>, usize, Range<usize>)> {
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
                // SAFETY: a region of ours, which nobody else uses.
                Some((region, unsafe { region.as_mut() }.take(length, align)?))
            })?;
        // SAFETY: as above.
        let header = unsafe { region.as_mut() };
        let units = first..first + length;
        let dirty = header.dirty(units.clone());
        self.dirty += header.soil(units);
        self.used += length;
        Some((region, first, dirty))
    }

    /// The first region that `work` has an answer of, and that.
    fn find<T>(&self, work: impl Fn(&mut Region) -> Option<T>) -> Option<(NonNull<Region>, T)> {
        let mut next = self.first;
        while let Some(mut region) = next {
            // SAFETY: a region of ours, which nobody else uses.
            let header = unsafe { region.as_mut() };
            if let Some(found) = work(header) {
                return Some((region, found));
            }
            next = header.behind;
        }
        None
    }

    /// Gives units back to their region.
    fn put(&mut self, mut region: NonNull<Region>, first: usize, length: usize) {
        // SAFETY: a region of ours, which nobody else uses.
        let header = unsafe { region.as_mut() };
        header.put(first, length);
        self.used -= length;
        if header.rest == OWN && (header.before.is_some() || header.behind.is_some()) {
            self.unmap(region);
        }
        self.cool();
    }

    /// Lets go of warm pages, where they are many.
    fn cool(&mut self) {
        let many = WARM + self.used;
        if self.dirty > self.used + many {
            self.cool_to(many);
        }
    }

    /// Gives the kernel back pages of units that are free, until so many units at most are warm. It
    /// takes parts of huge pages only where whole ones are not enough.
    fn cool_to(&mut self, keep: usize) {
        for whole in [true, false] {
            let mut next = self.first;
            while let Some(mut region) = next {
                // SAFETY: a region of ours, which nobody else uses.
                let region = unsafe { region.as_mut() };
                self.discard(region, region.rest..region.units, keep, whole);
                for list in (0..LISTS).rev() {
                    let mut run = usize::from(region.lists[list]);
                    while run != 0 && self.excess(keep) != 0 {
                        let units = run..run + region.length(run);
                        self.discard(region, units, keep, whole);
                        run = region.unit(run).behind.into();
                    }
                }
                next = region.behind;
            }
        }
    }

    /// The same of some units that are free.
    fn discard(&mut self, region: &mut Region, units: Range<usize>, keep: usize, whole: bool) {
        loop {
            let excess = self.excess(keep);
            let count = match excess {
                0 => 0,
                _ => region.discard(units.clone(), excess, whole),
            };
            if count == 0 {
                return;
            }
            self.dirty -= count;
        }
    }

    /// Gives the kernel back all that nobody uses, address space too.
    pub fn reclaim(&mut self) {
        self.cool_to(0);
        self.find(|region| -> Option<()> {
            region.shorten();
            None
        });
    }

    /// How many units are warm beyond so many.
    fn excess(&self, keep: usize) -> usize {
        self.dirty.saturating_sub(self.used + keep)
    }

    /// A new region, in the list, with more than so many units to give.
    fn map(&mut self, wanted: usize) -> Option<NonNull<Region>> {
        let huge = match self.first {
            Some(_) => OWN.next_multiple_of(HUGE),
            None => STEP,
        };
        let units = (huge + wanted).next_multiple_of(STEP).min(UNITS);
        // The first region, for a program that is small perhaps.
        let units = if wanted < BIG && self.first.is_none() {
            STEP
        } else {
            units
        };
        let region = aligned(units * UNIT, self.first.map(NonNull::cast))?;
        let note = Reservation::space(region);
        if REGISTER.lock().insert(note).is_err() {
            // SAFETY: just mapped.
            let _ = unsafe { mem::unmap(region, units * UNIT) };
            return None;
        }
        let region = region.cast();
        // SAFETY: just mapped; zeros are units that begin no run.
        unsafe {
            region.write(Region::new(units, huge, self.first));
            region.as_ref().prefer_huge(0);
            if let Some(mut behind) = self.first {
                behind.as_mut().before = Some(region);
            }
        }
        self.first = Some(region);
        Some(region)
    }

    /// Gives a region back of which nothing is in use.
    fn unmap(&mut self, region: NonNull<Region>) {
        // SAFETY: regions of the list are there, and nobody else uses them.
        unsafe {
            let header = region.as_ref();
            self.dirty -= header.count_dirty();
            match header.before {
                Some(mut before) => before.as_mut().behind = header.behind,
                None => self.first = header.behind,
            }
            if let Some(mut behind) = header.behind {
                behind.as_mut().before = header.before;
            }
            REGISTER.lock().remove(region.cast());
            let _ = mem::unmap(region.cast(), header.units * UNIT);
        }
    }
}

/// `length` bytes of fresh memory at a multiple of `SPACE`; below `neighbour`, where that can be.
fn aligned(length: usize, neighbour: Option<NonNull<u8>>) -> Option<NonNull<u8>> {
    // Next to where the kernel puts mappings there is mostly nothing.
    let near = match neighbour {
        Some(neighbour) => neighbour.addr().get(),
        None => {
            let somewhere = mem::map(length).ok()?;
            // SAFETY: just mapped.
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
    // SAFETY: the region is within what was reserved, of which nothing is used. Where the kernel
    // cannot unmap what is around it, that is lost but unused.
    unsafe {
        let start = surplus.add(before);
        if before != 0 {
            let _ = mem::unmap(surplus, before);
        }
        let _ = mem::unmap(start.add(length), SPACE - before);
        mem::commit(start, length).ok()?;
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

    /// Regions of a test's own, and what may be seen of their units: a mark in each shows that the kernel did not get
    /// its page back.
    struct Own(
        Regions,
        #[expect(dead_code, reason = "it is held")] MutexGuard<'static, ()>,
    );

    impl Own {
        fn new() -> Self {
            Self(Regions::new(), alone())
        }

        /// The same, with a region after which nothing is mapped, so that the region can be extended.
        fn with_room() -> Self {
            for _ in 0..50 {
                let mut own = Self::new();
                let block = own.at(OWN, 1);
                own.free(block, 1);
                let (end, length) = (header(block).start(STEP), SPACE - STEP * UNIT);
                if mem::map_at(end.addr().get(), length).is_ok() {
                    // SAFETY: just mapped.
                    unsafe { mem::unmap(end, length) }.unwrap();
                    return own;
                }
            }
            panic!("no room in fifty places")
        }

        /// A block of so many units that is marked, and at the place that is expected: so many units from the start of
        /// its region.
        fn at(&mut self, place: usize, units: usize) -> Block {
            let (block, _) = self.0.alloc(units * UNIT, 1).expect("memory");
            assert_eq!(unit_of(block), place);
            mark(block, units);
            block
        }

        /// Blocks of these lengths, one after another from the first unit of a region on.
        fn row<const N: usize>(&mut self, lengths: [usize; N]) -> [Block; N] {
            let mut place = OWN;
            lengths.map(|length| {
                place += length;
                self.at(place - length, length)
            })
        }

        fn free(&mut self, block: Block, units: usize) {
            // SAFETY: the block is of these regions, and not used again.
            assert!(unsafe { self.0.dealloc(block, units * UNIT) });
        }

        fn resize(&mut self, block: Block, units: usize, new: usize) -> Option<bool> {
            // SAFETY: the block is in one of these regions. A test does not use the part that was cut off.
            unsafe { self.0.resize(block, units * UNIT, new * UNIT) }
        }
    }

    fn unit_of(block: Block) -> usize {
        block.addr().get() % SPACE / UNIT
    }

    fn header(block: Block) -> &'static Region {
        let (region, _) = region::place(block);
        // SAFETY: a region that is not unmapped before the test ends, of which only numbers are read.
        unsafe { region.as_ref() }
    }

    /// Writes to the first byte of each unit.
    fn mark(block: Block, units: usize) {
        for unit in 0..units {
            // SAFETY: within the block, which is out.
            unsafe { block.add(unit * UNIT).write_volatile(0xA5) };
        }
    }

    /// Which of so many units from a block on have their mark.
    fn marked(block: Block, units: usize) -> Vec<usize> {
        let is_marked = |unit: &usize| {
            // SAFETY: the caller's units are in the mapped part of the region.
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
        assert_eq!((OWN, header(block).units, header(block).huge), (12, 64, 64));
        assert_eq!(own.0.used(), UNIT);
        own.free(block, 1);
        assert_eq!((own.0.used(), header(block).rest), (0, OWN));
        // It stays, as the only one.
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
                .skip_while(|block| header(**block).rest <= unit_of(**block))
                .for_each(|&block| own.free(block, 1));
            marked(blocks[0], 40)
        };
        // 16 in use and 24 warm: no more than those and 8.
        assert_eq!(left(&mut own, 16), Vec::from_iter(OWN..OWN + 40));
        // One more is too many: the units after the first huge page go back to the kernel.
        assert_eq!(left(&mut own, 15), Vec::from_iter(OWN..HUGE));
        // Then there are 20 dirty ones. They are few again for as long as 6 are in use.
        assert_eq!(left(&mut own, 6), Vec::from_iter(OWN..HUGE));
        assert_eq!(left(&mut own, 5), Vec::from_iter(OWN..OWN + 5));
        assert_eq!(own.0.used(), 5 * UNIT);
        // What the kernel has is zero again, and what is warm is known to be dirty.
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
        // 4 in use, so that 12 stay warm; 17 will be free.
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
        assert_eq!(header(first).units, 384);
        own.free(hole, 2);
        own.free(behind, 300);
        own.0.reclaim();
        assert_eq!((header(first).units, own.0.used()), (64, 2 * UNIT));
        assert_eq!(marked(first, 4), [OWN, OWN + 3]);
        assert_eq!(own.0.dirty, 2);
        // What was unmapped is mapped again where it was.
        assert_eq!(own.at(64, 300), behind);
        own.free(last, 1);
    }

    #[test]
    fn neighbours_that_are_free_are_one_run() {
        // In each order.
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
            // And with the very first unit.
            own.free(pin, 1);
            let whole = own.at(OWN, 7);
            own.free(whole, 7);
            // With what is behind it, it is no run but rest.
            own.free(end, 1);
            assert_eq!(header(pin).rest, OWN);
            assert_eq!(own.at(OWN, BIG - 1), pin);
        }
    }

    #[test]
    fn the_first_place_of_some_is_taken() {
        let mut own = Own::new();
        // Holes of 5, 2 and 1, each behind a block.
        let lengths = [1, 5, 1, 2, 1, 1, 1];
        let blocks = own.row(lengths);
        for nth in [1, 3, 5] {
            own.free(blocks[nth], lengths[nth]);
        }
        // The first that has room, though others are tighter; its end stays a run.
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
        // Every second up to the twentieth: of the last eight that were freed, the first.
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
        // A size that is no whole unit.
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
        // The huge page that it is on is dirty as a whole, and no more than that.
        let (second, dirty) = own.0.alloc(MIB, 1).unwrap();
        assert_eq!((unit_of(second), dirty), (64 + BIG, 0..MIB));
        let (third, dirty) = own.0.alloc(MIB, 1).unwrap();
        assert_eq!((unit_of(third), dirty), (64 + 2 * BIG, 0..0));
        assert_eq!(own.0.dirty, BIG + 2 * HUGE);
        assert_eq!(header(third).count_dirty(), own.0.dirty);
    }

    /// (qemu-user does not say which pages are huge.)
    #[test]
    #[cfg(target_arch = "x86_64")]
    fn huge_pages_are_asked_for_from_the_fifth_mib_on() {
        use super::super::tests::has_huge_pages;
        let mut own = Own::with_room();
        let first = own.at(OWN, 1);
        // Mapped with the region, when it grows, and with another region.
        let mut alloc = |units: usize| own.0.alloc(units * UNIT, 1).unwrap().0;
        let [_, second, other, far] = [100, 500, 512, 512].map(&mut alloc);
        assert_ne!(region::place(first).0, region::place(other).0);
        if has_huge_pages(first.addr().get()).is_some() {
            let huge = |block: Block, unit: usize| {
                has_huge_pages(header(block).start(unit).addr().get()) == Some(true)
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
        // 17 in use, so that 25 stay warm of 112: two pages, and the half beside the block that is used.
        own.free(big, 3 * HUGE + HUGE / 2);
        assert_eq!(
            marked(big, 3 * HUGE + HUGE / 2),
            Vec::from_iter(64 + 3 * HUGE..64 + 3 * HUGE + HUGE / 2)
        );
        assert_eq!(own.0.dirty, 1 + HUGE);
        own.free(end, BIG);
        assert_eq!(marked(pin, 1), [OWN]);
    }

    #[test]
    fn a_block_gets_another_size_where_it_is() {
        let mut own = Own::new();
        let first = own.at(OWN, 2);
        let second = own.at(OWN + 2, 2);
        let pin = own.at(OWN + 4, 1);
        // The next one is in the way.
        assert_eq!(own.resize(first, 2, 3), Some(false));
        own.free(second, 2);
        // One more than is free, and all that is.
        assert_eq!(own.resize(first, 2, 5), Some(false));
        assert_eq!(own.resize(first, 2, 3), Some(true));
        assert_eq!(own.resize(first, 3, 4), Some(true));
        assert_eq!((own.0.used(), own.0.dirty), (5 * UNIT, 5));
        // It knows its new length.
        assert_eq!(own.resize(first, 2, 3), None);
        assert_eq!(own.resize(first, 4, 1), Some(true));
        assert_eq!(own.0.used(), 2 * UNIT);
        let between = own.at(OWN + 1, 3);
        own.free(between, 3);
        // The last one has all of the rest, but not where pages are huge for one of its size.
        assert_eq!(own.resize(pin, 1, BIG - 1), Some(true));
        assert_eq!(own.resize(pin, BIG - 1, BIG), Some(false));
        assert_eq!(header(pin).rest, OWN + 4 + BIG - 1);
        own.free(pin, BIG - 1);
        assert_eq!(header(first).rest, OWN + 1);
    }

    #[test]
    fn a_block_grows_into_what_is_not_mapped_yet() {
        let mut own = Own::with_room();
        let block = own.at(64, BIG);
        assert_eq!(header(block).units, 128);
        assert_eq!(own.resize(block, BIG, 200), Some(true));
        assert_eq!((header(block).units, header(block).rest), (320, 264));
        mark(block, 200);
        // To the end of its region, and not beyond.
        assert_eq!(own.resize(block, 200, UNITS - 63), Some(false));
        assert_eq!(own.resize(block, 200, UNITS - 64), Some(true));
        assert_eq!(own.0.used(), (UNITS - 64) * UNIT);
        // What is gone when it shrinks is given back.
        assert_eq!(own.resize(block, UNITS - 64, BIG), Some(true));
        assert_eq!(marked(block, 200), Vec::from_iter(64..64 + HUGE));
    }

    #[test]
    fn a_block_that_is_not_out_is_refused() {
        let mut own = Own::new();
        let block = own.at(OWN, 2);
        let end = own.at(OWN + 2, 1);
        let region = region::place(block).0.cast::<u8>();
        // SAFETY: of all: the addresses are in the region.
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
            // SAFETY: it is refused.
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
        // The second half of the first is not whole: its beginning is the region's own.
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
        // The one between goes, and the list still leads to both others.
        let dirty = own.0.dirty;
        own.free(second, half);
        assert!(is_noted(first) && !is_noted(second) && is_noted(third));
        assert_eq!((own.0.dirty, own.0.used()), (dirty - half, 2 * half * UNIT));
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
        // The last one stays.
        own.free(first, half);
        own.free(third, half);
        assert!(!is_noted(first) && is_noted(third) && own.0.used() == 0);
    }

    #[test]
    fn a_span_is_four_units_and_knows_what_was_touched() {
        let mut own = Own::new();
        let pin = own.at(OWN, 1);
        let span = own.0.open(Grain::Fine).unwrap();
        // SAFETY: the span is out, and used here alone.
        let record = unsafe { span.as_ref() };
        assert_eq!((unit_of(record.start()), record.touched()), (16, 0));
        assert_eq!(own.0.used(), 5 * UNIT);
        // SAFETY: nothing of it is out.
        unsafe { own.0.close(span) };
        assert_eq!(own.0.used(), UNIT);
        let block = own.at(OWN + 1, 2);
        own.free(block, 2);
        let block = own.at(OWN + 1, 5);
        own.free(block, 5);
        // Two of its units were used, and are warm.
        own.0.reclaim();
        let block = own.at(OWN + 1, 5);
        own.free(block, 5);
        let span = own.0.open(Grain::Coarse).unwrap();
        // SAFETY: as above.
        assert_eq!(unsafe { span.as_ref() }.touched(), 2 * UNIT);
        own.free(pin, 1);
    }
}
