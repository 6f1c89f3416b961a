//! The stages of the pipeline: splits the arguments into command lines, connects and starts the programs, and reports
//! how they ended.

use core::ffi::CStr;
use core::time::Duration;

use ring3::Errno;
use ring3::cli::OrFail;
use ring3::collections::Slab;
use ring3::env::Strings;
use ring3::fd::{BorrowedFd, OwnedFd, STDERR, STDIN, STDOUT};
use ring3::net::{SOCK_CLOEXEC, SOCK_STREAM, unix};
use ring3::parts;
use ring3::pipe::{O_CLOEXEC, Pipe};
use ring3::poll::{Epoll, EpollEvent, Events};
use ring3::process::{Child, Command, Ended, Lists, Status};
use ring3::rt::Exit;
use ring3::signal::SIGPIPE;
use ring3::systemd::Inherited;
use ring3::text::{Digits, Print, Shown, Writer};
use ring3::time::{Clock, nanoseconds_by_call};

use crate::options::SIZE;
use crate::{Join, PROGRAM, Settings};

/// All programs of the pipeline, from left to right.
pub struct Stages {
    /// The arguments of each program.
    lists: Lists<'static>,
    all: Slab<Stage>,
    /// How many programs are running.
    running: usize,
    /// With `--commit`, our own writing end of the last connection. While it is open, the last program gets no EOF.
    held: Option<OwnedFd>,
}

/// One program of the pipeline.
struct Stage {
    name: &'static CStr,
    /// The position of its arguments in [`Stages::lists`].
    arguments: usize,
    state: State,
}

enum State {
    NotStarted,
    /// The process, and its start time in nanoseconds of the monotonic clock.
    Running(Child, u64),
    /// How it ended, and how long it ran.
    Ended(Ended, Duration),
}

impl Stages {
    /// Splits the arguments into programs. No part may be empty ([`Settings`] checks this).
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
            held: None,
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

    /// Adds a program; its arguments are those pushed since the last call.
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
            // The first program inherits our standard input, and the last one our standard output, as they are. If one
            // of them is closed, it stays closed.
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
            if settings.commit && number + 1 == last {
                self.held = output;
            }
        }
        Ok(())
    }

    /// Returns how many programs are running.
    pub fn running(&self) -> usize {
        self.running
    }

    /// Whether the last program is running, and all others have ended.
    pub fn only_last_runs(&self) -> bool {
        let last = self.all.get(self.all.len() - 1);
        self.running == 1 && last.is_some_and(|stage| matches!(stage.state, State::Running(..)))
    }

    /// Whether a process has the reading end of the last connection open, as far as the kernel tells.
    pub fn last_reads(&self) -> bool {
        let mut events = [EpollEvent::ZERO];
        let mut look = |held: &OwnedFd| {
            let epoll = Epoll::new()?;
            // The writing end of a pipe without a reader reports EPOLLERR, a socket without a peer EPOLLHUP. Both are
            // reported without being asked for.
            epoll.add(held.as_fd(), Events::NONE, 0)?;
            let ready = epoll.wait(&mut events, Some(Duration::ZERO))?;
            Ok::<_, Errno>(ready.is_empty())
        };
        self.held
            .as_ref()
            .is_some_and(|held| look(held).unwrap_or(true))
    }

    /// Gives up our own writing end of the last connection: the last program gets EOF when all others have closed
    /// theirs.
    pub fn release(&mut self) {
        self.held = None;
    }

    /// Sends a signal to all running programs.
    pub fn kill(&self, signal: i32) {
        for stage in self.all.iter() {
            if let State::Running(child, _) = &stage.state {
                let _ = child.kill(signal); // fails with EPERM for a program that has changed its user
            }
        }
    }

    /// Records that a process has ended. Ignores a process that is not one of the programs, such as an orphan.
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

    /// Returns the exit status of the rightmost failed program before the last one, or 0. With `allow_sigpipe`, death by
    /// SIGPIPE is no failure.
    pub fn others(&self, allow_sigpipe: bool) -> u8 {
        const SIGPIPED: Status = Status::Killed(SIGPIPE as u8);
        let mut code = 0;
        for stage in self.all.iter().take(self.all.len() - 1) {
            if let State::Ended(ended, _) = &stage.state
                && !(ended.status.success() || allow_sigpipe && ended.status == SIGPIPED)
            {
                code = ended.status.code();
            }
        }
        code
    }

    /// Returns the exit status of the last program.
    pub fn last(&self) -> u8 {
        match self.all.get(self.all.len() - 1).map(|stage| &stage.state) {
            Some(State::Ended(ended, _)) => ended.status.code(),
            _ => 0, // it was not started, and the caller reports that
        }
    }

    /// Prints a line on standard error for each program that ended.
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
        let _ = out.flush(); // an error of standard error cannot be reported
    }
}

/// Prints a duration in seconds, with six decimal places.
struct Seconds(Duration);

impl Print for Seconds {
    fn print(&self, out: &mut Writer<'_>) {
        let micros = Digits(self.0.subsec_micros().into(), 6);
        out.print(parts!(self.0.as_secs(), ".", micros));
    }
}

/// Creates the connection after the program `name`. Returns the end for that program to write to, and the end for the
/// next program to read from.
fn join(how: Join, name: &CStr) -> Result<(OwnedFd, OwnedFd), Exit> {
    let name = Shown(name.to_bytes());
    match how {
        Join::Pipe(size) => {
            let pipe = Pipe::new(O_CLOEXEC).or_fail(PROGRAM, "pipe2 after", name)?;
            // The default is what `cat` and others write at once. With the kernel's default of 64 KiB, each such write
            // would wait for the reader.
            let resized = pipe.resize(size.unwrap_or(SIZE as usize));
            if size.is_some() {
                resized.or_fail(PROGRAM, "resize the pipe after", name)?;
            } // Without --size, an error is ignored: EPERM for a user who has many pipes. The pipe stays small.
            Ok((pipe.write, pipe.read))
        }
        Join::Socket => {
            let pair = unix::pair(SOCK_STREAM | SOCK_CLOEXEC);
            let [write, read] = pair.or_fail(PROGRAM, "socketpair after", name)?;
            Ok((write, read))
        }
    }
}
