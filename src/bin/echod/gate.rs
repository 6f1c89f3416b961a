//! The gate: counts the clients, limits their number, and records whether a worker waits for a client to leave.
//!
//! All of this is in one atomic word. If there is no room, one atomic step both refuses the worker and sets the bit
//! [`WAITING`]. Each [`leave`](Gate::leave) happens before or after that step. If the `leave` happens before, there is
//! room, and the worker is not refused. If the `leave` happens after, the `leave` sees the bit, and its caller wakes
//! the waiting workers. So no wake-up is lost.
//!
//! This file makes no system call, and takes its atomics from the parent module. So a model checker can run this same
//! file with its own atomics (`tests/loom`).

use super::atomic::AtomicU64;
use super::atomic::Ordering::{Acquire, Relaxed, Release};

/// The lowest bit: a worker waits for a client to leave.
const WAITING: u64 = 1;

/// One client in the count of clients, which takes 31 bits.
const CLIENT: u64 = 1 << 1;

/// One client in the count of clients that have left. This count is modulo 2^32. If exactly 2^32 clients left while a
/// worker did not run, the worker would not see that clients have left, and would wait for the next client to leave.
const LEFT: u64 = 1 << 32;

/// Counts the clients, and admits at most `most` at once.
pub struct Gate {
    /// From the highest bits: the number of clients that have left, the number of clients, whether a worker waits.
    word: AtomicU64,
    /// The greatest number of clients at once.
    most: u32,
}

/// A place for a client that is about to be accepted. The number is the count of clients that had left when the place
/// was taken.
pub struct Place(u32);

impl Gate {
    /// The most clients that a gate can count.
    pub const MOST: u32 = u32::MAX >> 1;

    /// Returns a gate that admits up to `most` clients, but not more than [`MOST`](Self::MOST).
    pub fn new(most: u32) -> Self {
        Self {
            word: AtomicU64::new(0),
            most: most.min(Self::MOST),
        }
    }

    /// Returns the greatest number of clients at once.
    pub fn most(&self) -> u32 {
        self.most
    }

    /// Returns the number of clients, including clients that are about to be accepted.
    pub fn clients(&self) -> u32 {
        clients(self.word.load(Relaxed))
    }

    /// Counts a client that is about to be accepted. Returns `None` if there is no room. Then the caller must wait; the
    /// next [`leave`](Self::leave) returns true.
    pub fn enter(&self) -> Option<Place> {
        let mut word = self.word.load(Relaxed);
        loop {
            let fits = clients(word) < self.most;
            let next = if fits { word + CLIENT } else { word | WAITING };
            // Acquire: if this step sees a `leave`, the descriptors closed before the `leave` are free for the caller's
            // `accept`.
            match self
                .word
                .compare_exchange_weak(word, next, Acquire, Relaxed)
            {
                Ok(word) => return fits.then_some(Place(left(word))),
                Err(now) => word = now,
            }
        }
    }

    /// Records that a client has left, or that there was no client to accept. Returns true if workers wait; then the
    /// caller must wake them.
    #[must_use]
    pub fn leave(&self) -> bool {
        // Release: pairs with the Acquire in `enter`.
        let word = self.word.fetch_add(LEFT - CLIENT, Release);
        // Mostly no worker waits, so the usual path has one atomic step. A worker that set the bit before this step is
        // woken now. A worker that sets the bit later has seen this step.
        word & WAITING != 0 && {
            self.word.fetch_and(!WAITING, Relaxed);
            true
        }
    }

    /// Gives back the place of a client that could not be accepted because a resource was missing. Clients that leave
    /// free such resources. Returns true if no client has left since the place was taken: then the caller must wait.
    /// Returns false if a client has left: then the caller can try again.
    ///
    /// This wakes no worker. Otherwise two workers without a descriptor would wake each other for ever.
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

/// Returns the number of clients in a gate's word.
fn clients(word: u64) -> u32 {
    word as u32 >> 1
}

/// Returns the number of clients that have left, modulo 2^32, from a gate's word.
fn left(word: u64) -> u32 {
    (word >> 32) as u32
}
