//! Descriptors: which a process has, what its sockets are set to, and that execve closes them.

use std::ffi::CStr;
use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use libtest_mimic::{Completion, Trial};
use ring3::net::unix;
use ring3::net::{SOCK_CLOEXEC, SOCK_STREAM};
use ring3::poll::{Bell, Epoll};
use ring3::signal::{SIGUSR1, SignalFd, SignalSet};
use rustix::io::{Errno, FdFlags, fcntl_getfd};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use crate::skip;
use crate::support::once;

pub fn trials() -> Vec<Trial> {
    vec![once(
        "descriptors::those_of_the_library_close_at_exec",
        those_of_the_library_close_at_exec,
    )]
}

/// A descriptor of the library's as the tests' crates take it.
fn borrowed(fd: ring3::fd::BorrowedFd<'_>) -> BorrowedFd<'_> {
    // SAFETY: the library's borrow keeps it open for the same lifetime.
    unsafe { BorrowedFd::borrow_raw(fd.as_raw()) }
}

fn closes(fd: ring3::fd::BorrowedFd<'_>) -> bool {
    fcntl_getfd(borrowed(fd))
        .unwrap()
        .contains(FdFlags::CLOEXEC)
}

/// Those for which the caller has no flags to give.
fn those_of_the_library_close_at_exec() {
    const NAME: &CStr = c"descriptors";
    let epoll = Epoll::new().unwrap();
    let bell = Bell::new().unwrap();
    let signals = SignalFd::new(SignalSet::of(&[SIGUSR1])).unwrap();
    let file = ring3::fs::in_memory(NAME).unwrap();
    let copy = epoll.as_fd().duplicate().unwrap();
    let [one, two] = unix::pair(SOCK_STREAM | SOCK_CLOEXEC).unwrap();
    // Standard error stays open at exec; its copy does not.
    unix::send(one.as_fd(), b"x", &[ring3::fd::STDERR, copy.as_fd()]).unwrap();
    let received = unix::receive(two.as_fd(), &mut [0]).unwrap();
    let made = [
        ("epoll_create1", epoll.as_fd()),
        ("eventfd2", bell.as_fd()),
        ("signalfd4", signals.as_fd()),
        ("memfd_create", file.as_fd()),
        ("fcntl", copy.as_fd()),
        ("socketpair", one.as_fd()),
        ("socketpair", two.as_fd()),
    ];
    let passed: Vec<_> = received.descriptors.iter().flatten().collect();
    assert_eq!(passed.len(), 2);
    let passed = passed.iter().map(|fd| ("recvmsg", fd.as_fd()));
    for (call, fd) in made.into_iter().chain(passed) {
        assert!(closes(fd), "{call}");
    }
}

/// The numbers of a process's descriptors, and what each is of: `socket:[4711]`.
pub fn of(pid: Pid) -> Vec<(i32, String)> {
    let folder = fs::read_dir(format!("/proc/{pid}/fd")).expect("it is ours");
    let numbers = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let target = |number: String| {
        // One that is closed meanwhile is none.
        let target = fs::read_link(format!("/proc/{pid}/fd/{number}")).ok()?;
        let target = target.to_string_lossy().into_owned();
        Some((number.parse().unwrap(), target))
    };
    numbers.filter_map(target).collect()
}

/// Copies of a process's sockets.
pub fn sockets(pid: Pid) -> Result<Vec<OwnedFd>, Completion> {
    let process = pidfd_open(pid, PidfdFlags::empty()).expect("it is there");
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

/// The value of an option that is a number; none where the socket has no such option.
pub fn option(socket: &OwnedFd, level: i32, option: i32) -> Option<i32> {
    use std::os::fd::AsRawFd;
    // SAFETY: the socket stays open for as long as it is borrowed.
    let fd = unsafe { ring3::fd::BorrowedFd::borrow_raw(socket.as_raw_fd()) };
    ring3::net::get_option(fd, level, option).ok()
}

/// Checks that execve would close all of a process's descriptors but the standard ones (proc_pid_fdinfo(5)).
pub fn all_close_at_exec(pid: Pid) {
    const CLOEXEC: u32 = 0o2_000_000;
    let mut count = 0;
    for (number, target) in of(pid).into_iter().filter(|(number, _)| *number > 2) {
        let Ok(info) = fs::read_to_string(format!("/proc/{pid}/fdinfo/{number}")) else {
            continue; // it was closed meanwhile
        };
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
        let flags = u32::from_str_radix(flags.expect("flags").trim(), 8).unwrap();
        assert_ne!(flags & CLOEXEC, 0, "descriptor {number}, {target}");
        count += 1;
    }
    assert!(count > 2, "{count}");
}
