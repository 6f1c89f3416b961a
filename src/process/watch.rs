//! What a process does that only waits for its children: it hears of their ends, and of signals that are
//! to be passed on to them.

use super::Pid;
use super::wait::{self, Ended};
use crate::abi::{Errno, Result};
use crate::signal::{self, Received, SIGCHLD, SignalSet};
use crate::time::{Clock, left, nanoseconds_by_call};

/// Receives signals, and reports children that ended or were stopped, in one thread, without a descriptor or a
/// handler: `SIGCHLD` and the signals are blocked, and rt_sigtimedwait(2) waits for them.
///
/// As process 1 it hears of orphans too, which the kernel gives that one for a child: they are reaped like
/// any other.
pub struct Watch(SignalSet);

/// What a [`Watch`] heard of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// A child has ended, and was waited for.
    Ended(Ended),
    /// A child was stopped by this signal.
    Stopped(Pid, i32),
    /// One of the signals came.
    Signal(Received),
    /// The time is over.
    Late,
    /// There are no children.
    Alone,
    /// This system call was refused, for instance by a seccomp filter. Later calls of `next` would fail in the same
    /// way.
    Refused(&'static str, Errno),
}

impl Watch {
    /// One that hears of `signals`, beside children. They are blocked in this thread from now on, and
    /// `SIGCHLD` has its default action: ignored, as a parent may have left it, it would have the kernel
    /// forget how children ended. It comes before the first child; a thread has one.
    ///
    /// # Errors
    /// Those of a seccomp filter that refuses rt_sigprocmask(2) or rt_sigaction(2).
    pub fn new(signals: SignalSet) -> Result<Self> {
        let all = signals | SignalSet::of(&[SIGCHLD]);
        signal::block(all)?;
        signal::set_default(SIGCHLD)?;
        Ok(Self(all))
    }

    /// What comes next; `Late` where that is nothing [`until`](left) then. What has happened already comes
    /// first, children before signals. SIGCHLD itself is never among the signals.
    pub fn next(&self, until: u64) -> Event {
        loop {
            match wait::any_or_stopped() {
                Ok(change) if change.is_one() => {
                    return match change.stopped() {
                        Some(signal) => Event::Stopped(change.pid, signal),
                        None => Event::Ended(change.ended()),
                    };
                }
                Ok(_) => {}
                Err(Errno::ECHILD) => return Event::Alone,
                Err(errno) => return Event::Refused("wait4", errno),
            }
            let left = left(until, || nanoseconds_by_call(Clock::Monotonic));
            match signal::wait(self.0, left) {
                // Of several children that ended it came once, so that all are asked for again.
                Ok(received) if received.signal == SIGCHLD => {}
                Ok(received) => return Event::Signal(received),
                Err(Errno::EAGAIN) => return Event::Late,
                Err(Errno::EINTR) => {} // something else interrupted it
                Err(errno) => return Event::Refused("rt_sigtimedwait", errno),
            }
        }
    }
}
