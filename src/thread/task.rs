//! A thread from start to end, and the data that it shares with its handle.

use core::alloc::Layout;
use core::cell::UnsafeCell;
use core::fmt;
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

/// The data of a thread that do not depend on the types of its function and result.
#[repr(C, align(16))] // the stack pointer starts at this address
struct Thread {
    /// The thread's id. The kernel writes it before the thread starts. After the thread has ended and no longer
    /// accesses its memory, the kernel writes 0 and wakes a waiter (`CLONE_CHILD_CLEARTID`).
    id: AtomicU32,
    /// `JOINABLE`, `DONE` or `DETACHED`.
    state: AtomicU32,
    /// The mapping that holds this value.
    stack: Stack,
    /// The name for the thread, as in [`Builder`].
    name: [u8; 16],
    /// The scope's count of threads that still use their borrows, or null.
    running: *const AtomicU32,
    /// The thread words. The thread pointer points to them; only the thread itself accesses them after its start.
    words: UnsafeCell<ThreadBlock>,
}

/// The initial state. The thread and its handle share the mapping. The thread sets `DONE` when its function has
/// returned; a handle that is dropped sets `DETACHED`. The second of them finds that the first has changed the state,
/// and unmaps the mapping. (`join` does not use the state: it waits for the thread's end, and unmaps the mapping.)
const JOINABLE: u32 = 0;
/// The thread's function has returned, and its result is in the task.
const DONE: u32 = 1;
/// The handle was dropped before the function returned.
const DETACHED: u32 = 2;

/// A thread, and room for the result of its function.
#[repr(C)]
struct Task<T> {
    thread: Thread,
    result: UnsafeCell<MaybeUninit<T>>,
}

/// A thread, and its function. It lies at the end of the thread's mapping.
#[repr(C)]
struct Start<T, F> {
    task: Task<T>,
    work: F,
}

/// Starts a thread that runs `work`. When the thread no longer uses the borrows of `work`, it decrements `running`,
/// unless `running` is null.
///
/// # Errors
/// As for [`Builder::spawn`].
///
/// # Safety
/// - `running` is null, or valid until the thread has decremented it.
/// - The borrows of `work` are valid until the thread has decremented `running`; if `running` is null, they are valid
///   for ever.
/// - The borrows of the result are valid until that time too, and for as long as a value of type `T` exists.
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
            state: AtomicU32::new(JOINABLE),
            stack,
            name: builder.name,
            running,
            words: UnsafeCell::new(ThreadBlock::NEW),
        },
        result: UnsafeCell::new(MaybeUninit::uninit()),
    };
    // SAFETY: `Stack::new` returned room for a `Start<T, F>`, aligned for it, in a mapping whose address no other code
    // has.
    unsafe { start.write(Start { task, work }) };
    // SAFETY: the task was written above, and the new thread does not run yet, so no other code accesses the task.
    let pointer = unsafe { (*start).task.thread.words.get_mut().thread_pointer() };
    // qemu-user accepts exactly these flags as a new thread.
    let share = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
    let ids = CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
    // SAFETY: `place` is a multiple of 16, the alignment of Thread, and the stack lies below it. `id` stays mapped
    // until the kernel has written 0 to it or, for a detached thread, until `end` has made the kernel forget its
    // address. `run` gets `place`, which holds the `Start<T, F>` that was written above.
    let result = unsafe {
        let id = (&raw mut (*start).task.thread.id).cast();
        let flags = (share | ids).bits();
        abi::check(arch::clone(flags, place, id, pointer, run::<T, F>))
    };
    if let Err(errno) = result {
        // SAFETY: no thread was created. So `work` is still in the mapping, and no other code has the address of the
        // mapping.
        unsafe {
            ptr::drop_in_place(&raw mut (*start).work);
            stack.unmap();
        }
        return Err(errno);
    }
    // SAFETY: the address lies in a mapping, so it is not null. The task is the first field of `Start`, which is
    // `repr(C)`.
    Ok(JoinHandle(unsafe { NonNull::new_unchecked(start.cast()) }))
}

/// The first function of a thread.
///
/// # Safety
/// [`arch::clone`] calls this in a new thread, with the address of the thread's `Start<T, F>`.
unsafe extern "C" fn run<T, F: FnOnce() -> T>(place: *mut u8) -> ! {
    let start = place.cast::<Start<T, F>>();
    // SAFETY: the task stays mapped until this thread or its handle unmaps it, which is after the last use of this
    // reference. All fields that change meanwhile are atomics or in an `UnsafeCell`.
    let task = unsafe { &(*start).task };
    task.thread.take_name();
    // SAFETY: `start` wrote `work`, and this is the only read of it.
    let work = unsafe { ptr::read(&raw const (*start).work) };
    let result = task.result.get();
    // SAFETY: this thread writes the result before it ends, and the handle accesses the result only after the kernel's
    // 0.
    unsafe { (*result).write(work()) };
    // Acquire: if this reads DETACHED, all uses of the handle happen before this, and so before the unmapping. (A
    // handle that reads DONE waits for the kernel's 0 before it drops the result.)
    let detached = task.thread.state.swap(DONE, Acquire) == DETACHED;
    if detached {
        // SAFETY: the result was written above. The handle was dropped, so no other code takes the result.
        unsafe { (*result).assume_init_drop() };
    }
    // SAFETY: the thread is the calling one, its result was written, or dropped if it is detached, and this function
    // does not use the task after this line.
    unsafe { end(&raw const task.thread, detached) }
}

