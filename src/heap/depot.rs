//! The depots: blocks that some thread's cache had too many of, for the next that has too few. They go
//! in and out many at a time, without a look at the spans of all.
//!
//! Each has the blocks of a [shard](SHARDS), or nearly so: those that go in together are taken for what
//! the first of them is.

use core::cell::UnsafeCell;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use super::class::{self, Class};
use crate::mem;
use crate::sync::Mutex;

/// How many shards there are, each a depot and a store of each grain. A cache takes from one of them, so that
/// few threads meet there, and the spans of one that frees all that it has are not kept by another's
/// blocks.
pub const SHARDS: usize = 4;

/// How many blocks of a class there can be, so many times what a cache can hold.
const TIMES: usize = 2;

/// The blocks of one class: how many there are. On a cache line of its own.
#[repr(align(64))]
struct Shelf(Mutex<usize>);

struct Depot {
    /// How many bytes the shelves hold. Each change is made with the changed shelf locked, so the number is never
    /// below 0. Relaxed: a reader needs an approximate number, and no order.
    bytes: AtomicUsize,
    shelves: [Shelf; class::COUNT],
    slots: UnsafeCell<[*mut u8; TIMES * class::SLOTS]>,
}

// SAFETY: the slots of a class are behind the lock of its shelf; the blocks in them are nobody's.
unsafe impl Sync for Depot {}

/// Each depot is mapped at its first use. Release and acquire: a thread that reads the address sees the mapping.
static DEPOTS: [AtomicPtr<Depot>; SHARDS] = [const { AtomicPtr::new(ptr::null_mut()) }; SHARDS];

/// How many bytes are in a depot.
pub fn bytes(shard: u8) -> usize {
    let depot = NonNull::new(DEPOTS[usize::from(shard) % SHARDS].load(Ordering::Acquire));
    depot.map_or(0, |depot| {
        // SAFETY: mapped, never unmapped.
        unsafe { depot.as_ref() }.bytes.load(Ordering::Relaxed)
    })
}

/// Puts blocks in, the first of these, as far as there is room; says how many.
pub fn put(shard: u8, class: Class, blocks: &[*mut u8]) -> usize {
    let Some(depot) = depot(shard) else { return 0 };
    depot.with(class, |count, slots| {
        let put = blocks.len().min(slots.len() - *count);
        slots[*count..*count + put].copy_from_slice(&blocks[..put]);
        *count += put;
        depot.bytes.fetch_add(put * class.size(), Ordering::Relaxed);
        put
    })
}

/// Takes blocks out, as many as there are and `out` has room for; says how many.
pub fn take(shard: u8, class: Class, out: &mut [*mut u8]) -> usize {
    let Some(depot) = depot(shard) else { return 0 };
    depot.with(class, |count, slots| {
        let taken = out.len().min(*count);
        *count -= taken;
        depot
            .bytes
            .fetch_sub(taken * class.size(), Ordering::Relaxed);
        out[..taken].copy_from_slice(&slots[*count..*count + taken]);
        taken
    })
}

impl Depot {
    /// Lends the slots of a class to `work`, and how many have a block: the first.
    fn with<R>(&self, class: Class, work: impl FnOnce(&mut usize, &mut [*mut u8]) -> R) -> R {
        let mut count = self.shelves[class.index()].0.lock();
        let at = TIMES * class.first_slot();
        // SAFETY: the slots of a class are lent to one thread at a time, by the lock of its shelf.
        let slots = unsafe {
            let first = self.slots.get().cast::<*mut u8>().add(at);
            &mut *ptr::slice_from_raw_parts_mut(first, TIMES * class.most())
        };
        work(&mut count, slots)
    }
}

/// The depot of a shard; none where there is no memory for it.
fn depot(shard: u8) -> Option<&'static Depot> {
    let place = &DEPOTS[usize::from(shard) % SHARDS];
    let depot = match NonNull::new(place.load(Ordering::Acquire)) {
        Some(depot) => depot,
        None => map(place)?,
    };
    // SAFETY: mapped, never unmapped; zeros are free locks and empty shelves.
    Some(unsafe { depot.as_ref() })
}

#[cold]
fn map(place: &AtomicPtr<Depot>) -> Option<NonNull<Depot>> {
    let new = mem::map(size_of::<Depot>()).ok()?.cast::<Depot>();
    let won = place.compare_exchange(
        ptr::null_mut(),
        new.as_ptr(),
        Ordering::AcqRel,
        Ordering::Acquire,
    );
    match won {
        Ok(_) => Some(new),
        Err(other) => {
            // SAFETY: known to nobody.
            let _ = unsafe { mem::unmap(new.cast(), size_of::<Depot>()) };
            NonNull::new(other)
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::super::tests::{alone, class};
    use super::*;
    use std::vec::Vec;

    #[test]
    fn what_goes_in_comes_out_up_to_twice_a_cache() {
        let _alone = alone();
        let (shard, other) = (1, 2);
        for (size, room) in [(64, 1024), (4096, 32), (65_536, 8)] {
            let of = class(size);
            // A depot does not access its blocks.
            let blocks: Vec<_> = (1..=room + 5)
                .map(|n| ptr::without_provenance_mut(16 * n))
                .collect();
            assert_eq!(bytes(shard), 0);
            assert_eq!(put(shard, of, &blocks[..3]), 3);
            assert_eq!((bytes(shard), bytes(other)), (3 * size, 0));
            assert_eq!(put(shard, of, &blocks[3..]), room - 3);
            assert_eq!(put(shard, of, &blocks[..1]), 0);
            assert_eq!(bytes(shard), room * size);
            // The last that came go first, in their order.
            let mut out = [ptr::null_mut(); 2];
            assert_eq!(take(other, of, &mut out), 0);
            assert_eq!(take(shard, class(size / 2), &mut out), 0);
            assert_eq!(take(shard, of, &mut out), 2);
            assert_eq!(out, blocks[room - 2..room]);
            let mut all = std::vec![ptr::null_mut(); room];
            assert_eq!(take(shard, of, &mut all), room - 2);
            assert_eq!(all[..room - 2], blocks[..room - 2]);
            assert_eq!((bytes(shard), take(shard, of, &mut out)), (0, 0));
        }
    }
}
