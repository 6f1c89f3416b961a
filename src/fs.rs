//! Files and their names: open, ask, name, rename, make durable.
//!
//! A path is taken from a directory's descriptor ([`CWD`] for the current one); an absolute path
//! does not care. Unless a function says otherwise its errors are those of the path: `ENOENT`,
//! `ENOTDIR`, `EACCES`, `ELOOP`, `ENAMETOOLONG`, and `EIO` of the device.

use core::ffi::CStr;

pub use crate::abi::fs::*;
use crate::abi::{Errno, Result, syscall};
use crate::fd::{BorrowedFd, OwnedFd};
use crate::io::retry;

/// The current directory.
pub const CWD: BorrowedFd<'static> = {
    // SAFETY: AT_FDCWD is no descriptor that anybody could close; it always stands for a directory.
    unsafe { BorrowedFd::borrow_raw(AT_FDCWD) }
};

/// Opens a file (openat(2)). `mode` is for a file that this makes; the kernel takes the umask from it.
///
/// # Errors
/// Those of the path; `EEXIST` with `O_EXCL`; `EISDIR` of a directory to be written; `EMFILE`;
/// `EOPNOTSUPP` where the file system has no `O_TMPFILE`; `ENXIO` of a socket...
#[inline]
pub fn open(dir: BorrowedFd<'_>, path: &CStr, flags: Open, mode: u32) -> Result<OwnedFd> {
    // EINTR comes of waiting: for a FIFO's other end, for a lease to break.
    // SAFETY: the kernel only reads the path.
    let raw = retry(|| unsafe { syscall!(openat(dir, path, flags, mode)) })?;
    // SAFETY: a new descriptor, and ours.
    Ok(unsafe { OwnedFd::from_raw(raw) })
}

/// Waits until nobody else has the lock of this file or directory, and takes it: until the descriptor is closed
/// (flock(2)).
///
/// # Errors
/// `ENOLCK`: the kernel has no memory for it.
pub fn lock(fd: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: flock takes no memory of ours.
    retry(|| unsafe { syscall!(flock(fd, LOCK_EX)) }).map(drop)
}

/// Takes the exclusive lock of the file without waiting (flock(2)). The lock ends when all descriptors of this open
/// file description are closed.
///
/// # Errors
/// `EAGAIN`: another open file description holds the lock. `EBADF`: NFS requires a descriptor open for writing.
/// `ENOLCK`, `EOPNOTSUPP`, `ENOSYS`: this file system has no locks.
pub fn try_lock(fd: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: flock takes numbers; the kernel accesses no memory of ours.
    retry(|| unsafe { syscall!(flock(fd, LOCK_EX | LOCK_NB)) }).map(drop)
}

/// The status of the file that a path leads to (statx(2)). Where a filter or a kernel before Linux 4.11 refuses
/// statx, newfstatat(2) fills the fields that `stx_mask` names, and the device's numbers.
///
/// # Errors
/// Those of the path.
pub fn stat_at(dir: BorrowedFd<'_>, path: &CStr, flags: At) -> Result<Statx> {
    let mut stat = Statx::ZERO;
    let wanted = STATX_BASIC_STATS;
    // SAFETY: the kernel reads the path and fills the 256 bytes of `stat`.
    match unsafe { syscall!(statx(dir, path, flags, wanted, &raw mut stat)) } {
        Ok(_) => Ok(stat),
        Err(Errno::ENOSYS | Errno::EPERM) => old_stat_at(dir, path, flags),
        Err(errno) => Err(errno),
    }
}

