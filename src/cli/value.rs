//! The types of the options' arguments.

use core::ffi::CStr;
use core::marker::PhantomData;
use core::net::SocketAddr;

use crate::cli::{Argument, OrFail, Parser, quantity};
use crate::net;
use crate::net::resolve::{self, Addresses, resolve};
use crate::parts;
use crate::rt::Exit;
use crate::signal;
use crate::text::{Shown, number};
use crate::time::{Deadline, NEVER};

/// A type of an option's argument.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a type of an option's argument",
    note = "the types of `ring3::cli` are `Text`, `Path`, `Directory`, `Number`, `Size`, `Duration`, `Limit`, `Mode`, \
            `Signal` and `Address`; a type of your own implements `ring3::cli::Value`"
)]
pub trait Value {
    /// The argument as the program uses it.
    type Is;

    /// The type, for documentation.
    const ARGUMENT: Argument;

    /// Reads the argument of the parser's last option.
    ///
    /// # Errors
    /// Exit 2: there is no argument, or a wrong one; a message was printed.
    fn read(parser: &mut Parser) -> Result<Self::Is, Exit>;
}

/// Any text.
#[derive(Debug)]
pub struct Text;

impl Value for Text {
    type Is = &'static CStr;
    const ARGUMENT: Argument = Argument::Text;

    fn read(parser: &mut Parser) -> Result<&'static CStr, Exit> {
        parser.value()
    }
}

/// The name of a file.
#[derive(Debug)]
pub struct Path;

impl Value for Path {
    type Is = &'static CStr;
    const ARGUMENT: Argument = Argument::File;

    fn read(parser: &mut Parser) -> Result<&'static CStr, Exit> {
        parser.value()
    }
}

/// The name of a directory.
#[derive(Debug)]
pub struct Directory;

impl Value for Directory {
    type Is = &'static CStr;
    const ARGUMENT: Argument = Argument::Directory;

    fn read(parser: &mut Parser) -> Result<&'static CStr, Exit> {
        parser.value()
    }
}

/// A decimal number from `LEAST` to `MOST`.
#[derive(Debug)]
pub struct Number<const LEAST: u64, const MOST: u64>;

impl<const LEAST: u64, const MOST: u64> Value for Number<LEAST, MOST> {
    type Is = u64;
    const ARGUMENT: Argument = Argument::Number(LEAST, MOST);

    #[inline]
    fn read(parser: &mut Parser) -> Result<u64, Exit> {
        read_number(parser, LEAST, MOST)
    }
}

impl<const LEAST: u64, const MOST: u64> Number<LEAST, MOST> {
    /// The number in a constant text.
    ///
    /// # Panics
    /// The text is not such a number. In a constant, that is an error of the compiler.
    #[must_use]
    pub const fn constant(text: &str) -> u64 {
        constant(number::whole(text.as_bytes(), 10, MOST), LEAST, MOST)
    }
}

/// Not generic: a program contains one copy.
#[inline(never)]
fn read_number(parser: &mut Parser, least: u64, most: u64) -> Result<u64, Exit> {
    let text = parser.value()?;
    match number::whole(text.to_bytes(), 10, most) {
        Some(value) if value >= least => Ok(value),
        _ => Err(not_in(parser, text, " is not a number from ", least, most)),
    }
}

#[cold]
fn not_in(parser: &Parser, text: &CStr, what: &str, least: u64, most: u64) -> Exit {
    parser.refuse(parts!(Shown(text.to_bytes()), what, least, " to ", most))
}

/// A number of bytes from `LEAST` to `MOST`: a number that may have a fraction and a unit, `4096`, `64k`, `1.5M` or
/// `64KiB`. The units are powers of 1024.
#[derive(Debug)]
pub struct Size<const LEAST: u64, const MOST: u64>;

impl<const LEAST: u64, const MOST: u64> Value for Size<LEAST, MOST> {
    type Is = u64;
    const ARGUMENT: Argument = Argument::Size(LEAST, MOST);

