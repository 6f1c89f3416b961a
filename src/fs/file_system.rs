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

/// Whether the file system of `fd` is an interface to the kernel: /proc, /sys, or a file system mounted there
/// (fstatfs(2)). A program can't create an ordinary file in such a file system.
#[doc(alias = "fstatfs")]
#[must_use]
pub fn is_kernel_interface(fd: BorrowedFd<'_>) -> bool {
    let mut stat = Statfs::ZERO;
    // SAFETY: the kernel writes a whole Statfs to `stat`, a local. After an error `f_type` is 0, which is not
    // the type of any file system in the list.
    let _ = unsafe { syscall!(fstatfs(fd, &raw mut stat)) };
    KERNELS_OWN.contains(&(stat.f_type as u32))
}

/// The type, size and free space of the file system that an open file belongs to (fstatfs(2)).
///
/// # Errors
/// `EBADF`: the descriptor is closed. `EIO`. `ENOSYS`: the file system does not report them.
#[doc(alias = "fstatfs")]
pub fn stat_file_system(fd: BorrowedFd<'_>) -> Result<Statfs> {
    let mut stat = Statfs::ZERO;
    // SAFETY: the kernel writes a whole Statfs to `stat`, a local.
    unsafe { syscall!(fstatfs(fd, &raw mut stat)) }?;
    Ok(stat)
}

/// As [`stat_file_system`], of the file at a path, relative to the current directory (statfs(2)).
///
/// # Errors
/// Those of the path, and those of [`stat_file_system`].
#[doc(alias = "statfs")]
pub fn stat_file_system_at(path: &CStr) -> Result<Statfs> {
    let mut stat = Statfs::ZERO;
    // SAFETY: the kernel reads the path, which ends with a zero, and writes a whole Statfs to `stat`, a local.
    unsafe { syscall!(statfs(path, &raw mut stat)) }?;
    Ok(stat)
}
