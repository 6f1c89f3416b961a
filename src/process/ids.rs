//! Dropping privileges that a server needs only at its start: the whole file system, and root's user id.

use core::ffi::CStr;

use crate::abi::{Errno, Result, syscall};

/// Makes `directory` the root directory and the working directory of the process, for all threads (chroot(2),
/// chdir(2)).
///
/// Files outside can't be opened afterwards, except relative to a directory that is open already.
///
/// # Errors
/// `EPERM`: without `CAP_SYS_CHROOT`. The errors of resolving a path.
#[doc(alias = "chdir")]
pub fn chroot(directory: &CStr) -> Result<()> {
    // SAFETY: the kernel only reads the two paths, which end with a zero.
    unsafe {
        syscall!(chroot(directory.as_ptr()))?;
        syscall!(chdir(c"/".as_ptr())).map(drop)
    }
}

/// Sets the real, effective and saved user and group ids of the calling thread, and clears its supplementary
/// groups (setgroups(2), setresgid(2), setresuid(2)).
///
/// Threads that the calling thread starts afterwards inherit the ids. Threads that exist already keep theirs:
/// the kernel's ids belong to a thread. The change can't be undone.
///
/// # Errors
/// `EPERM`: without `CAP_SETGID` and `CAP_SETUID`. `EINVAL`: this user namespace has no such user or group;
/// `u32::MAX` is never a valid id. `EAGAIN`. After an error some ids may have changed: end the process.
#[doc(alias = "setgroups")]
#[doc(alias = "setresgid")]
#[doc(alias = "setresuid")]
pub fn become_user(uid: u32, gid: u32) -> Result<()> {
    const NONE: usize = 0;
    // The kernel reads u32::MAX, which is -1, as: leave this id unchanged.
    if uid == u32::MAX || gid == u32::MAX {
        return Err(Errno::EINVAL);
    }
    // SAFETY: the kernel does not read a list of 0 groups, so the null pointer is not accessed. The other
    // calls take numbers. Changing the calling thread's ids affects no memory.
    unsafe {
        syscall!(setgroups(NONE, core::ptr::null::<u32>()))?;
        // The group first: without the old user id, the thread may not change its group.
        syscall!(setresgid(gid, gid, gid))?;
        syscall!(setresuid(uid, uid, uid)).map(drop)
    }
}
