//! Regions: up to 64 MiB of address space each, divided into units of 64 KiB. Spans and middling blocks are runs of
//! units.
//!
//! ```text
//!  start, a multiple of SPACE                                         unit `end`               start + SPACE
//!  | Region, a Quad for each four units, unused | unit 12 | unit 13 | ... | not mapped             |
//! ```
//!
//! Free runs are in lists by their length. A run that is freed merges with its free neighbours. The units after the
//! last run in use are in no list: they are the region's *rest*, from which new runs are cut.

use core::ops::Range;
use core::ptr::NonNull;

use super::span::{self, BITMAP, Block, Span};
use super::units::{Unit, Units};
use crate::mem::{self, HUGE_PAGE};

/// The alignment of regions, and their largest size. So the low bits of an address are its offset in its region.
pub const SPACE: usize = 64 << 20;

/// The most units of a region.
pub const UNITS: Units = Units::of(SPACE);

/// The number of units of a span, and the alignment of its first unit.
pub const QUAD: Units = Units::of(span::SIZE);

/// The first unit after the units that hold the `Region` and its quads.
pub const OWN: Unit = Unit::at(
    (size_of::<Region>() + UNITS.count() / QUAD.count() * size_of::<Quad>())
        .next_multiple_of(span::SIZE),
);

/// The number of units by which a region grows: 4 MiB. In the first region of a process, the first step has small
/// pages. The pages after it are huge, if the kernel has huge pages: a program that uses so much memory will use whole
/// huge pages, and saves a page fault every 4 KiB.
pub const STEP: Units = Units::of(4 << 20);

/// Runs of at least this many units (1 MiB) always lie on huge pages.
pub const BIG: Units = Units::of(1 << 20);

/// The number of units of a huge page.
pub const HUGE: Units = Units::of(HUGE_PAGE);

/// The most free runs that `find` examines.
const LOOK: usize = 8;

/// Stands for no run in a list and its links. No run begins there, because unit 0 holds the `Region`.
pub const NONE: Unit = Unit::START;

const BITS: usize = u64::BITS as usize;

/// The state of a run, kept in the `Record` of its ends.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum End {
    /// The unit is not an end of a free run, nor the first unit of a run in use.
    Neither = 0,
    /// The unit is the first or the last of a free run.
    Free,
    /// The unit is the first of a run in use.
    Used,
}

/// The record of a unit. `end` says whether the unit is an end of a run. `length` is valid in both ends of a free run,
/// and in the first unit of a run in use. The links are valid in the first unit of a free run.
#[derive(Clone, Copy)]
pub struct Record {
    pub end: End,
    /// The length of the run.
    pub length: Units<u16>,
    /// The previous and the next free run in the run's list, by their first units, or `NONE`.
    pub previous: Unit<u16>,
    pub next: Unit<u16>,
}

/// The records of four units, which may be a span.
#[repr(C, align(64))]
pub struct Quad {
    /// The record of the span, if these units are a span.
    pub span: Span,
    /// The shard of the span's store. Threads read the shard without the store's lock. So the shard is not in the
    /// span's record, to which the thread that holds the lock has a `&mut`.
    pub shard: u8,
    pub records: [Record; QUAD.count()],
    /// The bitmap of the span.
    pub bits: [u64; BITMAP / size_of::<u64>()],
}

/// The header of a region, at its start. The quads follow; the region's own units have none.
#[repr(C, align(64))]
pub struct Region {
    /// The previous and the next region in the list of all.
    pub previous: Option<NonNull<Region>>,
    pub next: Option<NonNull<Region>>,
    /// The end of the mapped units: the first unit that is not mapped.
    pub end: Unit,
    /// The first unit of the rest.
    pub rest: Unit,
    /// The first unit on huge pages.
    pub huge: Unit,
    /// The first run of each list, by its first unit; `NONE` if the list is empty.
    pub lists: [Unit<u16>; LISTS],
    /// A bit for each list that is not empty.
    filled: u64,
    /// A bit for each unit that is *dirty*: its pages may be in memory, and not zero.
    dirty: [u64; UNITS.count() / BITS],
}

/// The number of lists of free runs. Up to 8 units each length has a list. Above that, each doubling has four lists.
pub const LISTS: usize = list(UNITS) + 1;

