//! What came from outside, in a message.

use core::fmt::{self, Write};

use ring3::shown::Shown;

use crate::case::*;
use crate::cases;

cases! {
    "nothing breaks the line", [], shows(b"\x1b[1m\n\xff\xc3\xa9", "\\x1b[1m\\x0a\\xffé") => YES;
}

/// Compares what is written with what is left of the text.
struct Compare<'a>(&'a str);

impl Write for Compare<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = self.0.strip_prefix(text).ok_or(fmt::Error)?;
        Ok(())
    }
}

fn shows(bytes: &[u8], text: &str) -> bool {
    let mut left = Compare(text);
    write!(left, "{}", Shown(bytes)).is_ok() && left.0.is_empty()
}
