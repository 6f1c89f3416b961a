//! This program started again as a child that performs one action, which its arguments select. Actions that end the
//! process run in such a child.

extern crate alloc;

use alloc::vec;
use alloc::vec::Vec;
use core::ffi::CStr;
use core::hint::black_box;
use core::sync::atomic::AtomicU32;
use core::time::Duration;

use ring3::Errno;
use ring3::abi::nr;
use ring3::arch::syscall2;
use ring3::cli::{Argument, Options, OrFail, Parser, Value};
use ring3::env::{Args, Start};
use ring3::fd::{BorrowedFd, OwnedFd, STDERR, STDIN, STDOUT};
use ring3::fs::{self, CWD, O_CLOEXEC, O_RDONLY, O_WRONLY, read_link};
use ring3::io::{read, write};
use ring3::pipe::Pipe;
use ring3::process::{self, Child, Command, Failed, Lists, Status};
use ring3::rt::{Exit, Termination};
use ring3::signal::{self, Action, SIGABRT, SIGUSR1, SIGUSR2, SignalSet};
use ring3::text::Shown;
use ring3::text::number;
use ring3::time::{NEVER, SECOND};

use crate::PROGRAM;
use crate::env::start;
use crate::machine::MACHINE;
use crate::signal::raise;

/// The exit status of a child with an unknown action, or with wrong arguments.
const UNKNOWN: Exit = Exit(99);

