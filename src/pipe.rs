//! Pipes (pipe(7)), and moving bytes through them within the kernel (splice(2)).
//!
//! ```
//! use ring3::pipe::{O_CLOEXEC, Pipe};
//! use ring3::{fs, io};
//!
//! let Pipe { read, write } = Pipe::new(O_CLOEXEC)?;
//! io::write_all(write.as_fd(), b"some text")?;
//! drop(write); // else the reader would wait for more
//! assert_eq!(*fs::read_to_end(read.as_fd())?, *b"some text");
//! # Ok::<(), ring3::Errno>(())
//! ```

use core::ptr;

use crate::abi::fs::F_SETPIPE_SZ;
pub use crate::abi::fs::{O_CLOEXEC, O_NONBLOCK, Open, SPLICE_F_MOVE, SPLICE_F_NONBLOCK, Splice};
use crate::abi::{Errno, Result, syscall};
use crate::fd::{BorrowedFd, OwnedFd, STDERR};
use crate::io::retry;

/// Both ends of a pipe.
#[derive(Debug)]
pub struct Pipe {
    /// The read end.
    pub read: OwnedFd,
    /// The write end.
    pub write: OwnedFd,
}

impl Pipe {
    /// Creates an empty pipe (pipe2(2)). `flags` are `O_CLOEXEC` and `O_NONBLOCK`.
    ///
    /// The pipe's capacity is 64 KiB, or less if the user's pipes hold many pages already
    /// (`fs.pipe-user-pages-soft`).
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`: fewer than two descriptors are left, or the user's pipes have reached the hard
    /// limit (`fs.pipe-user-pages-hard`).
    #[doc(alias = "pipe2")]
    pub fn new(flags: Open) -> Result<Self> {
        let mut ends = [0_i32; 2];
        // SAFETY: the kernel writes two ints to `ends`. Both descriptors are new, so no other value owns
        // them.
        unsafe {
            syscall!(pipe2(ends.as_mut_ptr(), flags))?;
            let [read, write] = ends.map(|raw| OwnedFd::from_raw(raw as usize));
            Ok(Self { read, write })
        }
    }

    /// Sets the capacity to at least `bytes`, and returns the new capacity in bytes (fcntl(2),
    /// `F_SETPIPE_SZ`). The kernel rounds up to a power of two, and to at least a page.
    ///
    /// # Errors
    /// `EPERM`: without `CAP_SYS_RESOURCE`, and `bytes` is more than `fs.pipe-max-size`, or more than the
    /// user's pipes may hold. `EINVAL`: more than 2 GiB. `EBUSY`: the pipe holds more than `bytes` bytes.
    /// `ENOMEM`.
    #[doc(alias = "fcntl")]
    pub fn resize(&self, bytes: usize) -> Result<usize> {
        // The kernel takes an unsigned int, and would cut off the high half of a larger number.
        let bytes = u32::try_from(bytes).map_err(|_| Errno::EINVAL)?;
        // SAFETY: F_SETPIPE_SZ takes a number, no pointer; the kernel accesses no memory of this process.
        unsafe { syscall!(fcntl(self.write.as_fd(), F_SETPIPE_SZ, bytes)) }
    }
}

/// Opens a placeholder at each standard descriptor that is closed, for the rest of the process's life.
///
/// The placeholder is the read end of a pipe whose write end is closed. A write to the placeholder fails with
/// `EBADF`, as with a closed descriptor. A read from the placeholder returns EOF. Without placeholders, a
/// socket opened later would get the number of a standard descriptor. Messages of this program would then go
/// to the socket's peer.
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

/// Moves up to `count` bytes from a pipe or into a pipe, within the kernel (splice(2)). Returns how many
/// bytes were moved; 0 is EOF.
///
/// # Errors
/// `EINVAL`: neither descriptor is a pipe, or `to` is open for appending. `EAGAIN`: a non-blocking descriptor
/// is not ready. Also the errors of reading `from` and of writing `to`. If `to` is a socket whose peer has
/// closed, `EPIPE`, and the kernel also sends SIGPIPE.
pub fn splice(
    from: BorrowedFd<'_>,
    to: BorrowedFd<'_>,
    count: usize,
    flags: Splice,
) -> Result<usize> {
    let here = ptr::null_mut::<i64>(); // null: use and advance the file's own offset
    // SAFETY: both offset pointers are null, so the kernel accesses no memory of this process.
    retry(|| unsafe { syscall!(splice(from, here, to, here, count, flags)) })
}
