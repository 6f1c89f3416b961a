//! The heap against a model: what is live, and what it holds.

extern crate std;

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::NonNull;
use core::slice;
use std::collections::BTreeMap;
use std::sync::mpsc;
use std::thread;
use std::vec::Vec;

use super::Heap;
use super::class::{self, Class};
use super::register::Register;
use super::reservation::Reservation;
use super::span::{self, Corrupt, Grain, Span};

/// xorshift64*: the same numbers at every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) as usize % limit
    }

    /// Mostly small, some large, some on either side of a boundary.
    fn size(&mut self) -> usize {
        let bits = self.below(18);
        (1 << bits) + self.below(1 << bits) - self.below(2).min((1 << bits) - 1)
    }

    fn layout(&mut self) -> Layout {
        let align = match self.below(8) {
            0 => 1 << self.below(19),
            _ => 1 << self.below(5),
        };
        Layout::from_size_align(self.size(), align).unwrap()
    }
}

/// A live block, and the seed of the bytes in it.
#[derive(Clone, Copy)]
struct Block {
    start: *mut u8,
    layout: Layout,
    seed: u8,
}

// SAFETY: the block belongs to whoever has this.
unsafe impl Send for Block {}

impl Block {
    /// Bytes that differ from block to block and from place to place: each of a short block, every
    /// 509th of a long one and its last.
    fn places(&self) -> impl Iterator<Item = usize> + use<> {
        let size = self.layout.size();
        let step = if size < 512 { 1 } else { 509 };
        (0..size).step_by(step).chain([size - 1])
    }

    fn fill(&mut self, seed: u8) {
        self.seed = seed;
        for place in self.places() {
            // SAFETY: inside the block, which is ours.
            unsafe { *self.start.add(place) = seed.wrapping_add(place as u8) };
        }
    }

    /// Whether the first `length` bytes are what `fill` wrote.
    fn check(&self, length: usize) {
        for place in self.places().filter(|&place| place < length) {
            // SAFETY: inside the block, which is ours.
            let byte = unsafe { *self.start.add(place) };
            assert_eq!(
                byte,
                self.seed.wrapping_add(place as u8),
                "{:?}",
                self.layout
            );
        }
    }
}

/// What is live, by address.
#[derive(Default)]
struct Model {
    live: BTreeMap<usize, Block>,
    keys: Vec<usize>,
}

impl Model {
    /// The block is aligned and overlaps no other.
    fn insert(&mut self, block: Block) {
        let start = block.start.addr();
        assert_ne!(start, 0, "{:?}", block.layout);
        assert_eq!(start % block.layout.align(), 0, "{:?}", block.layout);
        if let Some((&other, before)) = self.live.range(..=start).next_back() {
            assert!(other + before.layout.size() <= start);
        }
        if let Some((&other, _)) = self.live.range(start..).next() {
            assert!(start + block.layout.size() <= other);
        }
        self.live.insert(start, block);
        self.keys.push(start);
    }

    fn remove(&mut self, random: &mut Random) -> Option<Block> {
        if self.keys.is_empty() {
            return None;
        }
        let key = self.keys.swap_remove(random.below(self.keys.len()));
        let block = self.live.remove(&key)?;
        block.check(block.layout.size());
        Some(block)
    }
}