/// Starts this program as a child that performs the action `words`, with the descriptors `files`. Its standard error is
/// /dev/null. `more` adjusts the command further.
pub fn spawn(
    words: &[&CStr],
    files: &[(BorrowedFd<'_>, i32)],
    more: impl FnOnce(Command<'_>) -> Command<'_>,
) -> Result<Child, Errno> {
    let mut buffer = [0; 4096];
    let (file, lists) = again(words, &mut buffer)?;
    let null = fs::open(CWD, c"/dev/null", O_WRONLY | O_CLOEXEC, 0)?;
    let mut placed = Vec::from([(null.as_fd(), STDERR.as_raw())]);
    placed.extend_from_slice(files);
    let command = Command::new(file, lists.get(0), start().environ());
    more(command.files(&placed)).spawn().map_err(Failed::errno)
}

/// The file and the arguments with which this program starts again, to perform the action `words`. `buffer` is for the
/// file's name.
fn again<'a>(
    words: &[&'a CStr],
    buffer: &'a mut [u8; 4096],
) -> Result<(&'a CStr, Lists<'a>), Errno> {
    let length = read_link(CWD, c"/proc/self/exe", &mut buffer[..4095])?.len();
    let own = CStr::from_bytes_with_nul(&buffer[..=length]).map_err(|_| Errno::EINVAL)?;
    // Under qemu-user the kernel cannot run this program. The variable names the emulator that can.
    let under = start().var("SELFTEST_UNDER");
    let mut lists = Lists::new(words.len() + 3, 1)?;
    let all = under
        .into_iter()
        .chain([own, c"--child"])
        .chain(words.iter().copied());
    for word in all {
        lists.push(word)?;
    }
    lists.end()?;
    Ok((under.unwrap_or(own), lists))
}

/// The status with which the child of this action ends.
pub fn ends(words: &[&CStr]) -> Result<Status, Errno> {
    let null = fs::open(CWD, c"/dev/null", O_WRONLY | O_CLOEXEC, 0)?;
    let child = spawn(words, &[(null.as_fd(), STDOUT.as_raw())], |command| command)?;
    Ok(child.wait()?.status)
}

/// The exit status of the child, as a shell reports it.
pub fn code(words: &[&CStr]) -> Result<u8, Errno> {
    ends(words).map(Status::code)
}

/// The same for a child that exits with 77 for EPERM, and with 78 if there is no such user.
pub fn permitted(words: &[&CStr]) -> Result<u8, Errno> {
    match code(words)? {
        77 => Err(Errno::EPERM),
        78 => Err(Errno::EINVAL),
        code => Ok(code),
    }
}

/// Whether the child prints this text.
pub fn prints(words: &[&CStr], text: &[u8]) -> Result<bool, Errno> {
    let pipe = Pipe::new(O_CLOEXEC)?;
    let child = spawn(words, &[(pipe.write.as_fd(), STDOUT.as_raw())], |command| {
        command
    })?;
    drop(pipe.write);
    let mut buffer = [0; 1024];
    let mut length = 0;
    while let more @ 1.. = read(pipe.read.as_fd(), &mut buffer[length..])? {
        length += more;
    }
    child.wait()?;
    Ok(buffer[..length] == *text)
}

/// Performs the action of the child. The action's words follow `--child`.
pub fn main(start: Start) -> Result<(), Exit> {
    let mut words = start.args();
    words.nth(1);
    let what = words.next().map_or(&b""[..], CStr::to_bytes);
    let number = || {
        let word = words.clone().next().and_then(|word| word.to_str().ok());
        word.and_then(|word| word.parse().ok()).ok_or(UNKNOWN)
    };
    match what {
        b"exit" => process::exit(number()?),
        b"exec" => {
            let mut buffer = [0; 4096];
            let (file, lists) = again(&[c"exit", c"55"], &mut buffer).map_err(|_| UNKNOWN)?;
            let file = words.next().unwrap_or(file);
            let command = Command::new(file, lists.get(0), start.environ());
            exit(command.search().exec().status())
        }
        b"exit-in-a-thread" => match ring3::thread::spawn(|| process::exit(5)) {
            Ok(handle) => handle.join(),
            Err(_) => Err(UNKNOWN),
        },
        b"return" => Err(Exit(u8::try_from(number()?).unwrap_or(99))),
        b"unreported" => {
            let failed: ring3::Result<()> = Err(Errno::ENOENT);
            exit(Termination::report(failed, PROGRAM) as u8)
        }
        b"abort" => process::abort(),
        b"abort-blocked" => {
            let _ = signal::block(SignalSet::ALL);
            process::abort()
        }
        b"abort-handled" => {
            static COUNT: AtomicU32 = AtomicU32::new(0);
            let _ = signal::on(SIGABRT, &COUNT);
            process::abort()
        }
        b"abort-ignored" => {
            let _ = signal::ignore(SIGABRT);
            process::abort()
        }
        b"panic" => panic!("asked for"),
        b"trap" => ring3::arch::trap(),
        b"overflow" => exit(recurse(0) as u8),
        b"overflow-in-a-thread" => match ring3::thread::spawn(|| recurse(0)) {
            Ok(handle) => exit(handle.join() as u8),
            Err(_) => Err(UNKNOWN),
        },
        b"overflow-reported" => {
            let stack = vec![0; 1 << 16].leak();
            let set = signal::set_alternate_stack(stack);
            // SAFETY: the handler is async-signal-safe: it only makes a system call, which ends the process.
            let handled = unsafe { signal::handle(11, overflowed) };
            exit(if set.and(handled).is_ok() {
                recurse(0) as u8
            } else {
                98
            })
        }
        b"write-code" => write_to(exit as *const () as usize),
        b"write-relocated" => write_to((&raw const START.0).addr()),
        b"run-stack" => run_stack(),
        b"no-restorer" => crate::signal::without_restorer(),
        b"words" => print(words),
        b"named" => {
            let named = start.var("LISTEN_PID").map(CStr::to_bytes);
            let own = named.and_then(|id| number::whole(id, 10, 1 << 32))
                == Some(process::getpid().as_raw() as u64);
            exit(u8::from(own))
        }
        b"environment" => exit(start.environ().iter().count() as u8),
        b"descriptor" => {
            let fd = number()?;
            // SAFETY: no code of this process closes the descriptor during the call.
            exit(u8::from(
                fs::stat(unsafe { BorrowedFd::borrow_raw(fd) }).is_ok(),
            ))
        }
        b"inherited" => exit(inherited(words.next())),
        b"blocked" => exit(u8::from(is_blocked(SIGUSR1))),
        b"ignored" => exit(u8::from(signal::action(SIGUSR2) == Ok(Action::Ignored))),
        b"wait" => wait(),
        b"orphan" => orphan(false),
        b"bereaved" => orphan(true),
        b"waits-bereaved" => {
            process::signal_at_parents_end(SIGUSR1).map_err(|_| UNKNOWN)?;
            wait()
        }
        b"confine" => match process::chroot(c"/proc/self") {
            // Paths outside of the directory do not exist any more.
            Ok(()) => exit(u8::from(is_there(c"/proc/self") || !is_there(c"/../maps"))),
            Err(errno) => exit(if errno == Errno::EPERM { 77 } else { 1 }),
        },
        b"become" => match process::become_user(65_534, 65_534) {
            Ok(()) => exit(u8::from(process::become_user(0, 0) != Err(Errno::EPERM))),
            Err(errno) => exit(if errno == Errno::EINVAL { 78 } else { 77 }),
        },
        b"groups" => match crate::ids::child() {
            Ok(bits) => exit(bits),
            Err(errno) => exit(if errno == Errno::EINVAL { 78 } else { 77 }),
        },
        b"duplicate" => {
            // SAFETY: no other code of this process uses or closes standard input.
            drop(unsafe { OwnedFd::from_raw(0) });
            let duplicate = STDERR.duplicate().map_err(|_| UNKNOWN)?;
            exit(duplicate.as_fd().as_raw() as u8)
        }
        b"mount" | b"unmount" | b"pivot" | b"rename" | b"up" => {
            let word = words.next().ok_or(UNKNOWN)?;
            let done = crate::system::child(what, word);
            done.or_fail(PROGRAM, "do", Shown(what))
        }
        b"ids" => {
            let groups = [1_u32, 2];
            // SAFETY: the kernel reads two numbers from `groups`. Without CAP_SETGID the call fails, and become_user
            // fails too.
            unsafe { syscall2::<{ nr::setgroups }>(groups.len(), groups.as_ptr().addr()) };
            match process::become_user(65_533, 65_534) {
                Ok(()) => exit(ids(65_533, 65_534)),
                Err(errno) => exit(if errno == Errno::EINVAL { 78 } else { 77 }),
            }
        }
        b"cli" => options(start.args()),
        b"fail" => Err::<(), _>(Errno::ENOENT).or_fail(PROGRAM, "open", "nothing"),
        b"say" => {
            PROGRAM.say("something");
            Err(PROGRAM.fail("do", "it", Errno::EIO))
        }
        _ => Err(UNKNOWN),
    }
}

fn is_there(path: &CStr) -> bool {
    fs::stat_at(CWD, path, fs::At::NONE).is_ok()
}

fn exit(status: u8) -> Result<(), Exit> {
    Err(Exit(status))
}

/// Recurses until the stack overflows.
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 32]);
    if frame[0] == u64::MAX {
        return 0;
    }
    recurse(depth + 1) + frame[3]
}

