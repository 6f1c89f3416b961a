//! Memory from the kernel: anonymous private mappings, in whole pages.
//!
//! Functions with a `start` and a `length` expect whole pages; the kernel rounds `length` up.
//!
//! ```
//! use ring3::mem::Mapping;
//!
//! let mut memory = Mapping::new(100_000)?;
//! memory[99_999] = 7;
//! memory.resize(200_000)?;
//! assert_eq!((memory[99_999], memory[199_999]), (7, 0));
//! # Ok::<(), ring3::Errno>(())
//! ```

use core::fmt;
use core::mem::MaybeUninit;
use core::ops::{Deref, DerefMut};
use core::ptr::{self, NonNull};

pub use crate::abi::mem::*;
use crate::abi::{Errno, Result, syscall};
use crate::arch;
use crate::env::auxv;

/// Returns the size of a page in bytes, a power of two (`AT_PAGESZ`).
///
/// Without an auxiliary vector (the library under another runtime) the result is the largest page size of the
/// architecture: a multiple of that size is a multiple of the real page size too.
#[must_use]
pub fn page_size() -> usize {
    auxv::get(auxv::AT_PAGESZ).unwrap_or(arch::PAGE_MAX)
}

/// The size of the smallest page of any kernel. Every mapping begins at a multiple of this size.
pub const LEAST_PAGE: usize = 4096;

/// The size of a huge page if a page has 4 KiB.
pub const HUGE_PAGE: usize = 2 << 20;

/// Maps `length` bytes of zeros, readable and writable, at the start of a page (mmap(2)).
///
/// A page takes memory only after its first use. The kernel rounds `length` up to whole pages.
///
/// # Errors
/// `ENOMEM`: the address space, `RLIMIT_AS` or the number of mappings is exhausted. `EINVAL`: `length` is 0.
#[inline(never)] // programs call it in many places
pub fn map(length: usize) -> Result<NonNull<u8>> {
    new(length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS)
}

/// Reserves `length` bytes of address space without memory, at the start of a page (mmap(2) with `PROT_NONE`). An
/// access to a page raises SIGSEGV until [`commit`] was called for the page.
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

/// As [`map`], at exactly this address, a multiple of the page size.
///
/// # Errors
/// As for [`map`]. `EEXIST`: another mapping lies in the range.
pub fn map_at(address: usize, length: usize) -> Result<NonNull<u8>> {
    const NO_FILE: i32 = -1;
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
    // SAFETY: `MAP_FIXED_NOREPLACE` never replaces a mapping, so no memory in use changes. A kernel that does not know
    // the flag treats the address as a hint.
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
    // A kernel before 4.17 does not know the flag, and chose another address.
    //
    // SAFETY: the range is the new mapping, whose address no other code has.
    let _ = unsafe { syscall!(munmap(start, length)) };
    Err(Errno::EEXIST)
}

/// Maps `length` bytes at an address of the kernel's choice.
fn new(length: usize, prot: Prot, flags: Map) -> Result<NonNull<u8>> {
    const ANY_ADDRESS: usize = 0;
    const NO_FILE: i32 = -1;
    // SAFETY: without `MAP_FIXED` a new mapping replaces no other, so no memory in use changes.
    let start = unsafe { syscall!(mmap(ANY_ADDRESS, length, prot, flags, NO_FILE, 0usize)) }?;
    pointer(start)
}

/// Makes reserved pages readable and writable (mprotect(2)). Pages that were never committed before are zero.
///
/// # Errors
/// `ENOMEM`: memory or the number of mappings is exhausted. A part of the pages may be changed.
///
/// # Safety
/// The range is whole pages from [`reserve`], which were not unmapped since.
pub unsafe fn commit(start: NonNull<u8>, length: usize) -> Result<()> {
    // SAFETY: the caller promises that the pages are from `reserve` and still mapped. The call only adds rights, so no
    // memory in use loses a right.
    unsafe { syscall!(mprotect(start.as_ptr(), length, PROT_READ | PROT_WRITE)) }.map(drop)
}

/// Makes pages inaccessible: an access raises SIGSEGV (mprotect(2) with `PROT_NONE`).
///
/// # Errors
/// `ENOMEM`: the number of mappings is exhausted. The pages are unchanged.
///
/// # Safety
/// The range is whole pages from this module. No code uses them until [`commit`].
pub unsafe fn protect(start: NonNull<u8>, length: usize) -> Result<()> {
    // SAFETY: the caller promises that the pages are from this module, and that no code uses them.
    unsafe { syscall!(mprotect(start.as_ptr(), length, PROT_NONE)) }.map(drop)
}

