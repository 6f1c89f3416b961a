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

#[cfg(test)]
mod tests {
    extern crate std;

    use super::super::tests::{alone, class};
    use super::*;
    use std::sync::MutexGuard;
    use std::thread;
    use std::vec::Vec;

    /// A cache of a test's own, which is no thread's, on a shard that no thread uses meanwhile.
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
            // SAFETY: just mapped, and borrowed as this is.
            unsafe { &mut (*self.entry.as_ptr()).cache }
        }

        /// The count and the limit of a class.
        fn stock(&mut self, of: Class) -> (u32, u32) {
            let stock = self.cache().stock(of);
            (stock.count, stock.limit)
        }

        /// Takes a block as the heap does.
        fn alloc(&mut self, of: Class) -> Block {
            let cache = self.cache();
            let block = cache.pop(of).or_else(|| cache.refill(of)).expect("memory");
            self.out.push((of, block));
            block
        }

        /// Gives the block back that was taken last.
        fn free(&mut self) -> Block {
            let (of, block) = self.out.pop().unwrap();
            // SAFETY: the block was taken, and is not used again.
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
            // SAFETY: the entry is in no list of CACHES: only this test has its address.
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
            // Each of them once.
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
        // From a store without a cache: this one has not met any.
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
        // The first went to its store, and those between to the depot: from there they come back.
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
        // Of each span a block stays out, so that no span is given back, and 40 more do.
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
        // Not before two thirds were given back.
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
            // SAFETY: the block is out, and not used again.
            unsafe {
                assert_eq!(Store::of(block.as_ptr()), 0);
                assert_eq!(Store::put_back(class(48), &[block.as_ptr()]), Ok(()));
            }
            assert!(mine().is_none());
        })
        .join()
        .unwrap();
    }

    /// A thread that uses the heap, and its cache's address. `leaves`, it says so at its end.
    fn user(leaves: bool) -> usize {
        let work = move || {
            let blocks = [(); 20].map(|()| refill(class(64)).unwrap());
            for block in blocks {
                // SAFETY: the block is out, and not used again.
                assert_eq!(unsafe { flush(class(64), block) }, Ok(()));
            }
            let mut own = mine().unwrap();
            // SAFETY: this thread's own, to which it holds no other reference.
            assert_ne!(unsafe { own.as_mut() }.stock(class(64)).count, 0);
            if leaves {
                leave();
                assert!(mine().is_none());
                // SAFETY: no thread has adopted the cache: `alone` is held, so no other test starts a thread with one.
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
            // SAFETY: the block is out, and not used again.
            assert_eq!(unsafe { flush(class(64), block) }, Ok(()));
            leave();
            (own, other)
        });
        let (own, other) = inner.join().unwrap();
        assert_eq!(own, first);
        assert_ne!(other, first);
        // Those that were left wait for others, whether or not the thread that left is gone.
        let inner = thread::spawn(|| {
            let left = |block: Block| {
                let own = mine().unwrap().addr().get();
                // SAFETY: the block is out, and not used again.
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
        /// So many threads at once that have a cache.
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
            // SAFETY: the block is out, and not used again.
            unsafe { flush(class(64), block) }
        }
        nested(2 * SHARDS);
        let caches = CACHES.lock();
        let mut next = caches.first;
        let mut shards = Vec::new();
        while let Some(entry) = next {
            // SAFETY: no entry is ever unmapped, and these fields are read with CACHES locked, or never change.
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
