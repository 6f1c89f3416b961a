//! Replaces a file atomically: writes a new file beside the old one and renames it over the old one. At every
//! moment a reader that opens the name gets the whole old or the whole new content, whatever stops the writer.
//!
//! The new file has no name (`O_TMPFILE`) until it is complete, so that the kernel removes it when the writer
//! dies. linkat(2) cannot replace an existing name. So the file first gets a temporary name, `.ring3-` and 16
//! hexadecimal digits, and is renamed at once. This also happens where there is no old file: a watcher of the
//! directory always sees a file that was moved there (`IN_MOVED_TO`). Only a SIGKILL or a loss of power between these
//! two system calls leaves the temporary name, with the whole new content.
//!
//! On a file system without `O_TMPFILE` the file has a temporary name from the start. SIGHUP, SIGINT, SIGQUIT, SIGTERM,
//! SIGUSR1 and SIGUSR2 remove this name; another signal that ends the writer, such as SIGKILL, leaves it. The next
//! writer that replaces the same file removes such a leftover.
//!
//! - Symbolic links stay: the file that they lead to is replaced. Where a link leads to nothing, the new file is made
//!   there.
//! - Permissions, owner, group and the access control list are those of the old file. If the
//!   owner or the group cannot be kept, that is an error.
//! - Other extended attributes, other hard links and the times stay with the old file.
//! - A file that is not regular (a device, a FIFO) has no content to keep: it is written straight. So is a file
//!   that is open here already: `/dev/stdout`, `/dev/fd/N`.
//! - A file of /proc, /sys and the like cannot be replaced, nor a file that is reached by /proc/PID/fd of another
//!   process, nor a mount point. The first two kinds are written directly, when the content is complete in memory; a
//!   mount point, like any other file, only with [`Options::in_place`].

mod temporary;

use core::ffi::CStr;

use crate::abi::fs::*;
use crate::abi::{Errno, Result};
use crate::bytes;
use crate::fd::{BorrowedFd, OwnedFd};
use crate::fs::copy::{End, Stopped, copy};
use crate::fs::resolve::Place;
use crate::fs::{self, CWD};
use crate::mem::Mapping;
use crate::parts;
use crate::signal::{self, SignalSet};
use crate::text::{Print, Shown, Writer};

use temporary::{Doomed, Temporary};

/// How often a lookup is repeated when another process replaced the file between stat and lookup.
const TRIES: usize = 16;

/// The extended attribute that holds a file's access control list.
const ACL: &CStr = c"system.posix_acl_access";

/// What was not possible, and why. The path is the object of `operation`.
#[derive(Clone, Copy, Debug)]
pub struct Failed {
    /// The operation.
    pub operation: Operation,
    /// Why.
    pub errno: Errno,
    /// The cause or the consequence, if known.
    pub cause: Cause,
}

/// An operation on a file. A failure passes through many functions, and a number takes fewer instructions than a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the words are below")]
pub enum Operation {
    Append,
    Close,
    Copy,
    GetRandomNumbers,
    Open,
    OpenDirectory,
    Read,
    Replace,
    SetAccessControlList,
    SetMode,
    SetOwner,
    Stat,
    Sync,
    SyncDirectory,
    Write,
}

impl Print for Operation {
    fn print(&self, out: &mut Writer<'_>) {
        out.print(match self {
            Self::Append => "append to itself",
            Self::Close => "close",
            Self::Copy => "copy",
            Self::GetRandomNumbers => "get random numbers for",
            Self::Open => "open",
            Self::OpenDirectory => "open directory of",
            Self::Read => "read",
            Self::Replace => "replace",
            Self::SetAccessControlList => "set access control list of",
            Self::SetMode => "set mode of",
            Self::SetOwner => "set owner of",
            Self::Stat => "stat",
            Self::Sync => "sync",
            Self::SyncDirectory => "sync directory of",
            Self::Write => "write",
        });
    }
}

/// The cause or the consequence of a failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// Not known.
    None,
    /// The file is a mount point. [`Options::in_place`] would help.
    Mount,
    /// The file's directory does not allow the replacement. [`Options::in_place`] would help.
    Directory,
    /// The replacement would change the file's owner or group. [`Options::in_place`] would help.
    Owner,
    /// The file was written directly, and may have a part of the new content.
    Part,
}

