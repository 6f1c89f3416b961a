//! Temporary names for new files.
//!
//! A temporary name is derived from the name of FILE, the file to be replaced. So the next writer that
//! replaces FILE finds the leftover of a dead writer. The owner of a temporary file holds its lock
//! (flock(2)). A writer that gets the lock knows that the owner is dead, and removes the name. A writer that
//! does not get the lock tries the next name.

use core::ffi::CStr;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicI32, AtomicU64};

use super::{During, Failed, Operation};
use crate::abi::fs::*;
use crate::abi::{Errno, Result};
use crate::bytes;
use crate::fd::{BorrowedFd, OwnedFd};
use crate::fs;
use crate::fs::resolve::Entry;
use crate::process;
use crate::random;
use crate::signal::{self, Action, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

/// How many temporary names are derived from FILE's name. Each writer that replaces FILE at the same time
/// uses one of them.
const OWN: u64 = 4;

/// How many names are tried. The names after the first [`OWN`] are random, in case another user occupies all
/// of the first names.
const TRIES: u64 = 16;

/// A temporary name: `.ring3-` and this number in 16 hexadecimal digits.
#[derive(Clone, Copy, Debug)]
pub struct Temporary(u64);

impl Temporary {
    /// The temporary name with index `number` for the file at `entry`.
    fn new(entry: &Entry, number: u64) -> Result<Self> {
        if number >= OWN {
            return random::bits().map(Self);
        }
        // FNV-1a.
        let name = entry.name.as_c_str().to_bytes();
        let hash = name.iter().fold(0xCBF2_9CE4_8422_2325, |hash: u64, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
        });
        Ok(Self(hash ^ number))
    }

    /// Removes the names that dead writers left. Then calls `make` with each temporary name until it does not
    /// return `EEXIST`.
    pub fn claim<T>(
        entry: &Entry,
        mut make: impl FnMut(&CStr) -> Result<T>,
    ) -> core::result::Result<(T, Self), Failed> {
        // Each derived name is cleared, even if the first is free: several writers at the same time use
        // several names.
        for number in 0..OWN {
            if let Ok(name) = Self::new(entry, number) {
                let _ = name.clear(entry); // on failure the name stays
            }
        }
        for number in 0..TRIES {
            let name = Self::new(entry, number).during(Operation::GetRandomNumbers)?;
            match name.with(&mut make) {
                Err(Errno::EEXIST) => {}
                made => return made.map(|made| (made, name)).during(Operation::Open),
            }
        }
        Err(Errno::EEXIST).during(Operation::Open)
    }

    /// Creates a file with a temporary name, and locks it.
    pub fn file(entry: &Entry, mode: u32) -> core::result::Result<(OwnedFd, Self), Failed> {
        let dir = entry.dir.as_fd();
        Self::claim(entry, |name| {
            let flags = O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC;
            let file = fs::open(dir, name, flags, mode)?;
            // Until the file is locked, another writer takes the owner for dead, and may lock the file and
            // remove the name.
            match fs::try_lock(file.as_fd()) {
                Err(Errno::EAGAIN) => Err(Errno::EEXIST),
                _ => match has_name(file.as_fd(), dir, name) {
                    Ok(false) => Err(Errno::EEXIST),
                    _ => Ok(file),
                },
            }
        })
    }

    /// Removes the file with this name, if its owner is dead.
    fn clear(self, entry: &Entry) -> Result<()> {
        let dir = entry.dir.as_fd();
        self.with(|name| {
            // On NFS a lock requires a descriptor open for writing.
            let flags = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
            let file = match fs::open(dir, name, flags | O_RDWR, 0) {
                Err(Errno::EACCES) => fs::open(dir, name, flags | O_RDONLY, 0),
                file => file,
            }?;
            fs::try_lock(file.as_fd())?;
            // Only the holder of the file's lock removes the name. So if the name belongs to this file now,
            // it still does at the unlink.
            match has_name(file.as_fd(), dir, name)? {
                true => fs::unlink(dir, name),
                false => Ok(()), // another writer has removed it
            }
        })
    }

    /// Renames the file to its final name.
    pub fn rename(self, entry: &Entry) -> Result<()> {
        let dir = entry.dir.as_fd();
        self.with(|name| fs::rename(dir, name, entry.name.as_c_str()))
    }

    /// Removes the file. The caller must own it.
    pub fn unlink(self, dir: BorrowedFd<'_>) {
        // The error is ignored: the caller reports an earlier error, or dies by a signal.
        let _ = self.with(|name| fs::unlink(dir, name));
    }

    /// Calls `what` with the text of the name.
    fn with<T>(self, what: impl FnOnce(&CStr) -> T) -> T {
        what(bytes::until_zero(&self.text()))
    }

    #[inline(never)]
    fn text(self) -> [u8; 24] {
        let mut text = *b".ring3-................\0";
        let mut number = self.0;
        for digit in &mut text[7..23] {
            number = number.rotate_left(4);
            *digit = b"0123456789abcdef"[(number & 15) as usize];
        }
        text
    }
}

/// Whether `name` in `dir` is this file.
fn has_name(file: BorrowedFd<'_>, dir: BorrowedFd<'_>, name: &CStr) -> Result<bool> {
    match fs::stat_at(dir, name, AT_SYMLINK_NOFOLLOW) {
        Err(Errno::ENOENT) => Ok(false),
        here => Ok(here?.is_same_file(&fs::stat(file)?)),
    }
}

/// The directory and the number of the name that the signal handler removes.
static DIRECTORY: AtomicI32 = AtomicI32::new(NONE);
static NAME: AtomicU64 = AtomicU64::new(0);

/// `DIRECTORY` while no name is registered.
const NONE: i32 = -1;

/// A temporary name that is removed if one of six signals ends the process. Dropping the `Doomed` cancels
/// this; the owner drops it while signals are blocked. A process has at most one `Doomed` at a time.
#[derive(Debug)]
pub struct Doomed(());

impl Doomed {
    /// Registers the name; returns `None` if another name is registered. Signals that the program ignores or
    /// handles are left unchanged.
    pub fn new(name: Temporary, entry: &Entry) -> Option<Self> {
        let dir = entry.dir.as_fd().as_raw();
        DIRECTORY
            .compare_exchange(NONE, dir, AcqRel, Relaxed)
            .ok()?;
        NAME.store(name.0, Release);
        for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2] {
            if let Ok(Action::Default) = signal::action(signal) {
                // SAFETY: `remove` may run between any two instructions: `remove` only loads atomics, uses
                // its own stack, and makes system calls.
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

/// The handler: removes the name, and sends the signal again with its default action.
extern "C" fn remove(signal: i32) {
    let dir = DIRECTORY.load(Acquire);
    if dir != NONE {
        // SAFETY: `Doomed::new` stored the number of an Entry's directory. The Beside that owns both has the
        // Doomed as its first field. So the Beside drops the Doomed, which stores NONE, before the directory
        // is closed; the Beside's thread drops the Doomed with signals blocked.
        let dir = unsafe { BorrowedFd::borrow_raw(dir) };
        Temporary(NAME.load(Acquire)).unlink(dir);
    }
    let _ = signal::set_default(signal);
    let _ = process::kill(process::getpid(), signal); // takes effect once this handler has returned
}
