//! Counters of the work that each worker has done. `--stats` and SIGUSR1 print their sums.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use ring3::Errno;

/// The counters of one worker. Only this worker writes them; any thread may read them. Each worker's counters have a
/// cache line of their own, so that workers do not slow each other down.
#[repr(align(64))]
#[derive(Default)]
pub struct Counts {
    /// Clients that were accepted.
    pub clients: Count,
    /// Bytes that were received.
    pub bytes: Count,
    /// Reads that returned these bytes, and datagrams.
    pub requests: Count,
    /// Clients that reset their connection.
    pub resets: Count,
    /// Clients whose connection ended by another error, and clients that could not be accepted because of an error.
    pub errors: Count,
}

impl Counts {
    /// Counts a client whose connection ended by `errno`.
    pub fn failed(&self, errno: Errno) {
        match errno {
            // EPIPE: the client had shut down its side before the reset. ECONNABORTED: the client was not yet accepted.
            Errno::ECONNRESET | Errno::EPIPE | Errno::ECONNABORTED => &self.resets,
            _ => &self.errors,
        }
        .add(1);
    }
}

/// A counter with one writer and any number of readers.
#[derive(Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds `more`. Only one thread may call this, so a load and a store are enough: no atomic read-modify-write is
    /// needed.
    pub fn add(&self, more: u64) {
        self.0.store(self.get().wrapping_add(more), Relaxed);
    }

    /// Returns the count so far.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Whether an error concerns only one connection: its peer or the network on the way, and not this machine
/// (accept(2), tcp(7), ip(7)).
pub fn is_of_one_connection(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::ECONNRESET
            | Errno::ECONNABORTED
            | Errno::EPIPE
            | Errno::ETIMEDOUT
            | Errno::EPROTO
            | Errno::ENOPROTOOPT
            | Errno::EHOSTDOWN
            | Errno::EHOSTUNREACH
            | Errno::ENETDOWN
            | Errno::ENETUNREACH
            | Errno::ENONET
            | Errno::EOPNOTSUPP
            | Errno::EPERM // a firewall rule
    )
}
