//! Self-test cases of sleeping and of timers.

use core::time::Duration;

use ring3::Errno;
use ring3::poll::{POLLIN, PollFd, poll};
use ring3::time::{Clock, Deadline, TimerFd, monotonic, now, sleep, sleep_until};

use crate::case::*;
use crate::cases;
use crate::fd::closes_at_exec;

cases! {
    "a sleep is long enough", [sleep], { let begin = monotonic(); sleep(Duration::from_micros(1500)); monotonic() - begin >= 1_500_000 } => YES;
    "a sleep of nothing", [sleep], sleep(Duration::ZERO) => DONE;
    "a sleep until then", [sleep_until], { let until = Deadline::after(1_500_000); sleep_until(until); until.has_passed(monotonic()) } => YES;
    "a sleep until the past", [sleep_until], sleep_until(Deadline::PASSED) => DONE;
    "a timer is closed at execve", [TimerFd::new, TimerFd::as_fd], TimerFd::new(Clock::Realtime).and_then(|timer| closes_at_exec(timer.as_fd())) => YES;
    "a timer that is not set", [TimerFd::read], TimerFd::new(Clock::Monotonic).and_then(|timer| timer.read()) => error(Errno::EAGAIN);
    "a timer expires once", [TimerFd::set_after, TimerFd::read], once(|timer| timer.set_after(Duration::from_millis(1), None)) => value(1);
    "a timer expires at a time", [TimerFd::set_at], once(|timer| timer.set_at(now(Clock::Monotonic) + Duration::from_millis(1), None)) => value(1);
    "a timer of no time expires", [TimerFd::set_after], once(|timer| timer.set_after(Duration::ZERO, None)) => value(1);
    "a time that has passed", [TimerFd::set_at], once(|timer| timer.set_at(Duration::ZERO, None)) => value(1);
    "each period counts", [TimerFd::set_after], once(|timer| { timer.set_after(Duration::from_millis(1), Some(Duration::from_millis(1)))?; sleep(Duration::from_millis(4)); Ok(()) }).map(|count| count >= 3) => YES;
    "the time left", [TimerFd::left], TimerFd::new(Clock::Monotonic).and_then(|timer| { timer.set_after(Duration::from_secs(60), None)?; timer.left() }).map(|left| left.is_some_and(|left| left > Duration::from_secs(30) && left <= Duration::from_secs(60))) => YES;
    "a timer that was stopped", [TimerFd::stop, TimerFd::left], TimerFd::new(Clock::Monotonic).and_then(|timer| { timer.set_after(Duration::from_secs(60), None)?; timer.stop()?; timer.left() }).map(|left| left.is_none()) => YES;
}

/// How often the timer has expired when the first expiration is reported.
fn once(set: impl FnOnce(&TimerFd) -> Result<(), Errno>) -> Result<u64, Errno> {
    let timer = TimerFd::new(Clock::Monotonic)?;
    set(&timer)?;
    poll(&mut [PollFd::new(timer.as_fd(), POLLIN)], None)?;
    timer.read()
}
