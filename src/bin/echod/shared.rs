//! The state that all workers share: the number of clients, the time at which all workers end, and the messages.

use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};

use ring3::Errno;
use ring3::collections::List;
use ring3::eventfd::EventFd;
use ring3::parts;
use ring3::systemd::Manager;
use ring3::text::Print;
use ring3::time::{Deadline, monotonic};

use crate::PROGRAM;
use crate::counts::{Count, Counts};
use crate::gate::{Gate, Place};
use crate::settings::{Settings, Verbosity};

/// The operation that failed, and its error.
pub type Failed = (&'static str, Errno);

/// The state that all workers read and change. The gate chooses its own memory orders. All other atomics here are
/// accessed relaxed: no other memory is read or written in an order that depends on them. A worker that `wakeup` wakes
/// sees the changes that were made before the wake-up ([`EventFd`]).
pub struct Shared {
    /// Wakes the workers after a change that they wait for: a free place, the time of the end, the end of a worker.
    pub wakeup: EventFd,
    /// The counters of each worker.
    pub counts: List<Counts>,
    /// Counts and limits the clients.
    gate: Gate,
    /// How many workers have not ended.
    workers: AtomicUsize,
    /// Whether a notice about the limit of clients, or about a shortage of resources for clients, was printed. Only the
    /// first such notice is printed.
    reported: AtomicBool,
    /// When all workers end: a [`Deadline`] as a number. `NEVER`: no signal has asked for the end yet.
    /// 0: a worker failed.
    end: AtomicU64,
    /// How many nanoseconds connections may go on after the first signal.
    grace: u64,
    verbosity: Verbosity,
    /// The service manager to notify when the server is ready and when it ends.
    manager: Option<Manager>,
}

impl Shared {
    /// Returns the state for as many workers as there are `counts`.
    pub fn new(
        wakeup: EventFd,
        counts: List<Counts>,
        settings: &Settings,
        manager: Option<Manager>,
    ) -> Self {
        Self {
            wakeup,
            gate: Gate::new(settings.most),
            workers: AtomicUsize::new(counts.len()),
            counts,
            reported: AtomicBool::new(false),
            end: AtomicU64::new(Deadline::NEVER.as_nanoseconds()),
            grace: settings.grace,
            verbosity: settings.verbosity,
            manager,
        }
    }

    /// Prints a notice, except with `--quiet`.
    pub fn notice(&self, message: impl Print) {
        if self.verbosity != Verbosity::Quiet {
            PROGRAM.say(message);
        }
    }

    /// Whether a line is printed for each client (`--verbose`).
    pub fn is_verbose(&self) -> bool {
        self.verbosity == Verbosity::Verbose
    }

    /// Sends `state` to the service manager, if there is one (sd_notify(3)).
    pub fn notify_manager(&self, state: &str) {
        if let Some(manager) = &self.manager
            && let Err(errno) = manager.notify(state)
        {
            self.notice(parts!("notify NOTIFY_SOCKET: ", errno));
        }
    }

    /// Prints the sums of all workers' counters.
    pub fn print_counts(&self) {
        let sum = |of: fn(&Counts) -> &Count| -> u64 {
            self.counts.iter().map(|counts| of(counts).get()).sum()
        };
        PROGRAM.say(parts!(
            self.gate.clients(),
            " clients of ",
            sum(|counts| &counts.clients),
            ", ",
            sum(|counts| &counts.bytes),
            " bytes, ",
            sum(|counts| &counts.requests),
            " requests, ",
            sum(|counts| &counts.resets),
            " resets, ",
            sum(|counts| &counts.errors),
            " errors",
        ));
    }

    /// Counts a client that is about to be accepted. Returns `None` if there is no room; then the workers are woken
    /// when a client ends. Prints a notice the first time.
    pub fn enter(&self) -> Option<Place> {
        let place = self.gate.enter();
        if place.is_none() && !self.reported.swap(true, Relaxed) {
            self.notice(parts!(self.gate.most(), " clients, the limit; others wait"));
        }
        place
    }

    /// Records that a client has ended, or that there was no client to accept. Wakes the workers that wait for a place.
    #[inline(never)]
    pub fn leave(&self) {
        if self.gate.leave() {
            self.wakeup.ring();
        }
    }

    /// Gives back the place of a client that the kernel had no resources to accept. Returns true if no client has ended
    /// since: then the caller must wait, and is woken when a client ends. Returns false if the caller can try
    /// again.
    pub fn give_back(&self, place: Place) -> bool {
        self.gate.give_back(place)
    }

    /// Makes the next client that ends wake the workers.
    pub fn wait_for_leave(&self) {
        self.gate.wait();
    }

    /// Prints a notice, the first time only, that the kernel has no resources for one more `object`.
    pub fn report_shortage(&self, operation: &str, object: &str, errno: Errno) {
        if !self.reported.swap(true, Relaxed) {
            self.notice(parts!(operation, " ", object, ": ", errno));
        }
    }

    /// Handles a signal to end: the first signal sets the end after the grace period, the second signal sets the end to
    /// now.
    pub fn end(&self) {
        let now = monotonic();
        let until = match self.ends() {
            Deadline::NEVER => {
                self.notify_manager("STOPPING=1");
                Deadline::from(now, self.grace)
            }
            _ => Deadline::from(now, 0),
        };
        self.end_at(until);
    }

    /// Ends all workers at once, after a failure.
    pub fn end_now(&self) {
        self.end_at(Deadline::PASSED);
    }

    /// Sets the end to `until`, unless an earlier end is set already. So a signal after a failure changes nothing.
    fn end_at(&self, until: Deadline) {
        self.end.fetch_min(until.as_nanoseconds(), Relaxed);
        self.wakeup.ring();
    }

    /// Returns when the workers end; `NEVER` if nothing has asked for the end.
    pub fn ends(&self) -> Deadline {
        Deadline::from(self.end.load(Relaxed), 0)
    }

    /// Whether the workers end because of a failure.
    pub fn has_failed(&self) -> bool {
        self.ends() == Deadline::PASSED
    }

    /// Records that a worker has ended, and wakes the others.
    pub fn worker_ends(&self) {
        self.workers.fetch_sub(1, Relaxed);
        self.wakeup.ring();
    }

    /// Returns how many workers have not ended.
    pub fn workers(&self) -> usize {
        self.workers.load(Relaxed)
    }
}
