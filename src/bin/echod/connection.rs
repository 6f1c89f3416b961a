//! One client: its bytes back to it, in order.

use ring3::fd::{BorrowedFd, OwnedFd};
use ring3::mem::Mapping;
use ring3::net;
use ring3::poll::{EPOLLERR, EPOLLET, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLRDHUP, Events};
use ring3::slab::Slab;
use ring3::{Errno, Result};

use crate::counts::Counts;
use crate::held::{Held, Key};

/// The largest read. A client that fills it sends much, and is served by splice from then on.
pub const BUFFER: usize = 64 * 1024;

/// How many times a client is served in a row while others wait. With the buffer of 64 KiB that is some
/// 100 us.
const ROUNDS: usize = 4;

/// Less than this at once, and pages are not worth moving.
const FEW: usize = 8 * 1024;

/// How much a client sends at once.
#[derive(Clone, Copy)]
enum Amount {
    Little,
    Much,
    /// Little, behind much: the end of a large message, perhaps, and the next one is as large.
    Rest,
}

/// What a connection is watched for, from its beginning to its end. Edge-triggered, because then
/// nothing has to be changed when it is blocked and when it is not any more.
pub fn watched() -> Events {
    EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP | EPOLLET
}

/// A connected client: all that is in memory for one that has nothing under way.
pub struct Connection {
    fd: OwnedFd,
    /// What was read and could not be sent yet. While there is some, nothing more is read: so the
    /// kernel's buffers fill up, and TCP makes the client wait.
    held: Option<Key>,
    /// When it was served last: a tick of the worker's.
    pub served: u8,
    amount: Amount,
}

const _: () = assert!(
    Slab::<Connection>::SLOT == 8,
    "an idle client takes 8 bytes"
);

/// What a worker's clients use in turn.
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

/// How a connection stands after it was served.
pub enum Next {
    /// Nothing to do before the next event.
    Wait,
    /// There may be more, but others come first.
    Again,
    /// The client has ended, and everything was sent: it is to be closed.
    End,
}

impl Connection {
    /// A client that was just accepted.
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

    /// Reads and sends back until the kernel has nothing or takes nothing, or for [`ROUNDS`] times.
    ///
    /// Returns [`Next::Wait`] only after `EAGAIN` or a short read: then the kernel owes an event.
    ///
    /// # Errors
    /// The connection is gone, or something was read for which there is no memory: it is of no use
    /// any more.
    pub fn echo(&mut self, events: Events, tools: &mut Tools<'_>) -> Result<Next> {
        // With these a short read may not have been the last: one stops in front of a byte sent out
        // of band, and in front of the end.
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
                    Err(_) if !tools.held.splices => {} // from now on it is read and written
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

    /// Whether bytes of the client are held here.
    pub fn is_blocked(&self) -> bool {
        self.held.is_some()
    }

    /// Ends it. With `reset`, or where bytes are still here, the client does not take the end for a good
    /// one.
    pub fn close(self, reset: bool, held: &mut Held) {
        if reset || self.is_blocked() {
            // It fails at no socket; and if it did, closing is still all there is to do.
            let _ = net::reset_on_close(self.as_fd());
        }
        if let Some(key) = self.held {
            held.drop(key);
        }
    }
}
