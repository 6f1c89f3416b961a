//! `resolve NAME [MILLISECONDS]`: prints the addresses of a host, with port 80, in the order in which they should be
//! tried. MILLISECONDS limits the time; the default is 60 s.

#![no_std]
#![no_main]

use ring3::cli::OrFail;
use ring3::env::Start;
use ring3::fd::STDOUT;
use ring3::net::resolve::resolve;
use ring3::parts;
use ring3::rt::Exit;
use ring3::text::{Shown, Writer, number};
use ring3::time::{Deadline, SECOND};

ring3::program!("resolve", main);

fn main(start: Start) -> Result<(), Exit> {
    let mut arguments = start.args().skip(1).map(|argument| argument.to_bytes());
    let name = arguments.next().ok_or(Exit(2))?;
    let limit = match arguments.next() {
        Some(text) => number::whole(text, 10, 1_000_000).ok_or(Exit(2))? * (SECOND / 1000),
        None => 60 * SECOND,
    };
    let addresses = resolve(name, 80, Deadline::after(limit)).map_err(|error| {
        PROGRAM.say(parts!("resolve ", Shown(name), ": ", error));
        Exit(1)
    })?;
    let mut buffer = [0; 512];
    let mut out = Writer::new(STDOUT, &mut buffer);
    for address in &*addresses {
        out.print(parts!(*address, "\n"));
    }
    out.flush().or_fail(PROGRAM, "write", "stdout")
}
