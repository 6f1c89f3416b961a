//! Process descriptors: pidfd_open(2).

use core::ptr;

use super::wait::Status;
use super::{Child, Pid};
use crate::abi::process::*;
use crate::abi::{Result, syscall};
use crate::fd::{BorrowedFd, OwnedFd, as_fd};
use crate::io::retry;
use crate::signal::Siginfo;

/// A descriptor that refers to a process. It never refers to another process, even after the process has
/// ended and its id is reused. In an [`Epoll`](crate::poll::Epoll) it becomes readable when the process ends.
#[derive(Debug)]
pub struct Pidfd(OwnedFd);

as_fd! { Pidfd }

impl Pidfd {
    /// Opens a descriptor for a child.
    ///
    /// The descriptor refers to the child and to no other process: a child's id is not reused before the
    /// child is reaped, and `child` has not been waited for. (So `CLONE_PIDFD` is not needed.)
    ///
    /// # Errors
    /// `ENOSYS`: a kernel before Linux 5.3, or a seccomp filter. `EMFILE`, `ENFILE`, `ENOMEM`. `ESRCH`: other
    /// code has already reaped the child.
    #[doc(alias = "pidfd_open")]
    pub fn of(child: &Child) -> Result<Self> {
        Self::open(child.pid())
    }

    /// Opens a descriptor for the process that has the id `pid` at this moment.
    ///
    /// # Errors
    /// As for [`of`](Self::of).
    #[doc(alias = "pidfd_open")]
    pub fn open(pid: Pid) -> Result<Self> {
        const NO_FLAGS: u32 = 0; // a pidfd always has FD_CLOEXEC
        // SAFETY: the call takes numbers. The returned descriptor is new, so no other value owns it.
        unsafe {
            let raw = syscall!(pidfd_open(pid, NO_FLAGS))?;
            Ok(Self(OwnedFd::from_raw(raw)))
        }
    }

    /// The descriptor, to be added to an [`Epoll`](crate::poll::Epoll).
    #[inline]
    #[must_use]
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Sends a signal to the process (pidfd_send_signal(2)).
    ///
    /// # Errors
    /// `ESRCH`: the process has ended and was reaped. `EPERM`: no permission to signal the process. `EINVAL`:
    /// no such signal. `ENOSYS`: a kernel before Linux 5.1.
    #[doc(alias = "pidfd_send_signal")]
    pub fn kill(&self, signal: i32) -> Result<()> {
        let (default_info, flags) = (ptr::null::<Siginfo>(), 0_u32);
        // SAFETY: the call takes numbers and a null pointer, with which the kernel fills the `siginfo` as for
        // kill(2). The kernel accesses no memory of this process.
        unsafe {
            syscall!(pidfd_send_signal(
                self.0.as_fd(),
                signal,
                default_info,
                flags
            ))
        }
        .map(drop)
    }

    /// Waits until the process, a child of the calling process, ends, and reaps it (waitid(2)).
    ///
    /// # Errors
    /// `ECHILD`: the process is not a child, or other code has already reaped it. `EINVAL`: a kernel before
    /// Linux 5.4.
    #[doc(alias = "waitid")]
    pub fn wait(&self) -> Result<Status> {
        let mut info = Siginfo::ZERO;
        let no_usage = ptr::null_mut::<Rusage>();
        // SAFETY: the kernel writes a whole Siginfo to `info`, a local. The null pointer asks for no usage.
        retry(|| unsafe {
            syscall!(waitid(
                P_PIDFD,
                self.0.as_fd(),
                &raw mut info,
                WEXITED,
                no_usage
            ))
        })?;
        let status = info._sifields._sigchld._status as u8; // the exit status, or the signal
        Ok(match info.si_code {
            CLD_EXITED => Status::Exited(status),
            _ => Status::Killed(status),
        })
    }
}