#[cold]
fn old_stat_at(dir: BorrowedFd<'_>, path: &CStr, flags: At) -> Result<Statx> {
    let mut old = Stat::ZERO;
    // SAFETY: the kernel reads the path, which `&CStr` ends with 0, and writes a whole Stat to `old`, a local.
    unsafe { syscall!(newfstatat(dir, path, &raw mut old, flags)) }?;
    let mut stat = Statx::ZERO;
    stat.stx_mask = STATX_TYPE | STATX_MODE | STATX_UID | STATX_GID;
    stat.stx_mask |= STATX_INO | STATX_SIZE;
    stat.stx_uid = old.st_uid;
    stat.stx_gid = old.st_gid;
    stat.stx_mode = old.st_mode as u16;
    stat.stx_ino = old.st_ino;
    stat.stx_size = old.st_size;
    // The kernel packs the major and the minor number so (`new_encode_dev`, include/linux/kdev_t.h).
    stat.stx_dev_major = (old.st_dev >> 8) as u32 & 0xfff;
    stat.stx_dev_minor = old.st_dev as u32 & 0xff | (old.st_dev >> 12) as u32 & 0xf_ff00;
    Ok(stat)
}

/// What is open there.
///
/// # Errors
/// `EBADF`.
#[inline]
pub fn stat(fd: BorrowedFd<'_>) -> Result<Statx> {
    stat_at(fd, c"", AT_EMPTY_PATH)
}

impl Statx {
    /// The kind of file: `S_IFREG`, `S_IFDIR`...
    #[inline]
    pub fn kind(&self) -> u32 {
        u32::from(self.stx_mode) & S_IFMT
    }

    /// The permissions: the bits that chmod(2) sets.
    #[inline]
    pub fn permissions(&self) -> u32 {
        u32::from(self.stx_mode) & !S_IFMT
    }

    /// Whether the kernel only appends to the file; in such a directory it only adds names.
    #[inline]
    pub fn is_append_only(&self) -> bool {
        self.stx_attributes & STATX_ATTR_APPEND != 0
    }

    /// Whether both are of the same file: then device and number are the same.
    #[inline]
    pub fn is_same_file(&self, other: &Self) -> bool {
        (self.stx_dev_major, self.stx_dev_minor, self.stx_ino)
            == (other.stx_dev_major, other.stx_dev_minor, other.stx_ino)
    }
}

/// The text of a symbolic link, in `buffer`; one that fills it may have been cut (readlinkat(2)).
///
/// # Errors
/// Those of the path; `EINVAL`: that is no symbolic link.
#[inline]
pub fn read_link<'b>(
    dir: BorrowedFd<'_>,
    path: &CStr,
    buffer: &'b mut [u8],
) -> Result<&'b mut [u8]> {
    // SAFETY: the kernel reads the path and writes at most `len` bytes into a buffer of ours.
    let length = unsafe { syscall!(readlinkat(dir, path, buffer.as_mut_ptr(), buffer.len())) }?;
    Ok(buffer.get_mut(..length).unwrap_or_default())
}

/// Gives a file one more name (linkat(2)).
///
/// # Errors
/// Those of the paths; `EEXIST`: the new name is taken; `EXDEV`; `EMLINK`; `ENOSPC`; `ENOENT` with
/// `AT_EMPTY_PATH`: not permitted either (see linkat(2)).
#[inline]
pub fn link(
    old_dir: BorrowedFd<'_>,
    old: &CStr,
    new_dir: BorrowedFd<'_>,
    new: &CStr,
    flags: At,
) -> Result<()> {
    // SAFETY: the kernel only reads the paths.
    unsafe { syscall!(linkat(old_dir, old, new_dir, new, flags)) }.map(drop)
}

/// Moves a name within a directory; one that was there is replaced, at no moment missing (renameat(2)).
///
/// # Errors
/// Those of the paths; `EISDIR`, `ENOTEMPTY`: a directory is there; `EPERM`; `ENOSPC`.
#[inline]
pub fn rename(dir: BorrowedFd<'_>, old: &CStr, new: &CStr) -> Result<()> {
    // SAFETY: the kernel only reads the names.
    unsafe { syscall!(renameat(dir, old, dir, new)) }.map(drop)
}

