//! gRPC's health check: the call `grpc.health.v1.Health/Check`, over HTTP/2 without TLS (RFC 9113; "gRPC over HTTP2";
//! "GRPC Health Checking Protocol").
//!
//! The client allows no dynamic table for headers, so both sides only use the static table. See `hpack.rs`.

use crate::failure::{Failure, Stopped};
use crate::frame::{
    ACK, DATA, END_HEADERS, END_STREAM, Frame, GOAWAY, HEADERS_FRAME, PADDED, PING, PRIORITY,
    RST_STREAM, SETTINGS,
};
use crate::hpack::{Block, Field};
use crate::stream::Stream;
use crate::target::Host;

/// The client's preface: a text, and a SETTINGS frame that sets HEADER_TABLE_SIZE to 0.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x06\x04\0\0\0\0\0\0\x01\0\0\0\0";

/// The headers of the request before `:authority`, as fields of the static table: `:method: POST`, `:scheme: http`, and
/// a `:path`.
const HEADERS: &[u8] = b"\x83\x86\x04\x1c/grpc.health.v1.Health/Check";
/// The headers after it: `content-type` and `te`.
const MORE_HEADERS: &[u8] = b"\x0f\x10\x10application/grpc\0\x02te\x08trailers";

/// The stream of the call.
const CALL: u32 = 1;

/// Makes the call, and checks the answer. An empty `service` asks for the server as a whole.
#[inline(never)]
pub fn ask(stream: &mut Stream<'_>, host: Host<'_>, service: &[u8]) -> Result<(), Stopped> {
    stream.failure = Failure::Answer("not an answer of HTTP/2 and gRPC");
    send(stream, host, service)?;
    let mut answer = Message::EMPTY;
    loop {
        let frame = Frame::read(stream)?;
        match (frame.kind, frame.stream) {
            (DATA, CALL) => {
                answer.read(stream, &frame)?;
                if frame.flags & END_STREAM != 0 {
                    return Err(Stopped); // the status of the call is missing
                }
            }
            (HEADERS_FRAME, CALL) => {
                let ends = frame.flags & END_STREAM != 0;
                let call = headers(stream, frame)?;
                if ends {
                    return match (call, answer.health()) {
                        (Some(0), Some(SERVING)) => Ok(()),
                        (Some(0), Some(status)) => Err(stream.wrong(unhealthy(status))),
                        (Some(0), None) | (None, _) => Err(Stopped),
                        (Some(5), _) => {
                            Err(stream.wrong("the server does not know the service (NOT_FOUND)"))
                        }
                        (Some(12), _) => {
                            Err(stream.wrong("the server has no health check (UNIMPLEMENTED)"))
                        }
                        (Some(status), _) => {
                            Err(stream.stop(Failure::Status("gRPC status ", status.into())))
                        }
                    };
                }
            }
            (RST_STREAM, CALL) => return Err(stream.wrong("the server reset the call")),
            (GOAWAY, _) => return Err(stream.wrong("the server ends the connection")),
            (SETTINGS, 0) => {
                skip(stream, frame.length)?;
                if frame.flags & ACK == 0 {
                    stream.send(&[0, 0, 0, SETTINGS, ACK, 0, 0, 0, 0])?;
                }
            }
            (PING, 0) if frame.flags & ACK == 0 && frame.length == 8 => {
                let [a, b, c, d, e, f, g, h] = stream.bytes()?;
                stream.send(&[0, 0, 8, PING, ACK, 0, 0, 0, 0, a, b, c, d, e, f, g, h])?;
            }
            // Frames of other types are no concern of a client (RFC 9113, section 4.1).
            _ => skip(stream, frame.length)?,
        }
    }
}

