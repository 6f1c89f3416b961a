//! Headers of HTTP/2 without a dynamic table (HPACK, RFC 7541): finds the status of HTTP and that of gRPC, and skips
//! all others. Of Huffman's code, only a name and the digits are needed.

use ring3::text::number;

use crate::failure::Stopped;
use crate::frame::{CONTINUATION, END_HEADERS, Frame};
use crate::stream::Stream;

/// A header.
pub enum Field {
    /// `:status`
    Status(u32),
    /// `grpc-status`
    Call(u32),
    Other,
}

/// A block of headers, in one frame or several.
pub struct Block<'a, 'fd> {
    stream: &'a mut Stream<'fd>,
    /// How many bytes of the block the current frame still has, and the length of the padding after them.
    left: u32,
    padding: u32,
    /// Whether this is the last frame of the block.
    is_last: bool,
}

/// The beginning of a string, and whether it has Huffman's code.
struct Text {
    bytes: [u8; 12],
    length: u32,
    is_huffman: bool,
}

#[derive(Clone, Copy)]
enum Name {
    Status,
    Call,
    Other,
}

/// The last index of the static table.
const STATIC: u32 = 61;

/// The statuses of the static table, from index 8 on.
const STATUSES: [u32; 7] = [200, 204, 206, 304, 400, 404, 500];

impl<'a, 'fd> Block<'a, 'fd> {
    /// A block that begins in a frame of which `left` bytes and the padding are still to be read.
    pub fn new(stream: &'a mut Stream<'fd>, left: u32, padding: u32, is_last: bool) -> Self {
        Self {
            stream,
            left,
            padding,
            is_last,
        }
    }

    /// Reads the next header; `None` at the end of the block.
    pub fn field(&mut self) -> Result<Option<Field>, Stopped> {
        loop {
            if self.left == 0 && !self.next_frame()? {
                return Ok(None);
            }
            let first = self.byte()?;
            let (bits, is_indexed) = match first {
                0x80.. => (7, true),
                0x40.. => (6, false),
                0x20.. => {
                    // A new size of the dynamic table, which can only be 0.
                    match self.number(first, 5)? {
                        0 => continue,
                        _ => return Err(Stopped),
                    }
                }
                _ => (4, false),
            };
            let index = self.number(first, bits)?;
            let of_status = index
                .checked_sub(8)
                .and_then(|nth| STATUSES.get(nth as usize));
            return Ok(Some(match (index, of_status) {
                (STATIC.., _) if index > STATIC => return Err(Stopped),
                (0, _) if is_indexed => return Err(Stopped),
                (_, Some(&status)) if is_indexed => Field::Status(status),
                _ if is_indexed => Field::Other,
                (0, _) => {
                    let name = self.text()?.name();
                    self.value(name)?
                }
                (_, Some(_)) => self.value(Name::Status)?,
                _ => self.value(Name::Other)?,
            }));
        }
    }

    fn value(&mut self, name: Name) -> Result<Field, Stopped> {
        let text = self.text()?;
        Ok(match name {
            Name::Status => Field::Status(text.number().ok_or(Stopped)?),
            Name::Call => Field::Call(text.number().ok_or(Stopped)?),
            Name::Other => Field::Other,
        })
    }

    /// Reads the rest of the current frame, and the head of the next frame of the block. Returns false if there is
    /// none.
    fn next_frame(&mut self) -> Result<bool, Stopped> {
        while self.left == 0 {
            for _ in 0..self.padding {
                self.stream.byte()?;
            }
            self.padding = 0;
            if self.is_last {
                return Ok(false);
            }
            let frame = Frame::read(self.stream)?;
            if frame.kind != CONTINUATION {
                return Err(Stopped);
            }
            self.left = frame.length;
            self.is_last = frame.flags & END_HEADERS != 0;
        }
        Ok(true)
    }

    fn byte(&mut self) -> Result<u8, Stopped> {
        if self.left == 0 && !self.next_frame()? {
            return Err(Stopped);
        }
        self.left -= 1;
        self.stream.byte()
    }

