//! CPU affinity of threads, and the kernel's figures of the resources that this process uses.

use std::{fs::File, io::Read, mem::MaybeUninit};

/// Pins the calling thread, and the threads that it starts from now on, to one core.
pub fn pin(core: usize) {
    // SAFETY: a cpu_set_t is an array of integers, for which zero is a valid value: the empty set.
    let mut set: libc::cpu_set_t = unsafe { MaybeUninit::zeroed().assume_init() };
    // SAFETY: CPU_SET writes one bit of `set`, a local variable, and panics if `core` is not below 1024.
    unsafe { libc::CPU_SET(core, &mut set) };
    // If this process may not use that core, the call fails, and the thread runs on any core.
    // SAFETY: sched_setaffinity reads `set`, a local variable of the given size.
    unsafe { libc::sched_setaffinity(0, size_of_val(&set), &set) };
}

/// Returns the time of `clock` in nanoseconds.
pub fn nanoseconds(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: clock_gettime writes `time`, a local variable.
    unsafe { libc::clock_gettime(clock, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Returns the number of minor page faults so far: those that read nothing from a disk.
pub fn faults() -> i64 {
    // SAFETY: all fields of a rusage are integers, for which zero is a valid value.
    let mut usage: libc::rusage = unsafe { MaybeUninit::zeroed().assume_init() };
    // SAFETY: getrusage writes `usage`, a local variable.
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut usage) };
    usage.ru_minflt
}

/// Returns the bytes of this process that are resident. Allocates nothing.
pub fn resident() -> usize {
    let mut bytes = [0; 128];
    let length = File::open("/proc/self/statm")
        .and_then(|mut statm| statm.read(&mut bytes))
        .expect("/proc is mounted");
    let text = str::from_utf8(&bytes[..length]).expect("statm is numbers");
    let pages = text.split(' ').nth(1).and_then(|field| field.parse().ok());
    let pages: usize = pages.expect("statm's second field");
    // SAFETY: sysconf takes a number, and returns a constant of the system.
    pages * unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize
}
