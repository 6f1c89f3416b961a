//! `echod`: sends back what TCP clients send (RFC 862).
//!
//! This file reads the command line and starts the workers; `listen.rs` opens their sockets, `worker.rs` is
//! the loop that waits and decides, `connection.rs` one client's bytes on their way, `held.rs` those that
//! can't go on yet, `shared.rs` what the workers have in common.

#![no_std]
#![no_main]

mod connection;
mod held;
mod listen;
mod shared;
mod worker;

use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use core::time::Duration;

use ring3::Errno;
use ring3::cli::{Arg, Options, OrFail};
use ring3::fd::STDOUT;
use ring3::io::Writer;
use ring3::poll::{self, Bell};
use ring3::process::{self, RLIMIT_NOFILE};
use ring3::rt::{Exit, Start};
use ring3::shown::Shown;
use ring3::signal::{self, SIGHUP, SIGINT, SIGPIPE, SIGTERM, SignalFd, SignalSet};
use ring3::slab::Slab;
use ring3::thread::{self, Builder, Cpus};

use shared::Shared;
use worker::{Habits, Worker};

ring3::program!("echod", main);

const HELP: &str = "\
usage: echod [OPTION...]
Send back what TCP clients send (RFC 862).

  -l ADDR:PORT     listen there, 127.0.0.1:7 or [::1]:7; may be given again.
                   Port 0 lets the kernel choose. [::] is IPv6 alone.
                   Default: 127.0.0.1:7007, and [::1]:7007 where there is IPv6
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

For each address it prints \"echod: listening on ADDR:PORT\" on standard output.
";

const DEFAULT_PORT: u16 = 7007;

/// The longest time to ask for, in seconds: a century.
const SECONDS: u64 = 100 * 365 * 24 * 60 * 60;

/// A descriptor is below this, whatever its limit: `fs.nr_open` as kernels set it.
const DESCRIPTORS: u64 = 1 << 20;

/// The stack of a worker, in bytes.
const STACK: usize = 64 * 1024;

fn main(start: Start) -> Result<(), Exit> {
    // What ends the server is heard in its loop, however early it comes. A reader of our output that
    // is gone makes an error of the write, and does not kill.
    let heard = SignalSet::of(&[SIGTERM, SIGINT, SIGHUP]);
    signal::block(heard);
    signal::block(SignalSet::of(&[SIGPIPE]));

    let settings = Settings::of(start)?;
    let descriptors = process::raise_limit(RLIMIT_NOFILE).min(DESCRIPTORS) as usize;
    let habits = Habits {
        capacity: descriptors,
        idle: settings.idle,
        spin: settings.spin,
    };

    poll::occupy_standard().or_fail(PROGRAM, "epoll_create1", "events")?;
    let bell = Bell::new().or_fail(PROGRAM, "eventfd2", "bell")?;
    let cpus = Cpus::allowed();
    let count = cpus.iter().count().max(1);
    let workers = settings.workers.unwrap_or(count);
    let shared = Shared::new(bell, settings.most, workers, settings.grace);
    let mut all = Slab::new(workers).or_fail(PROGRAM, "mmap", "workers")?;
    for _ in 0..workers {
        let _ = all.insert(Worker::new(&shared, habits, settings.addresses.len())?); // there is room
    }
    // Each CPU has its worker, which stays there.
    let steered = workers == count && workers > 1;

    let mut out = Writer::<512>::new(STDOUT);
    for &address in settings.addresses.iter() {
        match listen::listen(
            address,
            settings.backlog,
            &mut all,
            steered.then_some(&cpus),
        ) {
            Ok(address) => ring3::println!(&mut out, "echod: listening on {address}"),
            Err((operation, errno @ (Errno::EAFNOSUPPORT | Errno::EADDRNOTAVAIL)))
                if settings.by_default && address.is_ipv6() =>
            {
                PROGRAM.say(format_args!("{operation} {address}: {errno}; IPv4 alone"));
            }
            Err((operation, errno)) => return Err(PROGRAM.fail(operation, address, errno)),
        }
    }
    out.flush().or_fail(PROGRAM, "write", "stdout")?;

    let signals = SignalFd::new(heard).or_fail(PROGRAM, "signalfd4", "signals")?;
    let mut places = cpus.iter().filter(|_| steered);
    let mut threads = Slab::new(workers).or_fail(PROGRAM, "mmap", "threads")?;
    thread::scope(|scope| {
        // The first runs in this thread: with one alone, the process has one, and the kernel need not
        // count who uses a descriptor.
        let (first, place) = (all.take(0), places.next());
        let mut result = Ok(());
        for number in 1..workers {
            let (worker, place) = (all.take(number), places.next());
            let work = move || run(worker, place);
            match Builder::new().stack_size(STACK).spawn_scoped(scope, work) {
                Ok(thread) => drop(threads.insert(thread)), // there is room
                Err(errno) => {
                    result = Err(PROGRAM.fail("clone", "worker", errno));
                    shared.end_now();
                }
            }
        }
        result = result.and(run(first.map(|first| first.with_signals(signals)), place));
        for number in 0..workers {
            if let Some(thread) = threads.take(number) {
                result = result.and(thread.join());
            }
        }
        result
    })
}

/// Runs a worker in this thread, on that CPU.
fn run(worker: Option<Worker<'_>>, cpu: Option<u32>) -> Result<(), Exit> {
    if let Some(cpu) = cpu {
        let _ = Cpus::one(cpu).pin(); // where it may not, it runs anywhere
    }
    worker.map_or(Ok(()), Worker::run)
}

/// What the command line asks for.
struct Settings {
    addresses: Slab<SocketAddr>,
    /// Whether nobody asked for these addresses.
    by_default: bool,
    workers: Option<usize>,
    backlog: i32,
    most: usize,
    idle: Option<Duration>,
    grace: Duration,
    spin: Duration,
}

impl Settings {
    fn of(start: Start) -> Result<Self, Exit> {
        // There are no more addresses than arguments, or the two.
        let room = start.args().len().max(2);
        let mut settings = Self {
            addresses: Slab::new(room).or_fail(PROGRAM, "mmap", "addresses")?,
            by_default: false,
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
