//! Panics in the way that the argument selects: `index`, `message`, or `nested` (a panic while the message of a panic
//! is formatted).

#![no_std]
#![no_main]

use core::fmt;

use ring3::env::Start;
use ring3::rt::Exit;

ring3::program!("panic", main);

struct Bomb;

impl fmt::Display for Bomb {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("in a panic")
    }
}

fn main(start: Start) -> Result<(), Exit> {
    match start.args().nth(1).map(|arg| arg.to_bytes()) {
        Some(b"index") => {
            let array = [1, 2, 3];
            Err(Exit(array[core::hint::black_box(7)]))
        }
        Some(b"message") => panic!("the answer is {}", core::hint::black_box(42)),
        Some(b"nested") => panic!("{Bomb}"),
        _ => Err(Exit(2)),
    }
}
