//! Memory that the kernel gives: anonymous mappings, in whole pages.

use core::ffi::CStr;
use core::ops::{Deref, DerefMut};
use core::ptr::{self, NonNull};

pub use crate::abi::mem::*;
use crate::abi::{Errno, Result, syscall};
use crate::{arch, auxv};

/// The size of a page in bytes, a power of two.
///
/// Where no auxiliary vector was given (the library under another runtime), the largest that the
/// architecture has: what is aligned to that is aligned to the real one too.
pub fn page_size() -> usize {
    auxv::get(auxv::AT_PAGESZ).unwrap_or(arch::PAGE_MAX)
}

/// The size of the smallest page of any kernel. Every mapping begins at a multiple of this size.
pub const LEAST_PAGE: usize = 4096;

/// The size of a huge page where a page has 4 KiB.
pub const HUGE_PAGE: usize = 2 << 20;

/// Copies bytes from the beginning of `from` to that of `to`, as many as both have.
#[inline]
pub fn copy(to: &mut [u8], from: &[u8]) {
    let count = to.len().min(from.len());
    // SAFETY: both have as many, and do not overlap, because one of them can be written.
    unsafe { ptr::copy_nonoverlapping(from.as_ptr(), to.as_mut_ptr(), count) };
}

/// Whether `text` begins with `start`. As `starts_with`, but byte by byte: a small program that compares short texts
/// alone does without memcmp.
pub fn begins(text: &[u8], start: &[u8]) -> bool {
    let mut text = text.iter();
    start.iter().all(|byte| text.next() == Some(byte))
}

/// The text up to the first zero in `bytes`; an empty one where there is none. As `CStr::from_bytes_until_nul`, but
/// byte by byte: these texts are short.
pub fn until_zero(bytes: &[u8]) -> &CStr {
    let zero = bytes.iter().position(|&byte| byte == 0);
    match zero.and_then(|zero| bytes.get(..=zero)) {
        // SAFETY: its last byte is a zero, and no byte before.
        Some(text) => unsafe { CStr::from_bytes_with_nul_unchecked(text) },
        None => c"",
    }
}

/// `length` bytes of fresh memory, all zero, for reading and writing; it begins on a page (mmap(2)).
///
/// No page of it takes memory before its first use. The kernel rounds `length` up to whole pages.
///
/// # Errors
/// `ENOMEM`: the address space, `RLIMIT_AS` or the number of mappings is exhausted. `EINVAL`:
/// `length` is 0.
#[inline(never)] // programs call it in many places
pub fn map(length: usize) -> Result<NonNull<u8>> {
    new(length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS)
}

/// `length` bytes of address space, without memory: whoever touches it ends by SIGSEGV, until
/// [`commit`] (mmap(2) with `PROT_NONE`). It begins on a page.
///
/// # Errors
/// As for [`map`].
pub fn reserve(length: usize) -> Result<NonNull<u8>> {
    new(
        length,
        PROT_NONE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
    )
}

/// As [`map`], at this address, which is a multiple of the page size; or not at all.
///
/// # Errors
/// As for [`map`]. `EEXIST`: something is there.
pub fn map_at(address: usize, length: usize) -> Result<NonNull<u8>> {
    const NO_FILE: i32 = -1;
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
    // SAFETY: it touches no memory in use.
    let start = unsafe {
        syscall!(mmap(
            address,
            length,
            PROT_READ | PROT_WRITE,
            flags,
            NO_FILE,
            0usize
        ))
    }?;
    if start == address {
        return pointer(start);
    }
    // A kernel before 4.17 does not know the flag, and takes the address as a wish.
    // SAFETY: just mapped.
    let _ = unsafe { syscall!(munmap(start, length)) };
    Err(Errno::EEXIST)
}

/// A new mapping at an address of the kernel's choice.
fn new(length: usize, prot: Prot, flags: Map) -> Result<NonNull<u8>> {
    const ANY_ADDRESS: usize = 0;
    const NO_FILE: i32 = -1;
    // SAFETY: it touches no memory in use.
    let start = unsafe { syscall!(mmap(ANY_ADDRESS, length, prot, flags, NO_FILE, 0usize)) }?;
    pointer(start)
}

/// Makes pages for reading and writing of what was reserved; they are zero (mprotect(2)).
///
/// # Errors
/// `ENOMEM`: memory or the number of mappings is exhausted. A part of the pages may be changed.
///
/// # Safety
/// Whole pages that [`reserve`] gave, not unmapped since.
pub unsafe fn commit(start: NonNull<u8>, length: usize) -> Result<()> {
    // SAFETY: the caller's promise: it takes no right from memory in use.
    unsafe { syscall!(mprotect(start.as_ptr(), length, PROT_READ | PROT_WRITE)) }.map(drop)
}

/// Takes all rights from pages: who touches them ends by SIGSEGV (mprotect(2) with `PROT_NONE`).
///
/// # Errors
/// `ENOMEM`: the number of mappings is exhausted. The pages are as they were.
///
/// # Safety
/// Whole pages of this module's giving, which nobody uses until [`commit`].
pub unsafe fn protect(start: NonNull<u8>, length: usize) -> Result<()> {
    // SAFETY: the caller's promise.
    unsafe { syscall!(mprotect(start.as_ptr(), length, PROT_NONE)) }.map(drop)
}

