//! The file system that a file belongs to.

use core::ffi::CStr;

use crate::abi::fs::*;
use crate::abi::{Result, syscall};
use crate::fd::BorrowedFd;

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

/// Whether statfs(2) and fstatfs(2) take the size of the structure, as on 32 bits (`statfs64`).
const SIZE_IS_GIVEN: bool = cfg!(target_pointer_width = "32");

/// Whether the file system of `fd` is an interface to the kernel: /proc, /sys, or a file system mounted there
/// (fstatfs(2)). A program can't create an ordinary file in such a file system.
#[doc(alias = "fstatfs")]
#[must_use]
pub fn is_kernel_interface(fd: BorrowedFd<'_>) -> bool {
    stat_file_system(fd).is_ok_and(|stat| KERNELS_OWN.contains(&(stat.f_type as u32)))
}

/// The type, size and free space of the file system that an open file belongs to (fstatfs(2)).
///
/// # Errors
/// `EBADF`: the descriptor is closed. `EIO`. `ENOSYS`: the file system does not report them.
#[doc(alias = "fstatfs")]
pub fn stat_file_system(fd: BorrowedFd<'_>) -> Result<Statfs> {
    let mut stat = Statfs::ZERO;
    let to = &raw mut stat;
    // SAFETY: the kernel writes a whole Statfs to `stat`, a local.
    unsafe {
        if SIZE_IS_GIVEN {
            syscall!(fstatfs(fd, size_of::<Statfs>(), to))
        } else {
            syscall!(fstatfs(fd, to))
        }
    }?;
    Ok(stat)
}

/// As [`stat_file_system`], of the file at a path, relative to the current directory (statfs(2)).
///
/// # Errors
/// Those of the path, and those of [`stat_file_system`].
#[doc(alias = "statfs")]
pub fn stat_file_system_at(path: &CStr) -> Result<Statfs> {
    let mut stat = Statfs::ZERO;
    let to = &raw mut stat;
    // SAFETY: the kernel reads the path, which ends with a zero, and writes a whole Statfs to `stat`, a local.
    unsafe {
        if SIZE_IS_GIVEN {
            syscall!(statfs(path, size_of::<Statfs>(), to))
        } else {
            syscall!(statfs(path, to))
        }
    }?;
    Ok(stat)
}
