//! Connects to a service.

use core::net::SocketAddr;

use ring3::Errno;
use ring3::bytes;
use ring3::fd::{BorrowedFd, OwnedFd};
use ring3::net::resolve::resolve;
use ring3::net::{self, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM, Sock, unix};
use ring3::poll::{POLLOUT, PollEvents, PollFd, poll};
use ring3::time::{Clock, Deadline, nanoseconds_by_call, sleep_until};

use crate::failure::Failure;
use crate::target::Place;

/// How long to wait until a Unix socket, whose accept queue is full, may have room again: 10 ms. poll(2) does not
/// report that.
const QUEUE: u64 = 10_000_000;

const KIND: Sock = SOCK_STREAM.union(SOCK_NONBLOCK).union(SOCK_CLOEXEC);

/// Connects a non-blocking socket to a service. The addresses of a host are tried in turn, each for its part of the
/// time that is left.
#[inline(never)]
pub fn connect(place: Place<'_>, deadline: Deadline) -> Result<OwnedFd, Failure> {
    let (name, port) = match place {
        Place::Unix(path) => return connect_unix(path, deadline).map_err(Failure::of("connect")),
        Place::Host(name, port) => (name, port),
    };
    let addresses = resolve(name, port, deadline).map_err(Failure::Name)?;
    let mut last = Errno::ETIMEDOUT;
    for (nth, &address) in addresses.iter().enumerate() {
        let until = match deadline.left(now) {
            Some(left) => {
                let others = (addresses.len() - nth) as u32;
                Deadline::after(left.as_nanos() as u64 / u64::from(others.max(1)))
            }
            None => deadline,
        };
        match connect_to(address, until) {
            Ok(fd) => return Ok(fd),
            Err(errno) => last = errno,
        }
    }
    Err(Failure::Call("connect", last))
}

#[inline(never)]
fn connect_to(address: SocketAddr, deadline: Deadline) -> Result<OwnedFd, Errno> {
    let fd = net::socket(address, KIND)?;
    match net::connect(fd.as_fd(), address) {
        Err(Errno::EINPROGRESS) => {
            wait(fd.as_fd(), POLLOUT, deadline)?;
            net::take_error(fd.as_fd())?;
        }
        result => result?,
    }
    Ok(fd)
}

#[inline(never)]
fn connect_unix(path: &[u8], deadline: Deadline) -> Result<OwnedFd, Errno> {
    let mut text = [0; 108];
    bytes::copy(&mut text, path);
    let address = unix::Address::new(bytes::until_zero(&text))?;
    let fd = unix::socket(KIND)?;
    loop {
        match unix::connect(fd.as_fd(), &address) {
            Err(Errno::EAGAIN) if !deadline.has_passed(now()) => {
                sleep_until(Deadline::after(QUEUE).min(deadline));
            }
            // The queue was full until the deadline.
            Err(Errno::EAGAIN) => return Err(Errno::ETIMEDOUT),
            result => return result.map(|()| fd),
        }
    }
}

/// Waits for an event. Fails with `ETIMEDOUT` if the deadline has passed, even if an event is pending.
pub fn wait(fd: BorrowedFd<'_>, events: PollEvents, deadline: Deadline) -> Result<(), Errno> {
    loop {
        let moment = now();
        if deadline.has_passed(moment) {
            return Err(Errno::ETIMEDOUT);
        }
        match poll(&mut [PollFd::new(fd, events)], deadline.left(|| moment)) {
            Ok(0) | Err(Errno::EINTR) => {}
            result => return result.map(drop),
        }
    }
}

/// The time of the monotonic clock. By a system call and not by the vDSO: `probe` reads the clock rarely.
pub fn now() -> u64 {
    nanoseconds_by_call(Clock::Monotonic)
}
