//! What came from outside, in a message.

use core::fmt::{self, Display, Write};

/// A path, an argument or a name, in a message: as it is, but for control characters and what is not
/// UTF-8, which can't break the line or the terminal: `\x1b`.
#[derive(Clone, Copy)]
pub struct Shown<'a>(pub &'a [u8]);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for char in chunk.valid().chars() {
                // All control characters are below 256.
                match u8::try_from(char) {
                    Ok(byte) if char.is_control() => escape(f, byte)?,
                    _ => f.write_char(char)?,
                }
            }
            for &byte in chunk.invalid() {
                escape(f, byte)?;
            }
        }
        Ok(())
    }
}

fn escape(f: &mut fmt::Formatter<'_>, byte: u8) -> fmt::Result {
    f.write_str("\\x")?;
    for digit in [byte >> 4, byte & 15] {
        f.write_char(char::from_digit(digit.into(), 16).unwrap_or_default())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;

    #[test]
    fn nothing_breaks_the_line() {
        let shown = |bytes| Shown(bytes).to_string();
        assert_eq!(shown("a file, é 漢".as_bytes()), "a file, é 漢");
        assert_eq!(shown(b"\x1b[1m\n\x7f"), "\\x1b[1m\\x0a\\x7f");
        assert_eq!(shown("\u{85}".as_bytes()), "\\x85");
        assert_eq!(shown(b"\xff caf\xe9"), "\\xff caf\\xe9");
        assert_eq!(shown(b""), "");
    }
}
