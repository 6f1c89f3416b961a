//! A worker: one thread with an event loop, which accepts clients and answers their bytes.
//!
//! Each worker has an epoll instance of its own, its listeners, and the clients that it has accepted. A client stays
//! with its worker until it is closed. Only the first worker reads signals; the others learn of the end by [`Shared`].

use core::time::Duration;

use ring3::Errno;
use ring3::cli::OrFail;
use ring3::collections::List;
use ring3::collections::Slab;
use ring3::fd::{BorrowedFd, OwnedFd};
use ring3::mem::Mapping;
use ring3::net::{self, Batch, SOCK_CLOEXEC, SOCK_NONBLOCK};
use ring3::parts;
use ring3::poll::{EPOLLET, EPOLLEXCLUSIVE, EPOLLIN, Epoll, EpollEvent, Events, Next};
use ring3::rt::Exit;
use ring3::signal::{SIGINT, SIGTERM, SIGUSR1, SignalFd};
use ring3::text::{Print, Writer};
use ring3::time::{Deadline, NEVER, SECOND, monotonic};

use crate::PROGRAM;
use crate::connection::{self, BUFFER, Connection, Tools};
use crate::counts::{Counts, is_of_one_connection};
use crate::datagrams::{self, BATCH};
use crate::held::Held;
use crate::shared::{Failed, Shared};

/// The most events that one wait returns.
const EVENTS: usize = 128;

/// The most clients that are accepted in a row while others wait to be served.
const ACCEPTS: usize = 64;

/// After a shortage of descriptors or memory, accepting is tried again after this time, even if no client of this
/// server has ended: another process may have freed the resource. In nanoseconds.
const PAUSE: u64 = SECOND;

/// The limit of `--idle` has this many ticks, so an idle client is closed at most one tick late.
const TICKS: u64 = 16;

/// Returns the length of a tick for this limit, in nanoseconds: at least a millisecond, so that a short limit does not
/// make a worker scan its clients all the time.
fn tick(idle: u64) -> u64 {
    (idle / TICKS).max(SECOND / 1000)
}

/// Returns the deadline `span` nanoseconds from now. Reads the clock in the vDSO, unlike [`Deadline::after`].
fn after(span: u64) -> Deadline {
    Deadline::from(monotonic(), span)
}

/// The kinds of event sources. An event's data is one of these, plus a number in the low 32 bits: the client's number
/// in `connections`, or the listener's in `listeners`.
const CONNECTION: u64 = 0;
const LISTENER: u64 = 1 << 32;
const WAKEUP: u64 = 2 << 32;
const SIGNALS: u64 = 3 << 32;
const DATAGRAMS: u64 = 4 << 32;

/// The settings that are the same for all workers. Times are in nanoseconds; [`NEVER`] means no limit.
#[derive(Clone, Copy)]
pub struct Config {
    /// The most clients of one worker.
    pub capacity: usize,
    /// After how long an idle client is closed.
    pub idle: u64,
    /// How long to poll for events before sleeping.
    pub spin: u64,
    /// The interval at which the counts are printed.
    pub stats: u64,
}

/// Why a client is closed.
enum End {
    /// The client sent EOF, and all its bytes were sent back.
    Well,
    /// The client was idle for too long.
    Idle,
    /// The server ends, and the client had not ended in the grace period.
    Grace,
    /// The server ends because of a failure that this client did not cause.
    Failure,
    /// The client's connection failed.
    Failed(Errno),
}

impl Print for End {
    fn print(&self, out: &mut Writer<'_>) {
        match self {
            Self::Well => out.print("ended"),
            Self::Idle => out.print("closed: it was idle"),
            Self::Grace => out.print("closed: the grace period is over"),
            Self::Failure => out.print("reset: the server failed"),
            Self::Failed(errno) => out.print(errno),
        }
    }
}

/// A socket on which clients or datagrams arrive.
pub struct Listener {
    pub fd: OwnedFd,
    pub kind: Kind,
}

