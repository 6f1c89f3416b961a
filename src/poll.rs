//! Waiting for events on many descriptors at once: epoll(7), and poll(2) for a few.
//!
//! ```
//! use ring3::pipe::{O_CLOEXEC, Pipe};
//! use ring3::poll::{EPOLLIN, Epoll, EpollEvent};
//!
//! let (epoll, pipe) = (Epoll::new()?, Pipe::new(O_CLOEXEC)?);
//! epoll.add(pipe.read.as_fd(), EPOLLIN, 7)?;
//! ring3::io::write(pipe.write.as_fd(), b"x")?;
//! let mut buffer = [EpollEvent::ZERO; 16];
//! for event in epoll.wait(&mut buffer, None)? {
//!     assert!(event.happened().contains(EPOLLIN) && { event.data } == 7);
//! }
//! # Ok::<(), ring3::Errno>(())
//! ```

mod fds;

pub use fds::{PollFd, poll};

use core::ptr;
use core::time::Duration;

pub use crate::abi::poll::*;
use crate::abi::{Result, syscall};
use crate::fd::{BorrowedFd, OwnedFd, as_fd};

/// An epoll instance: a set of descriptors to wait for. Closing a descriptor that has no duplicates removes
/// it from the set.
#[derive(Debug)]
pub struct Epoll(OwnedFd);

as_fd! { Epoll }

impl Epoll {
    /// Creates an empty set (epoll_create1(2)).
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`, `ENOMEM`.
    #[doc(alias = "epoll_create1")]
    pub fn new() -> Result<Self> {
        // SAFETY: epoll_create1 takes no pointer. The returned descriptor is new, so no other value owns it.
        unsafe {
            let raw = syscall!(epoll_create1(EPOLL_CLOEXEC))?;
            Ok(Self(OwnedFd::from_raw(raw)))
        }
    }

    /// The set's own descriptor.
    #[inline]
    #[must_use]
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Adds `fd` to the set. An event of `events` is reported together with `data`.
    ///
    /// Without `EPOLLET` an event is reported for as long as its condition holds (level-triggered). With
    /// `EPOLLET` an event is reported once for each change (edge-triggered).
    ///
    /// # Errors
    /// `EEXIST`: `fd` is in the set already. `EPERM`: epoll does not support this kind of file, for example a
    /// regular file. `ENOSPC`: the user already watches `fs.epoll.max_user_watches` descriptors. `ENOMEM`.
    #[doc(alias = "epoll_ctl")]
    pub fn add(&self, fd: BorrowedFd<'_>, events: Events, data: u64) -> Result<()> {
        self.control(EPOLL_CTL_ADD, fd, events, data)
    }

    /// Replaces the events and the data of `fd`. A condition that holds at this moment is reported again,
    /// also with `EPOLLET`.
    ///
    /// # Errors
    /// `ENOENT`: `fd` is not in the set.
    #[doc(alias = "epoll_ctl")]
    pub fn modify(&self, fd: BorrowedFd<'_>, events: Events, data: u64) -> Result<()> {
        self.control(EPOLL_CTL_MOD, fd, events, data)
    }

    /// Removes `fd` from the set.
    ///
    /// A descriptor that has duplicates must be removed before it is closed: the set refers to the open file
    /// description, which stays in the set until its last duplicate is closed.
    ///
    /// # Errors
    /// `ENOENT`: `fd` is not in the set.
    #[doc(alias = "epoll_ctl")]
    pub fn remove(&self, fd: BorrowedFd<'_>) -> Result<()> {
        self.control(EPOLL_CTL_DEL, fd, Events::NONE, 0)
    }

    fn control(&self, what: i32, fd: BorrowedFd<'_>, events: Events, data: u64) -> Result<()> {
        let events = events.bits();
        let event = EpollEvent { events, data };
        // SAFETY: the kernel reads one EpollEvent, and `event` lives until the call returns.
        unsafe { syscall!(epoll_ctl(self.as_fd(), what, fd, &raw const event)) }.map(drop)
    }

    /// Waits for events, for at most `timeout`, and returns them. The result is empty when the time is over.
    /// `None` waits without a limit.
    ///
    /// This is epoll_pwait(2), because aarch64 has no epoll_wait.
    ///
    /// # Errors
    /// `EINTR`: a signal handler ran, or the process was stopped and continued. The caller computes the
    /// remaining time and calls again.
    #[doc(alias = "epoll_pwait")]
    #[doc(alias = "epoll_wait")]
    pub fn wait<'events>(
        &self,
        events: &'events mut [EpollEvent],
        timeout: Option<Duration>,
    ) -> Result<&'events [EpollEvent]> {
        // SAFETY: the kernel writes at most `events.len()` events to `events`, which this function borrows
        // mutably. The null pointer leaves the signal mask unchanged.
        let count = unsafe {
            syscall!(epoll_pwait(
                self.as_fd(),
                events.as_mut_ptr(),
                events.len(),
                milliseconds(timeout),
                ptr::null::<u64>(),
                size_of::<u64>(),
            ))
        }?;
        Ok(events.get(..count).unwrap_or_default())
    }
}

/// The state of an edge-triggered descriptor after a loop has read from it and written to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The kernel will report an event when there is more to do.
    Wait,
    /// There can be more to do now, and the kernel reports no event. The loop serves the other descriptors first.
    Again,
    /// Nothing is left to do: the caller closes the descriptor.
    End,
}

/// The timeout as epoll_pwait takes it, in milliseconds: -1 is no limit.
fn milliseconds(timeout: Option<Duration>) -> i32 {
    timeout.map_or(-1, |timeout| {
        // Rounded up: a wait shorter than `timeout` would make the caller's loop spin until the time is over.
        let rest = u64::from(timeout.subsec_nanos().div_ceil(1_000_000));
        let all = timeout.as_secs().saturating_mul(1000).saturating_add(rest);
        i32::try_from(all).unwrap_or(i32::MAX)
    })
}

impl EpollEvent {
    /// The events that happened.
    #[inline]
    #[must_use]
    pub fn happened(&self) -> Events {
        Events::from_bits(self.events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_never_shortened() {
        let nanos = Duration::from_nanos;
        let most = Duration::from_millis(i32::MAX as u64);
        for (timeout, expected) in [
            (None, -1),
            (Some(Duration::ZERO), 0),
            (Some(nanos(1)), 1),
            (Some(nanos(999_999)), 1),
            (Some(nanos(1_000_000)), 1),
            (Some(nanos(1_000_001)), 2),
            (Some(nanos(999_000_001)), 1000),
            (Some(Duration::from_secs(1)), 1000),
            (Some(nanos(2_345_000_001)), 2346),
            (Some(most - nanos(1)), i32::MAX),
            (Some(most), i32::MAX),
            (Some(most + nanos(1)), i32::MAX),
            (Some(Duration::MAX), i32::MAX),
        ] {
            assert_eq!(milliseconds(timeout), expected, "{timeout:?}");
        }
    }
}
