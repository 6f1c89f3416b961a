//! Visits the files of a tree of directories.
//!
//! The depth of a tree has no limit. There is no recursion, so the stack has a constant size. At most [`OPEN`]
//! directories are open: the deepest ones on the way to the current directory. The way back to others is `..`. No path
//! longer than a name is passed to the kernel, so paths may be longer than the kernel's limit of 4096 bytes.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::ffi::CStr;

use ring3::Errno;
use ring3::cli::OrFail;
use ring3::fd::{BorrowedFd, OwnedFd};
use ring3::fs::dir::ReadDir;
use ring3::fs::{
    self, AT_SYMLINK_NOFOLLOW, CWD, O_CLOEXEC, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, S_IFDIR, Statx,
};
use ring3::parts;
use ring3::rt::Exit;
use ring3::text::Shown;

use crate::PROGRAM;

/// The most directories that are open at a time. The directory that the walk reads is not counted.
///
/// At least 2: to go back to a directory that is open needs no permission, but `..` needs the permission to search the
/// directory below. Each directory with a directory below that could be opened permits this.
const OPEN: usize = 16;

/// A walk through trees.
pub struct Walk {
    /// The path of the current file.
    path: Vec<u8>,
    /// The directories on the way to the current one that have subdirectories.
    levels: Vec<Level>,
    /// The descriptors of the last levels.
    open: VecDeque<OwnedFd>,
    /// The names of subdirectories that wait for their visit, of all levels. Each ends with a zero.
    names: Vec<u8>,
    /// Whether an error was printed.
    result: Result<(), Exit>,
}

/// A directory on the way to the current one.
struct Level {
    /// The length of its path.
    path: usize,
    /// Where its names begin in [`Walk::names`].
    names: usize,
    /// Its identity, for the way back.
    id: Statx,
}

impl Walk {
    pub fn new() -> Result<Self, Exit> {
        let mut open = VecDeque::new();
        allocated(open.try_reserve(OPEN))?;
        Ok(Self {
            path: Vec::new(),
            levels: Vec::new(),
            open,
            names: Vec::new(),
            result: Ok(()),
        })
    }

    /// Calls `visit` with the path and the type of each file of the tree, directories first. Prints each error; the
    /// walk continues after it, if it can.
    pub fn tree(&mut self, root: &CStr, visit: &mut impl FnMut(&[u8], u32)) -> Result<(), Exit> {
        self.path.clear();
        self.levels.clear();
        self.open.clear();
        self.names.clear();
        self.result = Ok(());
        append(&mut self.path, root.to_bytes())?;
        match fs::kind_at(CWD, root, AT_SYMLINK_NOFOLLOW) {
            Ok(kind) => {
                visit(&self.path, kind);
                if kind == S_IFDIR {
                    self.enter(open(CWD, root), visit)?;
                }
            }
            Err(errno) => self.failed("stat", errno),
        }
        while let (Some(level), Some(dir)) = (self.levels.last(), self.open.back()) {
            let waiting = self.names.get(level.names..).unwrap_or_default();
            let Some((_, waiting)) = waiting.split_last() else {
                self.leave()?;
                continue;
            };
            // The last name begins after the zero of the name before it.
            let zero = waiting.iter().rposition(|&byte| byte == 0);
            let begin = level.names + zero.map_or(0, |zero| zero + 1);
            let name = CStr::from_bytes_until_nul(self.names.get(begin..).unwrap_or_default());
            let name = name.unwrap_or_default(); // each name ends with a zero
            self.path.truncate(level.path);
            append_name(&mut self.path, name.to_bytes())?;
            let subdirectory = open(dir.as_fd(), name);
            self.names.truncate(begin);
            visit(&self.path, S_IFDIR);
            self.enter(subdirectory, visit)?;
        }
        self.result
    }

