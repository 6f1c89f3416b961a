//! A thread's cache: free blocks of each class, ready to be allocated by the thread.
//!
//! Allocating a block from the cache is a load, and freeing a block into it is a store: no lock, no access to the
//! block. The last freed block is allocated first, while it is in the processor's cache. If the thread's cache is empty
//! or full for a class, it exchanges a batch of blocks with a [depot](super::depot) or with the class's
//! [store](super::store).
//!
//! Each class has a limit of blocks, which changes with the thread's needs. It grows each time that the cache runs
//! empty or overflows. If the cache overflows while [few of the touched bytes are in use](Store::is_sparse), the whole
//! cache is flushed, and all limits become 0. So a thread that frees all its blocks leaves none in its cache: a block
//! there would keep a whole span from the kernel.
//!
//! A thread word holds the address of the thread's cache. At the end of the thread the cache is flushed, and kept for
//! another thread. Threads of another runtime do not report their end. So a thread that needs a cache checks whether
//! the owners of some other caches still exist, and takes over a cache whose owner does not.
//!
//! # Which thread may access what
//!
//! Only a cache's owner accesses the cache: the owner forms a `&mut Cache` for each operation. The data about an owner
//! that other threads read is beside the cache, in an [`Entry`]. A thread accesses that data only with [`CACHES`]
//! locked. An entry passes from one owner to the next in one of three ways:
//!
//! - The entry is new: no other thread knows its address.
//! - The old owner left the entry. Its last write to the cache happens before its unlock of `CACHES`; the new owner's
//!   first access happens after a later lock.
//! - The old owner abandoned the entry: the kernel no longer knows the old owner's thread id. Linux makes a full memory
//!   barrier after a thread's last access to user memory (`exit_mm`), and then releases the id. The new owner's
//!   [`fence`] orders the system call that did not find the id before the first access to the cache. So all writes of
//!   the old owner happen before all accesses of the new owner.

use core::mem::offset_of;
use core::ptr::{self, NonNull};
use core::sync::atomic::Ordering::Acquire;
use core::sync::atomic::fence;

use super::class::{self, Class};
use super::depot::{self, SHARDS};
use super::regions::REGIONS;
use super::span::{Block, Corrupt};
use super::store::Store;
use crate::process::{self, Pid};
use crate::sync::Mutex;
use crate::{arch, mem};

/// The limit of a class after the cache first ran empty, if the class allows so many blocks.
const FEW: usize = 8;

/// The blocks of one class in a cache: slots `at..at + count` of the cache hold their addresses.
#[derive(Clone, Copy)]
struct Stock {
    /// The number of blocks.
    count: u32,
    /// The most blocks that the cache may hold at present; at most [`Class::most`].
    limit: u32,
    /// The index of the first slot of the class.
    at: usize,
}

/// The stocks of an empty cache.
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
    /// The next entry in the list of all caches.
    next: Link,
    /// The next entry in the list of caches that their owners left.
    next_idle: Link,
    /// The thread that owns the cache, or owned it last.
    owner: Owner,
    cache: Cache,
}

/// The offset of the cache in an entry. The owner's thread word points to the cache.
const CACHE: usize = offset_of!(Entry, cache);

/// A thread, and its process. The process is recorded because of `fork`: in the child, the thread that called `fork`
/// continues under another id, and uses its cache under the old id. So the owner of an entry counts as ended only if
/// its process is the searching thread's process.
#[derive(Clone, Copy)]
#[repr(C)]
struct Owner {
    thread: Pid,
    process: Pid,
}

/// A thread's own free blocks. Only the owner accesses the cache.
#[repr(C, align(16))] // no stock lies on two cache lines
struct Cache {
    stocks: [Stock; class::COUNT],
    /// The bytes in use of the heap when `grow` last flushed this cache.
    used: usize,
    /// The shard of the stores that the cache takes blocks from.
    shard: u8,
    slots: [*mut u8; class::SLOTS],
}

/// All caches of the process.
struct Caches {
    first: Link,
    count: usize,
    /// The list of caches that their owners left.
    idle: Link,
    /// The entry where the next search for an abandoned cache begins. `None` means the first of all entries.
    look: Link,
}

// SAFETY: entries lie in memory of the process, which outlives each thread. A thread accesses `Entry::cache` only as
// the entry's owner, and the other fields only with `CACHES` locked.
unsafe impl Send for Caches {}

