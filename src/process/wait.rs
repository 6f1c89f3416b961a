//! Waiting for children, and how they ended: wait4(2).

use core::time::Duration;

use super::Pid;
use crate::abi::process::*;
use crate::abi::time::Timeval;
use crate::abi::{Result, syscall};
use crate::io::retry;
use crate::parts;
use crate::text::{Print, Writer};

/// A child that has ended and was reaped. Its id may already belong to another process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The child's id.
    pub pid: Pid,
    /// How the child ended.
    pub status: Status,
    /// The resources that the child used, including its own reaped children.
    pub usage: Usage,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The process exited with this status.
    Exited(u8),
    /// This signal killed the process.
    Killed(u8),
}

impl Status {
    /// The exit status as a shell reports it: 128 + N if signal N killed the process.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Exited(code) => code,
            Self::Killed(signal) => 128_u8.saturating_add(signal), // a signal is at most 64
        }
    }

    /// Whether the process exited with status 0.
    #[must_use]
    pub fn success(self) -> bool {
        self == Self::Exited(0)
    }

    /// Decodes the status word of wait4(2). The low 7 bits are the signal. The next bit is set if there is a
    /// core dump. The next 8 bits are the exit status.
    fn of(word: i32) -> Self {
        match word & 0x7f {
            0 => Self::Exited((word >> 8) as u8),
            signal => Self::Killed(signal as u8),
        }
    }
}

/// `exit 1`, `signal 9`
impl Print for Status {
    fn print(&self, out: &mut Writer<'_>) {
        match *self {
            Self::Exited(code) => out.print(parts!("exit ", code)),
            Self::Killed(signal) => out.print(parts!("signal ", signal)),
        }
    }
}

/// Resources that a process used (getrusage(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// CPU time in user mode.
    pub user: Duration,
    /// CPU time in the kernel.
    pub system: Duration,
    /// The peak resident memory, in KiB. At least the parent's resident memory at the child's creation,
    /// because the kernel counts the time before execve too.
    pub peak: u64,
}

impl Usage {
    fn of(raw: &Rusage) -> Self {
        // The kernel's times are never negative, and do not overflow: that would take half a million years.
        let span = |time: Timeval| {
            Duration::from_micros(time.tv_sec as u64 * 1_000_000 + time.tv_usec as u64)
        };
        Self {
            user: span(raw.ru_utime),
            system: span(raw.ru_stime),
            peak: raw.ru_maxrss as u64,
        }
    }
}

/// Waits until the child `pid` ends, and reaps it.
///
/// # Errors
/// `ECHILD`: the calling process has no child with this id.
pub fn pid(pid: Pid) -> Result<Ended> {
    const ANY_END: i32 = 0;
    Ok(wait(pid.0, ANY_END)?.ended())
}

/// Reaps a child that has ended, if there is one, without waiting (wait4(2) with `WNOHANG`). In process 1,
/// and in a process that [adopts orphans](super::adopt_orphans), the child may be an orphan.
///
/// # Errors
/// `ECHILD`: there are no children.
#[doc(alias = "wait4")]
#[doc(alias = "waitpid")]
pub fn any() -> Result<Option<Ended>> {
    let change = wait(ALL, WNOHANG)?;
    Ok(change.is_one().then(|| change.ended()))
}

/// As [`any`], and also reports a child that a signal stopped.
pub(super) fn any_or_stopped() -> Result<Change> {
    wait(ALL, WNOHANG | WUNTRACED)
}

/// For `wait4`: any child.
const ALL: i32 = -1;

/// The result of wait4(2): a child whose state changed, or none.
pub(super) struct Change {
    pub pid: Pid,
    word: i32,
    usage: Rusage,
}

impl Change {
    /// Whether a child's state changed.
    pub fn is_one(&self) -> bool {
        self.pid.0 != 0
    }

    /// The signal that stopped the child; `None` if the child ended.
    pub fn stopped(&self) -> Option<i32> {
        (self.word & 0xff == 0x7f).then_some(self.word >> 8 & 0xff)
    }

    /// How the child ended.
    pub fn ended(&self) -> Ended {
        Ended {
            pid: self.pid,
            status: Status::of(self.word),
            usage: Usage::of(&self.usage),
        }
    }
}

fn wait(which: i32, options: i32) -> Result<Change> {
    let (mut word, mut usage) = (0_i32, Rusage::ZERO);
    // SAFETY: the kernel writes an int to `word` and a whole Rusage to `usage`, both locals.
    let pid = retry(|| unsafe { syscall!(wait4(which, &raw mut word, options, &raw mut usage)) })?;
    let pid = Pid(pid as i32);
    Ok(Change { pid, word, usage })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A change of a child's state, as wait4(2) returns it.
    fn change(pid: i32, word: i32) -> Change {
        Change {
            pid: Pid(pid),
            word,
            usage: Rusage::ZERO,
        }
    }

    #[test]
    fn a_word_is_a_status() {
        const CORE: i32 = 0x80;
        for (word, status, code) in [
            (0, Status::Exited(0), 0),
            (1 << 8, Status::Exited(1), 1),
            (255 << 8, Status::Exited(255), 255),
            (1, Status::Killed(1), 129),
            (64, Status::Killed(64), 192),
            (11 | CORE, Status::Killed(11), 139),
        ] {
            let ended = change(7, word).ended();
            assert_eq!((ended.pid, ended.status), (Pid(7), status));
            assert_eq!(status.code(), code);
            assert_eq!(status.success(), word == 0);
            assert_eq!(change(7, word).stopped(), None);
        }
        // Larger than any signal: the sum saturates instead of wrapping to 0.
        assert_eq!(Status::Killed(255).code(), 255);
        for signal in [1, 19, 64] {
            assert_eq!(change(7, signal << 8 | 0x7f).stopped(), Some(signal));
        }
        assert!(change(7, 0).is_one() && !change(0, 0).is_one());
    }

    #[test]
    fn usage_is_in_microseconds_and_kibibytes() {
        let time = |tv_sec, tv_usec| Timeval { tv_sec, tv_usec };
        let mut raw = Rusage::ZERO;
        raw.ru_utime = time(3, 4);
        raw.ru_stime = time(1, 999_999);
        raw.ru_maxrss = 5;
        let usage = Usage::of(&raw);
        assert_eq!(usage.user, Duration::new(3, 4_000));
        assert_eq!(usage.system, Duration::new(1, 999_999_000));
        assert_eq!(usage.peak, 5);
    }
}
