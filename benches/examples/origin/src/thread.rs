//! Threads.

use alloc::boxed::Box;
use core::ffi::c_void;
use core::ptr::NonNull;

use origin::thread;

type Task = Box<dyn FnOnce() + Send>;

/// Enough for the buffers of a thread. The kernel provides pages when they are touched.
const STACK: usize = 128 * 1024;

/// Runs `task` in a thread of its own. The thread is detached: it frees what it has when the task returns.
pub fn spawn(task: impl FnOnce() + Send + 'static) -> rustix::io::Result<()> {
    // A `dyn` pointer has two words, and an argument has one: so the box is in a box.
    let task: *mut Task = Box::into_raw(Box::new(Box::new(task)));
    let argument = NonNull::new(task.cast::<c_void>());
    // SAFETY: `run` gets a pointer to a task that may be sent to a thread, and the thread is its only user.
    match unsafe { thread::create(run, &[argument], STACK, thread::default_guard_size()) } {
        Ok(thread) => {
            // SAFETY: the thread was created above, and nothing else joins or detaches it.
            unsafe { thread::detach(thread) };
            Ok(())
        }
        Err(errno) => {
            // SAFETY: there is no thread, so the task is still this function's.
            drop(unsafe { Box::from_raw(task) });
            Err(errno)
        }
    }
}

/// # Safety
/// The argument is a pointer from `Box<Task>::into_raw`.
unsafe fn run(arguments: &mut [Option<NonNull<c_void>>]) -> Option<NonNull<c_void>> {
    if let [Some(task)] = arguments {
        // SAFETY: the caller's promise.
        let task = unsafe { Box::from_raw(task.as_ptr().cast::<Task>()) };
        task();
    }
    None
}
