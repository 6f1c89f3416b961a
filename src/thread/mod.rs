//! Threads: functions that run beside each other in one memory (clone(2)).
//!
//! [`spawn`] starts one, [`scope`] threads that borrow from their creator. Their ids and names are
//! [`process::gettid`](crate::process::gettid) and [`process::thread_name`](crate::process::thread_name).
//!
//! A thread lies in a mapping of its own, so that nothing here needs a heap:
//!
//! ```text
//!  low                                                                                          high
//!  | guard: a page nobody may touch | stack <- grows down | id, result, thread words | its function |
//! ```
//!
//! - A stack that grows into its guard ends the process by SIGSEGV; with [`overflow`](crate::overflow), a message
//!   comes first.
//! - A panic ends the process by SIGABRT, so that a thread that is joined has always a result.
//! - A thread begins with its creator's blocked signals. It ends with all blocked.
//! - When `main` returns, all threads end with the process.

mod scope;
mod stack;
mod task;

pub use scope::{Scope, scope};
pub use task::JoinHandle;

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

/// Bytes of a stack, where nobody says otherwise: less than the 2 MiB for which the kernel might find
/// one page, of which a thread seldom needs more than a little.
pub const STACK: usize = 1 << 20;

/// What a thread is to be like.
#[derive(Clone, Copy)]
pub struct Builder {
    stack: usize,
    name: [u8; 16],
}

impl Builder {
    /// As [`spawn`] has it.
    pub const fn new() -> Self {
        Self {
            stack: STACK,
            name: [0; 16],
        }
    }

    /// With so many bytes of stack, at least 16 KiB, up to the end of a page. What its function
    /// captures and gives passes over the stack too.
    pub const fn stack_size(mut self, bytes: usize) -> Self {
        self.stack = bytes;
        self
    }

    /// With this name, up to its first zero and the 15 bytes that the kernel keeps
    /// (`/proc/PID/task/TID/comm`). An empty one leaves it with its creator's.
    pub fn name(mut self, name: &[u8]) -> Self {
        self.name = [0; 16];
        let [kept @ .., _zero] = &mut self.name;
        bytes::copy(kept, name);
        self
    }

    /// Starts a thread that runs `work`.
    ///
    /// # Errors
    /// `EAGAIN`: as many threads as `RLIMIT_NPROC`, the control group or the kernel allows. `ENOMEM`: no
    /// address space or memory for its mapping. `ENOSYS`: the program was not made by
    /// [`program!`](crate::program!): under another runtime threads are that runtime's.
    pub fn spawn<T, F>(self, work: F) -> Result<JoinHandle<T>>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        // SAFETY: neither `work` nor its result borrows anything.
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

/// Lets other threads run first, where they wait for this CPU (sched_yield(2)).
pub fn yield_now() {
    // SAFETY: takes nothing, changes nothing, and does not fail.
    let _ = unsafe { syscall!(sched_yield()) };
}

/// How many CPUs this thread may run on, at least 1. A control group may grant less of their time than
/// all.
pub fn available_parallelism() -> usize {
    Cpus::allowed().iter().count().max(1)
}

/// A set of CPUs.
pub struct Cpus([u64; 128]); // 8192, the most that a kernel is built for

impl Cpus {
    /// The calling thread.
    const OWN: i32 = 0;

    /// Those that the calling thread may run on (sched_getaffinity(2)).
    pub fn allowed() -> Self {
        let mut mask = [0_u64; 128];
        // SAFETY: the kernel writes at most that many bytes to ours. What fails leaves zeros.
        let _ = unsafe {
            syscall!(sched_getaffinity(
                Self::OWN,
                size_of_val(&mask),
                mask.as_mut_ptr()
            ))
        };
        Self(mask)
    }

    /// One alone.
    pub fn one(cpu: u32) -> Self {
        let mut mask = [0; 128];
        if let Some(word) = mask.get_mut(cpu as usize / 64) {
            *word = 1 << (cpu % 64);
        }
        Self(mask)
    }

    /// Their numbers, rising.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        let numbers = 0..u64::BITS * self.0.len() as u32;
        let holds = |word: &u64, cpu: u32| word >> (cpu % 64) & 1 != 0;
        numbers.filter(move |&cpu| {
            self.0
                .get(cpu as usize / 64)
                .is_some_and(|word| holds(word, cpu))
        })
    }

    /// Has the calling thread run on these alone (sched_setaffinity(2)).
    ///
    /// # Errors
    /// `EINVAL`: there are none of them, or a control group allows none.
    pub fn pin(&self) -> Result<()> {
        // SAFETY: the kernel reads that many bytes of ours.
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

    /// A thread of ours would have none of the memory that std's runtime gives its own.
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
