//! `probe`: checks whether services answer, or waits until they do, and can execute a program then.
//!
//! This file reads the options, checks all targets at once, and executes the program. The parts:
//!
//! - `options.rs` is the table of options.
//! - `target.rs` parses a target: where the service is, and which protocol it speaks.
//! - `attempts.rs` tries a target until it answers, or until the time is over.
//! - `connect.rs` connects, and `stream.rs` is a connection; both have a time limit.
//! - `http.rs`, `redis.rs`, `postgres.rs` and `grpc.rs` are the protocols; `search.rs` is a part of `http.rs`, `frame.rs`
//!   and `hpack.rs` are parts of `grpc.rs`.
//! - `failure.rs`: why an attempt failed.

#![cfg_attr(not(test), no_std, no_main)]

mod attempts;
mod connect;
mod failure;
mod frame;
mod grpc;
mod hpack;
mod http;
mod options;
mod postgres;
mod redis;
mod search;
mod stream;
mod target;

use core::ffi::CStr;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

use ring3::cli::{Options, OrFail};
use ring3::env::{Args, ExpandError, Start, Strings, expand};
use ring3::parts;
use ring3::pipe;
use ring3::process::Command;
use ring3::rt::Exit;
use ring3::text::{Print, Shown, Writer};
use ring3::thread::{self, Builder};
use ring3::time::{Deadline, NEVER};

use http::Request;
use options::{Given, TIMEOUT};
use target::Target;

ring3::program!(Given::NAME, main);

/// The most targets.
const TARGETS: usize = 64;

/// The stack of a thread, which checks a target.
const STACK: usize = 48 * 1024;

/// The most bytes of a target whose variables are expanded.
const LONGEST: usize = 512;

fn main(start: Start) -> Result<(), Exit> {
    // A closed standard descriptor gets a placeholder. Otherwise a socket could get the number, and messages would go to a
    // service.
    pipe::occupy_standard().or_fail(PROGRAM, "pipe2", "standard descriptors")?;
    let mut targets = [c""; TARGETS];
    let (settings, count) = Settings::of(start, &mut targets)?;
    match targets.get(..count).unwrap_or_default() {
        [only] => settings.check(only)?,
        several => settings.check_all(several)?,
    }
    let mut words = settings.command;
    let arguments = words.strings();
    let Some(name) = words.next() else {
        return Ok(());
    };
    let failed = Command::new(name, arguments, start.environ())
        .search()
        .exec();
    PROGRAM.fail("run", Shown(name.to_bytes()), failed.errno());
    Err(Exit(failed.status()))
}

/// The options of the command line, or their defaults.
struct Settings {
    /// When the last attempt ends; `None` if there is only one attempt.
    end: Option<Deadline>,
    /// The most nanoseconds of an attempt; [`NEVER`] if there is no limit.
    timeout: u64,
    /// The nanoseconds between two attempts, if `--interval` says so.
    interval: Option<u64>,
    quiet: bool,
    verbose: bool,
    request: Request,
    /// The password for Redis; empty if there is none.
    password: &'static [u8],
    environ: Strings<'static>,
    /// The program to execute and its arguments; empty if there is none.
    command: Args,
}

