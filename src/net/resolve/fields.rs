//! Reading files of the format of hosts(5) and resolv.conf(5): lines of fields, and comments.

use core::ffi::CStr;

use crate::abi::{Errno, Result};
use crate::fs::{self, CWD, O_CLOEXEC, O_RDONLY};
use crate::io;

/// The longest field, in bytes: longer than a name with a zone.
const LONGEST: usize = 272;

/// Calls `each` with each field of a file: the number of the field in its line, from 0, and its bytes. A line may have any
/// length. A field that is longer than [`LONGEST`], which is no name and no address, is passed as an empty field.
///
/// Spaces, tabs and carriage returns separate fields. A comment begins with `#`, or with `;` before the first field. A
/// file that does not exist has no fields.
pub fn each_field(path: &CStr, each: &mut dyn FnMut(usize, &[u8])) -> Result<()> {
    let file = match fs::open(CWD, path, O_RDONLY | O_CLOEXEC, 0) {
        Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(()),
        result => result?,
    };
    let mut buffer = [0; 1024];
    let mut fields = Fields::NEW;
    loop {
        match io::read(file.as_fd(), &mut buffer)? {
            0 => {
                fields.take(b'\n', each);
                return Ok(());
            }
            count => {
                for &byte in buffer.get(..count).unwrap_or_default() {
                    fields.take(byte, each);
                }
            }
        }
    }
}

/// The fields of a line so far.
struct Fields {
    /// The bytes of the last field; `length` may be greater.
    field: [u8; LONGEST],
    length: usize,
    /// How many fields are before the last one.
    number: usize,
    is_comment: bool,
}

impl Fields {
    const NEW: Self = Self {
        field: [0; _],
        length: 0,
        number: 0,
        is_comment: false,
    };

    /// Takes the next byte of the file. Calls `each` if the byte ends a field.
    fn take(&mut self, byte: u8, each: &mut dyn FnMut(usize, &[u8])) {
        let is_first = self.length == 0 && self.number == 0;
        match byte {
            b'\n' => {
                self.end(each);
                (self.number, self.is_comment) = (0, false);
            }
            _ if self.is_comment => {}
            b' ' | b'\t' | b'\r' => self.end(each),
            b'#' => {
                self.end(each);
                self.is_comment = true;
            }
            b';' if is_first => self.is_comment = true,
            _ => {
                if let Some(place) = self.field.get_mut(self.length) {
                    *place = byte;
                }
                self.length += 1;
            }
        }
    }

    fn end(&mut self, each: &mut dyn FnMut(usize, &[u8])) {
        if self.length > 0 {
            each(
                self.number,
                self.field.get(..self.length).unwrap_or_default(),
            );
            (self.length, self.number) = (0, self.number + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    /// The fields of a text, and their numbers.
    fn fields(text: &str) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        let mut fields = Fields::NEW;
        for byte in text.bytes().chain([b'\n']) {
            fields.take(byte, &mut |number, field: &[u8]| {
                found.push((number, String::from_utf8(field.to_vec()).unwrap()));
            });
        }
        found
    }

    #[test]
    fn a_field_ends_at_a_blank_a_comment_or_the_end() {
        let own = fields("a  b\tc\r\n\n \t d#e f\n;g h\n#\n i;j ;k\n;");
        let is = own.iter().map(|(number, field)| (*number, field.as_str()));
        let wanted = [
            (0, "a"),
            (1, "b"),
            (2, "c"),
            (0, "d"),
            (0, "i;j"),
            (1, ";k"),
        ];
        assert!(is.eq(wanted), "{own:?}");
        assert!(fields("").is_empty());
    }

    #[test]
    fn a_field_that_is_too_long_is_empty() {
        let [fits, long] = [LONGEST, LONGEST + 1].map(|length| "x".repeat(length));
        let own = fields(&std::format!("{fits} {long} y"));
        assert_eq!(own, [(0, fits), (1, String::new()), (2, String::from("y"))]);
    }

    #[test]
    fn a_file_that_does_not_exist_has_no_fields() {
        let mut none = |_: usize, _: &[u8]| panic!();
        assert_eq!(each_field(c"/nothing", &mut none), Ok(()));
        assert_eq!(each_field(c"/dev/null/x", &mut none), Ok(()));
        assert_eq!(each_field(c"/", &mut none), Err(Errno::EISDIR));
        let mut count = 0;
        let mut each = |_: usize, _: &[u8]| count += 1;
        each_field(c"/proc/self/status", &mut each).unwrap();
        assert!(count > 50);
    }
}
