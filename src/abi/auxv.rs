//! Keys of the auxiliary vector.

super::abi! {
    consts ["linux/auxvec.h" usize] {
        /// The end of the vector.
        AT_NULL = 0,
        /// Size of a page, in bytes.
        AT_PAGESZ = 6,
        /// What the CPU can, as bits: `ELF_HWCAP` of the architecture.
        AT_HWCAP = 16,
        /// Not 0 in a program that runs with more rights than its caller (setuid).
        AT_SECURE = 23,
        /// Address of 16 random bytes.
        AT_RANDOM = 25,
        /// More bits of what the CPU can.
        AT_HWCAP2 = 26,
        /// Address of the path that the program was executed by.
        AT_EXECFN = 31,
        /// Address of the vDSO's ELF header.
        AT_SYSINFO_EHDR = 33,
        /// Bytes of stack that the delivery of a signal may take (sigaltstack(2)).
        AT_MINSIGSTKSZ = 51,
    }
}
