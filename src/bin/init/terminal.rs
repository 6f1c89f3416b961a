//! Job control: which process group is in the foreground, and what the terminal's keys do. To a shell, `init` stops,
//! continues and ends as the program would.
//!
//! `init` gives the terminal to the program's process group only if its own group is the foreground group. Otherwise it
//! would take the terminal from another group. So `init` in the background, under `timeout` for instance, does not
//! change the terminal.

use ring3::Errno;
use ring3::fd::{BorrowedFd, OwnedFd, STDIN};
use ring3::fs::{self, CWD, O_CLOEXEC, O_NOCTTY, O_NONBLOCK, O_RDWR};
use ring3::io;
use ring3::process::{self, Pid};
use ring3::signal::{self, SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU, SignalSet};

/// The controlling terminal of our session, if there is one and the program is in the same session.
pub struct Terminal {
    file: Option<OwnedFd>,
    /// Our process group.
    own: Pid,
}

impl Terminal {
    /// The terminal of our session; none if the program gets a session of its own. An image may have no /dev/tty: then
    /// the terminal is standard input. ([`process::foreground`] refuses any other file.)
    pub fn new(session: bool) -> Self {
        let flags = O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
        let open = || fs::open(CWD, c"/dev/tty", flags, 0).or_else(|_| STDIN.duplicate());
        Self {
            file: if session { None } else { open().ok() },
            own: process::group(),
        }
    }

    /// The terminal, if `group` is its foreground group.
    fn of(&self, group: Pid) -> Option<BorrowedFd<'_>> {
        let terminal = self.file.as_ref()?.as_fd();
        (process::foreground(terminal) == Ok(group)).then_some(terminal)
    }

    /// The terminal, if our group is its foreground group.
    pub fn to_give(&self) -> Option<BorrowedFd<'_>> {
        let terminal = self.of(self.own)?;
        // Any group of another PID namespace is 0 here (unshare --pid --fork), so the ids do not tell two groups apart.
        // A read of 0 bytes does: with SIGTTIN blocked it fails with EIO, but only in a background group.
        let ours = self.own.as_raw() != 0 || io::read(terminal, &mut []) != Err(Errno::EIO);
        ours.then_some(terminal)
    }

    /// Takes the terminal back if the program's group has it, and returns the result. (SIGTTOU is blocked.) This fails
    /// if our group is of another PID namespace; then a shell has to take the terminal.
    pub fn take_back(&self, program: Pid) -> Option<ring3::Result<()>> {
        let terminal = self.of(program)?;
        Some(process::set_foreground(terminal, self.own))
    }

    /// Continues the program's group, with the terminal if our group is in the foreground.
    pub fn resume(&self, program: Pid) {
        if let Some(terminal) = self.to_give() {
            let _ = process::set_foreground(terminal, program); // it hung up: the program gets SIGHUP
        }
        let _ = process::kill_group(program, SIGCONT); // it may have ended
    }

    /// The program was stopped by `signal`. Stops us too, until SIGCONT:
    ///
    /// - A key of the terminal, or another signal while the program had the terminal: stops our whole group, for instance
    ///   a shell script in it, as the key would have done without `init`.
    /// - SIGTTIN or SIGTTOU, because the program uses the terminal in the background: stops our whole group. But if our
    ///   group has the terminal by now, the program gets the terminal and continues. (A shell's `fg` of a job that was
    ///   not stopped sends no signal.)
    /// - SIGTSTP while the program did not have the terminal, so from another process: stops us alone.
    /// - SIGSTOP while the program did not have the terminal: only the program stops.
    ///
    /// The kernel does not stop us if we are process 1 or our group is orphaned. Then the program continues at once, if
    /// it had the terminal.
    pub fn stopped(&self, program: Pid, signal: i32) {
        let back = self.take_back(program);
        match (signal, back) {
            (SIGTTIN | SIGTTOU, _) if self.to_give().is_some() => self.resume(program),
            (SIGTTIN | SIGTTOU, _) => stop(true, signal, false),
            (_, Some(back)) => stop(true, SIGTSTP, back.is_ok()),
            (SIGTSTP, None) => stop(false, SIGTSTP, false),
            _ => {}
        }
    }
}

/// Stops us by `signal`, or with `whole` our whole process group, until SIGCONT. With `go_on` we send ourselves SIGCONT
/// after that, so that the program continues even if the kernel did not stop us. SIGCONT leads to [`Terminal::resume`].
pub fn stop(whole: bool, signal: i32, go_on: bool) {
    let own = Pid::own();
    let _ = if whole {
        process::kill_group(process::group(), signal)
    } else {
        process::kill(own, signal)
    };
    let set = SignalSet::of(&[signal]);
    let _ = signal::unblock(set); // here we stop
    let _ = signal::block(set);
    if go_on {
        let _ = process::kill(own, SIGCONT); // a signal to ourselves
    }
}