/// The kind of a [`Listener`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A listening TCP or Unix socket: its clients are accepted.
    Stream,
    /// A UDP socket, bound to this port: its datagrams are answered.
    Datagram(u16),
}

impl Listener {
    /// The kind of its events: `LISTENER` or `DATAGRAMS`.
    fn events(&self) -> u64 {
        match self.kind {
            Kind::Stream => LISTENER,
            Kind::Datagram(_) => DATAGRAMS,
        }
    }
}

/// The state of a worker.
pub struct Worker<'a> {
    shared: &'a Shared,
    config: Config,
    epoll: Epoll,
    /// The signals, for the first worker only.
    signals: Option<SignalFd>,
    /// The listeners. They are closed as soon as a signal asks the server to end.
    listeners: List<Listener>,
    /// The buffers for datagrams, if there is a UDP socket.
    batch: Option<Batch>,
    connections: Slab<Connection>,
    /// When to watch the listeners again after [`pause`](Self::pause), unless a client ends earlier. `NEVER`: there
    /// is no pause.
    paused: Deadline,
    /// The current tick, for idle clients. It wraps.
    tick: u8,
    /// The time of the next tick; `NEVER` if there is no client or no limit of idle time.
    next_tick: Deadline,
    /// When to print the counts next.
    next_stats: Deadline,
    tools: Tools<'a>,
}

impl<'a> Worker<'a> {
    /// Returns a worker without listeners.
    #[inline(never)]
    pub fn new(
        shared: &'a Shared,
        counts: &'a Counts,
        config: Config,
        listeners: usize,
    ) -> Result<Self, Exit> {
        let epoll = Epoll::new().or_fail(PROGRAM, "epoll_create1", "events")?;
        epoll
            .add(shared.wakeup.as_fd(), EPOLLIN | EPOLLET, WAKEUP)
            .or_fail(PROGRAM, "epoll_ctl", "wakeup")?;
        let mapped = |result: ring3::Result<_>| result.or_fail(PROGRAM, "mmap", "clients");
        Ok(Self {
            shared,
            config,
            epoll,
            signals: None,
            listeners: List::new(listeners).or_fail(PROGRAM, "mmap", "listeners")?,
            batch: None,
            connections: mapped(Slab::new(config.capacity))?,
            paused: Deadline::NEVER,
            tick: 0,
            next_tick: Deadline::NEVER,
            next_stats: Deadline::NEVER,
            tools: Tools {
                buffer: Mapping::new(BUFFER).or_fail(PROGRAM, "mmap", "buffer")?,
                held: Held::new().or_fail(PROGRAM, "mmap", "held")?,
                counts,
            },
        })
    }

    /// Makes this worker read the signals, and print the counts, for all workers.
    pub fn take_signals(&mut self, signals: SignalFd) {
        self.signals = Some(signals);
        self.next_stats = after(self.config.stats);
    }

    /// Adds a listener: its clients are accepted, or its datagrams answered, from now on.
    pub fn add_listener(&mut self, listener: Listener) -> Result<(), Failed> {
        if listener.events() == DATAGRAMS && self.batch.is_none() {
            self.batch = Some(Batch::new(BATCH).map_err(|errno| ("mmap", errno))?);
        }
        let number = self.listeners.len();
        let added = self.listeners.push(listener);
        added.map_err(|_| ("mmap", Errno::ENOMEM))?;
        let watched = self.watch_listener(number);
        watched.map_err(|errno| ("epoll_ctl", errno))
    }

    /// Whether this worker has a listener.
    pub fn listens(&self) -> bool {
        !self.listeners.is_empty()
    }

    /// Serves a client that a service manager accepted.
    pub fn add_client(&mut self, client: OwnedFd) -> Result<(), Failed> {
        let place = self.shared.enter();
        place.ok_or(("accept", Errno::EMFILE))?;
        self.admit(client).map_err(|errno| ("epoll_ctl", errno))
    }

    /// Closes the listener that was added last.
    pub fn drop_last_listener(&mut self) {
        self.listeners.pop();
    }

