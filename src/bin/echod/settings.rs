//! What the command line asks for.

use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use core::time::Duration;

use ring3::cli::{Arg, Options, OrFail};
use ring3::rt::{Exit, Start};
use ring3::shown::Shown;
use ring3::slab::Slab;

use crate::PROGRAM;

const HELP: &str = "\
usage: echod [OPTION...]
Send back what clients send, over TCP and, if asked, UDP (RFC 862).

  -l ADDR:PORT     listen there, 127.0.0.1:7 or [::1]:7; may be given again.
                   Port 0 lets the kernel choose. [::] is IPv6 alone.
                   Default: 127.0.0.1:7007, and [::1]:7007 where there is IPv6
  -u               UDP too, at the same addresses. Datagrams from ports below 1024
                   and from its own ports are not answered: they could go round
                   for ever
  -w WORKERS       threads (default: one for each CPU that it may run on, and
                   then each client is served by the CPU that it arrives on)
  -b BACKLOG       how many clients may wait to be accepted (default 4096; not
                   more than net.core.somaxconn)
  --max-conns N    how many clients are served at once; others wait
  --idle SECONDS   close a client that has done nothing for so long
  --grace SECONDS  how long connections may go on after SIGTERM or SIGINT
                   (default 10); a second signal ends them at once
  --spin USEC      ask for events so long before sleeping (default 0): quicker
                   answers, and a CPU that never rests
  --help           print this
  --version        print the version

For each address it prints \"echod: listening on ADDR:PORT\" on standard output,
and with -u \"echod: listening on udp ADDR:PORT\".
";

const DEFAULT_PORT: u16 = 7007;

/// The longest time to ask for, in seconds: a century.
const SECONDS: u64 = 100 * 365 * 24 * 60 * 60;

/// All of it.
pub struct Settings {
    pub addresses: Slab<SocketAddr>,
    /// Whether nobody asked for these addresses.
    pub by_default: bool,
    /// Whether to serve UDP too.
    pub datagrams: bool,
    pub workers: Option<usize>,
    pub backlog: i32,
    pub most: usize,
    pub idle: Option<Duration>,
    pub grace: Duration,
    pub spin: Duration,
}

impl Settings {
    pub fn of(start: Start) -> Result<Self, Exit> {
        // There are no more addresses than arguments, or the two.
        let room = start.args().len().max(2);
        let mut settings = Self {
            addresses: Slab::new(room).or_fail(PROGRAM, "mmap", "addresses")?,
            by_default: false,
            datagrams: false,
            workers: None,
            backlog: 4096,
            most: usize::MAX,
            idle: None,
            grace: Duration::from_secs(10),
            spin: Duration::ZERO,
        };
        let mut options = Options::new(PROGRAM, HELP, start.args());
        while let Some(arg) = options.next_arg()? {
            match arg {
                Arg::Short(b'l') => {
                    let text = options.value()?;
                    let address = text.to_str().ok().and_then(|text| text.parse().ok());
                    let Some(address) = address else {
                        let text = Shown(text.to_bytes());
                        return Err(options.usage(format_args!("{text} is not ADDR:PORT")));
                    };
                    let _ = settings.addresses.insert(address); // there is room
                }
                Arg::Short(b'u') => settings.datagrams = true,
                Arg::Short(b'w') => {
                    settings.workers = Some(options.number(1..=1024)? as usize);
                }
                Arg::Short(b'b') => settings.backlog = options.number(1..=65_535)? as i32,
                Arg::Long(b"max-conns") => {
                    settings.most = options.number(1..=u32::MAX.into())? as usize;
                }
                Arg::Long(b"idle") => {
                    let seconds = options.number(1..=SECONDS)?;
                    settings.idle = Some(Duration::from_secs(seconds));
                }
                Arg::Long(b"grace") => {
                    settings.grace = Duration::from_secs(options.number(0..=SECONDS)?);
                }
                Arg::Long(b"spin") => {
                    settings.spin = Duration::from_micros(options.number(0..=1_000_000)?);
                }
                Arg::Operand(operand) => {
                    let operand = Shown(operand.to_bytes());
                    return Err(options.usage(format_args!("unexpected {operand}")));
                }
                _ => return Err(options.unknown()),
            }
        }
        if settings.addresses.is_empty() {
            settings.by_default = true;
            for ip in [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()] {
                let _ = settings.addresses.insert(SocketAddr::new(ip, DEFAULT_PORT));
            }
        }
        Ok(settings)
    }
}
