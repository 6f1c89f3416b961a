//! Processes: this process and its threads, and child processes.
//!
//! [`Command`] starts a program in a child process, [`Child::wait`] waits for its end. [`Watch`] is the loop
//! of a program that only waits for its children and forwards signals to them. [`Pidfd`] refers to a process
//! by a descriptor instead of an id.
//!
//! ```
//! use ring3::env::Strings;
//! use ring3::process::{Command, Lists};
//!
//! let mut arguments = Lists::new(3, 1)?;
//! for argument in [c"sh", c"-c", c"exit 3"] {
//!     arguments.push(argument)?;
//! }
//! let arguments_at = arguments.end()?;
//! let shell = Command::new(c"/bin/sh", arguments.get(arguments_at), Strings::NONE);
//! let child = shell.spawn().map_err(|failed| failed.errno())?;
//! assert_eq!(child.wait()?.status.code(), 3);
//! # Ok::<(), ring3::Errno>(())
//! ```

pub mod accounts;
mod family;
mod ids;
mod lists;
mod namespaces;
mod pidfd;
mod search;
mod spawn;
mod wait;
mod watch;

pub use family::{
    adopt_orphans, foreground, group, group_of, kill_all, kill_group, set_foreground,
    signal_at_parents_end,
};
pub use ids::{
    become_user, become_user_in, chroot, getegid, geteuid, getgid, getgroups, getppid, getuid,
    group_count, no_new_privileges,
};
pub use lists::Lists;
pub use namespaces::{setns, unshare};
pub use pidfd::Pidfd;
pub use search::{DEFAULT_PATH, Room, search};
pub use spawn::{Child, Command, Failed};
pub use wait::{Ended, Status, Usage, any};
pub use watch::{Event, Watch};

pub use crate::abi::process::{
    CLONE_FILES, CLONE_FS, CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID,
    CLONE_NEWTIME, CLONE_NEWUSER, CLONE_NEWUTS, CLONE_SYSVSEM, RLIMIT_AS, RLIMIT_NOFILE, Rlimit,
    Share,
};
use crate::abi::process::{PR_GET_NAME, PR_SET_THP_DISABLE};
use crate::abi::{Arg, Errno, Result, syscall};
use crate::arch;
use crate::signal::{self, SIGABRT, SignalSet};

/// Ends all threads of the process. The parent process sees the low 8 bits of `status`.
#[doc(alias = "exit_group")]
#[inline]
pub fn exit(status: i32) -> ! {
    // SAFETY: the call takes a number. It does not return, so no code of this process runs afterwards.
    let _ = unsafe { syscall!(exit_group(status)) };
    arch::trap() // exit_group does not return
}

/// The id of a process, of the process group that it leads, or of a thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pid(pub(crate) i32);

impl Pid {
    /// The id with this number, which must be positive. There may be no process with this id.
    #[must_use]
    pub const fn from_raw(raw: i32) -> Option<Self> {
        if raw > 0 { Some(Self(raw)) } else { None }
    }

    /// The number. It is positive, but 0 for a group of another PID namespace.
    #[must_use]
    pub const fn as_raw(self) -> i32 {
        self.0
    }
}

impl Arg for Pid {
    type Content = usize;

    #[inline(always)]
    fn arg(self) -> usize {
        self.0.arg()
    }
}

/// Sends a signal to a process (kill(2)). Signal 0 sends nothing, and only checks whether a signal could be
/// sent.
///
/// # Errors
/// `ESRCH`: no such process. `EPERM`: no permission to signal the process. `EINVAL`: no such signal.
pub fn kill(pid: Pid, signal: i32) -> Result<()> {
    // SAFETY: the call takes numbers; the kernel accesses no memory of this process. Signalling this process
    // itself only runs handlers that are sound at any moment, as the callers of `signal::handle` guarantee.
    unsafe { syscall!(kill(pid, signal)) }.map(drop)
}

/// The id of the calling process.
#[inline]
#[must_use]
pub fn getpid() -> Pid {
    // SAFETY: getpid takes no argument, has no effect and does not fail.
    Pid(unsafe { arch::syscall0::<{ crate::abi::nr::getpid }>() as i32 })
}

/// The id of the calling thread. The first thread's id is the process id.
#[inline]
#[must_use]
pub fn gettid() -> Pid {
    // SAFETY: gettid takes no argument, has no effect and does not fail.
    Pid(unsafe { arch::syscall0::<{ crate::abi::nr::gettid }>() as i32 })
}

