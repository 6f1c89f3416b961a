//! Tests of the heap's parts: size classes, spans, the register and large blocks. (Tests under `tests/` compare the
//! whole heap with a model.)

extern crate std;

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use core::time::Duration;
use std::string::String;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;
use std::vec::Vec;

use super::Heap;
use super::class::{self, Class};
use super::large;
use super::regions::REGIONS;
use super::register::{REGISTER, Register};
use super::reservation::Reservation;
use super::span::{self, Corrupt, Grain, Span};
use crate::abi::tests::AFTER_CALL;

/// Locks the caches, the depots and the stores of the process: no other test uses them while the caller holds the
/// result.
pub fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    REGIONS.lock().reclaim(); // so that spans begin untouched
    alone
}

pub fn class(size: usize) -> Class {
    Class::of(Layout::from_size_align(size, 8).unwrap()).unwrap()
}

/// Returns the access rights of an address of this process, as in `/proc/self/maps`; "none" if the address is not
/// mapped.
pub fn rights(address: usize) -> String {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mut lines = maps.lines().filter_map(|line| line.split_once(' '));
    let found = lines.find(|(range, _)| contains(range, address));
    found.map_or("none", |(_, rest)| &rest[..4]).into()
}

fn contains(range: &str, address: usize) -> bool {
    let (begin, end) = range.split_once('-').unwrap();
    let number = |text| usize::from_str_radix(text, 16).unwrap();
    (number(begin)..number(end)).contains(&address)
}

/// Whether huge pages were requested at an address. `None` if this kernel has no huge pages.
#[cfg(target_arch = "x86_64")]
pub fn has_huge_pages(address: usize) -> Option<bool> {
    std::fs::exists("/sys/kernel/mm/transparent_hugepage")
        .ok()?
        .then_some(())?;
    let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let is_begin = |line: &&str| {
        line.split(' ')
            .next()
            .is_some_and(|range| range.contains('-'))
    };
    let mut lines = maps.lines();
    lines.find(|line| is_begin(line) && contains(line.split(' ').next().unwrap(), address))?;
    let flags = lines.find(|line| line.starts_with("VmFlags:"))?;
    Some(flags.split(' ').any(|flag| flag == "hg"))
}

