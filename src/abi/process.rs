//! Processes and threads.

super::abi! {
    consts ["linux/prctl.h" i32] {
        /// Sets the signal that the process gets when its parent ends.
        PR_SET_PDEATHSIG = 1,
        /// Sets whether the process is the parent of its descendants that lose theirs.
        PR_SET_CHILD_SUBREAPER = 36,
        /// Sets the calling thread's name, at most 15 bytes and a zero.
        PR_SET_NAME = 15,
        /// The calling thread's name, 16 bytes with the zero at its end.
        PR_GET_NAME = 16,
        /// Whether the process is given huge pages without asking.
        PR_SET_THP_DISABLE = 41,
    }

    /// What a new thread shares with its creator, and what the kernel does about it.
    flags ["linux/sched.h" Share: usize] {
        /// All memory.
        CLONE_VM = 0x100,
        /// The working directory, the root and the umask.
        CLONE_FS = 0x200,
        /// Descriptors.
        CLONE_FILES = 0x400,
        /// Signal handlers.
        CLONE_SIGHAND = 0x800,
        /// The creator's thread goes on when the child has begun another program or ended.
        CLONE_VFORK = 0x4000,
        /// The process id: it is a thread.
        CLONE_THREAD = 0x10000,
        /// What System V semaphores undo at the end.
        CLONE_SYSVSEM = 0x40000,
        /// It has a thread pointer of its own.
        CLONE_SETTLS = 0x80000,
        /// Its id is written before either goes on.
        CLONE_PARENT_SETTID = 0x100000,
        /// Where it ends, 0 is written, and one who waits there, by a futex that is not private, woken.
        CLONE_CHILD_CLEARTID = 0x200000,
    }

    consts ["linux/wait.h" i32] {
        /// Don't wait where no child has ended.
        WNOHANG = 1,
        /// Also report children that were stopped.
        WUNTRACED = 2,
        /// `waitid`: for children that have ended.
        WEXITED = 4,
        /// `waitid`: for the child that a descriptor says.
        P_PIDFD = 3,
    }

    consts ["asm/siginfo.h" i32] {
        /// `si_code` of `SIGCHLD` and `waitid`: it ended by itself.
        CLD_EXITED = 1,
    }

    consts ["linux/close_range.h" u32] {
        /// Closed by execve, and not at once.
        CLOSE_RANGE_CLOEXEC = 4,
    }

    /// What a process has used.
    record ["linux/resource.h" "struct rusage" Rusage + 104] {
        /// Time of CPUs in the program.
        ru_utime: super::time::Timeval,
        /// And in the kernel for it.
        ru_stime: super::time::Timeval,
        /// The most memory at once, in KiB.
        ru_maxrss: i64,
    }

    consts ["asm/resource.h" u32] {
        /// One more than the largest descriptor.
        RLIMIT_NOFILE = 7,
        /// Bytes of address space.
        RLIMIT_AS = 9,
    }

    /// A limit of a resource; all bits set is none.
    record ["linux/resource.h" "struct rlimit64" Rlimit] {
        /// What holds.
        rlim_cur: u64,
        /// What `rlim_cur` may be raised to.
        rlim_max: u64,
    }
}
