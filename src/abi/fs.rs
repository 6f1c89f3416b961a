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
        /// faccessat2(2): the check uses the effective user and group id. (The value of `AT_REMOVEDIR`.)
        AT_EACCESS = 0x200,
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
        /// fcntl(2): adds seals to a file in memory.
        F_ADD_SEALS = 1033,
        /// fcntl(2): reads the seals of a file in memory.
        F_GET_SEALS = 1034,
    }

    /// Seals of a file in memory: operations that nobody can do any more.
    flags ["linux/fcntl.h" Seal: u32] {
        /// No more seals can be added.
        F_SEAL_SEAL = 0x1,
        /// The file cannot become shorter.
        F_SEAL_SHRINK = 0x2,
        /// The file cannot become longer.
        F_SEAL_GROW = 0x4,
        /// The content cannot be changed. Fails with `EBUSY` while the file is mapped for writing.
        F_SEAL_WRITE = 0x8,
        /// The content cannot be changed, except through mappings that exist already.
        F_SEAL_FUTURE_WRITE = 0x10,
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
        /// flock(2): a shared lock.
        LOCK_SH = 1,
        /// flock(2): an exclusive lock.
        LOCK_EX = 2,
        /// flock(2): combined with `LOCK_EX`, fails instead of waiting for the lock.
        LOCK_NB = 4,
        /// flock(2): releases the lock.
        LOCK_UN = 8,
    }

    /// Rights that access(2) checks.
    flags ["unistd.h" Access: i32] {
        /// The file exists.
        F_OK = 0,
        /// Executing the file, or searching the directory.
        X_OK = 1,
        /// Writing.
        W_OK = 2,
        /// Reading.
        R_OK = 4,
    }

    /// Flags for renaming (renameat2(2)).
    flags ["linux/fs.h" Rename: u32] {
        /// Fails with `EEXIST` if the new name exists.
        RENAME_NOREPLACE = 1,
        /// Exchanges the two names, which both exist.
        RENAME_EXCHANGE = 2,
        /// Leaves a whiteout at the old name, for an overlay file system.
        RENAME_WHITEOUT = 4,
    }

    /// What fallocate(2) does with the blocks of a range.
    flags ["linux/falloc.h" Fallocate: i32] {
        /// The length of the file does not change.
        FALLOC_FL_KEEP_SIZE = 0x01,
        /// Frees the blocks: the range becomes a hole. Only with `FALLOC_FL_KEEP_SIZE`.
        FALLOC_FL_PUNCH_HOLE = 0x02,
        /// Reserved; no kernel supports it.
        FALLOC_FL_NO_HIDE_STALE = 0x04,
        /// Removes the range: the bytes after it move to its place.
        FALLOC_FL_COLLAPSE_RANGE = 0x08,
        /// Makes the bytes of the range zero, without writing them where possible.
        FALLOC_FL_ZERO_RANGE = 0x10,
        /// Inserts a hole: the bytes from the offset on move to the end of the range.
        FALLOC_FL_INSERT_RANGE = 0x20,
        /// Gives the file own blocks in place of blocks that it shares with other files.
        FALLOC_FL_UNSHARE_RANGE = 0x40,
    }

    consts ["sys/stat.h" i64] {
        /// utimensat(2): in `tv_nsec`, the current time.
        UTIME_NOW = 0x3fff_ffff,
        /// utimensat(2): in `tv_nsec`, the time does not change.
        UTIME_OMIT = 0x3fff_fffe,
    }

    consts ["linux/stat.h" u32] {
        /// The bits of a mode that hold the file type.
        S_IFMT = 0o170000,
        /// A directory.
        S_IFDIR = 0o040000,
        /// A regular file.
        S_IFREG = 0o100000,
        /// A FIFO: a pipe with a name.
        S_IFIFO = 0o010000,
        /// A character device.
        S_IFCHR = 0o020000,
        /// A block device.
        S_IFBLK = 0o060000,
        /// A symbolic link.
        S_IFLNK = 0o120000,
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
        /// memfd_create(2): the file can be sealed.
        MFD_ALLOW_SEALING = 2,
    }

    /// Information about a file system (statfs(2)).
    record ["asm/statfs.h" "struct statfs" Statfs] {
        /// The type of the file system: `*_MAGIC`.
        f_type: u64,
        /// The preferred size for reads and writes, in bytes.
        f_bsize: u64,
        /// The size of the file system, in blocks of `f_frsize` bytes.
        f_blocks: u64,
        /// The free blocks.
        f_bfree: u64,
        /// The free blocks that a user without privileges may use.
        f_bavail: u64,
        /// The number of inodes; 0 if the file system has no fixed number.
        f_files: u64,
        /// The free inodes.
        f_ffree: u64,
        /// The file system's id.
        f_fsid: [i32; 2],
        /// The longest file name, in bytes.
        f_namelen: u64,
        /// The size of a block, in bytes.
        f_frsize: u64,
        /// The flags of the mount: `ST_*`.
        f_flags: u64,
        /// Reserved.
        f_spare: [u64; 4],
    }

    /// An entry of a directory (getdents64(2)), in the C library's form: the kernel's record ends after the zero
    /// of the name, at a multiple of 8 bytes.
    record ["dirent.h" "struct dirent64" Dirent64] {
        /// The inode number.
        d_ino: u64,
        /// The offset of the next entry, for lseek(2).
        d_off: i64,
        /// The length of this record, in bytes.
        d_reclen: u16,
        /// The type of the file: `S_IFMT` of its mode, shifted right by 12 bits; 0 if unknown.
        d_type: u8,
        /// The name, which ends with a zero.
        d_name: [u8; 256],
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
        /// lseek(2): from the current offset.
        SEEK_CUR = 1,
        /// lseek(2): from the end of the file.
        SEEK_END = 2,
        /// lseek(2): the next data, not a hole.
        SEEK_DATA = 3,
        /// lseek(2): the next hole; the end of the file is one.
        SEEK_HOLE = 4,
    }

    consts ["linux/uio.h" usize] {
        /// The greatest number of buffers that readv(2) and writev(2) take.
        UIO_MAXIOV = 1024,
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
