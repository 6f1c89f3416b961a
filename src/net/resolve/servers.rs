//! Asking name servers: both queries over UDP, and over TCP if an answer is truncated.

use core::net::SocketAddr;

use super::config::Config;
use super::{Addresses, Error};
use crate::abi::Errno;
use crate::bytes;
use crate::fd::BorrowedFd;
use crate::net::dns::{Kind, Name, Query, Status};
use crate::net::{self, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK, SOCK_STREAM};
use crate::poll::{POLLIN, POLLOUT, PollEvents, PollFd, poll};
use crate::random;
use crate::time::{Clock, Deadline, SECOND, nanoseconds_by_call};

/// The most bytes of an answer that are read. A longer answer comes over TCP only, and has more addresses than are used.
const LONGEST: usize = 4096;

/// How long to wait for the addresses of one family after those of the other family have arrived, in nanoseconds.
const GRACE: u64 = SECOND / 5;

/// The questions about a name, and the answers so far.
pub struct Lookup<'a> {
    name: Name,
    /// The port of the addresses.
    port: u16,
    addresses: &'a mut Addresses,
    a: State,
    aaaa: State,
    /// The error of the question that failed last.
    error: Option<Error>,
}

const KINDS: [Kind; 2] = [Kind::A, Kind::Aaaa];

/// The state of a question.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// There is no answer yet.
    Open,
    /// The server answered over UDP, and left records out.
    Truncated,
    /// The server did not answer the question.
    Failed,
    /// The answer has addresses.
    Found,
    /// The name exists, but has no such addresses.
    Empty,
    /// The name does not exist.
    NoSuchName,
}

impl<'a> Lookup<'a> {
    /// A lookup of `name`. The addresses are added to `addresses`, with `port`.
    pub fn new(name: Name, port: u16, addresses: &'a mut Addresses) -> Self {
        Self {
            name,
            port,
            addresses,
            a: State::Open,
            aaaa: State::Open,
            error: None,
        }
    }

    /// Asks the servers in turn, until both questions are answered, or one answer has addresses.
    pub fn ask(&mut self, config: &Config, deadline: Deadline) -> Result<(), Error> {
        for _ in 0..config.attempts {
            for &server in config.servers() {
                for kind in KINDS {
                    let state = self.state(kind);
                    if *state == State::Failed {
                        *state = State::Open;
                    }
                }
                let now = nanoseconds_by_call(Clock::Monotonic);
                if deadline.has_passed(now) {
                    return Err(self.error.unwrap_or(Error::NoAnswer(server.ip())));
                }
                self.ask_server(server, deadline.min(Deadline::from(now, config.timeout)));
                match (self.a, self.aaaa) {
                    (State::Found, _) | (_, State::Found) => return Ok(()),
                    (State::Failed, _) | (_, State::Failed) => {}
                    (State::NoSuchName, State::NoSuchName) => return Err(Error::NoSuchName),
                    _ => return Err(Error::NoAddress),
                }
            }
        }
        Err(self.error.unwrap_or(Error::NoSuchName)) // there is at least one server
    }

    /// The state of the question for records of this kind.
    fn state(&mut self, kind: Kind) -> &mut State {
        match kind {
            Kind::A => &mut self.a,
            Kind::Aaaa => &mut self.aaaa,
        }
    }

    /// Records why the open questions have no answer.
    fn fail(&mut self, error: Error) {
        for kind in KINDS {
            let state = self.state(kind);
            if *state == State::Open {
                *state = State::Failed;
                self.error = Some(error);
            }
        }
    }

    /// Asks one server. No question is open afterwards.
    fn ask_server(&mut self, server: SocketAddr, until: Deadline) {
        let random = match random::bits() {
            Ok(random) => random,
            Err(errno) => return self.fail(Error::Random(errno)),
        };
        let [a, aaaa] = KINDS;
        let queries = [
            Query::new(random as u16, &self.name, a),
            Query::new((random >> 16) as u16, &self.name, aaaa),
        ];
        let mut buffer = [0; LONGEST];
        if let Err(errno) = self.over_udp(server, &queries, &mut buffer, until) {
            self.fail(error_of(server, errno));
        }
        for query in &queries {
            if *self.state(query.kind()) == State::Truncated {
                // The question is open until an answer is taken.
                *self.state(query.kind()) = State::Open;
                let errno = match over_tcp(server, query, &mut buffer, until) {
                    Ok((message, length)) => {
                        self.take(query, server, message, length);
                        Errno::EBADMSG
                    }
                    Err(errno) => errno,
                };
                if *self.state(query.kind()) == State::Truncated {
                    *self.state(query.kind()) = State::Open; // over TCP there is room for all
                }
                self.fail(error_of(server, errno));
            }
        }
    }

