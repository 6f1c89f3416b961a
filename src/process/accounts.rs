//! Users and groups by name: the texts of `/etc/passwd` and `/etc/group` (passwd(5), group(5)).
//!
//! The caller reads the files, and can read others. Malformed lines are skipped. Other sources of names, such as LDAP,
//! are not asked.
//!
//! ```
//! use ring3::process::accounts::{group, groups, user};
//!
//! let passwd = b"root:x:0:0:root:/root:/bin/sh\nada:x:1000:1000:Ada:/home/ada:/bin/sh\n";
//! let ada = user(passwd, b"ada").unwrap();
//! assert_eq!((ada.uid, ada.gid, ada.home), (1000, 1000, &b"/home/ada"[..]));
//! assert_eq!(user(passwd, b"1000").map(|user| user.name), Some(&b"ada"[..]));
//!
//! let file = b"audio:x:29:bob,ada\nada:x:1000:\n";
//! assert_eq!(group(file, b"audio"), Some(29));
//! assert!(groups(file, ada.name).eq([29]));
//! ```

use crate::bytes::begins;
use crate::text::number;

/// A line of `/etc/passwd`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Account<'a> {
    /// The name of the user.
    pub name: &'a [u8],
    /// The user id.
    pub uid: u32,
    /// The id of the user's first group.
    pub gid: u32,
    /// The user's home directory.
    pub home: &'a [u8],
}

/// The greatest id of a user or a group. The kernel reads the next number, -1, as "no change".
pub const MOST: u32 = u32::MAX - 1;

/// Parses the number of a user or a group: decimal digits.
#[must_use]
pub fn id(text: &[u8]) -> Option<u32> {
    number::whole(text, 10, MOST.into()).map(|id| id as u32)
}

/// The first line of `passwd` with the name `wanted`, as getpwnam(3). If there is none and `wanted` is a number, the
/// first line with this user id.
#[doc(alias = "getpwnam")]
#[doc(alias = "getpwuid")]
#[must_use]
pub fn user<'a>(passwd: &'a [u8], wanted: &[u8]) -> Option<Account<'a>> {
    let by_name = scan(passwd, wanted, None);
    by_name.or_else(|| scan(passwd, NO_NAME, id(wanted)))
}

/// No line has this name.
const NO_NAME: &[u8] = b"\n";

/// The first line with this name or this user id.
#[inline(never)] // a small program has one copy
fn scan<'a>(passwd: &'a [u8], name: &[u8], uid: Option<u32>) -> Option<Account<'a>> {
    let is_wanted = |account: &Account<'_>| is(account.name, name) || uid == Some(account.uid);
    lines(passwd).filter_map(account).find(is_wanted)
}

/// The id of the first group with the name `wanted` in `file`, as getgrnam(3). If there is none, and `wanted` is a
/// number, this number: a group needs no name.
#[doc(alias = "getgrnam")]
#[must_use]
pub fn group(file: &[u8], wanted: &[u8]) -> Option<u32> {
    let mut all = lines(file).filter_map(entry);
    let by_name = all.find(|group| is(group.name, wanted));
    by_name.map(|group| group.gid).or_else(|| id(wanted))
}

/// The ids of the groups in `file` that have `member` in their lists, in the order of the file. The first group of the
/// user is not among them, unless the file has the user as a member of that group, too.
#[doc(alias = "getgrouplist")]
#[doc(alias = "initgroups")]
pub fn groups<'a>(file: &'a [u8], member: &'a [u8]) -> impl Iterator<Item = u32> + 'a {
    let all = lines(file).filter_map(entry);
    all.filter(move |group| {
        let mut members = group.members.split(|&byte| byte == b',');
        !member.is_empty() && members.any(|name| is(name, member))
    })
    .map(|group| group.gid)
}

/// Whether two names are equal. Compares byte by byte, so that a small program does not contain `memcmp`.
fn is(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && begins(one, other)
}

