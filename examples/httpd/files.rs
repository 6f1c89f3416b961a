//! Opens files by paths that came from the network.

use core::ffi::CStr;

use ring3::Errno;
use ring3::fd::{BorrowedFd, OwnedFd};
use ring3::fs::resolve::Name;
use ring3::fs::{self, O_CLOEXEC, O_DIRECTORY, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_PATH, O_RDONLY};
use ring3::fs::{Open, RESOLVE_BENEATH};
use ring3::path::{Component, PathBuf, components};

/// For reading. With `O_NONBLOCK`, opening a FIFO does not wait for a writer.
const READ: Open = O_RDONLY.union(O_NONBLOCK).union(O_NOCTTY).union(O_CLOEXEC);

/// Opens the file at `path`, a relative path, if the path does not lead out of `root`.
///
/// # Errors
/// `EXDEV`: the path leads out of `root`. Those of [`fs::open_with`].
pub fn open(root: BorrowedFd<'_>, path: &PathBuf) -> ring3::Result<OwnedFd> {
    let path: &CStr = if path.is_empty() { c"." } else { path };
    match fs::open_with(root, path, READ, 0, RESOLVE_BENEATH) {
        // An old kernel, or a filter of system calls; or directories are renamed again and again.
        Err(Errno::ENOSYS | Errno::EPERM | Errno::EAGAIN) => open_by_names(root, path.to_bytes()),
        opened => opened,
    }
}

/// As [`open`], but opens directory after directory, and follows no symbolic link.
fn open_by_names(root: BorrowedFd<'_>, path: &[u8]) -> ring3::Result<OwnedFd> {
    let mut directory = fs::open(root, c".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0)?;
    let mut left = components(path).peekable();
    while let Some(component) = left.next() {
        let name = match component {
            Component::Normal(name) => Name::new(name)?,
            Component::CurDir => continue,
            Component::ParentDir | Component::RootDir => return Err(Errno::EXDEV),
        };
        let within = directory.as_fd();
        if left.peek().is_some() || path.ends_with(b"/") {
            let flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
            directory = fs::open(within, name.as_c_str(), flags, 0)?;
        } else {
            return fs::open(within, name.as_c_str(), READ | O_NOFOLLOW, 0);
        }
    }
    fs::open(directory.as_fd(), c".", READ | O_DIRECTORY, 0)
}
