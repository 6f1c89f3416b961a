//! Files and directories: open, status, links, renames, attributes, durability.
//!
//! A path is relative to a directory's descriptor, or to the current directory with [`CWD`]; the descriptor
//! is ignored for an absolute path. Unless a function states otherwise, its errors are those of resolving the
//! path: `ENOENT`, `ENOTDIR`, `EACCES`, `ELOOP`, `ENAMETOOLONG`, and `EIO` of the device.
//!
//! | to | use |
//! |---|---|
//! | read or write a whole file | [`read`], [`read_into`], [`write`](fn@write) |
//! | replace a file, so that a reader sees the old or the new content | [`replace`] |
//! | copy between descriptors | [`copy`](mod@copy) |
//! | list a directory | [`dir`] |
//! | map a file into memory | [`mapping`] |
//! | read lines | [`io::BufReader`](crate::io::BufReader) |
//! | join and split paths | [`path`](crate::path) |
//!
//! ```
//! use ring3::fs::{self, At, CWD, O_CLOEXEC, O_DIRECTORY, O_PATH, S_IFREG};
//!
//! fn main() -> ring3::Result<()> {
//!     let proc = fs::open(CWD, c"/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC, 0)?;
//!     let status = fs::stat_at(proc.as_fd(), c"status", At::NONE)?;
//!     assert_eq!(status.kind(), S_IFREG);
//!     assert!(fs::read(proc.as_fd(), c"status")?.starts_with(b"Name:"));
//!     Ok(())
//! }
//! ```

mod attributes;
pub mod copy;
pub mod dir;
mod durability;
mod file_system;
mod lock;
pub mod mapping;
mod metadata;
mod names;
pub mod replace;
pub mod resolve;
mod seals;
mod whole;

use core::ffi::CStr;

pub use attributes::*;
pub use durability::*;
pub use file_system::*;
pub use lock::*;
pub use metadata::*;
pub use names::*;
pub use seals::*;
pub use whole::*;

pub use crate::abi::fs::*;
use crate::abi::{Errno, Result, syscall};
use crate::fd::{BorrowedFd, OwnedFd};
use crate::io::retry;

/// In place of a directory's descriptor: the current directory.
pub const CWD: BorrowedFd<'static> = {
    // SAFETY: AT_FDCWD is not a descriptor, so it can't be closed. It always refers to the current directory.
    unsafe { BorrowedFd::borrow_raw(AT_FDCWD) }
};

/// Opens a file (openat(2)). `mode` is the permissions of a file that this call creates, from which the
/// kernel removes the umask.
///
/// # Errors
/// Those of the path. `EEXIST` with `O_EXCL`. `EISDIR`: a directory can't be opened for writing. `EMFILE`.
/// `EOPNOTSUPP`: the file system does not support `O_TMPFILE`. `ENXIO` for a socket...
#[doc(alias = "openat")]
#[inline]
pub fn open(dir: BorrowedFd<'_>, path: &CStr, flags: Open, mode: u32) -> Result<OwnedFd> {
    // EINTR is possible while the call waits: for the other end of a FIFO, or for the break of a lease.
    // SAFETY: the kernel only reads the path, which ends with a zero.
    let raw = retry(|| unsafe { syscall!(openat(dir, path, flags, mode)) })?;
    // SAFETY: the descriptor is new, so no other value owns it.
    Ok(unsafe { OwnedFd::from_raw(raw) })
}

