//! Names in directories: links, renames, removal, new directories.

use core::ffi::CStr;

use crate::abi::fs::*;
use crate::abi::{Result, syscall};
use crate::fd::BorrowedFd;

/// Reads the text of a symbolic link into `buffer` (readlinkat(2)). If the result fills `buffer`, it may be
/// truncated.
///
/// # Errors
/// Those of the path. `EINVAL`: not a symbolic link.
#[doc(alias = "readlinkat")]
#[inline]
pub fn read_link<'b>(
    dir: BorrowedFd<'_>,
    path: &CStr,
    buffer: &'b mut [u8],
) -> Result<&'b mut [u8]> {
    // SAFETY: the kernel reads the path, which ends with a zero. It writes at most `buffer.len()` bytes to
    // `buffer`, which this function borrows mutably.
    let length = unsafe { syscall!(readlinkat(dir, path, buffer.as_mut_ptr(), buffer.len())) }?;
    Ok(buffer.get_mut(..length).unwrap_or_default())
}

/// Creates another hard link to a file (linkat(2)).
///
/// # Errors
/// Those of the paths. `EEXIST`: the new name exists. `EXDEV`. `EMLINK`. `ENOSPC`. `ENOENT` with
/// `AT_EMPTY_PATH`: also if the caller has no permission (see linkat(2)).
#[doc(alias = "linkat")]
#[inline]
pub fn link(
    old_dir: BorrowedFd<'_>,
    old: &CStr,
    new_dir: BorrowedFd<'_>,
    new: &CStr,
    flags: At,
) -> Result<()> {
    // SAFETY: the kernel only reads the paths, which end with a zero.
    unsafe { syscall!(linkat(old_dir, old, new_dir, new, flags)) }.map(drop)
}

/// Renames a file within a directory (renameat(2)). If the new name exists, it is replaced atomically: the
/// name exists at every moment.
///
/// # Errors
/// Those of the paths. `EISDIR`, `ENOTEMPTY`: the new name is a directory. `EPERM`. `ENOSPC`.
#[doc(alias = "renameat")]
#[inline]
pub fn rename(dir: BorrowedFd<'_>, old: &CStr, new: &CStr) -> Result<()> {
    // SAFETY: the kernel only reads the names, which end with a zero.
    unsafe { syscall!(renameat(dir, old, dir, new)) }.map(drop)
}

/// Removes a name of a file that is not a directory (unlinkat(2)). If the file has no other name, the kernel
/// removes the file.
///
/// # Errors
/// Those of the path. `EISDIR`. `EPERM`.
#[doc(alias = "unlinkat")]
#[inline]
pub fn unlink(dir: BorrowedFd<'_>, path: &CStr) -> Result<()> {
    // SAFETY: the kernel only reads the path, which ends with a zero.
    unsafe { syscall!(unlinkat(dir, path, At::NONE)) }.map(drop)
}

/// Creates a directory with the permissions `mode`, from which the kernel removes the umask (mkdirat(2)).
///
/// # Errors
/// Those of the path. `EEXIST`: the name exists. `ENOSPC`, `EROFS`, `EMLINK`.
#[doc(alias = "mkdirat")]
#[inline]
pub fn make_directory(dir: BorrowedFd<'_>, path: &CStr, mode: u32) -> Result<()> {
    // SAFETY: the kernel only reads the path, which ends with a zero.
    unsafe { syscall!(mkdirat(dir, path, mode)) }.map(drop)
}

/// Removes an empty directory (unlinkat(2) with `AT_REMOVEDIR`).
///
/// # Errors
/// Those of the path. `ENOTEMPTY`. `EBUSY`: something is mounted there. `EINVAL`: the path ends with a dot.
#[doc(alias = "unlinkat")]
#[doc(alias = "rmdir")]
#[inline]
pub fn remove_directory(dir: BorrowedFd<'_>, path: &CStr) -> Result<()> {
    // SAFETY: the kernel only reads the path, which ends with a zero.
    unsafe { syscall!(unlinkat(dir, path, AT_REMOVEDIR)) }.map(drop)
}
