//! The current directory, to which relative paths refer. All threads of a process share it.

use core::ffi::CStr;

use crate::abi::{Errno, Result, syscall};
use crate::fd::BorrowedFd;
use crate::path::PathBuf;

/// The absolute path of the current directory (getcwd(2)).
///
/// ```
/// let mut path = ring3::env::current_dir()?;
/// path.push(b"file")?;
/// assert!(path.as_bytes().starts_with(b"/"));
/// # Ok::<(), ring3::Errno>(())
/// ```
///
/// # Errors
/// `ENOENT`: the directory was removed; or it is not below the root directory of this process, so that it has no
/// path. `ENAMETOOLONG`: the path is longer than `PATH_MAX`.
#[doc(alias = "getcwd")]
pub fn current_dir() -> Result<PathBuf> {
    let path = PathBuf::written(|bytes| {
        // SAFETY: the kernel writes at most `bytes.len()` bytes to `bytes`, a mutable borrow. The length that it
        // returns includes the zero at the end.
        unsafe { syscall!(getcwd(bytes.as_mut_ptr(), bytes.len())) }
            .map(|length| length.saturating_sub(1))
    })?;
    // For a directory outside, the kernel writes "(unreachable)" and a path.
    match path.as_bytes() {
        [b'/', ..] => Ok(path),
        _ => Err(Errno::ENOENT),
    }
}

/// Changes the current directory (chdir(2)).
///
/// # Errors
/// Those of resolving the path: `ENOENT`, `ENOTDIR`, `EACCES`, `ELOOP`, `ENAMETOOLONG`, `EIO`.
#[doc(alias = "chdir")]
#[inline]
pub fn set_current_dir(path: &CStr) -> Result<()> {
    // SAFETY: the kernel only reads the path, which ends with a zero.
    unsafe { syscall!(chdir(path)) }.map(drop)
}

/// Changes the current directory to an open directory (fchdir(2)).
///
/// # Errors
/// `ENOTDIR`: not a directory. `EACCES`: no permission to search it. `EBADF`.
#[doc(alias = "fchdir")]
#[inline]
pub fn set_current_dir_to(dir: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: fchdir takes a number; the kernel accesses no memory of this process.
    unsafe { syscall!(fchdir(dir)) }.map(drop)
}
