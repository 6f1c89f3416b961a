//! Lists a directory as a page of HTML.

use alloc::ffi::CString;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use core::mem::MaybeUninit;

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, FileType, RawDir, statat};
use rustix::io::Result;

/// The most names in a page.
const MOST: usize = 10_000;

/// The page for a directory. `path` is its path in the request.
pub fn listing(dir: &OwnedFd, path: &[u8]) -> Result<Vec<u8>> {
    let (names, is_complete) = read(dir)?;
    let mut title = b"Index of /".to_vec();
    escape(path, &mut title);
    let mut page = [
        b"<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>",
        title.as_slice(),
        b"</title></head>\n<body><h1>",
        &title,
        b"</h1>\n<ul>\n",
    ]
    .concat();
    if !path.is_empty() {
        page.extend_from_slice(b"<li><a href=\"../\">../</a></li>\n");
    }
    for (name, is_directory) in &names {
        let slash = if *is_directory { "/" } else { "" };
        // Without `./`, the name `a:b` would be an address with the scheme `a`.
        let link = format!("./{}{slash}", encode(name.to_bytes()));
        page.extend_from_slice(format!("<li><a href=\"{link}\">").as_bytes());
        escape(name.to_bytes(), &mut page);
        page.extend_from_slice(format!("{slash}</a></li>\n").as_bytes());
    }
    page.extend_from_slice(b"</ul>\n");
    if !is_complete {
        let more = format!("<p>The directory has more than {MOST} names.</p>\n");
        page.extend_from_slice(more.as_bytes());
    }
    page.extend_from_slice(b"</body></html>\n");
    Ok(page)
}

/// The sorted names in a directory, each with whether it is a directory, and whether these are all names.
fn read(dir: &OwnedFd) -> Result<(Vec<(CString, bool)>, bool)> {
    let (mut names, mut is_complete) = (Vec::new(), true);
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut entries = RawDir::new(dir, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let kind = match entry.file_type() {
            FileType::Unknown => match statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                Err(_) => continue, // removed meanwhile
            },
            kind => kind,
        };
        if names.len() == MOST {
            is_complete = false;
            break;
        }
        names.push((CString::from(name), kind == FileType::Directory));
    }
    names.sort_unstable();
    Ok((names, is_complete))
}

/// Appends text, with the characters that are markup as references.
fn escape(text: &[u8], html: &mut Vec<u8>) {
    for byte in text {
        match byte {
            b'&' => html.extend_from_slice(b"&amp;"),
            b'<' => html.extend_from_slice(b"&lt;"),
            b'>' => html.extend_from_slice(b"&gt;"),
            b'"' => html.extend_from_slice(b"&quot;"),
            b'\'' => html.extend_from_slice(b"&#39;"),
            byte => html.push(*byte),
        }
    }
}

/// A path in a URL: other bytes than the allowed ones are `%` and two digits (RFC 3986).
pub fn encode(path: &[u8]) -> String {
    let mut encoded = String::new();
    for &byte in path {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                encoded.push(byte.into());
            }
            byte => _ = write!(encoded, "%{byte:02x}"),
        }
    }
    encoded
}