/// Returns the memory of pages to the kernel. The pages stay mapped, and are zero again (madvise(2), `MADV_DONTNEED`).
///
/// # Errors
/// `EINVAL`: the pages are locked in memory. Pages of this module are not.
///
/// # Safety
/// The range is whole committed pages from this module. No code relies on their content.
pub unsafe fn discard(start: NonNull<u8>, length: usize) -> Result<()> {
    // SAFETY: the caller promises that the pages are from this module, and that no code relies on their content.
    unsafe { syscall!(madvise(start.as_ptr(), length, MADV_DONTNEED)) }.map(drop)
}

/// Requests huge pages for a range of which all will be used (madvise(2), `MADV_HUGEPAGE`). The kernel may then map a
/// whole huge page, mostly 2 MiB, at the first access, instead of one page fault every few KiB.
///
/// # Errors
/// `EINVAL`: the kernel has no huge pages.
///
/// # Safety
/// The range is whole pages from this module.
pub unsafe fn prefer_huge(start: NonNull<u8>, length: usize) -> Result<()> {
    // SAFETY: the advice changes neither the content of the pages nor the rights, only speed and memory use.
    unsafe { syscall!(madvise(start.as_ptr(), length, MADV_HUGEPAGE)) }.map(drop)
}

/// Unmaps `length` bytes from `start`: a mapping or a part of one (munmap(2)).
///
/// # Errors
/// `ENOMEM`: the hole would split a mapping, and the number of mappings is exhausted. The pages stay mapped.
///
/// # Safety
/// The range is whole pages from this module. No code uses them again.
pub unsafe fn unmap(start: NonNull<u8>, length: usize) -> Result<()> {
    // SAFETY: the caller promises that the pages are from this module, and that no code uses them again.
    unsafe { syscall!(munmap(start.as_ptr(), length)) }.map(drop)
}

/// Changes the length of a mapping, and returns its address, which may be new. The pages move without a copy; added
/// pages are zero (mremap(2)).
///
/// # Errors
/// `ENOMEM`: as for [`map`]; or there is no room after the mapping, without [`MREMAP_MAYMOVE`]. The mapping is
/// unchanged.
///
/// # Safety
/// The range is a whole mapping from this module. If the result is another address or a shorter mapping, no code uses
/// the old address or the bytes after the new length.
pub unsafe fn remap(
    start: NonNull<u8>,
    length: usize,
    new_length: usize,
    how: Remap,
) -> Result<NonNull<u8>> {
    // SAFETY: the caller promises that the range is a whole mapping from this module, and that no code uses the part
    // that is unmapped.
    let start = unsafe { syscall!(mremap(start.as_ptr(), length, new_length, how)) }?;
    pointer(start)
}

/// Moves a mapping to reserved address space, and changes its length. The pages move without a copy; added pages are
/// zero (mremap(2), `MREMAP_FIXED`).
///
/// # Errors
/// `ENOMEM`: as for [`map`]. The mapping is unchanged; the range at `to` may be unmapped.
///
/// # Safety
/// As for [`remap`]. The `new_length` bytes at `to` are whole pages from [`reserve`] that no code uses.
pub unsafe fn move_to(
    start: NonNull<u8>,
    length: usize,
    to: NonNull<u8>,
    new_length: usize,
) -> Result<()> {
    let how = MREMAP_MAYMOVE | MREMAP_FIXED;
    // SAFETY: the caller promises what `remap` requires, and that no code uses the pages at `to`, which the call
    // replaces.
    unsafe { syscall!(mremap(start.as_ptr(), length, new_length, how, to.as_ptr())) }.map(drop)
}

/// Converts the address of a mapping to a pointer. Pointers to mapped memory get their provenance only here. The
/// provenance is exposed, so that code may convert an address inside the mapping to a pointer again.
fn pointer(address: usize) -> Result<NonNull<u8>> {
    NonNull::new(ptr::with_exposed_provenance_mut(address)).ok_or(Errno::ENOMEM)
}

/// A mapping with one owner: slots for values of `T`, initially all zero bytes. Dropping it unmaps the pages, and drops no
/// value.
pub struct Slots<T>(NonNull<[MaybeUninit<T>]>);

/// The number of slots: which of them are initialized is not known.
impl<T> fmt::Debug for Slots<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Slots").field(&self.0.len()).finish()
    }
}

