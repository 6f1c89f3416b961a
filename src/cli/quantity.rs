//! Parses durations and sizes: numbers with a fraction and a unit.

use crate::text::number::take;
use crate::time::SECOND;

/// A century, in nanoseconds.
const CENTURY: u64 = 100 * 365 * 24 * 60 * 60 * SECOND;

/// Parses a duration: `0.5`, `90s`, `5m`, `2h`, `10ms`. The units are ns, us, ms, s, m, h and d; without a unit, the
/// number is in seconds. Returns nanoseconds, rounded down; `None` also above a century, which is longer than any useful
/// time limit. So a time of the clock plus a duration does not overflow.
pub const fn duration(text: &[u8]) -> Option<u64> {
    let (number, unit) = split(text);
    let nanoseconds = match unit {
        b"ns" => 1,
        b"us" => 1_000,
        b"ms" => 1_000_000,
        b"" | b"s" => SECOND,
        b"m" => 60 * SECOND,
        b"h" => 60 * 60 * SECOND,
        b"d" => 24 * 60 * 60 * SECOND,
        _ => return None,
    };
    match quantity(number, nanoseconds) {
        Some(span) if span <= CENTURY => Some(span),
        _ => None,
    }
}

/// Parses a size: `4096`, `64k`, `1.5M`, `64KiB`. The units are the powers of 1024: k or K, M, G and T, each also with
/// `iB`. Returns bytes, rounded down; `None` also if the result is above `u64::MAX`.
pub const fn size(text: &[u8]) -> Option<u64> {
    let (number, unit) = split(text);
    let bytes = match unit {
        [] => 1,
        [letter] | [letter, b'i', b'B'] => match letter {
            b'k' | b'K' => 1 << 10,
            b'M' => 1 << 20,
            b'G' => 1 << 30,
            b'T' => 1 << 40,
            _ => return None,
        },
        _ => return None,
    };
    quantity(number, bytes)
}

/// Splits `text` before the first byte that is neither a digit nor a point.
const fn split(text: &[u8]) -> (&[u8], &[u8]) {
    let mut unit = text;
    while let [b'0'..=b'9' | b'.', rest @ ..] = unit {
        unit = rest;
    }
    match text.split_at_checked(text.len() - unit.len()) {
        Some(parts) => parts,
        None => (text, unit),
    }
}

/// Parses a number with an optional fraction, `5`, `0.25`, `.5` or `5.`, and multiplies it by `unit`, which is at most
/// 2^59, so that ten units fit into a u64. Returns the product, rounded down; `None` also if it is above `u64::MAX`.
const fn quantity(text: &[u8], unit: u64) -> Option<u64> {
    let mut rest = text;
    let whole = match (take(&mut rest, 10, u64::MAX), text) {
        (Some(number), _) => number,
        (None, [b'.', _, ..]) => 0,
        _ => return None,
    };
    let mut fraction = match rest {
        [] => rest,
        [b'.', digits @ ..] => digits,
        _ => return None,
    };
    // From the last digit to the first. Rounding down at each division gives the same integer as rounding down once.
    let mut part = 0;
    while let [digits @ .., digit @ b'0'..=b'9'] = fraction {
        part = (part + (*digit - b'0') as u64 * unit) / 10;
        fraction = digits;
    }
    if !fraction.is_empty() {
        return None;
    }
    let Some(product) = whole.checked_mul(unit) else {
        return None;
    };
    product.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        let nanoseconds = |text: &str| duration(text.as_bytes());
        for (text, expected) in [
            ("5", 5_000_000_000),
            ("0.25", 250_000_000),
            (".5", 500_000_000),
            ("1.", 1_000_000_000),
            ("90s", 90_000_000_000),
            ("1.5m", 90_000_000_000),
            ("2h", 7_200_000_000_000),
            ("0.5d", 43_200_000_000_000),
            ("10ms", 10_000_000),
            ("7us", 7_000),
            ("3ns", 3),
            ("0.0000000019", 1),
            ("0.9999999999999999999999999", 999_999_999),
            ("0.3333333333333333333333333h", 1_199_999_999_999),
            ("0000000000000000000000000001s", 1_000_000_000),
            ("3153600000", CENTURY),
            ("36500d", CENTURY),
        ] {
            assert_eq!(nanoseconds(text), Some(expected), "{text}");
        }
        for wrong in [
            "",
            ".",
            "s",
            ".s",
            "-1",
            "+1",
            "1.2.3",
            "1..",
            "1e3",
            " 1",
            "1 ",
            "1 s",
            "1S",
            "1sec",
            "1x",
            "1s1",
            "0x1",
            "3153600000.000000001",
            "36500.1d",
            "18446744073.709551616",
            "18446744074",
            "99999999999999999999999",
            "1000000000d",
        ] {
            assert_eq!(nanoseconds(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_size_is_a_number_and_a_power_of_1024() {
        let bytes = |text: &str| size(text.as_bytes());
        for (text, expected) in [
            ("4096", 4096),
            ("64k", 65_536),
            ("64K", 65_536),
            ("64KiB", 65_536),
            ("64kiB", 65_536),
            ("1.5k", 1536),
            ("1.999k", 2046),
            ("1M", 1 << 20),
            ("2G", 2 << 30),
            ("3TiB", 3 << 40),
            ("0.9", 0),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(bytes(text), Some(expected), "{text}");
        }
        for wrong in [
            "",
            "k",
            ".k",
            "1B",
            "1kB",
            "1KB",
            "1kib",
            "1KiBs",
            "1m",
            "1P",
            "1 k",
            "-1k",
            "16777216T",
            "18446744073709551616",
        ] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
    }
}
