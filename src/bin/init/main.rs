//! `init`: the first process of a container or of a machine. It runs one program, passes signals on to it,
//! waits for every process that loses its parent, and ends as that program did.
//!
//! This file reads the command line and waits; `signals.rs` says which signals are passed on, `terminal.rs` hands the
//! terminal over; `boot.rs` is what a machine needs besides.

#![no_std]
#![no_main]

mod boot;
mod signals;
mod terminal;

use core::ffi::CStr;

use ring3::Errno;
use ring3::cli::{Arg, Options, OrFail};
use ring3::parts;
use ring3::process::{self, Child, Command, Event, Lists, Pid, Status, Watch};
use ring3::rt::{Args, Exit, Start};
use ring3::service::Inherited;
use ring3::shown::Shown;
use ring3::signal::{
    self, SIGCONT, SIGKILL, SIGPIPE, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SignalSet,
};
use ring3::time::NEVER;

use signals::{PASSED, Rewrites};
use terminal::Terminal;

ring3::program!("init", main, inherited);

const HELP: &str = "\
usage: init [OPTION...] [--] CMD [ARG...]
Run CMD as the first process of a container or a machine does: pass signals on to
it, wait for all that lose their parent, and exit as CMD did.

  -g           signals go to all of CMD's process group, and not to CMD alone
  -S           CMD begins a session, without a terminal
  -r S:R       pass signal R on in place of S, nothing where R is 0; again for more
  -e STATUS    exit 0 where CMD exits with STATUS; again for more
  -s           be the parent of orphans also where this is not process 1
  -p SIGNAL    get SIGNAL when the parent ends, and pass it on
  -w           say on standard error which orphans ended
  --boot       this machine has just begun: mount /proc, /sys and /dev, bring lo
               up, and switch it off at the end
  --help       print this
  --version    print the version

127: CMD was not found; 126: it can't be executed; 128+N: signal N ended it.
";

fn main(start: Start, inherited: ring3::Result<Inherited>) -> Result<(), Exit> {
    let settings = Settings::of(start);
    let boot = settings
        .as_ref()
        .map_or_else(|_| boot::is_asked_for(start), |settings| settings.boot);
    if !boot {
        return settings.and_then(|settings| run(&settings, start, inherited));
    }
    // Process 1 of a machine never ends, whatever is wrong: the kernel would panic.
    boot::end(settings.and_then(|settings| {
        boot::prepare();
        run(&settings, start, inherited)
    }))
}

/// What the command line asks for.
struct Settings {
    /// Signals go to the program's group.
    group: bool,
    session: bool,
    rewrites: Rewrites,
    /// The exit statuses that count as 0, a bit each.
    successes: [u64; 4],
    adopt: bool,
    at_parents_end: Option<i32>,
    tell: bool,
    boot: bool,
    first: &'static CStr,
    rest: Args,
}

