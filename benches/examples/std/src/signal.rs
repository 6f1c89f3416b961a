//! Dispositions of signals.

use libc::{SIG_DFL, SIG_IGN, c_int, sighandler_t};

/// Ignores a signal. (std itself ignores SIGPIPE before `main`.)
pub fn ignore(signal: c_int) {
    set(signal, SIG_IGN);
}

/// Gives a signal its default action.
pub fn reset(signal: c_int) {
    set(signal, SIG_DFL);
}

fn set(signal: c_int, action: sighandler_t) {
    // SAFETY: the action is no function, so no code runs when the signal comes.
    unsafe { libc::signal(signal, action) };
}
