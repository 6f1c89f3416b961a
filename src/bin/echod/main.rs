//! `echod`: an echo server. It sends back all bytes that clients send, over TCP and UDP (RFC 862) and Unix sockets.
//!
//! This file starts the workers, one thread for each CPU. The parts:
//!
//! - `options.rs` is the table of options.
//! - `settings.rs` is what the command line sets.
//! - `listen.rs` opens the listening sockets.
//! - `worker.rs` is a worker's event loop.
//! - `connection.rs` receives and sends the bytes of one client.
//! - `held.rs` holds bytes that cannot be sent yet.
//! - `datagrams.rs` answers UDP datagrams.
//! - `shared.rs` is the state that all workers share.
//! - `gate.rs` counts the clients and limits their number.
//! - `counts.rs` counts clients, bytes and errors, for `--stats`.

#![cfg_attr(not(test), no_std, no_main)]

mod connection;
mod counts;
mod datagrams;
mod gate;
mod held;
mod listen;
mod options;
mod settings;
mod shared;
mod worker;

use core::sync::atomic; // for `gate`, which takes its atomics from its parent module

use ring3::Errno;
use ring3::cli::OrFail;
use ring3::collections::List;
use ring3::env::Start;
use ring3::eventfd::EventFd;
use ring3::fd::{STDIN, STDOUT};
use ring3::net;
use ring3::parts;
use ring3::pipe;
use ring3::process::{self, RLIMIT_NOFILE};
use ring3::rt::Exit;
use ring3::signal::{self, SIGHUP, SIGINT, SIGPIPE, SIGTERM, SIGUSR1, SignalFd, SignalSet};
use ring3::systemd::{Inherited, Manager};
use ring3::text::{Any, Shown, Writer};
use ring3::thread::{self, Builder, Cpus};

use counts::Counts;
use settings::{Settings, Verbosity};
use shared::Shared;
use worker::{Config, Worker};

ring3::program!(options::Given::NAME, main, inherited);

/// The most descriptors for which the server has room, even if RLIMIT_NOFILE allows more. The number is the kernel's
/// default of `fs.nr_open`.
const DESCRIPTORS: u64 = 1 << 20;

/// The size of a worker's stack, in bytes.
const STACK: usize = 64 * 1024;

