//! Waiting for a word to change: futex(2).
//!
//! None of these tells of an error: a wait that ends early is as good as one that ends for nothing,
//! which every caller looks out for.

use core::ptr;
use core::sync::atomic::AtomicU32;
use core::time::Duration;

use crate::abi::futex::{FUTEX_PRIVATE_FLAG, FUTEX_WAIT, FUTEX_WAKE};
use crate::abi::time::Timespec;
use crate::abi::{Errno, Result, syscall};

/// Waits until `word` is woken, if it is `value`. It may come back for no reason.
pub fn wait(word: &AtomicU32, value: u32) {
    let _ = call_wait(word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, value, ptr::null());
}

/// [`wait`] for at most so long. Says whether the time is over.
pub fn wait_timeout(word: &AtomicU32, value: u32, timeout: Duration) -> bool {
    let timeout = Timespec {
        tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    };
    let how = FUTEX_WAIT | FUTEX_PRIVATE_FLAG;
    call_wait(word, how, value, &raw const timeout) == Err(Errno::ETIMEDOUT)
}

/// [`wait`] for the kernel, which wakes as another process would: a private wait would never end.
pub fn wait_shared(word: &AtomicU32, value: u32) {
    let _ = call_wait(word, FUTEX_WAIT, value, ptr::null());
}

fn call_wait(word: &AtomicU32, how: i32, value: u32, timeout: *const Timespec) -> Result<usize> {
    // SAFETY: the kernel reads the word, and `timeout` where it is not null, which is a time from now
    // by the clock that never goes back.
    unsafe { syscall!(futex(word.as_ptr(), how, value, timeout)) }
}

/// Wakes up to `count` that wait for `word`, of which only the address matters: the last that woke may
/// have given up its memory.
pub fn wake(word: *const AtomicU32, count: i32) {
    // SAFETY: FUTEX_WAKE reads no memory of ours, and a private one does not even look whether any is
    // there. Whoever waits at that address by now is woken for no reason.
    let _ = unsafe { syscall!(futex(word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, count)) };
}
