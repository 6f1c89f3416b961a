//! Structures of the kernel's generic ABI (`asm-generic`), of aarch64 and riscv64.

super::abi! {
    /// A file's status (newfstatat(2)): the fallback for kernels without statx(2).
    record ["asm/stat.h" "struct stat" Stat + 72] {
        /// The device of the file system.
        st_dev: u64,
        /// The inode number.
        st_ino: u64,
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
        __pad1: u64,
        /// Length in bytes.
        st_size: u64,
    }
}
