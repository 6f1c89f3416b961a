//! Replaces a file atomically: writes a new file in the same directory and renames it over the old file. At
//! every moment, a reader that opens the name gets the whole old or the whole new content, however the writer
//! is stopped.
//!
//! The new file has no name (`O_TMPFILE`) until it is complete, so that the kernel removes it if the writer
//! dies. linkat(2) can't replace an existing name. So the file first gets a temporary name, `.ring3-` and 16
//! hexadecimal digits, and is renamed at once. The file gets the temporary name first even if there is no old
//! file: so a watcher of the directory always sees a file that was moved there (`IN_MOVED_TO`). Only a
//! SIGKILL or a power failure between these two system calls leaves the temporary name, with the whole new
//! content.
//!
//! On a file system without `O_TMPFILE` the file has a temporary name from the start. SIGHUP, SIGINT,
//! SIGQUIT, SIGTERM, SIGUSR1 and SIGUSR2 remove this name. Any other signal that kills the writer, such as
//! SIGKILL, leaves it. The next writer that replaces the same file removes the leftover.
//!
//! - Symbolic links are kept: the link's target is replaced. If the target does not exist, it is created.
//! - The new file has the permissions, owner, group and access control list of the old file. It is an error
//!   if the owner or the group can't be kept.
//! - Other extended attributes, other hard links and the times are not transferred to the new file.
//! - A file that is not regular (a device, a FIFO) has no content to protect, and is written directly. A file
//!   that this process has open (`/dev/stdout`, `/dev/fd/N`) is written directly too.
//! - Some files can't be replaced: a file of /proc, /sys and similar file systems; a file reached through
//!   /proc/PID/fd of another process; a mount point. The first two kinds are written directly after the
//!   content is complete in memory. A mount point, like any other file, is written directly only with
//!   [`Options::in_place`].
//!
//! ```
//! use ring3::fs::replace::{During, Operation, Options, Replacement};
//! # let path = format!("{}/ring3-example-{}", std::env::temp_dir().display(), std::process::id());
//! # let path = std::ffi::CString::new(path).unwrap();
//! # let path = path.as_c_str();
//!
//! let file = Replacement::new(path, Options::default())?;
//! ring3::io::write_all(file.as_fd(), b"the new content").during(Operation::Write)?;
//! file.commit()?; // until now, `path` has the old content, or no file
//! # std::fs::remove_file(path.to_str().unwrap()).unwrap();
//! # Ok::<(), ring3::fs::replace::Failed>(())
//! ```

mod temporary;

use core::ffi::CStr;

use crate::abi::fs::*;
use crate::abi::{Errno, Result};
use crate::bytes;
use crate::fd::{BorrowedFd, OwnedFd, as_fd};
use crate::fs::copy::{End, Stopped, copy};
use crate::fs::resolve::Entry;
use crate::fs::{self, CWD};
use crate::mem::Mapping;
use crate::parts;
use crate::signal::{self, SignalSet};
use crate::text::{Print, Shown, Writer};

use temporary::{Doomed, Temporary};

/// The most attempts to look up a file. An attempt is repeated if another process replaced the file between
/// the two calls of stat.
const TRIES: usize = 16;

/// The extended attribute that holds a file's access control list.
const ACL: &CStr = c"system.posix_acl_access";

/// A failed operation on a path.
#[derive(Clone, Copy, Debug)]
pub struct Failed {
    /// The operation.
    pub operation: Operation,
    /// The error.
    pub errno: Errno,
    /// The cause or the consequence, if known.
    pub cause: Cause,
}

/// An operation on a file. It is a number and not a text, because failures pass through many functions, and a
/// number takes fewer instructions.
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
    /// Unknown.
    None,
    /// The file is a mount point. With [`Options::in_place`] it could be written.
    Mount,
    /// The directory does not allow the replacement. With [`Options::in_place`] the file could be written.
    Directory,
    /// The replacement would change the file's owner or group. With [`Options::in_place`] the file could be
    /// written.
    Owner,
    /// The file was written directly, and may contain a part of the new content.
    Part,
}

