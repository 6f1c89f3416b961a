//! Prints both clocks (real-time, then monotonic) as `SECONDS.NANOSECONDS`. The argument is the number of times that
//! the program reads the monotonic clock before.

#![no_std]
#![no_main]

use core::time::Duration;

use ring3::cli::OrFail;
use ring3::env::Start;
use ring3::fd::STDOUT;
use ring3::parts;
use ring3::rt::Exit;
use ring3::text::{Digits, Writer};
use ring3::time::{Clock, now};

ring3::program!("time", main);

fn main(start: Start) -> Result<(), Exit> {
    let times = start
        .args()
        .nth(1)
        .and_then(|arg| arg.to_str().ok()?.parse().ok())
        .ok_or(Exit(2))?;
    let realtime = now(Clock::Realtime);
    let mut monotonic = Duration::ZERO;
    for _ in 0..times {
        monotonic = now(Clock::Monotonic);
    }
    let mut buffer = [0; 128];
    let mut out = Writer::new(STDOUT, &mut buffer);
    for time in [realtime, monotonic] {
        let nanoseconds = Digits(time.subsec_nanos().into(), 9);
        out.print(parts!(time.as_secs(), ".", nanoseconds, "\n"));
    }
    out.flush().or_fail(PROGRAM, "write", "stdout")
}
