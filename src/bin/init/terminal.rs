//! The terminal: who has it, and what its keys do. A shell sees `init` stop, go on and end as it would see the program.
//!
//! The program's process group has the terminal only where `init`'s own group had it: from any other it would be
//! stolen. So `init` in the background, below `timeout` say, leaves the terminal alone.

use ring3::fd::{BorrowedFd, OwnedFd};
use ring3::fs::{self, CWD, O_CLOEXEC, O_NOCTTY, O_RDWR};
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
        let open = || fs::open(CWD, c"/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC, 0).ok();
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

    /// The terminal, where it is ours to give. A group of another PID namespace has no number by which to ask.
    pub fn to_give(&self) -> Option<BorrowedFd<'_>> {
        if self.own.as_raw() == 0 {
            return None;
        }
        self.of(self.own)
    }

    /// Takes the terminal back from the program's group, and says whether that group had it. (SIGTTOU is blocked.)
    pub fn take_back(&self, program: Pid) -> bool {
        self.of(program)
            .is_some_and(|terminal| system::set_foreground(terminal, self.own).is_ok())
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
        let had = self.take_back(program);
        match signal {
            SIGTTIN | SIGTTOU if self.to_give().is_some() => self.resume(program),
            SIGTTIN | SIGTTOU => stop(true, signal, had),
            _ if had => stop(true, SIGTSTP, true),
            SIGTSTP => stop(false, SIGTSTP, false),
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
