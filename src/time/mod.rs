//! Clocks, deadlines in nanoseconds, sleeping, timers, and the calendar of UTC.
//!
//! ```
//! use core::time::Duration;
//! use ring3::time::{Clock, Rfc3339, UtcDateTime, now, sleep};
//!
//! let begin = now(Clock::Monotonic);
//! sleep(Duration::from_millis(5));
//! assert!(now(Clock::Monotonic) - begin >= Duration::from_millis(5));
//! println!("{}", Rfc3339(UtcDateTime::now())); // for instance 2026-11-29T13:37:00.123456789Z
//! ```

mod calendar;
mod timer;
mod vdso;

pub use calendar::{HttpDate, Rfc3339, UtcDateTime, Weekday};
pub use timer::TimerFd;

use core::time::Duration;

use crate::abi::syscall;
pub use crate::abi::time::*;
use crate::io::retry;

/// A clock of the kernel (clock_gettime(2)).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i32)]
pub enum Clock {
    /// `CLOCK_REALTIME`: the time since 1970-01-01 00:00 UTC. The clock can be set, also back.
    Realtime = CLOCK_REALTIME,
    /// `CLOCK_MONOTONIC`: the time since an arbitrary moment in the past. The clock never goes back.
    Monotonic = CLOCK_MONOTONIC,
}

/// The current time of `clock`.
///
/// If the kernel provides a vDSO, this is a function call of about 20 ns; otherwise a system call.
#[doc(alias = "clock_gettime")]
#[must_use]
pub fn now(clock: Clock) -> Duration {
    Duration::from_nanos(nanoseconds(clock))
}

/// As [`now`], in nanoseconds. A `u64` has room for 584 years.
#[doc(alias = "clock_gettime")]
#[must_use]
pub fn nanoseconds(clock: Clock) -> u64 {
    let mut time = Timespec::ZERO;
    let by_vdso = vdso::clock_gettime().is_some_and(|clock_gettime| {
        // SAFETY: `vdso::clock_gettime` returned the kernel's function, which writes a Timespec to `time`, a
        // local.
        unsafe { clock_gettime(clock as i32, &raw mut time) == 0 }
    });
    if by_vdso {
        in_nanoseconds(time)
    } else {
        nanoseconds_by_call(clock)
    }
}

/// The time of the monotonic clock, in nanoseconds.
#[doc(alias = "clock_gettime")]
#[must_use]
pub fn monotonic() -> u64 {
    nanoseconds(Clock::Monotonic)
}

/// As [`nanoseconds`], always by a system call. This is for programs that seldom read clocks: such a program
/// does not contain the 1.5 KB of code that finds the vDSO's function.
#[doc(alias = "clock_gettime")]
#[must_use]
pub fn nanoseconds_by_call(clock: Clock) -> u64 {
    let mut time = Timespec::ZERO;
    // SAFETY: the kernel writes a Timespec to `time`, a local. EINVAL and EFAULT, the only errors
    // (clock_gettime(2)), are impossible: the clock exists, and the address is valid.
    let _ = unsafe { syscall!(clock_gettime(clock as i32, &raw mut time)) };
    in_nanoseconds(time)
}

fn in_nanoseconds(time: Timespec) -> u64 {
    // Neither field is negative: the kernel lets no clock be set to before 1970.
    time.tv_sec as u64 * SECOND + time.tv_nsec as u64
}

/// Waits for at least `duration` (clock_nanosleep(2)).
///
/// A signal handler does not shorten the wait. Time that the machine is suspended does not count.
#[doc(alias = "clock_nanosleep")]
#[doc(alias = "nanosleep")]
pub fn sleep(duration: Duration) {
    let span = u64::try_from(duration.as_nanos()).unwrap_or(NEVER);
    sleep_until(Deadline::after(span));
}

/// Waits until `deadline` has passed (clock_nanosleep(2)). The wait for [`Deadline::NEVER`] does not end.
#[doc(alias = "clock_nanosleep")]
pub fn sleep_until(deadline: Deadline) {
    let until = Timespec::from(Duration::from_nanos(deadline.as_nanoseconds()));
    let nothing_left = core::ptr::null_mut::<Timespec>();
    // An absolute time: a wait that is repeated after EINTR ends at the same moment. The call has no other error
    // (clock_nanosleep(2)): the clock exists and the time is valid.
    let _ = retry(|| {
        // SAFETY: the kernel reads a Timespec from `until`, a local. With an absolute time it does not write the time
        // left.
        unsafe {
            syscall!(clock_nanosleep(
                CLOCK_MONOTONIC,
                TIMER_ABSTIME,
                &raw const until,
                nothing_left
            ))
        }
    });
}

/// A moment of the monotonic clock, or never.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Deadline(u64);

impl Deadline {
    /// A deadline that does not pass.
    pub const NEVER: Self = Self(u64::MAX);

    /// A deadline that has passed at any moment.
    pub const PASSED: Self = Self(0);

