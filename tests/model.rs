//! Compares the heap with a model of a heap (`tests/model`): here under std, and in a freestanding program
//! (`tests/probes/src/bin/model.rs`) on both architectures. Also tests the model itself: it must accept a sound heap,
//! and find the defect of each broken heap.

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::ptr;
use std::sync::Mutex;
use std::thread;

use heap_model::{Exchange, Fault, Model, Random, Wrong};
use libtest_mimic::Trial;
use ring3::heap::{Heap, Small};

use crate::per_arch;
use crate::support::{Arch, Ran, once, run};
use crate::trial::{LONG, may_take};

pub fn trials() -> Vec<Trial> {
    per_arch![
        agrees_over_random_operations,
        agrees_between_threads,
        agrees_over_generations_of_threads,
        agrees_over_the_corpus,
        small_agrees_over_random_operations,
        small_agrees_between_threads,
        small_agrees_over_generations_of_threads,
        small_agrees_over_the_corpus,
    ]
    .chain([
        once("model::a_sound_heap_passes", a_sound_heap_passes),
        once("model::broken_heaps_do_not", broken_heaps_do_not),
        once("model::agrees_under_std", agrees_under_std),
        once("model::small_agrees_under_std", small_agrees_under_std),
        once(
            "model::agrees_between_threads_of_std",
            agrees_between_threads_of_std,
        ),
        once(
            "model::agrees_over_the_corpus_under_std",
            agrees_over_the_corpus_under_std,
        ),
    ])
    .collect()
}

/// Makes a heap perform random operations, then frees all blocks.
fn random(heap: &impl GlobalAlloc, seed: u32, operations: u64) -> Result<(), Fault> {
    may_take(LONG);
    let (mut model, exchange) = (Model::new(0), Exchange::new());
    let (mut random, mut buffer) = (Random::new(seed), [0; 1024]);
    while model.operations() < operations {
        model.run(heap, &exchange, random.operations(&mut buffer))?;
    }
    model.finish(heap, &exchange)
}

fn a_sound_heap_passes() {
    random(&System, 1, 50_000).unwrap();
}

/// A heap with a defect.
struct Broken {
    wrong: Wrong,
    /// The start and the size of the latest block, which may have been freed since.
    last: Mutex<(usize, usize)>,
}

// SAFETY: the defects break the contract of `GlobalAlloc` on purpose, so only the model may use this heap. But a
// returned block is always in allocated memory: each allocation has room for twice the size plus the alignment, and is
// never freed.
unsafe impl GlobalAlloc for Broken {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() >= 1 << 26 {
            return match self.wrong {
                // The model reports this block without using it.
                Wrong::Granted if layout.size() >= 1 << 47 => {
                    ptr::without_provenance_mut(layout.align())
                }
                _ => ptr::null_mut(),
            };
        }
        if self.wrong == Wrong::Refused && layout.size() == 1024 {
            return ptr::null_mut();
        }
        let room = Layout::from_size_align(2 * layout.size() + layout.align(), layout.align());
        // SAFETY: the size is not 0, because `layout` has a size of at least 1.
        let start = unsafe { System.alloc_zeroed(room.unwrap()) };
        let mut last = self.last.lock().unwrap();
        let (before, size) = *last;
        let before = ptr::with_exposed_provenance_mut::<u8>(before);
        *last = (start.expose_provenance(), layout.size());
        match self.wrong {
            Wrong::Misaligned if layout.align() == 64 => start.wrapping_add(32),
            Wrong::Overlap if layout.align() == 1 && layout.size() <= size => {
                *last = (before.addr(), size);
                before.wrapping_add(1)
            }
            Wrong::Changed if layout.align() == 1 && !before.is_null() => {
                // SAFETY: the first byte of an earlier block. Blocks are never freed, so the byte is allocated.
                unsafe { *before ^= 1 };
                start
            }
            _ => start,
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise for `alloc_zeroed` is the same as for `alloc`.
        let start = unsafe { self.alloc(layout) };
        if self.wrong == Wrong::NotZero && layout.size() > 1000 && !start.is_null() {
            // SAFETY: the last byte of the new block.
            unsafe { *start.add(layout.size() - 1) = 1 };
        }
        start
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let new = Layout::from_size_align(size, layout.align()).unwrap();
        // SAFETY: the size is not 0: the caller promises that.
        let copy = unsafe { self.alloc(new) };
        if !copy.is_null() {
            let mut kept = layout.size().min(size);
            if self.wrong == Wrong::Lost && kept > 1000 {
                kept -= 1;
            }
            // SAFETY: `kept` is at most the size of either block, and both are allocated. `copy` allows them to
            // overlap.
            unsafe { ptr::copy(block, copy, kept) };
        }
        copy
    }
}