impl Settings {
    fn of(start: Start) -> Result<Self, Exit> {
        let mut options = Options::new(PROGRAM, HELP, start.args());
        let mut settings = Self {
            group: false,
            session: false,
            rewrites: Rewrites::NONE,
            successes: [1, 0, 0, 0],
            adopt: false,
            at_parents_end: None,
            tell: false,
            boot: false,
            first: c"",
            rest: start.args(),
        };
        settings.first = loop {
            match options.next_arg()? {
                Some(Arg::Short(b'g')) => settings.group = true,
                Some(Arg::Short(b'S')) => settings.session = true,
                Some(Arg::Short(b'r')) => {
                    let text = options.value()?.to_bytes();
                    let Some((from, to)) = signals::rewrite(text) else {
                        let text = Shown(text);
                        return Err(options.usage(parts!(text, " is not SIGNAL:SIGNAL")));
                    };
                    check_passed(&options, from, PASSED)?;
                    settings.rewrites.set(from, to);
                }
                Some(Arg::Short(b'e')) => {
                    let status = usize::from(options.number(0..=255)? as u8);
                    settings.successes[status / 64] |= 1 << (status % 64);
                }
                Some(Arg::Short(b's')) => settings.adopt = true,
                Some(Arg::Short(b'p')) => {
                    let text = options.value()?.to_bytes();
                    let Some(signal) = signal::named(text) else {
                        let text = Shown(text);
                        return Err(options.usage(parts!(text, " is no signal")));
                    };
                    check_passed(&options, signal, PASSED | SignalSet::of(&[SIGKILL]))?;
                    settings.at_parents_end = Some(signal);
                }
                Some(Arg::Short(b'w')) => settings.tell = true,
                Some(Arg::Long(b"boot")) if process::getpid() == 1 => settings.boot = true,
                Some(Arg::Long(b"boot")) => {
                    return Err(options.usage("--boot is process 1's"));
                }
                // What comes behind is the program's own.
                Some(Arg::Operand(first)) => break first,
                Some(_) => return Err(options.unknown()),
                None => return Err(options.usage("no CMD")),
            }
        };
        settings.rest = options.rest();
        Ok(settings)
    }

    /// The exit status for what became of the program.
    fn code(&self, status: Status) -> u8 {
        let code = status.code();
        let success = self.successes[usize::from(code) / 64] >> (code % 64) & 1 != 0;
        if success { 0 } else { code }
    }

    fn pass(&self, child: &Child, signal: i32) {
        // One that has ended takes no notice, and neither do those of another user.
        let _ = if self.group {
            process::kill_group(child.pid(), signal)
        } else {
            child.kill(signal)
        };
    }
}

/// Refuses an option about a signal that is not among `passed`: it would have no effect.
fn check_passed(options: &Options, signal: i32, passed: SignalSet) -> Result<(), Exit> {
    if passed.contains(signal) {
        return Ok(());
    }
    Err(options.usage(parts!("signal ", signal, " is never passed on")))
}

/// Runs the program until it ends.
fn run(settings: &Settings, start: Start, inherited: ring3::Result<Inherited>) -> Result<(), Exit> {
    // From here on, so that none is lost before the program has begun.
    let watch = Watch::new(PASSED).or_fail(PROGRAM, "watch", "children")?;
    // With SIGPIPE blocked, a write to a closed pipe returns EPIPE. With SIGTTIN and SIGTTOU blocked, neither a message
    // (`stty tostop`) nor a change of the terminal stops us.
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
    drop(inherited); // only the program has them now
    loop {
        match watch.next(NEVER) {
            Event::Ended(ended) if ended.pid == child.pid() => {
                terminal.take_back(ended.pid);
                return match settings.code(ended.status) {
                    0 => Ok(()),
                    code => Err(Exit(code)),
                };
            }
            Event::Ended(ended) if settings.tell => tell(ended.pid, ended.status),
            Event::Stopped(pid, signal) if pid == child.pid() => terminal.stopped(pid, signal),
            Event::Ended(_) | Event::Stopped(..) | Event::Late => {}
            Event::Signal(received) => match settings.rewrites.of(received.signal) {
                Some(SIGCONT) => terminal.resume(child.pid()),
                // The program leads an orphaned process group, which the kernel does not stop by SIGTSTP.
                Some(SIGTSTP) if settings.session => {
                    settings.pass(&child, SIGSTOP);
                    terminal::stop(false, SIGTSTP, true);
                }
                Some(signal) => settings.pass(&child, signal),
                None => {}
            },
            // Nobody else waits for our children.
            Event::Alone => return Err(PROGRAM.fail("wait4", "children", Errno::ECHILD)),
            Event::Refused(call, errno) => return Err(PROGRAM.fail(call, "children", errno)),
        }
    }
}

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
    // What a parent had ignored is not to be ignored in the program.
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
fn tell(pid: Pid, status: Status) {
    PROGRAM.say(parts!("orphan ", pid.as_raw(), " ended: ", status));
}
