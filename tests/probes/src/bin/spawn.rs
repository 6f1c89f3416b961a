//! For the benches: `spawn COUNT MIB FILE` measures how long a program takes from its start to its end, while MIB
//! mebibytes of memory are in use. It starts the program COUNT times, in ten batches, and prints the average of the
//! fastest batch in nanoseconds. Without arguments it prints the monotonic clock at its own start.

#![no_std]
#![no_main]

use ring3::cli::OrFail;
use ring3::env::Start;
use ring3::fd::{STDERR, STDOUT};
use ring3::mem::Mapping;
use ring3::parts;
use ring3::process::Command;
use ring3::rt::Exit;
use ring3::text::Writer;
use ring3::time::{Clock, now};

ring3::program!("spawn", main);

fn main(start: Start) -> Result<(), Exit> {
    let begin = now(Clock::Monotonic);
    let mut args = start.args();
    args.next();
    let mut number = || args.next()?.to_str().ok()?.parse::<usize>().ok();
    let (Some(count), Some(size)) = (number(), number()) else {
        let mut buffer = [0; 64];
        let mut out = Writer::new(STDOUT, &mut buffer);
        out.print(parts!(begin.as_nanos() as u64, "\n"));
        return out.flush().or_fail(PROGRAM, "write", "stdout");
    };
    let mut memory = Mapping::new((size << 20).max(1)).or_fail(PROGRAM, "mmap", "memory")?;
    memory.fill(1);
    let arguments = args.strings();
    let command = Command::new(args.next().unwrap_or_default(), arguments, start.environ());
    let mut least = u64::MAX;
    for _ in 0..10 {
        let begin = now(Clock::Monotonic);
        for _ in 0..count / 10 {
            let ended = command.spawn().map(|child| child.wait());
            if !matches!(ended, Ok(Ok(ended)) if ended.status.success()) {
                return Err(Exit(1));
            }
        }
        let each = (now(Clock::Monotonic) - begin).as_nanos() as u64 / (count as u64 / 10).max(1);
        least = least.min(each);
    }
    // Standard error, because the started program shares standard output.
    let mut buffer = [0; 64];
    let mut out = Writer::new(STDERR, &mut buffer);
    out.print(parts!(least, "\n"));
    out.flush().or_fail(PROGRAM, "write", "stderr")
}
