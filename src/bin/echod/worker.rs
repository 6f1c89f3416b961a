//! The loop of a worker: waits for events, accepts clients, serves the one each event is of, and ends.

use core::time::Duration;

use ring3::Errno;
use ring3::cli::OrFail;
use ring3::fd::{BorrowedFd, OwnedFd};
use ring3::list::List;
use ring3::mem::Mapping;
use ring3::net::{self, Batch, SOCK_CLOEXEC, SOCK_NONBLOCK};
use ring3::parts;
use ring3::poll::{EPOLLET, EPOLLEXCLUSIVE, EPOLLIN, Epoll, EpollEvent, Events};
use ring3::print::{Print, Writer};
use ring3::rt::Exit;
use ring3::signal::{SIGINT, SIGTERM, SIGUSR1, SignalFd};
use ring3::slab::Slab;
use ring3::time::{self, Clock, NEVER, SECOND, left};

use crate::PROGRAM;
use crate::connection::{self, BUFFER, Connection, Next, Tools};
use crate::counts::Counts;
use crate::datagrams::{self, BATCH};
use crate::held::Held;
use crate::shared::{Failed, Shared};

/// Events taken from the kernel at once.
const EVENTS: usize = 128;

/// Clients accepted in a row while others wait to be served.
const ACCEPTS: usize = 64;

/// How long no client is accepted after the kernel could give no descriptor and no connection ended
/// meanwhile: the shortage may be another process's.
const PAUSE: u64 = SECOND;

/// In so many ticks a client that is idle for too long has its time.
const TICKS: u64 = 16;

/// Nanoseconds since some moment.
fn now() -> u64 {
    time::nanoseconds(Clock::Monotonic)
}

/// The moment that comes so many nanoseconds from now; or [`NEVER`].
fn after(span: u64) -> u64 {
    now().saturating_add(span)
}

/// What an event is of: its data is a number and, above it, one of these.
const CONNECTION: u64 = 0;
const LISTENER: u64 = 1 << 32;
const BELL: u64 = 2 << 32;
const SIGNALS: u64 = 3 << 32;
const DATAGRAMS: u64 = 4 << 32;

/// What all workers do alike. Times are in nanoseconds, and [`NEVER`] where there is none.
#[derive(Clone, Copy)]
pub struct Habits {
    /// How many clients one can have.
    pub capacity: usize,
    /// How long a client may do nothing.
    pub idle: u64,
    /// How long to ask the kernel again and again before sleeping.
    pub spin: u64,
    /// How often to say what was served.
    pub stats: u64,
}

/// Why a client is closed.
enum End {
    /// It has ended, and everything was sent.
    Well,
    Idle,
    /// All are, and it had not ended by itself.
    Grace,
    /// All are, because something failed that is not of this client.
    Failure,
    /// Something of this client.
    Failed(Errno),
}

impl Print for End {
    fn print(&self, out: &mut Writer<'_>) {
        match self {
            Self::Well => out.print("ended"),
            Self::Idle => out.print("closed: it was idle"),
            Self::Grace => out.print("closed: the time is over"),
            Self::Failure => out.print("reset: the server fails"),
            Self::Failed(errno) => out.print(errno),
        }
    }
}

/// A socket to which clients come, or datagrams.
pub struct Listener {
    pub fd: OwnedFd,
    /// Of one of UDP its port; 0 of one of TCP.
    pub port: u16,
}

impl Listener {
    /// What an event of it is of.
    fn kind(&self) -> u64 {
        if self.port == 0 { LISTENER } else { DATAGRAMS }
    }
}

/// Everything a worker has.
pub struct Worker<'a> {
    shared: &'a Shared,
    habits: Habits,
    epoll: Epoll,
    /// Of the first worker alone.
    signals: Option<SignalFd>,
    /// None is left once a signal asked to end.
    listeners: List<Listener>,
    /// The datagrams under way, where there is a socket of UDP.
    batch: Option<Batch>,
    connections: Slab<Connection>,
    /// While no client is accepted, or no datagram received: not before this time, or before the bell rings.
    paused: u64,
    /// The tick that it is.
    tick: u8,
    /// When the next one is.
    next_tick: u64,
    /// When to say next what was served.
    next_stats: u64,
    tools: Tools<'a>,
}

