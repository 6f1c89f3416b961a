//! The remaining processes: ends all other processes, by SIGTERM, and by SIGKILL if some have not ended in the grace
//! period. For `--grace`, and for the end of `--boot`.
//!
//! If `init` is process 1, kill(2) can signal all processes of its PID namespace at once. A subreaper, and process 1
//! with a rewritten SIGTERM, search /proc for the processes. The search is repeated until it finds no new process.
//! After SIGKILL it is repeated until `init` has no child: the kernel makes a killed process's child a child of `init`.

use core::ffi::CStr;

use ring3::Errno;
use ring3::fd::BorrowedFd;
use ring3::fs::dir::ReadDir;
use ring3::fs::{self, CWD, O_CLOEXEC, O_DIRECTORY, O_PATH, O_RDONLY};
use ring3::io;
use ring3::mem::Mapping;
use ring3::process::{self, Child, Event, Pid, Watch};
use ring3::rt::Exit;
use ring3::signal::{self, SIGINT, SIGKILL, SIGQUIT, SIGTERM, SignalSet};
use ring3::text::number;
use ring3::time::{Deadline, SECOND};

use crate::signals::Rewrites;
use crate::{PROGRAM, Settings, report_orphan};

/// How long `init` waits for the ends of processes that got SIGKILL, in nanoseconds. A process may wait for a device, or
/// belong to another user.
const AFTER_KILL: u64 = 2 * SECOND;

/// The time between two searches for processes, in nanoseconds.
const AGAIN: u64 = SECOND / 100;

/// All ids of processes are below this number (`PID_MAX_LIMIT`).
const PROCESSES: usize = 1 << 22;

/// The processes that end with `init`.
pub struct Rest {
    kind: Kind,
    /// When `init` ends in any case: [`AFTER_KILL`] after the first SIGKILL.
    last: Deadline,
}

#[derive(Clone, Copy)]
enum Kind {
    /// `init` is process 1 of a machine: all other processes. They are its descendants.
    Machine,
    /// `init` is process 1 of a container: all other processes of the PID namespace.
    Container,
    /// All descendants.
    Descendants,
}

impl Rest {
    /// The processes that end with this process. `boot` is the option `--boot`, and `searches` is whether
    /// [`signal_others`](Self::signal_others) has to search for them.
    pub fn new(boot: bool, searches: bool) -> Result<Self, Exit> {
        let is_first = process::getpid().as_raw() == 1;
        if searches || !is_first {
            check_proc().map_err(|errno| PROGRAM.fail("search", "/proc", errno))?;
        }
        let kind = match is_first {
            true if boot => Kind::Machine,
            true => Kind::Container,
            false => Kind::Descendants,
        };
        Ok(Self::of(kind))
    }

    /// All other processes of a machine.
    pub fn of_machine() -> Self {
        Self::of(Kind::Machine)
    }

    fn of(kind: Kind) -> Self {
        let last = Deadline::NEVER;
        Self { kind, last }
    }

    /// Passes SIGTERM on as `signal` to the program or to its group, and sends SIGTERM to all other processes.
    #[inline(never)]
    pub fn signal_others(&self, settings: &Settings, program: &Child, signal: i32) {
        if !matches!(self.kind, Kind::Descendants) && signal == SIGTERM {
            return self.signal(SIGTERM); // the program too, once
        }
        settings.pass(program, signal);
        self.search(SIGTERM, Some((program, settings.group)));
    }

    /// Sends a signal to all.
    pub fn signal(&self, signal: i32) {
        match self.kind {
            Kind::Machine | Kind::Container => drop(process::kill_all(signal)), // ESRCH: there are none
            Kind::Descendants => self.search(signal, None),
        }
    }

    /// Sends SIGKILL to all. Returns when to call this function again: a process may have started another one meanwhile.
    /// `None`: the time after the first SIGKILL is over, too.
    #[inline(never)]
    pub fn kill(&mut self) -> Option<Deadline> {
        if self.last.has_passed(now()) {
            return None;
        }
        self.signal(SIGKILL);
        if self.last == Deadline::NEVER {
            self.last = Deadline::after(AFTER_KILL);
        }
        Some(self.last.min(Deadline::after(AGAIN)))
    }

    /// Whether there may be processes although `init` has no children: those that another process has moved into the
    /// PID namespace of `init`, as `docker exec` does. (On a machine, kill(2) would count the kernel's threads.)
    fn has_strangers(&self) -> bool {
        match self.kind {
            Kind::Container => process::kill_all(0).is_ok(),
            Kind::Machine | Kind::Descendants => false,
        }
    }

