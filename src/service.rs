//! What a service manager hands a server: sockets that listen already (sd_listen_fds(3)), and an address to
//! which it says that it is ready (sd_notify(3)). Both are in the environment.

use core::ffi::CStr;

use crate::abi::{Errno, Result};
use crate::fd::{BorrowedFd, OwnedFd, STDERR};
use crate::net::unix::{self, Address};
use crate::net::{self, SOCK_CLOEXEC, SOCK_DGRAM};
use crate::number;
use crate::process;

/// The descriptors that were opened for this process: so many from 3 on as `listen_fds` says, the value of
/// `LISTEN_FDS`, where `listen_pid`, that of `LISTEN_PID`, is this process. Else none.
///
/// This is to be asked before anything is opened, which could get the number of one that is not there.
///
/// # Errors
/// `EBADF`: one of them is closed.
pub fn inherited(
    listen_pid: Option<&CStr>,
    listen_fds: Option<&CStr>,
) -> Result<impl ExactSizeIterator<Item = BorrowedFd<'static>> + Clone + use<>> {
    let number = |text: Option<&CStr>| number::whole(text?.to_bytes(), 10, u32::MAX.into());
    let count = match number(listen_pid) {
        Some(pid) if pid == process::getpid().unsigned_abs().into() => {
            number(listen_fds).unwrap_or(0)
        }
        _ => 0,
    };
    let count = u16::try_from(count).map_err(|_| Errno::EBADF)?;
    let fds = (0..count).map(|nth| {
        let raw = STDERR.as_raw() + 1 + i32::from(nth);
        // SAFETY: as the standard ones it is nobody's in this process: so nobody here closes it.
        unsafe { BorrowedFd::borrow_raw(raw) }
    });
    match fds.clone().all(BorrowedFd::is_open) {
        true => Ok(fds),
        false => Err(Errno::EBADF),
    }
}

/// Where the manager hears how the server is.
pub struct Manager(OwnedFd);

impl Manager {
    /// The manager at this address, the value of `NOTIFY_SOCKET`: a path, or `@` and a name.
    ///
    /// # Errors
    /// Those of [`Address::new`], [`unix::socket`] and [`unix::connect`].
    pub fn at(address: &CStr) -> Result<Self> {
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
