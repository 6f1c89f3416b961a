//! Prints a line: a template for a program of a few hundred bytes. `.cargo/config.toml` has the flags for that size.

#![cfg_attr(not(test), no_std, no_main)]

use ring3::fd::STDOUT;
use ring3::io;
use ring3::rt::{Exit, Words};

ring3::bare_program!(main);

#[inline(always)] // into the entry point
fn main(_: Words) -> Exit {
    match io::write_all(STDOUT, b"Hello, world!\n") {
        Ok(()) => Exit(0),
        Err(_) => Exit(1),
    }
}