    /// Visits the files in the directory `self.path`, except directories. If it has subdirectories, it becomes the last
    /// level.
    fn enter(
        &mut self,
        dir: ring3::Result<OwnedFd>,
        visit: &mut impl FnMut(&[u8], u32),
    ) -> Result<(), Exit> {
        let dir = match dir {
            Ok(dir) => dir,
            Err(errno) => {
                self.failed("open", errno);
                return Ok(());
            }
        };
        let (path, names) = (self.path.len(), self.names.len());
        self.read(dir.as_fd(), visit)?;
        self.path.truncate(path);
        if self.names.len() > names {
            let id = fs::stat(dir.as_fd()).or_fail(PROGRAM, "stat", Shown(&self.path))?;
            push(&mut self.levels, Level { path, names, id })?;
            if self.open.len() == OPEN {
                self.open.pop_front();
            }
            self.open.push_back(dir);
        }
        Ok(())
    }

    /// Visits the files in `dir`, except directories. Appends the names of directories to `self.names`.
    fn read(
        &mut self,
        dir: BorrowedFd<'_>,
        visit: &mut impl FnMut(&[u8], u32),
    ) -> Result<(), Exit> {
        let length = self.path.len();
        let mut buffer = [0; 32 * 1024];
        let mut entries = ReadDir::new(dir, &mut buffer);
        loop {
            self.path.truncate(length);
            match entries.next_entry() {
                Ok(Some(entry)) => {
                    let name = entry.file_name();
                    match entry.kind() {
                        Ok(S_IFDIR) => append(&mut self.names, name.to_bytes_with_nul())?,
                        Ok(kind) => {
                            append_name(&mut self.path, name.to_bytes())?;
                            visit(&self.path, kind);
                        }
                        Err(errno) => {
                            append_name(&mut self.path, name.to_bytes())?;
                            self.failed("stat", errno);
                        }
                    }
                }
                Ok(None) => return Ok(()),
                Err(errno) => {
                    self.failed("read", errno);
                    return Ok(());
                }
            }
        }
    }

    /// Goes back from the last level to the level before it. If the last level was moved meanwhile, its `..` is another
    /// directory; then the walk ends, because names of other directories would be wrong.
    fn leave(&mut self) -> Result<(), Exit> {
        self.levels.pop();
        let (Some(dir), Some(level)) = (self.open.pop_back(), self.levels.last()) else {
            return Ok(());
        };
        if self.open.is_empty() {
            self.path.truncate(level.path);
            let path = Shown(&self.path);
            let parent = open(dir.as_fd(), c"..").or_fail(PROGRAM, "go back to", path)?;
            let id = fs::stat(parent.as_fd()).or_fail(PROGRAM, "stat", path)?;
            if !id.is_same_file(&level.id) {
                PROGRAM.say(parts!("go back to ", path, ": a directory below was moved"));
                return Err(Exit(1));
            }
            self.open.push_back(parent);
        }
        Ok(())
    }

    /// Prints that `operation` on `self.path` failed.
    fn failed(&mut self, operation: &str, errno: Errno) {
        self.result = Err(PROGRAM.fail(operation, Shown(&self.path), errno));
    }
}

/// Opens a directory, not a symbolic link to it.
fn open(dir: BorrowedFd<'_>, name: &CStr) -> ring3::Result<OwnedFd> {
    fs::open(
        dir,
        name,
        O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
        0,
    )
}

/// Appends a slash and `name` to the path of a directory.
fn append_name(path: &mut Vec<u8>, name: &[u8]) -> Result<(), Exit> {
    if path.last() != Some(&b'/') {
        append(path, b"/")?;
    }
    append(path, name)
}

fn append(list: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Exit> {
    allocated(list.try_reserve(bytes.len()))?;
    list.extend_from_slice(bytes);
    Ok(())
}

/// Appends an element. `Vec::push` alone would end the program without a message if there is no memory.
pub fn push<T>(list: &mut Vec<T>, element: T) -> Result<(), Exit> {
    allocated(list.try_reserve(1))?;
    list.push(element);
    Ok(())
}

fn allocated<E>(reserved: Result<(), E>) -> Result<(), Exit> {
    reserved
        .map_err(|_| Errno::ENOMEM)
        .or_fail(PROGRAM, "allocate", "memory")
}