static CACHES: Mutex<Caches> = Mutex::new(Caches {
    first: None,
    count: 0,
    idle: None,
    look: None,
});

/// Takes a block from the calling thread's cache; `None` if the cache has none of this class.
#[inline(always)]
pub fn pop(class: Class) -> Option<Block> {
    // SAFETY: the thread word holds the address of the calling thread's own cache, which is never unmapped and which no
    // other thread accesses. No other reference to the cache exists. Each function here ends its reference before it
    // returns, and calls no function that forms another reference. No signal handler that interrupted the heap uses the
    // heap: the caller of `signal::handle` promises that.
    unsafe { mine()?.as_mut() }.pop(class)
}

/// Puts a block into the calling thread's cache. Returns false if the cache is full for this class, or does not exist.
#[inline(always)]
pub fn push(class: Class, block: Block) -> bool {
    // SAFETY: as in `pop`.
    mine().is_some_and(|mut cache| unsafe { cache.as_mut() }.push(class, block))
}

/// Gets a block when the calling thread's cache has none of this class. `None` if memory is exhausted.
#[cold]
#[inline(never)]
pub fn refill(class: Class) -> Option<Block> {
    match mine().or_else(adopt) {
        // SAFETY: as in `pop`.
        Some(mut cache) => unsafe { cache.as_mut() }.refill(class),
        // There is no memory for a cache, but a span may still have room for a block.
        None => take_one(class).map(|(block, _)| block),
    }
}

/// Takes one block from a store, not from a cache. Also returns whether the block is zero.
pub fn take_one(class: Class) -> Option<(Block, bool)> {
    // SAFETY: as in `pop`.
    let shard = mine().map_or(0, |cache| unsafe { cache.as_ref() }.shard);
    Store::with(shard, class, |store| store.take_one(class))
}

/// Frees a block when the calling thread's cache is full for its class.
///
/// # Errors
/// `Corrupt` if a block that is returned to its span cannot have been handed out.
///
/// # Safety
/// The heap handed `block` out as a small block of this class, and no code uses it again.
#[cold]
#[inline(never)]
pub unsafe fn flush(class: Class, block: Block) -> Result<(), Corrupt> {
    match mine().or_else(adopt) {
        // SAFETY: the reference is sound as in `pop`. The caller of this function makes the promise that `Cache::flush`
        // requires.
        Some(mut cache) => unsafe { cache.as_mut().flush(class, block) },
        // SAFETY: the promise of this function's caller; a block is not null.
        None => unsafe { Store::put_back(class, &[block.as_ptr()]) },
    }
}