#[test]
fn random_operations_agree_with_the_model() {
    let heap = Heap::new();
    let mut random = Random(1);
    let mut model = Model::default();
    for round in 0..40_000 {
        // Grows to some hundred blocks, shrinks to none, and again.
        let growing = round / 2_000 % 2 == 0;
        match random.below(if growing { 5 } else { 8 }) {
            0 | 1 => {
                let layout = random.layout();
                // SAFETY: the layout is not of size 0.
                let start = unsafe { heap.alloc(layout) };
                let mut block = Block {
                    start,
                    layout,
                    seed: 0,
                };
                block.fill(round as u8);
                model.insert(block);
            }
            2 => {
                let layout = random.layout();
                // SAFETY: as above.
                let start = unsafe { heap.alloc_zeroed(layout) };
                let mut block = Block {
                    start,
                    layout,
                    seed: 0,
                };
                // SAFETY: all of the block is written.
                let bytes = unsafe { slice::from_raw_parts(start, layout.size()) };
                assert!(bytes.iter().all(|&byte| byte == 0), "{layout:?}");
                block.fill(round as u8);
                model.insert(block);
            }
            3 => {
                if let Some(mut block) = model.remove(&mut random) {
                    let old = block.layout;
                    let size = random.size();
                    block.layout = Layout::from_size_align(size, old.align()).unwrap();
                    // SAFETY: a live block of this layout, and a size that is not 0.
                    block.start = unsafe { heap.realloc(block.start, old, size) };
                    let kept = Block {
                        layout: old,
                        ..block
                    };
                    kept.check(old.size().min(size));
                    block.fill(round as u8);
                    model.insert(block);
                }
            }
            _ => {
                if let Some(block) = model.remove(&mut random) {
                    // SAFETY: a live block of this layout.
                    unsafe { heap.dealloc(block.start, block.layout) };
                }
            }
        }
    }
}

#[test]
fn every_alignment_up_to_a_gibibyte() {
    let heap = Heap::new();
    for bits in 0..=30 {
        for size in [1, 100, 5_000, 70_000] {
            let layout = Layout::from_size_align(size, 1 << bits).unwrap();
            let mut model = Model::default();
            for seed in 0..3 {
                // SAFETY: the layout is not of size 0.
                let start = unsafe { heap.alloc(layout) };
                let mut block = Block {
                    start,
                    layout,
                    seed,
                };
                block.fill(seed);
                model.insert(block);
            }
            for block in model.live.into_values() {
                block.check(size);
                // SAFETY: a live block of this layout.
                let start = unsafe { heap.realloc(block.start, layout, 2 * size) };
                assert_eq!(start.addr() % layout.align(), 0);
                let grown = Layout::from_size_align(2 * size, layout.align()).unwrap();
                Block { start, ..block }.check(size);
                // SAFETY: a live block of the grown layout.
                unsafe { heap.dealloc(start, grown) };
            }
        }
    }
}

#[test]
fn what_cannot_be_is_null_and_harms_nothing() {
    let heap = Heap::new();
    let kept = Layout::from_size_align(100_000, 8).unwrap();
    // SAFETY: not of size 0.
    let start = unsafe { heap.alloc(kept) };
    let mut block = Block {
        start,
        layout: kept,
        seed: 0,
    };
    block.fill(7);
    for align in [1, 4096, 1 << 30, 1 << 62] {
        let most = isize::MAX as usize & !(align - 1);
        let layout = Layout::from_size_align(most, align).unwrap();
        // SAFETY: not of size 0.
        assert!(unsafe { heap.alloc(layout) }.is_null());
        // SAFETY: as above.
        assert!(unsafe { heap.alloc_zeroed(layout) }.is_null());
    }
    // SAFETY: a live block, and a size that rounded up to 8 is within isize::MAX.
    assert!(unsafe { heap.realloc(block.start, kept, isize::MAX as usize - 7) }.is_null());
    block.check(kept.size());
    // SAFETY: a live block of this layout.
    unsafe { heap.dealloc(block.start, kept) };
}

#[test]
fn blocks_of_one_thread_are_freed_by_another() {
    static HEAP: Heap = Heap::new();
    const THREADS: usize = 4;
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..THREADS).map(|_| mpsc::channel()).unzip();
    thread::scope(|scope| {
        for (me, receiver) in receivers.into_iter().enumerate() {
            let senders = senders.clone();
            scope.spawn(move || {
                let mut random = Random(me as u64 + 1);
                for round in 0..10_000 {
                    let layout = Layout::from_size_align(1 + random.size() % 50_000, 16).unwrap();
                    // SAFETY: not of size 0.
                    let start = unsafe { HEAP.alloc(layout) };
                    let mut block = Block {
                        start,
                        layout,
                        seed: 0,
                    };
                    block.fill((round * 7 + me) as u8);
                    senders[random.below(THREADS)].send(block).unwrap();
                    for block in receiver.try_iter().take(2) {
                        free(block);
                    }
                }
                drop(senders);
                receiver.iter().for_each(free);
            });
        }
        drop(senders);
    });
    fn free(block: Block) {
        block.check(block.layout.size());
        // SAFETY: the block was sent here, and nobody else has it.
        unsafe { HEAP.dealloc(block.start, block.layout) };
    }
}

