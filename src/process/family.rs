//! Whose child a process becomes, signals to many at once, and the process group that has a terminal.

use super::Pid;
use crate::abi::process::*;
use crate::abi::system::{TIOCGPGRP, TIOCSPGRP};
use crate::abi::{Result, syscall};
use crate::fd::BorrowedFd;

/// Makes the calling process the parent of its descendants that lose theirs, as process 1 is of all
/// (`PR_SET_CHILD_SUBREAPER`, prctl(2)).
///
/// # Errors
/// `EINVAL`: a kernel before Linux 3.4.
pub fn adopt_orphans() -> Result<()> {
    let yes = 1usize;
    // SAFETY: numbers alone.
    unsafe { syscall!(prctl(PR_SET_CHILD_SUBREAPER, yes)) }.map(drop)
}

/// Has the calling process get `signal` when the thread that made it ends (`PR_SET_PDEATHSIG`, prctl(2)). A
/// parent that has ended before is not told of.
///
/// # Errors
/// `EINVAL`: no such signal.
pub fn signal_at_parents_end(signal: i32) -> Result<()> {
    // SAFETY: numbers alone.
    unsafe { syscall!(prctl(PR_SET_PDEATHSIG, signal)) }.map(drop)
}

/// The process group of the calling process (getpgid(2)). A group of another PID namespace is 0.
pub fn group() -> Pid {
    const OWN: i32 = 0;
    // SAFETY: getpgid takes a number; the kernel accesses no memory of ours.
    // For the calling process it does not fail.
    Pid(unsafe { syscall!(getpgid(OWN)) }.unwrap_or(0) as i32)
}

/// Sends all processes of the group that `leader` was put at the head of a signal (kill(2)).
///
/// # Errors
/// `ESRCH`: there is no such group. `EPERM`: none of its processes may be sent it. `EINVAL`: no such signal.
pub fn kill_group(leader: Pid, signal: i32) -> Result<()> {
    // SAFETY: a signal, to a group: an id is positive.
    unsafe { syscall!(kill(-leader.as_raw(), signal)) }.map(drop)
}

/// Sends a signal to all processes that may be sent it, but for process 1 and the calling one (kill(2)).
///
/// # Errors
/// `ESRCH`: there are none. `EPERM`: none may be sent it. `EINVAL`: no such signal.
pub fn kill_all(signal: i32) -> Result<()> {
    const ALL: i32 = -1;
    // SAFETY: a signal to others.
    unsafe { syscall!(kill(ALL, signal)) }.map(drop)
}

/// A terminal's foreground process group: it gets the signals of the terminal's keys, and may read the terminal
/// (tcgetpgrp(3)). A group of another PID namespace is 0.
///
/// # Errors
/// `ENOTTY`: no terminal, or not this session's. `EIO`: the terminal has hung up.
pub fn foreground(terminal: BorrowedFd<'_>) -> Result<Pid> {
    let mut group = 0_i32;
    // SAFETY: the kernel writes an int to `group`, an i32.
    unsafe { syscall!(ioctl(terminal, TIOCGPGRP, &raw mut group)) }?;
    Ok(Pid(group))
}

/// Makes `group`, of the terminal's session, the foreground process group (tcsetpgrp(3)). If the caller is in a
/// background group, the kernel sends that group SIGTTOU, which stops it. With SIGTTOU blocked, the call takes the
/// terminal from whichever group has it.
///
/// # Errors
/// `ENOTTY`: no terminal, or not this session's. `EPERM`, `ESRCH`: no such group in this session. `EIO`: the terminal
/// has hung up.
pub fn set_foreground(terminal: BorrowedFd<'_>, group: Pid) -> Result<()> {
    let group = group.as_raw();
    // SAFETY: the kernel reads an int.
    unsafe { syscall!(ioctl(terminal, TIOCSPGRP, &raw const group)) }.map(drop)
}
