//! Where a path leads.

use core::ffi::CStr;

use ring3::Errno;
use ring3::fs::{CWD, stat};
use ring3::place::{Name, Place};

use crate::case::*;
use crate::cases;
use crate::fs::with;

cases! {
    "a name", [Name::new, Name::as_c_str], Name::new(b"name").map(|name| name.as_c_str() == c"name") => YES;
    "a name too long", [Name::new], Name::new(&[b'n'; 256]).map(drop) => error(Errno::ENAMETOOLONG);
    "a file that is not there yet", [Place::find], found(c"not-yet", c"not-yet") => YES;
    "a file in another directory", [Place::find], found(c"/proc/version", c"version") => YES;
    "nothing", [Place::find], Place::find(c"").map(drop) => error(Errno::ENOENT);
    "a directory", [Place::find], Place::find(c"/proc/").map(drop) => error(Errno::EISDIR);
    "below a file", [Place::find], Place::find(c"/proc/version/x").map(drop) => error(Errno::ENOTDIR);
    "below nothing", [Place::find], Place::find(c"nothing/x").map(drop) => error(Errno::ENOENT);
    "the place of a file", [Place::is_of], with(c"placed", |file| Place::find(c"placed")?.is_of(&stat(file.as_fd())?)) => YES;
    "and not of another", [Place::is_of], with(c"placed", |_| Place::find(c"placed")?.is_of(&stat(ring3::fs::open(CWD, c".", ring3::fs::O_RDONLY | ring3::fs::O_CLOEXEC, 0)?.as_fd())?)) => NO;
    "and not of what is gone", [Place::is_of], with(c"placed", |file| Place::find(c"gone")?.is_of(&stat(file.as_fd())?)) => NO;
    "its directory, to be made durable", [Place::open_directory], opened() => DONE;
    "a name made durable by its directory", [Place::sync], with(c"placed", |file| { let mut place = Place::find(c"placed")?; place.open_directory()?; place.sync(file.as_fd()) }) => DONE;
    "a name made durable by its file", [Place::sync], with(c"placed", |file| Place::find(c"placed")?.sync(file.as_fd())) => DONE;
    "a descriptor", [Place::find, Place::descriptor], descriptor(c"/proc/self/fd/1") => YES;
    "no descriptor", [Place::descriptor], descriptor(c"/proc/self/status") => NO;
    "what is closed", [Place::descriptor], descriptor(c"/proc/self/fd/1000000") => error(Errno::EBADF);
}

fn found(path: &CStr, name: &CStr) -> Result<bool, Errno> {
    Ok(Place::find(path)?.name.as_c_str() == name)
}

fn descriptor(path: &CStr) -> Result<bool, Errno> {
    Ok(Place::find(path)?.descriptor()?.is_some())
}

fn opened() -> Result<(), Errno> {
    let mut place = Place::find(c"not-yet")?;
    place.open_directory()?;
    ring3::fs::sync(place.dir.as_fd())
}