#[test]
fn classes_fit() {
    let mut last = None;
    for size in 1..=80_000 {
        for align in [1, 8, 64, 4096] {
            let Some(class) = Class::of(Layout::from_size_align(size, align).unwrap()) else {
                assert!(size > 64 * 1024);
                continue;
            };
            assert!(class.index() < class::COUNT);
            assert!(class.size() >= size && class.size() % align == 0);
            assert!(
                class.size() <= 16.max(align).max(2 * size - 1),
                "{size} {align}"
            );
            last = last.max(Some(class.index()));
        }
    }
    assert_eq!(last, Some(class::COUNT - 1));
}

#[test]
fn a_block_is_cut_and_put_back_to_the_bit() {
    let mut memory = std::vec![0_u64; (2 * span::SIZE + span::BITMAP) / 8];
    let start = memory.as_mut_ptr().cast::<u8>();
    // SAFETY: within the memory, a span begins at a multiple of its size; the bits are behind it.
    let mut span = unsafe {
        let start = start.add(start.align_offset(span::SIZE));
        let bits = memory.as_mut_ptr().add(2 * span::SIZE / 8);
        Span::new(
            NonNull::new(start).unwrap(),
            NonNull::new(bits).unwrap(),
            Grain::Fine,
            0,
        )
    };
    let class = |size| Class::of(Layout::from_size_align(size, 8).unwrap()).unwrap();
    let mut blocks = [core::ptr::null_mut(); 100];
    assert_eq!(span.take(class(48), &mut blocks), 100);
    let block = |n: usize| NonNull::new(blocks[n]).unwrap();
    assert_eq!(block(99).addr().get() - block(0).addr().get(), 99 * 48);

    // Two neighbours are one gap, for one block of their joint size.
    span.put(class(48), block(10), 2).unwrap();
    let mut joint = [core::ptr::null_mut()];
    assert_eq!(span.take(class(96), &mut joint), 1);
    assert_eq!(joint[0], blocks[10]);

    let twice = span.put(class(48), block(20), 1);
    assert_eq!(twice, Ok(()));
    assert_eq!(
        span.put(class(48), block(20), 1),
        Err(Corrupt::Twice(block(20)))
    );
    // Within a granule; of the other grain; behind the end.
    let inside = block(30).map_addr(|address| address | 8);
    assert_eq!(
        span.put(class(48), inside, 1),
        Err(Corrupt::Foreign(inside))
    );
    assert!(span.put(class(8192), block(30), 1).is_err());
    assert!(span.put(class(48), block(30), span::SIZE / 48).is_err());

    span.put(class(96), block(10), 1).unwrap();
    for n in (0..100).filter(|n| ![10, 11, 20].contains(n)) {
        assert!(!span.is_empty());
        span.put(class(48), block(n), 1).unwrap();
    }
    assert!(span.is_empty() && span.touched() >= 100 * 48);
}

#[test]
fn a_register_finds_what_is_in_it() {
    let mut register = Register::new();
    let mut random = Random(5);
    let mut there = Vec::new();
    let place = |n: usize| NonNull::new(core::ptr::without_provenance_mut(n << 12)).unwrap();
    for _ in 0..20_000 {
        if random.below(5) < 3 || there.is_empty() {
            let n = 1 + random.below(1 << 20);
            if register.get(place(n)).is_none() {
                assert!(register.insert(Reservation::space(place(n))).is_ok());
                there.push(n);
            }
        } else {
            let n = there.swap_remove(random.below(there.len()));
            assert!(register.remove(place(n)).is_some());
            assert!(register.get(place(n)).is_none());
        }
        assert_eq!(register.count(), there.len());
    }
    for n in there {
        let lent = register.lend(place(n)).unwrap();
        assert!(register.get(place(n)).is_none());
        register.give_back(lent);
        assert_eq!(register.get(place(n)).unwrap().block(), place(n));
    }
}
