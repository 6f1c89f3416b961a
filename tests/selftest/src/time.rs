//! Self-test cases of clocks: the vDSO is compared with the system call.

use core::time::Duration;

use ring3::Errno;
use ring3::abi::nr;
use ring3::arch::syscall2;
use ring3::time::{
    CLOCK_MONOTONIC, CLOCK_REALTIME, Clock, Deadline, NEVER, SECOND, Timespec, monotonic,
    nanoseconds, nanoseconds_by_call, now,
};

use crate::case::*;
use crate::cases;

cases! {
    "monotonic never goes back", [now], never_back() => YES;
    "monotonic goes on", [now], goes_on() => YES;
    "the vDSO says what the call says, monotonic", [now], between(Clock::Monotonic, CLOCK_MONOTONIC) => value(0);
    "the vDSO says what the call says, realtime", [now], between(Clock::Realtime, CLOCK_REALTIME) => value(0);
    "the same as one number", [nanoseconds], { let before = now(Clock::Monotonic).as_nanos() as u64; let number = nanoseconds(Clock::Monotonic); before <= number && number <= now(Clock::Monotonic).as_nanos() as u64 } => YES;
    "the same of the monotonic clock", [monotonic], { let before = nanoseconds(Clock::Monotonic); let number = monotonic(); before <= number && number <= nanoseconds(Clock::Monotonic) } => YES;
    "the same by the call", [nanoseconds_by_call], { let before = nanoseconds(Clock::Monotonic); let number = nanoseconds_by_call(Clock::Monotonic); before <= number && number <= nanoseconds(Clock::Monotonic) } => YES;
    "a deadline to come", [Deadline::after, Deadline::has_passed], Deadline::after(SECOND).has_passed(monotonic()) => NO;
    "a deadline that has passed", [Deadline::from, Deadline::has_passed], Deadline::from(monotonic(), 0).has_passed(monotonic()) => YES;
    "a deadline that does not pass", [Deadline::after, Deadline::as_nanoseconds], Deadline::after(NEVER).as_nanoseconds() == NEVER => YES;
    "less than a second is left", [Deadline::left], Deadline::after(SECOND).left(monotonic).is_some_and(|left| !left.is_zero() && left <= Duration::from_secs(1)) => YES;
    "nothing is left", [Deadline::left], Deadline::from(5, 0).left(|| 5) == Some(Duration::ZERO) && Deadline::from(2, 3).left(|| 6) == Some(Duration::ZERO) => YES;
    "no end", [Deadline::left], Deadline::NEVER.left(|| 5).is_none() => YES;
    "two threads see one clock", [now], two_threads() => YES;
    "a clock that there is not", [], call(1_000).map(drop) => error(Errno::EINVAL);
}

/// The time from the system call.
fn call(clock: i32) -> Result<Duration, Errno> {
    let mut time = Timespec::ZERO;
    // SAFETY: the kernel writes a Timespec to the local `time`.
    match unsafe {
        syscall2::<{ nr::clock_gettime }>(clock as usize, (&raw mut time).expose_provenance())
    } {
        0 => Ok(Duration::new(time.tv_sec as u64, time.tv_nsec as u32)),
        result => {
            Err(Errno::from_number((result as isize).wrapping_neg() as i32).unwrap_or(Errno::EIO))
        }
    }
}

/// How often `now` was not between two system calls.
fn between(clock: Clock, number: i32) -> Result<usize, Errno> {
    let mut outside = 0;
    for _ in 0..200 {
        let before = call(number)?;
        let time = now(clock);
        let after = call(number)?;
        outside += usize::from(time < before || time > after);
    }
    Ok(outside)
}

fn never_back() -> bool {
    let mut last = now(Clock::Monotonic);
    (0..10_000).all(|_| {
        let next = now(Clock::Monotonic);
        let forward = next >= last;
        last = next;
        forward
    })
}

fn goes_on() -> bool {
    let begin = now(Clock::Monotonic);
    (0..10_000_000).any(|_| now(Clock::Monotonic) > begin + Duration::from_micros(50))
}

fn two_threads() -> Result<bool, Errno> {
    let before = now(Clock::Monotonic);
    let inside = ring3::thread::spawn(|| now(Clock::Monotonic))?.join();
    Ok(before <= inside && inside <= now(Clock::Monotonic))
}
