//! The machine as a whole: what only its first process or its administrator does.

use core::ffi::CStr;
use core::ptr;

use crate::abi::system::*;
pub use crate::abi::system::{MS_NODEV, MS_NOEXEC, MS_NOSUID, Mount};
use crate::abi::{Errno, Result, syscall};
use crate::bytes;
use crate::fd::BorrowedFd;
use crate::net::{SOCK_CLOEXEC, SOCK_DGRAM, unix};

/// Mounts a file system of a kind on a directory (mount(2)): what is on the device `source`, or of a kind
/// that has none (`proc`, `tmpfs`...), where `source` is only a name for `/proc/mounts`.
///
/// # Errors
/// `EBUSY`: this very one is mounted there. `ENODEV`: the kernel has no such kind. `ENOENT`, `ENOTDIR`: there is no
/// such directory or device. `ENOTBLK`, `EINVAL`: no such file system is on it. `EPERM`: not permitted.
pub fn mount(source: &CStr, directory: &CStr, kind: &CStr, flags: Mount) -> Result<()> {
    let no_options = ptr::null::<u8>();
    // SAFETY: the kernel only reads the strings. A null pointer is no options.
    unsafe { syscall!(mount(source, directory, kind, flags, no_options)) }.map(drop)
}

/// Takes the file system that was mounted last on a directory away again (umount2(2)).
///
/// # Errors
/// `EBUSY`: something of it is in use. `EINVAL`: nothing is mounted there. `EPERM`: not permitted.
pub fn unmount(directory: &CStr) -> Result<()> {
    let no_flags = 0;
    // SAFETY: the kernel only reads the path.
    unsafe { syscall!(umount2(directory, no_flags)) }.map(drop)
}

/// Gives the kernel a module, an open file (finit_module(2)).
///
/// # Errors
/// `EEXIST`: it has it already. `ENOENT`: it lacks another that this one needs. `ENOEXEC`: that is none for
/// this kernel. `EPERM`: not permitted. `ENOSYS`: it takes no modules.
pub fn load_module(file: BorrowedFd<'_>) -> Result<()> {
    let (parameters, no_flags) = (c"", 0);
    // SAFETY: the kernel reads a string, and the file.
    unsafe { syscall!(finit_module(file, parameters, no_flags)) }.map(drop)
}

/// Puts all that was written to any file system on its device (sync(2)).
pub fn sync() {
    // SAFETY: takes nothing and does not fail.
    let _ = unsafe { syscall!(sync()) };
}

/// Switches the machine off, at once: nothing that was not [`sync`]ed outlives it (reboot(2)). In a PID namespace
/// other than the first it ends the processes of that instead.
///
/// # Errors
/// `EPERM`: not permitted.
pub fn power_off() -> Result<()> {
    let nothing = ptr::null::<u8>();
    // SAFETY: numbers alone.
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

/// Lets a network interface take and give packets, as `lo` does not at first (netdevice(7)). `socket` is any
/// of IPv4.
///
/// # Errors
/// `ENODEV`: there is no such interface. `EPERM`: not permitted. `EINVAL`: no interface has such a long name.
pub fn bring_up(socket: BorrowedFd<'_>, interface: &CStr) -> Result<()> {
    let mut request = Ifreq::ZERO;
    set_name(&mut request.ifr_name, interface.to_bytes())?;
    // SAFETY: the kernel reads an Ifreq of ours, and writes the flags to it.
    unsafe { syscall!(ioctl(socket, SIOCGIFFLAGS, &raw mut request)) }?;
    request.ifr_flags |= IFF_UP;
    // SAFETY: the kernel reads an Ifreq of ours.
    unsafe { syscall!(ioctl(socket, SIOCSIFFLAGS, &raw const request)) }.map(drop)
}

/// The number, from 1, of the network interface `name` (netdevice(7)).
///
/// # Errors
/// `ENODEV`: there is no such interface. `EINVAL`: the name is too long for an interface. The errors of socket(2).
pub fn interface_number(name: &[u8]) -> Result<u32> {
    let mut request = IfreqIndex::ZERO;
    set_name(&mut request.ifr_name, name)?;
    // The ioctl takes a socket of any family.
    let socket = unix::socket(SOCK_DGRAM | SOCK_CLOEXEC)?;
    // SAFETY: IfreqIndex has the size of a `struct ifreq`. The kernel reads `request` and writes the number to it.
    unsafe { syscall!(ioctl(socket.as_fd(), SIOCGIFINDEX, &raw mut request)) }?;
    Ok(request.ifr_ifindex.unsigned_abs())
}

/// Copies an interface's name to `place`, which is zeros; at least one zero is left at the end.
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
    fn interfaces_have_the_numbers_that_sysfs_has() {
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
            // (An interface may go meanwhile.)
            if before.is_some() && number(&name) == before {
                assert_eq!(asked.ok(), before, "{name}");
            }
        }
    }
}
