//! Extended attributes (xattr(7)).

use core::ffi::CStr;

use crate::abi::{Result, syscall};
use crate::fd::BorrowedFd;

/// Reads the extended attribute `name` of the file at `path` into `value` (getxattr(2)). With an empty
/// `value` this only checks whether the attribute exists.
///
/// # Errors
/// Those of the path. `ENODATA`: no such attribute. `EOPNOTSUPP`: the file system has no attributes.
/// `ERANGE`: the attribute is longer than `value`.
#[doc(alias = "getxattr")]
#[inline]
pub fn get_attribute<'b>(path: &CStr, name: &CStr, value: &'b mut [u8]) -> Result<&'b [u8]> {
    // SAFETY: the kernel reads the path and the name, which end with a zero. It writes at most `value.len()`
    // bytes to `value`, which this function borrows mutably.
    let length = unsafe { syscall!(getxattr(path, name, value.as_mut_ptr(), value.len())) }?;
    Ok(value.get(..length).unwrap_or_default())
}

/// Sets the extended attribute `name` of a file (fsetxattr(2)).
///
/// # Errors
/// `EOPNOTSUPP`, `EPERM`, `ENOSPC`, `EDQUOT`, `EIO`.
#[doc(alias = "fsetxattr")]
#[inline]
pub fn set_attribute(fd: BorrowedFd<'_>, name: &CStr, value: &[u8]) -> Result<()> {
    let either = 0; // create or replace the attribute
    // SAFETY: the kernel reads the name, which ends with a zero, and `value.len()` bytes of `value`.
    unsafe { syscall!(fsetxattr(fd, name, value.as_ptr(), value.len(), either)) }.map(drop)
}

/// Removes the extended attribute `name` of a file (fremovexattr(2)).
///
/// # Errors
/// `ENODATA`: no such attribute. `EOPNOTSUPP`, `EPERM`, `EIO`.
#[doc(alias = "fremovexattr")]
#[inline]
pub fn remove_attribute(fd: BorrowedFd<'_>, name: &CStr) -> Result<()> {
    // SAFETY: the kernel only reads the name, which ends with a zero.
    unsafe { syscall!(fremovexattr(fd, name)) }.map(drop)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::abi::Errno;
    use crate::fs::tests::{New, c};

    #[test]
    fn an_attribute_is_created_replaced_and_removed() {
        let new = New::named("attribute");
        let (path, name) = (c(&new.path), c"user.ring3");
        let read = || {
            let mut value = [0; 16];
            get_attribute(&path, name, &mut value).map(<[u8]>::to_vec)
        };
        match set_attribute(new.file.as_fd(), name, b"one") {
            Err(Errno::EOPNOTSUPP) => return, // a file system without extended attributes
            result => result.unwrap(),
        }
        assert_eq!(read(), Ok(b"one".to_vec()));
        set_attribute(new.file.as_fd(), name, b"two, longer").unwrap();
        assert_eq!(read(), Ok(b"two, longer".to_vec()));
        remove_attribute(new.file.as_fd(), name).unwrap();
        assert_eq!(read(), Err(Errno::ENODATA));
    }
}
