//! The interface of a service manager such as systemd. Environment variables tell a server its listening
//! sockets (`LISTEN_PID` and `LISTEN_FDS`, sd_listen_fds(3)), and the address of a socket to which the server
//! reports its state (`NOTIFY_SOCKET`, sd_notify(3)).
//!
//! ```
//! use ring3::systemd::Manager;
//! # use ring3::net::{SOCK_DGRAM, unix};
//! # let text = std::ffi::CString::new(format!("@ring3-example-{}", std::process::id())).unwrap();
//! # let socket = unix::socket(SOCK_DGRAM)?;
//! # unix::bind(socket.as_fd(), &unix::Address::new(&text)?)?;
//! # let notify_socket = Some(text.as_c_str());
//!
//! // let notify_socket = start.var("NOTIFY_SOCKET");
//! if let Some(address) = notify_socket {
//!     Manager::at(address)?.notify("READY=1")?;
//! }
//! # let mut state = [0; 16];
//! # assert_eq!((ring3::net::recv(socket.as_fd(), &mut state)?, &state[..7]), (7, &b"READY=1"[..]));
//! # Ok::<(), ring3::Errno>(())
//! ```

use core::ffi::CStr;
use core::time::Duration;

use crate::abi::{Errno, Result};
use crate::fd::{BorrowedFd, OwnedFd, STDERR};
use crate::net::unix::{self, Address};
use crate::net::{self, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK};
use crate::poll::{EPOLLOUT, Epoll, EpollEvent};
use crate::process;
use crate::text::number;

/// The descriptors that a service manager opened for this process: consecutive numbers from 3, in order.
/// execve closes each of them. Dropping an `Inherited` closes the descriptors that it has not yet returned.
#[derive(Debug)]
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
        // SAFETY: `inherited` checked that the descriptor is open. The caller of `inherited` guarantees that
        // the descriptor has no owner. `next` only increases, so each descriptor is returned once.
        Some(unsafe { OwnedFd::from_raw(raw as usize) })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.end - self.next) as usize; // `next` stops at `end`
        (left, Some(left))
    }
}

impl ExactSizeIterator for Inherited {}

impl Drop for Inherited {
    #[inline(never)] // programs drop it on many paths
    fn drop(&mut self) {
        self.for_each(drop);
    }
}

/// The descriptors that a service manager opened for this process. Sets `FD_CLOEXEC` for each.
///
/// `listen_pid` is the value of `LISTEN_PID`, and `listen_fds` the value of `LISTEN_FDS`. If `listen_pid` is
/// the id of this process, the result has `listen_fds` descriptors from 3 on; otherwise it is empty.
///
/// [`program!`](crate::program!) with `inherited` calls this function. So the program itself needs no
/// `unsafe`.
///
/// # Errors
/// `EBADF`: a descriptor of the range is closed, or the range has more than 65,535 descriptors. Then the open
/// descriptors stay open, and some of them have `FD_CLOEXEC` set.
///
/// # Safety
/// No descriptor from 3 on has an owner: the caller calls this once, before it opens a descriptor.
pub unsafe fn inherited(listen_pid: Option<&CStr>, listen_fds: Option<&CStr>) -> Result<Inherited> {
    let number = |text: Option<&CStr>| number::whole(text?.to_bytes(), 10, u32::MAX.into());
    let count = match number(listen_pid) {
        Some(pid) if pid == process::getpid().as_raw().unsigned_abs().into() => {
            number(listen_fds).unwrap_or(0)
        }
        _ => 0,
    };
    let count = u16::try_from(count).map_err(|_| Errno::EBADF)?;
    let next = STDERR.as_raw() + 1;
    let end = next + i32::from(count);
    for raw in next..end {
        // SAFETY: the descriptor has no owner (the caller guarantees this), so nothing closes it during the
        // call. If it is closed already, the call returns EBADF.
        unsafe { BorrowedFd::borrow_raw(raw) }.set_cloexec()?;
    }
    Ok(Inherited { next, end })
}

/// The service manager's notification socket: a connected datagram socket.
#[derive(Debug)]
pub struct Manager(OwnedFd);

impl Manager {
    /// Connects to the manager's socket. `address` is the value of `NOTIFY_SOCKET`: an absolute path, or `@`
    /// and an abstract name.
    ///
    /// # Errors
    /// `EAFNOSUPPORT`: another kind of address, such as `vsock:CID:PORT`, which is for virtual machines. The
    /// errors of [`Address::new`], [`unix::socket`] and [`unix::connect`].
    pub fn at(address: &CStr) -> Result<Self> {
        let [b'/' | b'@', ..] = address.to_bytes() else {
            return Err(Errno::EAFNOSUPPORT);
        };
        let address = Address::new(address)?;
        let fd = unix::socket(SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC)?;
        unix::connect(fd.as_fd(), &address)?;
        Ok(Self(fd))
    }

    /// Sends the server's state to the manager: `READY=1`, `STOPPING=1`.
    ///
    /// If the manager's queue is full, waits up to 2 s for room. The limit keeps a manager that has stopped
    /// reading from stopping the server too.
    ///
    /// # Errors
    /// `EAGAIN`: the queue stayed full. `ECONNREFUSED`, `ENOTCONN`: the manager has closed its socket. While
    /// waiting, the errors of [`Epoll::new`], [`Epoll::add`] and [`Epoll::wait`].
    pub fn notify(&self, state: &str) -> Result<()> {
        const PATIENCE: Duration = Duration::from_secs(2);
        let send = || net::send(self.0.as_fd(), state.as_bytes()).map(drop);
        let sent = send();
        if sent != Err(Errno::EAGAIN) {
            return sent;
        }
        let epoll = Epoll::new()?;
        epoll.add(self.0.as_fd(), EPOLLOUT, 0)?;
        epoll.wait(&mut [EpollEvent::ZERO], Some(PATIENCE))?;
        send()
    }
}
