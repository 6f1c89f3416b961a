//! Resolves a path to an open directory and a name in it. The name need not exist yet.
//!
//! ```
//! use ring3::fs::resolve::Entry;
//!
//! let entry = Entry::find(c"/proc/self/status")?;
//! assert_eq!(entry.name.as_c_str(), c"status"); // `entry.dir` is /proc/PID
//! # Ok::<(), ring3::Errno>(())
//! ```

use core::ffi::CStr;

use crate::abi::fs::*;
use crate::abi::{Errno, Result};
use crate::bytes;
use crate::fd::{BorrowedFd, OwnedFd};
use crate::fs::{self, CWD};
use crate::text::number;

/// How many symbolic links the kernel follows in a path (`MAXSYMLINKS`, include/linux/namei.h).
const MAXSYMLINKS: usize = 40;

/// A file name in a directory, with at most `NAME_MAX` bytes.
#[derive(Debug)]
pub struct Name([u8; NAME_MAX + 1]);

impl Name {
    /// Copies `name`, which must contain no zero and no slash.
    ///
    /// # Errors
    /// `ENAMETOOLONG`: more than `NAME_MAX` bytes.
    pub fn new(name: &[u8]) -> Result<Self> {
        let mut bytes = [0; NAME_MAX + 1];
        match bytes.get_mut(..name.len()) {
            Some(room) if name.len() <= NAME_MAX => bytes::copy(room, name),
            _ => return Err(Errno::ENAMETOOLONG),
        }
        Ok(Self(bytes))
    }

    /// The name as a C string, for a system call.
    #[must_use]
    pub fn as_c_str(&self) -> &CStr {
        bytes::until_zero(&self.0) // the last byte is always zero
    }
}

/// A directory entry: a name in an open directory. The name need not exist.
///
/// An entry is the result of resolving a path. Later renames of directories in the path do not change it.
#[derive(Debug)]
pub struct Entry {
    /// The directory. Until [`open_directory`](Self::open_directory) it is open only as a starting point for
    /// paths (`O_PATH`).
    pub dir: OwnedFd,
    /// The name in the directory.
    pub name: Name,
    /// Whether `dir` is open for reading, which fsync(2) requires.
    readable: bool,
}

impl Entry {
    fn new(dir: OwnedFd, name: Name) -> Self {
        Self {
            dir,
            name,
            readable: false,
        }
    }

    /// Follows `path`, including a symbolic link in the last component, to the entry of a file that exists or
    /// can be created.
    ///
    /// A symbolic link in /proc or /sys is not followed, because the link may be a magic link, as in
    /// /proc/PID/fd: a link that leads to an open file, not to the path in its text. The result is then the
    /// entry of the link itself.
    ///
    /// # Errors
    /// Those of resolving a path. `EISDIR`: the path ends with a slash.
    pub fn find(path: &CStr) -> Result<Self> {
        let mut text = [0; PATH_MAX];
        let mut length = path.count_bytes();
        match text.get_mut(..length) {
            Some(room) if length < PATH_MAX => bytes::copy(room, path.to_bytes()),
            _ => return Err(Errno::ENAMETOOLONG),
        }
        let mut from = None::<OwnedFd>;
        for _ in 0..=MAXSYMLINKS {
            let (dir, name) = split(&mut text, length)?;
            let start = from.as_ref().map_or(CWD, OwnedFd::as_fd);
            let dir = fs::open(start, dir, O_PATH | O_DIRECTORY | O_CLOEXEC, 0)?;
            if name.as_c_str().is_empty() {
                return Err(Errno::EISDIR);
            }
            match fs::read_link(dir.as_fd(), name.as_c_str(), &mut text) {
                Ok(target) if target.len() == PATH_MAX => return Err(Errno::ENAMETOOLONG),
                // A magic link leads to an open file, regardless of its text.
                Ok(_) if fs::is_kernel_interface(dir.as_fd()) => return Ok(Self::new(dir, name)),
                Ok(target) => length = target.len(),
                Err(Errno::EINVAL | Errno::ENOENT) => return Ok(Self::new(dir, name)),
                Err(errno) => return Err(errno),
            }
            from = Some(dir);
        }
        Err(Errno::ELOOP)
    }

    /// Whether the name refers to `file` itself, and not to another file or to a symbolic link.
    ///
    /// # Errors
    /// Those of resolving a path.
    pub fn is_of(&self, file: &Statx) -> Result<bool> {
        match fs::stat_at(self.dir.as_fd(), self.name.as_c_str(), AT_SYMLINK_NOFOLLOW) {
            Ok(here) => Ok(here.is_same_file(file)),
            Err(Errno::ENOENT) => Ok(false),
            Err(errno) => Err(errno),
        }
    }

