//! A file that is written beside the one whose place it takes, whole: whoever opens the name gets
//! the old content or the new, at every moment, whatever stops the writer.
//!
//! The new file has no name (`O_TMPFILE`) until it is complete, so that the kernel itself takes it
//! away when the writer dies. linkat(2) cannot replace a name that is taken: it is given one of its
//! own, `.ring3-` and 16 hexadecimal digits, and renamed at once. Only a SIGKILL or a loss of power
//! between these two system calls leaves that name behind, with the new content whole. Where the
//! file system has no `O_TMPFILE` the file has such a name from the start, and whatever kills the
//! writer leaves it.
//!
//! - Symbolic links stay; the file they lead to is the one replaced. One that leads to nothing is
//!   where the new file is made.
//! - Permissions, owner, group and the access control list are those of the old file. Where the
//!   owner or the group cannot be kept, the set-user-ID and set-group-ID bits are not either, nor
//!   what the group could do and others could not.
//! - Other extended attributes, other hard links and the times stay with the old file.
//! - What is no regular file (a device, a FIFO, `/dev/stdout`) has no content to keep and is
//!   written straight.

use core::ffi::CStr;

use crate::abi::fs::*;
use crate::abi::{Errno, Result};
use crate::copy::copy;
use crate::fd::{BorrowedFd, OwnedFd};
use crate::fs::{self, CWD};
use crate::mem::Mapping;
use crate::place::{Name, Place};
use crate::random;
use crate::signal::{self, SignalSet};

/// How many times is tried what somebody else can get in the way of: a random name, which is not
/// taken by chance; a file that is not replaced between two looks at it.
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
}

/// Says which operation an error is of.
trait During<T> {
    fn during(self, operation: &'static str) -> core::result::Result<T, Failed>;
}

impl<T> During<T> for Result<T> {
    fn during(self, operation: &'static str) -> core::result::Result<T, Failed> {
        self.map_err(|errno| Failed { operation, errno })
    }
}

/// A file to be written. Dropped without [`commit`](Self::commit) it is gone, and the old one untouched.
pub struct Replacement<'path> {
    path: &'path CStr,
    file: OwnedFd,
    /// None where the file is written straight.
    beside: Option<Beside>,
    old: Option<Statx>,
    options: Options,
}

/// How a file is replaced.
#[derive(Clone, Copy)]
pub struct Options {
    /// The permissions; `None` keeps the old file's, and a new one's are 0666 less the umask.
    pub mode: Option<u32>,
    /// Whether the new content outlives a loss of power once [`Replacement::commit`] has returned.
    pub sync: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            mode: None,
            sync: true,
        }
    }
}

impl<'path> Replacement<'path> {
    /// Makes the file that will replace the one at `path`.
    ///
    /// # Errors
    /// `open`, `open directory of`: `EISDIR`; `EACCES` where the directory may not be written, or not
    /// read, which is needed to make its names durable; and what openat(2) gives.
    pub fn new(path: &'path CStr, options: Options) -> core::result::Result<Self, Failed> {
        let (old, place) = find(path).during("open")?;
        let Some(mut place) = place else {
            let flags = O_WRONLY | O_NOCTTY | O_CLOEXEC;
            return Ok(Self {
                path,
                file: fs::open(CWD, path, flags, 0).during("open")?,
                beside: None,
                old,
                options,
            });
        };
        if options.sync {
            place.open_directory().during("open directory of")?;
        }
        // One that gets other permissions later: until then nobody else may open it.
        let closed = old.is_some() || options.mode.is_some();
        let mut beside = Beside {
            place,
            temporary: None,
            mode: if closed { 0o600 } else { 0o666 },
        };
        let file = beside
            .unnamed()
            // Whether the file system cannot do this or the error is another, the plain way tells.
            .or_else(|_| beside.named())
            .during("open")?;
        Ok(Self {
            path,
            file,
            beside: Some(beside),
            old,
            options,
        })
    }

