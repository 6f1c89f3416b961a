//! A model of the kernel, built from loom's threads: futexes, mappings, and the start and end of threads.
//!
//! The state of this kernel is ordinary memory. loom runs one thread at a time, and switches threads only where a
//! thread uses an atomic. All atomics of this kernel are relaxed, so its calls create no happens-before order between
//! threads: no model passes because of an order that only this kernel creates. (One exception: the wake-up of a thread
//! happens before the thread continues. loom has no wake-up without that order.)

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::any::Any;
use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::ptr::NonNull;

use loom::cell::UnsafeCell;
use loom::sync::atomic::Ordering::Relaxed;
use loom::thread::{self, Thread, ThreadId};
use ring3::abi::futex::{FUTEX_PRIVATE_FLAG, FUTEX_WAIT, FUTEX_WAKE};
use ring3::abi::process::{CLONE_CHILD_CLEARTID, CLONE_PARENT_SETTID};
use ring3::abi::time::Timespec;
use ring3::{Errno, Result};

use crate::atomic::AtomicU32;

pub const PAGE: usize = 4096;

thread_local! {
    /// The kernel of the running model. All threads of a model run on one thread of the test.
    static KERNEL: RefCell<Kernel> = RefCell::new(Kernel::default());
}

#[derive(Default)]
struct Kernel {
    /// Each futex call changes this atomic, so that loom tries both orders of any two calls.
    calls: Option<loom::sync::atomic::AtomicU32>,
    /// The waiting threads: the word's address, whether the wait is private, and the thread.
    waiting: Vec<(usize, bool, Thread)>,
    /// How many more waits end spuriously.
    spurious: usize,
    /// How many more threads are refused.
    refused: usize,
    threads: u32,
    /// For each thread the word where the kernel writes 0 when the thread has ended.
    words: Vec<(ThreadId, *const AtomicU32)>,
    mappings: Vec<Mapping>,
}

/// A mapping. Its memory stays allocated until the execution has ended, also after `unmap`.
struct Mapping {
    start: NonNull<u8>,
    length: usize,
    is_there: bool,
    /// Each use of the memory reads this cell, and the unmapping writes the cell: loom reports a use that races with
    /// the unmapping.
    used: UnsafeCell<()>,
}

impl Mapping {
    fn layout(&self) -> Layout {
        Layout::from_size_align(self.length, PAGE).unwrap()
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: `reserve` allocated the memory with this layout, and only this drop frees it. Mappings are dropped
        // after the execution, when no thread of the model is left.
        unsafe { dealloc(self.start.as_ptr(), self.layout()) };
    }
}

/// The troubles that an execution simulates.
#[derive(Clone, Copy, Default)]
pub struct Trouble {
    /// How many waits end spuriously, from the first on.
    pub spurious: usize,
    /// How many threads are refused, from the first on.
    pub refused: usize,
}

/// The largest number of preemptions in an execution, if `LOOM_MAX_PREEMPTIONS` is not set.
const PREEMPTIONS: usize = 2;

/// Runs `work` under loom in every order of its threads, within the bound on preemptions.
pub fn check(trouble: Trouble, work: fn()) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(PREEMPTIONS));
    builder.check(move || {
        let last = KERNEL.take();
        last.has_nothing_left();
        KERNEL.set(Kernel {
            calls: Some(loom::sync::atomic::AtomicU32::new(0)),
            spurious: trouble.spurious,
            refused: trouble.refused,
            ..Kernel::default()
        });
        work();
    });
    KERNEL.take().has_nothing_left();
}

impl Kernel {
    /// Checks at the end of an execution that all mappings have been unmapped.
    fn has_nothing_left(&self) {
        let left = self.mappings.iter().filter(|mapping| mapping.is_there);
        assert_eq!(left.count(), 0, "mappings were not unmapped");
    }
}

/// Decrements a count that is not 0; returns whether it was not 0.
fn count_down(of: impl FnOnce(&mut Kernel) -> &mut usize) -> bool {
    KERNEL.with_borrow_mut(|kernel| {
        let count = of(kernel);
        let any = *count != 0;
        *count -= usize::from(any);
        any
    })
}

/// Starts a futex call: loom orders it before or after each other call.
fn call() {
    // The borrow must end before the atomic operation, where loom may switch threads.
    let calls = KERNEL.with_borrow(|kernel| kernel.calls.as_ref().map(|calls| &raw const *calls));
    // SAFETY: the pointer is to the atomic in `KERNEL`, which `check` replaces only between executions.
    unsafe { (*calls.unwrap()).fetch_add(1, Relaxed) };
}

