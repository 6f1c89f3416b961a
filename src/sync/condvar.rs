//! Waiting until another thread says that something has changed.

use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::Relaxed;
use core::time::Duration;

use super::MutexGuard;
use super::futex;

/// Where threads wait that found the value of a [`Mutex`](super::Mutex) not as they need it, until
/// another has changed it.
///
/// A wait may end for no reason: the condition is looked at in a loop.
pub struct Condvar {
    /// How many notices there were, modulo 2^32: a waiter sleeps only if none came since it looked.
    notices: AtomicU32,
}

impl Condvar {
    /// One for which nobody waits.
    pub const fn new() -> Self {
        Self {
            notices: AtomicU32::new(0),
        }
    }

    /// Gives the value back, waits for a notice, and waits for the value.
    pub fn wait<'a, T: ?Sized>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        // Read with the lock held: a notice of any later change is a change of this number too.
        let seen = self.notices.load(Relaxed);
        guard.lock().unlock();
        futex::wait(&self.notices, seen);
        guard.lock().lock();
        guard
    }

    /// The same, waiting for a notice at most so long. Says too whether the time is over.
    pub fn wait_timeout<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        timeout: Duration,
    ) -> (MutexGuard<'a, T>, bool) {
        let seen = self.notices.load(Relaxed);
        guard.lock().unlock();
        let over = futex::wait_timeout(&self.notices, seen, timeout);
        guard.lock().lock();
        (guard, over)
    }

    /// Wakes one of those that wait, if any does.
    pub fn notify_one(&self) {
        self.notify(1);
    }

    /// Wakes all that wait.
    pub fn notify_all(&self) {
        self.notify(i32::MAX);
    }

    fn notify(&self, count: i32) {
        // The mutex orders what the notice is of; this only has to be another number.
        self.notices.fetch_add(1, Relaxed);
        futex::wake(&raw const self.notices, count);
    }
}

impl Default for Condvar {
    fn default() -> Self {
        Self::new()
    }
}
