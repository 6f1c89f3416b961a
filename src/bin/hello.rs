//! `hello [NAME...]` prints `Hello, world!`, or greets the names.
#![no_std]
#![no_main]

use ring3::abi::Errno;
use ring3::fd::{STDERR, STDOUT};
use ring3::io;
use ring3::rt::Words;
use ring3::signal::{self, SIGPIPE, SignalSet};

ring3::bare_program!(main);

fn main(words: Words) -> i32 {
    signal::block(SignalSet::of(&[SIGPIPE])); // a reader that left is an error to tell, EPIPE
    let text = words.framed(b"Hello,", b"!\n").unwrap_or(b"Hello, world!\n");
    match io::write_all(STDOUT, text) {
        Ok(()) => 0,
        Err(errno) => {
            let _ = io::write_all(STDERR, b"hello: write stdout: ");
            let _ = io::write_all(STDERR, match errno { Errno::ENOSPC => b"No space left on device (ENOSPC)\n", Errno::EPIPE => b"Broken pipe (EPIPE)\n",
                Errno::EBADF => b"Bad file descriptor (EBADF)\n", _ => b"Input/output error (EIO)\n" });
            1
        },
    }
}
