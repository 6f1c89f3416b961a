//! The event loop: opens all connections, serves their events, and ends the run when its time is over. With `-n`, each
//! connection ends by itself after its share of the messages.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;

use ring3::Errno;
use ring3::cli::OrFail;
use ring3::collections::Slab;
use ring3::parts;
use ring3::pipe;
use ring3::poll::{EPOLLIN, Epoll, EpollEvent, Events, Next};
use ring3::rt::Exit;
use ring3::signal::{self, SignalFd, SignalSet};
use ring3::text::{Hex, Print};
use ring3::time::{SECOND, monotonic};

use crate::connection::{self, Bytes, Connection, Fault, Phase, Shared};
use crate::report::Outcome;
use crate::{PROGRAM, Settings};

/// The most events that one wait returns.
const EVENTS: usize = 128;

/// The interval of the checks of progress, in nanoseconds. A stall is measured in these checks, so that time in which
/// this process was stopped does not count.
const CHECK: u64 = SECOND / 10;

/// No address of any server.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// The event data of the signals. A connection's event data is its number.
const SIGNALS: u64 = u64::MAX;

/// The state of a run. Times are those of the monotonic clock, in nanoseconds.
pub struct Load {
    settings: Settings,
    /// Which of the server's addresses is used.
    address: usize,
    /// The signals that end the run early.
    end: SignalSet,
    epoll: Epoll,
    signals: SignalFd,
    /// The connections that have not ended, by number.
    connections: Slab<Connection>,
    /// How many connections there are.
    count: usize,
    /// How many of them are not connected yet.
    connecting: usize,
    /// When the first message was sent.
    begin: u64,
    /// When the time of the run is over: no new message is sent from then on.
    until: u64,
    /// When the progress of the connections is checked next.
    next_check: u64,
    shared: Shared,
}

impl Load {
    /// Returns a run without connections. The signals in `end` end the run early; the caller must have blocked them.
    pub fn new(settings: Settings, end: SignalSet) -> Result<Self, Exit> {
        let Settings {
            connections,
            size,
            depth,
            verify,
            ..
        } = settings;
        pipe::occupy_standard().or_fail(PROGRAM, "pipe2", "standard descriptors")?;
        let epoll = Epoll::new().or_fail(PROGRAM, "epoll_create1", "events")?;
        let signals = SignalFd::new(end).or_fail(PROGRAM, "signalfd4", "signals")?;
        epoll
            .add(signals.as_fd(), EPOLLIN, SIGNALS)
            .or_fail(PROGRAM, "epoll_ctl", "signals")?;
        Ok(Self {
            settings,
            address: 0,
            end,
            epoll,
            signals,
            connections: Slab::new(connections).or_fail(PROGRAM, "mmap", "connections")?,
            count: 0,
            connecting: 0,
            begin: 0,
            until: u64::MAX,
            next_check: 0,
            shared: Shared::new(connections, size, depth, verify)
                .or_fail(PROGRAM, "mmap", "messages")?,
        })
    }

    /// Opens all connections, sends messages for the time of the run, and waits until all replies have arrived.
    pub fn run(mut self) -> Result<Outcome, Exit> {
        self.connect_all()?;
        let mut events = [EpollEvent::ZERO; EVENTS];
        while self.count > 0 {
            let next = self.until.min(self.next_check);
            let wait = next.saturating_sub(self.shared.now);
            let wait = Duration::from_nanos(wait);
            let events = match self.epoll.wait(&mut events, Some(wait)) {
                Err(Errno::EINTR) => continue, // stopped and continued
                result => result.or_fail(PROGRAM, "epoll_pwait", "events")?,
            };
            if events.is_empty() {
                self.shared.now = monotonic();
            }
            let address = self.address;
            for event in events {
                if self.address != address {
                    break; // the other events are those of connections that no longer exist
                }
                match event.data {
                    SIGNALS => self.interrupt()?,
                    number => self.go_on(number as usize, event.happened())?,
                }
            }
            if self.shared.now >= self.until {
                self.end()?;
            }
            if self.shared.now >= self.next_check {
                self.check_progress()?;
            }
        }
        Ok(Outcome {
            elapsed: self.shared.last.saturating_sub(self.begin),
            bytes: self.shared.bytes,
            latencies: self.shared.latencies,
        })
    }

    fn connect_all(&mut self) -> Result<(), Exit> {
        for number in 0..self.settings.connections {
            let address = self.address;
            self.connect(number)?;
            if self.address != address {
                break; // all have begun to connect to the next address
            }
        }
        Ok(())
    }

    fn connect(&mut self, number: usize) -> Result<(), Exit> {
        // Shares differ by at most one message. (There is at least one connection; without `max`, the division could
        // panic as far as the compiler knows.)
        let connections = self.settings.connections.max(1) as u64;
        let share = (self.settings.count - number as u64).div_ceil(connections);
        let connection = match Connection::new(number, self.address(), share) {
            Ok(connection) => connection,
            Err(fault) => return self.failed(number, fault),
        };
        self.epoll
            .add(connection.as_fd(), connection::watched(), number as u64)
            .or_fail(PROGRAM, "epoll_ctl", "connection")?;
        let _ = self.connections.insert(connection); // there is room, and the slab's number is `number`: none has left
        self.count += 1;
        self.connecting += 1;
        Ok(())
    }

