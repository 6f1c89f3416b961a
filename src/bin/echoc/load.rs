//! The loop: connects, waits for events, has the connection go on that each is of, and ends.

use core::time::Duration;

use ring3::Errno;
use ring3::cli::OrFail;
use ring3::parts;
use ring3::pipe;
use ring3::poll::{EPOLLIN, Epoll, EpollEvent, Events};
use ring3::print::{Hex, Print};
use ring3::rt::Exit;
use ring3::signal::{self, SignalFd, SignalSet};
use ring3::slab::Slab;
use ring3::time::SECOND;

use crate::connection::{self, Bytes, Connection, Fault, Next, Phase, Shared, now};
use crate::report::Outcome;
use crate::{PROGRAM, Settings};

/// Events taken from the kernel at once.
const EVENTS: usize = 128;

/// How often it is looked who makes no progress. Stalls are counted in these, so that time in which
/// this process was stopped does not count.
const LOOKS_A_SECOND: u64 = 10;

/// The data of the signals' event; a connection's is its number.
const SIGNALS: u64 = u64::MAX;

/// Everything there is.
pub struct Load {
    settings: Settings,
    /// What ends it early.
    end: SignalSet,
    epoll: Epoll,
    signals: SignalFd,
    /// By number; those that have ended are gone.
    connections: Slab<Connection>,
    count: usize,
    /// How many of them are not connected yet.
    connecting: usize,
    /// When the first message was sent.
    begin: u64,
    /// When no new message is sent any more.
    until: u64,
    /// When it is next looked who makes no progress.
    look: u64,
    shared: Shared,
}

impl Load {
    /// Without a connection yet; the signals of `end`, which are blocked, end it early.
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
            end,
            epoll,
            signals,
            connections: Slab::new(connections).or_fail(PROGRAM, "mmap", "connections")?,
            count: 0,
            connecting: 0,
            begin: 0,
            until: u64::MAX,
            look: 0,
            shared: Shared::new(connections, size, depth, verify)
                .or_fail(PROGRAM, "mmap", "messages")?,
        })
    }

    /// Connects, sends messages for as long as was asked for, and waits until all have come back.
    pub fn run(mut self) -> Result<Outcome, Exit> {
        for number in 0..self.settings.connections {
            self.connect(number)?;
        }
        let mut events = [EpollEvent::ZERO; EVENTS];
        while self.count > 0 {
            let wait = self.until.min(self.look).saturating_sub(self.shared.now);
            let wait = Duration::from_nanos(wait);
            let events = match self.epoll.wait(&mut events, Some(wait)) {
                Err(Errno::EINTR) => continue, // stopped and continued
                result => result.or_fail(PROGRAM, "epoll_pwait", "events")?,
            };
            if events.is_empty() {
                self.shared.now = now();
            }
            for event in events {
                match event.data {
                    SIGNALS => self.interrupt()?,
                    number => self.go_on(number as usize, event.happened())?,
                }
            }
            if self.shared.now >= self.until {
                self.end()?;
            }
            if self.shared.now >= self.look {
                self.look()?;
            }
        }
        Ok(Outcome {
            elapsed: self.shared.last.saturating_sub(self.begin),
            bytes: self.shared.bytes,
            latencies: self.shared.latencies,
        })
    }

    fn connect(&mut self, number: usize) -> Result<(), Exit> {
        let connection = match Connection::new(number, self.settings.address) {
            Ok(connection) => connection,
            Err(fault) => return Err(self.tell(number, fault)),
        };
        self.epoll
            .add(connection.as_fd(), connection::watched(), number as u64)
            .or_fail(PROGRAM, "epoll_ctl", "connection")?;
        let _ = self.connections.insert(connection); // there is room for all, and none leaves before
        self.count += 1;
        self.connecting += 1;
        Ok(())
    }

    /// Has a connection go on, of which there was an event.
    fn go_on(&mut self, number: usize, events: Events) -> Result<(), Exit> {
        let Some(connection) = self.connections.get_mut(number) else {
            return Ok(());
        };
        if connection.is_connecting() {
            if let Err(fault) = connection.connected() {
                return Err(self.tell(number, fault));
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
                // Reports it again behind everybody whose turn it is: the kernel's list is the queue.
                // It is watched, so that there is no error left (epoll_ctl(2)).
                let watched = connection::watched();
                let _ = self
                    .epoll
                    .modify(connection.as_fd(), watched, number as u64);
            }
            Ok(Next::End) => self.remove(number),
            Err(fault) => return Err(self.tell(number, fault)),
        }
        Ok(())
    }

    fn remove(&mut self, number: usize) {
        self.connections.take(number);
        self.count -= 1;
    }

    /// All are connected: the time begins, and each sends its first messages.
    fn begin(&mut self) -> Result<(), Exit> {
        self.begin = now();
        self.until = self.begin.saturating_add(self.settings.seconds * SECOND);
        self.shared.phase = Phase::Sending;
        self.send()
    }

    /// The time is over: no new message is begun.
    fn end(&mut self) -> Result<(), Exit> {
        self.until = u64::MAX;
        self.shared.phase = Phase::Ending;
        self.send()
    }

    /// Has every connection send what it may.
    fn send(&mut self) -> Result<(), Exit> {
        self.each(Connection::send)
    }

    fn each(
        &mut self,
        mut action: impl FnMut(&mut Connection, &mut Shared) -> Result<(), Fault>,
    ) -> Result<(), Exit> {
        for number in 0..self.settings.connections {
            if let Some(connection) = self.connections.get_mut(number)
                && let Err(fault) = action(connection, &mut self.shared)
            {
                return Err(self.tell(number, fault));
            }
        }
        Ok(())
    }

    /// A signal asks to end: as if time were over. A second one does what it does.
    fn interrupt(&mut self) -> Result<(), Exit> {
        while self.signals.next().is_ok() {}
        let _ = signal::unblock(self.end); // if they stay blocked, the program ends when all replies have arrived
        for number in 0..self.settings.connections {
            if let Some(connection) = self.connections.get_mut(number)
                && connection.is_connecting()
            {
                self.remove(number);
            }
        }
        self.end()
    }

    /// Looks who makes no progress.
    fn look(&mut self) -> Result<(), Exit> {
        self.look = self.shared.now + SECOND / LOOKS_A_SECOND;
        let patience = self.settings.stall * LOOKS_A_SECOND;
        self.each(|connection, _| connection.look(patience))
    }

    /// Says what was wrong with a connection.
    fn tell(&self, number: usize, fault: Fault) -> Exit {
        match fault {
            // The address's, and not this connection's alone.
            Fault::Failed(operation @ ("socket" | "connect"), errno) => {
                PROGRAM.fail(operation, self.settings.address, errno)
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
                self.say(number, parts!(received, " bytes came back of ", sent))
            }
            Fault::TooFew(Bytes { received, sent }) => self.say(
                number,
                parts!("it ended after ", received, " bytes of ", sent),
            ),
            Fault::Stalled(Bytes { received, sent }) => {
                let seconds = self.settings.stall;
                let after = parts!(" s, after ", received, " bytes of ", sent);
                self.say(number, parts!("no progress for ", seconds, after))
            }
        }
    }

    fn say(&self, number: usize, what: impl Print) -> Exit {
        let address = self.settings.address;
        let number = number + 1; // as people count
        PROGRAM.say(parts!("connection ", number, " of ", address, ": ", what));
        Exit(1)
    }
}
