//! Command lines of programs: options, error messages and exit statuses.
//!
//! An error prints one line on standard error, `PROGRAM: OPERATION OBJECT: Words of errno (ENAME)`; the exit
//! status is 1. A usage error prints the mistake and one line of usage; the exit status is 2.

use core::ffi::CStr;
use core::net::SocketAddr;
use core::ops::RangeInclusive;

use crate::abi::{Errno, Result};
use crate::bytes::tail;
use crate::env::Args;
use crate::fd::{STDERR, STDOUT};
use crate::net;
use crate::parts;
use crate::rt::Exit;
use crate::system;
use crate::text::{Any, Print, Shown, Writer, number};
use crate::time::SECOND;

/// A program's name, and the functions that print its messages. [`program!`](macro@crate::program) defines it
/// as the constant `PROGRAM`.
#[derive(Clone, Copy)]
pub struct Program {
    name: &'static str,
}

impl Program {
    /// The program with this name.
    pub const fn new(name: &'static str) -> Self {
        Self { name }
    }

    /// Prints `PROGRAM: MESSAGE` on standard error.
    #[inline]
    pub fn say(self, message: impl Print) {
        self.line(Any::new(&message));
    }

    /// The part of [`say`](Self::say) that is the same for all types of message.
    #[cold]
    #[inline(never)]
    fn line(self, message: Any<'_>) {
        let mut buffer = [0; 512];
        let mut stderr = Writer::new(STDERR, &mut buffer);
        stderr.print(parts!(self.name, ": ", message, "\n"));
        let _ = stderr.flush(); // a failure of standard error can't be reported
    }

    /// Prints that `operation` on `object` failed. Returns exit status 1.
    #[cold]
    #[inline(never)]
    pub fn fail(self, operation: &str, object: impl Print, errno: Errno) -> Exit {
        self.failed(operation, Any::new(&object), errno);
        Exit(1)
    }

    /// The part of [`fail`](Self::fail) that is the same for all types of object.
    #[cold]
    #[inline(never)]
    fn failed(self, operation: &str, object: Any<'_>, errno: Errno) {
        self.line(Any::new(&parts!(operation, " ", object, ": ", errno)));
    }
}

/// Converts an error into a printed message and exit status 1, for use with `?`.
pub trait OrFail<T> {
    /// Calls [`Program::fail`] if `self` is an error.
    fn or_fail(
        self,
        program: Program,
        operation: &str,
        object: impl Print,
    ) -> core::result::Result<T, Exit>;
}

impl<T> OrFail<T> for Result<T> {
    fn or_fail(
        self,
        program: Program,
        operation: &str,
        object: impl Print,
    ) -> core::result::Result<T, Exit> {
        self.map_err(|errno| program.fail(operation, object, errno))
    }
}