/// As [`open`], with conditions on how the path is resolved (openat2(2)). `RESOLVE_BENEATH`: the path must not leave
/// the directory, for a path that another program or another machine sent.
///
/// ```
/// use ring3::Errno;
/// use ring3::fs::{self, CWD, O_CLOEXEC, O_DIRECTORY, O_PATH, O_RDONLY, RESOLVE_BENEATH};
///
/// let proc = fs::open(CWD, c"/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC, 0)?;
/// let flags = O_RDONLY | O_CLOEXEC;
/// let outside = fs::open_with(proc.as_fd(), c"../version", flags, 0, RESOLVE_BENEATH);
/// assert!(matches!(outside, Err(Errno::EXDEV | Errno::ENOSYS)));
/// # Ok::<(), Errno>(())
/// ```
///
/// # Errors
/// As for [`open`]. `EXDEV`, `ELOOP`: the path violates a condition. `EAGAIN`: with `RESOLVE_BENEATH` or
/// `RESOLVE_IN_ROOT`, a directory was renamed during the call; the call can be repeated. `EINVAL`: the kernel does
/// not know a flag. `ENOSYS`: the kernel is older than Linux 5.6.
#[doc(alias = "openat2")]
pub fn open_with(
    dir: BorrowedFd<'_>,
    path: &CStr,
    flags: Open,
    mode: u32,
    resolve: Resolve,
) -> Result<OwnedFd> {
    let creates = flags.contains(O_CREAT) || flags.contains(O_TMPFILE);
    let how = OpenHow {
        flags: u64::from(flags.bits().cast_unsigned()),
        // The kernel refuses permissions for a file that it does not create.
        mode: if creates { mode.into() } else { 0 },
        resolve: resolve.bits(),
    };
    let length = size_of::<OpenHow>();
    // SAFETY: the kernel reads the path, which ends with a zero, and `how`, a local of this length.
    let raw = retry(|| unsafe { syscall!(openat2(dir, path, &raw const how, length)) })?;
    // SAFETY: the descriptor is new, so no other value owns it.
    Ok(unsafe { OwnedFd::from_raw(raw) })
}

/// Truncates or extends a file to `length` bytes (ftruncate(2)).
///
/// # Errors
/// `EINVAL`: not a regular file, or not open for writing. `EFBIG`. `EPERM`. `EIO`.
#[doc(alias = "ftruncate")]
#[inline]
pub fn set_length(fd: BorrowedFd<'_>, length: u64) -> Result<()> {
    // SAFETY: ftruncate takes numbers; the kernel accesses no memory of this process.
    retry(|| unsafe { syscall!(ftruncate(fd, length)) }).map(drop)
}

/// Sets the offset of the next read or write, in bytes from the beginning of the file (lseek(2)).
///
/// # Errors
/// `ESPIPE`: a pipe, a socket or a terminal.
#[doc(alias = "lseek")]
#[inline]
pub fn seek(fd: BorrowedFd<'_>, offset: u64) -> Result<()> {
    lseek(fd, offset as i64, SEEK_SET).map(drop)
}

/// A place in a file, for [`seek_from`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeekFrom {
    /// So many bytes from the beginning (`SEEK_SET`).
    Start(u64),
    /// So many bytes from the end: a negative number is before it (`SEEK_END`).
    End(i64),
    /// So many bytes from the current offset (`SEEK_CUR`).
    Current(i64),
    /// The first data at or after this offset: not a hole (`SEEK_DATA`).
    Data(u64),
    /// The first hole at or after this offset; the end of the file is a hole (`SEEK_HOLE`).
    Hole(u64),
}

/// Sets the offset of the next read or write, and returns it, in bytes from the beginning of the file (lseek(2)).
///
/// # Errors
/// `ESPIPE`: a pipe, a socket or a terminal. `EINVAL`: the result would be negative, or greater than `i64::MAX`.
/// `ENXIO`: `Data` or `Hole` after the end, or no data follows.
#[doc(alias = "lseek")]
pub fn seek_from(fd: BorrowedFd<'_>, to: SeekFrom) -> Result<u64> {
    let (offset, whence) = match to {
        SeekFrom::Start(offset) => (offset as i64, SEEK_SET),
        SeekFrom::End(offset) => (offset, SEEK_END),
        SeekFrom::Current(offset) => (offset, SEEK_CUR),
        SeekFrom::Data(offset) => (offset as i64, SEEK_DATA),
        SeekFrom::Hole(offset) => (offset as i64, SEEK_HOLE),
    };
    lseek(fd, offset, whence)
}

