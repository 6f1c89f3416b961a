//! Scoped threads: threads that may borrow from the function that starts them.

use core::fmt;
use core::marker::PhantomData;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Acquire, Relaxed};

use super::{Builder, JoinHandle, task};
use crate::Result;
use crate::sync::futex;

/// A scope, in which threads may borrow data that outlives the call of [`scope`].
pub struct Scope<'scope, 'env: 'scope> {
    /// The number of the scope's threads that may still use their borrows.
    running: AtomicU32,
    /// Makes `'scope` invariant: a longer or shorter lifetime must not replace it.
    scope: PhantomData<&'scope mut &'scope ()>,
    /// Makes `'env` invariant.
    env: PhantomData<&'env mut &'env ()>,
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}

/// Calls `work`, then waits until all threads that `work` started in the scope have ended their work. So these threads
/// may borrow data of the caller.
///
/// (No test runs this example: under std, as in a test, ring3 cannot start a thread.)
///
/// ```no_run
/// use ring3::thread;
///
/// let mut halves = [0, 0];
/// let (left, right) = halves.split_at_mut(1);
/// thread::scope(|scope| {
///     scope.spawn(|| left[0] = 1)?;
///     right[0] = 2;
///     Ok(())
/// })?;
/// # Ok::<(), ring3::Errno>(())
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
    // Acquire: the caller sees the writes of the threads. Nothing unwinds past this loop: a panic aborts.
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

    /// Starts a thread that runs `work`, with the properties in `builder`.
    ///
    /// # Errors
    /// As for [`Builder::spawn`].
    pub(super) fn start<T, F>(&'scope self, builder: &Builder, work: F) -> Result<JoinHandle<T>>
    where
        T: Send + 'scope,
        F: FnOnce() -> T + Send + 'scope,
    {
        // If the creator of the scope waits for 0 already, then the calling thread is a thread of the scope. This
        // thread is counted, so the count is not 0 here. Relaxed: starting the thread orders this change before the new
        // thread, and before the creator's own decrement.
        self.running.fetch_add(1, Relaxed);
        // SAFETY: `F: 'scope`, so the borrows of `work` are valid at least until `scope` returns. `scope` returns only
        // when `running` is 0, so after the thread has dropped `work` and has decremented `running`. `running` is part
        // of the scope, so it lives as long as the scope. `T: 'scope`, so the borrows of the result are valid at the
        // thread's end. A `JoinHandle<T>` cannot outlive the borrows in `T`, so they are valid too if the handle takes
        // or drops the result.
        let handle = unsafe { task::start(builder, &raw const self.running, work) };
        if handle.is_err() {
            // No thread misses a wake-up here. If the calling thread called `scope`, no thread waits for 0 yet.
            // Otherwise the calling thread is counted, so the count stays above 0.
            self.running.fetch_sub(1, Relaxed);
        }
        handle
    }
}