    /// Returns a duplicate of the descriptor that is named by this entry, if the directory is this process's
    /// /proc/PID/fd or this thread's /proc/PID/task/TID/fd. Otherwise returns `None`.
    ///
    /// `/dev/stdout`, `/dev/fd/N`, `/proc/self/fd/N` and `/proc/thread-self/fd/N` lead to such an entry.
    /// Opening the name instead would open the file again, with its own offset and flags.
    ///
    /// # Errors
    /// `EBADF`: no descriptor has this number. `EMFILE`: the process may have no more descriptors.
    pub fn descriptor(&self) -> Result<Option<OwnedFd>> {
        let name = self.name.as_c_str().to_bytes();
        let number = number::whole(name, 10, i32::MAX as u64);
        let Some(number) = number.filter(|_| self.is_of_descriptors()) else {
            return Ok(None);
        };
        // SAFETY: `open` is only used for one fcntl(2), which does not change the descriptor. If no
        // descriptor has this number, the call returns EBADF.
        let open = unsafe { BorrowedFd::borrow_raw(number as i32) };
        open.duplicate().map(Some)
    }

    /// Whether the directory is this process's /proc/PID/fd or this thread's /proc/PID/task/TID/fd.
    fn is_of_descriptors(&self) -> bool {
        let Ok(dir) = fs::stat(self.dir.as_fd()) else {
            return false;
        };
        [c"/proc/self/fd", c"/proc/thread-self/fd"]
            .iter()
            .any(|own| fs::stat_at(CWD, own, At::NONE).is_ok_and(|own| dir.is_same_file(&own)))
    }

    /// Opens the directory for reading, so that [`sync`](Self::sync) can call fsync(2) on it. Without
    /// permission to read the directory, `sync` uses syncfs(2).
    ///
    /// # Errors
    /// The errors of open(2) except `EACCES`.
    pub fn open_directory(&mut self) -> Result<()> {
        let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
        match fs::open(self.dir.as_fd(), c".", flags, 0) {
            Ok(dir) => self.dir = dir,
            Err(Errno::EACCES) => return Ok(()),
            Err(errno) => return Err(errno),
        }
        self.readable = true;
        Ok(())
    }

    /// Makes the directory entry of `file` durable: by fsync(2) of the directory, if
    /// [`open_directory`](Self::open_directory) opened it for reading; otherwise by syncfs(2) of the file
    /// system of `file`.
    ///
    /// # Errors
    /// `EIO`, `ENOSPC`, `EDQUOT`.
    pub fn sync(&self, file: BorrowedFd<'_>) -> Result<()> {
        match self.readable {
            true => fs::sync_if_possible(self.dir.as_fd()),
            false => fs::sync_file_system(file),
        }
    }
}

