//! Files mapped into memory (mmap(2)).
//!
//! A mapped file is memory that others can change: a process that writes to the file changes the bytes of a
//! mapping. A process that truncates the file removes pages of the mapping: an access to such a page raises
//! SIGBUS, which ends the program. So does an access after an error of the device, and a write to a hole of the
//! file if the file system is full. Rust assumes that the bytes of a `&[u8]` do not change. So the constructors are
//! `unsafe`, and the caller guarantees that nobody changes the file. To read a file that others may change, use
//! [`fs::read`](super::read) or [`io::read_at`](crate::io::read_at).
//!
//! [`FileMapping::of_sealed`] is safe: seals on a file in memory stop all changes (fcntl(2), `F_ADD_SEALS`).
//!
//! ```
//! use ring3::fs::{self, F_SEAL_SHRINK, F_SEAL_WRITE, mapping::FileMapping};
//! use ring3::io;
//!
//! fn main() -> ring3::Result<()> {
//!     let file = fs::in_memory(c"table")?;
//!     io::write_all(file.as_fd(), b"a table that processes share")?;
//!     fs::add_seals(file.as_fd(), F_SEAL_SHRINK | F_SEAL_WRITE)?;
//!     let table = FileMapping::of_sealed(file.as_fd())?;
//!     assert!(table.starts_with(b"a table"));
//!     Ok(())
//! }
//! ```

use core::ops::{Deref, DerefMut};
use core::ptr::{self, NonNull};

use super::{seals, stat};
use crate::abi::fs::*;
use crate::abi::mem::*;
use crate::abi::{Errno, Result, syscall};
use crate::fd::BorrowedFd;

/// A mapped range of bytes of a file, or no bytes. Dropping the value unmaps the pages.
#[derive(Debug)]
struct Range(NonNull<[u8]>);

// SAFETY: the value owns its mapping, as a `Box<[u8]>` owns its bytes.
unsafe impl Send for Range {}
// SAFETY: a shared `Range` returns only shared references to the bytes.
unsafe impl Sync for Range {}

impl Range {
    /// Maps `length` bytes at `offset`.
    fn new(
        file: BorrowedFd<'_>,
        offset: u64,
        length: usize,
        prot: Prot,
        flags: Map,
    ) -> Result<Self> {
        const ANY_ADDRESS: usize = 0;
        let stat = stat(file)?;
        // Other files, for example devices, report no length.
        let size = match stat.kind() {
            S_IFREG => stat.stx_size,
            _ => u64::MAX,
        };
        match offset.checked_add(length as u64) {
            Some(end) if end <= size => {}
            _ => return Err(Errno::EINVAL),
        }
        if length == 0 {
            return Ok(Self(NonNull::slice_from_raw_parts(NonNull::dangling(), 0)));
        }
        if !offset.is_multiple_of(MMAP_UNIT) {
            return Err(Errno::EINVAL);
        }
        let units = usize::try_from(offset / MMAP_UNIT).map_err(|_| Errno::EOVERFLOW)?;
        // SAFETY: without `MAP_FIXED` a new mapping replaces no other, so no memory in use changes.
        let start = unsafe { syscall!(mmap(ANY_ADDRESS, length, prot, flags, file, units)) }?;
        let start = NonNull::new(ptr::with_exposed_provenance_mut(start)).ok_or(Errno::ENOMEM)?;
        Ok(Self(NonNull::slice_from_raw_parts(start, length)))
    }

    /// The length of `file`, from the beginning.
    fn whole(file: BorrowedFd<'_>) -> Result<usize> {
        let stat = stat(file)?;
        // The kernel reports the length 0 for a device or a pipe: the mapping would have no bytes, without an error.
        if stat.kind() != S_IFREG {
            return Err(Errno::ENODEV);
        }
        usize::try_from(stat.stx_size).map_err(|_| Errno::EFBIG)
    }
}

