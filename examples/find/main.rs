//! `find [FILE]... [TEST]...`: prints the paths of the files in trees of directories, as find(1) does.
//!
//! ```sh
//! cargo run --example find -- src -type f -name '*.rs'
//! ```
//!
//! This file reads the command line, and tests and prints each path. [`walk`] visits the files of a tree, however deep
//! it is; [`pattern`] compares a name with a pattern. Symbolic links are not followed.
//!
//! To see here: a command line that is parsed without `ring3::options!`, because find(1) has long options with one
//! dash; directories; and an allocator.

#![cfg_attr(not(test), no_std, no_main)]
#![forbid(unsafe_code)]

extern crate alloc;

mod pattern;
mod walk;

use alloc::vec::Vec;
use core::ffi::CStr;

use ring3::cli::OrFail;
use ring3::env::{Args, Start};
use ring3::fd::STDOUT;
use ring3::fs::{S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFREG, S_IFSOCK};
use ring3::heap::Small;
use ring3::parts;
use ring3::rt::Exit;
use ring3::text::{Print, Shown, Writer};

use walk::Walk;

ring3::program!("find", main);

#[global_allocator]
static HEAP: Small = Small::new();

const HELP: &str = "\
usage: find [FILE]... [TEST]...
Print the paths of each FILE and of all files below it. FILE is . by default.

  -name PATTERN  the last part of the path matches the shell's PATTERN
  -type LETTER   the file is a directory (d), regular file (f), symbolic link (l),
                 FIFO (p), socket (s), block device (b) or character device (c)

A path is printed if all tests hold.
";

fn main(start: Start) -> Result<(), Exit> {
    // SIGPIPE is not blocked: when a reader such as `head` has read enough, the signal ends the walk.
    let (mut roots, tests) = parse(start.args())?;
    if roots.is_empty() {
        walk::push(&mut roots, c".")?;
    }

    let mut buffer = [0; 16 * 1024];
    let mut out = Writer::new(STDOUT, &mut buffer);
    let mut walk = Walk::new()?;
    let mut result = Ok(());
    for root in roots {
        let walked = walk.tree(root, &mut |path, kind| {
            if tests.iter().all(|test| test.holds(path, kind)) {
                out.print(parts!(*path, "\n"));
            }
        });
        result = walked.and(result);
    }
    out.flush().or_fail(PROGRAM, "write", "stdout")?;
    result
}

/// A condition for a path to be printed.
enum Test {
    /// The last part of the path matches this pattern.
    Name(&'static [u8]),
    /// The file has this type, an `S_IF*`.
    Type(u32),
}

impl Test {
    fn holds(&self, path: &[u8], kind: u32) -> bool {
        match *self {
            Self::Name(pattern) => pattern::matches(pattern, base_name(path)),
            Self::Type(wanted) => kind == wanted,
        }
    }
}

/// The part after the last slash, without slashes at the end: `b` of `a/b/`. `/` has only this name.
fn base_name(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|&byte| byte != b'/');
    let path = path.get(..end.unwrap_or(0) + 1).unwrap_or_default();
    match path {
        [b'/'] => path,
        _ => path.rsplit(|&byte| byte == b'/').next().unwrap_or_default(),
    }
}

/// Parses the command line: the files before the first word with a dash, and the tests.
fn parse(mut args: Args) -> Result<(Vec<&'static CStr>, Vec<Test>), Exit> {
    let (mut roots, mut tests) = (Vec::new(), Vec::new());
    args.next(); // the program's own name
    while let Some(word) = args.next() {
        match word.to_bytes() {
            b"-help" | b"--help" => return Err(help()),
            b"-name" => match args.next() {
                Some(pattern) => walk::push(&mut tests, Test::Name(pattern.to_bytes()))?,
                None => return Err(misused("-name needs a pattern")),
            },
            b"-type" => match args.next().and_then(|letter| kind(letter.to_bytes())) {
                Some(kind) => walk::push(&mut tests, Test::Type(kind))?,
                None => return Err(misused("-type needs a letter of bcdflps")),
            },
            [b'-', ..] => return Err(misused(parts!("unknown test ", Shown(word.to_bytes())))),
            _ if tests.is_empty() => walk::push(&mut roots, word)?,
            _ => {
                return Err(misused(parts!(
                    "file after a test: ",
                    Shown(word.to_bytes())
                )));
            }
        }
    }
    Ok((roots, tests))
}

/// The file type of `-type`.
fn kind(letter: &[u8]) -> Option<u32> {
    Some(match letter {
        b"b" => S_IFBLK,
        b"c" => S_IFCHR,
        b"d" => S_IFDIR,
        b"f" => S_IFREG,
        b"l" => S_IFLNK,
        b"p" => S_IFIFO,
        b"s" => S_IFSOCK,
        _ => return None,
    })
}

/// Prints the help. Returns the exit status.
fn help() -> Exit {
    let mut buffer = [0; 512];
    let mut out = Writer::new(STDOUT, &mut buffer);
    out.print(HELP);
    match out.flush().or_fail(PROGRAM, "write", "stdout") {
        Ok(()) => Exit(0),
        Err(exit) => exit,
    }
}

/// Prints a usage error. Returns exit status 1, as find(1) does.
fn misused(message: impl Print) -> Exit {
    PROGRAM.say(parts!(message, "\nTry 'find --help'."));
    Exit(1)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_name_is_the_last_part_of_a_path() {
        for (path, name) in [
            ("a", "a"),
            ("a/b", "b"),
            ("/a/b//", "b"),
            ("/", "/"),
            ("///", "/"),
            ("..", ".."),
            ("", ""),
        ] {
            assert_eq!(super::base_name(path.as_bytes()), name.as_bytes(), "{path}");
        }
    }
}