/// Splits the path in the first `length` bytes of `text` into the directory and the name. Writes a zero after
/// the path's last slash, to end the directory's path.
///
/// # Errors
/// `ENOENT`: the path is empty. `ENAMETOOLONG`.
fn split(text: &mut [u8; PATH_MAX], length: usize) -> Result<(&CStr, Name)> {
    let path = text.get(..length).unwrap_or_default();
    let slashes = path.iter().rposition(|&byte| byte == b'/');
    let start = slashes.map_or(0, |last| last + 1);
    let name = Name::new(path.get(start..).unwrap_or_default())?;
    if path.is_empty() {
        return Err(Errno::ENOENT);
    }
    if start == 0 {
        return Ok((c".", name));
    }
    if let Some(end) = text.get_mut(start) {
        *end = 0;
    }
    Ok((bytes::until_zero(text), name))
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::fd::tests::closes_at_exec;
    use std::ffi::CString;
    use std::format;
    use std::fs::File;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;
    use std::string::String;

    /// A temporary directory for a test.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = format!("ring3-{}-{name}", std::process::id());
            let path = std::env::temp_dir().join(path);
            std::fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn c(&self, name: &str) -> CString {
            CString::new(format!("{}/{name}", self.0.display())).unwrap()
        }

        fn find(&self, name: &str) -> Result<Entry> {
            Entry::find(&self.c(name))
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn as_many_links_are_followed_as_by_the_kernel() {
        let folder = Folder::new("links");
        File::create(folder.0.join("0")).unwrap();
        for number in 1..=41 {
            let target = format!("{}", number - 1);
            symlink(target, folder.0.join(format!("{number}"))).unwrap();
        }
        for number in [0, 1, 2, 39, 40, 41] {
            let name = format!("{number}");
            let found = folder
                .find(&name)
                .map(|entry| entry.name.as_c_str() == c"0");
            let opened = File::open(folder.0.join(&name));
            let wanted = if number > 40 {
                Err(Errno::ELOOP)
            } else {
                Ok(true)
            };
            assert_eq!(found, wanted, "{name}");
            assert_eq!(opened.is_ok(), wanted.is_ok(), "{name}");
        }
    }

    #[test]
    fn names_have_the_kernels_maximum_length() {
        let folder = Folder::new("names");
        for length in [1, NAME_MAX - 1, NAME_MAX, NAME_MAX + 1] {
            let name = "n".repeat(length);
            let created = File::create(folder.0.join(&name));
            let found = folder.find(&name);
            assert_eq!(found.is_ok(), created.is_ok(), "{length}");
            match found {
                Ok(entry) => assert_eq!(entry.name.as_c_str().to_bytes(), name.as_bytes()),
                Err(errno) => assert_eq!(errno, Errno::ENAMETOOLONG),
            }
        }
        // The same for the length of a path, including the zero at its end.
        for (length, wanted) in [
            (PATH_MAX - 2, None),
            (PATH_MAX - 1, None),
            (PATH_MAX, Some(Errno::ENAMETOOLONG)),
            (PATH_MAX + 1, Some(Errno::ENAMETOOLONG)),
        ] {
            let path = format!("{}n", "/".repeat(length - 1));
            let path = CString::new(path).unwrap();
            assert_eq!(Entry::find(&path).err(), wanted, "{length}");
        }
        // A link whose text has the maximum length.
        let target = format!("{}n", "/".repeat(PATH_MAX - 2));
        symlink(target, folder.0.join("link")).unwrap();
        let found = folder.find("link").unwrap();
        assert_eq!(found.name.as_c_str(), c"n");
    }

    #[test]
    fn a_path_is_a_directory_and_a_name() {
        for (path, dir, name) in [
            ("name", c".", c"name"),
            ("/name", c"/", c"name"),
            ("a/b", c"a/", c"b"),
            ("a//b/c", c"a//b/", c"c"),
            ("a/", c"a/", c""),
            ("..", c".", c".."),
        ] {
            let mut text = [b'x'; PATH_MAX]; // bytes of an earlier path
            bytes::copy(&mut text[..path.len()], path.as_bytes());
            let (found, rest) = split(&mut text, path.len()).unwrap();
            assert_eq!((found, rest.as_c_str()), (dir, name), "{path}");
        }
        assert_eq!(split(&mut [0; PATH_MAX], 0).err(), Some(Errno::ENOENT));
    }

    #[test]
    fn a_link_to_a_file_is_not_the_file() {
        let folder = Folder::new("is-of");
        File::create(folder.0.join("f")).unwrap();
        let entry = folder.find("f").unwrap();
        let file = fs::stat_at(CWD, &folder.c("f"), At::NONE).unwrap();
        assert_eq!(entry.is_of(&file), Ok(true));
        // The file gets another name, and then a link to the file gets the old name.
        std::fs::rename(folder.0.join("f"), folder.0.join("g")).unwrap();
        assert_eq!(entry.is_of(&file), Ok(false));
        symlink("g", folder.0.join("f")).unwrap();
        assert_eq!(entry.is_of(&file), Ok(false));
    }

    #[test]
    fn only_this_process_s_descriptors_are_duplicated() {
        let folder = Folder::new("descriptors");
        let file = File::create(folder.0.join("f")).unwrap();
        let number = file.as_raw_fd();
        let is_ours = |path: String| -> Result<bool> {
            let entry = Entry::find(&CString::new(path).unwrap())?;
            Ok(match entry.descriptor()? {
                None => false,
                Some(duplicate) => {
                    let found = fs::stat(duplicate.as_fd())?;
                    found.is_same_file(&fs::stat_at(CWD, &folder.c("f"), At::NONE)?)
                }
            })
        };
        let own = std::process::id();
        for directory in [
            "/dev/fd".into(),
            "/proc/self/fd".into(),
            "/proc/thread-self/fd".into(),
            format!("/proc/{own}/fd"),
            format!("/proc/{own}/task/{}/fd", crate::process::gettid().as_raw()),
        ] {
            assert_eq!(
                is_ours(format!("{directory}/{number}")),
                Ok(true),
                "{directory}"
            );
            let none = format!("{directory}/1000000");
            assert_eq!(is_ours(none), Err(Errno::EBADF), "{directory}");
        }
        // Not descriptors: a number as a name in another directory, and other names in a directory of
        // descriptors.
        File::create(folder.0.join("2")).unwrap();
        let path = |name: &str| format!("{}/{name}", folder.0.display());
        assert_eq!(is_ours(path("2")), Ok(false));
        for name in ["0x1", "-1", "+1", "1x", "9999999999999", "4294967297"] {
            assert_eq!(
                is_ours(format!("/proc/self/fd/{name}")),
                Ok(false),
                "{name}"
            );
        }
        drop(file);
    }

    #[test]
    fn execve_closes_the_directory_of_an_entry() {
        let folder = Folder::new("exec");
        let mut entry = folder.find("new").unwrap();
        for _ in 0..2 {
            assert!(closes_at_exec(entry.dir.as_fd()));
            entry.open_directory().unwrap();
        }
    }
}
