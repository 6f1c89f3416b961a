//! Self-test cases of reading and writing.

extern crate alloc;

use alloc::vec;

use ring3::Errno;
use ring3::fd::{BorrowedFd, OwnedFd};
use ring3::fs::{self, CWD, O_CLOEXEC, O_NONBLOCK, O_RDONLY, O_WRONLY};
use ring3::io::{
    BufReader, IoSlice, IoSliceMut, read, read_at, read_vectored, retry, write, write_all,
    write_all_at, write_all_vectored, write_at, write_counting, write_vectored,
};
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
    "a place in a file", [read_at, write_at], in_a_file(|file| { write_at(file, b"abc", 5)?; let mut text = [0; 8]; let count = read_at(file, &mut text, 4)?; Ok(count == 4 && text[..4] == *b"\0abc") }) => YES;
    "a place in a pipe", [read_at], Pipe::new(O_CLOEXEC).and_then(|pipe| read_at(pipe.read.as_fd(), &mut [0], 0)) => error(Errno::ESPIPE);
    "a place that is none", [write_at], in_a_file(|file| write_at(file, b"x", u64::MAX)) => error(Errno::EINVAL);
    "all of it at a place", [write_all_at], in_a_file(|file| { write_all_at(file, b"abc", 5)?; fs::stat(file).map(|stat| stat.stx_size) }) => value(8);
    "all of it at a place that is none", [write_all_at], in_a_file(|file| write_all_at(file, b"x", 1 << 63)) => error(Errno::EINVAL);
    "buffers in order", [IoSlice::new, IoSliceMut::new, read_vectored, write_vectored], buffers() => YES;
    "buffers of what nobody has", [read_vectored], read_vectored(nobody(), &mut [IoSliceMut::new(&mut [0])]) => error(Errno::EBADF);
    "buffers for a full device", [write_vectored], open(c"/dev/full", O_WRONLY).and_then(|full| write_vectored(full.as_fd(), &[IoSlice::new(b"x")])) => error(Errno::ENOSPC);
    "more buffers than the kernel takes", [write_vectored], open(c"/dev/null", O_WRONLY).and_then(|null| write_vectored(null.as_fd(), &[IoSlice::new(b"x"); 1025])) => value(1024);
    "all of more buffers than the kernel takes", [write_all_vectored], all_buffers() => value(3000);
    "a buffer without its beginning", [IoSlice::advance], { let mut bytes = IoSlice::new(b"abc"); bytes.advance(1); let rest = *bytes == *b"bc"; bytes.advance(9); rest && bytes.is_empty() } => YES;
    "lines of a file", [BufReader::new, BufReader::next_line], text(b"one\r\n\ntwo", 8, |reader| Ok([reader.next_line()? == Some(b"one"), reader.next_line()? == Some(b""), reader.next_line()? == Some(b"two"), reader.next_line()?.is_none()] == [true; 4])) => YES;
    "a line with its end", [BufReader::read_until], text(b"one;two", 8, |reader| Ok(reader.read_until(b';')? == Some(b"one;") && reader.read_until(b';')? == Some(b"two"))) => YES;
    "a line longer than the buffer", [BufReader::next_line], text(b"a long line\n", 8, |reader| reader.next_line().map(drop)) => error(Errno::EMSGSIZE);
    "it is not lost", [BufReader::buffer, BufReader::consume], text(b"a long line\n", 8, |reader| Ok(reader.next_line().is_err() && reader.buffer() == b"a long l" && { reader.consume(8); reader.next_line()? == Some(b"ine") })) => YES;
    "a buffer is filled", [BufReader::fill_buf], text(b"0123456789", 8, |reader| Ok(reader.fill_buf()? == b"01234567" && { reader.consume(8); reader.fill_buf()? == b"89" })) => YES;
    "bytes past a buffer", [BufReader::read], text(b"0123456789", 8, |reader| { let mut bytes = [0; 9]; Ok(reader.read(&mut bytes)? == 9 && reader.read(&mut bytes)? == 1 && reader.read(&mut bytes)? == 0) }) => YES;
    "lines of what nobody has", [BufReader::next_line], BufReader::new(nobody(), &mut [0; 8]).next_line().map(drop) => error(Errno::EBADF);
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

/// Calls `work` with an empty file.
fn in_a_file<T>(work: impl FnOnce(BorrowedFd<'_>) -> Result<T, Errno>) -> Result<T, Errno> {
    work(fs::in_memory(c"io")?.as_fd())
}

fn buffers() -> Result<bool, Errno> {
    in_a_file(|file| {
        let pieces = [IoSlice::new(b"one, "), IoSlice::new(b"two")];
        let written = write_vectored(file, &pieces)?;
        fs::seek(file, 0)?;
        let (mut first, mut second) = ([0; 3], [0; 9]);
        let mut pieces = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
        let count = read_vectored(file, &mut pieces)?;
        Ok((written, count, first, second) == (8, 8, *b"one", *b", two\0\0\0\0"))
    })
}

fn all_buffers() -> Result<u64, Errno> {
    in_a_file(|file| {
        write_all_vectored(file, &mut [IoSlice::new(b"x"); 3000])?;
        fs::stat(file).map(|stat| stat.stx_size)
    })
}

/// Calls `work` with a reader of this text, through a buffer of `size` bytes.
fn text<T>(
    text: &[u8],
    size: usize,
    work: impl FnOnce(&mut BufReader<'_>) -> Result<T, Errno>,
) -> Result<T, Errno> {
    in_a_file(|file| {
        write_all(file, text)?;
        fs::seek(file, 0)?;
        work(&mut BufReader::new(file, &mut vec![0; size]))
    })
}
