//! The mappings of the calling process (`/proc/self/maps`), for the probes and the self-test.

use ring3::fs::{self, CWD, O_CLOEXEC, O_RDONLY};
use ring3::io;
use ring3::mem::{LEAST_PAGE, page_size};

/// A line of `/proc/self/maps`.
pub struct Line {
    pub begin: usize,
    pub end: usize,
    /// `rw-p` and the like.
    pub rights: [u8; 4],
}

/// The number of lines of `/proc/self/maps` that `counts` returns true for; -1 if the file cannot be read.
pub fn maps(mut counts: impl FnMut(&Line) -> bool) -> i64 {
    let Ok(file) = fs::open(CWD, c"/proc/self/maps", O_RDONLY | O_CLOEXEC, 0) else {
        return -1;
    };
    let mut buffer = [0; 4096];
    let mut used = 0;
    let mut count = 0;
    loop {
        let Ok(more) = io::read(file.as_fd(), &mut buffer[used..]) else {
            return -1;
        };
        used += more;
        let mut begin = 0;
        while let Some(length) = buffer[begin..used].iter().position(|&byte| byte == b'\n') {
            match parse(&buffer[begin..begin + length]) {
                Some(line) => count += i64::from(counts(&line)),
                None => return -1,
            }
            begin += length + 1;
        }
        buffer.copy_within(begin..used, 0);
        used -= begin;
        if more == 0 {
            return count;
        }
    }
}

/// `begin-end rwxp ...`
fn parse(line: &[u8]) -> Option<Line> {
    let text = core::str::from_utf8(line).ok()?;
    let (range, rest) = text.split_once(' ')?;
    let (begin, end) = range.split_once('-')?;
    Some(Line {
        begin: usize::from_str_radix(begin, 16).ok()?,
        end: usize::from_str_radix(end, 16).unwrap_or(usize::MAX), // vsyscall's
        rights: *rest.as_bytes().first_chunk()?,
    })
}

/// The access rights at an address, `r--p` and the like; none where no memory is mapped.
pub fn protection(address: usize) -> Option<[u8; 4]> {
    let mut found = None;
    maps(|line| {
        if (line.begin..line.end).contains(&address) {
            found = Some(line.rights);
        }
        false
    });
    found
}

/// Whether memory without access rights is mapped at an address. qemu-user lists no such memory of a 32-bit program, or
/// of a program whose pages are larger than the host's.
pub fn is_guard(address: usize) -> bool {
    match protection(address) {
        Some(rights) => rights == *b"---p",
        None => cfg!(target_arch = "arm") || page_size() > LEAST_PAGE,
    }
}

/// The number of bytes that are mapped. (Adjacent mappings with the same rights are one line, so a count of lines can
/// hide a leak.)
pub fn mapped() -> usize {
    let mut bytes = 0;
    maps(|line| {
        bytes += line.end - line.begin;
        false
    });
    bytes
}

/// The number of mappings directly above a guard page: stacks.
pub fn stacks() -> usize {
    let (mut stacks, mut guard) = (0, 0);
    maps(|line| {
        stacks += usize::from(line.begin == guard && line.rights == *b"rw-p");
        guard = if line.rights == *b"---p" { line.end } else { 0 };
        false
    });
    stacks
}
