//! The settings of the server: parses the command line.

use core::ffi::CStr;
use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use ring3::cli::{Options, OrFail};
use ring3::collections::List;
use ring3::env::Start;
use ring3::rt::Exit;
use ring3::text::Print;
use ring3::time::NEVER;

use crate::PROGRAM;
use crate::gate::Gate;
use crate::options::{BACKLOG, GRACE, Given, SPIN};

const DEFAULT_PORT: u16 = 7007;

/// Which messages the server prints.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// `--quiet`: only errors that end the server.
    Quiet,
    Normal,
    /// `--verbose`: also a line for each client that connects or ends.
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
    /// Prints a notice, except with `--quiet`.
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
            backlog: BACKLOG as i32,
            most: Gate::MOST,
            idle: NEVER,
            grace: GRACE,
            spin: SPIN,
            stats: NEVER,
            user: None,
            root: None,
            verbosity: Verbosity::Normal,
        };
        let mut options = Options::new(start.args());
        while let Some(given) = options.next_arg()? {
            match given {
                Given::Listen(address) => {
                    let _ = settings.addresses.push(address); // there is room
                }
                Given::Unix(path) => {
                    let _ = settings.paths.push(path); // there is room
                }
                Given::Udp => settings.datagrams = true,
                Given::Workers(count) => settings.workers = Some(count as usize),
                Given::Backlog(length) => settings.backlog = length as i32,
                Given::MaxConns(most) => settings.most = most as u32,
                Given::Idle(limit) => settings.idle = limit,
                Given::Grace(span) => settings.grace = span,
                Given::Spin(span) => settings.spin = span,
                Given::User(user) => settings.user = Some(user),
                Given::Chroot(root) => settings.root = Some(root),
                Given::Stats(interval) => settings.stats = interval,
                Given::Quiet => settings.verbosity = Verbosity::Quiet,
                Given::Verbose => settings.verbosity = Verbosity::Verbose,
                Given::Operand(operand) => return Err(options.unexpected(operand)),
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
