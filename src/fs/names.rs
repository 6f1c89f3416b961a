//! Names in directories: links, renames, removal, new directories and special files.

use core::ffi::CStr;

use crate::abi::fs::*;
use crate::abi::{Errno, Result, syscall};
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

/// Creates a symbolic link at `path`, with the text `target` (symlinkat(2)). The kernel does not check the text.
///
/// # Errors
/// Those of the path. `EEXIST`: the name exists. `ENOENT`: also if `target` is empty. `EPERM`: the file system has
/// no symbolic links. `ENOSPC`, `EROFS`.
#[doc(alias = "symlinkat")]
#[inline]
pub fn symlink(target: &CStr, dir: BorrowedFd<'_>, path: &CStr) -> Result<()> {
    // SAFETY: the kernel only reads the text and the path, which end with a zero.
    unsafe { syscall!(symlinkat(target, dir, path)) }.map(drop)
}

/// Renames a file within a directory (renameat2(2)). If the new name exists, it is replaced atomically: the
/// name exists at every moment.
///
/// # Errors
/// Those of the paths. `EISDIR`, `ENOTEMPTY`: the new name is a directory. `EPERM`. `ENOSPC`.
#[doc(alias = "renameat")]
#[inline]
pub fn rename(dir: BorrowedFd<'_>, old: &CStr, new: &CStr) -> Result<()> {
    rename_with(dir, old, dir, new, Rename::NONE)
}

/// Renames a file, also from one directory to another (renameat2(2)). Without flags, an existing new name is
/// replaced atomically. `RENAME_NOREPLACE`: an existing new name is an error. `RENAME_EXCHANGE`: the two names are
/// exchanged.
///
/// # Errors
/// As for [`rename`]. `EXDEV`: the directories are on different file systems. `EEXIST` with `RENAME_NOREPLACE`.
/// `EINVAL`: the file system does not support the flags; or a directory would become its own subdirectory.
#[doc(alias = "renameat2")]
#[inline]
pub fn rename_with(
    old_dir: BorrowedFd<'_>,
    old: &CStr,
    new_dir: BorrowedFd<'_>,
    new: &CStr,
    flags: Rename,
) -> Result<()> {
    // SAFETY: the kernel only reads the names, which end with a zero.
    unsafe { syscall!(renameat2(old_dir, old, new_dir, new, flags)) }.map(drop)
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

/// Creates a FIFO with the permissions `mode`, from which the kernel removes the umask (mknodat(2)).
///
/// # Errors
/// As for [`make_node`].
#[doc(alias = "mkfifo")]
#[inline]
pub fn make_fifo(dir: BorrowedFd<'_>, path: &CStr, mode: u32) -> Result<()> {
    make_node(dir, path, S_IFIFO | mode & !S_IFMT, 0, 0)
}

/// Creates a special file, or an empty regular file (mknodat(2)). `mode` is the type of the file, `S_IFCHR`,
/// `S_IFBLK`, `S_IFIFO`, `S_IFSOCK` or `S_IFREG`, and its permissions, from which the kernel removes the umask.
/// `major` and `minor` are the number of a device; for other types they have no effect.
///
/// # Errors
/// Those of the path. `EEXIST`: the name exists. `EPERM`: a device, and the caller has no permission. `EINVAL`:
/// another type, or a number that is too large: `major` has 12 bits, `minor` has 20 bits. `ENOSPC`, `EROFS`.
#[doc(alias = "mknodat")]
pub fn make_node(
    dir: BorrowedFd<'_>,
    path: &CStr,
    mode: u32,
    major: u32,
    minor: u32,
) -> Result<()> {
    if major >> 12 != 0 || minor >> 20 != 0 {
        return Err(Errno::EINVAL);
    }
    // The kernel's encoding (`new_encode_dev`, include/linux/kdev_t.h).
    let device = minor & 0xff | major << 8 | (minor & !0xff) << 12;
    // SAFETY: the kernel only reads the path, which ends with a zero.
    unsafe { syscall!(mknodat(dir, path, mode, device)) }.map(drop)
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