// SAFETY: `Slots` owns its slots, as a `Box<[MaybeUninit<T>]>` does: `new` mapped them, and only `drop` unmaps them.
unsafe impl<T: Send> Send for Slots<T> {}
// SAFETY: shared `Slots` return only shared references to the slots.
unsafe impl<T: Sync> Sync for Slots<T> {}

impl<T> Slots<T> {
    /// Maps `count` slots, at least one.
    ///
    /// # Errors
    /// `ENOMEM`: as for [`map`], and if the address space is smaller than the slots.
    pub fn new(count: usize) -> Result<Self> {
        const { assert!(align_of::<T>() <= LEAST_PAGE && size_of::<T>() > 0) }; // a mapping begins at a page
        let count = count.max(1); // a mapping of 0 bytes is an error
        let length = count.checked_mul(size_of::<T>()).ok_or(Errno::ENOMEM)?;
        let start = map(length)?.cast();
        Ok(Self(NonNull::slice_from_raw_parts(start, count)))
    }

    /// The values in the first `count` slots, without a check of `count`.
    ///
    /// # Safety
    /// There are `count` slots, and the first `count` slots are initialized.
    #[inline]
    #[must_use]
    pub unsafe fn values(&self, count: usize) -> &[T] {
        // SAFETY: as in `deref`; the caller guarantees the initialized values.
        unsafe { NonNull::slice_from_raw_parts(self.0.cast(), count).as_ref() }
    }

    /// As [`values`](Self::values), mutable.
    ///
    /// # Safety
    /// As for [`values`](Self::values).
    #[inline]
    pub unsafe fn values_mut(&mut self, count: usize) -> &mut [T] {
        // SAFETY: as in `deref_mut`; the caller guarantees the initialized values.
        unsafe { NonNull::slice_from_raw_parts(self.0.cast(), count).as_mut() }
    }
}

impl<T> Deref for Slots<T> {
    type Target = [MaybeUninit<T>];

    #[inline]
    fn deref(&self) -> &[MaybeUninit<T>] {
        // SAFETY: `new` mapped this range readable and aligned for `T`; a `MaybeUninit` needs no initialization. Only
        // `drop` unmaps the range. Other code gets the slots only through `&self` and `&mut self`, so no mutable
        // reference exists during the borrow.
        unsafe { self.0.as_ref() }
    }
}

impl<T> DerefMut for Slots<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [MaybeUninit<T>] {
        // SAFETY: as in `deref`; the range is writable too, and `&mut self` excludes other references.
        unsafe { self.0.as_mut() }
    }
}

impl<T> Drop for Slots<T> {
    fn drop(&mut self) {
        // SAFETY: the range is the whole mapping, and no reference to it outlives `self`. The kernel may have merged
        // the mapping with its neighbours. Then the kernel refuses to split the merged mapping if the number of
        // mappings is exhausted. Then the pages stay mapped: a leak, but sound.
        let _ = unsafe { unmap(self.0.cast(), self.0.len() * size_of::<T>()) };
    }
}

/// A mapping with one owner: a slice of bytes, initially all zero. Dropping it unmaps the pages.
pub struct Mapping(Slots<u8>);

/// The number of bytes.
impl fmt::Debug for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Mapping").field(&self.len()).finish()
    }
}

impl Mapping {
    /// Maps `length` bytes of zeros.
    ///
    /// # Errors
    /// As for [`map`].
    pub fn new(length: usize) -> Result<Self> {
        match length {
            0 => Err(Errno::EINVAL),
            _ => Slots::new(length).map(Self),
        }
    }

    /// Changes the length to `length` bytes; the bytes may move to another address (mremap(2)). Added pages are
    /// zero. Bytes that a shorter length cut off may be there again if the length grows later.
    ///
    /// # Errors
    /// As for [`map`]. `EINVAL`: also if `length` is larger than the address space. The mapping is unchanged.
    #[doc(alias = "mremap")]
    pub fn resize(&mut self, length: usize) -> Result<()> {
        if length == 0 {
            return Err(Errno::EINVAL);
        }
        let old = self.0.0;
        // SAFETY: the range is the whole mapping, and `&mut self` excludes references to its bytes.
        let start = unsafe { remap(old.cast(), old.len(), length, MREMAP_MAYMOVE) }?;
        self.0.0 = NonNull::slice_from_raw_parts(start.cast(), length);
        Ok(())
    }
}

impl Deref for Mapping {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the kernel initialized all bytes to zero, and each byte that is written later is initialized too.
        unsafe { self.0.assume_init_ref() }
    }
}

impl DerefMut for Mapping {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`.
        unsafe { self.0.assume_init_mut() }
    }
}
