//! Self-test cases of `ring3::arch`: system calls by their number of arguments, and memory functions at every
//! alignment.

use core::ffi::{c_char, c_void};
use core::hint::black_box;

use ring3::Errno;
use ring3::abi::mem::MMAP_UNIT;
use ring3::abi::nr;
use ring3::arch::mem::*;
use ring3::arch::*;
use ring3::net::{SO_ERROR, SOL_SOCKET};

use crate::case::*;
use crate::cases;
use crate::child::code;
use crate::machine::MACHINE;

cases! {
    // SAFETY of all calls in this table: the calls change nothing, because the descriptor is never open, or the call
    // does not exist.
    "a call without arguments", [syscall0], unsafe { syscall0::<{ nr::getpid }>() > 0 } => YES;
    "a call that there is not", [syscall0], errno(unsafe { syscall0::<100_000>() }) => error(Errno::ENOSYS);
    "a call with one", [syscall1], errno(unsafe { syscall1::<{ nr::close }>(usize::MAX) }) => error(Errno::EBADF);
    "a call with two", [syscall2], errno(unsafe { syscall2::<{ nr::listen }>(usize::MAX, 0) }) => error(Errno::EBADF);
    "a call with three", [syscall3], errno(unsafe { syscall3::<{ nr::read }>(usize::MAX, 0, 0) }) => error(Errno::EBADF);
    "a call with four: each arrives", [syscall4], errno(unsafe { syscall4::<{ nr::epoll_ctl }>(usize::MAX, 1, usize::MAX, 0) }) => error(Errno::EFAULT), cannot EBADF;
    "a call with five", [syscall5], five_arguments() => error(Errno::EBADF);
    "a call with six: each arrives", [syscall6], six_arguments() => YES;
    "a trap", [trap], code(&[c"trap"]) => value(MACHINE.trap);
    "a hint for what is nowhere", [prefetch], prefetch(core::ptr::without_provenance(8)) => DONE;
    "a thread's words are its own and begin as 0", [thread_word, set_thread_word], words() => YES;
    "memcpy at every alignment", [mem::ring3_memcpy], copies(memcpy) => value(0);
    "memmove at every alignment", [mem::ring3_memmove], copies(memmove) => value(0);
    "memmove of what overlaps", [mem::ring3_memmove], overlaps() => value(0);
    "memset at every alignment", [mem::ring3_memset], sets() => value(0);
    "memcmp at every alignment", [mem::ring3_memcmp], compares(memcmp) => value(0);
    "bcmp at every alignment", [mem::ring3_bcmp], compares(|a, b, n| i32::from(bcmp(a, b, n) != 0) * memcmp(a, b, n)) => value(0);
    "strlen at every alignment", [mem::ring3_strlen], lengths() => value(0);
    "memcpy of much", [mem::ring3_memcpy], much() => YES;
}

/// Converts the result of a system call.
pub fn errno(result: usize) -> Result<usize, Errno> {
    match Errno::from_number((result as isize).wrapping_neg() as i32) {
        Some(errno) if (result as isize) < 0 => Err(errno),
        _ => Ok(result),
    }
}

/// getsockopt(2): the call succeeds only if level, option and length arrive correctly.
fn five_arguments() -> Result<usize, Errno> {
    let (level, option) = (SOL_SOCKET as usize, SO_ERROR as usize);
    let (mut value, mut length) = (0_i32, 4_u32);
    let places = (
        (&raw mut value).expose_provenance(),
        (&raw mut length).expose_provenance(),
    );
    // SAFETY: the descriptor is never open, and the kernel may write only to the two locals.
    errno(unsafe { syscall5::<{ nr::getsockopt }>(usize::MAX, level, option, places.0, places.1) })
}

