//! Printing text from outside the program (paths, arguments, names) safely in a message.

use crate::parts;
use crate::text::{Hex, Print, Writer};

/// Text from outside, for a message. Prints the text as it is, except control characters and bytes that are
/// not UTF-8: of these, each byte is printed as `\x` and two hexadecimal digits, for instance `\x1b`. So the
/// text can't break the line or control the terminal.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a>(pub &'a [u8]);

impl Print for Shown<'_> {
    fn print(&self, out: &mut Writer<'_>) {
        let mut left = self.0;
        while let Some((first, behind)) = left.split_first() {
            match left.split_at_checked(shown(left)) {
                Some((char, rest)) if !char.is_empty() => {
                    out.put(char);
                    left = rest;
                }
                _ => {
                    out.print(parts!("\\x", Hex((*first).into(), 2)));
                    left = behind;
                }
            }
        }
    }
}

/// The length of the printable character that `text` begins with. 0 if that is a control character, or not
/// UTF-8 (The Unicode Standard, table 3-7).
fn shown(text: &[u8]) -> usize {
    // The length of the character, and the range of its second byte.
    let (length, least, most) = match text.first() {
        Some(b' '..=b'~') => return 1,
        Some(0xc2) => (2, 0xa0, 0xbf), // below U+00A0 are control characters
        Some(0xc3..=0xdf) => (2, 0x80, 0xbf),
        Some(0xe0) => (3, 0xa0, 0xbf),
        Some(0xed) => (3, 0x80, 0x9f), // U+D800 to U+DFFF are surrogates
        Some(0xe1..=0xef) => (3, 0x80, 0xbf),
        Some(0xf0) => (4, 0x90, 0xbf),
        Some(0xf1..=0xf3) => (4, 0x80, 0xbf),
        Some(0xf4) => (4, 0x80, 0x8f),
        _ => return 0,
    };
    match text.get(1..length) {
        Some([second, others @ ..])
            if (least..=most).contains(second)
                && others.iter().all(|other| matches!(other, 0x80..=0xbf)) =>
        {
            length
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::text::printed;
    use std::vec::Vec;

    #[test]
    fn nothing_breaks_the_line() {
        let shown = |bytes| printed(Shown(bytes));
        assert_eq!(shown("a file, é 漢".as_bytes()), "a file, é 漢");
        assert_eq!(shown(b"\x1b[1m\n\x7f"), "\\x1b[1m\\x0a\\x7f");
        assert_eq!(shown("\u{85}".as_bytes()), "\\xc2\\x85");
        assert_eq!(shown(b"\xff caf\xe9"), "\\xff caf\\xe9");
        assert_eq!(shown(b""), "");
    }

    #[test]
    fn valid_characters_are_those_of_core() {
        // All sequences that begin with these bytes. Longer sequences differ from them only in their last
        // bytes.
        let last = [0, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff];
        let mut texts = Vec::new();
        let step = if crate::SLOW { 15 } else { 1 }; // 0 and 255 are included
        for first in (0..=255).step_by(step) {
            texts.push(std::vec![first]);
            for second in (0..=255).step_by(step) {
                texts.push(std::vec![first, second]);
                for third in last {
                    texts.push(std::vec![first, second, third]);
                    texts.extend(last.map(|fourth| std::vec![first, second, third, fourth]));
                }
            }
        }
        for text in &texts {
            let valid = text.utf8_chunks().next().map_or("", |chunk| chunk.valid());
            let expected = match valid.chars().next() {
                Some(char) if !char.is_control() => char.len_utf8(),
                _ => 0,
            };
            assert_eq!(shown(text), expected, "{text:x?}");
        }
    }
}
