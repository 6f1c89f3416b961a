//! Memory.

super::abi! {
    /// What may be done with the memory.
    flags ["asm/mman.h" Prot: u32] {
        /// Nothing: a guard.
        PROT_NONE = 0,
        /// Read.
        PROT_READ = 1,
        /// Write.
        PROT_WRITE = 2,
    }
}