/// Returns the index of the list for runs of this length.
const fn list(length: Units) -> usize {
    let length = length.count();
    if length <= 8 {
        length - 1
    } else {
        let doubling = length.ilog2() as usize;
        4 * (doubling - 3) + (length >> (doubling - 2)) + 4
    }
}

impl Region {
    /// Creates the header of a region without runs in use, with `next` after it in the list of all. Units up to `end`
    /// are mapped. Pages from unit `huge` on are huge.
    pub fn new(end: Unit, huge: Unit, next: Option<NonNull<Self>>) -> Self {
        Self {
            previous: None,
            next,
            end,
            rest: OWN,
            huge,
            lists: [NONE.small(); LISTS],
            filled: 0,
            dirty: [0; UNITS.count() / BITS],
        }
    }

    /// Allocates a run of `length` units whose first unit is a multiple of `align`. Returns the first unit; `None` if
    /// neither a free run nor the mapped rest has room.
    pub fn take(&mut self, length: Units, align: Units) -> Option<Unit> {
        if let Some((run, first)) = self.find(length, align) {
            let end = run + self.length(run);
            self.unlink(run);
            if run < first {
                self.link(run, first - run);
            }
            if first + length < end {
                self.link(first + length, end - first - length);
            }
            self.mark_used(first, length);
            return Some(first);
        }
        let first = self.place(self.rest, length, align);
        if first + length > self.end {
            return None;
        }
        if self.rest < first {
            self.link(self.rest, first - self.rest);
        }
        self.rest = first + length;
        self.mark_used(first, length);
        Some(first)
    }

    /// Finds a free run with room for `length` units. Returns the run, and the first unit of the room in it. Of at most
    /// `LOOK` examined runs, the one with the lowest address is chosen, so that the used units stay together.
    fn find(&self, length: Units, align: Units) -> Option<(Unit, Unit)> {
        let mut best = None;
        let mut look = LOOK;
        let mut lists = self.filled >> list(length) << list(length);
        while lists != 0 && look != 0 {
            let mut run = Unit::from(self.lists[lists.trailing_zeros() as usize]);
            while run != NONE && look != 0 {
                let first = self.place(run, length, align);
                if first + length <= run + self.length(run) {
                    best = match best {
                        Some((lowest, _)) if lowest < run => best,
                        _ => Some((run, first)),
                    };
                }
                look -= 1;
                run = self.record(run).next.into();
            }
            lists &= lists - 1;
        }
        best
    }

    /// Maps more units, at least up to `end`. Returns false if the address space is not free, or the region would be
    /// too large.
    pub fn extend(&mut self, end: Unit) -> bool {
        let end = end.next_multiple_of(STEP);
        let start = self.start(self.end).addr().get();
        if end > Unit::START + UNITS || mem::map_at(start, (end - self.end).bytes()).is_err() {
            return false;
        }
        let old = core::mem::replace(&mut self.end, end);
        self.prefer_huge(old);
        true
    }

    /// Unmaps the rest, in whole steps. The pages of the rest must not be dirty.
    pub fn shorten(&mut self) {
        let end = self.rest.next_multiple_of(STEP);
        if end < self.end {
            // SAFETY: the range is the end of the region's mapping, from a unit of the rest on. No run contains these
            // units, so no code uses them.
            let unmapped = unsafe { mem::unmap(self.start(end), (self.end - end).bytes()) }.is_ok();
            if unmapped {
                self.end = end;
            }
        }
    }

    /// Requests huge pages from unit `first` on, but not before `self.huge`.
    pub fn prefer_huge(&self, first: Unit) {
        let first = first.max(self.huge);
        if first < self.end {
            // The result is ignored: a kernel without huge pages refuses.
            //
            // SAFETY: the range ends at `self.end`, so it is mapped. The advice does not change the content of pages.
            let _ = unsafe { mem::prefer_huge(self.start(first), (self.end - first).bytes()) };
        }
    }

    /// Returns the first unit that a run of `length` units would have, if the units from `first` on are free.
    pub fn place(&self, first: Unit, length: Units, align: Units) -> Unit {
        let first = match length < BIG {
            true => first,
            false => first.max(self.huge),
        };
        first.next_multiple_of(align)
    }

