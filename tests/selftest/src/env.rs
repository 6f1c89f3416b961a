//! Self-test cases of the arguments and the environment that the kernel passed to the program.

use core::ffi::CStr;

use ring3::Errno;
use ring3::env::{
    ExpandError, Start, Strings, current_dir, expand, set_current_dir, set_current_dir_to,
};
use ring3::fs::{At, CWD, O_DIRECTORY, O_PATH, make_directory, remove_directory, stat_at};
use ring3::sync::OnceLock;

use crate::case::*;
use crate::cases;

cases! {
    "the program's own name comes first", [Start::args], own_name() => YES;
    "argv ends where argc says", [Start::args], start().args().len() == start().args().count() => YES;
    "the environment ends", [Start::environ], start().environ().iter().count() < 10_000 => YES;
    "a variable that nobody set", [Start::var], start().var("RING3_NOT_SET").is_some() => NO;
    "an empty name is no variable", [Start::var], start().var("").is_some() => NO;
    "a variable is found by its name", [Start::var], found_by_name() => YES;
    "the arguments as a list", [Args::strings], start().args().strings().iter().eq(start().args()) => YES;
    "a list of no strings", [Strings::iter], Strings::NONE.iter().count() => value(0);
    "the current directory", [current_dir], current_dir().map(|path| is_here(path.as_c_str())) => YES;
    "another current directory, and back", [set_current_dir, set_current_dir_to], there_and_back() => YES;
    "a current directory that is none", [set_current_dir], set_current_dir(c"/proc/self/exe") => error(Errno::ENOTDIR);
    "a current directory that nobody has", [set_current_dir_to], set_current_dir_to(crate::fd::nobody()) => error(Errno::EBADF);
    "a current directory that was removed", [current_dir], removed() => error(Errno::ENOENT);
    "variables in a text", [expand], expanded(b"a${RING3_NOT_SET:-b$}c") => YES;
    "a variable that has to be set", [expand], must_be_set() => YES;
    "a variable in one", [Strings::value, Strings::new], start().environ().value("RING3_NOT_SET").is_some() => NO;
}

fn expanded(text: &[u8]) -> bool {
    let mut buffer = [0; 4];
    expand(text, start().environ(), &mut buffer) == Ok(4) && buffer == *b"ab$c"
}

fn must_be_set() -> bool {
    let unset = ExpandError::Unset {
        name: b"RING3_NOT_SET",
        word: b"",
    };
    expand(b"${RING3_NOT_SET:?}", start().environ(), &mut []) == Err(unset)
}

fn is_here(path: &CStr) -> bool {
    let of = |path| stat_at(CWD, path, At::NONE);
    of(path).is_ok_and(|there| of(c".").is_ok_and(|here| here.is_same_file(&there)))
}

/// Calls `work` in a new current directory, and returns to the old one.
fn elsewhere<T>(path: &CStr, work: impl FnOnce() -> Result<T, Errno>) -> Result<T, Errno> {
    let here = crate::fs::at(c".", O_PATH | O_DIRECTORY)?;
    set_current_dir(path)?;
    let result = work();
    set_current_dir_to(here.as_fd())?;
    result
}

fn there_and_back() -> Result<bool, Errno> {
    let before = current_dir()?;
    let there = elsewhere(c"/proc", || Ok(current_dir()?.as_bytes() == b"/proc"))?;
    Ok(there && current_dir()? == before)
}

fn removed() -> Result<(), Errno> {
    make_directory(CWD, c"current", 0o700)?;
    elsewhere(c"current", || {
        remove_directory(CWD, c"../current")?;
        current_dir().map(drop)
    })
}

/// The arguments, the environment and the auxiliary vector, which exist as long as the process.
struct Kept(Start);
// SAFETY: `Start` points to data on the initial stack. The kernel wrote the data before the program started, it stays
// mapped for the life of the process, and no code writes to it.
unsafe impl Sync for Kept {}
// SAFETY: as for `Sync`.
unsafe impl Send for Kept {}

static KEPT: OnceLock<Kept> = OnceLock::new();

pub fn keep(start: Start) {
    KEPT.get_or_init(|| Kept(start));
}

pub fn start() -> Start {
    KEPT.get().expect("main kept it").0
}

fn own_name() -> bool {
    start().args().next().is_some_and(|name| !name.is_empty())
}

fn found_by_name() -> bool {
    let Some(entry) = start()
        .environ()
        .iter()
        .find(|entry| entry.to_bytes().contains(&b'='))
    else {
        return start().environ().iter().count() == 0; // no variable to look up
    };
    let text = entry.to_bytes();
    let equals = text
        .iter()
        .position(|&byte| byte == b'=')
        .unwrap_or_default();
    let (name, value) = (&text[..equals], &text[equals + 1..]);
    match core::str::from_utf8(name) {
        Ok(name) => start().var(name).map(CStr::to_bytes) == Some(value),
        Err(_) => false,
    }
}
