//! The terminal: who has it, and what its keys do. A shell sees `init` stop, go on and end as it would see the program.
//!
//! The program's process group has the terminal only where `init`'s own group had it: from any other it would be
//! stolen. So `init` in the background, below `timeout` say, leaves the terminal alone.

use ring3::Errno;
use ring3::fd::{BorrowedFd, OwnedFd};
use ring3::fs::{self, CWD, O_CLOEXEC, O_NOCTTY, O_NONBLOCK, O_RDWR};
use ring3::io;
use ring3::process::{self, Pid};
use ring3::signal::{self, SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU, SignalSet};
use ring3::system;

/// The terminal of our session, where there is one and the program shares it.
pub struct Terminal {
    file: Option<OwnedFd>,
    /// Our process group.
    own: Pid,
}

impl Terminal {
    /// That of our session; none where the program has a session of its own.
    pub fn new(session: bool) -> Self {
        let flags = O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
        let open = || fs::open(CWD, c"/dev/tty", flags, 0).ok();
        Self {
            file: if session { None } else { open() },
            own: process::group(),
        }
    }

    /// The terminal, where that group has it.
    fn of(&self, group: Pid) -> Option<BorrowedFd<'_>> {
        let terminal = self.file.as_ref()?.as_fd();
        (system::foreground(terminal) == Ok(group)).then_some(terminal)
    }

    /// The terminal, where it is ours to give.
    pub fn to_give(&self) -> Option<BorrowedFd<'_>> {
        let terminal = self.of(self.own)?;
        // Two groups of another PID namespace are both 0 here (unshare --pid --fork). Then a read of nothing tells: with
        // SIGTTIN blocked it is an error in the background alone.
        let ours = self.own.as_raw() != 0 || io::read(terminal, &mut []) != Err(Errno::EIO);
        ours.then_some(terminal)
    }

    /// Takes the terminal back where the program's group has it, and says how that went. (SIGTTOU is blocked.) A group of
    /// another PID namespace can't be given it: there a shell has to take it.
    pub fn take_back(&self, program: Pid) -> Option<ring3::Result<()>> {
        let terminal = self.of(program)?;
        Some(system::set_foreground(terminal, self.own))
    }

    /// Lets the program's group go on, with the terminal where that is ours to give.
    pub fn resume(&self, program: Pid) {
        if let Some(terminal) = self.to_give() {
            let _ = system::set_foreground(terminal, program); // hung up: the program will hear of that
        }
        let _ = process::kill_group(program, SIGCONT); // it may have ended
    }

    /// The program was stopped: stops us too, until we are to go on.
    ///
    /// - By a key of the terminal that it had: so would our whole group have been, with a shell script in it.
    /// - By SIGTTIN or SIGTTOU, because it wants the terminal: the same; but where our group has the terminal by now, the
    ///   program gets it. (A shell's `fg` of a job that was not stopped sends no signal.)
    /// - By SIGSTOP, or by SIGTSTP of another process: that is about the program; at SIGTSTP we alone stop with it.
    ///
    /// Where nobody could let us go on (we are process 1, or lead a session) the kernel does not stop us, and the
    /// program goes on at once, where it had the terminal.
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

/// Stops us as `signal` does, or the whole of our process group, until we are to go on; `go_on` where that is at once if
/// the kernel stops nobody. [`Terminal::resume`] comes of the SIGCONT that is heard then.
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
