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
