//! The depots: surplus blocks of some threads' caches, kept for other caches. Blocks go in and out in batches, without
//! access to their spans.
//!
//! There is one depot for each [shard](SHARDS). A batch goes to the depot of the shard of its first block, so a depot
//! can hold a few blocks of other shards.

use core::cell::UnsafeCell;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use super::class::{self, Class};
use crate::mem;
use crate::sync::Mutex;

/// The number of shards. A shard is a depot, and a store of each grain. A cache takes blocks from one shard only. So
/// few threads compete for a lock. And after a thread has freed all its blocks, few of the spans of these blocks still
/// hold blocks of other threads.
pub const SHARDS: usize = 4;

/// A depot has room for this many times the blocks of a class that a cache can hold.
const TIMES: usize = 2;

/// The number of blocks of one class in a depot, and the lock of their slots. On a cache line of its own.
#[repr(align(64))]
struct Shelf(Mutex<usize>);

/// The blocks of one shard that no cache holds.
struct Depot {
    /// The bytes of all blocks in the depot. Each change is made with the changed shelf locked, so the number is never
    /// negative. Relaxed suffices: a reader needs an approximate number, and no order.
    bytes: AtomicUsize,
    shelves: [Shelf; class::COUNT],
    /// The blocks. Each class has `TIMES` times [`Class::most`] slots; the first of them are in use.
    slots: UnsafeCell<[*mut u8; TIMES * class::SLOTS]>,
}

// SAFETY: a thread accesses the slots of a class only in `with`, which holds the lock of the class's shelf. The blocks
// in the slots are free: no thread accesses them.
unsafe impl Sync for Depot {}

/// The depots. Each is mapped at its first use. Release and acquire: a thread that reads the address sees the zeros
/// that the mapping thread saw.
static DEPOTS: [AtomicPtr<Depot>; SHARDS] = [const { AtomicPtr::new(ptr::null_mut()) }; SHARDS];

/// Returns the bytes of all blocks in the depot of a shard.
pub fn bytes(shard: u8) -> usize {
    let depot = NonNull::new(DEPOTS[usize::from(shard) % SHARDS].load(Ordering::Acquire));
    depot.map_or(0, |depot| {
        // SAFETY: `map` stored the address of a valid depot, which is never unmapped.
        unsafe { depot.as_ref() }.bytes.load(Ordering::Relaxed)
    })
}

/// Puts blocks into the depot of a shard until it is full. Returns the number of blocks taken from the start of
/// `blocks`.
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

/// Takes blocks of a class out of the depot of a shard, until `out` is full or the depot has none. Returns the number
/// of blocks.
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
    /// Locks the slots of a class, and calls `work` with the number of slots in use, and all slots. The slots in use
    /// are the first.
    fn with<R>(&self, class: Class, work: impl FnOnce(&mut usize, &mut [*mut u8]) -> R) -> R {
        let mut count = self.shelves[class.index()].0.lock();
        let at = TIMES * class.first_slot();
        // SAFETY: the range is within `slots`: the slots of a class begin at `TIMES * first_slot()`, and are `TIMES *
        // most()`. The lock of the shelf, held until the end of this function, excludes other references to the slots
        // of this class.
        let slots = unsafe {
            let first = self.slots.get().cast::<*mut u8>().add(at);
            &mut *ptr::slice_from_raw_parts_mut(first, TIMES * class.most())
        };
        work(&mut count, slots)
    }
}

/// Returns the depot of a shard, and maps it at the first use. `None` if the kernel has no more memory.
fn depot(shard: u8) -> Option<&'static Depot> {
    let place = &DEPOTS[usize::from(shard) % SHARDS];
    let depot = match NonNull::new(place.load(Ordering::Acquire)) {
        Some(depot) => depot,
        None => map(place)?,
    };
    // SAFETY: the depot is mapped and never unmapped. Zeros, its first content, are unlocked locks, empty shelves and
    // null pointers: valid values of all fields.
    Some(unsafe { depot.as_ref() })
}

/// Maps a depot, and stores its address in `place`. If another thread was faster, that thread's depot is returned.
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
            // SAFETY: the exchange failed, so no other thread has the address of this mapping.
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
            // The last blocks that were put in come out first, in the order of `put`.
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
