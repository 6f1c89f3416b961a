//! Self-test cases of reading and writing.

extern crate alloc;

use alloc::vec;

use ring3::Errno;
use ring3::fd::OwnedFd;
use ring3::fs::{self, CWD, O_CLOEXEC, O_NONBLOCK, O_RDONLY, O_WRONLY};
use ring3::io::{read, retry, write, write_all, write_counting};
use ring3::pipe::Pipe;
use ring3::signal::{SIGPIPE, SignalSet, hold};

use crate::case::*;
use crate::cases;
use crate::fd::nobody;

cases! {
    "what is written is read", [read, write], through(b"some bytes") => value(10);
    "the end of a file", [read], open(c"/dev/null", O_RDONLY).and_then(|null| read(null.as_fd(), &mut [0; 8])) => value(0);
    "a short read", [read], short_read() => value(3);
    "reading a directory", [read], open(c"/", O_RDONLY).and_then(|root| read(root.as_fd(), &mut [0; 8])) => error(Errno::EISDIR);
    "reading what nobody has", [read], read(nobody(), &mut [0]) => error(Errno::EBADF);
    "reading what is for writing", [read], open(c"/dev/null", O_WRONLY).and_then(|null| read(null.as_fd(), &mut [0])) => error(Errno::EBADF);
    "an empty pipe that does not wait", [read], Pipe::new(O_NONBLOCK | O_CLOEXEC).and_then(|pipe| read(pipe.read.as_fd(), &mut [0])) => error(Errno::EAGAIN);
    "writing what nobody has", [write], write(nobody(), b"x") => error(Errno::EBADF);
    "writing nothing", [write], open(c"/dev/null", O_WRONLY).and_then(|null| write(null.as_fd(), b"")) => value(0);
    "a full device", [write], open(c"/dev/full", O_WRONLY).and_then(|full| write(full.as_fd(), b"x")) => error(Errno::ENOSPC);
    "a pipe that nobody reads", [write], nobody_reads() => error(Errno::EPIPE);
    "a full pipe that does not wait takes a part", [write], fill() => YES;
    "all of it", [write_all], open(c"/dev/null", O_WRONLY).and_then(|null| write_all(null.as_fd(), &[0; 100_000])) => DONE;
    "all of it, into a full pipe", [write_all], write_all_into_a_full_pipe() => error(Errno::EAGAIN);
    "how much of it there was before the error", [write_counting], counted_before_the_error() => value(65536);
    "retried until it is not interrupted", [retry], interrupted(3) => value(3);
    "another error is not retried", [retry], retry(|| Err::<(), _>(Errno::EAGAIN)) => error(Errno::EAGAIN);
}

fn open(path: &core::ffi::CStr, flags: ring3::fs::Open) -> Result<OwnedFd, Errno> {
    fs::open(CWD, path, flags | O_CLOEXEC, 0)
}

fn through(bytes: &[u8]) -> Result<usize, Errno> {
    let pipe = Pipe::new(O_CLOEXEC)?;
    write(pipe.write.as_fd(), bytes)?;
    let mut buffer = [0; 64];
    let count = read(pipe.read.as_fd(), &mut buffer)?;
    if buffer[..count] == *bytes {
        Ok(count)
    } else {
        Err(Errno::EIO)
    }
}

fn short_read() -> Result<usize, Errno> {
    let pipe = Pipe::new(O_CLOEXEC)?;
    write(pipe.write.as_fd(), b"abc")?;
    read(pipe.read.as_fd(), &mut [0; 100])
}

fn nobody_reads() -> Result<usize, Errno> {
    let pipe = Pipe::new(O_CLOEXEC)?;
    drop(pipe.read);
    let _held = hold(SignalSet::of(&[SIGPIPE]))?;
    let result = write(pipe.write.as_fd(), b"x");
    // The signal is pending. It must be received before it is unblocked.
    let signals = ring3::signal::SignalFd::new(SignalSet::of(&[SIGPIPE]))?;
    if signals.next() != Ok(SIGPIPE) {
        return Err(Errno::EIO);
    }
    result
}

fn fill() -> Result<bool, Errno> {
    let pipe = Pipe::new(O_NONBLOCK | O_CLOEXEC)?;
    let all = vec![0; 1 << 20];
    let first = write(pipe.write.as_fd(), &all)?;
    Ok((4096..all.len()).contains(&first) && write(pipe.write.as_fd(), &all) == Err(Errno::EAGAIN))
}

fn write_all_into_a_full_pipe() -> Result<(), Errno> {
    let pipe = Pipe::new(O_NONBLOCK | O_CLOEXEC)?;
    write_all(pipe.write.as_fd(), &vec![0; 2 << 20])
}

fn counted_before_the_error() -> Result<usize, Errno> {
    let pipe = Pipe::new(O_NONBLOCK | O_CLOEXEC)?;
    let mut count = 0;
    match write_counting(pipe.write.as_fd(), &vec![0; 2 << 20], |took| count += took) {
        // A pipe has 16 pages, so its capacity grows with the page size.
        Err(Errno::EAGAIN) => Ok(count / (ring3::mem::page_size() / 4096)),
        _ => Err(Errno::EIO),
    }
}

fn interrupted(times: usize) -> Result<usize, Errno> {
    let mut made = 0;
    retry(|| {
        made += 1;
        if made < times {
            Err(Errno::EINTR)
        } else {
            Ok(made)
        }
    })
}
