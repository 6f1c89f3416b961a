//! A thread's life: what it shares with its handle, how it begins and how it ends.

use core::alloc::Layout;
use core::cell::UnsafeCell;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ptr::{self, NonNull};
use core::sync::atomic::Ordering::{Acquire, Release};
use core::sync::atomic::{AtomicU32, fence};

use super::Builder;
use super::stack::Stack;
use crate::abi::process::*;
use crate::abi::{self, Result, syscall};
use crate::arch::{self, ThreadBlock};
use crate::signal::{self, SignalSet};
use crate::sync::futex;

/// What every thread has.
#[repr(C, align(16))] // the stack ends where it begins
struct Thread {
    /// Its id. The kernel writes it before the thread begins; where the thread has ended and touches none
    /// of its memory any more, it writes 0, and wakes one who waits.
    id: AtomicU32,
    /// `BOTH`, `DONE` or `ALONE`.
    fate: AtomicU32,
    stack: Stack,
    name: [u8; 16],
    /// Its scope's count of threads that are not done, or null.
    running: *const AtomicU32,
    /// What its thread pointer points to, and nobody else uses.
    words: UnsafeCell<ThreadBlock>,
}

/// The first of the two, the thread and its handle, to be done with the other says so here. The second
/// finds it, and takes down what both shared.
const BOTH: u32 = 0;
/// The thread's function has come back, and its result is there.
const DONE: u32 = 1;
/// The handle was dropped.
const ALONE: u32 = 2;

/// A thread and the place for its result.
#[repr(C)]
struct Task<T> {
    thread: Thread,
    result: UnsafeCell<MaybeUninit<T>>,
}

/// A thread and what it is to do. It lies at the end of the thread's mapping.
#[repr(C)]
struct Start<T, F> {
    task: Task<T>,
    work: F,
}

/// Starts a thread with `work`; it counts `running` down when it is done, unless that is null.
///
/// # Errors
/// As for [`Builder::spawn`].
///
/// # Safety
/// What `work` borrows lives until the thread has counted down, or for good; what its result borrows, as
/// long as a `T`.
pub unsafe fn start<T: Send, F: FnOnce() -> T + Send>(
    builder: &Builder,
    running: *const AtomicU32,
    work: F,
) -> Result<JoinHandle<T>> {
    let (stack, place) = Stack::new(builder.stack, Layout::new::<Start<T, F>>())?;
    let start = place.cast::<Start<T, F>>();
    let task = Task {
        thread: Thread {
            id: AtomicU32::new(0),
            fate: AtomicU32::new(BOTH),
            stack,
            name: builder.name,
            running,
            words: UnsafeCell::new(ThreadBlock::NEW),
        },
        result: UnsafeCell::new(MaybeUninit::uninit()),
    };
    // SAFETY: the place is of that size and alignment, in a mapping that is ours alone.
    unsafe { start.write(Start { task, work }) };
    // SAFETY: it was just written, and the new thread does not run yet.
    let pointer = unsafe { (*start).task.thread.words.get_mut().thread_pointer() };
    // What qemu-user takes for a thread, and nothing else.
    let share = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
    let told = CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
    // SAFETY: `place` is a multiple of 16, by the alignment of Thread, and below it is the stack. The
    // id's place stays until the kernel has written its 0, or is told to forget it. `run` finds there
    // what was just written.
    let result = unsafe {
        let id = (&raw mut (*start).task.thread.id).cast();
        let flags = (share | told).bits();
        abi::check(arch::clone(flags, place, id, pointer, run::<T, F>))
    };
    if let Err(errno) = result {
        // SAFETY: no thread was made, so that `work` is still there, and nobody else has seen the mapping.
        unsafe {
            ptr::drop_in_place(&raw mut (*start).work);
            stack.unmap();
        }
        return Err(errno);
    }
    // SAFETY: not null: in a mapping. The task comes first in it.
    Ok(JoinHandle(unsafe { NonNull::new_unchecked(start.cast()) }))
}

/// Where a thread begins.
///
/// # Safety
/// Called by [`arch::clone`] in a new thread, with the place of its `Start<T, F>`.
unsafe extern "C" fn run<T, F: FnOnce() -> T>(place: *mut u8) -> ! {
    let start = place.cast::<Start<T, F>>();
    // SAFETY: the thread's own, until it is done, and what changes in it are atomics and cells.
    let task = unsafe { &(*start).task };
    task.thread.take_name();
    // SAFETY: `work` is there, and taken this once.
    let work = unsafe { ptr::read(&raw const (*start).work) };
    let result = task.result.get();
    // SAFETY: nobody looks at the result before the fate says that it is there.
    unsafe { (*result).write(work()) };
    // Acquire: if this reads ALONE, all uses of the handle come before this, and so before the unmapping. (A handle
    // that reads DONE waits for the kernel's 0 before it takes the result.)
    let alone = task.thread.fate.swap(DONE, Acquire) == ALONE;
    if alone {
        // SAFETY: written above; no handle is there to take it.
        unsafe { (*result).assume_init_drop() };
    }
    // SAFETY: the calling thread's own, and nothing of it is used after this.
    unsafe { end(&raw const task.thread, alone) }
}

