//! Time limits.

use core::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// A moment of the monotonic clock; `None` is no limit.
#[derive(Clone, Copy)]
pub struct Deadline(Option<Duration>);

impl Deadline {
    pub const NEVER: Self = Self(None);

    /// The moment after this time; `None` is no limit.
    pub fn after(limit: Option<Duration>) -> Self {
        Self(limit.map(|limit| now() + limit))
    }

    /// The time until the moment in whole microseconds: zero if it has passed, `None` if there is no limit.
    ///
    /// rustix rounds the timeout of a socket up to microseconds without a carry: with 999,999,001 ns, the kernel
    /// returns `EDOM`.
    pub fn left(self) -> Option<Duration> {
        let left = self.0?.saturating_sub(now());
        Some(Duration::from_micros(left.as_nanos().div_ceil(1000) as u64))
    }
}

/// The time of the monotonic clock.
fn now() -> Duration {
    let time = clock_gettime(ClockId::Monotonic);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