/// mmap(2): each of length, protection, flags, descriptor and offset must arrive correctly. The file is larger than a
/// page, and only its first page begins as an ELF file does.
fn six_arguments() -> Result<bool, Errno> {
    let file = crate::fd::open()?;
    let (page, fd) = (ring3::mem::page_size(), file.as_fd().as_raw() as usize);
    let (read, private) = (1, 2);
    // SAFETY: the calls only create new read-only mappings of a file, and unmap them. Other memory is not touched.
    unsafe {
        let first = errno(syscall6::<{ nr::mmap }>(0, page, read, private, fd, 0))?;
        let magic = *core::ptr::with_exposed_provenance::<[u8; 4]>(first);
        errno(syscall2::<{ nr::munmap }>(first, page))?;
        let offset = page / MMAP_UNIT as usize;
        let second = errno(syscall6::<{ nr::mmap }>(0, page, read, private, fd, offset))?;
        let later = *core::ptr::with_exposed_provenance::<[u8; 4]>(second);
        errno(syscall2::<{ nr::munmap }>(second, page))?;
        let nobodys = errno(syscall6::<{ nr::mmap }>(
            0,
            page,
            read,
            private,
            usize::MAX,
            0,
        ));
        Ok(magic == *b"\x7fELF" && later != magic && nobodys == Err(Errno::EBADF))
    }
}

fn words() -> Result<bool, Errno> {
    let handle = ring3::thread::spawn(|| {
        let begun = (thread_word::<WORD_HEAP>(), thread_word::<WORD_AT_EXIT>()) == (0, 0);
        // SAFETY: this thread does not use the heap, and so not the word, until the word is 0 again.
        unsafe { set_thread_word::<WORD_HEAP>(1) };
        let set = thread_word::<WORD_HEAP>() == 1;
        // SAFETY: 0 is valid for the word: the thread has no cache.
        unsafe { set_thread_word::<WORD_HEAP>(0) };
        begun && set
    })?;
    Ok(handle.join())
}

/// Lengths on both sides of each branch in the assembly.
const LENGTHS: [usize; 26] = [
    0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 63, 64, 65, 95, 127, 128, 129, 255, 256,
    300,
];
const ROOM: usize = 512;
const ALIGNMENTS: usize = 17;

type Copy = fn(&mut [u8], &[u8]);

fn memcpy(to: &mut [u8], from: &[u8]) {
    // SAFETY: both slices have the same length, and a `&mut` slice does not overlap another slice.
    unsafe {
        ring3_memcpy(
            to.as_mut_ptr().cast(),
            from.as_ptr().cast::<c_void>(),
            to.len(),
        )
    };
}

fn memmove(to: &mut [u8], from: &[u8]) {
    // SAFETY: both slices have the same length.
    unsafe {
        ring3_memmove(
            to.as_mut_ptr().cast(),
            from.as_ptr().cast::<c_void>(),
            to.len(),
        )
    };
}

fn memcmp(a: &[u8], b: &[u8], n: usize) -> i32 {
    // SAFETY: callers pass slices of at least `n` bytes.
    unsafe { ring3_memcmp(a.as_ptr().cast::<c_void>(), b.as_ptr().cast::<c_void>(), n) }
}

fn bcmp(a: &[u8], b: &[u8], n: usize) -> i32 {
    // SAFETY: callers pass slices of at least `n` bytes.
    unsafe { ring3_bcmp(a.as_ptr().cast::<c_void>(), b.as_ptr().cast::<c_void>(), n) }
}

/// A byte that depends on its index. (`black_box` keeps the compiler from turning a loop over these bytes into a
/// memcpy.)
fn byte(place: usize) -> u8 {
    black_box((place * 7 + place / 256) as u8)
}

fn pattern() -> [u8; ROOM] {
    let mut bytes = [0; ROOM];
    for (place, slot) in bytes.iter_mut().enumerate() {
        *slot = byte(place);
    }
    bytes
}