    #[inline]
    fn read(parser: &mut Parser) -> Result<u64, Exit> {
        read_size(parser, LEAST, MOST)
    }
}

impl<const LEAST: u64, const MOST: u64> Size<LEAST, MOST> {
    /// The number of bytes in a constant text.
    ///
    /// # Panics
    /// The text is not such a number. In a constant, that is an error of the compiler.
    #[must_use]
    pub const fn constant(text: &str) -> u64 {
        constant(quantity::size(text.as_bytes()), LEAST, MOST)
    }
}

#[inline(never)]
fn read_size(parser: &mut Parser, least: u64, most: u64) -> Result<u64, Exit> {
    let text = parser.value()?;
    match quantity::size(text.to_bytes()) {
        Some(size) if (least..=most).contains(&size) => Ok(size),
        Some(_) => Err(not_in(parser, text, " is not a size from ", least, most)),
        None => Err(parser.expected(text, "a size such as 4096, 64k, 1M or 64KiB")),
    }
}

/// A duration: a number that may have a fraction and a unit, `0.5`, `90s`, `5m`, `2h` or `10ms`. Without a unit, the
/// number is in seconds. The program uses nanoseconds.
#[derive(Debug)]
pub struct Duration;

impl Value for Duration {
    type Is = u64;
    const ARGUMENT: Argument = Argument::Duration;

    #[inline(never)]
    fn read(parser: &mut Parser) -> Result<u64, Exit> {
        let text = parser.value()?;
        parser.duration(text)
    }
}

impl Duration {
    /// The nanoseconds in a constant text.
    ///
    /// # Panics
    /// The text is not a duration. In a constant, that is an error of the compiler.
    #[must_use]
    pub const fn constant(text: &str) -> u64 {
        constant(quantity::duration(text.as_bytes()), 0, u64::MAX)
    }
}

/// A [`Duration`] that limits something: 0 means that there is no limit, and becomes [`NEVER`].
#[derive(Debug)]
pub struct Limit;

impl Value for Limit {
    type Is = u64;
    const ARGUMENT: Argument = Argument::Duration;

    #[inline]
    fn read(parser: &mut Parser) -> Result<u64, Exit> {
        match Duration::read(parser)? {
            0 => Ok(NEVER),
            span => Ok(span),
        }
    }
}

impl Limit {
    /// The nanoseconds in a constant text, or [`NEVER`] for 0.
    ///
    /// # Panics
    /// The text is not a duration. In a constant, that is an error of the compiler.
    #[must_use]
    pub const fn constant(text: &str) -> u64 {
        match Duration::constant(text) {
            0 => NEVER,
            span => span,
        }
    }
}

/// An argument that may be missing: `--name` or `--name=VALUE`, and not `--name VALUE`. The option's name in the table is
/// `--name[=WORD]`, without a short name.
#[derive(Debug)]
pub struct Optional<T>(PhantomData<T>);

impl<T: Value> Value for Optional<T> {
    type Is = Option<T::Is>;
    const ARGUMENT: Argument = T::ARGUMENT;

    #[inline]
    fn read(parser: &mut Parser) -> Result<Option<T::Is>, Exit> {
        match parser.has_value() {
            true => T::read(parser).map(Some),
            false => Ok(None),
        }
    }
}

/// Unwraps a default. Panics if the default is missing, or not from `least` to `most`.
const fn constant(number: Option<u64>, least: u64, most: u64) -> u64 {
    match number {
        Some(number) if least <= number && number <= most => number,
        _ => panic!("the default is not an argument of this type"),
    }
}

/// The permissions of a file: an octal number from 0 to 7777.
#[derive(Debug)]
pub struct Mode;

impl Value for Mode {
    type Is = u32;
    const ARGUMENT: Argument = Argument::Mode;

    fn read(parser: &mut Parser) -> Result<u32, Exit> {
        let mode = |text| number::whole(text, 8, 0o7777).map(|mode| mode as u32);
        parser.parse(mode, "an octal number from 0 to 7777, such as 644")
    }
}