    /// Sends the open questions, and receives answers until no question is open.
    fn over_udp(
        &mut self,
        server: SocketAddr,
        queries: &[Query],
        buffer: &mut [u8; LONGEST],
        mut until: Deadline,
    ) -> crate::Result<()> {
        let socket = net::socket(server, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC)?;
        // The kernel chooses a random port, and drops datagrams that do not come from the server.
        net::connect(socket.as_fd(), server)?;
        for query in queries {
            if *self.state(query.kind()) == State::Open {
                net::send(socket.as_fd(), query.as_bytes())?;
            }
        }
        while self.a == State::Open || self.aaaa == State::Open {
            wait(socket.as_fd(), POLLIN, until)?;
            let length = match net::recv(socket.as_fd(), buffer) {
                Err(Errno::EAGAIN) => continue, // the datagram's checksum was wrong
                result => result?,
            };
            let message = buffer.get(..length).unwrap_or_default();
            for query in queries {
                if *self.state(query.kind()) == State::Open {
                    self.take(query, server, message, length);
                }
            }
            let is_enough = |state| matches!(state, State::Found | State::Truncated);
            if is_enough(self.a) || is_enough(self.aaaa) {
                until = until.min(Deadline::after(GRACE));
            }
        }
        Ok(())
    }

    /// Takes the message, or the beginning of a message of `length` bytes, if it is the answer to this query.
    fn take(&mut self, query: &Query, server: SocketAddr, message: &[u8], length: usize) {
        let Some(answer) = query.answer(message, length) else {
            return;
        };
        let (addresses, port) = (&mut *self.addresses, self.port);
        let before = addresses.count;
        *self.state(query.kind()) = match answer.status() {
            _ if answer.is_truncated() => State::Truncated,
            Status::NOERROR => {
                let mut each = |ip| addresses.push(SocketAddr::new(ip, port));
                match answer.addresses(&mut each) {
                    Some(0) => State::Empty,
                    Some(_) => State::Found,
                    None => {
                        addresses.count = before;
                        self.error = Some(Error::Malformed(server.ip()));
                        State::Failed
                    }
                }
            }
            Status::NXDOMAIN => State::NoSuchName,
            status => {
                self.error = Some(Error::Refused(server.ip(), status));
                State::Failed
            }
        };
    }
}

/// The error of an exchange with a server.
fn error_of(server: SocketAddr, errno: Errno) -> Error {
    match errno {
        Errno::ETIMEDOUT => Error::NoAnswer(server.ip()),
        Errno::EBADMSG => Error::Malformed(server.ip()),
        errno => Error::Server(server.ip(), errno),
    }
}

/// Sends a query over TCP, and receives the answer. Returns the message, or its beginning if it is too long for the
/// buffer, and its length.
///
/// # Errors
/// `ETIMEDOUT`: the deadline passed. `EBADMSG`: the connection ended before the end of the message. Errors of the network.
fn over_tcp<'b>(
    server: SocketAddr,
    query: &Query,
    buffer: &'b mut [u8; LONGEST],
    until: Deadline,
) -> crate::Result<(&'b [u8], usize)> {
    let socket = net::socket(server, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC)?;
    let socket = socket.as_fd();
    match net::connect(socket, server) {
        Ok(()) | Err(Errno::EINPROGRESS) => {}
        Err(errno) => return Err(errno),
    }
    wait(socket, POLLOUT, until)?;
    net::take_error(socket)?;

    // The length comes before the message, in two bytes.
    let query = query.as_bytes();
    let (length, room) = buffer.split_at_mut(2);
    bytes::copy(length, &(query.len() as u16).to_be_bytes());
    bytes::copy(room, query);
    let mut left = buffer.get(..2 + query.len()).unwrap_or_default();
    while !left.is_empty() {
        wait(socket, POLLOUT, until)?;
        match net::send(socket, left) {
            Err(Errno::EAGAIN) => {}
            sent => left = left.get(sent?..).unwrap_or_default(),
        }
    }
    let mut length = [0; 2];
    receive(socket, &mut length, until)?;
    let length = usize::from(u16::from_be_bytes(length));
    let message = buffer.get_mut(..length.min(LONGEST)).unwrap_or_default();
    receive(socket, message, until)?;
    Ok((message, length))
}

/// Receives bytes until `room` is full.
fn receive(socket: BorrowedFd<'_>, mut room: &mut [u8], until: Deadline) -> crate::Result<()> {
    while !room.is_empty() {
        wait(socket, POLLIN, until)?;
        match net::recv(socket, room) {
            Ok(0) => return Err(Errno::EBADMSG),
            Err(Errno::EAGAIN) => {}
            received => room = room.get_mut(received?..).unwrap_or_default(),
        }
    }
    Ok(())
}

/// Waits for one of the events, or for an error of the socket, which the next call returns. `ETIMEDOUT`: the deadline
/// passed.
fn wait(socket: BorrowedFd<'_>, events: PollEvents, until: Deadline) -> crate::Result<()> {
    loop {
        let left = until.left(|| nanoseconds_by_call(Clock::Monotonic));
        if left.is_some_and(|left| left.is_zero()) {
            return Err(Errno::ETIMEDOUT);
        }
        match poll(&mut [PollFd::new(socket, events)], left) {
            Ok(0) | Err(Errno::EINTR) => {}
            result => return result.map(drop),
        }
    }
}
