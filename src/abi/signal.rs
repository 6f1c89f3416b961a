//! Signal numbers, and the constants and structures of signal handling.

super::abi! {
    /// The signals' names in the order of their numbers, with a space after each.
    numbered ["asm/signal.h" i32: NAMES] {
        /// The terminal has hung up. By convention, daemons reload their configuration.
        SIGHUP = 1,
        /// The terminal's interrupt key (Ctrl-C).
        SIGINT = 2,
        /// The terminal's quit key (Ctrl-\): ends the process with a core dump.
        SIGQUIT = 3,
        /// An illegal instruction.
        SIGILL = 4,
        /// A breakpoint.
        SIGTRAP = 5,
        /// abort(3): ends the process with a core dump.
        SIGABRT = 6,
        /// An access to a mapped page without memory: the mapped file was truncated.
        SIGBUS = 7,
        /// An arithmetic error, such as an integer division by zero.
        SIGFPE = 8,
        /// Ends the process at once. Can't be handled or blocked.
        SIGKILL = 9,
        /// For the program's own use.
        SIGUSR1 = 10,
        /// An access to memory that is not mapped, or whose protection forbids the access.
        SIGSEGV = 11,
        /// For the program's own use, as `SIGUSR1`.
        SIGUSR2 = 12,
        /// A write to a pipe or socket without a reader.
        SIGPIPE = 13,
        /// The timer of alarm(2) has expired.
        SIGALRM = 14,
        /// The request to end.
        SIGTERM = 15,
        /// Not used.
        SIGSTKFLT = 16,
        /// A child has ended, or was stopped.
        SIGCHLD = 17,
        /// Continues a stopped process.
        SIGCONT = 18,
        /// Stops the process. Can't be handled or blocked.
        SIGSTOP = 19,
        /// The terminal's suspend key (Ctrl-Z): stops the process.
        SIGTSTP = 20,
        /// A background process reads from the terminal: stops the process.
        SIGTTIN = 21,
        /// A background process changes the terminal's settings, or writes to the terminal after `stty
        /// tostop`: stops the process.
        SIGTTOU = 22,
        /// Urgent data at a socket.
        SIGURG = 23,
        /// The process used more CPU time than `RLIMIT_CPU`.
        SIGXCPU = 24,
        /// A write beyond the file size limit `RLIMIT_FSIZE`.
        SIGXFSZ = 25,
        /// A virtual timer (`ITIMER_VIRTUAL`) has expired.
        SIGVTALRM = 26,
        /// A profiling timer (`ITIMER_PROF`) has expired.
        SIGPROF = 27,
        /// The size of the terminal's window has changed.
        SIGWINCH = 28,
        /// A descriptor is ready (`O_ASYNC`).
        SIGIO = 29,
        /// Power failure.
        SIGPWR = 30,
        /// A system call that a seccomp filter refuses.
        SIGSYS = 31,
    }

    consts ["asm/signal.h" i32] {
        /// `rt_sigprocmask`: adds to the blocked signals.
        SIG_BLOCK = 0,
        /// `rt_sigprocmask`: removes from the blocked signals.
        SIG_UNBLOCK = 1,
        /// `rt_sigprocmask`: replaces the set of blocked signals.
        SIG_SETMASK = 2,
    }

    consts ["signal.h" i32] {
        /// The highest signal number. The lowest is 1.
        __SIGRTMAX = 64,
    }

    consts ["asm/signal.h" usize] {
        /// The handler also gets a `siginfo` and a `ucontext`.
        SA_SIGINFO = 4,
        /// `sa_restorer` is set.
        SA_RESTORER = 0x04000000,
        /// The handler runs on the thread's alternate stack, if the thread has one.
        SA_ONSTACK = 0x08000000,
    }

    consts ["asm/siginfo.h" i32] {
        /// `si_code`: the kernel sent the signal, not a process.
        SI_KERNEL = 0x80,
        /// `si_code` of `SIGSEGV`: the address is not mapped.
        SEGV_MAPERR = 1,
        /// `si_code` of `SIGSEGV`: the mapping's protection forbids the access.
        SEGV_ACCERR = 2,
    }

    /// The `siginfo` of a fault.
    record ["asm/siginfo.h" "struct siginfo" SigFault + 104] {
        /// The signal's number.
        si_signo: i32,
        /// Nearly always 0.
        si_errno: i32,
        /// The cause: `SEGV_*`.
        si_code: i32,
        /// The address of the access.
        si_addr: usize,
    }

    offsets ["ucontext.h" "ucontext_t"] {
        /// The stack pointer of the interrupted code.
        UC_SP ["uc_mcontext.gregs[REG_RSP]" "uc_mcontext.sp"] = { x86_64 160, aarch64 432 },
        /// The instruction pointer of the interrupted code.
        UC_PC ["uc_mcontext.gregs[REG_RIP]" "uc_mcontext.pc"] = { x86_64 168, aarch64 440 },
    }

    /// Information about a signal, or about the end of a child.
    record ["asm/siginfo.h" "struct siginfo" Siginfo + 80] {
        /// The signal's number.
        si_signo: i32,
        /// Nearly always 0.
        si_errno: i32,
        /// The signal's origin: `SI_*`; or how a child ended: `CLD_*`.
        si_code: i32,
        /// The fields that depend on the signal.
        _sifields: Sifields,
    }

    /// The fields that depend on the signal. The union has many variants; this record has only the variant
    /// for the end of a child.
    record ["asm/siginfo.h" "union __sifields" Sifields] {
        /// For `SIGCHLD` and waitid(2).
        _sigchld: Sigchld,
    }

    /// The end of a child.
    record ["asm/siginfo.h" "__typeof__(((union __sifields *)0)->_sigchld)" Sigchld] {
        /// The child's process id.
        _pid: i32,
        /// The child's real user id.
        _uid: u32,
        /// The exit status, or the signal that ended the child.
        _status: i32,
        /// CPU time in user mode, in clock ticks.
        _utime: i64,
        /// CPU time in the kernel, in clock ticks.
        _stime: i64,
    }

    /// The action of a signal. On aarch64 the kernel's structure has the same four fields: the headers define
    /// `SA_RESTORER` there too, although the field is not needed.
    record ["asm/signal.h" "struct sigaction" Sigaction] {
        /// 0 is `SIG_DFL`, 1 is `SIG_IGN`, any other value is the handler's address.
        sa_handler: usize,
        /// `SA_*`
        sa_flags: usize,
        /// The code to which a handler returns. x86_64 requires it, with `SA_RESTORER`.
        sa_restorer: usize,
        /// Signals blocked while the handler runs: bit N-1 for signal N.
        sa_mask: u64,
    }

    consts ["linux/signal.h" i32] {
        /// `ss_flags`: there is no alternate stack.
        SS_DISABLE = 2,
    }

    /// An alternate stack for signal handlers.
    record ["asm/signal.h" "stack_t" StackT] {
        /// The stack's lowest address.
        ss_sp: *mut u8,
        /// `SS_*`. A program sets 0 or `SS_DISABLE`.
        ss_flags: i32,
        /// The stack's size in bytes.
        ss_size: usize,
    }

    /// Flags of signalfd4.
    flags ["linux/signalfd.h" Sfd: u32] {
        /// A read from the descriptor does not wait: it fails with `EAGAIN`.
        SFD_NONBLOCK = 0o4000,
        /// execve closes the descriptor.
        SFD_CLOEXEC = 0o2000000,
    }

    /// The record that a signalfd returns for each signal. Only its first field has a name here.
    record ["linux/signalfd.h" "struct signalfd_siginfo" SignalfdSiginfo + 124] {
        /// The signal's number.
        ssi_signo: u32,
    }
}
