//! The vDSO: functions of the kernel's that it maps into every process (vdso(7)).
//!
//! It is an ELF image, and its functions are found as a dynamic loader finds them: by name and
//! version, through the dynamic table. qemu-user gives none.

use core::mem::offset_of;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::abi::elf::*;
use crate::abi::time::Timespec;
use crate::auxv::{self, AT_SYSINFO_EHDR};

/// `int clock_gettime(clockid_t, struct timespec *)`, by C's calling convention; it gives 0 or an
/// error number negated.
pub(super) type ClockGettime = unsafe extern "C" fn(i32, *mut Timespec) -> i32;

/// Name and version of the function, as vdso(7) has them.
#[cfg(target_arch = "x86_64")]
const CLOCK_GETTIME: (&[u8], &[u8]) = (b"__vdso_clock_gettime", b"LINUX_2.6");
#[cfg(target_arch = "aarch64")]
const CLOCK_GETTIME: (&[u8], &[u8]) = (b"__kernel_clock_gettime", b"LINUX_2.6.39");

/// The vDSO's `clock_gettime`, looked up once; none where the kernel gives none.
pub(super) fn clock_gettime() -> Option<ClockGettime> {
    /// The address, or one of these.
    static FOUND: AtomicUsize = AtomicUsize::new(UNKNOWN);
    const UNKNOWN: usize = 0;
    const NONE: usize = 1;

    let mut address = FOUND.load(Relaxed);
    if address == UNKNOWN {
        address = find().unwrap_or(NONE);
        // Threads that come here together all find the same.
        FOUND.store(address, Relaxed);
    }
    if address == NONE {
        return None;
    }
    let function = core::ptr::with_exposed_provenance::<()>(address);
    // SAFETY: `find` says where the vDSO has the function of that name and version, and the kernel
    // keeps it there, with this signature, for the process's life.
    Some(unsafe { core::mem::transmute::<*const (), ClockGettime>(function) })
}

fn find() -> Option<usize> {
    let base = auxv::get(AT_SYSINFO_EHDR)?;
    let start = core::ptr::with_exposed_provenance::<u8>(base);
    // SAFETY: the kernel mapped the image there, readable and for good; it begins on a page, and no
    // page is smaller than this.
    let first_page = unsafe { core::slice::from_raw_parts(start, 4096) };
    let load = Image(first_page).segment(PT_LOAD)?;
    // SAFETY: the same, with the length that the image itself says is mapped.
    let image = unsafe { core::slice::from_raw_parts(start, load.length) };
    let (name, version) = CLOCK_GETTIME;
    Some(base + Image(image).function(name, version)?)
}

/// Bit 15 of a symbol's version number says that it is not the default one of its name.
const VERSION_MASK: u16 = 0x7fff;

/// An ELF image of 64 bits in this machine's byte order, as it lies in memory. Whatever its bytes
/// are, reading it stays inside them, and ends: every offset that they give is taken for one only
/// below 4 GiB, so that no sum of a few overflows.
struct Image<'a>(&'a [u8]);

/// Where a segment is in an [`Image`].
struct Segment {
    offset: usize,
    length: usize,
    /// Its address, as linked.
    address: u64,
}

/// Offsets of the tables that the dynamic table names.
#[derive(Default)]
struct Tables {
    strings: usize,
    symbols: usize,
    hash: Option<usize>,
    gnu_hash: Option<usize>,
    versions: usize,
    definitions: usize,
}

