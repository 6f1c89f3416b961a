//! What the kernel says of this process, and where its threads run.

use std::{fs::File, io::Read, mem::MaybeUninit};

/// Keeps the calling thread, and those it makes from now on, on one core.
pub fn pin(core: usize) {
    // SAFETY: an empty set is zeros.
    let mut set: libc::cpu_set_t = unsafe { MaybeUninit::zeroed().assume_init() };
    // SAFETY: the set is ours, and has room for 1024 cores.
    unsafe { libc::CPU_SET(core, &mut set) };
    // Where that core is not ours to use, any other will do.
    // SAFETY: the kernel reads the set.
    unsafe { libc::sched_setaffinity(0, size_of_val(&set), &set) };
}

/// Nanoseconds of `clock`.
pub fn nanoseconds(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the time is ours to be written.
    unsafe { libc::clock_gettime(clock, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Page faults that took no reading from a disk, so far.
pub fn faults() -> i64 {
    // SAFETY: all its fields are numbers.
    let mut usage: libc::rusage = unsafe { MaybeUninit::zeroed().assume_init() };
    // SAFETY: the usage is ours to be written.
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut usage) };
    usage.ru_minflt
}

/// Bytes of memory that are resident. It allocates nothing.
pub fn resident() -> usize {
    let mut bytes = [0; 128];
    let length = File::open("/proc/self/statm")
        .and_then(|mut statm| statm.read(&mut bytes))
        .expect("/proc is mounted");
    let text = str::from_utf8(&bytes[..length]).expect("statm is numbers");
    let pages = text.split(' ').nth(1).and_then(|field| field.parse().ok());
    let pages: usize = pages.expect("statm's second field");
    // SAFETY: it reads a constant of the process.
    pages * unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize
}
