//! Requests: received from a client, and parsed.

use alloc::vec::Vec;

use common::date::Date;
use common::time::Deadline;
use rustix::fd::BorrowedFd;
use rustix::io::{Errno, retry_on_intr};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{RecvFlags, recv};

/// The most bytes of a request.
const LONGEST: usize = 8192;

/// The most bytes of a path: the kernel takes 4096 with the zero.
const LONGEST_PATH: usize = 4095;

/// The code and the words of an answer.
pub type Status = &'static str;

const BAD: Status = "400 Bad Request";

/// Why there is no request.
pub enum Stop {
    /// The connection has ended, or is to be ended without an answer.
    Close,
    Refuse(Status),
}

/// The bytes from a client.
pub struct Input<'a> {
    socket: BorrowedFd<'a>,
    buffer: [u8; LONGEST],
    used: usize,
    /// The length of the last request, at the beginning of the buffer.
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

    /// Receives a request up to its empty line.
    pub fn receive_head(&mut self, deadline: Deadline) -> Result<(), Stop> {
        self.buffer.copy_within(self.taken..self.used, 0);
        self.used -= self.taken;
        self.taken = 0;
        loop {
            if let Some(length) = head_length(&self.buffer[..self.used]) {
                self.taken = length;
                return Ok(());
            }
            match self.receive(deadline) {
                Ok(1..) => {}
                Err(Errno::NOBUFS) => {
                    return Err(Stop::Refuse("431 Request Header Fields Too Large"));
                }
                Err(Errno::TIMEDOUT) if self.used > 0 => {
                    return Err(Stop::Refuse("408 Request Timeout"));
                }
                Ok(0) | Err(_) => return Err(Stop::Close),
            }
        }
    }

    /// The last request.
    pub fn head(&self) -> &[u8] {
        &self.buffer[..self.taken]
    }

    /// Receives more bytes. Returns how many; 0 is the end.
    ///
    /// # Errors
    /// `TIMEDOUT` after the deadline, which is for all bytes of a request. `NOBUFS`: the request is too long.
    fn receive(&mut self, deadline: Deadline) -> Result<usize, Errno> {
        let free = &mut self.buffer[self.used..];
        if free.is_empty() {
            return Err(Errno::NOBUFS);
        }
        loop {
            let left = deadline.left();
            if left.is_some_and(|left| left.is_zero()) {
                return Err(Errno::TIMEDOUT);
            }
            set_socket_timeout(self.socket, Timeout::Recv, left)?;
            match retry_on_intr(|| recv(self.socket, &mut *free, RecvFlags::empty())) {
                Ok((count, _)) => {
                    self.used += count;
                    return Ok(count);
                }
                Err(Errno::AGAIN) => {}
                Err(errno) => return Err(errno),
            }
        }
    }

    /// Reads what the client still sends, up to its end or the deadline.
    pub fn drain(&mut self, deadline: Deadline) {
        loop {
            (self.used, self.taken) = (0, 0);
            if !matches!(self.receive(deadline), Ok(1..)) {
                return;
            }
        }
    }
}

/// The length up to the first empty line after a line that is not empty; `None` if there is no such line yet.
fn head_length(bytes: &[u8]) -> Option<usize> {
    let (mut length, mut is_begun) = (0, false);
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        length += line.len();
        match line {
            b"\n" | b"\r\n" if is_begun => return Some(length),
            b"\n" | b"\r\n" => {}
            _ => is_begun = true,
        }
    }
    None
}

/// A request that this server understands.
pub struct Request<'a> {
    /// Whether the method is HEAD, not GET.
    pub is_head: bool,
    /// The decoded path without slashes at the beginning.
    pub path: Vec<u8>,
    /// The value of `If-Modified-Since`.
    pub since: Option<Date>,
    /// The value of `Range`.
    pub range: Option<&'a [u8]>,
    /// Whether the version is 1.0.
    pub is_old: bool,
    /// Whether another request may follow.
    pub keeps_open: bool,
}

impl<'a> Request<'a> {
    pub fn parse(head: &'a [u8]) -> Result<Self, Status> {
        let mut lines = head
            .split(|&byte| byte == b'\n')
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
            .skip_while(|line| line.is_empty());
        let mut words = lines.next().ok_or(BAD)?.split(|&byte| byte == b' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(BAD);
        };
        let is_old = match version {
            b"HTTP/1.0" => true,
            [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'1'..=b'9'] => false,
            _ => return Err("505 HTTP Version Not Supported"),
        };
        let is_head = match method {
            b"GET" => false,
            b"HEAD" => true,
            _ => return Err("501 Not Implemented"),
        };
        let mut request = Self {
            is_head,
            path: decode(path(target)?)?,
            since: None,
            range: None,
            is_old,
            keeps_open: !is_old,
        };

        let (mut hosts, mut has_body, mut has_tags, mut has_condition) = (0, false, false, false);
        for line in lines.take_while(|line| !line.is_empty()) {
            let colon = line.iter().position(|&byte| byte == b':').ok_or(BAD)?;
            let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
            // A space at the beginning would continue the line before: this is obsolete.
            if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
                return Err(BAD);
            }
            match name.to_ascii_lowercase().as_slice() {
                b"host" => hosts += 1,
                b"connection" => {
                    for word in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
                        if word.eq_ignore_ascii_case(b"close") {
                            request.keeps_open = false;
                        } else if word.eq_ignore_ascii_case(b"keep-alive") {
                            request.keeps_open = true;
                        }
                    }
                }
                b"if-modified-since" => request.since = Date::parse_http(value),
                b"range" => request.range = Some(value),
                b"if-none-match" => has_tags = true,
                b"if-range" => has_condition = true,
                b"transfer-encoding" | b"content-length" => has_body |= value != b"0",
                _ => {}
            }
        }
        if hosts > 1 || hosts == 0 && !is_old {
            return Err(BAD);
        }
        // Nobody reads a body, so the next request could not be found.
        request.keeps_open &= !has_body;
        // No file has a tag here, so no tag matches. If there are tags, the time does not count.
        request.since = request.since.filter(|_| !has_tags);
        request.range = request.range.filter(|_| !has_condition);
        Ok(request)
    }
}

/// The path of a target: `/path?query`, or `http://host/path?query`.
fn path(target: &[u8]) -> Result<&[u8], Status> {
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
    Ok(&path[..end.unwrap_or(path.len())])
}

/// Decodes a path, and removes the slashes at its beginning.
fn decode(encoded: &[u8]) -> Result<Vec<u8>, Status> {
    let mut path = Vec::with_capacity(encoded.len());
    let mut bytes = encoded.iter();
    while let Some(&byte) = bytes.next() {
        let byte = if byte == b'%' {
            let mut digit = || char::from(*bytes.next()?).to_digit(16);
            let (Some(high), Some(low)) = (digit(), digit()) else {
                return Err(BAD);
            };
            (high * 16 + low) as u8
        } else {
            byte
        };
        if byte != b'/' || !path.is_empty() {
            path.push(byte);
        }
    }
    if path.contains(&0) {
        return Err(BAD);
    }
    if path.len() > LONGEST_PATH {
        return Err("414 URI Too Long");
    }
    Ok(path)
}