extern "C" fn overflowed(_: i32) {
    process::exit(42)
}

struct Relocated(&'static &'static str);
static START: Relocated = Relocated(&"an address");

fn write_to(address: usize) -> Result<(), Exit> {
    let place = core::ptr::with_exposed_provenance_mut::<u8>(black_box(address));
    // SAFETY: the page is not writable, so the write ends the process.
    unsafe { place.write_volatile(0) };
    Ok(())
}

fn run_stack() -> Result<(), Exit> {
    let code = black_box(MACHINE.ret);
    // SAFETY: the stack is not executable, so the call ends the process. If it does not, the code returns to this
    // function.
    unsafe { core::mem::transmute::<*const u8, extern "C" fn()>(code.as_ptr())() };
    Ok(())
}

fn print(words: Args) -> Result<(), Exit> {
    let mut buffer = [0; 256];
    let mut out = ring3::text::Writer::new(STDOUT, &mut buffer);
    for word in words {
        out.put(word.to_bytes());
        out.put(b".");
    }
    out.flush().or_fail(PROGRAM, "write", "stdout")
}

/// Whether a signal that this process sends to itself stays pending.
fn is_blocked(signal: i32) -> bool {
    raise(signal);
    signal::wait(SignalSet::of(&[signal]), Some(Duration::ZERO)).is_ok()
}