    /// Frees a run, and merges it with the free runs on either side.
    pub fn put(&mut self, mut first: Unit, mut length: Units) {
        // The first unit may become the middle of a merged run. Then its record must not look like the first unit of a
        // run in use.
        self.record_mut(first).end = End::Neither;
        let next = first + length;
        if next < self.rest && self.record(next).end == End::Free {
            length += self.length(next);
            self.unlink(next);
        }
        if first > OWN && self.record(first - Units::ONE).end == End::Free {
            let previous = self.length(first - Units::ONE);
            first = first - previous;
            length += previous;
            self.unlink(first);
        }
        if first + length == self.rest {
            self.rest = first;
        } else {
            self.link(first, length);
        }
    }

    /// Makes a run in use longer or shorter. Returns false, and changes no run, if the units after the run are not
    /// free, or if a run of the new length must lie on huge pages and this run does not.
    pub fn resize(&mut self, first: Unit, length: Units) -> bool {
        let old = self.length(first);
        let (end, new_end) = (first + old, first + length);
        if length < old {
            self.mark_used(first, length);
            self.mark_used(new_end, old - length);
            self.put(new_end, old - length);
            return true;
        }
        if self.place(first, length, Units::ONE) != first {
            return false;
        }
        if end == self.rest {
            if new_end > self.end && !self.extend(new_end) {
                return false;
            }
            self.rest = new_end;
        } else if end < new_end {
            if self.record(end).end != End::Free || new_end > end + self.length(end) {
                return false;
            }
            let run_end = end + self.length(end);
            self.unlink(end);
            if new_end < run_end {
                self.link(new_end, run_end - new_end);
            }
        }
        self.mark_used(first, length);
        true
    }

    /// Records a run in use.
    fn mark_used(&mut self, first: Unit, length: Units) {
        self.record_mut(first + length - Units::ONE).end = End::Neither;
        let record = self.record_mut(first);
        record.end = End::Used;
        record.length = length.small();
    }

    /// Records a free run, and adds it to its list.
    fn link(&mut self, first: Unit, length: Units) {
        let list = list(length);
        let next = Unit::from(self.lists[list]);
        if next != NONE {
            self.record_mut(next).previous = first.small();
        }
        self.lists[list] = first.small();
        self.filled |= 1 << list;
        for unit in [first + length - Units::ONE, first] {
            *self.record_mut(unit) = Record {
                end: End::Free,
                length: length.small(),
                previous: NONE.small(),
                next: next.small(),
            };
        }
    }

    /// Removes a free run from its list.
    fn unlink(&mut self, first: Unit) {
        let Record {
            length,
            previous,
            next,
            ..
        } = *self.record(first);
        let length = Units::from(length);
        let list = list(length);
        match Unit::from(previous) {
            NONE => self.lists[list] = next,
            previous => self.record_mut(previous).next = next,
        }
        if Unit::from(next) != NONE {
            self.record_mut(next.into()).previous = previous;
        }
        if Unit::from(self.lists[list]) == NONE {
            self.filled &= !(1 << list);
        }
        self.record_mut(first).end = End::Neither;
        self.record_mut(first + length - Units::ONE).end = End::Neither;
    }

    /// Returns the length of the run that begins at a unit, or of the free run that ends there.
    pub fn length(&self, unit: Unit) -> Units {
        self.record(unit).length.into()
    }

    /// Returns the address of a unit.
    pub fn start(&self, unit: Unit) -> Block {
        // SAFETY: callers pass at most unit `UNITS`, so the result is within the region's address space, or its end.
        unsafe { NonNull::from(self).cast::<u8>().add(unit.offset()) }
    }

    /// Returns the record of a unit.
    pub fn record(&self, unit: Unit) -> &Record {
        // SAFETY: callers pass a unit from `OWN` on and before `end`, whose quad lies in the region's own units, which
        // are mapped. Unit records change only through `&mut self`, so the shared reference is valid while `self` is
        // borrowed. The reference covers only `records`: stores use the other fields of a quad meanwhile.
        unsafe { &(*quad(NonNull::from(self), unit).as_ptr()).records[nth(unit)] }
    }

    fn record_mut(&mut self, unit: Unit) -> &mut Record {
        // SAFETY: as in `record`; `&mut self` excludes other references to unit records.
        unsafe { &mut (*quad(NonNull::from(self), unit).as_ptr()).records[nth(unit)] }
    }

