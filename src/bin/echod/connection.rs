//! One client: receives its bytes, and sends them back to it in order.

use ring3::collections::Slab;
use ring3::fd::{BorrowedFd, OwnedFd};
use ring3::mem::Mapping;
use ring3::net;
use ring3::poll::{
    EPOLLERR, EPOLLET, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLRDHUP, Events, Next,
};
use ring3::{Errno, Result};

use crate::counts::Counts;
use crate::held::{Held, Key};

/// The size of the largest read, in bytes. A client that fills the buffer sends much, so splice(2) serves the client
/// until the client sends little again.
pub const BUFFER: usize = 64 * 1024;

/// How many times a client is served in a row while others wait. With the buffer of 64 KiB this takes about 100 us.
const ROUNDS: usize = 4;

/// The limit between a small and a large read, in bytes. Up to this size, a copy is cheaper than moving pages.
const FEW: usize = 8 * 1024;

/// How much a client sends at once.
#[derive(Clone, Copy)]
enum Amount {
    Little,
    Much,
    /// Little, after much. This can be the end of a large message, and the next message can be as large.
    Rest,
}

/// The events that epoll reports for a connection, from accept to close. They are edge-triggered, so that the set need
/// not change when the connection becomes blocked or unblocked.
pub fn watched() -> Events {
    EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP | EPOLLET
}

/// A connected client. An idle client needs no other memory.
pub struct Connection {
    fd: OwnedFd,
    /// Bytes that were read and could not be sent yet. While there are any, nothing more is read. So the kernel's
    /// buffers fill up, and TCP makes the client wait (back-pressure).
    held: Option<Key>,
    /// The worker's tick at which the client was last served.
    pub served: u8,
    amount: Amount,
}

const _: () = assert!(
    Slab::<Connection>::SLOT == 8,
    "an idle client takes 8 bytes"
);

/// The buffer, the store of held bytes and the counters, which all clients of a worker share. One client uses them at a
/// time.
pub struct Tools<'a> {
    pub buffer: Mapping,
    pub held: Held,
    pub counts: &'a Counts,
}

impl Tools<'_> {
    fn count(&self, bytes: usize) {
        self.counts.requests.add(1);
        self.counts.bytes.add(bytes as u64);
    }
}

impl Connection {
    /// Returns the state of a client that was just accepted; `now` is the worker's tick.
    pub fn new(fd: OwnedFd, now: u8) -> Self {
        Self {
            fd,
            held: None,
            served: now,
            amount: Amount::Little,
        }
    }

    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Reads and sends back until a read or a send would block, but at most [`ROUNDS`] times.
    ///
    /// Returns [`Next::Wait`] only after `EAGAIN` or a short read. After these the kernel reports an event when there
    /// is more to do, although the events are edge-triggered.
    ///
    /// # Errors
    /// The connection failed, or there is no memory for bytes that were read and cannot be sent yet. In both cases the
    /// caller must close the connection.
    pub fn echo(&mut self, events: Events, tools: &mut Tools<'_>) -> Result<Next> {
        // With these events there can be more to read after a short read: a read stops before a byte that was sent out
        // of band, and before EOF.
        let more = events.intersects(EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR);
        for _ in 0..ROUNDS {
            if let Some(key) = self.held {
                if !tools.held.send(key, self.fd.as_fd())? {
                    return Ok(Next::Wait);
                }
                self.held = None;
            } else if !matches!(self.amount, Amount::Little)
                && let Some(pipe) = tools.held.pipe()
            {
                match tools.held.pass(pipe, self.fd.as_fd(), BUFFER) {
                    Ok((0, _)) => return Ok(Next::End),
                    Ok((count, held)) => {
                        tools.count(count);
                        self.held = held;
                        self.amount = match self.amount {
                            _ if count > FEW => Amount::Much,
                            Amount::Much => Amount::Rest,
                            _ => Amount::Little,
                        };
                    }
                    Err(Errno::EAGAIN) => return Ok(Next::Wait),
                    Err(_) if !tools.held.splices => {} // the next round uses recv and send instead
                    Err(errno) => return Err(errno),
                }
            } else {
                let read = match net::recv(self.fd.as_fd(), &mut tools.buffer) {
                    Ok(0) => return Ok(Next::End),
                    Ok(count) => tools.buffer.get(..count).unwrap_or_default(),
                    Err(Errno::EAGAIN) => return Ok(Next::Wait),
                    Err(errno) => return Err(errno),
                };
                tools.count(read.len());
                let sent = match net::send(self.fd.as_fd(), read) {
                    Ok(count) => count,
                    Err(Errno::EAGAIN) => 0,
                    Err(errno) => return Err(errno),
                };
                let left = read.get(sent..).unwrap_or_default();
                if !left.is_empty() {
                    self.held = Some(tools.held.keep(left)?);
                } else if read.len() == tools.buffer.len() {
                    self.amount = Amount::Much;
                } else if !more {
                    return Ok(Next::Wait);
                }
            }
        }
        Ok(Next::Again)
    }

    /// Whether bytes of the client are held, waiting to be sent.
    pub fn is_blocked(&self) -> bool {
        self.held.is_some()
    }

    /// Closes the connection. With `reset`, or if bytes are still held, the client receives a reset instead of EOF, so
    /// that it does not take the end for a complete reply.
    pub fn close(self, reset: bool, held: &mut Held) {
        if reset || self.is_blocked() {
            // SO_LINGER can be set on every socket. Should it fail, the connection is closed all the same.
            let _ = net::reset_on_close(self.as_fd());
        }
        if let Some(key) = self.held {
            held.drop(key);
        }
    }
}
