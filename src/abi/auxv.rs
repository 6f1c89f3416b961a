//! Keys of the auxiliary vector.

super::abi! {
    consts ["linux/auxvec.h" usize] {
        /// The end of the vector.
        AT_NULL = 0,
        /// No entry.
        AT_IGNORE = 1,
        /// The descriptor of the program.
        AT_EXECFD = 2,
        /// Address of the program headers.
        AT_PHDR = 3,
        /// Size of a program header, in bytes.
        AT_PHENT = 4,
        /// The number of program headers.
        AT_PHNUM = 5,
        /// Size of a page, in bytes.
        AT_PAGESZ = 6,
        /// Address of the program interpreter.
        AT_BASE = 7,
        /// Flags. Not used.
        AT_FLAGS = 8,
        /// Address of the program's entry point.
        AT_ENTRY = 9,
        /// Not 0 if the program is not ELF.
        AT_NOTELF = 10,
        /// The real user id.
        AT_UID = 11,
        /// The effective user id.
        AT_EUID = 12,
        /// The real group id.
        AT_GID = 13,
        /// The effective group id.
        AT_EGID = 14,
        /// Address of the name of the platform.
        AT_PLATFORM = 15,
        /// The CPU's features, as bits: `ELF_HWCAP` of the architecture.
        AT_HWCAP = 16,
        /// The frequency of times(2), in Hz.
        AT_CLKTCK = 17,
        /// Not 0 in a program that has more rights than its caller (setuid).
        AT_SECURE = 23,
        /// Address of the name of the real platform.
        AT_BASE_PLATFORM = 24,
        /// Address of 16 random bytes.
        AT_RANDOM = 25,
        /// More bits of the CPU's features.
        AT_HWCAP2 = 26,
        /// Address of the path by which the program was executed.
        AT_EXECFN = 31,
        /// Address of the vDSO's ELF header.
        AT_SYSINFO_EHDR = 33,
        /// The size of a signal frame: how many bytes of stack the delivery of a signal can take
        /// (sigaltstack(2)).
        AT_MINSIGSTKSZ = 51,
    }

    consts ["asm/auxvec.h" usize] {
        /// Address of the vDSO's function that makes a system call in the processor's fastest way
        /// (`__kernel_vsyscall`).
        #[cfg(target_arch = "x86")]
        AT_SYSINFO = 32,
    }
}
