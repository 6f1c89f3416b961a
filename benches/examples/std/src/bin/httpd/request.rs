//! Requests: received from a client, and parsed.

use std::ffi::OsString;
use std::io::{self, BufRead, ErrorKind, Read};
use std::net::TcpStream;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use common::date::Date;

/// The most bytes of a request.
const LONGEST: usize = 8192;

/// The most bytes of a path, as for the kernel.
const LONGEST_PATH: usize = 4095;

/// The status of an answer: the code and the words.
pub type Status = &'static str;

const BAD: Status = "400 Bad Request";

/// The bytes that a client sends. The limit of time is for all bytes of a request, so that a client cannot hold the
/// connection by sending a byte now and then.
pub struct Input<'a> {
    pub client: &'a TcpStream,
    deadline: Option<Instant>,
}

impl<'a> Input<'a> {
    pub fn new(client: &'a TcpStream) -> Self {
        Self {
            client,
            deadline: None,
        }
    }

    pub fn set_limit(&mut self, limit: Option<Duration>) {
        self.deadline = limit.map(|limit| Instant::now() + limit);
    }
}

impl Read for Input<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let left = self
                .deadline
                .map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Err(ErrorKind::TimedOut.into());
            }
            self.client.set_read_timeout(left)?;
            match self.client.read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                result => return result,
            }
        }
    }
}

/// The head of a request as it came.
pub enum Head {
    /// The client has ended the connection.
    End,
    /// The lines up to the first empty line, with empty lines before the request.
    Received(Vec<u8>),
    /// The head was too long, or did not come in time.
    Refused(Status),
}

impl Head {
    pub fn read(reader: &mut impl BufRead) -> io::Result<Self> {
        let mut reader = reader.take(LONGEST as u64);
        let (mut head, mut is_begun) = (Vec::new(), false);
        loop {
            let start = head.len();
            match reader.read_until(b'\n', &mut head) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::TimedOut && !head.is_empty() => {
                    return Ok(Self::Refused("408 Request Timeout"));
                }
                Err(error) => return Err(error),
            }
            let Some(line) = head[start..].strip_suffix(b"\n") else {
                return Ok(match reader.limit() {
                    0 => Self::Refused("431 Request Header Fields Too Large"),
                    _ => Self::End,
                });
            };
            let is_empty = matches!(line, b"" | b"\r");
            if is_empty && is_begun {
                return Ok(Self::Received(head));
            }
            is_begun |= !is_empty;
        }
    }
}

/// A request that this server understands.
pub struct Request {
    /// Whether the method is HEAD, not GET.
    pub is_head: bool,
    /// The path, decoded, without the first slash.
    pub path: PathBuf,
    /// The time in `If-Modified-Since`.
    pub since: Option<Date>,
    /// The value of `Range`.
    pub range: Option<String>,
    /// Whether the client speaks HTTP/1.0.
    pub is_old: bool,
    /// Whether the client may send another request.
    pub keeps_open: bool,
}

impl Request {
    pub fn parse(head: &[u8]) -> Result<Self, Status> {
        let mut lines = head
            .split(|&byte| byte == b'\n')
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
            .skip_while(|line| line.is_empty());
        let words = lines.next().unwrap_or_default();
        let words: Vec<_> = words.split(|&byte| byte == b' ').collect();
        let [method, target, version] = words[..] else {
            return Err(BAD);
        };
        let is_old = match version {
            b"HTTP/1.0" => true,
            [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'1'..=b'9'] => false,
            _ => return Err("505 HTTP Version Not Supported"),
        };
        if !matches!(method, b"GET" | b"HEAD") {
            return Err("501 Not Implemented");
        }
        let mut request = Self {
            is_head: method == b"HEAD",
            path: path(target)?,
            since: None,
            range: None,
            is_old,
            keeps_open: !is_old,
        };

        let (mut hosts, mut has_body, mut has_tags, mut has_condition) = (0, false, false, false);
        for line in lines.take_while(|line| !line.is_empty()) {
            let colon = line.iter().position(|&byte| byte == b':').ok_or(BAD)?;
            let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
            // A space before the name continues the line before, which has not been allowed for long.
            if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
                return Err(BAD);
            }
            let text = str::from_utf8(value);
            match name.to_ascii_lowercase().as_slice() {
                b"host" => hosts += 1,
                b"connection" => {
                    for word in value.split(|&byte| byte == b',') {
                        match word.trim_ascii().to_ascii_lowercase().as_slice() {
                            b"close" => request.keeps_open = false,
                            b"keep-alive" => request.keeps_open = true,
                            _ => {}
                        }
                    }
                }
                b"if-modified-since" => request.since = text.ok().and_then(Date::parse_http),
                b"range" => request.range = text.ok().map(str::to_owned),
                b"if-none-match" => has_tags = true,
                b"if-range" => has_condition = true,
                b"transfer-encoding" | b"content-length" => has_body |= value != b"0",
                _ => {}
            }
        }
        if hosts > 1 || hosts == 0 && !is_old {
            return Err(BAD);
        }
        // A request with a body must not be followed by another: nobody reads the body.
        request.keeps_open &= !has_body;
        // This server gives no file a tag, so no tag matches; but then the time does not count.
        request.since = request.since.filter(|_| !has_tags);
        request.range = request.range.filter(|_| !has_condition);
        Ok(request)
    }
}

/// The path in a request's target: `/path?query`, or `http://host/path?query`.
fn path(target: &[u8]) -> Result<PathBuf, Status> {
    const SCHEME: &[u8] = b"http://";
    let path = match target.split_at_checked(SCHEME.len()) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case(SCHEME) => {
            let host = rest.iter().position(|byte| matches!(byte, b'/' | b'?'));
            &rest[host.unwrap_or(rest.len())..]
        }
        _ if target.starts_with(b"/") => target,
        _ => return Err(BAD),
    };
    let end = path.iter().position(|byte| matches!(byte, b'?' | b'#'));
    let path = &path[..end.unwrap_or(path.len())];

    let mut decoded = Vec::new();
    let mut encoded = path.iter();
    let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
    while let Some(&byte) = encoded.next() {
        decoded.push(match byte {
            b'%' => match (digit(encoded.next()), digit(encoded.next())) {
                (Some(high), Some(low)) => (high << 4 | low) as u8,
                _ => return Err(BAD),
            },
            byte => byte,
        });
    }
    // The path is relative, also if it begins with `//` or `%2f`.
    let slashes = decoded.iter().take_while(|&&byte| byte == b'/').count();
    decoded.drain(..slashes);
    if decoded.contains(&0) {
        return Err(BAD);
    }
    if decoded.len() > LONGEST_PATH {
        return Err("414 URI Too Long");
    }
    Ok(OsString::from_vec(decoded).into())
}
