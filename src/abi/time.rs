//! Clocks, and structures for time.

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
