//! Self-test cases of copies between files within the kernel.

use ring3::Errno;
use ring3::fs::copy::{End, copy, copy_file_range, sendfile};
use ring3::fs::{O_CLOEXEC, O_RDONLY, O_WRONLY, seek, stat};
use ring3::io::{read, write};
use ring3::pipe::Pipe;

use crate::case::*;
use crate::cases;
use crate::fs::{at, with};

cases! {
    "a file into a file", [copy::copy], file_into_file() => YES;
    "a file of /proc, whose length nobody knows", [copy::copy], with(c"to", |to| Ok(copy(at(c"/proc/self/maps", O_RDONLY)?.as_fd(), to.as_fd()).is_ok_and(|count| count > 0))) => YES;
    "a pipe into a file", [copy::copy], pipe_into_file() => value(5);
    "whose error it is, and how much came before", [copy::copy], whose_error() => YES;
    "a part of a file", [copy::copy_file_range], with(c"to", |to| copy_file_range(at(c"from", O_RDONLY).or(at(c"/proc/self/exe", O_RDONLY))?.as_fd(), to.as_fd(), 4)) => value(4), cannot EXDEV;
    "a file into a pipe", [copy::sendfile], sent(None) => value(7);
    "a file from an offset on", [copy::sendfile], { let mut offset = 3; sent(Some(&mut offset)).map(|sent| (sent as u64, offset) == (4, 7)) } => YES;
    "a pipe cannot be sent", [copy::sendfile], Pipe::new(O_CLOEXEC).and_then(|pipe| with(c"to", |to| sendfile(pipe.read.as_fd(), to.as_fd(), None, 1))) => error(Errno::EINVAL);
    "a pipe is no file", [copy::copy_file_range], with(c"to", |to| copy_file_range(Pipe::new(O_CLOEXEC)?.read.as_fd(), to.as_fd(), 4)) => error(Errno::EINVAL);
}

fn file_into_file() -> Result<bool, Errno> {
    with(c"from", |from| {
        write(from.as_fd(), b"content")?;
        seek(from.as_fd(), 0)?;
        with(c"to", |to| {
            let count = copy(from.as_fd(), to.as_fd()).map_err(|stopped| stopped.errno)?;
            seek(to.as_fd(), 0)?;
            let mut text = [0; 16];
            let length = read(to.as_fd(), &mut text)?;
            Ok(count == 7 && text[..length] == *b"content")
        })
    })
}

fn pipe_into_file() -> Result<u64, Errno> {
    let pipe = Pipe::new(O_CLOEXEC)?;
    write(pipe.write.as_fd(), b"piped")?;
    drop(pipe.write);
    with(c"to", |to| {
        copy(pipe.read.as_fd(), to.as_fd()).map_err(|stopped| stopped.errno)?;
        stat(to.as_fd()).map(|stat| stat.stx_size)
    })
}

fn whose_error() -> Result<bool, Errno> {
    let full = at(c"/dev/full", O_WRONLY)?;
    let pipe = Pipe::new(O_CLOEXEC)?;
    write(pipe.write.as_fd(), b"lost")?;
    drop(pipe.write);
    let copied = copy(pipe.read.as_fd(), full.as_fd());
    Ok(copied.is_err_and(|stopped| {
        stopped.copied == 0 && stopped.end == End::To && stopped.errno == Errno::ENOSPC
    }))
}

fn sent(offset: Option<&mut u64>) -> Result<usize, Errno> {
    with(c"from", |from| {
        write(from.as_fd(), b"content")?;
        seek(from.as_fd(), 0)?;
        let pipe = Pipe::new(O_CLOEXEC)?;
        sendfile(from.as_fd(), pipe.write.as_fd(), offset, 100)
    })
}
