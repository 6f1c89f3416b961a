//! The name that the new file has before it has the old one's.
//!
//! It is made of FILE's own name, so that the next who replaces FILE finds what a dead one left. A lock says
//! that its owner lives (flock(2)): whoever gets it removes the name. A name whose owner lives is passed over.

use core::ffi::CStr;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicI32, AtomicU64};

use super::{During, Failed};
use crate::abi::fs::*;
use crate::abi::{Errno, Result};
use crate::fd::{BorrowedFd, OwnedFd};
use crate::fs;
use crate::place::Place;
use crate::process::{self, Pid};
use crate::random;
use crate::signal::{self, Action, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

/// How many names are made of FILE's: for as many as replace FILE at the same time.
const OWN: u64 = 4;

/// How many names are tried; those after the first are random, for a directory in which somebody stands in the way.
const TRIES: u64 = 16;

/// A temporary name: `.ring3-` and this number, in 16 hexadecimal digits.
#[derive(Clone, Copy)]
pub struct Temporary(u64);

impl Temporary {
    /// The one of this number for the file at `place`.
    fn new(place: &Place, number: u64) -> Result<Self> {
        if number >= OWN {
            return random::bits().map(Self);
        }
        // FNV-1a.
        let name = place.name.as_c_str().to_bytes();
        let hash = name.iter().fold(0xCBF2_9CE4_8422_2325, |hash: u64, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
        });
        Ok(Self(hash ^ number))
    }

    /// Has something made under the first of the names that is free, or was left by the dead.
    pub fn claim<T>(
        place: &Place,
        mut make: impl FnMut(&CStr) -> Result<T>,
    ) -> core::result::Result<(T, Self), Failed> {
        for number in 0..TRIES {
            let name = Self::new(place, number).during("get random numbers for")?;
            let mut made = name.with(&mut make);
            if let Err(Errno::EEXIST) = made
                && name.clear(place).is_ok()
            {
                made = name.with(&mut make);
            }
            match made {
                Err(Errno::EEXIST) => {}
                result => return result.map(|made| (made, name)).during("open"),
            }
        }
        Err(Errno::EEXIST).during("open")
    }

    /// A new file that has such a name and its lock.
    pub fn file(place: &Place, mode: u32) -> core::result::Result<(OwnedFd, Self), Failed> {
        for number in 0..OWN {
            if let Ok(name) = Self::new(place, number) {
                let _ = name.clear(place); // what it may not or cannot remove stays
            }
        }
        let dir = place.dir.as_fd();
        Self::claim(place, |name| {
            let flags = O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC;
            let file = fs::open(dir, name, flags, mode)?;
            // Until it has its lock it looks like what a dead one left.
            match fs::try_lock(file.as_fd()) {
                Err(Errno::EAGAIN) => Err(Errno::EEXIST),
                _ => match has_name(file.as_fd(), dir, name) {
                    Ok(false) => Err(Errno::EEXIST),
                    _ => Ok(file),
                },
            }
        })
    }

    /// Removes the file of that name, if its owner is dead.
    fn clear(self, place: &Place) -> Result<()> {
        let dir = place.dir.as_fd();
        self.with(|name| {
            // NFS gives a lock only to those who may write.
            let flags = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
            let file = match fs::open(dir, name, flags | O_RDWR, 0) {
                Err(Errno::EACCES) => fs::open(dir, name, flags | O_RDONLY, 0),
                file => file,
            }?;
            fs::try_lock(file.as_fd())?;
            // Only who has its lock removes it: so the name stays what it is until here.
            match has_name(file.as_fd(), dir, name)? {
                true => fs::unlink(dir, name),
                false => Ok(()), // somebody else was faster
            }
        })
    }

    /// Moves the file to its place.
    pub fn rename(self, place: &Place) -> Result<()> {
        let dir = place.dir.as_fd();
        self.with(|name| fs::rename(dir, name, place.name.as_c_str()))
    }

    /// Removes the file, whose owner the caller is.
    pub fn unlink(self, dir: BorrowedFd<'_>) {
        // Whoever does so tells of an error that came first, or dies.
        let _ = self.with(|name| fs::unlink(dir, name));
    }

    /// Does something with the name.
    fn with<T>(self, what: impl FnOnce(&CStr) -> T) -> T {
        what(CStr::from_bytes_until_nul(&self.text()).unwrap_or_default())
    }

    #[inline(never)]
    fn text(self) -> [u8; 24] {
        let mut text = *b".ring3-................\0";
        for (place, shift) in text.iter_mut().skip(7).zip((0..64).step_by(4)) {
            *place = b"0123456789abcdef"[(self.0 >> shift & 15) as usize];
        }
        text
    }
}

/// Whether `name` is the name of this file.
fn has_name(file: BorrowedFd<'_>, dir: BorrowedFd<'_>, name: &CStr) -> Result<bool> {
    match fs::stat_at(dir, name, AT_SYMLINK_NOFOLLOW) {
        Err(Errno::ENOENT) => Ok(false),
        here => Ok(here?.is_same_file(&fs::stat(file)?)),
    }
}

/// The directory, and the number of the name in it, that goes when a signal ends the process.
static DIRECTORY: AtomicI32 = AtomicI32::new(NONE);
static NAME: AtomicU64 = AtomicU64::new(0);

/// No directory.
const NONE: i32 = -1;

/// A name that goes when a signal ends the process: until this is dropped, while signals are held back. There is
/// room for one.
pub struct Doomed(());

impl Doomed {
    /// Has the name go. Signals that the program ignores or handles are the program's own.
    pub fn new(name: Temporary, place: &Place) -> Option<Self> {
        let dir = place.dir.as_fd().as_raw();
        DIRECTORY
            .compare_exchange(NONE, dir, AcqRel, Relaxed)
            .ok()?;
        NAME.store(name.0, Release);
        for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2] {
            if let Ok(Action::Default) = signal::action(signal) {
                // SAFETY: `remove` runs between any two instructions: it only loads atomics and makes system calls.
                let _ = unsafe { signal::handle(signal, remove) };
            }
        }
        Some(Self(()))
    }
}

impl Drop for Doomed {
    fn drop(&mut self) {
        DIRECTORY.store(NONE, Release);
    }
}

/// Removes the name and has the signal do what it does by default.
extern "C" fn remove(signal: i32) {
    let dir = DIRECTORY.load(Acquire);
    if dir != NONE {
        // SAFETY: it is open for as long as it is there.
        let dir = unsafe { BorrowedFd::borrow_raw(dir) };
        Temporary(NAME.load(Acquire)).unlink(dir);
    }
    let _ = signal::set_default(signal);
    let _ = process::kill(Pid::own(), signal); // once this handler has returned
}