/// Counts the combinations of alignments and length that copy wrong bytes, or that change bytes outside of the range.
fn copies(copy: Copy) -> usize {
    let from = pattern();
    let mut wrong = 0;
    for from_at in 0..ALIGNMENTS {
        for to_at in 0..ALIGNMENTS {
            for length in LENGTHS {
                let mut to = [0xEE; ROOM];
                copy(
                    &mut to[to_at..to_at + length],
                    &from[from_at..from_at + length],
                );
                let right = to.iter().enumerate().all(|(place, &found)| {
                    let inside = (to_at..to_at + length).contains(&place);
                    found
                        == if inside {
                            byte(place - to_at + from_at)
                        } else {
                            black_box(0xEE)
                        }
                });
                wrong += usize::from(!right);
            }
        }
    }
    wrong
}

fn overlaps() -> usize {
    let mut wrong = 0;
    for from_at in 0..40 {
        for to_at in 0..40 {
            for length in LENGTHS {
                let mut bytes = pattern();
                // SAFETY: both ranges are within the array.
                unsafe {
                    let start = bytes.as_mut_ptr();
                    ring3_memmove(
                        start.add(to_at).cast(),
                        start.add(from_at).cast_const().cast(),
                        length,
                    );
                }
                let right = bytes.iter().enumerate().all(|(place, &found)| {
                    let inside = (to_at..to_at + length).contains(&place);
                    found
                        == if inside {
                            byte(place - to_at + from_at)
                        } else {
                            byte(place)
                        }
                });
                wrong += usize::from(!right);
            }
        }
    }
    wrong
}

fn sets() -> usize {
    let mut wrong = 0;
    for at in 0..65 {
        for length in LENGTHS {
            for value in [0, 0x1A5] {
                let mut to = [0xEE; ROOM];
                // SAFETY: the range is within the array.
                unsafe { ring3_memset(to.as_mut_ptr().add(at).cast(), value, length) };
                let right = to.iter().enumerate().all(|(place, &found)| {
                    let inside = (at..at + length).contains(&place);
                    found == black_box(if inside { value as u8 } else { 0xEE })
                });
                wrong += usize::from(!right);
            }
        }
    }
    wrong
}

fn compares(compare: fn(&[u8], &[u8], usize) -> i32) -> usize {
    let one = pattern();
    let mut wrong = 0;
    for one_at in 0..ALIGNMENTS {
        for other_at in 0..ALIGNMENTS {
            for length in LENGTHS {
                let mut other = [0xEE; ROOM];
                for place in 0..length {
                    other[other_at + place] = byte(one_at + place);
                }
                let ask =
                    |other: &[u8]| compare(&one[one_at..], &other[other_at..], length).signum();
                let mut right = ask(&other) == 0;
                for place in [0, length / 2, length.saturating_sub(1)] {
                    if place < length {
                        let kept = other[other_at + place];
                        other[other_at + place] = kept.wrapping_add(0x80);
                        let more = if other[other_at + place] > kept {
                            -1
                        } else {
                            1
                        };
                        right &= ask(&other) == more;
                        other[other_at + place] = kept;
                    }
                }
                wrong += usize::from(!right);
            }
        }
    }
    wrong
}

fn lengths() -> usize {
    let mut wrong = 0;
    for at in 0..65 {
        for length in LENGTHS {
            let mut text = [b'x'; ROOM];
            text[at + length] = 0;
            // SAFETY: the array has a zero at `at + length`.
            let found = unsafe { ring3_strlen(text.as_ptr().add(at).cast::<c_char>()) };
            wrong += usize::from(found != length);
        }
    }
    wrong
}

fn much() -> Result<bool, Errno> {
    let length = (4 << 20) + 13;
    let (mut from, mut to) = (
        ring3::mem::Mapping::new(length)?,
        ring3::mem::Mapping::new(length)?,
    );
    for place in (0..length).step_by(4093) {
        from[place] = byte(place);
    }
    memcpy(&mut to, &from);
    Ok((0..length)
        .step_by(4093)
        .all(|place| to[place] == byte(place))
        && bcmp(&from, &to, length) == 0)
}
