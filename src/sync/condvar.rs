//! A condition variable: threads wait until another thread notifies them of a change.

use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::Relaxed;
use core::time::Duration;

use super::MutexGuard;
use super::futex;

/// A condition variable. A thread that needs another value in a [`Mutex`](super::Mutex) waits here until another thread
/// has changed the value.
///
/// Wake-ups can be spurious, so a caller must check its condition in a loop.
#[derive(Debug)]
pub struct Condvar {
    /// The number of notifications, modulo 2^32. A waiter reads this number before it unlocks the mutex, and sleeps
    /// only if the number has not changed since.
    notifications: AtomicU32,
}

impl Condvar {
    /// Creates a condition variable without waiters.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            notifications: AtomicU32::new(0),
        }
    }

    /// Unlocks the mutex, waits for a notification, and locks the mutex again.
    pub fn wait<'a, T: ?Sized>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        // Read with the mutex locked: so a notification of a later change also changes this number.
        let seen = self.notifications.load(Relaxed);
        guard.lock().unlock();
        futex::wait(&self.notifications, seen);
        guard.lock().lock();
        guard
    }

    /// As [`wait`](Self::wait), but waits for a notification at most `timeout`. Also returns whether the timeout has
    /// expired.
    pub fn wait_timeout<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        timeout: Duration,
    ) -> (MutexGuard<'a, T>, bool) {
        let seen = self.notifications.load(Relaxed);
        guard.lock().unlock();
        let over = futex::wait_timeout(&self.notifications, seen, timeout);
        guard.lock().lock();
        (guard, over)
    }

    /// Wakes one waiting thread, if there is one.
    pub fn notify_one(&self) {
        self.notify(1);
    }

    /// Wakes all waiting threads.
    pub fn notify_all(&self) {
        self.notify(i32::MAX);
    }

    /// Wakes up to `count` waiting threads.
    fn notify(&self, count: i32) {
        // Relaxed: the mutex orders the change of the value that the waiters wait for. The number only has to differ.
        self.notifications.fetch_add(1, Relaxed);
        futex::wake(&raw const self.notifications, count);
    }
}

impl Default for Condvar {
    fn default() -> Self {
        Self::new()
    }
}
