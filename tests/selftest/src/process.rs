//! Self-test cases of processes: this process, and children, which run this program again.

use core::ffi::CStr;

use ring3::Errno;
use ring3::env::Strings;
use ring3::fs::{CWD, O_RDONLY};
use ring3::io::read;
use ring3::pipe::{O_CLOEXEC, Pipe};
use ring3::process::*;
use ring3::signal::{
    SIGCONT, SIGKILL, SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2, SignalSet, ignore, set_default,
};
use ring3::time::{Deadline, SECOND, monotonic};

use crate::case::*;
use crate::cases;
use crate::child::{code, ends, prints, spawn};
use crate::env::start;

cases! {
    "an id", [getpid], getpid().as_raw() > 0 => YES;
    "an id from its number", [Pid::from_raw], Pid::from_raw(getpid().as_raw()) == Some(getpid()) && Pid::from_raw(0).or(Pid::from_raw(-1)).is_none() => YES;
    "the first thread has the process's", [gettid], gettid() == getpid() => YES;
    "a thread that is there", [thread_exists], thread_exists(gettid()) => YES;
    "a thread that has ended", [thread_exists], has_ended(gettid) => YES;
    "a name", [thread_name], named() => YES;
    "how many descriptors there may be", [limit], limit(RLIMIT_NOFILE).map(|limit| limit.rlim_cur > 3) => YES;
    "a limit of nothing", [limit], limit(NO_RESOURCE).map(drop) => error(Errno::EINVAL);
    "nothing to be raised", [raise_limit], raise_limit(NO_RESOURCE).map(drop) => error(Errno::EINVAL);
    "a limit as it is", [set_limit], limit(RLIMIT_NOFILE).and_then(|limit| set_limit(RLIMIT_NOFILE, limit)) => DONE;
    "more than the most", [set_limit], set_limit(RLIMIT_NOFILE, Rlimit { rlim_cur: 2, rlim_max: 1 }) => error(Errno::EINVAL);
    "a limit as it was set", [set_limit, limit], lowered() => value(100);
    "as many as are allowed", [raise_limit], raise_limit(RLIMIT_NOFILE).and_then(|most| Ok(most == limit(RLIMIT_NOFILE)?.rlim_cur)) => YES;
    "no huge pages", [refuse_huge_pages], refuse_huge_pages() => DONE, cannot EINVAL;
    "an exit status", [exit, Status::code, Child::wait], code(&[c"exit", c"7"]) => value(7);
    "its low 8 bits", [exit], code(&[c"exit", c"258"]) => value(2);
    "main returns one", [exit], code(&[c"return", c"3"]) => value(3);
    "a thread ends all", [exit], code(&[c"exit-in-a-thread"]) => value(5);
    "abort is SIGABRT", [abort], aborted(c"abort") => YES;
    "whatever is blocked", [abort], aborted(c"abort-blocked") => YES;
    "whatever is handled", [abort], aborted(c"abort-handled") => YES;
    "whatever is ignored", [abort], aborted(c"abort-ignored") => YES;
    "a stack that is full is SIGSEGV", [], code(&[c"overflow"]) => value(128 + 11);
    "a thread's too: its guard is hit", [], code(&[c"overflow-in-a-thread"]) => value(128 + 11);
    "who writes code gets SIGSEGV", [], code(&[c"write-code"]) => value(128 + 11);
    "who writes relocated data too", [], code(&[c"write-relocated"]) => value(128 + 11);
    "who runs the stack too", [], code(&[c"run-stack"]) => value(128 + 11);
    "ended well", [Status::success], ends(&[c"exit", c"0"]).map(Status::success) => YES;
    "and not", [Status::success], ends(&[c"exit", c"1"]).map(Status::success) => NO;
    "arguments as they were", [Command::new, Lists::new, Lists::push, Lists::end, Lists::get], prints(&[c"words", c"", c"two words", c"\x1b\xff"], b".two words.\x1b\xff.") => YES;
    "no room in a list", [Lists::push], Lists::new(1, 0).and_then(|mut lists| { lists.push(c"x")?; lists.push(c"y") }) => error(Errno::ENOMEM);
    "the environment of the parent", [Command::new], code(&[c"environment"]).map(|count| count == start().environ().iter().count() as u8) => YES;
    "no such program", [Command::spawn, Failed::errno], run(c"/nothing", false).map_err(Failed::errno) => error(Errno::ENOENT);
    "no such program anywhere", [Command::search, Failed::status], run(c"nothing-is-called-so", true).map_err(Failed::status).err().map_or(0, i64::from) => value(127);
    "no program", [Failed::status], run(c"/proc/self/maps", false).map_err(Failed::status).err().map_or(0, i64::from) => value(126);
    "where a program is looked for", [search], searched() => value(2);
    "an error ends the search", [search], searched_until() => error(Errno::ENOEXEC);
    "a program in our place", [Command::exec], code(&[c"exec"]) => value(55);
    "no program in our place", [Command::exec], code(&[c"exec", c"nothing-is-called-so"]) => value(127);
    "a descriptor at a number", [Command::files], placed() => value(1);
    "too many of them", [Command::files], too_many() => error(Errno::EINVAL);
    "a number that can't be one", [Command::files], placed_at(i32::MAX).or(placed_at(-1)).map(drop) => error(Errno::EBADF);
    "a descriptor that stays open", [Command::spawn], inherited(|command| command) => value(1);
    "no others", [Command::no_others], inherited(|command| command.no_others()) => value(0), cannot EPERM;
    "begins with signals blocked", [Command::mask], begins(&[c"blocked"], |command| command.mask(SignalSet::of(&[SIGUSR1]))) => value(1);
    "begins with none blocked", [Command::mask], begins(&[c"blocked"], |command| command.mask(SignalSet::NONE)) => value(128 + 10);
    "what we ignore is ignored in it", [Command::spawn], ignoring(|command| command) => value(1);
    "or is not, as asked", [Command::defaults], ignoring(|command| command.defaults(SignalSet::of(&[SIGUSR2]))) => value(0);
    "a group of its own", [Command::group, kill_group], in_a_group(|command| command.group(0)) => value(128 + 15);
    "a group that there is not", [Command::group], spawn(&[c"exit", c"0"], &[], |command| command.group(0x3fff_ffff)).map(drop) => error(Errno::EPERM);
    "a session of its own", [Command::session, kill_group], in_a_group(|command| command.session()) => value(128 + 15);
    "nobody's number for a program", [Command::user], spawn(&[c"exit", c"0"], &[], |command| command.user(0, u32::MAX, &[])).map(drop) => error(Errno::EINVAL);
    "a program of another user", [Command::user], as_another() => value(9), cannot EPERM | EINVAL;
    "the group of this process", [group_of], group_of(getpid()) == Ok(group()) => YES;
    "the group of no process", [group_of], gone_pid().and_then(group_of).map(drop) => error(Errno::ESRCH);
    "our own group", [group], group().as_raw() >= 0 => YES;
    "a file is no terminal", [set_foreground], give() => error(Errno::ENOTTY);
    "nobody has it for one", [foreground], crate::fd::open().and_then(|file| foreground(file.as_fd())).map(drop) => error(Errno::ENOTTY);
    "no terminal to be given", [Command::foreground], without_a_terminal() => error(Errno::ENOTTY);
    "a socket of a manager", [Command::sockets], handed_on() => value(1);
    "sockets that there are not", [Command::sockets], spawn(&[c"exit", c"0"], &[], |command| command.sockets(60_000)).map(drop) => error(Errno::EBADF);
    "no group is called so", [kill_group], without_a_group() => error(Errno::ESRCH);
    "ended by a signal", [Child::kill, Child::pid], waiting(|child| child.kill(SIGTERM)) => value(128 + 15);
    "ended by one that nobody handles", [kill, Pid::as_raw], waiting(|child| if child.pid().as_raw() > 1 { kill(child.pid(), SIGKILL) } else { Err(Errno::EIO) }) => value(128 + 9);
    "no such signal", [kill], waiting(|child| if kill(child.pid(), 65) == Err(Errno::EINVAL) { child.kill(SIGTERM) } else { Err(Errno::EIO) }) => value(128 + 15);
    "who was waited for is gone", [kill], gone() => error(Errno::ESRCH);
    "a signal to all: none, only asked", [kill_all], matches!(kill_all(0), Ok(()) | Err(Errno::ESRCH)) => YES;
    "no children to wait for", [any], any().map(drop) => error(Errno::ECHILD);
    "a child that has not ended", [any], not_yet() => value(128 + 15);
    "ends and signals in turn", [Watch::new, Watch::next], watched() => value(4);
    "nothing until then", [Watch::next], late() => YES;
    "a child that is stopped", [Watch::next], stopped() => value(20);
    "its descriptor is closed at execve", [Pidfd::open], Pidfd::open(getpid()).and_then(|process| crate::fd::closes_at_exec(process.as_fd())) => YES;
    "an orphan comes to who adopts", [adopt_orphans], adopted(c"orphan") => value(0), cannot EINVAL;
    "a signal at the parent's end", [signal_at_parents_end], adopted(c"bereaved") => value(128 + 10), cannot EINVAL;
    "no signal for that", [signal_at_parents_end], signal_at_parents_end(65) => error(Errno::EINVAL);
    "a process by a descriptor", [Pidfd::of, Pidfd::as_fd, Pidfd::kill, Pidfd::wait], by_descriptor() => value(128 + 15);
    "and of one that is gone", [Pidfd::open], gone_pid().and_then(Pidfd::open).map(drop) => error(Errno::ESRCH);
}

