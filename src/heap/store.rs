//! The stores: the spans of one grain and one shard, sorted into lists by the longest gap of each span.
//!
//! All threads share the stores. Each store has a lock. A thread cache takes blocks from the store of its shard, and
//! returns each block to the store that the block's span belongs to.

use core::ptr::NonNull;

use super::class::Class;
use super::depot::{self, SHARDS};
use super::region;
use super::regions::REGIONS;
use super::span::{self, Block, Corrupt, Grain, List, Span};
use crate::sync::Mutex;

/// The spans of a grain in a shard.
pub struct Store {
    grain: Grain,
    shard: u8,
    /// The spans by their longest known gap: two lists for each doubling of the gap's granules. A span without a gap is
    /// in no list.
    lists: [List; LISTS],
    /// A bit for each list that is not empty.
    filled: u32,
    /// The bytes of all blocks that are handed out: allocated, in a thread cache or in a depot.
    out: usize,
    /// The sum of the spans' high-water marks.
    touched: usize,
}

/// The number of lists. A gap has at most 2^14 granules.
const LISTS: usize = list(1 << 14) as usize + 1;

/// How many spans `find` examines in the list whose spans may have a gap that is long enough, or may not.
const LOOK: usize = 32;

/// A store on cache lines of its own, so that threads that use different stores do not share a cache line.
#[repr(align(64))]
struct Line(Mutex<Store>);

static STORES: [[Line; 2]; SHARDS] =
    [const { [const { Line(Mutex::new(Store::new())) }; 2] }; SHARDS];

impl Store {
    const fn new() -> Self {
        Self {
            grain: Grain::Fine,
            shard: 0,
            lists: [const { List::new() }; LISTS],
            filled: 0,
            out: 0,
            touched: 0,
        }
    }

    /// Locks the store for a class in a shard, and calls `work` with it. `work` must not lock a store: the locks are
    /// not reentrant.
    pub fn with<R>(shard: u8, class: Class, work: impl FnOnce(&mut Self) -> R) -> R {
        let grain = Grain::of(class);
        let mut store = STORES[usize::from(shard) % SHARDS][grain as usize].0.lock();
        // Set at each use, so that the initial value of all stores is zeros, which take no bytes in a program's file.
        (store.grain, store.shard) = (grain, shard);
        work(&mut store)
    }

    /// Returns the shard whose store a block's span belongs to.
    ///
    /// # Safety
    /// As for [`put_back`](Self::put_back). The span of such a block keeps its shard while the block is handed out.
    pub unsafe fn of(block: *mut u8) -> u8 {
        // SAFETY: the caller promises that `block` is a small block of the heap, so it is not null and its span has a
        // record in a quad. `open` wrote the shard before the store handed out the block. Nothing writes the shard
        // until the span is closed, which does not happen while the block is handed out.
        unsafe { *region::shard(region::span_of(NonNull::new_unchecked(block))) }
    }

    /// Returns blocks to their stores, which may differ.
    ///
    /// # Errors
    /// `Corrupt` if one of the blocks is already free, or cannot be a block of this class. The blocks after it are not
    /// returned then.
    ///
    /// # Safety
    /// The heap handed the blocks out as small blocks of this class, and no code uses them again. None is null.
    pub unsafe fn put_back(class: Class, mut blocks: &[*mut u8]) -> Result<(), Corrupt> {
        // SAFETY: `block` is one of `blocks`. The caller of `put_back` promises about each of them what `of` requires.
        let shard = |&block: &*mut u8| unsafe { Self::of(block) };
        while let Some(first) = blocks.first() {
            let of = shard(first);
            let count = blocks.iter().take_while(|block| shard(block) == of).count();
            let (these, others) = blocks.split_at(count);
            // SAFETY: the spans of these blocks belong to this store, as `of` shows. The rest is the promise of
            // `put_back`'s caller.
            Self::with(of, class, |store| unsafe { store.put(class, these) })?;
            blocks = others;
        }
        Ok(())
    }

    /// Whether less than a third of the touched bytes is in use, and more than a span is touched. Then a few blocks
    /// that stay in a cache could keep many free pages from the kernel. Blocks in the depot do not count as used.
    pub fn is_sparse(&self) -> bool {
        /// Below this many touched bytes the answer is always false.
        const LITTLE: usize = span::SIZE;
        self.touched > LITTLE
            && self.out.saturating_sub(depot::bytes(self.shard)) < self.touched / 3
    }