    fn watch_listener(&mut self, number: usize) -> ring3::Result<()> {
        match self.listeners.get(number) {
            // EPOLLEXCLUSIVE: if all workers share the socket, an event wakes one of them.
            Some(listener) => self.epoll.add(
                listener.fd.as_fd(),
                EPOLLIN | EPOLLEXCLUSIVE,
                listener.events() | number as u64,
            ),
            None => Ok(()),
        }
    }

    /// Stops watching the listeners for which `matches` returns true. This is for listeners that are about to be
    /// closed, and for a pause, in which every wait would otherwise return at once: the events are level-triggered.
    fn unwatch_listeners(&mut self, matches: impl Fn(&Listener) -> bool) {
        for listener in self.listeners.iter().filter(|listener| matches(listener)) {
            let _ = self.epoll.remove(listener.fd.as_fd()); // ENOENT if it is paused already
        }
    }

    /// Closes all listeners of this worker.
    #[inline(never)]
    pub fn close_listeners(&mut self) {
        self.unwatch_listeners(|_| true);
        while self.listeners.pop().is_some() {}
    }

    /// Serves clients until a signal asks all workers to end, and then until the last connection has ended, the grace
    /// period is over or a second signal arrives. A worker without listeners ends with its last connection.
    pub fn run(&mut self) -> Result<(), Exit> {
        let result = self.serve_all().map_err(|(operation, errno)| {
            self.shared.end_now();
            PROGRAM.fail(operation, "events", errno)
        });
        self.close_listeners();
        for number in 0..self.connections.used() {
            let failed = self.shared.has_failed();
            self.close(number, if failed { End::Failure } else { End::Grace });
        }
        self.shared.worker_ends();
        result
    }

    fn serve_all(&mut self) -> Result<(), Failed> {
        if let Some(signals) = &self.signals {
            let watched = self.epoll.add(signals.as_fd(), EPOLLIN, SIGNALS);
            watched.map_err(|errno| ("epoll_ctl", errno))?;
        }
        let listens = self.listens();
        let mut events = [EpollEvent::ZERO; EVENTS];
        loop {
            let count = self.wait(&mut events)?;
            for event in events.get(..count).unwrap_or_default() {
                let number = event.data as u32;
                match event.data - u64::from(number) {
                    LISTENER => self.accept(number as usize),
                    DATAGRAMS => self.answer(number as usize),
                    CONNECTION => self.serve(number as usize, event.happened()),
                    SIGNALS => self.read_signals(),
                    _ => self.resume(),
                }
            }
            if self.ends_now() || !listens && self.connections.is_empty() {
                return Ok(());
            }
            self.run_timers();
        }
    }

    /// Waits for events, but at most until the next deadline.
    fn wait(&mut self, events: &mut [EpollEvent]) -> Result<usize, Failed> {
        let mut wait = |timeout| match self.epoll.wait(events, timeout) {
            Ok(events) => Ok(events.len()),
            Err(Errno::EINTR) => Ok(0), // stopped and continued: the caller computes the remaining time anew
            Err(errno) => Err(("epoll_pwait", errno)),
        };
        if self.config.spin != 0 {
            let until = after(self.config.spin);
            loop {
                let count = wait(Some(Duration::ZERO))?;
                if count != 0 {
                    return Ok(count);
                }
                if until.has_passed(monotonic()) {
                    break;
                }
            }
        }
        wait(self.shared.ends().min(self.next_deadline()).left(monotonic))
    }

    /// Returns the deadline of the next timer.
    fn next_deadline(&self) -> Deadline {
        self.paused.min(self.next_tick).min(self.next_stats)
    }

