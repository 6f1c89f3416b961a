//! The parts of the heap: sizes, spans and the register. (The whole is compared with a model in `tests/`.)

extern crate std;

use core::alloc::Layout;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use core::time::Duration;
use std::thread;
use std::time::Instant;
use std::vec::Vec;

use super::class::{self, Class};
use super::large;
use super::register::{REGISTER, Register};
use super::reservation::Reservation;
use super::span::{self, Corrupt, Grain, Span};
use crate::abi::tests::AFTER_CALL;

/// xorshift64*: the same numbers at every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) as usize % limit
    }
}

#[test]
fn classes_fit() {
    let mut last = None;
    for size in (1..=80_000).step_by(if cfg!(miri) { 997 } else { 1 }) {
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

/// A system call for a large mapping may take long. Other threads use the register in the meantime.
#[test]
fn the_register_is_free_during_the_system_calls_for_a_large_block() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    fn look() {
        CALLS.fetch_add(1, Relaxed);
        // Another thread tries the lock, because this thread may hold it.
        let is_free = thread::spawn(|| {
            let begin = Instant::now();
            while REGISTER.try_lock().is_none() {
                if begin.elapsed() > Duration::from_secs(10) {
                    return false;
                }
                thread::yield_now();
            }
            true
        });
        assert!(is_free.join().unwrap(), "the register is locked");
    }
    let layout = |size| Layout::from_size_align(size, 8).unwrap();
    let mut size = 33 << 20;
    let mut calls = 0;
    let mut has_called =
        || core::mem::replace(&mut calls, CALLS.load(Relaxed)) < CALLS.load(Relaxed);
    AFTER_CALL.set(Some(look));
    let mut block = large::alloc(layout(size), false).unwrap();
    assert!(has_called());
    for larger in [34 << 20, 200 << 20, 33 << 20] {
        // SAFETY: `block` is the latest block of `large`, of `size` bytes; no other code uses it.
        let resized = unsafe { large::realloc(block, layout(size), larger) };
        block = resized.unwrap().unwrap();
        size = larger;
        assert!(has_called(), "{larger}");
    }
    // SAFETY: as above.
    assert_eq!(unsafe { large::dealloc(block, layout(size)) }, Ok(()));
    assert!(has_called());
    AFTER_CALL.set(None);
}
