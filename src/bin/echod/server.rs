//! The loop: waits for events, accepts clients, serves the one each event is of, and ends.

use core::net::SocketAddr;
use core::time::Duration;

use ring3::Errno;
use ring3::cli::OrFail;
use ring3::fd::{BorrowedFd, OwnedFd};
use ring3::mem::Mapping;
use ring3::net::{self, SOCK_CLOEXEC, SOCK_NONBLOCK};
use ring3::poll::{EPOLLIN, Epoll, EpollEvent, Events};
use ring3::process::{self, RLIMIT_NOFILE};
use ring3::rt::Exit;
use ring3::signal::{SignalFd, SignalSet};
use ring3::table::Table;
use ring3::time::{self, Clock};

use crate::PROGRAM;
use crate::connection::{self, Connection, Next};

/// The largest read: what one client can occupy at once.
const BUFFER: usize = 64 * 1024;

/// Events taken from the kernel at once.
const EVENTS: usize = 128;

/// Clients accepted in a row while others wait to be served.
const ACCEPTS: usize = 64;

/// A descriptor is below this, whatever its limit: `fs.nr_open` as kernels set it.
const DESCRIPTORS: u64 = 1 << 20;

/// How long no client is accepted after the kernel could give no descriptor and no connection ended
/// meanwhile: the shortage may be another process's.
const PAUSE: Duration = Duration::from_secs(1);

/// What an event is of: its data is the descriptor and, above it, one of these.
const CONNECTION: u64 = 0;
const LISTENER: u64 = 1 << 32;
const SIGNALS: u64 = 2 << 32;

/// Everything the server has.
pub struct Server {
    epoll: Epoll,
    signals: SignalFd,
    /// By descriptor, as the connections. None is left once a signal asked to end.
    listeners: Table<OwnedFd>,
    connections: Table<Connection>,
    /// How many connections there are.
    count: usize,
    accepting: Accepting,
    /// Whether it was said that there were too many clients.
    said: bool,
    /// For every read: what cannot be sent back at once the connection keeps.
    buffer: Mapping,
}

/// Whether clients are accepted.
#[derive(Clone, Copy)]
enum Accepting {
    Yes,
    /// Not before this time, or before a connection ends.
    Paused(Duration),
    /// No more; the connections there are may go on until this time.
    Ended(Duration),
}

impl Server {
    /// A server that listens nowhere yet, and ends at the signals of `end`, which are blocked.
    pub fn new(end: SignalSet) -> Result<Self, Exit> {
        let descriptors = process::limit(RLIMIT_NOFILE).rlim_max.min(DESCRIPTORS) as usize;
        let epoll = Epoll::above_standard().or_fail(PROGRAM, "epoll_create1", "events")?;
        let signals = SignalFd::new(end).or_fail(PROGRAM, "signalfd4", "signals")?;
        epoll
            .add(signals.as_fd(), EPOLLIN, SIGNALS)
            .or_fail(PROGRAM, "epoll_ctl", "signals")?;
        Ok(Self {
            epoll,
            signals,
            listeners: Table::new(descriptors).or_fail(PROGRAM, "mmap", "listeners")?,
            connections: Table::new(descriptors).or_fail(PROGRAM, "mmap", "connections")?,
            count: 0,
            accepting: Accepting::Yes,
            said: false,
            buffer: Mapping::new(BUFFER).or_fail(PROGRAM, "mmap", "buffer")?,
        })
    }

    /// Accepts the clients of `listener` from now on.
    pub fn add_listener(&mut self, listener: OwnedFd) -> Result<(), Exit> {
        let (data, index) = keys(LISTENER, listener.as_fd());
        self.epoll.add(listener.as_fd(), EPOLLIN, data).or_fail(
            PROGRAM,
            "epoll_ctl",
            "listener",
        )?;
        match self.listeners.insert(index, listener) {
            Ok(_) => Ok(()),
            Err(_) => Err(PROGRAM.fail("accept", "listener", Errno::EMFILE)),
        }
    }

    /// Where it listens, in the order in which the listeners were added.
    pub fn addresses(&mut self) -> impl Iterator<Item = Result<SocketAddr, Exit>> {
        self.listeners
            .iter_mut()
            .map(|fd| net::local_address(fd.as_fd()).or_fail(PROGRAM, "getsockname", "listener"))
    }

