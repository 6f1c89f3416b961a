//! Threads that borrow.

use core::marker::PhantomData;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Acquire, Relaxed};

use super::{Builder, JoinHandle, task};
use crate::Result;
use crate::sync::futex;

/// Threads that may borrow what outlives a call of [`scope`].
pub struct Scope<'scope, 'env: 'scope> {
    /// How many of its threads may still use what they borrowed.
    running: AtomicU32,
    /// Invariant: a borrow must live for exactly this, not for a part of it.
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

/// Calls `work`, and comes back when it and all threads that it started in the scope are done. What
/// they borrow from outside, they may therefore borrow.
///
/// ```ignore
/// let mut halves = [0, 0];
/// let (left, right) = halves.split_at_mut(1);
/// thread::scope(|scope| {
///     scope.spawn(|| left[0] = 1)?;
///     right[0] = 2;
///     Ok(())
/// })
/// ```
pub fn scope<'env, F, T>(work: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    let scope = Scope {
        running: AtomicU32::new(0),
        scope: PhantomData,
        env: PhantomData,
    };
    let result = work(&scope);
    // Acquire: what the threads wrote is seen. (Nothing unwinds past this: a panic aborts.)
    loop {
        match scope.running.load(Acquire) {
            0 => return result,
            running => futex::wait(&scope.running, running),
        }
    }
}

impl<'scope> Scope<'scope, '_> {
    /// Starts a thread that runs `work`, as [`spawn`](super::spawn) does.
    ///
    /// # Errors
    /// As for [`Builder::spawn`].
    pub fn spawn<T, F>(&'scope self, work: F) -> Result<JoinHandle<T>>
    where
        T: Send + 'scope,
        F: FnOnce() -> T + Send + 'scope,
    {
        self.start(&Builder::new(), work)
    }

    pub(super) fn start<T, F>(&'scope self, builder: &Builder, work: F) -> Result<JoinHandle<T>>
    where
        T: Send + 'scope,
        F: FnOnce() -> T + Send + 'scope,
    {
        // The count is not 0 here while a thread waits for 0: a thread that starts another is counted itself. Relaxed:
        // starting the thread orders this change before the new thread, and before the creator's own decrement.
        self.running.fetch_add(1, Relaxed);
        // SAFETY: what `work` borrows lives as long as 'scope, so at least until `scope` comes back, which
        // waits for the thread to be done with it. A result that lives no longer keeps its handle, which
        // is of the same type, from leaving.
        let handle = unsafe { task::start(builder, &raw const self.running, work) };
        if handle.is_err() {
            // The creator, which goes on, is within the scope: nobody waits for a 0 yet, or it is counted.
            self.running.fetch_sub(1, Relaxed);
        }
        handle
    }
}
