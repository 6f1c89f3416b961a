//! A counter in the kernel that wakes threads: eventfd(2).
//!
//! ```
//! use ring3::eventfd::EventFd;
//!
//! let bell = EventFd::new()?;
//! bell.ring(); // in any thread
//! bell.ring();
//! let mut count = [0; 8];
//! ring3::io::read(bell.as_fd(), &mut count)?;
//! assert_eq!(u64::from_ne_bytes(count), 2);
//! # Ok::<(), ring3::Errno>(())
//! ```

use crate::abi::poll::*;
use crate::abi::{Result, syscall};
use crate::fd::{BorrowedFd, OwnedFd, as_fd};
use crate::io;

/// An eventfd. [`ring`](Self::ring) wakes the threads that wait for the eventfd in an
/// [`Epoll`](crate::poll::Epoll).
///
/// With `EPOLLET`, each ring wakes each waiting thread once, and no thread has to read the eventfd. If a
/// thread does not wait at that moment, its next wait returns at once. A thread writes to memory, also by
/// relaxed atomic stores, and then rings: the woken thread sees these writes after its wait. The reason is
/// that both system calls take the lock of the eventfd's wait queue in the kernel.
#[derive(Debug)]
pub struct EventFd(OwnedFd);

as_fd! { EventFd }

impl EventFd {
    /// An eventfd whose count is 0 (eventfd2(2)).
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`, `ENOMEM`.
    #[doc(alias = "eventfd2")]
    pub fn new() -> Result<Self> {
        const COUNT: u32 = 0;
        // SAFETY: eventfd2 takes no pointer. The returned descriptor is new, so no other value owns it.
        unsafe {
            let raw = syscall!(eventfd2(COUNT, EFD_CLOEXEC | EFD_NONBLOCK))?;
            Ok(Self(OwnedFd::from_raw(raw)))
        }
    }

    /// The descriptor, to be added to an [`Epoll`](crate::poll::Epoll).
    #[inline]
    #[must_use]
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Adds 1 to the count, and so wakes the waiting threads (write(2)).
    pub fn ring(&self) {
        // The write fails if the count is 2^64 - 2. No process rings so often.
        let _ = io::write(self.as_fd(), &1_u64.to_ne_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_does_not_wait_and_returns_the_count_of_rings() {
        let eventfd = EventFd::new().unwrap();
        let mut count = [0; 8];
        let read = |count: &mut [u8]| io::read(eventfd.as_fd(), count);
        assert_eq!(read(&mut count), Err(crate::Errno::EAGAIN));
        eventfd.ring();
        eventfd.ring();
        assert_eq!(read(&mut count), Ok(8));
        assert_eq!(u64::from_ne_bytes(count), 2);
    }
}
