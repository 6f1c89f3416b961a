//! Helpers that inspect the descriptors of a running process: the options of its sockets, and whether execve(2) would
//! close the descriptors.

use std::fs;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use libtest_mimic::Completion;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use crate::skip;

/// The descriptor numbers of a process, and the file of each, for example `socket:[4711]`.
pub fn of(pid: Pid) -> Vec<(i32, String)> {
    let folder =
        fs::read_dir(format!("/proc/{pid}/fd")).expect("the process's descriptors can be listed");
    let numbers = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let target = |number: String| {
        // A descriptor that has been closed meanwhile is left out.
        let target = fs::read_link(format!("/proc/{pid}/fd/{number}")).ok()?;
        let target = target.to_string_lossy().into_owned();
        Some((number.parse().unwrap(), target))
    };
    numbers.filter_map(target).collect()
}

/// Duplicates of a process's sockets.
pub fn sockets(pid: Pid) -> Result<Vec<OwnedFd>, Completion> {
    let process = pidfd_open(pid, PidfdFlags::empty()).expect("the process exists");
    let sockets = of(pid)
        .into_iter()
        .filter(|(_, target)| target.starts_with("socket:"));
    let copies = sockets.map(|(number, _)| {
        pidfd_getfd(process.as_fd(), number, PidfdGetfdFlags::empty()).map_err(|error| {
            assert!(matches!(error, Errno::PERM | Errno::NOSYS), "{error}");
            Completion::ignored_with(skip::OTHERS_DESCRIPTORS)
        })
    });
    copies.collect()
}

/// The value of a socket option that is a number. `None` if the socket does not have the option.
pub fn option(socket: &OwnedFd, level: i32, option: i32) -> Option<i32> {
    // SAFETY: `socket` keeps the descriptor open, and outlives `fd`.
    let fd = unsafe { ring3::fd::BorrowedFd::borrow_raw(socket.as_raw_fd()) };
    ring3::net::get_option(fd, level, option).ok()
}

/// Checks that execve(2) would close all descriptors of a process except the standard descriptors (proc_pid_fdinfo(5)).
pub fn all_close_at_exec(pid: Pid) {
    const CLOEXEC: u32 = 0o2_000_000;
    let mut count = 0;
    for (number, target) in of(pid).into_iter().filter(|(number, _)| *number > 2) {
        let Ok(info) = fs::read_to_string(format!("/proc/{pid}/fdinfo/{number}")) else {
            continue; // the descriptor has been closed meanwhile
        };
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
        let flags = u32::from_str_radix(flags.expect("flags").trim(), 8).unwrap();
        assert_ne!(flags & CLOEXEC, 0, "descriptor {number}, {target}");
        count += 1;
    }
    assert!(count > 2, "{count}");
}
