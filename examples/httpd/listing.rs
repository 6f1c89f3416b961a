//! Lists a directory as a page of HTML.

use ring3::collections::List;
use ring3::fd::{BorrowedFd, OwnedFd};
use ring3::fs::dir::ReadDir;
use ring3::fs::resolve::Name;
use ring3::fs::{self, S_IFDIR};
use ring3::parts;
use ring3::text::{Print, Writer};

/// The most names in a page.
const MOST: usize = 10_000;

/// The page for a directory, as a file in memory. `path` is its path as the client wrote it, decoded.
///
/// # Errors
/// Those of [`ReadDir::next_entry`] and [`fs::in_memory`]. `ENOMEM`.
pub fn listing(directory: BorrowedFd<'_>, path: &[u8]) -> ring3::Result<OwnedFd> {
    let mut names = List::new(MOST)?;
    let mut has_more = false;
    let mut buffer = [0; 4096];
    let mut entries = ReadDir::new(directory, &mut buffer);
    while let Some(entry) = entries.next_entry()? {
        // A name that is removed meanwhile has no kind.
        let Ok(kind) = entry.kind() else { continue };
        let name = Name::new(entry.file_name().to_bytes())?;
        if names.push((name, kind == S_IFDIR)).is_err() {
            has_more = true;
            break;
        }
    }
    names.sort_unstable_by(|(a, _), (b, _)| a.as_c_str().cmp(b.as_c_str()));

    let page = fs::in_memory(c"listing")?;
    let mut buffer = [0; 4096];
    let mut out = Writer::new(page.as_fd(), &mut buffer);
    let title = parts!("Index of /", Escaped(path));
    out.print(parts!(
        "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>",
        title,
        "</title></head>\n<body><h1>",
        title,
        "</h1>\n<ul>\n"
    ));
    if !path.is_empty() {
        out.print("<li><a href=\"../\">../</a></li>\n");
    }
    for (name, is_directory) in names.iter() {
        let (name, slash) = (
            name.as_c_str().to_bytes(),
            if *is_directory { "/" } else { "" },
        );
        // Without `./`, the name `a:b` would be an address with the scheme `a`.
        let link = parts!("./", Encoded(name), slash);
        out.print(parts!(
            "<li><a href=\"",
            link,
            "\">",
            Escaped(name),
            slash,
            "</a></li>\n"
        ));
    }
    out.print("</ul>\n");
    if has_more {
        out.print(parts!(
            "<p>The directory has more than ",
            MOST,
            " names.</p>\n"
        ));
    }
    out.print("</body></html>\n");
    out.flush()?;
    Ok(page)
}

/// Text in HTML: prints the characters that are markup as references.
#[derive(Clone, Copy)]
struct Escaped<'a>(&'a [u8]);

impl Print for Escaped<'_> {
    fn print(&self, out: &mut Writer<'_>) {
        for byte in self.0 {
            match byte {
                b'&' => out.print("&amp;"),
                b'<' => out.print("&lt;"),
                b'>' => out.print("&gt;"),
                b'"' => out.print("&quot;"),
                b'\'' => out.print("&#39;"),
                byte => out.put(&[*byte]),
            }
        }
    }
}

/// A path in a URL: prints bytes that are not allowed there as `%` and two digits (RFC 3986).
#[derive(Clone, Copy)]
pub struct Encoded<'a>(pub &'a [u8]);

impl Print for Encoded<'_> {
    fn print(&self, out: &mut Writer<'_>) {
        for &byte in self.0 {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                    out.put(&[byte])
                }
                byte => out.print(parts!("%", ring3::text::Hex(byte.into(), 2))),
            }
        }
    }
}
