//! Metadata: status, permissions, owner.

use core::ffi::CStr;

use crate::abi::fs::*;
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
