//! Visits the files of a tree of directories.
//!
//! The depth of a tree has no limit: there is no recursion, and of the directories on the way to the current one only the
//! last [`OPEN`] are open. The way back to others is `..`. std opens files by paths alone, which have at most 4096 bytes
//! and follow symbolic links, so the walk uses openat(2) of rustix.

use std::collections::VecDeque;
use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use common::error::{Error, OrFail, Shown};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir, Stat, fstat, openat, statat};
use rustix::path::Arg;

use crate::NAME;

/// The most directories that are open, without the one that is read.
///
/// At least 2: going back to an open directory needs no permission, but `..` needs the permission to search the directory
/// below. Each directory with a directory below that could be opened permits this.
const OPEN: usize = 16;

/// Called with the path and the type of a file.
type Visit<'a> = dyn FnMut(&[u8], FileType) -> io::Result<()> + 'a;

struct Walk<'a> {
    visit: &'a mut Visit<'a>,
    /// The path of the current file.
    path: Vec<u8>,
    /// The directories on the way to the current one.
    levels: Vec<Level>,
    /// The descriptors of the last levels.
    open: VecDeque<OwnedFd>,
    has_failed: bool,
}

/// A directory on the way to the current one.
struct Level {
    /// The length of its path.
    path: usize,
    /// Its subdirectories that wait for their visit.
    names: Vec<CString>,
    /// Its device and inode, for the way back.
    id: (u64, u64),
}

/// Visits the files of a tree, directories first. Prints each error; the walk continues after it, if it can. Returns
/// whether there was an error.
pub fn tree<'a>(root: OsString, visit: &'a mut Visit<'a>) -> Result<bool, Error> {
    let mut walk = Walk {
        visit,
        path: root.clone().into_vec(),
        levels: Vec::new(),
        open: VecDeque::new(),
        has_failed: false,
    };
    match statat(CWD, &root, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => {
            let kind = FileType::from_raw_mode(stat.st_mode);
            walk.visit(kind)?;
            if kind == FileType::Directory {
                walk.enter(open(CWD, &root))?;
            }
        }
        Err(error) => walk.failed("stat", error),
    }
    while let (Some(level), Some(dir)) = (walk.levels.last_mut(), walk.open.back()) {
        walk.path.truncate(level.path);
        match level.names.pop() {
            Some(name) => {
                let subdirectory = open(dir, &name);
                walk.push(name.as_bytes());
                walk.visit(FileType::Directory)?;
                walk.enter(subdirectory)?;
            }
            None => walk.leave()?,
        }
    }
    Ok(walk.has_failed)
}

impl Walk<'_> {
    /// Visits the files in the directory `self.path`, except directories. If it has subdirectories, it becomes the last
    /// level.
    fn enter(&mut self, dir: rustix::io::Result<OwnedFd>) -> Result<(), Error> {
        let dir = match dir {
            Ok(dir) => dir,
            Err(error) => {
                self.failed("open", error);
                return Ok(());
            }
        };
        let path = self.path.len();
        let names = self.read(&dir)?;
        self.path.truncate(path);
        if !names.is_empty() {
            let id = identity(&fstat(&dir).or_fail("stat", self.shown())?);
            self.levels.push(Level { path, names, id });
            if self.open.len() == OPEN {
                self.open.pop_front();
            }
            self.open.push_back(dir);
        }
        Ok(())
    }

    /// Visits the files in `dir`, except directories. Returns the names of directories.
    fn read(&mut self, dir: &OwnedFd) -> Result<Vec<CString>, Error> {
        let length = self.path.len();
        let mut names = Vec::new();
        let mut buffer = Vec::with_capacity(32 * 1024);
        let mut entries = RawDir::new(dir, buffer.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            self.path.truncate(length);
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.failed("read", error);
                    break;
                }
            };
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            // Not all file systems store the type in the directory.
            let kind = match entry.file_type() {
                FileType::Unknown => statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)
                    .map(|stat| FileType::from_raw_mode(stat.st_mode)),
                kind => Ok(kind),
            };
            self.push(name.to_bytes());
            match kind {
                Ok(FileType::Directory) => names.push(name.to_owned()),
                Ok(kind) => self.visit(kind)?,
                Err(error) => self.failed("stat", error),
            }
        }
        Ok(names)
    }

    /// Goes back from the last level to the level before it. If the last level was moved meanwhile, its `..` is another
    /// directory; then the walk ends, because names of other directories would be wrong.
    fn leave(&mut self) -> Result<(), Error> {
        self.levels.pop();
        if let (Some(dir), Some(level)) = (self.open.pop_back(), self.levels.last())
            && self.open.is_empty()
        {
            self.path.truncate(level.path);
            let path = self.shown();
            let parent = open(&dir, "..").or_fail("go back to", &path)?;
            if identity(&fstat(&parent).or_fail("stat", &path)?) != level.id {
                return Err(Error::new(
                    "go back to",
                    path,
                    "a directory below was moved",
                ));
            }
            self.open.push_back(parent);
        }
        Ok(())
    }

    fn visit(&mut self, kind: FileType) -> Result<(), Error> {
        (self.visit)(&self.path, kind).or_fail("write", "stdout")
    }

    /// Appends a slash and `name` to the path of a directory.
    fn push(&mut self, name: &[u8]) {
        if self.path.last() != Some(&b'/') {
            self.path.push(b'/');
        }
        self.path.extend_from_slice(name);
    }

    fn shown(&self) -> Shown<'_> {
        Shown(OsStr::from_bytes(&self.path))
    }

    /// Prints that `operation` on `self.path` failed.
    fn failed(&mut self, operation: &str, error: rustix::io::Errno) {
        Error::new(operation, self.shown(), error).print(NAME);
        self.has_failed = true;
    }
}

/// Opens a directory, not a symbolic link to it.
fn open(dir: impl AsFd, name: impl Arg) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(dir, name, flags, Mode::empty())
}

fn identity(stat: &Stat) -> (u64, u64) {
    (stat.st_dev, stat.st_ino)
}
