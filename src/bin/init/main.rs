//! `init`: the first process of a container or of a machine. It runs one program, passes signals on to it, reaps
//! orphans, and exits with that program's status.
//!
//! This file reads the options and waits. The parts:
//!
//! - `options.rs`: the table of options.
//! - `program.rs`: starts the program.
//! - `user.rs`: finds the program's user, for `--user` and `--own`.
//! - `signals.rs`: which signals are passed on.
//! - `rest.rs`: ends the remaining processes, for `--grace` and `--boot`.
//! - `terminal.rs`: job control; gives the terminal to the program and takes it back.
//! - `boot.rs`: starts and switches off a machine, for `--boot`.

#![cfg_attr(not(test), no_std, no_main)]

mod boot;
mod options;
mod program;
mod rest;
mod signals;
mod terminal;
mod user;

use core::ffi::CStr;

use ring3::Errno;
use ring3::cli::{Options, OrFail};
use ring3::env::{Args, Start};
use ring3::parts;
use ring3::process::{self, Child, Event, Pid, Status, Watch};
use ring3::rt::Exit;
use ring3::signal::{
    self, SIGCHLD, SIGCONT, SIGINT, SIGKILL, SIGPIPE, SIGSTOP, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU,
    SignalSet,
};
use ring3::systemd::Inherited;
use ring3::time::Deadline;

use options::Given;
use rest::{Rest, now};
use signals::{PASSED, Rewrites};
use terminal::Terminal;

ring3::program!(Given::NAME, main, inherited);

fn main(start: Start, inherited: ring3::Result<Inherited>) -> Result<(), Exit> {
    let settings = Settings::of(start);
    let boot = settings
        .as_ref()
        .map_or_else(|_| boot::is_asked_for(start), |settings| settings.boot);
    if !boot {
        return settings.and_then(|settings| run(&settings, start, inherited));
    }
    // Process 1 of a machine must never end, not even after an error: the kernel would panic.
    let grace = settings.as_ref().map_or(0, |settings| settings.grace);
    let result = settings.and_then(|settings| {
        boot::prepare();
        run(&settings, start, inherited)
    });
    boot::end(result, grace)
}

/// The options of the command line, or their defaults.
struct Settings {
    /// Whether signals are passed on to the program's whole process group.
    group: bool,
    /// Whether the program runs in a new session.
    session: bool,
    rewrites: Rewrites,
    /// A bit set: the exit statuses of the program for which `init` exits with 0.
    successes: [u64; 4],
    /// Whether orphans are adopted although this is not process 1.
    adopt: bool,
    /// The signal to receive when the parent ends.
    at_parents_end: Option<i32>,
    /// Whether a line is printed for each orphan that ended.
    report_orphans: bool,
    boot: bool,
    /// The time between SIGTERM and SIGKILL to the remaining processes, in nanoseconds; 0: they get no signal.
    grace: u64,
    /// Whether there is no program.
    pause: bool,
    /// Whether variables are expanded in the program's arguments.
    expand: bool,
    /// The program's user.
    user: Option<&'static CStr>,
    no_new_privileges: bool,
    /// The name of the program.
    first: &'static CStr,
    /// The program's arguments.
    rest: Args,
}

