//! Signals: which are passed on, and as what.

use ring3::signal::*;

/// All signals except: the signals that a fault of `init` itself raises, SIGTTIN and SIGTTOU, by which a terminal stops
/// a background process, SIGKILL and SIGSTOP, which no process can receive, and SIGCHLD, which is about our children.
pub const PASSED: SignalSet = SignalSet::ALL.without(SignalSet::of(&[
    SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS, SIGTTIN, SIGTTOU, SIGKILL, SIGSTOP,
    SIGCHLD,
]));

/// What is passed on in place of each signal; 0 is nothing.
pub struct Rewrites([u8; SIGNALS as usize + 1]);

impl Rewrites {
    /// Each as it is.
    pub const NONE: Self = {
        let mut table = [0; SIGNALS as usize + 1];
        let mut signal = 0;
        while signal < table.len() {
            table[signal] = signal as u8;
            signal += 1;
        }
        Self(table)
    };

    /// Has `to` passed on in place of `from`.
    pub fn set(&mut self, from: i32, to: i32) {
        if let Some(place) = self.0.get_mut(from as usize) {
            *place = to as u8;
        }
    }

    /// What to pass on when a signal came.
    pub fn of(&self, signal: i32) -> Option<i32> {
        let to = *self.0.get(usize::try_from(signal).ok()?)?;
        (to != 0).then_some(to.into())
    }
}

/// Parses `SIGNAL:SIGNAL` or `SIGNAL:0`; 0 is no signal. None for any other text.
pub fn rewrite(text: &[u8]) -> Option<(i32, i32)> {
    let colon = text.iter().position(|&byte| byte == b':')?;
    let to = match &text[colon + 1..] {
        b"0" => 0,
        name => named(name)?,
    };
    Some((named(&text[..colon])?, to))
}
