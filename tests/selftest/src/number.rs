//! Self-test cases of parsing numbers.

use ring3::text::number::{take, whole};

use crate::case::*;
use crate::cases;

cases! {
    "a number at the beginning, which is taken off", [number::take], { let mut text = &b"42 rest"[..]; take(&mut text, 10, 100) == Some(42) && text == b" rest" } => YES;
    "in hexadecimal", [number::take], take(&mut &b"fFz"[..], 16, 1000) == Some(255) => YES;
    "too large", [number::take], take(&mut &b"101"[..], 10, 100).is_none() => YES;
    "up to the largest", [number::whole], whole(b"18446744073709551615", 10, u64::MAX) == Some(u64::MAX) && whole(b"18446744073709551616", 10, u64::MAX).is_none() => YES;
    "none", [number::take], take(&mut &b"x1"[..], 10, 100).is_none() => YES;
    "a whole text", [number::whole], whole(b"65535", 10, 65535) == Some(65535) => YES;
    "with something after it", [number::whole], whole(b"1 ", 10, 100).is_none() && whole(b"", 10, 100).is_none() => YES;
}