/// Gives back the memory of pages that stay for use: they are zero again (madvise(2), `MADV_DONTNEED`).
///
/// # Errors
/// `EINVAL`: pages that are locked; none that this module gives.
///
/// # Safety
/// Whole pages of this module's giving, committed; nobody relies on what they hold.
pub unsafe fn discard(start: NonNull<u8>, length: usize) -> Result<()> {
    // SAFETY: the caller's promise.
    unsafe { syscall!(madvise(start.as_ptr(), length, MADV_DONTNEED)) }.map(drop)
}

/// Says that all of the pages will be used: where the kernel has larger ones (2 MiB, mostly) it may
/// then fill an aligned stretch at the first touch, in place of a page fault every few KiB
/// (madvise(2), `MADV_HUGEPAGE`).
///
/// # Errors
/// `EINVAL`: this kernel has no such pages.
///
/// # Safety
/// Whole pages of this module's giving.
pub unsafe fn prefer_huge(start: NonNull<u8>, length: usize) -> Result<()> {
    // SAFETY: changes nothing that a program sees but its speed and size.
    unsafe { syscall!(madvise(start.as_ptr(), length, MADV_HUGEPAGE)) }.map(drop)
}

/// Gives back the pages of `length` bytes from `start`, a mapping or a part of one (munmap(2)).
///
/// # Errors
/// `ENOMEM`: a part out of the middle would make one mapping too many. The pages are still there.
///
/// # Safety
/// `start` is the beginning of a page that [`map`] or [`remap`] gave, and nothing in these pages is
/// used again.
pub unsafe fn unmap(start: NonNull<u8>, length: usize) -> Result<()> {
    // SAFETY: the caller's promise.
    unsafe { syscall!(munmap(start.as_ptr(), length)) }.map(drop)
}

/// Changes the length of a mapping and says where it is now; its pages move without being copied,
/// and what is added is zero (mremap(2)).
///
/// # Errors
/// `ENOMEM`: as for [`map`], or without [`MREMAP_MAYMOVE`] no room behind it. The mapping is as it was.
///
/// # Safety
/// `start` and `length` are a whole mapping that [`map`] or this gave; where the answer is another
/// address, or a shorter mapping, nothing uses what is gone.
pub unsafe fn remap(
    start: NonNull<u8>,
    length: usize,
    new_length: usize,
    how: Remap,
) -> Result<NonNull<u8>> {
    // SAFETY: the caller's promise.
    let start = unsafe { syscall!(mremap(start.as_ptr(), length, new_length, how)) }?;
    pointer(start)
}

/// Moves a mapping into reserved space and changes its length; its pages move without being copied,
/// and what is added is zero (mremap(2), `MREMAP_FIXED`).
///
/// # Errors
/// `ENOMEM`: as for [`map`]. The mapping is as it was; the space it was to go to may be unmapped.
///
/// # Safety
/// As for [`remap`]; `to` is `new_length` bytes of whole pages that [`reserve`] gave and nobody uses.
pub unsafe fn move_to(
    start: NonNull<u8>,
    length: usize,
    to: NonNull<u8>,
    new_length: usize,
) -> Result<()> {
    let how = MREMAP_MAYMOVE | MREMAP_FIXED;
    // SAFETY: the caller's promise.
    unsafe { syscall!(mremap(start.as_ptr(), length, new_length, how, to.as_ptr())) }.map(drop)
}

/// Begins to bring a byte and its neighbours into the cache, for one who reads it a little later.
#[inline]
pub fn prefetch(byte: &u8) {
    arch::prefetch(byte);
}

/// A mapping's address as a pointer to it. Only here does memory get its provenance; it is exposed,
/// so that an address computed inside a mapping may become a pointer again.
fn pointer(address: usize) -> Result<NonNull<u8>> {
    NonNull::new(ptr::with_exposed_provenance_mut(address)).ok_or(Errno::ENOMEM)
}

/// Bytes of a mapping of one's own, all zero at first; dropping it gives the pages back.
pub struct Mapping(NonNull<[u8]>);

// SAFETY: it owns its bytes, as a Vec does.
unsafe impl Send for Mapping {}
// SAFETY: shared, it gives nothing but shared references to them.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// `length` bytes.
    ///
    /// # Errors
    /// As for [`map`].
    pub fn new(length: usize) -> Result<Self> {
        Ok(Self(NonNull::slice_from_raw_parts(map(length)?, length)))
    }
}

impl Deref for Mapping {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the mapping is readable, as long, this owner's alone, and began as zeros.
        unsafe { self.0.as_ref() }
    }
}

impl DerefMut for Mapping {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`, and writable.
        unsafe { self.0.as_mut() }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the whole mapping, at its end of use. Where the kernel has no room to split a
        // larger mapping that it made of this and a neighbour, the pages stay: a leak, and sound.
        let _ = unsafe { unmap(self.0.cast(), self.0.len()) };
    }
}
