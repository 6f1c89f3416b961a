//! `timeout [OPTION]... DURATION CMD [ARG]...`: ends a command that takes too long, as timeout(1) does.
//!
//! ```sh
//! cargo run --example timeout -- -k 1 0.5 sleep 10; echo $? # 124
//! ```
//!
//! To see here: starting a program, and waiting for its end, for signals and for a time, in one thread and without a
//! signal handler.

#![cfg_attr(not(test), no_std, no_main)]
#![forbid(unsafe_code)]

use core::ffi::CStr;

use ring3::Errno;
use ring3::cli::{Argument, Limit, Options, Signal};
use ring3::env::{Args, Start};
use ring3::process::{self, Child, Command, Event, Failed, Status, Watch};
use ring3::rt::Exit;
use ring3::signal::{SIGCONT, SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGTERM, SignalSet};
use ring3::text::Shown;
use ring3::time::{Deadline, NEVER};

ring3::options! {
    "timeout", "[OPTION]... DURATION CMD [ARG]...", "\
Run CMD, and send SIGTERM to its process group after DURATION. 0 means no limit.";

    /// Sends SIGNAL, not SIGTERM.
    Signal(Signal) "-s, --signal=SIGNAL" "send this signal";

    /// Sends SIGKILL if the command still runs this long after the first signal. 0 means that no second signal is sent.
    KillAfter(Limit) "-k, --kill-after=TIME" "send SIGKILL this long after SIGNAL";

    /// Leaves the command in the process group of the caller, so that it can read from the terminal. Signals are sent to
    /// the command only, not to its children.
    Foreground "-f, --foreground" "leave CMD in the terminal's foreground";

    operands: Argument::Command;
    note: "\
Exit 124: CMD took too long; 125: timeout failed; 126: CMD cannot be executed;
127: there is no CMD; 137: SIGKILL was sent; else the status of CMD, or 128 + N
if signal N ended it.";
    example: "timeout -k 5 1m make test", "End the tests after a minute.";
}

ring3::program!(Given::NAME, main);

/// The signals that are passed on to the command. (SIGKILL and SIGSTOP cannot be passed on.)
const PASSED: SignalSet = SignalSet::of(&[SIGTERM, SIGINT, SIGHUP, SIGQUIT]);

fn main(start: Start) -> Result<(), Exit> {
    let code = match settings(start) {
        Ok(settings) => run(&settings, start)?,
        Err(Exit(0)) => 0, // the help
        Err(_) => FAILED.0,
    };
    if code == 0 { Ok(()) } else { Err(Exit(code)) }
}

/// The status if the timeout itself fails: others may be statuses of the command.
const FAILED: Exit = Exit(125);

/// What the command line says.
struct Settings {
    /// The first signal.
    signal: i32,
    /// After how many nanoseconds the first signal is sent.
    limit: u64,
    /// How many nanoseconds after the first signal SIGKILL is sent.
    kill_after: u64,
    foreground: bool,
    command: &'static CStr,
    /// The name of the command, and its arguments.
    words: Args,
}

fn settings(start: Start) -> Result<Settings, Exit> {
    let (mut signal, mut kill_after, mut foreground) = (SIGTERM, NEVER, false);
    let mut options = Options::new(start.args());
    let limit = loop {
        match options.next_arg()? {
            Some(Given::Signal(given)) => signal = given,
            Some(Given::KillAfter(span)) => kill_after = span,
            Some(Given::Foreground) => foreground = true,
            // The words after the first operand are no options of this program.
            Some(Given::Operand(operand)) => break options.parser().duration(operand)?,
            None => return Err(options.usage("no DURATION")),
        }
    };
    let words = options.rest();
    let Some(command) = words.clone().next() else {
        return Err(options.usage("no CMD"));
    };
    Ok(Settings {
        signal,
        limit: if limit == 0 { NEVER } else { limit },
        kill_after,
        foreground,
        command,
        words,
    })
}

/// Runs the command to its end. Returns the exit status.
fn run(settings: &Settings, start: Start) -> Result<u8, Exit> {
    // From here on the signals are blocked, so none is lost. The command starts with no signal blocked.
    let watch = Watch::new(PASSED).map_err(|errno| failed("watch", settings.command, errno))?;
    let mut command = Command::new(settings.command, settings.words.strings(), start.environ());
    if !settings.foreground {
        command = command.group(0); // the leader of a new group, which its children join
    }
    let child = match command.search().spawn() {
        Ok(child) => child,
        Err(error) => {
            let exit = failed("run", settings.command, error.errno());
            return Err(match error {
                Failed::Exec(_) => Exit(error.status()),
                Failed::Spawn(_) => exit,
            });
        }
    };

    let mut signal = settings.signal;
    let mut deadline = Deadline::after(settings.limit);
    let mut is_late = false;
    loop {
        match watch.next(deadline) {
            Event::Ended(ended) if ended.pid == child.pid() => {
                const KILLED: Status = Status::Killed(SIGKILL as u8);
                return Ok(match ended.status {
                    status if status != KILLED && is_late => 124,
                    status => status.code(),
                });
            }
            // Children that this process had before its own execve, and a command that stops: nothing to do.
            Event::Ended(_) | Event::Stopped(..) => {}
            Event::Signal(received) => {
                send(&child, received.signal, settings.foreground);
                if settings.kill_after != NEVER {
                    (signal, deadline) = (SIGKILL, Deadline::after(settings.kill_after));
                }
            }
            Event::Late => {
                is_late = true;
                send(&child, signal, settings.foreground);
                if signal == SIGKILL {
                    deadline = Deadline::NEVER;
                } else {
                    // A stopped process acts on the signal only when it continues.
                    send(&child, SIGCONT, settings.foreground);
                    (signal, deadline) = (SIGKILL, Deadline::after(settings.kill_after));
                }
            }
            Event::Alone => return Err(failed("wait for", settings.command, Errno::ECHILD)),
            Event::Refused(call, errno) => return Err(failed(call, settings.command, errno)),
        }
    }
}

/// Sends a signal to the command, and to its process group if it has one. An error means that it has just ended, or that
/// it has another user: no other signal would reach it either.
fn send(child: &Child, signal: i32, foreground: bool) {
    if foreground || process::kill_group(child.pid(), signal).is_err() {
        let _ = child.kill(signal);
    }
}

/// Prints that `operation` failed. Returns the status for that.
fn failed(operation: &str, command: &CStr, errno: Errno) -> Exit {
    PROGRAM.fail(operation, Shown(command.to_bytes()), errno);
    FAILED
}