impl Print for Cause {
    fn print(&self, out: &mut Writer<'_>) {
        let (cause, more) = match self {
            Self::None => return,
            Self::Part => ("it may have a part of the new content", ""),
            // The programs that replace files have this option.
            Self::Mount => ("it is a mount point", IN_PLACE),
            Self::Directory => ("its directory does not allow that", IN_PLACE),
            Self::Owner => ("its owner or group would change", IN_PLACE),
        };
        out.print(parts!(": ", cause, more));
    }
}

const IN_PLACE: &str = "; --in-place writes into it";

impl Failed {
    /// The message, of an operation on `path`.
    pub fn of<'a>(&'a self, path: &'a CStr) -> Message<'a> {
        Message(self, path)
    }
}

/// The message of a failed operation on a path.
pub struct Message<'a>(&'a Failed, &'a CStr);

impl Print for Message<'_> {
    fn print(&self, out: &mut Writer<'_>) {
        let Self(failed, path) = self;
        let path = Shown(path.to_bytes());
        out.print(parts!(
            failed.operation,
            " ",
            path,
            ": ",
            failed.errno,
            failed.cause
        ));
    }
}

/// Says which operation an error is of.
pub trait During<T> {
    /// The value, or the failure of `operation`.
    fn during(self, operation: Operation) -> core::result::Result<T, Failed>;
}

impl<T> During<T> for Result<T> {
    fn during(self, operation: Operation) -> core::result::Result<T, Failed> {
        self.map_err(|errno| Failed {
            operation,
            errno,
            cause: Cause::None,
        })
    }
}

impl From<Stopped> for Failed {
    fn from(stopped: Stopped) -> Self {
        let operation = match stopped.end {
            End::From => Operation::Read,
            End::To => Operation::Write,
        };
        Self {
            operation,
            errno: stopped.errno,
            cause: Cause::None,
        }
    }
}

/// A file to be written. Dropped without [`commit`](Self::commit) it is gone, and the old one untouched.
pub struct Replacement<'path> {
    path: &'path CStr,
    /// The file that the caller writes the content to.
    file: OwnedFd,
    way: Way,
    beside: Beside,
    old: Option<Old>,
    options: Options,
}

/// The attributes of the old file that the replacement needs. A whole Statx would be 256 bytes to move.
#[derive(Clone, Copy)]
struct Old {
    is_regular: bool,
    permissions: u32,
    owner: u32,
    group: u32,
}

impl Old {
    fn of(file: &Statx) -> Self {
        Self {
            is_regular: file.kind() == S_IFREG,
            permissions: file.permissions(),
            owner: file.stx_uid,
            group: file.stx_gid,
        }
    }
}

/// How the content gets to its place.
enum Way {
    /// The caller writes it there.
    Straight,
    /// The caller writes it to memory; [`Replacement::commit`] copies it over the content of this file. With `None` it
    /// opens and truncates the file first.
    FromMemory(Option<OwnedFd>),
    /// The caller writes a new file, which [`Replacement::commit`] renames.
    Beside,
}

/// How a file is replaced.
#[derive(Clone, Copy)]
pub struct Options {
    /// The permissions; `None` keeps the old file's, and a new one's are 0666 less the umask.
    pub mode: Option<u32>,
    /// Whether the new content outlives a loss of power once [`Replacement::commit`] has returned.
    pub sync: bool,
    /// Whether an existing regular file is overwritten instead of replaced. Then its owner, its hard links and its
    /// attributes stay, and its directory need not be writable. But a reader can see a part of the new content
    /// meanwhile, and an interrupted writer leaves a part.
    pub in_place: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            mode: None,
            sync: true,
            in_place: false,
        }
    }
}

