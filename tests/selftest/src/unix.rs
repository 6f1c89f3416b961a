//! Sockets within the machine, and descriptors through them.

use ring3::Errno;
use ring3::fd::BorrowedFd;
use ring3::fs::stat;
use ring3::io::{read, write};
use ring3::net::unix::{DESCRIPTORS, pair, receive, send};
use ring3::net::{SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_SEQPACKET, SOCK_STREAM, Sock};

use crate::case::*;
use crate::cases;

cases! {
    "two that are joined", [pair], joined() => value(5);
    "messages, one by one", [pair], messages() => value(2);
    "no such kind", [pair], pair(Sock::NONE | SOCK_CLOEXEC).map(drop) => error(Errno::ESOCKTNOSUPPORT), cannot EPROTONOSUPPORT;
    "a descriptor goes over", [send, receive], goes_over() => YES;
    "as many as there can be", [send, receive], many(DESCRIPTORS) => value(DESCRIPTORS as i64);
    "more than that", [send], many(DESCRIPTORS + 1) => error(Errno::EINVAL);
    "bytes alone", [send, receive], bytes_alone() => value(0);
    "nothing there yet", [receive], stream().and_then(|[_one, two]| receive(two.as_fd(), &mut [0])).map(|(count, _)| count) => error(Errno::EAGAIN);
    "the end", [receive], stream().and_then(|[one, two]| { drop(one); receive(two.as_fd(), &mut [0]) }).map(|(count, _)| count) => value(0);
    "the peer is gone: no SIGPIPE", [send], stream().and_then(|[one, two]| { drop(one); send(two.as_fd(), b"x", &[]) }) => error(Errno::EPIPE);
    "sending into what is no socket", [send], crate::fd::open().and_then(|file| send(file.as_fd(), b"x", &[])) => error(Errno::ENOTSOCK);
}

type Pair = [ring3::fd::OwnedFd; 2];

fn stream() -> Result<Pair, Errno> {
    pair(SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK)
}

fn joined() -> Result<usize, Errno> {
    let [one, two] = pair(SOCK_STREAM | SOCK_CLOEXEC)?;
    write(one.as_fd(), b"hello")?;
    let mut buffer = [0; 8];
    let count = read(two.as_fd(), &mut buffer)?;
    write(two.as_fd(), &buffer[..count])?;
    read(one.as_fd(), &mut buffer)
}

/// The length of the second of two messages.
fn messages() -> Result<usize, Errno> {
    let [one, two] = pair(SOCK_SEQPACKET | SOCK_CLOEXEC)?;
    write(one.as_fd(), b"one")?;
    write(one.as_fd(), b"22")?;
    read(two.as_fd(), &mut [0; 8])?;
    read(two.as_fd(), &mut [0; 8])
}

fn goes_over() -> Result<bool, Errno> {
    let [one, two] = stream()?;
    let file = crate::fd::open()?;
    send(one.as_fd(), b"x", &[file.as_fd()])?;
    let (_, [received, ..]) = receive(two.as_fd(), &mut [0])?;
    let received = received.ok_or(Errno::ENOMSG)?;
    Ok(stat(received.as_fd())?.is_same_file(&stat(file.as_fd())?)
        && received.as_fd().as_raw() != file.as_fd().as_raw())
}

fn many(count: usize) -> Result<usize, Errno> {
    let [one, two] = stream()?;
    let file = crate::fd::open()?;
    let fds: [BorrowedFd<'_>; DESCRIPTORS + 1] = [file.as_fd(); DESCRIPTORS + 1];
    send(one.as_fd(), b"x", &fds[..count])?;
    let (_, received) = receive(two.as_fd(), &mut [0])?;
    Ok(received.iter().flatten().count())
}

fn bytes_alone() -> Result<usize, Errno> {
    let [one, two] = stream()?;
    send(one.as_fd(), b"abc", &[])?;
    let (count, received) = receive(two.as_fd(), &mut [0; 8])?;
    if count == 3 {
        Ok(received.iter().flatten().count())
    } else {
        Err(Errno::EIO)
    }
}
