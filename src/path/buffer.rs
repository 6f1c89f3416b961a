//! A path in an array.

use core::ffi::CStr;
use core::fmt;
use core::ops::Deref;

use super::{file_name, file_stem, is_absolute, parent};
use crate::abi::fs::PATH_MAX;
use crate::abi::{Errno, Result};
use crate::bytes;

/// A path in an array of `PATH_MAX` bytes, with a zero at its end.
///
/// The value has 4 KiB: it is meant for a variable, which [`push`](Self::push) and [`pop`](Self::pop) change, not
/// for many values. It dereferences to a C string, so `&path` is an argument for a system call.
#[derive(Clone)]
pub struct PathBuf {
    /// The path, then a zero. Other bytes of the path are not zero. The bytes after the zero have no meaning.
    bytes: [u8; PATH_MAX],
    /// The length of the path, at most `CAPACITY`.
    length: usize,
}

impl PathBuf {
    /// The greatest length of a path, in bytes, without the zero: the kernel accepts no longer paths.
    pub const CAPACITY: usize = PATH_MAX - 1;

    /// The empty path.
    pub const EMPTY: Self = Self {
        bytes: [0; PATH_MAX],
        length: 0,
    };

    /// A copy of `path`.
    ///
    /// # Errors
    /// `ENAMETOOLONG`: more than [`CAPACITY`](Self::CAPACITY) bytes. `EINVAL`: the path contains a zero.
    pub fn new(path: &[u8]) -> Result<Self> {
        let mut buffer = Self::EMPTY;
        buffer.replace(0, b"", path)?;
        Ok(buffer)
    }

    /// The path that `write` writes into an array, for a system call. `write` returns the length of the path.
    pub(crate) fn written(
        write: impl FnOnce(&mut [u8; PATH_MAX]) -> Result<usize>,
    ) -> Result<Self> {
        let mut buffer = Self::EMPTY;
        let length = write(&mut buffer.bytes)?;
        let text = buffer.bytes.get(..length).ok_or(Errno::ENAMETOOLONG)?;
        if length > Self::CAPACITY {
            return Err(Errno::ENAMETOOLONG);
        }
        if text.contains(&0) {
            return Err(Errno::EINVAL);
        }
        buffer.truncate(length);
        Ok(buffer)
    }

    /// Appends `path` below this path, after a slash if one is necessary. An absolute `path` replaces this path.
    ///
    /// # Errors
    /// As for [`new`](Self::new). This path is unchanged.
    pub fn push(&mut self, path: &[u8]) -> Result<()> {
        self.push_at(self.length, path)
    }

    /// Shortens this path to its [`parent`]. Returns `false`, and changes nothing, if it has none.
    pub fn pop(&mut self) -> bool {
        let length = parent(self.as_bytes()).map(<[u8]>::len);
        if let Some(length) = length {
            self.truncate(length);
        }
        length.is_some()
    }

    /// Replaces the [`file_name`] by `name`. If this path has no file name, appends `name`.
    ///
    /// # Errors
    /// As for [`new`](Self::new). This path is unchanged.
    pub fn set_file_name(&mut self, name: &[u8]) -> Result<()> {
        let path = self.as_bytes();
        let kept = match file_name(path) {
            Some(_) => parent(path).map_or(0, <[u8]>::len),
            None => path.len(),
        };
        self.push_at(kept, name)
    }

    /// Replaces the extension of the file name by `extension`, or removes the extension if `extension` is empty.
    /// Returns `false`, and changes nothing, if this path has no file name.
    ///
    /// # Errors
    /// As for [`new`](Self::new). `EINVAL`: also if `extension` contains a slash. This path is unchanged.
    pub fn set_extension(&mut self, extension: &[u8]) -> Result<bool> {
        let path = self.as_bytes();
        let Some(stem) = file_stem(path) else {
            return Ok(false);
        };
        if extension.contains(&b'/') {
            return Err(Errno::EINVAL);
        }
        // The stem is a part of the path.
        let end = stem.as_ptr().addr() - path.as_ptr().addr() + stem.len();
        let dot: &[u8] = if extension.is_empty() { b"" } else { b"." };
        self.replace(end, dot, extension).map(|()| true)
    }

    /// Empties this path.
    pub fn clear(&mut self) {
        self.truncate(0);
    }

    /// The path as a C string, for a system call.
    #[must_use]
    pub fn as_c_str(&self) -> &CStr {
        let text = self.bytes.get(..=self.length).unwrap_or(b"\0");
        // SAFETY: `bytes` has a zero at `length` and no zero before it. Only the functions of this type write to
        // the field, and each keeps this invariant.
        unsafe { CStr::from_bytes_with_nul_unchecked(text) }
    }

    /// The path as bytes, without the zero.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Keeps the first `length` bytes, which must not be more than there are.
    fn truncate(&mut self, length: usize) {
        if let Some(end) = self.bytes.get_mut(length) {
            *end = 0;
            self.length = length;
        }
    }

    /// Keeps the first `kept` bytes, and appends `path` below them.
    fn push_at(&mut self, kept: usize, path: &[u8]) -> Result<()> {
        match self.bytes.get(..kept).and_then(<[u8]>::last) {
            _ if is_absolute(path) => self.replace(0, b"", path),
            None | Some(b'/') => self.replace(kept, b"", path),
            Some(_) => self.replace(kept, b"/", path),
        }
    }