/// futex(2), FUTEX_WAIT.
///
/// # Errors
/// `EAGAIN` if the word does not have this value. For a simulated spurious wake-up: `EINTR`, or `ETIMEDOUT` if there is
/// a timeout.
///
/// # Safety
/// The word must stay mapped until this function has read it.
pub unsafe fn futex_wait(
    word: *const AtomicU32,
    how: i32,
    value: u32,
    timeout: *const Timespec,
) -> Result<usize> {
    let is_private = how & FUTEX_PRIVATE_FLAG != 0;
    assert_eq!(how & !FUTEX_PRIVATE_FLAG, FUTEX_WAIT);
    call();
    // The kernel reads the latest value while it holds the lock of the queue: from here to `park` no other thread runs.
    // SAFETY: the caller promises that the word is mapped until it has been read.
    let word = unsafe { &*word };
    if word.latest() != value {
        // A read-modify-write reads the latest value: afterwards this thread reads no value older than the value that
        // the kernel has read.
        word.fetch_add(0, Relaxed);
        return Err(Errno::EAGAIN);
    }
    if count_down(|kernel| &mut kernel.spurious) {
        return Err(if timeout.is_null() {
            Errno::EINTR
        } else {
            Errno::ETIMEDOUT
        });
    }
    let waits = (word.as_ptr().addr(), is_private, thread::current());
    KERNEL.with_borrow_mut(|kernel| kernel.waiting.push(waits));
    thread::park();
    Ok(0)
}

/// futex(2), FUTEX_WAKE: wakes the threads that have waited longest.
///
/// # Safety
/// No requirement: the word need not be mapped.
pub unsafe fn futex_wake(word: *const AtomicU32, how: i32, count: i32) -> Result<usize> {
    let is_private = how & FUTEX_PRIVATE_FLAG != 0;
    assert_eq!(how & !FUTEX_PRIVATE_FLAG, FUTEX_WAKE);
    call();
    let woken = KERNEL.with_borrow_mut(|kernel| {
        let mut left = count;
        kernel
            .waiting
            .extract_if(.., |&mut (of, private, _)| {
                let wakes = left > 0 && (of, private) == (word.addr(), is_private);
                left -= i32::from(wakes);
                wakes
            })
            .collect::<Vec<_>>()
    });
    for (_, _, thread) in &woken {
        thread.unpark();
    }
    Ok(woken.len())
}

/// Records a use of the memory at this address. A kernel mapping at the address must not be unmapped before or during
/// the use.
#[track_caller]
pub fn use_memory(address: usize) {
    with_mapping(address, |mapping| mapping.used.with(|_| ()));
}

/// Checks that a mapping at this address, if there is one, is not unmapped yet.
#[track_caller]
pub fn is_there(address: usize) {
    with_mapping(address, |_| ());
}

#[track_caller]
fn with_mapping(address: usize, work: impl FnOnce(&Mapping)) {
    KERNEL.with_borrow(|kernel| {
        // The latest mapping that contains this address.
        let mapping = kernel.mappings.iter().rfind(|mapping| {
            let start = mapping.start.addr().get();
            (start..start + mapping.length).contains(&address)
        });
        if let Some(mapping) = mapping {
            assert!(mapping.is_there, "used after the unmapping");
            work(mapping);
        }
    });
}

/// Makes a mapping.
///
/// # Errors
/// None.
pub fn reserve(length: usize) -> Result<NonNull<u8>> {
    let layout = Layout::from_size_align(length, PAGE).unwrap();
    // SAFETY: `alloc_zeroed` needs a size other than 0: no caller maps 0 bytes.
    let start = NonNull::new(unsafe { alloc_zeroed(layout) }).unwrap();
    KERNEL.with_borrow_mut(|kernel| {
        kernel.mappings.push(Mapping {
            start,
            length,
            is_there: true,
            used: UnsafeCell::new(()),
        });
    });
    Ok(start)
}

/// Does nothing: all pages of a mapping are committed from the start.
///
/// # Errors
/// None.
///
/// # Safety
/// No requirement.
pub unsafe fn commit(_: NonNull<u8>, _: usize) -> Result<()> {
    Ok(())
}

/// Unmaps a whole mapping.
///
/// # Errors
/// None.
///
/// # Safety
/// No requirement: loom checks that no thread uses the memory any more, and the memory stays allocated until the
/// execution has ended.
#[track_caller]
pub unsafe fn unmap(start: NonNull<u8>, length: usize) -> Result<()> {
    KERNEL.with_borrow_mut(|kernel| {
        let mut found = kernel.mappings.iter_mut();
        let mapping = found.rfind(|mapping| mapping.start == start).unwrap();
        assert!(mapping.is_there, "unmapped twice");
        assert_eq!(mapping.length, length);
        mapping.used.with_mut(|_| ());
        mapping.is_there = false;
    });
    Ok(())
}

