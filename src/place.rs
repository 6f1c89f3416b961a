//! Where a path leads: a directory, and a name in it, which may not exist yet.

use core::ffi::CStr;

use crate::abi::fs::*;
use crate::abi::{Errno, Result};
use crate::fd::{BorrowedFd, OwnedFd};
use crate::fs::{self, CWD};
use crate::mem;
use crate::number;

/// How many symbolic links the kernel follows in a path (`MAXSYMLINKS`, include/linux/namei.h).
const MAXSYMLINKS: usize = 40;

/// A name in a directory.
pub struct Name([u8; NAME_MAX + 1]);

impl Name {
    /// The name of these bytes, among which there is no zero and no slash.
    ///
    /// # Errors
    /// `ENAMETOOLONG`
    pub fn new(name: &[u8]) -> Result<Self> {
        let mut bytes = [0; NAME_MAX + 1];
        match bytes.get_mut(..name.len()) {
            Some(place) if name.len() <= NAME_MAX => mem::copy(place, name),
            _ => return Err(Errno::ENAMETOOLONG),
        }
        Ok(Self(bytes))
    }

    /// For a system call.
    pub fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.0).unwrap_or_default() // the last byte is always zero
    }
}

/// A name in an open directory: what a path means, whatever is renamed above it from now on.
pub struct Place {
    /// The directory: open as a place only (`O_PATH`), until [`open_directory`](Self::open_directory).
    pub dir: OwnedFd,
    /// The name in it.
    pub name: Name,
    /// Whether `dir` is open for reading, as fsync(2) needs it.
    readable: bool,
}

impl Place {
    fn new(dir: OwnedFd, name: Name) -> Self {
        Self {
            dir,
            name,
            readable: false,
        }
    }

    /// Follows `path`, symbolic links at its end included, to where a file is or may be made. A link at the end that is
    /// in /proc or /sys is not followed: it may be a magic link, as in /proc/PID/fd. The result is then the link's own
    /// place.
    ///
    /// # Errors
    /// Those of a path; `EISDIR`: it ends with a slash.
    pub fn find(path: &CStr) -> Result<Self> {
        let mut text = [0; PATH_MAX];
        let mut length = path.count_bytes();
        match text.get_mut(..length) {
            Some(place) if length < PATH_MAX => mem::copy(place, path.to_bytes()),
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
                // A magic link leads to an open file, whatever its text says.
                Ok(_) if fs::is_kernels_own(dir.as_fd()) => return Ok(Self::new(dir, name)),
                Ok(target) => length = target.len(),
                Err(Errno::EINVAL | Errno::ENOENT) => return Ok(Self::new(dir, name)),
                Err(errno) => return Err(errno),
            }
            from = Some(dir);
        }
        Err(Errno::ELOOP)
    }

    /// Whether this is the place of `file`, of no other and of no symbolic link.
    ///
    /// # Errors
    /// Those of a path.
    pub fn is_of(&self, file: &Statx) -> Result<bool> {
        match fs::stat_at(self.dir.as_fd(), self.name.as_c_str(), AT_SYMLINK_NOFOLLOW) {
            Ok(here) => Ok(here.is_same_file(file)),
            Err(Errno::ENOENT) => Ok(false),
            Err(errno) => Err(errno),
        }
    }

    /// Duplicates the descriptor that this place names, if the directory is this process's /proc/PID/fd or this thread's
    /// /proc/PID/task/TID/fd. `/dev/stdout`, `/dev/fd/N`, `/proc/self/fd/N` and `/proc/thread-self/fd/N` lead to such a place. Opening the name would open the file
    /// again, with an offset and flags of its own.
    ///
    /// # Errors
    /// `EBADF`: no descriptor has this number. `EMFILE`: the process may have no more descriptors.
    pub fn descriptor(&self) -> Result<Option<OwnedFd>> {
        let name = self.name.as_c_str().to_bytes();
        let number = number::whole(name, 10, i32::MAX as u64);
        let Some(number) = number.filter(|_| self.is_of_descriptors()) else {
            return Ok(None);
        };
        // SAFETY: the borrow lasts for one fcntl(2), which does not change the descriptor. Without an open descriptor
        // of this number the call returns EBADF.
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

    /// Opens the directory for reading, so that [`sync`](Self::sync) can call fsync(2) on it. Without the permission to
    /// read it, `sync` uses syncfs(2).
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

    /// Makes the name of `file` durable: by fsync(2) of the directory, if [`open_directory`](Self::open_directory)
    /// opened it for reading; else by syncfs(2) of the file system of `file`.
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

/// The directory of the path that is the first `length` bytes of `text`, and the name in it. The
/// zero that ends the directory's path is put behind its last slash.
///
/// # Errors
/// `ENOENT`: the path is empty; `ENAMETOOLONG`.
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
    Ok((CStr::from_bytes_until_nul(text).unwrap_or_default(), name))
}
