//! A thread's cache: blocks of each class that are cut from their span, but in nobody's use.
//!
//! To give one out and to take it back is a load and a store here, without a lock and without a look
//! at the block; what came back last is given out first, while it is in the processor's cache. Where
//! a cache is empty or full it turns to the class's [store](super::store).
//!
//! How many blocks of a class a cache may hold changes with what it meets: more where it runs empty
//! or over; none where it runs over while [little of much](Store::is_sparse) is in use, and then the
//! whole cache is emptied. So a thread that frees all that it has leaves nothing here that would keep
//! whole spans.
//!
//! A thread finds its cache by its thread word. At the thread's end the cache is flushed, and kept
//! for another thread. Threads that someone else's runtime started do not tell of their end; so a
//! thread that needs a cache looks whether the owners of some others are gone, and takes over.
//!
//! # Who may touch what
//!
//! Only a cache's owner accesses the cache: it forms a `&mut Cache` for each block. The data about an owner that
//! other threads read is beside the cache, in an [`Entry`]. A thread accesses that data only with [`CACHES`]
//! locked. An entry passes from one owner to the next in one of three ways:
//!
//! - The entry is new: no other thread knows its address.
//! - The old owner left the entry. Its last write to the cache comes before its unlock of `CACHES`; the new
//!   owner's first access comes after a later lock.
//! - The old owner abandoned the entry: the kernel no longer knows the old owner's thread id. Linux makes a full
//!   memory barrier after a thread's last access to user memory (`exit_mm`), and releases the id after that. The
//!   new owner's [`fence`] orders the system call that did not find the id before the first access to the cache.
//!   So all writes of the old owner come before all accesses of the new owner.

use core::mem::offset_of;
use core::ptr::{self, NonNull};
use core::sync::atomic::Ordering::Acquire;
use core::sync::atomic::fence;

use super::class::{self, Class};
use super::depot::{self, SHARDS};
use super::regions::REGIONS;
use super::span::{Block, Corrupt};
use super::store::Store;
use crate::sync::Mutex;
use crate::{arch, mem, process};

/// How many blocks of a class a cache may hold once it has met the need, where it can.
const FEW: usize = 8;

/// What a cache has of one class.
#[derive(Clone, Copy)]
struct Stock {
    /// How many blocks there are.
    count: u32,
    /// How many there may be.
    limit: u32,
    /// The slot of the first.
    at: usize,
}

/// The stocks of a cache that has nothing.
const STOCKS: [Stock; class::COUNT] = {
    let mut stocks = [Stock {
        count: 0,
        limit: 0,
        at: 0,
    }; class::COUNT];
    let mut class = 0;
    while class < class::COUNT {
        stocks[class].at = Class::ALL[class].first_slot();
        class += 1;
    }
    stocks
};

type Link = Option<NonNull<Entry>>;

/// A cache, and the data about its owner. Other threads access that data with [`CACHES`] locked, field by field
/// through a raw pointer: a reference to the whole entry would alias the owner's reference to the cache.
#[repr(C)]
struct Entry {
    /// The next of all caches.
    next: Link,
    /// The next of those that nobody uses.
    next_idle: Link,
    /// The thread that owns the cache, or owned it last.
    owner: Owner,
    cache: Cache,
}

/// The offset of the cache in an entry. The owner's thread word points to the cache.
const CACHE: usize = offset_of!(Entry, cache);

/// A thread, and its process. In a forked process the thread has another id, although the thread is not gone.
#[derive(Clone, Copy)]
#[repr(C)]
struct Owner {
    thread: i32,
    process: i32,
}

/// A thread's own free blocks. Only the owner accesses them.
#[repr(C, align(16))] // no stock lies on two cache lines
struct Cache {
    stocks: [Stock; class::COUNT],
    /// How many bytes the heap had when this was last emptied because it grew.
    used: usize,
    /// Which stores it takes blocks from.
    shard: u8,
    slots: [*mut u8; class::SLOTS],
}

/// All caches there are.
struct Caches {
    first: Link,
    count: usize,
    /// Those that their owners left.
    idle: Link,
    /// Where to look next for one whose owner is gone without a word.
    look: Link,
}

// SAFETY: an entry is memory of the process, not of a thread. A thread accesses `Entry::cache` only as the entry's
// owner, and the other fields only with `CACHES` locked.
unsafe impl Send for Caches {}