/// Returns all blocks of the calling thread's cache and of all depots to their spans. Does nothing if the thread has no
/// cache.
///
/// # Errors
/// `Corrupt` if one of the blocks cannot have been handed out.
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
        // SAFETY: the slots `at..at + count` of a class lie in `slots` and hold addresses of blocks, which are not
        // null: only `push`, `refill`, `take` and `flush` change `count`, after they wrote the slots. `slot` was the
        // last of them.
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
        // SAFETY: a class has `Class::most` slots from `at` on, and `count` is below `limit`, which `raise` keeps at
        // most `Class::most`.
        unsafe { *self.slots.get_unchecked_mut(slot) = block.as_ptr() };
        true
    }

    fn refill(&mut self, class: Class) -> Option<Block> {
        // `adopt` may just have given the thread a cache of an abandoned owner, which still holds blocks.
        if let Some(block) = self.pop(class) {
            return Some(block);
        }
        let stock = self.stock(class);
        let wanted = (stock.limit / 2) as usize;
        stock.raise(class, FEW);
        if wanted == 0 {
            // The thread's first block of this class may be its only one: take no more.
            return Store::with(self.shard, class, |store| store.take_one(class))
                .map(|(block, _)| block);
        }
        let at = stock.at;
        let slots = &mut self.slots[at..at + wanted];
        let count = depot::take(self.shard, class, slots);
        self.stock(class).count = count as u32; // at most `Class::most`, so it fits in a u32
        if count == 0 && self.take(class, wanted) == 0 {
            self.grow(class, wanted);
        }
        self.pop(class)
    }

    /// Takes at most `wanted` blocks of a class from its store. Returns the number of blocks.
    fn take(&mut self, class: Class, wanted: usize) -> usize {
        let at = self.stock(class).at;
        let slots = &mut self.slots[at..at + wanted];
        let count = Store::with(self.shard, class, |store| store.take(class, slots));
        self.stock(class).count = count as u32; // at most `Class::most`, so it fits in a u32
        count
    }

    /// Takes at most `wanted` blocks of a class, from a new span if necessary. Each time that the heap has grown by 2
    /// MiB, the cache and its depot are flushed first: the thread may never allocate the blocks of other classes in
    /// them.
    fn grow(&mut self, class: Class, wanted: usize) {
        const MUCH: usize = 2 << 20;
        let used = REGIONS.lock().used();
        if used > self.used + MUCH {
            self.used = used;
            // An error is ignored here, because the caller allocates. The heap reports such errors when blocks are
            // freed.
            let _ = self.flush_all().and_then(|()| self.flush_depot(self.shard));
            if self.take(class, wanted) != 0 {
                return;
            }
        }
        Store::with(self.shard, class, Store::open);
        self.take(class, wanted);
    }

    /// Makes room for a block, and puts it into the cache or returns it to its span.
    ///
    /// # Safety
    /// As for [`flush`].
    unsafe fn flush(&mut self, class: Class, block: Block) -> Result<(), Corrupt> {
        // `adopt` may just have given the thread a cache of an abandoned owner, which has room.
        if self.push(class, block) {
            return Ok(());
        }
        // The store of the block's span, not of this cache's shard: the thread may free blocks that other threads
        // allocated.
        //
        // SAFETY: the promise of this function's caller; a block is not null.
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
            // SAFETY: the promise of this function's caller; a block is not null.
            unsafe { Store::put_back(class, &[block.as_ptr()])? };
            if !is_sparse() {
                self.stock(class).raise(class, 1);
            }
            return Ok(());
        }
        // The blocks that have been in the cache for the longest time leave the cache.
        let gone = stock.limit.div_ceil(2) as usize;
        stock.count -= gone as u32; // `count` is at least `limit` here, because `push` failed
        stock.raise(class, 1);
        let (at, kept) = (stock.at, stock.count as usize);
        let slots = &mut self.slots[at..at + gone + kept];
        // SAFETY: each block in the slots was passed to `push` or came from a store or a depot. So the heap handed it
        // out as a small block of this class, it is not null, and no code uses it: `push`'s caller frees the block.
        unsafe {
            let put = depot::put(Store::of(slots[0]), class, &slots[..gone]);
            Store::put_back(class, &slots[put..gone])?;
        }
        slots.copy_within(gone.., 0);
        self.push(class, block);
        Ok(())
    }

    /// Returns the blocks of all depots to their spans. The cache must be empty, because its slots hold the blocks on
    /// the way.
    fn flush_depots(&mut self) -> Result<(), Corrupt> {
        (0..SHARDS as u8).try_for_each(|shard| self.flush_depot(shard))
    }

    /// Returns the blocks of one depot to their spans. The cache must be empty.
    fn flush_depot(&mut self, shard: u8) -> Result<(), Corrupt> {
        for class in Class::ALL {
            let slots = &mut self.slots[class.first_slot()..][..class.most()];
            loop {
                let count = depot::take(shard, class, slots);
                if count == 0 {
                    break;
                }
                // SAFETY: the blocks come from a depot. The depot got the blocks from a cache, whose blocks are as in
                // `flush`.
                unsafe { Store::put_back(class, &slots[..count])? };
            }
        }
        Ok(())
    }

    /// Returns all blocks of the cache to their spans.
    fn flush_all(&mut self) -> Result<(), Corrupt> {
        for class in Class::ALL {
            let Stock { count, at, .. } = *self.stock(class);
            self.stock(class).count = 0;
            let blocks = &self.slots[at..][..count as usize];
            // SAFETY: as in `flush`.
            unsafe { Store::put_back(class, blocks)? };
        }
        Ok(())
    }

    #[inline(always)]
    fn stock(&mut self, class: Class) -> &mut Stock {
        // SAFETY: `Class::index` is below `class::COUNT`, the number of stocks.
        unsafe { self.stocks.get_unchecked_mut(class.index()) }
    }
}

impl Stock {
    /// Doubles the limit, within `least` and the class's most: the cache ran empty, or it overflowed.
    fn raise(&mut self, class: Class, least: usize) {
        let most = class.most();
        self.limit = (2 * self.limit as usize).clamp(least.min(most), most) as u32;
    }
}

