//! Constants for memory mappings: mmap(2), mprotect(2), mremap(2), madvise(2).

super::abi! {
    /// The permitted accesses to mapped memory.
    flags ["asm/mman.h" Prot: u32] {
        /// No access: a guard page.
        PROT_NONE = 0,
        /// Reading.
        PROT_READ = 1,
        /// Writing.
        PROT_WRITE = 2,
    }

    /// The kind of a mapping, and which processes see its changes.
    flags ["linux/mman.h" Map: u32] {
        /// All processes with a mapping of the file see the changes, and the kernel writes them to the file.
        MAP_SHARED = 0x01,
        /// Only this process sees the changes.
        MAP_PRIVATE = 0x02,
        /// Not backed by a file: fresh pages of zeros.
        MAP_ANONYMOUS = 0x20,
        /// At exactly the given address; fails if something is mapped there.
        MAP_FIXED_NOREPLACE = 0x10_0000,
        /// Reserves no swap space for the mapping.
        MAP_NORESERVE = 0x4000,
    }

    consts ["asm/mman.h" i32] {
        /// msync(2): starts to write the changes to the device.
        MS_ASYNC = 1,
        /// msync(2): other mappings of the file see the changes.
        MS_INVALIDATE = 2,
        /// msync(2): waits until the changes are on the device.
        MS_SYNC = 4,
    }

    /// How mremap(2) may change a mapping.
    flags ["linux/mman.h" Remap: u32] {
        /// May move the mapping to another address if there is no room after it.
        MREMAP_MAYMOVE = 1,
        /// Moves the mapping to the given address, and unmaps anything there.
        MREMAP_FIXED = 2,
    }

    /// Advice about the use of pages.
    consts ["asm/mman.h" i32] {
        /// The content is not needed: frees the memory. The pages are zero at their next use.
        MADV_DONTNEED = 4,
        /// Enables transparent huge pages for the range.
        MADV_HUGEPAGE = 14,
    }
}
