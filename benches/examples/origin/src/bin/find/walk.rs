//! Visits the files of a tree.
//!
//! The depth has no limit: there is no recursion, and no more than `OPEN` directories on the way are open. The way back
//! to the others is `..`. No path is passed to the kernel, only names, so the length of paths has no limit either.

use alloc::collections::VecDeque;
use alloc::ffi::CString;
use alloc::vec::Vec;
use core::ffi::CStr;
use core::mem::MaybeUninit;

use common::{Exit, Text};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir, fstat, openat, statat};
use rustix::io::{Errno, Result, retry_on_intr};

use crate::PROGRAM;

/// The most directories that are open, apart from the one that is read. At least 2: `..` needs the permission to search
/// the directory below it, and the last of the open directories may lack it.
const OPEN: usize = 16;

/// A directory on the way that has subdirectories.
struct Level {
    /// The length of its path.
    path_length: usize,
    /// The subdirectories that are still to be visited.
    names: Vec<CString>,
    /// The device and the inode.
    id: (u64, u64),
}

pub struct Walk<F> {
    /// Called with the path and the type of each file.
    visit: F,
    path: Vec<u8>,
    levels: Vec<Level>,
    /// The last levels' descriptors.
    open: VecDeque<OwnedFd>,
    /// 1 after an error.
    status: i32,
}

impl<F: FnMut(&[u8], FileType)> Walk<F> {
    pub fn new(visit: F) -> Self {
        Self {
            visit,
            path: Vec::new(),
            levels: Vec::new(),
            open: VecDeque::new(),
            status: 0,
        }
    }

    /// The exit status: 1 if an error was printed.
    pub fn status(&self) -> i32 {
        self.status
    }

    /// Visits the files of a tree, directories before their content. Errors are printed.
    ///
    /// # Errors
    /// The walk cannot go on in this tree.
    pub fn tree(&mut self, root: &CStr) -> core::result::Result<(), Exit> {
        self.path = root.to_bytes().to_vec();
        self.levels.clear();
        self.open.clear();
        match statat(CWD, root, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => {
                let kind = FileType::from_raw_mode(stat.st_mode);
                (self.visit)(&self.path, kind);
                if kind == FileType::Directory {
                    self.enter(open(CWD, root));
                }
            }
            Err(errno) => self.fail("stat", errno),
        }
        while let (Some(level), Some(dir)) = (self.levels.last_mut(), self.open.back()) {
            match level.names.pop() {
                Some(name) => {
                    self.path.truncate(level.path_length);
                    push_name(&mut self.path, &name);
                    let subdirectory = open(dir, &name);
                    (self.visit)(&self.path, FileType::Directory);
                    self.enter(subdirectory);
                }
                None => self.leave()?,
            }
        }
        Ok(())
    }

    /// Visits what is in the directory `self.path`. Its subdirectories wait in a level of their own.
    fn enter(&mut self, dir: Result<OwnedFd>) {
        let dir = match dir {
            Ok(dir) => dir,
            Err(errno) => return self.fail("open", errno),
        };
        let path_length = self.path.len();
        let names = self.read(&dir);
        self.path.truncate(path_length);
        if names.is_empty() {
            return;
        }
        match id(&dir) {
            Ok(id) => {
                self.levels.push(Level {
                    path_length,
                    names,
                    id,
                });
                if self.open.len() == OPEN {
                    self.open.pop_front();
                }
                self.open.push_back(dir);
            }
            Err(errno) => self.fail("stat", errno),
        }
    }

    /// Visits the files in a directory, apart from directories. Returns the names of the directories.
    fn read(&mut self, dir: &OwnedFd) -> Vec<CString> {
        let length = self.path.len();
        let mut names = Vec::new();
        let mut buffer = [MaybeUninit::uninit(); 32 * 1024];
        let mut entries = RawDir::new(dir, &mut buffer);
        while let Some(entry) = entries.next() {
            self.path.truncate(length);
            let entry = match entry {
                Ok(entry) => entry,
                Err(errno) => {
                    self.fail("read", errno);
                    break;
                }
            };
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let kind = match entry.file_type() {
                // Some file systems do not know it here.
                FileType::Unknown => statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)
                    .map(|stat| FileType::from_raw_mode(stat.st_mode)),
                kind => Ok(kind),
            };
            if kind == Ok(FileType::Directory) {
                names.push(name.into());
                continue;
            }
            push_name(&mut self.path, name);
            match kind {
                Ok(kind) => (self.visit)(&self.path, kind),
                Err(errno) => self.fail("stat", errno),
            }
        }
        names
    }

    /// Goes back to the level before the last one. If a directory was moved meanwhile, `..` leads to another place.
    fn leave(&mut self) -> core::result::Result<(), Exit> {
        self.levels.pop();
        let (Some(dir), Some(level)) = (self.open.pop_back(), self.levels.last()) else {
            return Ok(());
        };
        if self.open.is_empty() {
            self.path.truncate(level.path_length);
            let path = Text(&self.path);
            let parent = open(dir, c"..").and_then(|parent| Ok((id(&parent)?, parent)));
            match parent {
                Ok((id, parent)) if id == level.id => self.open.push_back(parent),
                Ok(_) => {
                    PROGRAM.say(format_args!(
                        "go back to {path}: a directory below was moved"
                    ));
                    return Err(Exit(1));
                }
                Err(errno) => return Err(PROGRAM.fail("go back to", path, errno)),
            }
        }
        Ok(())
    }

    fn fail(&mut self, operation: &str, errno: Errno) {
        Exit(self.status) = PROGRAM.fail(operation, Text(&self.path), errno);
    }
}

/// Opens a directory, not a symbolic link to it.
fn open(dir: impl AsFd, name: &CStr) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    retry_on_intr(|| openat(&dir, name, flags, Mode::empty()))
}

/// The device and the inode of a file.
fn id(file: &OwnedFd) -> Result<(u64, u64)> {
    fstat(file).map(|stat| (stat.st_dev, stat.st_ino))
}

fn push_name(path: &mut Vec<u8>, name: &CStr) {
    if !path.ends_with(b"/") {
        path.push(b'/');
    }
    path.extend_from_slice(name.to_bytes());
}
