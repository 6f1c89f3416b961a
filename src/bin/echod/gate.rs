//! Counts the clients, limits their number, and records whether a worker waits for a client to leave.
//!
//! All of this is in one atomic word. A refused worker is not counted: one atomic step refuses the worker and sets
//! the bit that a worker waits. Each [`leave`](Gate::leave) comes before or after that step. If it comes before,
//! there is room, and the worker is not refused. If it comes after, it sees the bit, and its caller wakes the waiting
//! workers. So no wake-up is lost.
//!
//! This file makes no system call, and takes the atomics from the module above. So a model checker can run this
//! very file with its own atomics.

use super::atomic::AtomicU64;
use super::atomic::Ordering::{Acquire, Relaxed, Release};

/// The lowest bit: a worker waits.
const WAITING: u64 = 1;

/// One client. The clients take 31 bits.
const CLIENT: u64 = 1 << 1;

/// One client that has left. The number of these is counted modulo 2^32. If exactly 2^32 clients left while a worker
/// did not run, the worker would miss that, and wait for the next client to leave.
const LEFT: u64 = 1 << 32;

/// Counts the clients, and lets in no more than `most`.
pub struct Gate {
    /// From the highest bits: how many clients have left, how many there are, whether a worker waits.
    word: AtomicU64,
    /// How many clients there may be.
    most: u32,
}

/// The place of a client that is about to be accepted: how many clients had left when the place was taken.
pub struct Place(u32);

impl Gate {
    /// The most clients that a gate can count.
    pub const MOST: u32 = u32::MAX >> 1;

    /// A gate that lets in up to `most` clients, and no more than [`MOST`](Self::MOST).
    pub fn new(most: u32) -> Self {
        Self {
            word: AtomicU64::new(0),
            most: most.min(Self::MOST),
        }
    }

    /// How many clients there may be.
    pub fn most(&self) -> u32 {
        self.most
    }

    /// How many clients there are, including clients that are about to be accepted.
    pub fn clients(&self) -> u32 {
        clients(self.word.load(Relaxed))
    }

    /// Counts a client that is about to be accepted. None: there is no room. Then the caller waits; the next
    /// [`leave`](Self::leave) returns true.
    pub fn enter(&self) -> Option<Place> {
        let mut word = self.word.load(Relaxed);
        loop {
            let fits = clients(word) < self.most;
            let next = if fits { word + CLIENT } else { word | WAITING };
            // Acquire: if this sees a `leave`, the descriptors closed before that are free for the caller's `accept`.
            match self
                .word
                .compare_exchange_weak(word, next, Acquire, Relaxed)
            {
                Ok(word) => return fits.then_some(Place(left(word))),
                Err(now) => word = now,
            }
        }
    }

    /// A client has left, or there was none to be accepted. True: workers wait, and the caller has to wake them.
    #[must_use]
    pub fn leave(&self) -> bool {
        // Release: pairs with the Acquire in `enter`.
        let word = self.word.fetch_add(LEFT - CLIENT, Release);
        // Mostly no worker waits. A worker that set the bit before this step is woken now. A worker that sets the bit
        // later has seen this step.
        word & WAITING != 0 && {
            self.word.fetch_and(!WAITING, Relaxed);
            true
        }
    }

    /// Gives back the place of a client that could not be accepted, because a resource was missing that clients free
    /// when they leave. True: the caller waits from now on. False: a client has left since the place was taken, so
    /// the caller tries again.
    ///
    /// This wakes no worker. Otherwise two workers that find no descriptor would wake each other for ever.
    #[must_use]
    pub fn give_back(&self, place: Place) -> bool {
        let word = self.word.fetch_or(WAITING, Relaxed);
        self.word.fetch_sub(CLIENT, Relaxed);
        left(word) == place.0
    }

    /// Records that a worker waits: the next [`leave`](Self::leave) returns true.
    pub fn wait(&self) {
        self.word.fetch_or(WAITING, Relaxed);
    }
}

/// The clients of a word.
fn clients(word: u64) -> u32 {
    word as u32 >> 1
}

/// How many clients have left, of a word.
fn left(word: u64) -> u32 {
    (word >> 32) as u32
}
