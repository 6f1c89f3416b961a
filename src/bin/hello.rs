//! `hello [NAME...]`: prints `Hello, world!`, or greets the names.
//!
//! The file has at most 512 bytes (640 on aarch64). 176 of them are the ELF header and two program headers. There is no
//! room to report the errno of a failed write, nor for `--version` and `--`. The other programs have these from
//! `ring3::cli`. The option `--help` is recognized by its first four bytes.

#![cfg_attr(not(test), no_std, no_main)]

use ring3::fd::{STDERR, STDOUT};
use ring3::io;
use ring3::rt::{Exit, Words};
use ring3::signal::{self, SIGPIPE, SignalSet};

ring3::bare_program!(main);

#[inline(always)] // into the entry point: a call would take 13 bytes
fn main(words: Words) -> Exit {
    // With SIGPIPE blocked, a write to a closed pipe fails with EPIPE, and the error is reported.
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
        let _ = io::write_all(STDERR, b"hello: write stdout: failed\n"); // a further error cannot be reported
        status = 1;
    }
    Exit(status)
}
