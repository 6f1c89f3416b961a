//! Self-test cases of calls for the first process or the administrator of a machine. Their arguments are such that a
//! call changes nothing.

use core::ffi::CStr;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use ring3::Errno;
use ring3::fd::OwnedFd;
use ring3::fs::{self, CWD, O_CLOEXEC, O_RDONLY};
use ring3::io::read;
use ring3::net::{SOCK_CLOEXEC, SOCK_STREAM, bring_up, socket};
use ring3::process::{CLONE_NEWUTS, setns, unshare};
use ring3::system::*;
use ring3::time::{Clock, now};

use crate::case::*;
use crate::cases;
use crate::machine::MACHINE;

cases! {
    "mounting on nothing", [mount], mount(c"none", c"/nothing", c"tmpfs", Mount::NONE) => error(Errno::ENOENT), cannot EPERM;
    "mounting what there is not", [mount], mount(c"none", c"/", c"no-such-kind", Mount::NONE) => error(Errno::ENODEV), cannot EPERM;
    "unmounting nothing", [unmount], unmount(c"/nothing") => error(Errno::ENOENT), cannot EPERM;
    "unmounting what is no mount", [unmount], unmount(c"/proc/self") => error(Errno::EINVAL), cannot EPERM;
    "another root that there is not", [pivot_root], pivot_root(c"/nothing", c"/") => error(Errno::ENOENT), cannot EPERM;
    "a root that is no mount", [pivot_root], pivot_root(c"/proc/self", c"/proc/self").is_err() => YES;
    "the names of the system", [uname, Uname::sysname, Uname::release, Uname::version], uname().sysname() == c"Linux" && !uname().release().is_empty() && !uname().version().is_empty() => YES;
    "the architecture", [Uname::machine], MACHINE.names.contains(&uname().machine().to_bytes()) => YES;
    "the machine's name is that of /proc", [Uname::nodename], is_in(c"/proc/sys/kernel/hostname", uname().nodename()) => YES;
    "the domain is that of /proc", [Uname::domainname], is_in(c"/proc/sys/kernel/domainname", uname().domainname()) => YES;
    "the name that it has", [set_hostname], set_hostname(uname().nodename().to_bytes()) => DONE, cannot EPERM;
    "a name that is too long", [set_hostname], set_hostname(&[b'x'; 65]) => error(Errno::EINVAL), cannot EPERM;
    "the domain that it has", [set_domainname], set_domainname(uname().domainname().to_bytes()) => DONE, cannot EPERM;
    "a domain that is too long", [set_domainname], set_domainname(&[b'x'; 65]) => error(Errno::EINVAL), cannot EPERM;
    // qemu-user cuts the sizes to 32 bits for a program of 32 bits.
    "the machine has memory", [sysinfo, Sysinfo::total_memory, Sysinfo::free_memory], { let info = sysinfo(); info.total_memory() != 0 && info.free_memory() != 0 } => YES;
    "free swap is a part of it", [Sysinfo::total_swap, Sysinfo::free_swap], sysinfo().free_swap() <= sysinfo().total_swap() => YES;
    "the machine has been running", [Sysinfo::uptime], sysinfo().uptime() <= now(Clock::Realtime) => YES;
    "the load is not endless", [Sysinfo::load_averages], sysinfo().load_averages().iter().all(|&load| load < 100_000_000) => YES;
    "a module that is none", [load_module], crate::fd::open().and_then(|file| load_module(file.as_fd())) => error(Errno::ENOEXEC), cannot EPERM;
}

/// Whether the first line of a file is `text`.
fn is_in(path: &CStr, text: &CStr) -> Result<bool, Errno> {
    let file = fs::open(CWD, path, O_RDONLY | O_CLOEXEC, 0)?;
    let mut buffer = [0; 128];
    let length = read(file.as_fd(), &mut buffer)?;
    Ok(buffer[..length].strip_suffix(b"\n") == Some(text.to_bytes()))
}

/// Whether a name that is set in a new namespace is the machine's name there alone.
fn renamed(name: &CStr) -> Result<(), Errno> {
    let before = fs::open(CWD, c"/proc/self/ns/uts", O_RDONLY | O_CLOEXEC, 0)?;
    unshare(CLONE_NEWUTS)?;
    set_hostname(name.to_bytes())?;
    set_domainname(name.to_bytes())?;
    let inside = uname().nodename() == name && uname().domainname() == name;
    setns(before.as_fd(), CLONE_NEWUTS)?;
    if inside && uname().nodename() != name {
        Ok(())
    } else {
        Err(Errno::EIO)
    }
}

/// The action of a child in namespaces of its own; `tests/system.rs` starts the child.
pub fn child(what: &[u8], word: &CStr) -> Result<(), Errno> {
    match what {
        b"mount" => mount(c"ring3", word, c"tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC),
        b"unmount" => unmount(word),
        b"pivot" => pivot_root(word, word),
        b"rename" => renamed(word),
        _ => bring_up(any_socket()?.as_fd(), word),
    }
}

fn any_socket() -> Result<OwnedFd, Errno> {
    socket(
        SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
        SOCK_STREAM | SOCK_CLOEXEC,
    )
}
