//! Threads that share the memory of the process (clone(2)).
//!
//! [`spawn`] starts a thread. [`scope`] starts threads that may borrow from their creator. See
//! [`process::gettid`](crate::process::gettid) for a thread's id and
//! [`process::thread_name`](crate::process::thread_name) for its name.
//!
//! Each thread has a mapping of its own, which holds its stack and its data. So threads need no heap:
//!
//! ```text
//!  low                                                                                          high
//!  | guard: a page without access   | stack <- grows down | id, result, thread words | its function |
//! ```
//!
//! - A stack that grows into its guard raises SIGSEGV. With [`overflow`](crate::overflow), a message is printed first.
//! - A panic ends the process by SIGABRT. So a thread that is joined always has a result.
//! - A thread starts with its creator's signal mask. It ends with all signals blocked.
//! - When `main` returns, all threads end with the process.
//!
//! ```
//! use ring3::thread::{Cpus, available_parallelism};
//!
//! assert_eq!(Cpus::allowed().iter().count(), available_parallelism());
//! ```

mod scope;
mod stack;
mod task;

pub use scope::{Scope, scope};
pub use task::JoinHandle;

#[doc(inline)]
pub use crate::time::sleep;

use core::ptr;

use crate::Result;
use crate::abi::syscall;
use crate::bytes;

/// Starts a thread that runs `work`, with a stack of [`STACK`] bytes and its creator's name.
///
/// # Errors
/// As for [`Builder::spawn`].
pub fn spawn<T, F>(work: F) -> Result<JoinHandle<T>>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    Builder::new().spawn(work)
}

/// The default bytes of a stack. This is less than 2 MiB, so that the kernel does not back the whole stack with a huge
/// page: a thread seldom uses more than a small part of its stack.
pub const STACK: usize = 1 << 20;

/// The properties of a new thread.
#[derive(Clone, Copy, Debug)]
pub struct Builder {
    /// The bytes of the stack.
    stack: usize,
    /// The name, padded with zeros; all zeros for the creator's name.
    name: [u8; 16],
}