/// The panic payload with which a thread ends: it unwinds to the closure that `clone` passed to loom.
struct Exit;

/// clone(2): starts a thread that calls `run` with `place`.
///
/// # Safety
/// As for the library's `arch::clone`: `run` may be called with `place` on a new thread. `id` points to a word that stays
/// writable until the last write that the flags request.
pub unsafe fn clone(
    flags: usize,
    place: *mut u8,
    id: *mut u32,
    _pointer: usize,
    run: unsafe extern "C-unwind" fn(*mut u8) -> !,
) -> usize {
    if count_down(|kernel| &mut kernel.refused) {
        return (-isize::try_from(Errno::EAGAIN.number()).unwrap()).cast_unsigned();
    }
    let number = KERNEL.with_borrow_mut(|kernel| {
        kernel.threads += 1;
        kernel.threads
    });
    let word: *const AtomicU32 = id.cast();
    if flags & CLONE_PARENT_SETTID.bits() != 0 {
        // SAFETY: the caller promises that the word is writable.
        unsafe { (*word).store(number, Relaxed) };
    }
    let clears = flags & CLONE_CHILD_CLEARTID.bits() != 0;
    let (place, word) = (place.expose_provenance(), word.expose_provenance());
    thread::spawn(move || {
        let own = thread::current().id();
        let word = std::ptr::with_exposed_provenance::<AtomicU32>(word);
        if clears {
            KERNEL.with_borrow_mut(|kernel| kernel.words.push((own, word)));
        }
        let place = std::ptr::with_exposed_provenance_mut(place);
        // SAFETY: the caller promises that `run` may be called with `place` on a new thread.
        let end = panic::catch_unwind(AssertUnwindSafe(|| unsafe { run(place) }));
        let end: Box<dyn Any + Send> = end.err().unwrap();
        if !end.is::<Exit>() {
            panic::resume_unwind(end);
        }
        let word = KERNEL.with_borrow_mut(|kernel| {
            kernel
                .words
                .extract_if(.., |(of, _)| *of == own)
                .next()
                .map(|(_, word)| word)
        });
        if let Some(word) = word {
            // SAFETY: the word is in a mapping, whose memory stays allocated until the execution has ended. `clear`
            // fails the model if the mapping has been unmapped.
            unsafe {
                (*word).clear();
                let _ = futex_wake(word, FUTEX_WAKE, 1);
            }
        }
    });
    number as usize
}

/// set_tid_address(2), with a null pointer: the kernel forgets the word of the calling thread.
///
/// # Safety
/// No requirement.
pub unsafe fn set_tid_address(word: *const u32) -> Result<usize> {
    assert!(word.is_null(), "the library passes only null");
    let own = thread::current().id();
    KERNEL.with_borrow_mut(|kernel| kernel.words.retain(|(of, _)| *of != own));
    Ok(0)
}

/// exit(2).
///
/// # Errors
/// None: the function does not return.
///
/// # Safety
/// The calling thread must be one that [`clone`] started.
pub unsafe fn exit(_: i32) -> Result<usize> {
    panic::resume_unwind(Box::new(Exit))
}

/// munmap(2) and exit(2).
///
/// # Safety
/// As for [`exit`].
#[track_caller]
pub unsafe fn unmap_and_exit(start: *mut u8, length: usize) -> ! {
    // SAFETY: `unmap` has no requirement.
    let _ = unsafe { unmap(NonNull::new(start).unwrap(), length) };
    panic::resume_unwind(Box::new(Exit))
}

/// prctl(2): does nothing, because a model's threads have no names.
///
/// # Safety
/// No requirement.
pub unsafe fn prctl<T>(_: i32, _: T) -> Result<usize> {
    Ok(0)
}

/// sched_yield(2).
///
/// # Safety
/// No requirement.
pub unsafe fn sched_yield() -> Result<usize> {
    thread::yield_now();
    Ok(0)
}

/// sched_getaffinity(2): no model calls this function.
///
/// # Safety
/// No requirement.
pub unsafe fn sched_getaffinity<T>(_: i32, _: usize, _: T) -> Result<usize> {
    Err(Errno::ENOSYS)
}

pub use sched_getaffinity as sched_setaffinity;
