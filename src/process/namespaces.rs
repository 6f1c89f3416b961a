//! Namespaces: leaving those of the parent process, and entering others.

use crate::abi::process::{CLONE_FILES, Share};
use crate::abi::{Errno, Result, syscall};
use crate::fd::BorrowedFd;

/// Gives the calling thread its own copy of what it shares: namespaces (`CLONE_NEW*`), the working directory and the
/// umask (`CLONE_FS`), semaphore adjustments (`CLONE_SYSVSEM`) (unshare(2)).
///
/// With `CLONE_NEWPID`, not the calling process but its next children are in the new namespace.
///
/// (No test runs this example: containers refuse the call.)
///
/// ```no_run
/// use ring3::process::{CLONE_NEWNS, CLONE_NEWUSER, unshare};
///
/// // Mounts of this process are invisible to the others.
/// unshare(CLONE_NEWUSER | CLONE_NEWNS)?;
/// # Ok::<(), ring3::Errno>(())
/// ```
///
/// # Errors
/// `EPERM`: without `CAP_SYS_ADMIN`, which only `CLONE_NEWUSER` and `CLONE_FS` do not need; a seccomp filter, as
/// containers have. `EINVAL`: a flag that the kernel does not support; a flag that a process with several threads may
/// not use (`CLONE_NEWUSER` and others). Also `CLONE_FILES`: an `OwnedFd` that one thread gives to another would then
/// refer to a different file. `ENOSPC`, `EUSERS`: too many namespaces. `ENOMEM`.
pub fn unshare(what: Share) -> Result<()> {
    if what.intersects(CLONE_FILES) {
        return Err(Errno::EINVAL);
    }
    // SAFETY: the call takes a number; the kernel accesses no memory of this process. The flags that would unshare
    // memory or signal handlers have no effect or fail (unshare(2)). Descriptors remain shared, as was just checked.
    unsafe { syscall!(unshare(what)) }.map(drop)
}

/// Moves the calling thread into a namespace (setns(2)): `fd` is an open file of `/proc/PID/ns`, or a pidfd.
///
/// `kind` is the `CLONE_NEW*` that the namespace must be; [`Share::NONE`] allows any. For a pidfd, `kind` is the set of
/// the process's namespaces to move into. With `CLONE_NEWPID`, not the calling process but its next children are in the
/// namespace.
///
/// # Errors
/// `EINVAL`: `fd` refers to no namespace, or to none of this kind; or a process with several threads may not move into
/// a namespace of this kind. `EPERM`: without `CAP_SYS_ADMIN`. `ESRCH`: the process of the pidfd has ended. `ENOMEM`.
pub fn setns(fd: BorrowedFd<'_>, kind: Share) -> Result<()> {
    // SAFETY: the call takes numbers; the kernel accesses no memory of this process. Memory and descriptors are in no
    // namespace.
    unsafe { syscall!(setns(fd, kind)) }.map(drop)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::process::CLONE_FS;

    #[test]
    fn the_table_of_descriptors_stays_shared() {
        for what in [CLONE_FILES, CLONE_FILES | CLONE_FS] {
            assert_eq!(unshare(what), Err(Errno::EINVAL));
        }
        assert_eq!(unshare(Share::NONE), Ok(()));
    }

    #[test]
    fn a_thread_with_its_own_working_directory() {
        let before = std::env::current_dir().unwrap();
        let after = std::thread::spawn(|| {
            unshare(CLONE_FS).unwrap();
            std::env::set_current_dir("/proc").unwrap();
            std::env::current_dir().unwrap()
        });
        assert_eq!(after.join().unwrap(), std::path::Path::new("/proc"));
        assert_eq!(std::env::current_dir().unwrap(), before);
    }
}
