//! The programs: what their command lines are, how they are joined, and how they ended.

use core::ffi::CStr;
use core::time::Duration;

use ring3::cli::OrFail;
use ring3::fd::{BorrowedFd, OwnedFd, STDERR, STDIN, STDOUT};
use ring3::net::{SOCK_CLOEXEC, SOCK_STREAM, unix};
use ring3::parts;
use ring3::pipe::{O_CLOEXEC, Pipe};
use ring3::print::{Digits, Print, Writer};
use ring3::process::{Child, Command, Ended, Lists, Strings};
use ring3::rt::Exit;
use ring3::service::Inherited;
use ring3::shown::Shown;
use ring3::slab::Slab;
use ring3::time::{Clock, nanoseconds_by_call};

use crate::{Join, PROGRAM, Settings};

/// All of them, from left to right.
pub struct Stages {
    lists: Lists<'static>,
    all: Slab<Stage>,
    running: usize,
}

/// One program.
struct Stage {
    name: &'static CStr,
    /// Where its arguments begin in the lists.
    arguments: usize,
    state: State,
}

enum State {
    NotStarted,
    /// Since when, in nanoseconds of the clock.
    Running(Child, u64),
    Ended(Ended, Duration),
}

impl Stages {
    /// Those that the command line asks for, each part of which has a name.
    pub fn of(settings: &Settings) -> Result<Self, Exit> {
        let bars = settings.words().filter(|word| settings.is_separator(word));
        let count = bars.count() + 1;
        let words = settings.words().count() + 1 - count;
        let lists = Lists::new(words, count).or_fail(PROGRAM, "mmap", "arguments")?;
        let all = Slab::new(count).or_fail(PROGRAM, "mmap", "programs")?;
        let mut stages = Self {
            lists,
            all,
            running: 0,
        };
        let mut name = None;
        for word in settings.words() {
            if settings.is_separator(word) {
                stages.add(name.take())?;
            } else {
                name = name.or(Some(word));
                stages
                    .lists
                    .push(word)
                    .or_fail(PROGRAM, "mmap", "arguments")?;
            }
        }
        stages.add(name)?;
        Ok(stages)
    }

    /// Ends a command line.
    fn add(&mut self, name: Option<&'static CStr>) -> Result<(), Exit> {
        let arguments = self.lists.end().or_fail(PROGRAM, "mmap", "arguments")?;
        let stage = Stage {
            name: name.unwrap_or_default(),
            arguments,
            state: State::NotStarted,
        };
        let _ = self.all.insert(stage); // there is room
        Ok(())
    }

