//! Files and directories: open, status, links, renames, attributes, durability.
//!
//! A path is relative to a directory's descriptor, or to the current directory with [`CWD`]; the descriptor
//! is ignored for an absolute path. Unless a function states otherwise, its errors are those of resolving the
//! path: `ENOENT`, `ENOTDIR`, `EACCES`, `ELOOP`, `ENAMETOOLONG`, and `EIO` of the device.

pub mod copy;
pub mod replace;
pub mod resolve;

use core::ffi::CStr;

pub use crate::abi::fs::*;
use crate::abi::{Errno, Result, syscall};
use crate::fd::{BorrowedFd, OwnedFd};
use crate::io::retry;

/// In place of a directory's descriptor: the current directory.
pub const CWD: BorrowedFd<'static> = {
    // SAFETY: AT_FDCWD is not a descriptor, so it can't be closed. It always refers to the current directory.
    unsafe { BorrowedFd::borrow_raw(AT_FDCWD) }
};

/// Opens a file (openat(2)). `mode` is the permissions of a file that this call creates, from which the
/// kernel removes the umask.
///
/// # Errors
/// Those of the path. `EEXIST` with `O_EXCL`. `EISDIR`: a directory can't be opened for writing. `EMFILE`.
/// `EOPNOTSUPP`: the file system does not support `O_TMPFILE`. `ENXIO` for a socket...
#[doc(alias = "openat")]
#[inline]
pub fn open(dir: BorrowedFd<'_>, path: &CStr, flags: Open, mode: u32) -> Result<OwnedFd> {
    // EINTR is possible while the call waits: for the other end of a FIFO, or for the break of a lease.
    // SAFETY: the kernel only reads the path, which ends with a zero.
    let raw = retry(|| unsafe { syscall!(openat(dir, path, flags, mode)) })?;
    // SAFETY: the descriptor is new, so no other value owns it.
    Ok(unsafe { OwnedFd::from_raw(raw) })
}

/// Waits until the exclusive lock of the file or directory is free, and takes the lock (flock(2)). The lock
/// ends when all descriptors of this open file description are closed.
///
/// # Errors
/// `ENOLCK`: the kernel has no memory for the lock.
#[doc(alias = "flock")]
pub fn lock(fd: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: flock takes numbers; the kernel accesses no memory of this process.
    retry(|| unsafe { syscall!(flock(fd, LOCK_EX)) }).map(drop)
}

/// Takes the exclusive lock of the file without waiting (flock(2)). The lock ends when all descriptors of
/// this open file description are closed.
///
/// # Errors
/// `EAGAIN`: another open file description holds the lock. `EBADF`: NFS requires a descriptor open for
/// writing. `ENOLCK`, `EOPNOTSUPP`, `ENOSYS`: this file system has no locks.
#[doc(alias = "flock")]
pub fn try_lock(fd: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: flock takes numbers; the kernel accesses no memory of this process.
    retry(|| unsafe { syscall!(flock(fd, LOCK_EX | LOCK_NB)) }).map(drop)
}

/// The status of the file at a path (statx(2)). If a seccomp filter or a kernel before Linux 4.11 refuses
/// statx, this calls newfstatat(2). Then only the fields in `stx_mask` and the two fields of the device's
/// number are filled.
///
/// # Errors
/// Those of the path.
#[doc(alias = "statx")]
#[doc(alias = "fstatat")]
pub fn stat_at(dir: BorrowedFd<'_>, path: &CStr, flags: At) -> Result<Statx> {
    let mut stat = Statx::ZERO;
    let wanted = STATX_BASIC_STATS;
    // SAFETY: the kernel reads the path, which ends with a zero, and writes a whole Statx, 256 bytes, to
    // `stat`, a local.
    match unsafe { syscall!(statx(dir, path, flags, wanted, &raw mut stat)) } {
        Ok(_) => Ok(stat),
        Err(Errno::ENOSYS | Errno::EPERM) => old_stat_at(dir, path, flags),
        Err(errno) => Err(errno),
    }
}