/// Whether this process has a thread with this id (tgkill(2) with signal 0).
#[doc(alias = "tgkill")]
#[must_use]
pub fn thread_exists(tid: Pid) -> bool {
    const NO_SIGNAL: i32 = 0;
    // SAFETY: the call takes numbers, and with signal 0 it sends nothing.
    let result = unsafe { syscall!(tgkill(getpid(), tid, NO_SIGNAL)) };
    result != Err(Errno::ESRCH)
}

/// The calling thread's name (`/proc/PID/comm`), at most 15 bytes. The result is a part of `buffer`.
#[doc(alias = "prctl")]
pub fn thread_name(buffer: &mut [u8; 16]) -> &[u8] {
    // SAFETY: PR_GET_NAME writes at most 16 bytes, including the zero at the end, and `buffer` has 16.
    let result = unsafe { syscall!(prctl(PR_GET_NAME, buffer.as_mut_ptr())) };
    let length = match result {
        Ok(_) => buffer
            .iter()
            .position(|&byte| byte == 0)
            .unwrap_or(buffer.len()),
        Err(_) => 0,
    };
    &buffer[..length]
}

/// Disables transparent huge pages for this process and for its future children, whatever the system's
/// setting (prctl(2), `PR_SET_THP_DISABLE`). So each page takes memory when it is first used, and takes only
/// its own size.
///
/// # Errors
/// `EINVAL`: a kernel before Linux 3.15.
#[doc(alias = "prctl")]
pub fn refuse_huge_pages() -> Result<()> {
    const YES: usize = 1;
    // SAFETY: the call takes numbers; the kernel accesses no memory of this process. The last three arguments
    // must be 0.
    unsafe { syscall!(prctl(PR_SET_THP_DISABLE, YES, 0usize, 0usize, 0usize)) }.map(drop)
}

/// The soft and hard limit of a resource, `RLIMIT_*` (prlimit(2)).
///
/// # Errors
/// `EINVAL`: no such resource.
#[doc(alias = "prlimit64")]
#[doc(alias = "getrlimit")]
pub fn limit(resource: u32) -> Result<Rlimit> {
    const OWN: i32 = 0;
    let mut limit = Rlimit::ZERO;
    let unchanged = core::ptr::null::<Rlimit>();
    // SAFETY: the kernel writes a whole Rlimit to `limit`, a local. The null pointer leaves the limit
    // unchanged.
    unsafe { syscall!(prlimit64(OWN, resource, unchanged, &raw mut limit)) }?;
    Ok(limit)
}

/// Sets the soft and hard limit of a resource, `RLIMIT_*` (prlimit(2)).
///
/// # Errors
/// `EPERM`: raises the hard limit, which requires `CAP_SYS_RESOURCE`; or raises the hard limit of
/// `RLIMIT_NOFILE` above `fs.nr_open`. `EINVAL`: the soft limit is above the hard limit, or no such resource.
#[doc(alias = "prlimit64")]
#[doc(alias = "setrlimit")]
pub fn set_limit(resource: u32, limit: Rlimit) -> Result<()> {
    const OWN: i32 = 0;
    let no_old = core::ptr::null_mut::<Rlimit>();
    // SAFETY: the kernel reads `limit`, a local, and writes nothing, as `no_old` is null.
    unsafe { syscall!(prlimit64(OWN, resource, &raw const limit, no_old)) }.map(drop)
}

/// Raises a resource's soft limit to its hard limit, and returns that limit (prlimit(2)).
///
/// # Errors
/// `EINVAL`: no such resource.
#[doc(alias = "prlimit64")]
pub fn raise_limit(resource: u32) -> Result<u64> {
    let mut limit = limit(resource)?;
    limit.rlim_cur = limit.rlim_max;
    set_limit(resource, limit)?;
    Ok(limit.rlim_max)
}

/// Ends the process by `SIGABRT`, sent to the calling thread (tgkill(2)).
///
/// An earlier handler or signal mask does not prevent this: `SIGABRT` is unblocked and gets its default
/// action first.
#[doc(alias = "tgkill")]
pub fn abort() -> ! {
    let _ = signal::unblock(SignalSet::of(&[SIGABRT])); // on failure `exit` ends the process
    let _ = signal::set_default(SIGABRT); // the action of SIGABRT can be changed, so this does not fail
    // SAFETY: the call takes numbers; the kernel accesses no memory of this process. The signal's default
    // action ends the process.
    let _ = unsafe { syscall!(tgkill(getpid(), gettid(), SIGABRT)) };
    exit(128 + SIGABRT) // reached if a seccomp filter refuses tgkill
}
