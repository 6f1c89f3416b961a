//! `resolve NAME [MILLISECONDS]`: prints the addresses of a host, with port 80, in the order in which they should be
//! tried. MILLISECONDS limits the time; then the last line is the time that the call took, in milliseconds.

#![no_std]
#![no_main]

use ring3::cli::OrFail;
use ring3::env::Start;
use ring3::fd::STDOUT;
use ring3::net::resolve::resolve;
use ring3::parts;
use ring3::rt::Exit;
use ring3::text::{Shown, Writer, number};
use ring3::time::{Deadline, SECOND, monotonic};

/// A millisecond in nanoseconds.
const MILLISECOND: u64 = SECOND / 1000;

ring3::program!("resolve", main);

fn main(start: Start) -> Result<(), Exit> {
    let mut arguments = start.args().skip(1).map(|argument| argument.to_bytes());
    let name = arguments.next().ok_or(Exit(2))?;
    let limit = arguments.next();
    let span = match limit {
        Some(text) => number::whole(text, 10, 1_000_000).ok_or(Exit(2))? * MILLISECOND,
        None => 60 * SECOND,
    };
    let begin = monotonic();
    let result = resolve(name, 80, Deadline::from(begin, span));
    let took = monotonic() - begin;
    let mut buffer = [0; 512];
    let mut out = Writer::new(STDOUT, &mut buffer);
    for address in result.iter().flat_map(|addresses| &**addresses) {
        out.print(parts!(*address, "\n"));
    }
    if limit.is_some() {
        out.print(parts!(took / MILLISECOND, "\n"));
    }
    out.flush().or_fail(PROGRAM, "write", "stdout")?;
    match result {
        Ok(_) => Ok(()),
        Err(error) => {
            PROGRAM.say(parts!("resolve ", Shown(name), ": ", error));
            Err(Exit(1))
        }
    }
}
