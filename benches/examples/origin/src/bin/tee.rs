//! `tee [OPTION]... [FILE]...`: copies standard input to standard output and to files.

#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;
use core::ffi::CStr;

use common::cli::{Arg, Cli, Opt, Parser};
use common::io::{stdin, stdout, write_all};
use common::{Args, Environment, Exit, Program, Text, ignore};
use rustix::fd::{AsFd, IntoRawFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::{read, retry_on_intr, try_close};
use rustix::process::Signal;

common::main!(main);

const PROGRAM: Program = Program("tee");

const CLI: Cli = Cli {
    program: PROGRAM,
    help: "\
usage: tee [OPTION]... [FILE]...
Copy standard input to standard output, and to each FILE.

  -a, --append              append to each FILE, do not truncate it
  -i, --ignore-interrupts   ignore SIGINT
  -h, --help                print this help
  -V, --version             print the version

Exit 1: an output failed; the others are complete.

Examples:
  make 2>&1 | tee log
      Show the messages, and keep them.
",
    version: concat!("tee (origin) ", env!("CARGO_PKG_VERSION"), "\n"),
    options: &[
        Opt(Some('a'), "append", false),
        Opt(Some('i'), "ignore-interrupts", false),
    ],
};

fn main(args: Args, _: Environment) -> Result<i32, Exit> {
    // So that a write to a closed pipe, or beyond the limit of a file's size, fails with an error.
    let _ = ignore(Signal::PIPE);
    let _ = ignore(Signal::XFSZ);
    let (mut how, mut paths) = (OFlags::TRUNC, Vec::new());
    let mut parser = Parser::new(&CLI, args);
    while let Some(arg) = parser.next_arg()? {
        match arg {
            Arg::Option("append") => how = OFlags::APPEND,
            Arg::Option(_) => {
                ignore(Signal::INT).map_err(|errno| PROGRAM.fail("ignore", "SIGINT", errno))?
            }
            Arg::Operand(path) => paths.push(path),
        }
    }

    let mut status = 0;
    let mut outputs = Vec::new();
    outputs.push(Output::Stdout);
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOCTTY | OFlags::CLOEXEC | how;
    for path in paths {
        match retry_on_intr(|| rustix::fs::open(path, flags, Mode::from_raw_mode(0o666))) {
            Ok(file) => outputs.push(Output::File(path, file)),
            Err(errno) => Exit(status) = PROGRAM.fail("open", Text::from(path), errno),
        }
    }

    let mut buffer = [0; 64 * 1024];
    while !outputs.is_empty() {
        let count = retry_on_intr(|| read(stdin(), &mut buffer))
            .map_err(|errno| PROGRAM.fail("read", "stdin", errno))?;
        if count == 0 {
            break;
        }
        outputs.retain(|output| match output.write(&buffer[..count]) {
            Ok(()) => true,
            Err(exit) => {
                Exit(status) = exit;
                false
            }
        });
    }
    for output in outputs {
        if let Output::File(path, file) = output {
            // A network file system may report only now that there is no space.
            // SAFETY: the descriptor was the file's, and the file has given it up.
            if let Err(errno) = unsafe { try_close(file.into_raw_fd()) } {
                Exit(status) = PROGRAM.fail("close", Text::from(path), errno);
            }
        }
    }
    Ok(status)
}

/// Where the bytes go.
enum Output {
    Stdout,
    File(&'static CStr, OwnedFd),
}

impl Output {
    /// Writes all bytes, or prints the error.
    fn write(&self, bytes: &[u8]) -> Result<(), Exit> {
        match self {
            Self::Stdout => {
                write_all(stdout(), bytes).map_err(|errno| PROGRAM.fail("write", "stdout", errno))
            }
            Self::File(path, file) => write_all(file.as_fd(), bytes)
                .map_err(|errno| PROGRAM.fail("write", Text::from(*path), errno)),
        }
    }
}