/// lseek(2): returns the new offset.
#[cfg(target_pointer_width = "64")]
#[inline]
fn lseek(fd: BorrowedFd<'_>, offset: i64, whence: i32) -> Result<u64> {
    // SAFETY: lseek takes numbers; the kernel accesses no memory of this process.
    unsafe { syscall!(lseek(fd, offset, whence)) }.map(|offset| offset as u64)
}

/// `_llseek` (lseek64(3)): a register is too small for an offset, so the kernel writes the new offset to memory. The
/// high half of the argument comes first, unlike in a pair of registers.
#[cfg(target_pointer_width = "32")]
#[inline]
fn lseek(fd: BorrowedFd<'_>, offset: i64, whence: i32) -> Result<u64> {
    let (high, low) = ((offset >> 32) as u32, offset as u32);
    let mut result = 0;
    // SAFETY: the kernel writes a loff_t, which has 64 bits, to `result`.
    unsafe { syscall!(lseek(fd, high, low, &raw mut result, whence)) }?;
    Ok(result)
}

/// Allocates, frees or zeroes blocks of a file (fallocate(2)). Without flags: the `length` bytes from `offset` on
/// get blocks, and writing to them later does not fail for lack of space; the file grows if it is shorter.
///
/// # Errors
/// `EOPNOTSUPP`: the file system does not support the operation. `ENOSPC`. `EFBIG`. `EINVAL`: `length` is 0, or a
/// number is greater than `i64::MAX`. `EBADF`: not open for writing. `ENODEV`: not a regular file. `ESPIPE`.
/// `EPERM`: a seal or an attribute forbids the operation.
#[doc(alias = "fallocate")]
pub fn allocate(fd: BorrowedFd<'_>, how: Fallocate, offset: u64, length: u64) -> Result<()> {
    // SAFETY: fallocate takes numbers; the kernel accesses no memory of this process.
    retry(|| unsafe { syscall!(fallocate(fd, how, offset, length)) }).map(drop)
}

