//! `tee [OPTION]... [FILE]...`: copies standard input to standard output and to files, as tee(1) does.
//!
//! ```sh
//! date | cargo run --example tee -- -a log
//! ```
//!
//! An output that fails is reported and closed; the others continue. To see here: options, an allocator for small
//! programs, files, and errors that do not end the program.

#![cfg_attr(not(test), no_std, no_main)]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::vec::Vec;
use core::ffi::CStr;

use ring3::Errno;
use ring3::cli::{Argument, Options, OrFail};
use ring3::env::Start;
use ring3::fd::{OwnedFd, STDIN, STDOUT};
use ring3::fs::{self, CWD, O_APPEND, O_CLOEXEC, O_CREAT, O_NOCTTY, O_TRUNC, O_WRONLY};
use ring3::heap::Small;
use ring3::io;
use ring3::rt::Exit;
use ring3::signal::{self, SIGINT, SIGPIPE, SIGXFSZ, SignalSet};
use ring3::text::Shown;

ring3::options! {
    "tee", "[OPTION]... [FILE]...", "Copy standard input to standard output, and to each FILE.";

    /// Writes after the end of each FILE, and keeps its content.
    Append "-a, --append" "append to each FILE, do not truncate it";

    /// Lets the tee run on to the end of its input when a terminal sends SIGINT to the whole pipeline.
    IgnoreInterrupts "-i, --ignore-interrupts" "ignore SIGINT";

    operands: Argument::File;
    note: "Exit 1: an output failed; the others are complete.";
    example: "make 2>&1 | tee log", "Show the messages, and keep them.";
}

ring3::program!(Given::NAME, main);

// `Vec` needs an allocator. Without this line the program does not link.
#[global_allocator]
static HEAP: Small = Small::new();

/// The size of one read, in bytes.
const BUFFER: usize = 64 * 1024;

fn main(start: Start) -> Result<(), Exit> {
    // With these signals blocked, a write fails with EPIPE or EFBIG, and only that output ends.
    let _ = signal::block(SignalSet::of(&[SIGPIPE, SIGXFSZ]));
    let (mut how, mut paths) = (O_TRUNC, Vec::new());
    let mut options = Options::new(start.args());
    while let Some(given) = options.next_arg()? {
        match given {
            Given::Append => how = O_APPEND,
            Given::IgnoreInterrupts => {
                signal::ignore(SIGINT).or_fail(PROGRAM, "ignore", "SIGINT")?
            }
            Given::Operand(path) => push(&mut paths, path)?,
        }
    }

    let mut outputs = Vec::new();
    push(&mut outputs, Output::Stdout)?;
    let mut result = Ok(());
    for path in paths {
        // Others may read and write the new file, as far as the umask allows.
        match fs::open(
            CWD,
            path,
            O_WRONLY | O_CREAT | O_NOCTTY | O_CLOEXEC | how,
            0o666,
        ) {
            Ok(file) => push(&mut outputs, Output::File(path, file))?,
            Err(errno) => result = Err(PROGRAM.fail("open", Shown(path.to_bytes()), errno)),
        }
    }

    let mut buffer = [0; BUFFER];
    while !outputs.is_empty() {
        let count = io::read(STDIN, &mut buffer).or_fail(PROGRAM, "read", "stdin")?;
        let Some(bytes @ [_, ..]) = buffer.get(..count) else {
            break; // the end of the input
        };
        outputs.retain(|output| match output.write(bytes) {
            Ok(()) => true,
            Err(exit) => {
                result = Err(exit);
                false
            }
        });
    }
    for output in outputs {
        if let Output::File(path, file) = output {
            // A network file system may report only now that there was no space.
            let closed = file
                .close()
                .or_fail(PROGRAM, "close", Shown(path.to_bytes()));
            result = closed.and(result);
        }
    }
    result
}

/// Where the bytes go.
enum Output {
    Stdout,
    /// With the name on the command line.
    File(&'static CStr, OwnedFd),
}

impl Output {
    /// Writes all of `bytes`, or prints the error.
    fn write(&self, bytes: &[u8]) -> Result<(), Exit> {
        match self {
            Self::Stdout => io::write_all(STDOUT, bytes).or_fail(PROGRAM, "write", "stdout"),
            Self::File(path, file) => {
                io::write_all(file.as_fd(), bytes).or_fail(PROGRAM, "write", Shown(path.to_bytes()))
            }
        }
    }
}

/// Appends an element. `Vec::push` alone would end the program without a message if there is no memory.
fn push<T>(list: &mut Vec<T>, element: T) -> Result<(), Exit> {
    let room = list.try_reserve(1).map_err(|_| Errno::ENOMEM);
    room.or_fail(PROGRAM, "allocate", "outputs")?;
    list.push(element);
    Ok(())
}
