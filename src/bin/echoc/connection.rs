//! One connection: what is under way on it, and whether it comes back.

use core::net::SocketAddr;

use ring3::Errno;
use ring3::fd::{BorrowedFd, OwnedFd};
use ring3::mem::Mapping;
use ring3::net::{self, *};
use ring3::poll::{EPOLLERR, EPOLLET, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP, Events};
use ring3::time::{self, Clock};

use crate::histogram::Histogram;
use crate::pattern::Pattern;

/// The most that is sent or received at once.
const BUFFER: usize = 64 * 1024;

/// How many times a connection receives in a row while others wait.
const ROUNDS: usize = 16;

/// What a connection is watched for, from its beginning to its end.
pub fn watched() -> Events {
    EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET
}

/// Nanoseconds since some moment.
pub fn now() -> u64 {
    time::nanoseconds(Clock::Monotonic)
}

/// What all connections have together.
pub struct Shared {
    /// Bytes of a message.
    pub size: u64,
    /// Messages of a connection that may be under way.
    pub depth: u64,
    /// Whether every byte is compared.
    pub verify: bool,
    pub phase: Phase,
    /// The time when something was last received or waited for.
    pub now: u64,
    /// The time when a message last came back whole.
    pub last: u64,
    /// Bytes that came back.
    pub bytes: u64,
    pub latencies: Histogram,
    /// When each message under way was begun: `depth` times for each connection, used in turn. What
    /// is not used takes no memory.
    begun: Mapping,
    outgoing: Mapping,
    incoming: Mapping,
}

/// What the connections do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// They wait until all are there.
    Connecting,
    /// Each reply is answered by a new message.
    Sending,
    /// What is under way comes back, and then the end.
    Ending,
}

impl Shared {
    /// For so many connections.
    pub fn new(connections: usize, size: u64, depth: u64, verify: bool) -> ring3::Result<Self> {
        let times = connections * depth as usize;
        Ok(Self {
            size,
            depth,
            verify,
            phase: Phase::Connecting,
            now: now(),
            last: 0,
            bytes: 0,
            latencies: Histogram::new()?,
            begun: Mapping::new(times * size_of::<u64>())?,
            outgoing: Mapping::new(BUFFER)?,
            incoming: Mapping::new(BUFFER)?,
        })
    }

    /// Where it stands when a message of connection `number` was begun.
    fn begun(&mut self, number: usize, message: u64) -> Option<&mut [u8; size_of::<u64>()]> {
        let (times, _) = self.begun.as_chunks_mut();
        let nth = message.checked_rem(self.depth)?;
        times.get_mut(number * self.depth as usize + nth as usize)
    }
}

/// A connection.
pub struct Connection {
    fd: OwnedFd,
    number: usize,
    pattern: Pattern,
    state: State,
    /// Whether the kernel takes no more, and owes an event for when it does.
    blocked: bool,
    /// Messages of which at least a byte was sent.
    begun: u64,
    /// Messages that came back whole.
    answered: u64,
    /// Bytes that the kernel took.
    sent: u64,
    /// Bytes that came back.
    received: u64,
    /// How often it was [looked at](Connection::look) since something happened.
    idle: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Connecting,
    Open,
    /// Our direction has ended.
    Closing,
}

/// How a connection stands after it went on.
pub enum Next {
    /// Nothing to do before the next event.
    Wait,
    /// There may be more, but others come first.
    Again,
    /// It has ended, and everything came back.
    End,
}

/// What was wrong with a connection.
pub enum Fault {
    /// An operation failed.
    Failed(&'static str, Errno),
    /// Another byte came back than was sent.
    Wrong { position: u64, is: u8, should: u8 },
    /// More came back than was sent.
    TooMany(Bytes),
    /// It has ended, and not all had come back.
    TooFew(Bytes),
    /// Nothing happened for too long.
    Stalled(Bytes),
}

/// How many bytes of a connection came back, and how many were sent.
pub struct Bytes {
    pub received: u64,
    pub sent: u64,
}

impl Connection {
    /// Begins to connect to `address`; or the operation that failed.
    pub fn new(number: usize, address: SocketAddr) -> Result<Self, Fault> {
        let kind = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
        let fd = net::socket(address, kind).map_err(failed("socket"))?;
        // A message is not held back until the one before it has arrived.
        net::set_option(fd.as_fd(), IPPROTO_TCP, TCP_NODELAY, 1).map_err(failed("setsockopt"))?;
        match net::connect(fd.as_fd(), address) {
            Ok(()) | Err(Errno::EINPROGRESS) => {}
            Err(errno) => return Err(Fault::Failed("connect", errno)),
        }
        Ok(Self {
            fd,
            number,
            pattern: Pattern::new(number as u64),
            state: State::Connecting,
            blocked: false,
            begun: 0,
            answered: 0,
            sent: 0,
            received: 0,
            idle: 0,
        })
    }

    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    pub fn is_connecting(&self) -> bool {
        self.state == State::Connecting
    }

    /// The first event has come: the connection is made, or is not.
    pub fn connected(&mut self) -> Result<(), Fault> {
        net::take_error(self.as_fd()).map_err(failed("connect"))?;
        self.state = State::Open;
        Ok(())
    }