impl Drop for Range {
    fn drop(&mut self) {
        if !self.0.is_empty() {
            // SAFETY: `new` mapped the range, and nobody uses it after `drop`.
            let _ = unsafe { syscall!(munmap(self.0.cast::<u8>().as_ptr(), self.0.len())) };
        }
    }
}

/// A file, or a part of a file, mapped for reading.
#[derive(Debug)]
pub struct FileMapping(Range);

impl FileMapping {
    /// Maps `length` bytes of a file, from `offset` on, which is a multiple of the page size (mmap(2),
    /// `MAP_SHARED`). `file` may be closed afterwards.
    ///
    /// A length of 0 maps nothing. The only error then is that a regular file ends before `offset`.
    ///
    /// # Errors
    /// `EINVAL`: `offset` is not a multiple of the page size, or a regular file has fewer than `offset + length` bytes
    /// (files in /proc have 0). `EACCES`: the file is not open for reading. `EBADF`: it is open with `O_PATH`. `ENODEV`:
    /// the file cannot be mapped, for instance a directory, a pipe, a socket, and most devices and files in /sys. `ENOMEM`:
    /// there is no address space for `length` bytes, or the process has too many mappings. `EPERM`: the file has the seal
    /// `F_SEAL_WRITE`, and the kernel is older than Linux 6.7; [`of_sealed`](Self::of_sealed) can map the file.
    ///
    /// # Safety
    /// As long as the value lives, no process changes these bytes of the file or truncates the file before their
    /// end.
    #[doc(alias = "mmap")]
    #[doc(alias = "map_file")]
    pub unsafe fn new(file: BorrowedFd<'_>, offset: u64, length: usize) -> Result<Self> {
        Range::new(file, offset, length, PROT_READ, MAP_SHARED).map(Self)
    }

    /// Maps a whole regular file. For a file in /proc the kernel reports the length 0, so the mapping has no
    /// bytes; [`fs::read`](super::read) reads such a file.
    ///
    /// # Errors
    /// `ENODEV`: also if the file is not regular. Others as for [`new`](Self::new).
    ///
    /// # Safety
    /// As for [`new`](Self::new).
    pub unsafe fn whole(file: BorrowedFd<'_>) -> Result<Self> {
        // SAFETY: the caller's promise.
        unsafe { Self::new(file, 0, Range::whole(file)?) }
    }

    /// Maps a whole file in memory whose content nobody can change: it has the seals `F_SEAL_WRITE` and
    /// `F_SEAL_SHRINK`. See [`add_seals`](super::add_seals).
    ///
    /// # Errors
    /// `EPERM`: a seal is missing. `EINVAL`: the file is not in memory, so it cannot have seals. (A file of
    /// tmpfs lacks these two seals: `EPERM`.) `EBADF`: the file is open with `O_PATH`. `EACCES`: it is not
    /// open for reading. `ENOMEM`: as for [`new`](Self::new).
    pub fn of_sealed(file: BorrowedFd<'_>) -> Result<Self> {
        if !seals(file)?.contains(F_SEAL_WRITE | F_SEAL_SHRINK) {
            return Err(Errno::EPERM);
        }
        // A private mapping, because the kernel before Linux 6.7 allows no shared mapping of such a file.
        //
        // SAFETY: the kernel removes no seal. With F_SEAL_WRITE there is no writable shared mapping, and nobody can
        // write to the file or punch a hole; with F_SEAL_SHRINK nobody can truncate it.
        Range::new(file, 0, Range::whole(file)?, PROT_READ, MAP_PRIVATE).map(Self)
    }
}

impl Deref for FileMapping {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        // SAFETY: the range is mapped for reading, or empty. `new` demands, and seals ensure, that the bytes do
        // not change and do not go.
        unsafe { self.0.0.as_ref() }
    }
}