fn run(file: &CStr, search: bool) -> Result<(), Failed> {
    let mut lists = Lists::new(1, 1).map_err(Failed::Spawn)?;
    lists.push(c"x").map_err(Failed::Spawn)?;
    let list = lists.end().map_err(Failed::Spawn)?;
    let command = Command::new(file, lists.get(list), Strings::NONE);
    if search { command.search() } else { command }
        .spawn()
        .map(drop)
}

/// How many paths the search tries.
fn searched() -> usize {
    let mut tried = 0;
    search(b"name", b"/a:/b", &mut Room::uninit(), |_| {
        tried += 1;
        Errno::ENOENT
    });
    tried
}

fn searched_until() -> Result<(), Errno> {
    Err(search(b"name", b"/a:/b", &mut Room::uninit(), |_| {
        Errno::ENOEXEC
    }))
}

/// Whether the child ends by the signal itself, not with the exit status that a shell reports for it.
fn aborted(how: &CStr) -> Result<bool, Errno> {
    Ok(ends(&[how])? == Status::Killed(6))
}

/// Whether the thread's name is the name in `/proc`.
fn named() -> Result<bool, Errno> {
    let mut text = [0; 16];
    let file = ring3::fs::open(CWD, c"/proc/thread-self/comm", O_RDONLY | O_CLOEXEC, 0)?;
    let length = read(file.as_fd(), &mut text)?;
    Ok(text[..length].strip_suffix(b"\n") == Some(thread_name(&mut [0xff; 16])))
}

