//! Replaces a file by `save` again and again until the power fails. Content N is a line with the number N, repeated. N
//! also determines how often. So a reader can check which content a file has, and whether it is complete.
//!
//! At start the program prints what the file holds: `found NUMBER`, `found nothing`, or `found torn: ...`. Then it
//! prints `saved NUMBER` after each exit status 0 of `save`.

#![no_std]
#![no_main]

extern crate alloc;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::CStr;

use ring3::cli::OrFail;
use ring3::env::Start;
use ring3::fd::STDOUT;
use ring3::fs::{self, CWD, O_CLOEXEC, O_RDONLY};
use ring3::heap::Heap;
use ring3::io;
use ring3::parts;
use ring3::pipe::Pipe;
use ring3::process::{Command, Lists};
use ring3::rt::Exit;
use ring3::text::{Print, Shown, Writer};
use ring3::{Errno, Result};

ring3::program!("rewrite", main);

#[global_allocator]
static HEAP: Heap = Heap::new();

fn main(start: Start) -> core::result::Result<(), Exit> {
    let file = start.args().nth(1).ok_or(Exit(2))?;
    let mut number = match found(file) {
        Ok(Some(number)) => {
            say(parts!("found ", number));
            number
        }
        Ok(None) => {
            say("found nothing");
            0
        }
        Err(what) => {
            say(parts!("found torn: ", *what));
            return Err(Exit(1));
        }
    };
    loop {
        number += 1;
        let code = save(start, file, number).or_fail(PROGRAM, "save", Shown(file.to_bytes()))?;
        if code != 0 {
            return Err(Exit(code));
        }
        say(parts!("saved ", number));
    }
}

fn say(what: impl Print) {
    let mut buffer = [0; 64];
    let mut out = Writer::new(STDOUT, &mut buffer);
    out.print(parts!(what, "\n"));
    let _ = out.flush(); // ignored: there is no other place to report the error
}

/// Content `number`: 8 bytes to a few hundred thousand.
fn content(number: u32) -> String {
    format!("{number:07}\n").repeat(1 + number as usize * 7919 % 40_000)
}

/// The number of the content that the file holds. `None` if there is no file. A torn content is an error.
fn found(file: &CStr) -> core::result::Result<Option<u32>, String> {
    let mut bytes = Vec::new();
    match read(file, &mut bytes) {
        Ok(()) => {}
        Err(Errno::ENOENT) => return Ok(None),
        Err(errno) => return Err(format!("{errno:?}")),
    }
    let text = bytes
        .get(..7)
        .and_then(|text| core::str::from_utf8(text).ok());
    match text.and_then(|text| text.parse().ok()) {
        Some(number) if content(number).as_bytes() == bytes => Ok(Some(number)),
        _ => Err(format!("{} bytes that begin with {text:?}", bytes.len())),
    }
}

fn read(file: &CStr, bytes: &mut Vec<u8>) -> Result<()> {
    let file = fs::open(CWD, file, O_RDONLY | O_CLOEXEC, 0)?;
    let mut piece = [0; 16384];
    loop {
        match io::read(file.as_fd(), &mut piece)? {
            0 => return Ok(()),
            count => bytes.extend_from_slice(&piece[..count]),
        }
    }
}

fn save(start: Start, file: &CStr, number: u32) -> Result<u8> {
    let pipe = Pipe::new(O_CLOEXEC)?;
    let mut lists = Lists::new(2, 1)?;
    lists.push(c"save")?;
    lists.push(file)?;
    let list = lists.end()?;
    let command = Command::new(c"save", lists.get(list), start.environ());
    let files = [(pipe.read.as_fd(), 0)];
    let child = command.search().files(&files).spawn();
    let child = child.map_err(|failed| failed.errno())?;
    drop(pipe.read);
    io::write_all(pipe.write.as_fd(), content(number).as_bytes())?;
    drop(pipe.write);
    Ok(child.wait()?.status.code())
}