    /// Returns the part of a range of units from the first dirty unit to the last.
    pub fn dirty(&self, units: Range<Unit>) -> Range<Unit> {
        let is_dirty = |&index: &usize| self.dirty[index / BITS] >> (index % BITS) & 1 != 0;
        let mut indices = units.start.index()..units.end.index();
        match indices.clone().find(is_dirty) {
            Some(first) => {
                let last = indices.rfind(is_dirty).unwrap_or(first);
                Unit::new(first)..Unit::new(last + 1)
            }
            None => Unit::START..Unit::START,
        }
    }

    /// Returns the number of dirty units.
    pub fn count_dirty(&self) -> Units {
        let counts = self.dirty.iter().map(|word| word.count_ones() as usize);
        Units::new(counts.sum())
    }

    /// Marks units as dirty, and the other units of the same huge pages. Returns how many of them were not dirty
    /// before.
    pub fn soil(&mut self, units: Range<Unit>) -> Units {
        let (mut first, mut end) = (units.start, units.end);
        if end > self.huge {
            first = first.min(first.previous_multiple_of(HUGE).max(self.huge));
            end = end.next_multiple_of(HUGE).min(self.end);
        }
        let mut count = 0;
        for (word, mask) in span::words(first.index(), end.index()) {
            count += (mask & !self.dirty[word]).count_ones();
            self.dirty[word] |= mask;
        }
        Units::new(count as usize)
    }

    /// Returns the pages of free units to the kernel: about as many units as are `wanted`, from the end of the range.
    /// With `whole`, it returns no part of a huge page. Returns how many of the units were dirty.
    pub fn discard(&mut self, units: Range<Unit>, wanted: Units, whole: bool) -> Units {
        let mut units = self.dirty(units);
        let enough = units.end.saturating_sub(wanted).previous_multiple_of(HUGE);
        units.start = units.start.max(enough);
        if whole && units.end > self.huge {
            if units.start > self.huge {
                units.start = units.start.next_multiple_of(HUGE);
            }
            units.end = units.end.previous_multiple_of(HUGE).max(self.huge);
        }
        if units.is_empty() {
            return Units::ZERO;
        }
        let length = (units.end - units.start).bytes();
        // SAFETY: the range is whole units of the region. Callers pass only free units, so no code relies on their
        // content. No cause of a failure is known. After a failure the pages stay in memory, and stay dirty.
        if unsafe { mem::discard(self.start(units.start), length) }.is_err() {
            return Units::ZERO;
        }
        let mut count = 0;
        for (word, mask) in span::words(units.start.index(), units.end.index()) {
            count += (mask & self.dirty[word]).count_ones();
            self.dirty[word] &= !mask;
        }
        Units::new(count as usize)
    }
}

/// Returns the address of the quad of a unit.
pub fn quad(region: NonNull<Region>, unit: Unit) -> NonNull<Quad> {
    // SAFETY: callers pass a unit from `OWN` on. The quads of these units follow the header, within the region's own
    // units.
    unsafe {
        region
            .add(1)
            .cast::<Quad>()
            .add((unit - OWN).count() / QUAD.count())
    }
}

/// Returns the index of a unit's record in its quad.
fn nth(unit: Unit) -> usize {
    unit.index() % QUAD.count()
}

/// Returns the region that contains an address, and the unit in it.
pub fn place(address: NonNull<u8>) -> (NonNull<Region>, Unit) {
    let offset = address.addr().get() % SPACE;
    // SAFETY: regions are aligned to `SPACE` and at most as large. Callers pass an address in a region, so the region
    // starts `offset` bytes before it.
    let region = unsafe { address.sub(offset) };
    (region.cast(), Unit::at(offset))
}

/// Returns the record of the span that a small block was cut from.
///
/// # Safety
/// The heap handed `block` out as a small block. Otherwise the result points to no record, or to no memory.
pub unsafe fn span_of(block: Block) -> NonNull<Span> {
    let (region, unit) = place(block);
    quad(region, unit).cast() // the quad's first field
}

/// Returns the address of a span's shard. The span's store writes the shard before it hands out a block of the span.
///
/// # Safety
/// `span` is the first field of a [`Quad`].
pub unsafe fn shard(span: NonNull<Span>) -> *mut u8 {
    let quad = span.cast::<Quad>().as_ptr();
    // SAFETY: the caller promises that the span is the first field of a quad, so the address is within the quad.
    unsafe { &raw mut (*quad).shard }
}
