//! A connection to a service, with a time limit for everything.

use ring3::Errno;
use ring3::fd::BorrowedFd;
use ring3::net;
use ring3::poll::{POLLIN, POLLOUT};
use ring3::time::Deadline;

use crate::connect::wait;
use crate::failure::{Failure, Stopped};

/// The bytes of the buffer.
const BUFFER: usize = 512;

/// How many bytes an answer may have, except the body of HTTP. A longer answer is no answer.
const MOST: u64 = 64 * 1024;

/// A connection.
pub struct Stream<'a> {
    fd: BorrowedFd<'a>,
    deadline: Deadline,
    /// The bytes to send, or the received bytes.
    buffer: [u8; BUFFER],
    /// The bytes that were received and not taken are `start..end` of the buffer. `start` is 0 while the buffer has
    /// bytes to send.
    start: usize,
    end: usize,
    /// How many bytes may still be taken.
    pub left: u64,
    /// Why the exchange has stopped.
    pub failure: Failure,
}

impl<'a> Stream<'a> {
    /// The connection of a non-blocking socket.
    pub fn new(fd: BorrowedFd<'a>, deadline: Deadline) -> Self {
        Self {
            fd,
            deadline,
            buffer: [0; BUFFER],
            start: 0,
            end: 0,
            left: MOST,
            failure: Failure::CUT,
        }
    }

    /// Stops the exchange for this reason.
    pub fn stop(&mut self, failure: Failure) -> Stopped {
        self.failure = failure;
        Stopped
    }

    /// Stops the exchange: the answer is wrong.
    #[inline(never)]
    pub fn wrong(&mut self, what: &'static str) -> Stopped {
        self.stop(Failure::Answer(what))
    }

    /// Sends all of `bytes` at once.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), Stopped> {
        send(self.fd, bytes, self.deadline).map_err(|errno| self.stop(Failure::Call("send", errno)))
    }

    /// Appends `bytes` to the bytes that [`flush`](Self::flush) sends. Nothing has been received yet.
    #[inline(never)]
    pub fn put(&mut self, bytes: &[u8]) -> Result<(), Stopped> {
        for &byte in bytes {
            if self.end == BUFFER {
                self.flush()?;
            }
            if let Some(place) = self.buffer.get_mut(self.end) {
                *place = byte;
                self.end += 1;
            }
        }
        Ok(())
    }

    /// Sends the bytes of [`put`](Self::put).
    pub fn flush(&mut self) -> Result<(), Stopped> {
        let bytes = self.buffer.get(..self.end).unwrap_or_default();
        let sent = send(self.fd, bytes, self.deadline);
        self.end = 0;
        sent.map_err(|errno| self.stop(Failure::Call("send", errno)))
    }

    /// Takes the next byte of the answer; `None` at the end of the connection.
    #[inline(never)]
    pub fn next(&mut self) -> Result<Option<u8>, Stopped> {
        if self.start == self.end {
            self.receive()?;
        }
        let byte = self
            .buffer
            .get(self.start..self.end)
            .and_then(|bytes| bytes.first())
            .copied();
        self.start += usize::from(byte.is_some());
        match self.left.checked_sub(1) {
            Some(left) => self.left = left,
            None => return Err(self.wrong("the answer is longer than 64 KiB")),
        }
        Ok(byte)
    }

    /// Takes the next byte of an answer that has not ended.
    #[inline(never)]
    pub fn byte(&mut self) -> Result<u8, Stopped> {
        match self.next()? {
            Some(byte) => Ok(byte),
            None => Err(self.stop(Failure::CUT)),
        }
    }

    /// Fills `bytes` with the next bytes of an answer that has not ended.
    #[inline(never)]
    pub fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Stopped> {
        bytes.iter_mut().try_for_each(|byte| {
            *byte = self.byte()?;
            Ok(())
        })
    }

    /// Takes the next bytes of an answer that has not ended.
    pub fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Stopped> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// Takes bytes up to the next newline. Returns those that fit into `room`, without the newline and without a
    /// carriage return before it.
    #[inline(never)]
    pub fn line<'room>(&mut self, room: &'room mut [u8]) -> Result<&'room [u8], Stopped> {
        let mut length = 0;
        loop {
            let byte = self.byte()?;
            if byte == b'\n' {
                break;
            }
            if let Some(place) = room.get_mut(length) {
                *place = byte;
                length += 1;
            }
        }
        match room.get(..length).unwrap_or_default() {
            [line @ .., b'\r'] => Ok(line),
            line => Ok(line),
        }
    }

    /// Receives bytes into the empty buffer; none at the end of the connection.
    fn receive(&mut self) -> Result<(), Stopped> {
        loop {
            let received = wait(self.fd, POLLIN, self.deadline)
                .and_then(|()| net::recv(self.fd, &mut self.buffer));
            match received {
                Err(Errno::EAGAIN) => {}
                Ok(count) => {
                    (self.start, self.end) = (0, count);
                    return Ok(());
                }
                Err(errno) => return Err(self.stop(Failure::Call("recv", errno))),
            }
        }
    }
}

/// Sends all of `bytes`.
#[inline(never)]
fn send(fd: BorrowedFd<'_>, mut bytes: &[u8], deadline: Deadline) -> Result<(), Errno> {
    while !bytes.is_empty() {
        match net::send(fd, bytes) {
            Err(Errno::EAGAIN) => wait(fd, POLLOUT, deadline)?,
            result => bytes = bytes.get(result?..).unwrap_or_default(),
        }
    }
    Ok(())
}