static CACHES: Mutex<Caches> = Mutex::new(Caches {
    first: None,
    count: 0,
    idle: None,
    look: None,
});

/// A block from the calling thread's cache, where it has one of this class.
#[inline(always)]
pub fn pop(class: Class) -> Option<Block> {
    // SAFETY: the calling thread's own cache, to which nobody holds a reference.
    unsafe { mine()?.as_mut() }.pop(class)
}

/// Puts a block into the calling thread's cache; false where there is no room for it.
#[inline(always)]
pub fn push(class: Class, block: Block) -> bool {
    // SAFETY: as in `pop`.
    mine().is_some_and(|mut cache| unsafe { cache.as_mut() }.push(class, block))
}

/// A block, where the calling thread's cache has none of this class. None where memory is
/// exhausted.
#[cold]
#[inline(never)]
pub fn refill(class: Class) -> Option<Block> {
    match mine().or_else(adopt) {
        // SAFETY: as in `pop`.
        Some(mut cache) => unsafe { cache.as_mut() }.refill(class),
        // No memory even for a cache: perhaps there is a block all the same.
        None => take_one(class).map(|(block, _)| block),
    }
}

/// A block that comes from no cache, and whether it is zero.
pub fn take_one(class: Class) -> Option<(Block, bool)> {
    // SAFETY: as in `pop`.
    let shard = mine().map_or(0, |cache| unsafe { cache.as_ref() }.shard);
    Store::with(shard, class, |store| store.take_one(class))
}

/// Takes a block back, where the calling thread's cache has no room for it.
///
/// # Safety
/// The heap gave the block out as a small one, and it is not used again.
#[cold]
#[inline(never)]
pub unsafe fn flush(class: Class, block: Block) -> Result<(), Corrupt> {
    match mine().or_else(adopt) {
        // SAFETY: as in `pop`; the caller's promise.
        Some(mut cache) => unsafe { cache.as_mut().flush(class, block) },
        // SAFETY: the caller's promise.
        None => unsafe { Store::put_back(class, &[block.as_ptr()]) },
    }
}

/// Empties the calling thread's cache, and the depots.
pub fn flush_all() -> Result<(), Corrupt> {
    let Some(mut cache) = mine() else {
        return Ok(());
    };
    // SAFETY: as in `pop`.
    let cache = unsafe { cache.as_mut() };
    cache.flush_all()?;
    cache.flush_depots()
}

impl Cache {
    #[inline(always)]
    fn pop(&mut self, class: Class) -> Option<Block> {
        let stock = self.stock(class);
        let last = stock.count.checked_sub(1)?;
        stock.count = last;
        let slot = stock.at + last as usize;
        // SAFETY: `count` slots from `at` on hold blocks, whose addresses are not 0.
        unsafe { Some(NonNull::new_unchecked(*self.slots.get_unchecked(slot))) }
    }

    #[inline(always)]
    fn push(&mut self, class: Class, block: Block) -> bool {
        let stock = self.stock(class);
        let count = stock.count;
        if count >= stock.limit {
            return false;
        }
        stock.count = count + 1;
        let slot = stock.at + count as usize;
        // SAFETY: a class has as many slots from `at` on as `limit` can be.
        unsafe { *self.slots.get_unchecked_mut(slot) = block.as_ptr() };
        true
    }

    fn refill(&mut self, class: Class) -> Option<Block> {
        // One that was another thread's until now may have some.
        if let Some(block) = self.pop(class) {
            return Some(block);
        }
        let stock = self.stock(class);
        let wanted = (stock.limit / 2) as usize;
        stock.raise(class, FEW);
        if wanted == 0 {
            // Perhaps the only block of its kind.
            return Store::with(self.shard, class, |store| store.take_one(class))
                .map(|(block, _)| block);
        }
        let at = stock.at;
        let slots = &mut self.slots[at..at + wanted];
        let count = depot::take(self.shard, class, slots);
        self.stock(class).count = count as u32; // at most MOST, which fits
        if count == 0 && self.take(class, wanted) == 0 {
            self.grow(class, wanted);
        }
        self.pop(class)
    }

