//! Job control: makes the program's process group the foreground group of the terminal, and takes the terminal back. To
//! a shell, `init` stops, continues and ends as the program itself would.
//!
//! In the comments of this file, "we" are `init`. `init` gives the terminal to the program's process group only if the
//! group of `init` is the foreground group. Otherwise `init` would take the terminal from a third group. So an `init`
//! in the background, for instance under `timeout`, does not change the terminal.

use core::time::Duration;

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
    /// Opens the terminal of our session. With `session`, the program gets a session of its own, and there is no
    /// terminal to share. A container's image may have no /dev/tty: then the terminal is standard input. (If standard
    /// input is not that terminal, [`process::foreground`] returns an error later.)
    pub fn new(session: bool) -> Self {
        let flags = O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
        let open = || fs::open(CWD, c"/dev/tty", flags, 0).or_else(|_| STDIN.duplicate());
        Self {
            file: if session { None } else { open().ok() },
            own: process::group(),
        }
    }

    /// Returns the terminal if `group` is its foreground group.
    fn of(&self, group: Pid) -> Option<BorrowedFd<'_>> {
        let terminal = self.file.as_ref()?.as_fd();
        (process::foreground(terminal) == Ok(group)).then_some(terminal)
    }

    /// Returns the terminal if our own group is its foreground group.
    pub fn to_give(&self) -> Option<BorrowedFd<'_>> {
        let terminal = self.of(self.own)?;
        // The id of any group of another PID namespace is 0 here (unshare --pid --fork), so the ids do not distinguish
        // two such groups. A read of 0 bytes distinguishes them: with SIGTTIN blocked, the read fails with EIO in a
        // background group only.
        let ours = self.own.as_raw() != 0 || io::read(terminal, &mut []) != Err(Errno::EIO);
        ours.then_some(terminal)
    }

    /// Takes the terminal back if the program's group has it, and returns the result. Returns `None` if the program's
    /// group does not have it. SIGTTOU must be blocked. The change of the terminal fails if our group is in another PID
    /// namespace; then a shell has to take the terminal.
    pub fn take_back(&self, program: Pid) -> Option<ring3::Result<()>> {
        let terminal = self.of(program)?;
        Some(process::set_foreground(terminal, self.own))
    }

    /// Continues the program's group, with the terminal if our group is in the foreground.
    pub fn resume(&self, program: Pid) {
        if let Some(terminal) = self.to_give() {
            let _ = process::set_foreground(terminal, program); // fails after a hang-up: then the program gets SIGHUP
        }
        let _ = process::kill_group(program, SIGCONT); // it may have ended
    }

    /// Handles a stop of the program by `signal`. Stops us too, until SIGCONT:
    ///
    /// - By a key of the terminal, or by another signal while the program had the terminal: our whole group stops, for
    ///   instance a shell script in it, as the key would have stopped it without `init`.
    /// - By SIGTTIN or SIGTTOU, because the program used the terminal in the background: our whole group stops. But if
    ///   our group has the terminal by now, the program gets the terminal and continues. (A shell's `fg` of a job that
    ///   was not stopped sends no signal.)
    /// - By SIGTSTP while the program did not have the terminal, so from another process: only we stop. But if SIGCONT is
    ///   pending, somebody has continued us already, and the program continues: the kernel drops SIGCONT when we stop
    ///   ourselves.
    /// - By SIGSTOP while the program did not have the terminal: we do not stop.
    ///
    /// The kernel does not stop us if we are process 1 or our group is orphaned. In that case the program continues at
    /// once if it had the terminal.
    pub fn stopped(&self, program: Pid, signal: i32) {
        let back = self.take_back(program);
        match (signal, back) {
            (SIGTTIN | SIGTTOU, _) if self.to_give().is_some() => self.resume(program),
            (SIGTTIN | SIGTTOU, _) => stop(true, signal),
            (_, Some(back)) => {
                stop(true, SIGTSTP);
                if back.is_ok() {
                    self.go_on(program);
                }
            }
            (SIGTSTP, None) if was_continued() => self.resume(program),
            (SIGTSTP, None) => stop(false, SIGTSTP),
            _ => {}
        }
    }

    /// Continues the program after [`stop`], also if the kernel did not stop us. The SIGCONT that continued us may still
    /// be pending, and has no other effect then. It may also be lost: the kernel drops SIGCONT if Ctrl-Z comes before we
    /// receive SIGCONT.
    pub fn go_on(&self, program: Pid) {
        was_continued();
        self.resume(program);
    }
}

/// Takes a pending SIGCONT, and returns whether there was one.
fn was_continued() -> bool {
    signal::wait(SignalSet::of(&[SIGCONT]), Some(Duration::ZERO)).is_ok() // EAGAIN: none is pending
}

/// Stops us by `signal` until SIGCONT, or with `whole` our whole process group. SIGCONT leads to [`Terminal::resume`].
pub fn stop(whole: bool, signal: i32) {
    let _ = if whole {
        process::kill_group(process::group(), signal)
    } else {
        process::kill(process::getpid(), signal)
    };
    let set = SignalSet::of(&[signal]);
    let _ = signal::unblock(set); // we stop here: the pending signal is delivered
    let _ = signal::block(set);
}
