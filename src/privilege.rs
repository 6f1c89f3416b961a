//! Giving up what a server needed only to begin.

use core::ffi::CStr;

use crate::abi::{Errno, Result, syscall};

/// Has paths begin at `directory` from now on, and be taken from there: nothing outside can be opened any more,
/// but by what is open already (chroot(2), chdir(2)). It is so for all threads.
///
/// # Errors
/// `EPERM`: without `CAP_SYS_CHROOT`. Those of a path.
pub fn confine(directory: &CStr) -> Result<()> {
    // SAFETY: the kernel only reads the paths.
    unsafe {
        syscall!(chroot(directory.as_ptr()))?;
        syscall!(chdir(c"/".as_ptr())).map(drop)
    }
}

/// Makes the calling thread, and those that it starts from then on, run as this user and this group and no
/// other, for good (setgroups(2), setresgid(2), setresuid(2)).
///
/// # Errors
/// `EPERM`: without `CAP_SETGID` and `CAP_SETUID`. `EINVAL`: this user namespace has no such user or group; no user
/// and no group has the number `u32::MAX`. `EAGAIN`. After an error some ids may have changed: end the process.
pub fn become_user(uid: u32, gid: u32) -> Result<()> {
    const NONE: usize = 0;
    // The kernel takes u32::MAX, -1, as: leave this id unchanged.
    if uid == u32::MAX || gid == u32::MAX {
        return Err(Errno::EINVAL);
    }
    // SAFETY: an empty list is not read; the others take no memory of ours. Where threads are a process's
    // in the kernel's eyes only (credentials are each thread's own), the caller's are what is changed.
    unsafe {
        syscall!(setgroups(NONE, core::ptr::null::<u32>()))?;
        // The group first: afterwards this is no user who may change it.
        syscall!(setresgid(gid, gid, gid))?;
        syscall!(setresuid(uid, uid, uid)).map(drop)
    }
}
