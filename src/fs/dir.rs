//! Reads directories, through a buffer of the caller.
//!
//! ```
//! use ring3::fs::dir::ReadDir;
//! use ring3::fs::{self, CWD, O_CLOEXEC, O_DIRECTORY, O_RDONLY, S_IFDIR};
//!
//! fn main() -> ring3::Result<()> {
//!     let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
//!     let proc = fs::open(CWD, c"/proc/self", flags, 0)?;
//!     let mut buffer = [0; 4096];
//!     let mut entries = ReadDir::new(proc.as_fd(), &mut buffer);
//!     let mut directories = 0;
//!     while let Some(entry) = entries.next_entry()? {
//!         assert!(!entry.file_name().is_empty());
//!         directories += u32::from(entry.kind()? == S_IFDIR);
//!     }
//!     assert!(directories > 2); // fd, task, net...
//!     Ok(())
//! }
//! ```

use core::ffi::CStr;
use core::mem::offset_of;

use super::kind_at;
use crate::abi::fs::*;
use crate::abi::{Errno, Result, syscall};
use crate::bytes;
use crate::fd::BorrowedFd;

/// The entries of a directory, except `.` and `..`, in the order of the file system.
///
/// The kernel writes as many entries as fit into the buffer, and [`next_entry`](Self::next_entry) parses them. If
/// names are added or removed meanwhile, they may come or not; all other names come once.
#[derive(Debug)]
pub struct ReadDir<'a> {
    dir: BorrowedFd<'a>,
    buffer: &'a mut [u8],
    /// The records that were not parsed are `at..end` of `buffer`.
    at: usize,
    end: usize,
    /// Whether the kernel returned the end of the directory, or an error.
    is_done: bool,
}

/// An entry of a directory.
#[derive(Clone, Copy, Debug)]
pub struct DirEntry<'a> {
    dir: BorrowedFd<'a>,
    name: &'a CStr,
    /// `DT_*`: the file type in `S_IFMT`, shifted; 0 if the file system does not store the type.
    kind: u8,
    inode: u64,
}

/// A record in the buffer.
struct Record {
    inode: u64,
    kind: u8,
    /// The whole length, in bytes: more than `NAME`.
    length: usize,
    is_dots: bool,
}

/// The offset of the name in a record.
const NAME: usize = offset_of!(Dirent64, d_name);

impl<'a> ReadDir<'a> {
    /// The entries of the directory `dir`, which must be open for reading, from the descriptor's offset on.
    ///
    /// [`CWD`](super::CWD) names the current directory in other calls, but is no descriptor: here
    /// [`next_entry`](Self::next_entry) returns `EBADF`. Open `c"."` instead, as in the [module](self)'s example.
    ///
    /// A buffer of 4 KiB has room for about a hundred entries. A buffer of 1 KiB has room for any entry.
    #[inline]
    #[doc(alias = "getdents64")]
    #[doc(alias = "readdir")]
    #[doc(alias = "read_dir")]
    pub const fn new(dir: BorrowedFd<'a>, buffer: &'a mut [u8]) -> Self {
        Self {
            dir,
            buffer,
            at: 0,
            end: 0,
            is_done: false,
        }
    }

    /// The next entry; `None` after the last entry, and after an error (getdents64(2)).
    ///
    /// # Errors
    /// `ENOTDIR`: not a directory. `EBADF`: not open for reading (`O_PATH`), or not open at all ([`CWD`](super::CWD)).
    /// `EINVAL`: the buffer is too small for the next entry. `ENOENT`: the directory was removed. `EIO`: a device failed,
    /// or an entry is malformed.
    pub fn next_entry(&mut self) -> Result<Option<DirEntry<'_>>> {
        loop {
            if self.at >= self.end && !self.fill()? {
                return Ok(None);
            }
            let begin = self.at;
            let records = self.buffer.get(begin..self.end).unwrap_or_default();
            let Some(record) = parse(records) else {
                self.stop();
                return Err(Errno::EIO);
            };
            self.at += record.length;
            if !record.is_dots {
                let name = self.buffer.get(begin + NAME..self.at).unwrap_or_default();
                return Ok(Some(DirEntry {
                    dir: self.dir,
                    name: bytes::until_zero(name),
                    kind: record.kind,
                    inode: record.inode,
                }));
            }
        }
    }

    /// Gets more records from the kernel. Returns `false` at the end of the directory.
    fn fill(&mut self) -> Result<bool> {
        if self.is_done {
            return Ok(false);
        }
        (self.at, self.end) = (0, 0);
        // SAFETY: the kernel writes at most `buffer.len()` bytes to `buffer`, which `self` borrows mutably. It
        // reads the length as an `unsigned int`, so a longer buffer is used in part.
        let filled = unsafe {
            let length = self.buffer.len().min(i32::MAX as usize);
            syscall!(getdents64(self.dir, self.buffer.as_mut_ptr(), length))
        };
        self.is_done = !matches!(filled, Ok(1..));
        self.end = filled?;
        Ok(!self.is_done)
    }

    /// Drops the records that are left. No further record comes.
    fn stop(&mut self) {
        self.at = self.end;
        self.is_done = true;
    }
}

