//! The command line, as getopt_long(3) parses it, and the types of its values.

use core::ffi::CStr;
use core::fmt::{self, Display};
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use rustix::net::{AddressFamily, SocketType, netdevice, socket};

use crate::io::{stdout, write_all};
use crate::{Args, Exit, Program, Text};

/// A program's options.
pub struct Cli {
    pub program: Program,
    pub help: &'static str,
    pub version: &'static str,
    pub options: &'static [Opt],
}

/// An option: the letter of its short name, its long name, and whether it takes a value.
pub struct Opt(pub Option<char>, pub &'static str, pub bool);

const HELP: Opt = Opt(Some('h'), "help", false);
const VERSION: Opt = Opt(Some('V'), "version", false);

/// An element of a command line.
pub enum Arg {
    /// An option, by its long name. If it takes a value, the caller calls one of the parser's functions for it.
    Option(&'static str),
    Operand(&'static CStr),
}

pub struct Parser {
    cli: &'static Cli,
    args: Args,
    /// The rest of a cluster of short options.
    cluster: Option<&'static CStr>,
    /// The text after the `=` of a long option.
    value: Option<&'static CStr>,
    /// The last option as it was written.
    last: Last,
    only_operands: bool,
}

#[derive(Clone, Copy)]
enum Last {
    None,
    Short(u8),
    Long(&'static [u8]),
}

impl Display for Last {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Short(letter) => write!(f, "-{}", Text(&[*letter])),
            Self::Long(name) => write!(f, "--{}", Text(name)),
        }
    }
}

impl Parser {
    pub fn new(cli: &'static Cli, mut args: Args) -> Self {
        args.next(); // the program's own name
        Self {
            cli,
            args,
            cluster: None,
            value: None,
            last: Last::None,
            only_operands: false,
        }
    }

    /// The next element. `--help` and `--version` are answered here: then the result is `Exit(0)`.
    pub fn next_arg(&mut self) -> Result<Option<Arg>, Exit> {
        if let Some(cluster) = self.cluster.take() {
            return self.short(cluster);
        }
        let Some(mut arg) = self.args.next() else {
            return Ok(None);
        };
        if !self.only_operands && arg == c"--" {
            self.only_operands = true;
            match self.args.next() {
                Some(next) => arg = next,
                None => return Ok(None),
            }
        }
        match arg.to_bytes() {
            [b'-', b'-', ..] if !self.only_operands => self.long(arg),
            [b'-', _, ..] if !self.only_operands => self.short(after(arg, 1)),
            _ => {
                self.last = Last::None;
                Ok(Some(Arg::Operand(arg)))
            }
        }
    }

    /// The arguments after the last element.
    pub fn rest(&self) -> Args {
        self.args
    }

    fn short(&mut self, cluster: &'static CStr) -> Result<Option<Arg>, Exit> {
        let letter = cluster.to_bytes()[0];
        let rest = after(cluster, 1);
        self.cluster = (!rest.is_empty()).then_some(rest);
        self.last = Last::Short(letter);
        let found = options(self.cli).find(|option| option.0 == Some(letter.into()));
        match found {
            Some(option) => self.found(option, rest.to_bytes().starts_with(b"=")),
            None => Err(self.unknown()),
        }
    }

    fn long(&mut self, arg: &'static CStr) -> Result<Option<Arg>, Exit> {
        let mut name = &arg.to_bytes()[2..];
        self.value = None;
        if let Some(end) = name.iter().position(|&byte| byte == b'=') {
            name = &name[..end];
            self.value = Some(after(arg, 2 + end + 1));
        }
        self.last = Last::Long(name);
        let is_exact = |option: &&Opt| option.1.as_bytes() == name;
        let begins = |option: &&Opt| option.1.as_bytes().starts_with(name);
        let mut candidates = options(self.cli).filter(begins);
        let option = match (
            options(self.cli).find(is_exact),
            candidates.next(),
            candidates.next(),
        ) {
            (Some(exact), ..) => exact,
            (None, Some(only), None) => only,
            (None, None, _) => return Err(self.unknown()),
            (None, Some(_), Some(_)) => {
                return Err(self.usage(format_args!(
                    "{} is ambiguous:{}",
                    self.last,
                    Candidates(self.cli, name)
                )));
            }
        };
        self.found(option, self.value.is_some())
    }

    fn found(&self, option: &'static Opt, has_value: bool) -> Result<Option<Arg>, Exit> {
        if has_value && !option.2 {
            return Err(self.usage(format_args!("{} takes no value", self.last)));
        }
        match option.1 {
            "help" => Err(print(self.cli.program, self.cli.help)),
            "version" => Err(print(self.cli.program, self.cli.version)),
            name => Ok(Some(Arg::Option(name))),
        }
    }

    fn unknown(&self) -> Exit {
        self.usage(format_args!("unknown option {}", self.last))
    }

    /// Prints a usage error.
    pub fn usage(&self, message: fmt::Arguments<'_>) -> Exit {
        let Program(name) = self.cli.program;
        self.cli
            .program
            .say(format_args!("{message}\nTry '{name} --help'."));
        Exit(2)
    }

    /// Prints that an operand is unexpected.
    pub fn unexpected(&self, operand: &CStr) -> Exit {
        self.usage(format_args!("unexpected {}", Text::from(operand)))
    }

    /// Prints why the value of the last option is refused, or an operand.
    fn refuse(&self, text: &CStr, why: fmt::Arguments<'_>) -> Exit {
        let text = Text::from(text);
        match self.last {
            Last::None => self.usage(format_args!("{text}{why}")),
            last => self.usage(format_args!("{last}: {text}{why}")),
        }
    }

    /// The value of the last option.
    fn value(&mut self) -> Result<&'static CStr, Exit> {
        let value = self.value.take().or_else(|| self.cluster.take());
        value
            .or_else(|| self.args.next())
            .ok_or_else(|| self.usage(format_args!("{} needs a value", self.last)))
    }

    /// The value of the last option, parsed. `parse` returns `None` for a wrong text.
    pub fn parsed<T>(
        &mut self,
        parse: impl FnOnce(&[u8]) -> Option<T>,
        expected: &str,
    ) -> Result<T, Exit> {
        let text = self.value()?;
        parse(text.to_bytes())
            .ok_or_else(|| self.refuse(text, format_args!(": expected {expected}")))
    }

    /// The value of the last option: a number.
    pub fn number(&mut self, least: u64, most: u64) -> Result<u64, Exit> {
        let text = self.value()?;
        match number(text.to_bytes()) {
            Some(number) if (least..=most).contains(&number) => Ok(number),
            _ => {
                let why = format_args!(" is not a number from {least} to {most}");
                Err(self.refuse(text, why))
            }
        }
    }

    /// The value of the last option: a time. 0 is no limit.
    pub fn limit(&mut self) -> Result<Option<Duration>, Exit> {
        let text = self.value()?;
        self.limit_in(text)
    }

    /// The time in an operand. 0 is no limit.
    pub fn limit_in(&self, text: &CStr) -> Result<Option<Duration>, Exit> {
        match duration(text.to_bytes()) {
            Some(time) => Ok((!time.is_zero()).then_some(time)),
            None => Err(self.refuse(
                text,
                format_args!(": expected a duration such as 0.5, 90s, 5m, 2h or 10ms"),
            )),
        }
    }

    /// The value of the last option: an address and a port.
    pub fn address(&mut self) -> Result<SocketAddr, Exit> {
        let text = self.value()?;
        self.address_in(text)
    }

    /// The address and the port in an operand.
    pub fn address_in(&self, text: &CStr) -> Result<SocketAddr, Exit> {
        let (address, zone) = zoned(text.to_bytes()).ok_or_else(|| {
            let example = ": expected a numeric address such as 127.0.0.1:7007 or [::1]:7007";
            self.refuse(text, format_args!("{example}"))
        })?;
        let SocketAddr::V6(mut address) = address else {
            return Ok(address);
        };
        if let Some(name) = zone {
            let index = socket(AddressFamily::INET, SocketType::DGRAM, None)
                .and_then(|socket| netdevice::name_to_index(socket, name));
            let object = format_args!("interface {}", Text(name.as_bytes()));
            address.set_scope_id(
                index.map_err(|errno| self.cli.program.fail("ioctl", object, errno))?,
            );
        }
        // Every interface has addresses that are local to its link.
        if address.ip().is_unicast_link_local() && address.scope_id() == 0 {
            let example = ": expected a zone, as in [fe80::1%eth0]:7007";
            return Err(self.refuse(text, format_args!("{example}")));
        }
        Ok(address.into())
    }
}

fn options(cli: &'static Cli) -> impl Iterator<Item = &'static Opt> {
    cli.options.iter().chain([&HELP, &VERSION])
}

/// The long names that begin with a text.
struct Candidates(&'static Cli, &'static [u8]);

impl Display for Candidates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        options(self.0)
            .filter(|option| option.1.as_bytes().starts_with(self.1))
            .try_for_each(|option| write!(f, " --{}", option.1))
    }
}

