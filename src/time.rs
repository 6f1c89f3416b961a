//! What clocks say.

mod vdso;

use core::time::Duration;

use crate::abi::syscall;
pub use crate::abi::time::*;

/// A clock of the kernel (clock_gettime(2)).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i32)]
pub enum Clock {
    /// `CLOCK_REALTIME`: the time since 1970 began in UTC. It can be set, back too.
    Realtime = CLOCK_REALTIME,
    /// `CLOCK_MONOTONIC`: the time since a moment before this boot; it never goes back.
    Monotonic = CLOCK_MONOTONIC,
}

/// What `clock` says now.
///
/// Where the kernel gives a vDSO that is a function call of some 20 ns, else a system call.
pub fn now(clock: Clock) -> Duration {
    Duration::from_nanos(nanoseconds(clock))
}

/// The same in nanoseconds: there is room for 584 years.
pub fn nanoseconds(clock: Clock) -> u64 {
    let mut time = Timespec::ZERO;
    let by_vdso = vdso::clock_gettime().is_some_and(|clock_gettime| {
        // SAFETY: the function of the kernel's contract writes a Timespec to where it is told.
        unsafe { clock_gettime(clock as i32, &raw mut time) == 0 }
    });
    if by_vdso {
        in_nanoseconds(time)
    } else {
        nanoseconds_by_call(clock)
    }
}

/// The same always by a system call. A program that reads clocks only a few times does without the 1.5 KB of code that
/// finds the vDSO's function.
pub fn nanoseconds_by_call(clock: Clock) -> u64 {
    let mut time = Timespec::ZERO;
    // SAFETY: the kernel writes a Timespec to ours. EINVAL and EFAULT, the only errors
    // (clock_gettime(2)), are excluded: the clock exists and so does the Timespec.
    let _ = unsafe { syscall!(clock_gettime(clock as i32, &raw mut time)) };
    in_nanoseconds(time)
}

fn in_nanoseconds(time: Timespec) -> u64 {
    // Neither number is negative: the kernel lets no clock be set to before 1970.
    time.tv_sec as u64 * SECOND + time.tv_nsec as u64
}

/// The moment of [`Clock::Monotonic`], in nanoseconds, that comes so many from now; or [`NEVER`]. It reads the clock by
/// a system call.
pub fn after(span: u64) -> u64 {
    nanoseconds_by_call(Clock::Monotonic).saturating_add(span)
}

/// How long it is until that moment, nothing where it has been; `None` where it is [`NEVER`]. Otherwise this calls `now`
/// for the present moment.
pub fn left(until: u64, now: impl FnOnce() -> u64) -> Option<Duration> {
    (until != NEVER).then(|| Duration::from_nanos(until.saturating_sub(now())))
}

/// A second, in nanoseconds.
pub const SECOND: u64 = 1_000_000_000;

/// Later than any time, in nanoseconds.
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
    fn monotonic_goes_as_std_s_does() {
        let begin = Instant::now();
        let time = now(Clock::Monotonic);
        std::thread::sleep(Duration::from_millis(2));
        let elapsed = now(Clock::Monotonic) - time;
        assert!(Duration::from_millis(2) <= elapsed && elapsed <= begin.elapsed());
        // No machine runs since 1970.
        let year = Duration::from_secs(365 * 24 * 60 * 60);
        assert!(now(Clock::Realtime) > now(Clock::Monotonic) + 10 * year);
    }

    #[test]
    fn a_moment_is_so_far_from_now() {
        let begin = nanoseconds(Clock::Monotonic);
        assert_eq!(SECOND, 1_000_000_000);
        for span in [0, 1, SECOND, 1000 * SECOND] {
            let moment = after(span);
            let end = nanoseconds(Clock::Monotonic);
            assert!(begin + span <= moment && moment <= end + span);
        }
        assert_eq!((after(NEVER), after(NEVER - 1)), (NEVER, NEVER));
    }

    #[test]
    fn what_is_left_gets_less_and_never_less_than_nothing() {
        let nanoseconds = Duration::from_nanos;
        assert_eq!(left(9, || 4), Some(nanoseconds(5)));
        assert_eq!(left(9, || 9), Some(Duration::ZERO));
        assert_eq!(left(9, || NEVER), Some(Duration::ZERO));
        assert_eq!(left(NEVER - 1, || 0), Some(nanoseconds(NEVER - 1)));
        assert_eq!(left(NEVER, || unreachable!("nobody asks")), None);
    }

    #[test]
    fn the_call_says_what_the_vdso_says() {
        for clock in [Clock::Realtime, Clock::Monotonic] {
            let begin = nanoseconds(clock);
            let time = nanoseconds_by_call(clock);
            assert!(begin <= time && time <= nanoseconds(clock));
        }
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
