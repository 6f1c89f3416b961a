//! Finds the answer to a request, and sends it.

use core::ops::Range;

use ring3::fd::{BorrowedFd, OwnedFd};
use ring3::fs::copy::sendfile;
use ring3::fs::{self, S_IFDIR, S_IFREG};
use ring3::path::{PathBuf, extension};
use ring3::text::{Writer, number};
use ring3::time::{HttpDate, UtcDateTime};
use ring3::{Errno, parts};

use crate::files;
use crate::listing::{Encoded, listing};
use crate::request::{Request, Status};

/// The answer to a request.
pub struct Answer<'a> {
    pub status: Status,
    /// The request, if it was understood.
    request: Option<&'a Request<'a>>,
    content: Content,
    /// Whether the connection stays open after this answer.
    pub keeps_open: bool,
}

/// What an answer contains, besides its status.
enum Content {
    File(File),
    /// No file: the words of the status, for a reader.
    Words,
    /// As `Words`; the path of a directory lacks its last slash.
    Moved,
    /// As `Words`; the length of the file of which no such part exists.
    NoPart(u64),
    /// Nothing: the client's copy of the file is up to date.
    NotModified(File),
}

/// A file, and the properties of the file for the header of the answer.
struct File {
    file: OwnedFd,
    length: u64,
    /// The part that the client wants, if it does not want the whole file.
    part: Option<Range<u64>>,
    modified: Option<UtcDateTime>,
    media: &'static str,
}

const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

impl<'a> Answer<'a> {
    /// Returns the answer to a request; for a request that could not be parsed, the answer with its error status.
    pub fn new(root: BorrowedFd<'_>, request: &'a Result<Request<'a>, Status>) -> Self {
        let request = match request {
            Ok(request) => request,
            Err(status) => {
                return Self {
                    status: *status,
                    request: None,
                    content: Content::Words,
                    keeps_open: false,
                };
            }
        };
        let (status, content) = match find(root, request) {
            Ok(found) => found,
            Err(errno) => (refusal(errno), Content::Words),
        };
        Self {
            status,
            request: Some(request),
            content,
            keeps_open: request.keeps_open,
        }
    }

    /// Sends the answer.
    ///
    /// # Errors
    /// `EAGAIN`: the client received nothing for too long. `EIO`: the file has become shorter. Errors of the connection.
    /// The client cannot know where the answer ends, so the connection must be closed.
    pub fn send(&self, socket: BorrowedFd<'_>) -> ring3::Result<()> {
        let mut buffer = [0; 1024];
        let mut out = Writer::new(socket, &mut buffer);
        let now = HttpDate(UtcDateTime::now());
        out.print(parts!(
            "HTTP/1.1 ",
            self.status.0,
            "\r\nDate: ",
            now,
            "\r\n"
        ));
        if !self.keeps_open {
            out.print("Connection: close\r\n");
        } else if self.request.is_some_and(|request| request.is_old) {
            out.print("Connection: keep-alive\r\n");
        }
        if let Content::File(file) | Content::NotModified(file) = &self.content
            && let Some(modified) = file.modified
        {
            let modified = HttpDate(modified);
            out.print(parts!(
                "Last-Modified: ",
                modified,
                "\r\nAccept-Ranges: bytes\r\n"
            ));
        }
        let mut length = self.status.0.len() as u64 + 1;
        let mut media = TEXT;
        match &self.content {
            Content::File(file) => {
                length = file.length;
                media = file.media;
                if let Some(Range { start, end }) = file.part {
                    out.print(parts!(
                        "Content-Range: bytes ",
                        start,
                        "-",
                        end - 1,
                        "/",
                        length,
                        "\r\n"
                    ));
                    length = end - start;
                }
            }
            Content::Moved => {
                if let Some(request) = self.request {
                    out.print(parts!(
                        "Location: /",
                        Encoded(request.path.as_bytes()),
                        "/\r\n"
                    ));
                }
            }
            Content::NoPart(length) => out.print(parts!("Content-Range: bytes */", length, "\r\n")),
            Content::NotModified(_) => {
                out.print("\r\n");
                return out.flush();
            }
            Content::Words => {}
        }
        out.print(parts!(
            "Content-Type: ",
            media,
            "\r\nContent-Length: ",
            length,
            "\r\n\r\n"
        ));
        if self.request.is_some_and(|request| request.is_head) {
            return out.flush();
        }
        match &self.content {
            Content::File(file) => {
                out.flush()?;
                file.send(socket)
            }
            _ => {
                out.print(parts!(self.status.0, "\n"));
                out.flush()
            }
        }
    }
}

impl File {
    /// Sends the part that the client wants.
    fn send(&self, socket: BorrowedFd<'_>) -> ring3::Result<()> {
        const AT_ONCE: u64 = 1 << 18; // so that the limit of time is not for the whole file
        let Range { mut start, end } = self.part.clone().unwrap_or(0..self.length);
        while start < end {
            let count = AT_ONCE.min(end - start) as usize;
            if sendfile(self.file.as_fd(), socket, Some(&mut start), count)? == 0 {
                return Err(Errno::EIO);
            }
        }
        Ok(())
    }
}

