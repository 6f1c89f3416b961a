//! A file that is written beside the one whose place it takes, whole: whoever opens the name gets
//! the old content or the new, at every moment, whatever stops the writer.
//!
//! The new file has no name (`O_TMPFILE`) until it is complete, so that the kernel itself takes it
//! away when the writer dies. linkat(2) cannot replace a name that is taken: the file is given one of its
//! own, `.ring3-` and 16 hexadecimal digits, and renamed at once, also where no old one is: who watches the
//! directory hears of a file that was moved there (`IN_MOVED_TO`). Only a SIGKILL or a loss of power
//! between these two system calls leaves that name behind, with the new content whole. Where the
//! file system has no `O_TMPFILE` the file has such a name from the start; a signal that ends the writer takes it
//! along, a SIGKILL does not. The next who replaces the same file removes what was left.
//!
//! - Symbolic links stay; the file they lead to is the one replaced. One that leads to nothing is
//!   where the new file is made.
//! - Permissions, owner, group and the access control list are those of the old file. Where the
//!   owner or the group cannot be kept, that is an error.
//! - Other extended attributes, other hard links and the times stay with the old file.
//! - What is no regular file (a device, a FIFO) has no content to keep and is written straight. So is what is
//!   open here already: `/dev/stdout`, `/dev/fd/N`.
//! - A file of /proc, /sys and the like cannot be replaced, nor can one that is reached by /proc/PID/fd of another
//!   process, or one that is a mount point. These, and any file with [`Options::in_place`], are written
//!   directly, once the content is complete in memory.

mod temporary;

use core::ffi::CStr;

use crate::abi::fs::*;
use crate::abi::{Errno, Result};
use crate::copy::copy;
use crate::fd::{BorrowedFd, OwnedFd};
use crate::fs::{self, CWD};
use crate::mem::Mapping;
use crate::parts;
use crate::place::Place;
use crate::print::{Print, Writer};
use crate::shown::Shown;
use crate::signal::{self, SignalSet};

use temporary::{Doomed, Temporary};

/// How many times a file is looked for that is replaced between two looks at it.
const TRIES: usize = 16;

/// The extended attribute that holds a file's access control list.
const ACL: &CStr = c"system.posix_acl_access";

/// What was not possible, and why. The path is the object of `operation`.
#[derive(Clone, Copy, Debug)]
pub struct Failed {
    /// `open`, `sync`, `replace`...
    pub operation: &'static str,
    /// Why.
    pub errno: Errno,
    /// What stood in the way, or what came of it, where there is more to say.
    pub cause: Cause,
}

/// More about a failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// Nothing more.
    None,
    /// The file is a mount point. [`Options::in_place`] would help.
    Mount,
    /// Its directory does not let it be replaced. That would help.
    Directory,
    /// Its owner or its group would be another. That would help.
    Owner,
    /// It was being written directly.
    Part,
}

impl Print for Cause {
    fn print(&self, out: &mut Writer<'_>) {
        let (cause, more) = match self {
            Self::None => return,
            Self::Part => ("it may have a part of the new content", ""),
            // Programs have an option of that name.
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

/// What was not possible on a path, and why.
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
trait During<T> {
    fn during(self, operation: &'static str) -> core::result::Result<T, Failed>;
}

impl<T> During<T> for Result<T> {
    fn during(self, operation: &'static str) -> core::result::Result<T, Failed> {
        self.map_err(|errno| Failed {
            operation,
            errno,
            cause: Cause::None,
        })
    }
}

/// A file to be written. Dropped without [`commit`](Self::commit) it is gone, and the old one untouched.
pub struct Replacement<'path> {
    path: &'path CStr,
    /// Where the content is written.
    file: OwnedFd,
    way: Way,
    old: Option<Statx>,
    options: Options,
}

/// How the content gets to where it is to be.
#[allow(
    clippy::large_enum_variant,
    reason = "there is one of it, and no heap to put a part of it in"
)]
enum Way {
    /// It is there at once.
    Straight,
    /// From memory, over what is in this file; or, without one, into what is opened then and loses its content by that.
    FromMemory(Option<OwnedFd>),
    /// By taking the place.
    Beside(Beside),
}

/// How a file is replaced.
#[derive(Clone, Copy)]
pub struct Options {
    /// The permissions; `None` keeps the old file's, and a new one's are 0666 less the umask.
    pub mode: Option<u32>,
    /// Whether the new content outlives a loss of power once [`Replacement::commit`] has returned.
    pub sync: bool,
    /// Whether a regular file that is there is not replaced, but written over. Its owner, other names and attributes
    /// stay, and its directory need not be written; but who reads it meanwhile can see a part of the new content,
    /// and what stops the writer leaves a part.
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
    /// `open`: `EISDIR`; `EACCES`, `EROFS` where the directory may not be written; and what openat(2) gives.
    /// `set owner of`: `EPERM` where the owner or the group of the old file cannot be kept.
    /// `get random numbers for` a name: only where somebody stands in the way of the others.
    pub fn new(path: &'path CStr, options: Options) -> core::result::Result<Self, Failed> {
        let (old, target) = find(path, options.in_place).during("open")?;
        let flags = O_WRONLY | O_NOCTTY | O_CLOEXEC;
        let open = || fs::open(CWD, path, flags, 0).during("open");
        let memory = || fs::in_memory(c"").during("open");
        let (file, way) = match target {
            Target::Here(file) => (file, Way::Straight),
            Target::NoFile => (open()?, Way::Straight),
            Target::Kernels => (memory()?, Way::FromMemory(None)),
            Target::InPlace => {
                let file = open()?;
                (memory()?, Way::FromMemory(Some(file)))
            }
            Target::Place(mut place) => {
                if options.sync {
                    place.open_directory().during("open directory of")?;
                }
                // One that gets other permissions later: until then nobody else may open it.
                let closed = old.is_some() || options.mode.is_some();
                let mut beside = Beside {
                    place,
                    temporary: None,
                    doomed: None,
                    mode: if closed { 0o600 } else { 0o666 },
                };
                let file = beside
                    .unnamed()
                    // Whether the file system cannot do this or the error is another, the plain way tells.
                    .or_else(|_| beside.named())
                    .and_then(|file| keep_owner(file.as_fd(), old.as_ref()).map(|()| file))
                    .map_err(|failed| explain(failed, path, old.as_ref()))?;
                (file, Way::Beside(beside))
            }
        };
        Ok(Self {
            path,
            file,
            way,
            old,
            options,
        })
    }

