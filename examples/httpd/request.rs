//! Requests: received from a client, and parsed.

use ring3::fd::BorrowedFd;
use ring3::net::{self, sockopt};
use ring3::path::PathBuf;
use ring3::time::{self, Deadline, UtcDateTime};
use ring3::{Errno, bytes};

/// The most bytes of a request.
const LONGEST: usize = 8192;

/// The bytes that a client sent.
pub struct Input<'a> {
    socket: BorrowedFd<'a>,
    buffer: [u8; LONGEST],
    /// The bytes in the buffer.
    used: usize,
    /// The bytes of the last request, at the beginning of the buffer.
    taken: usize,
}

impl<'a> Input<'a> {
    pub fn new(socket: BorrowedFd<'a>) -> Self {
        Self {
            socket,
            buffer: [0; LONGEST],
            used: 0,
            taken: 0,
        }
    }

    /// Receives the next request, up to its empty line. Returns `false` if the client has ended the connection.
    ///
    /// # Errors
    /// `ETIMEDOUT`: the request did not come in time. `EMSGSIZE`: it is longer than the buffer. Errors of the connection.
    pub fn receive_head(&mut self, deadline: Deadline) -> ring3::Result<bool> {
        self.buffer.copy_within(self.taken..self.used, 0);
        self.used -= self.taken;
        self.taken = 0;
        loop {
            let held = self.buffer.get(..self.used).unwrap_or_default();
            if let Some(length) = head_length(held) {
                self.taken = length;
                return Ok(true);
            }
            if self.receive(deadline)? == 0 {
                return Ok(false);
            }
        }
    }

    /// The request that was received last.
    pub fn head(&self) -> &[u8] {
        self.buffer.get(..self.taken).unwrap_or_default()
    }

    /// Receives more bytes. Returns how many; 0 is the end. The deadline is for all bytes of a request, so that a client
    /// cannot hold the connection by sending a byte now and then.
    ///
    /// # Errors
    /// As for [`receive_head`](Self::receive_head).
    pub fn receive(&mut self, deadline: Deadline) -> ring3::Result<usize> {
        loop {
            let room = self.buffer.get_mut(self.used..).unwrap_or_default();
            if room.is_empty() {
                return Err(Errno::EMSGSIZE);
            }
            let left = deadline.left(time::monotonic);
            if left.is_some_and(|left| left.is_zero()) {
                return Err(Errno::ETIMEDOUT);
            }
            sockopt::set_read_timeout(self.socket, left)?;
            match net::recv(self.socket, room) {
                Err(Errno::EAGAIN) => {}
                Ok(count) => {
                    self.used += count;
                    return Ok(count);
                }
                Err(errno) => return Err(errno),
            }
        }
    }

    /// Whether a part of a request was received.
    pub fn is_within_request(&self) -> bool {
        self.used > 0
    }

    /// Forgets all bytes.
    pub fn clear(&mut self) {
        (self.used, self.taken) = (0, 0);
    }
}

/// The length of the lines up to the first empty line; `None` if there is no empty line yet. Empty lines before the
/// request are a part of it.
fn head_length(held: &[u8]) -> Option<usize> {
    let mut at = 0;
    let mut is_begun = false;
    while let Some(length) = held.get(at..).and_then(|rest| bytes::position(rest, b'\n')) {
        let is_empty = matches!(held.get(at..at + length), Some(b"" | b"\r"));
        at += length + 1;
        if is_empty && is_begun {
            return Some(at);
        }
        is_begun |= !is_empty;
    }
    None
}

/// The status of an answer: the code and the words.
#[derive(Clone, Copy)]
pub struct Status(pub &'static str);

/// A request that this server understands.
pub struct Request<'a> {
    /// Whether the method is HEAD, not GET.
    pub is_head: bool,
    /// The path, decoded, without the first slash.
    pub path: PathBuf,
    /// The time in `If-Modified-Since`.
    pub since: Option<UtcDateTime>,
    /// The value of `Range`.
    pub range: Option<&'a [u8]>,
    /// Whether the client speaks HTTP/1.0.
    pub is_old: bool,
    /// Whether the client may send another request.
    pub keeps_open: bool,
}

