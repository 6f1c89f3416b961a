//! What the workers have in common: how many clients there are, and when all of them are to end.

use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use core::time::Duration;

use ring3::Errno;
use ring3::poll::Bell;
use ring3::time::{self, Clock};

use crate::PROGRAM;

/// The operation that failed, and why.
pub type Failed = (&'static str, Errno);

/// Read and changed by all of them. No order between its values matters, or between them and others': so
/// all accesses are relaxed.
pub struct Shared {
    /// Rings where something here has changed that workers wait for.
    pub bell: Bell,
    /// How many clients there are.
    clients: AtomicUsize,
    /// How many there may be.
    most: usize,
    /// How many workers there are.
    workers: AtomicUsize,
    /// Whether some worker waits for a client to end before it accepts another.
    waiting: AtomicBool,
    /// Whether it was said that there were too many clients, or too little for them.
    said: AtomicBool,
    /// When all end, in milliseconds of the clock; [`NEVER`] as long as no signal asked for it.
    end: AtomicU64,
    /// How long connections may go on then.
    grace: Duration,
}

/// Later than any time.
const NEVER: u64 = u64::MAX;

impl Shared {
    pub fn new(bell: Bell, most: usize, workers: usize, grace: Duration) -> Self {
        Self {
            bell,
            clients: AtomicUsize::new(0),
            most,
            workers: AtomicUsize::new(workers),
            waiting: AtomicBool::new(false),
            said: AtomicBool::new(false),
            end: AtomicU64::new(NEVER),
            grace,
        }
    }

    /// Counts a client that is about to be accepted; false where there are as many as there may be.
    pub fn enter(&self) -> bool {
        let clients = self.clients.fetch_add(1, Relaxed);
        let fits = clients < self.most;
        if !fits {
            self.clients.fetch_sub(1, Relaxed);
            if !self.said.swap(true, Relaxed) {
                PROGRAM.say(format_args!("{clients} clients, and others wait"));
            }
        }
        fits
    }

    /// Takes back the count of a client that was not accepted.
    ///
    /// It rings for nobody, or two workers that find no descriptor would call each other without end.
    pub fn withdraw(&self) {
        self.clients.fetch_sub(1, Relaxed);
    }

    /// A client has ended.
    pub fn leave(&self) {
        self.clients.fetch_sub(1, Relaxed);
        // Mostly nobody waits, and then this writes nothing that other CPUs would have to fetch.
        if self.waiting.load(Relaxed) && self.waiting.swap(false, Relaxed) {
            self.bell.ring();
        }
    }

    /// Has the bell ring when a client ends.
    pub fn wait_for_leave(&self) {
        self.waiting.store(true, Relaxed);
    }

    /// Says, once, that the kernel has nothing left for one more `object`.
    pub fn tell_shortage(&self, operation: &str, object: &str, errno: Errno) {
        if !self.said.swap(true, Relaxed) {
            PROGRAM.fail(operation, object, errno);
        }
    }

    /// A signal asks all workers to end: when the grace is over; the second one, at once.
    pub fn end(&self) {
        let now = time::now(Clock::Monotonic);
        let until = match self.ends() {
            None => now.saturating_add(self.grace),
            Some(_) => now,
        };
        self.end_at(until);
    }

    /// Something failed, and so all workers end.
    pub fn end_now(&self) {
        self.end_at(Duration::ZERO);
    }

    fn end_at(&self, until: Duration) {
        let milliseconds = u64::try_from(until.as_millis()).unwrap_or(NEVER);
        self.end.store(milliseconds.min(NEVER - 1), Relaxed);
        self.bell.ring();
    }

    /// When workers end, if that was asked for.
    pub fn ends(&self) -> Option<Duration> {
        match self.end.load(Relaxed) {
            NEVER => None,
            milliseconds => Some(Duration::from_millis(milliseconds)),
        }
    }

    /// A worker has ended.
    pub fn worker_ends(&self) {
        self.workers.fetch_sub(1, Relaxed);
        self.bell.ring();
    }

    /// How many workers there are still.
    pub fn workers(&self) -> usize {
        self.workers.load(Relaxed)
    }
}