    /// Serves a connection after an event.
    fn go_on(&mut self, number: usize, events: Events) -> Result<(), Exit> {
        let Some(connection) = self.connections.get_mut(number) else {
            return Ok(());
        };
        if connection.is_connecting() {
            if let Err(fault) = connection.connected() {
                return self.failed(number, fault);
            }
            self.connecting -= 1;
            if self.connecting == 0 {
                self.begin()?;
            }
        }
        let Some(connection) = self.connections.get_mut(number) else {
            return Ok(());
        };
        match connection.go_on(events, &mut self.shared) {
            Ok(Next::Wait) => {}
            Ok(Next::Again) => {
                // The kernel reports the connection again after all connections that are ready now: the kernel's ready
                // list is the queue. The call cannot fail, because the connection is being watched (epoll_ctl(2)).
                let watched = connection::watched();
                let _ = self
                    .epoll
                    .modify(connection.as_fd(), watched, number as u64);
            }
            Ok(Next::End) => self.remove(number),
            Err(fault) => return self.failed(number, fault),
        }
        Ok(())
    }

    fn remove(&mut self, number: usize) {
        self.connections.take(number);
        self.count -= 1;
    }

    /// Starts the time of the run, when all are connected; each connection sends its first messages.
    fn begin(&mut self) -> Result<(), Exit> {
        self.begin = monotonic();
        self.until = self.begin.saturating_add(self.settings.time);
        self.shared.phase = Phase::Sending;
        self.send()
    }

    /// Ends the time of the run: no new message is begun.
    fn end(&mut self) -> Result<(), Exit> {
        self.until = u64::MAX;
        self.shared.phase = Phase::Ending;
        self.send()
    }

    /// Makes every connection send the messages that it may send.
    fn send(&mut self) -> Result<(), Exit> {
        self.each(Connection::send)
    }

    /// Calls `action` for every connection, until one fails.
    fn each(
        &mut self,
        mut action: impl FnMut(&mut Connection, &mut Shared) -> Result<(), Fault>,
    ) -> Result<(), Exit> {
        for number in 0..self.settings.connections {
            if let Some(connection) = self.connections.get_mut(number)
                && let Err(fault) = action(connection, &mut self.shared)
            {
                return self.failed(number, fault);
            }
        }
        Ok(())
    }

    /// Handles the first signal: ends the time of the run, and drops connections that are not established. A second
    /// signal is not blocked any more, and kills the process.
    fn interrupt(&mut self) -> Result<(), Exit> {
        while self.signals.next().is_ok() {}
        let _ = signal::unblock(self.end); // if this fails, the run still ends when all replies have arrived
        for number in 0..self.settings.connections {
            if let Some(connection) = self.connections.get_mut(number)
                && connection.is_connecting()
            {
                self.remove(number);
            }
        }
        self.end()
    }

    /// Checks that every connection makes progress.
    fn check_progress(&mut self) -> Result<(), Exit> {
        self.next_check = self.shared.now + CHECK;
        let patience = self.settings.stall.div_ceil(CHECK);
        self.each(|connection, _| connection.check_progress(patience))
    }

    /// Handles the failure of a connection. If not all are established yet, all turn to the next address of the server.
    /// Otherwise, and after the last address, the run fails.
    fn failed(&mut self, number: usize, fault: Fault) -> Result<(), Exit> {
        let is_of_address = matches!(fault, Fault::Failed("socket" | "connect", _));
        let is_last = self.address + 1 >= self.settings.addresses.len();
        if !is_of_address || is_last || self.shared.phase != Phase::Connecting {
            return Err(self.report(number, fault));
        }
        // From the last to the first, so that the new ones have the same numbers.
        for number in (0..self.settings.connections).rev() {
            self.connections.take(number);
        }
        (self.count, self.connecting) = (0, 0);
        self.address += 1;
        self.connect_all()
    }

    /// The address that is used.
    fn address(&self) -> SocketAddr {
        let address = self.settings.addresses.get(self.address);
        *address.unwrap_or(&NOWHERE) // there is always an address
    }

    /// Prints why a connection failed.
    fn report(&self, number: usize, fault: Fault) -> Exit {
        match fault {
            // Such an error is not about this connection only, but about the address.
            Fault::Failed(operation @ ("socket" | "connect"), errno) => {
                PROGRAM.fail(operation, self.address(), errno)
            }
            Fault::Failed(operation, errno) => self.say(number, parts!(operation, ": ", errno)),
            Fault::Wrong {
                position,
                is,
                should,
            } => {
                let (is, should) = (Hex(is.into(), 2), Hex(should.into(), 2));
                self.say(
                    number,
                    parts!("byte ", position, " is 0x", is, ", not 0x", should),
                )
            }
            Fault::TooMany(Bytes { received, sent }) => {
                self.say(number, parts!("received ", received, " bytes, sent ", sent))
            }
            Fault::TooFew(Bytes { received, sent }) => {
                self.say(number, parts!("ended after ", received, " bytes of ", sent))
            }
            Fault::Stalled(Bytes { received, sent }) => {
                let tenths = self.settings.stall.div_ceil(CHECK);
                let stall = parts!(tenths / 10, ".", tenths % 10, " s");
                let after = parts!(", after ", received, " bytes of ", sent);
                self.say(number, parts!("no progress for ", stall, after))
            }
        }
    }

    fn say(&self, number: usize, what: impl Print) -> Exit {
        let address = self.address();
        let number = number + 1; // messages count connections from 1
        PROGRAM.say(parts!("connection ", number, " of ", address, ": ", what));
        Exit(1)
    }
}
