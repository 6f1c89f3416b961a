//! Self-test cases of resolving a path to a directory and a name in it.

use core::ffi::CStr;

use ring3::Errno;
use ring3::fd::OwnedFd;
use ring3::fs::resolve::{Entry, Name};
use ring3::fs::{CWD, stat};

use crate::case::*;
use crate::cases;
use crate::fd::closes_at_exec;
use crate::fs::with;

cases! {
    "a name", [resolve::Name::new, resolve::Name::as_c_str], Name::new(b"name").map(|name| name.as_c_str() == c"name") => YES;
    "the longest name", [resolve::Name::new], Name::new(&[b'n'; 255]).map(|name| name.as_c_str().count_bytes()) => value(255);
    "a name too long", [resolve::Name::new], Name::new(&[b'n'; 256]).map(drop) => error(Errno::ENAMETOOLONG);
    "a file that is not there yet", [resolve::Entry::find], found(c"not-yet", c"not-yet") => YES;
    "a file in another directory", [resolve::Entry::find], found(c"/proc/version", c"version") => YES;
    "nothing", [resolve::Entry::find], Entry::find(c"").map(drop) => error(Errno::ENOENT);
    "the longest path", [resolve::Entry::find], long(4095) => YES;
    "a path too long", [resolve::Entry::find], long(4096) => error(Errno::ENAMETOOLONG);
    "its directory closes at execve", [resolve::Entry::find], Entry::find(c"not-yet").and_then(|entry| closes_at_exec(entry.dir.as_fd())) => YES;
    "the name of a directory", [resolve::Entry::find], Entry::find(c"/proc/").map(drop) => error(Errno::EISDIR);
    "below a file", [resolve::Entry::find], Entry::find(c"/proc/version/x").map(drop) => error(Errno::ENOTDIR);
    "a name below nothing", [resolve::Entry::find], Entry::find(c"nothing/x").map(drop) => error(Errno::ENOENT);
    "the entry of a file", [resolve::Entry::is_of], with(c"placed", |file| Entry::find(c"placed")?.is_of(&stat(file.as_fd())?)) => YES;
    "and not of another", [resolve::Entry::is_of], with(c"placed", |_| Entry::find(c"placed")?.is_of(&stat(ring3::fs::open(CWD, c".", ring3::fs::O_RDONLY | ring3::fs::O_CLOEXEC, 0)?.as_fd())?)) => NO;
    "and not of what is gone", [resolve::Entry::is_of], with(c"placed", |file| Entry::find(c"gone")?.is_of(&stat(file.as_fd())?)) => NO;
    "its directory, to be made durable", [resolve::Entry::open_directory], opened().and_then(|dir| ring3::fs::sync(dir.as_fd())) => DONE;
    "which closes at execve too", [resolve::Entry::open_directory], opened().and_then(|dir| closes_at_exec(dir.as_fd())) => YES;
    "a name made durable by its directory", [resolve::Entry::sync], with(c"placed", |file| { let mut entry = Entry::find(c"placed")?; entry.open_directory()?; entry.sync(file.as_fd()) }) => DONE;
    "a name made durable by its file", [resolve::Entry::sync], with(c"placed", |file| Entry::find(c"placed")?.sync(file.as_fd())) => DONE;
    "a descriptor", [resolve::Entry::find, resolve::Entry::descriptor], descriptor(c"/proc/self/fd/1") => YES;
    "no descriptor", [resolve::Entry::descriptor], descriptor(c"/proc/self/status") => NO;
    "what is closed", [resolve::Entry::descriptor], descriptor(c"/proc/self/fd/1000000") => error(Errno::EBADF);
}

fn found(path: &CStr, name: &CStr) -> Result<bool, Errno> {
    Ok(Entry::find(path)?.name.as_c_str() == name)
}

/// Whether a path of `length` bytes is found: slashes, then a name of one byte.
fn long(length: usize) -> Result<bool, Errno> {
    let mut path = [b'/'; 4097];
    path[length - 1] = b'x';
    path[length] = 0;
    let path = CStr::from_bytes_until_nul(&path).map_err(|_| Errno::EINVAL)?;
    found(path, c"x")
}

fn descriptor(path: &CStr) -> Result<bool, Errno> {
    Ok(Entry::find(path)?.descriptor()?.is_some())
}

fn opened() -> Result<OwnedFd, Errno> {
    let mut entry = Entry::find(c"not-yet")?;
    entry.open_directory()?;
    Ok(entry.dir)
}
