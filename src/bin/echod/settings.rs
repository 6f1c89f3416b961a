//! The settings of the server: parses the command line.

use core::ffi::CStr;
use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use ring3::cli::{Arg, MOST_SECONDS, Options, OrFail};
use ring3::collections::List;
use ring3::env::Start;
use ring3::parts;
use ring3::rt::Exit;
use ring3::text::{Print, Shown, number};
use ring3::time::{NEVER, SECOND};

use crate::gate::Gate;
use crate::{HELP, PROGRAM};

const DEFAULT_PORT: u16 = 7007;

/// Which messages the server prints.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// `-q`: only errors that end the server.
    Quiet,
    Normal,
    /// `-v`: also a line for each client that connects or ends.
    Verbose,
}

/// The options of the command line, or their defaults.
pub struct Settings {
    /// Addresses of TCP sockets, and with `datagrams` of UDP sockets too.
    pub addresses: List<SocketAddr>,
    /// Paths of Unix sockets, as given; a leading `@` means an abstract socket.
    pub paths: List<&'static CStr>,
    /// Whether `addresses` are the default addresses.
    pub by_default: bool,
    /// Whether to serve UDP too.
    pub datagrams: bool,
    pub workers: Option<usize>,
    pub backlog: i32,
    /// The greatest number of clients at once.
    pub most: u32,
    /// After how many nanoseconds an idle client is closed; [`NEVER`] if there is no limit.
    pub idle: u64,
    /// How many nanoseconds connections may go on after the signal to end.
    pub grace: u64,
    /// For how many nanoseconds a worker polls before it sleeps.
    pub spin: u64,
    /// The interval between two lines of counts, in nanoseconds; [`NEVER`] if none are printed.
    pub stats: u64,
    pub user: Option<(u32, u32)>,
    pub root: Option<&'static CStr>,
    pub verbosity: Verbosity,
}

impl Settings {
    /// Prints a notice, except with `-q`.
    pub fn notice(&self, message: impl Print) {
        if self.verbosity != Verbosity::Quiet {
            PROGRAM.say(message);
        }
    }

    /// Parses the command line. The default addresses are used if the command line names no address and no path, and
    /// there is no `inherited` socket.
    #[inline(never)]
    pub fn of(start: Start, inherited: bool) -> Result<Self, Exit> {
        // At most one address or path for each argument, or the two default addresses.
        let room = start.args().len().max(2);
        let mut settings = Self {
            addresses: List::new(room).or_fail(PROGRAM, "mmap", "addresses")?,
            paths: List::new(room).or_fail(PROGRAM, "mmap", "paths")?,
            by_default: false,
            datagrams: false,
            workers: None,
            backlog: 4096,
            most: Gate::MOST,
            idle: NEVER,
            grace: 5 * SECOND,
            spin: 0,
            stats: NEVER,
            user: None,
            root: None,
            verbosity: Verbosity::Normal,
        };
        let mut options = Options::new(PROGRAM, HELP, start.args());
        while let Some(arg) = options.next_arg()? {
            match arg {
                Arg::Short(b'l') => {
                    let text = options.value()?;
                    let address = options.address(text)?;
                    let _ = settings.addresses.push(address); // there is room
                }
                Arg::Short(b'x') => {
                    let _ = settings.paths.push(options.value()?); // there is room
                }
                Arg::Short(b'q') => settings.verbosity = Verbosity::Quiet,
                Arg::Short(b'v') => settings.verbosity = Verbosity::Verbose,
                Arg::Long(b"stats") => {
                    settings.stats = options.number(1..=MOST_SECONDS)? * SECOND;
                }
                Arg::Long(b"user") => {
                    let text = options.value()?;
                    let Some(user) = user(text) else {
                        let text = Shown(text.to_bytes());
                        return Err(options.usage(parts!(text, " is not UID:GID")));
                    };
                    settings.user = Some(user);
                }
                Arg::Long(b"chroot") => settings.root = Some(options.value()?),
                Arg::Short(b'u') => settings.datagrams = true,
                Arg::Short(b'w') => {
                    settings.workers = Some(options.number(1..=1024)? as usize);
                }
                Arg::Short(b'b') => settings.backlog = options.number(1..=65_535)? as i32,
                Arg::Long(b"max-conns") => {
                    settings.most = options.number(1..=Gate::MOST.into())? as u32;
                }
                Arg::Long(b"idle") => settings.idle = options.number(1..=MOST_SECONDS)? * SECOND,
                Arg::Long(b"grace") => {
                    settings.grace = options.number(0..=MOST_SECONDS)? * SECOND;
                }
                Arg::Long(b"spin") => {
                    settings.spin = options.number(0..=1_000_000)? * (SECOND / 1_000_000);
                }
                Arg::Operand(operand) => {
                    let operand = Shown(operand.to_bytes());
                    return Err(options.usage(parts!("unexpected ", operand)));
                }
                _ => return Err(options.unknown()),
            }
        }
        if settings.addresses.is_empty() && settings.paths.is_empty() && !inherited {
            settings.by_default = true;
            for ip in [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()] {
                let _ = settings.addresses.push(SocketAddr::new(ip, DEFAULT_PORT));
            }
        }
        Ok(settings)
    }
}

/// Parses `UID:GID`. Both are numbers: names would need /etc/passwd, which may not exist. 2^32 - 1 is refused, because
/// setresuid(2) takes -1 as "no change".
fn user(text: &CStr) -> Option<(u32, u32)> {
    const MOST: u64 = u32::MAX as u64 - 1;
    let mut text = text.to_bytes();
    let uid = number::take(&mut text, 10, MOST)?;
    let [b':', gid @ ..] = text else { return None };
    let gid = number::whole(gid, 10, MOST)?;
    Some((uid as u32, gid as u32))
}
