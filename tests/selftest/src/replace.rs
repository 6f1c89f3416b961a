//! Self-test cases of replacing a file atomically by a complete new file.

use core::ffi::CStr;

use ring3::Errno;
use ring3::fs::replace::{Cause, During, Failed, Operation, Options, Replacement};
use ring3::fs::{At, CWD, O_CREAT, O_EXCL, O_RDONLY, O_WRONLY, stat, stat_at, unlink};
use ring3::io::{read, write_all};

use crate::case::*;
use crate::cases;
use crate::fs::{at, with};
use crate::print::prints;

cases! {
    "a new file", [replace::Replacement::new, replace::Replacement::as_fd, replace::Replacement::commit], replaced(c"fresh", b"fresh") => YES;
    "in the place of an old one", [replace::Replacement::commit], over(b"old", b"new") => YES;
    "dropped, the old one stays", [replace::Replacement::new], dropped() => YES;
    "permissions of the old one", [replace::Replacement::commit], permissions() => value(0o640);
    "the replacement of a directory", [replace::Replacement::new], Replacement::new(c"/proc", Options::default()).err().map(|failed| failed.errno).map_or(Ok(()), Err) => error(Errno::EISDIR);
    "below nothing", [replace::Replacement::new], Replacement::new(c"nothing/x", Options::default()).err().map(|failed| failed.errno).map_or(Ok(()), Err) => error(Errno::ENOENT);
    "a device is written straight", [replace::Replacement::new, replace::Replacement::commit, replace::Replacement::is_direct], straight(c"/dev/null") => YES;
    "a file is not", [replace::Replacement::is_direct], straight(c"straight") => NO;
    "over an old one, which stays the same file", [replace::Replacement::commit], in_place() => YES;
    "which operation an error is of", [replace::During::during], Err::<(), _>(Errno::EIO).during(Operation::Sync).is_err_and(|failed| failed.operation == Operation::Sync && failed.errno == Errno::EIO) => YES;
    "what could not be done, and why", [replace::Failed::of], prints(Failed { operation: Operation::Replace, errno: Errno::EBUSY, cause: Cause::Mount }.of(c"f"), b"replace f: Device or resource busy (EBUSY): it is a mount point; --in-place writes into it") => YES;
}

fn write_to(path: &CStr, content: &[u8]) -> Result<(), Errno> {
    let new = Replacement::new(path, Options::default()).map_err(|failed| failed.errno)?;
    write_all(new.as_fd(), content)?;
    new.commit().map_err(|failed| failed.errno)
}

fn straight(path: &CStr) -> Result<bool, Errno> {
    let new = Replacement::new(path, Options::default()).map_err(|failed| failed.errno)?;
    write_all(new.as_fd(), b"gone")?;
    let straight = new.is_direct();
    if straight {
        new.commit().map_err(|failed| failed.errno)?;
    }
    Ok(straight)
}

fn in_place() -> Result<bool, Errno> {
    with(c"in-place", |file| {
        write_all(file.as_fd(), b"longer than new")?;
        let options = Options {
            in_place: true,
            ..Options::default()
        };
        let new = Replacement::new(c"in-place", options).map_err(|failed| failed.errno)?;
        write_all(new.as_fd(), b"new")?;
        new.commit().map_err(|failed| failed.errno)?;
        let same = stat_at(CWD, c"in-place", At::NONE)?.is_same_file(&stat(file.as_fd())?);
        Ok(same && holds(c"in-place", b"new")?)
    })
}

fn holds(path: &CStr, content: &[u8]) -> Result<bool, Errno> {
    let mut text = [0; 16];
    let length = read(at(path, O_RDONLY)?.as_fd(), &mut text)?;
    Ok(text[..length] == *content)
}

fn replaced(path: &CStr, content: &[u8]) -> Result<bool, Errno> {
    write_to(path, content)?;
    let result = holds(path, content);
    unlink(CWD, path)?;
    result
}

fn over(old: &[u8], new: &[u8]) -> Result<bool, Errno> {
    let file = at(c"replaced", O_CREAT | O_EXCL | O_WRONLY)?;
    write_all(file.as_fd(), old)?;
    replaced(c"replaced", new)
}

fn dropped() -> Result<bool, Errno> {
    with(c"stays", |file| {
        write_all(file.as_fd(), b"old")?;
        let new = Replacement::new(c"stays", Options::default()).map_err(|failed| failed.errno)?;
        write_all(new.as_fd(), b"new")?;
        drop(new);
        holds(c"stays", b"old")
    })
}

fn permissions() -> Result<u32, Errno> {
    let file = at(c"mode", O_CREAT | O_EXCL | O_WRONLY)?;
    ring3::fs::set_permissions(file.as_fd(), 0o640)?;
    write_to(c"mode", b"new")?;
    let mode = stat_at(CWD, c"mode", At::NONE)?.permissions();
    unlink(CWD, c"mode")?;
    Ok(mode)
}
