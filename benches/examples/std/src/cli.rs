//! Command lines: options as getopt_long(3) parses them, and the types of their values.

use std::env::{self, ArgsOs};
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::mem;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::time::Duration;

use rustix::net::netdevice;

use crate::error::{Error, OrFail, Shown};

/// What a program has on its command line. `T` is the program's enum of its options.
pub struct Cli<T: 'static> {
    pub name: &'static str,
    /// The usage after the name, and the summary.
    pub usage: &'static str,
    /// The names of each option as in the help, its help, and the option.
    pub options: &'static [(&'static str, &'static str, T)],
    /// The end of the help.
    pub end: &'static str,
}

const HELP: &str = "-h, --help";
const VERSION: &str = "-V, --version";

/// An element of a command line.
pub enum Arg<T> {
    Option(T),
    Operand(OsString),
}

/// A parser of the command line.
pub struct Parser<T: 'static> {
    cli: &'static Cli<T>,
    args: ArgsOs,
    /// What is left of the last argument.
    rest: Rest,
    /// The last option as it was written, for messages.
    last: String,
    operands_only: bool,
}

enum Rest {
    None,
    /// Letters after the letter of an option: more options, or a value.
    Cluster(Vec<u8>),
    /// The text after `=`.
    Value(Vec<u8>),
}

impl<T: Copy> Parser<T> {
    pub fn new(cli: &'static Cli<T>) -> Self {
        let mut args = env::args_os();
        args.next();
        Self {
            cli,
            args,
            rest: Rest::None,
            last: String::new(),
            operands_only: false,
        }
    }

    /// Returns the next element; `None` at the end. Answers `--help` and `--version`.
    pub fn next_arg(&mut self) -> Result<Option<Arg<T>>, Error> {
        if let Rest::Cluster(cluster) = mem::replace(&mut self.rest, Rest::None) {
            return self.short(&cluster);
        }
        let Some(arg) = self.args.next() else {
            return Ok(None);
        };
        match arg.as_bytes() {
            _ if self.operands_only => Ok(Some(Arg::Operand(arg))),
            b"--" => {
                self.operands_only = true;
                Ok(self.args.next().map(Arg::Operand))
            }
            [b'-', b'-', long @ ..] => self.long(long),
            [b'-', cluster @ ..] if !cluster.is_empty() => self.short(cluster),
            _ => Ok(Some(Arg::Operand(arg))),
        }
    }

    fn short(&mut self, cluster: &[u8]) -> Result<Option<Arg<T>>, Error> {
        let (letter, rest) = cluster.split_at(1);
        self.last = format!("-{}", Shown(OsStr::from_bytes(letter)));
        if !rest.is_empty() {
            self.rest = Rest::Cluster(rest.to_vec());
        }
        match self.names().find(|names| names.as_bytes()[1..2] == *letter) {
            Some(names) => self.found(names),
            None => Err(self.unknown()),
        }
    }

    fn long(&mut self, text: &[u8]) -> Result<Option<Arg<T>>, Error> {
        let mut parts = text.splitn(2, |&byte| byte == b'=');
        let name = parts.next().unwrap_or_default();
        if let Some(value) = parts.next() {
            self.rest = Rest::Value(value.to_vec());
        }
        self.last = format!("--{}", Shown(OsStr::from_bytes(name)));
        let is_begun = |names: &&str| !name.is_empty() && long(names).as_bytes().starts_with(name);
        let found: Vec<_> = self.names().filter(is_begun).collect();
        let exact = found
            .iter()
            .find(|names| long(names).as_bytes() == name)
            .copied();
        match (exact, &found[..]) {
            (Some(names), _) | (None, &[names]) => self.found(names),
            (None, []) => Err(self.unknown()),
            (None, names) => {
                let names: String = names
                    .iter()
                    .map(|names| format!(" --{}", long(names)))
                    .collect();
                Err(Error::Usage(format!("{} is ambiguous:{names}", self.last)))
            }
        }
    }

