//! Files and their names.

#[cfg(target_arch = "aarch64")]
pub use super::generic::Stat;
#[cfg(target_arch = "x86_64")]
pub use super::x86::Stat;

super::abi! {
    /// How a file is opened (open(2)).
    flags ["asm/fcntl.h" Open: i32] {
        /// For reading.
        O_RDONLY = 0,
        /// For writing.
        O_WRONLY = 1,
        /// For both.
        O_RDWR = 2,
        /// No call on it waits.
        O_NONBLOCK = 0o4000,
        /// Make it where there is none.
        O_CREAT = 0o100,
        /// With `O_CREAT`: fail with `EEXIST` where there is one, or a symbolic link.
        O_EXCL = 0o200,
        /// A terminal does not become the one that controls this process.
        O_NOCTTY = 0o400,
        /// Truncates a regular file to length 0.
        O_TRUNC = 0o1000,
        /// Each write goes to the end as it is at that moment.
        O_APPEND = 0o2000,
        /// A directory or nothing.
        O_DIRECTORY = { x86_64 0o200000, aarch64 0o40000 },
        /// A symbolic link at the end of the path is an error.
        O_NOFOLLOW = { x86_64 0o400000, aarch64 0o100000 },
        /// Closed by execve(2).
        O_CLOEXEC = 0o2000000,
        /// Only a place to start paths from: no reading, no writing, no permission on it needed.
        O_PATH = 0o10000000,
        /// A file without a name, on the file system of the directory given. `O_DIRECTORY` is in it.
        O_TMPFILE = { x86_64 0o20200000, aarch64 0o20040000 },
    }

    consts ["linux/fcntl.h" i32] {
        /// Stands for the current directory where a directory's descriptor is asked for.
        AT_FDCWD = (-100),
    }

    /// How a path is taken.
    flags ["linux/fcntl.h" At: i32] {
        /// A symbolic link at its end is the thing meant.
        AT_SYMLINK_NOFOLLOW = 0x100,
        /// An empty directory is what goes (unlinkat(2)).
        AT_REMOVEDIR = 0x200,
        /// A symbolic link at its end is followed (linkat(2), which otherwise does not).
        AT_SYMLINK_FOLLOW = 0x400,
        /// An empty path is the descriptor itself.
        AT_EMPTY_PATH = 0x1000,
    }

    consts ["linux/fcntl.h" i32] {
        /// fcntl(2): another descriptor of what is open there, at least so high, closed by execve.
        F_DUPFD_CLOEXEC = 1030,
        /// fcntl(2): changes how many bytes a pipe takes.
        F_SETPIPE_SZ = 1031,
    }

    consts ["asm/fcntl.h" i32] {
        /// fcntl(2): whether execve closes it; there is no other error than that it is closed already.
        F_GETFD = 1,
        /// fcntl(2): changes that.
        F_SETFD = 2,
        /// `F_GETFD`, `F_SETFD`: execve closes the descriptor.
        FD_CLOEXEC = 1,
        /// fcntl(2): the flags that it was opened with, and those that were changed since.
        F_GETFL = 3,
        /// fcntl(2): changes some of them, `O_NONBLOCK` among these.
        F_SETFL = 4,
    }

    consts ["sys/file.h" i32] {
        /// flock(2): nobody else has the lock.
        LOCK_EX = 2,
        /// flock(2): joined to `LOCK_EX`, does not wait for the lock.
        LOCK_NB = 4,
    }

    consts ["linux/stat.h" u32] {
        /// The bits of a mode that say the kind of file.
        S_IFMT = 0o170000,
        /// A directory.
        S_IFDIR = 0o040000,
        /// A regular file.
        S_IFREG = 0o100000,
        /// A socket of `AF_UNIX`.
        S_IFSOCK = 0o140000,
        /// Runs with the rights of the file's owner.
        S_ISUID = 0o4000,
        /// Runs with the rights of the file's group.
        S_ISGID = 0o2000,
        /// `stx_mode`: the kind.
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
        /// What stat(2) tells: all fields up to `stx_dev_minor`, but for `stx_btime`.
        STATX_BASIC_STATS = 0x7ff,
    }

    consts ["linux/stat.h" u64] {
        /// `stx_attributes`: only appended to; of a directory, names are only added (`chattr +a`).
        STATX_ATTR_APPEND = 0x20,
    }

    consts ["linux/limits.h" usize] {
        /// The longest path that the kernel takes, in bytes, the zero at its end included.
        PATH_MAX = 4096,
        /// The longest name in a directory, in bytes, without a zero.
        NAME_MAX = 255,
        /// The longest value of an extended attribute, in bytes.
        XATTR_SIZE_MAX = 65536,
    }

    consts ["linux/memfd.h" u32] {
        /// memfd_create(2): closed by execve(2).
        MFD_CLOEXEC = 1,
    }

    /// A file system's description (statfs(2)).
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

    /// How bytes move between a pipe and something else.
    flags ["fcntl.h" Splice: u32] {
        /// Pages go over, where they can, and are not copied.
        SPLICE_F_MOVE = 1,
        /// Waits for no pipe.
        SPLICE_F_NONBLOCK = 2,
    }

    consts ["linux/fs.h" i32] {
        /// lseek(2): from the beginning.
        SEEK_SET = 0,
    }

    /// A moment.
    record ["linux/stat.h" "struct statx_timestamp" StatxTimestamp] {
        /// Seconds since 1970 began.
        tv_sec: i64,
        /// Nanoseconds of that second.
        tv_nsec: u32,
        /// Nothing yet.
        __reserved: i32,
    }

    /// What the kernel tells of a file (statx(2)). The structure grows with new kernels inside its
    /// 256 bytes; what is behind `stx_dev_minor` nobody here has asked for.
    record ["linux/stat.h" "struct statx" Statx + 112] {
        /// Which fields are filled.
        stx_mask: u32,
        /// The size of a transfer that suits the file system, in bytes.
        stx_blksize: u32,
        /// Attributes, as bits.
        stx_attributes: u64,
        /// How many names it has.
        stx_nlink: u32,
        /// Its owner.
        stx_uid: u32,
        /// Its group.
        stx_gid: u32,
        /// Kind (`S_IFMT`) and permissions.
        stx_mode: u16,
        /// Nothing yet.
        __spare0: [u16; 1],
        /// Its number in its file system.
        stx_ino: u64,
        /// Length in bytes.
        stx_size: u64,
        /// Space taken, in blocks of 512 bytes.
        stx_blocks: u64,
        /// Which bits of the attributes this file system knows.
        stx_attributes_mask: u64,
        /// Last read.
        stx_atime: StatxTimestamp,
        /// Made.
        stx_btime: StatxTimestamp,
        /// Last change of anything.
        stx_ctime: StatxTimestamp,
        /// Last change of the content.
        stx_mtime: StatxTimestamp,
        /// A device file: which device.
        stx_rdev_major: u32,
        /// The rest of that.
        stx_rdev_minor: u32,
        /// The device of its file system.
        stx_dev_major: u32,
        /// The rest of that.
        stx_dev_minor: u32,
    }
}

/// `f_type` of /sys/kernel/config. No UAPI header defines it; the kernel's fs/configfs/mount.c does.
pub const CONFIGFS_MAGIC: u32 = 0x62656570;

/// memfd_create(2), since Linux 6.3: the file cannot be executed. Headers before 6.3 lack the constant.
pub const MFD_NOEXEC_SEAL: u32 = 8;
