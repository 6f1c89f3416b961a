//! Self-test cases of epoll and poll: waiting for many descriptors at once.

use core::time::Duration;

use ring3::Errno;
use ring3::io::write;
use ring3::pipe::{O_CLOEXEC, Pipe};
use ring3::poll::*;
use ring3::time::{Clock, now};

use crate::case::*;
use crate::cases;
use crate::fd::{closes_at_exec, nobody};

cases! {
    "an empty set", [Epoll::new, Epoll::as_fd], Epoll::new().map(|epoll| epoll.as_fd().as_raw() > 2) => YES;
    "a set is closed at execve", [Epoll::new], Epoll::new().and_then(|epoll| closes_at_exec(epoll.as_fd())) => YES;
    "nothing happens", [Epoll::wait], watched(|epoll, _| epoll.wait(&mut [EpollEvent::ZERO; 4], Some(Duration::ZERO)).map(<[_]>::len)) => value(0);
    "the time is over, and not before", [Epoll::wait], watched(waits) => YES;
    "a byte, and whose", [Epoll::add, Epoll::wait, EpollEvent::happened], watched(|epoll, pipe| { write(pipe.write.as_fd(), b"x")?; let mut events = [EpollEvent::ZERO; 4]; let events = epoll.wait(&mut events, None)?; Ok(events.len() == 1 && events[0].happened() == EPOLLIN && { events[0].data } == 0xFEED_F00D_BEEF) }) => YES;
    "reported as long as it holds", [Epoll::add], watched(|epoll, pipe| { write(pipe.write.as_fd(), b"x")?; twice(epoll) }) => value(2);
    "reported once a change", [Epoll::modify], watched(|epoll, pipe| { epoll.modify(pipe.read.as_fd(), EPOLLIN | EPOLLET, 1)?; write(pipe.write.as_fd(), b"x")?; twice(epoll) }) => value(1);
    "the writer is gone", [Epoll::wait], hung_up() => YES;
    "watched twice", [Epoll::add], watched(|epoll, pipe| epoll.add(pipe.read.as_fd(), EPOLLIN, 1)) => error(Errno::EEXIST);
    "a regular file", [Epoll::add], Epoll::new().and_then(|epoll| epoll.add(crate::fd::open()?.as_fd(), EPOLLIN, 1)) => error(Errno::EPERM);
    "what nobody has", [Epoll::add], Epoll::new().and_then(|epoll| epoll.add(nobody(), EPOLLIN, 1)) => error(Errno::EBADF);
    "itself", [Epoll::add], Epoll::new().and_then(|epoll| epoll.add(epoll.as_fd(), EPOLLIN, 1)) => error(Errno::EINVAL);
    "changing what is not watched", [Epoll::modify], watched(|epoll, pipe| epoll.modify(pipe.write.as_fd(), EPOLLOUT, 1)) => error(Errno::ENOENT);
    "watched no more", [Epoll::remove], watched(|epoll, pipe| { epoll.remove(pipe.read.as_fd())?; write(pipe.write.as_fd(), b"x")?; epoll.wait(&mut [EpollEvent::ZERO], Some(Duration::ZERO)).map(<[_]>::len) }) => value(0);
    "removing what is not watched", [Epoll::remove], watched(|epoll, pipe| epoll.remove(pipe.write.as_fd())) => error(Errno::ENOENT);
    "no room for events", [Epoll::wait], watched(|epoll, _| epoll.wait(&mut [], None).map(<[_]>::len)) => error(Errno::EINVAL);
    "a pipe with a byte", [PollFd::new, PollFd::revents, poll], polled(|fds| poll(fds, None)).map(|(count, events)| count == 1 && events == POLLIN) => YES;
    "events that nobody waits for", [PollFd::set_events], polled(|fds| { fds[0].set_events(PollEvents::NONE); poll(fds, Some(Duration::ZERO)) }).map(|(count, _)| count) => value(0);
    "no descriptors", [poll], poll(&mut [], Some(Duration::from_micros(1))) => value(0);
    "not before the time is over", [poll], { let begin = now(Clock::Monotonic); poll(&mut [], Some(Duration::from_micros(2500))).map(|count| count == 0 && now(Clock::Monotonic) - begin >= Duration::from_micros(2500)) } => YES;
    "a descriptor that is closed", [poll], { let mut fds = [PollFd::new(nobody(), POLLIN)]; poll(&mut fds, None).map(|_| fds[0].revents() == POLLNVAL) } => YES;
    "a closed descriptor leaves the set", [Epoll::add], closed() => value(0);
}

/// Calls `work` with a set that watches the reading end of a pipe.
fn watched<T>(work: impl FnOnce(&Epoll, &Pipe) -> Result<T, Errno>) -> Result<T, Errno> {
    let (epoll, pipe) = (Epoll::new()?, Pipe::new(O_CLOEXEC)?);
    epoll.add(pipe.read.as_fd(), EPOLLIN, 0xFEED_F00D_BEEF)?;
    work(&epoll, &pipe)
}

fn waits(epoll: &Epoll, _: &Pipe) -> Result<bool, Errno> {
    let (begin, wait) = (now(Clock::Monotonic), Duration::from_micros(20_500));
    let count = epoll.wait(&mut [EpollEvent::ZERO], Some(wait))?.len();
    Ok(count == 0 && now(Clock::Monotonic) - begin >= wait)
}

/// How many events two waits find.
fn twice(epoll: &Epoll) -> Result<usize, Errno> {
    let look = || {
        epoll
            .wait(&mut [EpollEvent::ZERO], Some(Duration::ZERO))
            .map(<[_]>::len)
    };
    Ok(look()? + look()?)
}

fn hung_up() -> Result<bool, Errno> {
    let (epoll, pipe) = (Epoll::new()?, Pipe::new(O_CLOEXEC)?);
    epoll.add(pipe.read.as_fd(), EPOLLIN, 0)?;
    drop(pipe.write);
    let mut events = [EpollEvent::ZERO];
    let events = epoll.wait(&mut events, None)?;
    Ok(events
        .first()
        .is_some_and(|event| event.happened().contains(EPOLLHUP)))
}

fn closed() -> Result<usize, Errno> {
    let (epoll, pipe) = (Epoll::new()?, Pipe::new(O_CLOEXEC)?);
    epoll.add(pipe.read.as_fd(), EPOLLIN, 0)?;
    write(pipe.write.as_fd(), b"x")?;
    drop(pipe.read);
    epoll
        .wait(&mut [EpollEvent::ZERO], Some(Duration::ZERO))
        .map(<[_]>::len)
}

/// What `call` returns for the reading end of a pipe with a byte, and the events that it reports.
fn polled(
    call: impl FnOnce(&mut [PollFd<'_>]) -> Result<usize, Errno>,
) -> Result<(usize, PollEvents), Errno> {
    let pipe = Pipe::new(O_CLOEXEC)?;
    write(pipe.write.as_fd(), b"x")?;
    let mut fds = [PollFd::new(pipe.read.as_fd(), POLLIN)];
    let count = call(&mut fds)?;
    Ok((count, fds[0].revents()))
}
