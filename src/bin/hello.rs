//! `hello [NAME...]` prints `Hello, world!`, or greets the names.
//!
//! It has at most 512 bytes (640 on aarch64), of which 176 are the ELF header and two program headers. There is no
//! room for the errno of a failed write, for `--version` and for `--`. The other programs have them by `ring3::cli`.

#![no_std]
#![no_main]

use ring3::fd::{STDERR, STDOUT};
use ring3::io;
use ring3::rt::{Exit, Words};
use ring3::signal::{self, SIGPIPE, SignalSet};

ring3::bare_program!(main);

#[inline(always)] // into the entry point: a call would be 13 bytes
fn main(words: Words) -> Exit {
    // A reader that left is an error to tell, not a signal to die of.
    let _ = signal::block(SignalSet::of(&[SIGPIPE]));

    let (mut fd, mut status) = (STDOUT, 0);
    let text: &[u8] = match words.first_four() {
        None => b"Hello, world!\n",
        Some(option @ [b'-', ..]) => {
            if option != *b"--he" {
                (fd, status) = (STDERR, 2);
            }
            b"usage: hello [NAME...]\n"
        }
        Some(_) => words.framed(b"Hello,", b"!\n"),
    };
    if io::write_all(fd, text).is_err() {
        let _ = io::write_all(STDERR, b"hello: write stdout: failed\n"); // nowhere left to say so
        status = 1;
    }
    Exit(status)
}
