//! Constants and structures of files, directories and pipes.

#[cfg(target_pointer_width = "32")]
pub use super::bits32::Stat;
#[cfg(any(target_arch = "aarch64", target_arch = "riscv64"))]
pub use super::generic::Stat;
#[cfg(target_arch = "x86_64")]
pub use super::x86_64::Stat;

super::abi! {
    /// Flags for opening a file (open(2)).
    flags ["asm/fcntl.h" Open: i32] {
        /// For reading.
        O_RDONLY = 0,
        /// For writing.
        O_WRONLY = 1,
        /// For reading and writing.
        O_RDWR = 2,
        /// The bits of the access mode: `O_RDONLY`, `O_WRONLY` or `O_RDWR`.
        O_ACCMODE = 0o3,
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
        /// Calls on the descriptor do not wait: they fail with `EAGAIN`.
        O_NONBLOCK = 0o4000,
        /// Each write waits until the data, and the metadata needed to read it, are on the disk.
        O_DSYNC = 0o10000,
        /// Transfers bypass the page cache. Buffer, offset and length must be aligned.
        O_DIRECT = { 0o40000, arms 0o200000 },
        /// Files of 2 GiB and more. On 64-bit architectures the kernel sets the flag itself, and `F_GETFL`
        /// shows it.
        O_LARGEFILE = { 0o100000, arms 0o400000 },
        /// Fails unless the path leads to a directory.
        O_DIRECTORY = { 0o200000, arms 0o40000 },
        /// Fails if the path's last component is a symbolic link.
        O_NOFOLLOW = { 0o400000, arms 0o100000 },
        /// Reads do not change the time of the last access.
        O_NOATIME = 0o1000000,
        /// execve(2) closes the descriptor.
        O_CLOEXEC = 0o2000000,
        /// Each write waits until the data and all metadata are on the disk. Includes `O_DSYNC`.
        O_SYNC = 0o4010000,
        /// Opens only a location in the file system, for use with the `*at` calls. The descriptor cannot be
        /// read or written. The call needs no permission on the file itself.
        O_PATH = 0o10000000,
        /// An unnamed file on the file system of the given directory. Includes `O_DIRECTORY`.
        O_TMPFILE = { 0o20200000, arms 0o20040000 },
    }

    consts ["linux/fcntl.h" i32] {
        /// In place of a directory's descriptor: the current directory.
        AT_FDCWD = (-100),
    }

    /// Flags for the resolution of a path.
    flags ["linux/fcntl.h" At: i32] {
        /// If the last component is a symbolic link, the call applies to the link itself.
        AT_SYMLINK_NOFOLLOW = 0x100,
        /// faccessat2(2): the check uses the effective user and group id. (The value of `AT_REMOVEDIR`.)
        AT_EACCESS = 0x200,
        /// unlinkat(2): removes an empty directory instead of a file.
        AT_REMOVEDIR = 0x200,
        /// linkat(2): if the last component is a symbolic link, the call applies to its target.
        AT_SYMLINK_FOLLOW = 0x400,
        /// If the last component is an automount point, the call does not mount the file system.
        AT_NO_AUTOMOUNT = 0x800,
        /// If the path is empty, the call applies to the file of the descriptor.
        AT_EMPTY_PATH = 0x1000,
        /// statx(2): synchronises with a remote file system as stat(2) does.
        AT_STATX_SYNC_AS_STAT = 0x0,
        /// statx(2): asks a remote file system for the current values.
        AT_STATX_FORCE_SYNC = 0x2000,
        /// statx(2): uses the values that the kernel has, even if a remote file system has newer ones.
        AT_STATX_DONT_SYNC = 0x4000,
        /// statx(2): the bits of the three flags above.
        AT_STATX_SYNC_TYPE = 0x6000,
        /// open_tree(2), mount_setattr(2): applies to the whole tree of mounts.
        AT_RECURSIVE = 0x8000,
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

    consts ["linux/fcntl.h" i32] {
        /// fcntl(2): returns a duplicate with the lowest free number at or above a given number.
        F_DUPFD = 0,
        /// fcntl(2): reads the descriptor flags. The only error is `EBADF`.
        F_GETFD = 1,
        /// fcntl(2): sets the descriptor flags.
        F_SETFD = 2,
        /// fcntl(2): reads the current status flags and the access mode.
        F_GETFL = 3,
        /// fcntl(2): sets the changeable status flags, for example `O_NONBLOCK`.
        F_SETFL = 4,
        /// fcntl(2): finds a lock that would prevent a lock of the process (`Flock`).
        F_GETLK = { 5, bits32 F_GETLK64 12 },
        /// fcntl(2): sets or removes a lock of the process; fails with `EAGAIN` or `EACCES` instead of
        /// waiting.
        F_SETLK = { 6, bits32 F_SETLK64 13 },
        /// fcntl(2): as `F_SETLK`, but waits for the lock.
        F_SETLKW = { 7, bits32 F_SETLKW64 14 },
        /// fcntl(2): sets the process, or as a negative number the group, that gets `SIGIO` and `SIGURG`.
        F_SETOWN = 8,
        /// fcntl(2): reads what `F_SETOWN` sets.
        F_GETOWN = 9,
        /// fcntl(2): sets the signal that reports readiness; 0 is `SIGIO`.
        F_SETSIG = 10,
        /// fcntl(2): reads what `F_SETSIG` sets.
        F_GETSIG = 11,
        /// fcntl(2): as `F_SETOWN`, for a thread, a process or a group (`struct f_owner_ex`: `F_OWNER_*`, and
        /// the id).
        F_SETOWN_EX = 15,
        /// fcntl(2): reads what `F_SETOWN_EX` sets.
        F_GETOWN_EX = 16,
        /// fcntl(2): reads the real and the effective user id of the owner.
        F_GETOWNER_UIDS = 17,
        /// fcntl(2): finds a lock that would prevent a lock of the open file description (`Flock`).
        F_OFD_GETLK = 36,
        /// fcntl(2): sets or removes a lock of the open file description; fails with `EAGAIN` instead of
        /// waiting.
        F_OFD_SETLK = 37,
        /// fcntl(2): as `F_OFD_SETLK`, but waits for the lock.
        F_OFD_SETLKW = 38,
        /// fcntl(2): sets or removes a lease on a file: `F_RDLCK`, `F_WRLCK`, `F_UNLCK`.
        F_SETLEASE = 1024,
        /// fcntl(2): reads what `F_SETLEASE` sets.
        F_GETLEASE = 1025,
        /// fcntl(2): reports changes of a directory by a signal (`DN_*`). inotify(7) replaces it.
        F_NOTIFY = 1026,
        /// Cancels a waiting lock. For use in the kernel only.
        F_CANCELLK = 1029,
        /// fcntl(2): returns a duplicate with the lowest free number at or above a given number. execve
        /// closes the duplicate.
        F_DUPFD_CLOEXEC = 1030,
        /// fcntl(2): sets the capacity of a pipe.
        F_SETPIPE_SZ = 1031,
        /// fcntl(2): reads the capacity of a pipe, in bytes.
        F_GETPIPE_SZ = 1032,
        /// fcntl(2): adds seals to a file in memory.
        F_ADD_SEALS = 1033,
        /// fcntl(2): reads the seals of a file in memory.
        F_GET_SEALS = 1034,
        /// fcntl(2): reads the expected lifetime of the file's data (`RWH_*`).
        F_GET_RW_HINT = 1035,
        /// fcntl(2): sets the expected lifetime of the file's data.
        F_SET_RW_HINT = 1036,
        /// fcntl(2): as `F_GET_RW_HINT`, of the open file description.
        F_GET_FILE_RW_HINT = 1037,
        /// fcntl(2): as `F_SET_RW_HINT`, of the open file description.
        F_SET_FILE_RW_HINT = 1038,
        /// `F_GETFD`, `F_SETFD`: execve closes the descriptor.
        FD_CLOEXEC = 1,
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
        /// A local socket (`AF_UNIX`).
        S_IFSOCK = 0o140000,
        /// A symbolic link.
        S_IFLNK = 0o120000,
        /// A regular file.
        S_IFREG = 0o100000,
        /// A block device.
        S_IFBLK = 0o060000,
        /// A directory.
        S_IFDIR = 0o040000,
        /// A character device.
        S_IFCHR = 0o020000,
        /// A FIFO: a pipe with a name.
        S_IFIFO = 0o010000,
        /// Set-user-ID: the program runs with the rights of the file's owner.
        S_ISUID = 0o4000,
        /// Set-group-ID: the program runs with the rights of the file's group.
        S_ISGID = 0o2000,
        /// The sticky bit: in such a directory, only the owner of a file, of the directory, or a privileged
        /// process may remove the file.
        S_ISVTX = 0o1000,
        /// The owner's three permissions.
        S_IRWXU = 0o700,
        /// The owner may read.
        S_IRUSR = 0o400,
        /// The owner may write.
        S_IWUSR = 0o200,
        /// The owner may execute the file, or search the directory.
        S_IXUSR = 0o100,
        /// The group's three permissions.
        S_IRWXG = 0o70,
        /// The group may read.
        S_IRGRP = 0o40,
        /// The group may write.
        S_IWGRP = 0o20,
        /// The group may execute the file, or search the directory.
        S_IXGRP = 0o10,
        /// The other users' three permissions.
        S_IRWXO = 0o7,
        /// Other users may read.
        S_IROTH = 0o4,
        /// Other users may write.
        S_IWOTH = 0o2,
        /// Other users may execute the file, or search the directory.
        S_IXOTH = 0o1,
        /// `stx_mode`: the file type.
        STATX_TYPE = 0x1,
        /// `stx_mode`: the permissions.
        STATX_MODE = 0x2,
        /// `stx_nlink`.
        STATX_NLINK = 0x4,
        /// `stx_uid`.
        STATX_UID = 0x8,
        /// `stx_gid`.
        STATX_GID = 0x10,
        /// `stx_atime`.
        STATX_ATIME = 0x20,
        /// `stx_mtime`.
        STATX_MTIME = 0x40,
        /// `stx_ctime`.
        STATX_CTIME = 0x80,
        /// `stx_ino`.
        STATX_INO = 0x100,
        /// `stx_size`.
        STATX_SIZE = 0x200,
        /// `stx_blocks`.
        STATX_BLOCKS = 0x400,
        /// The fields that stat(2) reports: all up to `stx_dev_minor`, except `stx_btime`.
        STATX_BASIC_STATS = 0x7ff,
        /// `stx_btime`.
        STATX_BTIME = 0x800,
        /// The id of the mount, `stx_mnt_id`.
        STATX_MNT_ID = 0x1000,
        /// The alignment that `O_DIRECT` needs, `stx_dio_mem_align` and `stx_dio_offset_align`. Since Linux
        /// 6.1.
        STATX_DIOALIGN = 0x2000,
    }

    consts ["linux/stat.h" u64] {
        /// `stx_attributes`: the file system compresses the file.
        STATX_ATTR_COMPRESSED = 0x4,
        /// `stx_attributes`: the file can't be changed, renamed, removed or linked (`chattr +i`).
        STATX_ATTR_IMMUTABLE = 0x10,
        /// `stx_attributes`: append-only (`chattr +a`). In an append-only directory names can be added, not
        /// removed.
        STATX_ATTR_APPEND = 0x20,
        /// `stx_attributes`: dump(8) leaves the file out (`chattr +d`).
        STATX_ATTR_NODUMP = 0x40,
        /// `stx_attributes`: the file system needs a key to read the file.
        STATX_ATTR_ENCRYPTED = 0x800,
        /// `stx_attributes`: an automount point.
        STATX_ATTR_AUTOMOUNT = 0x1000,
        /// `stx_attributes`: the root of a mount.
        STATX_ATTR_MOUNT_ROOT = 0x2000,
        /// `stx_attributes`: protected by fs-verity: the file can't be written, and each read is verified.
        STATX_ATTR_VERITY = 0x100000,
        /// `stx_attributes`: the file is accessed directly in persistent memory.
        STATX_ATTR_DAX = 0x200000,
    }

    consts ["linux/limits.h" usize] {
        /// The longest path that the kernel accepts, in bytes, including the zero at its end.
        PATH_MAX = 4096,
        /// The longest file name, in bytes, without a zero.
        NAME_MAX = 255,
        /// The longest write to a pipe that does not mix with other writes, in bytes.
        PIPE_BUF = 4096,
        /// The longest name of an extended attribute, in bytes, without a zero.
        XATTR_NAME_MAX = 255,
        /// The longest value of an extended attribute, in bytes.
        XATTR_SIZE_MAX = 65536,
        /// The longest list of the names of extended attributes, in bytes.
        XATTR_LIST_MAX = 65536,
    }

    consts ["linux/memfd.h" u32] {
        /// memfd_create(2): execve(2) closes the descriptor.
        MFD_CLOEXEC = 1,
        /// memfd_create(2): the file can be sealed.
        MFD_ALLOW_SEALING = 2,
        /// memfd_create(2): the file's memory is of huge pages. Their size is the default, or one of
        /// `MFD_HUGE_*`.
        MFD_HUGETLB = 0x4,
        /// The place of the size of huge pages in the flags, as a power of two.
        MFD_HUGE_SHIFT = 26,
        /// The bits of the size, before the shift.
        MFD_HUGE_MASK = 0x3f,
        /// Huge pages of 64 KiB.
        MFD_HUGE_64KB = 0x40000000,
        /// Huge pages of 512 KiB.
        MFD_HUGE_512KB = 0x4c000000,
        /// Huge pages of 1 MiB.
        MFD_HUGE_1MB = 0x50000000,
        /// Huge pages of 2 MiB.
        MFD_HUGE_2MB = 0x54000000,
        /// Huge pages of 8 MiB.
        MFD_HUGE_8MB = 0x5c000000,
        /// Huge pages of 16 MiB.
        MFD_HUGE_16MB = 0x60000000,
        /// Huge pages of 32 MiB.
        MFD_HUGE_32MB = 0x64000000,
        /// Huge pages of 256 MiB.
        MFD_HUGE_256MB = 0x70000000,
        /// Huge pages of 512 MiB.
        MFD_HUGE_512MB = 0x74000000,
        /// Huge pages of 1 GiB.
        MFD_HUGE_1GB = 0x78000000,
        /// Huge pages of 2 GiB.
        MFD_HUGE_2GB = 0x7c000000,
        /// Huge pages of 16 GiB.
        MFD_HUGE_16GB = 0x88000000,
    }

    consts ["linux/memfd.h" newer u32] {
        /// memfd_create(2), since Linux 6.3: the file cannot be executed.
        MFD_NOEXEC_SEAL = 0x8,
        /// memfd_create(2), since Linux 6.3: the file can be executed.
        MFD_EXEC = 0x10,
    }

    more ["linux/fcntl.h" newer Seal] {
        /// The permissions to execute cannot be changed. Since Linux 6.3.
        F_SEAL_EXEC = 0x20,
    }

    /// Information about a file system (statfs(2)).
#[cfg_attr(target_arch = "arm", repr(packed(4)))] // the kernel packs `statfs64`; x86 has the same layout
        record ["asm/statfs.h" "struct statfs64" Statfs] {
        /// The type of the file system: `*_MAGIC`.
        f_type: usize,
        /// The preferred size for reads and writes, in bytes.
        f_bsize: usize,
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
        f_namelen: usize,
        /// The size of a block, in bytes.
        f_frsize: usize,
        /// The flags of the mount: `ST_*`.
        f_flags: usize,
        /// Reserved.
        f_spare: [usize; 4],
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
        /// `f_type` of ADFS, the Acorn file system.
        ADFS_SUPER_MAGIC = 0xadf5,
        /// `f_type` of AFFS, the Amiga file system.
        AFFS_SUPER_MAGIC = 0xadff,
        /// `f_type` of AFS of OpenAFS.
        AFS_SUPER_MAGIC = 0x5346414f,
        /// `f_type` of AFS of the kernel.
        AFS_FS_MAGIC = 0x6b414653,
        /// `f_type` of autofs.
        AUTOFS_SUPER_MAGIC = 0x187,
        /// `f_type` of Ceph.
        CEPH_SUPER_MAGIC = 0xc36400,
        /// `f_type` of Coda.
        CODA_SUPER_MAGIC = 0x73757245,
        /// `f_type` of cramfs.
        CRAMFS_MAGIC = 0x28cd3d45,
        /// `f_type` of cramfs in the other byte order.
        CRAMFS_MAGIC_WEND = 0x453dcd28,
        /// `f_type` of /sys/kernel/debug.
        DEBUGFS_MAGIC = 0x64626720,
        /// `f_type` of /sys/kernel/security.
        SECURITYFS_MAGIC = 0x73636673,
        /// `f_type` of /sys/fs/selinux.
        SELINUX_MAGIC = 0xf97cff8c,
        /// `f_type` of /sys/fs/smackfs.
        SMACK_MAGIC = 0x43415d53,
        /// `f_type` of ramfs.
        RAMFS_MAGIC = 0x858458f6,
        /// `f_type` of tmpfs.
        TMPFS_MAGIC = 0x1021994,
        /// `f_type` of hugetlbfs.
        HUGETLBFS_MAGIC = 0x958458f6,
        /// `f_type` of SquashFS.
        SQUASHFS_MAGIC = 0x73717368,
        /// `f_type` of eCryptfs.
        ECRYPTFS_SUPER_MAGIC = 0xf15f,
        /// `f_type` of EFS, the older file system of IRIX.
        EFS_SUPER_MAGIC = 0x414a53,
        /// `f_type` of EROFS.
        EROFS_SUPER_MAGIC_V1 = 0xe0f5e1e2,
        /// `f_type` of ext2.
        EXT2_SUPER_MAGIC = 0xef53,
        /// `f_type` of ext3: the same as of ext2.
        EXT3_SUPER_MAGIC = 0xef53,
        /// `f_type` of ext4: the same as of ext2.
        EXT4_SUPER_MAGIC = 0xef53,
        /// `f_type` of xenfs.
        XENFS_SUPER_MAGIC = 0xabba1974,
        /// `f_type` of Btrfs.
        BTRFS_SUPER_MAGIC = 0x9123683e,
        /// `f_type` of NILFS.
        NILFS_SUPER_MAGIC = 0x3434,
        /// `f_type` of F2FS.
        F2FS_SUPER_MAGIC = 0xf2f52010,
        /// `f_type` of HPFS, the file system of OS/2.
        HPFS_SUPER_MAGIC = 0xf995e849,
        /// `f_type` of ISO 9660.
        ISOFS_SUPER_MAGIC = 0x9660,
        /// `f_type` of JFFS2.
        JFFS2_SUPER_MAGIC = 0x72b6,
        /// `f_type` of XFS.
        XFS_SUPER_MAGIC = 0x58465342,
        /// `f_type` of /sys/fs/pstore.
        PSTOREFS_MAGIC = 0x6165676c,
        /// `f_type` of /sys/firmware/efi/efivars.
        EFIVARFS_MAGIC = 0xde5e81e4,
        /// `f_type` of hostfs of User-mode Linux.
        HOSTFS_SUPER_MAGIC = 0xc0ffee,
        /// `f_type` of overlayfs.
        OVERLAYFS_SUPER_MAGIC = 0x794c7630,
        /// `f_type` of every file system of FUSE.
        FUSE_SUPER_MAGIC = 0x65735546,
        /// `f_type` of Minix, version 1, with names of 14 bytes.
        MINIX_SUPER_MAGIC = 0x137f,
        /// `f_type` of Minix, version 1, with names of 30 bytes.
        MINIX_SUPER_MAGIC2 = 0x138f,
        /// `f_type` of Minix, version 2, with names of 14 bytes.
        MINIX2_SUPER_MAGIC = 0x2468,
        /// `f_type` of Minix, version 2, with names of 30 bytes.
        MINIX2_SUPER_MAGIC2 = 0x2478,
        /// `f_type` of Minix, version 3.
        MINIX3_SUPER_MAGIC = 0x4d5a,
        /// `f_type` of FAT.
        MSDOS_SUPER_MAGIC = 0x4d44,
        /// `f_type` of exFAT.
        EXFAT_SUPER_MAGIC = 0x2011bab0,
        /// `f_type` of NCP, the file system of NetWare.
        NCP_SUPER_MAGIC = 0x564c,
        /// `f_type` of NFS.
        NFS_SUPER_MAGIC = 0x6969,
        /// `f_type` of OCFS2.
        OCFS2_SUPER_MAGIC = 0x7461636f,
        /// `f_type` of openpromfs.
        OPENPROM_SUPER_MAGIC = 0x9fa1,
        /// `f_type` of the file system of QNX 4.
        QNX4_SUPER_MAGIC = 0x2f,
        /// `f_type` of the file system of QNX 6.
        QNX6_SUPER_MAGIC = 0x68191122,
        /// `f_type` of ReiserFS.
        REISERFS_SUPER_MAGIC = 0x52654973,
        /// `f_type` of SMB, the older implementation.
        SMB_SUPER_MAGIC = 0x517b,
        /// `f_type` of SMB 1.
        CIFS_SUPER_MAGIC = 0xff534d42,
        /// `f_type` of SMB 2 and 3.
        SMB2_SUPER_MAGIC = 0xfe534d42,
        /// `f_type` of a hierarchy of control groups, version 1.
        CGROUP_SUPER_MAGIC = 0x27e0eb,
        /// `f_type` of /sys/fs/cgroup, version 2.
        CGROUP2_SUPER_MAGIC = 0x63677270,
        /// `f_type` of /sys/fs/resctrl.
        RDTGROUP_SUPER_MAGIC = 0x7655821,
        /// `f_type` of /sys/kernel/tracing.
        TRACEFS_MAGIC = 0x74726163,
        /// `f_type` of 9P.
        V9FS_MAGIC = 0x1021997,
        /// `f_type` of block devices inside the kernel.
        BDEVFS_MAGIC = 0x62646576,
        /// `f_type` of DAX devices inside the kernel.
        DAXFS_MAGIC = 0x64646178,
        /// `f_type` of /proc/sys/fs/binfmt_misc.
        BINFMTFS_MAGIC = 0x42494e4d,
        /// `f_type` of /dev/pts.
        DEVPTS_SUPER_MAGIC = 0x1cd1,
        /// `f_type` of binderfs.
        BINDERFS_SUPER_MAGIC = 0x6c6f6f70,
        /// `f_type` of futexes of early kernels.
        FUTEXFS_SUPER_MAGIC = 0xbad1dea,
        /// `f_type` of pipes.
        PIPEFS_MAGIC = 0x50495045,
        /// `f_type` of /proc.
        PROC_SUPER_MAGIC = 0x9fa0,
        /// `f_type` of sockets.
        SOCKFS_MAGIC = 0x534f434b,
        /// `f_type` of /sys.
        SYSFS_MAGIC = 0x62656572,
        /// `f_type` of usbfs.
        USBDEVICE_SUPER_MAGIC = 0x9fa2,
        /// `f_type` of MTD devices inside the kernel.
        MTD_INODE_FS_MAGIC = 0x11307854,
        /// `f_type` of descriptors without a file: epoll, eventfd and others.
        ANON_INODE_FS_MAGIC = 0x9041934,
        /// `f_type` of the self-tests of Btrfs.
        BTRFS_TEST_MAGIC = 0x73727279,
        /// `f_type` of namespaces (/proc/PID/ns).
        NSFS_MAGIC = 0x6e736673,
        /// `f_type` of /sys/fs/bpf.
        BPF_FS_MAGIC = 0xcafe4a11,
        /// `f_type` of AppArmor's files in /sys/kernel/security.
        AAFS_MAGIC = 0x5a3c69f0,
        /// `f_type` of zonefs.
        ZONEFS_MAGIC = 0x5a4f4653,
        /// `f_type` of UDF.
        UDF_SUPER_MAGIC = 0x15013346,
        /// `f_type` of buffers shared between devices.
        DMA_BUF_MAGIC = 0x444d4142,
        /// `f_type` of /dev/mem inside the kernel.
        DEVMEM_MAGIC = 0x454d444d,
        /// `f_type` of descriptors of memfd_secret(2).
        SECRETMEM_MAGIC = 0x5345434d,
    }

    /// Flags for moving bytes between a pipe and another file.
    flags ["fcntl.h" Splice: u32] {
        /// Moves pages instead of copying them, where possible.
        SPLICE_F_MOVE = 1,
        /// Does not wait for the pipe.
        SPLICE_F_NONBLOCK = 2,
        /// More data will follow: a socket may wait for it, as with `MSG_MORE`.
        SPLICE_F_MORE = 4,
        /// vmsplice(2): gives the pages to the kernel.
        SPLICE_F_GIFT = 8,
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

    more ["fcntl.h" Open] {
        /// The kernel sends a signal when the file is ready (`F_SETSIG`). Set by `F_SETFL`, not by open.
        O_ASYNC = 0o20000,
    }

    consts ["linux/fcntl.h" u32] {
        /// `F_NOTIFY`: a file was read.
        DN_ACCESS = 0x1,
        /// `F_NOTIFY`: a file was written.
        DN_MODIFY = 0x2,
        /// `F_NOTIFY`: a file was created.
        DN_CREATE = 0x4,
        /// `F_NOTIFY`: a file was removed.
        DN_DELETE = 0x8,
        /// `F_NOTIFY`: a file was renamed within the directory.
        DN_RENAME = 0x10,
        /// `F_NOTIFY`: a file's attributes were changed.
        DN_ATTRIB = 0x20,
        /// `F_NOTIFY`: stays until removed, instead of one notification.
        DN_MULTISHOT = 0x80000000,
    }

    consts ["linux/fcntl.h" u64] {
        /// Nothing is known of the data's lifetime.
        RWH_WRITE_LIFE_NOT_SET = 0,
        /// The data has no particular lifetime.
        RWH_WRITE_LIFE_NONE = 1,
        /// The data has a short lifetime.
        RWH_WRITE_LIFE_SHORT = 2,
        /// The data has a medium lifetime.
        RWH_WRITE_LIFE_MEDIUM = 3,
        /// The data has a long lifetime.
        RWH_WRITE_LIFE_LONG = 4,
        /// The data has a very long lifetime.
        RWH_WRITE_LIFE_EXTREME = 5,
    }

    consts ["asm/fcntl.h" i16] {
        /// `l_type`: a lock for reading, shared with other such locks.
        F_RDLCK = 0,
        /// `l_type`: a lock for writing, exclusive.
        F_WRLCK = 1,
        /// `l_type`: no lock; removes a lock.
        F_UNLCK = 2,
    }

    consts ["asm/fcntl.h" i32] {
        /// `F_SETOWN_EX`: a thread.
        F_OWNER_TID = 0,
        /// `F_SETOWN_EX`: a process.
        F_OWNER_PID = 1,
        /// `F_SETOWN_EX`: a process group.
        F_OWNER_PGRP = 2,
    }

    /// A lock on a range of a file (fcntl(2)).
    record ["asm/fcntl.h" "struct flock64" Flock] {
        /// `F_RDLCK`, `F_WRLCK` or `F_UNLCK`.
        l_type: i16,
        /// Where `l_start` counts from: `SEEK_SET`, `SEEK_CUR` or `SEEK_END`.
        l_whence: i16,
        /// The first byte.
        l_start: i64,
        /// The number of bytes; 0 is all up to the end, however long the file becomes.
        l_len: i64,
        /// The process that holds the lock (`F_GETLK`); -1 for a lock of an open file description. 0 in a
        /// request.
        l_pid: i32,
    }

    consts ["dirent.h" u8] {
        /// `d_type`: the file system does not say.
        DT_UNKNOWN = 0,
        /// `d_type`: a FIFO (named pipe).
        DT_FIFO = 1,
        /// `d_type`: a character device.
        DT_CHR = 2,
        /// `d_type`: a directory.
        DT_DIR = 4,
        /// `d_type`: a block device.
        DT_BLK = 6,
        /// `d_type`: a regular file.
        DT_REG = 8,
        /// `d_type`: a symbolic link.
        DT_LNK = 10,
        /// `d_type`: a local socket.
        DT_SOCK = 12,
        /// `d_type`: a whiteout of a union file system.
        DT_WHT = 14,
    }

    consts ["linux/xattr.h" i32] {
        /// setxattr(2): fails with `EEXIST` if the attribute exists.
        XATTR_CREATE = 1,
        /// setxattr(2): fails with `ENODATA` if the attribute does not exist.
        XATTR_REPLACE = 2,
    }

    consts ["sys/statvfs.h" u64] {
        /// `f_flags`: mounted for reading only.
        ST_RDONLY = 1,
        /// `f_flags`: programs with the set-user-ID or set-group-ID bit gain no rights.
        ST_NOSUID = 2,
        /// `f_flags`: device files can't be opened.
        ST_NODEV = 4,
        /// `f_flags`: programs can't be executed.
        ST_NOEXEC = 8,
        /// `f_flags`: each write waits for the disk.
        ST_SYNCHRONOUS = 16,
        /// `f_flags`: mandatory locks are permitted.
        ST_MANDLOCK = 64,
        /// `f_flags`: reads do not change the time of the last access.
        ST_NOATIME = 1024,
        /// `f_flags`: reads of directories do not change the time of the last access.
        ST_NODIRATIME = 2048,
        /// `f_flags`: reads change the time of the last access only if it is older than the last change, or a
        /// day old.
        ST_RELATIME = 4096,
    }

    /// Flags for one transfer (preadv2(2), pwritev2(2)).
    flags ["linux/fs.h" Rwf: i32] {
        /// High priority: polls the device.
        RWF_HIPRI = 0x1,
        /// As `O_DSYNC`, for this write.
        RWF_DSYNC = 0x2,
        /// As `O_SYNC`, for this write.
        RWF_SYNC = 0x4,
        /// Fails with `EAGAIN` instead of waiting.
        RWF_NOWAIT = 0x8,
        /// As `O_APPEND`, for this write.
        RWF_APPEND = 0x10,
    }

    /// What sync_file_range(2) does with a range.
    flags ["linux/fs.h" SyncFileRange: u32] {
        /// Waits for the pages that are being written.
        SYNC_FILE_RANGE_WAIT_BEFORE = 1,
        /// Starts to write the modified pages.
        SYNC_FILE_RANGE_WRITE = 2,
        /// Waits for the pages after starting to write.
        SYNC_FILE_RANGE_WAIT_AFTER = 4,
    }

    consts ["linux/fadvise.h" i32] {
        /// fadvise64(2): no particular pattern.
        POSIX_FADV_NORMAL = 0,
        /// fadvise64(2): reads at random offsets: no read-ahead.
        POSIX_FADV_RANDOM = 1,
        /// fadvise64(2): reads from the beginning to the end: more read-ahead.
        POSIX_FADV_SEQUENTIAL = 2,
        /// fadvise64(2): reads the range into the page cache.
        POSIX_FADV_WILLNEED = 3,
        /// fadvise64(2): drops the range from the page cache.
        POSIX_FADV_DONTNEED = 4,
        /// fadvise64(2): reads the range once.
        POSIX_FADV_NOREUSE = 5,
    }

    /// How openat2(2) resolves a path.
    flags ["linux/openat2.h" Resolve: u64] {
        /// Fails with `EXDEV` instead of crossing to another mount.
        RESOLVE_NO_XDEV = 0x1,
        /// Fails with `ELOOP` at a magic link of /proc.
        RESOLVE_NO_MAGICLINKS = 0x2,
        /// Fails with `ELOOP` at a symbolic link.
        RESOLVE_NO_SYMLINKS = 0x4,
        /// Fails with `EXDEV` if the path leaves the directory. Absolute paths are refused.
        RESOLVE_BENEATH = 0x8,
        /// The directory is the root: `/` and `..` do not leave it.
        RESOLVE_IN_ROOT = 0x10,
        /// Fails with `EAGAIN` if the resolution would wait.
        RESOLVE_CACHED = 0x20,
    }

    /// How openat2(2) opens a file.
    record ["linux/openat2.h" "struct open_how" OpenHow] {
        /// `O_*`, each a known flag.
        flags: u64,
        /// The permissions of a new file; else 0.
        mode: u64,
        /// `RESOLVE_*`.
        resolve: u64,
    }

    /// The argument of `FICLONERANGE`.
    record ["linux/fs.h" "struct file_clone_range" FileCloneRange] {
        /// The descriptor of the source.
        src_fd: i64,
        /// Where the range begins in the source.
        src_offset: u64,
        /// The range's length; 0 is all up to the end.
        src_length: u64,
        /// Where the range begins in the destination.
        dest_offset: u64,
    }

    consts ["linux/fs.h" u32] {
        /// ioctl(2): the file shares all data of another file, until one of the two is written.
        FICLONE = 0x40049409,
        /// ioctl(2): as `FICLONE`, for a range.
        FICLONERANGE = 0x4020940d,
    }
}

/// `f_type` of /sys/kernel/config. No UAPI header defines this number; the kernel's fs/configfs/mount.c does.
pub const CONFIGFS_MAGIC: u32 = 0x62656570;
