//! Signals.

super::abi! {
    /// The names of the signals, in the order of the numbers, a space after each.
    numbered ["asm/signal.h" i32: NAMES] {
        /// The terminal is gone; by custom, to read settings again.
        SIGHUP = 1,
        /// The terminal's interrupt key.
        SIGINT = 2,
        /// The terminal's quit key: ends with a core dump.
        SIGQUIT = 3,
        /// An instruction that the CPU does not have.
        SIGILL = 4,
        /// A breakpoint.
        SIGTRAP = 5,
        /// abort(3): ends with a core dump.
        SIGABRT = 6,
        /// An access to a mapped page that has no memory: the mapped file became shorter.
        SIGBUS = 7,
        /// A division by zero.
        SIGFPE = 8,
        /// Ends at once; nobody can handle or block it.
        SIGKILL = 9,
        /// Whatever a program makes of it.
        SIGUSR1 = 10,
        /// An access to memory that is not mapped, or whose protection forbids the access.
        SIGSEGV = 11,
        /// The same as `SIGUSR1`.
        SIGUSR2 = 12,
        /// A write to a pipe or socket that nobody reads.
        SIGPIPE = 13,
        /// The timer of alarm(2) has expired.
        SIGALRM = 14,
        /// The request to end.
        SIGTERM = 15,
        /// Not used.
        SIGSTKFLT = 16,
        /// A child has ended, or was stopped.
        SIGCHLD = 17,
        /// Goes on, where it was stopped.
        SIGCONT = 18,
        /// Stops; nobody can handle or block it.
        SIGSTOP = 19,
        /// The terminal's suspend key: stops.
        SIGTSTP = 20,
        /// A background process reads from the terminal: stops.
        SIGTTIN = 21,
        /// A background process changes the terminal, or writes to it where `stty tostop` says so: stops.
        SIGTTOU = 22,
        /// Urgent data at a socket.
        SIGURG = 23,
        /// More CPU time than `RLIMIT_CPU`.
        SIGXCPU = 24,
        /// A file grown beyond `RLIMIT_FSIZE`.
        SIGXFSZ = 25,
        /// A virtual timer (`ITIMER_VIRTUAL`) has expired.
        SIGVTALRM = 26,
        /// A profiling timer (`ITIMER_PROF`) has expired.
        SIGPROF = 27,
        /// The terminal has another size.
        SIGWINCH = 28,
        /// A descriptor is ready (`O_ASYNC`).
        SIGIO = 29,
        /// Power fails.
        SIGPWR = 30,
        /// A system call that a filter refuses.
        SIGSYS = 31,
    }

    consts ["asm/signal.h" i32] {
        /// `rt_sigprocmask`: add to the blocked signals.
        SIG_BLOCK = 0,
        /// `rt_sigprocmask`: take from the blocked signals.
        SIG_UNBLOCK = 1,
        /// `rt_sigprocmask`: these, and no others, are blocked.
        SIG_SETMASK = 2,
    }

    consts ["signal.h" i32] {
        /// The number of the last signal. The first is 1.
        __SIGRTMAX = 64,
    }

    consts ["asm/signal.h" usize] {
        /// The handler gets a `siginfo` and a `ucontext` too.
        SA_SIGINFO = 4,
        /// `sa_restorer` is set.
        SA_RESTORER = 0x04000000,
        /// The handler runs on the thread's alternate stack, where it has one.
        SA_ONSTACK = 0x08000000,
    }

    consts ["asm/siginfo.h" i32] {
        /// `si_code`: the kernel sent it by itself.
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

    places ["ucontext.h" "ucontext_t"] {
        /// The stack pointer of the interrupted code.
        UC_SP ["uc_mcontext.gregs[REG_RSP]" "uc_mcontext.sp"] = { x86_64 160, aarch64 432 },
        /// The instruction pointer of the interrupted code.
        UC_PC ["uc_mcontext.gregs[REG_RIP]" "uc_mcontext.pc"] = { x86_64 168, aarch64 440 },
    }

    /// What the kernel tells of a signal, or of a child's end.
    record ["asm/siginfo.h" "struct siginfo" Siginfo + 80] {
        /// The signal's number.
        si_signo: i32,
        /// Nearly always 0.
        si_errno: i32,
        /// Where it comes from: `SI_*`; or how a child ended: `CLD_*`.
        si_code: i32,
        /// The rest, by signal.
        _sifields: Sifields,
    }

    /// What differs by signal; of the many kinds, that of a child's end.
    record ["asm/siginfo.h" "union __sifields" Sifields] {
        /// Of `SIGCHLD` and of waitid(2).
        _sigchld: Sigchld,
    }

    /// A child's end.
    record ["asm/siginfo.h" "__typeof__(((union __sifields *)0)->_sigchld)" Sigchld] {
        /// Which process.
        _pid: i32,
        /// Whose it was.
        _uid: u32,
        /// Its exit status, or the signal that ended it.
        _status: i32,
        /// Time of CPUs in the program, in ticks.
        _utime: i64,
        /// And in the kernel for it.
        _stime: i64,
    }

    /// What happens at a signal. On aarch64 the kernel has the same four fields (`SA_RESTORER` is
    /// defined there too, though nobody needs it).
    record ["asm/signal.h" "struct sigaction" Sigaction] {
        /// 0 is `SIG_DFL`, 1 is `SIG_IGN`, else the handler's address.
        sa_handler: usize,
        /// `SA_*`
        sa_flags: usize,
        /// Where a handler returns to; x86_64 needs it, with `SA_RESTORER`.
        sa_restorer: usize,
        /// Signals blocked while the handler runs, bit N-1 for signal N.
        sa_mask: u64,
    }

    consts ["linux/signal.h" i32] {
        /// There is no alternate stack.
        SS_DISABLE = 2,
    }

    /// A stack for handlers.
    record ["asm/signal.h" "stack_t" StackT] {
        /// Its lowest byte.
        ss_sp: *mut u8,
        /// `SS_*`. A program sets 0 or `SS_DISABLE`.
        ss_flags: i32,
        /// How many bytes it has.
        ss_size: usize,
    }

    /// How a signalfd is made.
    flags ["linux/signalfd.h" Sfd: u32] {
        /// Reading it does not wait.
        SFD_NONBLOCK = 0o4000,
        /// Closed by execve.
        SFD_CLOEXEC = 0o2000000,
    }

    /// What a signalfd gives for each signal; of its many fields, the first.
    record ["linux/signalfd.h" "struct signalfd_siginfo" SignalfdSiginfo + 124] {
        /// The signal's number.
        ssi_signo: u32,
    }
}
