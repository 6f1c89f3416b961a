//! `find [FILE]... [TEST]...`: prints the paths of the files in trees of directories.

#![no_std]
#![no_main]

extern crate alloc;

mod pattern;
mod walk;

use alloc::vec::Vec;
use core::ffi::CStr;

use common::cli::print;
use common::io::{Out, stdout};
use common::{Args, Environment, Exit, Program, Text};
use rustix::fs::FileType;

use walk::Walk;

common::main!(main);

const PROGRAM: Program = Program("find");

const HELP: &str = "\
usage: find [FILE]... [TEST]...
Print the paths of each FILE and of all files below it. FILE is . by default.

  -name PATTERN  the last part of the path matches the shell's PATTERN
  -type LETTER   the file is a directory (d), regular file (f), symbolic link (l),
                 FIFO (p), socket (s), block device (b) or character device (c)

A path is printed if all tests hold.
";

fn main(args: Args, _: Environment) -> Result<i32, Exit> {
    let (mut roots, tests) = parse(args)?;
    if roots.is_empty() {
        roots.push(c".");
    }

    let mut buffer = [0; 16 * 1024];
    let mut out = Out::new(stdout(), &mut buffer);
    let mut walk = Walk::new(|path, kind| {
        if tests.iter().all(|test| test.holds(path, kind)) {
            out.put(path);
            out.put(b"\n");
        }
    });
    let mut status = 0;
    for root in roots {
        if let Err(exit) = walk.tree(root) {
            Exit(status) = exit;
        }
    }
    status |= walk.status();
    out.flush()
        .map_err(|errno| PROGRAM.fail("write", "stdout", errno))?;
    Ok(status)
}

/// A condition for a path to be printed.
enum Test {
    /// The last part of the path matches this pattern.
    Name(&'static [u8]),
    Type(FileType),
}

impl Test {
    fn holds(&self, path: &[u8], kind: FileType) -> bool {
        match self {
            Self::Name(pattern) => pattern::matches(pattern, base_name(path)),
            Self::Type(wanted) => kind == *wanted,
        }
    }
}

/// The part after the last slash, apart from slashes at the end.
fn base_name(path: &[u8]) -> &[u8] {
    let Some(last) = path.iter().rposition(|&byte| byte != b'/') else {
        return &path[..path.len().min(1)]; // of `//`, one slash
    };
    let path = &path[..=last];
    path.rsplit(|&byte| byte == b'/').next().unwrap_or(path)
}

/// Parses the command line: files, and then tests.
fn parse(mut args: Args) -> Result<(Vec<&'static CStr>, Vec<Test>), Exit> {
    let (mut roots, mut tests) = (Vec::new(), Vec::new());
    args.next(); // the program's own name
    while let Some(arg) = args.next() {
        match arg.to_bytes() {
            b"-help" | b"--help" => return Err(print(PROGRAM, HELP)),
            b"-name" => match args.next() {
                Some(pattern) => tests.push(Test::Name(pattern.to_bytes())),
                None => return Err(misused("-name needs a pattern", c"")),
            },
            b"-type" => match args.next().and_then(kind) {
                Some(kind) => tests.push(Test::Type(kind)),
                None => return Err(misused("-type needs a letter of bcdflps", c"")),
            },
            [b'-', ..] => return Err(misused("unknown test ", arg)),
            _ if tests.is_empty() => roots.push(arg),
            _ => return Err(misused("file after a test: ", arg)),
        }
    }
    Ok((roots, tests))
}

/// The type that `-type` names.
fn kind(letter: &CStr) -> Option<FileType> {
    Some(match letter.to_bytes() {
        b"b" => FileType::BlockDevice,
        b"c" => FileType::CharacterDevice,
        b"d" => FileType::Directory,
        b"f" => FileType::RegularFile,
        b"l" => FileType::Symlink,
        b"p" => FileType::Fifo,
        b"s" => FileType::Socket,
        _ => return None,
    })
}

/// Prints a usage error. The status is 1, as in find(1).
fn misused(message: &str, arg: &CStr) -> Exit {
    let arg = Text::from(arg);
    PROGRAM.say(format_args!("{message}{arg}\nTry 'find --help'."));
    Exit(1)
}