fn main(start: Start, inherited: ring3::Result<Inherited>) -> Result<(), Exit> {
    // These signals are blocked from the start and read in the first worker's event loop, so none of them is lost. With
    // SIGPIPE blocked, a write to a closed pipe fails with EPIPE instead of killing the process.
    let awaited = SignalSet::of(&[SIGTERM, SIGINT, SIGHUP, SIGUSR1]);
    signal::block(awaited | SignalSet::of(&[SIGPIPE])).or_fail(
        PROGRAM,
        "rt_sigprocmask",
        "signals",
    )?;

    let mut inherited = inherited.or_fail(PROGRAM, "fcntl", "LISTEN_FDS")?;
    // inetd starts a server with the accepted connection as standard input and output.
    let is_client = inherited.len() == 0 && net::peer_address(STDIN).is_ok();
    let mut settings = Settings::of(start, inherited.len() != 0 || is_client)?;
    let is_client = is_client && settings.addresses.is_empty() && settings.paths.is_empty();
    // Standard error may be the connection too, and notices would be sent to the client.
    if is_client && settings.verbosity == Verbosity::Normal {
        settings.verbosity = Verbosity::Quiet;
    }
    let manager = match start.var("NOTIFY_SOCKET").map(Manager::at) {
        Some(Ok(manager)) => Some(manager),
        Some(Err(errno)) => {
            settings.notice(parts!("connect NOTIFY_SOCKET: ", errno));
            None
        }
        None => None,
    };
    // The table of clients is large and mostly unused. Huge pages would make it take memory for clients that do not
    // exist. An error is ignored: the server then works, and may take more memory.
    let _ = process::refuse_huge_pages();
    let descriptors = process::raise_limit(RLIMIT_NOFILE)
        .unwrap_or(DESCRIPTORS) // a descriptor above the real limit fails with EMFILE
        .min(DESCRIPTORS) as usize;
    let config = Config {
        capacity: descriptors,
        idle: settings.idle,
        spin: settings.spin,
        stats: settings.stats,
    };

    pipe::occupy_standard().or_fail(PROGRAM, "pipe2", "standard descriptors")?;
    let wakeup = EventFd::new().or_fail(PROGRAM, "eventfd2", "wakeup")?;
    let cpus = Cpus::allowed();
    let count = cpus.iter().count().max(1);
    let workers = settings.workers.unwrap_or(count);
    let mut counts = List::new(workers).or_fail(PROGRAM, "mmap", "counts")?;
    for _ in 0..workers {
        let _ = counts.push(Counts::default()); // there is room
    }
    let shared = Shared::new(wakeup, counts, &settings, manager);
    // The most listeners of a worker: a TCP and a UDP socket for each address, and one for each path and passed socket.
    let listeners = 2 * settings.addresses.len() + settings.paths.len() + inherited.len() + 1;
    // With one worker for each CPU, each worker is pinned to its CPU.
    let steered = workers == count && workers > 1;
    let mut all = List::new(workers).or_fail(PROGRAM, "mmap", "workers")?;
    for counts in shared.counts.iter() {
        let _ = all.push(Worker::new(&shared, counts, config, listeners)?); // there is room
    }

    let mut buffer = [0; 512];
    let mut out = Writer::new(STDOUT, &mut buffer);
    let mut listens = |address: Any<'_>| {
        if settings.verbosity != Verbosity::Quiet {
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
                shared.notice(parts!(operation, " ", address, ": ", errno, "; IPv4 only"));
            }
            Err((operation, errno)) => return Err(PROGRAM.fail(operation, address, errno)),
        }
    }
    let signals = SignalFd::new(awaited).or_fail(PROGRAM, "signalfd4", "signals")?;

    // Before there are threads: in the kernel, each thread has its own user and group ids. `become_user` changes the
    // ids of this thread only, and the threads that this thread starts inherit the ids.
    if let Some(root) = settings.root {
        process::chroot(root).or_fail(PROGRAM, "chroot", Shown(root.to_bytes()))?;
    }
    if let Some((uid, gid)) = settings.user {
        let name = parts!(uid, ":", gid);
        process::become_user(uid, gid).or_fail(PROGRAM, "setresuid", name)?;
    }

    let mut places = cpus.iter().filter(|_| steered);
    let mut threads = List::new(workers).or_fail(PROGRAM, "mmap", "threads")?;
    thread::scope(|scope| {
        let (mut first, mut refused) = (None, None);
        for worker in all.iter_mut() {
            let job = Job(worker, places.next());
            // The first worker runs in this thread. So with one worker the process has one thread, and the kernel need
            // not count the uses of a descriptor. If there are no listeners, only the first worker runs: the first
            // worker has all clients.
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
            shared.notice(parts!("clone worker: ", errno, "; workers: ", served));
        }
        let mut result = out.flush().or_fail(PROGRAM, "write", "stdout");
        match result {
            Ok(()) => shared.notify_manager("READY=1"),
            Err(_) => shared.end_now(),
        }
        if let Some(job) = first {
            job.0.take_signals(signals);
            result = result.and(job.run());
        }
        while let Some(thread) = threads.pop() {
            result = result.and(thread.join());
        }
        result
    })
}

/// A worker that has not run yet, and the CPU to pin it to.
struct Job<'w, 'a>(&'w mut Worker<'a>, Option<u32>);

impl Job<'_, '_> {
    fn run(self) -> Result<(), Exit> {
        if let Some(cpu) = self.1 {
            let _ = Cpus::one(cpu).pin(); // if this fails, the worker runs on any CPU
        }
        self.0.run()
    }
}

impl Drop for Job<'_, '_> {
    /// Closes the listeners of a worker that has no thread. Otherwise the clients in their accept queues would wait for
    /// ever.
    fn drop(&mut self) {
        self.0.close_listeners();
    }
}
