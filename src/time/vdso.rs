//! The vDSO: functions that the kernel maps into every process (vdso(7)).
//!
//! The vDSO is an ELF image. This module finds a function in it as a dynamic loader does: by name and
//! version, through the dynamic table. qemu-user provides no vDSO.

use core::ffi::CStr;
use core::mem::offset_of;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::abi::elf::*;
use crate::abi::time::Timespec;
use crate::arch::CLOCK_GETTIME;
use crate::bytes;
use crate::env::auxv::{self, AT_SYSINFO_EHDR};
use crate::mem::LEAST_PAGE;

/// `int clock_gettime(clockid_t, struct timespec *)`, with C's calling convention. Returns 0 or a negated
/// error number.
pub(super) type ClockGettime = unsafe extern "C" fn(i32, *mut Timespec) -> i32;

/// The vDSO's `clock_gettime`, or `None` if there is none. The search runs once.
pub(super) fn clock_gettime() -> Option<ClockGettime> {
    /// The function's address, `UNKNOWN` before the search, or `NONE`.
    static FOUND: AtomicUsize = AtomicUsize::new(UNKNOWN);
    const UNKNOWN: usize = 0;
    const NONE: usize = 1;

    let mut address = FOUND.load(Relaxed);
    if address == UNKNOWN {
        address = find().unwrap_or(NONE);
        // Threads that search at the same time all find the same address.
        FOUND.store(address, Relaxed);
    }
    if address == NONE {
        return None;
    }
    let function = core::ptr::with_exposed_provenance::<()>(address);
    // SAFETY: `address` is where the vDSO has the function with this name and version: `find` returned it.
    // The kernel keeps the function there, with this signature, for the life of the process.
    Some(unsafe { core::mem::transmute::<*const (), ClockGettime>(function) })
}

fn find() -> Option<usize> {
    let base = auxv::get(AT_SYSINFO_EHDR)?;
    let start = core::ptr::with_exposed_provenance::<u8>(base);
    // SAFETY: the kernel mapped the image at `start`, readable and never changed, for the life of the
    // process. The image begins at a page boundary, and every page has at least LEAST_PAGE bytes.
    let first_page = unsafe { core::slice::from_raw_parts(start, LEAST_PAGE) };
    let length = Image::new(first_page).length;
    // SAFETY: as above. `length` is the size of the image's one loaded segment, all of which the kernel maps.
    let image = unsafe { core::slice::from_raw_parts(start, length) };
    let (name, version) = CLOCK_GETTIME;
    Some(base + Image::new(image).function(name, version)?)
}

/// The bits of a symbol's version number. Bit 15 is not one of them: it marks a version that is not the
/// default.
const VERSION_MASK: u16 = 0x7fff;

/// A little-endian ELF image in memory, of the machine's word size.
///
/// Reading is safe for any bytes. Reading stays within `bytes`: bytes beyond the end are read as zeros.
/// Reading always ends: positions only increase, and zeros end each table.
struct Image<'a> {
    bytes: &'a [u8],
    /// The size of the loaded segment, from its program header.
    length: usize,
    /// The address at which the image was linked, modulo 4 GiB.
    base: u32,
    /// The offset of the dynamic table.
    dynamic: usize,
}

impl<'a> Image<'a> {
    /// Reads the headers of an image with one segment to load. `bytes` is the image, or at least its headers.
    fn new(bytes: &'a [u8]) -> Self {
        let mut image = Self {
            bytes,
            length: 0,
            base: 0,
            dynamic: 0,
        };
        let mut header = image.count(offset_of!(Ehdr, e_phoff));
        for _ in 0..image.u16(offset_of!(Ehdr, e_phnum)) {
            match image.u32(header) {
                PT_LOAD => {
                    image.length = image.u32(header + offset_of!(Phdr, p_memsz)) as usize;
                    image.base = image.u32(header + offset_of!(Phdr, p_vaddr));
                }
                PT_DYNAMIC => image.dynamic = image.count(header + offset_of!(Phdr, p_offset)),
                _ => {}
            }
            header += size_of::<Phdr>();
        }
        image
    }

    /// The offset of the function with this name and version.
    fn function(&self, name: &CStr, version: &CStr) -> Option<usize> {
        let symbols = self.table(DT_SYMTAB);
        let versions = self.table(DT_VERSYM);
        let version = self.version(version)?;
        let symbol = |index: usize| symbols + index * size_of::<Sym>();
        let is_it = |index: usize| {
            let place = symbol(index);
            self.u16(place + offset_of!(Sym, st_shndx)) != SHN_UNDEF
                && self.u16(versions + index * size_of::<u16>()) & VERSION_MASK == version
                && self.is_named(place + offset_of!(Sym, st_name), name)
        };
        let index = self.look_up(name, is_it)?;
        let offset = self.offset(symbol(index) + offset_of!(Sym, st_value));
        (offset < self.bytes.len()).then_some(offset)
    }

