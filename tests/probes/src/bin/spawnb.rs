#![no_std]
#![no_main]
use ring3::process::Command;
use ring3::rt::{Exit, Start};
use ring3::time::*;
ring3::program!("spawnb", main);
fn main(start: Start) -> Result<(), Exit> {
    let mut args = start.args();
    args.next();
    let n: u64 = args.next().unwrap().to_str().unwrap().parse().unwrap();
    let mb: usize = args.next().unwrap().to_str().unwrap().parse().unwrap();
    let mut map;
    if mb > 0 {
        map = ring3::mem::Mapping::new(mb << 20).unwrap();
        map.fill(1);
    }
    let list = args.strings();
    let file = args.next().unwrap();
    let begin = now(Clock::Monotonic);
    for _ in 0..n {
        let child = Command::new(file, list, start.environ()).spawn().unwrap();
        assert!(child.wait().unwrap().status.success());
    }
    let t = now(Clock::Monotonic) - begin;
    PROGRAM.say(format_args!("{} ns", t.as_nanos() as u64 / n));
    Ok(())
}
