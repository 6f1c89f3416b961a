//! One client: its bytes back to it, in order, and no more of them held than one read gave.

use ring3::fd::{BorrowedFd, OwnedFd};
use ring3::mem::Mapping;
use ring3::net;
use ring3::poll::{EPOLLERR, EPOLLET, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLPRI, EPOLLRDHUP, Events};
use ring3::{Errno, Result};

/// How many times a client is served in a row while others wait. With the server's buffer of 64 KiB
/// that is some 100 us.
const ROUNDS: usize = 4;

/// What a connection is watched for, from its beginning to its end. Edge-triggered, because then
/// nothing has to be changed when it is blocked and when it is not any more.
pub fn watched() -> Events {
    EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP | EPOLLET
}

/// A connected client.
pub struct Connection {
    fd: OwnedFd,
    /// What was read and could not be sent yet. While there is some, nothing more is read: so the
    /// kernel's buffers fill up, and TCP makes the client wait.
    unsent: Option<Unsent>,
}

/// Bytes that wait for room in the kernel, in memory that exists only meanwhile.
struct Unsent {
    bytes: Mapping,
    /// How many of them were sent.
    sent: usize,
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
    pub fn new(fd: OwnedFd) -> Self {
        Self { fd, unsent: None }
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
    pub fn echo(&mut self, events: Events, buffer: &mut [u8]) -> Result<Next> {
        // With these a short read may not have been the last: one stops in front of a byte sent out
        // of band, and in front of the end.
        let more = events.intersects(EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR);
        for _ in 0..ROUNDS {
            if let Some(unsent) = &mut self.unsent {
                match net::send(self.fd.as_fd(), &unsent.bytes[unsent.sent..]) {
                    Ok(count) => unsent.sent += count,
                    Err(Errno::EAGAIN) => return Ok(Next::Wait),
                    Err(errno) => return Err(errno),
                }
                if unsent.sent == unsent.bytes.len() {
                    self.unsent = None;
                }
                continue;
            }
            let read = match net::recv(self.fd.as_fd(), buffer) {
                Ok(0) => return Ok(Next::End),
                Ok(count) => &buffer[..count],
                Err(Errno::EAGAIN) => return Ok(Next::Wait),
                Err(errno) => return Err(errno),
            };
            let sent = match net::send(self.fd.as_fd(), read) {
                Ok(count) => count,
                Err(Errno::EAGAIN) => 0,
                Err(errno) => return Err(errno),
            };
            if sent < read.len() {
                self.unsent = Some(Unsent::new(&read[sent..])?);
            } else if read.len() < buffer.len() && !more {
                return Ok(Next::Wait);
            }
        }
        Ok(Next::Again)
    }

    /// Whether bytes of the client are held here.
    pub fn is_blocked(&self) -> bool {
        self.unsent.is_some()
    }

    /// Has its close tell the client that it got less than all.
    pub fn reset_on_close(&self) {
        // It fails at no socket; and if it did, closing is still all there is to do.
        let _ = net::reset_on_close(self.as_fd());
    }
}

impl Unsent {
    fn new(bytes: &[u8]) -> Result<Self> {
        let mut memory = Mapping::new(bytes.len())?;
        memory.copy_from_slice(bytes);
        Ok(Self {
            bytes: memory,
            sent: 0,
        })
    }
}
