//! Starts processes, handles signals and passes descriptors. The argument selects the check. A failed assertion ends
//! the program by a panic.

#![no_std]
#![no_main]

use core::ffi::CStr;
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicBool, AtomicU32};
use core::time::Duration;

use ring3::Errno;
use ring3::abi::poll::EpollEvent;
use ring3::env::Start;
use ring3::env::Strings;
use ring3::fd::{BorrowedFd, OwnedFd, STDIN, STDOUT};
use ring3::io;
use ring3::net::{SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_SEQPACKET, SOCK_STREAM, unix};
use ring3::pipe::{O_CLOEXEC, O_NONBLOCK, Pipe};
use ring3::poll::{EPOLLIN, Epoll};
use ring3::process::{self, Command, Event, Failed, Lists, Pidfd, Status, Watch};
use ring3::rt::Exit;
use ring3::signal::{
    self, Action, SIGCHLD, SIGHUP, SIGKILL, SIGPIPE, SIGTERM, SIGUSR1, SIGUSR2, SignalSet,
};
use ring3::thread::{self, Builder, JoinHandle};
use ring3::time::{Deadline, SECOND, monotonic};

ring3::program!("process", main);

fn main(start: Start) -> Result<(), Exit> {
    let mut args = start.args().skip(1);
    let environ = start.environ();
    let mut argument = || args.next().unwrap_or_default();
    match argument().to_bytes() {
        b"statuses" => statuses(environ),
        b"errors" => errors(environ),
        b"files" => files(environ),
        b"storm" => storm(environ, argument()),
        b"many" => many(environ, argument()),
        b"threads" => threads(),
        b"masks" => masks(environ, argument()),
        b"groups" => groups(environ, argument()),
        b"others" => others(environ),
        b"watch" => watch(environ),
        b"pidfd" => pidfd(environ),
        b"handlers" => handlers(),
        b"waits" => waits(),
        b"restored" => restored(),
        b"unix" => unix_pairs(),
        b"crowded" => crowded(),
        b"size" => size(),
        _ => return Err(Exit(2)),
    }
    Ok(())
}

