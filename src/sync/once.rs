//! Initialization that runs once: the first thread that needs the result runs the work, and other threads wait until
//! the work is done.

use core::cell::UnsafeCell;
use core::fmt;
use core::mem::MaybeUninit;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::futex;

/// Work that runs once, even if several threads call `call_once`.
#[derive(Debug)]
pub struct Once(AtomicU32);

/// The work has not started.
const NEW: u32 = 0;
/// A thread runs the work, and no thread waits in the kernel.
const RUNNING: u32 = 1;
/// A thread runs the work, and threads may wait in the kernel.
const AWAITED: u32 = 2;
/// The work is done.
const DONE: u32 = 3;

impl Once {
    /// Creates work that has not started.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicU32::new(NEW))
    }

    /// Whether the work is done. If so, the caller sees all writes of the work.
    #[inline]
    pub fn is_completed(&self) -> bool {
        self.0.load(Acquire) == DONE
    }

    /// Runs `work` if no call has started it; else waits until the work is done. `work` must not call `call_once` on
    /// the same `Once`: it would wait for itself.
    #[inline]
    pub fn call_once(&self, work: impl FnOnce()) {
        if !self.is_completed() {
            self.call(work);
        }
    }

    /// The part of `call_once` for work that is not done yet: runs `work`, or waits until another thread has run it.
    #[cold]
    fn call(&self, work: impl FnOnce()) {
        // Relaxed: no write happens before NEW that this thread must see. `wait` reads any other state again.
        let begun = self.0.compare_exchange(NEW, RUNNING, Relaxed, Relaxed);
        if begun.is_ok() {
            work();
            // Release: a thread that reads DONE sees the writes of `work`.
            if self.0.swap(DONE, Release) == AWAITED {
                futex::wake(&raw const self.0, i32::MAX);
            }
        } else {
            self.wait();
        }
    }

    /// Waits until the work is done.
    fn wait(&self) {
        loop {
            // AWAITED and DONE stay as they are. Acquire: a thread that reads DONE sees the writes of `work`.
            let state = match self.0.compare_exchange(RUNNING, AWAITED, Relaxed, Acquire) {
                Ok(_) => AWAITED,
                Err(state) => state,
            };
            if state == DONE {
                return;
            }
            futex::wait(&self.0, AWAITED);
        }
    }
}

impl Default for Once {
    fn default() -> Self {
        Self::new()
    }
}

/// A value that the first thread that needs it creates.
pub struct OnceLock<T> {
    once: Once,
    /// Initialized if `once` is done.
    value: UnsafeCell<MaybeUninit<T>>,
}

/// The value, or `None`.
impl<T: fmt::Debug> fmt::Debug for OnceLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OnceLock").field(&self.get()).finish()
    }
}

// SAFETY: `once` lets one thread write the value before any thread reads it. After that the value is only shared, which
// `T: Sync` allows. Another thread than the creator of the value may drop it, which `T: Send` allows.
unsafe impl<T: Send + Sync> Sync for OnceLock<T> {}

impl<T> OnceLock<T> {
    /// Creates a lock without a value.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            once: Once::new(),
            value: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    /// Returns the value, if it has been created.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        // SAFETY: if `once` is done, `get_or_init` has written the value. Nothing writes it again while `self` is
        // borrowed.
        self.once
            .is_completed()
            .then(|| unsafe { (*self.value.get()).assume_init_ref() })
    }

    /// Returns the value; the first call creates it with `make`. `make` must not call `get_or_init` on the same
    /// `OnceLock`: it would wait for itself.
    #[inline]
    pub fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        self.once.call_once(|| {
            let value = MaybeUninit::new(make());
            // SAFETY: `once` runs this closure once, in one thread. No thread reads the value before `once` is done.
            unsafe { self.value.get().write(value) };
        });
        // SAFETY: `once` is done after `call_once`, so the value is written. Nothing writes it again while `self` is
        // borrowed.
        unsafe { (*self.value.get()).assume_init_ref() }
    }
}

impl<T> Default for OnceLock<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Drop for OnceLock<T> {
    fn drop(&mut self) {
        if self.once.is_completed() {
            // SAFETY: `once` is done, so the value is written. `&mut self` excludes borrows of it.
            unsafe { self.value.get_mut().assume_init_drop() };
        }
    }
}