#[cold]
fn old_stat_at(dir: BorrowedFd<'_>, path: &CStr, flags: At) -> Result<Statx> {
    let old = newfstatat(dir, path, flags)?;
    let mut stat = Statx::ZERO;
    stat.stx_mask = STATX_TYPE | STATX_MODE | STATX_UID | STATX_GID;
    stat.stx_mask |= STATX_INO | STATX_SIZE;
    stat.stx_uid = old.st_uid;
    stat.stx_gid = old.st_gid;
    stat.stx_mode = old.st_mode as u16;
    stat.stx_ino = old.st_ino;
    stat.stx_size = old.st_size;
    (stat.stx_dev_major, stat.stx_dev_minor) = device(old.st_dev);
    Ok(stat)
}

fn newfstatat(dir: BorrowedFd<'_>, path: &CStr, flags: At) -> Result<Stat> {
    let mut stat = Stat::ZERO;
    // SAFETY: the kernel reads the path, which ends with a zero, and writes a whole Stat to `stat`, a local.
    unsafe { syscall!(newfstatat(dir, path, &raw mut stat, flags)) }?;
    Ok(stat)
}

/// The type of the file at a path: `S_IFREG`, `S_IFDIR`... (newfstatat(2)). A program that needs only the
/// type calls this function, and so does not contain the code of [`stat_at`] for two system calls.
///
/// # Errors
/// Those of the path.
#[doc(alias = "newfstatat")]
pub fn kind_at(dir: BorrowedFd<'_>, path: &CStr, flags: At) -> Result<u32> {
    newfstatat(dir, path, flags).map(|stat| stat.st_mode & S_IFMT)
}

/// The major and minor number of a device number, in the kernel's encoding (`new_encode_dev`,
/// include/linux/kdev_t.h).
fn device(number: u64) -> (u32, u32) {
    let number = number as u32;
    let major = number >> 8 & 0xfff;
    let minor = number & 0xff | number >> 12 & 0xf_ff00;
    (major, minor)
}

/// The status of an open file (statx(2) with `AT_EMPTY_PATH`).
///
/// # Errors
/// `EBADF`: the descriptor is closed.
#[doc(alias = "statx")]
#[doc(alias = "fstat")]
#[inline]
pub fn stat(fd: BorrowedFd<'_>) -> Result<Statx> {
    stat_at(fd, c"", AT_EMPTY_PATH)
}

impl Statx {
    /// The type of the file: `S_IFREG`, `S_IFDIR`...
    #[inline]
    pub fn kind(&self) -> u32 {
        u32::from(self.stx_mode) & S_IFMT
    }

    /// The permissions: the bits that chmod(2) sets.
    #[inline]
    pub fn permissions(&self) -> u32 {
        u32::from(self.stx_mode) & !S_IFMT
    }

    /// Whether the file is append-only. In an append-only directory names can be added, not removed.
    #[inline]
    pub fn is_append_only(&self) -> bool {
        self.stx_attributes & STATX_ATTR_APPEND != 0
    }

    /// Whether both describe the same file: the devices and the inode numbers are equal.
    #[inline]
    pub fn is_same_file(&self, other: &Self) -> bool {
        (self.stx_dev_major, self.stx_dev_minor, self.stx_ino)
            == (other.stx_dev_major, other.stx_dev_minor, other.stx_ino)
    }
}

/// Reads the text of a symbolic link into `buffer` (readlinkat(2)). If the result fills `buffer`, it may be
/// truncated.
///
/// # Errors
/// Those of the path. `EINVAL`: not a symbolic link.
#[doc(alias = "readlinkat")]
#[inline]
pub fn read_link<'b>(
    dir: BorrowedFd<'_>,
    path: &CStr,
    buffer: &'b mut [u8],
) -> Result<&'b mut [u8]> {
    // SAFETY: the kernel reads the path, which ends with a zero. It writes at most `buffer.len()` bytes to
    // `buffer`, which this function borrows mutably.
    let length = unsafe { syscall!(readlinkat(dir, path, buffer.as_mut_ptr(), buffer.len())) }?;
    Ok(buffer.get_mut(..length).unwrap_or_default())
}