impl<'path> Replacement<'path> {
    /// Makes the file that will replace the one at `path`.
    ///
    /// # Errors
    /// `open`: `EISDIR`; `EACCES`, `EROFS` if the directory is not writable; other errors of openat(2).
    /// `set owner of`: `EPERM` if the owner or the group of the old file cannot be kept.
    /// `replace`: `EPERM` if the directory is append-only (`chattr +a`).
    /// `get random numbers for`: the first temporary names are all taken, and getrandom(2) failed.
    pub fn new(path: &'path CStr, options: Options) -> core::result::Result<Self, Failed> {
        let (old, place, target) = find(path, options.in_place).during(Operation::Open)?;
        // A file that gets its permissions later may not be opened by others until then.
        let closed = old.is_some() || options.mode.is_some();
        let mut beside = Beside {
            place,
            temporary: None,
            doomed: None,
            mode: if closed { 0o600 } else { 0o666 },
        };
        let flags = O_WRONLY | O_NOCTTY | O_CLOEXEC;
        let open = || fs::open(CWD, path, flags, 0).during(Operation::Open);
        let memory = || fs::in_memory(c"").during(Operation::Open);
        let (file, way) = match target {
            Target::Here(file) => (file, Way::Straight),
            Target::NoFile => (open()?, Way::Straight),
            Target::Kernels => (memory()?, Way::FromMemory(None)),
            Target::InPlace => {
                let file = open()?;
                (memory()?, Way::FromMemory(Some(file)))
            }
            Target::Place => {
                if options.sync {
                    let opened = beside.place.open_directory();
                    opened.during(Operation::OpenDirectory)?;
                }
                let file = beside
                    .may_rename()
                    .and_then(|()| {
                        // Whether the file system cannot do this or the error is another, the plain way tells.
                        beside.unnamed().or_else(|_| beside.named())
                    })
                    .and_then(|file| keep_owner(file.as_fd(), old).map(|()| file))
                    .map_err(|failed| explain(failed, path, old))?;
                (file, Way::Beside)
            }
        };
        Ok(Self {
            path,
            file,
            way,
            beside,
            old,
            options,
        })
    }

    /// Where the new content is written to.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Whether [`as_fd`](Self::as_fd) is the target itself: a device, a FIFO, or a file that is open here already.
    pub fn is_straight(&self) -> bool {
        matches!(self.way, Way::Straight)
    }

    /// Puts the new file in the place of the old one.
    ///
    /// # Errors
    /// The old file is untouched: `replace` with `EBUSY` where something is mounted on it, as
    /// containers do, with `EPERM` where it is immutable or the directory sticky; `sync` with `EIO`...
    /// After `sync directory of` the new file is in its place, but might not outlive a loss of power. In a file that is
    /// written directly, any error can leave a part of the new content.
    pub fn commit(mut self) -> core::result::Result<(), Failed> {
        let mut mode = self.options.mode;
        let sync = self.options.sync;
        let Way::Beside = self.way else {
            return self.finish();
        };
        let beside = &mut self.beside;
        let file = self.file.as_fd();
        if let Some(old) = &self.old {
            keep_acl(file, self.path).during(Operation::SetAccessControlList)?;
            mode = mode.or(Some(old.permissions));
        }
        if let Some(mode) = mode {
            // Last: writing and a change of owner take away the set-user-ID bit.
            fs::set_permissions(file, mode).during(Operation::SetMode)?;
        }
        if sync {
            fs::sync(file).during(Operation::Sync)?;
        }
        // No signal that can be held back falls between the file's two names.
        let held = signal::hold(SignalSet::ALL).ok();
        if beside.link(file).is_err() {
            // Neither way to name an unnamed file works here.
            let named = beside.named()?;
            drop(held); // from here on a signal removes the name
            keep_owner(named.as_fd(), self.old)?;
            fs::seek(file, 0).during(Operation::Copy)?;
            copy(file, named.as_fd())
                .map_err(|stopped| stopped.errno)
                .during(Operation::Copy)?;
            self.file = named;
            return self.commit();
        }
        if let Err(errno) = beside.rename(file) {
            let failed = Err(errno).during(Operation::Replace);
            let failed = failed.map_err(|failed| explain(failed, self.path, self.old));
            drop(self); // removes the temporary name while signals are held back
            return failed;
        }
        drop(held);
        if sync {
            beside.place.sync(file).during(Operation::SyncDirectory)?;
        }
        Ok(())
    }

    /// The part of [`commit`](Self::commit) for a file that is written directly.
    fn finish(self) -> core::result::Result<(), Failed> {
        let path = self.path;
        let (file, content, whole) = match self.way {
            Way::FromMemory(Some(file)) => (file, Some(self.file), true),
            Way::FromMemory(None) => {
                let flags = O_WRONLY | O_TRUNC | O_NOCTTY | O_CLOEXEC;
                let file = fs::open(CWD, path, flags, 0).during(Operation::Open)?;
                (file, Some(self.file), false)
            }
            _ => (self.file, None, false),
        };
        let is_regular = self.old.is_some_and(|old| old.is_regular);
        let set_mode = || match self.options.mode {
            Some(mode) if is_regular => {
                fs::set_permissions(file.as_fd(), mode).during(Operation::SetMode)
            }
            _ => Ok(()),
        };
        // Before the file has content that the permissions are to protect.
        set_mode()?;
        if let Some(content) = content {
            // Only SIGKILL and SIGSTOP interrupt the copy.
            let _held = signal::hold(SignalSet::ALL).ok();
            let written = fs::seek(content.as_fd(), 0)
                .and_then(|()| copy(content.as_fd(), file.as_fd()).map_err(|stopped| stopped.errno))
                .and_then(|length| match whole {
                    true => fs::set_length(file.as_fd(), length),
                    false => Ok(()),
                });
            written.during(Operation::Write).map_err(|failed| Failed {
                cause: Cause::Part,
                ..failed
            })?;
            // Writing took the set-user-ID and set-group-ID bits away, where root did not write.
            set_mode()?;
        }
        if self.options.sync {
            fs::sync_if_possible(file.as_fd()).during(Operation::Sync)?;
        }
        file.close().during(Operation::Close)
    }
}