    /// Where the new content is written to.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Whether what is written there is at its place at once: in a device, a FIFO, what is open here already.
    pub fn is_straight(&self) -> bool {
        matches!(self.way, Way::Straight)
    }

    /// Puts the new file in the place of the old one.
    ///
    /// # Errors
    /// The old file is untouched: `replace` with `EBUSY` where something is mounted on it, as
    /// containers do, with `EPERM` where it is immutable or the directory sticky; `sync` with `EIO`...
    /// After `sync directory of` the new one is in its place, but might not outlive a loss of power. Of what is
    /// written directly, any error can leave a part of the new content.
    pub fn commit(mut self) -> core::result::Result<(), Failed> {
        let mut mode = self.options.mode;
        let sync = self.options.sync;
        let Way::Beside(beside) = &mut self.way else {
            return self.finish();
        };
        let file = self.file.as_fd();
        if let Some(old) = &self.old {
            keep_acl(file, self.path).during("set access control list of")?;
            mode = mode.or(Some(old.permissions()));
        }
        if let Some(mode) = mode {
            // Last: writing and a change of owner take away the set-user-ID bit.
            fs::set_permissions(file, mode).during("set mode of")?;
        }
        if sync {
            fs::sync(file).during("sync")?;
        }
        // No signal that can be held back falls between the file's two names.
        let held = signal::hold(SignalSet::ALL).ok();
        if beside.link(file).is_err() {
            // Neither way to name an unnamed file works here.
            let named = beside.named()?;
            drop(held); // the name goes at a signal
            keep_owner(named.as_fd(), self.old.as_ref())?;
            fs::seek(file, 0).during("copy")?;
            copy(file, named.as_fd())
                .map_err(|stopped| stopped.errno)
                .during("copy")?;
            self.file = named;
            return self.commit();
        }
        if let Err(errno) = beside.rename(file) {
            let failed = Err(errno).during("replace");
            let failed = failed.map_err(|failed| explain(failed, self.path, self.old.as_ref()));
            self.way = Way::Straight; // the second name goes before a signal comes
            return failed;
        }
        drop(held);
        if sync {
            beside.place.sync(file).during("sync directory of")?;
        }
        Ok(())
    }

