//! Processes: this one and its threads, and children.
//!
//! [`Command`] starts a program in a process of its own, [`Child::wait`] waits for its end. A program that
//! only waits for its children, and passes signals on to them, has a loop for that in [`Watch`]. In place of
//! an id a process can be had by a descriptor, [`Pidfd`].

mod family;
mod pidfd;
mod search;
mod spawn;
mod strings;
mod wait;
mod watch;

pub use family::{
    adopt_orphans, foreground, group, kill_all, kill_group, set_foreground, signal_at_parents_end,
};
pub use pidfd::Pidfd;
pub use search::{DEFAULT_PATH, Room, search};
pub use spawn::{Child, Command, Failed};
pub(crate) use strings::behind;
pub use strings::{Lists, Strings};
pub use wait::{Ended, Status, Usage, any};
pub use watch::{Event, Watch};

use crate::abi::process::{PR_GET_NAME, PR_SET_THP_DISABLE};
pub use crate::abi::process::{RLIMIT_AS, RLIMIT_NOFILE, Rlimit};
use crate::abi::{Arg, Errno, Result, syscall};
use crate::arch;
use crate::signal::{self, SIGABRT, SignalSet};

/// Ends every thread of the process with `status`, of which the parent sees the low 8 bits.
#[inline]
pub fn exit(status: i32) -> ! {
    // SAFETY: the process ends; nothing of it is used again.
    let _ = unsafe { syscall!(exit_group(status)) };
    arch::trap() // exit_group does not return
}

/// The id of a process, or of the process group that it leads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pid(pub(crate) i32);

impl Pid {
    /// This process's.
    pub fn own() -> Self {
        Self(getpid())
    }

    /// The number, from 1. A group of another PID namespace has 0.
    pub const fn as_raw(self) -> i32 {
        self.0
    }
}

impl Arg for Pid {
    #[inline(always)]
    fn arg(self) -> usize {
        self.0.arg()
    }
}

/// Sends a process a signal; 0 is none, and only asks whether it could be sent (kill(2)).
///
/// # Errors
/// `ESRCH`: there is no such process. `EPERM`: it is another user's. `EINVAL`: no such signal.
pub fn kill(pid: Pid, signal: i32) -> Result<()> {
    // SAFETY: a signal to one process: an id is positive.
    unsafe { syscall!(kill(pid, signal)) }.map(drop)
}

/// The process id.
#[inline]
pub fn getpid() -> i32 {
    // SAFETY: getpid takes nothing, changes nothing and does not fail.
    unsafe { arch::syscall0(crate::abi::nr::getpid) as i32 }
}

/// The id of the calling thread; in the first thread that is the process id.
#[inline]
pub fn gettid() -> i32 {
    // SAFETY: as for getpid.
    unsafe { arch::syscall0(crate::abi::nr::gettid) as i32 }
}

/// Whether a thread of this process has this id (tgkill(2) without a signal).
pub fn thread_exists(tid: i32) -> bool {
    const NO_SIGNAL: i32 = 0;
    // SAFETY: signal 0 is not sent.
    let result = unsafe { syscall!(tgkill(getpid(), tid, NO_SIGNAL)) };
    // For 0 and below the kernel returns EINVAL.
    tid > 0 && result != Err(Errno::ESRCH)
}

/// The calling thread's name (`/proc/PID/comm`): at most 15 bytes, in `buffer`.
pub fn thread_name(buffer: &mut [u8; 16]) -> &[u8] {
    // SAFETY: PR_GET_NAME writes at most 16 bytes, the zero at the end included.
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

/// Has the kernel give this process no huge pages, nor those that it will start, whatever it does for others
/// (prctl(2), `PR_SET_THP_DISABLE`): so a page takes memory when it is first used, and none beside it.
///
/// # Errors
/// `EINVAL`: the kernel has none (before 3.15).
pub fn refuse_huge_pages() -> Result<()> {
    const YES: usize = 1;
    // SAFETY: it takes no memory of ours; the last three are to be 0.
    unsafe { syscall!(prctl(PR_SET_THP_DISABLE, YES, 0usize, 0usize, 0usize)) }.map(drop)
}

/// What limits the process's use of `resource`, `RLIMIT_*` (prlimit(2)).
///
/// # Errors
/// `EINVAL`: there is no such resource.
pub fn limit(resource: u32) -> Result<Rlimit> {
    const OWN: i32 = 0;
    let mut limit = Rlimit::ZERO;
    let unchanged = core::ptr::null::<Rlimit>();
    // SAFETY: the kernel writes a whole Rlimit to `limit`; the null pointer leaves the limit unchanged.
    unsafe { syscall!(prlimit64(OWN, resource, unchanged, &raw mut limit)) }?;
    Ok(limit)
}

/// Sets what limits the process's use of `resource` (prlimit(2)).
///
/// # Errors
/// `EPERM`: the most it may be raised to would rise, which takes `CAP_SYS_RESOURCE`; of files, above
/// `fs.nr_open`. `EINVAL`: what holds is more than that, or there is no such resource.
pub fn set_limit(resource: u32, limit: Rlimit) -> Result<()> {
    const OWN: i32 = 0;
    let unasked = core::ptr::null_mut::<Rlimit>();
    // SAFETY: the kernel reads an Rlimit of ours.
    unsafe { syscall!(prlimit64(OWN, resource, &raw const limit, unasked)) }.map(drop)
}

/// Raises what holds of a limit to what it may be raised to, and says how much that is (prlimit(2)).
///
/// # Errors
/// `EINVAL`: there is no such resource.
pub fn raise_limit(resource: u32) -> Result<u64> {
    let mut limit = limit(resource)?;
    limit.rlim_cur = limit.rlim_max;
    set_limit(resource, limit)?;
    Ok(limit.rlim_max)
}

/// Ends the process by `SIGABRT`, sent to this thread and no other process.
///
/// A handler or a mask set earlier does not keep it alive.
pub fn abort() -> ! {
    let _ = signal::unblock(SignalSet::of(&[SIGABRT])); // if SIGABRT stays blocked, `exit` ends the process
    let _ = signal::set_default(SIGABRT); // SIGABRT is a signal whose action may be set
    // SAFETY: a signal to ourselves; what it does is end the process.
    let _ = unsafe { syscall!(tgkill(getpid(), gettid(), SIGABRT)) };
    exit(128 + SIGABRT) // a seccomp filter may have refused the signal
}
