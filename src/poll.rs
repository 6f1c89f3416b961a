//! Waiting for many descriptors at once: epoll(7).

use core::ptr;
use core::time::Duration;

pub use crate::abi::poll::*;
use crate::abi::{Result, syscall};
use crate::fd::{BorrowedFd, OwnedFd};
use crate::io;

/// A set of descriptors to wait for. One that is closed leaves it.
pub struct Epoll(OwnedFd);

impl Epoll {
    /// An empty set (epoll_create1(2)).
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`, `ENOMEM`.
    pub fn new() -> Result<Self> {
        // SAFETY: epoll_create1 takes no memory of ours; what it returns is a new descriptor.
        unsafe {
            let raw = syscall!(epoll_create1(EPOLL_CLOEXEC))?;
            Ok(Self(OwnedFd::from_raw(raw)))
        }
    }

    /// The set's own descriptor.
    #[inline]
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Watches `fd` for `events`; they are reported with `data`. Without `EPOLLET` an event is
    /// reported for as long as it holds, with it once a change.
    ///
    /// # Errors
    /// `EEXIST`: it is watched already. `EPERM`: its kind cannot be (a regular file). `ENOSPC`: the
    /// user watches `fs.epoll.max_user_watches` already. `ENOMEM`.
    pub fn add(&self, fd: BorrowedFd<'_>, events: Events, data: u64) -> Result<()> {
        self.control(EPOLL_CTL_ADD, fd, events, data)
    }

    /// Watches `fd` for `events` from now on, with `data`. What holds at this moment is reported
    /// again, `EPOLLET` or not.
    ///
    /// # Errors
    /// `ENOENT`: it is not watched.
    pub fn modify(&self, fd: BorrowedFd<'_>, events: Events, data: u64) -> Result<()> {
        self.control(EPOLL_CTL_MOD, fd, events, data)
    }

    /// Watches `fd` no more. One of which there are duplicates must be removed before it is closed: what is
    /// open there stays in the set as long as they do.
    ///
    /// # Errors
    /// `ENOENT`: it is not watched.
    pub fn remove(&self, fd: BorrowedFd<'_>) -> Result<()> {
        self.control(EPOLL_CTL_DEL, fd, Events::NONE, 0)
    }

    fn control(&self, what: i32, fd: BorrowedFd<'_>, events: Events, data: u64) -> Result<()> {
        let events = events.bits();
        let event = EpollEvent { events, data };
        // SAFETY: the kernel reads `event`.
        unsafe { syscall!(epoll_ctl(self.as_fd(), what, fd, &raw const event)) }.map(drop)
    }

    /// Waits for events, at most for `timeout`, and gives those there are: none when the time is
    /// over. With `None` it waits for as long as it takes. (epoll_pwait(2): aarch64 has no epoll_wait.)
    ///
    /// # Errors
    /// `EINTR`: a handler ran, or the process was stopped and goes on. How long is left to wait is
    /// the caller's to say.
    pub fn wait<'events>(
        &self,
        events: &'events mut [EpollEvent],
        timeout: Option<Duration>,
    ) -> Result<&'events [EpollEvent]> {
        // SAFETY: the kernel writes at most `len` events to ours, and a null pointer leaves the
        // signal mask as it is.
        let count = unsafe {
            syscall!(epoll_pwait(
                self.as_fd(),
                events.as_mut_ptr(),
                events.len(),
                milliseconds(timeout),
                ptr::null::<u64>(),
                size_of::<u64>(),
            ))
        }?;
        Ok(events.get(..count).unwrap_or_default())
    }
}

/// What wakes those who wait for it in an [`Epoll`]: an eventfd (eventfd(2)).
///
/// With `EPOLLET`, each ring wakes each waiting thread once, and no thread has to read the eventfd. For a thread that
/// does not wait, the ring ends its next wait. Writes before a ring, also those by relaxed atomics, are visible after
/// the wait that the ring ends: both system calls take the lock of the eventfd's wait queue in the kernel.
pub struct Bell(OwnedFd);

impl Bell {
    /// One that nobody has rung.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`, `ENOMEM`.
    pub fn new() -> Result<Self> {
        const COUNT: u32 = 0;
        // SAFETY: eventfd2 takes no memory of ours; what it returns is a new descriptor.
        unsafe {
            let raw = syscall!(eventfd2(COUNT, EFD_CLOEXEC | EFD_NONBLOCK))?;
            Ok(Self(OwnedFd::from_raw(raw)))
        }
    }

    /// The descriptor, for an [`Epoll`].
    #[inline]
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Wakes who waits.
    pub fn ring(&self) {
        // It fails after 2^64 - 2 rings.
        let _ = io::write(self.as_fd(), &1_u64.to_ne_bytes());
    }
}

/// What the kernel is asked to wait: -1 is without a limit.
fn milliseconds(timeout: Option<Duration>) -> i32 {
    timeout.map_or(-1, |timeout| {
        // Up: waiting less than was asked for would make a loop spin until it is over.
        let rest = u64::from(timeout.subsec_nanos().div_ceil(1_000_000));
        let all = timeout.as_secs().saturating_mul(1000).saturating_add(rest);
        i32::try_from(all).unwrap_or(i32::MAX)
    })
}

impl EpollEvent {
    /// What happened.
    #[inline]
    pub fn happened(&self) -> Events {
        Events::from_bits(self.events)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_never_shortened() {
        let nanos = Duration::from_nanos;
        let most = Duration::from_millis(i32::MAX as u64);
        for (timeout, expected) in [
            (None, -1),
            (Some(Duration::ZERO), 0),
            (Some(nanos(1)), 1),
            (Some(nanos(999_999)), 1),
            (Some(nanos(1_000_000)), 1),
            (Some(nanos(1_000_001)), 2),
            (Some(nanos(999_000_001)), 1000),
            (Some(Duration::from_secs(1)), 1000),
            (Some(nanos(2_345_000_001)), 2346),
            (Some(most - nanos(1)), i32::MAX),
            (Some(most), i32::MAX),
            (Some(most + nanos(1)), i32::MAX),
            (Some(Duration::MAX), i32::MAX),
        ] {
            assert_eq!(milliseconds(timeout), expected, "{timeout:?}");
        }
    }

    #[test]
    fn a_bell_is_read_without_waiting_and_counts_its_rings() {
        let bell = Bell::new().unwrap();
        let mut count = [0; 8];
        let read = |count: &mut [u8]| io::read(bell.as_fd(), count);
        assert_eq!(read(&mut count), Err(crate::Errno::EAGAIN));
        bell.ring();
        bell.ring();
        assert_eq!(read(&mut count), Ok(8));
        assert_eq!(u64::from_ne_bytes(count), 2);
    }
}
