//! Self-test cases of calls for the first process or the administrator of a machine. Their arguments are such that a
//! call changes nothing.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use ring3::Errno;
use ring3::fd::OwnedFd;
use ring3::net::{SOCK_CLOEXEC, SOCK_STREAM, socket};
use ring3::system::*;

use crate::case::*;
use crate::cases;

cases! {
    "mounting on nothing", [mount], mount(c"none", c"/nothing", c"tmpfs", Mount::NONE) => error(Errno::ENOENT), cannot EPERM;
    "mounting what there is not", [mount], mount(c"none", c"/", c"no-such-kind", Mount::NONE) => error(Errno::ENODEV), cannot EPERM;
    "unmounting nothing", [unmount], unmount(c"/nothing") => error(Errno::ENOENT), cannot EPERM;
    "unmounting what is no mount", [unmount], unmount(c"/proc/self") => error(Errno::EINVAL), cannot EPERM;
    "a module that is none", [load_module], crate::fd::open().and_then(|file| load_module(file.as_fd())) => error(Errno::ENOEXEC), cannot EPERM;
    "lo is up", [bring_up], any_socket().and_then(|fd| bring_up(fd.as_fd(), c"lo")) => DONE, cannot EPERM;
    "no such interface", [bring_up], any_socket().and_then(|fd| bring_up(fd.as_fd(), c"nothing0")) => error(Errno::ENODEV);
    "an interface has a number", [interface_number], interface_number(b"lo").map(|number| number > 0) => YES;
    "no such interface has one", [interface_number], interface_number(b"nothing0") => error(Errno::ENODEV);
    "nor one of as long a name as may be", [interface_number], interface_number(b"fifteen letters") => error(Errno::ENODEV);
    "the question leaves no descriptor open", [interface_number], left_open() => value(0);
    "nor one of such a name", [interface_number], interface_number(b"sixteen-in-a-row") => error(Errno::EINVAL);
    "no interface has such a name", [bring_up], any_socket().and_then(|fd| bring_up(fd.as_fd(), c"longer than fifteen")) => error(Errno::EINVAL);
}

/// How many descriptors a query leaves open. A new descriptor gets the lowest free number.
fn left_open() -> Result<i32, Errno> {
    let before = any_socket()?.as_fd().as_raw();
    interface_number(b"lo")?;
    Ok(any_socket()?.as_fd().as_raw() - before)
}

/// The action of a child in namespaces of its own; `tests/system.rs` starts the child.
pub fn child(what: &[u8], word: &core::ffi::CStr) -> Result<(), Errno> {
    match what {
        b"mount" => mount(c"ring3", word, c"tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC),
        b"unmount" => unmount(word),
        _ => bring_up(any_socket()?.as_fd(), word),
    }
}

fn any_socket() -> Result<OwnedFd, Errno> {
    socket(
        SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
        SOCK_STREAM | SOCK_CLOEXEC,
    )
}