impl Settings {
    /// Parses the command line.
    #[inline(never)]
    fn of(start: Start) -> Result<Self, Exit> {
        let mut options = Options::new(start.args());
        let mut settings = Self {
            group: false,
            session: false,
            rewrites: Rewrites::NONE,
            successes: [1, 0, 0, 0],
            adopt: false,
            at_parents_end: None,
            report_orphans: false,
            boot: false,
            grace: 0,
            pause: false,
            expand: false,
            user: None,
            no_new_privileges: false,
            first: c"",
            rest: start.args(),
        };
        let mut owns = false;
        settings.first = loop {
            match options.next_arg()? {
                Some(Given::Group) => settings.group = true,
                Some(Given::Session) => settings.session = true,
                Some(Given::Rewrite((from, to))) => {
                    check_passed(&options, from, PASSED)?;
                    settings.rewrites.set(from, to);
                }
                Some(Given::Success(status)) => {
                    let status = usize::from(status as u8);
                    settings.successes[status / 64] |= 1 << (status % 64);
                }
                Some(Given::Subreaper) => settings.adopt = true,
                Some(Given::ParentEnd(signal)) => {
                    check_passed(&options, signal, PASSED | SignalSet::of(&[SIGKILL]))?;
                    settings.at_parents_end = Some(signal);
                }
                Some(Given::Grace(span)) => settings.grace = span,
                Some(Given::Pause) => settings.pause = true,
                Some(Given::Expand) => settings.expand = true,
                Some(Given::User(user)) => settings.user = Some(user),
                Some(Given::Own(_)) => owns = true,
                Some(Given::NoNewPrivs) => settings.no_new_privileges = true,
                Some(Given::Warn) => settings.report_orphans = true,
                Some(Given::Boot) if process::getpid().as_raw() == 1 => settings.boot = true,
                Some(Given::Boot) => return Err(options.refuse("only for process 1")),
                Some(Given::Operand(operand)) if settings.pause => {
                    return Err(options.unexpected(operand));
                }
                // The arguments after CMD belong to CMD.
                Some(Given::Operand(first)) => break first,
                None if settings.pause => break c"",
                None => return Err(options.usage("no CMD")),
            }
        };
        settings.rest = options.rest();
        if owns && settings.user.is_none() {
            return Err(options.usage("--own: no --user"));
        }
        Ok(settings)
    }

    /// Returns the name of the program and its arguments.
    fn words(&self) -> impl Iterator<Item = &'static CStr> {
        let (mut next, mut rest) = (Some(self.first), self.rest);
        core::iter::from_fn(move || core::mem::replace(&mut next, rest.next()))
    }

    /// Returns the exit status for a program that ended with `status`.
    fn code(&self, status: Status) -> u8 {
        let code = status.code();
        let success = self.successes[usize::from(code) / 64] >> (code % 64) & 1 != 0;
        if success { 0 } else { code }
    }

    /// Passes a signal on to the program, or to its group.
    fn pass(&self, child: &Child, signal: i32) {
        // A program that has ended ignores the signal. EPERM: the program has changed its user.
        let _ = if self.group {
            process::kill_group(child.pid(), signal)
        } else {
            child.kill(signal)
        };
    }
}

/// Refuses an option for a signal that is not in `passed`: the option would have no effect.
fn check_passed(options: &Options<Given>, signal: i32, passed: SignalSet) -> Result<(), Exit> {
    if passed.contains(signal) {
        return Ok(());
    }
    Err(options.refuse(parts!("signal ", signal, " is never passed on")))
}

/// Runs the program until it ends.
fn run(settings: &Settings, start: Start, inherited: ring3::Result<Inherited>) -> Result<(), Exit> {
    // `Watch::new` blocks the signals to pass on. From here on they stay pending, so none is lost before the program
    // runs.
    let watch = Watch::new(PASSED).or_fail(PROGRAM, "watch", "children")?;
    // With SIGPIPE blocked, a write to a closed pipe fails with EPIPE. With SIGTTIN and SIGTTOU blocked, neither a
    // message (under `stty tostop`) nor a change of the terminal stops `init`.
    let _ = signal::block(SignalSet::of(&[SIGPIPE, SIGTTIN, SIGTTOU]));
    let inherited = inherited.or_fail(PROGRAM, "fcntl", "LISTEN_FDS")?;
    // Process 1 adopts all orphans anyway.
    if settings.adopt || settings.grace != 0 && process::getpid().as_raw() != 1 {
        process::adopt_orphans().or_fail(PROGRAM, "adopt", "orphans")?;
    }
    if let Some(signal) = settings.at_parents_end {
        process::signal_at_parents_end(signal).or_fail(PROGRAM, "prctl", "PR_SET_PDEATHSIG")?;
    }
    if settings.no_new_privileges {
        process::no_new_privileges().or_fail(PROGRAM, "prctl", "PR_SET_NO_NEW_PRIVS")?;
    }
    let mut rest = match settings.grace {
        0 => None,
        _ => {
            let rewritten = settings.rewrites.of(SIGTERM);
            let searches = rewritten.is_some_and(|to| to != SIGTERM);
            Some(Rest::new(settings.boot, searches)?)
        }
    };
    let mut until = Deadline::NEVER;
    let terminal = Terminal::new(settings.session || settings.pause);
    let child = match settings.pause {
        true => None,
        false => {
            let sockets = inherited.len() as u16; // at most u16::MAX
            Some(program::begin(settings, start, &terminal, sockets)?)
        }
    };
    drop(inherited); // only the program has these sockets now
    let code = serve(
        settings,
        &watch,
        &terminal,
        child.as_ref(),
        rest.as_mut(),
        &mut until,
    )?;
    if let Some(rest) = &mut rest {
        if until == Deadline::NEVER {
            until = Deadline::after(settings.grace);
            rest.signal(SIGTERM);
        }
        rest.end(&watch, until, &settings.rewrites, settings.report_orphans);
    }
    match code {
        0 => Ok(()),
        code => Err(Exit(code)),
    }
}