    /// Hands out blocks until `out` is full or no span has a known gap for one. Returns the number of blocks.
    pub fn take(&mut self, class: Class, out: &mut [*mut u8]) -> usize {
        let mut count = 0;
        while count < out.len()
            && let Some(span) = self.find(class)
        {
            count += self.used(span, |record| record.take(class, &mut out[count..]));
        }
        self.out += count * class.size();
        count
    }

    /// Hands out one block, from a new span if necessary. Also returns whether the block is zero. `None` if the kernel
    /// has no more memory.
    pub fn take_one(&mut self, class: Class) -> Option<(Block, bool)> {
        loop {
            let span = self.find(class).or_else(|| self.open())?;
            if let Some(block) = self.used(span, |record| record.take_one(class)) {
                self.out += class.size();
                return Some(block);
            }
        }
    }

    /// Takes back blocks of this store.
    ///
    /// # Safety
    /// As for [`put_back`](Self::put_back), and the blocks' spans belong to this store.
    unsafe fn put(&mut self, class: Class, blocks: &[*mut u8]) -> Result<(), Corrupt> {
        let size = class.size();
        let mut blocks = blocks.iter().copied();
        let mut next = blocks.next();
        while let Some(block) = next {
            // Blocks that were cut in a row often come back in a row, or in reverse order. A row is one change of the
            // bitmap.
            let (mut first, mut count) = (block, 1);
            loop {
                next = blocks.next();
                match next {
                    Some(block) if !is_same_span(block, first) => break,
                    Some(block) if block == first.wrapping_add(count * size) => {}
                    Some(block) if block == first.wrapping_sub(size) => first = block,
                    _ => break,
                }
                count += 1;
            }
            // SAFETY: the row consists of elements of `blocks`, which lie in one span: the loop checked both. They are
            // not null. The rest is the promise of `put`'s caller.
            unsafe { self.put_row(class, NonNull::new_unchecked(first), count)? };
        }
        Ok(())
    }

    /// Takes back a row of `count` adjacent blocks of one span.
    ///
    /// # Safety
    /// As for [`put`](Self::put).
    unsafe fn put_row(&mut self, class: Class, first: Block, count: usize) -> Result<(), Corrupt> {
        // SAFETY: the caller promises that `first` is a small block of the heap.
        let span = unsafe { region::span_of(first) };
        self.used(span, |record| record.put(class, first, count))?;
        self.out -= count * class.size();
        // SAFETY: the span belongs to this store, so its record is valid. The store is locked, so no other code uses
        // the record.
        if unsafe { span.as_ref() }.is_empty() {
            self.close(span);
        }
        Ok(())
    }

    /// Finds a span that has, or may have, a gap for a block of this class.
    ///
    /// A list holds gaps of a range of lengths. All gaps in the lists above that of the wanted length are long enough.
    /// For a fine block the result is from the first of these lists (best fit), so that long gaps stay for long blocks.
    /// For a coarse block it is from the last (worst fit): few coarse blocks fill a span, and best fit would cost more
    /// searches than it saves memory. Only if these lists are empty, some spans of the wanted length's own list are
    /// examined.
    fn find(&mut self, class: Class) -> span::Link {
        let wanted = Grain::enough(class);
        let tight = u32::from(list(wanted));
        let longer = self.filled >> (tight + 1) << (tight + 1);
        if longer != 0 {
            let list = match self.grain {
                Grain::Fine => longer.trailing_zeros(),
                Grain::Coarse => longer.ilog2(),
            };
            return self.lists[list as usize].first();
        }
        let mut next = self.lists[tight as usize].first();
        for _ in 0..LOOK {
            let span = next?;
            // SAFETY: all spans in the lists belong to this store, so their records are valid. `&mut self` excludes
            // other users of the records.
            let record = unsafe { span.as_ref() };
            if record.gap() >= wanted {
                return Some(span);
            }
            next = record.next;
        }
        None
    }

    /// Calls `work` with the record of a span of this store, then moves the span to the list for its new longest gap.
    fn used<R>(&mut self, mut span: NonNull<Span>, work: impl FnOnce(&mut Span) -> R) -> R {
        // SAFETY: the callers pass a span of this store, so the record is valid. `&mut self` excludes other users of
        // the record.
        let record = unsafe { span.as_mut() };
        let touched = record.touched();
        let result = work(record);
        self.touched += record.touched() - touched;
        let list = list(record.gap());
        if list != record.list {
            let old = core::mem::replace(&mut record.list, list);
            self.unlink(span, old);
            self.link(span, list);
        }
        result
    }