/// Creates another hard link to a file (linkat(2)).
///
/// # Errors
/// Those of the paths. `EEXIST`: the new name exists. `EXDEV`. `EMLINK`. `ENOSPC`. `ENOENT` with
/// `AT_EMPTY_PATH`: also if the caller has no permission (see linkat(2)).
#[doc(alias = "linkat")]
#[inline]
pub fn link(
    old_dir: BorrowedFd<'_>,
    old: &CStr,
    new_dir: BorrowedFd<'_>,
    new: &CStr,
    flags: At,
) -> Result<()> {
    // SAFETY: the kernel only reads the paths, which end with a zero.
    unsafe { syscall!(linkat(old_dir, old, new_dir, new, flags)) }.map(drop)
}

/// Renames a file within a directory (renameat(2)). If the new name exists, it is replaced atomically: the
/// name exists at every moment.
///
/// # Errors
/// Those of the paths. `EISDIR`, `ENOTEMPTY`: the new name is a directory. `EPERM`. `ENOSPC`.
#[doc(alias = "renameat")]
#[inline]
pub fn rename(dir: BorrowedFd<'_>, old: &CStr, new: &CStr) -> Result<()> {
    // SAFETY: the kernel only reads the names, which end with a zero.
    unsafe { syscall!(renameat(dir, old, dir, new)) }.map(drop)
}

/// Removes a name of a file that is not a directory (unlinkat(2)). If the file has no other name, the kernel
/// removes the file.
///
/// # Errors
/// Those of the path. `EISDIR`. `EPERM`.
#[doc(alias = "unlinkat")]
#[inline]
pub fn unlink(dir: BorrowedFd<'_>, path: &CStr) -> Result<()> {
    // SAFETY: the kernel only reads the path, which ends with a zero.
    unsafe { syscall!(unlinkat(dir, path, At::NONE)) }.map(drop)
}

/// Creates a directory with the permissions `mode`, from which the kernel removes the umask (mkdirat(2)).
///
/// # Errors
/// Those of the path. `EEXIST`: the name exists. `ENOSPC`, `EROFS`, `EMLINK`.
#[doc(alias = "mkdirat")]
#[inline]
pub fn make_directory(dir: BorrowedFd<'_>, path: &CStr, mode: u32) -> Result<()> {
    // SAFETY: the kernel only reads the path, which ends with a zero.
    unsafe { syscall!(mkdirat(dir, path, mode)) }.map(drop)
}

/// Removes an empty directory (unlinkat(2) with `AT_REMOVEDIR`).
///
/// # Errors
/// Those of the path. `ENOTEMPTY`. `EBUSY`: something is mounted there. `EINVAL`: the path ends with a dot.
#[doc(alias = "unlinkat")]
#[doc(alias = "rmdir")]
#[inline]
pub fn remove_directory(dir: BorrowedFd<'_>, path: &CStr) -> Result<()> {
    // SAFETY: the kernel only reads the path, which ends with a zero.
    unsafe { syscall!(unlinkat(dir, path, AT_REMOVEDIR)) }.map(drop)
}

/// Sets the permissions of a file (fchmod(2)).
///
/// # Errors
/// `EPERM`: the caller is not the owner, or the file system does not support these permissions. `EROFS`.
/// `EIO`.
#[doc(alias = "fchmod")]
#[inline]
pub fn set_permissions(fd: BorrowedFd<'_>, mode: u32) -> Result<()> {
    // SAFETY: fchmod takes numbers; the kernel accesses no memory of this process.
    unsafe { syscall!(fchmod(fd, mode)) }.map(drop)
}

/// Sets the owner and the group of a file; `None` leaves an id unchanged (fchown(2)). Clears `S_ISUID` and
/// `S_ISGID`.
///
/// # Errors
/// `EPERM`: no permission. `EINVAL`: this user namespace has no such id. `EDQUOT`. `EIO`.
#[doc(alias = "fchown")]
#[inline]
pub fn set_owner(fd: BorrowedFd<'_>, uid: Option<u32>, gid: Option<u32>) -> Result<()> {
    let leave = u32::MAX; // (uid_t) -1: no user and no group has this id
    if uid == Some(leave) || gid == Some(leave) {
        return Err(Errno::EINVAL);
    }
    // SAFETY: fchown takes numbers; the kernel accesses no memory of this process.
    unsafe { syscall!(fchown(fd, uid.unwrap_or(leave), gid.unwrap_or(leave))) }.map(drop)
}