    /// Runs the timers that are due: prints the counts, ends a pause, closes idle clients.
    #[inline(never)]
    fn run_timers(&mut self) {
        if self.next_deadline() == Deadline::NEVER {
            return;
        }
        let now = monotonic();
        if self.next_stats.has_passed(now) {
            self.shared.print_counts();
            self.next_stats = Deadline::from(now, self.config.stats);
        }
        if self.paused.has_passed(now) {
            self.resume();
        }
        if self.next_tick.has_passed(now) {
            self.tick = self.tick.wrapping_add(1);
            for number in 0..self.connections.used() {
                let tick = self.tick;
                let is_idle =
                    |client: &mut Connection| u64::from(tick.wrapping_sub(client.served)) > TICKS;
                if self.connections.get_mut(number).is_some_and(is_idle) {
                    self.close(number, End::Idle);
                }
            }
            self.next_tick = match self.connections.is_empty() {
                true => Deadline::NEVER,
                false => Deadline::from(now, tick(self.config.idle)),
            };
        }
    }

    /// Whether this worker must end now. Closes the listeners if a signal has asked for the end.
    fn ends_now(&mut self) -> bool {
        let until = self.shared.ends();
        if until == Deadline::NEVER {
            return false;
        }
        self.close_listeners();
        self.paused = Deadline::NEVER;
        // The first worker reads the second signal for all, so it ends last.
        let last = self.signals.is_none() || self.shared.workers() == 1;
        (self.connections.is_empty() && last) || until.has_passed(monotonic())
    }

    /// Reads the pending signals, and acts on them.
    fn read_signals(&mut self) {
        while let Some(Ok(signal)) = self.signals.as_ref().map(SignalFd::next) {
            match signal {
                SIGTERM | SIGINT => self.shared.end(),
                SIGUSR1 => self.shared.print_counts(),
                _ => {} // SIGHUP: there is no configuration file to read again
            }
        }
    }

    /// Accepts clients of a listener, at most [`ACCEPTS`] of them.
    #[inline(never)]
    fn accept(&mut self, listener: usize) {
        for _ in 0..ACCEPTS {
            // None: a signal, an earlier event of the same wait, has closed the listener.
            let Some(listener) = self.listeners.get(listener) else {
                return;
            };
            let Some(place) = self.shared.enter() else {
                return self.pause(LISTENER);
            };
            let admitted = match net::accept(listener.fd.as_fd(), SOCK_NONBLOCK | SOCK_CLOEXEC) {
                Ok(client) => self.admit(client),
                Err(errno) => Err(errno),
            };
            let Err(errno) = admitted else { continue };
            if errno == Errno::EAGAIN {
                return self.shared.leave(); // another worker may have been refused because of this place
            }
            self.tools.counts.failed(errno);
            // An error of one connection has taken the client from the accept queue. EPERM is the exception: a seccomp
            // filter refused accept4 itself, and the client is still in the queue.
            if is_of_one_connection(errno) && errno != Errno::EPERM {
                self.shared.leave();
                continue;
            }
            self.shared.report_shortage("accept", "client", errno);
            if self.shared.give_back(place) {
                return self.pause(LISTENER);
            }
        }
    }

    /// Answers one batch of datagrams of a socket. If more are left, the kernel reports the socket again, after the
    /// other ready ones.
    fn answer(&mut self, number: usize) {
        let (Some(batch), Some(socket)) = (&mut self.batch, self.listeners.get(number)) else {
            return;
        };
        let is_own = |port| {
            let kind = Kind::Datagram(port);
            self.listeners.iter().any(|listener| listener.kind == kind)
        };
        let counts = self.tools.counts;
        match datagrams::echo(socket.fd.as_fd(), batch, is_own) {
            Ok(sent) => {
                counts.requests.add(sent.datagrams as u64);
                counts.bytes.add(sent.bytes as u64);
                counts.errors.add(sent.failed as u64);
            }
            Err(errno) => {
                counts.errors.add(1);
                self.shared.report_shortage("receive", "datagrams", errno);
                self.shared.wait_for_leave();
                self.pause(DATAGRAMS);
            }
        }
    }