    /// Replaces the bytes from `at` on, at most the length, by `one` and `two`.
    fn replace(&mut self, at: usize, one: &[u8], two: &[u8]) -> Result<()> {
        if two.contains(&0) {
            return Err(Errno::EINVAL);
        }
        let length = at + one.len() + two.len();
        // The last byte of the array stays free for the zero.
        let room = self.bytes.get_mut(at..length);
        let room = room.filter(|_| length <= Self::CAPACITY);
        let (first, second) = room
            .and_then(|room| room.split_at_mut_checked(one.len()))
            .ok_or(Errno::ENAMETOOLONG)?;
        bytes::copy(first, one);
        bytes::copy(second, two);
        self.truncate(length);
        Ok(())
    }
}

impl Deref for PathBuf {
    type Target = CStr;

    #[inline]
    fn deref(&self) -> &CStr {
        self.as_c_str()
    }
}

impl AsRef<CStr> for PathBuf {
    fn as_ref(&self) -> &CStr {
        self.as_c_str()
    }
}

impl Default for PathBuf {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl PartialEq for PathBuf {
    /// Compares the bytes.
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for PathBuf {}

impl fmt::Debug for PathBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_c_str().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::path::tests::{std_path, texts};
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    /// `own` is the same path as `std`, and is a C string.
    fn assert_same(own: &PathBuf, std: &std::path::Path) {
        assert_eq!(own.as_bytes(), std.as_os_str().as_bytes());
        assert_eq!(own.as_c_str().to_bytes(), own.as_bytes());
    }

    #[test]
    fn a_change_has_the_result_of_std() {
        for text in &texts(*b"/.a", 6) {
            let of_std = || std_path(text).to_path_buf();
            let of_ours = || PathBuf::new(text).unwrap();
            assert_same(&of_ours(), &of_std());
            let (mut own, mut std) = (of_ours(), of_std());
            while std.pop() {
                assert!(own.pop(), "{text:?}");
                assert_same(&own, &std);
            }
            assert!(!own.pop());
            for other in [&b""[..], b"n", b"/n", b"n/", b".", b"..", b"n.m"] {
                let part = OsStr::from_bytes(other);
                let (mut own, mut std) = (of_ours(), of_std());
                own.push(other).unwrap();
                std.push(part);
                assert_same(&own, &std);
                assert_same(&crate::path::join(text, other).unwrap(), &std);
                let (mut own, mut std) = (of_ours(), of_std());
                own.set_file_name(other).unwrap();
                std.set_file_name(part);
                assert_same(&own, &std);
                let (mut own, mut std) = (of_ours(), of_std());
                if other.contains(&b'/') {
                    let refused = own.set_extension(other);
                    let has_name = std.file_name().is_some();
                    assert_eq!(
                        refused,
                        if has_name {
                            Err(Errno::EINVAL)
                        } else {
                            Ok(false)
                        }
                    );
                } else {
                    assert_eq!(own.set_extension(other), Ok(std.set_extension(part)));
                }
                assert_same(&own, &std);
            }
        }
    }

    #[test]
    fn a_path_that_is_too_long_or_has_a_zero_changes_nothing() {
        let all = [b'n'; PATH_MAX];
        let most = &all[..PathBuf::CAPACITY];
        assert_eq!(PathBuf::new(&all).err(), Some(Errno::ENAMETOOLONG));
        let mut path = PathBuf::new(most).unwrap();
        assert_eq!(path.to_bytes(), most);
        assert_eq!(path.push(b""), Err(Errno::ENAMETOOLONG)); // the slash
        assert_eq!(path.push(b"n"), Err(Errno::ENAMETOOLONG));
        assert_eq!(path.set_extension(b"n"), Err(Errno::ENAMETOOLONG));
        assert_eq!(path.set_file_name(&all), Err(Errno::ENAMETOOLONG));
        assert_eq!(path.as_bytes(), most);
        assert_eq!(path.push(b"/"), Ok(()));
        assert_eq!(path.as_bytes(), b"/");
        assert_eq!(path.push(&all[1..]), Err(Errno::ENAMETOOLONG));
        assert_eq!(path.push(&all[2..]), Ok(()));
        assert_eq!(path.as_bytes().len(), PathBuf::CAPACITY);
        let mut path = PathBuf::new(b"a/b.c").unwrap();
        for zero in [&b"\0"[..], b"n\0", b"/\0n"] {
            assert_eq!(PathBuf::new(zero).err(), Some(Errno::EINVAL));
            assert_eq!(path.push(zero), Err(Errno::EINVAL));
            assert_eq!(path.set_file_name(zero), Err(Errno::EINVAL));
            assert_eq!(path.set_extension(zero), Err(Errno::EINVAL));
        }
        assert!(path == PathBuf::new(b"a/b.c").unwrap());
        path.clear();
        assert!(path.is_empty() && path == PathBuf::default());
    }

    #[test]
    fn the_length_that_a_writer_returns_is_checked() {
        let written = |length| {
            PathBuf::written(|bytes| {
                *bytes = [b'n'; PATH_MAX];
                Ok(length)
            })
            .map(|path| path.to_bytes().len())
        };
        for length in [0, 1, PathBuf::CAPACITY] {
            assert_eq!(written(length), Ok(length));
        }
        for length in [PATH_MAX, PATH_MAX + 1, usize::MAX] {
            assert_eq!(written(length), Err(Errno::ENAMETOOLONG));
        }
        let zero = PathBuf::written(|_| Ok(1));
        assert_eq!(zero.err(), Some(Errno::EINVAL));
    }
}