    /// The names of all options, as in the help.
    fn names(&self) -> impl Iterator<Item = &'static str> + use<T> {
        let own = self.cli.options.iter().map(|(names, ..)| *names);
        own.chain([HELP, VERSION])
    }

    fn found(&mut self, names: &str) -> Result<Option<Arg<T>>, Error> {
        let has_value = match &self.rest {
            Rest::Value(_) => true,
            Rest::Cluster(rest) => rest.starts_with(b"="), // `-q=1` is not `-q -= -1`
            Rest::None => false,
        };
        if has_value && !names.contains('=') {
            return Err(Error::Usage(format!("{} takes no value", self.last)));
        }
        match names {
            HELP => Err(self.answer(&self.help())),
            VERSION => Err(self.answer(&format!(
                "{} ({}) {}\n",
                self.cli.name,
                env!("CARGO_PKG_NAME"),
                env!("CARGO_PKG_VERSION")
            ))),
            _ => {
                let mut options = self.cli.options.iter();
                let option = options.find(|(others, ..)| *others == names);
                Ok(option.map(|&(_, _, option)| Arg::Option(option)))
            }
        }
    }

    fn help(&self) -> String {
        let own = self
            .cli
            .options
            .iter()
            .map(|(names, help, _)| (*names, *help));
        let own = own.chain([(HELP, "print this help"), (VERSION, "print the version")]);
        let options: String = own
            .map(|(names, help)| format!("  {names:<26}{help}\n"))
            .collect();
        let Cli {
            name, usage, end, ..
        } = self.cli;
        format!("usage: {name} {usage}\n\n{options}\n{end}")
    }

    fn answer(&self, text: &str) -> Error {
        match print(text) {
            Ok(()) => Error::Answered,
            Err(error) => error,
        }
    }

    fn unknown(&self) -> Error {
        Error::Usage(format!("unknown option {}", self.last))
    }

    /// The rest of the command line, unparsed.
    pub fn rest(self) -> ArgsOs {
        self.args
    }

    /// The value of the last option.
    pub fn value(&mut self) -> Result<OsString, Error> {
        match mem::replace(&mut self.rest, Rest::None) {
            Rest::Value(value) | Rest::Cluster(value) => Ok(OsString::from_vec(value)),
            Rest::None => self
                .args
                .next()
                .ok_or_else(|| Error::Usage(format!("{} needs a value", self.last))),
        }
    }

    /// The value of the last option, parsed. `expected` describes a right value.
    pub fn parse<V>(
        &mut self,
        parse: impl Fn(&str) -> Option<V>,
        expected: &str,
    ) -> Result<V, Error> {
        let value = self.value()?;
        parsed(&value, parse, expected).map_err(|error| self.of_last(error))
    }

    /// The value of the last option, a number.
    pub fn number(&mut self, range: RangeInclusive<u32>) -> Result<u32, Error> {
        let value = self.value()?;
        let number = value.to_str().and_then(digits);
        number
            .filter(|number| range.contains(number))
            .ok_or_else(|| {
                Error::Usage(format!(
                    "{}: {} is not a number from {} to {}",
                    self.last,
                    Shown(&value),
                    range.start(),
                    range.end()
                ))
            })
    }

    /// The value of the last option, a duration.
    pub fn duration(&mut self) -> Result<Duration, Error> {
        let value = self.value()?;
        duration(&value).map_err(|error| self.of_last(error))
    }

    /// The value of the last option, a duration; `None`, no limit, for 0.
    pub fn limit(&mut self) -> Result<Option<Duration>, Error> {
        self.duration().map(limit)
    }

    /// The value of the last option, an address.
    pub fn address(&mut self) -> Result<SocketAddr, Error> {
        let value = self.value()?;
        address(&value).map_err(|error| self.of_last(error))
    }

    /// Adds the name of the last option to a usage error.
    fn of_last(&self, error: Error) -> Error {
        match error {
            Error::Usage(text) => Error::Usage(format!("{}: {text}", self.last)),
            error => error,
        }
    }
}

/// The long name in the names of an option.
fn long(names: &str) -> &str {
    let long = names.split_once("--").map_or("", |(_, long)| long);
    long.split_once('=').map_or(long, |(long, _)| long)
}

/// Prints a text on standard output.
pub fn print(text: &str) -> Result<(), Error> {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .or_fail("write", "stdout")
}

/// The error for an operand that is one too many.
pub fn unexpected(operand: &OsStr) -> Error {
    Error::Usage(format!("unexpected {}", Shown(operand)))
}

/// Parses a whole text, a value or an operand. `expected` describes a right text.
fn parsed<V>(text: &OsStr, parse: impl Fn(&str) -> Option<V>, expected: &str) -> Result<V, Error> {
    text.to_str()
        .and_then(parse)
        .ok_or_else(|| Error::Usage(format!("{}: expected {expected}", Shown(text))))
}

/// Parses a number that has only digits. (`parse` alone also takes a sign.)
pub fn digits<N: std::str::FromStr>(text: &str) -> Option<N> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}

/// Parses a duration of at most a century, such as `0.5` or `10ms`.
pub fn duration(text: &OsStr) -> Result<Duration, Error> {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
    let parse = |text: &str| {
        let unit = text.trim_start_matches(|char: char| char.is_ascii_digit() || char == '.');
        let number: f64 = text[..text.len() - unit.len()].parse().ok()?;
        let seconds = match unit {
            "ns" => 1e-9,
            "us" => 1e-6,
            "ms" => 1e-3,
            "" | "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        let duration = Duration::try_from_secs_f64(number * seconds).ok()?;
        (duration <= CENTURY).then_some(duration)
    };
    let expected = "a duration such as 0.5, 90s, 5m, 2h or 10ms";
    parsed(text, parse, expected)
}

/// A duration as a limit: 0 is no limit.
pub fn limit(duration: Duration) -> Option<Duration> {
    (!duration.is_zero()).then_some(duration)
}

/// Parses an address and a port. The zone of an IPv6 address may be the name of an interface.
pub fn address(text: &OsStr) -> Result<SocketAddr, Error> {
    let split = |text: &str| {
        // std parses zones that are numbers.
        if let Ok(address) = text.parse() {
            return Some((address, None));
        }
        let (ip, rest) = text.split_once('%')?;
        let (zone, port) = rest.split_once("]:")?;
        let address = format!("{ip}]:{port}").parse().ok()?;
        (!zone.is_empty()).then(|| (address, Some(zone.to_owned())))
    };
    let expected = "a numeric address such as 127.0.0.1:7007 or [::1]:7007";
    let (mut address, zone) = parsed(text, split, expected)?;
    if let SocketAddr::V6(address) = &mut address {
        if let Some(zone) = zone {
            let number = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
                .and_then(|socket| Ok(netdevice::name_to_index(&socket, &zone)?))
                .or_fail("ioctl interface", Shown(OsStr::new(&zone)))?;
            address.set_scope_id(number);
        }
        if address.ip().is_unicast_link_local() && address.scope_id() == 0 {
            return parsed(text, |_| None, "a zone, as in [fe80::1%eth0]:7007");
        }
    }
    Ok(address)
}
