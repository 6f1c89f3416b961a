//! Signals.

super::abi! {
    consts ["asm/signal.h" i32] {
        /// The terminal is gone; by custom, to read settings again.
        SIGHUP = 1,
        /// The terminal's interrupt key.
        SIGINT = 2,
        /// The terminal's quit key: ends with a core dump.
        SIGQUIT = 3,
        /// abort(3): ends with a core dump.
        SIGABRT = 6,
        /// Ends at once; nobody can handle or block it.
        SIGKILL = 9,
        /// Whatever a program makes of it.
        SIGUSR1 = 10,
        /// The same.
        SIGUSR2 = 12,
        /// A write to a pipe or socket that nobody reads.
        SIGPIPE = 13,
        /// The request to end.
        SIGTERM = 15,
        /// A child has ended, or was stopped.
        SIGCHLD = 17,
        /// Goes on, where it was stopped.
        SIGCONT = 18,
        /// A file grown beyond `RLIMIT_FSIZE`.
        SIGXFSZ = 25,
        /// The terminal has another size.
        SIGWINCH = 28,
        /// `rt_sigprocmask`: add to the blocked signals.
        SIG_BLOCK = 0,
        /// `rt_sigprocmask`: take from the blocked signals.
        SIG_UNBLOCK = 1,
        /// `rt_sigprocmask`: these, and no others, are blocked.
        SIG_SETMASK = 2,
    }

    consts ["asm/signal.h" usize] {
        /// `sa_restorer` is set.
        SA_RESTORER = 0x04000000,
    }

    consts ["asm/siginfo.h" i32] {
        /// `si_code`: the kernel sent it by itself.
        SI_KERNEL = 0x80,
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