impl AsRef<[u8]> for FileMapping {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

/// A file, or a part of a file, mapped for reading and writing.
#[derive(Debug)]
pub struct FileMappingMut(Range);

impl FileMappingMut {
    /// Maps `length` bytes of a file, from `offset` on, which is a multiple of the page size (mmap(2),
    /// `MAP_SHARED`). What is written to the memory is written to the file. `file` must be open for reading and
    /// writing, and may be closed afterwards.
    ///
    /// # Errors
    /// As for [`FileMapping::new`], except: `EACCES`: the file is not open for both reading and writing. `EPERM`: a seal
    /// forbids writing (`F_SEAL_WRITE`, `F_SEAL_FUTURE_WRITE`).
    ///
    /// # Safety
    /// As long as the value lives, only this value changes these bytes of the file, nobody truncates the file before
    /// their end, and this program has no other mapping of them.
    #[doc(alias = "mmap")]
    pub unsafe fn shared(file: BorrowedFd<'_>, offset: u64, length: usize) -> Result<Self> {
        Range::new(file, offset, length, PROT_READ | PROT_WRITE, MAP_SHARED).map(Self)
    }

    /// As [`shared`](Self::shared), but what is written to the memory stays in this process: the kernel copies a
    /// page at the first write (`MAP_PRIVATE`). `file` need not be open for writing.
    ///
    /// # Errors
    /// As for [`FileMapping::new`], without `EPERM`.
    ///
    /// # Safety
    /// As for [`FileMapping::new`].
    #[doc(alias = "mmap")]
    pub unsafe fn private(file: BorrowedFd<'_>, offset: u64, length: usize) -> Result<Self> {
        Range::new(file, offset, length, PROT_READ | PROT_WRITE, MAP_PRIVATE).map(Self)
    }

    /// Writes the changes of a shared mapping to the device, and waits for the end (msync(2), `MS_SYNC`). Of a
    /// private mapping nothing is written.
    ///
    /// # Errors
    /// `EIO`, `ENOSPC`, `EDQUOT`: data is lost.
    #[doc(alias = "msync")]
    pub fn flush(&self) -> Result<()> {
        let bytes = self.0.0;
        if bytes.is_empty() {
            return Ok(());
        }
        // SAFETY: the range is the whole mapping; the call does not change its bytes.
        unsafe { syscall!(msync(bytes.cast::<u8>().as_ptr(), bytes.len(), MS_SYNC)) }.map(drop)
    }
}

impl Deref for FileMappingMut {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        // SAFETY: the range is mapped for reading, or empty. The constructors demand that nobody else changes the
        // bytes.
        unsafe { self.0.0.as_ref() }
    }
}

