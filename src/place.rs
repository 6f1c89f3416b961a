//! Where a path leads: a directory, and a name in it, which may not exist yet.

use core::ffi::CStr;

use crate::abi::fs::*;
use crate::abi::{Errno, Result};
use crate::fd::OwnedFd;
use crate::fs::{self, CWD};
use crate::mem;

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
}

impl Place {
    /// Follows `path`, symbolic links at its end included, to where a file is or may be made.
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
                Ok(target) => length = target.len(),
                Err(Errno::EINVAL | Errno::ENOENT) => return Ok(Self { dir, name }),
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

    /// Opens the directory so that its names can be made durable.
    ///
    /// # Errors
    /// `EACCES`: it may not be read.
    pub fn open_directory(&mut self) -> Result<()> {
        let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
        self.dir = fs::open(self.dir.as_fd(), c".", flags, 0)?;
        Ok(())
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
