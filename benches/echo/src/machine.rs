//! Where processes run, what they may have, and what the kernel says of them.

use std::{fs, io, mem::MaybeUninit, os::unix::process::CommandExt, process::Command};

/// Has the command run on these cores alone, and end when we do, however that comes.
pub fn confine(command: &mut Command, cores: &'static [usize]) {
    let prepare = move || {
        // SAFETY: an empty set is zeros.
        let mut set: libc::cpu_set_t = unsafe { MaybeUninit::zeroed().assume_init() };
        for &core in cores {
            // SAFETY: the set is ours, and has room for 1024 cores.
            unsafe { libc::CPU_SET(core, &mut set) };
        }
        // Where none of them is ours to use, any other will do.
        // SAFETY: the kernel reads the set.
        unsafe { libc::sched_setaffinity(0, size_of_val(&set), &set) };
        // SAFETY: it takes numbers.
        match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    };
    // SAFETY: between fork and exec it makes two system calls, and allocates nothing.
    unsafe { command.pre_exec(prepare) };
}

/// Raises the number of files that we may open, and with us those we start, to `wanted` if that can be,
/// and says what it is. It is never lowered.
pub fn allow_files(wanted: u64) -> u64 {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the limit is ours to be written.
    unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) };
    // The hard limit first as it is, then above itself, which takes a privilege.
    for hard in [limit.rlim_max, limit.rlim_max.max(wanted)] {
        let raised = libc::rlimit {
            rlim_cur: hard,
            rlim_max: hard,
        };
        // SAFETY: the kernel reads the limit.
        if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raised) } == 0 {
            limit = raised;
        }
    }
    limit.rlim_cur
}

/// Nanoseconds that the threads of a process have run. (What the scheduler counted is exact; the times in
/// `stat` are counted in ticks.)
pub fn cpu_time(process: u32) -> u64 {
    let threads = fs::read_dir(format!("/proc/{process}/task")).expect("the process lives");
    threads
        .filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("schedstat")).ok())
        .filter_map(|text| text.split(' ').next()?.parse::<u64>().ok())
        .sum()
}

/// Bytes of memory of a process that are resident. (As its pages say; the counters in `statm` are up to
/// date only now and then.)
pub fn resident(process: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup"));
    let text = text.expect("the process lives");
    let line = text.lines().find_map(|line| line.strip_prefix("Rss:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.expect("a line of smaps_rollup") * 1024
}