/// Finds the file that a request names.
fn find(root: BorrowedFd<'_>, request: &Request<'_>) -> ring3::Result<(Status, Content)> {
    const OK: Status = Status("200 OK");
    let path = request.path.as_bytes();
    let file = files::open(root, &request.path)?;
    let stat = fs::stat(file.as_fd())?;
    let length = match stat.kind() {
        S_IFREG => stat.stx_size,
        S_IFDIR if path.is_empty() || path.ends_with(b"/") => {
            let file = listing(file.as_fd(), path)?;
            let length = fs::stat(file.as_fd())?.stx_size;
            let page = File {
                file,
                length,
                part: None,
                modified: None,
                media: HTML,
            };
            return Ok((OK, Content::File(page)));
        }
        S_IFDIR => return Ok((Status("301 Moved Permanently"), Content::Moved)),
        _ => return Err(Errno::EACCES), // reading a device or a FIFO may wait, or change it
    };

    // A time in the future would keep clients from noticing a change until then.
    let modified = stat
        .stx_mtime
        .tv_sec
        .min(UtcDateTime::now().unix_timestamp());
    let mut file = File {
        file,
        length,
        part: None,
        modified: UtcDateTime::from_unix_timestamp(modified),
        media: media(&request.path),
    };
    if request
        .since
        .is_some_and(|since| modified <= since.unix_timestamp())
    {
        return Ok((Status("304 Not Modified"), Content::NotModified(file)));
    }
    match request.range.map(|range| part(range, length)) {
        _ if request.is_head => {} // a part is only of the answer to GET
        None | Some(Part::NotUnderstood) => {}
        Some(Part::None) => {
            return Ok((Status("416 Range Not Satisfiable"), Content::NoPart(length)));
        }
        Some(Part::Is(part)) => {
            file.part = Some(part);
            return Ok((Status("206 Partial Content"), Content::File(file)));
        }
    }
    Ok((OK, Content::File(file)))
}

/// The status for a file that cannot be served. A client is not told whether a path leads out of the directory.
fn refusal(errno: Errno) -> Status {
    match errno {
        Errno::ENOENT | Errno::ENOTDIR | Errno::EXDEV | Errno::ELOOP | Errno::ENAMETOOLONG => {
            Status("404 Not Found")
        }
        Errno::EACCES | Errno::ENXIO => Status("403 Forbidden"),
        Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM => Status("503 Service Unavailable"),
        _ => Status("500 Internal Server Error"),
    }
}

/// A part of a file, as a client asks for it.
enum Part {
    Is(Range<u64>),
    /// The file has no such part.
    None,
    /// To be ignored, as several parts are.
    NotUnderstood,
}

/// The part that a value of `Range` means: `bytes=FIRST-LAST`, `bytes=FIRST-` or `bytes=-COUNT`.
fn part(range: &[u8], length: u64) -> Part {
    let parse = || {
        let range = range.strip_prefix(b"bytes=")?;
        let dash = range.iter().position(|&byte| byte == b'-')?;
        let (first, last) = (range.get(..dash)?, range.get(dash + 1..)?);
        let number = |text| number::whole(text, 10, u64::MAX);
        let (first, last) = match (first, last) {
            (b"", count) => (length.saturating_sub(number(count)?), u64::MAX),
            (first, b"") => (number(first)?, u64::MAX),
            (first, last) => (number(first)?, number(last)?),
        };
        (first <= last).then_some(first..length.min(last.saturating_add(1)))
    };
    match parse() {
        None => Part::NotUnderstood,
        Some(part) if part.is_empty() => Part::None,
        Some(part) => Part::Is(part),
    }
}

/// The media type of a file, by the extension of its name.
fn media(path: &PathBuf) -> &'static str {
    match extension(path.as_bytes()).unwrap_or_default() {
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

#[cfg(test)]
mod tests {
    use super::{Part, part};

    #[test]
    fn a_part_is_within_the_file() {
        let is = |text: &str, length| match part(text.as_bytes(), length) {
            Part::Is(part) => Some(part),
            Part::None => Some(0..0),
            Part::NotUnderstood => None,
        };
        let most = u64::MAX;
        for (text, length, range) in [
            ("bytes=0-0", 6, Some(0..1)),
            ("bytes=2-", 6, Some(2..6)),
            ("bytes=-2", 6, Some(4..6)),
            ("bytes=-100", 6, Some(0..6)),
            ("bytes=5-100", 6, Some(5..6)),
            (&format!("bytes=0-{most}"), 6, Some(0..6)),
            (&format!("bytes=-{most}"), 6, Some(0..6)),
            ("bytes=6-", 6, Some(0..0)),
            ("bytes=6-6", 6, Some(0..0)),
            ("bytes=-0", 6, Some(0..0)),
            ("bytes=-1", 0, Some(0..0)),
            ("bytes=3-2", 6, None),
            ("bytes=0-1,3-4", 6, None),
            ("bytes=0-18446744073709551616", 6, None),
            ("bytes=+1-2", 6, None),
            ("bytes=-", 6, None),
            ("bytes=1", 6, None),
            ("lines=0-0", 6, None),
        ] {
            assert_eq!(is(text, length), range, "{text}");
        }
    }
}
