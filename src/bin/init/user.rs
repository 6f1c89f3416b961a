//! `--user` and `--own`: finds the user in /etc/passwd and /etc/group, and gives directories to the user.

use core::ffi::CStr;

use ring3::Errno;
use ring3::cli::{Options, OrFail};
use ring3::env::Start;
use ring3::fs::{self, CWD, O_CLOEXEC, O_DIRECTORY, O_NOFOLLOW, O_RDONLY};
use ring3::parts;
use ring3::process::accounts;
use ring3::rt::Exit;
use ring3::text::Shown;

use crate::PROGRAM;
use crate::options::Given;

/// The user of the program.
pub struct User<'a> {
    pub uid: u32,
    pub gid: u32,
    /// The supplementary groups in the first `count` places, with the first group.
    list: [u32; GROUPS],
    count: usize,
    /// The home directory, for the variable `HOME`.
    pub home: &'a [u8],
}

/// The greatest number of supplementary groups.
const GROUPS: usize = 64;

/// The room for the texts of /etc/passwd and /etc/group together, in bytes.
pub const FILES: usize = 1 << 21;

impl<'a> User<'a> {
    /// Finds a user. A user in /etc/passwd has the groups of that file and of /etc/group. With a group on the command
    /// line, the user has this group only. (gosu and su-exec do the same.) `room` is for [`FILES`] bytes.
    #[inline(never)]
    pub fn find(room: &'a mut [u8], wanted: &CStr) -> Result<Self, Exit> {
        let wanted = wanted.to_bytes();
        let colon = wanted.iter().position(|&byte| byte == b':');
        let wanted_group = colon.and_then(|colon| wanted.get(colon + 1..));
        let wanted = wanted
            .get(..colon.unwrap_or(wanted.len()))
            .unwrap_or_default();
        let (passwd, group) = room.split_at_mut_checked(FILES / 2).unwrap_or_default();
        let passwd = read(c"/etc/passwd", passwd)?;
        let group = read(c"/etc/group", group)?;
        let account = accounts::user(passwd, wanted);
        let unknown = |name, what| {
            PROGRAM.say(parts!("find ", Shown(name), ": ", what));
            Exit(1)
        };
        let (uid, home) = match (account, accounts::id(wanted)) {
            (Some(account), _) => (account.uid, account.home),
            (None, Some(uid)) => (uid, &b"/"[..]),
            _ => return Err(unknown(wanted, "not in /etc/passwd")),
        };
        // The groups of a user in /etc/passwd are looked up, unless the command line names a group.
        let (gid, member) = match (wanted_group, account) {
            (None, Some(account)) => (Some(account.gid), account.name),
            (None, None) => return Err(unknown(wanted, "needs a :GROUP")),
            (Some(name), _) => (accounts::group(group, name), &b""[..]),
        };
        let Some(gid) = gid else {
            return Err(unknown(
                wanted_group.unwrap_or_default(),
                "not in /etc/group",
            ));
        };
        let mut user = Self {
            uid,
            gid,
            list: [gid; GROUPS],
            count: 1,
            home,
        };
        for group in accounts::groups(group, member) {
            match user.list.get_mut(user.count) {
                Some(place) => *place = group,
                None => return Err(unknown(wanted, "in more than 64 groups")),
            }
            user.count += 1;
        }
        Ok(user)
    }

    /// The supplementary groups.
    pub fn groups(&self) -> &[u32] {
        self.list.get(..self.count).unwrap_or_default()
    }

    /// Gives the directories of `--own` to the user. Reads the options of the command line again: only here there is
    /// more than one value to keep.
    #[inline(never)]
    pub fn own(&self, start: Start) -> Result<(), Exit> {
        let mut options = Options::<Given>::new(start.args());
        loop {
            match options.next_arg()? {
                Some(Given::Own(path)) => {
                    let shown = Shown(path.to_bytes());
                    self.give(path).or_fail(PROGRAM, "own", shown)?;
                }
                Some(Given::Operand(_)) | None => return Ok(()),
                Some(_) => {}
            }
        }
    }

    /// Creates a directory if it is missing, and gives it to the user. A symbolic link is refused: the user, who may own
    /// the directory above, could point the link at another directory. A path that ends in `/`, `/.` or `/..` is refused
    /// too, because the kernel would follow a link before this end.
    fn give(&self, path: &CStr) -> ring3::Result<()> {
        if let [_, .., b'/'] | [.., b'/', b'.'] | [.., b'/', b'.', b'.'] = path.to_bytes() {
            return Err(Errno::EINVAL);
        }
        match fs::make_directory(CWD, path, 0o755) {
            Ok(()) | Err(Errno::EEXIST) => {}
            failed => return failed,
        }
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
        let directory = fs::open(CWD, path, flags, 0)?;
        fs::set_owner(directory.as_fd(), Some(self.uid), Some(self.gid))
    }
}

/// Reads a file into `room`. Returns an empty text if there is no such file.
fn read<'a>(path: &CStr, room: &'a mut [u8]) -> Result<&'a [u8], Exit> {
    match fs::read_into(CWD, path, room) {
        Ok(text) => Ok(text),
        Err(Errno::ENOENT) => Ok(b""),
        Err(errno) => Err(PROGRAM.fail("read", path, errno)),
    }
}
