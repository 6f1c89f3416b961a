//! What threads wait for each other with: a [`Mutex`], a [`Condvar`], a [`Once`] and a [`OnceLock`].
//!
//! Each is a word of 4 bytes in its owner's memory. Where nobody waits, a few instructions on it are
//! all; whoever must wait asks the kernel to be woken when it changes (futex(7)). No poison: a panic
//! ends the process.

mod condvar;
pub(crate) mod futex;
mod mutex;
mod once;
#[cfg(test)]
mod tests;

pub use condvar::Condvar;
pub use mutex::{Mutex, MutexGuard};
pub use once::{Once, OnceLock};
