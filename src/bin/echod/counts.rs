//! What was served, for `--stats` and SIGUSR1.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use ring3::Errno;

/// What one worker has served. It alone writes it, into a cache line of its own; whoever prints reads it.
#[repr(align(64))]
#[derive(Default)]
pub struct Counts {
    /// Clients that were accepted.
    pub clients: Count,
    /// Bytes that came.
    pub bytes: Count,
    /// In so many pieces.
    pub requests: Count,
    /// Clients that reset their connection.
    pub resets: Count,
    /// Clients that ended by another error, and clients that an error kept from being accepted.
    pub errors: Count,
}

impl Counts {
    /// Counts a client that ended by this error.
    pub fn failed(&self, errno: Errno) {
        match errno {
            // EPIPE: the client had shut down its side before the reset. ECONNABORTED: it was not yet accepted.
            Errno::ECONNRESET | Errno::EPIPE | Errno::ECONNABORTED => &self.resets,
            _ => &self.errors,
        }
        .add(1);
    }
}

/// One of these numbers.
#[derive(Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Counts more. (As there is one who writes, it need not be one step.)
    pub fn add(&self, more: u64) {
        self.0.store(self.get().wrapping_add(more), Relaxed);
    }

    /// How many there are so far.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}