impl Thread {
    fn take_name(&self) {
        if self.name[0] != 0 {
            // SAFETY: the kernel reads a name that ends with a zero. EFAULT, the only error, is excluded.
            let _ = unsafe { syscall!(prctl(PR_SET_NAME, self.name.as_ptr())) };
        }
    }
}

/// Ends the calling thread.
///
/// # Safety
/// `thread` is its own, whose result is there, or dropped where it is `alone`: no handle knows of it then.
unsafe fn end(thread: *const Thread, alone: bool) -> ! {
    // No handler may find a stack that is being unmapped, or use the heap after the next step.
    let blocked = signal::block(SignalSet::ALL);
    let at_exit = arch::thread_word::<{ arch::WORD_AT_EXIT }>();
    if at_exit != 0 {
        let at_exit = ptr::with_exposed_provenance::<()>(at_exit);
        // SAFETY: whoever set the word put such a function's address there.
        unsafe { core::mem::transmute::<*const (), extern "C" fn()>(at_exit)() };
    }
    // SAFETY: the thread's own. Where there is a handle it takes this down only after the kernel's 0.
    let (running, stack) = unsafe { ((*thread).running, (*thread).stack) };
    if !running.is_null() {
        // Release: what this thread wrote is seen by the scope's creator.
        // SAFETY: the scope stays until all have counted down.
        if unsafe { (*running).fetch_sub(1, Release) } == 1 {
            futex::wake(running, 1);
        }
    }
    // If a filter refuses to block signals, the mapping of a thread without a handle leaks.
    if alone && blocked.is_ok() {
        // Or the kernel would write its 0 into what may be another thread's memory by then.
        // SAFETY: it only forgets the address.
        let _ = unsafe { syscall!(set_tid_address(ptr::null::<u32>())) };
        // SAFETY: the thread's own mapping, which nobody else knows; signals are blocked.
        unsafe { arch::unmap_and_exit(stack.start.as_ptr(), stack.length) }
    }
    // Release: all that this thread did comes before the kernel's store of the 0, of whatever kind that store is.
    fence(Release);
    // SAFETY: ends this thread alone; the kernel then tells the handle by the 0.
    let _ = unsafe { syscall!(exit(0)) };
    arch::trap() // exit does not return
}

/// A thread whose result nobody has taken. Dropping it lets the thread go on alone.
pub struct JoinHandle<T>(NonNull<Task<T>>);

// SAFETY: a handle gives the result away, as a value that may go to another thread, and nothing by
// reference.
unsafe impl<T: Send> Send for JoinHandle<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for JoinHandle<T> {}

impl<T> JoinHandle<T> {
    /// Waits for the thread's end and gives what its function gave.
    pub fn join(self) -> T {
        let handle = ManuallyDrop::new(self);
        handle.wait();
        // SAFETY: the thread has ended, so that its result is there; it is taken this once.
        let result = unsafe { (*handle.0.as_ref().result.get()).assume_init_read() };
        // SAFETY: the thread has ended, and this handle is not used again.
        unsafe { handle.unmap() };
        result
    }

    /// Until the thread has ended, and the kernel is done with it.
    fn wait(&self) {
        // SAFETY: the mapping stays as long as the handle.
        let id = unsafe { &self.0.as_ref().thread.id };
        loop {
            // Acquire: with the fence before the thread's exit, all that the thread did comes before this load reads 0.
            // (The id is not 0 before that: the kernel writes it within the creator's clone, before the thread runs.)
            match id.load(Acquire) {
                0 => return,
                running => futex::wait_shared(id, running),
            }
        }
    }

    /// # Safety
    /// The thread has ended; the handle is not used again.
    unsafe fn unmap(&self) {
        // SAFETY: the mapping stays until the next line.
        let stack = unsafe { self.0.as_ref().thread.stack };
        // SAFETY: the thread no longer uses it, and nor does the handle: the caller's promise.
        unsafe { stack.unmap() };
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        // SAFETY: the mapping stays as long as this thread or its handle has not given it up.
        let fate = unsafe { &self.0.as_ref().thread.fate };
        // Release: all uses of the handle come before this. (Below, `wait` acquires the result.)
        if fate.swap(ALONE, Release) == BOTH {
            return; // the thread takes down what is left
        }
        self.wait();
        // SAFETY: the thread has ended, its result is there, and nobody has taken it.
        unsafe { (*self.0.as_ref().result.get()).assume_init_drop() };
        // SAFETY: the thread has ended, and this is the handle's end.
        unsafe { self.unmap() };
    }
}
