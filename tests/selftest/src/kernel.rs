//! Self-test cases of the kernel: whether it has system calls that the library does not make, or not yet. The arguments
//! are such that a call changes nothing.

use ring3::Errno;
use ring3::abi::nr;
use ring3::arch::syscall6;
use ring3::process::getpid;

use crate::case::*;
use crate::cases;

const PTRACE_CONT: usize = 7;
const SECCOMP_GET_ACTION_AVAIL: usize = 2;
const SECCOMP_RET_ALLOW: u32 = 0x7fff_0000;
const LANDLOCK_CREATE_RULESET_VERSION: usize = 1;
/// memfd_secret(2) has this number on all architectures but arm. There the number has no call, and `nr` no constant.
const MEMFD_SECRET: usize = 447;
const NOBODY: usize = usize::MAX; // neither a descriptor nor a process

cases! {
    "ptrace", [], ask::<{ nr::ptrace }, _>([PTRACE_CONT, NOBODY]) => error(Errno::ESRCH), cannot EPERM;
    "process_vm_readv", [], ask::<{ nr::process_vm_readv }, _>([getpid().as_raw() as usize]) => DONE, cannot EPERM;
    "seccomp", [], ask::<{ nr::seccomp }, _>([SECCOMP_GET_ACTION_AVAIL, 0, address(&SECCOMP_RET_ALLOW)]) => DONE, cannot EPERM;
    "landlock", [], ask::<{ nr::landlock_create_ruleset }, _>([0, 0, LANDLOCK_CREATE_RULESET_VERSION]).map(|version| version >= 1) => YES, cannot EOPNOTSUPP | EPERM;
    "bpf", [], ask::<{ nr::bpf }, _>([1000]) => error(Errno::EINVAL), cannot EPERM;
    "perf_event_open", [], ask::<{ nr::perf_event_open }, _>([]) => error(Errno::EFAULT), cannot EPERM | EACCES;
    "userfaultfd", [], ask::<{ nr::userfaultfd }, _>([1 << 30]) => error(Errno::EINVAL), cannot EPERM;
    "io_uring_setup", [], ask::<{ nr::io_uring_setup }, _>([0, 0]) => error(Errno::EFAULT), cannot EPERM;
    "clone3", [], ask::<{ nr::clone3 }, _>([0, 0]) => error(Errno::EINVAL), cannot EPERM;
    "unshare", [], ask::<{ nr::unshare }, _>([0]) => DONE, cannot EPERM;
    "pidfd_open", [], descriptor::<{ nr::pidfd_open }, _>([getpid().as_raw() as usize, 0]) => DONE, cannot EPERM;
    "pidfd_getfd", [], ask::<{ nr::pidfd_getfd }, _>([NOBODY, 0, 0]) => error(Errno::EBADF), cannot EPERM;
    "process_madvise", [], ask::<{ nr::process_madvise }, _>([NOBODY, 0, 0, 0, 0]) => error(Errno::EBADF), cannot EPERM;
    "rseq", [], ask::<{ nr::rseq }, _>([0, 0, 0, 0]) => error(Errno::EINVAL), cannot EPERM;
    "set_robust_list", [], ask::<{ nr::set_robust_list }, _>([0, 3 * size_of::<usize>()]) => DONE;
    "membarrier", [], ask::<{ nr::membarrier }, _>([0, 0, 0]).map(|commands| commands > 0) => YES, cannot EPERM;
    "futex_waitv", [], ask::<{ nr::futex_waitv }, _>([0, 0, 0, 0, 0]) => error(Errno::EINVAL), cannot EPERM;
    "getcpu", [], ask::<{ nr::getcpu }, _>([0, 0, 0]) => DONE;
    "openat2", [], ask::<{ nr::openat2 }, _>([NOBODY, address(c"/"), 0, 0]) => error(Errno::EINVAL), cannot EPERM;
    "faccessat2", [], ask::<{ nr::faccessat2 }, _>([NOBODY, address(c"/"), 0, 0]) => DONE, cannot EPERM;
    "close_range", [], ask::<{ nr::close_range }, _>([u32::MAX as usize, u32::MAX as usize, 0]) => DONE, cannot EPERM;
    "epoll_pwait2", [], ask::<{ nr::epoll_pwait2 }, _>([NOBODY, 0, 1, 0, 0, 8]) => error(Errno::EBADF), cannot EPERM;
    "memfd_create", [], descriptor::<{ nr::memfd_create }, _>([address(c"selftest"), 1]) => DONE, cannot EPERM;
    "memfd_secret", [], ask::<MEMFD_SECRET, _>([1]) => error(Errno::EINVAL), cannot EPERM;
    "timerfd_create", [], descriptor::<{ nr::timerfd_create }, _>([1, 0]) => DONE;
    "inotify_init1", [], descriptor::<{ nr::inotify_init1 }, _>([0]) => DONE, cannot EMFILE;
}

fn address<T: ?Sized>(of: &T) -> usize {
    core::ptr::from_ref(of).expose_provenance()
}

/// Makes the call. Arguments that are not given are 0.
fn ask<const NR: usize, const N: usize>(given: [usize; N]) -> Result<usize, Errno> {
    let mut all = [0; 6];
    all[..N].copy_from_slice(&given);
    let [a, b, c, d, e, f] = all;
    // SAFETY: no call of the table writes to memory of this process or changes its state: the calls only query, or fail
    // because of their arguments.
    let result = unsafe { syscall6::<NR>(a, b, c, d, e, f) };
    match Errno::from_number((result as isize).wrapping_neg() as i32) {
        Some(errno) if (result as isize) < 0 => Err(errno),
        _ => Ok(result),
    }
}

/// Makes a call that returns a descriptor, and closes the descriptor.
fn descriptor<const NR: usize, const N: usize>(given: [usize; N]) -> Result<(), Errno> {
    // SAFETY: the call returned a new descriptor, which only this function has.
    ask::<NR, N>(given).and_then(|raw| unsafe { ring3::fd::OwnedFd::from_raw(raw) }.close())
}
