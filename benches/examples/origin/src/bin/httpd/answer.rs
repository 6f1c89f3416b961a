//! Finds the answer to a request, and sends it.

use alloc::ffi::CString;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use core::ops::Range;

use common::cli::number;
use common::date::{Date, HttpDate};
use common::io::write_all;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2, sendfile};
use rustix::io::{Errno, Result, retry_on_intr};

use crate::listing::{encode, listing};
use crate::request::{Request, Status};

const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

pub struct Answer {
    pub status: Status,
    /// Fields of the header, each with its line end.
    fields: String,
    /// The media type of the content.
    media: &'static str,
    content: Content,
}

enum Content {
    None,
    Bytes(Vec<u8>),
    /// A part of a file, or all of it.
    File(OwnedFd, Range<u64>),
}

impl Answer {
    /// The answer to a request, or to what is not a request.
    pub fn new(root: BorrowedFd<'_>, request: &core::result::Result<Request<'_>, Status>) -> Self {
        match request {
            Ok(request) => find(root, request).unwrap_or_else(|errno| Self::words(refusal(errno))),
            Err(status) => Self::words(status),
        }
    }

    /// An answer whose content is its status.
    fn words(status: Status) -> Self {
        Self {
            status,
            fields: String::new(),
            media: TEXT,
            content: Content::Bytes(format!("{status}\n").into_bytes()),
        }
    }

    /// Sends the answer. After an error the client can't know where the answer ends.
    pub fn send(&self, socket: BorrowedFd<'_>, connection: &str, is_head: bool) -> Result<()> {
        let mut head = format!(
            "HTTP/1.1 {}\r\nDate: {}\r\n{connection}{}",
            self.status,
            HttpDate(Date::now()),
            self.fields
        );
        let length = match &self.content {
            Content::None => None,
            Content::Bytes(bytes) => Some(bytes.len() as u64),
            Content::File(_, part) => Some(part.end - part.start),
        };
        if let Some(length) = length {
            let media = self.media;
            let _ = write!(
                head,
                "Content-Type: {media}\r\nContent-Length: {length}\r\n"
            );
        }
        head.push_str("\r\n");
        match &self.content {
            Content::Bytes(bytes) if !is_head => {
                write_all(socket, &[head.as_bytes(), bytes].concat())
            }
            Content::File(file, part) if !is_head => {
                write_all(socket, head.as_bytes())?;
                send_file(file, part.clone(), socket)
            }
            _ => write_all(socket, head.as_bytes()),
        }
    }
}

fn send_file(file: &OwnedFd, part: Range<u64>, socket: BorrowedFd<'_>) -> Result<()> {
    const AT_ONCE: u64 = 1 << 18; // so that the time limit is not for the whole file
    let mut at = part.start;
    while at < part.end {
        let count = AT_ONCE.min(part.end - at) as usize;
        if retry_on_intr(|| sendfile(socket, file, Some(&mut at), count))? == 0 {
            return Err(Errno::IO); // the file has become shorter
        }
    }
    Ok(())
}

/// Finds what a request asks for.
fn find(root: BorrowedFd<'_>, request: &Request<'_>) -> Result<Answer> {
    let path = request.path.as_slice();
    let file = open(root, path)?;
    let stat = fstat(&file)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => {}
        FileType::Directory if path.is_empty() || path.ends_with(b"/") => {
            return Ok(Answer {
                media: HTML,
                content: Content::Bytes(listing(&file, path)?),
                ..Answer::words("200 OK")
            });
        }
        FileType::Directory => {
            return Ok(Answer {
                fields: format!("Location: /{}/\r\n", encode(path)),
                ..Answer::words("301 Moved Permanently")
            });
        }
        _ => return Err(Errno::ACCESS), // reading a FIFO may wait, and reading a device may change it
    }

    // A time in the future would keep clients from noticing a change until then.
    let modified = (stat.st_mtime as i64).min(Date::now().seconds());
    let modified = Date::from_seconds(modified);
    let mut fields = String::new();
    if let Some(modified) = modified {
        let modified = HttpDate(modified);
        let _ = write!(
            fields,
            "Last-Modified: {modified}\r\nAccept-Ranges: bytes\r\n"
        );
    }
    if request.since.is_some_and(|since| modified <= Some(since)) {
        return Ok(Answer {
            status: "304 Not Modified",
            fields,
            media: TEXT,
            content: Content::None,
        });
    }
    let length = stat.st_size as u64;
    // A part is only of the answer to GET.
    let range = request.range.filter(|_| !request.is_head);
    let (status, part) = match range.and_then(|range| parse_range(range, length)) {
        None => ("200 OK", 0..length),
        Some(part) if part.is_empty() => {
            return Ok(Answer {
                fields: format!("Content-Range: bytes */{length}\r\n"),
                ..Answer::words("416 Range Not Satisfiable")
            });
        }
        Some(part) => {
            let (first, last) = (part.start, part.end - 1);
            let _ = write!(fields, "Content-Range: bytes {first}-{last}/{length}\r\n");
            ("206 Partial Content", part)
        }
    };
    Ok(Answer {
        status,
        fields,
        media: media(path),
        content: Content::File(file, part),
    })
}

