//! Self-test cases of pipes.

use ring3::Errno;
use ring3::fs::{self, CWD, O_CLOEXEC, O_NONBLOCK, O_RDONLY, O_WRONLY};
use ring3::io::{read, write};
use ring3::pipe::{Open, Pipe, SPLICE_F_NONBLOCK, Splice, occupy_standard, splice};

use crate::case::*;
use crate::cases;
use crate::fd::closes_at_exec;

cases! {
    "two ends", [Pipe::new], Pipe::new(O_CLOEXEC).map(|pipe| pipe.read.as_fd().as_raw() != pipe.write.as_fd().as_raw()) => YES;
    "both closed at execve", [Pipe::new], closed(O_CLOEXEC) => YES;
    "or not, as asked", [Pipe::new], closed(O_NONBLOCK) => NO;
    "flags that are none of a pipe's", [Pipe::new], Pipe::new(O_WRONLY).map(drop) => error(Errno::EINVAL);
    "how much it takes", [Pipe::resize], Pipe::new(O_CLOEXEC).and_then(|pipe| pipe.resize(100_000)) => value(131_072);
    "as much as is asked for", [Pipe::resize], Pipe::new(O_CLOEXEC).and_then(|pipe| pipe.resize(1 << 18)) => value(1 << 18);
    "more than a pipe may take", [Pipe::resize], Pipe::new(O_CLOEXEC).and_then(|pipe| pipe.resize(usize::MAX << (usize::BITS / 2))).map(drop).is_err() => YES;
    "its end, when nobody writes", [Pipe::new], end() => value(0);
    "from a file into a pipe", [splice], from_a_file() => value(4);
    "out of a pipe into another", [splice], between() => value(3);
    "neither is a pipe", [splice], neither() => error(Errno::EINVAL);
    "standard descriptors are taken", [occupy_standard], occupy_standard() => DONE;
    "an empty pipe that nobody waits for", [splice], empty() => error(Errno::EAGAIN);
}

fn closed(flags: Open) -> Result<bool, Errno> {
    let pipe = Pipe::new(flags)?;
    Ok(closes_at_exec(pipe.read.as_fd())? && closes_at_exec(pipe.write.as_fd())?)
}

fn end() -> Result<usize, Errno> {
    let pipe = Pipe::new(O_CLOEXEC)?;
    drop(pipe.write);
    read(pipe.read.as_fd(), &mut [0])
}

fn from_a_file() -> Result<usize, Errno> {
    let file = fs::open(CWD, c"/proc/self/exe", O_RDONLY | O_CLOEXEC, 0)?;
    let pipe = Pipe::new(O_CLOEXEC)?;
    let count = splice(file.as_fd(), pipe.write.as_fd(), 4, Splice::NONE)?;
    let mut magic = [0; 4];
    read(pipe.read.as_fd(), &mut magic)?;
    if magic == *b"\x7fELF" {
        Ok(count)
    } else {
        Err(Errno::EIO)
    }
}

fn between() -> Result<usize, Errno> {
    let (one, two) = (Pipe::new(O_CLOEXEC)?, Pipe::new(O_CLOEXEC)?);
    write(one.write.as_fd(), b"abc")?;
    splice(one.read.as_fd(), two.write.as_fd(), 100, Splice::NONE)
}

fn neither() -> Result<usize, Errno> {
    let from = fs::open(CWD, c"/proc/self/exe", O_RDONLY | O_CLOEXEC, 0)?;
    let to = fs::open(CWD, c"/dev/null", O_WRONLY | O_CLOEXEC, 0)?;
    splice(from.as_fd(), to.as_fd(), 1, Splice::NONE)
}

fn empty() -> Result<usize, Errno> {
    let (one, two) = (Pipe::new(O_CLOEXEC)?, Pipe::new(O_CLOEXEC)?);
    splice(one.read.as_fd(), two.write.as_fd(), 1, SPLICE_F_NONBLOCK)
}