impl Image<'_> {
    /// The offset of the function of that name and version.
    fn function(&self, name: &[u8], version: &[u8]) -> Option<usize> {
        let load = self.segment(PT_LOAD)?;
        let tables = self.tables(&load)?;
        let version = self.version(&tables, version)?;
        let symbol = |index: usize| {
            let symbol = tables.symbols + index * size_of::<Sym>();
            let is_it = self.u16(symbol + offset_of!(Sym, st_shndx))? != SHN_UNDEF
                && self.u16(tables.versions + index * size_of::<u16>())? & VERSION_MASK == version
                && self.string(&tables, symbol + offset_of!(Sym, st_name))? == name;
            let value = self.u64(symbol + offset_of!(Sym, st_value))?;
            Some(is_it.then_some(value.wrapping_sub(load.address)))
        };
        let offset = offset(self.look_up(&tables, name, symbol)?)?;
        (offset < self.0.len()).then_some(offset)
    }

    /// What `symbol` says of the first symbol that it takes. It gives nothing where there is none of
    /// that index, and `Some(None)` where it is another than the one of that name.
    fn look_up(
        &self,
        tables: &Tables,
        name: &[u8],
        symbol: impl Fn(usize) -> Option<Option<u64>>,
    ) -> Option<u64> {
        if let Some(table) = tables.gnu_hash {
            // Four numbers, a Bloom filter of words, the buckets, then a hash for each symbol from
            // `first` on: the ones of a bucket lie together, and the last has bit 0 set.
            let buckets = self.u32(table)? as usize;
            let first = self.u32(table + 4)? as usize;
            let filter = self.u32(table + 8)? as usize;
            let bucket_table = table + 16 + filter * 8;
            let hash = name.iter().fold(5381, |hash: u32, &byte| {
                hash.wrapping_mul(33).wrapping_add(byte.into())
            });
            let bucket = (hash as usize).checked_rem(buckets)?;
            let mut index = self.u32(bucket_table + bucket * 4)? as usize;
            loop {
                let in_chain = index.checked_sub(first)?;
                let other = self.u32(bucket_table + (buckets + in_chain) * 4)?;
                if other | 1 == hash | 1
                    && let Some(found) = symbol(index)?
                {
                    return Some(found);
                }
                if other & 1 != 0 {
                    return None;
                }
                index += 1;
            }
        }
        // Two numbers: how many buckets, how many symbols. These are few enough to try them all.
        let count = self.u32(tables.hash? + 4)? as usize;
        for index in 0..count {
            if let Some(found) = symbol(index)? {
                return Some(found);
            }
        }
        None
    }

    /// The first segment of that kind.
    fn segment(&self, kind: u32) -> Option<Segment> {
        let first = offset(self.u64(offset_of!(Ehdr, e_phoff))?)?;
        let count = self.u16(offset_of!(Ehdr, e_phnum))?;
        (0..count.into())
            .map(|index: usize| first + index * size_of::<Phdr>())
            .find(|&header| self.u32(header) == Some(kind))
            .and_then(|header| {
                Some(Segment {
                    offset: offset(self.u64(header + offset_of!(Phdr, p_offset))?)?,
                    length: offset(self.u64(header + offset_of!(Phdr, p_memsz))?)?,
                    address: self.u64(header + offset_of!(Phdr, p_vaddr))?,
                })
            })
    }

    fn tables(&self, load: &Segment) -> Option<Tables> {
        let mut tables = Tables::default();
        let mut entry = self.segment(PT_DYNAMIC)?.offset;
        loop {
            let tag = self.u64(entry)? as i64;
            let address = self.u64(entry + offset_of!(Dyn, d_un))?;
            let offset = offset(address.wrapping_sub(load.address));
            match tag {
                DT_NULL => return Some(tables),
                DT_STRTAB => tables.strings = offset?,
                DT_SYMTAB => tables.symbols = offset?,
                DT_HASH => tables.hash = Some(offset?),
                DT_GNU_HASH => tables.gnu_hash = Some(offset?),
                DT_VERSYM => tables.versions = offset?,
                DT_VERDEF => tables.definitions = offset?,
                _ => {}
            }
            entry += size_of::<Dyn>();
        }
    }

    /// The number of the version of that name.
    fn version(&self, tables: &Tables, name: &[u8]) -> Option<u16> {
        let mut definition = tables.definitions;
        loop {
            let names = self.u32(definition + offset_of!(Verdef, vd_aux))? as usize;
            if self.string(tables, definition + names)? == name {
                return Some(self.u16(definition + offset_of!(Verdef, vd_ndx))? & VERSION_MASK);
            }
            match self.u32(definition + offset_of!(Verdef, vd_next))? {
                0 => return None,
                next => definition += next as usize,
            }
        }
    }

    /// The string whose offset into the strings is at `at`.
    fn string(&self, tables: &Tables, at: usize) -> Option<&[u8]> {
        let start = tables.strings + self.u32(at)? as usize;
        self.0.get(start..)?.split(|&byte| byte == 0).next()
    }

    fn u64(&self, at: usize) -> Option<u64> {
        self.number(at).map(u64::from_ne_bytes)
    }

    fn u32(&self, at: usize) -> Option<u32> {
        self.number(at).map(u32::from_ne_bytes)
    }

    fn u16(&self, at: usize) -> Option<u16> {
        self.number(at).map(u16::from_ne_bytes)
    }

    fn number<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.0.get(at..)?.first_chunk().copied()
    }
}

