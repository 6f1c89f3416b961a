//! `echod`: sends back what clients send, over TCP and UDP (RFC 862) and Unix sockets.
//!
//! This file starts the workers; `settings.rs` is what the command line asks for, `listen.rs` opens the
//! sockets, `worker.rs` is the loop that waits and decides, `connection.rs` one client's bytes on their way,
//! `held.rs` those that can't go on yet, `datagrams.rs` those of UDP, `shared.rs` what the workers have in
//! common, `gate.rs` counts and limits the clients, `counts.rs` what they have served.

#![no_std]
#![no_main]

mod connection;
mod counts;
mod datagrams;
mod gate;
mod held;
mod listen;
mod settings;
mod shared;
mod worker;

use core::sync::atomic; // `gate` takes its atomics from here

use ring3::Errno;
use ring3::cli::OrFail;
use ring3::fd::{STDIN, STDOUT};
use ring3::list::List;
use ring3::net;
use ring3::parts;
use ring3::pipe;
use ring3::poll::Bell;
use ring3::print::{Any, Writer};
use ring3::privilege;
use ring3::process::{self, RLIMIT_NOFILE};
use ring3::rt::{Exit, Start};
use ring3::service::{Inherited, Manager};
use ring3::shown::Shown;
use ring3::signal::{self, SIGHUP, SIGINT, SIGPIPE, SIGTERM, SIGUSR1, SignalFd, SignalSet};
use ring3::thread::{self, Builder, Cpus};

use counts::Counts;
use settings::{Settings, Voice};
use shared::Shared;
use worker::{Habits, Worker};

ring3::program!("echod", main, inherited);

/// A descriptor is below this, whatever its limit: `fs.nr_open` as kernels set it.
const DESCRIPTORS: u64 = 1 << 20;

/// The stack of a worker, in bytes.
const STACK: usize = 64 * 1024;

