//! The main loop of a process that only waits for its children and receives signals: [`Watch`].

use super::Pid;
use super::wait::{self, Ended};
use crate::abi::{Errno, Result};
use crate::signal::{self, Received, SIGCHLD, SignalSet};
use crate::time::{Clock, Deadline, nanoseconds_by_call};

/// Receives signals and reaps children, in one thread, without a descriptor or a handler: `SIGCHLD` and the
/// signals are blocked, and rt_sigtimedwait(2) waits for them.
///
/// In process 1, orphans are children too: they are reaped and reported like other children.
#[derive(Debug)]
pub struct Watch(SignalSet);

/// An event that a [`Watch`] reports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// A child has ended, and was reaped.
    Ended(Ended),
    /// This signal stopped a child.
    Stopped(Pid, i32),
    /// A signal of the set was received.
    Signal(Received),
    /// The time is over.
    Late,
    /// There are no children.
    Alone,
    /// This system call was refused, for instance by a seccomp filter. Later calls of `next` would fail in
    /// the same way.
    Refused(&'static str, Errno),
}

impl Watch {
    /// Prepares the calling thread to receive `signals` and the ends of children. A thread has at most one
    /// `Watch`, and creates it before its first child.
    ///
    /// The signals and `SIGCHLD` are blocked in this thread from now on. `SIGCHLD` gets its default action:
    /// if a parent process left it ignored, the kernel would discard how children ended.
    ///
    /// # Errors
    /// The errors of a seccomp filter that refuses rt_sigprocmask(2) or rt_sigaction(2).
    pub fn new(signals: SignalSet) -> Result<Self> {
        let all = signals | SignalSet::of(&[SIGCHLD]);
        signal::block(all)?;
        signal::set_default(SIGCHLD)?;
        Ok(Self(all))
    }

    /// Waits for the next event, until `deadline`. Returns `Late` when the deadline has passed.
    ///
    /// Pending events are reported at once, children before signals, and signals before `Late`. So a caller whose children
    /// end all the time has to test the deadline itself. `SIGCHLD` itself is never reported as a
    /// signal.
    #[must_use]
    pub fn next(&self, deadline: Deadline) -> Event {
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
            let left = deadline.left(|| nanoseconds_by_call(Clock::Monotonic));
            match signal::wait(self.0, left) {
                // SIGCHLD is pending only once for several children. So the loop asks for children until
                // there are none.
                Ok(received) if received.signal == SIGCHLD => {}
                Ok(received) => return Event::Signal(received),
                Err(Errno::EAGAIN) => return Event::Late,
                Err(Errno::EINTR) => {} // a handler or a stop interrupted the wait
                Err(errno) => return Event::Refused("rt_sigtimedwait", errno),
            }
        }
    }
}
