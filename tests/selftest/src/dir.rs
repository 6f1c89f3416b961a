//! Self-test cases of reading directories.

use ring3::Errno;
use ring3::fd::BorrowedFd;
use ring3::fs::dir::{DirEntry, ReadDir};
use ring3::fs::*;

use crate::case::*;
use crate::cases;
use crate::fd::nobody;
use crate::fs::at;

cases! {
    "an empty directory has no entry", [dir::ReadDir::new, dir::ReadDir::next_entry], within(|dir| count(dir, &mut [0; 1024], |_| Ok(true))) => value(0);
    "all names come, and not the dots", [dir::ReadDir::next_entry], within(|dir| filled(dir, || count(dir, &mut [0; 1024], |_| Ok(true)))) => value(100);
    "no buffer is too small for one name at a time", [dir::ReadDir::next_entry], within(|dir| filled(dir, || count(dir, &mut [0; 24], |_| Ok(true)))) => value(100);
    "a name is found", [dir::DirEntry::file_name], within(|dir| filled(dir, || count(dir, &mut [0; 1024], |entry| Ok(entry.file_name() == c"42")))) => value(1);
    "kinds of the entries", [dir::DirEntry::kind], within(|dir| filled(dir, || count(dir, &mut [0; 1024], |entry| entry.kind().map(|kind| kind == S_IFREG)))) => value(100);
    "inodes of the entries", [dir::DirEntry::ino], within(|dir| filled(dir, || count(dir, &mut [0; 1024], |entry| inode_is_of_stat(dir, entry)))) => value(100);
    "links of /proc", [dir::DirEntry::kind], at(c"/proc/self", O_RDONLY | O_DIRECTORY).and_then(|dir| count(dir.as_fd(), &mut [0; 1024], |entry| Ok(entry.file_name() == c"exe" && entry.kind()? == S_IFLNK))) => value(1);
    "the buffer is too small", [dir::ReadDir::next_entry], within(|dir| filled(dir, || count(dir, &mut [0; 8], |_| Ok(true)))) => error(Errno::EINVAL);
    "the entries of a file", [dir::ReadDir::next_entry], at(c"/proc/self/exe", O_RDONLY).and_then(|file| count(file.as_fd(), &mut [0; 1024], |_| Ok(true))) => error(Errno::ENOTDIR);
    "the entries of a place and no more", [dir::ReadDir::next_entry], at(c"/", O_PATH).and_then(|dir| count(dir.as_fd(), &mut [0; 1024], |_| Ok(true))) => error(Errno::EBADF);
    "the entries of what nobody has", [dir::ReadDir::next_entry], count(nobody(), &mut [0; 1024], |_| Ok(true)) => error(Errno::EBADF);
    "a directory that was removed", [dir::ReadDir::next_entry], removed() => error(Errno::ENOENT);
    "after an error no entry comes", [dir::ReadDir::next_entry], { let mut buffer = [0; 64]; let mut entries = ReadDir::new(nobody(), &mut buffer); entries.next_entry().is_err() && entries.next_entry().is_ok_and(|entry| entry.is_none()) } => YES;
}

/// The number of entries, from the first on, that `counts` returns true for.
fn count(
    dir: BorrowedFd<'_>,
    buffer: &mut [u8],
    counts: impl Fn(DirEntry<'_>) -> Result<bool, Errno>,
) -> Result<u32, Errno> {
    let mut entries = ReadDir::new(dir, buffer);
    let mut count = 0;
    while let Some(entry) = entries.next_entry()? {
        count += u32::from(counts(entry)?);
    }
    Ok(count)
}

/// Calls `work` with a new directory, and removes the directory.
fn within<T>(work: impl FnOnce(BorrowedFd<'_>) -> Result<T, Errno>) -> Result<T, Errno> {
    make_directory(CWD, c"entries", 0o700)?;
    let dir = at(c"entries", O_RDONLY | O_DIRECTORY)?;
    let result = work(dir.as_fd());
    remove_directory(CWD, c"entries")?;
    result
}

/// Calls `work` while the directory has the files 0 to 99.
fn filled<T>(dir: BorrowedFd<'_>, work: impl FnOnce() -> Result<T, Errno>) -> Result<T, Errno> {
    let name = |number: u8| ring3::path::PathBuf::new(&[b'0' + number / 10, b'0' + number % 10]);
    for number in 0..100 {
        let flags = O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC;
        drop(open(dir, &name(number)?, flags, 0o600)?);
    }
    let result = work();
    (0..100).try_for_each(|number| unlink(dir, &name(number)?))?;
    result
}

fn inode_is_of_stat(dir: BorrowedFd<'_>, entry: DirEntry<'_>) -> Result<bool, Errno> {
    let stat = stat_at(dir, entry.file_name(), AT_SYMLINK_NOFOLLOW)?;
    // The number in a directory of overlayfs may be the number in a layer.
    Ok(stat.stx_ino == entry.ino() || stat_file_system(dir)?.f_type == 0x794c_7630)
}

fn removed() -> Result<u32, Errno> {
    make_directory(CWD, c"removed", 0o700)?;
    let dir = at(c"removed", O_RDONLY | O_DIRECTORY)?;
    remove_directory(CWD, c"removed")?;
    count(dir.as_fd(), &mut [0; 1024], |_| Ok(true))
}