    /// Adds a span to a list.
    fn link(&mut self, span: NonNull<Span>, list: u8) {
        if list == NONE {
            return;
        }
        // SAFETY: the callers pass a span of this store that is in no list. `&mut self` excludes other users of the
        // records.
        unsafe { self.lists[list as usize].push(span) };
        self.filled |= 1 << list;
    }

    /// Removes a span from a list.
    fn unlink(&mut self, span: NonNull<Span>, list: u8) {
        if list == NONE {
            return;
        }
        let spans = &mut self.lists[list as usize];
        // SAFETY: the callers pass a span of this store that is in this list. `&mut self` excludes other users of the
        // records.
        unsafe { spans.remove(span) };
        if spans.first().is_none() {
            self.filled &= !(1 << list);
        }
    }

    /// Adds a new span to the store. `None` if the kernel has no more memory.
    pub fn open(&mut self) -> span::Link {
        let mut span = REGIONS.lock().open(self.grain)?;
        // SAFETY: `Regions::open` returned a valid record, and no other code has its address.
        let record = unsafe { span.as_mut() };
        // SAFETY: `Regions::open` returns a span that lies in a quad. No thread reads the shard yet: threads find a
        // span only by the address of a block, and the store has handed out no block of this span.
        unsafe { *region::shard(span) = self.shard };
        record.list = list(record.gap());
        self.touched += record.touched();
        self.link(span, record.list);
        Some(span)
    }

    /// Returns a span to the regions. The span must be empty: none of its blocks is handed out.
    fn close(&mut self, span: NonNull<Span>) {
        // SAFETY: the span belongs to this store, so its record is valid. `&mut self` excludes other users of the
        // record.
        let record = unsafe { span.as_ref() };
        self.touched -= record.touched();
        self.unlink(span, record.list);
        // SAFETY: `Regions::open` returned the span. It is empty, as the caller checked, and in no list after `unlink`.
        // The store has no other reference to the span.
        unsafe { REGIONS.lock().close(span) };
    }
}

/// Whether two blocks lie in the same span.
fn is_same_span(a: *mut u8, b: *mut u8) -> bool {
    a.addr() / span::SIZE == b.addr() / span::SIZE
}

/// The list number of spans without a gap, which are in no list.
const NONE: u8 = u8::MAX;

