//! Durability: data that survives a power failure.

use crate::abi::{Errno, Result, syscall};
use crate::fd::BorrowedFd;
use crate::io::retry;

/// Makes a file durable: returns when its content and attributes, or the names in a directory, are on the
/// device and survive a power failure (fsync(2)).
///
/// # Errors
/// `EIO`, `ENOSPC`, `EDQUOT`: data written earlier is lost; the kernel reports this only now. `EINVAL`: the
/// file can't be made durable (a pipe, most devices).
#[doc(alias = "fsync")]
#[inline]
pub fn sync(fd: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: fsync takes a number; the kernel accesses no memory of this process.
    retry(|| unsafe { syscall!(fsync(fd)) }).map(drop)
}

/// Makes the content of a file durable, and of the attributes only those that are necessary to read the content:
/// the length, not the times (fdatasync(2)).
///
/// # Errors
/// As for [`sync`].
#[doc(alias = "fdatasync")]
#[inline]
pub fn sync_data(fd: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: fdatasync takes a number; the kernel accesses no memory of this process.
    retry(|| unsafe { syscall!(fdatasync(fd)) }).map(drop)
}

/// As [`sync`], but it is not an error if the file can't be made durable.
///
/// # Errors
/// `EIO`, `ENOSPC`, `EDQUOT`, as for [`sync`].
#[doc(alias = "fsync")]
pub fn sync_if_possible(fd: BorrowedFd<'_>) -> Result<()> {
    match sync(fd) {
        Err(Errno::EINVAL) => Ok(()),
        result => result,
    }
}

/// Makes all changes to the file system of `fd`, including directory entries, durable (syncfs(2)).
///
/// # Errors
/// `EIO`, `ENOSPC`, `EDQUOT`: data written earlier is lost (reported since Linux 5.8).
#[doc(alias = "syncfs")]
pub fn sync_file_system(fd: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: syncfs takes a number; the kernel accesses no memory of this process.
    unsafe { syscall!(syncfs(fd)) }.map(drop)
}