impl<'a> Request<'a> {
    pub fn parse(head: &'a [u8]) -> Result<Self, Status> {
        const BAD: Status = Status("400 Bad Request");
        let mut lines = head
            .split(|&byte| byte == b'\n')
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
            .skip_while(|line| line.is_empty());
        let mut words = lines.next().unwrap_or_default().split(|&byte| byte == b' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(BAD);
        };
        let is_old = match version {
            b"HTTP/1.0" => true,
            [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'1'..=b'9'] => false,
            _ => return Err(Status("505 HTTP Version Not Supported")),
        };
        if !matches!(method, b"GET" | b"HEAD") {
            return Err(Status("501 Not Implemented"));
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
            let colon = bytes::position(line, b':').ok_or(BAD)?;
            let (name, value) = line.split_at(colon);
            let value = value.get(1..).unwrap_or_default().trim_ascii();
            // A space before the name continues the line before, which has not been allowed for long.
            if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
                return Err(BAD);
            }
            let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
            if is("Host") {
                hosts += 1;
            } else if is("Connection") {
                for word in value.split(|&byte| byte == b',') {
                    match word.trim_ascii() {
                        word if word.eq_ignore_ascii_case(b"close") => request.keeps_open = false,
                        word if word.eq_ignore_ascii_case(b"keep-alive") => {
                            request.keeps_open = true
                        }
                        _ => {}
                    }
                }
            } else if is("If-Modified-Since") {
                request.since = UtcDateTime::parse_http(value);
            } else if is("Range") {
                request.range = Some(value);
            } else if is("If-None-Match") {
                has_tags = true;
            } else if is("If-Range") {
                has_condition = true;
            } else if is("Transfer-Encoding") || is("Content-Length") {
                has_body |= value != b"0";
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
    const BAD: Status = Status("400 Bad Request");
    let path = match target.split_at_checked(b"http://".len()) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case(b"http://") => {
            let host = rest.iter().position(|byte| matches!(byte, b'/' | b'?'));
            rest.get(host.unwrap_or(rest.len())..).unwrap_or_default()
        }
        _ if target.starts_with(b"/") => target,
        _ => return Err(BAD),
    };
    let end = path.iter().position(|byte| matches!(byte, b'?' | b'#'));
    let path = path.get(..end.unwrap_or(path.len())).unwrap_or_default();

    let mut decoded = [0; LONGEST];
    let mut length = 0;
    let mut encoded = path.iter().skip_while(|&&byte| byte == b'/');
    let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
    while let Some(&byte) = encoded.next() {
        let byte = match byte {
            b'%' => {
                let (Some(high), Some(low)) = (digit(encoded.next()), digit(encoded.next())) else {
                    return Err(BAD);
                };
                (high << 4 | low) as u8
            }
            byte => byte,
        };
        if let Some(place) = decoded.get_mut(length) {
            *place = byte;
            length += 1;
        }
    }
    // `%2f` may be at the beginning.
    let decoded = decoded.get(..length).unwrap_or_default();
    let slashes = decoded.iter().take_while(|&&byte| byte == b'/').count();
    PathBuf::new(decoded.get(slashes..).unwrap_or_default()).map_err(|errno| match errno {
        Errno::ENAMETOOLONG => Status("414 URI Too Long"),
        _ => BAD, // a zero
    })
}

#[cfg(test)]
mod tests {
    use super::{Request, head_length};

    #[test]
    fn a_request_ends_at_its_empty_line() {
        for (text, length) in [
            ("", None),
            ("\r\n", None),
            ("GET / HTTP/1.0\r\n", None),
            ("GET / HTTP/1.0\r\n\r", None),
            ("GET / HTTP/1.0\r\n\r\n", Some(18)),
            ("GET / HTTP/1.0\n\nGET", Some(16)),
            ("\r\nGET / HTTP/1.0\r\n\r\n", Some(20)),
            ("a\nb\n\n\n", Some(5)),
        ] {
            assert_eq!(head_length(text.as_bytes()), length, "{text:?}");
        }
    }

    /// The decoded path, or the code of the status.
    fn path(target: &str) -> Result<Vec<u8>, &'static str> {
        let head = format!("GET {target} HTTP/1.0\r\n\r\n");
        match Request::parse(head.as_bytes()) {
            Ok(request) => Ok(request.path.as_bytes().to_vec()),
            Err(status) => Err(&status.0[..3]),
        }
    }

    #[test]
    fn a_path_is_decoded_once() {
        for (target, decoded) in [
            ("/", ""),
            ("/a/b/", "a/b/"),
            ("///a", "a"),
            ("/%2f%2Fa", "a"),
            ("/%61%20%2541?b%", "a %41"),
            ("/a#b", "a"),
            ("http://host/a", "a"),
            ("HTTP://host:8000?a", ""),
            ("/%2e%2e/a", "../a"),
        ] {
            assert_eq!(path(target), Ok(decoded.as_bytes().to_vec()), "{target}");
        }
        assert_eq!(path("/%ff").unwrap(), b"\xff");
        for target in [
            "",
            "a",
            "*",
            "/%",
            "/%1",
            "/%1g",
            "/%+1",
            "/%00",
            "ftp://host/",
        ] {
            assert_eq!(path(target), Err("400"), "{target}");
        }
        assert_eq!(path(&format!("/{}", "a".repeat(4095))).unwrap().len(), 4095);
        assert_eq!(path(&format!("/{}", "a".repeat(4096))), Err("414"));
    }

    #[test]
    fn the_connection_stays_open_if_the_next_request_can_be_found() {
        let keeps_open = |head: &str| {
            let request = Request::parse(head.as_bytes());
            request
                .map(|request| request.keeps_open)
                .map_err(|status| status.0)
        };
        for (rest, open) in [
            ("1.1\r\nHost: a\r\n\r\n", true),
            ("1.1\r\nhost:a\r\nConnection: x, Close\r\n\r\n", false),
            ("1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", false),
            ("1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", true),
            (
                "1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n",
                false,
            ),
            ("1.0\r\n\r\n", false),
            ("1.0\r\nConnection: keep-alive\r\n\r\n", true),
        ] {
            assert_eq!(
                keeps_open(&format!("GET / HTTP/{rest}")),
                Ok(open),
                "{rest:?}"
            );
        }
        for rest in [
            "1.1\r\n\r\n",
            "1.1\r\nHost: a\r\nHost: a\r\n\r\n",
            "1.1\r\nHost : a\r\n\r\n",
            "1.1\r\n Host: a\r\n\r\n",
            "1.1\r\nHost\r\n\r\n",
        ] {
            assert_eq!(
                keeps_open(&format!("GET / HTTP/{rest}")),
                Err("400 Bad Request"),
                "{rest:?}"
            );
        }
    }
}
