//! Regions: address space in units of 64 KiB, which spans and middling blocks are runs of.
//!
//! ```text
//!  a multiple of SPACE                                                        `units` units behind
//!  | Region, a Quad for each four units, nothing | unit 12 | unit 13 | ...             | end ...   |
//! ```
//!
//! Runs that are free lie in lists by their length; one that is freed joins its free neighbours. What
//! lies behind the last run in use is in no list: it is the region's rest.

use core::ops::Range;
use core::ptr::NonNull;

use super::span::{self, BITMAP, Block, Span};
use crate::mem::{self, HUGE_PAGE};

/// The bytes of a unit.
pub const UNIT: usize = 64 * 1024;

/// How far apart regions begin: an address says its region by losing its low bits.
pub const SPACE: usize = 64 << 20;

/// The most units of a region.
pub const UNITS: usize = SPACE / UNIT;

/// How many units a span has. It begins at a multiple of as many.
pub const QUAD: usize = span::SIZE / UNIT;

/// How many of its first units a region keeps for itself.
pub const OWN: usize =
    (size_of::<Region>() + UNITS / QUAD * size_of::<Quad>()).div_ceil(span::SIZE) * QUAD;

/// How many units are mapped at a time. The first ones of all have small pages. From there on they are
/// huge, where the kernel has such pages: a program that uses as much will use them as a whole, and
/// saves a page fault every 4 KiB.
pub const STEP: usize = (4 << 20) / UNIT;

/// Runs of so many units are on huge pages always.
pub const BIG: usize = (1 << 20) / UNIT;

/// A huge page, in units.
pub const HUGE: usize = HUGE_PAGE / UNIT;

/// How many free runs to look at for a place.
const LOOK: usize = 8;

const BITS: usize = u64::BITS as usize;

/// Whether a unit begins or ends a run.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum End {
    /// Neither, unless what is said here is of an earlier run.
    Neither = 0,
    /// It is the first or the last of a free run.
    Free,
    /// It is the first of a run in use.
    Used,
}

/// What a region says of a unit.
#[derive(Clone, Copy)]
pub struct Unit {
    pub end: End,
    /// The run's length, in units.
    pub length: u16,
    /// The neighbours in the list that a free run is in; 0, a unit of the region's own, for none.
    pub before: u16,
    pub behind: u16,
}

/// What a region says of four units.
#[repr(C, align(64))]
pub struct Quad {
    /// Where they are a span.
    pub span: Span,
    /// The shard of the span's store. Threads read the shard without the store's lock. So it is beside the span's
    /// record, of which the thread that holds the lock has a `&mut`.
    pub shard: u8,
    pub units: [Unit; QUAD],
    pub bits: [u64; BITMAP / size_of::<u64>()],
}

/// What stands at the beginning of a region. The quads follow, those of its own units left out.
#[repr(C, align(64))]
pub struct Region {
    /// The neighbours in the list of all.
    pub before: Option<NonNull<Region>>,
    pub behind: Option<NonNull<Region>>,
    pub units: usize,
    /// Where its rest begins, in units.
    pub rest: usize,
    /// From this unit on its pages are huge.
    pub huge: usize,
    /// The first run of each list.
    pub lists: [u16; LISTS],
    /// A bit for each list that has a run.
    filled: u64,
    /// A bit for each unit whose pages may hold something.
    dirty: [u64; UNITS / BITS],
}

/// List N is of the free runs of N + 1 units up to 8; from there on, of four lengths to a doubling.
pub const LISTS: usize = list(UNITS) + 1;

const fn list(length: usize) -> usize {
    if length <= 8 {
        length - 1
    } else {
        let doubling = length.ilog2() as usize;
        4 * (doubling - 3) + (length >> (doubling - 2)) + 4
    }
}

impl Region {
    /// A region of which no run is in use, before another one; its pages are huge from `huge` on.
    pub fn new(units: usize, huge: usize, behind: Option<NonNull<Self>>) -> Self {
        Self {
            before: None,
            behind,
            units,
            rest: OWN,
            huge,
            lists: [0; LISTS],
            filled: 0,
            dirty: [0; UNITS / BITS],
        }
    }

    /// Takes `length` units, the first of which is a multiple of `align`; says which.
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