/// Waits until the program ends, and returns the exit status of `init`. Without a program, waits for SIGTERM or SIGINT.
/// SIGTERM begins the grace period, which ends at `until`. If the program does not even end after SIGKILL, returns the
/// exit status of a program that SIGKILL ended.
#[inline(never)]
fn serve(
    settings: &Settings,
    watch: &Watch,
    terminal: &Terminal,
    child: Option<&Child>,
    mut rest: Option<&mut Rest>,
    until: &mut Deadline,
) -> Result<u8, Exit> {
    let is_program = |pid| child.is_some_and(|child| child.pid() == pid);
    loop {
        let event = match watch.next(*until) {
            // Without children, `next` does not wait.
            Event::Alone if child.is_none() => {
                match signal::wait(PASSED | SignalSet::of(&[SIGCHLD]), None) {
                    Ok(received) if received.signal != SIGCHLD => Event::Signal(received),
                    _ => continue,
                }
            }
            event => event,
        };
        match event {
            Event::Ended(ended) if is_program(ended.pid) => {
                terminal.take_back(ended.pid);
                return Ok(settings.code(ended.status));
            }
            Event::Ended(ended) if settings.report_orphans => {
                report_orphan(ended.pid, ended.status);
            }
            Event::Stopped(pid, signal) if is_program(pid) => terminal.stopped(pid, signal),
            Event::Ended(_) | Event::Stopped(..) | Event::Late => {}
            Event::Signal(received) => match (settings.rewrites.of(received.signal), child) {
                (Some(SIGTERM | SIGINT), None) => return Ok(0),
                (_, None) | (None, _) => {}
                (Some(SIGCONT), Some(child)) => terminal.resume(child.pid()),
                // With its own session the program leads an orphaned process group. The kernel does not stop such a
                // group by SIGTSTP, so the program gets SIGSTOP.
                (Some(SIGTSTP), Some(child)) if settings.session => {
                    settings.pass(child, SIGSTOP);
                    terminal::stop(false, SIGTSTP);
                    terminal.go_on(child.pid());
                }
                (Some(signal), Some(child)) => match &rest {
                    Some(rest) if received.signal == SIGTERM && *until == Deadline::NEVER => {
                        *until = Deadline::after(settings.grace);
                        rest.signal_others(settings, child, signal);
                    }
                    _ => settings.pass(child, signal),
                },
            },
            // There are no children, although the program's end was not reported. This cannot happen: only `watch`
            // reaps children here.
            Event::Alone => return Err(PROGRAM.fail("wait4", "children", Errno::ECHILD)),
            Event::Refused(call, errno) => return Err(PROGRAM.fail(call, "children", errno)),
        }
        // After each event: orphans that end all the time do not delay SIGKILL.
        if until.has_passed(now()) {
            match rest.as_deref_mut().and_then(Rest::kill) {
                Some(again) => *until = again,
                None => return Ok(128 + SIGKILL as u8), // `Rest::end` prints a message
            }
        }
    }
}

/// Prints which orphan ended, and how.
#[cold]
pub fn report_orphan(pid: Pid, status: Status) {
    PROGRAM.say(parts!("orphan ", pid.as_raw(), " ended: ", status));
}