/// Reads the extended attribute `name` of the file at `path` into `value` (getxattr(2)). With an empty
/// `value` this only checks whether the attribute exists.
///
/// # Errors
/// Those of the path. `ENODATA`: no such attribute. `EOPNOTSUPP`: the file system has no attributes.
/// `ERANGE`: the attribute is longer than `value`.
#[doc(alias = "getxattr")]
#[inline]
pub fn get_attribute<'b>(path: &CStr, name: &CStr, value: &'b mut [u8]) -> Result<&'b [u8]> {
    // SAFETY: the kernel reads the path and the name, which end with a zero. It writes at most `value.len()`
    // bytes to `value`, which this function borrows mutably.
    let length = unsafe { syscall!(getxattr(path, name, value.as_mut_ptr(), value.len())) }?;
    Ok(value.get(..length).unwrap_or_default())
}

/// Sets the extended attribute `name` of a file (fsetxattr(2)).
///
/// # Errors
/// `EOPNOTSUPP`, `EPERM`, `ENOSPC`, `EDQUOT`, `EIO`.
#[doc(alias = "fsetxattr")]
#[inline]
pub fn set_attribute(fd: BorrowedFd<'_>, name: &CStr, value: &[u8]) -> Result<()> {
    let either = 0; // create or replace the attribute
    // SAFETY: the kernel reads the name, which ends with a zero, and `value.len()` bytes of `value`.
    unsafe { syscall!(fsetxattr(fd, name, value.as_ptr(), value.len(), either)) }.map(drop)
}

/// Removes the extended attribute `name` of a file (fremovexattr(2)).
///
/// # Errors
/// `ENODATA`: no such attribute. `EOPNOTSUPP`, `EPERM`, `EIO`.
#[doc(alias = "fremovexattr")]
#[inline]
pub fn remove_attribute(fd: BorrowedFd<'_>, name: &CStr) -> Result<()> {
    // SAFETY: the kernel only reads the name, which ends with a zero.
    unsafe { syscall!(fremovexattr(fd, name)) }.map(drop)
}

/// Truncates or extends a file to `length` bytes (ftruncate(2)).
///
/// # Errors
/// `EINVAL`: not a regular file, or not open for writing. `EFBIG`. `EPERM`. `EIO`.
#[doc(alias = "ftruncate")]
#[inline]
pub fn set_length(fd: BorrowedFd<'_>, length: u64) -> Result<()> {
    // SAFETY: ftruncate takes numbers; the kernel accesses no memory of this process.
    retry(|| unsafe { syscall!(ftruncate(fd, length)) }).map(drop)
}

/// Sets the offset of the next read or write, in bytes from the beginning of the file (lseek(2)).
///
/// # Errors
/// `ESPIPE`: a pipe, a socket or a terminal.
#[doc(alias = "lseek")]
#[inline]
pub fn seek(fd: BorrowedFd<'_>, offset: u64) -> Result<()> {
    // SAFETY: lseek takes numbers; the kernel accesses no memory of this process.
    unsafe { syscall!(lseek(fd, offset, SEEK_SET)) }.map(drop)
}

/// Makes a file durable: returns when its content and attributes, or the names in a directory, are on the
/// device and survive a power failure (fsync(2)).
///
/// # Errors
/// `EIO`, `ENOSPC`, `EDQUOT`: data written earlier is lost; the kernel reports this only now. `EINVAL`: the
/// file can't be made durable (a pipe, most devices).
#[doc(alias = "fsync")]
#[inline]
pub fn sync(fd: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: fsync takes a number; the kernel accesses no memory of this process.
    retry(|| unsafe { syscall!(fsync(fd)) }).map(drop)
}

/// As [`sync`], but it is not an error if the file can't be made durable.
///
/// # Errors
/// `EIO`, `ENOSPC`, `EDQUOT`, as for [`sync`].
#[doc(alias = "fsync")]
pub fn sync_if_possible(fd: BorrowedFd<'_>) -> Result<()> {
    match sync(fd) {
        Err(Errno::EINVAL) => Ok(()),
        result => result,
    }
}

