//! Bytes that were read and wait for room in the kernel, and the pipes through which pages go.
//!
//! Few clients are ever blocked at once: what one of them needs is in memory only meanwhile.

use core::num::NonZeroU16;

use ring3::fd::BorrowedFd;
use ring3::mem::{self, Mapping};
use ring3::net;
use ring3::pipe::{O_CLOEXEC, O_NONBLOCK, Pipe, SPLICE_F_MOVE, SPLICE_F_NONBLOCK, splice};
use ring3::slab::Slab;
use ring3::{Errno, Result};

/// How many empty pipes are kept for the next client.
const SPARE: usize = 4;

/// Where the bytes of a client are held. (Small, because every client has room for one.)
#[derive(Clone, Copy)]
pub struct Key(NonZeroU16);

/// The bytes of a worker's clients.
pub struct Held {
    all: Slab<Bytes>,
    spare: [Option<Pipe>; SPARE],
    /// Whether splice(2) works here: true until the kernel refuses it.
    pub splices: bool,
}

/// Bytes of one client.
enum Bytes {
    /// So many of them were sent.
    Memory(Mapping, usize),
    /// So many of them are left.
    Pipe(Pipe, usize),
}

impl Held {
    /// # Errors
    /// `ENOMEM`
    pub fn new() -> Result<Self> {
        Ok(Self {
            all: Slab::new(NonZeroU16::MAX.get().into())?,
            spare: [const { None }; SPARE],
            splices: true,
        })
    }

    /// Keeps a copy of `bytes`.
    ///
    /// # Errors
    /// `ENOMEM`
    pub fn keep(&mut self, bytes: &[u8]) -> Result<Key> {
        let mut memory = Mapping::new(bytes.len())?;
        mem::copy(&mut memory, bytes);
        self.insert(Bytes::Memory(memory, 0))
    }

    /// An empty pipe. None if there is no descriptor for a pipe, or if splice(2) does not work; the client is served
    /// without a pipe then.
    pub fn pipe(&mut self) -> Option<Pipe> {
        if !self.splices {
            return None;
        }
        let spare = self.spare.iter_mut().find_map(Option::take);
        spare.or_else(|| Pipe::new(O_CLOEXEC | O_NONBLOCK).ok())
    }

    /// Moves up to `count` bytes from the client back to it, through an empty pipe, and says how many were read
    /// and where those are that could not be sent. 0 is the end of what the client sent.
    ///
    /// # Errors
    /// `EAGAIN`: the client has sent nothing. Any error after which `splices` is false: nothing was read, and from now
    /// on `pipe` returns none. Any other error: bytes may be lost with the pipe, so the connection has to be closed.
    pub fn pass(
        &mut self,
        pipe: Pipe,
        client: BorrowedFd<'_>,
        count: usize,
    ) -> Result<(usize, Option<Key>)> {
        let flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;
        let read = splice(client, pipe.write.as_fd(), count, flags);
        // A seccomp filter refuses the call (EPERM, ENOSYS), or this kind of socket does not support it (EINVAL).
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
            Err(errno) => Err(errno), // the pipe goes, with what is in it
        }
    }

    /// Sends what is held; false where not all of it could be sent yet.
    ///
    /// # Errors
    /// Those of the connection.
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

    /// Forgets what is held.
    pub fn drop(&mut self, key: Key) {
        self.all.take(number(key));
    }

    fn insert(&mut self, bytes: Bytes) -> Result<Key> {
        let number = self.all.insert(bytes).map_err(|_| Errno::ENOMEM)?;
        // There are as many numbers as keys.
        let key = NonZeroU16::new(number as u16 + 1).ok_or(Errno::ENOMEM)?;
        Ok(Key(key))
    }

    /// Keeps an empty pipe for another client.
    fn put(&mut self, pipe: Pipe) {
        if let Some(place) = self.spare.iter_mut().find(|place| place.is_none()) {
            *place = Some(pipe);
        }
    }
}

fn number(key: Key) -> usize {
    usize::from(key.0.get()) - 1
}

/// Sends what is in a pipe, `left` bytes.
///
/// # Errors
/// `EAGAIN`: the client takes no more now. Those of the connection.
fn drain(pipe: &Pipe, left: &mut usize, client: BorrowedFd<'_>) -> Result<()> {
    while *left != 0 {
        // The client's end is gone: EPIPE. (The SIGPIPE beside it is blocked.)
        *left -= splice(pipe.read.as_fd(), client, *left, SPLICE_F_MOVE)?;
    }
    Ok(())
}
