//! Synchronization between threads: [`Mutex`], [`Condvar`], [`Once`] and [`OnceLock`].
//!
//! Each type has a state word of 4 bytes, and allocates nothing. Without contention an operation is a few instructions
//! on that word. A thread that must wait sleeps in the kernel until the word changes (futex(7)). There is no poisoning:
//! a panic ends the process.
//!
//! ```
//! use ring3::sync::{Mutex, OnceLock};
//!
//! static COUNT: Mutex<u32> = Mutex::new(0);
//! static NAME: OnceLock<&str> = OnceLock::new();
//!
//! *COUNT.lock() += 1;
//! assert_eq!(*COUNT.lock(), 1);
//! assert_eq!(NAME.get_or_init(|| "first"), NAME.get_or_init(|| "second"));
//! ```

mod condvar;
pub(crate) mod futex;
mod mutex;
mod once;
#[cfg(test)]
mod tests;

pub use condvar::Condvar;
pub use mutex::{Mutex, MutexGuard};
pub use once::{Once, OnceLock};