    /// The index of the first symbol with this name for which `is_it` returns true. `is_it` must compare the
    /// name, because `is_it` is also called for symbols with other names.
    fn look_up(&self, name: &CStr, is_it: impl Fn(usize) -> bool) -> Option<usize> {
        let gnu_hash = self.table(DT_GNU_HASH);
        if gnu_hash == 0 {
            // The table starts with the number of buckets and the number of symbols. There are few symbols,
            // so this tries all.
            let count = self.count(self.table(DT_HASH) + 4);
            return (0..count).find(|&index| is_it(index));
        }
        // The table has four numbers, a Bloom filter of words, the buckets, and the symbols' hashes from
        // index `first` on. The hashes of a bucket are adjacent, and the last of them has bit 0 set.
        let buckets = self.count(gnu_hash);
        let first = self.count(gnu_hash + 4);
        let filter = self.count(gnu_hash + 8);
        let bucket_table = gnu_hash + 16 + filter * size_of::<usize>();
        let hash = name.to_bytes().iter().fold(5381, |hash: u32, &byte| {
            hash.wrapping_mul(33).wrapping_add(byte.into())
        });
        let mut index = self.count(bucket_table + (hash as usize).checked_rem(buckets)? * 4);
        while let Some(in_chain) = index.checked_sub(first)
            && index < self.bytes.len()
        {
            let other = self.u32(bucket_table + (buckets + in_chain) * 4);
            if other | 1 == hash | 1 && is_it(index) {
                return Some(index);
            }
            if other & 1 != 0 {
                break;
            }
            index += 1;
        }
        None
    }

    /// The offset of the table with this tag in the dynamic table; 0 if there is none.
    fn table(&self, tag: isize) -> usize {
        let mut entry = self.dynamic;
        loop {
            match self.word(entry) as isize {
                DT_NULL => return 0,
                found if found == tag => return self.offset(entry + offset_of!(Dyn, d_un)),
                _ => entry += size_of::<Dyn>(),
            }
        }
    }

    /// The number of the version with this name.
    fn version(&self, name: &CStr) -> Option<u16> {
        let mut definition = self.table(DT_VERDEF);
        loop {
            let names = self.count(definition + offset_of!(Verdef, vd_aux));
            if self.is_named(definition + names, name) {
                return Some(self.u16(definition + offset_of!(Verdef, vd_ndx)) & VERSION_MASK);
            }
            match self.count(definition + offset_of!(Verdef, vd_next)) {
                0 => return None,
                next => definition += next,
            }
        }
    }

    /// Whether a string is `name`. `at` is the position of the string's offset in the string table.
    fn is_named(&self, at: usize, name: &CStr) -> bool {
        let text = self.bytes.get(self.table(DT_STRTAB) + self.count(at)..);
        text.is_some_and(|text| bytes::begins(text, name.to_bytes_with_nul()))
    }

    /// Converts the address at position `at` to an offset; to the end of the image if the address lies outside.
    fn offset(&self, at: usize) -> usize {
        self.within(self.u32(at).wrapping_sub(self.base))
    }

    /// A number or an offset of the image; at most the length of the image, so that a sum of a few does not overflow.
    fn count(&self, at: usize) -> usize {
        self.within(self.u32(at))
    }

    fn within(&self, offset: u32) -> usize {
        self.bytes.len().min(offset as usize)
    }

    fn u32(&self, at: usize) -> u32 {
        self.word(at) as u32
    }

    fn u16(&self, at: usize) -> u16 {
        self.word(at) as u16
    }

