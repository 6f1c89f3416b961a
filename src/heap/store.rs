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
