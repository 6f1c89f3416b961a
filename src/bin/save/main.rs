//! `save`: writes standard input to a file atomically: the file gets all of the input, or stays as it was.
//!
//! This file reads the options, and replaces the file (the library's `replace`). `options.rs` is the table of options;
//! `append.rs` is the option `--append`.

#![cfg_attr(not(test), no_std, no_main)]

mod append;
mod options;

use core::ffi::CStr;

use ring3::cli::{Options, OrFail};
use ring3::env::Start;
use ring3::fd::STDIN;
use ring3::fs::copy::copy;
use ring3::fs::replace::{self, During, Failed, Operation, Replacement};
use ring3::fs::{self, Statx};
use ring3::parts;
use ring3::rt::Exit;
use ring3::signal::{self, SIGPIPE, SIGXFSZ, SignalSet};
use ring3::text::Shown;

use options::Given;

ring3::program!(Given::NAME, main);

fn main(start: Start) -> Result<(), Exit> {
    let settings = Settings::of(start)?;
    // With these signals blocked, a write fails with EPIPE or EFBIG, and the error is reported. If a seccomp filter
    // refuses to block them, they end the program.
    let _ = signal::block(SignalSet::of(&[SIGPIPE, SIGXFSZ]));
    // Before any file is opened: if standard input is closed, the next file would get its number.
    let stdin = fs::stat(STDIN).or_fail(PROGRAM, "stat", "stdin")?;
    let saved = if settings.append {
        append::append(settings.file, settings.options, &stdin)
    } else {
        replace(settings.file, settings.options, &stdin)
    };
    // The error is printed only now, after all files are closed. If standard error was closed from the start, a file
    // could have had its number, and would have received the message.
    saved.map_err(|failed| failed.report(settings.file))
}

/// The options of the command line, or their defaults.
struct Settings {
    append: bool,
    options: replace::Options,
    file: &'static CStr,
}

impl Settings {
    fn of(start: Start) -> Result<Self, Exit> {
        let mut append = false;
        let mut options = replace::Options::default();
        let mut file = None;
        let mut args = Options::new(start.args());
        while let Some(given) = args.next_arg()? {
            match given {
                Given::Append => append = true,
                Given::Mode(mode) => options.mode = Some(mode),
                Given::InPlace => options.in_place = true,
                Given::NoSync => options.sync = false,
                Given::Operand(operand) if file.is_none() => file = Some(operand),
                Given::Operand(operand) => return Err(args.unexpected(operand)),
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

/// Writes standard input to a new file, and replaces `file` by it.
fn replace(file: &CStr, options: replace::Options, stdin: &Statx) -> Result<(), NotSaved> {
    let replacement = Replacement::new(file, options)?;
    let to = replacement.as_fd();
    let is_direct = replacement.is_direct();
    if is_direct {
        append::refuse_itself(&fs::stat(to).during(Operation::Stat)?, stdin)?;
    }
    copy(STDIN, to).map_err(|stopped| NotSaved {
        failed: stopped.into(),
        left: if is_direct { stopped.copied } else { 0 },
    })?;
    Ok(replacement.commit()?)
}

/// The error that kept FILE from being saved.
struct NotSaved {
    failed: Failed,
    /// How many bytes of the input are in FILE nevertheless, at its end.
    left: u64,
}

impl NotSaved {
    /// Prints the error.
    fn report(&self, file: &CStr) -> Exit {
        let object = match self.failed.operation {
            Operation::Read => c"stdin",
            _ => file,
        };
        PROGRAM.say(self.failed.of(object));
        if self.left > 0 {
            let file = Shown(file.to_bytes());
            PROGRAM.say(parts!(file, " has ", self.left, " bytes of the input"));
        }
        Exit(1)
    }
}

impl From<Failed> for NotSaved {
    fn from(failed: Failed) -> Self {
        Self { failed, left: 0 }
    }
}