impl Builder {
    /// Returns the properties that [`spawn`] uses.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            stack: STACK,
            name: [0; 16],
        }
    }

    /// Sets the bytes of the stack: at least 16 KiB, rounded up to whole pages. The captures of the thread's function,
    /// and the function's result, take room on this stack too.
    #[must_use]
    pub const fn stack_size(mut self, bytes: usize) -> Self {
        self.stack = bytes;
        self
    }

    /// Sets the name: up to its first zero, and at most the 15 bytes that the kernel keeps (`/proc/PID/task/TID/comm`).
    /// With an empty name the thread keeps its creator's name.
    #[must_use]
    pub fn name(mut self, name: &[u8]) -> Self {
        self.name = [0; 16];
        let [kept @ .., _zero] = &mut self.name;
        bytes::copy(kept, name);
        self
    }

    /// Starts a thread that runs `work`.
    ///
    /// # Errors
    /// `EAGAIN`: the limit of threads is reached (`RLIMIT_NPROC`, the control group or the kernel). `ENOMEM`: no
    /// address space or memory for the thread's mapping. `ENOSYS`: the program was not made by
    /// [`program!`](crate::program!). Under another runtime, only that runtime can start threads.
    pub fn spawn<T, F>(self, work: F) -> Result<JoinHandle<T>>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        // SAFETY: `work` and its result are `'static`, so they borrow nothing that ends. A null pointer means no scope.
        unsafe { task::start(&self, ptr::null(), work) }
    }

    /// Starts a thread that runs `work` and that `scope` waits for.
    ///
    /// # Errors
    /// As for [`spawn`](Self::spawn).
    pub fn spawn_scoped<'scope, T, F>(
        self,
        scope: &'scope Scope<'scope, '_>,
        work: F,
    ) -> Result<JoinHandle<T>>
    where
        T: Send + 'scope,
        F: FnOnce() -> T + Send + 'scope,
    {
        scope.start(&self, work)
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

/// Lets other threads run that wait for this CPU (sched_yield(2)).
pub fn yield_now() {
    // SAFETY: the call has no arguments, changes no memory, and does not fail.
    let _ = unsafe { syscall!(sched_yield()) };
}

/// Returns the number of CPUs that this thread may run on, at least 1. A control group may grant less CPU time than
/// these CPUs have.
#[must_use]
pub fn available_parallelism() -> usize {
    Cpus::allowed().iter().count().max(1)
}

/// A set of CPUs: a bit for each.
#[derive(Debug)]
pub struct Cpus([u64; 128]); // 8192, the most that a kernel is built for

impl Cpus {
    /// The thread id 0: the system calls below take it for the calling thread.
    const OWN: i32 = 0;

    /// Returns the CPUs that the calling thread may run on (sched_getaffinity(2)); none if the call fails.
    #[must_use]
    pub fn allowed() -> Self {
        let mut mask = [0_u64; 128];
        // SAFETY: the kernel writes at most `size_of_val(&mask)` bytes to `mask`. A failed call leaves zeros.
        let _ = unsafe {
            syscall!(sched_getaffinity(
                Self::OWN,
                size_of_val(&mask),
                mask.as_mut_ptr()
            ))
        };
        Self(mask)
    }

    /// Returns the set of one CPU; an empty set if `cpu` is above 8191.
    #[must_use]
    pub fn one(cpu: u32) -> Self {
        let mut mask = [0; 128];
        if let Some(word) = mask.get_mut(cpu as usize / 64) {
            *word = 1 << (cpu % 64);
        }
        Self(mask)
    }

    /// Iterates over the numbers of the CPUs, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        let numbers = 0..u64::BITS * self.0.len() as u32;
        let holds = |word: &u64, cpu: u32| word >> (cpu % 64) & 1 != 0;
        numbers.filter(move |&cpu| {
            self.0
                .get(cpu as usize / 64)
                .is_some_and(|word| holds(word, cpu))
        })
    }

    /// Lets the calling thread run on these CPUs only (sched_setaffinity(2)).
    ///
    /// # Errors
    /// `EINVAL`: none of these CPUs exists, or a control group allows none of them.
    pub fn pin(&self) -> Result<()> {
        // SAFETY: the kernel reads `size_of_val(&self.0)` bytes of `self.0`.
        unsafe {
            syscall!(sched_setaffinity(
                Self::OWN,
                size_of_val(&self.0),
                self.0.as_ptr()
            ))
        }
        .map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Errno;

    /// A thread of this crate would lack the memory that std's runtime gives to its own threads.
    #[test]
    fn under_another_runtime_there_are_none() {
        assert_eq!(spawn(|| ()).err(), Some(Errno::ENOSYS));
        assert_eq!(scope(|scope| scope.spawn(|| ()).err()), Some(Errno::ENOSYS));
    }

    #[test]
    fn a_set_of_one_cpu_has_that_one() {
        for cpu in [0, 1, 63, 64, 65, 127, 128, 8191] {
            assert!(Cpus::one(cpu).iter().eq([cpu]), "{cpu}");
        }
        assert_eq!(Cpus::one(8192).iter().count(), 0);
        assert!(Cpus([u64::MAX; 128]).iter().eq(0..8192));
        let bits = Cpus(core::array::from_fn(|nth| u64::from(nth == 1) * 5));
        assert!(bits.iter().eq([64, 66]));
    }

    #[test]
    fn a_name_is_of_15_bytes_and_replaces_another() {
        let name = |name| Builder::new().name(b"another name").name(name).name;
        assert_eq!(name(b"n"), *b"n\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
        assert_eq!(name(b"fifteen letters"), *b"fifteen letters\0");
        assert_eq!(name(b"sixteen letters!"), *b"sixteen letters\0");
        assert_eq!(name(b""), [0; 16]);
        assert_eq!((Builder::default().stack, STACK), (1 << 20, 1 << 20));
        assert_eq!(Builder::new().stack_size(5).stack, 5);
    }

    #[test]
    fn cpus_are_as_many_as_std_counts_at_least() {
        extern crate std;
        // std takes a control group's quota into account.
        let count = std::thread::available_parallelism().unwrap().get();
        assert!(available_parallelism() >= count);
    }
}
