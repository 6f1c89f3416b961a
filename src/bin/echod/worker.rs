//! The loop of a worker: waits for events, accepts clients, serves the one each event is of, and ends.

use core::time::Duration;

use ring3::Errno;
use ring3::cli::OrFail;
use ring3::fd::{BorrowedFd, OwnedFd};
use ring3::mem::Mapping;
use ring3::net::{self, Batch, SOCK_CLOEXEC, SOCK_NONBLOCK};
use ring3::poll::{EPOLLET, EPOLLIN, Epoll, EpollEvent, Events};
use ring3::rt::Exit;
use ring3::signal::{SIGINT, SIGTERM, SignalFd};
use ring3::slab::Slab;
use ring3::time::{self, Clock};

use crate::PROGRAM;
use crate::connection::{self, BUFFER, Connection, Next, Tools};
use crate::datagrams::{self, BATCH};
use crate::held::Held;
use crate::shared::{Failed, Shared};

/// Events taken from the kernel at once.
const EVENTS: usize = 128;

/// Clients accepted in a row while others wait to be served.
const ACCEPTS: usize = 64;

/// How long no client is accepted after the kernel could give no descriptor and no connection ended
/// meanwhile: the shortage may be another process's.
const PAUSE: Duration = Duration::from_secs(1);

/// In so many ticks a client that is idle for too long has its time.
const TICKS: u8 = 16;

/// What an event is of: its data is a number and, above it, one of these.
const CONNECTION: u64 = 0;
const LISTENER: u64 = 1 << 32;
const BELL: u64 = 2 << 32;
const SIGNALS: u64 = 3 << 32;
const DATAGRAMS: u64 = 4 << 32;

/// What all workers do alike.
#[derive(Clone, Copy)]
pub struct Habits {
    /// How many clients one can have.
    pub capacity: usize,
    /// Whether UDP is served too.
    pub datagrams: bool,
    /// How long a client may do nothing, if that is limited.
    pub idle: Option<Duration>,
    /// How long to ask the kernel again and again before sleeping.
    pub spin: Duration,
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
    listeners: Slab<Listener>,
    /// The datagrams under way, where there are any.
    batch: Option<Batch>,
    connections: Slab<Connection>,
    /// While no client is accepted, or no datagram received: not before this time, or before the bell rings.
    paused: Option<Duration>,
    /// The tick that it is.
    tick: u8,
    /// When the next one is.
    next_tick: Option<Duration>,
    tools: Tools,
}