    /// What [`commit`](Self::commit) does where nothing takes a place.
    fn finish(self) -> core::result::Result<(), Failed> {
        let path = self.path;
        let (file, content, whole) = match self.way {
            Way::FromMemory(Some(file)) => (file, Some(self.file), true),
            Way::FromMemory(None) => {
                let flags = O_WRONLY | O_TRUNC | O_NOCTTY | O_CLOEXEC;
                let file = fs::open(CWD, path, flags, 0).during("open")?;
                (file, Some(self.file), false)
            }
            _ => (self.file, None, false),
        };
        let is_regular = self.old.is_some_and(|old| old.kind() == S_IFREG);
        if let Some(mode) = self.options.mode
            && is_regular
        {
            // Before there is anything in it that is to be hidden.
            fs::set_permissions(file.as_fd(), mode).during("set mode of")?;
        }
        if let Some(content) = content {
            // Only what cannot be held back stops this.
            let _held = signal::hold(SignalSet::ALL).ok();
            let written = fs::seek(content.as_fd(), 0)
                .and_then(|()| copy(content.as_fd(), file.as_fd()).map_err(|stopped| stopped.errno))
                .and_then(|length| match whole {
                    true => fs::set_length(file.as_fd(), length),
                    false => Ok(()),
                });
            written.during("write").map_err(|failed| Failed {
                cause: Cause::Part,
                ..failed
            })?;
        }
        if self.options.sync {
            fs::sync_if_possible(file.as_fd()).during("sync")?;
        }
        file.close().during("close")
    }
}

/// What a path leads to.
#[allow(
    clippy::large_enum_variant,
    reason = "there is one of it, and no heap to put a part of it in"
)]
enum Target {
    /// What is open here.
    Here(OwnedFd),
    /// No regular file.
    NoFile,
    /// A file that the kernel makes up.
    Kernels,
    /// A file that is to be written over.
    InPlace,
    /// Where a file is to be replaced or made.
    Place(Place),
}

/// The file that `path` leads to, and how it is to be written.
fn find(path: &CStr, in_place: bool) -> Result<(Option<Statx>, Target)> {
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
                false => Ok((None, Target::Place(place))),
            };
        };
        let target = match place.descriptor()? {
            Some(open) => Target::Here(open),
            None if file.kind() != S_IFREG => Target::NoFile,
            None if place.is_of(&file)? => match kernels {
                true => Target::Kernels,
                false if in_place => Target::InPlace,
                false => Target::Place(place),
            },
            // By a link of /proc/PID/fd.
            None if kernels => Target::InPlace,
            None => continue, // somebody else has replaced it in between
        };
        return Ok((Some(file), target));
    }
    Err(Errno::ENOENT)
}

/// The place of a file that is being replaced, and the name of the new one where it has one already,
/// which goes when this does.
struct Beside {
    place: Place,
    temporary: Option<Temporary>,
    doomed: Option<Doomed>,
    /// The permissions that the new file is made with.
    mode: u32,
}

impl Beside {
    /// A new file that has no name yet.
    fn unnamed(&self) -> Result<OwnedFd> {
        let flags = O_TMPFILE | O_RDWR | O_CLOEXEC;
        fs::open(self.place.dir.as_fd(), c".", flags, self.mode)
    }

    /// A new file that has a name, which goes at a signal too.
    fn named(&mut self) -> core::result::Result<OwnedFd, Failed> {
        let _held = signal::hold(SignalSet::ALL).ok();
        let (file, name) = Temporary::file(&self.place, self.mode)?;
        self.temporary = Some(name);
        self.doomed = Doomed::new(name, &self.place);
        Ok(file)
    }

    /// Sees to it that `file` has a name from which to rename it.
    fn link(&mut self, file: BorrowedFd<'_>) -> core::result::Result<(), Failed> {
        if self.temporary.is_none() {
            // Where there are no locks nobody takes its owner for dead.
            let _ = fs::try_lock(file);
            let dir = self.place.dir.as_fd();
            let ((), name) = Temporary::claim(&self.place, |name| link(file, dir, name))?;
            self.temporary = Some(name);
        }
        Ok(())
    }

    /// Takes the place.
    fn rename(&mut self, file: BorrowedFd<'_>) -> Result<()> {
        // NFS may say only now that there was no room, where fsync(2) was not asked. `file` keeps the lock.
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
            let path = CStr::from_bytes_until_nul(&path).unwrap_or_default();
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
    for place in text.iter_mut().skip(14).take(digits).rev() {
        *place = b'0' + (number % 10) as u8;
        number /= 10;
    }
    text
}

/// Gives `file` the owner and the group of `old`.
fn keep_owner(file: BorrowedFd<'_>, old: Option<&Statx>) -> core::result::Result<(), Failed> {
    let Some(old) = old else {
        return Ok(());
    };
    let owner = |file: &Statx| (file.stx_uid, file.stx_gid);
    let kept = match fs::set_owner(file, Some(old.stx_uid), Some(old.stx_gid)) {
        // Not us, not in this namespace, or not on this file system, where all files may have one owner.
        Err(Errno::EPERM | Errno::EINVAL | Errno::ENOSYS | Errno::EOPNOTSUPP)
            if fs::stat(file).is_ok_and(|new| owner(&new) == owner(old)) =>
        {
            Ok(())
        }
        kept => kept,
    };
    kept.during("set owner of")
}

/// Adds what is in the way, where the file that cannot be replaced could be written over.
fn explain(failed: Failed, path: &CStr, old: Option<&Statx>) -> Failed {
    let cause = match failed.errno {
        Errno::EPERM | Errno::EINVAL if failed.operation == "set owner of" => Cause::Owner,
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
    // No room for it: most files have none, and its length is not needed.
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