    /// A free run, and the unit in it where `length` units have place: of some that have, the first,
    /// so that what is used stays together.
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
                run = self.unit(run).behind.into();
            }
            lists &= lists - 1;
        }
        best
    }

    /// Maps what it has not, so that it has `units` at least; false where it cannot have as many.
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

    /// Unmaps what is behind all runs. Its pages are not dirty.
    pub fn shorten(&mut self) {
        let units = self.rest.next_multiple_of(STEP);
        if units < self.units {
            // SAFETY: nobody uses these units.
            let unmapped =
                unsafe { mem::unmap(self.start(units), (self.units - units) * UNIT) }.is_ok();
            if unmapped {
                self.units = units;
            }
        }
    }

    /// Asks for huge pages from the unit on where they begin, or from `first`.
    pub fn prefer_huge(&self, first: usize) {
        let first = first.max(self.huge);
        if first < self.units {
            // A kernel without huge pages does without.
            // SAFETY: within what is mapped.
            let _ = unsafe { mem::prefer_huge(self.start(first), (self.units - first) * UNIT) };
        }
    }

    /// Where `length` units would begin, in units that are free from `first` on.
    pub fn place(&self, first: usize, length: usize, align: usize) -> usize {
        let first = match length < BIG {
            true => first,
            false => first.max(self.huge),
        };
        first.next_multiple_of(align)
    }

    /// Takes units back.
    pub fn put(&mut self, mut first: usize, mut length: usize) {
        // Not even where it joins another is it the first of a run in use again.
        self.unit_mut(first).end = End::Neither;
        let behind = first + length;
        if behind < self.rest && self.unit(behind).end == End::Free {
            length += self.length(behind);
            self.unlink(behind);
        }
        if first > OWN && self.unit(first - 1).end == End::Free {
            let before = self.length(first - 1);
            first -= before;
            length += before;
            self.unlink(first);
        }
        if first + length == self.rest {
            self.rest = first;
        } else {
            self.link(first, length);
        }
    }

    /// Makes a run in use longer or shorter where it is; false where there is no place.
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

    /// Notes a run in use.
    fn mark_used(&mut self, first: usize, length: usize) {
        self.unit_mut(first + length - 1).end = End::Neither;
        let unit = self.unit_mut(first);
        unit.end = End::Used;
        unit.length = length as u16;
    }

    /// Notes a free run, and puts it into its list.
    fn link(&mut self, first: usize, length: usize) {
        let list = list(length);
        let behind = self.lists[list];
        if behind != 0 {
            self.unit_mut(behind.into()).before = first as u16;
        }
        self.lists[list] = first as u16;
        self.filled |= 1 << list;
        for unit in [first + length - 1, first] {
            *self.unit_mut(unit) = Unit {
                end: End::Free,
                length: length as u16,
                before: 0,
                behind,
            };
        }
    }

    /// Takes a free run out of its list.
    fn unlink(&mut self, first: usize) {
        let Unit {
            length,
            before,
            behind,
            ..
        } = *self.unit(first);
        let list = list(length.into());
        match before {
            0 => self.lists[list] = behind,
            _ => self.unit_mut(before.into()).behind = behind,
        }
        if behind != 0 {
            self.unit_mut(behind.into()).before = before;
        }
        if self.lists[list] == 0 {
            self.filled &= !(1 << list);
        }
        self.unit_mut(first).end = End::Neither;
        self.unit_mut(first + usize::from(length) - 1).end = End::Neither;
    }

    /// The length of the run that begins or ends at a unit.
    pub fn length(&self, unit: usize) -> usize {
        self.unit(unit).length.into()
    }

    /// Where a unit is.
    pub fn start(&self, unit: usize) -> Block {
        // SAFETY: units are within the region.
        unsafe { NonNull::from(self).cast::<u8>().add(unit * UNIT) }
    }

    pub fn unit(&self, unit: usize) -> &Unit {
        // SAFETY: the quad is there, and changes with the region only.
        unsafe { &(*quad(NonNull::from(self), unit).as_ptr()).units[unit % QUAD] }
    }

    fn unit_mut(&mut self, unit: usize) -> &mut Unit {
        // SAFETY: as in `unit`.
        unsafe { &mut (*quad(NonNull::from(self), unit).as_ptr()).units[unit % QUAD] }
    }

    /// Of these units, those from the first dirty one to the last.
    pub fn dirty(&self, units: Range<usize>) -> Range<usize> {
        let is_dirty = |&unit: &usize| self.dirty[unit / BITS] >> (unit % BITS) & 1 != 0;
        match units.clone().find(is_dirty) {
            Some(first) => first..units.rev().find(is_dirty).unwrap_or(first) + 1,
            None => 0..0,
        }
    }

    /// How many units are dirty.
    pub fn count_dirty(&self) -> usize {
        self.dirty
            .iter()
            .map(|word| word.count_ones() as usize)
            .sum()
    }

    /// Makes units dirty, and those on the same huge pages; says how many were not.
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

    /// Gives the kernel back the pages of units that nobody uses: the last of them, about as many as are
    /// `wanted`; or, if `whole`, those that are not part of a huge page. Says how many units were dirty.
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
        // SAFETY: whole units that nobody uses. Nothing is known that would make the call fail; then
        // the pages stay, and stay dirty.
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

/// What a region says of the four units that this one is of.
pub fn quad(region: NonNull<Region>, unit: usize) -> NonNull<Quad> {
    // SAFETY: the quads of all units but the region's own follow it.
    unsafe { region.add(1).cast::<Quad>().add((unit - OWN) / QUAD) }
}

/// The region of an address, and which unit of it that is.
pub fn place(address: NonNull<u8>) -> (NonNull<Region>, usize) {
    let offset = address.addr().get() % SPACE;
    // SAFETY: the region begins that far before.
    let region = unsafe { address.sub(offset) };
    (region.cast(), offset / UNIT)
}

/// The span that a small block is of.
///
/// # Safety
/// The heap gave the block out as a small one; else this is no record, or no memory.
pub unsafe fn span_of(block: Block) -> NonNull<Span> {
    let (region, unit) = place(block);
    quad(region, unit).cast() // the quad's first field
}

/// The place of a span's shard. The span's store writes the shard before it hands out a block of the span.
///
/// # Safety
/// `span` is the first field of a [`Quad`].
pub unsafe fn shard(span: NonNull<Span>) -> *mut u8 {
    let quad = span.cast::<Quad>().as_ptr();
    // SAFETY: the span is the first field of a quad: the caller's promise. So the address is within the quad.
    unsafe { &raw mut (*quad).shard }
}
