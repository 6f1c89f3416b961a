//! `timeout [OPTION]... DURATION CMD [ARG]...`: ends a command that takes too long.

use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitCode};
use std::ptr;
use std::time::{Duration, Instant};

use common::cli::{self, Arg, Cli, Parser};
use common::error::{Error, OrFail, Shown};
use common::signal;
use libc::{SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGTERM, c_int, sigset_t};

const CLI: Cli<Flag> = Cli {
    name: "timeout",
    usage: "[OPTION]... DURATION CMD [ARG]...
Run CMD, and send SIGTERM to its process group after DURATION. 0 means no limit.",
    options: &[
        ("-s, --signal=SIGNAL", "send this signal", Flag::Signal),
        (
            "-k, --kill-after=TIME",
            "send SIGKILL this long after SIGNAL",
            Flag::KillAfter,
        ),
        (
            "-f, --foreground",
            "leave CMD in the terminal's foreground",
            Flag::Foreground,
        ),
    ],
    end: "\
Exit 124: CMD took too long; 125: timeout failed; 126: CMD cannot be executed;
127: there is no CMD; 137: SIGKILL was sent; else the status of CMD, or 128 + N
if signal N ended it.

Examples:
  timeout -k 5 1m make test
      End the tests after a minute.
",
};

#[derive(Clone, Copy)]
enum Flag {
    Signal,
    KillAfter,
    Foreground,
}

/// The status if the timeout itself fails: others may be statuses of the command.
const FAILED: u8 = 125;

fn main() -> ExitCode {
    match Settings::parse().and_then(|settings| settings.run()) {
        Ok(status) => ExitCode::from(status),
        Err(Error::Answered) => ExitCode::SUCCESS,
        Err(error) => {
            error.print(CLI.name);
            ExitCode::from(FAILED)
        }
    }
}

/// What the command line says.
struct Settings {
    /// The first signal.
    signal: c_int,
    /// After this time the first signal is sent.
    limit: Option<Duration>,
    /// This long after the first signal SIGKILL is sent.
    kill_after: Option<Duration>,
    foreground: bool,
    command: OsString,
    args: Vec<OsString>,
}

impl Settings {
    fn parse() -> Result<Self, Error> {
        let (mut signal, mut kill_after, mut foreground) = (SIGTERM, None, false);
        let mut parser = Parser::new(&CLI);
        let limit = loop {
            match parser.next_arg()? {
                Some(Arg::Option(Flag::Signal)) => {
                    signal = parser.parse(named, "a signal such as TERM, RTMIN+3 or 15")?;
                }
                Some(Arg::Option(Flag::KillAfter)) => kill_after = parser.limit()?,
                Some(Arg::Option(Flag::Foreground)) => foreground = true,
                // The words after the first operand are no options of this program.
                Some(Arg::Operand(operand)) => break cli::limit(cli::duration(&operand)?),
                None => return Err(Error::Usage("no DURATION".into())),
            }
        };
        let mut words = parser.rest();
        let command = words.next().ok_or_else(|| Error::Usage("no CMD".into()))?;
        Ok(Self {
            signal,
            limit,
            kill_after,
            foreground,
            command,
            args: words.collect(),
        })
    }

    /// Runs the command to its end. Returns the exit status.
    fn run(&self) -> Result<u8, Error> {
        // From here on the signals are blocked, so none is lost. A SIGCHLD that is ignored would not come.
        signal::reset(SIGCHLD);
        let signals = Signals::block();
        let mut child = match self.start() {
            Ok(child) => child,
            Err(error) => {
                let status = match error.kind() {
                    ErrorKind::NotFound => 127,
                    ErrorKind::WouldBlock | ErrorKind::OutOfMemory => FAILED, // fork(2)
                    _ => 126,
                };
                Error::new("run", Shown(&self.command), error).print(CLI.name);
                return Ok(status);
            }
        };

        let after = |limit: Option<Duration>| limit.map(|limit| Instant::now() + limit);
        let mut signal = self.signal;
        let mut deadline = after(self.limit);
        let mut is_late = false;
        loop {
            match signals.wait(deadline) {
                Some(SIGCHLD) => {
                    // A command that stops or continues sends SIGCHLD too.
                    let ended = child.try_wait().or_fail("wait for", Shown(&self.command))?;
                    match ended.map(|status| (status.code(), status.signal())) {
                        None => {}
                        Some((_, Some(SIGKILL))) => return Ok(128 + SIGKILL as u8),
                        Some(_) if is_late => return Ok(124),
                        Some((Some(code), _)) => return Ok(code as u8),
                        Some((_, signal)) => return Ok(128 + signal.unwrap_or(0) as u8),
                    }
                }
                Some(received) => {
                    self.send(&child, received);
                    if self.kill_after.is_some() {
                        (signal, deadline) = (SIGKILL, after(self.kill_after));
                    }
                }
                None => {
                    is_late = true;
                    self.send(&child, signal);
                    if signal == SIGKILL {
                        deadline = None;
                    } else {
                        // A stopped process acts on the signal only when it continues.
                        self.send(&child, SIGCONT);
                        (signal, deadline) = (SIGKILL, after(self.kill_after));
                    }
                }
            }
        }
    }

