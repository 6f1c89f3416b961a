#![no_std]
#![no_main]

use ring3::cli::OrFail;
use ring3::fd::STDOUT;
use ring3::io::Writer;
use ring3::process::{Command, Event, Watch};
use ring3::rt::{Exit, Start};
use ring3::signal::SignalSet;

ring3::program!("process", main);

fn main(start: Start) -> Result<(), Exit> {
    let mut args = start.args();
    args.next();
    let list = args.strings();
    let Some(file) = args.next() else {
        return Err(Exit(2));
    };
    let watch = Watch::new(SignalSet::NONE);
    let child = Command::new(file, list, start.environ()).search().spawn();
    let child = match child {
        Ok(child) => child,
        Err(failed) => return Err(PROGRAM.fail("run", "it", failed.errno())),
    };
    let mut out = Writer::<256>::new(STDOUT);
    ring3::println!(&mut out, "pid {}", child.pid().as_raw());
    loop {
        match watch.next(None) {
            Event::Ended(ended) => ring3::println!(&mut out, "{} {:?}", ended.status, ended.usage),
            Event::Alone => break,
            _ => {}
        }
    }
    out.flush().or_fail(PROGRAM, "write", "stdout")
}