    /// Ends all processes, after the end of the program: by SIGKILL those that have not ended at `until`. Meanwhile
    /// passes on the signals that ask to end, and prints the ends of orphans if `reports`.
    pub fn end(&mut self, watch: &Watch, mut until: Deadline, rewrites: &Rewrites, reports: bool) {
        loop {
            match watch.next(until) {
                Event::Ended(ended) if reports => report_orphan(ended.pid, ended.status),
                Event::Ended(_) | Event::Stopped(..) => {}
                Event::Signal(received) => {
                    let signal = rewrites.of(received.signal);
                    if let Some(signal @ (SIGTERM | SIGINT | SIGQUIT)) = signal {
                        self.signal(signal);
                    }
                }
                Event::Alone if !self.has_strangers() => return,
                Event::Alone => wait(until.min(Deadline::after(AGAIN))),
                Event::Late => {}
                Event::Refused(call, errno) => {
                    PROGRAM.fail(call, "children", errno);
                    return;
                }
            }
            // After each event: orphans that end all the time do not delay SIGKILL.
            if until.has_passed(now()) {
                match self.kill() {
                    Some(again) => until = again,
                    None => return PROGRAM.say("processes remain"),
                }
            }
        }
    }

    /// Sends a signal to each process that ends with `init`, except the processes that got the signal as `spared`: the
    /// program, and with the option `--group` its process group. Prints an error, but not again after the first SIGKILL:
    /// then the search is repeated until the time is over.
    fn search(&self, signal: i32, spared: Option<(&Child, bool)>) {
        let is_spared = |pid| {
            spared.is_some_and(|(program, group)| {
                pid == program.pid() || group && process::group_of(pid) == Ok(program.pid())
            })
        };
        let search = || {
            let proc = fs::open(CWD, c"/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)?;
            let mut found = Found(Mapping::new(PROCESSES / 8)?);
            found.add(process::getpid().as_raw() as usize);
            if !matches!(self.kind, Kind::Descendants) {
                found.add(0); // the parent of processes that were moved into the PID namespace
            }
            loop {
                let mut is_last = true;
                fs::seek(proc.as_fd(), 0)?;
                let mut buffer = [0; 4096];
                let mut entries = ReadDir::new(proc.as_fd(), &mut buffer);
                while let Some(entry) = entries.next_entry()? {
                    let Some((pid, parent)) = process_of(proc.as_fd(), entry.file_name()) else {
                        continue;
                    };
                    let id = pid.as_raw() as usize;
                    if found.has(parent) && !found.has(id) {
                        found.add(id);
                        is_last = false;
                        if !is_spared(pid) {
                            let _ = process::kill(pid, signal); // it may have ended
                        }
                    }
                }
                if is_last {
                    return Ok(());
                }
            }
        };
        if let Err(errno) = search()
            && self.last == Deadline::NEVER
        {
            PROGRAM.fail("search", "/proc", errno);
        }
    }
}

/// The time of the monotonic clock, in nanoseconds.
pub fn now() -> u64 {
    Deadline::after(0).as_nanoseconds()
}

/// Waits until `deadline`.
fn wait(deadline: Deadline) {
    let _ = signal::wait(SignalSet::NONE, deadline.left(now)); // EAGAIN: the time is over
}

/// Checks that /proc shows the PID namespace of this process. Otherwise the ids in /proc are those of other processes.
fn check_proc() -> ring3::Result<()> {
    let mut buffer = [0; 16];
    let shown = fs::read_link(CWD, c"/proc/self", &mut buffer)?;
    let own = process::getpid().as_raw() as u64;
    match number::whole(shown, 10, own) == Some(own) {
        true => Ok(()),
        false => Err(Errno::ESRCH),
    }
}

/// A set of processes: a bit for each id.
struct Found(Mapping);

impl Found {
    fn has(&self, id: usize) -> bool {
        let byte = self.0.get(id / 8);
        byte.is_some_and(|byte| byte >> (id % 8) & 1 != 0)
    }

    fn add(&mut self, id: usize) {
        if let Some(byte) = self.0.get_mut(id / 8) {
            *byte |= 1 << (id % 8);
        }
    }
}

/// The id of the process that has the directory `name` in /proc, and the id of its parent (`/proc/PID/stat`,
/// proc(5)). `None` if the name is none of a process, or the process has ended.
#[inline(never)]
fn process_of(proc: BorrowedFd<'_>, name: &CStr) -> Option<(Pid, usize)> {
    let id = |text: &mut &[u8]| number::take(text, 10, PROCESSES as u64);
    let pid = Pid::from_raw(id(&mut name.to_bytes())? as i32)?;
    let directory = fs::open(proc, name, O_PATH | O_CLOEXEC, 0).ok()?;
    let stat = fs::open(directory.as_fd(), c"stat", O_RDONLY | O_CLOEXEC, 0).ok()?;
    let mut buffer = [0; 256];
    let length = io::read(stat.as_fd(), &mut buffer).ok()?;
    // The name of the program is in parentheses, and may have parentheses in its turn. Then come the state and the parent.
    let text = buffer.get(..length)?;
    let end = text.iter().rposition(|&byte| byte == b')')?;
    Some((pid, id(&mut text.get(end + 4..)?)? as usize))
}
