//! Signals: which are passed on, as what, and by what names they are asked for.

use ring3::signal::{SIGCHLD, SignalSet};

/// All but those that a fault of our own would raise, and those by which a terminal stops who uses it in the
/// background.
pub const PASSED: SignalSet = {
    let mut signals = [0; 64];
    let mut count = 0;
    let mut signal = 1;
    while signal <= 64 {
        if !is_own(signal) {
            signals[count] = signal;
            count += 1;
        }
        signal += 1;
    }
    let (passed, _) = signals.split_at(count);
    SignalSet::of(passed)
};

/// SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGCHLD, SIGTTIN, SIGTTOU, SIGSYS. (SIGKILL and SIGSTOP come
/// to nobody.)
const fn is_own(signal: i32) -> bool {
    matches!(signal, 4..=8 | 11 | SIGCHLD | 21 | 22 | 31)
}

/// The kernel's names, in the order of their numbers, which are the same on both architectures (signal(7)).
const NAMES: &str = "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP \
TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS";

/// The signal of that name, with `SIG` before it or without, or of that number.
pub fn number(text: &[u8]) -> Option<i32> {
    match core::str::from_utf8(text).ok()?.parse() {
        Ok(number) => (1..=64).contains(&number).then_some(number),
        Err(_) => {
            let name = text.strip_prefix(b"SIG").unwrap_or(text);
            let place = NAMES
                .split(' ')
                .position(|known| known.as_bytes() == name)?;
            i32::try_from(place + 1).ok()
        }
    }
}

/// What is passed on in place of each signal; 0 is nothing.
pub struct Rewrites([u8; 65]);

impl Rewrites {
    /// Each as it is.
    pub const NONE: Self = {
        let mut table = [0; 65];
        let mut signal = 0;
        while signal < 65 {
            table[signal] = signal as u8;
            signal += 1;
        }
        Self(table)
    };

    /// Takes in `SIGNAL:SIGNAL`; none where it is not that.
    pub fn add(&mut self, text: &[u8]) -> Option<()> {
        let colon = text.iter().position(|&byte| byte == b':')?;
        let from = number(&text[..colon])?;
        let to = match &text[colon + 1..] {
            b"0" => 0,
            name => number(name)?,
        };
        *self.0.get_mut(from as usize)? = to as u8;
        Some(())
    }

    /// What to pass on when a signal came.
    pub fn of(&self, signal: i32) -> Option<i32> {
        let to = *self.0.get(usize::try_from(signal).ok()?)?;
        (to != 0).then_some(to.into())
    }
}