    /// The deadline `span` nanoseconds from now. Reads the clock by a system call.
    #[must_use]
    pub fn after(span: u64) -> Self {
        Self::from(nanoseconds_by_call(Clock::Monotonic), span)
    }

    /// The deadline `span` nanoseconds after `moment`, a time of the monotonic clock in nanoseconds. If `span` is
    /// [`NEVER`], the deadline is [`Deadline::NEVER`].
    #[inline]
    #[must_use]
    pub const fn from(moment: u64, span: u64) -> Self {
        Self(moment.saturating_add(span))
    }

    /// The time of the monotonic clock in nanoseconds; `u64::MAX` for [`Deadline::NEVER`].
    #[inline]
    #[must_use]
    pub const fn as_nanoseconds(self) -> u64 {
        self.0
    }

    /// Whether the deadline has passed at the moment `now`.
    #[inline]
    #[must_use]
    pub const fn has_passed(self, now: u64) -> bool {
        now >= self.0
    }

    /// The time left; zero if the deadline has passed, `None` if it is [`Deadline::NEVER`]. `now` returns the current
    /// time, and is not called for `NEVER`.
    pub fn left(self, now: impl FnOnce() -> u64) -> Option<Duration> {
        (self != Self::NEVER).then(|| Duration::from_nanos(self.0.saturating_sub(now())))
    }
}

/// A second in nanoseconds.
pub const SECOND: u64 = 1_000_000_000;

/// A span in nanoseconds that does not end: no limit.
pub const NEVER: u64 = u64::MAX;

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::time::{Instant, SystemTime, UNIX_EPOCH};

    #[test]
    fn realtime_is_between_two_times_of_std() {
        let std_now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let (before, time, after) = (std_now(), now(Clock::Realtime), std_now());
        assert!(
            before <= time && time <= after,
            "{before:?} {time:?} {after:?}"
        );
    }

    #[test]
    fn monotonic_runs_as_fast_as_std_s() {
        let begin = Instant::now();
        let time = now(Clock::Monotonic);
        std::thread::sleep(Duration::from_millis(2));
        let elapsed = now(Clock::Monotonic) - time;
        assert!(Duration::from_millis(2) <= elapsed && elapsed <= begin.elapsed());
        // No machine has been running since 1970.
        let year = Duration::from_secs(365 * 24 * 60 * 60);
        assert!(now(Clock::Realtime) > now(Clock::Monotonic) + 10 * year);
    }

    #[test]
    fn a_deadline_is_the_given_span_from_now() {
        let begin = nanoseconds(Clock::Monotonic);
        assert_eq!(SECOND, 1_000_000_000);
        for span in [0, 1, SECOND, 1000 * SECOND] {
            let deadline = Deadline::after(span);
            let end = nanoseconds(Clock::Monotonic);
            let moment = deadline.as_nanoseconds();
            assert!(begin + span <= moment && moment <= end + span);
            assert_eq!(deadline, Deadline::from(moment - span, span));
            assert!(!deadline.has_passed(moment - 1) && deadline.has_passed(moment));
        }
        for span in [NEVER, NEVER - 1] {
            assert_eq!(Deadline::after(span), Deadline::NEVER);
        }
        assert!(Deadline::PASSED.has_passed(0) && !Deadline::NEVER.has_passed(NEVER - 1));
        assert!(Deadline::PASSED < Deadline::after(0) && Deadline::after(0) < Deadline::NEVER);
    }

    #[test]
    fn the_time_left_is_never_negative() {
        let nanoseconds = Duration::from_nanos;
        let left = |moment, now| Deadline::from(moment, 0).left(|| now);
        assert_eq!(left(9, 4), Some(nanoseconds(5)));
        assert_eq!(left(9, 9), Some(Duration::ZERO));
        assert_eq!(left(9, NEVER), Some(Duration::ZERO));
        assert_eq!(left(NEVER - 1, 0), Some(nanoseconds(NEVER - 1)));
        assert_eq!(Deadline::NEVER.left(|| unreachable!("nobody asks")), None);
    }

    #[test]
    fn the_call_agrees_with_the_vdso() {
        for clock in [Clock::Realtime, Clock::Monotonic] {
            let begin = nanoseconds(clock);
            let time = nanoseconds_by_call(clock);
            assert!(begin <= time && time <= nanoseconds(clock));
        }
    }

    #[test]
    fn a_sleep_is_not_shorter() {
        for micros in [0, 1, 1500, 20_000] {
            let (begin, span) = (Instant::now(), Duration::from_micros(micros));
            sleep(span);
            assert!(begin.elapsed() >= span);
        }
        sleep_until(Deadline::PASSED);
    }

    #[test]
    fn monotonic_never_goes_back() {
        let mut last = now(Clock::Monotonic);
        for _ in 0..10_000 {
            let next = now(Clock::Monotonic);
            assert!(last <= next);
            last = next;
        }
    }
}