    /// A word of the machine; 0 if the image has fewer bytes there.
    #[inline(never)] // called in many places, each smaller than this function
    fn word(&self, at: usize) -> usize {
        let bytes = self.bytes.get(at..).and_then(|bytes| bytes.first_chunk());
        usize::from_le_bytes(bytes.copied().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    /// The image that the kernel gave this process. The test runs under the C library, so `auxv` has no
    /// vector; the vector is read from /proc. `None` under qemu-user.
    fn of_the_kernel() -> Option<Vec<u8>> {
        let vector = std::fs::read("/proc/self/auxv").unwrap();
        let (entries, _) = vector.as_chunks::<{ size_of::<usize>() }>();
        let base = entries
            .chunks_exact(2)
            .find(|entry| usize::from_ne_bytes(entry[0]) == AT_SYSINFO_EHDR)
            .map(|entry| usize::from_ne_bytes(entry[1]))?;
        let start = core::ptr::with_exposed_provenance::<u8>(base);
        // SAFETY: the kernel mapped the image at `start` for the life of the process, and every page has at
        // least LEAST_PAGE bytes.
        let first_page = unsafe { core::slice::from_raw_parts(start, LEAST_PAGE) };
        let length = Image::new(first_page).length;
        // SAFETY: as above, and the kernel maps the image's whole segment.
        Some(unsafe { core::slice::from_raw_parts(start, length) }.to_vec())
    }

    /// The function's offset in the image of [`made`].
    const FOUND: usize = 0x2a0;

    /// An image with one kind of hash table, linked far from address 0. An earlier function has the same name
    /// and another version.
    fn made(hash_table: isize) -> Vec<u8> {
        const LINKED: usize = 0xffff_ffff_ff70_0000_u64 as usize;
        let (name, version) = CLOCK_GETTIME;
        let mut image = std::vec![0; 0x300];
        let mut put = |at: usize, bytes: &[u8]| image[at..][..bytes.len()].copy_from_slice(bytes);

        put(offset_of!(Ehdr, e_phoff), &0x40_usize.to_ne_bytes());
        put(offset_of!(Ehdr, e_phnum), &2_u16.to_ne_bytes());
        let second = 0x40 + size_of::<Phdr>();
        for (header, kind, offset) in [(0x40, PT_LOAD, 0), (second, PT_DYNAMIC, 0xb0_usize)] {
            put(header + offset_of!(Phdr, p_type), &kind.to_ne_bytes());
            put(header + offset_of!(Phdr, p_offset), &offset.to_ne_bytes());
            put(
                header + offset_of!(Phdr, p_vaddr),
                &(LINKED + offset).to_ne_bytes(),
            );
            put(
                header + offset_of!(Phdr, p_memsz),
                &0x300_usize.to_ne_bytes(),
            );
        }
        let tables = [
            (DT_STRTAB, 0x120),
            (DT_SYMTAB, 0x180),
            (DT_VERSYM, 0x1d0),
            (DT_VERDEF, 0x1e0),
            (hash_table, 0x240),
            (DT_NULL, 0),
        ];
        for (entry, (tag, offset)) in tables.into_iter().enumerate() {
            let at = 0xb0 + entry * size_of::<Dyn>();
            put(at + offset_of!(Dyn, d_tag), &tag.to_ne_bytes());
            put(at + offset_of!(Dyn, d_un), &(LINKED + offset).to_ne_bytes());
        }
        put(0x120 + 1, name.to_bytes());
        put(0x120 + 0x20, version.to_bytes());
        put(0x120 + 0x30, b"another");
        for (symbol, (value, version)) in [(0x111, 3_u16), (FOUND, 2)].iter().enumerate() {
            let at = 0x180 + (1 + symbol) * size_of::<Sym>();
            put(at + offset_of!(Sym, st_name), &1_u32.to_ne_bytes());
            put(at + offset_of!(Sym, st_shndx), &5_u16.to_ne_bytes());
            put(
                at + offset_of!(Sym, st_value),
                &(LINKED + value).to_ne_bytes(),
            );
            put(0x1d0 + (1 + symbol) * 2, &version.to_ne_bytes());
        }
        for (at, number, next, name) in [(0x1e0, 3_u16, 0x20_u32, 0x30_u32), (0x200, 2, 0, 0x20)] {
            put(at + offset_of!(Verdef, vd_ndx), &number.to_ne_bytes());
            put(at + offset_of!(Verdef, vd_next), &next.to_ne_bytes());
            put(at + offset_of!(Verdef, vd_aux), &0x14_u32.to_ne_bytes());
            put(at + 0x14, &name.to_ne_bytes());
        }
        let hash = name.to_bytes().iter().fold(5381, |hash: u32, &byte| {
            hash.wrapping_mul(33).wrapping_add(byte.into())
        });
        let numbers = if hash_table == DT_HASH {
            std::vec![1, 3] // one bucket, three symbols
        } else {
            // One bucket, first symbol 1, a filter of one word; the bucket's first symbol, two hashes.
            let filter = &[!0_u32; size_of::<usize>() / size_of::<u32>()];
            [&[1, 1, 1, 0], &filter[..], &[1, hash & !1, hash | 1]].concat()
        };
        for (index, number) in numbers.iter().enumerate() {
            put(0x240 + index * 4, &number.to_ne_bytes());
        }
        image
    }

    fn images() -> impl Iterator<Item = Vec<u8>> {
        [made(DT_HASH), made(DT_GNU_HASH)]
            .into_iter()
            .chain(of_the_kernel())
    }

    #[test]
    fn the_function_is_found_by_name_and_version() {
        let (name, version) = CLOCK_GETTIME;
        assert_eq!(
            Image::new(&made(DT_HASH)).function(name, version),
            Some(FOUND)
        );
        assert_eq!(
            Image::new(&made(DT_GNU_HASH)).function(name, version),
            Some(FOUND)
        );
        for image in images() {
            assert!(Image::new(&image).function(name, version).is_some());
            assert_eq!(Image::new(&image).function(c"clock_gettim", version), None);
            assert_eq!(Image::new(&image).function(name, c"LINUX_2"), None);
        }
    }

    #[test]
    fn reading_a_damaged_image_ends() {
        let (name, version) = CLOCK_GETTIME;
        for image in images() {
            for length in (0..image.len()).step_by(4) {
                Image::new(&image[..length]).function(name, version);
            }
            // The kernel's has its tables in the first page or two.
            for at in 0..image.len().min(8192) {
                for value in [0, 1, 0x7f, 0xff] {
                    let mut image = image.clone();
                    image[at] = value;
                    let found = Image::new(&image).function(name, version);
                    assert!(found.is_none_or(|offset| offset < image.len()));
                }
            }
        }
    }
}
