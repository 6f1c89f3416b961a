//! Self-test cases of the eventfd.

use core::time::Duration;

use ring3::Errno;
use ring3::eventfd::EventFd;
use ring3::poll::*;

use crate::case::*;
use crate::cases;
use crate::fd::closes_at_exec;

cases! {
    "an eventfd is closed at execve", [EventFd::new], EventFd::new().and_then(|eventfd| closes_at_exec(eventfd.as_fd())) => YES;
    "a ring wakes a waiting thread", [EventFd::new, EventFd::as_fd, EventFd::ring], rung() => value(1);
    "without a ring nothing happens", [EventFd::new], unrung() => value(0);
}

fn rung() -> Result<usize, Errno> {
    let (epoll, eventfd) = (Epoll::new()?, EventFd::new()?);
    epoll.add(eventfd.as_fd(), EPOLLIN | EPOLLET, 0)?;
    ring3::thread::scope(|scope| {
        let ringer = scope.spawn(|| eventfd.ring())?;
        let count = epoll.wait(&mut [EpollEvent::ZERO], None).map(<[_]>::len);
        ringer.join();
        count
    })
}

fn unrung() -> Result<usize, Errno> {
    let (epoll, eventfd) = (Epoll::new()?, EventFd::new()?);
    epoll.add(eventfd.as_fd(), EPOLLIN | EPOLLET, 0)?;
    epoll
        .wait(&mut [EpollEvent::ZERO], Some(Duration::ZERO))
        .map(<[_]>::len)
}
