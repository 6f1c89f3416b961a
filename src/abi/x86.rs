//! What the kernel has for x86-64 alone.

super::abi! {
    numbers ["asm/unistd.h"] {
        arch_prctl = 158,
    }

    consts ["asm/prctl.h" usize] {
        /// `arch_prctl`: sets the base of the segment `fs`, the thread pointer.
        ARCH_SET_FS = 0x1002,
    }

    /// What older kernels tell of a file (newfstatat(2)).
    record ["asm/stat.h" "struct stat" Stat + 88] {
        /// The device of its file system.
        st_dev: u64,
        /// Its number there.
        st_ino: u64,
        /// How many names it has.
        st_nlink: u64,
        /// Kind and permissions.
        st_mode: u32,
        /// Its owner.
        st_uid: u32,
        /// Its group.
        st_gid: u32,
        /// Nothing.
        __pad0: u32,
        /// A device file: which device.
        st_rdev: u64,
        /// Length in bytes.
        st_size: u64,
    }
}
