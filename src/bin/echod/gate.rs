//! How many clients there are, how many there may be, and whether a worker waits for one of them to leave.
//!
//! All of this is one word. A refused entry is never counted, and a worker is refused in the same step that
//! says that it waits. Each [`leave`](Gate::leave) is either before that step, and then there is room, or after
//! it, and then it has its caller wake those who wait. No wake-up falls between the two.
//!
//! Nothing here makes a system call, and the atomics are those of the module above, so that a model checker
//! can run this very file with its own.

use super::atomic::AtomicU64;
use super::atomic::Ordering::{Acquire, Relaxed, Release};

/// The lowest bit: a worker waits.
const WAITING: u64 = 1;

/// One client. The clients take 31 bits.
const CLIENT: u64 = 1 << 1;

/// One that has left. How many have is counted modulo 2^32: a worker that was not running while so many left
/// would take them for none, and wait for the next one.
const LEFT: u64 = 1 << 32;

/// What counts the clients, and lets in no more than there may be.
pub struct Gate {
    /// Who has left, the clients, and whether a worker waits.
    word: AtomicU64,
    /// How many clients there may be.
    most: u32,
}

/// The place of a client that is about to be accepted: how many had left when it was taken.
pub struct Place(u32);

impl Gate {
    /// A gate that lets in up to `most` clients, and no more than 2^31 - 1.
    pub fn new(most: u32) -> Self {
        Self {
            word: AtomicU64::new(0),
            most: most.min(u32::MAX >> 1),
        }
    }

    /// How many clients there may be.
    pub fn most(&self) -> u32 {
        self.most
    }

    /// How many clients there are, those included that are about to be accepted.
    pub fn clients(&self) -> u32 {
        clients(self.word.load(Relaxed))
    }

    /// Counts a client that is about to be accepted. None: there are as many as there may be; from then on the
    /// caller waits, and the next one who leaves is told so.
    pub fn enter(&self) -> Option<Place> {
        let mut word = self.word.load(Relaxed);
        loop {
            let fits = clients(word) < self.most;
            let next = if fits { word + CLIENT } else { word | WAITING };
            // Acquire: what was closed before a `leave` that this sees is free for the caller's `accept`.
            match self
                .word
                .compare_exchange_weak(word, next, Acquire, Relaxed)
            {
                Ok(word) => return fits.then_some(Place(left(word))),
                Err(now) => word = now,
            }
        }
    }

    /// A client has left, or there was none to be accepted. Whether workers wait, which the caller has to wake.
    #[must_use]
    pub fn leave(&self) -> bool {
        // Release: as `enter` says.
        let word = self.word.fetch_add(LEFT - CLIENT, Release);
        // Mostly nobody waits. Those who do after this have said so after it, and those before are woken now.
        word & WAITING != 0 && {
            self.word.fetch_and(!WAITING, Relaxed);
            true
        }
    }

    /// Gives back the place of a client that could not be accepted, for want of something that clients free when
    /// they leave. True: the caller waits from then on. False: one has left since the place was taken, perhaps
    /// after the caller looked, and what it freed may be had.
    ///
    /// This wakes nobody, or two workers that find no descriptor would call each other without end.
    #[must_use]
    pub fn give_back(&self, place: Place) -> bool {
        let word = self.word.fetch_or(WAITING, Relaxed);
        self.word.fetch_sub(CLIENT, Relaxed);
        left(word) == place.0
    }

    /// Has the next one who leaves be told that a worker waits.
    pub fn wait(&self) {
        self.word.fetch_or(WAITING, Relaxed);
    }
}

/// The clients of a word.
fn clients(word: u64) -> u32 {
    word as u32 >> 1
}

/// How many have left, of a word.
fn left(word: u64) -> u32 {
    (word >> 32) as u32
}