impl Print for Cause {
    fn print(&self, out: &mut Writer<'_>) {
        let (cause, more) = match self {
            Self::None => return,
            Self::Part => ("it may have a part of the new content", ""),
            // The programs that replace files have the option `--in-place`.
            Self::Mount => ("it is a mount point", IN_PLACE),
            Self::Directory => ("its directory does not allow that", IN_PLACE),
            Self::Owner => ("its owner or group would change", IN_PLACE),
        };
        out.print(parts!(": ", cause, more));
    }
}

const IN_PLACE: &str = "; --in-place writes into it";

impl Failed {
    /// The error message for this operation on `path`.
    #[must_use]
    pub fn of<'a>(&'a self, path: &'a CStr) -> Message<'a> {
        Message(self, path)
    }
}

/// The error message for a failed operation on a path.
#[derive(Debug)]
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

/// Adds to an error the operation that failed.
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

/// A file that is being written. Dropping the value without [`commit`](Self::commit) discards the new content
/// and leaves the old file unchanged, except if the caller writes directly into the target
/// ([`is_direct`](Self::is_direct)).
#[derive(Debug)]
pub struct Replacement<'path> {
    path: &'path CStr,
    /// The file to which the caller writes the content.
    file: OwnedFd,
    way: Way,
    beside: Beside,
    old: Option<Old>,
    options: Options,
}

