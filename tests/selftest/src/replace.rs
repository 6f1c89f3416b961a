//! Files that take another's place, whole.

use core::ffi::CStr;

use ring3::Errno;
use ring3::fs::{At, CWD, O_CREAT, O_EXCL, O_RDONLY, O_WRONLY, stat_at, unlink};
use ring3::io::{read, write_all};
use ring3::replace::{Options, Replacement};

use crate::case::*;
use crate::cases;
use crate::fs::{at, with};

cases! {
    "a new file", [Replacement::new, Replacement::as_fd, Replacement::commit], replaced(c"fresh", b"fresh") => YES;
    "in the place of an old one", [Replacement::commit], over(b"old", b"new") => YES;
    "dropped, the old one stays", [Replacement::new], dropped() => YES;
    "permissions of the old one", [Replacement::commit], permissions() => value(0o640);
    "a directory", [Replacement::new], Replacement::new(c"/proc", Options::default()).err().map(|failed| failed.errno).map_or(Ok(()), Err) => error(Errno::EISDIR);
    "below nothing", [Replacement::new], Replacement::new(c"nothing/x", Options::default()).err().map(|failed| failed.errno).map_or(Ok(()), Err) => error(Errno::ENOENT);
    "a device is written straight", [Replacement::new, Replacement::commit], write_to(c"/dev/null", b"gone") => DONE;
}

fn write_to(path: &CStr, content: &[u8]) -> Result<(), Errno> {
    let new = Replacement::new(path, Options::default()).map_err(|failed| failed.errno)?;
    write_all(new.as_fd(), content)?;
    new.commit().map_err(|failed| failed.errno)
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