    /// Takes blocks of a class from its store, so many at most; says how many.
    fn take(&mut self, class: Class, wanted: usize) -> usize {
        let at = self.stock(class).at;
        let slots = &mut self.slots[at..at + wanted];
        let count = Store::with(self.shard, class, |store| store.take(class, slots));
        self.stock(class).count = count as u32; // at most MOST, which fits
        count
    }

    /// The same where that takes a span more. Each time that the heap has grown by much, what lies here
    /// of other classes goes back before: perhaps nobody will ask for it.
    fn grow(&mut self, class: Class, wanted: usize) {
        const MUCH: usize = 2 << 20;
        let used = REGIONS.lock().used();
        if used > self.used + MUCH {
            self.used = used;
            // What is wrong with a block is told of where its like is freed.
            let _ = self.flush_all().and_then(|()| self.flush_depot(self.shard));
            if self.take(class, wanted) != 0 {
                return;
            }
        }
        Store::with(self.shard, class, Store::open);
        self.take(class, wanted);
    }

    /// # Safety
    /// As for [`flush`].
    unsafe fn flush(&mut self, class: Class, block: Block) -> Result<(), Corrupt> {
        // One that was another thread's until now may have room.
        if self.push(class, block) {
            return Ok(());
        }
        // Of whichever store: perhaps this thread frees what others had.
        // SAFETY: the caller's promise.
        let shard = unsafe { Store::of(block.as_ptr()) };
        let is_sparse = || Store::with(shard, class, |store| store.is_sparse());
        if self.stock(class).limit != 0 && is_sparse() {
            self.flush_all()?;
            self.flush_depots()?;
            for stock in &mut self.stocks {
                stock.limit = 0;
            }
        }
        let stock = self.stock(class);
        if stock.limit == 0 {
            // SAFETY: the caller's promise.
            unsafe { Store::put_back(class, &[block.as_ptr()])? };
            if !is_sparse() {
                self.stock(class).raise(class, 1);
            }
            return Ok(());
        }
        // Those that are here longest go.
        let gone = stock.limit.div_ceil(2) as usize;
        stock.count -= gone as u32; // at most `limit`, which is what there was
        stock.raise(class, 1);
        let (at, kept) = (stock.at, stock.count as usize);
        let slots = &mut self.slots[at..at + gone + kept];
        // SAFETY: whoever put a block into a cache promised what `put_back` asks.
        unsafe {
            let put = depot::put(Store::of(slots[0]), class, &slots[..gone]);
            Store::put_back(class, &slots[put..gone])?;
        }
        slots.copy_within(gone.., 0);
        self.push(class, block);
        Ok(())
    }

    /// Empties the depots, by way of this cache, which is empty.
    fn flush_depots(&mut self) -> Result<(), Corrupt> {
        (0..SHARDS as u8).try_for_each(|shard| self.flush_depot(shard))
    }

    fn flush_depot(&mut self, shard: u8) -> Result<(), Corrupt> {
        for class in Class::ALL {
            let slots = &mut self.slots[class.first_slot()..][..class.most()];
            loop {
                let count = depot::take(shard, class, slots);
                if count == 0 {
                    break;
                }
                // SAFETY: whoever put a block into a cache promised what `put_back` asks.
                unsafe { Store::put_back(class, &slots[..count])? };
            }
        }
        Ok(())
    }

    /// Empties the cache.
    fn flush_all(&mut self) -> Result<(), Corrupt> {
        for class in Class::ALL {
            let Stock { count, at, .. } = *self.stock(class);
            self.stock(class).count = 0;
            let blocks = &self.slots[at..][..count as usize];
            // SAFETY: whoever put a block into a cache promised what `put_back` asks.
            unsafe { Store::put_back(class, blocks)? };
        }
        Ok(())
    }

    #[inline(always)]
    fn stock(&mut self, class: Class) -> &mut Stock {
        // SAFETY: a class is below COUNT.
        unsafe { self.stocks.get_unchecked_mut(class.index()) }
    }
}

impl Stock {
    /// More may stay: the cache ran empty or over.
    fn raise(&mut self, class: Class, least: usize) {
        let most = class.most();
        self.limit = (2 * self.limit as usize).clamp(least.min(most), most) as u32;
    }
}

/// The calling thread's cache, once it has one.
#[inline(always)]
fn mine() -> Option<NonNull<Cache>> {
    NonNull::new(ptr::with_exposed_provenance_mut(arch::thread_word::<
        { arch::WORD_HEAP },
    >()))
}