    /// Serves until a signal asks to end, and then until the last connection has ended, `grace` is
    /// over or a second signal comes.
    pub fn run(mut self, grace: Duration) -> Result<(), Exit> {
        let mut events = [EpollEvent::ZERO; EVENTS];
        loop {
            let timeout = match self.accepting {
                Accepting::Yes => None,
                Accepting::Paused(until) | Accepting::Ended(until) => {
                    Some(until.saturating_sub(time::now(Clock::Monotonic)))
                }
            };
            let events = match self.epoll.wait(&mut events, timeout) {
                Err(Errno::EINTR) => continue, // stopped and continued: how long is left is new
                result => result.or_fail(PROGRAM, "epoll_pwait", "events")?,
            };
            for event in events {
                let index = event.data as u32 as usize;
                match event.data - index as u64 {
                    LISTENER => self.accept(index),
                    SIGNALS => self.end(grace),
                    _ => self.serve(index, event.happened()),
                }
            }
            let over = |until| time::now(Clock::Monotonic) >= until;
            match self.accepting {
                Accepting::Paused(until) if over(until) => self.resume(),
                Accepting::Ended(until) if self.count == 0 || over(until) => break,
                _ => {}
            }
        }
        self.cut();
        Ok(())
    }

    /// Accepts clients of a listener.
    fn accept(&mut self, listener: usize) {
        for _ in 0..ACCEPTS {
            // None: a signal earlier among the events closed it.
            let Some(fd) = self.listeners.get_mut(listener) else {
                return;
            };
            let admitted = match net::accept(fd.as_fd(), SOCK_NONBLOCK | SOCK_CLOEXEC) {
                Ok(client) => self.admit(client),
                Err(Errno::EAGAIN) => return,
                Err(errno) if net::is_of_one_connection(errno) => continue,
                Err(errno) => Err(errno),
            };
            if let Err(errno) = admitted {
                return self.pause(errno);
            }
        }
    }

    /// Takes a client in. The event that says what it has sent already comes by itself.
    fn admit(&mut self, client: OwnedFd) -> ring3::Result<()> {
        let (data, index) = keys(CONNECTION, client.as_fd());
        let connection = match self.connections.insert(index, Connection::new(client)) {
            Ok(connection) => connection,
            Err(connection) => {
                connection.reset_on_close();
                return Err(Errno::EMFILE);
            }
        };
        let fd = connection.as_fd();
        if let Err(errno) = self.epoll.add(fd, connection::watched(), data) {
            connection.reset_on_close();
            self.connections.take(index);
            return Err(errno);
        }
        self.count += 1;
        Ok(())
    }

    /// Leaves clients waiting: there is no descriptor or no memory for one more. Were the listeners
    /// still watched, each wait would return at once, for nothing.
    fn pause(&mut self, errno: Errno) {
        if !self.said {
            self.said = true;
            PROGRAM.fail("accept", "client", errno);
        }
        self.watch_listeners(Events::NONE);
        self.accepting = Accepting::Paused(time::now(Clock::Monotonic).saturating_add(PAUSE));
    }

    /// Tries again to accept the clients that wait.
    fn resume(&mut self) {
        self.watch_listeners(EPOLLIN);
        self.accepting = Accepting::Yes;
    }

    fn watch_listeners(&mut self, events: Events) {
        for listener in self.listeners.iter_mut() {
            let (data, _) = keys(LISTENER, listener.as_fd());
            // It is watched, so that there is no error left (epoll_ctl(2)).
            let _ = self.epoll.modify(listener.as_fd(), events, data);
        }
    }

    /// Serves a client of which there was an event.
    fn serve(&mut self, index: usize, events: Events) {
        let Some(connection) = self.connections.get_mut(index) else {
            return;
        };
        let next = connection.echo(events, &mut self.buffer);
        match next {
            Ok(Next::Wait) => return,
            Ok(Next::Again) => {
                // Reports it again behind everybody whose turn it is: the kernel's list is the queue.
                let (data, _) = keys(CONNECTION, connection.as_fd());
                let _ = self
                    .epoll
                    .modify(connection.as_fd(), connection::watched(), data);
                return;
            }
            Ok(Next::End) => {}
            Err(errno) => {
                connection.reset_on_close();
                if !net::is_of_one_connection(errno) {
                    PROGRAM.fail("echo", "client", errno);
                }
            }
        }
        self.connections.take(index);
        self.count -= 1;
        if let Accepting::Paused(_) = self.accepting {
            self.resume();
        }
    }

    /// A signal asks to end: at once, if it is the second.
    fn end(&mut self, grace: Duration) {
        while self.signals.next().is_ok() {
            let now = time::now(Clock::Monotonic);
            self.accepting = match self.accepting {
                Accepting::Ended(_) => Accepting::Ended(now),
                _ => Accepting::Ended(now.saturating_add(grace)),
            };
            self.listeners.clear();
        }
    }

    /// Sees to it that a client whose bytes are still here does not take the end for a good one.
    fn cut(&mut self) {
        for connection in self.connections.iter_mut() {
            if connection.is_blocked() {
                connection.reset_on_close();
            }
        }
    }
}

/// The data of the descriptor's events, and its index in a table.
fn keys(kind: u64, fd: BorrowedFd<'_>) -> (u64, usize) {
    let index = fd.as_raw() as u32; // a descriptor is never negative
    (kind | u64::from(index), index as usize)
}
