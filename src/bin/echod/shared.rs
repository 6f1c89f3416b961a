//! What the workers have in common: how many clients there are, and when all of them are to end.

use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};

use ring3::Errno;
use ring3::list::List;
use ring3::parts;
use ring3::poll::Bell;
use ring3::print::Print;
use ring3::service::Manager;
use ring3::time::{self, Clock, NEVER};

use crate::PROGRAM;
use crate::counts::{Count, Counts};
use crate::gate::{Gate, Place};
use crate::settings::{Settings, Voice};

/// The operation that failed, and why.
pub type Failed = (&'static str, Errno);

/// The state that all workers read and change. The gate chooses its own memory orders. For all other values no order
/// matters, neither among them nor with other memory: so all these accesses are relaxed.
pub struct Shared {
    /// Rings where something here has changed that workers wait for.
    pub bell: Bell,
    /// What each worker has served.
    pub counts: List<Counts>,
    /// Counts and limits the clients.
    gate: Gate,
    /// How many workers there are.
    workers: AtomicUsize,
    /// Whether it was said that there were too many clients, or too little for them.
    said: AtomicBool,
    /// When all end, in nanoseconds of the clock; [`NEVER`] as long as no signal asked for it.
    end: AtomicU64,
    /// How long connections may go on then.
    grace: u64,
    voice: Voice,
    /// Who is told when all end.
    manager: Option<Manager>,
}

impl Shared {
    /// What as many workers as there are counts have in common.
    pub fn new(
        bell: Bell,
        counts: List<Counts>,
        settings: &Settings,
        manager: Option<Manager>,
    ) -> Self {
        Self {
            bell,
            gate: Gate::new(settings.most),
            workers: AtomicUsize::new(counts.len()),
            counts,
            said: AtomicBool::new(false),
            end: AtomicU64::new(NEVER),
            grace: settings.grace,
            voice: settings.voice,
            manager,
        }
    }

    /// Says what is worth knowing; but with `-q`.
    pub fn say(&self, message: impl Print) {
        if self.voice != Voice::Quiet {
            PROGRAM.say(message);
        }
    }

    /// Whether each client is told of: `-v`.
    pub fn is_verbose(&self) -> bool {
        self.voice == Voice::Verbose
    }

    /// Tells the service manager, if there is one.
    pub fn tell_manager(&self, state: &str) {
        if let Some(manager) = &self.manager
            && let Err(errno) = manager.tell(state)
        {
            self.say(parts!("tell NOTIFY_SOCKET: ", errno));
        }
    }

    /// Says what was served so far.
    pub fn say_counts(&self) {
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

    /// Counts a client that is about to be accepted. None: there is no room; the bell rings when a client ends.
    pub fn enter(&self) -> Option<Place> {
        let place = self.gate.enter();
        if place.is_none() && !self.said.swap(true, Relaxed) {
            self.say(parts!(self.gate.most(), " clients, and others wait"));
        }
        place
    }

    /// A client has ended, or there was none to be accepted.
    #[inline(never)]
    pub fn leave(&self) {
        if self.gate.leave() {
            self.bell.ring();
        }
    }

    /// Gives back the place of a client that the kernel had no resources to accept. True: no client has ended since,
    /// so the caller waits; the bell rings when a client ends. False: the caller tries again.
    pub fn give_back(&self, place: Place) -> bool {
        self.gate.give_back(place)
    }

    /// Has the bell ring when a client ends.
    pub fn wait_for_leave(&self) {
        self.gate.wait();
    }

    /// Says, once, that the kernel has nothing left for one more `object`.
    pub fn tell_shortage(&self, operation: &str, object: &str, errno: Errno) {
        if !self.said.swap(true, Relaxed) {
            self.say(parts!(operation, " ", object, ": ", errno));
        }
    }

    /// A signal asks all workers to end: when the grace is over; the second one, at once.
    pub fn end(&self) {
        let now = time::nanoseconds(Clock::Monotonic);
        let until = match self.ends() {
            NEVER => {
                self.tell_manager("STOPPING=1");
                now.saturating_add(self.grace)
            }
            _ => now,
        };
        self.end_at(until);
    }

    /// Something failed, and so all workers end.
    pub fn end_now(&self) {
        self.end_at(0);
    }

    /// Never later than was said before: a signal after a failure changes nothing.
    fn end_at(&self, until: u64) {
        self.end.fetch_min(until, Relaxed);
        self.bell.ring();
    }

    /// When workers end; [`NEVER`] where that was not asked for.
    pub fn ends(&self) -> u64 {
        self.end.load(Relaxed)
    }

    /// Whether that is because something failed.
    pub fn has_failed(&self) -> bool {
        self.ends() == 0
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
