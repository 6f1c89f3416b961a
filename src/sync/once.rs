//! What is done once, by whoever comes first.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::futex;

/// Work that is done once, however many threads ask for it.
pub struct Once(AtomicU32);

const NEW: u32 = 0;
const RUNNING: u32 = 1;
/// Running, and somebody may wait in the kernel.
const AWAITED: u32 = 2;
const DONE: u32 = 3;

impl Once {
    /// Work that nobody has begun.
    pub const fn new() -> Self {
        Self(AtomicU32::new(NEW))
    }

    /// Whether it is done, with all that it wrote to be seen.
    #[inline]
    pub fn is_completed(&self) -> bool {
        self.0.load(Acquire) == DONE
    }

    /// Does `work` if nobody has begun, else waits until it is done. `work` must not come back here: it
    /// would wait for itself.
    #[inline]
    pub fn call_once(&self, work: impl FnOnce()) {
        if !self.is_completed() {
            self.call(work);
        }
    }

    #[cold]
    fn call(&self, work: impl FnOnce()) {
        // Relaxed: no write comes before NEW that this thread has to see; any other state is read again in `wait`.
        let begun = self.0.compare_exchange(NEW, RUNNING, Relaxed, Relaxed);
        if begun.is_ok() {
            work();
            // Release: what the work wrote is seen by whoever sees that it is done.
            if self.0.swap(DONE, Release) == AWAITED {
                futex::wake(&raw const self.0, i32::MAX);
            }
        } else {
            self.wait();
        }
    }

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

/// A value that whoever needs it first makes.
pub struct OnceLock<T> {
    once: Once,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: the value is written once, before anybody reads it, and then shared (T: Sync); the thread that
// made it may be another than the one that drops it (T: Send).
unsafe impl<T: Send + Sync> Sync for OnceLock<T> {}

impl<T> OnceLock<T> {
    /// One without a value.
    pub const fn new() -> Self {
        Self {
            once: Once::new(),
            value: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    /// The value, if it has been made.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        // SAFETY: `once` is done where the value has been written, and then nobody writes it again.
        self.once
            .is_completed()
            .then(|| unsafe { (*self.value.get()).assume_init_ref() })
    }

    /// The value, which `make` makes where nobody has. `make` must not come back here: it would wait for
    /// itself.
    #[inline]
    pub fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        self.once.call_once(|| {
            let value = MaybeUninit::new(make());
            // SAFETY: `once` lets one thread in here, once, and nobody reads before it is done.
            unsafe { self.value.get().write(value) };
        });
        // SAFETY: done now, by this thread or another.
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
            // SAFETY: the value has been written, and nobody borrows what is dropped.
            unsafe { self.value.get_mut().assume_init_drop() };
        }
    }
}
