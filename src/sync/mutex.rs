//! A value for one thread at a time.

use core::cell::UnsafeCell;
use core::hint;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::futex;

/// The lock without the value: three states of a word.
pub(super) struct Lock(AtomicU32);

const FREE: u32 = 0;
const HELD: u32 = 1;
/// Held, and somebody may wait in the kernel.
const AWAITED: u32 = 2;

/// How often a lock is looked at before its holder is waited for in the kernel: about what that costs.
const SPINS: usize = 100;

impl Lock {
    const fn new() -> Self {
        Self(AtomicU32::new(FREE))
    }

    // Acquire: what the last holder wrote is seen. Release: what this one wrote will be.
    #[inline]
    fn try_lock(&self) -> bool {
        self.0
            .compare_exchange(FREE, HELD, Acquire, Relaxed)
            .is_ok()
    }

    #[inline]
    pub(super) fn lock(&self) {
        if !self.try_lock() {
            self.wait();
        }
    }

    #[cold]
    fn wait(&self) {
        if self.spin() == FREE && self.try_lock() {
            return;
        }
        // Whoever has waited here cannot know that no one else does: it leaves the word saying so.
        while self.0.swap(AWAITED, Acquire) != FREE {
            futex::wait(&self.0, AWAITED);
            self.spin();
        }
    }

    /// Looks for a while, as long as there is a holder and nobody waits in the kernel.
    fn spin(&self) -> u32 {
        for _ in 0..SPINS {
            let state = self.0.load(Relaxed);
            if state != HELD {
                return state;
            }
            hint::spin_loop();
        }
        HELD
    }

    #[inline]
    pub(super) fn unlock(&self) {
        if self.0.swap(FREE, Release) == AWAITED {
            self.wake();
        }
    }

    #[cold]
    fn wake(&self) {
        futex::wake(&raw const self.0, 1);
    }
}

/// A value that one thread at a time may use. It belongs in a static, or where all its threads borrow it.
///
/// It needs no memory but its own, no thread-local storage and no start-up. A thread that locks it
/// twice waits for itself, for good.
pub struct Mutex<T: ?Sized> {
    lock: Lock,
    value: UnsafeCell<T>,
}

// SAFETY: the lock lends the value to one thread at a time; T: Send says that any thread may be it.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}

impl<T> Mutex<T> {
    /// A value that nobody uses yet.
    pub const fn new(value: T) -> Self {
        Self {
            lock: Lock::new(),
            value: UnsafeCell::new(value),
        }
    }

    /// The value, when the mutex is no longer needed.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Waits until nobody else has the value, and lends it until the guard is dropped.
    #[inline]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.lock.lock();
        MutexGuard::new(self)
    }

    /// The same without waiting: none where somebody has it.
    #[inline]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.lock.try_lock().then(|| MutexGuard::new(self))
    }

    /// The value, which nobody else can use meanwhile.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

/// The value of a [`Mutex`], lent; dropping it gives it back.
#[clippy::has_significant_drop]
#[must_use = "dropping it gives the value back at once"]
pub struct MutexGuard<'a, T: ?Sized> {
    mutex: &'a Mutex<T>,
    /// What it is worth: another thread may have it, or share it, where it may a `&mut T`.
    value: PhantomData<&'a mut T>,
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// Of a mutex that this thread has just locked.
    fn new(mutex: &'a Mutex<T>) -> Self {
        Self {
            mutex,
            value: PhantomData,
        }
    }

    /// The lock that it holds.
    pub(super) fn lock(&self) -> &'a Lock {
        &self.mutex.lock
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard holds the lock, so that whoever uses the value borrows this guard.
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and the borrow is the only one.
        unsafe { &mut *self.mutex.value.get() }
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.mutex.lock.unlock();
    }
}