fn main(start: Start, inherited: ring3::Result<Inherited>) -> Result<(), Exit> {
    // What ends the server is heard in its loop, however early it comes. A reader of our output that
    // is gone makes an error of the write, and does not kill.
    let heard = SignalSet::of(&[SIGTERM, SIGINT, SIGHUP, SIGUSR1]);
    signal::block(heard | SignalSet::of(&[SIGPIPE])).or_fail(
        PROGRAM,
        "rt_sigprocmask",
        "signals",
    )?;

    let mut inherited = inherited.or_fail(PROGRAM, "fcntl", "LISTEN_FDS")?;
    // inetd starts a server with the connection as standard input and output.
    let is_client = inherited.len() == 0 && net::peer_address(STDIN).is_ok();
    let mut settings = Settings::of(start, inherited.len() != 0 || is_client)?;
    let is_client = is_client && settings.addresses.is_empty() && settings.paths.is_empty();
    // Standard error may be the connection too.
    if is_client && settings.voice == Voice::Normal {
        settings.voice = Voice::Quiet;
    }
    let manager = match start.var("NOTIFY_SOCKET").map(Manager::at) {
        Some(Ok(manager)) => Some(manager),
        Some(Err(errno)) => {
            settings.say(parts!("connect NOTIFY_SOCKET: ", errno));
            None
        }
        None => None,
    };
    // A page is taken for the clients that are in it. Where the kernel has none, it gives none.
    let _ = process::refuse_huge_pages();
    let descriptors = process::raise_limit(RLIMIT_NOFILE)
        .unwrap_or(DESCRIPTORS) // a call that exceeds the limit returns EMFILE
        .min(DESCRIPTORS) as usize;
    let habits = Habits {
        capacity: descriptors,
        idle: settings.idle,
        spin: settings.spin,
        stats: settings.stats,
    };

    pipe::occupy_standard().or_fail(PROGRAM, "pipe2", "standard descriptors")?;
    let bell = Bell::new().or_fail(PROGRAM, "eventfd2", "bell")?;
    let cpus = Cpus::allowed();
    let count = cpus.iter().count().max(1);
    let workers = settings.workers.unwrap_or(count);
    let mut counts = List::new(workers).or_fail(PROGRAM, "mmap", "counts")?;
    for _ in 0..workers {
        let _ = counts.push(Counts::default()); // there is room
    }
    let shared = Shared::new(bell, counts, &settings, manager);
    // An address has one of TCP and one of UDP.
    let listeners = 2 * settings.addresses.len() + settings.paths.len() + inherited.len() + 1;
    // Each CPU has one worker, pinned to it.
    let steered = workers == count && workers > 1;
    let mut all = List::new(workers).or_fail(PROGRAM, "mmap", "workers")?;
    for counts in shared.counts.iter() {
        let _ = all.push(Worker::new(&shared, counts, habits, listeners)?); // there is room
    }

    let mut buffer = [0; 512];
    let mut out = Writer::new(STDOUT, &mut buffer);
    let mut listens = |address: Any<'_>| {
        if settings.voice != Voice::Quiet {
            out.print(parts!("echod: listening on ", address, "\n"));
        }
    };
    let client = is_client.then(|| STDIN.duplicate()).transpose();
    let mut client = client.or_fail(PROGRAM, "fcntl", "stdin")?;
    while let Some(fd) = inherited.next().or_else(|| client.take()) {
        let raw = fd.as_fd().as_raw();
        let name = parts!("descriptor ", raw);
        let is_listener = listen::take_over(fd, &mut all)
            .map_err(|(operation, errno)| PROGRAM.fail(operation, &name, errno))?;
        if is_listener {
            listens(Any::new(&name));
        }
    }
    for &path in settings.paths.iter() {
        let name = Shown(path.to_bytes());
        listen::at_path(path, settings.backlog, &mut all)
            .map_err(|(operation, errno)| PROGRAM.fail(operation, name, errno))?;
        listens(Any::new(&name));
    }
    for &address in settings.addresses.iter() {
        match listen::at_address(address, &settings, &mut all, steered.then_some(&cpus)) {
            Ok(address) => {
                listens(Any::new(&address));
                if settings.datagrams {
                    listens(Any::new(&parts!("udp ", address)));
                }
            }
            Err((operation, errno @ (Errno::EAFNOSUPPORT | Errno::EADDRNOTAVAIL)))
                if settings.by_default && address.is_ipv6() =>
            {
                shared.say(parts!(operation, " ", address, ": ", errno, "; IPv4 alone"));
            }
            Err((operation, errno)) => return Err(PROGRAM.fail(operation, address, errno)),
        }
    }
    let signals = SignalFd::new(heard).or_fail(PROGRAM, "signalfd4", "signals")?;

    // Before there are threads: each has a user of its own.
    if let Some(root) = settings.root {
        privilege::confine(root).or_fail(PROGRAM, "chroot", Shown(root.to_bytes()))?;
    }
    if let Some((uid, gid)) = settings.user {
        let name = parts!(uid, ":", gid);
        privilege::become_user(uid, gid).or_fail(PROGRAM, "setresuid", name)?;
    }

    let mut places = cpus.iter().filter(|_| steered);
    let mut threads = List::new(workers).or_fail(PROGRAM, "mmap", "threads")?;
    thread::scope(|scope| {
        let (mut first, mut refused) = (None, None);
        for worker in all.iter_mut() {
            let job = Job(worker, places.next());
            // The first worker runs in this thread. With one worker the process has one thread, and the kernel need not
            // count the uses of a descriptor. Without listeners the first worker has all clients.
            if first.is_none() {
                first = Some(job);
                continue;
            }
            if refused.is_none() && job.0.listens() {
                let work = move || job.run();
                match Builder::new().stack_size(STACK).spawn_scoped(scope, work) {
                    Ok(thread) => {
                        let _ = threads.push(thread); // there is room
                        continue;
                    }
                    Err(errno) => refused = Some(errno),
                }
            }
            shared.worker_ends();
        }
        if let Some(errno) = refused {
            let served = threads.len() + 1;
            shared.say(parts!("clone worker: ", errno, "; workers: ", served));
        }
        let mut result = out.flush().or_fail(PROGRAM, "write", "stdout");
        match result {
            Ok(()) => shared.tell_manager("READY=1"),
            Err(_) => shared.end_now(),
        }
        if let Some(job) = first {
            job.0.hear_signals(signals);
            result = result.and(job.run());
        }
        while let Some(thread) = threads.pop() {
            result = result.and(thread.join());
        }
        result
    })
}

/// A worker that is to run, and the CPU to run it on.
struct Job<'w, 'a>(&'w mut Worker<'a>, Option<u32>);

impl Job<'_, '_> {
    fn run(self) -> Result<(), Exit> {
        if let Some(cpu) = self.1 {
            let _ = Cpus::one(cpu).pin(); // where it may not, it runs anywhere
        }
        self.0.run()
    }
}

impl Drop for Job<'_, '_> {
    /// Closes the listeners of a worker that has no thread: clients that reach them would wait for ever.
    fn drop(&mut self) {
        self.0.close_listeners();
    }
}
