//! The depot: blocks that some thread's cache had too many of, for the next that has too few. They go
//! in and out many at a time, without a look at their spans.

use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use super::class::{self, Class};
use super::lock::Lock;
use crate::mem;

/// How many blocks of a class there can be, so many times what a cache can hold.
const TIMES: usize = 2;

/// The blocks of one class: how many there are. On a cache line of its own.
#[repr(align(64))]
struct Shelf(Lock<usize>);

struct Depot {
    shelves: [Shelf; class::COUNT],
    slots: [*mut u8; TIMES * class::SLOTS],
}

/// It is mapped at its first use.
static DEPOT: AtomicPtr<Depot> = AtomicPtr::new(ptr::null_mut());

/// How many bytes are in the depot.
static BYTES: AtomicUsize = AtomicUsize::new(0);

/// How many bytes are in the depot.
pub fn bytes() -> usize {
    BYTES.load(Ordering::Relaxed)
}

/// Puts blocks in, the first of these, as far as there is room; says how many.
pub fn put(class: Class, blocks: &[*mut u8]) -> usize {
    let Some(depot) = depot() else { return 0 };
    depot.with(class, |count, slots| {
        let put = blocks.len().min(slots.len() - *count);
        slots[*count..*count + put].copy_from_slice(&blocks[..put]);
        *count += put;
        BYTES.fetch_add(put * class.size(), Ordering::Relaxed);
        put
    })
}

/// Takes blocks out, as many as there are and `out` has room for; says how many.
pub fn take(class: Class, out: &mut [*mut u8]) -> usize {
    let Some(depot) = depot() else { return 0 };
    depot.with(class, |count, slots| {
        let taken = out.len().min(*count);
        *count -= taken;
        BYTES.fetch_sub(taken * class.size(), Ordering::Relaxed);
        out[..taken].copy_from_slice(&slots[*count..*count + taken]);
        taken
    })
}

impl Depot {
    /// Lends the slots of a class to `work`, and how many have a block: the first.
    fn with<R>(&self, class: Class, work: impl FnOnce(&mut usize, &mut [*mut u8]) -> R) -> R {
        self.shelves[class.index()].0.with(|count| {
            let at = TIMES * class.first_slot();
            // SAFETY: the slots of a class are lent to one thread at a time, by the lock of its shelf.
            let slots = unsafe {
                let first = (&raw const self.slots).cast_mut().cast::<*mut u8>().add(at);
                &mut *ptr::slice_from_raw_parts_mut(first, TIMES * class.most())
            };
            work(count, slots)
        })
    }
}

/// The depot of the process; none where there is no memory for it.
fn depot() -> Option<&'static Depot> {
    let depot = match NonNull::new(DEPOT.load(Ordering::Acquire)) {
        Some(depot) => depot,
        None => map()?,
    };
    // SAFETY: mapped, never unmapped; zeros are free locks and empty shelves.
    Some(unsafe { depot.as_ref() })
}

#[cold]
fn map() -> Option<NonNull<Depot>> {
    let new = mem::map(size_of::<Depot>()).ok()?.cast::<Depot>();
    let won = DEPOT.compare_exchange(
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
