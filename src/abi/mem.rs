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

    /// What a mapping is of, and who sees its changes.
    flags ["linux/mman.h" Map: u32] {
        /// Changes are this process's alone.
        MAP_PRIVATE = 0x02,
        /// Of no file: fresh pages of zeros.
        MAP_ANONYMOUS = 0x20,
        /// At this very address, unless something is there.
        MAP_FIXED_NOREPLACE = 0x10_0000,
        /// No memory is set aside for it beforehand.
        MAP_NORESERVE = 0x4000,
    }

    /// How a mapping may change its size.
    flags ["linux/mman.h" Remap: u32] {
        /// To another address, where there is no room behind it.
        MREMAP_MAYMOVE = 1,
        /// To the address given, in place of what is there.
        MREMAP_FIXED = 2,
    }

    /// What the kernel is told of the use of pages.
    consts ["asm/mman.h" i32] {
        /// What they hold is not needed: they are zero at their next use.
        MADV_DONTNEED = 4,
        /// Larger pages are welcome.
        MADV_HUGEPAGE = 14,
    }
}