    /// Starts all programs, from left to right. Stops at a program that can't be started, and prints the error.
    /// Only the first program gets the sockets of a service manager.
    pub fn start(
        &mut self,
        settings: &Settings,
        environ: Strings<'_>,
        sockets: Inherited,
    ) -> Result<(), Exit> {
        let mut sockets = Some(sockets);
        let last = self.all.len() - 1;
        let mut input = None;
        for (number, stage) in self.all.iter_mut() {
            let (output, next) = if number == last {
                (None, None)
            } else {
                let (write, read) = join(settings.join, stage.name)?;
                (Some(write), Some(read))
            };
            let files: [(BorrowedFd<'_>, i32); 2] = [
                (input.as_ref().map_or(STDIN, OwnedFd::as_fd), STDIN.as_raw()),
                (
                    output.as_ref().map_or(STDOUT, OwnedFd::as_fd),
                    STDOUT.as_raw(),
                ),
            ];
            // What it has from us stays as it is: closed, where it was closed.
            let first = usize::from(input.is_none());
            let count = if output.is_none() { 1 } else { 2 };
            let files = files.get(first..count).unwrap_or_default();
            let arguments = self.lists.get(stage.arguments);
            let command = Command::new(stage.name, arguments, environ).search();
            let begin = nanoseconds_by_call(Clock::Monotonic);
            let sockets = sockets.take();
            let count = sockets.as_ref().map_or(0, Inherited::len) as u16; // at most u16::MAX
            let command = command.sockets(count);
            match command.files(files).spawn() {
                Ok(child) => stage.state = State::Running(child, begin),
                Err(failed) => {
                    let name = Shown(stage.name.to_bytes());
                    PROGRAM.fail("run", name, failed.errno());
                    return Err(Exit(failed.status()));
                }
            }
            self.running += 1;
            input = next;
        }
        Ok(())
    }

    /// How many have not ended.
    pub fn running(&self) -> usize {
        self.running
    }

    /// Sends a signal to all that have not ended.
    pub fn kill(&self, signal: i32) {
        for stage in self.all.iter() {
            if let State::Running(child, _) = &stage.state {
                let _ = child.kill(signal); // one that has become another user's goes its own way
            }
        }
    }

    /// Notes that one of them has ended. An orphan of theirs is none.
    pub fn note(&mut self, ended: Ended) {
        for (_, stage) in self.all.iter_mut() {
            if let State::Running(child, begin) = &stage.state
                && child.pid() == ended.pid
            {
                let wall = nanoseconds_by_call(Clock::Monotonic).saturating_sub(*begin);
                stage.state = State::Ended(ended, Duration::from_nanos(wall));
                self.running -= 1;
                return;
            }
        }
    }

    /// The exit status: the last one's, or that of the rightmost that failed.
    pub fn code(&self, last: bool) -> u8 {
        let mut code = 0;
        for stage in self.all.iter() {
            if let State::Ended(ended, _) = &stage.state
                && (last || !ended.status.success())
            {
                code = ended.status.code();
            }
        }
        code
    }

    /// Says on standard error how each ended.
    pub fn print(&self) {
        let mut buffer = [0; 512];
        let mut out = Writer::new(STDERR, &mut buffer);
        for stage in self.all.iter() {
            let State::Ended(ended, wall) = &stage.state else {
                continue;
            };
            let (name, usage) = (Shown(stage.name.to_bytes()), ended.usage);
            out.print(parts!("pipe: ", name, ": pid ", ended.pid.as_raw()));
            out.print(parts!(", ", ended.status, ", wall ", Seconds(*wall)));
            out.print(parts!(" s, user ", Seconds(usage.user)));
            out.print(parts!(" s, system ", Seconds(usage.system)));
            out.print(parts!(" s, ", usage.peak, " KiB\n"));
        }
        let _ = out.flush(); // where standard error fails, there is nowhere left to say so
    }
}

/// A span of time in seconds, to a millionth.
struct Seconds(Duration);

impl Print for Seconds {
    fn print(&self, out: &mut Writer<'_>) {
        let micros = Digits(self.0.subsec_micros().into(), 6);
        out.print(parts!(self.0.as_secs(), ".", micros));
    }
}

/// How much a pipe takes where nobody says: what `cat` and others write at once. With the kernel's 64 KiB
/// each such write would wait for the reader.
const USUAL: usize = 128 * 1024;

/// Where the program of that name writes, and where the next one reads.
fn join(how: Join, name: &CStr) -> Result<(OwnedFd, OwnedFd), Exit> {
    let behind = Shown(name.to_bytes());
    match how {
        Join::Pipe(size) => {
            let pipe = Pipe::new(O_CLOEXEC).or_fail(PROGRAM, "pipe2 behind", behind)?;
            let resized = pipe.resize(size.unwrap_or(USUAL));
            if size.is_some() {
                resized.or_fail(PROGRAM, "resize the pipe behind", behind)?;
            } // else who has many pipes gets small ones
            Ok((pipe.write, pipe.read))
        }
        Join::Socket => {
            let pair = unix::pair(SOCK_STREAM | SOCK_CLOEXEC);
            let [write, read] = pair.or_fail(PROGRAM, "socketpair behind", behind)?;
            Ok((write, read))
        }
    }
}
