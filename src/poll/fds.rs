//! Waiting for a few descriptors once: poll(2).

use core::fmt;
use core::marker::PhantomData;
use core::ptr;
use core::time::Duration;

use crate::abi::poll::{PollEvents, Pollfd};
use crate::abi::time::Timespec;
use crate::abi::{Result, syscall};
use crate::fd::BorrowedFd;

/// A descriptor that [`poll`] waits for, the events to wait for, and the events that happened.
#[derive(Clone)]
#[repr(transparent)]
pub struct PollFd<'fd>(Pollfd, PhantomData<BorrowedFd<'fd>>);

impl<'fd> PollFd<'fd> {
    /// Waits for `events` of `fd`.
    #[inline]
    #[must_use]
    pub const fn new(fd: BorrowedFd<'fd>, events: PollEvents) -> Self {
        let raw = Pollfd {
            fd: fd.as_raw(),
            events: events.bits(),
            revents: 0,
        };
        Self(raw, PhantomData)
    }

    /// The events that happened by the end of the last [`poll`]. `POLLERR`, `POLLHUP` and `POLLNVAL` are reported
    /// without being asked for.
    #[inline]
    #[must_use]
    pub const fn revents(&self) -> PollEvents {
        PollEvents::from_bits(self.0.revents)
    }

    /// Changes the events to wait for.
    #[inline]
    pub const fn set_events(&mut self, events: PollEvents) {
        self.0.events = events.bits();
    }
}

impl fmt::Debug for PollFd<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PollFd")
            .field("fd", &self.0.fd)
            .field("events", &self.0.events)
            .field("revents", &self.0.revents)
            .finish()
    }
}

/// Waits until an event happens on one of `fds`, for at most `timeout`; `None` is no limit. Returns the number of
/// descriptors with an event, 0 when the time is over. [`PollFd::revents`] has the events.
///
/// A negative descriptor, such as [`fs::CWD`](crate::fs::CWD), is ignored: no event happens on it, not even `POLLNVAL`
/// (poll(2)).
///
/// For many descriptors [`Epoll`](super::Epoll) takes less time. The system call is ppoll(2), because aarch64 has no
/// poll.
///
/// ```
/// use ring3::pipe::{O_CLOEXEC, Pipe};
/// use ring3::poll::{POLLIN, POLLOUT, PollFd, poll};
///
/// let pipe = Pipe::new(O_CLOEXEC)?;
/// let mut fds = [
///     PollFd::new(pipe.read.as_fd(), POLLIN),
///     PollFd::new(pipe.write.as_fd(), POLLOUT),
/// ];
/// assert_eq!(poll(&mut fds, None)?, 1);
/// assert!(fds[1].revents().contains(POLLOUT)); // a write would not wait
/// # Ok::<(), ring3::Errno>(())
/// ```
///
/// # Errors
/// `EINTR`: a signal handler ran. The caller computes the remaining time and calls again. `EINVAL`: more descriptors
/// than `RLIMIT_NOFILE`. `ENOMEM`.
#[doc(alias = "ppoll")]
pub fn poll(fds: &mut [PollFd<'_>], timeout: Option<Duration>) -> Result<usize> {
    let mut left = timeout.map(Timespec::from);
    let timeout = left.as_mut().map_or(ptr::null_mut(), ptr::from_mut);
    // SAFETY: a PollFd has the layout of a `struct pollfd`. The kernel reads `fds.len()` of these from `fds`, and
    // writes their `revents`. It reads a Timespec from `left`, a local, and writes the time left to it; a null pointer
    // is no limit. The null pointer leaves the signal mask unchanged.
    unsafe {
        syscall!(ppoll(
            fds.as_mut_ptr(),
            fds.len(),
            timeout,
            ptr::null::<u64>(),
            size_of::<u64>(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::poll::{POLLHUP, POLLIN, POLLNVAL, POLLOUT};
    use crate::pipe::{O_CLOEXEC, Pipe};
    use crate::time::monotonic;

    #[test]
    fn events_are_reported_for_each_descriptor() {
        let pipe = Pipe::new(O_CLOEXEC).unwrap();
        let mut fds = [
            PollFd::new(pipe.read.as_fd(), POLLIN),
            PollFd::new(pipe.write.as_fd(), POLLOUT),
        ];
        assert_eq!(poll(&mut fds, None), Ok(1));
        assert!(fds[0].revents() == PollEvents::NONE && fds[1].revents() == POLLOUT);
        crate::io::write(pipe.write.as_fd(), b"x").unwrap();
        assert_eq!(poll(&mut fds, Some(Duration::MAX)), Ok(2));
        assert!(fds[0].revents() == POLLIN && fds[1].revents() == POLLOUT);
        fds[1].set_events(PollEvents::NONE);
        assert_eq!(poll(&mut fds, None), Ok(1));
        let Pipe { read, write } = pipe;
        drop(write);
        let mut fds = [PollFd::new(read.as_fd(), POLLIN)];
        assert_eq!(poll(&mut fds, None), Ok(1));
        assert!(fds[0].revents() == POLLIN | POLLHUP);
    }

    #[test]
    fn a_timeout_is_not_shortened() {
        let pipe = Pipe::new(O_CLOEXEC).unwrap();
        let mut fds = [PollFd::new(pipe.read.as_fd(), POLLIN)];
        for wait in [Duration::ZERO, Duration::from_micros(2500)] {
            let begin = monotonic();
            assert_eq!(poll(&mut fds, Some(wait)), Ok(0));
            assert!(Duration::from_nanos(monotonic() - begin) >= wait);
        }
        assert_eq!(poll(&mut [], Some(Duration::ZERO)), Ok(0));
    }

    #[test]
    fn a_closed_descriptor_is_invalid() {
        // SAFETY: poll is sound for any number.
        let closed = unsafe { BorrowedFd::borrow_raw(999_999) };
        let mut fds = [PollFd::new(closed, POLLIN)];
        assert_eq!(poll(&mut fds, None), Ok(1));
        assert!(fds[0].revents() == POLLNVAL);
    }

    #[test]
    fn a_negative_descriptor_is_ignored() {
        let mut fds = [PollFd::new(crate::fs::CWD, POLLIN)];
        assert_eq!(poll(&mut fds, Some(Duration::ZERO)), Ok(0));
        assert!(fds[0].revents() == PollEvents::NONE);
    }
}
