//! Timers that are descriptors: timerfd_create(2).

use core::time::Duration;

use super::{Clock, Itimerspec, TFD_CLOEXEC, TFD_NONBLOCK, TFD_TIMER_ABSTIME, Tfd, Timespec};
use crate::abi::{Errno, Result, syscall};
use crate::fd::{BorrowedFd, OwnedFd, as_fd};
use crate::io;

/// A timer. [`Epoll`](crate::poll::Epoll) and [`poll`](crate::poll::poll) report `EPOLLIN` and `POLLIN` when it has
/// expired, until [`read`](Self::read) was called.
///
/// The timer is stopped at first. Each of the three functions `set_*` replaces the earlier setting.
///
/// ```
/// use core::time::Duration;
/// use ring3::poll::{POLLIN, PollFd, poll};
/// use ring3::time::{Clock, TimerFd};
///
/// let timer = TimerFd::new(Clock::Monotonic)?;
/// timer.set_after(Duration::from_millis(2), Some(Duration::from_millis(1)))?;
/// poll(&mut [PollFd::new(timer.as_fd(), POLLIN)], None)?;
/// assert!(timer.read()? >= 1);
/// # Ok::<(), ring3::Errno>(())
/// ```
#[derive(Debug)]
pub struct TimerFd(OwnedFd);

as_fd! { TimerFd }

impl TimerFd {
    /// Creates a timer that measures time by `clock` (timerfd_create(2)). Calls on the descriptor do not wait, and
    /// execve closes it.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`, `ENOMEM`. `ENODEV`: the kernel has no anonymous inodes.
    #[doc(alias = "timerfd_create")]
    pub fn new(clock: Clock) -> Result<Self> {
        // SAFETY: timerfd_create takes numbers. The returned descriptor is new, so no other value owns it.
        unsafe {
            let raw = syscall!(timerfd_create(clock as i32, TFD_CLOEXEC | TFD_NONBLOCK))?;
            Ok(Self(OwnedFd::from_raw(raw)))
        }
    }

    /// The descriptor, to be waited for.
    #[inline]
    #[must_use]
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// The timer expires `span` from now, and then after each `period` (timerfd_settime(2)). Setting a clock does not
    /// change these spans. A `span` of zero expires at once; a `period` of zero is none.
    ///
    /// # Errors
    /// None for a timer.
    #[doc(alias = "timerfd_settime")]
    pub fn set_after(&self, span: Duration, period: Option<Duration>) -> Result<()> {
        self.set(Tfd::NONE, span, period)
    }

    /// The timer expires at `moment`, a time of its clock, and then after each `period` (timerfd_settime(2)). A moment
    /// that has passed expires at once; a `period` of zero is none.
    ///
    /// # Errors
    /// None for a timer.
    #[doc(alias = "timerfd_settime")]
    pub fn set_at(&self, moment: Duration, period: Option<Duration>) -> Result<()> {
        self.set(TFD_TIMER_ABSTIME, moment, period)
    }

    fn set(&self, flags: Tfd, first: Duration, period: Option<Duration>) -> Result<()> {
        // The kernel reads a first time of zero as: stop the timer.
        let first = first.max(Duration::from_nanos(1));
        self.change(
            flags,
            Itimerspec {
                it_interval: period.map_or(Timespec::ZERO, Timespec::from),
                it_value: first.into(),
            },
        )
    }

    /// Stops the timer (timerfd_settime(2)). An expiration that was not read is lost.
    ///
    /// # Errors
    /// None for a timer.
    #[doc(alias = "timerfd_settime")]
    pub fn stop(&self) -> Result<()> {
        self.change(Tfd::NONE, Itimerspec::ZERO)
    }

    fn change(&self, flags: Tfd, times: Itimerspec) -> Result<()> {
        let no_old = core::ptr::null_mut::<Itimerspec>();
        // SAFETY: the kernel reads an Itimerspec from `times`, a local, and writes nothing, as `no_old` is null.
        unsafe {
            syscall!(timerfd_settime(
                self.as_fd(),
                flags,
                &raw const times,
                no_old
            ))
        }
        .map(drop)
    }

    /// The time until the timer expires next; `None` if it is stopped, or if its only expiration has passed
    /// (timerfd_gettime(2)).
    ///
    /// # Errors
    /// None for a timer.
    #[doc(alias = "timerfd_gettime")]
    pub fn left(&self) -> Result<Option<Duration>> {
        let mut times = Itimerspec::ZERO;
        // SAFETY: the kernel writes an Itimerspec to `times`, a local.
        unsafe { syscall!(timerfd_gettime(self.as_fd(), &raw mut times)) }?;
        // Neither field is negative, and the kernel's nanoseconds are below a second.
        let Timespec { tv_sec, tv_nsec } = times.it_value;
        let left = Duration::new(tv_sec as u64, tv_nsec as u32);
        Ok((!left.is_zero()).then_some(left))
    }

    /// How often the timer has expired since it was set or read, at least 1 (read(2)).
    ///
    /// # Errors
    /// `EAGAIN`: the timer has not expired.
    pub fn read(&self) -> Result<u64> {
        let mut count = [0; 8];
        match io::read(self.as_fd(), &mut count)? {
            8 => Ok(u64::from_ne_bytes(count)),
            _ => Err(Errno::EIO), // the kernel returns eight bytes (timerfd_create(2))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{monotonic, now, sleep};

    #[test]
    fn a_timer_expires_at_its_time() {
        let timer = TimerFd::new(Clock::Monotonic).unwrap();
        assert_eq!((timer.read(), timer.left()), (Err(Errno::EAGAIN), Ok(None)));
        let minute = Duration::from_secs(60);
        timer.set_after(minute, None).unwrap();
        let left = timer.left().unwrap().unwrap();
        assert!(left <= minute && left > minute / 2, "{left:?}");
        timer.set_at(now(Clock::Monotonic) + minute, None).unwrap();
        let left = timer.left().unwrap().unwrap();
        assert!(left <= minute && left > minute / 2, "{left:?}");
        timer.stop().unwrap();
        assert_eq!(timer.left(), Ok(None));
        for set in [TimerFd::set_after, TimerFd::set_at] {
            set(&timer, Duration::ZERO, None).unwrap();
            sleep(Duration::from_millis(1));
            assert_eq!((timer.read(), timer.left()), (Ok(1), Ok(None)));
            assert_eq!(timer.read(), Err(Errno::EAGAIN));
        }
    }

    #[test]
    fn periods_are_counted() {
        let timer = TimerFd::new(Clock::Monotonic).unwrap();
        let (begin, period) = (monotonic(), Duration::from_millis(3));
        timer.set_after(period, Some(period)).unwrap();
        sleep(Duration::from_millis(10));
        let count = timer.read().unwrap();
        let most = (monotonic() - begin) / 3_000_000;
        assert!((3..=most).contains(&count), "{count} of {most}");
        assert!(timer.left().unwrap().unwrap() <= period);
    }
}
