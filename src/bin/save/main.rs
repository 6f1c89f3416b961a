//! Writes standard input to a file: all of it, or the file stays as it was.

#![no_std]
#![no_main]

use core::ffi::CStr;

use ring3::abi::Errno;
use ring3::cli::{Arg, OrFail};
use ring3::copy::{End, Stopped, copy};
use ring3::fd::STDIN;
use ring3::fs;
use ring3::number;
use ring3::parts;
use ring3::replace::{self, Replacement};
use ring3::rt::{Exit, Start};
use ring3::shown::Shown;
use ring3::signal::{self, SIGPIPE, SIGXFSZ, SignalSet};

mod append;

ring3::program!("save", main);

const HELP: &str = "\
usage: save [-a] [-m MODE] [--no-sync] FILE
Write standard input to FILE: all of it, or FILE stays as it was.

  -a         append to FILE
  -m MODE    give FILE these permissions, in octal
  --no-sync  do not wait until FILE is on the device
  --help     print this
  --version  print the version

FILE's permissions, owner, group and access control list stay; a new FILE's
permissions are 666 less the umask. A symbolic link is followed. A device or
a FIFO is written straight.
";

fn main(start: Start) -> Result<(), Exit> {
    let wanted = Wanted::parse(start)?;
    // The write that meets them fails, with EPIPE or EFBIG, which can be told. Where a filter refuses to block
    // them, they end the program.
    let _ = signal::block(SignalSet::of(&[SIGPIPE, SIGXFSZ]));
    // Before a file is opened that would get its number.
    let stdin = fs::stat(STDIN).or_fail(PROGRAM, "read", "stdin")?;
    let saved = if wanted.append {
        append::append(wanted.file, wanted.options, &stdin)
    } else {
        replace(wanted.file, wanted.options)
    };
    // Said only now: all files are closed, so that none of them can have the number of a standard
    // error that was closed from the start.
    saved.map_err(|failed| failed.say(wanted.file))
}

/// What the command line asks for.
struct Wanted {
    append: bool,
    options: replace::Options,
    file: &'static CStr,
}

impl Wanted {
    fn parse(start: Start) -> Result<Self, Exit> {
        let mut append = false;
        let mut options = replace::Options::default();
        let mut file = None;
        let mut args = ring3::cli::Options::new(PROGRAM, HELP, start.args());
        while let Some(arg) = args.next_arg()? {
            match arg {
                Arg::Short(b'a') => append = true,
                Arg::Short(b'm') => {
                    let value = args.value()?;
                    let mode = number::whole(value.to_bytes(), 8, 0o7777);
                    options.mode = Some(mode.map(|mode| mode as u32).ok_or_else(|| {
                        let value = Shown(value.to_bytes());
                        args.usage(parts!("-m takes 0 to 7777, octal, not ", value))
                    })?);
                }
                Arg::Long(b"no-sync") => options.sync = false,
                Arg::Operand(operand) if file.is_none() => file = Some(operand),
                Arg::Operand(operand) => {
                    return Err(args.usage(parts!(
                        "one FILE, not ",
                        Shown(operand.to_bytes()),
                        " too"
                    )));
                }
                _ => return Err(args.unknown()),
            }
        }
        match file {
            Some(file) => Ok(Self {
                append,
                options,
                file,
            }),
            None => Err(args.usage("no FILE")),
        }
    }
}

/// Writes standard input to a new file, which takes the place of `file`.
fn replace(file: &CStr, options: replace::Options) -> Result<(), Failed> {
    let replacement = Replacement::new(file, options)?;
    copy(STDIN, replacement.as_fd())?;
    Ok(replacement.commit()?)
}

/// Why FILE is not what it should be.
struct Failed {
    operation: &'static str,
    /// What the operation was on: standard input, or FILE.
    end: End,
    errno: Errno,
    /// How many bytes FILE has at its end that it did not have before.
    left: u64,
}

impl Failed {
    /// The error of an operation on FILE.
    fn to(operation: &'static str) -> impl Fn(Errno) -> Self {
        move |errno| Self {
            operation,
            end: End::To,
            errno,
            left: 0,
        }
    }

    fn say(&self, file: &CStr) -> Exit {
        let object = match self.end {
            End::From => c"stdin",
            End::To => file,
        };
        let exit = PROGRAM.fail(self.operation, Shown(object.to_bytes()), self.errno);
        if self.left > 0 {
            let file = Shown(file.to_bytes());
            PROGRAM.say(parts!(file, " has ", self.left, " bytes of it"));
        }
        exit
    }
}

impl From<replace::Failed> for Failed {
    fn from(failed: replace::Failed) -> Self {
        Self::to(failed.operation)(failed.errno)
    }
}

impl From<Stopped> for Failed {
    fn from(stopped: Stopped) -> Self {
        let operation = match stopped.end {
            End::From => "read",
            End::To => "write",
        };
        Self {
            operation,
            end: stopped.end,
            errno: stopped.errno,
            left: 0,
        }
    }
}
