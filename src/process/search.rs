//! Where a program is: the search along `PATH`, as execvp(3) does it.

use core::ffi::CStr;
use core::mem::MaybeUninit;

use crate::abi::Errno;
use crate::abi::fs::{NAME_MAX, PATH_MAX};

/// The directories where the environment says none, as confstr(3) has them.
pub const DEFAULT_PATH: &CStr = c"/bin:/usr/bin";

/// Room for a path.
pub type Room = MaybeUninit<[u8; PATH_MAX]>;

/// Has `exec` try `name` in each directory of `path`, and gives the error of the search: `exec` comes
/// back only where it failed. What it gets is a path and its zero.
///
/// - An empty entry is the current directory, and no entry at all is one empty entry.
/// - A name with a `/` in it is a path, and is tried alone. An empty one is no file: `ENOENT`.
/// - Where a file may not be executed (`EACCES`), the search goes on; so that is the answer where the rest
///   has none. So it does where the file or its directory is not there, or no directory (`ENOENT`,
///   `ENOTDIR`), and where a file server is away (`ESTALE`, `ENODEV`, `ETIMEDOUT`), as glibc has it.
/// - Any other error ends the search: the file is there. One of them is `ENOEXEC`, for a script without
///   `#!`: nobody guesses at a shell.
/// - An entry with which the path would be too long can't lead to a file and is passed over.
pub fn search(
    name: &[u8],
    path: &[u8],
    room: &mut Room,
    mut exec: impl FnMut(*const u8) -> Errno,
) -> Errno {
    if name.is_empty() {
        return Errno::ENOENT;
    }
    if name.contains(&b'/') {
        return match join(&[], name, room) {
            Some(candidate) => exec(candidate),
            None => Errno::ENAMETOOLONG,
        };
    }
    if name.len() > NAME_MAX {
        return Errno::ENAMETOOLONG;
    }
    let mut answer = Errno::ENOENT;
    for directory in path.split(|&byte| byte == b':') {
        let Some(candidate) = join(directory, name, room) else {
            continue;
        };
        match exec(candidate) {
            Errno::EACCES => answer = Errno::EACCES,
            Errno::ENOENT | Errno::ENOTDIR | Errno::ESTALE | Errno::ENODEV | Errno::ETIMEDOUT => {}
            errno => return errno,
        }
    }
    answer
}

/// `directory/name` and a zero in `room`, where that is as long; `name` alone in no directory.
fn join(directory: &[u8], name: &[u8], room: &mut Room) -> Option<*const u8> {
    let slash: &[u8] = if directory.is_empty() { b"" } else { b"/" };
    if directory.len() + slash.len() + name.len() + 1 > PATH_MAX {
        return None;
    }
    let begin = room.as_mut_ptr().cast::<u8>();
    let mut end = begin;
    for part in [directory, slash, name, b"\0"] {
        // SAFETY: all four fit, as was just checked; the room is nobody else's.
        unsafe {
            end.copy_from_nonoverlapping(part.as_ptr(), part.len());
            end = end.add(part.len());
        }
    }
    Some(begin)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    /// What is tried for `name` along `path`, where each answers as `answers` has it, and then `ENOENT`.
    fn tried(name: &str, path: &str, answers: &[Errno]) -> (Vec<String>, Errno) {
        let mut all = Vec::new();
        let mut room = Room::uninit();
        let errno = search(name.as_bytes(), path.as_bytes(), &mut room, |candidate| {
            // SAFETY: a string, as search says.
            let candidate = unsafe { CStr::from_ptr(candidate.cast()) };
            all.push(candidate.to_str().unwrap().into());
            let answer = answers.get(all.len() - 1).copied();
            answer.unwrap_or(Errno::ENOENT)
        });
        (all, errno)
    }

    #[test]
    fn entries_in_order_and_empty_ones_are_here() {
        let (all, errno) = tried("cat", "/a::/b/:", &[]);
        assert_eq!(all, ["/a/cat", "cat", "/b//cat", "cat"]);
        assert_eq!(errno, Errno::ENOENT);
        assert_eq!(tried("cat", "", &[]).0, ["cat"]);
    }

    #[test]
    fn a_file_that_may_not_be_executed_is_remembered() {
        use Errno as E;
        let (all, errno) = tried("cat", "/a:/b:/c", &[E::EACCES, E::ENOTDIR]);
        assert_eq!((all.len(), errno), (3, E::EACCES));
    }

    #[test]
    fn what_is_not_there_is_passed_over() {
        use Errno as E;
        for errno in [E::ENOENT, E::ENOTDIR, E::ESTALE, E::ENODEV, E::ETIMEDOUT] {
            let (all, answer) = tried("cat", "/a:/b", &[errno, errno]);
            assert_eq!((all.len(), answer), (2, E::ENOENT), "{errno:?}");
            assert_eq!(tried("cat", "/a:/b", &[E::EACCES, errno]).1, E::EACCES);
        }
    }

    #[test]
    fn what_is_there_ends_the_search() {
        use Errno as E;
        for errno in [
            E::ENOEXEC,
            E::E2BIG,
            E::ETXTBSY,
            E::ELOOP,
            E::EIO,
            E::ENOMEM,
        ] {
            assert_eq!(tried("cat", "/a:/b", &[errno]).0, ["/a/cat"]);
            assert_eq!(tried("cat", "/a:/b", &[errno]).1, errno);
        }
    }

    #[test]
    fn a_slash_makes_a_path() {
        assert_eq!(tried("./cat", "/a:/b", &[]).0, ["./cat"]);
        assert_eq!(tried("cat/", "/a", &[]).0, ["cat/"]);
        assert_eq!(tried("", "/a", &[]), (Vec::new(), Errno::ENOENT));
    }

    #[test]
    fn what_is_too_long_is_not_cut() {
        let name = "n".repeat(NAME_MAX + 1);
        assert_eq!(tried(&name, "/a", &[]), (Vec::new(), Errno::ENAMETOOLONG));
        let longest = &name[1..];
        let (all, errno) = tried(longest, "/a", &[]);
        assert_eq!(
            (all, errno),
            (std::vec![std::format!("/a/{longest}")], Errno::ENOENT)
        );
        // One that just fits, one that doesn't, and the search goes on.
        let fits = "d".repeat(PATH_MAX - "/cat\0".len());
        let path = std::format!("{fits}:{fits}d:/b");
        let (all, _) = tried("cat", &path, &[]);
        assert_eq!(all, [std::format!("{fits}/cat"), "/b/cat".into()]);
        let path = "/".repeat(PATH_MAX);
        assert_eq!(tried(&path, "/a", &[]), (Vec::new(), Errno::ENAMETOOLONG));
        assert_eq!(tried(&path[1..], "/a", &[]).0, [&path[1..]]);
    }
}
