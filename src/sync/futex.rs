//! Waits for a change of a word in memory, and wakes waiting threads: futex(2).
//!
//! No function here returns an error. Every caller must expect spurious wake-ups, so a wait that fails is a spurious
//! wake-up.

use core::ptr;
use core::sync::atomic::AtomicU32;
use core::time::Duration;

use crate::abi::futex::{FUTEX_PRIVATE_FLAG, FUTEX_WAIT, FUTEX_WAKE};
use crate::abi::time::Timespec;
use crate::abi::{Errno, Result, syscall};

/// Sleeps until a wake-up at `word`, if `word` is `value`; else returns at once. Wake-ups can be spurious.
pub fn wait(word: &AtomicU32, value: u32) {
    let _ = call_wait(word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, value, ptr::null());
}

/// As [`wait`], for at most `timeout`. Returns whether the timeout has expired.
pub fn wait_timeout(word: &AtomicU32, value: u32, timeout: Duration) -> bool {
    let timeout = Timespec::from(timeout);
    let how = FUTEX_WAIT | FUTEX_PRIVATE_FLAG;
    call_wait(word, how, value, &raw const timeout) == Err(Errno::ETIMEDOUT)
}

/// As [`wait`], for a wake-up by the kernel at a thread's exit. The kernel's wake-up is not private: it does not end a
/// private wait.
pub fn wait_shared(word: &AtomicU32, value: u32) {
    let _ = call_wait(word, FUTEX_WAIT, value, ptr::null());
}

/// Calls futex(2) to wait. A null `timeout` means no limit.
fn call_wait(word: &AtomicU32, how: i32, value: u32, timeout: *const Timespec) -> Result<usize> {
    // SAFETY: the kernel reads `word`, and `timeout` if it is not null. The callers pass null or a valid Timespec: a
    // duration, which the kernel measures by CLOCK_MONOTONIC. The kernel writes neither.
    unsafe { syscall!(futex(word.as_ptr(), how, value, timeout)) }
}

/// Wakes up to `count` threads that wait at the address `word`. `word` may dangle: a thread that woke earlier may have
/// freed the memory.
pub fn wake(word: *const AtomicU32, count: i32) {
    // SAFETY: a private FUTEX_WAKE does not access the memory at the address, which need not be mapped. If another
    // thread waits at the same address by now, its wake-up is spurious.
    let _ = unsafe { syscall!(futex(word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, count)) };
}
