//! One connection: sends messages, receives the replies, and checks them.

use core::net::SocketAddr;

use ring3::Errno;
use ring3::fd::{BorrowedFd, OwnedFd};
use ring3::mem::Mapping;
use ring3::net::{self, *};
use ring3::poll::{EPOLLERR, EPOLLET, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP, Events, Next};
use ring3::time::monotonic;

use crate::histogram::Histogram;
use crate::pattern::Pattern;

/// The most bytes that one call sends or receives.
const BUFFER: usize = 64 * 1024;

/// How many times a connection receives in a row while others wait.
const ROUNDS: usize = 16;

/// The events that epoll reports for a connection, from connect to close.
pub fn watched() -> Events {
    EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET
}

/// The state that all connections share. Times are those of the monotonic clock, in nanoseconds.
pub struct Shared {
    /// Bytes in a message.
    pub size: u64,
    /// The most messages without a reply on a connection.
    pub depth: u64,
    /// Whether every byte is compared.
    pub verify: bool,
    pub phase: Phase,
    /// The current time, updated by each receive, and by each wait that ends without an event.
    pub now: u64,
    /// When the last complete reply arrived.
    pub last: u64,
    /// The number of bytes received.
    pub bytes: u64,
    pub latencies: Histogram,
    /// When each message without a reply was begun: an array of `depth` times for each connection, each array used as a
    /// ring. Pages that are not used take no memory.
    begun: Mapping,
    outgoing: Mapping,
    incoming: Mapping,
}

/// The phases of a run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The connections are being established; no message is sent yet.
    Connecting,
    /// Each connection sends a new message for each reply.
    Sending,
    /// No new message is begun. Each connection waits for its replies, and then ends.
    Ending,
}

impl Shared {
    /// Returns the state for this number of connections.
    pub fn new(connections: usize, size: u64, depth: u64, verify: bool) -> ring3::Result<Self> {
        let times = connections * depth as usize;
        Ok(Self {
            size,
            depth,
            verify,
            phase: Phase::Connecting,
            now: monotonic(),
            last: 0,
            bytes: 0,
            latencies: Histogram::new()?,
            begun: Mapping::new(times * size_of::<u64>())?,
            outgoing: Mapping::new(BUFFER)?,
            incoming: Mapping::new(BUFFER)?,
        })
    }

    /// Returns the place for the time at which a message of connection `number` was begun.
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
    /// The most messages that this connection sends.
    share: u64,
    pattern: Pattern,
    state: State,
    /// Whether the last send failed with EAGAIN. The kernel then reports `EPOLLOUT` when there is room again.
    blocked: bool,
    /// The number of messages of which at least one byte was sent.
    begun: u64,
    /// The number of complete replies.
    answered: u64,
    /// The number of bytes sent.
    sent: u64,
    /// The number of bytes received.
    received: u64,
    /// The number of [checks](Connection::check_progress) since the last progress.
    idle: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Connecting,
    Open,
    /// This side has shut down its direction, and waits for EOF.
    Closing,
}

/// Why a connection failed.
pub enum Fault {
    /// An operation failed.
    Failed(&'static str, Errno),
    /// A received byte is not the byte that was sent.
    Wrong { position: u64, is: u8, should: u8 },
    /// More bytes were received than sent.
    TooMany(Bytes),
    /// EOF arrived before all replies.
    TooFew(Bytes),
    /// There was no progress for too long.
    Stalled(Bytes),
}

/// How many bytes a connection has received and sent.
pub struct Bytes {
    pub received: u64,
    pub sent: u64,
}

impl Connection {
    /// Starts to connect to `address`, without waiting for the connection, which will send at most `share` messages.
    pub fn new(number: usize, address: SocketAddr, share: u64) -> Result<Self, Fault> {
        let kind = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
        let fd = net::socket(address, kind).map_err(failed("socket"))?;
        // The kernel must send a small message at once, even if an earlier one is not yet acknowledged.
        net::set_option(fd.as_fd(), IPPROTO_TCP, TCP_NODELAY, 1).map_err(failed("setsockopt"))?;
        match net::connect(fd.as_fd(), address) {
            Ok(()) | Err(Errno::EINPROGRESS) => {}
            Err(errno) => return Err(Fault::Failed("connect", errno)),
        }
        Ok(Self {
            fd,
            number,
            share,
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

    /// Handles the first event of a connection: it is established, or has failed.
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

    /// Fails if the connection waits for something, and has made no progress for more than `patience` calls of this
    /// function.
    pub fn check_progress(&mut self, patience: u64) -> Result<(), Fault> {
        let waits = self.state != State::Open || self.received < self.sent;
        self.idle = if waits { self.idle + 1 } else { 0 };
        match self.state {
            _ if self.idle <= patience => Ok(()),
            State::Connecting => Err(Fault::Failed("connect", Errno::ETIMEDOUT)),
            State::Open | State::Closing => Err(Fault::Stalled(self.bytes())),
        }
    }

    /// Receives replies until a receive would block, but at most [`ROUNDS`] times, and sends new messages for them.
    ///
    /// Returns [`Next::Wait`] only after `EAGAIN` or a short read, or if there was nothing to receive. After these the
    /// kernel reports an event when there is more to do, although the events are edge-triggered.
    pub fn go_on(&mut self, events: Events, shared: &mut Shared) -> Result<Next, Fault> {
        if self.blocked && events.contains(EPOLLOUT) {
            self.blocked = false;
            self.send(shared)?;
        }
        // With these events there can be more to read after a short read: a read stops before EOF.
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

    /// Processes the first `count` bytes of the buffer, which were just received: compares and counts them, and records
    /// the latency of each reply that they complete.
    fn take(&mut self, count: usize, shared: &mut Shared) -> Result<(), Fault> {
        shared.now = monotonic();
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

    /// Compares received bytes with the bytes that were sent, which are generated again in `should`.
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
        Ok(()) // the difference is after the last byte that was sent: the caller reports `TooMany`
    }

    /// Sends messages up to the allowed depth, until the kernel takes no more. In the ending phase, or after the last
    /// message of the connection's share, shuts down our direction when all replies have arrived.
    pub fn send(&mut self, shared: &mut Shared) -> Result<(), Fault> {
        let messages = match shared.phase {
            Phase::Sending => self.share.min(self.answered + shared.depth),
            Phase::Connecting | Phase::Ending => self.begun, // only completes a message that was begun
        };
        let end = messages * shared.size;
        while self.sent < end && !self.blocked {
            let count = (end - self.sent).min(BUFFER as u64) as usize;
            let bytes = shared.outgoing.get_mut(..count).unwrap_or_default();
            if shared.verify {
                self.pattern.fill(self.sent, bytes);
            }
            let time = monotonic();
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
        let is_last = shared.phase == Phase::Ending || messages == self.share;
        if is_last && self.state == State::Open && self.received == end {
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