/// The word list of one command line.
struct Line(Lists<'static>);

impl Line {
    fn new(words: &[&'static CStr]) -> Self {
        let mut lists = Lists::new(words.len(), 1).unwrap();
        for word in words {
            lists.push(word).unwrap();
        }
        lists.end().unwrap();
        Self(lists)
    }

    fn command<'a>(&'a self, environ: Strings<'a>) -> Command<'a> {
        let words = self.0.get(0);
        Command::new(words.iter().next().unwrap(), words, environ).search()
    }
}

fn shell(script: &'static CStr) -> Line {
    Line::new(&[c"sh", c"-c", script])
}

/// The number that the next descriptor gets. If the number grows, a descriptor was not closed.
fn next_fd() -> i32 {
    Epoll::new().unwrap().as_fd().as_raw()
}

fn no_child_is_left() {
    assert_eq!(process::any(), Err(Errno::ECHILD));
}

fn statuses(environ: Strings<'_>) {
    let next = next_fd();
    for (script, status) in [
        (c"exit 0", Status::Exited(0)),
        (c"exit 3", Status::Exited(3)),
        (c"exit 255", Status::Exited(255)),
        (c"kill -1 $$", Status::Killed(1)),
        (c"kill -9 $$", Status::Killed(9)),
        (c"kill -15 $$", Status::Killed(15)),
        // The program itself exits with 127; spawn has not failed.
        (c"exit 127", Status::Exited(127)),
    ] {
        let line = shell(script);
        let child = line.command(environ).spawn().unwrap();
        let pid = child.pid();
        let ended = child.wait().unwrap();
        assert_eq!((ended.pid, ended.status), (pid, status), "{script:?}");
        assert!(ended.usage.peak > 0);
    }
    let busy = shell(c"i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done");
    let usage = busy.command(environ).spawn().unwrap().wait().unwrap().usage;
    assert!(usage.user + usage.system > Duration::from_millis(1));
    no_child_is_left();
    assert_eq!(next_fd(), next);
}

/// Needs two files in the current folder: `text` is executable but not a program, and `plain` is not executable.
fn errors(environ: Strings<'_>) {
    let next = next_fd();
    let failed = |words: &[&'static CStr]| Line::new(words).command(environ).spawn().err();
    let exec = |errno| Some(Failed::Exec(errno));
    assert_eq!(failed(&[c"/nonexistent"]), exec(Errno::ENOENT));
    assert_eq!(failed(&[c"nonexistent-anywhere"]), exec(Errno::ENOENT));
    assert_eq!(failed(&[c""]), exec(Errno::ENOENT));
    assert_eq!(failed(&[c"/dev/null/x"]), exec(Errno::ENOTDIR));
    assert_eq!(failed(&[c"/"]), exec(Errno::EACCES));
    assert_eq!(failed(&[c"./plain"]), exec(Errno::EACCES));
    assert_eq!(failed(&[c"./text"]), exec(Errno::ENOEXEC));
    // A string may have at most 128 KiB including its terminating zero (execve(2)).
    static LONG: [u8; 200_001] = {
        let mut bytes = [b'x'; 200_001];
        bytes[200_000] = 0;
        bytes
    };
    let long = CStr::from_bytes_with_nul(&LONG).unwrap();
    assert_eq!(failed(&[c"true", long]), exec(Errno::E2BIG));
    let line = Line::new(&[c"true"]);
    let command = line.command(environ);
    let spawn = |errno| Some(Failed::Spawn(errno));
    let many = [(STDIN, 20); Command::FILES + 1];
    assert_eq!(command.files(&many).spawn().err(), spawn(Errno::EINVAL));
    // A process cannot join a process group of another session.
    assert_eq!(command.group(1).spawn().err(), spawn(Errno::EPERM));
    let statuses = [Errno::ENOENT, Errno::EACCES, Errno::ENOEXEC].map(|errno| {
        assert_eq!(Failed::Spawn(errno).status(), 1);
        Failed::Exec(errno).status()
    });
    assert_eq!(statuses, [127, 126, 126]);
    no_child_is_left();
    assert_eq!(next_fd(), next);
}

/// The reading end of a pipe with `text` in it; after the text comes EOF.
fn holding(text: &str) -> OwnedFd {
    let pipe = Pipe::new(O_CLOEXEC).unwrap();
    io::write_all(pipe.write.as_fd(), text.as_bytes()).unwrap();
    pipe.read
}

/// Runs a program with the descriptors `files`, and returns how many bytes it wrote to standard output (at most 4 KiB,
/// in `to`). The program must exit with 0.
fn output(command: Command<'_>, files: &[(BorrowedFd<'_>, i32)], to: &mut [u8]) -> usize {
    let pipe = Pipe::new(O_CLOEXEC).unwrap();
    let mut all = [(pipe.write.as_fd(), 1); 8];
    all[1..=files.len()].copy_from_slice(files);
    let child = command.files(&all[..=files.len()]).spawn().unwrap();
    drop(pipe.write);
    let mut used = 0;
    loop {
        match io::read(pipe.read.as_fd(), &mut to[used..]).unwrap() {
            0 => break,
            count => used += count,
        }
    }
    assert_eq!(child.wait().unwrap().status, Status::Exited(0));
    used
}

/// Descriptors whose target numbers are in use by other descriptors.
fn files(environ: Strings<'_>) {
    let next = next_fd();
    let raw = |fd: &OwnedFd| fd.as_fd().as_raw();
    let printed = |files: &[(&OwnedFd, i32)], text: &str| {
        let mut line = Lists::new(4, 1).unwrap();
        line.push(c"cat").unwrap();
        let mut placed = [(STDIN, 0); 3];
        for (place, &(fd, to)) in placed.iter_mut().zip(files) {
            *place = (fd.as_fd(), to);
            line.push(PATHS[to as usize]).unwrap();
        }
        line.end().unwrap();
        let command = Command::new(c"cat", line.get(0), environ).search();
        let mut bytes = [0; 100];
        let used = output(command, &placed[..files.len()], &mut bytes);
        assert_eq!(&bytes[..used], text.as_bytes());
    };
    {
        // Targets at the numbers of spawn's own pipe: the two numbers after the pipe of `output`. If children share the
        // memory of the parent, only the first spawn has a pipe, so this check is first.
        let (one, two) = (holding("1"), holding("2"));
        let own = next_fd() + 2;
        printed(&[(&one, own), (&two, own + 1)], "12");
    }
    {
        // A cycle: the target of each descriptor is the number of the next descriptor.
        let (one, two, three) = (holding("one"), holding("two"), holding("three"));
        let circle = [(&one, raw(&two)), (&two, raw(&three)), (&three, raw(&one))];
        printed(&circle, "onetwothree");
    }
    // Every assignment of three descriptors to these targets: standard input, each other's numbers, their own number,
    // and a number beyond a gap.
    for order in 0..5 * 5 * 5 {
        let (one, two, three) = (holding("one"), holding("two"), holding("three"));
        let places = [0, raw(&one), raw(&two), raw(&three), 13];
        let [a, b, c] = [order % 5, order / 5 % 5, order / 25].map(|place| places[place]);
        if a != b && b != c && c != a {
            printed(&[(&one, a), (&two, b), (&three, c)], "onetwothree");
        }
    }
    {
        // The copies that break the cycle are closed: 3 standard descriptors, 3 targets, and the folder that `ls` reads
        // are open.
        let (one, two, three) = (holding("one"), holding("two"), holding("three"));
        let circle = [(&one, raw(&two)), (&two, raw(&three)), (&three, raw(&one))];
        let circle = circle.map(|(fd, to)| (fd.as_fd(), to));
        let line = Line::new(&[c"ls", c"/proc/self/fd"]);
        let mut bytes = [0; 100];
        let used = output(line.command(environ), &circle, &mut bytes);
        let lines = bytes[..used].iter().filter(|&&byte| byte == b'\n');
        assert_eq!(
            lines.count(),
            7,
            "{:?}",
            core::str::from_utf8(&bytes[..used])
        );
    }
    {
        // A descriptor that keeps its number, and a descriptor with two targets.
        let (one, two) = (holding("one"), holding("two"));
        printed(&[(&one, raw(&one)), (&two, 14), (&two, 0)], "onetwo");
    }
    assert_eq!(next_fd(), next);
    no_child_is_left();
}

const PATHS: [&CStr; 16] = [
    c"/proc/self/fd/0",
    c"/proc/self/fd/1",
    c"/proc/self/fd/2",
    c"/proc/self/fd/3",
    c"/proc/self/fd/4",
    c"/proc/self/fd/5",
    c"/proc/self/fd/6",
    c"/proc/self/fd/7",
    c"/proc/self/fd/8",
    c"/proc/self/fd/9",
    c"/proc/self/fd/10",
    c"/proc/self/fd/11",
    c"/proc/self/fd/12",
    c"/proc/self/fd/13",
    c"/proc/self/fd/14",
    c"/proc/self/fd/15",
];

fn number(text: &CStr) -> usize {
    text.to_str().unwrap().parse().unwrap()
}

/// Starts `count` programs while another thread sends signals to this process group. No handler may run in a child: the
/// child shares this memory until execve(2).
fn storm(environ: Strings<'_>, count: &CStr) {
    static OWN: AtomicU32 = AtomicU32::new(0);
    static HERE: AtomicU32 = AtomicU32::new(0);
    static ELSEWHERE: AtomicU32 = AtomicU32::new(0);
    static OVER: AtomicBool = AtomicBool::new(false);
    extern "C" fn note(_: i32) {
        let here = process::getpid().as_raw().unsigned_abs() == OWN.load(Relaxed);
        if here { &HERE } else { &ELSEWHERE }.fetch_add(1, Relaxed);
    }
    OWN.store(process::getpid().as_raw().unsigned_abs(), Relaxed);
    let set = SignalSet::of(&[SIGUSR1]);
    // SAFETY: the handler is async-signal-safe: it makes one system call and adds to an atomic.
    unsafe { signal::handle(SIGUSR1, note) }.unwrap();
    let sender = thread::spawn(move || {
        signal::block(set).unwrap();
        while !OVER.load(Relaxed) {
            process::kill_group(process::group(), SIGUSR1).unwrap();
        }
    });
    let line = Line::new(&[c"/bin/true"]);
    for _ in 0..number(count) {
        let child = line.command(environ).mask(set).spawn().unwrap();
        assert_eq!(child.wait().unwrap().status, Status::Exited(0));
    }
    OVER.store(true, Relaxed);
    sender.unwrap().join();
    assert!(HERE.load(Relaxed) > 0);
    assert_eq!(ELSEWHERE.load(Relaxed), 0);
}

/// Starts `count` pipelines of two programs, and as many programs that cannot start.
fn many(environ: Strings<'_>, count: &CStr) {
    let next = next_fd();
    let good = Line::new(&[c"/bin/true"]);
    let bad = Line::new(&[c"/nonexistent"]);
    for _ in 0..number(count) {
        let pipe = Pipe::new(O_CLOEXEC).unwrap();
        let left = [(pipe.write.as_fd(), 1)];
        let left = good.command(environ).files(&left).spawn().unwrap();
        let right = [(pipe.read.as_fd(), 0)];
        let right = good.command(environ).files(&right).spawn().unwrap();
        assert!(bad.command(environ).spawn().is_err());
        assert!(left.wait().unwrap().status.success());
        assert!(right.wait().unwrap().status.success());
    }
    no_child_is_left();
    assert_eq!(next_fd(), next);
}

/// Several threads start processes at the same time, and each thread gets the exit status of its own children.
fn threads() {
    let next = next_fd();
    let threads = [1, 2, 3, 4].map(|n: u8| {
        let work = move || {
            let script = [c"exit 1", c"exit 2", c"exit 3", c"exit 4"][usize::from(n) - 1];
            let line = Line::new(&[c"/bin/sh", c"-c", script]);
            for _ in 0..25 {
                let child = line.command(Strings::NONE).spawn().unwrap();
                assert_eq!(child.wait().unwrap().status, Status::Exited(n));
            }
        };
        // A stack that is just large enough for spawn.
        Builder::new().stack_size(48 << 10).spawn(work).unwrap()
    });
    for thread in threads {
        thread.join();
    }
    no_child_is_left();
    assert_eq!(next_fd(), next);
}

/// Prints the signal mask and the signal actions of a new program: `plain`, `defaults`, `mask`.
fn masks(environ: Strings<'_>, how: &CStr) {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    signal::ignore(SIGHUP).unwrap();
    signal::on(SIGPIPE, &COUNT).unwrap();
    signal::ignore(SIGPIPE).unwrap(); // was handled before, and now no more
    signal::on(SIGUSR1, &COUNT).unwrap();
    signal::block(SignalSet::of(&[SIGUSR1, SIGTERM])).unwrap();
    let line = Line::new(&[c"grep", c"-E", c"^Sig(Blk|Ign|Cgt)", c"/proc/self/status"]);
    let command = match how.to_bytes() {
        b"plain" => line.command(environ),
        b"defaults" => line.command(environ).defaults(SignalSet::ALL),
        _ => line.command(environ).mask(SignalSet::of(&[SIGUSR2])),
    };
    assert!(command.spawn().unwrap().wait().unwrap().status.success());
    assert_eq!(COUNT.load(Relaxed), 0);
    assert_eq!(signal::action(SIGHUP), Ok(Action::Ignored));
    assert_eq!(signal::action(SIGUSR1), Ok(Action::Handled));
}

/// Prints process id, group and session: of this process, then of a new program.
fn groups(environ: Strings<'_>, how: &CStr) {
    let line = Line::new(&[c"cut", c"-d", c" ", c"-f", c"1,5,6", c"/proc/self/stat"]);
    let command = match how.to_bytes() {
        b"own" => line.command(environ).group(0),
        b"session" => line.command(environ).session(),
        _ => line.command(environ),
    };
    assert!(command.spawn().unwrap().wait().unwrap().status.success());
}

/// Prints the open descriptors of a new program. This process has descriptor 9 from its parent, and passes 8.
fn others(environ: Strings<'_>) {
    let line = Line::new(&[c"ls", c"/proc/self/fd"]);
    let command = line.command(environ).files(&[(STDIN, 8)]).no_others();
    assert!(command.spawn().unwrap().wait().unwrap().status.success());
}

fn watch(environ: Strings<'_>) {
    signal::ignore(SIGCHLD).unwrap(); // as a parent may have done before execve
    let watch = Watch::new(SignalSet::of(&[SIGUSR1, SIGUSR2])).unwrap();
    assert_eq!(watch.next(Deadline::NEVER), Event::Alone);
    let line = shell(c"kill -USR1 $PPID; kill -USR2 $PPID; exit 5");
    let child = line.command(environ).spawn().unwrap();
    let (mut signals, mut ends) = ([false; 2], 0);
    loop {
        match watch.next(Deadline::after(60 * SECOND)) {
            Event::Signal(received) => {
                assert!(!received.is_kernels());
                signals[usize::from(received.signal == SIGUSR2)] = true;
            }
            Event::Ended(ended) => {
                assert_eq!((ended.pid, ended.status), (child.pid(), Status::Exited(5)));
                ends += 1;
            }
            Event::Alone if signals == [true; 2] => break,
            Event::Alone => {
                // All children have ended, and blocked signals may still be pending.
                let set = SignalSet::of(&[SIGUSR1, SIGUSR2]);
                let received = signal::wait(set, Some(Duration::ZERO)).unwrap();
                signals[usize::from(received.signal == SIGUSR2)] = true;
            }
            Event::Late | Event::Stopped(..) | Event::Refused(..) => {
                panic!("an unexpected event")
            }
        }
    }
    assert_eq!(ends, 1);
    // No event: the deadline passes.
    let sleeper = Line::new(&[c"sleep", c"100"])
        .command(environ)
        .spawn()
        .unwrap();
    let until = Deadline::after(SECOND / 20);
    assert_eq!(watch.next(until), Event::Late);
    assert!(until.has_passed(monotonic()));
    sleeper.kill(SIGKILL).unwrap();
    match watch.next(Deadline::NEVER) {
        Event::Ended(ended) => assert_eq!(ended.status, Status::Killed(9)),
        event => panic!("{event:?}"),
    }
    // Every one of many children that end at the same time is reported.
    let line = Line::new(&[c"true"]);
    for _ in 0..20 {
        line.command(environ).spawn().unwrap();
    }
    for _ in 0..20 {
        assert!(
            matches!(watch.next(Deadline::NEVER), Event::Ended(ended) if ended.status.success())
        );
    }
    assert_eq!(watch.next(Deadline::NEVER), Event::Alone);
}

fn pidfd(environ: Strings<'_>) {
    let next = next_fd();
    let line = shell(c"read line; exit 7");
    let pipe = Pipe::new(O_CLOEXEC).unwrap();
    let files = [(pipe.read.as_fd(), 0)];
    let child = line.command(environ).files(&files).spawn().unwrap();
    let pidfd = Pidfd::of(&child).unwrap();
    let epoll = Epoll::new().unwrap();
    epoll.add(pidfd.as_fd(), EPOLLIN, 1).unwrap();
    let mut events = [EpollEvent::ZERO; 1];
    let soon = Some(Duration::from_millis(20));
    assert!(epoll.wait(&mut events, soon).unwrap().is_empty());
    pidfd.kill(0).unwrap();
    io::write_all(pipe.write.as_fd(), b"\n").unwrap();
    let late = Some(Duration::from_secs(60));
    assert_eq!(epoll.wait(&mut events, late).unwrap().len(), 1);
    assert_eq!(pidfd.wait(), Ok(Status::Exited(7)));
    assert_eq!(pidfd.wait(), Err(Errno::ECHILD));
    assert_eq!(pidfd.kill(SIGTERM), Err(Errno::ESRCH));
    assert_eq!(child.wait(), Err(Errno::ECHILD));
    let child = Line::new(&[c"sleep", c"100"])
        .command(environ)
        .spawn()
        .unwrap();
    let other = Pidfd::of(&child).unwrap();
    other.kill(SIGKILL).unwrap();
    assert_eq!(other.wait(), Ok(Status::Killed(9)));
    drop((pidfd, other, epoll, pipe));
    no_child_is_left();
    assert_eq!(next_fd(), next);
}

/// Sends a signal to this process.
fn raise(signal: i32) {
    process::kill(process::getpid(), signal).unwrap();
}

fn handlers() {
    static USR1: AtomicU32 = AtomicU32::new(0);
    static USR2: AtomicU32 = AtomicU32::new(0);
    static LAST: AtomicU32 = AtomicU32::new(0);
    extern "C" fn last(signal: i32) {
        LAST.store(signal.unsigned_abs(), Relaxed);
    }
    assert_eq!(signal::action(SIGUSR1), Ok(Action::Default));
    signal::on(SIGUSR1, &USR1).unwrap();
    signal::on(SIGUSR2, &USR2).unwrap();
    for _ in 0..3 {
        raise(SIGUSR1);
    }
    raise(SIGUSR2);
    assert_eq!((USR1.load(Relaxed), USR2.load(Relaxed)), (3, 1));
    // A blocked signal is delivered when it is unblocked.
    signal::block(SignalSet::of(&[SIGUSR1])).unwrap();
    raise(SIGUSR1);
    assert_eq!(USR1.load(Relaxed), 3);
    signal::unblock(SignalSet::of(&[SIGUSR1])).unwrap();
    assert_eq!(USR1.load(Relaxed), 4);
    // SAFETY: the handler is async-signal-safe: it stores a number in an atomic.
    unsafe { signal::handle(SIGTERM, last) }.unwrap();
    raise(SIGTERM);
    assert_eq!(LAST.load(Relaxed), SIGTERM.unsigned_abs());
    signal::ignore(SIGTERM).unwrap();
    raise(SIGTERM);
    assert_eq!(signal::action(SIGTERM), Ok(Action::Ignored));
    signal::set_defaults(SignalSet::ALL);
    for signal in [SIGTERM, SIGUSR1, SIGUSR2] {
        assert_eq!(signal::action(signal), Ok(Action::Default));
    }
    for (wrong, unsafe_too) in [(SIGKILL, true), (0, false), (65, false), (-1, false)] {
        assert_eq!(signal::on(wrong, &USR1), Err(Errno::EINVAL), "{wrong}");
        assert_eq!(signal::ignore(wrong), Err(Errno::EINVAL));
        assert_eq!(signal::action(wrong).is_ok(), unsafe_too);
    }
}

/// Calls that wait return `EINTR` when a handler has run.
fn waits() {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    static RECEIVED: AtomicU32 = AtomicU32::new(0);
    signal::on(SIGUSR1, &COUNT).unwrap();
    let nothing = SignalSet::of(&[SIGUSR2]);
    signal::block(nothing).unwrap();
    let soon = Some(Duration::from_millis(20));
    assert_eq!(signal::wait(nothing, soon).err(), Some(Errno::EAGAIN));
    raise(SIGUSR2);
    let received = signal::wait(nothing, None).unwrap();
    assert_eq!((received.signal, received.is_kernels()), (SIGUSR2, false));
    // The other thread sends the signal until a wait has returned: a handler may also run before the wait starts.
    let sender = sender(&RECEIVED, 1);
    let received = signal::wait(nothing, Some(Duration::from_secs(60))).err();
    RECEIVED.store(1, Relaxed);
    assert_eq!(received, Some(Errno::EINTR));
    sender.join();
    assert!(COUNT.load(Relaxed) > 0);
}

/// Starts a thread that sends SIGUSR1 to this process, with SIGUSR1 blocked in the thread itself, until `count` is at
/// least `often`. (A handler may count fewer signals than were sent: a signal that is sent while another is pending is
/// merged with it.)
fn sender(count: &'static AtomicU32, often: u32) -> JoinHandle<()> {
    let send = move || {
        signal::block(SignalSet::of(&[SIGUSR1])).unwrap();
        while count.load(Relaxed) < often {
            raise(SIGUSR1);
            thread::yield_now();
        }
    };
    thread::spawn(send).unwrap()
}

/// A computation continues after a handler with all registers restored.
fn restored() {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    signal::on(SIGUSR1, &COUNT).unwrap();
    let compute = || {
        let (mut sum, mut product, mut bits) = (0.0_f64, 1.0_f64, 1_u64);
        for n in 1..2_000_u32 {
            sum += f64::from(n).recip();
            product *= 1.0 + sum * 1e-6;
            bits = bits.rotate_left(7) ^ u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
        (sum.to_bits(), product.to_bits(), bits)
    };
    let should = compute();
    let sender = sender(&COUNT, 500);
    while COUNT.load(Relaxed) < 500 {
        assert_eq!(core::hint::black_box(compute)(), should);
    }
    sender.join();
}

fn unix_pairs() {
    let next = next_fd();
    let [left, right] = unix::pair(SOCK_STREAM | SOCK_CLOEXEC).unwrap();
    let mut bytes = [0; 100];
    // Bytes in both directions, without descriptors.
    assert_eq!(unix::send(left.as_fd(), b"hello", &[]), Ok(5));
    let received = unix::receive(right.as_fd(), &mut bytes).unwrap();
    assert_eq!(&bytes[..received.bytes], b"hello");
    assert!(received.descriptors.iter().all(Option::is_none) && !received.is_cut);
    io::write_all(right.as_fd(), b"back").unwrap();
    assert_eq!(unix::receive(left.as_fd(), &mut bytes).unwrap().bytes, 4);
    // Descriptors: the received descriptor is the same file with another number.
    let sent = [holding("one"), holding("two"), holding("three")];
    let list = [sent[0].as_fd(), sent[1].as_fd(), sent[2].as_fd()];
    assert_eq!(unix::send(left.as_fd(), b"x", &list), Ok(1));
    drop(sent);
    let received = unix::receive(right.as_fd(), &mut bytes).unwrap();
    assert_eq!((received.bytes, received.is_cut), (1, false));
    let fds = received.descriptors;
    for (fd, text) in fds.iter().zip(["one", "two", "three"]) {
        let count = io::read(fd.as_ref().unwrap().as_fd(), &mut bytes).unwrap();
        assert_eq!(&bytes[..count], text.as_bytes());
    }
    assert!(fds[3..].iter().all(Option::is_none));
    drop(fds);
    assert_eq!(next_fd(), next + 2);
    // The maximum number of descriptors in a message, and one more.
    let full = [STDIN; unix::DESCRIPTORS + 1];
    let all = &full[..unix::DESCRIPTORS];
    assert_eq!(unix::send(left.as_fd(), b"x", &full), Err(Errno::EINVAL));
    assert_eq!(unix::send(left.as_fd(), b"x", all), Ok(1));
    let received = unix::receive(right.as_fd(), &mut bytes).unwrap();
    assert!(received.descriptors.iter().all(Option::is_some) && !received.is_cut);
    drop(received);
    // EOF, then a send without a receiver.
    drop(left);
    assert_eq!(unix::receive(right.as_fd(), &mut bytes).unwrap().bytes, 0);
    assert_eq!(unix::send(right.as_fd(), b"x", &[]), Err(Errno::EPIPE));
    drop(right);
    // Message boundaries are kept (SOCK_SEQPACKET).
    let kind = SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK;
    let [left, right] = unix::pair(kind).unwrap();
    unix::send(left.as_fd(), b"one", &[]).unwrap();
    unix::send(left.as_fd(), b"four", &[STDOUT]).unwrap();
    assert_eq!(unix::receive(right.as_fd(), &mut bytes).unwrap().bytes, 3);
    let received = unix::receive(right.as_fd(), &mut bytes).unwrap();
    let fds = received.descriptors;
    assert!(received.bytes == 4 && fds[0].is_some() && fds[1].is_none());
    let nothing = unix::receive(right.as_fd(), &mut bytes).err();
    assert_eq!(nothing, Some(Errno::EAGAIN));
    drop((left, right, fds));
    assert_eq!(next_fd(), next);
}

/// If not all received descriptors have room, `is_cut` reports that and no descriptor stays open. The limit is 16
/// descriptors.
fn crowded() {
    let next = next_fd();
    let [left, right] = unix::pair(SOCK_STREAM | SOCK_CLOEXEC).unwrap();
    let all = [STDIN; unix::DESCRIPTORS];
    assert_eq!(unix::send(left.as_fd(), b"x", &all), Ok(1));
    let mut bytes = [0; 1];
    let received = unix::receive(right.as_fd(), &mut bytes).unwrap();
    assert_eq!((received.bytes, received.is_cut), (1, true));
    let count = received.descriptors.iter().flatten().count();
    assert!((1..unix::DESCRIPTORS).contains(&count), "{count}");
    drop((left, right, received));
    assert_eq!(next_fd(), next);
}

fn size() {
    let pipe = Pipe::new(O_CLOEXEC | O_NONBLOCK).unwrap();
    let room = |pipe: &Pipe| {
        let mut count = 0;
        while let Ok(written) = io::write(pipe.write.as_fd(), &[0; 4096]) {
            count += written;
        }
        count
    };
    let small = pipe.resize(1).unwrap();
    assert!(small <= 65_536);
    assert_eq!(room(&pipe), small);
    assert_eq!(pipe.resize(100_000), Ok(131_072));
    assert_eq!(small + room(&pipe), 131_072);
    // A pipe cannot be made smaller than its contents.
    assert_eq!(pipe.resize(4096), Err(Errno::EBUSY));
    assert_eq!(pipe.resize(usize::MAX), Err(Errno::EINVAL));
}