impl<'a> Worker<'a> {
    /// A worker that listens nowhere yet.
    pub fn new(shared: &'a Shared, habits: Habits, listeners: usize) -> Result<Self, Exit> {
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
            listeners: Slab::new(listeners).or_fail(PROGRAM, "mmap", "listeners")?,
            batch: match habits.datagrams {
                true => Some(Batch::new(BATCH).or_fail(PROGRAM, "mmap", "datagrams")?),
                false => None,
            },
            connections: mapped(Slab::new(habits.capacity))?,
            paused: None,
            tick: 0,
            next_tick: None,
            tools: Tools {
                buffer: Mapping::new(BUFFER).or_fail(PROGRAM, "mmap", "buffer")?,
                held: Held::new().or_fail(PROGRAM, "mmap", "held")?,
            },
        })
    }

    /// The same worker, which also hears these signals for all.
    pub fn with_signals(self, signals: SignalFd) -> Self {
        Self {
            signals: Some(signals),
            ..self
        }
    }

    /// Accepts the clients of `listener`, or answers its datagrams, from now on.
    pub fn add_listener(&mut self, listener: Listener) -> Result<(), Failed> {
        let number = self.listeners.insert(listener);
        let number = number.map_err(|_| ("mmap", Errno::ENOMEM))?;
        let watched = self.watch_listener(number, EPOLLIN, Epoll::add);
        watched.map_err(|errno| ("epoll_ctl", errno))
    }

    /// Closes the listener that was added last.
    pub fn drop_last_listener(&mut self) {
        self.listeners.take(self.listeners.used().wrapping_sub(1));
    }

    fn watch_listener(
        &mut self,
        number: usize,
        events: Events,
        control: fn(&Epoll, BorrowedFd<'_>, Events, u64) -> ring3::Result<()>,
    ) -> ring3::Result<()> {
        match self.listeners.get(number) {
            Some(listener) => {
                let data = listener.kind() | number as u64;
                control(&self.epoll, listener.fd.as_fd(), events, data)
            }
            None => Ok(()),
        }
    }

    /// Serves until a signal asks all workers to end, and then until the last connection has ended, the
    /// grace is over or a second signal comes.
    pub fn run(mut self) -> Result<(), Exit> {
        let result = self.serve_all().map_err(|(operation, errno)| {
            self.shared.end_now();
            PROGRAM.fail(operation, "events", errno)
        });
        self.listeners.clear();
        for number in 0..self.connections.used() {
            self.close(number, false);
        }
        self.shared.worker_ends();
        result
    }

    fn serve_all(&mut self) -> Result<(), Failed> {
        if let Some(signals) = &self.signals {
            let watched = self.epoll.add(signals.as_fd(), EPOLLIN, SIGNALS);
            watched.map_err(|errno| ("epoll_ctl", errno))?;
        }
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
            if self.ends_now() {
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
        if !self.habits.spin.is_zero() {
            let until = time::now(Clock::Monotonic).saturating_add(self.habits.spin);
            loop {
                let count = wait(Some(Duration::ZERO))?;
                if count != 0 {
                    return Ok(count);
                }
                if time::now(Clock::Monotonic) >= until {
                    break;
                }
            }
        }
        let moments = [self.shared.ends(), self.paused, self.next_tick];
        let timeout = moments
            .into_iter()
            .flatten()
            .min()
            .map(|until| until.saturating_sub(time::now(Clock::Monotonic)));
        wait(timeout)
    }

    /// Does what is to be done at this time.
    fn look_at_the_clock(&mut self) {
        if self.paused.is_none() && self.next_tick.is_none() {
            return;
        }
        let now = time::now(Clock::Monotonic);
        if self.paused.is_some_and(|until| now >= until) {
            self.resume();
        }
        let Some(idle) = self.habits.idle else { return };
        if self.next_tick.is_some_and(|next| now >= next) {
            self.tick = self.tick.wrapping_add(1);
            for number in 0..self.connections.used() {
                let tick = self.tick;
                let is_idle = |client: &mut Connection| tick.wrapping_sub(client.served) > TICKS;
                if self.connections.get_mut(number).is_some_and(is_idle) {
                    self.close(number, false);
                }
            }
            self.next_tick = match self.connections.is_empty() {
                true => None,
                false => Some(now.saturating_add(idle / TICKS.into())),
            };
        }
    }

    /// Whether it is time to go.
    fn ends_now(&mut self) -> bool {
        let Some(until) = self.shared.ends() else {
            return false;
        };
        self.listeners.clear();
        self.paused = None;
        // The first one hears the second signal for all, as long as there are others.
        let last = self.signals.is_none() || self.shared.workers() == 1;
        (self.connections.is_empty() && last) || time::now(Clock::Monotonic) >= until
    }

    /// Signals have come.
    fn hear(&mut self) {
        while let Some(Ok(signal)) = self.signals.as_ref().map(SignalFd::next) {
            if let SIGTERM | SIGINT = signal {
                self.shared.end();
            }
        }
    }

    /// Accepts clients of a listener.
    fn accept(&mut self, listener: usize) {
        for _ in 0..ACCEPTS {
            // None: a signal earlier among the events closed it.
            let Some(listener) = self.listeners.get(listener) else {
                return;
            };
            if !self.shared.enter() {
                return self.pause(LISTENER);
            }
            let admitted = match net::accept(listener.fd.as_fd(), SOCK_NONBLOCK | SOCK_CLOEXEC) {
                Ok(client) => self.admit(client),
                Err(errno) => Err(errno),
            };
            let Err(errno) = admitted else { continue };
            self.shared.withdraw();
            if errno == Errno::EAGAIN {
                return;
            }
            if !net::is_of_one_connection(errno) {
                self.shared.tell_shortage("accept", "client", errno);
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
        if let Err(errno) = datagrams::echo(socket.fd.as_fd(), batch, is_own) {
            self.shared.tell_shortage("receive", "datagrams", errno);
            self.pause(DATAGRAMS);
        }
    }

    /// Takes a client in. The event that says what it has sent already comes by itself.
    fn admit(&mut self, client: OwnedFd) -> ring3::Result<()> {
        let number = match self.connections.insert(Connection::new(client, self.tick)) {
            Ok(number) => number,
            Err(client) => {
                client.close(true, &mut self.tools.held);
                return Err(Errno::EMFILE);
            }
        };
        let watched = self.watch(number, Epoll::add);
        if watched.is_err()
            && let Some(client) = self.connections.take(number)
        {
            client.close(true, &mut self.tools.held);
        }
        if let (Some(idle), None) = (self.habits.idle, self.next_tick) {
            let tick = idle / TICKS.into();
            self.next_tick = Some(time::now(Clock::Monotonic).saturating_add(tick));
        }
        watched
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

    /// Leaves clients or datagrams waiting: there is no descriptor or no memory for one more. Were the
    /// listeners of this kind still watched, each wait would return at once, for nothing.
    fn pause(&mut self, kind: u64) {
        self.shared.wait_for_leave();
        self.watch_listeners(&[kind], Events::NONE);
        self.paused = Some(time::now(Clock::Monotonic).saturating_add(PAUSE));
    }

    /// Tries again to accept the clients that wait, and to receive the datagrams.
    fn resume(&mut self) {
        if self.paused.take().is_some() {
            self.watch_listeners(&[LISTENER, DATAGRAMS], EPOLLIN);
        }
    }

    /// Watches the listeners of these kinds for other events.
    fn watch_listeners(&mut self, kinds: &[u64], events: Events) {
        for number in 0..self.listeners.used() {
            let is_one = |listener: &Listener| kinds.contains(&listener.kind());
            if self.listeners.get(number).is_some_and(is_one) {
                // It is watched, so that there is no error left (epoll_ctl(2)).
                let _ = self.watch_listener(number, events, Epoll::modify);
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
                let _ = self.watch(number, Epoll::modify);
            }
            Ok(Next::End) => self.close(number, false),
            Err(errno) => {
                if !net::is_of_one_connection(errno) {
                    PROGRAM.fail("echo", "client", errno);
                }
                self.close(number, true);
            }
        }
    }

    /// Ends a client, if it is there.
    fn close(&mut self, number: usize, reset: bool) {
        if let Some(client) = self.connections.take(number) {
            client.close(reset, &mut self.tools.held);
            self.shared.leave();
        }
    }
}
