//! Constants and structures of processes, threads and resource limits.

super::abi! {
    // Operations that no architecture of this library has are left out (PR_SET_ENDIAN, PR_MPX_ENABLE_MANAGEMENT and others).
    consts ["linux/prctl.h" i32] {
        /// Sets the signal that the process gets when its parent ends.
        PR_SET_PDEATHSIG = 1,
        /// Reads what `PR_SET_PDEATHSIG` sets.
        PR_GET_PDEATHSIG = 2,
        /// Reads whether the process can dump core and be traced.
        PR_GET_DUMPABLE = 3,
        /// Sets whether the process can dump core and be traced.
        PR_SET_DUMPABLE = 4,
        /// Reads what `PR_SET_KEEPCAPS` sets.
        PR_GET_KEEPCAPS = 7,
        /// Sets whether capabilities stay when the last user id of 0 is given up.
        PR_SET_KEEPCAPS = 8,
        /// Reads the kind of timing.
        PR_GET_TIMING = 13,
        /// Sets the kind of timing: `PR_TIMING_STATISTICAL` only.
        PR_SET_TIMING = 14,
        /// Sets the calling thread's name: at most 15 bytes and a zero.
        PR_SET_NAME = 15,
        /// Reads the calling thread's name: 16 bytes, including the zero at the end.
        PR_GET_NAME = 16,
        /// Reads the mode of seccomp(2).
        PR_GET_SECCOMP = 21,
        /// Sets the mode of seccomp(2).
        PR_SET_SECCOMP = 22,
        /// Reads whether a capability is in the bounding set.
        PR_CAPBSET_READ = 23,
        /// Removes a capability from the bounding set.
        PR_CAPBSET_DROP = 24,
        /// Reads whether the time-stamp counter can be read (x86).
        PR_GET_TSC = 25,
        /// Sets whether the time-stamp counter can be read (x86).
        PR_SET_TSC = 26,
        /// Reads the `securebits` of capabilities(7).
        PR_GET_SECUREBITS = 27,
        /// Sets the `securebits` of capabilities(7).
        PR_SET_SECUREBITS = 28,
        /// Sets how late timers of the thread may expire, in nanoseconds.
        PR_SET_TIMERSLACK = 29,
        /// Reads what `PR_SET_TIMERSLACK` sets.
        PR_GET_TIMERSLACK = 30,
        /// Disables the performance counters that the process created.
        PR_TASK_PERF_EVENTS_DISABLE = 31,
        /// Enables the performance counters that the process created.
        PR_TASK_PERF_EVENTS_ENABLE = 32,
        /// Sets how failed memory is reported.
        PR_MCE_KILL = 33,
        /// Reads what `PR_MCE_KILL` sets.
        PR_MCE_KILL_GET = 34,
        /// Changes the kernel's description of the process's memory (`PR_SET_MM_*`).
        PR_SET_MM = 35,
        /// Sets whether the process becomes the parent of its orphaned descendants.
        PR_SET_CHILD_SUBREAPER = 36,
        /// Reads what `PR_SET_CHILD_SUBREAPER` sets.
        PR_GET_CHILD_SUBREAPER = 37,
        /// Ends that execve(2) can add rights. Can't be undone.
        PR_SET_NO_NEW_PRIVS = 38,
        /// Reads what `PR_SET_NO_NEW_PRIVS` sets.
        PR_GET_NO_NEW_PRIVS = 39,
        /// Reads the address that set_tid_address(2) set.
        PR_GET_TID_ADDRESS = 40,
        /// Sets whether transparent huge pages are disabled for the process.
        PR_SET_THP_DISABLE = 41,
        /// Reads what `PR_SET_THP_DISABLE` sets.
        PR_GET_THP_DISABLE = 42,
        /// Reads or changes the ambient set of capabilities (`PR_CAP_AMBIENT_*`).
        PR_CAP_AMBIENT = 47,
        /// Sets the length of SVE's vectors (aarch64).
        PR_SVE_SET_VL = 50,
        /// Reads the length of SVE's vectors (aarch64).
        PR_SVE_GET_VL = 51,
        /// Reads the mitigation of a misfeature of speculation.
        PR_GET_SPECULATION_CTRL = 52,
        /// Sets the mitigation of a misfeature of speculation.
        PR_SET_SPECULATION_CTRL = 53,
        /// Makes new keys of pointer authentication (aarch64).
        PR_PAC_RESET_KEYS = 54,
        /// Sets whether calls take tagged addresses (aarch64).
        PR_SET_TAGGED_ADDR_CTRL = 55,
        /// Reads what `PR_SET_TAGGED_ADDR_CTRL` sets.
        PR_GET_TAGGED_ADDR_CTRL = 56,
        /// Marks a process that storage needs to free memory.
        PR_SET_IO_FLUSHER = 57,
        /// Reads what `PR_SET_IO_FLUSHER` sets.
        PR_GET_IO_FLUSHER = 58,
        /// Sends system calls from outside an address range to the program, as `SIGSYS`.
        PR_SET_SYSCALL_USER_DISPATCH = 59,
        /// Sets which keys of pointer authentication are in use (aarch64).
        PR_PAC_SET_ENABLED_KEYS = 60,
        /// Reads what `PR_PAC_SET_ENABLED_KEYS` sets.
        PR_PAC_GET_ENABLED_KEYS = 61,
        /// Manages which threads may share a core (`PR_SCHED_CORE_*`).
        PR_SCHED_CORE = 62,
        /// Sets the length of SME's vectors (aarch64).
        PR_SME_SET_VL = 63,
        /// Reads the length of SME's vectors (aarch64).
        PR_SME_GET_VL = 64,
        /// Sets which process may trace this one, under the security module Yama.
        PR_SET_PTRACER = 0x59616d61,
        /// Sets a property of a mapping: `PR_SET_VMA_ANON_NAME`.
        PR_SET_VMA = 0x53564d41,
        /// `PR_SET_VMA`: the name of an anonymous mapping in /proc/PID/maps.
        PR_SET_VMA_ANON_NAME = 0,
        /// `PR_CAP_AMBIENT`: reads whether a capability is in the set.
        PR_CAP_AMBIENT_IS_SET = 1,
        /// `PR_CAP_AMBIENT`: adds a capability.
        PR_CAP_AMBIENT_RAISE = 2,
        /// `PR_CAP_AMBIENT`: removes a capability.
        PR_CAP_AMBIENT_LOWER = 3,
        /// `PR_CAP_AMBIENT`: removes all capabilities.
        PR_CAP_AMBIENT_CLEAR_ALL = 4,
        /// `PR_SET_TIMING`: by samples.
        PR_TIMING_STATISTICAL = 0,
        /// `PR_SET_TIMING`: exact. No kernel supports it.
        PR_TIMING_TIMESTAMP = 1,
        /// `PR_SET_TSC`: can be read.
        PR_TSC_ENABLE = 1,
        /// `PR_SET_TSC`: a read raises `SIGSEGV`.
        PR_TSC_SIGSEGV = 2,
        /// `PR_MCE_KILL`: the system's setting.
        PR_MCE_KILL_CLEAR = 0,
        /// `PR_MCE_KILL`: a setting of the thread's own.
        PR_MCE_KILL_SET = 1,
        /// `PR_MCE_KILL_SET`: when the memory is accessed.
        PR_MCE_KILL_LATE = 0,
        /// `PR_MCE_KILL_SET`: when the failure is found.
        PR_MCE_KILL_EARLY = 1,
        /// `PR_MCE_KILL_SET`: the system's setting.
        PR_MCE_KILL_DEFAULT = 2,
        /// `PR_SET_MM`: where the code begins.
        PR_SET_MM_START_CODE = 1,
        /// `PR_SET_MM`: where the code ends.
        PR_SET_MM_END_CODE = 2,
        /// `PR_SET_MM`: where the data begins.
        PR_SET_MM_START_DATA = 3,
        /// `PR_SET_MM`: where the data ends.
        PR_SET_MM_END_DATA = 4,
        /// `PR_SET_MM`: where the stack begins.
        PR_SET_MM_START_STACK = 5,
        /// `PR_SET_MM`: where the memory of brk(2) begins.
        PR_SET_MM_START_BRK = 6,
        /// `PR_SET_MM`: where the memory of brk(2) ends.
        PR_SET_MM_BRK = 7,
        /// `PR_SET_MM`: where the arguments begin.
        PR_SET_MM_ARG_START = 8,
        /// `PR_SET_MM`: where the arguments end.
        PR_SET_MM_ARG_END = 9,
        /// `PR_SET_MM`: where the environment begins.
        PR_SET_MM_ENV_START = 10,
        /// `PR_SET_MM`: where the environment ends.
        PR_SET_MM_ENV_END = 11,
        /// `PR_SET_MM`: the auxiliary vector.
        PR_SET_MM_AUXV = 12,
        /// `PR_SET_MM`: the file that /proc/PID/exe leads to.
        PR_SET_MM_EXE_FILE = 13,
        /// `PR_SET_MM`: all of these in one structure.
        PR_SET_MM_MAP = 14,
        /// `PR_SET_MM`: reads the size of that structure.
        PR_SET_MM_MAP_SIZE = 15,
        /// Speculation: loads that bypass earlier stores.
        PR_SPEC_STORE_BYPASS = 0,
        /// Speculation: indirect branches.
        PR_SPEC_INDIRECT_BRANCH = 1,
        /// Speculation: flushes the L1 data cache when the thread is switched.
        PR_SPEC_L1D_FLUSH = 2,
        /// Speculation: the CPU does not have the misfeature.
        PR_SPEC_NOT_AFFECTED = 0,
        /// Speculation: can be set for a thread.
        PR_SPEC_PRCTL = 1,
        /// Speculation: the misfeature is enabled.
        PR_SPEC_ENABLE = 2,
        /// Speculation: the misfeature is disabled.
        PR_SPEC_DISABLE = 4,
        /// Speculation: the misfeature is disabled, and can't be enabled again.
        PR_SPEC_FORCE_DISABLE = 8,
        /// Speculation: the misfeature is disabled up to the next execve(2).
        PR_SPEC_DISABLE_NOEXEC = 16,
        /// Pointer authentication: instruction key A.
        PR_PAC_APIAKEY = 1,
        /// Pointer authentication: instruction key B.
        PR_PAC_APIBKEY = 2,
        /// Pointer authentication: data key A.
        PR_PAC_APDAKEY = 4,
        /// Pointer authentication: data key B.
        PR_PAC_APDBKEY = 8,
        /// Pointer authentication: the generic key.
        PR_PAC_APGAKEY = 16,
        /// `PR_SET_TAGGED_ADDR_CTRL`: calls take tagged addresses.
        PR_TAGGED_ADDR_ENABLE = 1,
        /// `PR_SET_TAGGED_ADDR_CTRL`: faults of tags are ignored.
        PR_MTE_TCF_NONE = 0,
        /// `PR_SET_TAGGED_ADDR_CTRL`: faults of tags are reported at the access.
        PR_MTE_TCF_SYNC = 2,
        /// `PR_SET_TAGGED_ADDR_CTRL`: faults of tags are reported later.
        PR_MTE_TCF_ASYNC = 4,
        /// `PR_SET_SYSCALL_USER_DISPATCH`: off.
        PR_SYS_DISPATCH_OFF = 0,
        /// `PR_SET_SYSCALL_USER_DISPATCH`: on.
        PR_SYS_DISPATCH_ON = 1,
        /// `PR_SCHED_CORE`: reads the cookie.
        PR_SCHED_CORE_GET = 0,
        /// `PR_SCHED_CORE`: makes a new cookie.
        PR_SCHED_CORE_CREATE = 1,
        /// `PR_SCHED_CORE`: gives the thread's cookie to another thread.
        PR_SCHED_CORE_SHARE_TO = 2,
        /// `PR_SCHED_CORE`: takes the cookie of another thread.
        PR_SCHED_CORE_SHARE_FROM = 3,
    }

    /// Flags of clone(2): what a new thread or process shares with its creator, and how it starts and ends.
    flags ["linux/sched.h" Share: usize] {
        /// The bits for the signal that the parent gets at the child's end.
        CSIGNAL = 0xff,
        /// unshare(2), setns(2): a time namespace: offsets of the monotonic and the boot clock.
        CLONE_NEWTIME = 0x80,
        /// Shares all memory.
        CLONE_VM = 0x100,
        /// Shares the working directory, the root directory and the umask.
        CLONE_FS = 0x200,
        /// Shares the table of file descriptors.
        CLONE_FILES = 0x400,
        /// Shares the table of signal handlers.
        CLONE_SIGHAND = 0x800,
        /// Writes a pidfd of the child to a given address.
        CLONE_PIDFD = 0x1000,
        /// A tracer of the caller also traces the child.
        CLONE_PTRACE = 0x2000,
        /// The calling thread sleeps until the child executes another program or ends.
        CLONE_VFORK = 0x4000,
        /// The child gets the caller's parent as its parent.
        CLONE_PARENT = 0x8000,
        /// The child is a thread of the same process.
        CLONE_THREAD = 0x10000,
        /// A mount namespace.
        CLONE_NEWNS = 0x20000,
        /// Shares the list of System V semaphore operations to undo at exit.
        CLONE_SYSVSEM = 0x40000,
        /// Sets the child's thread pointer.
        CLONE_SETTLS = 0x80000,
        /// Writes the child's id to a given address before either thread continues.
        CLONE_PARENT_SETTID = 0x100000,
        /// When the child ends, the kernel writes 0 to a given address, and wakes a thread that waits there.
        /// The wait must use a futex that is not private.
        CLONE_CHILD_CLEARTID = 0x200000,
        /// Has no effect.
        CLONE_DETACHED = 0x400000,
        /// A tracer can't force `CLONE_PTRACE` on the child.
        CLONE_UNTRACED = 0x800000,
        /// Writes the child's id to a given address in the child's memory.
        CLONE_CHILD_SETTID = 0x1000000,
        /// A namespace of control groups.
        CLONE_NEWCGROUP = 0x2000000,
        /// A namespace of the host name and the domain name.
        CLONE_NEWUTS = 0x4000000,
        /// A namespace of System V IPC and POSIX message queues.
        CLONE_NEWIPC = 0x8000000,
        /// A namespace of user and group ids and capabilities.
        CLONE_NEWUSER = 0x10000000,
        /// A namespace of process ids. The first child in it is process 1.
        CLONE_NEWPID = 0x20000000,
        /// A network namespace: interfaces, addresses and routes.
        CLONE_NEWNET = 0x40000000,
        /// Shares the I/O context: the I/O scheduler treats the two as one.
        CLONE_IO = 0x80000000,
    }

    consts ["linux/wait.h" i32] {
        /// Returns at once if no child has ended.
        WNOHANG = 1,
        /// Also reports children that a signal stopped.
        WUNTRACED = 2,
        /// `waitid`: waits for children that a signal stopped.
        WSTOPPED = 2,
        /// `waitid`: waits for children that have ended.
        WEXITED = 4,
        /// Also reports children that `SIGCONT` continued.
        WCONTINUED = 8,
        /// `waitid`: leaves the child in its state, so that it can be waited for again.
        WNOWAIT = 0x1000000,
        /// Waits for children of the calling thread only.
        __WNOTHREAD = 0x20000000,
        /// Waits for children of any kind.
        __WALL = 0x40000000,
        /// `waitid`: waits for any child.
        P_ALL = 0,
        /// `waitid`: waits for the child with an id.
        P_PID = 1,
        /// `waitid`: waits for any child of a process group.
        P_PGID = 2,
        /// `waitid`: waits for the child that a pidfd refers to.
        P_PIDFD = 3,
    }

    consts ["asm/siginfo.h" i32] {
        /// `si_code` of `SIGCHLD` and `waitid`: the child called exit.
        CLD_EXITED = 1,
        /// `si_code` of `SIGCHLD` and `waitid`: a signal ended the child.
        CLD_KILLED = 2,
        /// `si_code` of `SIGCHLD` and `waitid`: a signal ended the child, with a core dump.
        CLD_DUMPED = 3,
        /// `si_code` of `SIGCHLD` and `waitid`: the traced child is in a trap.
        CLD_TRAPPED = 4,
        /// `si_code` of `SIGCHLD` and `waitid`: a signal stopped the child.
        CLD_STOPPED = 5,
        /// `si_code` of `SIGCHLD` and `waitid`: `SIGCONT` continued the child.
        CLD_CONTINUED = 6,
    }

    consts ["linux/close_range.h" u32] {
        /// Gives the thread its own table of descriptors first.
        CLOSE_RANGE_UNSHARE = 2,
        /// Sets `FD_CLOEXEC` instead of closing.
        CLOSE_RANGE_CLOEXEC = 4,
    }

    /// Resources that a process has used.
    record ["linux/resource.h" "struct rusage" Rusage + { 104, bits32 52 }] {
        /// CPU time in user mode.
        ru_utime: super::time::Timeval,
        /// CPU time in the kernel.
        ru_stime: super::time::Timeval,
        /// The peak resident memory, in KiB.
        ru_maxrss: isize,
    }

    consts ["asm/resource.h" u32] {
        /// Seconds of CPU time, after which the process gets `SIGXCPU`.
        RLIMIT_CPU = 0,
        /// Bytes of a file: the longest file that the process can write.
        RLIMIT_FSIZE = 1,
        /// Bytes of data: the heap, and private writable mappings.
        RLIMIT_DATA = 2,
        /// Bytes of the first thread's stack, arguments and environment.
        RLIMIT_STACK = 3,
        /// Bytes of a core dump.
        RLIMIT_CORE = 4,
        /// Has no effect since Linux 2.4.30.
        RLIMIT_RSS = 5,
        /// Processes and threads of the user.
        RLIMIT_NPROC = 6,
        /// One more than the largest possible descriptor number.
        RLIMIT_NOFILE = 7,
        /// Bytes of locked memory.
        RLIMIT_MEMLOCK = 8,
        /// Bytes of address space.
        RLIMIT_AS = 9,
        /// Has no effect since Linux 2.4.25.
        RLIMIT_LOCKS = 10,
        /// Queued signals of the user.
        RLIMIT_SIGPENDING = 11,
        /// Bytes of POSIX message queues of the user.
        RLIMIT_MSGQUEUE = 12,
        /// 20 minus the lowest nice value that the process can set.
        RLIMIT_NICE = 13,
        /// The highest real-time priority.
        RLIMIT_RTPRIO = 14,
        /// Microseconds of CPU time that a real-time thread can use without waiting.
        RLIMIT_RTTIME = 15,
        /// The number of resources.
        RLIM_NLIMITS = 16,
    }

    /// A limit of a resource. All bits set means no limit.
    record ["linux/resource.h" "struct rlimit64" Rlimit] {
        /// The soft limit: the limit that the kernel enforces.
        rlim_cur: u64,
        /// The hard limit: the maximum of `rlim_cur`.
        rlim_max: u64,
    }

    consts ["linux/sched.h" u64] {
        /// clone3(2): handled signals get their default action in the child.
        CLONE_CLEAR_SIGHAND = 0x100000000,
        /// clone3(2): the child begins in a given control group.
        CLONE_INTO_CGROUP = 0x200000000,
    }

    /// The arguments of clone3(2).
    record ["linux/sched.h" "struct clone_args" CloneArgs] {
        /// `CLONE_*`.
        flags: u64,
        /// Where to write the pidfd (`CLONE_PIDFD`).
        pidfd: u64,
        /// Where to write the child's id in its memory (`CLONE_CHILD_SETTID`).
        child_tid: u64,
        /// Where to write the child's id in the parent's memory (`CLONE_PARENT_SETTID`).
        parent_tid: u64,
        /// The signal that the parent gets at the child's end.
        exit_signal: u64,
        /// The lowest address of the child's stack.
        stack: u64,
        /// The size of the stack, in bytes.
        stack_size: u64,
        /// The child's thread pointer (`CLONE_SETTLS`).
        tls: u64,
        /// The address of an array with the ids that the child is to have, one for each nested namespace.
        set_tid: u64,
        /// The number of these ids.
        set_tid_size: u64,
        /// The descriptor of a control group (`CLONE_INTO_CGROUP`).
        cgroup: u64,
    }

    consts ["linux/sched.h" i32] {
        /// The policy of ordinary threads: `SCHED_OTHER` of sched(7).
        SCHED_NORMAL = 0,
        /// Real time: runs until it waits or a thread of higher priority is ready.
        SCHED_FIFO = 1,
        /// Real time: as `SCHED_FIFO`, with time slices.
        SCHED_RR = 2,
        /// For threads that compute and do not interact.
        SCHED_BATCH = 3,
        /// For threads that run when no other thread is ready.
        SCHED_IDLE = 5,
        /// Real time: with a period, a run time and a deadline.
        SCHED_DEADLINE = 6,
        /// Children get the ordinary policy.
        SCHED_RESET_ON_FORK = 0x40000000,
    }

    consts ["linux/wait.h" u32] {
        /// Waits for children that end without `SIGCHLD`.
        __WCLONE = 0x80000000,
    }

    consts ["linux/resource.h" i32] {
        /// getrusage(2): the process.
        RUSAGE_SELF = 0,
        /// getrusage(2): the children that have been waited for.
        RUSAGE_CHILDREN = (-1),
        /// getrusage(2): the calling thread.
        RUSAGE_THREAD = 1,
        /// The lowest nice value: the highest priority.
        PRIO_MIN = (-20),
        /// One more than the highest nice value.
        PRIO_MAX = 20,
        /// getpriority(2): a process.
        PRIO_PROCESS = 0,
        /// getpriority(2): a process group.
        PRIO_PGRP = 1,
        /// getpriority(2): all processes of a user.
        PRIO_USER = 2,
    }

    consts ["linux/resource.h" u64] {
        /// No limit.
        RLIM64_INFINITY = 0xffff_ffff_ffff_ffff,
    }
}
