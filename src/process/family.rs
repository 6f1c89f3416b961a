//! Relations between processes: adopting orphans, the parent's end, signals to groups of processes, and a
//! terminal's foreground process group.

use super::Pid;
use crate::abi::process::*;
use crate::abi::system::{TIOCGPGRP, TIOCSPGRP};
use crate::abi::{Errno, Result, syscall};
use crate::fd::BorrowedFd;

/// Makes the calling process a subreaper: the parent of its orphaned descendants, as process 1 is for all
/// processes (`PR_SET_CHILD_SUBREAPER`, prctl(2)).
///
/// # Errors
/// `EINVAL`: a kernel before Linux 3.4.
#[doc(alias = "prctl")]
pub fn adopt_orphans() -> Result<()> {
    let yes = 1usize;
    // SAFETY: PR_SET_CHILD_SUBREAPER takes a number; the kernel accesses no memory of this process.
    unsafe { syscall!(prctl(PR_SET_CHILD_SUBREAPER, yes)) }.map(drop)
}

/// Sends `signal` to the calling process when the thread that created it ends (`PR_SET_PDEATHSIG`, prctl(2)).
/// If that thread has already ended, no signal is sent.
///
/// # Errors
/// `EINVAL`: no such signal.
#[doc(alias = "prctl")]
pub fn signal_at_parents_end(signal: i32) -> Result<()> {
    // SAFETY: PR_SET_PDEATHSIG takes a number; the kernel accesses no memory of this process.
    unsafe { syscall!(prctl(PR_SET_PDEATHSIG, signal)) }.map(drop)
}

/// The process group of the calling process (getpgid(2)). The id of a group in another PID namespace is 0.
#[doc(alias = "getpgid")]
#[must_use]
pub fn group() -> Pid {
    const OWN: i32 = 0;
    // SAFETY: getpgid takes a number; the kernel accesses no memory of this process. For the calling process,
    // getpgid does not fail.
    Pid(unsafe { syscall!(getpgid(OWN)) }.unwrap_or(0) as i32)
}

/// The process group of another process (getpgid(2)). The id of a group in another PID namespace is 0.
///
/// # Errors
/// `ESRCH`: no such process.
#[doc(alias = "getpgid")]
pub fn group_of(pid: Pid) -> Result<Pid> {
    // SAFETY: getpgid takes a number; the kernel accesses no memory of this process.
    unsafe { syscall!(getpgid(pid)) }.map(|group| Pid(group as i32))
}

/// Sends a signal to all processes of the process group that `leader` leads (kill(2)).
///
/// # Errors
/// `ESRCH`: no such group; or the group of process 1, and the caller is not in it (kill(2) has no number for that
/// group: -1 means all processes). `EPERM`: no permission to signal any process of the group. `EINVAL`: no such
/// signal.
#[doc(alias = "kill")]
pub fn kill_group(leader: Pid, signal: i32) -> Result<()> {
    const OWN_GROUP: i32 = 0;
    if leader == Pid(1) {
        if group() != leader {
            return Err(Errno::ESRCH);
        }
        // SAFETY: as below.
        return unsafe { syscall!(kill(OWN_GROUP, signal)) }.map(drop);
    }
    // SAFETY: the call takes numbers; the kernel accesses no memory of this process.
    unsafe { syscall!(kill(-leader.as_raw(), signal)) }.map(drop)
}

/// Sends a signal to all processes that the caller may signal, except process 1 and the calling process
/// (kill(2)).
///
/// # Errors
/// `ESRCH`: no such processes. `EPERM`: no permission to signal any of them. `EINVAL`: no such signal.
#[doc(alias = "kill")]
pub fn kill_all(signal: i32) -> Result<()> {
    const ALL: i32 = -1;
    // SAFETY: the call takes numbers; the kernel accesses no memory of this process.
    unsafe { syscall!(kill(ALL, signal)) }.map(drop)
}

/// The foreground process group of a terminal (tcgetpgrp(3)). The terminal sends the signals of its keys to
/// this group, and only this group may read from it. The id of a group in another PID namespace is 0.
///
/// # Errors
/// `ENOTTY`: not a terminal, or not the terminal of the caller's session. `EIO`: the terminal has hung up.
#[doc(alias = "ioctl")]
#[doc(alias = "tcgetpgrp")]
pub fn foreground(terminal: BorrowedFd<'_>) -> Result<Pid> {
    let mut group = 0_i32;
    // SAFETY: TIOCGPGRP writes an int to `group`, a local i32.
    unsafe { syscall!(ioctl(terminal, TIOCGPGRP, &raw mut group)) }?;
    Ok(Pid(group))
}

/// Makes `group`, a group of the terminal's session, the terminal's foreground process group (tcsetpgrp(3)).
///
/// If the caller is in a background group, the kernel sends SIGTTOU to the caller's group, which stops it. If
/// SIGTTOU is blocked, the call takes the terminal from the current foreground group.
///
/// # Errors
/// `ENOTTY`: not a terminal, or not the terminal of the caller's session. `EPERM`, `ESRCH`: no such group in
/// this session. `EIO`: the terminal has hung up.
#[doc(alias = "ioctl")]
#[doc(alias = "tcsetpgrp")]
pub fn set_foreground(terminal: BorrowedFd<'_>, group: Pid) -> Result<()> {
    let group = group.as_raw();
    // SAFETY: TIOCSPGRP reads an int from `group`, a local i32.
    unsafe { syscall!(ioctl(terminal, TIOCSPGRP, &raw const group)) }.map(drop)
}