    /// Where the new content is written to.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Puts the new file in the place of the old one.
    ///
    /// # Errors
    /// The old file is untouched: `replace` with `EBUSY` where something is mounted on it, as
    /// containers do, with `EPERM` where it is immutable or the directory sticky; `sync` with `EIO`...
    /// After `sync directory of` the new one is in its place, but might not outlive a loss of power.
    pub fn commit(mut self) -> core::result::Result<(), Failed> {
        let sync = self.options.sync;
        let Some(beside) = &mut self.beside else {
            if sync {
                fs::sync_if_possible(self.file.as_fd()).during("sync")?;
            }
            return self.file.close().during("close");
        };
        let file = self.file.as_fd();
        let mut mode = self.options.mode;
        if let Some(old) = &self.old {
            let kept = keep_owner(file, old).during("set owner of")?;
            keep_acl(file, self.path).during("set access control list of")?;
            mode = mode.or(Some(kept));
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
        if beside.link(file, self.old.is_none()).is_err() {
            // Neither way to name an unnamed file works here.
            drop(held);
            let named = beside.named().during("open")?;
            fs::seek(file, 0).during("copy")?;
            copy(file, named.as_fd())
                .map_err(|stopped| stopped.errno)
                .during("copy")?;
            self.file = named;
            return self.commit();
        }
        if let Err(errno) = beside.rename(self.file) {
            self.beside = None; // the second name goes before a signal comes
            return Err(errno).during("replace");
        }
        drop(held);
        if sync {
            fs::sync_if_possible(beside.place.dir.as_fd()).during("sync directory of")?;
        }
        Ok(())
    }
}

/// The file that `path` leads to, and its place; no place where it is not one to be replaced.
fn find(path: &CStr) -> Result<(Option<Statx>, Option<Place>)> {
    for _ in 0..TRIES {
        let file = match fs::stat_at(CWD, path, At::NONE) {
            Ok(file) => file,
            Err(Errno::ENOENT) => return Ok((None, Some(Place::find(path)?))),
            Err(errno) => return Err(errno),
        };
        match file.kind() {
            S_IFREG => {}
            S_IFDIR => return Err(Errno::EISDIR),
            _ => return Ok((Some(file), None)),
        }
        let place = Place::find(path)?;
        if place.is_of(&file)? {
            return Ok((Some(file), Some(place)));
        }
        // Somebody else has replaced it in between. Or it has no name, and the link to it no path:
        // so it is with a deleted file in /proc/PID/fd.
    }
    Err(Errno::ENOENT)
}

/// The place of a file that is being replaced, and the name of the new one where it has one already,
/// which goes when this does.
struct Beside {
    place: Place,
    temporary: Option<Name>,
    /// The permissions that the new file is made with.
    mode: u32,
}

impl Beside {
    /// A new file that has no name yet.
    fn unnamed(&self) -> Result<OwnedFd> {
        let flags = O_TMPFILE | O_RDWR | O_CLOEXEC;
        fs::open(self.place.dir.as_fd(), c".", flags, self.mode)
    }

    /// A new file that has a name.
    fn named(&mut self) -> Result<OwnedFd> {
        let flags = O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC;
        let (file, name) =
            unused_name(|name| fs::open(self.place.dir.as_fd(), name, flags, self.mode))?;
        self.temporary = Some(name);
        Ok(file)
    }

    /// Sees to it that `file` has a name: at once the one it is to have, where that is free; else one
    /// from which to rename it.
    fn link(&mut self, file: BorrowedFd<'_>, fresh: bool) -> Result<()> {
        let dir = self.place.dir.as_fd();
        // A fresh name that is taken by now is replaced like any other.
        if self.temporary.is_none()
            && !(fresh && link(file, dir, self.place.name.as_c_str()).is_ok())
        {
            let ((), name) = unused_name(|name| link(file, dir, name))?;
            self.temporary = Some(name);
        }
        Ok(())
    }

    /// Takes the place, where `link` has not done so.
    fn rename(&mut self, file: OwnedFd) -> Result<()> {
        let Some(temporary) = &self.temporary else {
            return Ok(());
        };
        file.close()?; // NFS may say only now that there was no room, where fsync(2) was not asked
        let (dir, name) = (self.place.dir.as_fd(), self.place.name.as_c_str());
        fs::rename(dir, temporary.as_c_str(), name)?;
        self.temporary = None;
        Ok(())
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            // Whoever drops this is telling of an error that came first.
            let _ = fs::unlink(self.place.dir.as_fd(), temporary.as_c_str());
        }
    }
}

/// Has something made under a name that nothing has.
fn unused_name<T>(mut make: impl FnMut(&CStr) -> Result<T>) -> Result<(T, Name)> {
    for _ in 0..TRIES {
        let bits = random::bits()?;
        let mut text = *b".ring3-................";
        for (place, shift) in text.iter_mut().skip(7).zip((0..64).step_by(4)) {
            *place = b"0123456789abcdef"[(bits >> shift & 15) as usize];
        }
        let name = Name::new(&text)?;
        match make(name.as_c_str()) {
            Err(Errno::EEXIST) => {}
            result => return Ok((result?, name)),
        }
    }
    Err(Errno::EEXIST)
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

/// Gives `file` the owner and the group of `old` as far as permitted, and says what is left of the
/// permissions of `old`.
fn keep_owner(file: BorrowedFd<'_>, old: &Statx) -> Result<u32> {
    let permitted = |result| match result {
        Ok(()) => Ok(true),
        // Not us, not in this namespace, or not on this file system.
        Err(Errno::EPERM | Errno::EINVAL | Errno::ENOSYS | Errno::EOPNOTSUPP) => Ok(false),
        Err(errno) => Err(errno),
    };
    let mode = old.permissions();
    if permitted(fs::set_owner(file, Some(old.stx_uid), Some(old.stx_gid)))? {
        return Ok(mode);
    }
    let mode = mode & !(S_ISUID | S_ISGID);
    if permitted(fs::set_owner(file, None, Some(old.stx_gid)))? {
        return Ok(mode);
    }
    Ok(mode & (!0o070 | mode << 3))
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
