//! Regions: address space in units of 64 KiB, which spans and middling blocks are runs of.
//!
//! ```text
//!  a multiple of SPACE                                                        `units` units behind
//!  | Region, a Quad for each four units, nothing | unit 12 | unit 13 | ...             | end ...   |
//! ```
//!
//! Runs that are free lie in lists by their length; one that is freed joins its free neighbours. What
//! lies behind the last run in use is in no list: it is the region's rest.
//!
//! Pages that were used and are free stay, for the next run: they are *warm*. Where there are more of
//! them than a part of what is in use, they go back to the kernel.

use core::ops::Range;
use core::ptr::NonNull;

use super::large;
use super::span::{self, BITMAP, Block, Grain, Link, Span};
use crate::mem;
use crate::sync::Mutex;

/// The bytes of a unit.
pub const UNIT: usize = 64 * 1024;

/// How far apart regions begin: an address says its region by losing its low bits.
pub const SPACE: usize = 64 << 20;

/// The most units of a region.
const UNITS: usize = SPACE / UNIT;

/// How many units a span has. It begins at a multiple of as many.
const QUAD: usize = span::SIZE / UNIT;

/// How many of its first units a region keeps for itself.
const OWN: usize =
    (size_of::<Region>() + UNITS / QUAD * size_of::<Quad>()).div_ceil(span::SIZE) * QUAD;

/// How many units are mapped at a time. The first ones of all have small pages. From there on they are
/// huge, where the kernel has such pages: a program that uses as much will use them as a whole, and
/// saves a page fault every 4 KiB.
const STEP: usize = (4 << 20) / UNIT;

/// Runs of so many units are on huge pages always.
const BIG: usize = (1 << 20) / UNIT;

/// A huge page, in units, mostly.
const HUGE: usize = (2 << 20) / UNIT;

/// How many bytes may stay warm, however little is in use; and how many units of those in use, one
/// in so many.
const WARM: usize = (512 << 10) / UNIT;
const WARM_PART: usize = 1;

/// How many places on either side of another region to try for a new one.
const TRIES: usize = 4;

/// How many free runs to look at for a place.
const LOOK: usize = 8;

const BITS: usize = u64::BITS as usize;

/// Whether a unit begins or ends a run.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
enum End {
    /// Neither, unless what is said here is of an earlier run.
    Neither = 0,
    /// It is the first or the last of a free run.
    Free,
    /// It is the first of a run in use.
    Used,
}

/// What a region says of a unit.
#[derive(Clone, Copy)]
struct Unit {
    end: End,
    /// The run's length, in units.
    length: u16,
    /// The neighbours in the list that a free run is in; 0, a unit of the region's own, for none.
    before: u16,
    behind: u16,
}

/// What a region says of four units.
#[repr(C, align(64))]
struct Quad {
    /// Where they are a span.
    span: Span,
    units: [Unit; QUAD],
    bits: [u64; BITMAP / size_of::<u64>()],
}

/// What stands at the beginning of a region. The quads follow, those of its own units left out.
#[repr(C, align(64))]
struct Region {
    /// The neighbours in the list of all.
    before: Option<NonNull<Region>>,
    behind: Option<NonNull<Region>>,
    units: usize,
    /// Where its rest begins, in units.
    rest: usize,
    /// From this unit on its pages are huge.
    huge: usize,
    /// The first run of each list.
    lists: [u16; LISTS],
    /// A bit for each list that has a run.
    filled: u64,
    /// A bit for each unit whose pages may hold something.
    dirty: [u64; UNITS / BITS],
}

/// List N is of the free runs of N + 1 units up to 8; from there on, of four lengths to a doubling.
const LISTS: usize = list(UNITS) + 1;

const fn list(length: usize) -> usize {
    if length <= 8 {
        length - 1
    } else {
        let doubling = length.ilog2() as usize;
        4 * (doubling - 3) + (length >> (doubling - 2)) + 4
    }
}