    fn bytes(&self) -> Bytes {
        Bytes {
            received: self.received,
            sent: self.sent,
        }
    }

    /// Looks whether something has been waited for and did not come for `patience` looks.
    pub fn look(&mut self, patience: u64) -> Result<(), Fault> {
        let waits = self.state != State::Open || self.received < self.sent;
        self.idle = if waits { self.idle + 1 } else { 0 };
        match self.state {
            _ if self.idle <= patience => Ok(()),
            State::Connecting => Err(Fault::Failed("connect", Errno::ETIMEDOUT)),
            State::Open | State::Closing => Err(Fault::Stalled(self.bytes())),
        }
    }

    /// Receives until there is nothing, or for [`ROUNDS`] times, and sends what may be sent then.
    ///
    /// Returns [`Next::Wait`] only after `EAGAIN` or a short read: then the kernel owes an event.
    pub fn go_on(&mut self, events: Events, shared: &mut Shared) -> Result<Next, Fault> {
        if self.blocked && events.contains(EPOLLOUT) {
            self.blocked = false;
            self.send(shared)?;
        }
        // With these a short read may not have been the last: one stops in front of the end.
        let more = events.intersects(EPOLLRDHUP | EPOLLHUP | EPOLLERR);
        if !more && !events.contains(EPOLLIN) {
            return Ok(Next::Wait);
        }
        for _ in 0..ROUNDS {
            let count = match net::recv(self.fd.as_fd(), &mut shared.incoming) {
                Ok(0) if self.state == State::Closing => return Ok(Next::End),
                Ok(0) => return Err(Fault::TooFew(self.bytes())),
                Ok(count) => count,
                Err(Errno::EAGAIN) => return Ok(Next::Wait),
                Err(errno) => return Err(Fault::Failed("recv", errno)),
            };
            self.take(count, shared)?;
            self.send(shared)?;
            if count < BUFFER && !more {
                return Ok(Next::Wait);
            }
        }
        Ok(Next::Again)
    }

    /// Takes in the first `count` bytes of the buffer, which were just received.
    fn take(&mut self, count: usize, shared: &mut Shared) -> Result<(), Fault> {
        shared.now = now();
        self.idle = 0;
        if shared.verify {
            let bytes = shared.incoming.get(..count).unwrap_or_default();
            let should = shared.outgoing.get_mut(..count).unwrap_or_default();
            self.compare(bytes, should)?;
        }
        self.received += count as u64;
        if self.received > self.sent {
            return Err(Fault::TooMany(self.bytes()));
        }
        shared.bytes += count as u64;
        while (self.answered + 1) * shared.size <= self.received {
            if let Some(begun) = shared.begun(self.number, self.answered) {
                let begun = u64::from_ne_bytes(*begun);
                shared.latencies.add(shared.now.saturating_sub(begun));
            }
            shared.last = shared.now;
            self.answered += 1;
        }
        Ok(())
    }

    /// Compares bytes that came back with those that were sent, which are made again in `should`.
    fn compare(&self, bytes: &[u8], should: &mut [u8]) -> Result<(), Fault> {
        self.pattern.fill(self.received, should);
        if bytes == should {
            return Ok(());
        }
        let pairs = bytes.iter().zip(should);
        for ((&is, &mut should), position) in pairs.zip(self.received..self.sent) {
            if is != should {
                return Err(Fault::Wrong {
                    position,
                    is,
                    should,
                });
            }
        }
        Ok(()) // what differs was never sent
    }

    /// Sends what may be under way, as far as the kernel takes it; and when nothing more is to come
    /// back, ends our direction.
    pub fn send(&mut self, shared: &mut Shared) -> Result<(), Fault> {
        let messages = match shared.phase {
            Phase::Sending => self.answered + shared.depth,
            Phase::Connecting | Phase::Ending => self.begun, // what was begun is sent whole
        };
        let end = messages * shared.size;
        while self.sent < end && !self.blocked {
            let count = (end - self.sent).min(BUFFER as u64) as usize;
            let bytes = shared.outgoing.get_mut(..count).unwrap_or_default();
            if shared.verify {
                self.pattern.fill(self.sent, bytes);
            }
            let time = now();
            match net::send(self.fd.as_fd(), bytes) {
                Ok(count) => {
                    self.sent += count as u64;
                    self.idle = 0;
                }
                Err(Errno::EAGAIN) => self.blocked = true,
                Err(errno) => return Err(Fault::Failed("send", errno)),
            }
            while self.begun * shared.size < self.sent {
                if let Some(begun) = shared.begun(self.number, self.begun) {
                    *begun = time.to_ne_bytes();
                }
                self.begun += 1;
            }
        }
        if shared.phase == Phase::Ending && self.state == State::Open && self.received == end {
            net::shutdown_write(self.as_fd()).map_err(failed("shutdown"))?;
            self.state = State::Closing;
            self.idle = 0;
        }
        Ok(())
    }
}

fn failed(operation: &'static str) -> impl Fn(Errno) -> Fault {
    move |errno| Fault::Failed(operation, errno)
}