impl Mode {
    /// The permissions in a constant text.
    ///
    /// # Panics
    /// The text is not such a number. In a constant, that is an error of the compiler.
    #[must_use]
    pub const fn constant(text: &str) -> u32 {
        constant(number::whole(text.as_bytes(), 8, 0o7777), 0, 0o7777) as u32
    }
}

/// The name or the number of a signal: `TERM`, `SIGTERM`, `term`, `15`, `RTMIN+3`.
#[derive(Debug)]
pub struct Signal;

impl Value for Signal {
    type Is = i32;
    const ARGUMENT: Argument = Argument::Signal;

    fn read(parser: &mut Parser) -> Result<i32, Exit> {
        parser.parse(signal::named, "a signal such as TERM, RTMIN+3 or 15")
    }
}

/// A numeric address and a port. The zone of an IPv6 address may be the name of an interface.
#[derive(Debug)]
pub struct Address;

impl Value for Address {
    type Is = SocketAddr;
    const ARGUMENT: Argument = Argument::Address;

    fn read(parser: &mut Parser) -> Result<SocketAddr, Exit> {
        let text = parser.value()?;
        parser.address(text)
    }
}

/// What is expected instead of a link-local address without a zone.
const ZONE: &str = "a zone, as in [fe80::1%eth0]:7007";

impl Parser {
    /// Parses `text`, a value of the last option or an operand, as a [`Duration`]. Returns nanoseconds.
    ///
    /// # Errors
    /// Exit 2: `text` is not a duration; a message was printed.
    pub fn duration(&self, text: &CStr) -> Result<u64, Exit> {
        let expected = "a duration such as 0.5, 90s, 5m, 2h or 10ms";
        quantity::duration(text.to_bytes()).ok_or_else(|| self.expected(text, expected))
    }

    /// Resolves `text`, `HOST:PORT` or `[ADDR]:PORT`, by [`resolve`](fn@resolve): HOST is a name or a numeric address.
    /// Returns the addresses in the order in which they should be tried.
    ///
    /// A program calls this after it has read all options, because a name server may take long to answer.
    ///
    /// # Errors
    /// Exit 2: `text` has another form, or is a link-local address without a zone. Exit 1: the host has no address, or is
    /// not found before `deadline`. In all cases a message was printed.
    pub fn host(&self, text: &CStr, deadline: Deadline) -> Result<Addresses, Exit> {
        let expected = "a host and a port such as localhost:7007, 127.0.0.1:7007 or [::1]:7007";
        let (host, port) =
            net::host_and_port(text.to_bytes()).ok_or_else(|| self.expected(text, expected))?;
        resolve(host, port, deadline).map_err(|error| match error {
            resolve::Error::NotAName => self.expected(text, expected),
            resolve::Error::NoZone => self.expected(text, ZONE),
            error => {
                let host = Shown(host);
                self.program().say(parts!("resolve ", host, ": ", error));
                Exit(1)
            }
        })
    }

    /// Parses `text`, a value of the last option or an operand, as an [`Address`].
    ///
    /// # Errors
    /// Exit 2: `text` is not an address, or is a link-local address without a zone. Exit 1: no such
    /// interface. In both cases a message was printed.
    pub fn address(&self, text: &CStr) -> Result<SocketAddr, Exit> {
        match net::address_and_zone(text.to_bytes()) {
            None => Err(self.expected(
                text,
                "a numeric address such as 127.0.0.1:7007 or [::1]:7007",
            )),
            Some((SocketAddr::V6(mut address), zone)) => {
                if !zone.is_empty() {
                    let number = net::interface_number(zone);
                    let name = parts!("interface ", Shown(zone));
                    address.set_scope_id(number.or_fail(self.program(), "ioctl", name)?);
                }
                // Every interface has link-local addresses. Without a zone, bind and connect fail with
                // EINVAL.
                if address.ip().is_unicast_link_local() && address.scope_id() == 0 {
                    return Err(self.expected(text, ZONE));
                }
                Ok(SocketAddr::V6(address))
            }
            Some((address, _)) => Ok(address),
        }
    }
}