/// Opens a file, if its path does not lead out of `root`.
fn open(root: BorrowedFd<'_>, path: &[u8]) -> Result<OwnedFd> {
    // With `NONBLOCK`, opening a FIFO does not wait for a writer.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let name = if path.is_empty() { b"." } else { path };
    let name = CString::new(name).map_err(|_| Errno::INVAL)?;
    let opened =
        retry_on_intr(|| openat2(root, &name, flags, Mode::empty(), ResolveFlags::BENEATH));
    match opened {
        // An old kernel, a filter of system calls, or directories are renamed all the time.
        Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN) => open_step_by_step(root, path, flags),
        opened => opened,
    }
}

/// As `open`, one directory after the other. Follows no symbolic link.
fn open_step_by_step(root: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd> {
    let search = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let step = |dir: BorrowedFd<'_>, name: &[u8], flags| {
        let name = CString::new(name).map_err(|_| Errno::INVAL)?;
        retry_on_intr(|| openat(dir, &name, flags, Mode::empty()))
    };
    let mut dir = step(root, b".", search)?;
    let mut names = path
        .split(|&byte| byte == b'/')
        .filter(|name| !matches!(*name, b"" | b"."))
        .peekable();
    while let Some(name) = names.next() {
        if name == b".." {
            return Err(Errno::XDEV);
        }
        if names.peek().is_none() && path.ends_with(name) {
            return step(dir.as_fd(), name, flags | OFlags::NOFOLLOW);
        }
        dir = step(dir.as_fd(), name, search)?;
    }
    step(dir.as_fd(), b".", flags | OFlags::DIRECTORY)
}

/// The status for a file that can't be served. It does not say whether a path leads out of the directory.
fn refusal(errno: Errno) -> Status {
    match errno {
        Errno::NOENT | Errno::NOTDIR | Errno::XDEV | Errno::LOOP | Errno::NAMETOOLONG => {
            "404 Not Found"
        }
        Errno::ACCESS | Errno::NXIO => "403 Forbidden",
        Errno::MFILE | Errno::NFILE | Errno::NOMEM => "503 Service Unavailable",
        _ => "500 Internal Server Error",
    }
}

/// Parses `bytes=FIRST-LAST`, `bytes=FIRST-` or `bytes=-COUNT`. The result is empty if the file has no such part;
/// `None` if the value is to be ignored, as several parts are.
fn parse_range(range: &[u8], length: u64) -> Option<Range<u64>> {
    let range = range.strip_prefix(b"bytes=")?;
    let dash = range.iter().position(|&byte| byte == b'-')?;
    let (first, last) = match (&range[..dash], &range[dash + 1..]) {
        (b"", count) => (length.saturating_sub(number(count)?), u64::MAX),
        (first, b"") => (number(first)?, u64::MAX),
        (first, last) => (number(first)?, number(last)?),
    };
    (first <= last).then_some(first..length.min(last.saturating_add(1)))
}

/// The media type of a file, by the extension of its name.
fn media(path: &[u8]) -> &'static str {
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
    let extension = match name.iter().rposition(|&byte| byte == b'.') {
        Some(dot @ 1..) => &name[dot + 1..],
        _ => b"",
    };
    match extension {
        b"html" | b"htm" => HTML,
        b"txt" | b"md" | b"rs" | b"c" | b"h" | b"toml" | b"log" => TEXT,
        b"css" => "text/css; charset=utf-8",
        b"js" | b"mjs" => "text/javascript; charset=utf-8",
        b"json" => "application/json",
        b"svg" => "image/svg+xml",
        b"png" => "image/png",
        b"jpg" | b"jpeg" => "image/jpeg",
        b"gif" => "image/gif",
        b"webp" => "image/webp",
        b"ico" => "image/vnd.microsoft.icon",
        b"woff2" => "font/woff2",
        b"pdf" => "application/pdf",
        b"wasm" => "application/wasm",
        _ => "application/octet-stream",
    }
}
