//! Resolving a path to a directory and a name.

use core::ffi::CStr;

use ring3::Errno;
use ring3::fd::OwnedFd;
use ring3::fs::resolve::{Name, Place};
use ring3::fs::{CWD, stat};

use crate::case::*;
use crate::cases;
use crate::fd::closes_at_exec;
use crate::fs::with;

cases! {
    "a name", [resolve::Name::new, resolve::Name::as_c_str], Name::new(b"name").map(|name| name.as_c_str() == c"name") => YES;
    "the longest name", [resolve::Name::new], Name::new(&[b'n'; 255]).map(|name| name.as_c_str().count_bytes()) => value(255);
    "a name too long", [resolve::Name::new], Name::new(&[b'n'; 256]).map(drop) => error(Errno::ENAMETOOLONG);
    "a file that is not there yet", [resolve::Place::find], found(c"not-yet", c"not-yet") => YES;
    "a file in another directory", [resolve::Place::find], found(c"/proc/version", c"version") => YES;
    "nothing", [resolve::Place::find], Place::find(c"").map(drop) => error(Errno::ENOENT);
    "the longest path", [resolve::Place::find], long(4095) => YES;
    "a path too long", [resolve::Place::find], long(4096) => error(Errno::ENAMETOOLONG);
    "its directory closes at execve", [resolve::Place::find], Place::find(c"not-yet").and_then(|place| closes_at_exec(place.dir.as_fd())) => YES;
    "the name of a directory", [resolve::Place::find], Place::find(c"/proc/").map(drop) => error(Errno::EISDIR);
    "below a file", [resolve::Place::find], Place::find(c"/proc/version/x").map(drop) => error(Errno::ENOTDIR);
    "a name below nothing", [resolve::Place::find], Place::find(c"nothing/x").map(drop) => error(Errno::ENOENT);
    "the place of a file", [resolve::Place::is_of], with(c"placed", |file| Place::find(c"placed")?.is_of(&stat(file.as_fd())?)) => YES;
    "and not of another", [resolve::Place::is_of], with(c"placed", |_| Place::find(c"placed")?.is_of(&stat(ring3::fs::open(CWD, c".", ring3::fs::O_RDONLY | ring3::fs::O_CLOEXEC, 0)?.as_fd())?)) => NO;
    "and not of what is gone", [resolve::Place::is_of], with(c"placed", |file| Place::find(c"gone")?.is_of(&stat(file.as_fd())?)) => NO;
    "its directory, to be made durable", [resolve::Place::open_directory], opened().and_then(|dir| ring3::fs::sync(dir.as_fd())) => DONE;
    "which closes at execve too", [resolve::Place::open_directory], opened().and_then(|dir| closes_at_exec(dir.as_fd())) => YES;
    "a name made durable by its directory", [resolve::Place::sync], with(c"placed", |file| { let mut place = Place::find(c"placed")?; place.open_directory()?; place.sync(file.as_fd()) }) => DONE;
    "a name made durable by its file", [resolve::Place::sync], with(c"placed", |file| Place::find(c"placed")?.sync(file.as_fd())) => DONE;
    "a descriptor", [resolve::Place::find, resolve::Place::descriptor], descriptor(c"/proc/self/fd/1") => YES;
    "no descriptor", [resolve::Place::descriptor], descriptor(c"/proc/self/status") => NO;
    "what is closed", [resolve::Place::descriptor], descriptor(c"/proc/self/fd/1000000") => error(Errno::EBADF);
}

fn found(path: &CStr, name: &CStr) -> Result<bool, Errno> {
    Ok(Place::find(path)?.name.as_c_str() == name)
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
    Ok(Place::find(path)?.descriptor()?.is_some())
}

fn opened() -> Result<OwnedFd, Errno> {
    let mut place = Place::find(c"not-yet")?;
    place.open_directory()?;
    Ok(place.dir)
}
