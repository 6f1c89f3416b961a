//! Compares the memory functions with the methods of the standard library's slices, on both architectures.
//!
//! Every test works in an [`Arena`]: pages between two pages without access. So a function that reads or writes outside
//! its buffer at either end dies of SIGSEGV. After every call the whole arena is compared with its expected content, so
//! that a stray store inside it fails too.

extern crate std;

use super::mem::*;
use std::{
    cmp::Ordering,
    ffi::{CStr, c_char, c_int, c_long, c_ulong, c_void},
    hint::black_box,
    ops::{Deref, DerefMut},
    ptr, slice,
    sync::{Mutex, PoisonError},
    vec::Vec,
};

const PROT_NONE: c_int = 0;
const PROT_READ_WRITE: c_int = 3;
const MAP_PRIVATE_ANONYMOUS: c_int = 0x22;
const AT_PAGESZ: c_ulong = 6;

unsafe extern "C" {
    fn mmap(
        at: *mut c_void,
        n: usize,
        prot: c_int,
        flags: c_int,
        fd: c_int,
        off: c_long,
    ) -> *mut c_void;
    fn mprotect(at: *mut c_void, n: usize, prot: c_int) -> c_int;
    fn munmap(at: *mut c_void, n: usize) -> c_int;
    fn getauxval(kind: c_ulong) -> c_ulong;
}

fn auxval(kind: c_ulong) -> usize {
    // SAFETY: getauxval reads this process's own auxiliary vector.
    unsafe { getauxval(kind) as usize }
}

/// Pages of pseudo-random bytes, between two pages that fault.
struct Arena {
    start: *mut u8,
    len: usize,
}

impl Arena {
    /// Maps at least `len` bytes.
    fn new(len: usize) -> Self {
        let page = auxval(AT_PAGESZ);
        let len = len.next_multiple_of(page);
        // SAFETY: without MAP_FIXED a new mapping replaces no other.
        let map = unsafe {
            mmap(
                ptr::null_mut(),
                len + 2 * page,
                PROT_NONE,
                MAP_PRIVATE_ANONYMOUS,
                -1,
                0,
            )
        };
        assert_ne!(map.addr(), usize::MAX, "mmap failed");
        let start = map.wrapping_byte_add(page);
        // SAFETY: the pages are in the new mapping.
        let result = unsafe { mprotect(start, len, PROT_READ_WRITE) };
        assert_eq!(result, 0, "mprotect failed");
        let mut arena = Self {
            start: start.cast(),
            len,
        };
        Random(len as u64).fill(&mut arena);
        arena
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        let page = auxval(AT_PAGESZ);
        // SAFETY: `new` mapped these pages, and nothing borrows from an arena that is dropped.
        unsafe { munmap(self.start.wrapping_sub(page).cast(), self.len + 2 * page) };
    }
}

impl Deref for Arena {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        // SAFETY: `new` made these pages readable, and they stay mapped as long as the arena exists.
        unsafe { slice::from_raw_parts(self.start, self.len) }
    }
}

impl DerefMut for Arena {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above. The pages are writable too, and `&mut self` excludes other references.
        unsafe { slice::from_raw_parts_mut(self.start, self.len) }
    }
}

/// A pseudo-random generator (xorshift64): it returns the same numbers in every run.
struct Random(u64);

impl Random {
    /// Returns a number below `end`.
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill_with(|| self.below(256) as u8);
    }
}

/// Runs a test with every choice that [`choose`](super::choose) can make for the memory functions here: the baseline,
/// then the choice for the kernel's values. Only x86-64 has two choices. A choice applies to the process, so only one
/// test at a time makes choices.
pub(in crate::arch) fn with_each_choice(test: impl Fn()) {
    static CHOICE: Mutex<()> = Mutex::new(());
    let _held = CHOICE.lock().unwrap_or_else(PoisonError::into_inner);
    if cfg!(target_arch = "x86_64") {
        // SAFETY: no value.
        unsafe { super::choose(|_| None) };
        test();
    }
    // SAFETY: the values are the kernel's.
    unsafe { super::choose(|key| Some(auxval(key as c_ulong)).filter(|&value| value != 0)) };
    test();
}

// The functions are called through pointers, so that a register with an argument cannot be mistaken for the result.
// They are called before libc's functions do the same for the copy, so that the result is not a value that libc left in
// a register.
type Move = unsafe extern "C" fn(*mut c_void, *const c_void, usize) -> *mut c_void;
type Fill = unsafe extern "C" fn(*mut c_void, c_int, usize) -> *mut c_void;
type Length = unsafe extern "C" fn(*const c_char) -> usize;

