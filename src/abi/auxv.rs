//! Keys of the auxiliary vector.

super::abi! {
    consts ["linux/auxvec.h" usize] {
        /// The end of the vector.
        AT_NULL = 0,
        /// Size of a page, in bytes.
        AT_PAGESZ = 6,
        /// The CPU's features, as bits: `ELF_HWCAP` of the architecture.
        AT_HWCAP = 16,
        /// Not 0 in a program that has more rights than its caller (setuid).
        AT_SECURE = 23,
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
}
