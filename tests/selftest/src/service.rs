//! What a service manager hands a server.

use core::ffi::CStr;

use ring3::Errno;
use ring3::net::SOCK_DGRAM;
use ring3::net::unix::{self, Address};
use ring3::net::{SOCK_CLOEXEC, recv};
use ring3::service::{Inherited, Manager, inherited};

use crate::case::*;
use crate::cases;
use crate::child;

cases! {
    "no sockets", [inherited], of(None, None).map(|fds| fds.len()) => value(0);
    "sockets for another process", [inherited], of(Some(c"1000000000"), Some(c"2")).map(|fds| fds.len()) => value(0);
    "sockets are owned, once", [inherited], passed(c"2") => value(0b1111);
    "a socket that is not there", [inherited], passed(c"60") => value(98);
    "a manager is told", [Manager::at, Manager::tell], told() => value(7);
    "no manager there", [Manager::at], Manager::at(c"/nothing/notify").map(drop) => error(Errno::ENOENT);
}

fn of(pid: Option<&CStr>, fds: Option<&CStr>) -> Result<Inherited, Errno> {
    // SAFETY: no descriptor is returned: the variables are not for this process.
    unsafe { inherited(pid, fds) }
}

/// A child that has descriptors 3 and 4, and takes over `count` of them.
fn passed(count: &CStr) -> Result<u8, Errno> {
    let file = crate::fd::open()?;
    let files = [(file.as_fd(), 3), (file.as_fd(), 4)];
    let child = child::spawn(&[c"inherited", count], &files, |command| command)?;
    Ok(child.wait()?.status.code())
}

fn told() -> Result<usize, Errno> {
    let ear = unix::socket(SOCK_DGRAM | SOCK_CLOEXEC)?;
    unix::bind(ear.as_fd(), &Address::new(c"@ring3-selftest-notify")?)?;
    Manager::at(c"@ring3-selftest-notify")?.tell("READY=1")?;
    let mut buffer = [0; 16];
    let count = recv(ear.as_fd(), &mut buffer)?;
    if buffer[..count] == *b"READY=1" {
        Ok(count)
    } else {
        Err(Errno::EIO)
    }
}