/// The kind of target that a path leads to.
enum Target {
    /// A file that is open here, with a duplicate of its descriptor.
    Here(OwnedFd),
    /// A file that is not regular.
    NoFile,
    /// A file of /proc, /sys and the like.
    Kernels,
    /// A file to be overwritten.
    InPlace,
    /// A file that is to be replaced or made.
    Place,
}

/// The file that `path` leads to, its place, and how it is to be written.
fn find(path: &CStr, in_place: bool) -> Result<(Option<Old>, Place, Target)> {
    for _ in 0..TRIES {
        let file = match fs::stat_at(CWD, path, At::NONE) {
            Err(Errno::ENOENT) => None,
            file => Some(file?),
        };
        if file.is_some_and(|file| file.kind() == S_IFDIR) {
            return Err(Errno::EISDIR);
        }
        let place = Place::find(path)?;
        let kernels = fs::is_kernels_own(place.dir.as_fd());
        let Some(file) = file else {
            return match kernels {
                true => Err(Errno::ENOENT),
                false => Ok((None, place, Target::Place)),
            };
        };
        let target = match place.descriptor()? {
            Some(open) => Target::Here(open),
            None if file.kind() != S_IFREG => Target::NoFile,
            None if place.is_of(&file)? => match kernels {
                true => Target::Kernels,
                false if in_place => Target::InPlace,
                false => Target::Place,
            },
            // A magic link of /proc/PID/fd leads to the file.
            None if kernels => Target::InPlace,
            None => continue, // another process has replaced the file in between
        };
        return Ok((Some(Old::of(&file)), place, target));
    }
    Err(Errno::ENOENT)
}

/// The place of a file that is being replaced, and the new file's temporary name, if it has one already. Dropping a
/// `Beside` removes that name.
struct Beside {
    place: Place,
    temporary: Option<Temporary>,
    doomed: Option<Doomed>,
    /// The permissions that the new file is made with.
    mode: u32,
}

impl Beside {
    /// Refuses an append-only directory: a temporary name could be neither renamed nor removed there.
    fn may_rename(&self) -> core::result::Result<(), Failed> {
        match fs::stat(self.place.dir.as_fd()) {
            Ok(dir) if dir.is_append_only() => Err(Errno::EPERM).during(Operation::Replace),
            _ => Ok(()),
        }
    }

    /// A new file that has no name yet.
    fn unnamed(&self) -> Result<OwnedFd> {
        let flags = O_TMPFILE | O_RDWR | O_CLOEXEC;
        fs::open(self.place.dir.as_fd(), c".", flags, self.mode)
    }

    /// A new file that has a temporary name. [`Doomed`] removes the name if a signal ends the process.
    fn named(&mut self) -> core::result::Result<OwnedFd, Failed> {
        let _held = signal::hold(SignalSet::ALL).ok();
        let (file, name) = Temporary::file(&self.place, self.mode)?;
        self.temporary = Some(name);
        self.doomed = Doomed::new(name, &self.place);
        Ok(file)
    }

    /// Gives `file` a temporary name, if it has none.
    fn link(&mut self, file: BorrowedFd<'_>) -> core::result::Result<(), Failed> {
        if self.temporary.is_none() {
            // An error is no harm: without locks no other writer removes the name.
            let _ = fs::try_lock(file);
            let dir = self.place.dir.as_fd();
            let ((), name) = Temporary::claim(&self.place, |name| link(file, dir, name))?;
            self.temporary = Some(name);
        }
        Ok(())
    }

