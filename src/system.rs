//! The whole machine: its name, kernel and memory; and, for its first process or its administrator, mounts, modules and
//! power.
//!
//! ```
//! use ring3::system::{sysinfo, uname};
//!
//! let name = uname();
//! println!("{:?} {:?} on {:?}", name.sysname(), name.release(), name.machine());
//! println!("{} MiB of memory are free", sysinfo().free_memory() >> 20);
//! ```

use core::ffi::CStr;
use core::ptr;
use core::time::Duration;

use crate::abi::system::*;
pub use crate::abi::system::{MS_NODEV, MS_NOEXEC, MS_NOSUID, Mount, SI_LOAD_SHIFT, Sysinfo};
use crate::abi::{Result, syscall};
use crate::bytes;
use crate::fd::BorrowedFd;

/// Mounts a file system of type `kind` on a directory (mount(2)). `source` is the device that holds the file
/// system. For a type without a device (`proc`, `tmpfs`...), `source` is only a name in `/proc/mounts`.
///
/// # Errors
/// `EBUSY`: this file system is already mounted there. `ENODEV`: the kernel does not have this type.
/// `ENOENT`, `ENOTDIR`: no such directory or device. `ENOTBLK`, `EINVAL`: the device does not hold such a
/// file system. `EPERM`: no permission.
pub fn mount(source: &CStr, directory: &CStr, kind: &CStr, flags: Mount) -> Result<()> {
    let no_options = ptr::null::<u8>();
    // SAFETY: the kernel only reads the strings, which end with a zero. The null pointer means no options.
    unsafe { syscall!(mount(source, directory, kind, flags, no_options)) }.map(drop)
}

/// Unmounts the file system that was mounted last on a directory (umount2(2)).
///
/// # Errors
/// `EBUSY`: the file system is in use. `EINVAL`: nothing is mounted there. `EPERM`: no permission.
#[doc(alias = "umount2")]
pub fn unmount(directory: &CStr) -> Result<()> {
    let no_flags = 0;
    // SAFETY: the kernel only reads the path, which ends with a zero.
    unsafe { syscall!(umount2(directory, no_flags)) }.map(drop)
}

/// Makes the mount `new_root` the root of the file system, and moves the old root to the directory `put_old`
/// (pivot_root(2)). Processes whose root or working directory is the old root get the new root.
///
/// `put_old` is at or below `new_root`. If both are `.`, the old root is on top of the new one and can be unmounted by
/// the same name.
///
/// # Errors
/// `EINVAL`: `new_root` is no mount; `put_old` is not below it; or the propagation of a mount is shared. `EBUSY`: one
/// of the directories is on the current root mount. `ENOTDIR`, and the errors of resolving a path. `EPERM`: without
/// `CAP_SYS_ADMIN`.
pub fn pivot_root(new_root: &CStr, put_old: &CStr) -> Result<()> {
    // SAFETY: the kernel only reads the paths, which end with a zero.
    unsafe { syscall!(pivot_root(new_root, put_old)) }.map(drop)
}

/// Loads a kernel module from an open file (finit_module(2)).
///
/// # Errors
/// `EEXIST`: the module is loaded already. `ENOENT`: another module, which this module requires, is missing.
/// `ENOEXEC`: not a module for this kernel. `EPERM`: no permission. `ENOSYS`: the kernel does not support
/// modules.
#[doc(alias = "finit_module")]
pub fn load_module(file: BorrowedFd<'_>) -> Result<()> {
    let (parameters, no_flags) = (c"", 0);
    // SAFETY: the kernel reads the file and an empty string of parameters. The call accesses no other memory
    // of this process; the module's code runs in the kernel.
    unsafe { syscall!(finit_module(file, parameters, no_flags)) }.map(drop)
}

/// Writes all modified data of all file systems to their devices (sync(2)).
pub fn sync() {
    // SAFETY: sync takes no argument and does not fail; the kernel accesses no memory of this process.
    let _ = unsafe { syscall!(sync()) };
}

