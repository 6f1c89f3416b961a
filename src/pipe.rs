//! Pipes: bytes from one end to the other, within the kernel.

use core::ptr;

use crate::abi::fs::F_SETPIPE_SZ;
pub use crate::abi::fs::{O_CLOEXEC, O_NONBLOCK, Open, SPLICE_F_MOVE, SPLICE_F_NONBLOCK, Splice};
use crate::abi::{Errno, Result, syscall};
use crate::fd::{BorrowedFd, OwnedFd, STDERR};
use crate::io::retry;

/// A pipe with both its ends.
#[derive(Debug)]
pub struct Pipe {
    /// Where bytes come out.
    pub read: OwnedFd,
    /// Where they go in.
    pub write: OwnedFd,
}

impl Pipe {
    /// An empty pipe; `flags` are `O_CLOEXEC` and `O_NONBLOCK` (pipe2(2)). It takes 64 KiB, or less where
    /// the user has many (`fs.pipe-user-pages-soft`).
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`: no two descriptors are left, or the user has as much in pipes as is allowed.
    pub fn new(flags: Open) -> Result<Self> {
        let mut ends = [0_i32; 2];
        // SAFETY: the kernel writes two descriptors to ours, both new.
        unsafe {
            syscall!(pipe2(ends.as_mut_ptr(), flags))?;
            let [read, write] = ends.map(|raw| OwnedFd::from_raw(raw as usize));
            Ok(Self { read, write })
        }
    }

    /// Has it take at least so many bytes, and says how many (fcntl(2), `F_SETPIPE_SZ`): the next power of
    /// two, and no less than a page.
    ///
    /// # Errors
    /// `EPERM`: more than `fs.pipe-max-size`, or than the user may have in pipes, without the right to.
    /// `EINVAL`: more than 2 GiB. `EBUSY`: there is more in it. `ENOMEM`.
    pub fn resize(&self, bytes: usize) -> Result<usize> {
        // (The kernel takes an unsigned int, and would cut what is more.)
        let bytes = u32::try_from(bytes).map_err(|_| Errno::EINVAL)?;
        // SAFETY: a number; nothing of ours is touched.
        unsafe { syscall!(fcntl(self.write.as_fd(), F_SETPIPE_SZ, bytes)) }
    }
}

/// Takes the places of standard descriptors that are closed, for good, by reading ends of pipes that nobody
/// writes to. Writing to one fails (`EBADF`), as if it were closed; reading finds the end. Else a socket opened later
/// would get one, and its peer our messages.
///
/// # Errors
/// As for [`Pipe::new`].
pub fn occupy_standard() -> Result<()> {
    loop {
        let Pipe { read, .. } = Pipe::new(O_CLOEXEC)?;
        if read.as_fd().as_raw() > STDERR.as_raw() {
            return Ok(());
        }
        core::mem::forget(read);
    }
}

/// Moves up to `count` bytes out of a pipe or into one, and says how many; 0 is the end (splice(2)).
///
/// # Errors
/// `EINVAL`: neither is a pipe, or `to` is for appending; `EAGAIN`: one of them is not ready, and does not
/// wait; and those of both ends. Into a socket whose peer is gone it sends SIGPIPE beside `EPIPE`.
pub fn splice(
    from: BorrowedFd<'_>,
    to: BorrowedFd<'_>,
    count: usize,
    flags: Splice,
) -> Result<usize> {
    let here = ptr::null_mut::<i64>(); // each file's own place, which moves on
    // SAFETY: null pointers tell the kernel that there are no offsets of ours.
    retry(|| unsafe { syscall!(splice(from, here, to, here, count, flags)) })
}
