//! Paths as text: parse and join paths without a system call.
//!
//! A path is a byte string. The functions have the meaning of `std::path` on Unix: a repeated slash, a slash at
//! the end, and a `.` that is not the first component, have no meaning; `..` stays, because the directory before
//! it may be a symbolic link. [`PathBuf`] holds a path in an array with a zero at its end, for a system call.
//!
//! ```
//! use ring3::path::{self, PathBuf};
//!
//! fn main() -> ring3::Result<()> {
//!     let mut path = PathBuf::new(b"/var/log")?;
//!     path.push(b"kernel.log")?;
//!     assert_eq!(path.as_c_str(), c"/var/log/kernel.log");
//!     assert_eq!(path::file_name(path.as_bytes()), Some(&b"kernel.log"[..]));
//!     assert_eq!(path::extension(path.as_bytes()), Some(&b"log"[..]));
//!     assert!(path.pop());
//!     assert_eq!(path.as_bytes(), b"/var/log");
//!     Ok(())
//! }
//! ```

mod buffer;
mod components;

pub use buffer::PathBuf;
pub use components::{Component, Components, components};

use crate::abi::Result;

/// Whether the path begins at the root directory: its first byte is a slash.
#[must_use]
pub fn is_absolute(path: &[u8]) -> bool {
    path.first() == Some(&b'/')
}

/// The last component, if it is a name: `None` for an empty path, for `/` and for a path that ends with `..`.
#[must_use]
pub fn file_name(path: &[u8]) -> Option<&[u8]> {
    match components(path).next_back() {
        Some(Component::Normal(name)) => Some(name),
        _ => None,
    }
}

/// The path without its last component. `None` for an empty path and for `/`. The parent of a single name is the
/// empty path.
///
/// The result is not always the directory that contains the file: the parent of `a/..` is `a`.
#[must_use]
pub fn parent(path: &[u8]) -> Option<&[u8]> {
    let mut components = components(path);
    match components.next_back() {
        None | Some(Component::RootDir) => None,
        Some(_) => Some(components.as_bytes()),
    }
}

/// The file name without its extension: the part before the last dot. The whole name if it has no dot, or no dot
/// except at its beginning.
#[must_use]
pub fn file_stem(path: &[u8]) -> Option<&[u8]> {
    file_name(path).map(|name| at_dot(name).0)
}

/// The extension of the file name: the part after the last dot. `None` if the name has no dot, or no dot except at
/// its beginning.
#[must_use]
pub fn extension(path: &[u8]) -> Option<&[u8]> {
    file_name(path).and_then(|name| at_dot(name).1)
}

/// Splits a file name into stem and extension.
fn at_dot(name: &[u8]) -> (&[u8], Option<&[u8]>) {
    match name.iter().rposition(|&byte| byte == b'.') {
        None | Some(0) => (name, None),
        Some(dot) => (
            name.get(..dot).unwrap_or_default(),
            name.get(dot..).and_then(|rest| rest.get(1..)),
        ),
    }
}

/// Joins two paths: `rest` below `base`. An absolute `rest` replaces `base`.
///
/// # Errors
/// `ENAMETOOLONG`: the result has more than [`PathBuf::CAPACITY`] bytes. `EINVAL`: a path contains a zero.
pub fn join(base: &[u8], rest: &[u8]) -> Result<PathBuf> {
    let mut path = PathBuf::new(base)?;
    path.push(rest)?;
    Ok(path)
}

#[cfg(test)]
pub(crate) mod tests {
    extern crate std;
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::path::{self, Path};
    use std::vec;
    use std::vec::Vec;

    /// Every text of at most `longest` bytes of this alphabet.
    pub fn texts(alphabet: [u8; 3], longest: usize) -> Vec<Vec<u8>> {
        let mut all = vec![vec![]];
        let mut begin = 0;
        for _ in 0..longest {
            let end = all.len();
            for at in begin..end {
                for byte in alphabet {
                    let mut text = all[at].clone();
                    text.push(byte);
                    all.push(text);
                }
            }
            begin = end;
        }
        all
    }

    pub fn std_path(text: &[u8]) -> &Path {
        Path::new(OsStr::from_bytes(text))
    }

    fn ours(component: path::Component<'_>) -> Component<'_> {
        match component {
            path::Component::Prefix(_) => unreachable!(),
            path::Component::RootDir => Component::RootDir,
            path::Component::CurDir => Component::CurDir,
            path::Component::ParentDir => Component::ParentDir,
            path::Component::Normal(name) => Component::Normal(name.as_bytes()),
        }
    }

    /// Every path of up to eight bytes has the parts that std finds.
    #[test]
    fn the_parts_of_a_path_are_those_of_std() {
        let bytes = |part: Option<&OsStr>| part.map(|part| part.as_bytes().to_vec());
        for text in &texts(*b"/.a", 8) {
            let std = std_path(text);
            assert_eq!(is_absolute(text), std.is_absolute());
            assert_eq!(file_name(text).map(Vec::from), bytes(std.file_name()));
            assert_eq!(file_stem(text).map(Vec::from), bytes(std.file_stem()));
            assert_eq!(extension(text).map(Vec::from), bytes(std.extension()));
            let above = std.parent().map(Path::as_os_str);
            assert_eq!(parent(text).map(Vec::from), bytes(above), "{std:?}");
        }
    }

    /// From the front, from the back, and from both ends in every order.
    #[test]
    fn the_components_are_those_of_std() {
        for text in &texts(*b"/.a", 7) {
            for order in 0..1_u32 << 5 {
                let mut std = std_path(text).components();
                let mut own = components(text);
                for turn in 0..8 {
                    let rest = own.as_bytes();
                    assert_eq!(rest, std.as_path().as_os_str().as_bytes(), "{text:?}");
                    let (own, std) = match order >> turn & 1 {
                        0 => (own.next(), std.next()),
                        _ => (own.next_back(), std.next_back()),
                    };
                    assert_eq!(own, std.map(ours), "{text:?}");
                }
            }
        }
    }
}
