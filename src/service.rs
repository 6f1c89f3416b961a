//! What a service manager hands a server: sockets that listen already (sd_listen_fds(3)), and an address to
//! which it says that it is ready (sd_notify(3)). Both are in the environment.

use core::ffi::CStr;

use crate::abi::{Errno, Result};
use crate::fd::{BorrowedFd, OwnedFd, STDERR};
use crate::net::unix::{self, Address};
use crate::net::{self, SOCK_CLOEXEC, SOCK_DGRAM};
use crate::number;
use crate::process;

/// The descriptors that a service manager opened for this process, from 3 on, in order; each closed by execve.
/// Those that are never asked for are closed with this.
pub struct Inherited {
    next: i32,
    end: i32,
}

impl Iterator for Inherited {
    type Item = OwnedFd;

    fn next(&mut self) -> Option<OwnedFd> {
        let raw = self.next;
        if raw == self.end {
            return None;
        }
        self.next += 1;
        // SAFETY: it is open, and nobody else's: the promise of the caller of `inherited`. `next` only rises, so
        // it is given once.
        Some(unsafe { OwnedFd::from_raw(raw as usize) })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.end - self.next) as usize; // `next` stops at `end`
        (left, Some(left))
    }
}

impl ExactSizeIterator for Inherited {}

impl Drop for Inherited {
    #[inline(never)] // programs drop it on many ways
    fn drop(&mut self) {
        self.for_each(drop);
    }
}

/// The descriptors that were opened for this process: so many from 3 on as `listen_fds` says, the value of
/// `LISTEN_FDS`, where `listen_pid`, that of `LISTEN_PID`, is this process. Else none.
///
/// A program that says `inherited` in [`program!`](crate::program!) has them without `unsafe`.
///
/// # Errors
/// `EBADF`: one of them is closed. Then all stay as they are, but that execve may close some.
///
/// # Safety
/// No descriptor from 3 on has an owner: this is called once, and before anything is opened.
pub unsafe fn inherited(listen_pid: Option<&CStr>, listen_fds: Option<&CStr>) -> Result<Inherited> {
    let number = |text: Option<&CStr>| number::whole(text?.to_bytes(), 10, u32::MAX.into());
    let count = match number(listen_pid) {
        Some(pid) if pid == process::getpid().unsigned_abs().into() => {
            number(listen_fds).unwrap_or(0)
        }
        _ => 0,
    };
    let count = u16::try_from(count).map_err(|_| Errno::EBADF)?;
    let next = STDERR.as_raw() + 1;
    let end = next + i32::from(count);
    for raw in next..end {
        // SAFETY: nobody closes it meanwhile: it has no owner. Where it is not open, this says so.
        unsafe { BorrowedFd::borrow_raw(raw) }.close_at_exec()?;
    }
    Ok(Inherited { next, end })
}

/// Where the manager hears how the server is.
pub struct Manager(OwnedFd);

impl Manager {
    /// The manager at this address, the value of `NOTIFY_SOCKET`: an absolute path, or `@` and a name.
    ///
    /// # Errors
    /// `EAFNOSUPPORT`: neither of them, such as `vsock:CID:PORT`, at which a virtual machine is heard, and not a
    /// service. Those of [`Address::new`], [`unix::socket`] and [`unix::connect`].
    pub fn at(address: &CStr) -> Result<Self> {
        let [b'/' | b'@', ..] = address.to_bytes() else {
            return Err(Errno::EAFNOSUPPORT);
        };
        let address = Address::new(address)?;
        let fd = unix::socket(SOCK_DGRAM | SOCK_CLOEXEC)?;
        unix::connect(fd.as_fd(), &address)?;
        Ok(Self(fd))
    }

    /// Tells it: `READY=1`, `STOPPING=1`.
    pub fn tell(&self, state: &str) {
        // A manager that is gone has nothing to be told.
        let _ = net::send(self.0.as_fd(), state.as_bytes());
    }
}
