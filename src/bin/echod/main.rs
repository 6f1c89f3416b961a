//! `echod`: sends back what clients send, over TCP and UDP (RFC 862).
//!
//! This file starts the workers; `settings.rs` is what the command line asks for, `listen.rs` opens the
//! sockets, `worker.rs` is the loop that waits and decides, `connection.rs` one client's bytes on their way,
//! `held.rs` those that can't go on yet, `datagrams.rs` those of UDP, `shared.rs` what the workers have in common.

#![no_std]
#![no_main]

mod connection;
mod datagrams;
mod held;
mod listen;
mod settings;
mod shared;
mod worker;

use ring3::Errno;
use ring3::cli::OrFail;
use ring3::fd::STDOUT;
use ring3::io::Writer;
use ring3::poll::{self, Bell};
use ring3::process::{self, RLIMIT_NOFILE};
use ring3::rt::{Exit, Start};
use ring3::signal::{self, SIGHUP, SIGINT, SIGPIPE, SIGTERM, SignalFd, SignalSet};
use ring3::slab::Slab;
use ring3::thread::{self, Builder, Cpus};

use settings::Settings;
use shared::Shared;
use worker::{Habits, Worker};

ring3::program!("echod", main);

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
        datagrams: settings.datagrams,
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
    // An address has one of TCP and one of UDP.
    let listeners = 2 * settings.addresses.len();
    for _ in 0..workers {
        let _ = all.insert(Worker::new(&shared, habits, listeners)?); // there is room
    }
    // Each CPU has its worker, which stays there.
    let steered = workers == count && workers > 1;

    let mut out = Writer::<512>::new(STDOUT);
    for &address in settings.addresses.iter() {
        match listen::listen(address, &settings, &mut all, steered.then_some(&cpus)) {
            Ok(address) => {
                ring3::println!(&mut out, "echod: listening on {address}");
                if settings.datagrams {
                    ring3::println!(&mut out, "echod: listening on udp {address}");
                }
            }
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