fn broken_heaps_do_not() {
    use Wrong::*;
    for wrong in [
        Misaligned, Overlap, Changed, Lost, NotZero, Refused, Granted,
    ] {
        let heap = Broken {
            wrong,
            last: Mutex::new((0, 0)),
        };
        let found = random(&heap, 1, 20_000).err().map(|fault| fault.wrong);
        assert_eq!(found, Some(wrong));
    }
}

fn agrees_under_std() {
    random(&Heap::new(), 2, 1_000_000).unwrap();
}

fn small_agrees_under_std() {
    random(&Small::new(), 3, 100_000).unwrap();
}

/// In each line threads follow one another. Each thread continues with the blocks of its predecessor.
fn agrees_between_threads_of_std() {
    may_take(LONG);
    const LINES: u32 = 4;
    const GENERATIONS: u32 = 40;
    static EXCHANGE: Exchange = Exchange::new();
    let mut models: Vec<_> = (0..LINES).map(|line| Box::new(Model::new(line))).collect();
    for generation in 0..GENERATIONS {
        thread::scope(|scope| {
            for (line, model) in (0..LINES).zip(&mut models) {
                scope.spawn(move || {
                    let mut random = Random::new(generation * LINES + line);
                    let mut buffer = [0; 1024];
                    for _ in 0..20 {
                        let input = random.operations(&mut buffer);
                        model.run(&Heap::new(), &EXCHANGE, input).unwrap();
                    }
                });
            }
        });
    }
    for model in &mut models {
        model.finish(&Heap::new(), &EXCHANGE).unwrap();
    }
}

/// The inputs that the fuzzer found (`make fuzz`), sorted by name.
pub fn corpus() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(files.len() > 20, "{files:?}");
    files.sort();
    files
}

fn agrees_over_the_corpus_under_std() {
    for file in corpus() {
        let (mut model, exchange) = (Model::new(0), Exchange::new());
        let input = fs::read(&file).unwrap();
        let ran = model.run(&Heap::new(), &exchange, &input);
        let ended = ran.and_then(|()| model.finish(&Heap::new(), &exchange));
        assert_eq!(ended, Ok(()), "{}", file.display());
    }
}

/// A command that runs the probe `model`.
fn probe(arch: Arch) -> Command {
    may_take(LONG);
    arch.mapping_probe("model")
}

/// Runs a part of the probe, which prints nothing on success; under qemu-user with a fourth of the operations, because
/// each takes ten times as long.
fn holds(arch: Arch, part: &[&str]) {
    let divisor = if arch.is_native() { "1" } else { "4" };
    let mut probe = probe(arch);
    assert_eq!(run(probe.args(part).arg(divisor)), Ran::new(0, "", ""));
}

fn agrees_over_random_operations(arch: Arch) {
    holds(arch, &["random"]);
}

fn agrees_between_threads(arch: Arch) {
    holds(arch, &["threads"]);
}

fn agrees_over_generations_of_threads(arch: Arch) {
    holds(arch, &["generations"]);
}

fn agrees_over_the_corpus(arch: Arch) {
    let mut probe = probe(arch);
    probe.arg("corpus").args(corpus());
    assert_eq!(run(&mut probe), Ran::new(0, "", ""));
}

fn small_agrees_over_random_operations(arch: Arch) {
    holds(arch, &["small", "random"]);
}

fn small_agrees_between_threads(arch: Arch) {
    holds(arch, &["small", "threads"]);
}

fn small_agrees_over_generations_of_threads(arch: Arch) {
    holds(arch, &["small", "generations"]);
}

fn small_agrees_over_the_corpus(arch: Arch) {
    let mut probe = probe(arch);
    probe.args(["small", "corpus"]).args(corpus());
    assert_eq!(run(&mut probe), Ran::new(0, "", ""));
}
