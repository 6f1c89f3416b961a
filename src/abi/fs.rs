//! Constants and structures of files, directories and pipes.

#[cfg(target_arch = "aarch64")]
pub use super::generic::Stat;
#[cfg(target_arch = "x86_64")]
pub use super::x86::Stat;

super::abi! {
    /// Flags for opening a file (open(2)).
    flags ["asm/fcntl.h" Open: i32] {
        /// For reading.
        O_RDONLY = 0,
        /// For writing.
        O_WRONLY = 1,
        /// For reading and writing.
        O_RDWR = 2,
        /// Calls on the descriptor do not wait: they fail with `EAGAIN`.
        O_NONBLOCK = 0o4000,
        /// Creates the file if it does not exist.
        O_CREAT = 0o100,
        /// With `O_CREAT`: fails with `EEXIST` if the file exists, or if the path's last component is a
        /// symbolic link.
        O_EXCL = 0o200,
        /// If the file is a terminal, it does not become the process's controlling terminal.
        O_NOCTTY = 0o400,
        /// Truncates a regular file to length 0.
        O_TRUNC = 0o1000,
        /// Each write appends at the current end of the file.
        O_APPEND = 0o2000,
        /// Fails unless the path leads to a directory.
        O_DIRECTORY = { x86_64 0o200000, aarch64 0o40000 },
        /// Fails if the path's last component is a symbolic link.
        O_NOFOLLOW = { x86_64 0o400000, aarch64 0o100000 },
        /// execve(2) closes the descriptor.
        O_CLOEXEC = 0o2000000,
        /// Opens only a location in the file system, for use with the `*at` calls. The descriptor cannot be
        /// read or written. The call needs no permission on the file itself.
        O_PATH = 0o10000000,
        /// An unnamed file on the file system of the given directory. Includes `O_DIRECTORY`.
        O_TMPFILE = { x86_64 0o20200000, aarch64 0o20040000 },
    }

    consts ["linux/fcntl.h" i32] {
        /// In place of a directory's descriptor: the current directory.
        AT_FDCWD = (-100),
    }

    /// Flags for the resolution of a path.
    flags ["linux/fcntl.h" At: i32] {
        /// If the last component is a symbolic link, the call applies to the link itself.
        AT_SYMLINK_NOFOLLOW = 0x100,
        /// unlinkat(2): removes an empty directory instead of a file.
        AT_REMOVEDIR = 0x200,
        /// linkat(2): if the last component is a symbolic link, the call applies to its target.
        AT_SYMLINK_FOLLOW = 0x400,
        /// If the path is empty, the call applies to the file of the descriptor.
        AT_EMPTY_PATH = 0x1000,
    }

    consts ["linux/fcntl.h" i32] {
        /// fcntl(2): returns a duplicate with the lowest free number at or above a given number. execve
        /// closes the duplicate.
        F_DUPFD_CLOEXEC = 1030,
        /// fcntl(2): sets the capacity of a pipe.
        F_SETPIPE_SZ = 1031,
    }

    consts ["asm/fcntl.h" i32] {
        /// fcntl(2): reads the descriptor flags. The only error is `EBADF`.
        F_GETFD = 1,
        /// fcntl(2): sets the descriptor flags.
        F_SETFD = 2,
        /// `F_GETFD`, `F_SETFD`: execve closes the descriptor.
        FD_CLOEXEC = 1,
        /// fcntl(2): reads the current status flags and the access mode.
        F_GETFL = 3,
        /// fcntl(2): sets the changeable status flags, for example `O_NONBLOCK`.
        F_SETFL = 4,
    }

    consts ["sys/file.h" i32] {
        /// flock(2): an exclusive lock.
        LOCK_EX = 2,
        /// flock(2): combined with `LOCK_EX`, fails instead of waiting for the lock.
        LOCK_NB = 4,
    }

    consts ["linux/stat.h" u32] {
        /// The bits of a mode that hold the file type.
        S_IFMT = 0o170000,
        /// A directory.
        S_IFDIR = 0o040000,
        /// A regular file.
        S_IFREG = 0o100000,
        /// A local socket (`AF_UNIX`).
        S_IFSOCK = 0o140000,
        /// Set-user-ID: the program runs with the rights of the file's owner.
        S_ISUID = 0o4000,
        /// Set-group-ID: the program runs with the rights of the file's group.
        S_ISGID = 0o2000,
        /// `stx_mode`: the file type.
        STATX_TYPE = 0x1,
        /// `stx_mode`: the permissions.
        STATX_MODE = 0x2,
        /// `stx_uid`.
        STATX_UID = 0x8,
        /// `stx_gid`.
        STATX_GID = 0x10,
        /// `stx_ino`.
        STATX_INO = 0x100,
        /// `stx_size`.
        STATX_SIZE = 0x200,
        /// The fields that stat(2) reports: all up to `stx_dev_minor`, except `stx_btime`.
        STATX_BASIC_STATS = 0x7ff,
    }

    consts ["linux/stat.h" u64] {
        /// `stx_attributes`: append-only (`chattr +a`). In an append-only directory names can be added, not
        /// removed.
        STATX_ATTR_APPEND = 0x20,
    }

    consts ["linux/limits.h" usize] {
        /// The longest path that the kernel accepts, in bytes, including the zero at its end.
        PATH_MAX = 4096,
        /// The longest file name, in bytes, without a zero.
        NAME_MAX = 255,
        /// The longest value of an extended attribute, in bytes.
        XATTR_SIZE_MAX = 65536,
    }

    consts ["linux/memfd.h" u32] {
        /// memfd_create(2): execve(2) closes the descriptor.
        MFD_CLOEXEC = 1,
    }

    /// Information about a file system (statfs(2)).
    record ["asm/statfs.h" "struct statfs" Statfs + 112] {
        /// The type of the file system: `*_MAGIC`.
        f_type: u64,
    }

    consts ["linux/magic.h" u32] {
        /// `f_type` of /proc.
        PROC_SUPER_MAGIC = 0x9fa0,
        /// `f_type` of /sys.
        SYSFS_MAGIC = 0x62656572,
        /// `f_type` of a hierarchy of control groups, version 1.
        CGROUP_SUPER_MAGIC = 0x27e0eb,
        /// `f_type` of /sys/fs/cgroup, version 2.
        CGROUP2_SUPER_MAGIC = 0x63677270,
        /// `f_type` of /sys/fs/resctrl.
        RDTGROUP_SUPER_MAGIC = 0x7655821,
        /// `f_type` of /sys/kernel/debug.
        DEBUGFS_MAGIC = 0x64626720,
        /// `f_type` of /sys/kernel/tracing.
        TRACEFS_MAGIC = 0x74726163,
        /// `f_type` of /sys/kernel/security.
        SECURITYFS_MAGIC = 0x73636673,
        /// `f_type` of AppArmor's files in /sys/kernel/security.
        AAFS_MAGIC = 0x5a3c69f0,
        /// `f_type` of /sys/fs/selinux.
        SELINUX_MAGIC = 0xf97cff8c,
        /// `f_type` of /sys/fs/smackfs.
        SMACK_MAGIC = 0x43415d53,
        /// `f_type` of /sys/fs/bpf.
        BPF_FS_MAGIC = 0xcafe4a11,
        /// `f_type` of /sys/firmware/efi/efivars.
        EFIVARFS_MAGIC = 0xde5e81e4,
        /// `f_type` of /proc/sys/fs/binfmt_misc.
        BINFMTFS_MAGIC = 0x42494e4d,
    }

    /// Flags for moving bytes between a pipe and another file.
    flags ["fcntl.h" Splice: u32] {
        /// Moves pages instead of copying them, where possible.
        SPLICE_F_MOVE = 1,
        /// Does not wait for the pipe.
        SPLICE_F_NONBLOCK = 2,
    }

    consts ["linux/fs.h" i32] {
        /// lseek(2): from the beginning.
        SEEK_SET = 0,
    }

    /// A point in time.
    record ["linux/stat.h" "struct statx_timestamp" StatxTimestamp] {
        /// Seconds since 1970-01-01 00:00 UTC.
        tv_sec: i64,
        /// Nanoseconds within that second.
        tv_nsec: u32,
        /// Reserved.
        __reserved: i32,
    }

    /// Information about a file (statx(2)). The structure has 256 bytes, into which new kernels add fields.
    /// The fields after `stx_dev_minor` are not used here.
    record ["linux/stat.h" "struct statx" Statx + 112] {
        /// The fields that are filled: `STATX_*`.
        stx_mask: u32,
        /// The preferred size for reads and writes, in bytes.
        stx_blksize: u32,
        /// Attributes, as bits.
        stx_attributes: u64,
        /// The number of hard links.
        stx_nlink: u32,
        /// The owner's user id.
        stx_uid: u32,
        /// The group id.
        stx_gid: u32,
        /// File type (`S_IFMT`) and permissions.
        stx_mode: u16,
        /// Padding.
        __spare0: [u16; 1],
        /// The inode number.
        stx_ino: u64,
        /// Length in bytes.
        stx_size: u64,
        /// Allocated space, in blocks of 512 bytes.
        stx_blocks: u64,
        /// The attribute bits that the file system supports.
        stx_attributes_mask: u64,
        /// Time of the last access.
        stx_atime: StatxTimestamp,
        /// Time of creation.
        stx_btime: StatxTimestamp,
        /// Time of the last change of the inode: content or metadata.
        stx_ctime: StatxTimestamp,
        /// Time of the last change of the content.
        stx_mtime: StatxTimestamp,
        /// Of a device file: the device's major number.
        stx_rdev_major: u32,
        /// Of a device file: the device's minor number.
        stx_rdev_minor: u32,
        /// Major number of the device with the file system.
        stx_dev_major: u32,
        /// Minor number of the device with the file system.
        stx_dev_minor: u32,
    }
}

/// `f_type` of /sys/kernel/config. No UAPI header defines this number; the kernel's fs/configfs/mount.c does.
pub const CONFIGFS_MAGIC: u32 = 0x62656570;

/// memfd_create(2), since Linux 6.3: the file cannot be executed. Headers before 6.3 lack the constant.
pub const MFD_NOEXEC_SEAL: u32 = 8;
