//! Regions: up to 64 MiB of address space each, divided into units of 64 KiB. Spans and middling blocks are runs of
//! units.
//!
//! ```text
//!  start, a multiple of SPACE                                         start + `units` units    start + SPACE
//!  | Region, a Quad for each four units, unused | unit 12 | unit 13 | ... | not mapped             |
//! ```
//!
//! Free runs are in lists by their length. A run that is freed merges with its free neighbours. The units after the
//! last run in use are in no list: they are the region's *rest*, from which new runs are cut.

use core::ops::Range;
use core::ptr::NonNull;

use super::span::{self, BITMAP, Block, Span};
use crate::mem::{self, HUGE_PAGE};

/// The bytes of a unit.
pub const UNIT: usize = 64 * 1024;

/// The alignment of regions, and their largest size. So the low bits of an address are its offset in its region.
pub const SPACE: usize = 64 << 20;

/// The most units of a region.
pub const UNITS: usize = SPACE / UNIT;

/// The number of units of a span, and the alignment of its first unit.
pub const QUAD: usize = span::SIZE / UNIT;

/// The number of units at the start of a region that hold the `Region` and its quads.
pub const OWN: usize =
    (size_of::<Region>() + UNITS / QUAD * size_of::<Quad>()).div_ceil(span::SIZE) * QUAD;

/// The number of units by which a region grows: 4 MiB. In the first region of a process, the first step has small
/// pages. The pages after it are huge, if the kernel has huge pages: a program that uses so much memory will use whole
/// huge pages, and saves a page fault every 4 KiB.
pub const STEP: usize = (4 << 20) / UNIT;

/// Runs of at least this many units (1 MiB) always lie on huge pages.
pub const BIG: usize = (1 << 20) / UNIT;

/// The number of units of a huge page.
pub const HUGE: usize = HUGE_PAGE / UNIT;

/// The most free runs that `find` examines.
const LOOK: usize = 8;

const BITS: usize = u64::BITS as usize;

/// The state of a run, kept in the `Unit` of its ends.
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
pub struct Unit {
    pub end: End,
    /// The length of the run, in units.
    pub length: u16,
    /// The previous and the next free run in the run's list, by their first units. 0 means none: unit 0 holds the
    /// `Region`.
    pub previous: u16,
    pub next: u16,
}

/// The records of four units, which may be a span.
#[repr(C, align(64))]
pub struct Quad {
    /// The record of the span, if these units are a span.
    pub span: Span,
    /// The shard of the span's store. Threads read the shard without the store's lock. So the shard is not in the
    /// span's record, to which the thread that holds the lock has a `&mut`.
    pub shard: u8,
    pub units: [Unit; QUAD],
    /// The bitmap of the span.
    pub bits: [u64; BITMAP / size_of::<u64>()],
}

/// The header of a region, at its start. The quads follow; the region's own units have none.
#[repr(C, align(64))]
pub struct Region {
    /// The previous and the next region in the list of all.
    pub previous: Option<NonNull<Region>>,
    pub next: Option<NonNull<Region>>,
    /// The number of units that are mapped.
    pub units: usize,
    /// The first unit of the rest.
    pub rest: usize,
    /// The first unit on huge pages.
    pub huge: usize,
    /// The first run of each list, by its first unit; 0 if the list is empty.
    pub lists: [u16; LISTS],
    /// A bit for each list that is not empty.
    filled: u64,
    /// A bit for each unit that is *dirty*: its pages may be in memory, and not zero.
    dirty: [u64; UNITS / BITS],
}

/// The number of lists of free runs. Up to 8 units each length has a list. Above that, each doubling has four lists.
pub const LISTS: usize = list(UNITS) + 1;

/// Returns the index of the list for runs of this length.
const fn list(length: usize) -> usize {
    if length <= 8 {
        length - 1
    } else {
        let doubling = length.ilog2() as usize;
        4 * (doubling - 3) + (length >> (doubling - 2)) + 4
    }
}

impl Region {
    /// Creates the header of a region without runs in use, with `next` after it in the list of all. Pages from unit
    /// `huge` on are huge.
    pub fn new(units: usize, huge: usize, next: Option<NonNull<Self>>) -> Self {
        Self {
            previous: None,
            next,
            units,
            rest: OWN,
            huge,
            lists: [0; LISTS],
            filled: 0,
            dirty: [0; UNITS / BITS],
        }
    }