as_fd! { Replacement<'_> }

/// The attributes of the old file that the replacement needs. Moving a whole Statx would copy 256 bytes.
#[derive(Clone, Copy, Debug)]
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

/// How the content gets into the target.
#[derive(Debug)]
enum Way {
    /// The caller writes directly into the target.
    Direct,
    /// The caller writes into memory; [`Replacement::commit`] copies the memory over the content of this
    /// file. With `None`, `commit` first opens and truncates the target.
    FromMemory(Option<OwnedFd>),
    /// The caller writes a new file; [`Replacement::commit`] renames it to the target's name.
    Beside,
}

/// Options for the replacement of a file.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The permissions. `None` keeps those of the old file; a new file gets 0666 minus the umask.
    pub mode: Option<u32>,
    /// Whether the new content survives a power failure once [`Replacement::commit`] has returned.
    pub sync: bool,
    /// Whether an existing regular file is overwritten instead of replaced. Then its owner, its hard links
    /// and its attributes stay, and its directory need not be writable. But meanwhile a reader can see a part
    /// of the new content, and an interrupted writer leaves a part.
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
    /// Creates the file that will replace the file at `path`.
    ///
    /// # Errors
    /// - `open`: `EISDIR`; `EACCES`, `EROFS` if the directory is not writable; other errors of openat(2).
    /// - `set owner of`: `EPERM` if the owner or the group of the old file can't be kept.
    /// - `replace`: `EPERM` if the directory is append-only (`chattr +a`).
    /// - `get random numbers for`: the first temporary names are all in use, and getrandom(2) failed.
    pub fn new(path: &'path CStr, options: Options) -> core::result::Result<Self, Failed> {
        let (old, entry, target) = find(path, options.in_place).during(Operation::Open)?;
        // A file whose permissions are set later must not be opened by other users until then.
        let closed = old.is_some() || options.mode.is_some();
        let mut beside = Beside {
            entry,
            temporary: None,
            doomed: None,
            mode: if closed { 0o600 } else { 0o666 },
        };
        let flags = O_WRONLY | O_NOCTTY | O_CLOEXEC;
        let open = || fs::open(CWD, path, flags, 0).during(Operation::Open);
        let memory = || fs::in_memory(c"").during(Operation::Open);
        let (file, way) = match target {
            Target::Here(file) => (file, Way::Direct),
            Target::NoFile => (open()?, Way::Direct),
            Target::Kernels => (memory()?, Way::FromMemory(None)),
            Target::InPlace => {
                let file = open()?;
                (memory()?, Way::FromMemory(Some(file)))
            }
            Target::Entry => {
                if options.sync {
                    let opened = beside.entry.open_directory();
                    opened.during(Operation::OpenDirectory)?;
                }
                let file = beside
                    .may_rename()
                    .and_then(|()| {
                        // `unnamed` may fail because the file system does not support `O_TMPFILE`, or for
                        // another reason. `named` reports the other reason.
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

    /// The descriptor for writing the new content.
    #[must_use]
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Whether [`as_fd`](Self::as_fd) is the target itself: a device, a FIFO, or a file that this process has
    /// open.
    #[must_use]
    pub fn is_direct(&self) -> bool {
        matches!(self.way, Way::Direct)
    }

    /// Completes the replacement: after success, the path leads to the new content.
    ///
    /// # Errors
    /// - `replace`: `EBUSY` if the file is a mount point, as in containers; `EPERM` if the file is immutable
    ///   or the directory is sticky. The old file is unchanged.
    /// - `sync`: `EIO`... The old file is unchanged.
    /// - `sync directory of`: the new file is in its place, but may not survive a power failure.
    /// - If the file is written directly, any error can leave a part of the new content.
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
            // The permissions are set last, because writing and a change of owner clear the set-user-ID bit.
            fs::set_permissions(file, mode).during(Operation::SetMode)?;
        }
        if sync {
            fs::sync(file).during(Operation::Sync)?;
        }
        // All signals that can be blocked are blocked, so that none falls between linking the temporary name and
        // renaming it.
        let held = signal::hold(SignalSet::ALL).ok();
        if beside.link(file).is_err() {
            // This file system supports neither way of naming an unnamed file.
            let named = beside.named()?;
            drop(held); // from here on, a signal removes the name
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
            drop(self); // removes the temporary name while signals are blocked
            return failed;
        }
        drop(held);
        if sync {
            beside.entry.sync(file).during(Operation::SyncDirectory)?;
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
        // The permissions are set before the file has the content that they protect.
        set_mode()?;
        if let Some(content) = content {
            // Only SIGKILL and SIGSTOP can interrupt the copy.
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
            // Writing cleared the set-user-ID and set-group-ID bits, unless root wrote.
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
    /// A file that this process has open, with a duplicate of its descriptor.
    Here(OwnedFd),
    /// A file that is not regular.
    NoFile,
    /// A file of /proc, /sys and similar file systems.
    Kernels,
    /// A file to be overwritten.
    InPlace,
    /// A file to be replaced or created.
    Entry,
}

/// Finds the file at `path`, its directory entry, and how it is to be written.
fn find(path: &CStr, in_place: bool) -> Result<(Option<Old>, Entry, Target)> {
    for _ in 0..TRIES {
        let file = match fs::stat_at(CWD, path, At::NONE) {
            Err(Errno::ENOENT) => None,
            file => Some(file?),
        };
        if file.is_some_and(|file| file.kind() == S_IFDIR) {
            return Err(Errno::EISDIR);
        }
        let entry = Entry::find(path)?;
        let kernels = fs::is_kernel_interface(entry.dir.as_fd());
        let Some(file) = file else {
            return match kernels {
                true => Err(Errno::ENOENT),
                false => Ok((None, entry, Target::Entry)),
            };
        };
        let target = match entry.descriptor()? {
            Some(open) => Target::Here(open),
            None if file.kind() != S_IFREG => Target::NoFile,
            None if entry.is_of(&file)? => match kernels {
                true => Target::Kernels,
                false if in_place => Target::InPlace,
                false => Target::Entry,
            },
            // A magic link of /proc/PID/fd leads to the file.
            None if kernels => Target::InPlace,
            None => continue, // another process has replaced the file in between
        };
        return Ok((Some(Old::of(&file)), entry, target));
    }
    Err(Errno::ENOENT)
}

/// The directory entry of the file that is being replaced, and the temporary name of the new file, if it has
/// one. Dropping a `Beside` removes the temporary name.
#[derive(Debug)]
struct Beside {
    /// This field is before `entry`, so that the `Doomed` is dropped first: the `Doomed` holds the number of
    /// the descriptor that `entry` closes.
    doomed: Option<Doomed>,
    entry: Entry,
    temporary: Option<Temporary>,
    /// The permissions with which the new file is created.
    mode: u32,
}

impl Beside {
    /// Refuses an append-only directory: a temporary name could be neither renamed nor removed there.
    fn may_rename(&self) -> core::result::Result<(), Failed> {
        match fs::stat(self.entry.dir.as_fd()) {
            Ok(dir) if dir.is_append_only() => Err(Errno::EPERM).during(Operation::Replace),
            _ => Ok(()),
        }
    }

    /// Creates a file without a name.
    fn unnamed(&self) -> Result<OwnedFd> {
        let flags = O_TMPFILE | O_RDWR | O_CLOEXEC;
        fs::open(self.entry.dir.as_fd(), c".", flags, self.mode)
    }

    /// Creates a file with a temporary name. [`Doomed`] removes the name if a signal ends the process.
    fn named(&mut self) -> core::result::Result<OwnedFd, Failed> {
        let _held = signal::hold(SignalSet::ALL).ok();
        let (file, name) = Temporary::file(&self.entry, self.mode)?;
        self.temporary = Some(name);
        self.doomed = Doomed::new(name, &self.entry);
        Ok(file)
    }

    /// Gives `file` a temporary name, if it has none.
    fn link(&mut self, file: BorrowedFd<'_>) -> core::result::Result<(), Failed> {
        if self.temporary.is_none() {
            // A failure to lock is harmless: on a file system without locks, no other writer removes the
            // name.
            let _ = fs::try_lock(file);
            let dir = self.entry.dir.as_fd();
            let ((), name) = Temporary::claim(&self.entry, |name| link(file, dir, name))?;
            self.temporary = Some(name);
        }
        Ok(())
    }

    /// Renames the new file to its final name.
    fn rename(&mut self, file: BorrowedFd<'_>) -> Result<()> {
        // Without fsync(2), NFS may report ENOSPC only at close(2). `file` stays open, and keeps the lock.
        file.duplicate()?.close()?;
        if let Some(temporary) = self.temporary {
            temporary.rename(&self.entry)?;
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
            temporary.unlink(self.entry.dir.as_fd());
            self.doomed = None;
        }
    }
}

/// Links an unnamed file into a directory.
fn link(file: BorrowedFd<'_>, dir: BorrowedFd<'_>, name: &CStr) -> Result<()> {
    match fs::link(file, c"", dir, name, AT_EMPTY_PATH) {
        // Before Linux 6.10 only root could link by `AT_EMPTY_PATH`. Other users link the file's path in
        // /proc, if /proc is mounted.
        Err(errno) if errno != Errno::EEXIST => {
            let path = path_of(file);
            let path = bytes::until_zero(&path);
            fs::link(CWD, path, dir, name, AT_SYMLINK_FOLLOW)
        }
        result => result,
    }
}

/// The path `/proc/self/fd/N` of a descriptor, and zeros up to the end.
fn path_of(fd: BorrowedFd<'_>) -> [u8; 25] {
    let mut text = *b"/proc/self/fd/\0\0\0\0\0\0\0\0\0\0\0";
    let mut number = fd.as_raw().unsigned_abs();
    let digits = 1 + number.checked_ilog10().unwrap_or_default() as usize;
    for digit in text[14..24].iter_mut().take(digits).rev() {
        *digit = b'0' + (number % 10) as u8;
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
        // No permission, no such id in this namespace, or a file system without owners. The failure is no
        // error if the file has the right owner already, as on a file system where all files have the same
        // owner.
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

/// Adds the cause to a failure if the file can't be replaced but could be overwritten.
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

/// Gives `file` the access control list of the file at `path`.
fn keep_acl(file: BorrowedFd<'_>, path: &CStr) -> Result<()> {
    // With an empty buffer, the call only checks whether the file has a list. Most files have none.
    match fs::get_attribute(path, ACL, &mut []) {
        Ok(_) => {
            let mut value = Mapping::new(XATTR_SIZE_MAX)?;
            fs::set_attribute(file, ACL, fs::get_attribute(path, ACL, &mut value)?)
        }
        // The old file has no list, or is gone. But the new file may have got the directory's default list.
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
            // SAFETY: `path_of` only reads the number; no call uses the descriptor.
            let text = path_of(unsafe { BorrowedFd::borrow_raw(number) });
            assert_eq!(CStr::from_bytes_until_nul(&text), Ok(path));
        }
    }
}