/// Returns the calling thread's cache, if it has one.
#[inline(always)]
fn mine() -> Option<NonNull<Cache>> {
    NonNull::new(ptr::with_exposed_provenance_mut(arch::thread_word::<
        { arch::WORD_HEAP },
    >()))
}

/// Gives a cache to the calling thread, which has none: a cache without an owner, or a new one. `None` if the kernel
/// has no more memory.
fn adopt() -> Option<NonNull<Cache>> {
    let owner = Owner {
        thread: process::gettid(),
        process: process::getpid(),
    };
    let found = CACHES.lock().adopt(owner);
    // `CACHES` is unlocked here, so that other threads do not wait while the kernel makes the mapping.
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
    // SAFETY: the values are the address of the calling thread's own cache, and the address of an `extern "C" fn()`:
    // the types that the two words must have.
    unsafe {
        arch::set_thread_word::<{ arch::WORD_HEAP }>(cache.as_ptr().expose_provenance());
        arch::set_thread_word::<{ arch::WORD_AT_EXIT }>(leave as extern "C" fn() as usize);
    }
    Some(cache)
}

/// Runs at the end of the calling thread: flushes its cache, and leaves the cache to other threads.
extern "C" fn leave() {
    let Some(mut cache) = mine() else { return };
    // An error is ignored here, because the thread ends. The heap reports such errors when blocks are freed.
    //
    // SAFETY: the calling thread owns the cache, and has no other reference to it here.
    let _ = unsafe { cache.as_mut() }.flush_all();
    // SAFETY: 0 means no cache. The thread does not use the cache after this line.
    unsafe { arch::set_thread_word::<{ arch::WORD_HEAP }>(0) };
    // SAFETY: `adopt` computed the cache's address as `CACHE` bytes into an entry, and exposed the provenance of the
    // entry's mapping.
    let entry = unsafe { cache.byte_sub(CACHE) }.cast::<Entry>();
    CACHES.lock().put(entry);
}

/// Maps a new entry, which is in no list yet. `None` if the kernel has no more memory.
fn new_entry() -> Link {
    let entry = mem::map(size_of::<Entry>()).ok()?.cast::<Entry>();
    // SAFETY: the mapping is new, large enough for an Entry, and no other thread has the address. All fields but the
    // stocks may be zeros.
    unsafe { (*entry.as_ptr()).cache.stocks = STOCKS };
    Some(entry)
}

impl Caches {
    /// Finds an entry without an owner, and makes `owner` its owner.
    fn adopt(&mut self, owner: Owner) -> Link {
        let entry = self.left().or_else(|| self.abandoned(owner.process))?;
        // SAFETY: no entry is ever unmapped. `&mut self` proves that `CACHES` is locked, and a thread accesses this
        // field only with `CACHES` locked.
        unsafe { (*entry.as_ptr()).owner = owner };
        Some(entry)
    }

    /// Adds a new entry, of this owner, to the list of all.
    fn add(&mut self, entry: NonNull<Entry>, owner: Owner) {
        // SAFETY: the caller has just mapped the entry, and no other thread has its address before `CACHES` is
        // unlocked.
        unsafe {
            (*entry.as_ptr()).next = self.first;
            (*entry.as_ptr()).owner = owner;
            (*entry.as_ptr()).cache.shard = (self.count % SHARDS) as u8;
        }
        self.first = Some(entry);
        self.count += 1;
    }

    /// Adds the entry of a cache that its owner leaves to the idle list.
    fn put(&mut self, entry: NonNull<Entry>) {
        // SAFETY: as in adopt.
        unsafe { (*entry.as_ptr()).next_idle = self.idle };
        self.idle = Some(entry);
    }

    /// Removes an entry from the idle list: its owner left it.
    fn left(&mut self) -> Link {
        let entry = self.idle?;
        // SAFETY: as in adopt.
        self.idle = unsafe { (*entry.as_ptr()).next_idle };
        Some(entry)
    }

