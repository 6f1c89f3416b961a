//! Self-test cases of the protocol between a service manager and a server.

use core::ffi::CStr;
use core::time::Duration;

use ring3::Errno;
use ring3::fd::{BorrowedFd, OwnedFd};
use ring3::net::SOCK_DGRAM;
use ring3::net::unix::{self, Address};
use ring3::net::{SOCK_CLOEXEC, recv};
use ring3::systemd::{Inherited, Manager, inherited};
use ring3::time::{Clock, now};

use crate::case::*;
use crate::cases;
use crate::child;
use crate::unix::own_name;

cases! {
    "no sockets", [inherited], of(None, None).map(|fds| fds.len()) => value(0);
    "sockets for another process", [inherited], of(Some(c"1000000000"), Some(c"2")).map(|fds| fds.len()) => value(0);
    "sockets are owned, once", [inherited], passed(c"2") => value(0b1111);
    "a socket that is not there", [inherited], passed(c"60") => value(98);
    "a manager receives a notification", [Manager::at, Manager::notify], notified() => value(7);
    "its descriptor is closed at execve", [Manager::at], closed() => YES;
    "more sockets than there can be", [inherited], passed(c"65536") => value(98);
    "a manager that does not read is waited for", [Manager::notify], patient() => YES;
    "an address that is none", [Manager::at], Manager::at(c"vsock:1:2").map(drop) => error(Errno::EAFNOSUPPORT);
    "an address of nothing", [Manager::at], Manager::at(c"").map(drop) => error(Errno::EAFNOSUPPORT);
    "no manager there", [Manager::at], Manager::at(c"/nothing/notify").map(drop) => error(Errno::ENOENT);
}

fn of(pid: Option<&CStr>, fds: Option<&CStr>) -> Result<Inherited, Errno> {
    // SAFETY: no descriptor is returned, because the variables name another process.
    unsafe { inherited(pid, fds) }
}

/// The exit status of a child that has descriptors 3 and 4, and takes over `count` of them.
fn passed(count: &CStr) -> Result<u8, Errno> {
    let file = crate::fd::open()?;
    let files = [(file.as_fd(), 3), (file.as_fd(), 4)];
    let child = child::spawn(&[c"inherited", count], &files, |command| command)?;
    Ok(child.wait()?.status.code())
}

const NAME: &str = "notify";

/// A socket of a service manager.
fn ear() -> Result<OwnedFd, Errno> {
    let ear = unix::socket(SOCK_DGRAM | SOCK_CLOEXEC)?;
    unix::bind(ear.as_fd(), &Address::new(&own_name(NAME))?)?;
    Ok(ear)
}

fn manager() -> Result<(OwnedFd, Manager), Errno> {
    Ok((ear()?, Manager::at(&own_name(NAME))?))
}

fn closed() -> Result<bool, Errno> {
    let _ear = ear()?;
    let next = crate::fd::open()?.as_fd().as_raw();
    let _manager = Manager::at(&own_name(NAME))?;
    // SAFETY: the manager got the lowest free number, and keeps its descriptor open during the call.
    crate::fd::closes_at_exec(unsafe { BorrowedFd::borrow_raw(next) })
}

/// Fills the queue of a manager that does not read. Returns the error of the message that failed, and how long that
/// call took.
fn fill(manager: &Manager) -> (Errno, Duration) {
    loop {
        let begin = now(Clock::Monotonic);
        if let Err(errno) = manager.notify("STATUS=x") {
            return (errno, now(Clock::Monotonic) - begin);
        }
    }
}

/// A call waits 2 s, and not much longer, for a manager that does not read. A manager that reads again receives
/// messages, after its queue was full.
fn patient() -> Result<bool, Errno> {
    let (ear, manager) = manager()?;
    let (errno, time) = fill(&manager);
    let patience = Duration::from_secs(2);
    if errno != Errno::EAGAIN || !(patience..5 * patience).contains(&time) {
        return Err(Errno::ETIMEDOUT);
    }
    ring3::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut buffer = [0; 16];
            loop {
                let count = recv(ear.as_fd(), &mut buffer)?;
                if buffer[..count] == *b"READY=1" {
                    return Ok(true);
                }
            }
        })?;
        while manager.notify("READY=1").is_err() {}
        reader.join()
    })
}

fn notified() -> Result<usize, Errno> {
    let (ear, manager) = manager()?;
    manager.notify("READY=1")?;
    let mut buffer = [0; 16];
    let count = recv(ear.as_fd(), &mut buffer)?;
    if buffer[..count] == *b"READY=1" {
        Ok(count)
    } else {
        Err(Errno::EIO)
    }
}
