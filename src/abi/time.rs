//! Time.

super::abi! {
    consts ["linux/time.h" i32] {
        /// Seconds since 1970 began in UTC, leap seconds left out. It can be set, back too.
        CLOCK_REALTIME = 0,
        /// Seconds since a moment before this boot; it never goes back.
        CLOCK_MONOTONIC = 1,
    }

    /// A moment or a span.
    record ["linux/time_types.h" "struct __kernel_timespec" Timespec] {
        /// Seconds.
        tv_sec: i64,
        /// Nanoseconds, 0 to 999 999 999.
        tv_nsec: i64,
    }

    /// A span, as older calls give it.
    record ["linux/time_types.h" "struct __kernel_old_timeval" Timeval] {
        /// Seconds.
        tv_sec: i64,
        /// Microseconds, 0 to 999 999.
        tv_usec: i64,
    }
}
