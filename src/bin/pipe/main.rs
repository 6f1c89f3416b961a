//! `pipe`: runs several programs at once, as a shell's pipeline does: the output of each is the input of the next.
//!
//! This file reads the options. The parts:
//!
//! - `options.rs` is the table of options.
//! - `stages.rs` starts the programs, and reports how they ended.
//! - `watch.rs` waits until all have ended, and meanwhile passes signals on.

#![cfg_attr(not(test), no_std, no_main)]

mod options;
mod stages;
mod watch;

use core::ffi::CStr;

use ring3::bytes;
use ring3::cli::{Options, OrFail};
use ring3::env::{Args, Start};
use ring3::parts;
use ring3::pipe;
use ring3::process::Watch;
use ring3::rt::Exit;
use ring3::signal::{
    self, SIGHUP, SIGINT, SIGPIPE, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH, SIGXFSZ, SignalSet,
};
use ring3::systemd::Inherited;
use ring3::time::NEVER;

use options::{GRACE, Given};
use stages::Stages;
use watch::Course;

ring3::program!(Given::NAME, main, inherited);

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
    let course = watch::until_ended(&watch, &mut stages, &settings, started)?;
    if settings.status {
        stages.print();
    }
    started?;
    let (others, last) = (stages.others(settings.allow_sigpipe), stages.last());
    let code = match course {
        Course::Late => 124,
        Course::Cut => others,
        Course::Free if settings.last || last != 0 => last,
        Course::Free => others,
    };
    if code == 0 { Ok(()) } else { Err(Exit(code)) }
}

/// The options of the command line, or their defaults.
struct Settings {
    /// The argument that stands between two programs.
    separator: &'static CStr,
    last: bool,
    /// Whether SIGPIPE may end a program before the last one.
    allow_sigpipe: bool,
    /// Whether the last program gets EOF only after the success of all others.
    commit: bool,
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
        let (mut allow_sigpipe, mut commit) = (false, false);
        let (mut timeout, mut grace) = (NEVER, GRACE);
        let (mut socket, mut size) = (false, None);
        let mut options = Options::new(start.args());
        let first = loop {
            match options.next_arg()? {
                Some(Given::Separator(text)) => separator = text,
                Some(Given::Last) => last = true,
                Some(Given::AllowSigpipe) => allow_sigpipe = true,
                Some(Given::Commit) => commit = true,
                Some(Given::Status) => status = true,
                Some(Given::Timeout(limit)) => timeout = limit,
                Some(Given::Grace(span)) => grace = span,
                Some(Given::Socket) => socket = true,
                Some(Given::Size(bytes)) => size = Some(bytes as usize),
                // The arguments after it belong to the programs.
                Some(Given::Operand(first)) => break first,
                None => return Err(options.usage("no CMD")),
            }
        };
        if socket && size.is_some() {
            return Err(options.usage("--size is for pipes, not for --socket"));
        }
        let settings = Self {
            separator,
            last,
            allow_sigpipe,
            commit,
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
