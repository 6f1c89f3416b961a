//! Clocks, and structures for time.

use core::time::Duration;

super::abi! {
    consts ["linux/time.h" i32] {
        /// Wall-clock time: seconds since 1970-01-01 00:00 UTC, without leap seconds. The clock can be set,
        /// also back.
        CLOCK_REALTIME = 0,
        /// Seconds since an arbitrary moment before this boot. Never goes back.
        CLOCK_MONOTONIC = 1,
        /// CPU time of the process.
        CLOCK_PROCESS_CPUTIME_ID = 2,
        /// CPU time of the calling thread.
        CLOCK_THREAD_CPUTIME_ID = 3,
        /// As `CLOCK_MONOTONIC`, without the corrections of adjtimex(2).
        CLOCK_MONOTONIC_RAW = 4,
        /// As `CLOCK_REALTIME`, as of the last tick of the kernel: faster to read.
        CLOCK_REALTIME_COARSE = 5,
        /// As `CLOCK_MONOTONIC`, as of the last tick of the kernel: faster to read.
        CLOCK_MONOTONIC_COARSE = 6,
        /// As `CLOCK_MONOTONIC`, and also counts while the machine is suspended.
        CLOCK_BOOTTIME = 7,
        /// As `CLOCK_REALTIME`; a timer wakes the machine from suspension.
        CLOCK_REALTIME_ALARM = 8,
        /// As `CLOCK_BOOTTIME`; a timer wakes the machine from suspension.
        CLOCK_BOOTTIME_ALARM = 9,
        /// International atomic time: as `CLOCK_REALTIME`, with the leap seconds.
        CLOCK_TAI = 11,
        /// clock_nanosleep(2), timer_settime(2): the time is a point in time, not a duration.
        TIMER_ABSTIME = 1,
        /// setitimer(2): wall-clock time; raises `SIGALRM`.
        ITIMER_REAL = 0,
        /// setitimer(2): CPU time in user mode; raises `SIGVTALRM`.
        ITIMER_VIRTUAL = 1,
        /// setitimer(2): CPU time in user mode and in the kernel; raises `SIGPROF`.
        ITIMER_PROF = 2,
    }

    /// A point in time, or a duration.
    record ["linux/time_types.h" "struct __kernel_timespec" Timespec] {
        /// Seconds.
        tv_sec: i64,
        /// Nanoseconds, 0 to 999 999 999.
        tv_nsec: i64,
    }

    /// A duration, as the value of a socket's option.
    record ["linux/time_types.h" "struct __kernel_sock_timeval" SockTimeval] {
        /// Seconds.
        tv_sec: i64,
        /// Microseconds, 0 to 999 999.
        tv_usec: i64,
    }

    /// A duration, as older calls return it.
    record ["linux/time_types.h" "struct __kernel_old_timeval" Timeval] {
        /// Seconds.
        tv_sec: isize,
        /// Microseconds, 0 to 999 999.
        tv_usec: isize,
    }

    /// Flags of timerfd_create(2) and timerfd_settime(2).
    flags ["linux/timerfd.h" Tfd: i32] {
        /// `timerfd_settime`: the time is a point in time, not a duration.
        TFD_TIMER_ABSTIME = 0x1,
        /// `timerfd_settime`: a read fails with `ECANCELED` after the wall clock was set.
        TFD_TIMER_CANCEL_ON_SET = 0x2,
        /// `timerfd_create`: a read does not wait: it fails with `EAGAIN`.
        TFD_NONBLOCK = 0o4000,
        /// `timerfd_create`: execve closes the descriptor.
        TFD_CLOEXEC = 0o2000000,
    }

    /// When a timer expires.
    record ["linux/time_types.h" "struct __kernel_itimerspec" Itimerspec] {
        /// The time between two expirations; 0 for a timer that expires once.
        it_interval: Timespec,
        /// The first expiration; 0 stops the timer.
        it_value: Timespec,
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