    /// Renames the new file to the name that it is to have.
    fn rename(&mut self, file: BorrowedFd<'_>) -> Result<()> {
        // Without fsync(2), NFS may report ENOSPC only at close(2). `file` stays open, and keeps the lock.
        file.duplicate()?.close()?;
        if let Some(temporary) = self.temporary {
            temporary.rename(&self.place)?;
        }
        self.temporary = None;
        self.doomed = None;
        Ok(())
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if let Some(temporary) = self.temporary {
            let _held = signal::hold(SignalSet::ALL).ok();
            temporary.unlink(self.place.dir.as_fd());
            self.doomed = None;
        }
    }
}

/// Gives an unnamed file a name.
fn link(file: BorrowedFd<'_>, dir: BorrowedFd<'_>, name: &CStr) -> Result<()> {
    match fs::link(file, c"", dir, name, AT_EMPTY_PATH) {
        // Before Linux 6.10 that was root's alone; anybody else goes by /proc, where there is one.
        Err(errno) if errno != Errno::EEXIST => {
            let path = path_of(file);
            let path = bytes::until_zero(&path);
            fs::link(CWD, path, dir, name, AT_SYMLINK_FOLLOW)
        }
        result => result,
    }
}

/// `/proc/self/fd/N`
fn path_of(fd: BorrowedFd<'_>) -> [u8; 25] {
    let mut text = *b"/proc/self/fd/\0\0\0\0\0\0\0\0\0\0\0";
    let mut number = fd.as_raw().unsigned_abs();
    let digits = 1 + number.checked_ilog10().unwrap_or_default() as usize;
    for place in text[14..24].iter_mut().take(digits).rev() {
        *place = b'0' + (number % 10) as u8;
        number /= 10;
    }
    text
}

/// Gives `file` the owner and the group of `old`.
fn keep_owner(file: BorrowedFd<'_>, old: Option<Old>) -> core::result::Result<(), Failed> {
    let Some(old) = old else {
        return Ok(());
    };
    let kept = match fs::set_owner(file, Some(old.owner), Some(old.group)) {
        // No permission, no such id in this namespace, or a file system without owners. All is well if the file has the
        // right owner already, as on a file system where all files have one owner.
        Err(Errno::EPERM | Errno::EINVAL | Errno::ENOSYS | Errno::EOPNOTSUPP)
            if fs::stat(file)
                .is_ok_and(|new| (new.stx_uid, new.stx_gid) == (old.owner, old.group)) =>
        {
            Ok(())
        }
        kept => kept,
    };
    kept.during(Operation::SetOwner)
}

/// Adds the cause, if the file cannot be replaced, but could be overwritten.
fn explain(failed: Failed, path: &CStr, old: Option<Old>) -> Failed {
    let cause = match failed.errno {
        Errno::EPERM | Errno::EINVAL if failed.operation == Operation::SetOwner => Cause::Owner,
        Errno::EPERM | Errno::EACCES | Errno::EROFS => Cause::Directory,
        Errno::EBUSY => Cause::Mount,
        _ => return failed,
    };
    let flags = O_WRONLY | O_NOCTTY | O_CLOEXEC;
    match old {
        Some(_) if fs::open(CWD, path, flags, 0).is_ok() => Failed { cause, ..failed },
        _ => failed,
    }
}

/// Gives `file` the access control list of the one at `path`.
fn keep_acl(file: BorrowedFd<'_>, path: &CStr) -> Result<()> {
    // An empty buffer: most files have no list, and this only checks for one.
    match fs::get_attribute(path, ACL, &mut []) {
        Ok(_) => {
            let mut value = Mapping::new(XATTR_SIZE_MAX)?;
            fs::set_attribute(file, ACL, fs::get_attribute(path, ACL, &mut value)?)
        }
        // There is none, or no file any more. The new one may have got the directory's default list.
        Err(Errno::ENODATA | Errno::ENOENT | Errno::EOPNOTSUPP | Errno::ENOSYS) => {
            match fs::remove_attribute(file, ACL) {
                Err(Errno::ENODATA | Errno::EOPNOTSUPP | Errno::ENOSYS) => Ok(()),
                result => result,
            }
        }
        Err(errno) => Err(errno),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_have_paths() {
        for (number, path) in [
            (0, c"/proc/self/fd/0"),
            (9, c"/proc/self/fd/9"),
            (10, c"/proc/self/fd/10"),
            (1_048_575, c"/proc/self/fd/1048575"),
            (i32::MAX, c"/proc/self/fd/2147483647"),
        ] {
            // SAFETY: nothing is done with the descriptor.
            let text = path_of(unsafe { BorrowedFd::borrow_raw(number) });
            assert_eq!(CStr::from_bytes_until_nul(&text), Ok(path));
        }
    }
}
