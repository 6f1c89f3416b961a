//! `pipe`: runs several programs at once, as a shell's pipeline does: the output of each is the input of the next.
//!
//! This file parses the command line. The parts:
//!
//! - `stages.rs` starts the programs, and reports how they ended.
//! - `watch.rs` waits until all have ended, and meanwhile passes signals on.

#![no_std]
#![no_main]

mod stages;
mod watch;

use core::ffi::CStr;

use ring3::bytes;
use ring3::cli::{Arg, Options, OrFail};
use ring3::env::{Args, Start};
use ring3::parts;
use ring3::pipe;
use ring3::process::Watch;
use ring3::rt::Exit;
use ring3::signal::{
    self, SIGHUP, SIGINT, SIGPIPE, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH, SIGXFSZ, SignalSet,
};
use ring3::systemd::Inherited;
use ring3::time::{NEVER, SECOND};

use stages::Stages;

ring3::program!("pipe", main, inherited);

const HELP: &str = "\
usage: pipe [OPTION...] CMD [ARG...] ['|' CMD [ARG...]]...
Run the programs at once. The standard output of each is the standard input of
the next. The bar is a separate argument.

  -s SEP             separate the programs by SEP instead of the bar
  --last             exit with the status of the last program, not of the
                     rightmost one that failed
  --status           print on standard error how each program ended
  --timeout SECONDS  after this time, send SIGTERM to all of them; exit 124
  --grace SECONDS    send SIGKILL this long after SIGTERM (default 5)
  --socket           connect the programs by Unix sockets, not by pipes
  --size BYTES       capacity of each pipe (default 131072)
  --help             print this
  --version          print the version

Exit 127: a program was not found; 126: it can't be executed; 128 + N: signal N
ended it.
";

/// The signals that are passed on.
const PASSED: SignalSet = SignalSet::of(&[SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH]);

fn main(start: Start, inherited: ring3::Result<Inherited>) -> Result<(), Exit> {
    // `Watch::new` blocks the signals to pass on. From here on these signals stay pending, so none is lost before all
    // programs run. With SIGPIPE and SIGXFSZ blocked, a write to a closed pipe or a full file fails with EPIPE or
    // EFBIG.
    let watch = Watch::new(PASSED).or_fail(PROGRAM, "watch", "programs")?;
    let _ = signal::block(SignalSet::of(&[SIGPIPE, SIGXFSZ])); // if this fails, the two signals end `pipe`
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

/// The options of the command line, or their defaults.
struct Settings {
    /// The argument that stands between two programs.
    separator: &'static CStr,
    last: bool,
    status: bool,
    /// After how many nanoseconds all programs are ended; [`NEVER`] if there is no limit.
    timeout: u64,
    /// How many nanoseconds after SIGTERM the programs get SIGKILL.
    grace: u64,
    join: Join,
    /// The name of the first program.
    first: &'static CStr,
    /// The arguments after that name, with the separators and the other programs.
    rest: Args,
}

/// What connects two programs.
#[derive(Clone, Copy)]
enum Join {
    /// A pipe, of the size of `--size` if that is given.
    Pipe(Option<usize>),
    /// A pair of Unix sockets.
    Socket,
}

impl Settings {
    /// Parses the command line.
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
                // The arguments after it belong to the programs.
                Some(Arg::Operand(first)) => break first,
                Some(_) => return Err(options.unknown()),
                None => return Err(options.usage("no CMD")),
            }
        };
        if socket && size.is_some() {
            return Err(options.usage("--size is for pipes, not for --socket"));
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

    /// Returns all arguments from the first program's name on.
    fn words(&self) -> impl Iterator<Item = &'static CStr> + Clone + use<> {
        core::iter::once(self.first).chain(self.rest)
    }

    /// Whether an argument equals the separator. The comparison includes the final zeros, so a longer argument that
    /// begins with the separator does not match.
    fn is_separator(&self, word: &CStr) -> bool {
        bytes::begins(word.to_bytes_with_nul(), self.separator.to_bytes_with_nul())
    }

    /// Returns the number, from 1, of the first part between separators that is empty.
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
