//! A process by a descriptor: pidfd_open(2).

use core::ptr;

use super::wait::Status;
use super::{Child, Pid};
use crate::abi::process::*;
use crate::abi::{Result, syscall};
use crate::fd::{BorrowedFd, OwnedFd};
use crate::io::retry;
use crate::signal::Siginfo;

/// A process, also after it has ended and its id is another's. It is readable in an
/// [`Epoll`](crate::poll::Epoll) when the process has ended.
pub struct Pidfd(OwnedFd);

impl Pidfd {
    /// That of a child. It is the child's and no other process's: an id is nobody else's before it was
    /// waited for. (So it needs no `CLONE_PIDFD`.)
    ///
    /// # Errors
    /// `ENOSYS`: a kernel before Linux 5.3, or a filter. `EMFILE`, `ENFILE`, `ENOMEM`. `ESRCH`: somebody
    /// has waited for it.
    pub fn of(child: &Child) -> Result<Self> {
        Self::open(child.pid())
    }

    /// That of the process that has this id now.
    ///
    /// # Errors
    /// As for [`of`](Self::of).
    pub fn open(pid: Pid) -> Result<Self> {
        const CLOSED_BY_EXECVE: u32 = 0; // always
        // SAFETY: it takes no memory of ours; what it returns is a new descriptor.
        unsafe {
            let raw = syscall!(pidfd_open(pid, CLOSED_BY_EXECVE))?;
            Ok(Self(OwnedFd::from_raw(raw)))
        }
    }

    /// The descriptor, for an [`Epoll`](crate::poll::Epoll).
    #[inline]
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Sends the process a signal (pidfd_send_signal(2)).
    ///
    /// # Errors
    /// `ESRCH`: it has ended and was waited for. `EPERM`: it is another user's. `EINVAL`: no such signal.
    /// `ENOSYS`: a kernel before Linux 5.1.
    pub fn kill(&self, signal: i32) -> Result<()> {
        let (as_by_kill, flags) = (ptr::null::<Siginfo>(), 0_u32);
        // SAFETY: a signal; a null pointer is no memory of ours.
        unsafe { syscall!(pidfd_send_signal(self.0.as_fd(), signal, as_by_kill, flags)) }.map(drop)
    }

    /// Waits for the end of the process, a child of ours (waitid(2)).
    ///
    /// # Errors
    /// `ECHILD`: it is no child of ours, or somebody else has waited for it. `EINVAL`: a kernel before
    /// Linux 5.4.
    pub fn wait(&self) -> Result<Status> {
        let mut info = Siginfo::ZERO;
        let unasked = ptr::null_mut::<Rusage>();
        // SAFETY: the kernel writes a Siginfo to ours.
        retry(|| unsafe {
            syscall!(waitid(
                P_PIDFD,
                self.0.as_fd(),
                &raw mut info,
                WEXITED,
                unasked
            ))
        })?;
        let status = info._sifields._sigchld._status as u8; // an exit status, or a signal
        Ok(match info.si_code {
            CLD_EXITED => Status::Exited(status),
            _ => Status::Killed(status),
        })
    }
}
