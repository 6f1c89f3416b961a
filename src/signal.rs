//! Signals: which are ignored, which wait.

use core::ptr;

pub use crate::abi::signal::*;
use crate::abi::{Result, syscall};

/// A set of signals (`sigset_t` of the kernel: bit N-1 stands for signal N).
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct SignalSet(u64);

impl SignalSet {
    /// The set of these signals, each from 1 to 64.
    pub const fn of(signals: &[i32]) -> Self {
        let mut bits = 0;
        let mut i = 0;
        while i < signals.len() {
            bits |= 1 << (signals[i] - 1);
            i += 1;
        }
        Self(bits)
    }
}

/// Makes the signals of `set` wait until they are unblocked, in this thread.
///
/// A blocked `SIGPIPE` leaves the `EPIPE` that the write returns.
#[inline]
pub fn block(set: SignalSet) {
    change_mask(SIG_BLOCK, set);
}

/// Lets the signals of `set` through again, in this thread.
#[inline]
pub fn unblock(set: SignalSet) {
    change_mask(SIG_UNBLOCK, set);
}

#[inline]
fn change_mask(how: i32, set: SignalSet) {
    let size = size_of::<SignalSet>();
    // SAFETY: the kernel reads the 8 bytes of `set`, and a null pointer tells it to report nothing.
    // EINVAL and EFAULT, the only errors (rt_sigprocmask(2)), are excluded by that.
    let _ = unsafe {
        syscall!(rt_sigprocmask(
            how,
            &raw const set,
            ptr::null_mut::<u64>(),
            size
        ))
    };
}

/// Puts back what the kernel does at `signal` by itself (`SIG_DFL`).
///
/// # Errors
/// `EINVAL`: no such signal, or one that cannot be changed (SIGKILL, SIGSTOP).
pub fn set_default(signal: i32) -> Result<()> {
    let action = Sigaction::ZERO;
    let size = size_of::<SignalSet>();
    // SAFETY: the kernel reads a whole Sigaction; SIG_DFL (0) runs no code of ours.
    unsafe {
        syscall!(rt_sigaction(
            signal,
            &raw const action,
            ptr::null_mut::<Sigaction>(),
            size
        ))
        .map(drop)
    }
}