    /// Finds an entry whose owner, a thread of `process`, no longer exists. Each call examines a few entries.
    fn abandoned(&mut self, process: Pid) -> Link {
        /// How many entries to examine. The next call continues with the entry after the last, so several calls reach
        /// all.
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

#[cfg(test)]
mod tests {
    extern crate std;

    use super::super::tests::{alone, class};
    use super::*;
    use std::sync::MutexGuard;
    use std::thread;
    use std::vec::Vec;

    /// A cache of a test, which no thread owns, of a shard that no thread uses while the test holds `alone`.
    struct Own {
        entry: NonNull<Entry>,
        out: Vec<(Class, Block)>,
        _alone: MutexGuard<'static, ()>,
    }

    impl Own {
        fn new() -> Self {
            let lock = alone();
            let mut own = Self {
                entry: new_entry().unwrap(),
                out: Vec::new(),
                _alone: lock,
            };
            own.cache().shard = 3;
            own.cache().used = REGIONS.lock().used();
            own
        }

        fn cache(&mut self) -> &mut Cache {
            // SAFETY: `new` mapped the entry, and only `self` has its address. The reference borrows `self`.
            unsafe { &mut (*self.entry.as_ptr()).cache }
        }

        /// Returns the count and the limit of a class.
        fn stock(&mut self, of: Class) -> (u32, u32) {
            let stock = self.cache().stock(of);
            (stock.count, stock.limit)
        }

        /// Allocates a block as the heap does.
        fn alloc(&mut self, of: Class) -> Block {
            let cache = self.cache();
            let block = cache.pop(of).or_else(|| cache.refill(of)).expect("memory");
            self.out.push((of, block));
            block
        }

        /// Frees the block that was allocated last, by `flush`.
        fn free(&mut self) -> Block {
            let (of, block) = self.out.pop().unwrap();
            // SAFETY: the block was handed out as a block of this class, and the test does not use it again.
            assert_eq!(unsafe { self.cache().flush(of, block) }, Ok(()));
            block
        }
    }

    impl Drop for Own {
        fn drop(&mut self) {
            while !self.out.is_empty() {
                self.free();
            }
            assert_eq!(
                self.cache()
                    .flush_all()
                    .and_then(|()| self.cache().flush_depots()),
                Ok(())
            );
            // SAFETY: the entry is in no list of `CACHES`: only this test has its address.
            unsafe { mem::unmap(self.entry.cast(), size_of::<Entry>()) }.unwrap();
        }
    }

    #[test]
    fn a_cache_that_runs_empty_takes_more_each_time() {
        let mut own = Own::new();
        for (size, refills) in [
            (
                64,
                &[
                    (0, 8),
                    (3, 16),
                    (7, 32),
                    (15, 64),
                    (31, 128),
                    (63, 256),
                    (127, 512),
                    (255, 512),
                    (255, 512),
                ][..],
            ),
            (4096, &[(0, 8), (3, 16), (7, 16), (7, 16)]),
            (65_536, &[(0, 4), (1, 4), (0, 4), (1, 4)]),
        ] {
            let of = class(size);
            assert_eq!(own.stock(of), (0, 0));
            for &refilled in refills {
                own.alloc(of);
                assert_eq!(own.stock(of), refilled);
                (0..refilled.0).for_each(|_| assert!(own.alloc(of).addr().get() != 0));
            }
            // No block was handed out twice.
            let mut blocks: Vec<_> = own.out.iter().map(|out| out.1).collect();
            blocks.sort();
            blocks.dedup();
            assert_eq!(blocks.len(), own.out.len());
        }
    }

    #[test]
    fn a_cache_that_runs_over_keeps_what_came_last() {
        let mut own = Own::new();
        let of = class(64);
        // The blocks come from the store directly: the cache has not allocated any.
        let mut blocks = [ptr::null_mut(); 40];
        Store::with(3, of, |store| {
            store.open();
            assert_eq!(store.take(of, &mut blocks), 40);
        });
        let push = |own: &mut Own, nth: usize| {
            own.out.push((of, NonNull::new(blocks[nth]).unwrap()));
            own.free();
            own.stock(of)
        };
        let stocks = [
            (0, 1),
            (1, 1),
            (1, 2),
            (2, 2),
            (2, 4),
            (3, 4),
            (4, 4),
            (3, 8),
            (4, 8),
        ];
        for (nth, stock) in stocks.into_iter().enumerate() {
            assert_eq!(push(&mut own, nth), stock, "{nth}");
        }
        let at = own.cache().stock(of).at;
        assert_eq!(own.cache().slots[at..at + 4], blocks[5..9]);
        // The first block went to its store, and the next four to the depot. `refill` takes them from there.
        assert_eq!(depot::bytes(3), 4 * 64);
        own.cache().stock(of).count = 0;
        let mut back = Vec::from([own.alloc(of), own.alloc(of), own.alloc(of), own.alloc(of)]);
        back.sort();
        assert!(
            back.iter()
                .map(|block| block.as_ptr())
                .eq(blocks[1..5].iter().copied())
        );
        assert_eq!((own.stock(of), depot::bytes(3)), ((0, 16), 0));
        for nth in (5..9).chain(9..40) {
            push(&mut own, nth);
        }
    }

    #[test]
    fn little_of_much_empties_the_cache() {
        let mut own = Own::new();
        let (of, other) = (class(4096), class(48));
        for _ in 0..8 {
            own.alloc(other);
        }
        (0..6).for_each(|_| assert!(own.free().addr().get() != 0));
        assert_eq!(own.stock(other).0, 5 + 6);
        let mut blocks = [ptr::null_mut(); 320];
        Store::with(3, of, |store| {
            (0..5).for_each(|_| assert!(store.open().is_some()));
            assert_eq!(store.take(of, &mut blocks), 320);
        });
        own.cache().stock(of).limit = 4;
        // Of each span a block stays out, so that no span is closed. So do 40 more blocks.
        let span = |block: *mut u8| block.addr() / super::super::span::SIZE;
        let mut spans = Vec::new();
        let (kept, back): (Vec<_>, Vec<_>) = blocks.into_iter().partition(|&block| {
            let is_first = !spans.contains(&span(block));
            spans.push(span(block));
            is_first || spans.len() <= 40
        });
        // The blocks that another thread put into the depot, and the blocks that this cache gets back.
        let (put, back) = back.split_at(32);
        assert_eq!(depot::put(3, of, put), 32);
        let mut emptied = None;
        for (nth, &block) in back.iter().enumerate() {
            own.out.push((of, NonNull::new(block).unwrap()));
            own.free();
            if emptied.is_none() && own.stock(other).0 == 0 {
                emptied = Some(nth);
                assert_eq!((own.stock(of), own.stock(other)), ((0, 0), (0, 0)));
                assert_eq!(depot::bytes(3), 0);
                Store::with(3, of, |store| assert!(store.is_sparse()));
            }
        }
        // The cache is flushed only after two thirds were freed.
        assert!(emptied.is_some_and(|nth| nth > 320 * 2 / 3 - 32 - 10));
        assert_eq!(own.stock(of), (0, 0));
        let kept = kept.into_iter().filter_map(NonNull::new);
        own.out.extend(kept.map(|block| (of, block)));
    }

    #[test]
    fn a_heap_that_grows_by_2_mib_empties_the_cache() {
        let mut own = Own::new();
        let (of, other) = (class(32_768), class(48));
        own.alloc(other);
        own.alloc(other);
        assert_eq!(own.stock(other).0, 3);
        assert_eq!(
            depot::put(3, other, &[own.out.pop().unwrap().1.as_ptr()]),
            1
        );
        let begin = own.cache().used;
        while own.stock(other).0 != 0 {
            let used = REGIONS.lock().used();
            assert!(used <= begin + (4 << 20), "never");
            assert_eq!(own.cache().used, begin);
            own.alloc(of);
            let is_emptied = own.stock(other).0 == 0;
            assert!(!is_emptied || used > begin + (2 << 20));
        }
        assert_eq!(depot::bytes(3), 0);
        assert!(own.cache().used > begin + (2 << 20));
    }

    #[test]
    fn a_block_without_a_cache_comes_from_the_first_shard() {
        let _alone = alone();
        thread::spawn(|| {
            let (block, _) = take_one(class(48)).unwrap();
            // SAFETY: the block is handed out, and not used again.
            unsafe {
                assert_eq!(Store::of(block.as_ptr()), 0);
                assert_eq!(Store::put_back(class(48), &[block.as_ptr()]), Ok(()));
            }
            assert!(mine().is_none());
        })
        .join()
        .unwrap();
    }

    /// Runs a thread that uses the heap, and returns its cache's address. With `leaves`, the thread leaves the cache at
    /// its end, as a thread of this crate does.
    fn user(leaves: bool) -> usize {
        let work = move || {
            let blocks = [(); 20].map(|()| refill(class(64)).unwrap());
            for block in blocks {
                // SAFETY: the block is handed out, and not used again.
                assert_eq!(unsafe { flush(class(64), block) }, Ok(()));
            }
            let mut own = mine().unwrap();
            // SAFETY: the cache is this thread's own, and the thread holds no other reference to it.
            assert_ne!(unsafe { own.as_mut() }.stock(class(64)).count, 0);
            if leaves {
                leave();
                assert!(mine().is_none());
                // SAFETY: no thread has adopted the cache: `alone` is held, so no other test starts a thread with a
                // cache.
                assert_eq!(unsafe { own.as_mut() }.stock(class(64)).count, 0);
            }
            own.addr().get()
        };
        thread::spawn(work).join().unwrap()
    }

    #[test]
    fn a_cache_that_was_left_is_the_next_threads() {
        let _alone = alone();
        let first = user(true);
        let count = CACHES.lock().count;
        for _ in 0..10 {
            assert_eq!(user(true), first);
        }
        assert_eq!(CACHES.lock().count, count);
        // Two threads at the same time have two caches.
        let inner = thread::spawn(|| {
            let block = refill(class(64)).unwrap();
            let own = mine().unwrap().addr().get();
            let other = user(true);
            // SAFETY: the block is handed out, and not used again.
            assert_eq!(unsafe { flush(class(64), block) }, Ok(()));
            leave();
            (own, other)
        });
        let (own, other) = inner.join().unwrap();
        assert_eq!(own, first);
        assert_ne!(other, first);
        // Caches that were left are taken by other threads, whether or not the thread that left them still exists.
        let inner = thread::spawn(|| {
            let left = |block: Block| {
                let own = mine().unwrap().addr().get();
                // SAFETY: the block is handed out, and not used again.
                assert_eq!(unsafe { flush(class(64), block) }, Ok(()));
                leave();
                own
            };
            let block = refill(class(64)).unwrap();
            let inner = thread::spawn(move || left(refill(class(64)).unwrap()));
            let inner = inner.join().unwrap();
            let own = left(block);
            let next = thread::spawn(|| {
                let own = refill(class(64)).map(|block| (mine().unwrap().addr().get(), block));
                let (own, block) = own.unwrap();
                let other = user(true);
                // SAFETY: as above.
                assert_eq!(unsafe { flush(class(64), block) }, Ok(()));
                (own, other)
            });
            assert_eq!(next.join().unwrap(), (own, inner));
        });
        inner.join().unwrap();
    }

    #[test]
    fn caches_of_threads_that_are_gone_are_taken_over() {
        let _alone = alone();
        (0..10).for_each(|_| assert_ne!(user(false), 0));
        let before = CACHES.lock().count;
        (0..100).for_each(|_| assert_ne!(user(false), 0));
        // (The kernel may still know a thread that was joined.)
        let more = CACHES.lock().count - before;
        assert!(more < 20, "{more}");
        assert!(before < 40, "{before}");
    }

    #[test]
    fn caches_use_the_shards_in_turn() {
        let _alone = alone();
        /// Runs this number of threads at the same time, each with a cache.
        fn nested(threads: usize) {
            if threads != 0 {
                user(false);
                let inner = thread::spawn(move || {
                    assert_eq!(refill(class(64)).map(flush_one), Some(Ok(())));
                    nested(threads - 1);
                });
                inner.join().unwrap();
            }
        }
        fn flush_one(block: Block) -> Result<(), Corrupt> {
            // SAFETY: the block is handed out, and not used again.
            unsafe { flush(class(64), block) }
        }
        nested(2 * SHARDS);
        let caches = CACHES.lock();
        let mut next = caches.first;
        let mut shards = Vec::new();
        while let Some(entry) = next {
            // SAFETY: no entry is ever unmapped. The fields are read with `CACHES` locked; `shard` and `next` never
            // change after `add`.
            unsafe {
                shards.push((*entry.as_ptr()).cache.shard);
                next = (*entry.as_ptr()).next;
            }
        }
        shards.reverse();
        let turns = (0..shards.len()).map(|nth| (nth % SHARDS) as u8);
        assert!(turns.eq(shards.iter().copied()), "{shards:?}");
        assert!(caches.count == shards.len() && shards.len() >= 2 * SHARDS);
    }
}