/// The text after the first `count` bytes.
fn after(text: &'static CStr, count: usize) -> &'static CStr {
    CStr::from_bytes_with_nul(&text.to_bytes_with_nul()[count..]).unwrap_or_default()
}

/// Prints a text to standard output, and returns the status.
pub fn print(program: Program, text: &str) -> Exit {
    match write_all(stdout(), text.as_bytes()) {
        Ok(()) => Exit(0),
        Err(errno) => program.fail("write", "stdout", errno),
    }
}

/// A number of decimal digits.
pub fn number(text: &[u8]) -> Option<u64> {
    if !text.iter().all(u8::is_ascii_digit) {
        return None; // `parse` would take a sign
    }
    str::from_utf8(text).ok()?.parse().ok()
}

/// A duration: a number, which may have a fraction, and a unit. The default is seconds.
fn duration(text: &[u8]) -> Option<Duration> {
    const SECOND: u64 = 1_000_000_000;
    const CENTURY: u64 = 36_500 * 86_400 * SECOND;
    let end = text
        .iter()
        .position(|byte| !matches!(byte, b'0'..=b'9' | b'.'));
    let (amount, unit) = text.split_at(end.unwrap_or(text.len()));
    let unit = match unit {
        b"ns" => 1,
        b"us" => 1_000,
        b"ms" => 1_000_000,
        b"" | b"s" => SECOND,
        b"m" => 60 * SECOND,
        b"h" => 3600 * SECOND,
        b"d" => 86_400 * SECOND,
        _ => return None,
    };
    let (whole, fraction) = match amount.iter().position(|&byte| byte == b'.') {
        Some(point) => (&amount[..point], &amount[point + 1..]),
        None => (amount, &[][..]),
    };
    if whole.is_empty() && fraction.is_empty() || fraction.contains(&b'.') {
        return None;
    }
    let whole = if whole.is_empty() { 0 } else { number(whole)? };
    // From the last digit to the first, so that no precision is lost.
    let fraction = fraction.iter().rev().fold(0, |part, digit| {
        (part + u64::from(digit - b'0') * unit) / 10
    });
    let nanoseconds = whole.checked_mul(unit)?.checked_add(fraction)?;
    (nanoseconds <= CENTURY).then(|| Duration::from_nanos(nanoseconds))
}

/// An address and a port, and the name of the zone if it is not a number.
fn zoned(text: &[u8]) -> Option<(SocketAddr, Option<&str>)> {
    let text = str::from_utf8(text).ok()?;
    if let Ok(address) = text.parse() {
        return Some((address, None));
    }
    let (ip, rest) = text.strip_prefix('[')?.split_once('%')?;
    let (zone, port) = rest.split_once("]:")?;
    let ip = IpAddr::V6(ip.parse().ok()?);
    let port = u16::try_from(number(port.as_bytes())?).ok()?;
    (!zone.is_empty()).then_some((SocketAddr::new(ip, port), Some(zone)))
}