/// Gives the calling thread, which has none, a cache: one without an owner, or a new one.
fn adopt() -> Option<NonNull<Cache>> {
    let owner = Owner {
        thread: process::gettid(),
        process: process::getpid(),
    };
    let found = CACHES.lock().adopt(owner);
    // The lock is free again, so that other threads do not wait while the kernel makes the mapping.
    let entry = match found {
        Some(entry) => entry,
        None => {
            let new = new_entry()?;
            CACHES.lock().add(new, owner);
            new
        }
    };
    // SAFETY: `CACHE` is the offset of a field of Entry, so the result is within the entry's mapping.
    let cache = unsafe { entry.byte_add(CACHE) }.cast::<Cache>();
    // SAFETY: the values are the address of the calling thread's own cache, and the address of an `extern "C" fn()`.
    unsafe {
        arch::set_thread_word::<{ arch::WORD_HEAP }>(cache.as_ptr().expose_provenance());
        arch::set_thread_word::<{ arch::WORD_AT_EXIT }>(leave as extern "C" fn() as usize);
    }
    Some(cache)
}

/// At the end of the calling thread.
extern "C" fn leave() {
    let Some(mut cache) = mine() else { return };
    // What is wrong with a block is told of where its like is freed.
    // SAFETY: the calling thread owns the cache, and has no other reference to it here.
    let _ = unsafe { cache.as_mut() }.flush_all();
    // SAFETY: 0 is valid for the word: this thread does not use the cache after this.
    unsafe { arch::set_thread_word::<{ arch::WORD_HEAP }>(0) };
    // SAFETY: `adopt` found the cache `CACHE` bytes into an entry, and exposed the provenance of the entry's mapping.
    let entry = unsafe { cache.byte_sub(CACHE) }.cast::<Entry>();
    CACHES.lock().put(entry);
}

/// Maps a new entry, which is in no list yet.
fn new_entry() -> Link {
    let entry = mem::map(size_of::<Entry>()).ok()?.cast::<Entry>();
    // SAFETY: just mapped, large enough for an Entry, and no other thread has the address. All fields but the stocks
    // may be zeros.
    unsafe { (*entry.as_ptr()).cache.stocks = STOCKS };
    Some(entry)
}

impl Caches {
    /// Finds an entry without an owner, and gives it this owner.
    fn adopt(&mut self, owner: Owner) -> Link {
        let entry = self.left().or_else(|| self.abandoned(owner.process))?;
        // SAFETY: no entry is ever unmapped. `&mut self` is the lock of CACHES, under which alone this field is used.
        unsafe { (*entry.as_ptr()).owner = owner };
        Some(entry)
    }

    /// Adds a new entry, of this owner.
    fn add(&mut self, entry: NonNull<Entry>, owner: Owner) {
        // SAFETY: the caller has just mapped the entry, and no other thread has its address before the unlock.
        unsafe {
            (*entry.as_ptr()).next = self.first;
            (*entry.as_ptr()).owner = owner;
            (*entry.as_ptr()).cache.shard = (self.count % SHARDS) as u8;
        }
        self.first = Some(entry);
        self.count += 1;
    }

    /// Keeps the entry of a cache that its owner leaves.
    fn put(&mut self, entry: NonNull<Entry>) {
        // SAFETY: as in adopt.
        unsafe { (*entry.as_ptr()).next_idle = self.idle };
        self.idle = Some(entry);
    }

    /// The entry of a cache whose owner left it.
    fn left(&mut self) -> Link {
        let entry = self.idle?;
        // SAFETY: as in adopt.
        self.idle = unsafe { (*entry.as_ptr()).next_idle };
        Some(entry)
    }

    /// The entry of a cache whose owner, a thread of `process`, no longer exists.
    fn abandoned(&mut self, process: i32) -> Link {
        /// How many to look at: over several births of threads it is all.
        const LOOK: usize = 8;
        for _ in 0..self.count.min(LOOK) {
            let entry = self.look.or(self.first)?;
            // SAFETY: as in adopt.
            let owner = unsafe {
                self.look = (*entry.as_ptr()).next;
                (*entry.as_ptr()).owner
            };
            if owner.process == process && !process::thread_exists(owner.thread) {
                fence(Acquire);
                return Some(entry);
            }
        }
        None
    }
}