/// Sends the preface, the headers and the message.
#[inline(never)]
fn send(stream: &mut Stream<'_>, host: Host<'_>, service: &[u8]) -> Result<(), Stopped> {
    let authority = host[0].len() + host[1].len();
    let headers = HEADERS.len() + 2 + authority + MORE_HEADERS.len();
    stream.put(PREFACE)?;
    frame(stream, headers, HEADERS_FRAME, END_HEADERS)?;
    stream.put(HEADERS)?;
    stream.put(&[0x01, authority as u8])?; // `:authority`
    host.iter().try_for_each(|part| stream.put(part))?;
    stream.put(MORE_HEADERS)?;
    // A message of protobuf: field 1, a string. Before it are a byte for "not compressed" and the length.
    let length = if service.is_empty() {
        0
    } else {
        2 + service.len() as u8
    };
    frame(stream, 5 + usize::from(length), DATA, END_STREAM)?;
    stream.put(&[0, 0, 0, 0, length])?;
    if !service.is_empty() {
        stream.put(&[0x0a, service.len() as u8])?;
        stream.put(service)?;
    }
    stream.flush()
}

/// Puts the head of a frame of the call into the buffer.
fn frame(stream: &mut Stream<'_>, length: usize, kind: u8, flags: u8) -> Result<(), Stopped> {
    let [high, low] = (length as u16).to_be_bytes();
    stream.put(&[0, high, low, kind, flags, 0, 0, 0, CALL as u8])
}

fn skip(stream: &mut Stream<'_>, length: u32) -> Result<(), Stopped> {
    (0..length).try_for_each(|_| stream.byte().map(drop))
}

/// Reads the padding's length, and returns the length of the rest without the padding, and the padding's length.
fn unpadded(stream: &mut Stream<'_>, frame: &Frame) -> Result<(u32, u32), Stopped> {
    if frame.flags & PADDED == 0 {
        return Ok((frame.length, 0));
    }
    let length = frame.length.checked_sub(1).ok_or(Stopped)?;
    let padding = stream.byte()?.into();
    Ok((length.checked_sub(padding).ok_or(Stopped)?, padding))
}

/// The health of a service.
const SERVING: u8 = 1;

fn unhealthy(status: u8) -> &'static str {
    match status {
        2 => "not serving (NOT_SERVING)",
        3 => "the server does not know the service (SERVICE_UNKNOWN)",
        _ => "the health is unknown (UNKNOWN)",
    }
}

/// The message of the answer, which may come in several frames.
struct Message {
    bytes: [u8; 8],
    count: usize,
}

impl Message {
    const EMPTY: Self = Self {
        bytes: [0; 8],
        count: 0,
    };

    /// Reads a frame with a part of the message.
    fn read(&mut self, stream: &mut Stream<'_>, frame: &Frame) -> Result<(), Stopped> {
        let (length, padding) = unpadded(stream, frame)?;
        for _ in 0..length {
            let byte = stream.byte()?;
            if let Some(place) = self.bytes.get_mut(self.count) {
                *place = byte;
                self.count += 1;
            }
        }
        skip(stream, padding)
    }

    /// The health in a complete message: a byte for "not compressed", the length, and the field 1 of protobuf, a
    /// number. A message without the field has the number 0.
    fn health(&self) -> Option<u8> {
        match self.bytes.get(..self.count)? {
            [0, 0, 0, 0, 0] => Some(0),
            [0, 0, 0, 0, 2, 0x08, status] => Some(*status),
            _ => None,
        }
    }
}

/// Reads a block of headers. Returns the status of the call, if the block has it.
#[inline(never)]
fn headers(stream: &mut Stream<'_>, frame: Frame) -> Result<Option<u32>, Stopped> {
    let (mut length, padding) = unpadded(stream, &frame)?;
    if frame.flags & PRIORITY != 0 {
        length = length.checked_sub(5).ok_or(Stopped)?;
        skip(stream, 5)?;
    }
    let mut block = Block::new(stream, length, padding, frame.flags & END_HEADERS != 0);
    let mut call = None;
    while let Some(field) = block.field()? {
        match field {
            Field::Status(200) | Field::Other => {}
            Field::Status(status) => {
                return Err(stream.stop(Failure::Status("status ", status.into())));
            }
            Field::Call(status) => call = Some(status),
        }
    }
    Ok(call)
}
