//! System call numbers: the first column of `arch/x86/entry/syscalls/syscall_64.tbl`, and
//! `include/uapi/asm-generic/unistd.h` for aarch64.

super::abi! {
    numbers ["asm/unistd.h"] {
        read              = { x86_64 0,   aarch64 63 },
        write             = { x86_64 1,   aarch64 64 },
        close             = { x86_64 3,   aarch64 57 },
        mmap              = { x86_64 9,   aarch64 222 },
        mprotect          = { x86_64 10,  aarch64 226 },
        munmap            = { x86_64 11,  aarch64 215 },
        rt_sigaction      = { x86_64 13,  aarch64 134 },
        rt_sigprocmask    = { x86_64 14,  aarch64 135 },
        writev            = { x86_64 20,  aarch64 66 },
        mremap            = { x86_64 25,  aarch64 216 },
        getpid            = { x86_64 39,  aarch64 172 },
        prctl             = { x86_64 157, aarch64 167 },
        gettid            = { x86_64 186, aarch64 178 },
        exit_group        = { x86_64 231, aarch64 94 },
        tgkill            = { x86_64 234, aarch64 131 },
    }
}