impl Settings {
    /// Parses the command line. Writes the targets to `targets`, and returns their number too.
    fn of(start: Start, targets: &mut [&'static CStr; TARGETS]) -> Result<(Self, usize), Exit> {
        let mut options = Options::new(start.args());
        let (mut wait, mut interval, mut timeout) = (None, None, TIMEOUT);
        let (mut quiet, mut verbose) = (false, false);
        let mut request = Request::DEFAULT;
        let (mut is_for_http, mut headers, mut count) = (false, 0, 0);
        let command = loop {
            let mut rest = options.rest();
            let given = options.next_arg()?;
            is_for_http |= matches!(
                given,
                Some(Given::Status(_) | Given::Method(_) | Given::Header(_) | Given::Contains(_))
            );
            match given {
                Some(Given::Wait(limit)) => wait = Some(limit.unwrap_or(NEVER)),
                Some(Given::Timeout(limit)) => timeout = limit,
                Some(Given::Interval(pause)) => interval = Some(pause),
                Some(Given::Status(range)) => request.status = range,
                Some(Given::Method(word)) => request.method = word,
                Some(Given::Header(header)) => match request.headers.get_mut(headers) {
                    Some(place) => (*place, headers) = (header, headers + 1),
                    None => return Err(options.refuse("more than 16")),
                },
                Some(Given::Contains(text)) if text.count_bytes() > search::LONGEST => {
                    return Err(options.refuse("more than 255 bytes"));
                }
                Some(Given::Contains(text)) => request.text = Some(text.to_bytes()),
                Some(Given::Quiet) => quiet = true,
                Some(Given::Verbose) => verbose = true,
                // `--` ends the targets; the arguments after it are the command.
                Some(Given::Operand(_)) if rest.next() == Some(c"--") => break rest,
                Some(Given::Operand(target)) => match targets.get_mut(count) {
                    Some(place) => (*place, count) = (target, count + 1),
                    None => return Err(options.usage("more than 64 targets")),
                },
                None => break options.rest(),
            }
        };
        let settings = Self {
            end: wait.map(Deadline::after),
            timeout,
            interval,
            quiet,
            verbose,
            request,
            password: start.var("REDISCLI_AUTH").unwrap_or_default().to_bytes(),
            environ: start.environ(),
            command,
        };
        let mut has_http = false;
        for target in targets.iter().take(count) {
            match settings.target(target, &mut [0; LONGEST]) {
                Ok((_, target)) => has_http |= target.is_http(),
                Err(wrong) => {
                    return Err(options.usage(parts!(Shown(target.to_bytes()), ": ", wrong)));
                }
            }
        }
        let mistake = if count == 0 {
            "no TARGET"
        } else if quiet && verbose {
            "--quiet and --verbose exclude each other"
        } else if interval.is_some() && wait.is_none() {
            "--interval is for --wait"
        } else if settings.request.method == b"HEAD" && settings.request.text.is_some() {
            "--contains: the answer to HEAD has no body"
        } else if is_for_http && !has_http {
            "--status, --method, --header and --contains are for http://"
        } else {
            return Ok((settings, count));
        };
        Err(options.usage(mistake))
    }

    /// Expands the variables in a target, and parses it. Returns the expanded text too, which is in `room`.
    fn target<'a>(
        &self,
        text: &'static CStr,
        room: &'a mut [u8; LONGEST],
    ) -> Result<(&'a [u8], Target<'a>), Wrong> {
        let length = expand(text.to_bytes(), self.environ, room).map_err(Wrong::Variable)?;
        let text = room
            .get(..length)
            .ok_or(Wrong::Target("longer than 512 bytes"))?;
        Ok((text, Target::of(text).map_err(Wrong::Target)?))
    }

    /// Checks a target.
    fn check(&self, target: &'static CStr) -> Result<(), Exit> {
        match self.target(target, &mut [0; LONGEST]) {
            Ok((text, target)) => attempts::make(self, text, &target),
            Err(_) => Err(Exit(2)), // `of` has parsed the same text
        }
    }

    /// Checks several targets at once, each in a thread.
    fn check_all(&self, targets: &[&'static CStr]) -> Result<(), Exit> {
        let failed = AtomicBool::new(false);
        thread::scope(|scope| {
            for target in targets {
                let check = || {
                    if self.check(target).is_err() {
                        failed.store(true, Relaxed);
                    }
                };
                Builder::new()
                    .stack_size(STACK)
                    .spawn_scoped(scope, check)
                    .or_fail(PROGRAM, "start", "a thread")?;
            }
            Ok(())
        })?;
        if failed.load(Relaxed) {
            Err(Exit(1))
        } else {
            Ok(())
        }
    }
}

/// Why a target is refused.
enum Wrong {
    /// A variable cannot be expanded.
    Variable(ExpandError<'static>),
    /// The expanded text is not a target.
    Target(&'static str),
}

impl Print for Wrong {
    fn print(&self, out: &mut Writer<'_>) {
        match self {
            Self::Variable(error) => out.print(error),
            Self::Target(why) => out.print(*why),
        }
    }
}