    fn start(&self) -> io::Result<Child> {
        let mut command = Command::new(&self.command);
        command.args(&self.args);
        if !self.foreground {
            command.process_group(0); // the leader of a new group, which its children join
        }
        // SAFETY: after fork(2) the closure calls only functions that are safe in a signal handler.
        unsafe { command.pre_exec(Signals::unblock) };
        command.spawn()
    }

    /// Sends a signal to the command, and to its process group if it has one. An error means that it has just ended, or
    /// that it has another user: no other signal would reach it either.
    fn send(&self, child: &Child, signal: c_int) {
        let pid = child.id().cast_signed();
        // SAFETY: the call has no pointers. The child has not been waited for, so the number is still its own.
        unsafe {
            if self.foreground || libc::kill(-pid, signal) != 0 {
                libc::kill(pid, signal);
            }
        }
    }
}

/// Blocked signals that the program waits for: the end of the command, and signals that are passed on to the command.
struct Signals(sigset_t);

impl Signals {
    fn block() -> Self {
        let mut set = MaybeUninit::uninit();
        // SAFETY: the pointers are valid. `sigemptyset` initialises the set.
        unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            for signal in [SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT] {
                libc::sigaddset(set.as_mut_ptr(), signal);
            }
            libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), ptr::null_mut());
            Self(set.assume_init())
        }
    }

    /// Unblocks all signals.
    fn unblock() -> io::Result<()> {
        let mut set = MaybeUninit::uninit();
        // SAFETY: the pointers are valid. `sigemptyset` initialises the set.
        unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            libc::pthread_sigmask(libc::SIG_SETMASK, set.as_ptr(), ptr::null_mut());
        }
        Ok(())
    }

    /// Waits for a signal; `None` at the deadline.
    fn wait(&self, deadline: Option<Instant>) -> Option<c_int> {
        loop {
            let left = deadline.map(|deadline| {
                let left = deadline.saturating_duration_since(Instant::now());
                libc::timespec {
                    tv_sec: left.as_secs().cast_signed(),
                    tv_nsec: left.subsec_nanos().into(),
                }
            });
            let left = left.as_ref().map_or(ptr::null(), ptr::from_ref);
            // SAFETY: the pointers are valid or, where this is allowed, null.
            match unsafe { libc::sigtimedwait(&self.0, ptr::null_mut(), left) } {
                -1 if io::Error::last_os_error().kind() == ErrorKind::WouldBlock => return None,
                -1 => {} // interrupted
                signal => return Some(signal),
            }
        }
    }
}

/// The names of the signals from 1, without `SIG`.
const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
    "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];

/// Parses the name or the number of a signal: `TERM`, `SIGTERM`, `term`, `15`, `RTMIN+3`.
fn named(text: &str) -> Option<c_int> {
    const RTMIN: c_int = 34;
    const RTMAX: c_int = 64;
    if let Some(number) = cli::digits(text) {
        return (1..=RTMAX).contains(&number).then_some(number);
    }
    let name = text.to_ascii_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    let distance = |rest: &str, sign| match rest.strip_prefix(sign) {
        None => rest.is_empty().then_some(0),
        Some(digits) => cli::digits(digits).filter(|number| (0..=RTMAX - RTMIN).contains(number)),
    };
    if let Some(rest) = name.strip_prefix("RTMIN") {
        Some(RTMIN + distance(rest, '+')?)
    } else if let Some(rest) = name.strip_prefix("RTMAX") {
        Some(RTMAX - distance(rest, '-')?)
    } else {
        let index = NAMES.iter().position(|known| *known == name)?;
        Some(index as c_int + 1)
    }
}