/// Takes away a name that is not a directory's, and the file with its last one (unlinkat(2)).
///
/// # Errors
/// Those of the path; `EISDIR`; `EPERM`.
#[inline]
pub fn unlink(dir: BorrowedFd<'_>, path: &CStr) -> Result<()> {
    // SAFETY: the kernel only reads the path.
    unsafe { syscall!(unlinkat(dir, path, At::NONE)) }.map(drop)
}

/// Makes a directory; the kernel takes the umask from `mode` (mkdirat(2)).
///
/// # Errors
/// Those of the path; `EEXIST`: something has that name; `ENOSPC`, `EROFS`, `EMLINK`.
#[inline]
pub fn make_directory(dir: BorrowedFd<'_>, path: &CStr, mode: u32) -> Result<()> {
    // SAFETY: the kernel only reads the path.
    unsafe { syscall!(mkdirat(dir, path, mode)) }.map(drop)
}

/// Takes away an empty directory (unlinkat(2)).
///
/// # Errors
/// Those of the path; `ENOTEMPTY`; `EBUSY`: something is mounted there; `EINVAL`: the path ends with a dot.
#[inline]
pub fn remove_directory(dir: BorrowedFd<'_>, path: &CStr) -> Result<()> {
    // SAFETY: the kernel only reads the path.
    unsafe { syscall!(unlinkat(dir, path, AT_REMOVEDIR)) }.map(drop)
}

/// Sets the permissions (fchmod(2)).
///
/// # Errors
/// `EPERM`: not the owner, or the file system has no such permissions; `EROFS`; `EIO`.
#[inline]
pub fn set_permissions(fd: BorrowedFd<'_>, mode: u32) -> Result<()> {
    // SAFETY: numbers alone.
    unsafe { syscall!(fchmod(fd, mode)) }.map(drop)
}

/// Sets owner and group; `None` leaves it (fchown(2)). Takes away `S_ISUID` and `S_ISGID`.
///
/// # Errors
/// `EPERM`: not permitted; `EINVAL`: an id that this user namespace does not have; `EDQUOT`; `EIO`.
#[inline]
pub fn set_owner(fd: BorrowedFd<'_>, uid: Option<u32>, gid: Option<u32>) -> Result<()> {
    let leave = u32::MAX; // (uid_t) -1: no user and no group has this number
    if uid == Some(leave) || gid == Some(leave) {
        return Err(Errno::EINVAL);
    }
    // SAFETY: numbers alone.
    unsafe { syscall!(fchown(fd, uid.unwrap_or(leave), gid.unwrap_or(leave))) }.map(drop)
}

/// Reads the extended attribute `name` of the file that the path leads to into `value` (getxattr(2)). With an empty
/// `value` this only checks whether the attribute exists.
///
/// # Errors
/// Those of the path; `ENODATA`: none of that name; `EOPNOTSUPP`: the file system has none at all;
/// `ERANGE`: longer than `value`.
#[inline]
pub fn get_attribute<'b>(path: &CStr, name: &CStr, value: &'b mut [u8]) -> Result<&'b [u8]> {
    // SAFETY: the kernel reads the path and the name, and writes at most `len` bytes.
    let length = unsafe { syscall!(getxattr(path, name, value.as_mut_ptr(), value.len())) }?;
    Ok(value.get(..length).unwrap_or_default())
}

/// Sets the extended attribute `name` (fsetxattr(2)).
///
/// # Errors
/// `EOPNOTSUPP`, `EPERM`, `ENOSPC`, `EDQUOT`, `EIO`.
#[inline]
pub fn set_attribute(fd: BorrowedFd<'_>, name: &CStr, value: &[u8]) -> Result<()> {
    let either = 0; // make it or replace it
    // SAFETY: the kernel only reads the name and the value.
    unsafe { syscall!(fsetxattr(fd, name, value.as_ptr(), value.len(), either)) }.map(drop)
}