    /// Adds a client. If the client has sent bytes already, the kernel reports an event as soon as the client is
    /// watched.
    #[inline(never)]
    fn admit(&mut self, client: OwnedFd) -> ring3::Result<()> {
        let number = match self.connections.insert(Connection::new(client, self.tick)) {
            Ok(number) => number,
            Err(client) => {
                client.close(true, &mut self.tools.held);
                return Err(Errno::EMFILE);
            }
        };
        let watched = self.watch(number, Epoll::add);
        if let Err(errno) = watched {
            if let Some(client) = self.connections.take(number) {
                client.close(true, &mut self.tools.held);
            }
            return Err(errno);
        }
        self.tools.counts.clients.add(1);
        if self.shared.is_verbose()
            && let Some(client) = self.connections.get_mut(number)
        {
            let name = client.as_fd().as_raw();
            match net::peer_address(client.as_fd()) {
                Ok(address) => PROGRAM.say(parts!("client ", name, ": accepted from ", address)),
                Err(_) => PROGRAM.say(parts!("client ", name, ": accepted")),
            }
        }
        if self.config.idle != NEVER && self.next_tick == Deadline::NEVER {
            self.next_tick = after(tick(self.config.idle));
        }
        Ok(())
    }

    /// Watches a client, with [`Epoll::add`]. With [`Epoll::modify`], makes the kernel report the events that hold at
    /// this moment again.
    fn watch(
        &mut self,
        number: usize,
        control: fn(&Epoll, BorrowedFd<'_>, Events, u64) -> ring3::Result<()>,
    ) -> ring3::Result<()> {
        match self.connections.get_mut(number) {
            Some(client) => {
                let data = CONNECTION | number as u64;
                control(&self.epoll, client.as_fd(), connection::watched(), data)
            }
            None => Ok(()),
        }
    }

    /// Stops watching the listeners of this kind, and so leaves clients or datagrams in the kernel's queue. This is for
    /// a shortage: there is no place, no descriptor or no memory for one more. Before the call, the caller must have
    /// arranged that this worker is woken when a client ends.
    fn pause(&mut self, events: u64) {
        self.unwatch_listeners(|listener| listener.events() == events);
        self.paused = after(PAUSE);
    }

    /// Ends a pause, if there is one: watches all listeners again.
    fn resume(&mut self) {
        if core::mem::replace(&mut self.paused, Deadline::NEVER) == Deadline::NEVER {
            return;
        }
        for number in 0..self.listeners.len() {
            match self.watch_listener(number) {
                Ok(()) | Err(Errno::EEXIST) => {} // EEXIST: a listener of the other kind, which was not paused
                Err(errno) => {
                    self.shared.report_shortage("epoll_ctl", "listener", errno);
                    self.shared.wait_for_leave();
                    return self.pause(LISTENER);
                }
            }
        }
    }

    /// Serves a client after an event.
    fn serve(&mut self, number: usize, events: Events) {
        // None: an earlier event of the same wait has closed the client.
        let Some(client) = self.connections.get_mut(number) else {
            return;
        };
        client.served = self.tick;
        match client.echo(events, &mut self.tools) {
            Ok(Next::Wait) => {}
            Ok(Next::Again) => {
                // The kernel reports the client again after all clients that are ready now: the kernel's ready list is
                // the queue.
                if let Err(errno) = self.watch(number, Epoll::modify) {
                    self.fail(number, errno);
                }
            }
            Ok(Next::End) => self.close(number, End::Well),
            Err(errno) => self.fail(number, errno),
        }
    }

    /// Closes a client after an error.
    fn fail(&mut self, number: usize, errno: Errno) {
        self.tools.counts.failed(errno);
        if !is_of_one_connection(errno) && !self.shared.is_verbose() {
            self.shared.notice(parts!("echo client: ", errno));
        }
        self.close(number, End::Failed(errno));
    }

    /// Closes a client, if the number is in use.
    fn close(&mut self, number: usize, end: End) {
        if let Some(client) = self.connections.take(number) {
            if self.shared.is_verbose() {
                let name = client.as_fd().as_raw();
                PROGRAM.say(parts!("client ", name, ": ", &end));
            }
            let reset = matches!(end, End::Failure | End::Failed(_));
            client.close(reset, &mut self.tools.held);
            self.shared.leave();
        }
    }
}