/// Takes over `count` inherited descriptors, and uses only the first. Returns a bit for each check that holds: the
/// first is descriptor 3; a child of this child does not inherit it; 4 is open until the rest is dropped; 4 is closed
/// afterwards. Returns 98 if some of the descriptors were not open.
fn inherited(count: Option<&CStr>) -> u8 {
    let mut digits = [0; 12];
    let mut left = process::getpid().as_raw();
    for digit in digits.iter_mut().rev().skip(1) {
        *digit = b'0' + (left % 10) as u8;
        left /= 10;
    }
    let pid = CStr::from_bytes_until_nul(&digits).ok();
    // SAFETY: this is the only call, and this program has opened no descriptor.
    let Ok(mut all) = (unsafe { ring3::systemd::inherited(pid, count) }) else {
        return 98;
    };
    let first = all.next();
    let is_third = first.as_ref().is_some_and(|fd| fd.as_fd().as_raw() == 3);
    // SAFETY: the borrow is only used to check whether the descriptor is open.
    let next = unsafe { BorrowedFd::borrow_raw(4) };
    let is_open = next.is_open();
    drop(all);
    let is_closed = !next.is_open();
    let goes_on = code(&[c"descriptor", c"3"]) != Ok(0);
    u8::from(is_third) * 8 + u8::from(!goes_on) * 4 + u8::from(is_open) * 2 + u8::from(is_closed)
}

/// Prints a byte as a sign of readiness, then waits for EOF on standard input, or a signal.
fn wait() -> Result<(), Exit> {
    let _ = write(STDOUT, b"!");
    let _ = read(STDIN, &mut [0]);
    Ok(())
}

/// Returns a bit for each check that holds: all four user ids are `uid`; all four group ids are `gid`; there is no
/// supplementary group.
fn ids(uid: u32, gid: u32) -> u8 {
    let mut buffer = [0; 4096];
    let status = fs::open(CWD, c"/proc/self/status", O_RDONLY | O_CLOEXEC, 0);
    let length = status.and_then(|status| read(status.as_fd(), &mut buffer));
    let status = &buffer[..length.unwrap_or(0)];
    let line = |name: &[u8]| {
        let mut lines = status.split(|&byte| byte == b'\n');
        lines.find_map(move |line| line.strip_prefix(name))
    };
    let are = |name, ids: &[u32]| {
        let words = line(name).unwrap_or(b"none").split(u8::is_ascii_whitespace);
        let words = words.filter(|word| !word.is_empty());
        words
            .map(|word| number::whole(word, 10, u32::MAX.into()))
            .eq(ids.iter().map(|&id| Some(id.into())))
    };
    u8::from(are(b"Uid:", &[uid; 4])) * 4
        + u8::from(are(b"Gid:", &[gid; 4])) * 2
        + u8::from(are(b"Groups:", &[]))
}

/// Starts a waiting child and ends, which makes the child an orphan. If `bereaved`, the child asks for SIGUSR1 at its
/// parent's end.
fn orphan(bereaved: bool) -> Result<(), Exit> {
    let pipe = Pipe::new(O_CLOEXEC).map_err(|_| UNKNOWN)?;
    if bereaved {
        // The request is not inherited: the child makes it before it reports readiness.
        spawn(
            &[c"waits-bereaved"],
            &[(pipe.write.as_fd(), 1)],
            |command| command,
        )
    } else {
        spawn(&[c"wait"], &[(pipe.write.as_fd(), 1)], |command| command)
    }
    .map_err(|_| UNKNOWN)?;
    let _ = read(pipe.read.as_fd(), &mut [0]);
    Ok(())
}

/// The text `yes`, which becomes 1.
pub struct Yes;

impl Value for Yes {
    type Is = u8;
    const ARGUMENT: Argument = Argument::Form {
        right: &["yes"],
        wrong: &["no"],
    };

    fn read(parser: &mut Parser) -> Result<u8, Exit> {
        parser.parse(|text| (text == b"yes").then_some(1), "yes")
    }
}

/// The options of the child `cli`.
mod table {
    use ring3::cli::{
        Address, Argument, Directory, Duration, Limit, Mode, Number, Optional, Path, Signal, Size,
        Text,
    };