/// A pseudo-random generator (xorshift64*): it returns the same numbers in each run.
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
    for size in (1..=80_000).step_by(if crate::SLOW { 997 } else { 1 }) {
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

/// Computes the sizes in another way: 16 bytes apart up to 128, then eight to each doubling, and above 4 KiB four.
#[test]
fn classes_are_of_these_sizes() {
    let mut sizes: Vec<usize> = (1..=8).map(|nth| 16 * nth).collect();
    for doubling in (7..16).map(|power| 1 << power) {
        let parts = if doubling < 4096 { 8 } else { 4 };
        sizes.extend((1..=parts).map(|part| doubling + doubling / parts * part));
    }
    assert_eq!(sizes.last(), Some(&class::LARGEST));
    assert!(
        Class::ALL
            .iter()
            .map(|class| class.size())
            .eq(sizes.iter().copied())
    );
    assert!(
        Class::ALL
            .iter()
            .map(|class| class.index())
            .eq(0..class::COUNT)
    );
    let mut slots = 0;
    for class in Class::ALL {
        let most = (65_536 / class.size()).clamp(4, 512);
        assert_eq!((class.most(), class.first_slot()), (most, slots));
        slots += most;
    }
    assert_eq!(class::SLOTS, slots);

    let of = |size, align| Class::of(Layout::from_size_align(size, align).unwrap());
    for size in 1..=class::LARGEST {
        let nth = sizes.partition_point(|&other| other < size);
        // (Miri is slow.)
        if crate::SLOW && size % 97 != 0 {
            continue;
        }
        assert_eq!(of(size, 16), Some(Class::ALL[nth]), "{size}");
    }
    // A layout of size 0 has a class too. An alignment above 16 rounds the size up to a power of two that is at least
    // the alignment.
    assert_eq!(of(0, 1), Some(Class::ALL[0]));
    assert_eq!(of(1, 32).map(Class::size), Some(32));
    assert_eq!(of(33, 32).map(Class::size), Some(64));
    assert_eq!(of(1, 65_536).map(Class::size), Some(65_536));
    for (size, align) in [
        (65_537, 1),
        (1, 131_072),
        (32_769, 65_536 * 2),
        (isize::MAX as usize - 63, 64),
    ] {
        assert_eq!(of(size, align), None);
    }
}

/// Returns a record of a span, and the memory that holds the span and its bitmap.
fn span(grain: Grain) -> (Span, Vec<u64>) {
    let mut memory = std::vec![0_u64; (2 * span::SIZE + span::BITMAP) / 8];
    let start = memory.as_mut_ptr().cast::<u8>();
    // SAFETY: the memory holds two spans, so it contains a whole aligned span, and the bitmap after both. The caller
    // keeps the memory for as long as the record.
    let span = unsafe {
        let start = start.add(start.align_offset(span::SIZE));
        let bits = memory.as_mut_ptr().add(2 * span::SIZE / 8);
        Span::new(
            NonNull::new(start).unwrap(),
            NonNull::new(bits).unwrap(),
            grain,
            0,
        )
    };
    (span, memory)
}

/// A span, and the test's model of it: for each granule, whether it is free.
struct Granules {
    span: Span,
    free: Vec<bool>,
    bytes: usize,
    touched: usize,
    /// Whether the last search reached the end of the span, so that the next search begins at the start of the span.
    ended: bool,
    _memory: Vec<u64>,
}

impl Granules {
    fn new(grain: Grain) -> Self {
        let (span, memory) = span(grain);
        let bytes = if grain == Grain::Fine { 16 } else { 256 };
        Self {
            span,
            free: std::vec![true; span::SIZE / bytes],
            bytes,
            touched: 0,
            ended: true,
            _memory: memory,
        }
    }

    /// Returns the first granule and the length of each gap.
    fn gaps(&self) -> Vec<(usize, usize)> {
        let mut gaps = Vec::new();
        let mut first = 0;
        for chunk in self.free.chunk_by(|a, b| a == b) {
            if chunk[0] {
                gaps.push((first, chunk.len()));
            }
            first += chunk.len();
        }
        gaps
    }

    /// Returns how many granules a block has, and the alignment of its first granule.
    fn shape(&self, class: Class) -> (usize, usize) {
        let length = class.size() / self.bytes;
        (
            length,
            if class.size().is_power_of_two() {
                length
            } else {
                1
            },
        )
    }

    /// Whether a gap has room for a block of this class.
    fn has_room(&self, class: Class) -> bool {
        let (length, align) = self.shape(class);
        let fits =
            |&(first, gap): &(usize, usize)| first.next_multiple_of(align) + length <= first + gap;
        self.gaps().iter().any(fits)
    }

    /// Takes blocks, and checks each.
    fn take(&mut self, class: Class, count: usize) -> Vec<*mut u8> {
        let mut blocks = std::vec![core::ptr::null_mut(); count];
        let taken = self.span.take(class, &mut blocks);
        blocks.truncate(taken);
        let (length, align) = self.shape(class);
        for block in &blocks {
            let offset = block.addr() - self.span.start().addr().get();
            let first = offset / self.bytes;
            assert_eq!((offset % self.bytes, first % align), (0, 0));
            assert!(self.free[first..first + length].iter().all(|&free| free));
            self.free[first..first + length].fill(false);
            self.touched = self.touched.max((first + length) * self.bytes);
        }
        // A search through the whole span makes the longest gap exact.
        let ends = taken < count;
        if core::mem::replace(&mut self.ended, ends) && ends {
            let longest = self.gaps().iter().map(|gap| gap.1).max();
            assert_eq!(self.span.gap(), longest.unwrap_or(0));
        }
        self.check();
        blocks
    }

    /// Puts a row of blocks back.
    fn put(&mut self, class: Class, block: *mut u8, count: usize) {
        let first = (block.addr() - self.span.start().addr().get()) / self.bytes;
        let block = NonNull::new(block).unwrap();
        assert_eq!(self.span.put(class, block, count), Ok(()));
        let end = first + count * self.shape(class).0;
        self.free[first..end].fill(true);
        self.check();
    }

    fn check(&self) {
        assert_eq!(self.span.is_empty(), self.free.iter().all(|&free| free));
        assert_eq!(self.span.touched(), self.touched);
    }
}

#[test]
fn a_span_agrees_with_a_row_of_granules() {
    for (grain, sizes) in [
        (Grain::Fine, [16, 48, 64, 1000, 1024, 4096]),
        (Grain::Coarse, [5000, 8192, 10_240, 16_384, 40_000, 65_536]),
    ] {
        let mut random = Random(grain as u64 + 1);
        let mut granules = Granules::new(grain);
        let mut out = Vec::new();
        for round in 0..if crate::SLOW { 30 } else { 400 } {
            let size = class(sizes[random.below(sizes.len())]);
            let wanted = 1 + random.below(40);
            let had_room = granules.has_room(size);
            let mut taken = granules.take(size, wanted);
            if taken.is_empty() && had_room {
                // The search began after the only room. The next search begins at the start.
                taken = granules.take(size, wanted);
                assert!(!taken.is_empty());
            }
            out.extend(taken.into_iter().map(|block| (size, block)));
            let some = if round % 50 == 49 {
                out.len()
            } else {
                random.below(50)
            };
            for _ in 0..some.min(out.len()) {
                let (size, block) = out.swap_remove(random.below(out.len()));
                granules.put(size, block, 1);
                // The known gap includes at least the block.
                assert!(granules.span.gap() >= granules.shape(size).0);
            }
        }
        for (size, block) in out {
            granules.put(size, block, 1);
        }
    }
}

#[test]
fn a_span_finds_what_came_back_before_all_else() {
    let mut granules = Granules::new(Grain::Fine);
    let blocks = granules.take(class(1024), 200);
    assert_eq!(
        granules.take(class(1024), 1),
        [blocks[199].wrapping_add(1024)]
    );
    // The row lies far before the end of the last search.
    granules.put(class(1024), blocks[2], 3);
    assert_eq!(granules.take(class(1024), 4)[..3], blocks[2..5]);
    // A gap includes free granules in the neighbouring words.
    let small = granules.take(class(16), 300);
    let gap = |granules: &mut Granules| {
        // All other granules are used, so that the granules that the test puts back are the only gap.
        while !granules.take(class(16), 10_000).is_empty() {}
        granules.span.gap()
    };
    assert_eq!(gap(&mut granules), 0);
    granules.put(class(16), small[70], 1);
    assert_eq!(granules.span.gap(), 1);
    granules.put(class(16), small[72], 1);
    assert_eq!(granules.span.gap(), 1);
    granules.put(class(16), small[71], 1);
    assert_eq!(granules.span.gap(), 3);
    granules.put(class(16), small[73], 60);
    assert_eq!(granules.span.gap(), 63);
    // At most 64 free granules on either side are seen.
    granules.put(class(16), small[150], 100);
    assert_eq!(granules.span.gap(), 100);
    granules.put(class(16), small[133], 17);
    assert_eq!(granules.span.gap(), 63 + 17 + 64);
    granules.put(class(16), small[0], 1);
    assert_eq!(granules.span.gap(), 63 + 17 + 64);
}

#[test]
fn a_block_is_zero_where_none_was() {
    let mut granules = Granules::new(Grain::Coarse);
    let one = |granules: &mut Granules| granules.span.take_one(class(8192)).unwrap();
    let (first, zero) = one(&mut granules);
    assert!(zero);
    let (second, zero) = one(&mut granules);
    assert!(zero && second.addr().get() == first.addr().get() + 8192);
    granules.span.put(class(8192), first, 1).unwrap();
    assert_eq!(one(&mut granules), (first, false));
    assert_eq!(granules.span.touched(), 2 * 8192);
    assert!(one(&mut granules).1);
    for _ in 3..32 {
        one(&mut granules);
    }
    for _ in 0..2 {
        assert!(granules.span.take_one(class(8192)).is_none());
    }
    assert_eq!(
        (granules.span.touched(), granules.span.gap()),
        (span::SIZE, 0)
    );
}

#[test]
fn words_have_the_bits_of_a_range() {
    for (first, end) in [
        (0, 1),
        (0, 64),
        (1, 64),
        (63, 65),
        (64, 128),
        (5, 200),
        (130, 130),
    ] {
        let mut bits = [false; 256];
        for (word, mask) in span::words(first, end) {
            for bit in (0..64).filter(|bit| mask >> bit & 1 != 0) {
                assert!(!core::mem::replace(&mut bits[64 * word + bit], true));
            }
        }
        assert!(
            (0..256).all(|bit| bits[bit] == (first..end).contains(&bit)),
            "{first} {end}"
        );
    }
}

#[test]
fn a_block_is_cut_and_put_back_to_the_bit() {
    let (mut span, _memory) = span(Grain::Fine);
    let mut blocks = [core::ptr::null_mut(); 100];
    assert_eq!(span.take(class(48), &mut blocks), 100);
    let block = |n: usize| NonNull::new(blocks[n]).unwrap();
    assert_eq!(block(99).addr().get() - block(0).addr().get(), 99 * 48);

    // Two adjacent blocks form one gap, which has room for a block of their joint size.
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
    // Refused: an address within a granule, a block of the other grain, a row past the end.
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

#[test]
fn size_and_alignment_say_where_a_block_is() {
    let _alone = alone();
    const MIB: usize = 1 << 20;
    for (size, align, own) in [
        (65_537, 16, false),
        (32 * MIB, 16, false),
        (32 * MIB + 1, 16, true),
        (100, MIB, false),
        (100, 2 * MIB, true),
        (32 * MIB, MIB, false),
    ] {
        let layout = Layout::from_size_align(size, align).unwrap();
        let block = large::alloc(layout, false).unwrap();
        assert_eq!(block.addr().get() % align, 0);
        assert_eq!(REGISTER.lock().get(block).is_some(), own, "{size} {align}");
        // SAFETY: the block is allocated with this layout, and only this test uses it.
        let resized = unsafe { large::realloc(block, layout, 32 * MIB + 1) };
        // A mapping of its own is resized. A block in a region would have to be copied, so it stays.
        assert_eq!(resized.unwrap().is_some(), own);
        let block = resized.unwrap().unwrap_or(block);
        let layout = match resized {
            Ok(Some(_)) => Layout::from_size_align(32 * MIB + 1, align).unwrap(),
            _ => layout,
        };
        // SAFETY: the block is allocated with this layout, and not used again.
        assert_eq!(unsafe { large::dealloc(block, layout) }, Ok(()));
        // SAFETY: the block is not allocated any more, so the call refuses it and accesses only the heap's records.
        let again = unsafe { large::dealloc(block, layout) };
        assert_eq!(again, Err(Corrupt::Foreign(block)));
        // SAFETY: as above.
        assert!(unsafe { large::realloc(block, layout, MIB) }.is_err());
    }
}

#[test]
fn only_another_class_moves_a_block() {
    let _alone = alone();
    let heap = Heap::new();
    let layout = |size| Layout::from_size_align(size, 8).unwrap();
    // SAFETY: no size is 0, each layout is the block's at that moment, and each block is freed once.
    unsafe {
        let mut block = heap.alloc(layout(100));
        block.write_bytes(7, 100);
        let mut size = 100;
        for (new, stays) in [
            (112, true),
            (97, true),
            (113, false),
            (112, false),
            (66_000, false),
            (131_072, true),
            (200, false),
        ] {
            let before = block;
            block = heap.realloc(block, layout(size), new);
            assert_eq!(block == before, stays, "{size} to {new}");
            let kept = core::slice::from_raw_parts(block, 97);
            assert!(kept.iter().all(|&byte| byte == 7));
            size = new;
        }
        // `alloc_zeroed` clears a block that was just freed, whatever its size.
        heap.dealloc(block, layout(size));
        for size in [200, 4095, 4096, 40_000, 65_536, 65_537, 300_000] {
            let block = heap.alloc(layout(size));
            block.write_bytes(7, size);
            heap.dealloc(block, layout(size));
            let block = heap.alloc_zeroed(layout(size));
            let bytes = core::slice::from_raw_parts(block, size);
            assert!(bytes.iter().all(|&byte| byte == 0), "{size}");
            heap.dealloc(block, layout(size));
        }
        // An address space of 32 bits may have room for the largest layout.
        if cfg!(target_pointer_width = "64") {
            let largest = layout(isize::MAX as usize - 15);
            assert!(heap.alloc(largest).is_null() && heap.alloc_zeroed(largest).is_null());
        }
    }
}
