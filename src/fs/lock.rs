//! Advisory locks of whole files (flock(2)).

use crate::abi::fs::*;
use crate::abi::{Result, syscall};
use crate::fd::BorrowedFd;
use crate::io::retry;

/// Waits until the exclusive lock of the file or directory is free, and takes the lock (flock(2)). The lock
/// ends when all descriptors of this open file description are closed.
///
/// # Errors
/// `ENOLCK`: the kernel has no memory for the lock.
#[doc(alias = "flock")]
pub fn lock(fd: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: flock takes numbers; the kernel accesses no memory of this process.
    retry(|| unsafe { syscall!(flock(fd, LOCK_EX)) }).map(drop)
}

/// Takes the exclusive lock of the file without waiting (flock(2)). The lock ends when all descriptors of
/// this open file description are closed.
///
/// # Errors
/// `EAGAIN`: another open file description holds the lock. `EBADF`: NFS requires a descriptor open for
/// writing. `ENOLCK`, `EOPNOTSUPP`, `ENOSYS`: this file system has no locks.
#[doc(alias = "flock")]
pub fn try_lock(fd: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: flock takes numbers; the kernel accesses no memory of this process.
    retry(|| unsafe { syscall!(flock(fd, LOCK_EX | LOCK_NB)) }).map(drop)
}

/// Waits until no descriptor has the exclusive lock of the file or directory, and takes a shared lock (flock(2)).
/// Any number of open file descriptions can hold a shared lock. A shared lock replaces the exclusive lock of the
/// same open file description.
///
/// # Errors
/// As for [`lock`].
#[doc(alias = "flock")]
pub fn lock_shared(fd: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: flock takes numbers; the kernel accesses no memory of this process.
    retry(|| unsafe { syscall!(flock(fd, LOCK_SH)) }).map(drop)
}

/// Takes a shared lock of the file without waiting (flock(2)).
///
/// # Errors
/// As for [`try_lock`].
#[doc(alias = "flock")]
pub fn try_lock_shared(fd: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: flock takes numbers; the kernel accesses no memory of this process.
    retry(|| unsafe { syscall!(flock(fd, LOCK_SH | LOCK_NB)) }).map(drop)
}

/// Releases the lock of this open file description, if it has one (flock(2)).
///
/// # Errors
/// `EBADF`: the descriptor is closed.
#[doc(alias = "flock")]
pub fn unlock(fd: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: flock takes numbers; the kernel accesses no memory of this process.
    unsafe { syscall!(flock(fd, LOCK_UN)) }.map(drop)
}
