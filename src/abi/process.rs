//! Constants and structures of processes, threads and resource limits.

super::abi! {
    consts ["linux/prctl.h" i32] {
        /// Sets the signal that the process gets when its parent ends.
        PR_SET_PDEATHSIG = 1,
        /// Sets whether the process becomes the parent of its orphaned descendants.
        PR_SET_CHILD_SUBREAPER = 36,
        /// Sets the calling thread's name: at most 15 bytes and a zero.
        PR_SET_NAME = 15,
        /// Reads the calling thread's name: 16 bytes, including the zero at the end.
        PR_GET_NAME = 16,
        /// Sets whether transparent huge pages are disabled for the process.
        PR_SET_THP_DISABLE = 41,
    }

    /// Flags of clone(2): what a new thread or process shares with its creator, and how it starts and ends.
    flags ["linux/sched.h" Share: usize] {
        /// Shares all memory.
        CLONE_VM = 0x100,
        /// Shares the working directory, the root directory and the umask.
        CLONE_FS = 0x200,
        /// Shares the table of file descriptors.
        CLONE_FILES = 0x400,
        /// Shares the table of signal handlers.
        CLONE_SIGHAND = 0x800,
        /// The calling thread sleeps until the child executes another program or ends.
        CLONE_VFORK = 0x4000,
        /// The child is a thread of the same process.
        CLONE_THREAD = 0x10000,
        /// Shares the list of System V semaphore operations to undo at exit.
        CLONE_SYSVSEM = 0x40000,
        /// Sets the child's thread pointer.
        CLONE_SETTLS = 0x80000,
        /// Writes the child's id to a given address before either thread continues.
        CLONE_PARENT_SETTID = 0x100000,
        /// When the child ends, the kernel writes 0 to a given address, and wakes a thread that waits there.
        /// The wait must use a futex that is not private.
        CLONE_CHILD_CLEARTID = 0x200000,
    }

    consts ["linux/wait.h" i32] {
        /// Returns at once if no child has ended.
        WNOHANG = 1,
        /// Also reports children that a signal stopped.
        WUNTRACED = 2,
        /// `waitid`: waits for children that have ended.
        WEXITED = 4,
        /// `waitid`: waits for the child that a pidfd refers to.
        P_PIDFD = 3,
    }

    consts ["asm/siginfo.h" i32] {
        /// `si_code` of `SIGCHLD` and `waitid`: the child called exit.
        CLD_EXITED = 1,
    }

    consts ["linux/close_range.h" u32] {
        /// Sets `FD_CLOEXEC` instead of closing.
        CLOSE_RANGE_CLOEXEC = 4,
    }

    /// Resources that a process has used.
    record ["linux/resource.h" "struct rusage" Rusage + 104] {
        /// CPU time in user mode.
        ru_utime: super::time::Timeval,
        /// CPU time in the kernel.
        ru_stime: super::time::Timeval,
        /// The peak resident memory, in KiB.
        ru_maxrss: i64,
    }

    consts ["asm/resource.h" u32] {
        /// One more than the largest possible descriptor number.
        RLIMIT_NOFILE = 7,
        /// Bytes of address space.
        RLIMIT_AS = 9,
    }

    /// A limit of a resource. All bits set means no limit.
    record ["linux/resource.h" "struct rlimit64" Rlimit] {
        /// The soft limit: the limit that the kernel enforces.
        rlim_cur: u64,
        /// The hard limit: the maximum of `rlim_cur`.
        rlim_max: u64,
    }
}
