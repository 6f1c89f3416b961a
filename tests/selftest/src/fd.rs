//! Self-test cases of owned and borrowed descriptors.

use ring3::Errno;
use ring3::abi::fs::{F_GETFD, FD_CLOEXEC};
use ring3::abi::nr;
use ring3::arch::syscall2;
use ring3::fd::{AsFd, BorrowedFd, OwnedFd, STDERR, STDIN, STDOUT};
use ring3::fs::{self, CWD, O_CLOEXEC, O_RDONLY};

use crate::arch::errno;
use crate::case::*;
use crate::cases;
use crate::child::code;

cases! {
    "the standard ones have their numbers", [BorrowedFd::as_raw], STDIN.as_raw() == 0 && STDOUT.as_raw() == 1 && STDERR.as_raw() == 2 => YES;
    "a descriptor that the kernel gave", [OwnedFd::from_raw, OwnedFd::as_fd], open().map(|file| file.as_fd().as_raw() > 2) => YES;
    "the descriptor of any value that has one", [AsFd::as_fd], open().map(|file| raw(&file) > 2 && raw(STDERR) == 2) => YES;
    "whether it is open", [BorrowedFd::is_open], STDOUT.is_open() && !nobody().is_open() => YES;
    "another descriptor of one file", [BorrowedFd::duplicate], duplicated() => YES;
    "another, where a standard one is free", [BorrowedFd::duplicate], code(&[c"duplicate"]) => value(3);
    "another of what nobody has", [BorrowedFd::duplicate], nobody().duplicate().map(drop) => error(Errno::EBADF);
    "no call on it waits", [BorrowedFd::set_nonblocking], does_not_wait() => error(Errno::EAGAIN);
    "nor on what nobody has", [BorrowedFd::set_nonblocking], nobody().set_nonblocking() => error(Errno::EBADF);
    "closed at execve", [BorrowedFd::set_cloexec], fs::open(CWD, c"/proc/self/exe", O_RDONLY, 0).and_then(|file| { let before = closes_at_exec(file.as_fd())?; file.as_fd().set_cloexec()?; Ok(!before && closes_at_exec(file.as_fd())?) }) => YES;
    "a copy is closed at execve", [BorrowedFd::duplicate], STDERR.duplicate().and_then(|copy| closes_at_exec(copy.as_fd())) => YES;
    "nothing to close at execve", [BorrowedFd::set_cloexec], nobody().set_cloexec() => error(Errno::EBADF);
    "close says that all is well", [OwnedFd::close], open().and_then(OwnedFd::close) => DONE;
    "close reports a descriptor that is not open", [OwnedFd::close, OwnedFd::from_raw], nobodys().close() => error(Errno::EBADF);
    "one that nobody has is no file", [BorrowedFd::borrow_raw], fs::stat(nobody()).map(drop) => error(Errno::EBADF);
    "dropping it closes it", [OwnedFd::from_raw], open().and_then(dropped) => error(Errno::EBADF);
}

fn raw(of: impl AsFd) -> i32 {
    of.as_fd().as_raw()
}

pub fn open() -> Result<OwnedFd, Errno> {
    fs::open(CWD, c"/proc/self/exe", O_RDONLY | O_CLOEXEC, 0)
}

/// Whether execve(2) closes a descriptor.
pub fn closes_at_exec(fd: BorrowedFd<'_>) -> Result<bool, Errno> {
    // SAFETY: F_GETFD accesses no memory of this process.
    let flags =
        errno(unsafe { syscall2::<{ nr::fcntl }>(fd.as_raw() as usize, F_GETFD as usize) })?;
    Ok(flags & FD_CLOEXEC as usize != 0)
}

/// A descriptor number that this program never reaches.
const NOBODYS: i32 = 1 << 20;

pub fn nobody() -> BorrowedFd<'static> {
    // SAFETY: no descriptor has this number, so no owner can close it during the borrow.
    unsafe { BorrowedFd::borrow_raw(NOBODYS) }
}

fn duplicated() -> Result<bool, Errno> {
    let file = open()?;
    let other = file.as_fd().duplicate()?;
    Ok(other.as_fd().as_raw() > 2
        && other.as_fd().as_raw() != file.as_fd().as_raw()
        && fs::stat(other.as_fd())?.is_same_file(&fs::stat(file.as_fd())?))
}

fn does_not_wait() -> Result<usize, Errno> {
    let pipe = ring3::pipe::Pipe::new(O_CLOEXEC)?;
    pipe.read.as_fd().set_nonblocking()?;
    ring3::io::read(pipe.read.as_fd(), &mut [0])
}

fn nobodys() -> OwnedFd {
    // SAFETY: no descriptor has this number, so nothing else owns it, and closing it has no effect.
    unsafe { OwnedFd::from_raw(NOBODYS as usize) }
}

fn dropped(file: OwnedFd) -> Result<(), Errno> {
    let number = file.as_fd().as_raw();
    drop(file);
    // SAFETY: this is the only thread and it has opened nothing since, so the number belongs to no descriptor.
    fs::stat(unsafe { BorrowedFd::borrow_raw(number) }).map(drop)
}
