//! The signals that are passed on to the program, and the rewrites of `--rewrite`.

use ring3::signal::*;

/// The signals that are passed on: all except
///
/// - SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV and SIGSYS, which a fault in `init` itself raises,
/// - SIGTTIN and SIGTTOU, by which a terminal stops a background process,
/// - SIGKILL and SIGSTOP, which cannot be blocked or handled,
/// - SIGCHLD, which reports our own children.
pub const PASSED: SignalSet = SignalSet::ALL.without(SignalSet::of(&[
    SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS, SIGTTIN, SIGTTOU, SIGKILL, SIGSTOP,
    SIGCHLD,
]));

/// For each signal, the signal that is passed on instead; 0: no signal.
pub struct Rewrites([u8; SIGNALS as usize + 1]);

impl Rewrites {
    /// The table that passes every signal on unchanged.
    pub const NONE: Self = {
        let mut table = [0; SIGNALS as usize + 1];
        let mut signal = 0;
        while signal < table.len() {
            table[signal] = signal as u8;
            signal += 1;
        }
        Self(table)
    };

    /// Sets the signal that is passed on instead of `from`.
    pub fn set(&mut self, from: i32, to: i32) {
        if let Some(place) = self.0.get_mut(from as usize) {
            *place = to as u8;
        }
    }

    /// Returns the signal to pass on for a received `signal`, or `None` if none is passed on.
    pub fn of(&self, signal: i32) -> Option<i32> {
        let to = *self.0.get(usize::try_from(signal).ok()?)?;
        (to != 0).then_some(to.into())
    }
}
