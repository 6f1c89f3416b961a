//! The lock of the heap: for a few instructions, or one system call, at a time.

use core::cell::UnsafeCell;
use core::hint;
use core::sync::atomic::{AtomicBool, Ordering};

/// A value that one thread at a time may use.
pub struct Lock<T> {
    held: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: `with` lends the value to one thread at a time; T: Send says that any thread may be it.
unsafe impl<T: Send> Sync for Lock<T> {}

impl<T> Lock<T> {
    /// A value that nobody uses yet.
    pub const fn new(value: T) -> Self {
        Self {
            held: AtomicBool::new(false),
            value: UnsafeCell::new(value),
        }
    }

    /// Lends the value to `work`, once nobody else has it. `work` must not come back here.
    pub fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        // Acquire: what the last holder wrote is seen.
        while self.held.swap(true, Ordering::Acquire) {
            while self.held.load(Ordering::Relaxed) {
                hint::spin_loop();
            }
        }
        // SAFETY: `held` was false and is now true by us, so no one else has a reference.
        let result = work(unsafe { &mut *self.value.get() });
        // Release: what we wrote is seen by the next holder.
        self.held.store(false, Ordering::Release);
        result
    }
}