impl<'a> Worker<'a> {
    /// A worker that listens nowhere yet.
    #[inline(never)]
    pub fn new(
        shared: &'a Shared,
        counts: &'a Counts,
        habits: Habits,
        listeners: usize,
    ) -> Result<Self, Exit> {
        let epoll = Epoll::new().or_fail(PROGRAM, "epoll_create1", "events")?;
        epoll
            .add(shared.bell.as_fd(), EPOLLIN | EPOLLET, BELL)
            .or_fail(PROGRAM, "epoll_ctl", "bell")?;
        let mapped = |result: ring3::Result<_>| result.or_fail(PROGRAM, "mmap", "clients");
        Ok(Self {
            shared,
            habits,
            epoll,
            signals: None,
            listeners: List::new(listeners).or_fail(PROGRAM, "mmap", "listeners")?,
            batch: None,
            connections: mapped(Slab::new(habits.capacity))?,
            paused: NEVER,
            tick: 0,
            next_tick: NEVER,
            next_stats: NEVER,
            tools: Tools {
                buffer: Mapping::new(BUFFER).or_fail(PROGRAM, "mmap", "buffer")?,
                held: Held::new().or_fail(PROGRAM, "mmap", "held")?,
                counts,
            },
        })
    }

    /// Has it also hear these signals for all, and say what all have served.
    pub fn hear_signals(&mut self, signals: SignalFd) {
        self.signals = Some(signals);
        self.next_stats = after(self.habits.stats);
    }

    /// Accepts the clients of `listener`, or answers its datagrams, from now on.
    pub fn add_listener(&mut self, listener: Listener) -> Result<(), Failed> {
        if listener.kind() == DATAGRAMS && self.batch.is_none() {
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
            // Where it is every worker's, one is woken.
            Some(listener) => self.epoll.add(
                listener.fd.as_fd(),
                EPOLLIN | EPOLLEXCLUSIVE,
                listener.kind() | number as u64,
            ),
            None => Ok(()),
        }
    }

    /// Watches those of the listeners no more: they are closed, or were they still watched, each wait would
    /// return at once, for nothing.
    fn leave_listeners(&mut self, those: impl Fn(&Listener) -> bool) {
        for listener in self.listeners.iter().filter(|listener| those(listener)) {
            let _ = self.epoll.remove(listener.fd.as_fd()); // it is not watched while paused
        }
    }

    /// Closes all listeners of this worker.
    #[inline(never)]
    pub fn close_listeners(&mut self) {
        self.leave_listeners(|_| true);
        while self.listeners.pop().is_some() {}
    }