/// Moves `n` bytes inside the arena by `call`, and in a copy of the arena by the standard library. Then the arena gets
/// its old content back: otherwise all bytes would be equal after many moves, and would hide errors.
fn check_move(call: Move, arena: &mut [u8], dst: usize, src: usize, n: usize) {
    let before = arena.to_vec();
    let (to, from) = (
        arena[dst..dst + n].as_mut_ptr(),
        arena[src..src + n].as_ptr(),
    );
    // SAFETY: both ranges are inside the arena: the slicing checked them.
    let result = unsafe { call(to.cast(), from.cast(), n) };
    let mut expected = before.clone();
    expected.copy_within(src..src + n, dst);
    assert_eq!(result.addr(), to.addr(), "the result for {n} bytes");
    assert!(*arena == *expected, "{n} bytes from {src} to {dst}");
    arena.copy_from_slice(&before);
}

/// Fills `n` bytes inside the arena by `ring3_memset`, and in a copy of the arena by the standard library.
fn check_fill(arena: &mut [u8], dst: usize, value: c_int, n: usize) {
    let before = arena.to_vec();
    let to = arena[dst..dst + n].as_mut_ptr();
    // SAFETY: the range is inside the arena: the slicing checked it.
    let result = unsafe { black_box(ring3_memset as Fill)(to.cast(), value, n) };
    let mut expected = before.clone();
    expected[dst..dst + n].fill(value as u8);
    assert_eq!(result.addr(), to.addr(), "the result for {n} bytes");
    assert!(*arena == *expected, "{n} bytes of {value:#x} at {dst}");
    arena.copy_from_slice(&before);
}

/// Compares by this crate's functions and by the standard library, in both orders.
fn check_compare(a: &[u8], b: &[u8]) {
    for (a, b) in [(a, b), (b, a)] {
        let n = a.len().min(b.len());
        // SAFETY: both slices have at least `n` bytes.
        let order = unsafe { ring3_memcmp(a.as_ptr().cast(), b.as_ptr().cast(), n) };
        // SAFETY: as above.
        let differ = unsafe { ring3_bcmp(a.as_ptr().cast(), b.as_ptr().cast(), n) };
        let expected = a[..n].cmp(&b[..n]);
        assert_eq!(order.cmp(&0), expected, "memcmp of {n} bytes");
        assert_eq!(
            differ != 0,
            expected != Ordering::Equal,
            "bcmp of {n} bytes"
        );
    }
}

/// Measures the string at the start of `bytes`, by `ring3_strlen` and by the standard library.
fn check_length(bytes: &[u8]) {
    let string = CStr::from_bytes_until_nul(bytes).unwrap();
    // SAFETY: `string` points to a NUL-terminated string in `bytes`.
    let length = unsafe { black_box(ring3_strlen as Length)(string.as_ptr()) };
    assert_eq!(length, string.to_bytes().len());
}

/// Up to this length the tests run all paths of every function, and several iterations of each loop.
const SHORT: usize = 300;

#[test]
fn copy_at_every_length_and_alignment() {
    with_each_choice(|| {
        let mut arena = Arena::new(1024);
        let arena = &mut arena[..1024];
        for n in 0..=SHORT {
            for dst in 0..64 {
                for src in 512..576 {
                    check_move(ring3_memcpy, arena, dst, src, n);
                }
            }
        }
    });
}

#[test]
fn move_at_every_overlap() {
    with_each_choice(|| {
        let mut arena = Arena::new(1024);
        let arena = &mut arena[..1024];
        for n in 0..=SHORT {
            for dst in 0..=2 * n {
                check_move(ring3_memmove, arena, dst + n % 64, n + n % 64, n);
            }
        }
    });
}

#[test]
fn fill_at_every_length_and_alignment() {
    with_each_choice(|| {
        let mut arena = Arena::new(512);
        let arena = &mut arena[..512];
        for n in 0..=SHORT {
            for dst in 0..64 {
                // Zero has a path of its own on aarch64. Only the low byte of the other values counts.
                for value in [0x5a, 0x100, -1] {
                    check_fill(arena, dst, value, n);
                }
            }
        }
    });
}

#[test]
fn compare_at_every_length_and_difference() {
    with_each_choice(|| {
        let mut arena = Arena::new(2048);
        let (left, right) = arena.split_at_mut(1024);
        for n in 0..=SHORT {
            let (i, j) = (n * 5 % 64, n * 11 % 64);
            right[j..j + n].copy_from_slice(&left[i..i + n]);
            check_compare(&left[i..i + n], &right[j..j + n]);
            for at in 0..n {
                let same = left[i + at];
                // Everything after the difference differs in the opposite direction.
                for (a, b, after) in [(0, 0x80, 0xff), (0x7f, 0x80, 0xff), (0xff, 0xfe, 0)] {
                    (left[i + at], right[j + at]) = (a, b);
                    if at + 1 < n {
                        left[i + n - 1] = after;
                        right[j + n - 1] = !after;
                    }
                    check_compare(&left[i..i + n], &right[j..j + n]);
                }
                (left[i + at], right[j + at]) = (same, same);
                right[j + n - 1] = left[i + n - 1];
            }
        }
    });
}

