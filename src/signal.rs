//! Signals: which wait, and how they are heard.

use core::ptr;

pub use crate::abi::signal::*;
use crate::abi::{Result, syscall};
use crate::fd::{BorrowedFd, OwnedFd};
use crate::io;

/// A set of signals (`sigset_t` of the kernel: bit N-1 stands for signal N).
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct SignalSet(u64);

impl SignalSet {
    /// Every signal; the kernel leaves out those that cannot be blocked.
    pub const ALL: Self = Self(u64::MAX);

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
    change_mask(SIG_BLOCK, set, ptr::null_mut());
}

/// Makes the signals of `set` wait until what this returns is dropped, in this thread.
#[must_use = "dropping it lets the signals through"]
pub fn hold(set: SignalSet) -> Held {
    let mut old = SignalSet::of(&[]);
    change_mask(SIG_BLOCK, set, &raw mut old);
    Held(old)
}

/// The signals that were blocked before [`hold`].
pub struct Held(SignalSet);

impl Drop for Held {
    fn drop(&mut self) {
        change_mask(SIG_SETMASK, self.0, ptr::null_mut());
    }
}

/// Lets the signals of `set` through again, in this thread.
#[inline]
pub fn unblock(set: SignalSet) {
    change_mask(SIG_UNBLOCK, set, ptr::null_mut());
}

/// Changes the mask; where `old` is not null, it gets what the mask was.
#[inline]
fn change_mask(how: i32, set: SignalSet, old: *mut SignalSet) {
    let size = size_of::<SignalSet>();
    // SAFETY: the kernel reads the 8 bytes of `set`, and writes the 8 of `old` where it is not null.
    // EINVAL and EFAULT, the only errors (rt_sigprocmask(2)), are excluded by that.
    let _ = unsafe { syscall!(rt_sigprocmask(how, &raw const set, old, size)) };
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

/// A descriptor from which signals are read, so that a loop that waits for descriptors hears of them
/// in turn and no handler interrupts it (signalfd(2)).
///
/// The signals are to be blocked with [`block`]; before that they do what they do.
pub struct SignalFd(OwnedFd);

impl SignalFd {
    /// A descriptor for the signals of `set`; reading it does not wait.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`, `ENOMEM`.
    pub fn new(set: SignalSet) -> Result<Self> {
        const NEW: i32 = -1;
        let size = size_of::<SignalSet>();
        let flags = SFD_NONBLOCK | SFD_CLOEXEC;
        // SAFETY: the kernel reads the 8 bytes of `set`; what it returns is a new descriptor.
        unsafe {
            let raw = syscall!(signalfd4(NEW, &raw const set, size, flags))?;
            Ok(Self(OwnedFd::from_raw(raw)))
        }
    }

    /// The descriptor, which is readable when a signal waits.
    #[inline]
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// The next signal that was sent; the same one sent twice before it is read comes once.
    ///
    /// # Errors
    /// `EAGAIN`: none waits.
    pub fn next(&self) -> Result<i32> {
        let mut info = [0; size_of::<SignalfdSiginfo>()];
        io::read(self.as_fd(), &mut info)?; // whole ones only
        let number = info.first_chunk().copied().unwrap_or_default(); // ssi_signo comes first
        Ok(i32::from_ne_bytes(number))
    }
}
