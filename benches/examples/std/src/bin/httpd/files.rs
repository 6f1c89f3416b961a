//! Opens files by paths that came from the network.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path};

use rustix::fs::{Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::{Errno, Result};

/// For reading. With `NONBLOCK`, opening a FIFO does not wait for a writer.
const READ: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// Opens the file at `path`, a relative path, if the path does not lead out of `root`: the kernel resolves the path with
/// `RESOLVE_BENEATH`.
pub fn open(root: &OwnedFd, path: &Path) -> Result<File> {
    let path = match path.as_os_str().is_empty() {
        true => Path::new("."),
        false => path,
    };
    match openat2(root, path, READ, Mode::empty(), ResolveFlags::BENEATH) {
        // An old kernel, or a filter of system calls; or directories are renamed again and again.
        Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN) => open_by_names(root, path),
        opened => opened,
    }
    .map(File::from)
}

/// As [`open`], but opens directory after directory, and follows no symbolic link.
fn open_by_names(root: &OwnedFd, path: &Path) -> Result<OwnedFd> {
    let is_directory = path.as_os_str().as_encoded_bytes().ends_with(b"/");
    let mut directory = root
        .as_fd()
        .try_clone_to_owned()
        .map_err(|_| Errno::MFILE)?;
    let mut components = path.components().peekable();
    while let Some(component) = components.next() {
        let name = match component {
            Component::Normal(name) => name,
            Component::CurDir => continue,
            _ => return Err(Errno::XDEV),
        };
        if components.peek().is_none() && !is_directory {
            return openat(&directory, name, READ | OFlags::NOFOLLOW, Mode::empty());
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        directory = openat(&directory, name, flags, Mode::empty())?;
    }
    openat(&directory, ".", READ | OFlags::DIRECTORY, Mode::empty())
}