    ring3::options! {
        "cli", "[OPTION]...", "Return what an option is, in the exit status.";

        /// A number.
        Number(Number<10, 50>, NUMBER = "11") "-n, --number=N" "a number";
        /// A size in KiB.
        Size(Size<1, 0x10000>, SIZE = "12k") "    --size=SIZE" "a size";
        /// A duration in tenths of a second.
        Duration(Duration, DURATION = "1.3s") "    --duration=DURATION" "a duration";
        /// A limit in tenths of a second.
        Limit(Limit, LIMIT = "1.4") "    --limit=DURATION" "a limit";
        /// An address.
        Address(Address) "-a, --address=ADDR:PORT" "an address";
        /// A mode.
        Mode(Mode) "    --mode=MODE" "a mode";
        /// A signal.
        Signal(Signal) "    --signal=SIGNAL" "a signal";
        /// A text.
        Text(Text) "-o, --text=TEXT" "a text";
        /// A file.
        Path(Path) "    --path=FILE" "a file";
        /// A directory.
        Directory(Directory) "    --directory=DIR" "a directory";
        /// A value of another form.
        Form(super::Yes) "    --form=FORM" "a value of another form";
        /// A number that may be missing.
        Optional(Optional<Number<10, 50>>) "    --optional[=N]" "a number, or none";
        /// The defaults.
        Defaults "    --defaults" "the sum of the defaults";
        /// The rest.
        Rest "-r, --rest" "the number of the other arguments";
        /// Is refused.
        Refused "-u, --refused" "refused";

        operands: Argument::Text;
        note: "The status is 60 and the number of operands, without options.";
        example: "cli -n 5", "Exit with status 5.";
    }
}

/// Parses the options of its own command line, and returns the result in the exit status. (`Options` calls `Table::read`,
/// `Value::read` and `Table::operand`.)
fn options(args: Args) -> Result<(), Exit> {
    use table::{DURATION, Given, LIMIT, NUMBER, SIZE};
    let mut args = args;
    args.nth(1);
    let mut options = Options::new(args);
    let mut operands = 0;
    let tenths = |nanoseconds| (nanoseconds / (SECOND / 10)) as u8;
    loop {
        let status = match options.next_arg()? {
            Some(Given::Number(number)) => number as u8,
            Some(Given::Size(bytes)) => (bytes / 1024) as u8,
            Some(Given::Duration(span)) => tenths(span),
            Some(Given::Limit(NEVER)) => 99,
            Some(Given::Limit(limit)) => tenths(limit),
            Some(Given::Address(address)) => address.port() as u8,
            Some(Given::Mode(mode)) => mode as u8,
            Some(Given::Form(yes)) => yes,
            Some(Given::Signal(signal)) => signal as u8,
            Some(Given::Text(text) | Given::Path(text) | Given::Directory(text)) => {
                text.to_bytes().len() as u8
            }
            Some(Given::Optional(number)) => number.map_or(59, |number| number as u8),
            Some(Given::Defaults) => {
                NUMBER as u8 + (SIZE / 1024) as u8 + tenths(DURATION) + tenths(LIMIT)
            }
            Some(Given::Rest) => options.rest().len() as u8,
            Some(Given::Refused) if options.rest().len() == 0 => {
                return Err(options.refuse("no reason"));
            }
            Some(Given::Refused) => return Err(options.usage("no reason")),
            Some(Given::Operand(operand)) if operand == c"no" => {
                return Err(options.unexpected(operand));
            }
            Some(Given::Operand(operand)) if operand == c"lo:7" => {
                return options.parser().address(operand).map(drop);
            }
            Some(Given::Operand(operand)) if operand.to_bytes().ends_with(b":77") => {
                let deadline = ring3::time::Deadline::PASSED; // nothing takes time
                let addresses = options.parser().host(operand, deadline)?;
                addresses
                    .iter()
                    .map(|address| address.port() as u8)
                    .min()
                    .unwrap_or(0)
            }
            Some(Given::Operand(operand)) if operand == c"1.5.s" => {
                return options.parser().duration(operand).map(drop);
            }
            Some(Given::Operand(operand)) if operand == c"what" => {
                return Err(options.parser().expected(operand, "something"));
            }
            Some(Given::Operand(_)) => {
                operands += 1;
                continue;
            }
            None => 60 + operands,
        };
        return exit(status);
    }
}