/// Switches the machine off at once (reboot(2)). Data that was not written by [`sync`] is lost. In a PID
/// namespace other than the first, this kills the namespace's processes instead.
///
/// # Errors
/// `EPERM`: no permission.
#[doc(alias = "reboot")]
pub fn power_off() -> Result<()> {
    let nothing = ptr::null::<u8>();
    // SAFETY: the call takes numbers and a null pointer; the kernel accesses no memory of this process.
    unsafe {
        syscall!(reboot(
            LINUX_REBOOT_MAGIC1,
            LINUX_REBOOT_MAGIC2,
            LINUX_REBOOT_CMD_POWER_OFF,
            nothing
        ))
    }
    .map(drop)
}

/// The names of the kernel and of the machine (uname(2)).
#[derive(Clone, Copy)]
pub struct Uname(Utsname);

/// The names of the kernel and of the machine (uname(2)).
#[must_use]
pub fn uname() -> Uname {
    let mut names = Utsname::ZERO;
    // SAFETY: the kernel writes a whole `struct new_utsname` to `names`, a local. EFAULT, the only error, is
    // impossible.
    let _ = unsafe { syscall!(uname(&raw mut names)) };
    Uname(names)
}

impl Uname {
    /// The name of the system: `Linux`.
    #[must_use]
    pub fn sysname(&self) -> &CStr {
        bytes::until_zero(&self.0.sysname)
    }

    /// The name of the machine in its network, of at most 64 bytes. [`set_hostname`] sets it.
    #[doc(alias = "gethostname")]
    #[doc(alias = "hostname")]
    #[must_use]
    pub fn nodename(&self) -> &CStr {
        bytes::until_zero(&self.0.nodename)
    }

    /// The release of the kernel, for instance `6.12.0-5-amd64`.
    #[must_use]
    pub fn release(&self) -> &CStr {
        bytes::until_zero(&self.0.release)
    }

    /// The build of the kernel, for instance `#1 SMP Debian 6.12.6-1 (2024-12-21)`.
    #[must_use]
    pub fn version(&self) -> &CStr {
        bytes::until_zero(&self.0.version)
    }

    /// The architecture, for instance `x86_64` or `aarch64`.
    #[must_use]
    pub fn machine(&self) -> &CStr {
        bytes::until_zero(&self.0.machine)
    }

    /// The NIS domain, `(none)` if there is none. [`set_domainname`] sets it.
    #[doc(alias = "getdomainname")]
    #[must_use]
    pub fn domainname(&self) -> &CStr {
        bytes::until_zero(&self.0.domainname)
    }
}

impl core::fmt::Debug for Uname {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Uname")
            .field("sysname", &self.sysname())
            .field("nodename", &self.nodename())
            .field("release", &self.release())
            .field("version", &self.version())
            .field("machine", &self.machine())
            .field("domainname", &self.domainname())
            .finish()
    }
}

/// Sets the machine's name, of this UTS namespace (sethostname(2)). [`Uname::nodename`] returns it.
///
/// # Errors
/// `EINVAL`: more than 64 bytes. `EPERM`: without `CAP_SYS_ADMIN`.
#[doc(alias = "sethostname")]
pub fn set_hostname(name: &[u8]) -> Result<()> {
    // SAFETY: the kernel reads `name.len()` bytes from `name`.
    unsafe { syscall!(sethostname(name.as_ptr(), name.len())) }.map(drop)
}

/// Sets the machine's NIS domain, of this UTS namespace (setdomainname(2)). [`Uname::domainname`] returns it.
///
/// # Errors
/// `EINVAL`: more than 64 bytes. `EPERM`: without `CAP_SYS_ADMIN`.
#[doc(alias = "setdomainname")]
pub fn set_domainname(name: &[u8]) -> Result<()> {
    // SAFETY: the kernel reads `name.len()` bytes from `name`.
    unsafe { syscall!(setdomainname(name.as_ptr(), name.len())) }.map(drop)
}

