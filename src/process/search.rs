//! The search for a program along `PATH`, as execvp(3) does it.

use core::ffi::CStr;
use core::mem::MaybeUninit;

use crate::abi::Errno;
use crate::abi::fs::{NAME_MAX, PATH_MAX};

/// The directories to search if the environment has no `PATH`, as confstr(3) reports them.
pub const DEFAULT_PATH: &CStr = c"/bin:/usr/bin";

/// A buffer for a path.
pub type Room = MaybeUninit<[u8; PATH_MAX]>;

/// Calls `exec` with the path of `name` in each directory of `path`, until an error ends the search. Returns
/// the error of the search, because `exec` returns only if it failed. The argument of `exec` is a path that
/// ends with a zero, in `room`.
///
/// - An empty entry of `path` is the current directory. An empty `path` is one empty entry.
/// - A `name` that contains `/` is a path; only that path is tried. An empty name is no file: `ENOENT`.
/// - `EACCES`, a file that may not be executed, does not end the search. The search returns `EACCES` if no
///   other directory has the program. A missing file or directory (`ENOENT`, `ENOTDIR`) and an unavailable
///   file server (`ESTALE`, `ENODEV`, `ETIMEDOUT`) do not end the search either, as in glibc.
/// - Any other error ends the search, as in glibc: usually the file exists, but can't be executed. For
///   example `ENOEXEC`, for a script without `#!`: unlike execvp(3), this function does not run it with a
///   shell.
/// - An entry with which the path would be too long is skipped, because it can't lead to a file.
pub fn search(
    name: &[u8],
    path: &[u8],
    room: &mut Room,
    mut exec: impl FnMut(*const u8) -> Errno,
) -> Errno {
    if name.is_empty() {
        return Errno::ENOENT;
    }
    if !name.iter().all(|&byte| byte != b'/') {
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

/// Writes `directory/name` and a zero to `room`, if there is enough room; only `name` and a zero if
/// `directory` is empty.
fn join(directory: &[u8], name: &[u8], room: &mut Room) -> Option<*const u8> {
    let slash: &[u8] = if directory.is_empty() { b"" } else { b"/" };
    if directory.len() + slash.len() + name.len() + 1 > PATH_MAX {
        return None;
    }
    let begin = room.as_mut_ptr().cast::<u8>();
    let mut end = begin;
    for part in [directory, slash, name, b"\0"] {
        // SAFETY: the lengths of all four parts were added above, and their sum is at most PATH_MAX, the size
        // of `room`. The parts do not overlap `room`, because `room` is borrowed mutably.
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

    /// The paths that the search for `name` along `path` tries, and its result. The n-th try fails with
    /// `answers[n]`, later tries with `ENOENT`.
    fn tried(name: &str, path: &str, answers: &[Errno]) -> (Vec<String>, Errno) {
        let mut all = Vec::new();
        let mut room = Room::uninit();
        let errno = search(name.as_bytes(), path.as_bytes(), &mut room, |candidate| {
            // SAFETY: `search` passes a path that ends with a zero, in `room`, which lives until the search
            // returns.
            let candidate = unsafe { CStr::from_ptr(candidate.cast()) };
            all.push(candidate.to_str().unwrap().into());
            let answer = answers.get(all.len() - 1).copied();
            answer.unwrap_or(Errno::ENOENT)
        });
        (all, errno)
    }

    #[test]
    fn entries_are_tried_in_order_and_an_empty_one_is_the_current_directory() {
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
    fn a_missing_file_does_not_end_the_search() {
        use Errno as E;
        for errno in [E::ENOENT, E::ENOTDIR, E::ESTALE, E::ENODEV, E::ETIMEDOUT] {
            let (all, answer) = tried("cat", "/a:/b", &[errno, errno]);
            assert_eq!((all.len(), answer), (2, E::ENOENT), "{errno:?}");
            assert_eq!(tried("cat", "/a:/b", &[E::EACCES, errno]).1, E::EACCES);
        }
    }

    #[test]
    fn an_existing_file_ends_the_search() {
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
    fn a_path_that_is_too_long_is_not_truncated() {
        let name = "n".repeat(NAME_MAX + 1);
        assert_eq!(tried(&name, "/a", &[]), (Vec::new(), Errno::ENAMETOOLONG));
        let longest = &name[1..];
        let (all, errno) = tried(longest, "/a", &[]);
        assert_eq!(
            (all, errno),
            (std::vec![std::format!("/a/{longest}")], Errno::ENOENT)
        );
        // A path that just fits, then a path that is one byte too long; the search continues after it.
        let fits = "d".repeat(PATH_MAX - "/cat\0".len());
        let path = std::format!("{fits}:{fits}d:/b");
        let (all, _) = tried("cat", &path, &[]);
        assert_eq!(all, [std::format!("{fits}/cat"), "/b/cat".into()]);
        let path = "/".repeat(PATH_MAX);
        assert_eq!(tried(&path, "/a", &[]), (Vec::new(), Errno::ENAMETOOLONG));
        assert_eq!(tried(&path[1..], "/a", &[]).0, [&path[1..]]);
    }
}