    /// Reads a number whose first bits are the low `bits` of `first` (section 5.1).
    fn number(&mut self, first: u8, bits: u32) -> Result<u32, Stopped> {
        let most = (1 << bits) - 1;
        let mut number = u32::from(first) & most;
        if number < most {
            return Ok(number);
        }
        for shift in [0, 7, 14] {
            let byte = self.byte()?;
            number += u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Stopped)
    }

    /// Reads a string, and keeps its first bytes (section 5.2).
    fn text(&mut self) -> Result<Text, Stopped> {
        let first = self.byte()?;
        let mut text = Text {
            bytes: [0; 12],
            length: self.number(first, 7)?,
            is_huffman: first >= 0x80,
        };
        for at in 0..text.length as usize {
            let byte = self.byte()?;
            if let Some(place) = text.bytes.get_mut(at) {
                *place = byte;
            }
        }
        Ok(text)
    }
}

impl Text {
    /// The text; an empty one if it is longer than any text that matters.
    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length as usize).unwrap_or_default()
    }

    fn name(&self) -> Name {
        // The second is `grpc-status` in Huffman's code.
        match (self.is_huffman, self.bytes()) {
            (false, b":status") => Name::Status,
            (false, b"grpc-status") | (true, b"\x9a\xca\xc8\xb2\x12\x34\xda\x8f") => Name::Call,
            _ => Name::Other,
        }
    }

    /// The decimal number of up to three digits.
    fn number(&self) -> Option<u32> {
        if self.is_huffman {
            return digits(self.bytes());
        }
        number::whole(self.bytes(), 10, 999).map(|number| number as u32)
    }
}

/// The number of up to three digits in Huffman's code (appendix B). The digits 0 to 2 have 5 bits and their value. The
/// others have 6 bits, and their value plus 22. Up to 7 bits that are 1 fill the last byte.
fn digits(bytes: &[u8]) -> Option<u32> {
    if bytes.len() > 3 {
        return None;
    }
    // The next bit is the highest, and all bits after the last byte are 1.
    let reversed = bytes.iter().rev();
    let mut code = reversed.fold(u32::MAX, |code, &byte| code >> 8 | u32::from(byte) << 24);
    let (mut number, mut left) = (0, 8 * bytes.len() as u32);
    loop {
        let (digit, bits) = match (code >> 27, code >> 26) {
            (digit @ 0..=2, _) => (digit, 5),
            (_, digit @ 25..=31) => (digit - 22, 6),
            _ => break,
        };
        left = left.checked_sub(bits)?;
        number = 10 * number + digit;
        code = code << bits | ((1 << bits) - 1);
    }
    (left < 8 && code == u32::MAX && !bytes.is_empty()).then_some(number)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::digits;

    /// Numbers in the code of RFC 7541, appendix B, written bit by bit.
    #[test]
    fn digits_have_huffman_s_code() {
        const CODES: [&str; 10] = [
            "00000", "00001", "00010", "011001", "011010", "011011", "011100", "011101", "011110",
            "011111",
        ];
        for number in 0..1000_u32 {
            let text = std::format!("{number}");
            let mut bits: std::string::String = text
                .bytes()
                .map(|digit| CODES[usize::from(digit - b'0')])
                .collect();
            while !bits.len().is_multiple_of(8) {
                bits.push('1');
            }
            let mut bytes = std::vec::Vec::new();
            for at in (0..bits.len()).step_by(8) {
                bytes.push(u8::from_str_radix(&bits[at..at + 8], 2).unwrap());
            }
            assert_eq!(digits(&bytes), Some(number), "{bits}");
            // A byte too many, and a last bit that is 0.
            bytes.push(0xff);
            assert_eq!(digits(&bytes), None);
            bytes.pop();
            let last = bytes.len() - 1;
            if bits.ends_with('1') && !text.ends_with(['1', '3', '5', '7', '9']) {
                bytes[last] &= 0xfe;
                assert_eq!(digits(&bytes), None, "{bits}");
            }
        }
        assert_eq!(digits(&[]), None);
        assert_eq!(digits(&[0x8f]), None);
    }
}
