//! Network interfaces (netdevice(7)).

use core::ffi::CStr;

use crate::abi::net::{SOCK_CLOEXEC, SOCK_DGRAM};
use crate::abi::system::{
    IFF_UP, IFNAMSIZ, Ifreq, IfreqIndex, SIOCGIFFLAGS, SIOCGIFINDEX, SIOCSIFFLAGS,
};
use crate::abi::{Errno, Result, syscall};
use crate::bytes;
use crate::fd::BorrowedFd;
use crate::net::unix;

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
