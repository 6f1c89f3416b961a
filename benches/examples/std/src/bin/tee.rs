//! `tee [OPTION]... [FILE]...`: copies standard input to standard output and to files.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, IntoRawFd};
use std::process::ExitCode;

use common::cli::{Arg, Cli, Parser};
use common::error::{Error, OrFail, Shown};
use common::signal;

const CLI: Cli<Flag> = Cli {
    name: "tee",
    usage: "[OPTION]... [FILE]...\nCopy standard input to standard output, and to each FILE.",
    options: &[
        (
            "-a, --append",
            "append to each FILE, do not truncate it",
            Flag::Append,
        ),
        (
            "-i, --ignore-interrupts",
            "ignore SIGINT",
            Flag::IgnoreInterrupts,
        ),
    ],
    end: "\
Exit 1: an output failed; the others are complete.

Examples:
  make 2>&1 | tee log
      Show the messages, and keep them.
",
};

#[derive(Clone, Copy)]
enum Flag {
    Append,
    IgnoreInterrupts,
}

/// The size of one read, in bytes.
const BUFFER: usize = 64 * 1024;

fn main() -> ExitCode {
    run().unwrap_or_else(|error| error.exit(CLI.name, 1))
}

fn run() -> Result<ExitCode, Error> {
    // std ignores SIGPIPE. So a write fails with EPIPE or EFBIG, and only that output ends.
    signal::ignore(libc::SIGXFSZ);
    let (mut appends, mut paths) = (false, Vec::new());
    let mut parser = Parser::new(&CLI);
    while let Some(arg) = parser.next_arg()? {
        match arg {
            Arg::Option(Flag::Append) => appends = true,
            Arg::Option(Flag::IgnoreInterrupts) => signal::ignore(libc::SIGINT),
            Arg::Operand(path) => paths.push(path),
        }
    }

    let mut status = ExitCode::SUCCESS;
    let mut failed = |error: Error| status = error.exit(CLI.name, 1);
    // A file of its own, because `Stdout` has a buffer.
    let stdout = io::stdout().as_fd().try_clone_to_owned();
    let mut outputs = vec![Output {
        name: OsString::from("stdout"),
        file: stdout.or_fail("duplicate", "stdout")?.into(),
    }];
    for name in paths {
        let mut how = OpenOptions::new();
        how.create(true).write(true);
        match how.append(appends).truncate(!appends).open(&name) {
            Ok(file) => outputs.push(Output { name, file }),
            Err(error) => failed(Error::new("open", Shown(&name), error)),
        }
    }

    let mut stdin = io::stdin().lock();
    let mut buffer = vec![0; BUFFER];
    while !outputs.is_empty() {
        let bytes = match stdin.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => &buffer[..count],
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(Error::new("read", "stdin", error)),
        };
        outputs.retain_mut(|Output { name, file }| match file.write_all(bytes) {
            Ok(()) => true,
            Err(error) => {
                failed(Error::new("write", Shown(name), error));
                false
            }
        });
    }
    for Output { name, file } in outputs {
        if let Err(error) = close(file) {
            failed(Error::new("close", Shown(&name), error));
        }
    }
    Ok(status)
}

/// Where the bytes go.
struct Output {
    name: OsString,
    file: File,
}

/// Closes a file. A network file system may report only now that there was no space, and std would ignore the error.
fn close(file: File) -> io::Result<()> {
    // SAFETY: the descriptor was the file's, and nothing else has it.
    match unsafe { libc::close(file.into_raw_fd()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
