//! Parsing numbers.
//!
//! ```
//! use ring3::text::number;
//!
//! assert_eq!(number::whole(b"255", 10, 255), Some(255));
//! assert_eq!(number::whole(b"256", 10, 255), None);
//! let mut text = b"90s".as_slice();
//! assert_eq!((number::take(&mut text, 10, 1000), text), (Some(90), &b"s"[..]));
//! ```

/// Parses the digits at the beginning of `text` and removes them from it. Returns `None` if there is no digit
/// or the number is above `most`; then some digits may have been removed. `radix` is at most 16.
pub const fn take(text: &mut &[u8], radix: u8, most: u64) -> Option<u64> {
    let mut number = None;
    while let Some((&first, rest)) = text.split_first() {
        let digit = match first {
            b'0'..=b'9' => first - b'0',
            b'a'..=b'f' | b'A'..=b'F' => (first | 0x20) - b'a' + 10,
            _ => break,
        };
        if digit >= radix {
            break;
        }
        let before = match number {
            Some(number) => number,
            None => 0_u64,
        };
        let Some(shifted) = before.checked_mul(radix as u64) else {
            return None;
        };
        let Some(so_far) = shifted.checked_add(digit as u64) else {
            return None;
        };
        if so_far > most {
            return None;
        }
        (number, *text) = (Some(so_far), rest);
    }
    number
}

/// Parses `text`, which must be a number as a whole.
#[must_use]
pub const fn whole(mut text: &[u8], radix: u8, most: u64) -> Option<u64> {
    match take(&mut text, radix, most) {
        Some(number) if text.is_empty() => Some(number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    #[test]
    fn digits_are_taken_up_to_the_first_other_byte() {
        let mut text = b"0078:9".as_slice();
        assert_eq!(take(&mut text, 10, 78), Some(78));
        assert_eq!(text, b":9");
        assert_eq!(take(&mut text, 10, 78), None);
        assert_eq!(whole(b"fFg", 16, 1000), None);
        assert_eq!(whole(b"fFa0", 16, 0xffff), Some(0xffa0));
        assert_eq!(whole(b"778", 8, 1000), None);
        assert_eq!(whole(b"777", 8, 0o777), Some(0o777));
    }

    /// The digits of `number` in `radix`.
    fn text(mut number: u128, radix: u128) -> std::vec::Vec<u8> {
        let mut text = std::vec::Vec::new();
        while number != 0 {
            text.insert(0, b"0123456789abcdef"[(number % radix) as usize]);
            number /= radix;
        }
        text
    }

    #[test]
    fn a_number_above_the_maximum_is_none() {
        assert_eq!(whole(b"79", 10, 78), None);
        assert_eq!(
            whole(b"99999999999999999999999999", 10, (1 << 59) - 1),
            None
        );
        assert_eq!(
            whole(b"576460752303423487", 10, (1 << 59) - 1),
            Some((1 << 59) - 1)
        );
        // Numbers around u64::MAX, in every radix.
        for radix in 2..=16_u8 {
            let most = u128::from(u64::MAX);
            for number in [most - 1, most, most + 1, 2 * most, most * u128::from(radix)] {
                let text = text(number, radix.into());
                let fits = u64::try_from(number).ok();
                assert_eq!(whole(&text, radix, u64::MAX), fits, "{number} by {radix}");
            }
        }
        assert_eq!(
            (whole(b"", 10, 9), whole(b"+1", 10, 9), whole(b"1 ", 10, 9)),
            (None, None, None)
        );
    }
}
