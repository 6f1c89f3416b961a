//! A mutex: a value that one thread at a time can access.

use core::cell::UnsafeCell;
use core::fmt;
use core::hint;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::futex;

/// A lock without a value: a word with three states.
pub(super) struct Lock(AtomicU32);

/// Unlocked.
const FREE: u32 = 0;
/// Locked, and no thread waits in the kernel.
const HELD: u32 = 1;
/// Locked, and threads may wait in the kernel.
const AWAITED: u32 = 2;

/// How often a thread reads a locked lock before it waits in the kernel. The reads take about as long as such a wait
/// costs.
const SPINS: usize = 100;

impl Lock {
    /// Creates an unlocked lock.
    const fn new() -> Self {
        Self(AtomicU32::new(FREE))
    }

    /// Locks the lock if it is unlocked, and returns whether it did. Acquire: the caller sees the writes of the last
    /// holder.
    #[inline]
    fn try_lock(&self) -> bool {
        self.0
            .compare_exchange(FREE, HELD, Acquire, Relaxed)
            .is_ok()
    }

    /// Locks the lock; first waits until the lock is free, if necessary.
    #[inline]
    pub(super) fn lock(&self) {
        if !self.try_lock() {
            self.wait();
        }
    }

    /// Locks the lock after `try_lock` has failed.
    #[cold]
    fn wait(&self) {
        if self.spin() == FREE && self.try_lock() {
            return;
        }
        // A thread that has waited here does not know whether other threads still wait. So it locks with AWAITED, not
        // with HELD. Acquire: as in `try_lock`.
        while self.0.swap(AWAITED, Acquire) != FREE {
            futex::wait(&self.0, AWAITED);
            self.spin();
        }
    }

    /// Reads the state up to `SPINS` times, while the lock is held and no thread waits in the kernel. Returns the last
    /// state.
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

    /// Unlocks the lock. The caller must hold it. Release: the next holder sees the caller's writes.
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

/// A value that one thread at a time can access. The mutex is in a static, or in memory that its threads borrow.
///
/// It needs no allocation, no thread-local storage and no start-up code. It is not reentrant: a thread deadlocks if it
/// locks a mutex that it holds.
pub struct Mutex<T: ?Sized> {
    lock: Lock,
    value: UnsafeCell<T>,
}

/// The value, if the mutex can be locked without waiting.
impl<T: fmt::Debug + ?Sized> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tuple = f.debug_tuple("Mutex");
        match self.try_lock() {
            Some(value) => tuple.field(&&*value).finish(),
            None => tuple.field(&format_args!("<locked>")).finish(),
        }
    }
}

// SAFETY: only the thread that holds the lock accesses the value, so a shared `Mutex` moves the value between threads
// but never shares it. `T: Send` allows that.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}

impl<T> Mutex<T> {
    /// Creates an unlocked mutex.
    pub const fn new(value: T) -> Self {
        Self {
            lock: Lock::new(),
            value: UnsafeCell::new(value),
        }
    }

    /// Consumes the mutex, and returns the value.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Waits until no other thread holds the mutex, and locks it until the guard is dropped.
    #[inline]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.lock.lock();
        MutexGuard::new(self)
    }

    /// Locks the mutex if no thread holds it; else returns `None` at once.
    #[inline]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.lock.try_lock().then(|| MutexGuard::new(self))
    }

    /// Returns the value without locking: `&mut self` excludes other users.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

/// Access to the value of a locked [`Mutex`]. Dropping the guard unlocks the mutex.
#[clippy::has_significant_drop]
#[must_use = "dropping it gives the value back at once"]
pub struct MutexGuard<'a, T: ?Sized> {
    mutex: &'a Mutex<T>,
    /// The guard is Send only if `&mut T` is, and Sync only if `&mut T` is.
    value: PhantomData<&'a mut T>,
}

impl<T: fmt::Debug + ?Sized> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// Creates the guard of a mutex that this thread has just locked.
    fn new(mutex: &'a Mutex<T>) -> Self {
        Self {
            mutex,
            value: PhantomData,
        }
    }

    /// Returns the lock of the mutex.
    pub(super) fn lock(&self) -> &'a Lock {
        &self.mutex.lock
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the mutex is locked while the guard is borrowed, so only users of this guard access the value. (Only
        // `Condvar` unlocks the mutex of a guard that exists, and `Condvar` owns this guard until it has locked the
        // mutex again.) The result borrows the guard, so no `&mut` to the value exists meanwhile.
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`; `&mut self` makes this the only borrow of the guard.
        unsafe { &mut *self.mutex.value.get() }
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.mutex.lock.unlock();
    }
}
