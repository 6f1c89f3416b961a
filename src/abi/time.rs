//! Clocks, and structures for time.

use core::time::Duration;

super::abi! {
    consts ["linux/time.h" i32] {
        /// Wall-clock time: seconds since 1970-01-01 00:00 UTC, without leap seconds. The clock can be set,
        /// also back.
        CLOCK_REALTIME = 0,
        /// Seconds since an arbitrary moment before this boot. Never goes back.
        CLOCK_MONOTONIC = 1,
    }

    /// A point in time, or a duration.
    record ["linux/time_types.h" "struct __kernel_timespec" Timespec] {
        /// Seconds.
        tv_sec: i64,
        /// Nanoseconds, 0 to 999 999 999.
        tv_nsec: i64,
    }

    /// A duration, as older calls return it.
    record ["linux/time_types.h" "struct __kernel_old_timeval" Timeval] {
        /// Seconds.
        tv_sec: i64,
        /// Microseconds, 0 to 999 999.
        tv_usec: i64,
    }
}

impl From<Duration> for Timespec {
    /// The same time. More than `i64::MAX` seconds become `i64::MAX` seconds: 292 billion years.
    #[inline]
    fn from(duration: Duration) -> Self {
        Self {
            tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: duration.subsec_nanos().into(),
        }
    }
}
