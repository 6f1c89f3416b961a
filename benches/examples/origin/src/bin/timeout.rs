//! `timeout [OPTION]... DURATION CMD [ARG]...`: ends a command that takes too long.
//!
//! Signals of children and of other processes are blocked and waited for, so there is no signal handler.

#![no_std]
#![no_main]

use core::ffi::CStr;
use core::time::Duration;

use common::cli::{Arg, Cli, Opt, Parser, number};
use common::time::Deadline;
use common::{Args, Environment, Exit, Program, Text};
use origin::signal::{Sigaction, sigaction};
use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitOptions, WaitStatus, kill_process, kill_process_group, setpgid, waitpid,
};
use rustix::runtime::{
    Fork, How, KernelSigSet, Timespec, execve, exit_group, kernel_fork, kernel_sigprocmask,
    kernel_sigtimedwait,
};

common::main!(main);

const PROGRAM: Program = Program("timeout");

const CLI: Cli = Cli {
    program: PROGRAM,
    help: "\
usage: timeout [OPTION]... DURATION CMD [ARG]...
Run CMD, and send SIGTERM to its process group after DURATION. 0 means no limit.

  -s, --signal=SIGNAL       send this signal
  -k, --kill-after=TIME     send SIGKILL this long after SIGNAL
  -f, --foreground          leave CMD in the terminal's foreground
  -h, --help                print this help
  -V, --version             print the version

Exit 124: CMD took too long; 125: timeout failed; 126: CMD cannot be executed;
127: there is no CMD; 137: SIGKILL was sent; else the status of CMD, or 128 + N
if signal N ended it.

Examples:
  timeout -k 5 1m make test
      End the tests after a minute.
",
    version: concat!("timeout (origin) ", env!("CARGO_PKG_VERSION"), "\n"),
    options: &[
        Opt(Some('s'), "signal", true),
        Opt(Some('k'), "kill-after", true),
        Opt(Some('f'), "foreground", false),
    ],
};

/// The status if the timeout itself fails: others may be statuses of the command.
const FAILED: i32 = 125;
const LATE: i32 = 124;

/// The signals that are passed on to the command.
const PASSED: [Signal; 4] = [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT];

/// The names of the signals from 1.
const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
    "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];

struct Settings {
    /// The first signal.
    signal: Signal,
    /// After which time the first signal is sent.
    limit: Option<Duration>,
    /// After which time SIGKILL follows.
    kill_after: Option<Duration>,
    foreground: bool,
    command: &'static CStr,
    /// The command's name and its arguments.
    words: Args,
}

fn main(args: Args, environment: Environment) -> Result<i32, Exit> {
    settings(args)
        .and_then(|settings| run(&settings, environment))
        .map_err(|exit| if exit == Exit(0) { exit } else { Exit(FAILED) })
}

fn settings(args: Args) -> Result<Settings, Exit> {
    let (mut signal, mut kill_after, mut foreground) = (Signal::TERM, None, false);
    let mut parser = Parser::new(&CLI, args);
    let limit = loop {
        match parser.next_arg()? {
            Some(Arg::Option("signal")) => {
                signal = parser.parsed(named, "a signal such as TERM, RTMIN+3 or 15")?;
            }
            Some(Arg::Option("kill-after")) => kill_after = parser.limit()?,
            Some(Arg::Option(_)) => foreground = true,
            // The words after the first operand are no options of this program.
            Some(Arg::Operand(operand)) => break parser.limit_in(operand)?,
            None => return Err(parser.usage(format_args!("no DURATION"))),
        }
    };
    let words = parser.rest();
    let Some(command) = words.clone().next() else {
        return Err(parser.usage(format_args!("no CMD")));
    };
    Ok(Settings {
        signal,
        limit,
        kill_after,
        foreground,
        command,
        words,
    })
}

/// The signal with a name or a number: `TERM`, `SIGTERM`, `15`, `RTMIN+3`.
fn named(text: &[u8]) -> Option<Signal> {
    // The C libraries use the first two real-time signals.
    const RTMIN: u64 = 34;
    const RTMAX: u64 = 64;
    let text = match text.split_at_checked(3) {
        Some((sig, name)) if sig.eq_ignore_ascii_case(b"SIG") => name,
        _ => text,
    };
    let known = NAMES
        .iter()
        .position(|name| name.as_bytes().eq_ignore_ascii_case(text));
    let number = match (known, text.split_at_checked(5)) {
        (Some(index), _) => index as u64 + 1,
        (None, Some((base, rest))) if base.eq_ignore_ascii_case(b"RTMIN") => match rest {
            [] => RTMIN,
            [b'+', digits @ ..] => RTMIN.checked_add(number(digits)?)?,
            _ => return None,
        },
        (None, Some((base, rest))) if base.eq_ignore_ascii_case(b"RTMAX") => match rest {
            [] => RTMAX,
            [b'-', digits @ ..] => RTMAX.checked_sub(number(digits)?).filter(|n| *n >= RTMIN)?,
            _ => return None,
        },
        _ => number(text)?,
    };
    // SAFETY: the kernel has signals from 1 to 64, and no C library keeps any of them for itself here.
    (1..=RTMAX)
        .contains(&number)
        .then(|| unsafe { Signal::from_raw_unchecked(number as i32) })
}

