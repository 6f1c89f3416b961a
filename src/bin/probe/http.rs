//! HTTP/1.1: one request, and the head of the answer; the body only if a text has to be found in it (RFC 9112).

use core::ffi::CStr;

use ring3::bytes::eq_ignore_case;
use ring3::text::number;

use crate::failure::{Failure, Stopped};
use crate::search::Search;
use crate::stream::Stream;
use crate::target::Host;

/// What the options say about requests and answers.
pub struct Request {
    pub method: &'static [u8],
    pub headers: [&'static CStr; Self::HEADERS],
    /// The first and the last status that is right.
    pub status: (u16, u16),
    /// What the body contains.
    pub text: Option<&'static [u8]>,
}

impl Request {
    /// The most headers.
    pub const HEADERS: usize = 16;

    /// The request without any option.
    pub const DEFAULT: Self = Self {
        method: b"GET",
        headers: [c""; _],
        status: (200, 399),
        text: None,
    };
}

/// What the head of an answer says about its body.
struct Head {
    status: u16,
    length: Option<u64>,
    coding: Coding,
}

/// How the body is transferred.
enum Coding {
    None,
    Chunked,
    Other,
}

/// How many bytes of a line are read. No header that matters is longer.
const ROOM: usize = 64;

/// Sends the request, and checks the answer.
#[inline(never)]
pub fn ask(
    stream: &mut Stream<'_>,
    request: &Request,
    host: Host<'_>,
    path: &[u8],
) -> Result<(), Stopped> {
    stream.failure = Failure::Answer("not an answer of HTTP/1.1");
    send(stream, request, host, path)?;
    let head = loop {
        let head = read_head(stream)?;
        // Each status from 100 to 199 except 101 announces another answer.
        if head.status >= 200 || head.status == 101 {
            break head;
        }
    };
    let (first, last) = request.status;
    if !(first..=last).contains(&head.status) {
        return Err(stream.stop(Failure::Status("status ", head.status.into())));
    }
    match request.text {
        Some(text) => find(stream, &head, Search::new(text)),
        None => Ok(()),
    }
}

#[inline(never)]
fn send(
    stream: &mut Stream<'_>,
    request: &Request,
    host: Host<'_>,
    path: &[u8],
) -> Result<(), Stopped> {
    let headers = || request.headers.iter().map(|header| header.to_bytes());
    stream.put(request.method)?;
    stream.put(b" ")?;
    if !path.starts_with(b"/") {
        stream.put(b"/")?;
    }
    stream.put(path)?;
    stream.put(b" HTTP/1.1\r\n")?;
    if !headers().any(|header| value_of(b"host", header).is_some()) {
        stream.put(b"Host: ")?;
        host.iter().try_for_each(|part| stream.put(part))?;
        stream.put(b"\r\n")?;
    }
    stream.put(b"User-Agent: ring3-probe\r\nAccept: */*\r\nConnection: close\r\n")?;
    for header in headers().filter(|header| !header.is_empty()) {
        stream.put(header)?;
        stream.put(b"\r\n")?;
    }
    stream.put(b"\r\n")?;
    stream.flush()
}

/// Reads the status line and the headers, up to the empty line.
#[inline(never)]
fn read_head(stream: &mut Stream<'_>) -> Result<Head, Stopped> {
    let mut room = [0; ROOM];
    let status = match stream.line(&mut room)? {
        [
            b'H',
            b'T',
            b'T',
            b'P',
            b'/',
            b'1',
            b'.',
            b'0'..=b'9',
            b' ',
            a,
            b,
            c,
            reason @ ..,
        ] if reason.first().is_none_or(|&byte| byte == b' ') => {
            number::whole(&[*a, *b, *c], 10, 999).filter(|&status| status >= 100)
        }
        _ => None,
    };
    let mut head = Head {
        status: status.ok_or(Stopped)? as u16,
        length: None,
        coding: Coding::None,
    };
    loop {
        let line = stream.line(&mut room)?;
        if line.is_empty() {
            return Ok(head);
        }
        if let Some(value) = value_of(b"content-length", line) {
            let length = number::whole(value, 10, u64::MAX).filter(|_| line.len() < ROOM);
            let length = length.ok_or(Stopped)?;
            if head.length.is_some_and(|other| other != length) {
                return Err(stream.wrong("two lengths that differ"));
            }
            head.length = Some(length);
        }
        if let Some(value) = value_of(b"transfer-encoding", line) {
            head.coding = match eq_ignore_case(value, b"chunked") {
                true => Coding::Chunked,
                false => Coding::Other,
            };
        }
    }
}

/// The value of the header `line` if it has this name, which is in small letters.
fn value_of<'a>(name: &[u8], line: &'a [u8]) -> Option<&'a [u8]> {
    let (start, rest) = line.split_at_checked(name.len())?;
    match rest {
        [b':', value @ ..] if eq_ignore_case(start, name) => Some(value.trim_ascii()),
        _ => None,
    }
}

/// Looks for a text in the body, which may be in chunks.
#[inline(never)]
fn find(stream: &mut Stream<'_>, head: &Head, mut search: Search<'_>) -> Result<(), Stopped> {
    const MISSING: &str = "the body does not contain the text";
    stream.left = u64::MAX; // only the time is limited
    let is_chunked = match head.coding {
        Coding::None => false,
        Coding::Chunked => true,
        Coding::Other => return Err(stream.wrong("the transfer coding is not chunked")),
    };
    loop {
        // The bytes of the body or of a chunk. Without a length, the body ends with the connection.
        let mut left = match head.length {
            _ if matches!(head.status, 101 | 204 | 304) => 0,
            _ if is_chunked => chunk(stream)?,
            length => length.unwrap_or(u64::MAX),
        };
        let is_last = !is_chunked || left == 0;
        while left > 0 && !search.is_found() {
            match stream.next()? {
                Some(byte) => search.next(byte),
                None if !is_chunked && head.length.is_none() => return Err(stream.wrong(MISSING)),
                None => return Err(stream.stop(Failure::CUT)),
            }
            left -= 1;
        }
        if search.is_found() {
            return Ok(());
        }
        if is_last {
            return Err(stream.wrong(MISSING));
        }
        if stream.bytes()? != *b"\r\n" {
            return Err(Stopped);
        }
    }
}

/// Reads the length of the next chunk; that of the last one is 0.
#[inline(never)]
fn chunk(stream: &mut Stream<'_>) -> Result<u64, Stopped> {
    let mut room = [0; ROOM];
    let line = stream.line(&mut room)?;
    let end = line.iter().position(|&byte| byte == b';'); // extensions follow
    let digits = line.get(..end.unwrap_or(line.len())).unwrap_or_default();
    number::whole(digits.trim_ascii(), 16, u64::MAX).ok_or(Stopped)
}