impl Region {
    /// Takes `length` units, the first of which is a multiple of `align`; says which.
    fn take(&mut self, length: usize, align: usize) -> Option<usize> {
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
    fn extend(&mut self, units: usize) -> bool {
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
    fn shorten(&mut self) {
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
    fn prefer_huge(&self, first: usize) {
        let first = first.max(self.huge);
        if first < self.units {
            // A kernel without huge pages does without.
            // SAFETY: within what is mapped.
            let _ = unsafe { mem::prefer_huge(self.start(first), (self.units - first) * UNIT) };
        }
    }

    /// Where `length` units would begin, in units that are free from `first` on.
    fn place(&self, first: usize, length: usize, align: usize) -> usize {
        let first = match length < BIG {
            true => first,
            false => first.max(self.huge),
        };
        first.next_multiple_of(align)
    }

    /// Takes units back.
    fn put(&mut self, mut first: usize, mut length: usize) {
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
    fn resize(&mut self, first: usize, length: usize) -> bool {
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
    fn length(&self, unit: usize) -> usize {
        self.unit(unit).length.into()
    }

    /// Where a unit is.
    fn start(&self, unit: usize) -> Block {
        // SAFETY: units are within the region.
        unsafe { NonNull::from(self).cast::<u8>().add(unit * UNIT) }
    }

    fn unit(&self, unit: usize) -> &Unit {
        // SAFETY: the quad is there, and changes with the region only.
        unsafe { &(*quad(NonNull::from(self), unit).as_ptr()).units[unit % QUAD] }
    }

    fn unit_mut(&mut self, unit: usize) -> &mut Unit {
        // SAFETY: as in `unit`.
        unsafe { &mut (*quad(NonNull::from(self), unit).as_ptr()).units[unit % QUAD] }
    }

    /// Of these units, those from the first dirty one to the last.
    fn dirty(&self, units: Range<usize>) -> Range<usize> {
        let is_dirty = |&unit: &usize| self.dirty[unit / BITS] >> (unit % BITS) & 1 != 0;
        match units.clone().find(is_dirty) {
            Some(first) => first..units.rev().find(is_dirty).unwrap_or(first) + 1,
            None => 0..0,
        }
    }

    /// Makes units dirty, and those on the same huge pages; says how many were not.
    fn soil(&mut self, units: Range<usize>) -> usize {
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
    fn discard(&mut self, units: Range<usize>, wanted: usize, whole: bool) -> usize {
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
fn quad(region: NonNull<Region>, unit: usize) -> NonNull<Quad> {
    // SAFETY: the quads of all units but the region's own follow it.
    unsafe { region.add(1).cast::<Quad>().add((unit - OWN) / QUAD) }
}

/// The region of an address, and which unit of it that is.
fn place(address: NonNull<u8>) -> (NonNull<Region>, usize) {
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

pub static REGIONS: Mutex<Regions> = Mutex::new(Regions {
    first: None,
    used: 0,
    dirty: 0,
});

impl Regions {
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
        let (region, first) = place(unsafe { span.as_ref() }.start());
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
        let (region, first) = place(block);
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
        let many = WARM + self.used / WARM_PART;
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
        if !large::note(region) {
            // SAFETY: just mapped.
            let _ = unsafe { mem::unmap(region, units * UNIT) };
            return None;
        }
        let region = region.cast();
        // SAFETY: just mapped; zeros are units that begin no run.
        unsafe {
            region.write(Region {
                before: None,
                behind: self.first,
                units,
                rest: OWN,
                huge,
                lists: [0; LISTS],
                filled: 0,
                dirty: [0; UNITS / BITS],
            });
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
            self.dirty -= header
                .dirty
                .iter()
                .map(|word| word.count_ones() as usize)
                .sum::<usize>();
            match header.before {
                Some(mut before) => before.as_mut().behind = header.behind,
                None => self.first = header.behind,
            }
            if let Some(mut behind) = header.behind {
                behind.as_mut().before = header.before;
            }
            large::forget(region.cast());
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