fn account(line: &[u8]) -> Option<Account<'_>> {
    field(line, 6)?; // the line is complete
    Some(Account {
        name: field(line, 0)?,
        uid: id(field(line, 2)?)?,
        gid: id(field(line, 3)?)?,
        home: field(line, 5)?,
    })
}

/// A line of `/etc/group`.
struct Group<'a> {
    name: &'a [u8],
    gid: u32,
    members: &'a [u8],
}

#[inline(never)] // a small program has one copy
fn entry(line: &[u8]) -> Option<Group<'_>> {
    Some(Group {
        name: field(line, 0)?,
        gid: id(field(line, 2)?)?,
        members: field(line, 3)?,
    })
}

fn lines(file: &[u8]) -> impl Iterator<Item = &[u8]> {
    file.split(|&byte| byte == b'\n')
}

/// A field of a line. Colons separate the fields.
fn field(line: &[u8], index: usize) -> Option<&[u8]> {
    line.split(|&byte| byte == b':').nth(index)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    const PASSWD: &[u8] = b"\
        root:x:0:0:root:/root:/bin/sh\n\
        # a comment: with:colons\n\
        short:x:1:1\n\
        wrong:x:one:1::/:/bin/sh\n\
        above:x:4294967295:1::/:/bin/sh\n\
        7:x:8:8:a number as a name:/seven:\n\
        ada:x:7:70:Ada:/home/ada:/bin/sh\n\
        ada:x:9:90:again:/home/again:/bin/sh\n\
        last:x:4294967294:1::/last:";

    const GROUP: &[u8] = b"\
        root:x:0:\n\
        audio:x:29:bob,ada\n\
        short:x:1\n\
        wrong:x:-1:ada\n\
        video:x:44:ada\n\
        adas:x:45:adam,bada\n\
        audio:x:30:ada\n\
        last:x:46:bob,ada,";

    #[test]
    fn users_are_found() {
        let ids = |wanted| user(PASSWD, wanted).map(|user| (user.uid, user.gid, user.home));
        assert_eq!(ids(b"root"), Some((0, 0, &b"/root"[..])));
        assert_eq!(ids(b"0"), ids(b"root"));
        assert_eq!(ids(b"ada"), Some((7, 70, &b"/home/ada"[..])));
        assert_eq!(ids(b"7"), Some((8, 8, &b"/seven"[..]))); // a name before a number
        assert_eq!(ids(b"9"), Some((9, 90, &b"/home/again"[..])));
        assert_eq!(ids(b"last"), Some((MOST, 1, &b"/last"[..])));
        for none in [
            "",
            "short",
            "wrong",
            "above",
            "# a comment",
            "ad",
            "adam",
            "10",
            "x",
        ] {
            assert_eq!(ids(none.as_bytes()), None, "{none}");
        }
        assert_eq!(user(b"", b"root"), None);
    }

    #[test]
    fn groups_are_found() {
        assert_eq!(group(GROUP, b"audio"), Some(29));
        assert_eq!(group(GROUP, b"last"), Some(46));
        assert_eq!(group(GROUP, b"12345"), Some(12_345));
        for none in ["", "short", "wrong", "x", "audi", "4294967295", "-1", "+1"] {
            assert_eq!(group(GROUP, none.as_bytes()), None, "{none}");
        }
        let of = |name: &'static [u8]| groups(GROUP, name).collect::<Vec<_>>();
        assert_eq!(of(b"ada"), [29, 44, 30, 46]);
        assert_eq!(of(b"bob"), [29, 46]);
        assert!(of(b"").is_empty() && of(b"nobody").is_empty());
    }

    /// The files of this machine.
    #[test]
    fn they_are_those_of_the_machine() {
        let passwd = std::fs::read("/etc/passwd").unwrap();
        let root = user(&passwd, b"0").unwrap();
        assert_eq!((root.uid, root.gid, root.name), (0, 0, &b"root"[..]));
        let file = std::fs::read("/etc/group").unwrap();
        assert_eq!(group(&file, b"root"), Some(0));
    }
}
