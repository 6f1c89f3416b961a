//! Operations on byte slices and C strings that compile to few instructions.
//!
//! ```
//! use ring3::bytes;
//!
//! assert_eq!(bytes::position(b"key=value", b'='), Some(3));
//! assert_eq!(bytes::strip_prefix(c"--out=file", "--out="), Some(c"file"));
//! assert_eq!(bytes::until_zero(b"name\0\0\0"), c"name");
//! ```

use core::ffi::CStr;
use core::ptr;

use crate::arch;

/// Copies the first bytes of `from` to the beginning of `to`: as many as the shorter slice has.
#[inline]
pub fn copy(to: &mut [u8], from: &[u8]) {
    let count = to.len().min(from.len());
    // SAFETY: both slices have at least `count` bytes. They do not overlap: `to` is an exclusive reference.
    unsafe { ptr::copy_nonoverlapping(from.as_ptr(), to.as_mut_ptr(), count) };
}

/// Whether `text` begins with `start`.
///
/// As `starts_with`, but byte by byte. So a small program that compares only short texts does not contain `memcmp`.
#[must_use]
pub fn begins(text: &[u8], start: &[u8]) -> bool {
    let mut text = text.iter();
    start.iter().all(|byte| text.next() == Some(byte))
}

/// Whether two texts are the same except for the case of ASCII letters.
///
/// As `eq_ignore_ascii_case`, but byte by byte: the texts are short, and the code is a fifth.
#[must_use]
pub fn eq_ignore_case(one: &[u8], other: &[u8]) -> bool {
    let mut pairs = one.iter().zip(other);
    one.len() == other.len() && pairs.all(|(one, other)| one.eq_ignore_ascii_case(other))
}

/// The C string that `bytes` begins with, up to the first zero; an empty string if no byte is zero.
///
/// As `CStr::from_bytes_until_nul`, but byte by byte: the texts are short.
#[must_use]
pub fn until_zero(bytes: &[u8]) -> &CStr {
    let zero = bytes.iter().position(|&byte| byte == 0);
    match zero.and_then(|zero| bytes.get(..=zero)) {
        // SAFETY: `position` found the first zero, and the slice ends with this zero.
        Some(text) => unsafe { CStr::from_bytes_with_nul_unchecked(text) },
        None => c"",
    }
}

/// `text` without `start` at its beginning; None if `text` does not begin with `start`.
#[must_use]
pub fn strip_prefix<'a>(text: &'a CStr, start: &str) -> Option<&'a CStr> {
    begins(text.to_bytes(), start.as_bytes()).then(|| tail(text, start.len()))
}

/// `text` without its first `count` bytes; an empty string if `text` is shorter.
#[must_use]
pub fn tail(text: &CStr, count: usize) -> &CStr {
    match text.to_bytes_with_nul().get(count..) {
        // SAFETY: `rest` is the end of a C string: its last byte is the zero, and no other byte is zero.
        Some(rest @ [.., 0]) => unsafe { CStr::from_bytes_with_nul_unchecked(rest) },
        _ => c"",
    }
}

/// The index of the first `byte` in `bytes`.
///
/// As `iter().position()`, eight bytes at a time: for long texts.
#[must_use]
pub fn position(bytes: &[u8], byte: u8) -> Option<usize> {
    const LOW: u64 = u64::from_ne_bytes([0x01; _]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; _]);
    let all = u64::from_ne_bytes([byte; _]);
    let (words, rest) = bytes.as_chunks();
    let mut at = 0;
    for word in words {
        // Little endian: the lowest byte is the first.
        let zero_for_byte = u64::from_le_bytes(*word) ^ all;
        // The high bit of each byte that is zero. A borrow may set the bit of a byte after the first such byte only.
        let found = zero_for_byte.wrapping_sub(LOW) & !zero_for_byte & HIGH;
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += word.len();
    }
    let last = rest.iter().position(|&each| each == byte)?;
    Some(at + last)
}

/// Starts to load the cache line of `byte`, for a read a little later.
#[inline]
pub fn prefetch(byte: &u8) {
    arch::prefetch(byte);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_ignored_for_ascii_letters_only() {
        let texts: [&[u8]; 9] = [
            b"",
            b"a",
            b"A",
            b"ab",
            b"aB",
            b"@",
            b"`",
            b"\xc3\xa9",
            b"\xc3\x89",
        ];
        for one in texts {
            for other in texts {
                let expected = one.eq_ignore_ascii_case(other);
                assert_eq!(eq_ignore_case(one, other), expected, "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn the_first_of_equal_bytes_is_found() {
        for byte in [0, 1, 0x7f, 0x80, 0x81, 0xff] {
            for other in [0, 1, 0x7f, 0x80, 0x81, 0xfe, 0xff] {
                for length in 0..20 {
                    let mut text = [other; 20];
                    let naive = |text: &[u8]| text.iter().position(|&each| each == byte);
                    assert_eq!(position(&text[..length], byte), naive(&text[..length]));
                    for first in 0..length {
                        for second in first..length {
                            text = [other; 20];
                            (text[first], text[second]) = (byte, byte);
                            assert_eq!(position(&text[..length], byte), naive(&text[..length]));
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn what_comes_after_is_a_string_of_its_own() {
        assert_eq!(strip_prefix(c"start", "st"), Some(c"art"));
        assert_eq!(strip_prefix(c"start", "start"), Some(c""));
        assert_eq!(strip_prefix(c"start", "starts"), None);
        assert_eq!(strip_prefix(c"start", "art"), None);
        for (count, rest) in [(0, c"text"), (3, c"t"), (4, c""), (5, c""), (6, c"")] {
            assert_eq!(tail(c"text", count), rest);
        }
    }
}