    /// Allocates a run of `length` units whose first unit is a multiple of `align`. Returns the first unit; `None` if
    /// neither a free run nor the mapped rest has room.
    pub fn take(&mut self, length: usize, align: usize) -> Option<usize> {
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
        if first + length > self.units {
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
    fn find(&self, length: usize, align: usize) -> Option<(usize, usize)> {
        let mut best = None;
        let mut look = LOOK;
        let mut lists = self.filled >> list(length) << list(length);
        while lists != 0 && look != 0 {
            let mut run = usize::from(self.lists[lists.trailing_zeros() as usize]);
            while run != 0 && look != 0 {
                let first = self.place(run, length, align);
                if first + length <= run + self.length(run) {
                    best = match best {
                        Some((lowest, _)) if lowest < run => best,
                        _ => Some((run, first)),
                    };
                }
                look -= 1;
                run = self.unit(run).next.into();
            }
            lists &= lists - 1;
        }
        best
    }

    /// Maps more units, so that the region has at least `units`. Returns false if the address space is not free, or the
    /// region would be too large.
    pub fn extend(&mut self, units: usize) -> bool {
        let units = units.next_multiple_of(STEP);
        let end = self.start(self.units).addr().get();
        if units > UNITS || mem::map_at(end, (units - self.units) * UNIT).is_err() {
            return false;
        }
        let old = core::mem::replace(&mut self.units, units);
        self.prefer_huge(old);
        true
    }

    /// Unmaps the rest, in whole steps. The pages of the rest must not be dirty.
    pub fn shorten(&mut self) {
        let units = self.rest.next_multiple_of(STEP);
        if units < self.units {
            // SAFETY: the range is the end of the region's mapping, from a unit of the rest on. No run contains these
            // units, so no code uses them.
            let unmapped =
                unsafe { mem::unmap(self.start(units), (self.units - units) * UNIT) }.is_ok();
            if unmapped {
                self.units = units;
            }
        }
    }

    /// Requests huge pages from unit `first` on, but not before `self.huge`.
    pub fn prefer_huge(&self, first: usize) {
        let first = first.max(self.huge);
        if first < self.units {
            // The result is ignored: a kernel without huge pages refuses.
            //
            // SAFETY: the range ends at `self.units`, so it is mapped. The advice does not change the content of pages.
            let _ = unsafe { mem::prefer_huge(self.start(first), (self.units - first) * UNIT) };
        }
    }

    /// Returns the first unit that a run of `length` units would have, if the units from `first` on are free.
    pub fn place(&self, first: usize, length: usize, align: usize) -> usize {
        let first = match length < BIG {
            true => first,
            false => first.max(self.huge),
        };
        first.next_multiple_of(align)
    }

    /// Frees a run, and merges it with the free runs on either side.
    pub fn put(&mut self, mut first: usize, mut length: usize) {
        // The first unit may become the middle of a merged run. Then its record must not look like the first unit of a
        // run in use.
        self.unit_mut(first).end = End::Neither;
        let next = first + length;
        if next < self.rest && self.unit(next).end == End::Free {
            length += self.length(next);
            self.unlink(next);
        }
        if first > OWN && self.unit(first - 1).end == End::Free {
            let previous = self.length(first - 1);
            first -= previous;
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
    pub fn resize(&mut self, first: usize, length: usize) -> bool {
        let old = self.length(first);
        let (end, new_end) = (first + old, first + length);
        if length < old {
            self.mark_used(first, length);
            self.mark_used(new_end, old - length);
            self.put(new_end, old - length);
            return true;
        }
        if self.place(first, length, 1) != first {
            return false;
        }
        if end == self.rest {
            if new_end > self.units && !self.extend(new_end) {
                return false;
            }
            self.rest = new_end;
        } else if end < new_end {
            if self.unit(end).end != End::Free || new_end > end + self.length(end) {
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
    fn mark_used(&mut self, first: usize, length: usize) {
        self.unit_mut(first + length - 1).end = End::Neither;
        let unit = self.unit_mut(first);
        unit.end = End::Used;
        unit.length = length as u16;
    }

    /// Records a free run, and adds it to its list.
    fn link(&mut self, first: usize, length: usize) {
        let list = list(length);
        let next = self.lists[list];
        if next != 0 {
            self.unit_mut(next.into()).previous = first as u16;
        }
        self.lists[list] = first as u16;
        self.filled |= 1 << list;
        for unit in [first + length - 1, first] {
            *self.unit_mut(unit) = Unit {
                end: End::Free,
                length: length as u16,
                previous: 0,
                next,
            };
        }
    }

    /// Removes a free run from its list.
    fn unlink(&mut self, first: usize) {
        let Unit {
            length,
            previous,
            next,
            ..
        } = *self.unit(first);
        let list = list(length.into());
        match previous {
            0 => self.lists[list] = next,
            _ => self.unit_mut(previous.into()).next = next,
        }
        if next != 0 {
            self.unit_mut(next.into()).previous = previous;
        }
        if self.lists[list] == 0 {
            self.filled &= !(1 << list);
        }
        self.unit_mut(first).end = End::Neither;
        self.unit_mut(first + usize::from(length) - 1).end = End::Neither;
    }

    /// Returns the length of the run that begins at a unit, or of the free run that ends there.
    pub fn length(&self, unit: usize) -> usize {
        self.unit(unit).length.into()
    }

    /// Returns the address of a unit.
    pub fn start(&self, unit: usize) -> Block {
        // SAFETY: callers pass at most `UNITS`, so the result is within the region's address space, or its end.
        unsafe { NonNull::from(self).cast::<u8>().add(unit * UNIT) }
    }

    /// Returns the record of a unit.
    pub fn unit(&self, unit: usize) -> &Unit {
        // SAFETY: callers pass a unit from `OWN` on and below `units`, whose quad lies in the region's own units, which
        // are mapped. Unit records change only through `&mut self`, so the shared reference is valid while `self` is
        // borrowed. The reference covers only `units`: stores use the other fields of a quad meanwhile.
        unsafe { &(*quad(NonNull::from(self), unit).as_ptr()).units[unit % QUAD] }
    }

    fn unit_mut(&mut self, unit: usize) -> &mut Unit {
        // SAFETY: as in `unit`; `&mut self` excludes other references to unit records.
        unsafe { &mut (*quad(NonNull::from(self), unit).as_ptr()).units[unit % QUAD] }
    }

    /// Returns the part of a range of units from the first dirty unit to the last.
    pub fn dirty(&self, units: Range<usize>) -> Range<usize> {
        let is_dirty = |&unit: &usize| self.dirty[unit / BITS] >> (unit % BITS) & 1 != 0;
        match units.clone().find(is_dirty) {
            Some(first) => first..units.rev().find(is_dirty).unwrap_or(first) + 1,
            None => 0..0,
        }
    }

    /// Returns the number of dirty units.
    pub fn count_dirty(&self) -> usize {
        self.dirty
            .iter()
            .map(|word| word.count_ones() as usize)
            .sum()
    }

    /// Marks units as dirty, and the other units of the same huge pages. Returns how many of them were not dirty
    /// before.
    pub fn soil(&mut self, units: Range<usize>) -> usize {
        let (mut first, mut end) = (units.start, units.end);
        if end > self.huge {
            first = first.min((first / HUGE * HUGE).max(self.huge));
            end = end.next_multiple_of(HUGE).min(self.units);
        }
        let mut count = 0;
        for (word, mask) in span::words(first, end) {
            count += (mask & !self.dirty[word]).count_ones();
            self.dirty[word] |= mask;
        }
        count as usize
    }

    /// Returns the pages of free units to the kernel: about as many units as are `wanted`, from the end of the range.
    /// With `whole`, it returns no part of a huge page. Returns how many of the units were dirty.
    pub fn discard(&mut self, units: Range<usize>, wanted: usize, whole: bool) -> usize {
        let mut units = self.dirty(units);
        let enough = units.end.saturating_sub(wanted) / HUGE * HUGE;
        units.start = units.start.max(enough);
        if whole && units.end > self.huge {
            if units.start > self.huge {
                units.start = units.start.next_multiple_of(HUGE);
            }
            units.end = (units.end / HUGE * HUGE).max(self.huge);
        }
        if units.is_empty() {
            return 0;
        }
        // SAFETY: the range is whole units of the region. Callers pass only free units, so no code relies on their
        // content. No cause of a failure is known. After a failure the pages stay in memory, and stay dirty.
        if unsafe { mem::discard(self.start(units.start), units.len() * UNIT) }.is_err() {
            return 0;
        }
        let mut count = 0;
        for (word, mask) in span::words(units.start, units.end) {
            count += (mask & self.dirty[word]).count_ones();
            self.dirty[word] &= !mask;
        }
        count as usize
    }
}

/// Returns the address of the quad of a unit.
pub fn quad(region: NonNull<Region>, unit: usize) -> NonNull<Quad> {
    // SAFETY: callers pass a unit from `OWN` on. The quads of these units follow the header, within the region's own
    // units.
    unsafe { region.add(1).cast::<Quad>().add((unit - OWN) / QUAD) }
}

/// Returns the region that contains an address, and the unit in it.
pub fn place(address: NonNull<u8>) -> (NonNull<Region>, usize) {
    let offset = address.addr().get() % SPACE;
    // SAFETY: regions are aligned to `SPACE` and at most as large. Callers pass an address in a region, so the region
    // starts `offset` bytes before it.
    let region = unsafe { address.sub(offset) };
    (region.cast(), offset / UNIT)
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
