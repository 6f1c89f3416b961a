//! Writes standard input to a file: all of it, or the file stays as it was.

#![no_std]
#![no_main]

use core::ffi::CStr;

use ring3::cli::{Arg, OrFail};
use ring3::copy::copy;
use ring3::fd::STDIN;
use ring3::fs::{self, Statx};
use ring3::number;
use ring3::parts;
use ring3::replace::{self, During, Failed, Operation, Replacement};
use ring3::rt::{Exit, Start};
use ring3::shown::Shown;
use ring3::signal::{self, SIGPIPE, SIGXFSZ, SignalSet};

mod append;

ring3::program!("save", main);

const HELP: &str = "\
usage: save [-a] [-m MODE] [--in-place] [--no-sync] FILE
Write standard input to FILE: all of it, or FILE stays as it was.

  -a          append to FILE
  -m MODE     give FILE these permissions, in octal
  --in-place  write into FILE, do not replace it; a reader can see a part of
              it, and a crash can leave a part
  --no-sync   do not wait until FILE is on the device
  --help      print this
  --version   print the version

FILE's permissions, owner, group and access control list stay; a new FILE's
permissions are 666 less the umask. A symbolic link is followed. A device, a
FIFO, /dev/stdout, /dev/fd/N and the files of /proc and /sys are written
straight.
";

fn main(start: Start) -> Result<(), Exit> {
    let wanted = Wanted::parse(start)?;
    // With these blocked, a write returns EPIPE or EFBIG, which is reported. If a filter refuses to block them, they
    // end the program.
    let _ = signal::block(SignalSet::of(&[SIGPIPE, SIGXFSZ]));
    // Before a file is opened that would get its number.
    let stdin = fs::stat(STDIN).or_fail(PROGRAM, "stat", "stdin")?;
    let saved = if wanted.append {
        append::append(wanted.file, wanted.options, &stdin)
    } else {
        replace(wanted.file, wanted.options, &stdin)
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
                Arg::Long(b"in-place") => options.in_place = true,
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
fn replace(file: &CStr, options: replace::Options, stdin: &Statx) -> Result<(), NotSaved> {
    let replacement = Replacement::new(file, options)?;
    let to = replacement.as_fd();
    let is_straight = replacement.is_straight();
    if is_straight {
        append::refuse_itself(&fs::stat(to).during(Operation::Stat)?, stdin)?;
    }
    copy(STDIN, to).map_err(|stopped| NotSaved {
        failed: stopped.into(),
        left: if is_straight { stopped.copied } else { 0 },
    })?;
    Ok(replacement.commit()?)
}

/// Why FILE is not what it should be.
struct NotSaved {
    failed: Failed,
    /// How many bytes FILE has at its end that it did not have before.
    left: u64,
}

impl NotSaved {
    fn say(&self, file: &CStr) -> Exit {
        let object = match self.failed.operation {
            Operation::Read => c"stdin",
            _ => file,
        };
        PROGRAM.say(self.failed.of(object));
        if self.left > 0 {
            let file = Shown(file.to_bytes());
            PROGRAM.say(parts!(file, " has ", self.left, " bytes of it"));
        }
        Exit(1)
    }
}

impl From<Failed> for NotSaved {
    fn from(failed: Failed) -> Self {
        Self { failed, left: 0 }
    }
}
