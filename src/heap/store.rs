//! The stores: the spans of a grain, which all threads share, by the longest gap that each has.

use core::ptr::NonNull;

use super::class::Class;
use super::depot::{self, SHARDS};
use super::region;
use super::regions::REGIONS;
use super::span::{self, Block, Corrupt, Grain, List, Span};
use crate::sync::Mutex;

/// The spans of a grain.
pub struct Store {
    grain: Grain,
    shard: u8,
    /// The spans by their longest known gap: two lists for each doubling of its granules.
    lists: [List; LISTS],
    /// A bit for each list that has a span.
    filled: u32,
    /// How many bytes are out, in a thread's cache or in use.
    out: usize,
    /// How many bytes the spans have touched.
    touched: usize,
}

/// A gap is of up to 2^14 granules.
const LISTS: usize = list(1 << 14) as usize + 1;

/// How many spans to look at that perhaps have a gap, where none certainly has.
const LOOK: usize = 32;

/// On cache lines of its own each.
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

    /// Lends a store for a class to `work`, which must not come back here.
    pub fn with<R>(shard: u8, class: Class, work: impl FnOnce(&mut Self) -> R) -> R {
        let grain = Grain::of(class);
        let mut store = STORES[usize::from(shard) % SHARDS][grain as usize].0.lock();
        // Here, so that the stores begin as zeros, of which a program's file has no byte.
        (store.grain, store.shard) = (grain, shard);
        work(&mut store)
    }

    /// The shard that a block is of.
    ///
    /// # Safety
    /// As for [`put_back`](Self::put_back): while a block is out, its span stays of its store.
    pub unsafe fn of(block: *mut u8) -> u8 {
        // SAFETY: the caller's promise.
        unsafe { *region::shard(region::span_of(NonNull::new_unchecked(block))) }
    }

    /// Takes blocks back, whichever stores they are of; or says why one of them cannot be one that is
    /// out.
    ///
    /// # Safety
    /// The heap gave them out as small ones of this grain, and they are not used again; none is null.
    pub unsafe fn put_back(class: Class, mut blocks: &[*mut u8]) -> Result<(), Corrupt> {
        // SAFETY: the caller's promise.
        let shard = |&block: &*mut u8| unsafe { Self::of(block) };
        while let Some(first) = blocks.first() {
            let of = shard(first);
            let count = blocks.iter().take_while(|block| shard(block) == of).count();
            let (these, others) = blocks.split_at(count);
            // SAFETY: the caller's promise.
            Self::with(of, class, |store| unsafe { store.put(class, these) })?;
            blocks = others;
        }
        Ok(())
    }

    /// Whether little is out of much that was touched: then few blocks, if they stayed in a cache,
    /// could keep all of it from the kernel.
    pub fn is_sparse(&self) -> bool {
        /// What is touched does not matter below this many bytes.
        const LITTLE: usize = span::SIZE;
        self.touched > LITTLE
            && self.out.saturating_sub(depot::bytes(self.shard)) < self.touched / 3
    }

    /// Gives out blocks, as many as there are and `out` has room for; says how many.
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

    /// Gives out one block, and says whether it is zero.
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
    /// As for [`put_back`](Self::put_back).
    unsafe fn put(&mut self, class: Class, blocks: &[*mut u8]) -> Result<(), Corrupt> {
        let size = class.size();
        let mut blocks = blocks.iter().copied();
        let mut next = blocks.next();
        while let Some(block) = next {
            // What was cut in a row often comes back in a row, or in the reverse order.
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
            // SAFETY: the caller's promise.
            unsafe { self.put_row(class, NonNull::new_unchecked(first), count)? };
        }
        Ok(())
    }

    /// Takes back so many blocks of a span, one behind the other.
    ///
    /// # Safety
    /// As for [`put`](Self::put).
    unsafe fn put_row(&mut self, class: Class, first: Block, count: usize) -> Result<(), Corrupt> {
        // SAFETY: the caller's promise.
        let span = unsafe { region::span_of(first) };
        self.used(span, |record| record.put(class, first, count))?;
        self.out -= count * class.size();
        // SAFETY: a span of this store; nobody else uses its record.
        if unsafe { span.as_ref() }.is_empty() {
            self.close(span);
        }
        Ok(())
    }

    /// A span that has, or perhaps has, a gap for a block of this class. Of those that certainly have it is
    /// one of the tightest, so that long gaps stay for long blocks; but for coarse blocks one of the
    /// roomiest, because few of those fill a span, and a search costs more than they save.
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
            // SAFETY: the spans of a store's lists are the store's, which is borrowed.
            let record = unsafe { span.as_ref() };
            if record.gap() >= wanted {
                return Some(span);
            }
            next = record.behind;
        }
        None
    }

    /// Lends the record of a span of this store to `work`, and puts the span into the list where it
    /// belongs then.
    fn used<R>(&mut self, mut span: NonNull<Span>, work: impl FnOnce(&mut Span) -> R) -> R {
        // SAFETY: a span of this store, which is borrowed.
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

    fn link(&mut self, span: NonNull<Span>, list: u8) {
        if list == NONE {
            return;
        }
        // SAFETY: a span of this store that is in no list.
        unsafe { self.lists[list as usize].push(span) };
        self.filled |= 1 << list;
    }

    fn unlink(&mut self, span: NonNull<Span>, list: u8) {
        if list == NONE {
            return;
        }
        let spans = &mut self.lists[list as usize];
        // SAFETY: a span that is in this list of this store.
        unsafe { spans.remove(span) };
        if spans.first().is_none() {
            self.filled &= !(1 << list);
        }
    }

    /// Takes a span more, if the kernel has memory for it.
    pub fn open(&mut self) -> span::Link {
        let mut span = REGIONS.lock().open(self.grain)?;
        // SAFETY: the regions gave the span to this store alone, whose lock the caller has.
        let record = unsafe { span.as_mut() };
        // SAFETY: a span of the regions is in a quad, and no thread reads the shard before the store hands out a block.
        unsafe { *region::shard(span) = self.shard };
        record.list = list(record.gap());
        self.touched += record.touched();
        self.link(span, record.list);
        Some(span)
    }

    /// Gives a span back of which no block is out.
    fn close(&mut self, span: NonNull<Span>) {
        // SAFETY: a span of this store.
        let record = unsafe { span.as_ref() };
        self.touched -= record.touched();
        self.unlink(span, record.list);
        // SAFETY: it is in no list any more, and nothing of it is out.
        unsafe { REGIONS.lock().close(span) };
    }
}

/// Whether two blocks are of the same span.
fn is_same_span(a: *mut u8, b: *mut u8) -> bool {
    a.addr() / span::SIZE == b.addr() / span::SIZE
}

/// The list of the spans without a gap: none.
const NONE: u8 = u8::MAX;

/// The list for spans with this longest gap.
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

    /// A store of a test's own, of a shard that no test's depot has anything of.
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
        // SAFETY: the store gave the blocks out, and they are not used again.
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
            // SAFETY: the block is out, of the shard above.
            assert_eq!(unsafe { Store::of(one.as_ptr()) }, 3);
            // The last one closes its span; in the reverse order, too, and with one between.
            put(&mut store, size, &[one.as_ptr()]);
            assert_eq!((store.out, store.touched), (most * size, most * size));
            let mut back = blocks;
            back.reverse();
            back.swap(3, 5);
            put(&mut store, size, &back[1..]);
            assert_eq!(store.out, size);
            // SAFETY: as above: it is not out.
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
        // 20 granules are in the list of 16 to 23, with those of 17, which are not enough.
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
        // What lies in a depot is in nobody's use.
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
