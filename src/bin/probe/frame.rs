//! Frames of HTTP/2 (RFC 9113, section 4): their head, types and flags.

use crate::failure::Stopped;
use crate::stream::Stream;

/// The types of frames.
pub const DATA: u8 = 0;
pub const HEADERS_FRAME: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const CONTINUATION: u8 = 9;

/// The flags of frames.
pub const END_STREAM: u8 = 0x1;
pub const ACK: u8 = 0x1;
pub const END_HEADERS: u8 = 0x4;
pub const PADDED: u8 = 0x8;
pub const PRIORITY: u8 = 0x20;

/// The head of a frame.
pub struct Frame {
    pub length: u32,
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
}

impl Frame {
    /// The most bytes of a frame, as long as no setting says otherwise.
    const MOST: u32 = 16384;

    pub fn read(stream: &mut Stream<'_>) -> Result<Self, Stopped> {
        let [a, b, c, kind, flags, id @ ..] = stream.bytes::<9>()?;
        let frame = Self {
            length: u32::from_be_bytes([0, a, b, c]),
            kind,
            flags,
            stream: u32::from_be_bytes(id) & 0x7fff_ffff,
        };
        if frame.length > Self::MOST {
            return Err(Stopped);
        }
        Ok(frame)
    }
}
