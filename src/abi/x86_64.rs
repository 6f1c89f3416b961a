//! Constants and structures that the kernel has only on x86-64.

super::abi! {
    consts ["asm/prctl.h" usize] {
        /// `arch_prctl`: sets the base address of the segment `fs`, which is the thread pointer.
        ARCH_SET_FS = 0x1002,
    }

    /// A file's status (newfstatat(2)): the fallback for kernels without statx(2).
    record ["asm/stat.h" "struct stat" Stat + 88] {
        /// The device of the file system.
        st_dev: u64,
        /// The inode number.
        st_ino: u64,
        /// The number of hard links.
        st_nlink: u64,
        /// File type and permissions.
        st_mode: u32,
        /// The owner.
        st_uid: u32,
        /// The group.
        st_gid: u32,
        /// Padding.
        __pad0: u32,
        /// The device's number, if this is a device file.
        st_rdev: u64,
        /// Length in bytes.
        st_size: u64,
    }
}