/// Returns the number of the list for spans with this longest gap, in granules.
const fn list(gap: usize) -> u8 {
    match gap.checked_ilog2() {
        None => NONE,
        Some(0) => 0,
        Some(doubling) => (2 * doubling) as u8 + (gap >> (doubling - 1) & 1) as u8,
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::super::tests::{alone, class};
    use super::*;
    use std::vec::Vec;

    /// Returns a store for one test, of shard 3. The depot of shard 3 is empty: only a test that holds `alone` uses it.
    fn own(grain: Grain) -> Store {
        REGIONS.lock().reclaim(); // so that its spans begin untouched
        let mut store = Store::new();
        (store.grain, store.shard) = (grain, 3);
        store
    }

    fn take(store: &mut Store, size: usize, count: usize) -> Vec<*mut u8> {
        let mut blocks = std::vec![core::ptr::null_mut(); count];
        let taken = store.take(class(size), &mut blocks);
        blocks.truncate(taken);
        blocks
    }

    fn put(store: &mut Store, size: usize, blocks: &[*mut u8]) {
        // SAFETY: the store handed the blocks out, and the test does not use them again.
        assert_eq!(unsafe { store.put(class(size), blocks) }, Ok(()));
    }

    fn span(block: *mut u8) -> usize {
        block.addr() / span::SIZE
    }

    #[test]
    fn what_it_gives_out_and_takes_back_it_counts() {
        let _alone = alone();
        for (grain, size) in [(Grain::Fine, 3072), (Grain::Coarse, 5120)] {
            let mut store = own(grain);
            let most = span::SIZE / size;
            assert!(take(&mut store, size, 1).is_empty());
            store.open().unwrap();
            assert_eq!((store.out, store.touched), (0, 0));
            let blocks = take(&mut store, size, most + 10);
            assert_eq!((blocks.len(), store.out), (most, most * size));
            assert_eq!(store.touched, most * size);
            let (one, _) = store.take_one(class(size)).unwrap();
            assert_ne!(span(one.as_ptr()), span(blocks[0]));
            assert_eq!(
                (store.out, store.touched),
                ((most + 1) * size, (most + 1) * size)
            );
            // SAFETY: the block is handed out, and its span belongs to `store`, of shard 3.
            assert_eq!(unsafe { Store::of(one.as_ptr()) }, 3);
            // The last block closes its span. Also in reverse order, and with a swapped pair.
            put(&mut store, size, &[one.as_ptr()]);
            assert_eq!((store.out, store.touched), (most * size, most * size));
            let mut back = blocks;
            back.reverse();
            back.swap(3, 5);
            put(&mut store, size, &back[1..]);
            assert_eq!(store.out, size);
            // SAFETY: `put` refuses the block, which is already free, and accesses only the record of its span. The
            // span is open, because one block of it is still handed out.
            assert!(unsafe { store.put(class(size), &back[1..2]) }.is_err());
            put(&mut store, size, &back[..1]);
            assert_eq!((store.out, store.touched, store.filled), (0, 0, 0));
            assert!(store.lists.iter().all(|list| list.first().is_none()));
        }
    }

    #[test]
    fn a_fine_block_comes_from_a_tight_span_and_a_coarse_one_from_a_roomy_one() {
        let _alone = alone();
        for (grain, size, tight) in [(Grain::Fine, 3072, true), (Grain::Coarse, 5120, false)] {
            let mut store = own(grain);
            store.open().unwrap();
            let mut full = take(&mut store, size, 1000);
            let (roomy, _) = store.take_one(class(size)).unwrap();
            // Two neighbours of one span, and nearly all of the other.
            put(&mut store, size, &full[10..12]);
            let next = take(&mut store, size, 1);
            let expected = if tight { full[10] } else { roomy.as_ptr() };
            assert_eq!(span(next[0]), span(expected));
            full.drain(10..12);
            let left = take(&mut store, size, 1000);
            for block in [full, left, next, Vec::from([roomy.as_ptr()])]
                .into_iter()
                .flatten()
            {
                put(&mut store, size, &[block]);
            }
            assert_eq!(store.out, 0);
        }
    }

    #[test]
    fn a_gap_that_is_just_enough_is_found() {
        let _alone = alone();
        let mut store = own(Grain::Fine);
        store.open().unwrap();
        let all = take(&mut store, 16, 20_000);
        assert_eq!(all.len(), span::SIZE / 16);
        // List 8 is for gaps of 16 to 23 granules: 20 is enough for this block, 17 is not.
        put(&mut store, 16, &all[100..117]);
        assert!(take(&mut store, 320, 1).is_empty());
        put(&mut store, 16, &all[200..220]);
        assert_eq!(take(&mut store, 320, 2), [all[200]]);
        put(&mut store, 320, &all[200..201]);
        put(&mut store, 16, &all[..100]);
        put(&mut store, 16, &all[117..200]);
        put(&mut store, 16, &all[220..]);
        assert_eq!((store.out, store.touched), (0, 0));
    }

    #[test]
    fn little_of_much_is_less_than_a_third_of_more_than_a_span() {
        let _alone = alone();
        let mut store = own(Grain::Fine);
        let mut is_sparse = |out: usize, touched: usize| {
            (store.out, store.touched) = (out, touched);
            store.is_sparse()
        };
        const SPAN: usize = 256 * 1024;
        assert!(!is_sparse(0, 0) && !is_sparse(0, SPAN));
        assert!(is_sparse(0, SPAN + 1) && is_sparse(SPAN / 3 - 1, SPAN + 3));
        assert!(is_sparse(SPAN - 1, 3 * SPAN) && !is_sparse(SPAN, 3 * SPAN));
        // Blocks in the depot are not in use.
        let block = core::ptr::without_provenance_mut(16);
        depot::put(3, class(4096), &[block]);
        assert!(is_sparse(SPAN, 3 * SPAN) && is_sparse(SPAN + 4095, 3 * SPAN));
        assert!(!is_sparse(SPAN + 4096, 3 * SPAN) && is_sparse(0, 3 * SPAN));
        assert_eq!(depot::take(3, class(4096), &mut [block]), 1);
    }

    #[test]
    fn lists_are_two_to_a_doubling() {
        let first = [
            (0, NONE),
            (1, 0),
            (2, 2),
            (3, 3),
            (4, 4),
            (5, 4),
            (6, 5),
            (7, 5),
            (8, 6),
            (11, 6),
            (12, 7),
        ];
        for (gap, nth) in first
            .into_iter()
            .chain([(1 << 14, 28), ((1 << 14) - 1, 27)])
        {
            assert_eq!(list(gap), nth, "{gap}");
        }
        assert_eq!(LISTS, 29);
        assert_eq!(Grain::enough(class(48)), 3);
        assert_eq!(Grain::enough(class(64)), 7);
        assert_eq!(Grain::enough(class(5120)), 20);
        assert_eq!(Grain::enough(class(8192)), 63);
    }
}