/// Parses the first record. `None`: it is malformed.
fn parse(records: &[u8]) -> Option<Record> {
    const INODE: usize = offset_of!(Dirent64, d_ino);
    const LENGTH: usize = offset_of!(Dirent64, d_reclen);
    const KIND: usize = offset_of!(Dirent64, d_type);
    let header = records.first_chunk::<NAME>()?;
    let inode = u64::from_ne_bytes(*header.get(INODE..)?.first_chunk()?);
    let length = u16::from_ne_bytes(*header.get(LENGTH..)?.first_chunk()?);
    let kind = *header.get(KIND)?;
    let name = records.get(NAME..length.into())?;
    if matches!(name.iter().position(|&byte| byte == 0), None | Some(0)) {
        return None;
    }
    Some(Record {
        inode,
        kind,
        length: length.into(),
        is_dots: matches!(name, [b'.', 0, ..] | [b'.', b'.', 0, ..]),
    })
}

impl<'a> DirEntry<'a> {
    /// The name in the directory.
    #[inline]
    #[must_use]
    pub fn file_name(&self) -> &'a CStr {
        self.name
    }

    /// The type of the file: `S_IFREG`, `S_IFDIR`, `S_IFLNK`... Makes a system call only if the file system does not
    /// store the type in the directory; the call does not follow a symbolic link.
    ///
    /// # Errors
    /// Those of [`kind_at`]. `ENOENT`: the name was removed meanwhile.
    #[doc(alias = "file_type")]
    #[doc(alias = "d_type")]
    pub fn kind(&self) -> Result<u32> {
        match self.kind {
            0 => kind_at(self.dir, self.name, AT_SYMLINK_NOFOLLOW),
            kind => Ok(u32::from(kind) << 12 & S_IFMT),
        }
    }

    /// The inode number. Of a directory on which a file system is mounted, this is the number of the directory
    /// below the mount.
    #[doc(alias = "d_ino")]
    #[inline]
    #[must_use]
    pub fn ino(&self) -> u64 {
        self.inode
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::fd::{OwnedFd, STDIN};
    use crate::fs::{self, CWD};
    use std::collections::BTreeMap;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{DirEntryExt, FileTypeExt};
    use std::vec;
    use std::vec::Vec;

    fn open(path: &std::path::Path) -> OwnedFd {
        let path = std::ffi::CString::new(path.as_os_str().as_bytes()).unwrap();
        fs::open(CWD, &path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0).unwrap()
    }

    /// A new directory, which is removed at the end of the test.
    struct Folder(std::path::PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let name = std::format!("ring3-{}-{name}", std::process::id());
            let folder = std::env::temp_dir().join(name);
            std::fs::create_dir(&folder).unwrap();
            Self(folder)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).unwrap();
        }
    }

    type Entries = BTreeMap<Vec<u8>, (u32, u64)>;

    fn ours(dir: &OwnedFd, buffer: &mut [u8]) -> Entries {
        fs::seek(dir.as_fd(), 0).unwrap();
        let mut entries = ReadDir::new(dir.as_fd(), buffer);
        let mut found = Entries::new();
        while let Some(entry) = entries.next_entry().unwrap() {
            let name = entry.file_name().to_bytes().to_vec();
            let old = found.insert(name, (entry.kind().unwrap(), entry.ino()));
            assert_eq!(old, None);
        }
        assert!(entries.next_entry().unwrap().is_none());
        found
    }

    fn stds(folder: &std::path::Path) -> Entries {
        let entries = std::fs::read_dir(folder).unwrap();
        let entry = |entry: std::io::Result<std::fs::DirEntry>| {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            let kind = match () {
                () if kind.is_dir() => 0o040_000,
                () if kind.is_file() => 0o100_000,
                () if kind.is_symlink() => 0o120_000,
                () if kind.is_char_device() => 0o020_000,
                () if kind.is_block_device() => 0o060_000,
                () if kind.is_fifo() => 0o010_000,
                () => 0o140_000,
            };
            (entry.file_name().as_bytes().to_vec(), (kind, entry.ino()))
        };
        entries.map(entry).collect()
    }

    #[test]
    fn the_entries_are_those_of_std() {
        let folder = Folder::new("entries");
        let path = &folder.0;
        assert_eq!(ours(&open(path), &mut [0; 4096]), Entries::new());
        for number in 0..200 {
            std::fs::write(
                path.join(std::format!("{number}{}", "n".repeat(number))),
                "",
            )
            .unwrap();
        }
        std::fs::create_dir(path.join("directory")).unwrap();
        std::fs::create_dir(path.join("...")).unwrap();
        std::fs::write(path.join(".a"), "").unwrap();
        std::fs::write(path.join("..b"), "").unwrap();
        std::fs::write(path.join(OsStr::from_bytes(b"\xff\n\x01")), "").unwrap();
        std::os::unix::fs::symlink("nowhere", path.join("link")).unwrap();
        let dir = open(path);
        for size in [280, 1000, 4096, 1 << 16] {
            assert_eq!(ours(&dir, &mut vec![0; size]), stds(path), "{size}");
            // A buffer that is not aligned.
            assert_eq!(ours(&dir, &mut vec![0; size + 1][1..]), stds(path));
        }
        for path in ["/dev", "/"] {
            let path = std::path::Path::new(path);
            assert_eq!(ours(&open(path), &mut [0; 4096]), stds(path));
        }
    }

    #[test]
    fn an_error_comes_once() {
        let folder = Folder::new("errors");
        std::fs::write(folder.0.join("n".repeat(200)), "").unwrap();
        let dir = open(&folder.0);
        let errors = |fd: BorrowedFd<'_>, size: usize| {
            let mut buffer = vec![0; size];
            let mut entries = ReadDir::new(fd, &mut buffer);
            loop {
                match entries.next_entry() {
                    Ok(None) => return None,
                    Ok(Some(_)) => {}
                    Err(errno) => {
                        assert!(entries.next_entry().unwrap().is_none());
                        return Some(errno);
                    }
                }
            }
        };
        // qemu-user reports ENOMEM for an empty buffer.
        let of_no_buffer = errors(dir.as_fd(), 0);
        assert!(matches!(of_no_buffer, Some(Errno::EINVAL | Errno::ENOMEM)));
        assert_eq!(errors(dir.as_fd(), 100), Some(Errno::EINVAL));
        let null = fs::open(CWD, c"/dev/null", O_RDONLY | O_CLOEXEC, 0).unwrap();
        assert_eq!(errors(null.as_fd(), 300), Some(Errno::ENOTDIR));
        let path = fs::open(CWD, c"/", O_PATH | O_CLOEXEC, 0).unwrap();
        assert_eq!(errors(path.as_fd(), 300), Some(Errno::EBADF));
        assert_eq!(errors(CWD, 300), Some(Errno::EBADF));
    }

    /// A reader of `records`, as if the kernel had written them.
    fn parsed(records: &mut [u8]) -> Result<Vec<Vec<u8>>> {
        let mut entries = ReadDir::new(STDIN, records);
        entries.end = entries.buffer.len();
        entries.is_done = true;
        let mut names = vec![];
        while let Some(entry) = entries.next_entry()? {
            names.push(entry.file_name().to_bytes().to_vec());
        }
        Ok(names)
    }

    fn record(length: u16, name: &[u8]) -> Vec<u8> {
        let mut record = vec![0; 16];
        record.extend_from_slice(&length.to_ne_bytes());
        record.push(8);
        record.extend_from_slice(name);
        record
    }

    #[test]
    fn a_malformed_record_is_an_error() {
        let good = record(24, b"name\0");
        let mut two = [&good[..], &record(24, b"..\0\0\0")].concat();
        assert_eq!(parsed(&mut two), Ok(vec![b"name".to_vec()]));
        for (length, name) in [
            (0, &b"name\0"[..]),
            (1, b"name\0"),
            (19, b"name\0"),
            (20, b"\0ame\0"),
            (23, b"name\0"),    // without its zero
            (24, b"names"),     // no zero
            (25, b"name\0"),    // longer than the rest
            (65535, b"name\0"), // much longer
        ] {
            let mut two = [&good[..], &record(length, name)].concat();
            assert_eq!(parsed(&mut two), Err(Errno::EIO), "{length}");
        }
        for cut in 1..good.len() {
            assert_eq!(parsed(&mut good[..cut].to_vec()), Err(Errno::EIO));
        }
    }

    /// Any bytes: the parser returns an error or ends, and reads nothing outside.
    #[test]
    fn random_records_do_no_harm() {
        let mut state = 1_u32;
        let mut random = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state
        };
        for _ in 0..20_000 {
            let length = random() as usize % 100;
            let mut records: Vec<u8> = (0..length)
                .map(|_| {
                    if random() % 3 == 0 {
                        0
                    } else {
                        random() as u8 % 40
                    }
                })
                .collect();
            let _ = parsed(&mut records);
        }
    }
}
