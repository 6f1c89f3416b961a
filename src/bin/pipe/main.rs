//! `pipe`: runs programs at once, each one's output into the next one's input.
//!
//! This file reads the command line; `stages.rs` starts the programs and says how they ended, `watch.rs`
//! waits for that, and passes signals on meanwhile.

#![no_std]
#![no_main]

mod stages;
mod watch;

use core::ffi::CStr;

use ring3::cli::{Arg, Options, OrFail};
use ring3::mem;
use ring3::parts;
use ring3::pipe;
use ring3::process::Watch;
use ring3::rt::{Args, Exit, Start};
use ring3::service::Inherited;
use ring3::signal::{
    self, SIGHUP, SIGINT, SIGPIPE, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH, SIGXFSZ, SignalSet,
};
use ring3::time::{NEVER, SECOND};

use stages::Stages;

ring3::program!("pipe", main, inherited);

const HELP: &str = "\
usage: pipe [OPTION...] CMD [ARG...] ['|' CMD [ARG...]]...
Run the programs at once, each one's standard output into the next one's
standard input. The bar is an argument of its own.

  -s SEP             SEP stands between the programs, and not the bar
  --last             exit with the status of the last program, and not of the
                     rightmost that failed
  --status           say on standard error how each program ended
  --timeout SECONDS  end all of them by SIGTERM after so long; exit 124
  --grace SECONDS    and by SIGKILL so much later (default 5)
  --socket           join them by Unix sockets, and not by pipes
  --size BYTES       how much a pipe takes (default 131072)
  --help             print this
  --version          print the version

Exit 127: a program was not found; 126: it can't be executed; 128 + N: signal N
ended it.
";

/// The signals that are passed on.
const PASSED: SignalSet = SignalSet::of(&[SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH]);

fn main(start: Start, inherited: ring3::Result<Inherited>) -> Result<(), Exit> {
    // From here on, so that none is lost before all have begun. A reader of our messages that is gone, or
    // a full file, makes an error of the write.
    let watch = Watch::new(PASSED).or_fail(PROGRAM, "watch", "programs")?;
    let _ = signal::block(SignalSet::of(&[SIGPIPE, SIGXFSZ])); // if they are not blocked, they end `pipe`
    // The programs do not inherit signals that a parent ignored: with SIGPIPE ignored, `yes | head` would not end.
    signal::set_defaults(SignalSet::ALL.without(signal::TERMINALS));

    let inherited = inherited.or_fail(PROGRAM, "fcntl", "LISTEN_FDS")?;
    let settings = Settings::of(start)?;
    let mut stages = Stages::of(&settings)?;
    pipe::occupy_standard().or_fail(PROGRAM, "pipe2", "standard descriptors")?;
    let started = stages.start(&settings, start.environ(), inherited);
    let late = watch::until_ended(&watch, &mut stages, &settings, started)?;
    if settings.status {
        stages.print();
    }
    started?;
    if late {
        return Err(Exit(124));
    }
    match stages.code(settings.last) {
        0 => Ok(()),
        code => Err(Exit(code)),
    }
}

/// What the command line asks for.
struct Settings {
    separator: &'static CStr,
    last: bool,
    status: bool,
    /// This and the next in nanoseconds; [`NEVER`] where it is not limited.
    timeout: u64,
    grace: u64,
    join: Join,
    /// The first program.
    first: &'static CStr,
    /// What stands behind it.
    rest: Args,
}

/// What joins two programs.
#[derive(Clone, Copy)]
enum Join {
    /// A pipe, of that size where somebody says.
    Pipe(Option<usize>),
    Socket,
}

impl Settings {
    fn of(start: Start) -> Result<Self, Exit> {
        let (mut separator, mut last, mut status) = (c"|", false, false);
        let (mut timeout, mut grace) = (NEVER, 5 * SECOND);
        let (mut socket, mut size) = (false, None);
        let mut options = Options::new(PROGRAM, HELP, start.args());
        let first = loop {
            match options.next_arg()? {
                Some(Arg::Short(b's')) => separator = options.value()?,
                Some(Arg::Long(b"last")) => last = true,
                Some(Arg::Long(b"status")) => status = true,
                Some(Arg::Long(b"timeout")) => timeout = options.seconds()?,
                Some(Arg::Long(b"grace")) => grace = options.seconds()?,
                Some(Arg::Long(b"socket")) => socket = true,
                Some(Arg::Long(b"size")) => {
                    size = Some(options.number(1..=i32::MAX as u64)? as usize);
                }
                // What comes behind is the programs' own.
                Some(Arg::Operand(first)) => break first,
                Some(_) => return Err(options.unknown()),
                None => return Err(options.usage("no CMD")),
            }
        };
        if socket && size.is_some() {
            return Err(options.usage("--size is a pipe's, and not a socket's"));
        }
        let settings = Self {
            separator,
            last,
            status,
            timeout,
            grace,
            join: if socket {
                Join::Socket
            } else {
                Join::Pipe(size)
            },
            first,
            rest: options.rest(),
        };
        if let Some(empty) = settings.empty_stage() {
            return Err(options.usage(parts!("no CMD in part ", empty)));
        }
        Ok(settings)
    }

    /// All arguments from the first program's name on.
    fn words(&self) -> impl Iterator<Item = &'static CStr> + Clone + use<> {
        core::iter::once(self.first).chain(self.rest)
    }

    /// Whether an argument is the separator: its zero too.
    fn is_separator(&self, word: &CStr) -> bool {
        mem::begins(word.to_bytes_with_nul(), self.separator.to_bytes_with_nul())
    }

    /// Which part between separators is empty, counted from 1.
    fn empty_stage(&self) -> Option<usize> {
        let (mut part, mut empty) = (1, true);
        for word in self.words() {
            if !self.is_separator(word) {
                empty = false;
            } else if empty {
                return Some(part);
            } else {
                (part, empty) = (part + 1, true);
            }
        }
        empty.then_some(part)
    }
}