    /// Serves until a signal asks all workers to end, and then until the last connection has ended, the
    /// grace is over or a second signal comes. A worker without listeners ends with its last connection.
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
                    SIGNALS => self.hear(),
                    _ => self.resume(),
                }
            }
            if self.ends_now() || !listens && self.connections.is_empty() {
                return Ok(());
            }
            self.look_at_the_clock();
        }
    }

    /// Waits for events, up to the next moment at which there is something to do without any.
    fn wait(&mut self, events: &mut [EpollEvent]) -> Result<usize, Failed> {
        let mut wait = |timeout| match self.epoll.wait(events, timeout) {
            Ok(events) => Ok(events.len()),
            Err(Errno::EINTR) => Ok(0), // stopped and continued: how long is left is new
            Err(errno) => Err(("epoll_pwait", errno)),
        };
        if self.habits.spin != 0 {
            let until = after(self.habits.spin);
            loop {
                let count = wait(Some(Duration::ZERO))?;
                if count != 0 {
                    return Ok(count);
                }
                if now() >= until {
                    break;
                }
            }
        }
        wait(left(self.shared.ends().min(self.next_moment()), now))
    }

    /// When there is something to do at the latest, unless all end.
    fn next_moment(&self) -> u64 {
        self.paused.min(self.next_tick).min(self.next_stats)
    }

    /// Does what is to be done at this time.
    #[inline(never)]
    fn look_at_the_clock(&mut self) {
        if self.next_moment() == NEVER {
            return;
        }
        let now = now();
        if now >= self.next_stats {
            self.shared.say_counts();
            self.next_stats = now + self.habits.stats;
        }
        if now >= self.paused {
            self.resume();
        }
        if now >= self.next_tick {
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
                true => NEVER,
                false => now + self.habits.idle / TICKS,
            };
        }
    }

    /// Whether it is time to go.
    fn ends_now(&mut self) -> bool {
        let until = self.shared.ends();
        if until == NEVER {
            return false;
        }
        self.close_listeners();
        self.paused = NEVER;
        // The first one hears the second signal for all, as long as there are others.
        let last = self.signals.is_none() || self.shared.workers() == 1;
        (self.connections.is_empty() && last) || now() >= until
    }

    /// Signals have come.
    fn hear(&mut self) {
        while let Some(Ok(signal)) = self.signals.as_ref().map(SignalFd::next) {
            match signal {
                SIGTERM | SIGINT => self.shared.end(),
                SIGUSR1 => self.shared.say_counts(),
                _ => {} // SIGHUP: there is nothing to read again
            }
        }
    }

    /// Accepts clients of a listener.
    #[inline(never)]
    fn accept(&mut self, listener: usize) {
        for _ in 0..ACCEPTS {
            // None: a signal earlier among the events closed it.
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
                return self.shared.leave(); // another worker may have missed the place
            }
            self.tools.counts.failed(errno);
            // EPERM: a seccomp filter refused accept4 itself, and the client is still in the queue.
            if net::is_of_one_connection(errno) && errno != Errno::EPERM {
                self.shared.leave();
                continue;
            }
            self.shared.tell_shortage("accept", "client", errno);
            if self.shared.give_back(place) {
                return self.pause(LISTENER);
            }
        }
    }

    /// Answers datagrams of a socket: a batch, and what is left is reported again, behind others.
    fn answer(&mut self, number: usize) {
        let (Some(batch), Some(socket)) = (&mut self.batch, self.listeners.get(number)) else {
            return;
        };
        let is_own = |port| self.listeners.iter().any(|listener| listener.port == port);
        let counts = self.tools.counts;
        match datagrams::echo(socket.fd.as_fd(), batch, is_own) {
            Ok(sent) => {
                counts.requests.add(sent.datagrams as u64);
                counts.bytes.add(sent.bytes as u64);
                counts.errors.add(sent.failed as u64);
            }
            Err(errno) => {
                counts.errors.add(1);
                self.shared.tell_shortage("receive", "datagrams", errno);
                self.shared.wait_for_leave();
                self.pause(DATAGRAMS);
            }
        }
    }

    /// Takes a client in. The event that says what it has sent already comes by itself.
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
        if self.habits.idle != NEVER && self.next_tick == NEVER {
            self.next_tick = after(self.habits.idle / TICKS);
        }
        Ok(())
    }

    /// Watches a client; or, with [`Epoll::modify`], has what holds at this moment reported again.
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

    /// Leaves clients or datagrams in the queue: there is no place, no descriptor or no memory for one more. The
    /// caller has arranged that the bell rings when a client ends.
    fn pause(&mut self, kind: u64) {
        self.leave_listeners(|listener| listener.kind() == kind);
        self.paused = after(PAUSE);
    }

    /// Tries again to accept the clients that wait, and to receive the datagrams.
    fn resume(&mut self) {
        if core::mem::replace(&mut self.paused, NEVER) == NEVER {
            return;
        }
        for number in 0..self.listeners.len() {
            match self.watch_listener(number) {
                Ok(()) | Err(Errno::EEXIST) => {} // those of the other kind did not wait
                Err(errno) => {
                    self.shared.tell_shortage("epoll_ctl", "listener", errno);
                    self.shared.wait_for_leave();
                    return self.pause(LISTENER);
                }
            }
        }
    }

    /// Serves a client of which there was an event.
    fn serve(&mut self, number: usize, events: Events) {
        // None: an event earlier among these was its last.
        let Some(client) = self.connections.get_mut(number) else {
            return;
        };
        client.served = self.tick;
        match client.echo(events, &mut self.tools) {
            Ok(Next::Wait) => {}
            Ok(Next::Again) => {
                // Reports it again behind everybody whose turn it is: the kernel's list is the queue.
                if let Err(errno) = self.watch(number, Epoll::modify) {
                    self.fail(number, errno);
                }
            }
            Ok(Next::End) => self.close(number, End::Well),
            Err(errno) => self.fail(number, errno),
        }
    }

    /// Ends a client that can't be served any more.
    fn fail(&mut self, number: usize, errno: Errno) {
        self.tools.counts.failed(errno);
        if !net::is_of_one_connection(errno) && !self.shared.is_verbose() {
            self.shared.say(parts!("echo client: ", errno));
        }
        self.close(number, End::Failed(errno));
    }

    /// Ends a client, if it is there.
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
