//! Self-test cases of ids, of namespaces, and of giving up privileges, which runs in a child.

use core::ffi::CStr;

use ring3::Errno;
use ring3::fd::OwnedFd;
use ring3::fs::{self, CWD, O_CLOEXEC, O_RDONLY};
use ring3::io::read;
use ring3::process::{
    CLONE_FILES, CLONE_FS, CLONE_NEWUTS, Share, become_user, chroot, getegid, geteuid, getgid,
    getgroups, getppid, getuid, group_count, setns, unshare,
};
use ring3::text::number;

use crate::case::*;
use crate::cases;
use crate::child::permitted;

cases! {
    "confined to a directory", [chroot], permitted(&[c"confine"]) => value(0), cannot EPERM;
    "to nothing", [chroot], chroot(c"/nothing") => error(Errno::ENOENT);
    "nobody's number", [become_user], become_user(u32::MAX, 0) => error(Errno::EINVAL);
    "nor nobody's group", [become_user], become_user(0, u32::MAX) => error(Errno::EINVAL);
    "another user, for good", [become_user], permitted(&[c"become"]) => value(0), cannot EPERM | EINVAL;
    "the ids of a user", [getuid, geteuid], status(b"Uid:", &[getuid(), geteuid()]) => YES;
    "the ids of a group", [getgid, getegid], status(b"Gid:", &[getgid(), getegid()]) => YES;
    "the id of the parent", [getppid], status(b"PPid:", &[getppid().map_or(0, |pid| pid.as_raw().unsigned_abs())]) => YES;
    "the other groups", [getgroups], { let mut buffer = [0; 1024]; getgroups(&mut buffer).and_then(|groups| status(b"Groups:", groups)) } => YES;
    "how many there are", [group_count], { let mut buffer = [0; 1024]; getgroups(&mut buffer).map(<[_]>::len) == Ok(group_count()) } => YES;
    "room for one group too few", [getgroups], match group_count() { 0 => Err(Errno::EINVAL), count => getgroups(&mut [0; 1024][..count - 1]).map(drop) } => error(Errno::EINVAL);
    "sharing nothing less", [unshare], unshare(Share::NONE) => DONE, cannot EPERM;
    "a working directory of its own", [unshare], ring3::thread::spawn(|| unshare(CLONE_FS)).and_then(|thread| thread.join()) => DONE, cannot EPERM;
    "descriptors stay shared", [unshare], unshare(CLONE_FILES) => error(Errno::EINVAL);
    "what is no namespace", [setns], open(c"/dev/null").and_then(|file| setns(file.as_fd(), Share::NONE)) => error(Errno::EINVAL), cannot EPERM;
    "its own namespace", [setns], open(c"/proc/self/ns/uts").and_then(|file| setns(file.as_fd(), CLONE_NEWUTS)) => DONE, cannot EPERM | ENOENT;
    "all its ids, and no other group", [become_user], permitted(&[c"ids"]) => value(0b111), cannot EPERM | EINVAL;
}

fn open(path: &CStr) -> Result<OwnedFd, Errno> {
    fs::open(CWD, path, O_RDONLY | O_CLOEXEC, 0)
}

/// Whether the line `name` of the thread's status in /proc begins with the numbers `ids`.
fn status(name: &[u8], ids: &[u32]) -> Result<bool, Errno> {
    let mut buffer = [0; 16_384];
    let length = read(open(c"/proc/thread-self/status")?.as_fd(), &mut buffer)?;
    let mut lines = buffer[..length].split(|&byte| byte == b'\n');
    let line = lines.find_map(|line| line.strip_prefix(name));
    let words = line.ok_or(Errno::ENODATA)?.split(u8::is_ascii_whitespace);
    let mut numbers = words
        .filter(|word| !word.is_empty())
        .map(|word| number::whole(word, 10, u32::MAX.into()));
    Ok(ids
        .iter()
        .all(|&id| numbers.next() == Some(Some(id.into()))))
}
