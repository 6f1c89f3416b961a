//! A program without `unsafe` code that calls functions of the library whose wrong results would break memory safety.
//!
//! ```text
//! safe library            calls the functions, and exits with 0 if all results are right
//! safe number -n NUMBER   prints the number
//! safe inherited          takes the sockets of a service manager, and closes them
//! ```

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use ring3::Errno;
use ring3::cli::{Argument, Number, Options, OrFail};
use ring3::env::Start;
use ring3::fd::{STDIN, STDOUT};
use ring3::fs::{self, CWD, O_CLOEXEC, O_RDONLY};
use ring3::net::unix::{self, DESCRIPTORS};
use ring3::net::{SO_PASSCRED, SOCK_CLOEXEC, SOCK_STREAM, SOL_SOCKET, set_option};
use ring3::parts;
use ring3::process::become_user;
use ring3::process::{RLIMIT_NOFILE, limit, raise_limit};
use ring3::rt::Exit;
use ring3::signal::{SIGTERM, SignalSet, on};
use ring3::systemd::Inherited;
use ring3::text::{Writer, number};

ring3::program!(Given::NAME, main, inherited);

ring3::options! {
    "safe", "library | number -n NUMBER | inherited", "Call functions whose wrong results would break memory safety.";

    /// The number to print.
    Number(Number<0, { u64::MAX }>) "-n, --number=NUMBER" "print this number";

    operands: Argument::Text;
    example: "safe number -n 5", "Print 5.";
}

fn main(start: Start, inherited: ring3::Result<Inherited>) -> Result<(), Exit> {
    match start.args().nth(1).map(|word| word.to_bytes()) {
        Some(b"library") => {
            out_of_range();
            beside_a_message();
            Ok(())
        }
        Some(b"number") => number(start),
        Some(b"inherited") => take(inherited),
        _ => Err(Exit(2)),
    }
}

/// A number out of range returns an error or `None`, never the result for another number.
fn out_of_range() {
    assert_eq!(number::whole(b"18446744073709551616", 10, u64::MAX), None);
    assert_eq!(number::whole(b"10000000000000000", 16, u64::MAX), None);
    for none in [i32::MIN, -1, 0, 65, i32::MAX] {
        assert!(SignalSet::of(&[none]) == SignalSet::NONE);
        static COUNT: core::sync::atomic::AtomicU32 = core::sync::atomic::AtomicU32::new(0);
        assert_eq!(on(none, &COUNT), Err(Errno::EINVAL));
    }
    assert!(SignalSet::of(&[0, SIGTERM]) == SignalSet::of(&[SIGTERM]));
    assert!(limit(RLIMIT_NOFILE).is_ok_and(|limit| limit.rlim_cur > 0));
    assert_eq!(limit(u32::MAX).err(), Some(Errno::EINVAL));
    assert_eq!(raise_limit(u32::MAX), Err(Errno::EINVAL));
    assert_eq!(become_user(u32::MAX, u32::MAX), Err(Errno::EINVAL));
}

/// The lowest free descriptor number, which the next descriptor will get.
fn next() -> i32 {
    let file = fs::open(CWD, c"/dev/null", O_RDONLY | O_CLOEXEC, 0);
    file.as_ref().map_or(-1, |file| file.as_fd().as_raw())
}

/// Every passed descriptor is received together with the sender's credentials, and none stays open.
fn beside_a_message() {
    let before = next();
    let [one, two] = unix::pair(SOCK_STREAM | SOCK_CLOEXEC).unwrap();
    set_option(two.as_fd(), SOL_SOCKET, SO_PASSCRED, 1).unwrap();
    for count in [1, DESCRIPTORS] {
        let all = [STDIN; DESCRIPTORS];
        unix::send(one.as_fd(), b"x", &all[..count]).unwrap();
        let received = unix::receive(two.as_fd(), &mut [0; 8]).unwrap();
        let came = received.descriptors.iter().flatten().count();
        assert_eq!((received.bytes, came, received.is_cut), (1, count, false));
    }
    drop((one, two));
    assert_eq!(next(), before);
}

fn number(start: Start) -> Result<(), Exit> {
    let mut args = start.args();
    args.next();
    let mut options = Options::<Given>::new(args);
    while let Some(arg) = options.next_arg()? {
        if let Given::Number(number) = arg {
            say(|out| out.print(parts!(number, "\n")))?;
        }
    }
    Ok(())
}

fn take(inherited: ring3::Result<Inherited>) -> Result<(), Exit> {
    let inherited = match inherited {
        Ok(inherited) => inherited,
        Err(errno) => {
            assert_eq!(errno, Errno::EBADF);
            return say(|out| out.print("EBADF\n"));
        }
    };
    for fd in inherited {
        let raw = fd.as_fd().as_raw();
        say(|out| out.print(parts!("open ", raw, "\n")))?;
        assert_eq!(fd.close(), Ok(()));
        // The descriptor had exactly one owner: after its close the number is free again.
        assert_eq!(next(), raw);
        say(|out| out.print("closed\n"))?;
    }
    Ok(())
}

fn say(what: impl FnOnce(&mut Writer<'_>)) -> Result<(), Exit> {
    let mut buffer = [0; 64];
    let mut out = Writer::new(STDOUT, &mut buffer);
    what(&mut out);
    out.flush().or_fail(PROGRAM, "write", "stdout")
}
