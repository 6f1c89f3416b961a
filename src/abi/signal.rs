//! Signals.

super::abi! {
    consts ["asm/signal.h" i32] {
        /// The terminal is gone; by custom, to read settings again.
        SIGHUP = 1,
        /// The terminal's interrupt key.
        SIGINT = 2,
        /// abort(3): ends with a core dump.
        SIGABRT = 6,
        /// For whatever a program makes of it.
        SIGUSR1 = 10,
        /// A write to a pipe or socket that nobody reads.
        SIGPIPE = 13,
        /// The request to end.
        SIGTERM = 15,
        /// A file grown beyond `RLIMIT_FSIZE`.
        SIGXFSZ = 25,
        /// `rt_sigprocmask`: add to the blocked signals.
        SIG_BLOCK = 0,
        /// `rt_sigprocmask`: take from the blocked signals.
        SIG_UNBLOCK = 1,
        /// `rt_sigprocmask`: these, and no others, are blocked.
        SIG_SETMASK = 2,
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