/// An element of a command line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arg {
    /// `-x`, alone or in a cluster of options.
    Short(u8),
    /// The name of `--name` or `--name=value`.
    Long(&'static [u8]),
    /// Anything else, including `-`, and every argument after `--`.
    Operand(&'static CStr),
}

/// Parses a program's command line, as getopt_long(3) does, except that a long option can't be abbreviated.
/// Short options cluster (`-ru`). A value is in the same argument or is the next argument (`-oFILE`,
/// `-o FILE`, `--out=FILE`, `--out FILE`). Options may follow operands. `--` ends the options.
///
/// `Options` handles `--help` and `--version` itself.
pub struct Options {
    program: Program,
    help: &'static str,
    args: Args,
    /// The text after the option returned last: the rest of its cluster, or its `=value`.
    rest: Rest,
    /// The option returned last, for messages.
    last: Option<Arg>,
    operands_only: bool,
}

#[derive(Clone, Copy)]
enum Rest {
    None,
    Cluster(&'static CStr),
    Value(&'static CStr),
}

impl Options {
    /// The options of `program`, in the arguments after `argv[0]`. The first line of `help` is the line of
    /// usage.
    pub fn new(program: Program, help: &'static str, mut args: Args) -> Self {
        args.next();
        Self {
            program,
            help,
            args,
            rest: Rest::None,
            last: None,
            operands_only: false,
        }
    }

    /// Returns the next element; `None` at the end.
    ///
    /// # Errors
    /// Exit 2: the previous option has a `=value`, but takes none; a message was printed. Exit 0: `--help` or
    /// `--version`; the answer was printed.
    #[inline(never)]
    pub fn next_arg(&mut self) -> core::result::Result<Option<Arg>, Exit> {
        if let Rest::Value(_) = self.rest {
            return Err(self.usage(parts!(Spelled(self.last), " takes no value")));
        }
        self.last = self.piece();
        match self.last {
            Some(Arg::Long(name)) if name == b"help" => Err(self.answer(Any::new(&self.help))),
            Some(Arg::Long(name)) if name == b"version" => {
                let version = concat!(" (ring3) ", env!("CARGO_PKG_VERSION"), "\n");
                Err(self.answer(Any::new(&parts!(self.program.name, version))))
            }
            piece => Ok(piece),
        }
    }

    /// Splits off the next element, without regard to its meaning.
    fn piece(&mut self) -> Option<Arg> {
        if let Rest::Cluster(cluster) = core::mem::replace(&mut self.rest, Rest::None) {
            return Some(self.short(cluster));
        }
        let mut arg = self.args.next()?;
        if !self.operands_only && arg.to_bytes() == b"--" {
            self.operands_only = true;
            arg = self.args.next()?;
        }
        Some(match arg.to_bytes() {
            [b'-', b'-', ..] if !self.operands_only => self.long(arg),
            [b'-', _, ..] if !self.operands_only => self.short(tail(arg, 1)),
            _ => Arg::Operand(arg),
        })
    }

    /// The value of the option that [`next_arg`](Self::next_arg) returned last.
    ///
    /// # Errors
    /// Exit 2: there is no value; a message was printed.
    pub fn value(&mut self) -> core::result::Result<&'static CStr, Exit> {
        match core::mem::replace(&mut self.rest, Rest::None) {
            Rest::Value(value) | Rest::Cluster(value) => Ok(value),
            Rest::None => match self.args.next() {
                Some(value) => Ok(value),
                None => Err(self.usage(parts!(Spelled(self.last), " needs a value"))),
            },
        }
    }

    /// As [`value`](Self::value), for a number in `range`.
    ///
    /// # Errors
    /// Exit 2: there is no value, or it is not such a number; a message was printed.
    #[inline]
    pub fn number(&mut self, range: RangeInclusive<u64>) -> core::result::Result<u64, Exit> {
        self.number_from_to(*range.start(), *range.end())
    }

    /// Takes two numbers instead of a range, so that both pass in registers.
    #[inline(never)]
    fn number_from_to(&mut self, least: u64, most: u64) -> core::result::Result<u64, Exit> {
        let text = self.value()?;
        match number::whole(text.to_bytes(), 10, most) {
            Some(value) if value >= least => Ok(value),
            _ => Err(self.usage(parts!(
                Shown(text.to_bytes()),
                " is not a number from ",
                least,
                " to ",
                most,
            ))),
        }
    }

    /// As [`value`](Self::value), for a number of seconds, which may have a fraction. Returns nanoseconds.
    ///
    /// # Errors
    /// Exit 2: there is no value, or it is not such a number; a message was printed.
    pub fn seconds(&mut self) -> core::result::Result<u64, Exit> {
        let text = self.value()?.to_bytes();
        match seconds(text) {
            Some(span) => Ok(span),
            None => Err(self.usage(parts!(
                Shown(text),
                " is not a number of seconds from 0 to ",
                MOST_SECONDS,
            ))),
        }
    }

    /// Parses `text` as `ADDR:PORT`. The zone of an IPv6 address may be the name of an interface.
    ///
    /// # Errors
    /// Exit 2: `text` is not an address, or is a link-local address without a zone. Exit 1: no such
    /// interface. In both cases a message was printed.
    pub fn address(&self, text: &CStr) -> core::result::Result<SocketAddr, Exit> {
        let text = text.to_bytes();
        let wrong = match net::address_and_zone(text) {
            None => " is not ADDR:PORT",
            Some((SocketAddr::V6(mut address), zone)) => {
                if !zone.is_empty() {
                    let number = system::interface_number(zone);
                    let name = parts!("interface ", Shown(zone));
                    address.set_scope_id(number.or_fail(self.program, "ioctl", name)?);
                }
                // Every interface has link-local addresses. Without a zone, bind and connect fail with
                // EINVAL.
                if !address.ip().is_unicast_link_local() || address.scope_id() != 0 {
                    return Ok(SocketAddr::V6(address));
                }
                " needs a zone: [ADDR%INTERFACE]:PORT"
            }
            Some((address, _)) => return Ok(address),
        };
        Err(self.usage(parts!(Shown(text), wrong)))
    }

    /// The arguments after the element that [`next_arg`](Self::next_arg) returned last, unparsed: for a
    /// program whose operands are the command line of another program.
    pub fn rest(&self) -> Args {
        self.args
    }

    /// Prints that the program does not have the option returned last. Returns exit status 2.
    pub fn unknown(&self) -> Exit {
        self.usage(parts!("unknown option ", Spelled(self.last)))
    }

    /// Prints `message` and the line of usage. Returns exit status 2.
    #[inline]
    pub fn usage(&self, message: impl Print) -> Exit {
        self.misused(Any::new(&message));
        Exit(2)
    }

    /// The part of [`usage`](Self::usage) that is the same for all types of message.
    #[cold]
    #[inline(never)]
    fn misused(&self, message: Any<'_>) {
        let end = self.help.bytes().position(|byte| byte == b'\n');
        let usage = end.and_then(|end| self.help.get(..end)).unwrap_or_default();
        self.program.line(Any::new(&parts!(message, "\n", usage)));
    }

    fn short(&mut self, cluster: &'static CStr) -> Arg {
        let rest = tail(cluster, 1);
        if !rest.is_empty() {
            self.rest = Rest::Cluster(rest);
        }
        // The caller's cluster is not empty. If it were, the result 0 would be an option that no program has.
        Arg::Short(cluster.to_bytes().first().copied().unwrap_or_default())
    }

    fn long(&mut self, arg: &'static CStr) -> Arg {
        let name = tail(arg, 2).to_bytes();
        let end = name.iter().position(|&byte| byte == b'=');
        match end.and_then(|end| name.get(..end)) {
            None => Arg::Long(name),
            Some(before) => {
                self.rest = Rest::Value(tail(arg, 2 + before.len() + 1));
                Arg::Long(before)
            }
        }
    }

    fn answer(&self, text: Any<'_>) -> Exit {
        let mut buffer = [0; 512];
        let mut stdout = Writer::new(STDOUT, &mut buffer);
        stdout.print(text);
        match stdout.flush() {
            Ok(()) => Exit(0),
            Err(errno) => {
                // This does not call `fail`. So the program is the same constant in all calls of `fail` with
                // a `&str` object, and the compiler does not pass the program.
                self.program.failed("write", Any::new(&"stdout"), errno);
                Exit(1)
            }
        }
    }
}

/// The maximum number of seconds: a century, longer than any useful timeout.
pub const MOST_SECONDS: u64 = 100 * 365 * 24 * 60 * 60;

/// Converts a number of seconds, `5`, `0.25` or `.5`, to nanoseconds. Cuts off digits after the ninth decimal
/// place.
fn seconds(text: &[u8]) -> Option<u64> {
    let (mut whole, mut nanoseconds, mut unit) = (0_u64, 0, SECOND);
    let (mut fraction, mut digits) = (false, 0_usize);
    for &byte in text {
        match byte {
            b'0'..=b'9' if fraction => {
                unit /= 10;
                nanoseconds += u64::from(byte - b'0') * unit;
                digits += 1;
            }
            b'0'..=b'9' => {
                whole = whole
                    .saturating_mul(10)
                    .saturating_add((byte - b'0').into());
                digits += 1;
            }
            b'.' if !fraction => fraction = true,
            _ => return None,
        }
    }
    (digits > 0 && whole <= MOST_SECONDS).then(|| whole * SECOND + nanoseconds)
}

/// Prints an option as it was written.
struct Spelled(Option<Arg>);

impl Print for Spelled {
    fn print(&self, out: &mut Writer<'_>) {
        match self.0 {
            Some(Arg::Short(letter)) => out.print(parts!("-", Shown(&[letter]))),
            Some(Arg::Long(name)) => out.print(parts!("--", Shown(name))),
            Some(Arg::Operand(operand)) => out.print(Shown(operand.to_bytes())),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_digits_and_at_most_one_point() {
        let nanoseconds = |text: &str| seconds(text.as_bytes());
        assert_eq!(nanoseconds("5"), Some(5_000_000_000));
        assert_eq!(nanoseconds("0.25"), Some(250_000_000));
        assert_eq!(nanoseconds(".5"), Some(500_000_000));
        assert_eq!(nanoseconds("1."), Some(1_000_000_000));
        assert_eq!(nanoseconds("0.0000000019"), Some(1));
        assert_eq!(nanoseconds("3153600000"), Some(3_153_600_000_000_000_000));
        for wrong in [
            "",
            ".",
            "-1",
            "+1",
            "1.2.3",
            "1e3",
            "1s",
            " 1",
            "3153600001",
            "99999999999999999999999",
        ] {
            assert_eq!(nanoseconds(wrong), None, "{wrong}");
        }
    }
}