/// Makes all changes to the file system of `fd`, including directory entries, durable (syncfs(2)).
///
/// # Errors
/// `EIO`, `ENOSPC`, `EDQUOT`: data written earlier is lost (reported since Linux 5.8).
#[doc(alias = "syncfs")]
pub fn sync_file_system(fd: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: syncfs takes a number; the kernel accesses no memory of this process.
    unsafe { syscall!(syncfs(fd)) }.map(drop)
}

/// Creates a file in memory that has no name in any directory and can't be executed (memfd_create(2)). /proc
/// shows `name`. Before Linux 6.3 the file's permissions allow execution.
///
/// # Errors
/// `EMFILE`, `ENFILE`, `ENOMEM`.
#[doc(alias = "memfd_create")]
pub fn in_memory(name: &CStr) -> Result<OwnedFd> {
    // SAFETY: the kernel reads the name, which ends with a zero. The returned descriptor is new, so no other
    // value owns it.
    let make = |flags: u32| unsafe {
        syscall!(memfd_create(name, flags)).map(|raw| OwnedFd::from_raw(raw))
    };
    // With `vm.memfd_noexec=2` the kernel refuses to create files that could be executed.
    match make(MFD_CLOEXEC | MFD_NOEXEC_SEAL) {
        Err(Errno::EINVAL) => make(MFD_CLOEXEC),
        made => made,
    }
}

/// The types of the file systems whose files are interfaces to the kernel, not data on a device.
const KERNELS_OWN: [u32; 15] = [
    PROC_SUPER_MAGIC,
    SYSFS_MAGIC,
    CGROUP_SUPER_MAGIC,
    CGROUP2_SUPER_MAGIC,
    RDTGROUP_SUPER_MAGIC,
    DEBUGFS_MAGIC,
    TRACEFS_MAGIC,
    CONFIGFS_MAGIC,
    SECURITYFS_MAGIC,
    AAFS_MAGIC,
    SELINUX_MAGIC,
    SMACK_MAGIC,
    BPF_FS_MAGIC,
    EFIVARFS_MAGIC,
    BINFMTFS_MAGIC,
];

