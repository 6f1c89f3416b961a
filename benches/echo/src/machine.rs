//! CPU affinity and limits of processes, and the kernel's figures of the resources that they use.

use std::{fs, io, mem::MaybeUninit, os::unix::process::CommandExt, process::Command};

/// Makes the command run only on these cores, and end when this process ends, for whatever reason.
pub fn confine(command: &mut Command, cores: &'static [usize]) {
    let prepare = move || {
        // SAFETY: a cpu_set_t is an array of integers, for which zero is a valid value: the empty set.
        let mut set: libc::cpu_set_t = unsafe { MaybeUninit::zeroed().assume_init() };
        for &core in cores {
            // SAFETY: CPU_SET writes one bit of `set`, a local variable, and panics if `core` is not below 1024.
            unsafe { libc::CPU_SET(core, &mut set) };
        }
        // If this process may use none of these cores, the call fails, and the command runs on any core.
        // SAFETY: sched_setaffinity reads `set`, a local variable of the given size.
        unsafe { libc::sched_setaffinity(0, size_of_val(&set), &set) };
        // SAFETY: PR_SET_PDEATHSIG takes a number.
        match unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    };
    // SAFETY: between fork and exec only async-signal-safe functions may run. `prepare` makes two system calls,
    // allocates nothing and takes no lock.
    unsafe { command.pre_exec(prepare) };
}

/// Raises the number of files that this process and the processes that it starts may open, to `wanted` if possible.
/// Returns the resulting limit. Never lowers the limit.
pub fn allow_files(wanted: u64) -> u64 {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: getrlimit writes `limit`, a local variable.
    unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) };
    // First to the hard limit, then beyond it, which needs a privilege.
    for hard in [limit.rlim_max, limit.rlim_max.max(wanted)] {
        let raised = libc::rlimit {
            rlim_cur: hard,
            rlim_max: hard,
        };
        // SAFETY: setrlimit reads `raised`, a local variable.
        if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raised) } == 0 {
            limit = raised;
        }
    }
    limit.rlim_cur
}

/// Returns the nanoseconds that the threads of a process have run. They are read from `schedstat`, in which the
/// scheduler counts exactly; the times in `stat` are counted in ticks.
pub fn cpu_time(process: u32) -> u64 {
    let threads = fs::read_dir(format!("/proc/{process}/task")).expect("the process lives");
    threads
        .filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("schedstat")).ok())
        .filter_map(|text| text.split(' ').next()?.parse::<u64>().ok())
        .sum()
}

/// Returns the bytes of a process that are resident. They are read from `smaps_rollup`, for which the kernel walks the
/// page tables; the counters in `statm` are updated only now and then.
pub fn resident(process: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup"));
    let text = text.expect("the process lives");
    let line = text.lines().find_map(|line| line.strip_prefix("Rss:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.expect("a line of smaps_rollup") * 1024
}