#[test]
fn length_at_every_length_and_alignment() {
    with_each_choice(|| {
        let mut arena = Arena::new(1024);
        for byte in [1, 0x7f, 0x80, 0xff] {
            for n in 0..=SHORT {
                for start in 64..128 {
                    arena[..1024].fill(0); // NULs directly before and after the string
                    arena[start..start + n].fill(byte);
                    check_length(&arena[start..]);
                }
            }
        }
    });
}

#[test]
fn nothing_beyond_the_page() {
    with_each_choice(|| {
        let mut arena = Arena::new(1);
        let mut other = Arena::new(1);
        let len = arena.len();
        for n in 0..=SHORT {
            for call in [ring3_memcpy, ring3_memmove] {
                check_move(call, &mut arena, 0, len - n, n);
                check_move(call, &mut arena, len - n, 0, n);
            }
            for value in [0, 1] {
                check_fill(&mut arena, 0, value, n);
                check_fill(&mut arena, len - n, value, n);
            }
            other.copy_from_slice(&arena);
            check_compare(&arena[..n], &other[..n]);
            check_compare(&arena[len - n..], &other[len - n..]);
            if n > 0 {
                other[n - 1] ^= 0x80;
                other[len - n] ^= 0x80;
                check_compare(&arena[..n], &other[..n]);
                check_compare(&arena[len - n..], &other[len - n..]);

                other.fill(b'x');
                other[n - 1] = 0;
                other[len - 1] = 0;
                check_length(&other);
                check_length(&other[len - n..]);
            }
        }
    });
}

/// The pointer of an empty slice is any multiple of its alignment: no byte there may be read or written.
#[test]
fn no_bytes_at_any_address() {
    let mut place = 0_u8;
    let real = ptr::from_mut(&mut place).addr();
    let powers = (0..usize::BITS).map(|power| 1 << power);
    let all: Vec<usize> = powers.chain([0, 3, 7, usize::MAX, real]).collect();
    with_each_choice(|| {
        for &a in &all {
            let to: *mut c_void = ptr::with_exposed_provenance_mut(a);
            // SAFETY: a call for 0 bytes accesses no memory.
            unsafe { assert_eq!(black_box(ring3_memset as Fill)(to, 1, 0), to) };
            for &b in &all {
                let from: *const c_void = ptr::with_exposed_provenance(b);
                // SAFETY: as above.
                unsafe {
                    assert_eq!(black_box(ring3_memcpy as Move)(to, from, 0), to);
                    assert_eq!(black_box(ring3_memmove as Move)(to, from, 0), to);
                    assert_eq!(ring3_memcmp(to, from, 0), 0);
                    assert_eq!(ring3_bcmp(to, from, 0), 0);
                }
            }
        }
    });
}

#[test]
fn large_sizes() {
    with_each_choice(|| {
        let mut arena = Arena::new((2 << 20) + 8192);
        for n in [1023, 4096, 4097, 65536, (1 << 20) + 1] {
            for (dst, src) in [
                (0, n),
                (3, n + 64),
                (1, 0),
                (0, 1),
                (64, 0),
                (5, 4101),
                (4101, 5),
            ] {
                check_move(ring3_memcpy as Move, &mut arena, n + 70, 3, n);
                check_move(ring3_memmove as Move, &mut arena, dst, src, n);
            }
            for value in [0, 0xa5] {
                check_fill(&mut arena, 1, value, n);
            }
            let (left, right) = arena.split_at_mut(n + 9);
            right[..n].copy_from_slice(&left[9..]);
            check_compare(&left[9..], &right[..n]);
            right[n - 1] ^= 0x80;
            check_compare(&left[9..], &right[..n]);
            left.fill(b'x');
            left[n] = 0;
            check_length(&left[1..]);
        }
    });
}

#[test]
fn random_calls() {
    with_each_choice(|| {
        let mut arena = Arena::new(16384);
        let random = &mut Random(0x9e37_79b9_7f4a_7c15);
        for _ in 0..5000 {
            // Short lengths more often than long ones.
            let end = [16, 64, 512, 8192][random.below(4)];
            let n = random.below(end);
            let (dst, src) = (random.below(16384 - n), random.below(16384 - n));
            match random.below(3) {
                0 => check_move(ring3_memmove, &mut arena, dst, src, n),
                1 => check_fill(&mut arena, dst, random.below(256) as c_int, n),
                _ => check_compare(&arena[dst..dst + n], &arena[src..src + n]),
            }
        }
    });
}
