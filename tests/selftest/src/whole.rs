//! Self-test cases of whole files: read, written, mapped.

use core::ffi::CStr;

use ring3::Errno;
use ring3::fs::mapping::{FileMapping, FileMappingMut};
use ring3::fs::{self, CWD, F_SEAL_SHRINK, F_SEAL_WRITE, O_CLOEXEC, O_RDONLY};
use ring3::io::{read_at, write_all};
use ring3::mem::page_size;
use ring3::pipe::Pipe;

use crate::case::*;
use crate::cases;
use crate::fd::nobody;
use crate::fs::{at, with};
use crate::mem::stays;

cases! {
    "what is written to a file is read", [write, read], whole(b"some bytes", |path| fs::read(CWD, path).map(|bytes| *bytes == *b"some bytes")) => YES;
    "an empty file", [read], whole(b"", |path| fs::read(CWD, path).map(|bytes| bytes.len())) => value(0);
    "a file that the kernel makes", [read], fs::read(CWD, c"/proc/self/maps").map(|bytes| bytes.len() > 100 && bytes.ends_with(b"\n")) => YES;
    "a file that has no end", [read], fs::read(CWD, c"/").map(drop) => error(Errno::EISDIR);
    "no file to read", [read], fs::read(CWD, c"nothing").map(drop) => error(Errno::ENOENT);
    "a thousand files leave no mapping", [read], stays(|| fs::read(CWD, c"/proc/self/status").map(|bytes| bytes.starts_with(b"Name:"))) => value(0);
    "the rest of a pipe", [read_to_end], rest_of_a_pipe() => value(70_000);
    "the rest of what nobody has", [read_to_end], fs::read_to_end(nobody()).map(drop) => error(Errno::EBADF);
    "a file in a buffer", [read_into], whole(b"12345", |path| fs::read_into(CWD, path, &mut [0; 6]).map(|bytes| *bytes == *b"12345")) => YES;
    "a file as long as the buffer", [read_into], whole(b"12345", |path| fs::read_into(CWD, path, &mut [0; 5]).map(drop)) => error(Errno::EFBIG);
    "a second write replaces the first", [write], whole(b"a long text", |path| { fs::write(CWD, path, b"short")?; fs::read(CWD, path).map(|bytes| *bytes == *b"short") }) => YES;
    "a file for a full device", [write], fs::write(CWD, c"/dev/full", b"x") => error(Errno::ENOSPC);
    "a file below nothing", [write], fs::write(CWD, c"nothing/x", b"x") => error(Errno::ENOENT);
    // SAFETY: of all mappings here: no other process knows the file, and this one does not change it; /proc/self/exe
    // does not change while it runs.
    "a mapped file has its bytes", [mapping::FileMapping::whole], mapped_whole() => YES;
    "a part of a file is mapped", [mapping::FileMapping::new], mapped(|file, page| unsafe { FileMapping::new(file, page as u64, 4).map(|bytes| *bytes == *b"page") }) => YES;
    "no byte is mapped", [mapping::FileMapping::new], mapped(|file, _| unsafe { FileMapping::new(file, 0, 0).map(|bytes| bytes.len()) }) => value(0);
    "more than the file has", [mapping::FileMapping::new], mapped(|file, page| unsafe { FileMapping::new(file, page as u64, 5).map(drop) }) => error(Errno::EINVAL);
    "from within a page", [mapping::FileMapping::new], mapped(|file, _| unsafe { FileMapping::new(file, 1, 1).map(drop) }) => error(Errno::EINVAL);
    "a dropped mapping of a file is unmapped", [mapping::FileMapping::new], mapped(|file, page| stays(|| unsafe { FileMapping::new(file, 0, page).map(|bytes| bytes.len() == page) })) => value(0);
    "a sealed file is mapped", [mapping::FileMapping::of_sealed], sealed(true).map(|mapping| *mapping == *b"constant") => YES;
    "a file without seals", [mapping::FileMapping::of_sealed], sealed(false).map(drop) => error(Errno::EPERM);
    "a shared mapping changes the file", [mapping::FileMappingMut::shared, mapping::FileMappingMut::flush], changed(true) => YES;
    "a private mapping does not", [mapping::FileMappingMut::private], changed(false) => NO;
    "a file that is for reading is mapped for writing", [mapping::FileMappingMut::shared], at(c"/proc/self/exe", O_RDONLY).and_then(|file| unsafe { FileMappingMut::shared(file.as_fd(), 0, 1).map(drop) }) => error(Errno::EACCES);
}

/// Creates a file with this content, calls `work` with its path, and removes the file.
fn whole<T>(bytes: &[u8], work: impl FnOnce(&CStr) -> Result<T, Errno>) -> Result<T, Errno> {
    fs::write(CWD, c"whole", bytes)?;
    let result = work(c"whole");
    fs::unlink(CWD, c"whole")?;
    result
}

fn rest_of_a_pipe() -> Result<usize, Errno> {
    let pipe = Pipe::new(O_CLOEXEC)?;
    pipe.resize(1 << 17)?;
    write_all(pipe.write.as_fd(), &[7; 70_000])?;
    drop(pipe.write);
    let bytes = fs::read_to_end(pipe.read.as_fd())?;
    Ok(bytes.iter().filter(|&&byte| byte == 7).count())
}

/// Calls `work` with a file of a page and four bytes, and the size of a page.
fn mapped<T>(
    work: impl FnOnce(ring3::fd::BorrowedFd<'_>, usize) -> Result<T, Errno>,
) -> Result<T, Errno> {
    with(c"mapped", |file| {
        let page = page_size();
        ring3::io::write_all_at(file.as_fd(), b"page", page as u64)?;
        work(file.as_fd(), page)
    })
}

fn mapped_whole() -> Result<bool, Errno> {
    mapped(|file, page| {
        // SAFETY: no other process knows the file, and this one does not change it.
        let bytes = unsafe { FileMapping::whole(file) }?;
        Ok(bytes.len() == page + 4 && bytes[0] == 0 && bytes[page..] == *b"page")
    })
}

fn sealed(seal: bool) -> Result<FileMapping, Errno> {
    let file = fs::in_memory(c"sealed")?;
    write_all(file.as_fd(), b"constant")?;
    if seal {
        fs::add_seals(file.as_fd(), F_SEAL_SHRINK | F_SEAL_WRITE)?;
    }
    FileMapping::of_sealed(file.as_fd())
}

/// Whether a change of the mapping changes the file.
fn changed(shared: bool) -> Result<bool, Errno> {
    mapped(|file, page| {
        // SAFETY: no other process knows the file, and this is its only mapping.
        let mut bytes = unsafe {
            match shared {
                true => FileMappingMut::shared(file, page as u64, 4)?,
                false => FileMappingMut::private(file, page as u64, 4)?,
            }
        };
        bytes.copy_from_slice(b"PAGE");
        bytes.flush()?;
        let mut read = [0; 4];
        read_at(file, &mut read, page as u64)?;
        Ok(read == *b"PAGE")
    })
}
