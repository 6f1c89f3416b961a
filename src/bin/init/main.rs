//! `init`: the first process of a container or of a machine. It runs one program, passes signals on to it, reaps
//! orphans, and exits with that program's status.
//!
//! This file reads the options, starts the program and waits. The parts:
//!
//! - `options.rs`: the table of options.
//! - `signals.rs`: which signals are passed on.
//! - `terminal.rs`: job control; gives the terminal to the program and takes it back.
//! - `boot.rs`: starts and switches off a machine, for `--boot`.

#![cfg_attr(not(test), no_std, no_main)]

mod boot;
mod options;
mod signals;
mod terminal;

use core::ffi::CStr;

use ring3::Errno;
use ring3::cli::{Options, OrFail};
use ring3::env::{Args, Start};
use ring3::parts;
use ring3::process::{self, Child, Command, Event, Lists, Pid, Status, Watch};
use ring3::rt::Exit;
use ring3::signal::{
    self, SIGCONT, SIGKILL, SIGPIPE, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SignalSet,
};
use ring3::systemd::Inherited;
use ring3::text::Shown;
use ring3::time::Deadline;

use options::Given;
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
    boot::end(settings.and_then(|settings| {
        boot::prepare();
        run(&settings, start, inherited)
    }))
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
    /// The name of the program.
    first: &'static CStr,
    /// The program's arguments.
    rest: Args,
}

impl Settings {
    /// Parses the command line.
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
            first: c"",
            rest: start.args(),
        };
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
                Some(Given::Warn) => settings.report_orphans = true,
                Some(Given::Boot) if process::getpid().as_raw() == 1 => settings.boot = true,
                Some(Given::Boot) => return Err(options.refuse("only for process 1")),
                // The arguments after it belong to the program.
                Some(Given::Operand(first)) => break first,
                None => return Err(options.usage("no CMD")),
            }
        };
        settings.rest = options.rest();
        Ok(settings)
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
    if settings.adopt {
        process::adopt_orphans().or_fail(PROGRAM, "adopt", "orphans")?;
    }
    if let Some(signal) = settings.at_parents_end {
        process::signal_at_parents_end(signal).or_fail(PROGRAM, "prctl", "PR_SET_PDEATHSIG")?;
    }
    let terminal = Terminal::new(settings.session);
    let child = begin(settings, start, &terminal, inherited.len() as u16)?; // at most u16::MAX
    drop(inherited); // only the program has these sockets now
    loop {
        match watch.next(Deadline::NEVER) {
            Event::Ended(ended) if ended.pid == child.pid() => {
                terminal.take_back(ended.pid);
                return match settings.code(ended.status) {
                    0 => Ok(()),
                    code => Err(Exit(code)),
                };
            }
            Event::Ended(ended) if settings.report_orphans => {
                report_orphan(ended.pid, ended.status);
            }
            Event::Stopped(pid, signal) if pid == child.pid() => terminal.stopped(pid, signal),
            Event::Ended(_) | Event::Stopped(..) | Event::Late => {}
            Event::Signal(received) => match settings.rewrites.of(received.signal) {
                Some(SIGCONT) => terminal.resume(child.pid()),
                // With its own session the program leads an orphaned process group. The kernel does not stop such a
                // group by SIGTSTP, so the program gets SIGSTOP.
                Some(SIGTSTP) if settings.session => {
                    settings.pass(&child, SIGSTOP);
                    terminal::stop(false, SIGTSTP);
                    terminal.go_on(child.pid());
                }
                Some(signal) => settings.pass(&child, signal),
                None => {}
            },
            // There are no children, although the program's end was not reported. This cannot happen: only `watch`
            // reaps children here.
            Event::Alone => return Err(PROGRAM.fail("wait4", "children", Errno::ECHILD)),
            Event::Refused(call, errno) => return Err(PROGRAM.fail(call, "children", errno)),
        }
    }
}

/// Starts the program, and passes on that number of inherited `sockets`.
fn begin(
    settings: &Settings,
    start: Start,
    terminal: &Terminal,
    sockets: u16,
) -> Result<Child, Exit> {
    let shown = Shown(settings.first.to_bytes());
    let mut lists = Lists::new(1 + settings.rest.len(), 1).or_fail(PROGRAM, "run", shown)?;
    let mut words = core::iter::once(settings.first).chain(settings.rest);
    let arguments = words
        .try_for_each(|word| lists.push(word))
        .and_then(|()| lists.end())
        .or_fail(PROGRAM, "run", shown)?;
    let command = Command::new(settings.first, lists.get(arguments), start.environ()).search();
    // Signals that the parent of `init` ignored get their default action in the program.
    let command = command.defaults(SignalSet::ALL.without(signal::TERMINALS));
    let command = if settings.session {
        command.session()
    } else {
        command.group(0)
    };
    let command = match terminal.to_give() {
        Some(terminal) => command.foreground(terminal),
        None => command,
    };
    command.sockets(sockets).spawn().map_err(|failed| {
        PROGRAM.fail("run", shown, failed.errno());
        Exit(failed.status())
    })
}

#[cold]
fn report_orphan(pid: Pid, status: Status) {
    PROGRAM.say(parts!("orphan ", pid.as_raw(), " ended: ", status));
}
