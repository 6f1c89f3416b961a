//! Constants for memory mappings: mmap(2), mprotect(2), mremap(2), madvise(2).

/// The unit of mmap's offset in bytes. 32-bit architectures have mmap2(2), so that one register can hold the offset.
pub const MMAP_UNIT: u64 = if cfg!(target_pointer_width = "64") {
    1
} else {
    4096
};

super::abi! {
    /// The permitted accesses to mapped memory.
    flags ["asm/mman.h" Prot: u32] {
        /// No access: a guard page.
        PROT_NONE = 0,
        /// Reading.
        PROT_READ = 1,
        /// Writing.
        PROT_WRITE = 2,
        /// Executing.
        PROT_EXEC = 0x4,
        /// Atomic operations. No architecture of this library needs it.
        PROT_SEM = 0x8,
        /// mprotect(2): from the beginning of a mapping that grows down.
        PROT_GROWSDOWN = 0x1000000,
        /// mprotect(2): to the end of a mapping that grows up.
        PROT_GROWSUP = 0x2000000,
    }

    /// The kind of a mapping, and which processes see its changes.
    flags ["linux/mman.h" Map: u32] {
        /// All processes with a mapping of the file see the changes, and the kernel writes them to the file.
        MAP_SHARED = 0x01,
        /// Only this process sees the changes.
        MAP_PRIVATE = 0x02,
        /// As `MAP_SHARED`, and fails with `EOPNOTSUPP` for a flag that the kernel does not know.
        MAP_SHARED_VALIDATE = 0x3,
        /// The bits of the three kinds above.
        MAP_TYPE = 0xf,
        /// Has no effect.
        MAP_FILE = 0x0,
        /// At exactly the given address; unmaps anything there.
        MAP_FIXED = 0x10,
        /// Not backed by a file: fresh pages of zeros.
        MAP_ANONYMOUS = 0x20,
        /// Grows down, as a stack does.
        MAP_GROWSDOWN = 0x100,
        /// Has no effect.
        MAP_DENYWRITE = 0x800,
        /// Has no effect.
        MAP_EXECUTABLE = 0x1000,
        /// Keeps the pages in memory, as mlock(2) does.
        MAP_LOCKED = 0x2000,
        /// Reserves no swap space for the mapping.
        MAP_NORESERVE = 0x4000,
        /// Maps all pages at once, and reads ahead in a file.
        MAP_POPULATE = 0x8000,
        /// With `MAP_POPULATE`: does not read from the file, and so has no effect.
        MAP_NONBLOCK = 0x10000,
        /// For a stack. Has no effect on the architectures of this library.
        MAP_STACK = 0x20000,
        /// Of huge pages. Their size is the default, or one of `MAP_HUGE_*`.
        MAP_HUGETLB = 0x40000,
        /// Writes to persistent memory survive a crash. Only with `MAP_SHARED_VALIDATE`.
        MAP_SYNC = 0x80000,
        /// At exactly the given address; fails if something is mapped there.
        MAP_FIXED_NOREPLACE = 0x10_0000,
        /// Anonymous pages are not cleared. Only kernels without an MMU obey it.
        MAP_UNINITIALIZED = 0x4000000,
        /// Huge pages of 16 KiB.
        MAP_HUGE_16KB = 0x38000000,
        /// Huge pages of 64 KiB.
        MAP_HUGE_64KB = 0x40000000,
        /// Huge pages of 512 KiB.
        MAP_HUGE_512KB = 0x4c000000,
        /// Huge pages of 1 MiB.
        MAP_HUGE_1MB = 0x50000000,
        /// Huge pages of 2 MiB.
        MAP_HUGE_2MB = 0x54000000,
        /// Huge pages of 8 MiB.
        MAP_HUGE_8MB = 0x5c000000,
        /// Huge pages of 16 MiB.
        MAP_HUGE_16MB = 0x60000000,
        /// Huge pages of 32 MiB.
        MAP_HUGE_32MB = 0x64000000,
        /// Huge pages of 256 MiB.
        MAP_HUGE_256MB = 0x70000000,
        /// Huge pages of 512 MiB.
        MAP_HUGE_512MB = 0x74000000,
        /// Huge pages of 1 GiB.
        MAP_HUGE_1GB = 0x78000000,
        /// Huge pages of 2 GiB.
        MAP_HUGE_2GB = 0x7c000000,
        /// Huge pages of 16 GiB.
        MAP_HUGE_16GB = 0x88000000,
    }

    /// What msync(2) does with the modified pages.
    flags ["asm/mman.h" Msync: i32] {
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
        /// Leaves the old range mapped, without memory. Needs `MREMAP_MAYMOVE`.
        MREMAP_DONTUNMAP = 4,
    }

    /// Advice about the use of pages.
    consts ["asm/mman.h" i32] {
        /// No particular pattern.
        MADV_NORMAL = 0,
        /// Random accesses: no read-ahead.
        MADV_RANDOM = 1,
        /// Accesses from the beginning to the end: more read-ahead.
        MADV_SEQUENTIAL = 2,
        /// Will be needed soon: reads ahead.
        MADV_WILLNEED = 3,
        /// The content is not needed: frees the memory. The pages are zero at their next use.
        MADV_DONTNEED = 4,
        /// Frees the memory when there is need, unless it is written before.
        MADV_FREE = 8,
        /// Frees the memory, and makes a hole in the file.
        MADV_REMOVE = 9,
        /// A forked child does not get the range.
        MADV_DONTFORK = 10,
        /// Undoes `MADV_DONTFORK`.
        MADV_DOFORK = 11,
        /// Pages with the same content may be merged.
        MADV_MERGEABLE = 12,
        /// Undoes `MADV_MERGEABLE`.
        MADV_UNMERGEABLE = 13,
        /// Enables transparent huge pages for the range.
        MADV_HUGEPAGE = 14,
        /// Disables transparent huge pages for the range.
        MADV_NOHUGEPAGE = 15,
        /// Leaves the range out of a core dump.
        MADV_DONTDUMP = 16,
        /// Undoes `MADV_DONTDUMP`.
        MADV_DODUMP = 17,
        /// A forked child gets pages of zeros.
        MADV_WIPEONFORK = 18,
        /// Undoes `MADV_WIPEONFORK`.
        MADV_KEEPONFORK = 19,
        /// Not needed soon: the first to be paged out.
        MADV_COLD = 20,
        /// Pages the range out.
        MADV_PAGEOUT = 21,
        /// Maps all pages for reading.
        MADV_POPULATE_READ = 22,
        /// Maps all pages for writing.
        MADV_POPULATE_WRITE = 23,
        /// As `MADV_DONTNEED`, also for locked pages.
        MADV_DONTNEED_LOCKED = 24,
        /// Collapses the range into huge pages. Since Linux 6.1.
        MADV_COLLAPSE = 25,
        /// Treats the pages as failed memory. For tests.
        MADV_HWPOISON = 100,
        /// Takes the pages out of use, after copying their content. For tests.
        MADV_SOFT_OFFLINE = 101,
    }

    consts ["linux/mman.h" u32] {
        /// The place of the size of huge pages in the flags, as a power of two.
        MAP_HUGE_SHIFT = 26,
        /// The bits of the size, before the shift.
        MAP_HUGE_MASK = 63,
    }

    /// What mlockall(2) locks.
    flags ["asm/mman.h" Mcl: i32] {
        /// All pages that are mapped now.
        MCL_CURRENT = 1,
        /// All pages that will be mapped.
        MCL_FUTURE = 2,
        /// Each page when it is first used.
        MCL_ONFAULT = 4,
    }

    consts ["asm/mman.h" i32] {
        /// mlock2(2): locks each page when it is first used.
        MLOCK_ONFAULT = 1,
        /// pkey_alloc(2): the key forbids every access.
        PKEY_DISABLE_ACCESS = 1,
        /// pkey_alloc(2): the key forbids writing.
        PKEY_DISABLE_WRITE = 2,
    }
}