impl Thread {
    /// Sets the thread's name, if `self.name` is not empty.
    fn take_name(&self) {
        if self.name[0] != 0 {
            // SAFETY: the kernel reads a string that ends with a zero: a name has at most 15 bytes. So EFAULT, the only
            // error, cannot happen.
            let _ = unsafe { syscall!(prctl(PR_SET_NAME, self.name.as_ptr())) };
        }
    }
}

/// Ends the calling thread. Unmaps its stack if the thread is detached.
///
/// # Safety
/// `thread` is the calling thread, and its result is in its task. If `detached` is set, the handle was dropped, and so
/// was the result.
unsafe fn end(thread: *const Thread, detached: bool) -> ! {
    // From here on, no signal handler may run: a handler could find an unmapped stack, or use the heap after the thread
    // has left its cache.
    let blocked = signal::block(SignalSet::ALL);
    let at_exit = arch::thread_word::<{ arch::WORD_AT_EXIT }>();
    if at_exit != 0 {
        let at_exit = ptr::with_exposed_provenance::<()>(at_exit);
        // SAFETY: code that sets this word to a value other than 0 stores the address of an `extern "C" fn()`: that is
        // the word's contract in `arch`.
        unsafe { core::mem::transmute::<*const (), extern "C" fn()>(at_exit)() };
    }
    // SAFETY: the thread's data are mapped: if there is a handle, it unmaps them only after the kernel's 0.
    let (running, stack) = unsafe { ((*thread).running, (*thread).stack) };
    if !running.is_null() {
        // Release: the scope's creator sees the writes of this thread.
        //
        // SAFETY: the scope, which contains the count, exists until all its threads have decremented the count.
        if unsafe { (*running).fetch_sub(1, Release) } == 1 {
            futex::wake(running, 1);
        }
    }
    // If a seccomp filter refuses to block signals, the mapping of a detached thread leaks.
    if detached && blocked.is_ok() {
        // Without this call, the kernel would write its 0 to memory that may belong to another thread by then.
        //
        // SAFETY: the call only makes the kernel forget the address.
        let _ = unsafe { syscall!(set_tid_address(ptr::null::<u32>())) };
        // SAFETY: the range is the thread's own mapping. The handle was dropped, so no other thread uses it. Signals
        // are blocked, so no handler runs on the unmapped stack.
        unsafe { arch::unmap_and_exit(stack.start.as_ptr(), stack.length) }
    }
    // Release: everything that this thread did happens before the kernel's store of the 0, even if that store is
    // relaxed.
    fence(Release);
    // SAFETY: the call ends only this thread. Then the kernel writes the 0 that the handle waits for.
    let _ = unsafe { syscall!(exit(0)) };
    arch::trap() // exit does not return
}

/// The handle of a thread: it can wait for the thread and take its result. Dropping it detaches the thread.
pub struct JoinHandle<T>(NonNull<Task<T>>);

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").finish_non_exhaustive()
    }
}

// SAFETY: a handle returns the result only by value, and `T: Send` says that the value may go to another thread. A
// handle never returns a reference to the result.
unsafe impl<T: Send> Send for JoinHandle<T> {}
// SAFETY: a shared handle has no public methods.
unsafe impl<T: Send> Sync for JoinHandle<T> {}

impl<T> JoinHandle<T> {
    /// Waits for the end of the thread, and returns the result of its function.
    pub fn join(self) -> T {
        let handle = ManuallyDrop::new(self);
        handle.wait();
        // SAFETY: the thread has ended, so its result is in the task. `self` is consumed without its `drop`, so the
        // result is taken once.
        let result = unsafe { (*handle.0.as_ref().result.get()).assume_init_read() };
        // SAFETY: the thread has ended, and the handle is not used after this line.
        unsafe { handle.unmap() };
        result
    }

    /// Waits until the thread has ended and the kernel no longer accesses its memory.
    fn wait(&self) {
        // SAFETY: the mapping exists as long as the handle: the thread unmaps it only if the handle was dropped.
        let id = unsafe { &self.0.as_ref().thread.id };
        loop {
            // Acquire: with the fence before the thread's exit, everything that the thread did happens before this load
            // reads 0. (The id is not 0 before that: the kernel writes it within the creator's clone, before the thread
            // runs.)
            match id.load(Acquire) {
                0 => return,
                running => futex::wait_shared(id, running),
            }
        }
    }

    /// Unmaps the thread's mapping.
    ///
    /// # Safety
    /// The thread has ended, and the handle is not used again.
    unsafe fn unmap(&self) {
        // SAFETY: the mapping exists until the next line.
        let stack = unsafe { self.0.as_ref().thread.stack };
        // SAFETY: the caller promises that the thread has ended, and that the handle is not used again. No other code
        // uses the mapping.
        unsafe { stack.unmap() };
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        // SAFETY: the mapping exists until both the thread and its handle have changed the state; this handle has not
        // yet.
        let state = unsafe { &self.0.as_ref().thread.state };
        // Release: all uses of the handle happen before this. (Below, `wait` acquires the result.)
        if state.swap(DETACHED, Release) == JOINABLE {
            return; // the thread drops the result and unmaps the mapping
        }
        self.wait();
        // SAFETY: the thread has ended, so its result is in the task. No code has taken it, because `join` does not run
        // `drop`.
        unsafe { (*self.0.as_ref().result.get()).assume_init_drop() };
        // SAFETY: the thread has ended, and the handle is not used after its `drop`.
        unsafe { self.unmap() };
    }
}
