//! Self-test cases of formatting values, and of the buffered writer of a descriptor.

use core::ffi::CStr;
use core::fmt::Write as _;

use ring3::Errno;
use ring3::fd::OwnedFd;
use ring3::fs::{self, CWD, O_CLOEXEC, O_NONBLOCK, O_WRONLY};
use ring3::io::{read, write};
use ring3::parts;
use ring3::pipe::Pipe;
use ring3::text::{Any, Digits, Fixed, Hex, Left, Print, Right, Writer};

use crate::case::*;
use crate::cases;

cases! {
    "a buffer writes when it is full", [Writer::new, Writer::put, Writer::flush], buffered() => value(11);
    "its first error stays", [Writer::flush], kept_error() => error(Errno::ENOSPC);
    "its error is seen before the end", [Writer::error], seen_error() => error(Errno::ENOSPC);
    "nothing is written after that", [Writer::put], after_error() => value(0);
    "a text and numbers", [Writer::print, Print::print], prints(parts!("n ", 7_u32, " ", -3_i32, " ", u64::MAX), b"n 7 -3 18446744073709551615") => YES;
    "digits with zeros before them", [Print::print], prints(parts!(Digits(42, 5), " ", Hex(0xbeef, 6)), b"00042 00beef") => YES;
    "more digits than any number has", [Print::print], prints(Digits(7, 30), b"000000000000000000000000000007") => YES;
    "a truth, a character and bytes", [Print::print], prints(parts!(true, 'é', b"bytes", *c" string"), "trueébytes string".as_bytes()) => YES;
    "a decimal point", [Print::print], prints(parts!(Fixed(1234, 2), " ", Fixed(-5, 3)), b"12.34 -0.005") => YES;
    "spaces after and before", [Print::print], prints(parts!(Left("left", 6), Right(42, 5), Right("long", 2)), b"left     42long") => YES;
    "what core::fmt formats", [], formatted() => value(8);
    "an error", [Print::print], prints(Errno::ENOSPC, b"No space left on device (ENOSPC)") => YES;
    "a value of any type", [Any::new], prints(Any::new(&parts!("any", 1_u32)), b"any1") => YES;
}

fn open(path: &CStr, flags: fs::Open) -> Result<OwnedFd, Errno> {
    fs::open(CWD, path, flags | O_CLOEXEC, 0)
}

/// Whether a value is printed as this text.
pub fn prints(value: impl Print, text: &[u8]) -> Result<bool, Errno> {
    let pipe = Pipe::new(O_NONBLOCK | O_CLOEXEC)?;
    let mut place = [0; 64];
    let mut out = Writer::new(pipe.write.as_fd(), &mut place);
    out.print(value);
    out.flush()?;
    let mut buffer = [0; 256];
    let count = read(pipe.read.as_fd(), &mut buffer)?;
    Ok(buffer[..count] == *text)
}

fn formatted() -> Result<usize, Errno> {
    let pipe = Pipe::new(O_NONBLOCK | O_CLOEXEC)?;
    let mut place = [0; 4];
    let mut out = Writer::new(pipe.write.as_fd(), &mut place);
    let _ = write!(out, "{:>4}|{:?}", 7, "x"); // an error is kept
    out.flush()?;
    read(pipe.read.as_fd(), &mut [0; 64])
}

fn buffered() -> Result<usize, Errno> {
    let pipe = Pipe::new(O_NONBLOCK | O_CLOEXEC)?;
    let mut place = [0; 8];
    let mut out = Writer::new(pipe.write.as_fd(), &mut place);
    out.put(b"seven b");
    if read(pipe.read.as_fd(), &mut [0; 64]) != Err(Errno::EAGAIN) {
        return Err(Errno::EIO);
    }
    out.put(b"ytes");
    out.flush()?;
    let mut buffer = [0; 64];
    let mut count = 0;
    while let Ok(more @ 1..) = read(pipe.read.as_fd(), &mut buffer[count..]) {
        count += more;
    }
    if buffer[..count] == *b"seven bytes" {
        Ok(count)
    } else {
        Err(Errno::EIO)
    }
}

fn seen_error() -> Result<(), Errno> {
    let full = open(c"/dev/full", O_WRONLY)?;
    let mut place = [0; 4];
    let mut out = Writer::new(full.as_fd(), &mut place);
    out.put(b"four");
    if out.error().is_some() {
        return Err(Errno::EPROTO); // nothing has been written
    }
    out.put(b"five");
    out.error().map_or(Ok(()), Err)
}

fn kept_error() -> Result<(), Errno> {
    let full = open(c"/dev/full", O_WRONLY)?;
    let mut place = [0; 4];
    let mut out = Writer::new(full.as_fd(), &mut place);
    out.put(b"more than four");
    let _ = out.flush();
    out.flush()
}

fn after_error() -> Result<usize, Errno> {
    let pipe = Pipe::new(O_NONBLOCK | O_CLOEXEC)?;
    while write(pipe.write.as_fd(), &[0; 4096]).is_ok() {}
    let mut place = [0; 4];
    let mut out = Writer::new(pipe.write.as_fd(), &mut place);
    out.put(b"lost!");
    let mut buffer = [0; 4096];
    while let Ok(1..) = read(pipe.read.as_fd(), &mut buffer) {}
    out.put(b"late!");
    if out.flush().is_ok() {
        return Err(Errno::EIO);
    }
    match read(pipe.read.as_fd(), &mut buffer) {
        Err(Errno::EAGAIN) => Ok(0),
        result => result,
    }
}
