//! Lists a directory as a page of HTML.

use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, statat};
use rustix::io::Result;

/// The most names in a page.
const MOST: usize = 10_000;

/// The page for a directory. `path` is its path as the client wrote it, decoded.
pub fn listing(directory: &File, path: &Path) -> Result<Vec<u8>> {
    let mut names = Vec::new();
    let mut has_more = false;
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let kind = match entry.file_type() {
            // A name that is removed meanwhile has no type.
            FileType::Unknown => match statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                Err(_) => continue,
            },
            kind => kind,
        };
        if names.len() == MOST {
            has_more = true;
            break;
        }
        names.push((name.to_bytes().to_vec(), kind == FileType::Directory));
    }
    names.sort_unstable();

    let path = path.as_os_str().as_bytes();
    let title = [b"Index of /", &*escaped(path)].concat();
    let mut page = [
        b"<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>",
        &*title,
        b"</title></head>\n<body><h1>",
        &title,
        b"</h1>\n<ul>\n",
    ]
    .concat();
    if !path.is_empty() {
        page.extend(b"<li><a href=\"../\">../</a></li>\n");
    }
    for (name, is_directory) in names {
        let slash = if is_directory { "/" } else { "" };
        // Without `./`, the name `a:b` would be an address with the scheme `a`.
        page.extend(format!("<li><a href=\"./{}{slash}\">", encoded(&name)).bytes());
        page.extend(escaped(&name));
        page.extend(format!("{slash}</a></li>\n").bytes());
    }
    page.extend(b"</ul>\n");
    if has_more {
        let note = format!("<p>The directory has more than {MOST} names.</p>\n");
        page.extend(note.bytes());
    }
    page.extend(b"</body></html>\n");
    Ok(page)
}

/// Text in HTML: characters that are markup become references.
fn escaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for &byte in text {
        match byte {
            b'&' => out.extend(b"&amp;"),
            b'<' => out.extend(b"&lt;"),
            b'>' => out.extend(b"&gt;"),
            b'"' => out.extend(b"&quot;"),
            b'\'' => out.extend(b"&#39;"),
            byte => out.push(byte),
        }
    }
    out
}

/// A path in a URL: bytes that are not allowed there become `%` and two digits (RFC 3986).
pub fn encoded(path: &[u8]) -> String {
    let mut out = String::with_capacity(path.len());
    for &byte in path {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(byte.into());
            }
            byte => out += &format!("%{byte:02x}"),
        }
    }
    out
}
