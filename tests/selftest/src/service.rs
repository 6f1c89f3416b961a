//! What a service manager hands a server.

use ring3::Errno;
use ring3::net::SOCK_DGRAM;
use ring3::net::unix::{self, Address};
use ring3::net::{SOCK_CLOEXEC, recv};
use ring3::service::{Manager, inherited};

use crate::case::*;
use crate::cases;

cases! {
    "no sockets", [inherited], inherited(None, None).map(|fds| fds.len()) => value(0);
    "sockets for another process", [inherited], inherited(Some(c"1000000000"), Some(c"2")).map(|fds| fds.len()) => value(0);
    "a manager is told", [Manager::at, Manager::tell], told() => value(7);
    "no manager there", [Manager::at], Manager::at(c"/nothing/notify").map(drop) => error(Errno::ENOENT);
}

fn told() -> Result<usize, Errno> {
    let ear = unix::socket(SOCK_DGRAM | SOCK_CLOEXEC)?;
    unix::bind(ear.as_fd(), &Address::new(c"@ring3-selftest-notify")?)?;
    Manager::at(c"@ring3-selftest-notify")?.tell("READY=1");
    let mut buffer = [0; 16];
    let count = recv(ear.as_fd(), &mut buffer)?;
    if buffer[..count] == *b"READY=1" {
        Ok(count)
    } else {
        Err(Errno::EIO)
    }
}
