//! Structures of the 32-bit architectures.

super::abi! {
    /// A file's status (newfstatat(2)): the fallback for kernels without statx(2).
    record ["asm/stat.h" "struct stat64" Stat] {
        /// The device of the file system.
        st_dev: u64,
        /// Padding.
        __pad0: [u8; 4],
        /// The low half of the inode number.
        __st_ino: usize,
        /// File type and permissions.
        st_mode: u32,
        /// The number of hard links.
        st_nlink: u32,
        /// The owner.
        st_uid: u32,
        /// The group.
        st_gid: u32,
        /// The device's number, if this is a device file.
        st_rdev: u64,
        /// Padding.
        __pad3: [u8; 4],
        /// Length in bytes.
        st_size: u64,
        /// The preferred size of a transfer, in bytes.
        st_blksize: usize,
        /// The space that the file takes, in units of 512 bytes.
        st_blocks: u64,
        /// Seconds of the last access.
        st_atime: usize,
        /// Nanoseconds of the last access.
        st_atime_nsec: usize,
        /// Seconds of the last change of the content.
        st_mtime: usize,
        /// Nanoseconds of the last change of the content.
        st_mtime_nsec: usize,
        /// Seconds of the last change of the content or of the status.
        st_ctime: usize,
        /// Nanoseconds of the last change of the content or of the status.
        st_ctime_nsec: usize,
        /// The inode number.
        st_ino: u64,
    }
}
