//! What the kernel has for the architectures that came after x86-64, aarch64 among them.

super::abi! {
    /// What older kernels tell of a file (newfstatat(2)).
    record ["asm/stat.h" "struct stat" Stat + 72] {
        /// The device of its file system.
        st_dev: u64,
        /// Its number there.
        st_ino: u64,
        /// Kind and permissions.
        st_mode: u32,
        /// How many names it has.
        st_nlink: u32,
        /// Its owner.
        st_uid: u32,
        /// Its group.
        st_gid: u32,
        /// A device file: which device.
        st_rdev: u64,
        /// Nothing.
        __pad1: u64,
        /// Length in bytes.
        st_size: u64,
    }
}