/// The number, where it can be an offset into an [`Image`].
fn offset(number: u64) -> Option<usize> {
    u32::try_from(number).ok().map(|offset| offset as usize)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    /// The image that the kernel gave this process, which runs under the C library and so has no
    /// auxiliary vector in `auxv`; none under qemu-user.
    fn of_the_kernel() -> Option<Vec<u8>> {
        let vector = std::fs::read("/proc/self/auxv").unwrap();
        let (entries, _) = vector.as_chunks::<8>();
        let base = entries
            .chunks_exact(2)
            .find(|entry| usize::from_ne_bytes(entry[0]) == AT_SYSINFO_EHDR)
            .map(|entry| usize::from_ne_bytes(entry[1]))?;
        let start = core::ptr::with_exposed_provenance::<u8>(base);
        // SAFETY: the kernel mapped the image there for good, and no page is smaller.
        let first_page = unsafe { core::slice::from_raw_parts(start, 4096) };
        let length = Image(first_page).segment(PT_LOAD).unwrap().length;
        // SAFETY: the same, with its own length.
        Some(unsafe { core::slice::from_raw_parts(start, length) }.to_vec())
    }

    /// Where [`made`] has the function.
    const FOUND: usize = 0x2a0;

    /// An image with one kind of hash table, linked far from 0. Another function of the same name
    /// comes first, but of another version.
    fn made(hash_table: i64) -> Vec<u8> {
        const LINKED: u64 = 0xffff_ffff_ff70_0000;
        let (name, version) = CLOCK_GETTIME;
        let mut image = std::vec![0; 0x300];
        let mut put = |at: usize, bytes: &[u8]| image[at..][..bytes.len()].copy_from_slice(bytes);

        put(offset_of!(Ehdr, e_phoff), &0x40_u64.to_ne_bytes());
        put(offset_of!(Ehdr, e_phnum), &2_u16.to_ne_bytes());
        for (header, kind, offset) in [(0x40, PT_LOAD, 0), (0x78, PT_DYNAMIC, 0xb0_u64)] {
            put(header + offset_of!(Phdr, p_type), &kind.to_ne_bytes());
            put(header + offset_of!(Phdr, p_offset), &offset.to_ne_bytes());
            put(
                header + offset_of!(Phdr, p_vaddr),
                &(LINKED + offset).to_ne_bytes(),
            );
            put(header + offset_of!(Phdr, p_memsz), &0x300_u64.to_ne_bytes());
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
            put(0xb0 + entry * 16, &tag.to_ne_bytes());
            put(0xb8 + entry * 16, &(LINKED + offset).to_ne_bytes());
        }
        put(0x120 + 1, name);
        put(0x120 + 0x20, version);
        put(0x120 + 0x30, b"another");
        for (symbol, (value, version)) in [(0x111_u64, 3_u16), (FOUND as u64, 2)].iter().enumerate()
        {
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
        let hash = name.iter().fold(5381, |hash: u32, &byte| {
            hash.wrapping_mul(33).wrapping_add(byte.into())
        });
        let numbers: &[u32] = if hash_table == DT_HASH {
            &[1, 3] // one bucket, three symbols
        } else {
            // One bucket, first symbol 1, a filter of one word; the bucket's first symbol, two hashes.
            &[1, 1, 1, 0, !0, !0, 1, hash & !1, hash | 1]
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
        assert_eq!(Image(&made(DT_HASH)).function(name, version), Some(FOUND));
        assert_eq!(
            Image(&made(DT_GNU_HASH)).function(name, version),
            Some(FOUND)
        );
        for image in images() {
            assert!(Image(&image).function(name, version).is_some());
            assert_eq!(Image(&image).function(b"clock_gettim", version), None);
            assert_eq!(Image(&image).function(name, b"LINUX_2.5"), None);
        }
    }

    #[test]
    fn a_damaged_image_is_read_to_an_end() {
        let (name, version) = CLOCK_GETTIME;
        for image in images() {
            for length in (0..image.len()).step_by(4) {
                Image(&image[..length]).function(name, version);
            }
            // The kernel's has its tables in the first page or two.
            for at in 0..image.len().min(8192) {
                for value in [0, 1, 0x7f, 0xff] {
                    let mut image = image.clone();
                    image[at] = value;
                    let found = Image(&image).function(name, version);
                    assert!(found.is_none_or(|offset| offset < image.len()));
                }
            }
        }
    }
}
