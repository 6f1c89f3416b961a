//! What the command line asks for.

use core::ffi::CStr;
use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use ring3::cli::{Arg, MOST_SECONDS, Options, OrFail};
use ring3::list::List;
use ring3::number;
use ring3::parts;
use ring3::print::Print;
use ring3::rt::{Exit, Start};
use ring3::shown::Shown;
use ring3::time::{NEVER, SECOND};

use crate::PROGRAM;
use crate::gate::Gate;

const HELP: &str = "\
usage: echod [OPTION...]
Send back what clients send, over TCP, Unix sockets and UDP (RFC 862).

  -l ADDR:PORT     listen there, 127.0.0.1:7 or [::1]:7; may be given again.
                   Port 0 lets the kernel choose. [::] is IPv6 alone. A link-local
                   address needs its interface: [fe80::1%eth0]:7
                   Default: 127.0.0.1:7007, and [::1]:7007 where there is IPv6
  -u               UDP too, at the same addresses. Datagrams from ports below 1024
                   and from its own ports are not answered: they could go round
                   for ever
  -x PATH          listen at this Unix socket; may be given again. One that nobody
                   listens at any more is replaced. @NAME is no file
  -w WORKERS       threads (default: one for each CPU that it may run on, and
                   then each client is served by the CPU that it arrives on)
  -b BACKLOG       how many clients may wait to be accepted (default 4096; not
                   more than net.core.somaxconn)
  --max-conns N    how many clients are served at once; others wait
  --idle SECONDS   close a client that has done nothing for so long
  --grace SECONDS  how long connections may go on after SIGTERM or SIGINT
                   (default 5); a second signal ends them at once
  --spin USEC      ask for events so long before sleeping (default 0): quicker
                   answers, and a CPU that never rests
  --user UID:GID   when all listen, become that user and group, by numbers
  --chroot DIR     and have nothing but DIR to open
  --stats SECONDS  say that often how many clients, bytes, requests, resets by
                   clients and errors there were; SIGUSR1 asks once
  -q               say nothing but errors that end it
  -v               say who comes and goes
  --help           print this
  --version        print the version

For each address it prints \"echod: listening on ADDR:PORT\" on standard output,
and with -u \"echod: listening on udp ADDR:PORT\".
It serves the sockets that a service manager passes (LISTEN_FDS), and tells it
when it is ready and when it ends (NOTIFY_SOCKET). If all of these are accepted
connections, it ends when they end.
";

const DEFAULT_PORT: u16 = 7007;

/// How much it says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Voice {
    Quiet,
    Normal,
    Verbose,
}

/// All of it.
pub struct Settings {
    pub addresses: List<SocketAddr>,
    /// Unix sockets, as they are written.
    pub paths: List<&'static CStr>,
    /// Whether nobody asked for these addresses.
    pub by_default: bool,
    /// Whether to serve UDP too.
    pub datagrams: bool,
    pub workers: Option<usize>,
    pub backlog: i32,
    pub most: u32,
    /// This and what follows in nanoseconds; [`NEVER`] where it is not limited.
    pub idle: u64,
    pub grace: u64,
    pub spin: u64,
    pub stats: u64,
    pub user: Option<(u32, u32)>,
    pub root: Option<&'static CStr>,
    pub voice: Voice,
}

impl Settings {
    /// Prints a notice, except with `-q`.
    pub fn say(&self, message: impl Print) {
        if self.voice != Voice::Quiet {
            PROGRAM.say(message);
        }
    }

    /// They listen by default where nothing is asked for and nothing `inherited`.
    #[inline(never)]
    pub fn of(start: Start, inherited: bool) -> Result<Self, Exit> {
        // There are no more addresses than arguments, or the two.
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
            voice: Voice::Normal,
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
                Arg::Short(b'q') => settings.voice = Voice::Quiet,
                Arg::Short(b'v') => settings.voice = Voice::Verbose,
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

/// `UID:GID`, by numbers: which there are names for is a file's to say, and there may be none. The number -1
/// would leave the user as it is (setresuid(2)).
fn user(text: &CStr) -> Option<(u32, u32)> {
    const MOST: u64 = u32::MAX as u64 - 1;
    let mut text = text.to_bytes();
    let uid = number::take(&mut text, 10, MOST)?;
    let [b':', gid @ ..] = text else { return None };
    let gid = number::whole(gid, 10, MOST)?;
    Some((uid as u32, gid as u32))
}