/// Takes away the extended attribute `name` (fremovexattr(2)).
///
/// # Errors
/// `ENODATA`: none of that name; `EOPNOTSUPP`, `EPERM`, `EIO`.
#[inline]
pub fn remove_attribute(fd: BorrowedFd<'_>, name: &CStr) -> Result<()> {
    // SAFETY: the kernel only reads the name.
    unsafe { syscall!(fremovexattr(fd, name)) }.map(drop)
}

/// Cuts or lengthens a file to `length` bytes (ftruncate(2)).
///
/// # Errors
/// `EINVAL`: not a regular file, or not open for writing; `EFBIG`; `EPERM`; `EIO`.
#[inline]
pub fn set_length(fd: BorrowedFd<'_>, length: u64) -> Result<()> {
    // SAFETY: numbers alone.
    retry(|| unsafe { syscall!(ftruncate(fd, length)) }).map(drop)
}

/// Puts the place of the next read or write at `offset` bytes from the beginning (lseek(2)).
///
/// # Errors
/// `ESPIPE`: a pipe, a socket, a terminal.
#[inline]
pub fn seek(fd: BorrowedFd<'_>, offset: u64) -> Result<()> {
    // SAFETY: numbers alone.
    unsafe { syscall!(lseek(fd, offset, SEEK_SET)) }.map(drop)
}

/// Returns when content and attributes of a file, or the names in a directory, are on the device
/// and outlive a loss of power (fsync(2)).
///
/// # Errors
/// `EIO`, `ENOSPC`, `EDQUOT`: something written earlier, and told now, is lost; `EINVAL`: nothing
/// that could be made durable (a pipe, most devices).
#[inline]
pub fn sync(fd: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: numbers alone.
    retry(|| unsafe { syscall!(fsync(fd)) }).map(drop)
}

/// [`sync`], which may find nothing that could be made durable.
///
/// # Errors
/// `EIO`, `ENOSPC`, `EDQUOT`, as there.
pub fn sync_if_possible(fd: BorrowedFd<'_>) -> Result<()> {
    match sync(fd) {
        Err(Errno::EINVAL) => Ok(()),
        result => result,
    }
}

/// Returns when all changes to the file system of `fd`, directory entries included, are on the device (syncfs(2)).
///
/// # Errors
/// `EIO`, `ENOSPC`, `EDQUOT`: data written earlier is lost (reported since Linux 5.8).
pub fn sync_file_system(fd: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: syncfs takes a number; the kernel accesses no memory of ours.
    unsafe { syscall!(syncfs(fd)) }.map(drop)
}

/// Makes a file in memory, without a name in any directory, which cannot be executed (memfd_create(2)). /proc shows
/// `name`. Before Linux 6.3 its permissions allow executing the file.
///
/// # Errors
/// `EMFILE`, `ENFILE`, `ENOMEM`.
pub fn in_memory(name: &CStr) -> Result<OwnedFd> {
    // SAFETY: the kernel reads the name, which `&CStr` ends with 0; the descriptor is new, so nothing else owns it.
    let make = |flags: u32| unsafe {
        syscall!(memfd_create(name, flags)).map(|raw| OwnedFd::from_raw(raw))
    };
    // With `vm.memfd_noexec=2` the kernel refuses files that could be executed.
    match make(MFD_CLOEXEC | MFD_NOEXEC_SEAL) {
        Err(Errno::EINVAL) => make(MFD_CLOEXEC),
        made => made,
    }
}

/// The file systems whose files are interfaces to the kernel, not data on a device.
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

/// Whether the file system of `fd` is an interface to the kernel: /proc, /sys or one mounted there (fstatfs(2)).
/// A program cannot make an ordinary file in such a file system.
pub fn is_kernels_own(fd: BorrowedFd<'_>) -> bool {
    let mut stat = Statfs::ZERO;
    // SAFETY: the kernel writes a whole Statfs to `stat`, which is ours alone.
    // An error leaves `f_type` 0, which is the type of no file system in the list.
    let _ = unsafe { syscall!(fstatfs(fd, &raw mut stat)) };
    KERNELS_OWN.contains(&(stat.f_type as u32))
}
