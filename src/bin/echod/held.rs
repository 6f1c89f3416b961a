//! Held bytes: bytes that were read from a client and cannot be sent back yet, in memory or in a pipe.
//!
//! Few clients are blocked at the same time. So the memory or the pipe for held bytes exists only while a client is
//! blocked; an idle client has neither.

use core::num::NonZeroU16;

use ring3::bytes;
use ring3::collections::Slab;
use ring3::fd::BorrowedFd;
use ring3::mem::Mapping;
use ring3::net;
use ring3::pipe::{O_CLOEXEC, O_NONBLOCK, Pipe, SPLICE_F_MOVE, SPLICE_F_NONBLOCK, splice};
use ring3::{Errno, Result};

/// The most empty pipes that are kept for reuse.
const SPARE: usize = 4;

/// The key of a client's held bytes in [`Held`]. A key has only two bytes, because every connection contains room for a
/// key.
#[derive(Clone, Copy)]
pub struct Key(NonZeroU16);

/// The held bytes of a worker's clients.
pub struct Held {
    all: Slab<Bytes>,
    spare: [Option<Pipe>; SPARE],
    /// Whether splice(2) works here: true until the kernel refuses it.
    pub splices: bool,
}

/// The held bytes of one client.
enum Bytes {
    /// Bytes in memory, and how many of them were sent.
    Memory(Mapping, usize),
    /// Bytes in a pipe, and how many of them are left.
    Pipe(Pipe, usize),
}

impl Held {
    /// Returns an empty store.
    ///
    /// # Errors
    /// `ENOMEM`
    pub fn new() -> Result<Self> {
        Ok(Self {
            all: Slab::new(NonZeroU16::MAX.get().into())?,
            spare: [const { None }; SPARE],
            splices: true,
        })
    }

    /// Holds a copy of `bytes`.
    ///
    /// # Errors
    /// `ENOMEM`
    pub fn keep(&mut self, bytes: &[u8]) -> Result<Key> {
        let mut memory = Mapping::new(bytes.len())?;
        bytes::copy(&mut memory, bytes);
        self.insert(Bytes::Memory(memory, 0))
    }

    /// Returns an empty pipe, or `None` if there is no descriptor for a pipe or splice(2) does not work. The client is
    /// then served without a pipe.
    pub fn pipe(&mut self) -> Option<Pipe> {
        if !self.splices {
            return None;
        }
        let spare = self.spare.iter_mut().find_map(Option::take);
        spare.or_else(|| Pipe::new(O_CLOEXEC | O_NONBLOCK).ok())
    }

    /// Moves up to `count` bytes from the client back to the client, through `pipe`, which must be empty. Returns how
    /// many bytes were read (0 at EOF), and the key of the bytes that could not be sent, if there are any.
    ///
    /// # Errors
    /// `EAGAIN`: the client has sent nothing. Any error after which `splices` is false: nothing was read, and from now
    /// on [`pipe`](Self::pipe) returns `None`. Any other error: bytes can be lost with the pipe, so the caller must
    /// close the connection.
    pub fn pass(
        &mut self,
        pipe: Pipe,
        client: BorrowedFd<'_>,
        count: usize,
    ) -> Result<(usize, Option<Key>)> {
        let flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;
        let read = splice(client, pipe.write.as_fd(), count, flags);
        // A seccomp filter refuses splice (EPERM, ENOSYS), or this kind of socket does not support it (EINVAL).
        if let Err(Errno::EPERM | Errno::ENOSYS | Errno::EINVAL) = read {
            self.splices = false;
        }
        let mut left = *read.as_ref().unwrap_or(&0);
        match drain(&pipe, &mut left, client) {
            Ok(()) => {
                self.put(pipe);
                Ok((read?, None))
            }
            Err(Errno::EAGAIN) => Ok((read?, Some(self.insert(Bytes::Pipe(pipe, left))?))),
            Err(errno) => Err(errno), // closes the pipe and drops the bytes in it
        }
    }

    /// Sends the held bytes of `client`. Returns false if some of them cannot be sent yet.
    ///
    /// # Errors
    /// The errors of send(2) and splice(2) on the connection.
    pub fn send(&mut self, key: Key, client: BorrowedFd<'_>) -> Result<bool> {
        let number = number(key);
        let result = match self.all.get_mut(number) {
            Some(Bytes::Memory(bytes, sent)) => loop {
                let left = bytes.get(*sent..).unwrap_or_default();
                if left.is_empty() {
                    break Ok(());
                }
                match net::send(client, left) {
                    Ok(count) => *sent += count,
                    Err(errno) => break Err(errno),
                }
            },
            Some(Bytes::Pipe(pipe, left)) => drain(pipe, left, client),
            None => Ok(()),
        };
        match result {
            Ok(()) => {
                if let Some(Bytes::Pipe(pipe, _)) = self.all.take(number) {
                    self.put(pipe);
                }
                Ok(true)
            }
            Err(Errno::EAGAIN) => Ok(false),
            Err(errno) => Err(errno),
        }
    }

    /// Drops the held bytes.
    pub fn drop(&mut self, key: Key) {
        self.all.take(number(key));
    }

    fn insert(&mut self, bytes: Bytes) -> Result<Key> {
        let number = self.all.insert(bytes).map_err(|_| Errno::ENOMEM)?;
        // `all` has one slot for each possible key, so `number + 1` fits.
        let key = NonZeroU16::new(number as u16 + 1).ok_or(Errno::ENOMEM)?;
        Ok(Key(key))
    }

    /// Keeps an empty pipe for reuse, or closes it if there are [`SPARE`] already.
    fn put(&mut self, pipe: Pipe) {
        if let Some(place) = self.spare.iter_mut().find(|place| place.is_none()) {
            *place = Some(pipe);
        }
    }
}

fn number(key: Key) -> usize {
    usize::from(key.0.get()) - 1
}

/// Sends the `left` bytes in a pipe, and subtracts the bytes that were sent from `left`.
///
/// # Errors
/// `EAGAIN`: the client's socket takes no more now. Otherwise the errors of splice(2) on the connection.
fn drain(pipe: &Pipe, left: &mut usize, client: BorrowedFd<'_>) -> Result<()> {
    while *left != 0 {
        // If the client has closed its end, splice fails with EPIPE. The kernel also sends SIGPIPE, which is blocked.
        *left -= splice(pipe.read.as_fd(), client, *left, SPLICE_F_MOVE)?;
    }
    Ok(())
}