/// The machine's memory, load and uptime (sysinfo(2)). The methods return the memory in bytes.
#[must_use]
pub fn sysinfo() -> Sysinfo {
    let mut info = Sysinfo::ZERO;
    // SAFETY: the kernel writes a whole `struct sysinfo` to `info`, a local. EFAULT, the only error, is impossible.
    let _ = unsafe { syscall!(sysinfo(&raw mut info)) };
    info
}

impl Sysinfo {
    /// The time since the machine booted, in whole seconds.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        Duration::from_secs(u64::try_from(self.uptime).unwrap_or(0))
    }

    /// The memory that the kernel manages, in bytes.
    #[must_use]
    pub fn total_memory(&self) -> u64 {
        self.bytes(self.totalram)
    }

    /// The memory that nothing uses, in bytes. Memory of the page cache, which the kernel can free, does not count.
    #[must_use]
    pub fn free_memory(&self) -> u64 {
        self.bytes(self.freeram)
    }

    /// The swap space, in bytes.
    #[must_use]
    pub fn total_swap(&self) -> u64 {
        self.bytes(self.totalswap)
    }

    /// The swap space that nothing uses, in bytes.
    #[must_use]
    pub fn free_swap(&self) -> u64 {
        self.bytes(self.freeswap)
    }

    fn bytes(&self, units: usize) -> u64 {
        (units as u64).saturating_mul(self.mem_unit.into())
    }

    /// The load averages of the last 1, 5 and 15 minutes, in hundredths: 150 is a load of 1.5.
    #[doc(alias = "getloadavg")]
    #[must_use]
    pub fn load_averages(&self) -> [u64; 3] {
        self.loads
            .map(|load| (load as u64).saturating_mul(100) >> SI_LOAD_SHIFT)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::fs::read_to_string;
    use std::string::String;

    #[test]
    fn names_are_those_of_proc() {
        let names = uname();
        let proc = |name| read_to_string(std::format!("/proc/sys/kernel/{name}")).unwrap();
        for (name, file) in [
            (names.sysname(), "ostype"),
            (names.nodename(), "hostname"),
            (names.domainname(), "domainname"),
        ] {
            assert_eq!(name.to_str().unwrap(), proc(file).trim_end());
        }
        // qemu-user has its own machine's name, and a 64-bit kernel has the same name for 32-bit programs.
        let machine = names.machine().to_str().unwrap();
        let known: &[&str] = match std::env::consts::ARCH {
            "x86" => &["i686", "x86_64"],
            "arm" => &["armv7l", "armv8l", "aarch64"],
            arch => &[arch],
        };
        assert!(known.contains(&machine), "{machine}");
        assert!(!names.release().is_empty() && !names.version().is_empty());
        assert!(std::format!("{names:?}").contains("sysname: \"Linux\""));
        assert!(set_hostname(&[b'x'; 65]).is_err());
    }

    #[test]
    fn memory_is_that_of_proc() {
        let text = read_to_string("/proc/meminfo").unwrap();
        let bytes = |name: &str| -> u64 {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            let kilobytes = line.unwrap().trim_end_matches("kB").trim();
            1024 * kilobytes.parse::<u64>().unwrap()
        };
        let info = sysinfo();
        // (A container's /proc may show less. qemu-user cuts sizes to 32 bits for a program of 32 bits.)
        let cut = cfg!(target_arch = "arm") && bytes("MemTotal:") > u32::MAX.into();
        assert!(info.total_memory() >= bytes("MemTotal:") || cut);
        assert!(info.total_swap() >= bytes("SwapTotal:"));
        assert!(info.free_memory() < info.total_memory() || cut);
        assert!(info.free_swap() <= info.total_swap());
        let uptime: String = read_to_string("/proc/uptime").unwrap();
        let uptime = uptime.split('.').next().unwrap().parse::<u64>().unwrap();
        assert!(info.uptime().as_secs() + 60 >= uptime);
        let load = read_to_string("/proc/loadavg").unwrap();
        let minute: f64 = load.split(' ').next().unwrap().parse().unwrap();
        assert!((info.load_averages()[0] as f64 / 100.0 - minute).abs() < 1.0 + minute / 5.0);
    }
}
