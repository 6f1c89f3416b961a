//! Operations on the whole machine, for its first process or its administrator: mounts, modules, power,
//! network interfaces.

use core::ffi::CStr;
use core::ptr;

use crate::abi::system::*;
pub use crate::abi::system::{MS_NODEV, MS_NOEXEC, MS_NOSUID, Mount};
use crate::abi::{Errno, Result, syscall};
use crate::bytes;
use crate::fd::BorrowedFd;
use crate::net::{SOCK_CLOEXEC, SOCK_DGRAM, unix};

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

/// Enables a network interface, so that it transmits packets (netdevice(7)). `lo` is disabled at first in a
/// new network namespace. `socket` is any IPv4 socket.
///
/// # Errors
/// `ENODEV`: no such interface. `EPERM`: no permission. `EINVAL`: the name is too long for an interface.
#[doc(alias = "ioctl")]
pub fn bring_up(socket: BorrowedFd<'_>, interface: &CStr) -> Result<()> {
    let mut request = Ifreq::ZERO;
    set_name(&mut request.ifr_name, interface.to_bytes())?;
    // SAFETY: Ifreq has the size of a `struct ifreq`. SIOCGIFFLAGS reads the name from `request`, a local,
    // and writes the flags to `request`.
    unsafe { syscall!(ioctl(socket, SIOCGIFFLAGS, &raw mut request)) }?;
    request.ifr_flags |= IFF_UP;
    // SAFETY: SIOCSIFFLAGS reads an Ifreq, of the size of a `struct ifreq`, from `request`, a local.
    unsafe { syscall!(ioctl(socket, SIOCSIFFLAGS, &raw const request)) }.map(drop)
}

/// The number of the network interface `name`, at least 1 (netdevice(7)).
///
/// # Errors
/// `ENODEV`: no such interface. `EINVAL`: the name is too long for an interface. The errors of socket(2).
#[doc(alias = "ioctl")]
#[doc(alias = "if_nametoindex")]
pub fn interface_number(name: &[u8]) -> Result<u32> {
    let mut request = IfreqIndex::ZERO;
    set_name(&mut request.ifr_name, name)?;
    // The ioctl accepts a socket of any family.
    let socket = unix::socket(SOCK_DGRAM | SOCK_CLOEXEC)?;
    // SAFETY: IfreqIndex has the size of a `struct ifreq`. SIOCGIFINDEX reads the name from `request`, a
    // local, and writes the number to `request`.
    unsafe { syscall!(ioctl(socket.as_fd(), SIOCGIFINDEX, &raw mut request)) }?;
    Ok(request.ifr_ifindex.unsigned_abs())
}

/// Copies an interface's name to `place`, which must be all zeros. At least one zero remains at the end.
fn set_name(place: &mut [u8; IFNAMSIZ], name: &[u8]) -> Result<()> {
    let [kept @ .., _zero] = place;
    if name.len() > kept.len() {
        return Err(Errno::EINVAL);
    }
    bytes::copy(kept, name);
    Ok(())
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    #[test]
    fn interface_numbers_are_those_of_sysfs() {
        let number = |name: &str| {
            std::fs::read_to_string(std::format!("/sys/class/net/{name}/ifindex"))
                .ok()?
                .trim()
                .parse()
                .ok()
        };
        for entry in std::fs::read_dir("/sys/class/net").into_iter().flatten() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let before = number(&name);
            let asked = interface_number(name.as_bytes());
            // An interface may disappear in between.
            if before.is_some() && number(&name) == before {
                assert_eq!(asked.ok(), before, "{name}");
            }
        }
    }
}