impl DerefMut for FileMappingMut {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`; the range is mapped for writing too, and `&mut self` excludes other references.
        unsafe { self.0.0.as_mut() }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::fd::OwnedFd;
    use crate::fs::tests::{New, c};
    use crate::fs::{self, CWD, add_seals, in_memory, set_length};
    use crate::io::{read_at, write_all, write_all_at};
    use crate::mem::page_size;
    use crate::pipe::Pipe;

    /// A file of two pages and 10 bytes.
    fn file(name: &str) -> (New, usize) {
        let new = New::named(name);
        let page = page_size();
        write_all_at(new.file.as_fd(), b"second", page as u64).unwrap();
        write_all_at(new.file.as_fd(), b"0123456789", 2 * page as u64).unwrap();
        (new, page)
    }

    #[test]
    fn a_mapping_has_the_bytes_of_the_file() {
        let (new, page) = file("mapping");
        let file = new.file.as_fd();
        // SAFETY: no other process knows the file, and this test does not change it.
        unsafe {
            let whole = FileMapping::whole(file).unwrap();
            assert_eq!(whole.len(), 2 * page + 10);
            assert_eq!(whole[2 * page..], *b"0123456789");
            let part = FileMapping::new(file, page as u64, 6).unwrap();
            assert_eq!(*part, *b"second");
            let map = |offset, length| FileMapping::new(file, offset, length).map(|map| map.len());
            assert_eq!(map(0, 0), Ok(0));
            assert_eq!(map(2 * page as u64, 10), Ok(10));
            assert_eq!(map(2 * page as u64, 11), Err(Errno::EINVAL));
            assert_eq!(map(u64::MAX, 1), Err(Errno::EINVAL));
            assert_eq!(map(1, 1), Err(Errno::EINVAL));
        }
    }

    /// The errors that the documentation of the constructors lists.
    #[test]
    fn each_error_has_its_cause() {
        let (new, page) = file("refused");
        let name = c(&new.path);
        let open = |path, flags| fs::open(CWD, path, flags | O_CLOEXEC, 0).unwrap();
        let pipe = Pipe::new(O_CLOEXEC).unwrap();
        let socket = crate::net::unix::socket(crate::net::SOCK_STREAM).unwrap();
        // The result of each constructor for a byte: `new`, `shared` and `private`; and of `whole`.
        let results = |file: BorrowedFd<'_>| {
            // SAFETY: nobody else knows the file, or its bytes do not change; each mapping is dropped at once.
            unsafe {
                let one = [
                    FileMapping::new(file, 0, 1).err(),
                    FileMappingMut::shared(file, 0, 1).err(),
                    FileMappingMut::private(file, 0, 1).err(),
                ];
                (one, FileMapping::whole(file).map(|map| map.len()))
            }
        };
        let (access, device) = (Some(Errno::EACCES), Some(Errno::ENODEV));
        let all = Ok(2 * page + 10);
        let of = |flags| open(&name, flags);
        assert_eq!(results(of(O_RDWR).as_fd()), ([None; 3], all));
        let read_only = ([None, access, None], all);
        assert_eq!(results(of(O_RDONLY).as_fd()), read_only);
        let unreadable = ([access; 3], Err(Errno::EACCES));
        assert_eq!(results(of(O_WRONLY).as_fd()), unreadable);
        let no_file = ([Some(Errno::EBADF); 3], Err(Errno::EBADF));
        assert_eq!(results(of(O_PATH).as_fd()), no_file);
        // Not regular: some can be mapped, and none has a length.
        let root = open(c"/", O_RDONLY);
        let null = open(c"/dev/null", O_RDWR);
        let zero = open(c"/dev/zero", O_RDWR);
        let refused = ([device; 3], Err(Errno::ENODEV));
        let read_only = ([device, access, device], Err(Errno::ENODEV));
        assert_eq!(results(root.as_fd()), read_only);
        assert_eq!(results(pipe.read.as_fd()), read_only);
        assert_eq!(results(socket.as_fd()), refused);
        assert_eq!(results(null.as_fd()), refused);
        assert_eq!(results(zero.as_fd()), ([None; 3], Err(Errno::ENODEV)));
        // The length that the kernel reports, 0, is not the length of the text.
        let proc = open(c"/proc/self/status", O_RDONLY);
        let longer = [Some(Errno::EINVAL); 3];
        assert_eq!(results(proc.as_fd()), (longer, Ok(0)));

        let map = |file: &OwnedFd, offset, length| {
            // SAFETY: as above.
            let map = unsafe { FileMapping::new(file.as_fd(), offset, length) };
            map.map(|map| map.len())
        };
        let regular = of(O_RDONLY);
        assert_eq!(map(&regular, 1, 1), Err(Errno::EINVAL));
        assert_eq!(map(&regular, 0, 2 * page + 11), Err(Errno::EINVAL));
        assert_eq!(map(&zero, 0, usize::MAX - 0xffff), Err(Errno::ENOMEM));
        // For 0 bytes, the kernel checks nothing.
        assert_eq!(map(&regular, 1, 0), Ok(0));
        assert_eq!(map(&of(O_WRONLY), 0, 0), Ok(0));
        assert_eq!(map(&pipe.read, 0, 0), Ok(0));
        assert_eq!(
            map(&of(O_PATH), 2 * page as u64 + 11, 0),
            Err(Errno::EINVAL)
        );
    }

    #[test]
    fn a_shared_mapping_writes_to_the_file_and_a_private_one_does_not() {
        let (new, page) = file("writable");
        let file = new.file.as_fd();
        let at = page as u64;
        let in_file = || {
            let mut bytes = [0; 6];
            read_at(file, &mut bytes, at).unwrap();
            bytes
        };
        // SAFETY: no other process knows the file, and only one mapping exists at a time.
        unsafe {
            let mut private = FileMappingMut::private(file, at, 6).unwrap();
            private.copy_from_slice(b"change");
            assert_eq!(
                (*b"change", private.flush()),
                ((*private).try_into().unwrap(), Ok(()))
            );
            drop(private);
            assert_eq!(in_file(), *b"second");
            let mut shared = FileMappingMut::shared(file, at, 6).unwrap();
            shared.copy_from_slice(b"change");
            shared.flush().unwrap();
            assert_eq!(in_file(), *b"change");
            assert_eq!(FileMappingMut::shared(file, 0, 0).unwrap().flush(), Ok(()));
        }
    }

    #[test]
    fn only_a_sealed_file_is_mapped_safely() {
        let file = in_memory(c"sealed").unwrap();
        let file = file.as_fd();
        let map = || FileMapping::of_sealed(file).map(|map| map.len());
        write_all(file, b"constant").unwrap();
        assert_eq!(map(), Err(Errno::EPERM));
        add_seals(file, F_SEAL_SHRINK).unwrap();
        assert_eq!(map(), Err(Errno::EPERM));
        add_seals(file, F_SEAL_WRITE).unwrap();
        assert_eq!(map(), Ok(8));
        assert_eq!(write_all(file, b"x"), Err(Errno::EPERM));
        assert_eq!(set_length(file, 0), Err(Errno::EPERM));
        assert_eq!(*FileMapping::of_sealed(file).unwrap(), *b"constant");
        // SAFETY: nobody can change the file. A shared mapping for writing is refused.
        unsafe {
            let shared = FileMappingMut::shared(file, 0, 8).err();
            assert_eq!(shared, Some(Errno::EPERM));
            let private = FileMappingMut::private(file, 0, 8).unwrap();
            assert_eq!(*private, *b"constant");
            // EPERM before Linux 6.7.
            let shared = FileMapping::new(file, 0, 8).err();
            assert!(matches!(shared, None | Some(Errno::EPERM)));
        }
        let again = |flags| {
            let path = std::format!("/proc/self/fd/{}", file.as_raw());
            fs::open(CWD, &c(&path), flags | O_CLOEXEC, 0).unwrap()
        };
        let of_path = FileMapping::of_sealed(again(O_PATH).as_fd());
        assert_eq!(of_path.err(), Some(Errno::EBADF));
        let of_writer = FileMapping::of_sealed(again(O_WRONLY).as_fd());
        assert_eq!(of_writer.err(), Some(Errno::EACCES));
        let pipe = Pipe::new(O_CLOEXEC).unwrap();
        let of_pipe = FileMapping::of_sealed(pipe.read.as_fd());
        assert_eq!(of_pipe.err(), Some(Errno::EINVAL));
        let future = in_memory(c"future").unwrap();
        write_all(future.as_fd(), b"constant").unwrap();
        add_seals(future.as_fd(), F_SEAL_FUTURE_WRITE).unwrap();
        // SAFETY: nobody else knows the file.
        let shared = unsafe { FileMappingMut::shared(future.as_fd(), 0, 8) };
        assert_eq!(shared.err(), Some(Errno::EPERM));
        let new = New::named("unsealed");
        let of_disk = FileMapping::of_sealed(new.file.as_fd());
        // (A file of tmpfs has seals, of which F_SEAL_SEAL is set.)
        assert!(matches!(of_disk.err(), Some(Errno::EINVAL | Errno::EPERM)));
    }
}