/// Runs the command to its end. Returns the exit status.
fn run(settings: &Settings, environment: Environment) -> Result<i32, Exit> {
    let failed =
        |operation: &str, errno| PROGRAM.fail(operation, Text::from(settings.command), errno);
    let mut signals = KernelSigSet::empty();
    signals.insert(Signal::CHILD);
    for signal in PASSED {
        signals.insert(signal);
    }
    // SAFETY: the default action needs no handler. If SIGCHLD were ignored, the kernel would forget the child's status.
    unsafe { sigaction(Signal::CHILD, Some(Sigaction::default())) }
        .map_err(|errno| failed("watch", errno))?;
    // SAFETY: no C library in this process needs one of the signals.
    unsafe { kernel_sigprocmask(How::BLOCK, Some(&signals)) }
        .map_err(|errno| failed("watch", errno))?;

    // SAFETY: the process has one thread, and the child only calls the kernel.
    let child = match unsafe { kernel_fork() }.map_err(|errno| failed("run", errno))? {
        Fork::Child(_) => {
            let errno = execute(settings, environment);
            failed("run", errno);
            exit_group(if errno == Errno::NOENT { 127 } else { 126 });
        }
        Fork::ParentOf(child) => child,
    };
    if !settings.foreground {
        // The child does the same. Whichever comes first, the group is there for the first signal.
        let _ = setpgid(Some(child), Some(child));
    }

    let mut signal = settings.signal;
    let mut deadline = Deadline::after(settings.limit);
    let mut is_late = false;
    loop {
        let left = deadline
            .left()
            .and_then(|left| Timespec::try_from(left).ok());
        // SAFETY: as for `kernel_sigprocmask`.
        match unsafe { kernel_sigtimedwait(&signals, left.as_ref()) } {
            Ok(info) => {
                // SAFETY: every signal has a number.
                let number = unsafe { info.__bindgen_anon_1.__bindgen_anon_1.si_signo };
                match PASSED.into_iter().find(|signal| signal.as_raw() == number) {
                    Some(received) => {
                        send(child, received, settings.foreground);
                        if settings.kill_after.is_some() {
                            (signal, deadline) =
                                (Signal::KILL, Deadline::after(settings.kill_after));
                        }
                    }
                    None => {
                        let ended = waitpid(Some(child), WaitOptions::NOHANG);
                        if let Some((_, status)) =
                            ended.map_err(|errno| failed("wait for", errno))?
                        {
                            return Ok(exit_status(status, is_late));
                        }
                    }
                }
            }
            Err(Errno::AGAIN) => {
                is_late = true;
                send(child, signal, settings.foreground);
                if signal == Signal::KILL {
                    deadline = Deadline::NEVER;
                } else {
                    // A stopped process acts on the signal only when it continues.
                    send(child, Signal::CONT, settings.foreground);
                    (signal, deadline) = (Signal::KILL, Deadline::after(settings.kill_after));
                }
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(failed("wait for", errno)),
        }
    }
}

/// The exit status for the status of the command.
fn exit_status(status: WaitStatus, is_late: bool) -> i32 {
    let killed = Some(Signal::KILL.as_raw());
    match (status.terminating_signal(), status.exit_status()) {
        (signal, _) if is_late && signal != killed => LATE,
        (Some(signal), _) => 128 + signal,
        (None, code) => code.unwrap_or(FAILED),
    }
}

/// Sends a signal to the command, and to its process group if it has one.
fn send(child: Pid, signal: Signal, foreground: bool) {
    // An error means that the command has just ended, or that it belongs to another user.
    if foreground || kill_process_group(child, signal).is_err() {
        let _ = kill_process(child, signal);
    }
}

/// Becomes the command. Returns if that is not possible.
fn execute(settings: &Settings, environment: Environment) -> Errno {
    if !settings.foreground
        && let Err(errno) = setpgid(None, None)
    {
        return errno;
    }
    let none = KernelSigSet::empty();
    // SAFETY: as in `run`.
    if let Err(errno) = unsafe { kernel_sigprocmask(How::SETMASK, Some(&none)) } {
        return errno;
    }
    let name = settings.command.to_bytes();
    // SAFETY: both are arrays of strings with a null pointer at the end.
    let exec =
        |path: &CStr| unsafe { execve(path, settings.words.as_ptr().cast(), environment.cast()) };
    if name.contains(&b'/') {
        return exec(settings.command);
    }
    if name.is_empty() {
        return Errno::NOENT;
    }
    let mut error = Errno::NOENT;
    let mut buffer = [0; 4096];
    for directory in search_path(environment).split(|&byte| byte == b':') {
        let slash: &[u8] = if directory.is_empty() { b"" } else { b"/" };
        let mut end = 0;
        for part in [directory, slash, settings.command.to_bytes_with_nul()] {
            if let Some(place) = buffer.get_mut(end..end + part.len()) {
                place.copy_from_slice(part);
            }
            end += part.len();
        }
        // A path that is too long leads to no file.
        let Some(Ok(path)) = buffer.get(..end).map(CStr::from_bytes_with_nul) else {
            continue;
        };
        match exec(path) {
            Errno::ACCESS => error = Errno::ACCESS, // another directory may have it
            Errno::NOENT | Errno::NOTDIR => {}
            errno => return errno,
        }
    }
    error
}

/// The value of `PATH`.
fn search_path(environment: Environment) -> &'static [u8] {
    let mut at = environment;
    // SAFETY: the environment is an array of strings with a null pointer at the end. The strings are never changed.
    while let Some(variable) = unsafe { at.read().as_ref() } {
        // SAFETY: as above.
        let (variable, next) = unsafe { (CStr::from_ptr(variable), at.add(1)) };
        if let Some(path) = variable.to_bytes().strip_prefix(b"PATH=") {
            return path;
        }
        at = next;
    }
    b"/bin:/usr/bin"
}