/// Creates a file in memory that has no name in any directory and can't be executed (memfd_create(2)). /proc
/// shows `name`. Before Linux 6.3 the file's permissions allow execution. The file can be sealed; see
/// [`add_seals`].
///
/// # Errors
/// `EMFILE`, `ENFILE`, `ENOMEM`.
#[doc(alias = "memfd_create")]
pub fn in_memory(name: &CStr) -> Result<OwnedFd> {
    // SAFETY: the kernel reads the name, which ends with a zero. The returned descriptor is new, so no other
    // value owns it.
    let make = |flags: u32| unsafe {
        syscall!(memfd_create(name, flags)).map(|raw| OwnedFd::from_raw(raw))
    };
    // With `vm.memfd_noexec=2` the kernel refuses to create files that could be executed.
    match make(MFD_CLOEXEC | MFD_NOEXEC_SEAL) {
        Err(Errno::EINVAL) => make(MFD_CLOEXEC | MFD_ALLOW_SEALING),
        made => made,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    extern crate std;
    use super::*;
    use crate::fd::tests::closes_at_exec;
    use crate::io::{read, write_all};
    use std::format;
    use std::string::String;

    /// A new temporary file. Its name contains the process's id and the test's name. Dropping the value
    /// removes it.
    pub struct New {
        pub path: String,
        pub file: OwnedFd,
    }

    impl New {
        pub fn named(name: &str) -> Self {
            let folder = std::env::temp_dir();
            let path = format!("{}/ring3-{}-{name}", folder.display(), std::process::id());
            let file = at(&path, O_RDWR | O_CREAT | O_EXCL, 0o640).unwrap();
            Self { path, file }
        }
    }

    impl Drop for New {
        fn drop(&mut self) {
            std::fs::remove_file(&self.path).unwrap();
        }
    }

    pub fn c(path: &str) -> std::ffi::CString {
        std::ffi::CString::new(path).unwrap()
    }

    pub fn at(path: &str, flags: Open, mode: u32) -> Result<OwnedFd> {
        open(CWD, &c(path), flags | O_CLOEXEC, mode)
    }

    #[test]
    fn a_file_in_memory_cannot_be_executed() {
        let memory = in_memory(c"name").unwrap();
        assert!(closes_at_exec(memory.as_fd()));
        let number = memory.as_fd().as_raw();
        let link = std::fs::read_link(format!("/proc/self/fd/{number}")).unwrap();
        assert_eq!(link.to_str(), Some("/memfd:name (deleted)"));
        // SAFETY: the kernel reads the name, which ends with a zero. The descriptor is new.
        let knows = unsafe { syscall!(memfd_create(c"", MFD_NOEXEC_SEAL)) };
        if let Ok(raw) = knows {
            // SAFETY: `raw` is the new descriptor, which no other value owns.
            drop(unsafe { OwnedFd::from_raw(raw) });
            assert_eq!(stat(memory.as_fd()).unwrap().permissions() & 0o111, 0);
        }
    }

    #[test]
    fn an_offset_is_from_the_beginning() {
        let new = New::named("seek");
        let file = new.file.as_fd();
        write_all(file, b"0123456789").unwrap();
        for (offset, rest) in [(0, 10), (9, 1), (10, 0), (3, 7)] {
            seek(file, offset).unwrap();
            assert_eq!(read(file, &mut [0; 20]), Ok(rest));
        }
        set_length(file, 4).unwrap();
        seek(file, 0).unwrap();
        assert_eq!(read(file, &mut [0; 20]), Ok(4));
    }

    /// A call that a handler interrupts is repeated; here open waits for the other end of a FIFO.
    #[test]
    fn an_interrupted_open_is_repeated() {
        use core::sync::atomic::{AtomicI32, Ordering::SeqCst};
        use std::process::Command;
        use std::time::Duration;

        /// A real-time signal that no other test uses.
        const SIGNAL: i32 = 60;
        static HANDLED: AtomicI32 = AtomicI32::new(0);
        extern "C" fn count(_: i32) {
            HANDLED.fetch_add(1, SeqCst);
        }
        let new = New::named("fifo");
        std::fs::remove_file(&new.path).unwrap();
        let made = Command::new("mkfifo").arg(&new.path).status();
        assert!(made.unwrap().success());
        // SAFETY: the handler only adds to an atomic.
        unsafe { crate::signal::handle(SIGNAL, count) }.unwrap();
        let id = AtomicI32::new(0);
        std::thread::scope(|scope| {
            let opener = scope.spawn(|| {
                id.store(crate::process::gettid().as_raw(), SeqCst);
                at(&new.path, O_WRONLY, 0).map(|fifo| write_all(fifo.as_fd(), b"x"))
            });
            let wait_until = |condition: &dyn Fn() -> bool| {
                while !condition() {
                    assert!(!opener.is_finished(), "it does not wait");
                    std::thread::sleep(Duration::from_millis(1));
                }
            };
            let sleeps = || {
                let stat = format!("/proc/self/task/{}/stat", id.load(SeqCst));
                let stat = std::fs::read_to_string(stat).unwrap_or_default();
                stat.rsplit(") ")
                    .next()
                    .is_some_and(|state| state.starts_with('S'))
            };
            for times in 1..=3 {
                wait_until(&sleeps);
                let (own, thread) = (crate::process::getpid().as_raw(), id.load(SeqCst));
                // SAFETY: tgkill takes numbers; the signal has a handler.
                unsafe { syscall!(tgkill(own, thread, SIGNAL)) }.unwrap();
                wait_until(&|| HANDLED.load(SeqCst) == times);
            }
            wait_until(&sleeps);
            let text = std::fs::read(&new.path).unwrap();
            assert_eq!(opener.join().unwrap(), Ok(Ok(())));
            assert_eq!(text, b"x");
        });
    }
}
