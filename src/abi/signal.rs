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
        /// The first real-time signal of the kernel. (The C library keeps the first two for itself.)
        SIGRTMIN = 32,
    }

    consts ["signal.h" i32] {
        /// The highest signal number. The lowest is 1.
        __SIGRTMAX = 64,
    }

    consts ["asm/signal.h" usize] {
        /// `SIGCHLD`: not when a child is stopped or continued.
        SA_NOCLDSTOP = 0x1,
        /// `SIGCHLD`: children that end need not be waited for.
        SA_NOCLDWAIT = 0x2,
        /// The handler also gets a `siginfo` and a `ucontext`.
        SA_SIGINFO = 4,
        /// Never supported: shows which of the flags the kernel knows (sigaction(2)).
        SA_UNSUPPORTED = 0x400,
        /// `si_addr` has the address's tag (aarch64).
        SA_EXPOSE_TAGBITS = 0x800,
        /// `sa_restorer` is set.
        #[cfg(not(target_arch = "riscv64"))]
        SA_RESTORER = 0x04000000,
        /// The handler runs on the thread's alternate stack, if the thread has one.
        SA_ONSTACK = 0x08000000,
        /// A call that the signal interrupts is started again, where possible.
        SA_RESTART = 0x10000000,
        /// The signal is not blocked while its handler runs.
        SA_NODEFER = 0x40000000,
        /// The signal gets its default action before its handler runs.
        SA_RESETHAND = 0x80000000,
    }

    consts ["asm/siginfo.h" i32] {
        /// `si_code`: kill(2).
        SI_USER = 0,
        /// `si_code`: the kernel sent the signal, not a process.
        SI_KERNEL = 0x80,
        /// `si_code`: rt_sigqueueinfo(2).
        SI_QUEUE = (-1),
        /// `si_code`: a timer of timer_create(2).
        SI_TIMER = (-2),
        /// `si_code`: a POSIX message queue.
        SI_MESGQ = (-3),
        /// `si_code`: asynchronous input or output.
        SI_ASYNCIO = (-4),
        /// `si_code`: `SIGIO`, queued.
        SI_SIGIO = (-5),
        /// `si_code`: tgkill(2).
        SI_TKILL = (-6),
        /// `si_code`: another thread executes a program. For use in the kernel only.
        SI_DETHREAD = (-7),
        /// `si_code`: a name was looked up.
        SI_ASYNCNL = (-60),
        /// `si_code` of `SIGILL`: an illegal opcode.
        ILL_ILLOPC = 1,
        /// `si_code` of `SIGILL`: an illegal operand.
        ILL_ILLOPN = 2,
        /// `si_code` of `SIGILL`: an illegal addressing mode.
        ILL_ILLADR = 3,
        /// `si_code` of `SIGILL`: an illegal trap.
        ILL_ILLTRP = 4,
        /// `si_code` of `SIGILL`: a privileged opcode.
        ILL_PRVOPC = 5,
        /// `si_code` of `SIGILL`: a privileged register.
        ILL_PRVREG = 6,
        /// `si_code` of `SIGILL`: an error of a coprocessor.
        ILL_COPROC = 7,
        /// `si_code` of `SIGILL`: an error of an internal stack.
        ILL_BADSTK = 8,
        /// `si_code` of `SIGILL`: an instruction address that is not implemented.
        ILL_BADIADDR = 9,
        /// `si_code` of `SIGFPE`: an integer division by zero.
        FPE_INTDIV = 1,
        /// `si_code` of `SIGFPE`: an integer overflow.
        FPE_INTOVF = 2,
        /// `si_code` of `SIGFPE`: a floating-point division by zero.
        FPE_FLTDIV = 3,
        /// `si_code` of `SIGFPE`: a floating-point overflow.
        FPE_FLTOVF = 4,
        /// `si_code` of `SIGFPE`: a floating-point underflow.
        FPE_FLTUND = 5,
        /// `si_code` of `SIGFPE`: an inexact floating-point result.
        FPE_FLTRES = 6,
        /// `si_code` of `SIGFPE`: an invalid floating-point operation.
        FPE_FLTINV = 7,
        /// `si_code` of `SIGFPE`: a subscript out of range.
        FPE_FLTSUB = 8,
        /// `si_code` of `SIGFPE`: an unknown floating-point exception.
        FPE_FLTUNK = 14,
        /// `si_code` of `SIGFPE`: a trap on a condition.
        FPE_CONDTRAP = 15,
        /// `si_code` of `SIGSEGV`: the address is not mapped.
        SEGV_MAPERR = 1,
        /// `si_code` of `SIGSEGV`: the mapping's protection forbids the access.
        SEGV_ACCERR = 2,
        /// `si_code` of `SIGSEGV`: a failed check of bounds.
        SEGV_BNDERR = 3,
        /// `si_code` of `SIGSEGV`: a protection key forbids the access.
        SEGV_PKUERR = 4,
        /// `si_code` of `SIGSEGV`: ADI is not enabled for the address.
        SEGV_ACCADI = 5,
        /// `si_code` of `SIGSEGV`: a disrupting mismatch of ADI.
        SEGV_ADIDERR = 6,
        /// `si_code` of `SIGSEGV`: a precise mismatch of ADI.
        SEGV_ADIPERR = 7,
        /// `si_code` of `SIGSEGV`: a fault of a memory tag, reported later.
        SEGV_MTEAERR = 8,
        /// `si_code` of `SIGSEGV`: a fault of a memory tag.
        SEGV_MTESERR = 9,
        /// `si_code` of `SIGBUS`: an address that is not aligned.
        BUS_ADRALN = 1,
        /// `si_code` of `SIGBUS`: memory that does not exist, as after the end of a mapped file.
        BUS_ADRERR = 2,
        /// `si_code` of `SIGBUS`: an error of the device.
        BUS_OBJERR = 3,
        /// `si_code` of `SIGBUS`: failed memory was accessed.
        BUS_MCEERR_AR = 4,
        /// `si_code` of `SIGBUS`: failed memory was found, and not accessed.
        BUS_MCEERR_AO = 5,
        /// `si_code` of `SIGTRAP`: a breakpoint.
        TRAP_BRKPT = 1,
        /// `si_code` of `SIGTRAP`: a single step.
        TRAP_TRACE = 2,
        /// `si_code` of `SIGTRAP`: a branch.
        TRAP_BRANCH = 3,
        /// `si_code` of `SIGTRAP`: a breakpoint or watchpoint of the CPU.
        TRAP_HWBKPT = 4,
        /// `si_code` of `SIGTRAP`: an unknown trap.
        TRAP_UNK = 5,
        /// `si_code` of `SIGTRAP`: an event of a performance counter.
        TRAP_PERF = 6,
        /// `si_code` of `SIGIO`: data can be read.
        POLL_IN = 1,
        /// `si_code` of `SIGIO`: data can be written.
        POLL_OUT = 2,
        /// `si_code` of `SIGIO`: a message can be read.
        POLL_MSG = 3,
        /// `si_code` of `SIGIO`: an error.
        POLL_ERR = 4,
        /// `si_code` of `SIGIO`: priority data can be read.
        POLL_PRI = 5,
        /// `si_code` of `SIGIO`: the peer has closed.
        POLL_HUP = 6,
        /// `si_code` of `SIGSYS`: a seccomp filter.
        SYS_SECCOMP = 1,
        /// `si_code` of `SIGSYS`: `PR_SET_SYSCALL_USER_DISPATCH`.
        SYS_USER_DISPATCH = 2,
        /// A timer or queue notifies by a signal.
        SIGEV_SIGNAL = 0,
        /// A timer or queue does not notify.
        SIGEV_NONE = 1,
        /// A timer or queue notifies by a thread. The C library does this.
        SIGEV_THREAD = 2,
        /// A timer notifies by a signal to a given thread.
        SIGEV_THREAD_ID = 4,
    }

    /// The `siginfo` of a fault.
    record ["asm/siginfo.h" "struct siginfo" SigFault + { 104, bits32 112 }] {
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
        UC_SP = {
            x86_64 "uc_mcontext.gregs[REG_RSP]" 160,
            aarch64 "uc_mcontext.sp" 432,
            riscv64 "uc_mcontext.__gregs[REG_SP]" 192,
            x86 "uc_mcontext.gregs[REG_ESP]" 48,
            arm "uc_mcontext.arm_sp" 84
        },
        /// The instruction pointer of the interrupted code.
        UC_PC = {
            x86_64 "uc_mcontext.gregs[REG_RIP]" 168,
            aarch64 "uc_mcontext.pc" 440,
            riscv64 "uc_mcontext.__gregs[REG_PC]" 176,
            x86 "uc_mcontext.gregs[REG_EIP]" 76,
            arm "uc_mcontext.arm_pc" 92
        },
    }

    /// Information about a signal, or about the end of a child.
    record ["asm/siginfo.h" "struct siginfo" Siginfo + { 80, bits32 96 }] {
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
        _utime: isize,
        /// CPU time in the kernel, in clock ticks.
        _stime: isize,
    }

    /// The action of a signal: `struct sigaction` of the kernel's include/linux/signal_types.h. On 32 bits the header
    /// for programs has the structure of an older call. On aarch64 the structure has the field `sa_restorer` too,
    /// although the field is not needed.
    #[cfg_attr(target_arch = "arm", repr(packed(4)))] // the kernel's sa_mask is two words
    record ["asm/signal.h" "struct sigaction" Sigaction, bits64] {
        /// 0 is `SIG_DFL`, 1 is `SIG_IGN`, any other value is the handler's address.
        sa_handler: usize,
        /// `SA_*`
        sa_flags: usize,
        /// The code to which a handler returns. x86_64 and 32 bits require it, with `SA_RESTORER`.
        #[cfg(not(target_arch = "riscv64"))]
        sa_restorer: usize,
        /// Signals blocked while the handler runs: bit N-1 for signal N.
        sa_mask: u64,
    }

    consts ["linux/signal.h" i32] {
        /// `ss_flags`: the thread runs on the alternate stack. Reported.
        SS_ONSTACK = 1,
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

    consts ["asm/signal.h" i32] {
        /// Another name of `SIGABRT`.
        SIGIOT = 6,
        /// Another name of `SIGIO`.
        SIGPOLL = 29,
    }

    consts ["linux/signal.h" u32] {
        /// `ss_flags`: there is no alternate stack while a handler runs on it.
        SS_AUTODISARM = 0x80000000,
    }
}