/// Whether the file system of `fd` is an interface to the kernel: /proc, /sys, or a file system mounted there
/// (fstatfs(2)). A program can't create an ordinary file in such a file system.
#[doc(alias = "fstatfs")]
pub fn is_kernel_interface(fd: BorrowedFd<'_>) -> bool {
    let mut stat = Statfs::ZERO;
    // SAFETY: the kernel writes a whole Statfs to `stat`, a local. After an error `f_type` is 0, which is not
    // the type of any file system in the list.
    let _ = unsafe { syscall!(fstatfs(fd, &raw mut stat)) };
    KERNELS_OWN.contains(&(stat.f_type as u32))
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::fd::tests::closes_at_exec;
    use crate::io::{read, write_all};
    use std::format;
    use std::os::unix::fs::chown;
    use std::string::String;

    #[test]
    fn device_numbers_are_unpacked() {
        for (major, minor) in [
            (0, 0),
            (0, 1),
            (1, 3),
            (8, 255),
            (8, 256),
            (0xfff, 0),
            (0, 0xf_ffff),
            (0xabc, 0x1_2345),
        ] {
            // include/linux/kdev_t.h
            let packed = minor & 0xff | major << 8 | (minor & !0xff) << 12;
            assert_eq!(device(packed.into()), (major, minor), "{packed:x}");
        }
    }

    #[test]
    fn a_file_is_identified_by_device_and_inode() {
        let mut one = Statx::ZERO;
        (one.stx_dev_major, one.stx_dev_minor, one.stx_ino) = (1, 2, 3);
        assert!(one.is_same_file(&one));
        for change in [
            |other: &mut Statx| other.stx_dev_major = 2,
            |other: &mut Statx| other.stx_dev_minor = 1,
            |other: &mut Statx| other.stx_ino = 1 << 32 | 3,
        ] {
            let mut other = one;
            change(&mut other);
            assert!(!one.is_same_file(&other) && !other.is_same_file(&one));
        }
        // All other fields may differ: the file may have changed in between.
        let mut later = one;
        (later.stx_size, later.stx_mode, later.stx_uid) = (9, 9, 9);
        assert!(one.is_same_file(&later));
    }

    #[test]
    fn a_mode_is_a_kind_and_permissions() {
        let mut stat = Statx::ZERO;
        stat.stx_mode = 0o104_751;
        assert_eq!((stat.kind(), stat.permissions()), (S_IFREG, 0o4751));
        stat.stx_mode = 0o047_777;
        assert_eq!((stat.kind(), stat.permissions()), (S_IFDIR, 0o7777));
        assert!(!stat.is_append_only());
        stat.stx_attributes = !0x20; // STATX_ATTR_APPEND
        assert!(!stat.is_append_only());
        stat.stx_attributes = 0x20;
        assert!(stat.is_append_only());
    }

    /// A new temporary file. Its name contains the process's id and the test's name. Dropping the value
    /// removes it.
    struct New {
        path: String,
        file: OwnedFd,
    }

    impl New {
        fn named(name: &str) -> Self {
            let folder = std::env::temp_dir();
            let path = format!("{}/ring3-{}-{name}", folder.display(), std::process::id());
            let file = at(&path, O_RDWR | O_CREAT | O_EXCL, 0o640).unwrap();
            Self { path, file }
        }
    }

    impl Drop for New {
        fn drop(&mut self) {
            std::fs::remove_file(&self.path).unwrap();
        }
    }

    fn c(path: &str) -> std::ffi::CString {
        std::ffi::CString::new(path).unwrap()
    }

    fn at(path: &str, flags: Open, mode: u32) -> Result<OwnedFd> {
        open(CWD, &c(path), flags | O_CLOEXEC, mode)
    }

    /// newfstatat fills the fields of statx that the programs use with the same values.
    #[test]
    fn newfstatat_fills_the_same_fields() {
        let new = New::named("stat");
        write_all(new.file.as_fd(), b"content").unwrap();
        set_permissions(new.file.as_fd(), 0o2751).unwrap();
        let _ = chown(&new.path, Some(1234), Some(2345)); // fails without root, and leaves the owner
        for path in [
            &*new.path,
            "/proc", // (not "/": qemu-user's -L redirects it in newfstatat, not in statx)
            "/dev/null",
            "/proc/self/status",
            "/proc/self/exe",
        ] {
            for flags in [At::NONE, AT_SYMLINK_NOFOLLOW] {
                let stat = stat_at(CWD, &c(path), flags).unwrap();
                let old = old_stat_at(CWD, &c(path), flags).unwrap();
                let fields = |stat: &Statx| {
                    (
                        (stat.stx_uid, stat.stx_gid, stat.stx_mode),
                        (stat.stx_ino, stat.stx_size),
                        (stat.stx_dev_major, stat.stx_dev_minor),
                    )
                };
                assert_eq!(fields(&old), fields(&stat), "{path}");
                assert_eq!(old.stx_mask & stat.stx_mask, old.stx_mask, "{path}");
                assert_eq!(old.stx_mask, 0x31b, "{path}");
            }
        }
        let nothing = old_stat_at(CWD, c"/nothing", At::NONE);
        assert_eq!(nothing.err(), Some(Errno::ENOENT));
    }

    #[test]
    fn a_file_in_memory_cannot_be_executed() {
        let memory = in_memory(c"name").unwrap();
        assert!(closes_at_exec(memory.as_fd()));
        let number = memory.as_fd().as_raw();
        let link = std::fs::read_link(format!("/proc/self/fd/{number}")).unwrap();
        assert_eq!(link.to_str(), Some("/memfd:name (deleted)"));
        // SAFETY: the kernel reads the name, which ends with a zero. The descriptor is new.
        let knows = unsafe { syscall!(memfd_create(c"", MFD_NOEXEC_SEAL)) };
        if let Ok(raw) = knows {
            // SAFETY: `raw` is the new descriptor, which no other value owns.
            drop(unsafe { OwnedFd::from_raw(raw) });
            assert_eq!(stat(memory.as_fd()).unwrap().permissions() & 0o111, 0);
        }
    }

    #[test]
    fn an_attribute_is_created_replaced_and_removed() {
        let new = New::named("attribute");
        let (path, name) = (c(&new.path), c"user.ring3");
        let read = || {
            let mut value = [0; 16];
            get_attribute(&path, name, &mut value).map(<[u8]>::to_vec)
        };
        match set_attribute(new.file.as_fd(), name, b"one") {
            Err(Errno::EOPNOTSUPP) => return, // a file system without extended attributes
            result => result.unwrap(),
        }
        assert_eq!(read(), Ok(b"one".to_vec()));
        set_attribute(new.file.as_fd(), name, b"two, longer").unwrap();
        assert_eq!(read(), Ok(b"two, longer".to_vec()));
        remove_attribute(new.file.as_fd(), name).unwrap();
        assert_eq!(read(), Err(Errno::ENODATA));
    }

    #[test]
    fn owner_and_group_are_set_separately() {
        let new = New::named("owner");
        let file = new.file.as_fd();
        let owner = || stat(file).map(|stat| (stat.stx_uid, stat.stx_gid));
        let before = owner().unwrap();
        if set_owner(file, Some(1234), None).is_err() {
            return; // not root
        }
        assert_eq!(owner(), Ok((1234, before.1)));
        set_owner(file, None, Some(2345)).unwrap();
        assert_eq!(owner(), Ok((1234, 2345)));
        let nobodys = Some(u32::MAX);
        assert_eq!(set_owner(file, nobodys, None), Err(Errno::EINVAL));
        assert_eq!(set_owner(file, None, nobodys), Err(Errno::EINVAL));
        assert_eq!(owner(), Ok((1234, 2345)));
    }

    #[test]
    fn an_offset_is_from_the_beginning() {
        let new = New::named("seek");
        let file = new.file.as_fd();
        write_all(file, b"0123456789").unwrap();
        for (offset, rest) in [(0, 10), (9, 1), (10, 0), (3, 7)] {
            seek(file, offset).unwrap();
            assert_eq!(read(file, &mut [0; 20]), Ok(rest));
        }
        set_length(file, 4).unwrap();
        seek(file, 0).unwrap();
        assert_eq!(read(file, &mut [0; 20]), Ok(4));
    }

    /// A call that a handler interrupts is repeated; here open waits for the other end of a FIFO.
    #[test]
    fn an_interrupted_open_is_repeated() {
        use core::sync::atomic::{AtomicI32, Ordering::SeqCst};
        use std::process::Command;
        use std::time::Duration;

        /// A real-time signal that no other test uses.
        const SIGNAL: i32 = 60;
        static HANDLED: AtomicI32 = AtomicI32::new(0);
        extern "C" fn count(_: i32) {
            HANDLED.fetch_add(1, SeqCst);
        }
        let new = New::named("fifo");
        std::fs::remove_file(&new.path).unwrap();
        let made = Command::new("mkfifo").arg(&new.path).status();
        assert!(made.unwrap().success());
        // SAFETY: the handler only adds to an atomic.
        unsafe { crate::signal::handle(SIGNAL, count) }.unwrap();
        let id = AtomicI32::new(0);
        std::thread::scope(|scope| {
            let opener = scope.spawn(|| {
                id.store(crate::process::gettid().as_raw(), SeqCst);
                at(&new.path, O_WRONLY, 0).map(|fifo| write_all(fifo.as_fd(), b"x"))
            });
            let wait_until = |condition: &dyn Fn() -> bool| {
                while !condition() {
                    assert!(!opener.is_finished(), "it does not wait");
                    std::thread::sleep(Duration::from_millis(1));
                }
            };
            let sleeps = || {
                let stat = format!("/proc/self/task/{}/stat", id.load(SeqCst));
                let stat = std::fs::read_to_string(stat).unwrap_or_default();
                stat.rsplit(") ")
                    .next()
                    .is_some_and(|state| state.starts_with('S'))
            };
            for times in 1..=3 {
                wait_until(&sleeps);
                let (own, thread) = (crate::process::getpid().as_raw(), id.load(SeqCst));
                // SAFETY: tgkill takes numbers; the signal has a handler.
                unsafe { syscall!(tgkill(own, thread, SIGNAL)) }.unwrap();
                wait_until(&|| HANDLED.load(SeqCst) == times);
            }
            wait_until(&sleeps);
            let text = std::fs::read(&new.path).unwrap();
            assert_eq!(opener.join().unwrap(), Ok(Ok(())));
            assert_eq!(text, b"x");
        });
    }
}
