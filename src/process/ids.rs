//! The ids of the process; dropping privileges that a server needs only at its start: the whole file system, and root's
//! user id.

use core::ffi::CStr;

use super::Pid;
use crate::abi::process::PR_SET_NO_NEW_PRIVS;
use crate::abi::{Errno, Result, nr, syscall};
use crate::arch;

/// The real user id of the calling thread: the user who started the program (getuid(2)).
#[inline]
#[must_use]
pub fn getuid() -> u32 {
    // SAFETY: getuid takes no argument, has no effect and does not fail.
    unsafe { arch::syscall0::<{ nr::getuid }>() as u32 }
}

/// The effective user id of the calling thread, by which the kernel checks permissions (geteuid(2)).
#[inline]
#[must_use]
pub fn geteuid() -> u32 {
    // SAFETY: geteuid takes no argument, has no effect and does not fail.
    unsafe { arch::syscall0::<{ nr::geteuid }>() as u32 }
}

/// The real group id of the calling thread (getgid(2)).
#[inline]
#[must_use]
pub fn getgid() -> u32 {
    // SAFETY: getgid takes no argument, has no effect and does not fail.
    unsafe { arch::syscall0::<{ nr::getgid }>() as u32 }
}

/// The effective group id of the calling thread, by which the kernel checks permissions (getegid(2)).
#[inline]
#[must_use]
pub fn getegid() -> u32 {
    // SAFETY: getegid takes no argument, has no effect and does not fail.
    unsafe { arch::syscall0::<{ nr::getegid }>() as u32 }
}

/// The id of the parent process; `None` if the parent is outside of the PID namespace, or if this is process 1
/// (getppid(2)).
///
/// When the parent ends, another process becomes the parent.
#[doc(alias = "parent_id")]
#[inline]
#[must_use]
pub fn getppid() -> Option<Pid> {
    // SAFETY: getppid takes no argument, has no effect and does not fail.
    let id = unsafe { arch::syscall0::<{ nr::getppid }>() as i32 };
    (id > 0).then_some(Pid(id))
}

/// How many supplementary groups the calling thread has, at most 65,536 (getgroups(2)).
#[doc(alias = "getgroups")]
#[must_use]
pub fn group_count() -> usize {
    const ASK: usize = 0;
    // SAFETY: with a length of 0 the kernel does not access the list. The call does not fail (getgroups(2)).
    unsafe { syscall!(getgroups(ASK, core::ptr::null_mut::<u32>())) }.unwrap_or(0)
}

/// The supplementary group ids of the calling thread, in the first part of `buffer` (getgroups(2)). The effective group
/// id may be among them or not.
///
/// ```
/// use ring3::process::{getegid, getgroups};
///
/// let mut buffer = [0; 64];
/// let groups = getgroups(&mut buffer)?;
/// println!("in the group adm: {}", getegid() == 4 || groups.contains(&4));
/// # Ok::<(), ring3::Errno>(())
/// ```
///
/// # Errors
/// `EINVAL`: there are more groups than `buffer` has elements; see [`group_count`].
pub fn getgroups(buffer: &mut [u32]) -> Result<&[u32]> {
    // SAFETY: the kernel writes at most `buffer.len()` numbers to `buffer`, which this function borrows mutably.
    let count = unsafe { syscall!(getgroups(buffer.len(), buffer.as_mut_ptr())) }?;
    // For a length of 0 the kernel returns the count and writes nothing.
    buffer.get(..count).ok_or(Errno::EINVAL)
}

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
/// groups (setgroups(2), setresgid(2), setresuid(2)). See [`become_user_in`].
///
/// # Errors
/// Those of [`become_user_in`].
#[doc(alias = "setresgid")]
#[doc(alias = "setresuid")]
#[inline]
pub fn become_user(uid: u32, gid: u32) -> Result<()> {
    become_user_in(uid, gid, &[])
}

/// Sets the real, effective and saved user and group ids of the calling thread, and its supplementary groups
/// (setgroups(2), setresgid(2), setresuid(2)).
///
/// Threads that the calling thread starts afterwards inherit the ids. Threads that exist already keep theirs:
/// the kernel's ids belong to a thread. The change can't be undone.
///
/// # Errors
/// `EPERM`: without `CAP_SETGID` and `CAP_SETUID`. `EINVAL`: this user namespace has no such user or group;
/// `u32::MAX` is never a valid id; more than 65,536 groups. `EAGAIN`. `ENOMEM`. After an error some ids may have
/// changed: end the process.
#[doc(alias = "setgroups")]
pub fn become_user_in(uid: u32, gid: u32, groups: &[u32]) -> Result<()> {
    // The kernel reads u32::MAX, which is -1, as: leave this id unchanged.
    if uid == u32::MAX || gid == u32::MAX {
        return Err(Errno::EINVAL);
    }
    // SAFETY: the kernel reads `groups.len()` numbers from `groups`. The other calls take numbers. Changing the
    // calling thread's ids affects no memory.
    unsafe {
        syscall!(setgroups(groups.len(), groups.as_ptr()))?;
        // The group first: without the old user id, the thread may not change its group.
        syscall!(setresgid(gid, gid, gid))?;
        syscall!(setresuid(uid, uid, uid)).map(drop)
    }
}

/// Gives up privileges by execve(2): no program that the calling thread or its future children execute gets the rights of
/// a set-user-ID, set-group-ID bit or of file capabilities (`PR_SET_NO_NEW_PRIVS`, prctl(2)). It can't be undone.
///
/// # Errors
/// `EINVAL`: a kernel before Linux 3.5.
#[doc(alias = "prctl")]
#[doc(alias = "PR_SET_NO_NEW_PRIVS")]
pub fn no_new_privileges() -> Result<()> {
    const YES: usize = 1;
    // SAFETY: the call takes numbers; the kernel accesses no memory of this process. The last three arguments
    // must be 0.
    unsafe { syscall!(prctl(PR_SET_NO_NEW_PRIVS, YES, 0usize, 0usize, 0usize)) }.map(drop)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::os::unix::fs::MetadataExt;
    use std::string::String;
    use std::vec::Vec;

    /// The numbers of a line of `/proc/thread-self/status`.
    fn line(name: &str) -> Vec<u32> {
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let line: String = status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap()
            .into();
        line.split_whitespace()
            .map(|id| id.parse().unwrap())
            .collect()
    }

    #[test]
    fn ids_are_those_of_proc() {
        assert_eq!(getuid(), std::fs::metadata("/proc/self").unwrap().uid());
        assert_eq!([getuid(), geteuid()], line("Uid:")[..2]);
        assert_eq!([getgid(), getegid()], line("Gid:")[..2]);
        let parent = getppid().map_or(0, Pid::as_raw);
        assert_eq!(parent.unsigned_abs(), std::os::unix::process::parent_id());
        let groups = line("Groups:");
        assert_eq!(group_count(), groups.len());
        let mut buffer = [0; 100];
        assert_eq!(getgroups(&mut buffer), Ok(&groups[..]));
        if let [_, rest @ ..] = &groups[..] {
            assert_eq!(getgroups(&mut buffer[..rest.len()]), Err(Errno::EINVAL));
        }
    }
}