fn lowered() -> Result<u64, Errno> {
    let before = limit(RLIMIT_NOFILE)?;
    let rlim_cur = 100;
    set_limit(RLIMIT_NOFILE, Rlimit { rlim_cur, ..before })?;
    let lowered = limit(RLIMIT_NOFILE)?;
    set_limit(RLIMIT_NOFILE, before)?;
    if lowered.rlim_max != before.rlim_max || limit(RLIMIT_NOFILE)?.rlim_cur != before.rlim_cur {
        return Err(Errno::EIO);
    }
    Ok(lowered.rlim_cur)
}

fn begins(words: &[&CStr], more: impl FnOnce(Command<'_>) -> Command<'_>) -> Result<u8, Errno> {
    Ok(spawn(words, &[], more)?.wait()?.status.code())
}

fn placed() -> Result<u8, Errno> {
    let file = crate::fd::open()?;
    let child = spawn(&[c"descriptor", c"77"], &[(file.as_fd(), 77)], |command| {
        command
    })?;
    Ok(child.wait()?.status.code())
}

fn placed_at(number: i32) -> Result<Child, Errno> {
    let file = crate::fd::open()?;
    spawn(&[c"exit", c"0"], &[(file.as_fd(), number)], |command| {
        command
    })
}

/// A number above those of all resources.
const NO_RESOURCE: u32 = 1000;

fn too_many() -> Result<(), Errno> {
    let file = crate::fd::open()?;
    let files = [(file.as_fd(), 50); Command::FILES];
    spawn(&[c"exit", c"0"], &files, |command| command).map(drop)
}

/// Whether a child inherits a descriptor without close-on-exec.
fn inherited(more: impl FnOnce(Command<'_>) -> Command<'_>) -> Result<u8, Errno> {
    let file = ring3::fs::open(CWD, c"/dev/null", O_RDONLY, 0)?;
    let mut number = *b"0\0";
    number[0] += u8::try_from(file.as_fd().as_raw()).map_err(|_| Errno::EMFILE)?;
    let number = CStr::from_bytes_with_nul(&number).map_err(|_| Errno::EINVAL)?;
    begins(&[c"descriptor", number], more)
}

/// The program runs as another user, and this process does not.
fn as_another() -> Result<u8, Errno> {
    let before = getuid();
    let code = begins(&[c"exit", c"9"], |command| {
        command.user(65_533, 65_534, &[1])
    })?;
    if getuid() == before {
        Ok(code)
    } else {
        Err(Errno::EIO)
    }
}

fn ignoring(more: impl FnOnce(Command<'_>) -> Command<'_>) -> Result<u8, Errno> {
    ignore(SIGUSR2)?;
    let result = begins(&[c"ignored"], more);
    set_default(SIGUSR2)?;
    result
}

/// A ready child that waits, and the pipe that ends its wait.
fn waits(more: impl FnOnce(Command<'_>) -> Command<'_>) -> Result<(Child, Pipe), Errno> {
    let (input, output) = (Pipe::new(O_CLOEXEC)?, Pipe::new(O_CLOEXEC)?);
    let files = [(input.read.as_fd(), 0), (output.write.as_fd(), 1)];
    let child = spawn(&[c"wait"], &files, more)?;
    read(output.read.as_fd(), &mut [0])?;
    Ok((child, input))
}

fn waiting(work: impl FnOnce(&Child) -> Result<(), Errno>) -> Result<u8, Errno> {
    let (child, _input) = waits(|command| command)?;
    work(&child)?;
    Ok(child.wait()?.status.code())
}

fn in_a_group(more: impl FnOnce(Command<'_>) -> Command<'_>) -> Result<u8, Errno> {
    let (child, _input) = waits(more)?;
    kill_group(child.pid(), SIGTERM)?;
    Ok(child.wait()?.status.code())
}

fn give() -> Result<(), Errno> {
    let file = crate::fd::open()?;
    let child = spawn(&[c"exit", c"0"], &[], |command| command)?;
    let pid = child.pid();
    child.wait()?;
    set_foreground(file.as_fd(), pid)
}

fn without_a_terminal() -> Result<(), Errno> {
    let file = crate::fd::open()?;
    let command = Command::new(c"/nothing", Strings::NONE, Strings::NONE);
    let started = command.foreground(file.as_fd()).spawn();
    started.map(drop).map_err(Failed::errno)
}

/// Whether a child finds its own process id in `LISTEN_PID`.
fn handed_on() -> Result<u8, Errno> {
    let file = crate::fd::open()?;
    let files = [(file.as_fd(), 3)];
    let child = spawn(&[c"named"], &files, |command| command.sockets(1))?;
    Ok(child.wait()?.status.code())
}

fn without_a_group() -> Result<(), Errno> {
    let (child, _input) = waits(|command| command)?; // the child is in the group of this process
    let result = kill_group(child.pid(), 0);
    child.kill(SIGTERM)?;
    child.wait()?;
    result
}

fn gone_pid() -> Result<Pid, Errno> {
    let child = spawn(&[c"exit", c"0"], &[], |command| command)?;
    Ok(child.wait()?.pid)
}

fn gone() -> Result<(), Errno> {
    kill(gone_pid()?, 0)
}

fn not_yet() -> Result<u8, Errno> {
    let (child, _input) = waits(|command| command)?;
    if any()?.is_some() {
        return Err(Errno::EIO);
    }
    child.kill(SIGTERM)?;
    Ok(child.wait()?.status.code())
}

/// How many of four events the watch reports, in a possible order.
fn watched() -> Result<usize, Errno> {
    let _held = ring3::signal::hold(SignalSet::NONE)?;
    let watch = Watch::new(SignalSet::of(&[SIGUSR1]))?;
    let (child, input) = waits(|command| command)?;
    crate::signal::raise(SIGUSR1);
    let mut received = 0;
    received += usize::from(
        matches!(watch.next(Deadline::NEVER), Event::Signal(signal) if signal.signal == SIGUSR1),
    );
    drop(input);
    received += usize::from(
        matches!(watch.next(Deadline::NEVER), Event::Ended(ended) if ended.pid == child.pid() && ended.status.success()),
    );
    received += usize::from(watch.next(Deadline::NEVER) == Event::Alone);
    received += usize::from(any().map(drop) == Err(Errno::ECHILD));
    Ok(received)
}

fn late() -> Result<bool, Errno> {
    let _held = ring3::signal::hold(SignalSet::NONE)?;
    let watch = Watch::new(SignalSet::NONE)?;
    let (child, _input) = waits(|command| command)?;
    let until = Deadline::after(SECOND / 50);
    let received = watch.next(until);
    let over = until.has_passed(monotonic());
    child.kill(SIGTERM)?;
    child.wait()?;
    Ok(received == Event::Late && over)
}

/// The signal that stopped a child. Afterwards the child is resumed and ends.
fn stopped() -> Result<i32, Errno> {
    let _held = ring3::signal::hold(SignalSet::NONE)?;
    let watch = Watch::new(SignalSet::NONE)?;
    // The kernel ignores SIGTSTP in an orphaned process group. The child's group is not orphaned, because its parent is
    // in the same session.
    let (child, input) = waits(|command| command.group(0))?;
    child.kill(SIGTSTP)?;
    let Event::Stopped(pid, signal) = watch.next(Deadline::after(10 * SECOND)) else {
        return Err(Errno::ETIMEDOUT);
    };
    if pid != child.pid() || any()?.is_some() {
        return Err(Errno::EIO);
    }
    drop(input);
    child.kill(SIGCONT)?;
    match watch.next(Deadline::after(10 * SECOND)) {
        Event::Ended(ended) if ended.pid == pid && ended.status.success() => Ok(signal),
        _ => Err(Errno::ECHILD),
    }
}

/// The exit status of an orphan that this process adopts.
fn adopted(what: &CStr) -> Result<u8, Errno> {
    adopt_orphans()?;
    let _held = ring3::signal::hold(SignalSet::NONE)?;
    let watch = Watch::new(SignalSet::NONE)?;
    let input = Pipe::new(O_CLOEXEC)?;
    let child = spawn(&[what], &[(input.read.as_fd(), 0)], |command| command)?;
    let mut input = Some(input.write);
    let mut code = None;
    loop {
        match watch.next(Deadline::after(20 * SECOND)) {
            Event::Ended(ended) if ended.pid == child.pid() => {
                if !ended.status.success() {
                    return Err(Errno::EIO);
                }
                if what == c"orphan" {
                    input = None; // closes the pipe, which ends the orphan's wait
                }
            }
            Event::Ended(ended) => code = Some(ended.status.code()),
            Event::Alone => {
                drop(input);
                return code.ok_or(Errno::ECHILD);
            }
            Event::Late => return Err(Errno::ETIMEDOUT),
            Event::Refused(_, errno) => return Err(errno),
            Event::Stopped(..) | Event::Signal(_) => {}
        }
    }
}

fn by_descriptor() -> Result<u8, Errno> {
    let (child, _input) = waits(|command| command)?;
    let process = Pidfd::of(&child)?;
    let epoll = ring3::poll::Epoll::new()?;
    epoll.add(process.as_fd(), ring3::poll::EPOLLIN, 0)?;
    process.kill(SIGTERM)?;
    epoll.wait(&mut [ring3::poll::EpollEvent::ZERO], None)?;
    process.wait().map(Status::code)
}

/// Whether the thread that runs `id` is gone some time after its end. (The kernel wakes the joining thread earlier.)
fn has_ended(id: fn() -> Pid) -> Result<bool, Errno> {
    let ended = ring3::thread::spawn(id)?.join();
    let until = Deadline::after(5 * SECOND);
    while thread_exists(ended) {
        if until.has_passed(monotonic()) {
            return Ok(false);
        }
    }
    Ok(true)
}
