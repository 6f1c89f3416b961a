//! Self-test cases of ids, of namespaces, and of giving up privileges, which runs in a child.

use core::ffi::CStr;

use ring3::Errno;
use ring3::fd::OwnedFd;
use ring3::fs::{self, CWD, O_CLOEXEC, O_RDONLY};
use ring3::io::read;
use ring3::process::{
    CLONE_FILES, CLONE_FS, CLONE_NEWUTS, Share, accounts, become_user, become_user_in, chroot,
    getegid, geteuid, getgid, getgroups, getppid, getuid, group_count, no_new_privileges, setns,
    unshare,
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
    "another user with groups", [become_user_in, no_new_privileges], permitted(&[c"groups"]) => value(0b11), cannot EPERM | EINVAL;
    "with nobody's number", [become_user_in], become_user_in(u32::MAX, 0, &[1]) => error(Errno::EINVAL);
    "a user's ids", [accounts::user, accounts::id], accounts::user(PASSWD, b"ada").is_some_and(|ada| (ada.uid, ada.gid, ada.home) == (7, 70, b"/home/ada")) => YES;
    "a user by number", [accounts::user], accounts::user(PASSWD, b"7").is_some_and(|ada| ada.name == b"ada") => YES;
    "a group's id", [accounts::group], accounts::group(GROUP, b"audio").map_or(0, i64::from) => value(29);
    "the groups of a user", [accounts::groups], accounts::groups(GROUP, b"ada").eq([29, 44]) => YES;
    "all its ids, and no other group", [become_user], permitted(&[c"ids"]) => value(0b111), cannot EPERM | EINVAL;
}

const PASSWD: &[u8] = b"root:x:0:0::/root:/bin/sh\nada:x:7:70::/home/ada:/bin/sh\n";
const GROUP: &[u8] = b"root:x:0:\naudio:x:29:bob,ada\nvideo:x:44:ada\n";

/// As another user with two groups, and without new privileges. The result has a bit for the groups, and a bit for the
/// privileges.
pub fn child() -> Result<u8, Errno> {
    no_new_privileges()?;
    become_user_in(65_533, 65_534, &[1, 2])?;
    let groups = getgroups(&mut [0; 8]) == Ok(&[1, 2]) && getuid() == 65_533 && getgid() == 65_534;
    Ok(u8::from(groups) | u8::from(status(b"NoNewPrivs:", &[1])?) << 1)
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
