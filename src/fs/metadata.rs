//! Metadata: status, permissions, owner, times.

use core::ffi::CStr;
use core::ptr;

use crate::abi::fs::*;
use crate::abi::time::Timespec;
use crate::abi::{Errno, Result, syscall};
use crate::fd::BorrowedFd;

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
    #[must_use]
    pub fn kind(&self) -> u32 {
        u32::from(self.stx_mode) & S_IFMT
    }

    /// The permissions: the bits that chmod(2) sets.
    #[inline]
    #[must_use]
    pub fn permissions(&self) -> u32 {
        u32::from(self.stx_mode) & !S_IFMT
    }

    /// Whether the file is append-only. In an append-only directory names can be added, not removed.
    #[inline]
    #[must_use]
    pub fn is_append_only(&self) -> bool {
        self.stx_attributes & STATX_ATTR_APPEND != 0
    }

    /// Whether both describe the same file: the devices and the inode numbers are equal.
    #[inline]
    #[must_use]
    pub fn is_same_file(&self, other: &Self) -> bool {
        (self.stx_dev_major, self.stx_dev_minor, self.stx_ino)
            == (other.stx_dev_major, other.stx_dev_minor, other.stx_ino)
    }
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

/// Sets the permissions of the file at a path; follows a symbolic link (fchmodat(2)).
///
/// # Errors
/// Those of the path, and those of [`set_permissions`].
#[doc(alias = "fchmodat")]
#[doc(alias = "chmod")]
#[inline]
pub fn set_permissions_at(dir: BorrowedFd<'_>, path: &CStr, mode: u32) -> Result<()> {
    // SAFETY: the kernel only reads the path, which ends with a zero.
    unsafe { syscall!(fchmodat(dir, path, mode)) }.map(drop)
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

/// As [`set_owner`], of the file at a path (fchownat(2)). With `AT_SYMLINK_NOFOLLOW` the owner of a symbolic link
/// itself changes.
///
/// # Errors
/// Those of the path, and those of [`set_owner`].
#[doc(alias = "fchownat")]
#[doc(alias = "chown")]
#[doc(alias = "lchown")]
#[inline]
pub fn set_owner_at(
    dir: BorrowedFd<'_>,
    path: &CStr,
    uid: Option<u32>,
    gid: Option<u32>,
    flags: At,
) -> Result<()> {
    let leave = u32::MAX; // as in `set_owner`
    if uid == Some(leave) || gid == Some(leave) {
        return Err(Errno::EINVAL);
    }
    let (uid, gid) = (uid.unwrap_or(leave), gid.unwrap_or(leave));
    // SAFETY: the kernel only reads the path, which ends with a zero.
    unsafe { syscall!(fchownat(dir, path, uid, gid, flags)) }.map(drop)
}

/// What [`set_times`] does to a time of a file.
#[derive(Clone, Copy, Debug)]
pub enum SetTime {
    /// The time does not change (`UTIME_OMIT`).
    Leave,
    /// The time becomes the current time (`UTIME_NOW`).
    Now,
    /// The time becomes this time, since 1970-01-01 00:00 UTC.
    To(Timespec),
}

impl From<SetTime> for Timespec {
    #[inline]
    fn from(set: SetTime) -> Self {
        let special = |tv_nsec| Self { tv_sec: 0, tv_nsec };
        match set {
            SetTime::Leave => special(UTIME_OMIT),
            SetTime::Now => special(UTIME_NOW),
            SetTime::To(time) => time,
        }
    }
}

/// Sets the times of the last access and of the last change of the content of an open file (utimensat(2) without a
/// path).
///
/// # Errors
/// `EINVAL`: `tv_nsec` is not less than 1 000 000 000. `EPERM`, `EACCES`: the caller is not the owner. `EROFS`.
#[doc(alias = "futimens")]
pub fn set_times(file: BorrowedFd<'_>, accessed: SetTime, modified: SetTime) -> Result<()> {
    let times = [accessed, modified].map(Timespec::from);
    let itself = ptr::null::<u8>(); // no path: the file of the descriptor
    // SAFETY: the kernel reads both times.
    unsafe { syscall!(utimensat(file, itself, times.as_ptr(), 0)) }.map(drop)
}

/// As [`set_times`], of the file at a path (utimensat(2)). With `AT_SYMLINK_NOFOLLOW` the times of a symbolic link
/// itself change.
///
/// # Errors
/// Those of the path, and those of [`set_times`].
#[doc(alias = "utimensat")]
pub fn set_times_at(
    dir: BorrowedFd<'_>,
    path: &CStr,
    accessed: SetTime,
    modified: SetTime,
    flags: At,
) -> Result<()> {
    let times = [accessed, modified].map(Timespec::from);
    // SAFETY: the kernel reads the path, which ends with a zero, and both times.
    unsafe { syscall!(utimensat(dir, path, times.as_ptr(), flags)) }.map(drop)
}

/// Checks whether the process may access the file at a path: with all rights of `wanted`, and with `F_OK` only
/// whether the file exists (faccessat2(2)). The check uses the real user id, and with `AT_EACCESS` the effective
/// user id.
///
/// The rights may change after the check: to open a file, call [`open`](super::open), and see whether it succeeds.
///
/// # Errors
/// Those of the path. `EACCES`: a right is missing. `EROFS`, `ETXTBSY`: nobody may write. `ENOSYS`, `EPERM`: with
/// flags, and the kernel is older than Linux 5.8, or a seccomp filter refuses faccessat2.
#[doc(alias = "faccessat2")]
#[doc(alias = "faccessat")]
pub fn access(dir: BorrowedFd<'_>, path: &CStr, wanted: Access, flags: At) -> Result<()> {
    // SAFETY: the kernel only reads the path, which ends with a zero.
    match unsafe { syscall!(faccessat2(dir, path, wanted, flags)) } {
        Err(Errno::ENOSYS | Errno::EPERM) if flags == At::NONE => {
            // SAFETY: as above.
            unsafe { syscall!(faccessat(dir, path, wanted)) }.map(drop)
        }
        result => result.map(drop),
    }
}

/// Sets the process's umask: the permissions that new files do not get. Returns the old umask (umask(2)). Threads
/// share the umask.
#[doc(alias = "umask")]
#[inline]
pub fn set_umask(mask: u32) -> u32 {
    // SAFETY: umask takes a number; the kernel accesses no memory of this process. The call has no errors.
    unsafe { syscall!(umask(mask)) }.unwrap_or_default() as u32
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::fs::CWD;
    use crate::fs::tests::{New, c};
    use crate::io::write_all;
    use std::os::unix::fs::chown;

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
}
