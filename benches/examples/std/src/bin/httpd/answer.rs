//! Finds the answer to a request, and sends it.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::net::TcpStream;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use common::cli;
use common::date::{Date, HttpDate};
use rustix::fs::sendfile;
use rustix::io::{Errno, retry_on_intr};

use crate::files;
use crate::listing::{encoded, listing};
use crate::request::{Request, Status};

/// The answer to a request.
pub struct Answer {
    pub status: Status,
    /// The fields of the header that depend on the content.
    fields: String,
    /// `None`: an answer without content, whose header has no length.
    body: Option<Body>,
    is_head: bool,
    /// Whether the client speaks HTTP/1.0.
    is_old: bool,
    /// Whether the connection stays open after this answer.
    pub keeps_open: bool,
}

/// The content of an answer.
enum Body {
    Text(Vec<u8>, &'static str),
    File(File, Range<u64>, &'static str),
}

/// Status, fields and content of an answer.
type Found = (Status, String, Option<Body>);

const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

impl Answer {
    /// Returns the answer to a request; for a request that could not be parsed, the answer with its error status.
    pub fn new(root: &OwnedFd, request: &Result<Request, Status>) -> Self {
        let found = match request {
            Ok(request) => find(root, request).unwrap_or_else(|error| words(refusal(&error), "")),
            Err(status) => words(status, ""),
        };
        let (status, fields, body) = found;
        let request = request.as_ref().ok();
        Self {
            status,
            fields,
            body,
            is_head: request.is_some_and(|request| request.is_head),
            is_old: request.is_some_and(|request| request.is_old),
            keeps_open: request.is_some_and(|request| request.keeps_open),
        }
    }

    /// Sends the answer. After an error, the client cannot know where the answer ends, so the connection must be closed.
    pub fn send(&self, mut client: &TcpStream) -> io::Result<()> {
        let connection = match (self.keeps_open, self.is_old) {
            (false, _) => "Connection: close\r\n",
            (true, true) => "Connection: keep-alive\r\n",
            (true, false) => "",
        };
        let length = match &self.body {
            None => String::new(),
            Some(Body::Text(text, media)) => length(text.len() as u64, media),
            Some(Body::File(_, part, media)) => length(part.end - part.start, media),
        };
        let head = format!(
            "HTTP/1.1 {}\r\nDate: {}\r\n{connection}{}{length}\r\n",
            self.status,
            HttpDate(Date::now()),
            self.fields,
        );
        client.write_all(head.as_bytes())?;
        match &self.body {
            _ if self.is_head => Ok(()),
            None => Ok(()),
            Some(Body::Text(text, _)) => client.write_all(text),
            Some(Body::File(file, part, _)) => send_file(file, part.clone(), client),
        }
    }
}

/// The fields for the content.
fn length(length: u64, media: &str) -> String {
    format!("Content-Type: {media}\r\nContent-Length: {length}\r\n")
}

/// Sends a part of a file. (`io::copy` would read the file into a buffer.)
fn send_file(file: &File, part: Range<u64>, client: &TcpStream) -> io::Result<()> {
    const AT_ONCE: u64 = 1 << 18; // so that the limit of time is not for the whole file
    let Range { mut start, end } = part;
    while start < end {
        let count = AT_ONCE.min(end - start) as usize;
        if retry_on_intr(|| sendfile(client, file, Some(&mut start), count))? == 0 {
            return Err(ErrorKind::UnexpectedEof.into()); // the file has become shorter
        }
    }
    Ok(())
}

/// An answer that has only the words of its status, for a reader.
fn words(status: Status, fields: &str) -> Found {
    let text = format!("{status}\n").into_bytes();
    (status, fields.to_owned(), Some(Body::Text(text, TEXT)))
}

/// Finds the file that a request names.
fn find(root: &OwnedFd, request: &Request) -> io::Result<Found> {
    const OK: Status = "200 OK";
    let path = request.path.as_os_str().as_bytes();
    let file = files::open(root, &request.path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        if path.is_empty() || path.ends_with(b"/") {
            let page = Body::Text(listing(&file, &request.path)?, HTML);
            return Ok((OK, String::new(), Some(page)));
        }
        let location = format!("Location: /{}/\r\n", encoded(path));
        return Ok(words("301 Moved Permanently", &location));
    }
    if !metadata.is_file() {
        return Err(ErrorKind::PermissionDenied.into()); // reading a device or a FIFO may wait, or change it
    }

    // A time in the future would keep clients from noticing a change until then.
    let modified = metadata.mtime().min(Date::now().seconds());
    let mut fields = match Date::from_seconds(modified) {
        Some(date) => {
            let date = HttpDate(date);
            format!("Last-Modified: {date}\r\nAccept-Ranges: bytes\r\n")
        }
        None => String::new(),
    };
    if request
        .since
        .is_some_and(|since| modified <= since.seconds())
    {
        return Ok(("304 Not Modified", fields, None));
    }
    let (length, media) = (metadata.len(), media(&request.path));
    // A part is only of the answer to GET.
    let range = request.range.as_deref().filter(|_| !request.is_head);
    match range.and_then(|range| part(range, length)) {
        None => Ok((OK, fields, Some(Body::File(file, 0..length, media)))),
        Some(part) if part.is_empty() => {
            let range = format!("Content-Range: bytes */{length}\r\n");
            Ok(words("416 Range Not Satisfiable", &range))
        }
        Some(part) => {
            let (first, last) = (part.start, part.end - 1);
            fields += &format!("Content-Range: bytes {first}-{last}/{length}\r\n");
            Ok((
                "206 Partial Content",
                fields,
                Some(Body::File(file, part, media)),
            ))
        }
    }
}

/// The status for a file that cannot be served. A client is not told whether a path leads out of the directory.
fn refusal(error: &io::Error) -> Status {
    match Errno::from_io_error(error) {
        Some(Errno::NOENT | Errno::NOTDIR | Errno::XDEV | Errno::LOOP | Errno::NAMETOOLONG) => {
            "404 Not Found"
        }
        Some(Errno::ACCESS | Errno::NXIO) => "403 Forbidden",
        None if error.kind() == ErrorKind::PermissionDenied => "403 Forbidden",
        Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM) => "503 Service Unavailable",
        _ => "500 Internal Server Error",
    }
}

/// The part that a value of `Range` means: `bytes=FIRST-LAST`, `bytes=FIRST-` or `bytes=-COUNT`; empty, if the file has no
/// such part. `None`: to be ignored, as several parts are.
fn part(range: &str, length: u64) -> Option<Range<u64>> {
    let (first, last) = match range.strip_prefix("bytes=")?.split_once('-')? {
        ("", count) => (length.saturating_sub(cli::digits(count)?), u64::MAX),
        (first, "") => (cli::digits(first)?, u64::MAX),
        (first, last) => (cli::digits(first)?, cli::digits(last)?),
    };
    (first <= last).then_some(first..length.min(last.saturating_add(1)))
}

/// The media type of a file, by the extension of its name.
fn media(path: &Path) -> &'static str {
    match path.extension().unwrap_or_default().as_bytes() {
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
