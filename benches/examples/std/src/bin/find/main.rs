//! `find [FILE]... [TEST]...`: prints the paths of the files in trees of directories.
//!
//! Symbolic links are not followed. The command line is parsed here, because find(1) has long options with one dash.

mod pattern;
mod walk;

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, BufWriter, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::process::ExitCode;

use common::cli;
use common::error::{Error, OrFail, Shown};
use common::signal;
use rustix::fs::FileType;

const NAME: &str = "find";

/// The size of one write, in bytes: more than a pipe holds, so that a write fills the pipe.
const BUFFER: usize = 128 * 1024;

const HELP: &str = "\
usage: find [FILE]... [TEST]...
Print the paths of each FILE and of all files below it. FILE is . by default.

  -name PATTERN  the last part of the path matches the shell's PATTERN
  -type LETTER   the file is a directory (d), regular file (f), symbolic link (l),
                 FIFO (p), socket (s), block device (b) or character device (c)

A path is printed if all tests hold.
";

fn main() -> ExitCode {
    // When a reader such as `head` has read enough, SIGPIPE ends the walk.
    signal::reset(libc::SIGPIPE);
    match run() {
        Ok(status) => status,
        Err(Error::Answered) => ExitCode::SUCCESS,
        Err(error) => {
            error.print(NAME);
            ExitCode::FAILURE // as for find(1), also for a usage error
        }
    }
}

fn run() -> Result<ExitCode, Error> {
    let (roots, tests) = parse()?;
    let mut out = BufWriter::with_capacity(BUFFER, io::stdout().lock());
    let mut status = ExitCode::SUCCESS;
    for root in roots {
        let mut visit = |path: &[u8], kind| {
            if tests.iter().all(|test| test.holds(path, kind)) {
                out.write_all(path)?;
                out.write_all(b"\n")?;
            }
            Ok(())
        };
        if walk::tree(root, &mut visit)? {
            status = ExitCode::FAILURE;
        }
    }
    out.flush().or_fail("write", "stdout")?;
    Ok(status)
}

/// A condition for a path to be printed.
enum Test {
    /// The last part of the path matches this pattern.
    Name(Vec<u8>),
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

/// The last part of a path, without slashes at the end: `b` of `a/b/`. (`Path::file_name` has no name for `.` and `..`.)
fn base_name(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|&byte| byte != b'/');
    match end {
        Some(end) => {
            let path = &path[..=end];
            let slash = path.iter().rposition(|&byte| byte == b'/');
            &path[slash.map_or(0, |slash| slash + 1)..]
        }
        None => &path[..path.len().min(1)],
    }
}

/// Parses the command line: the files before the first word with a dash, and the tests.
fn parse() -> Result<(Vec<OsString>, Vec<Test>), Error> {
    let (mut roots, mut tests) = (Vec::new(), Vec::new());
    let mut args = env::args_os().skip(1);
    while let Some(word) = args.next() {
        match word.as_bytes() {
            b"-help" | b"--help" => {
                cli::print(HELP)?;
                return Err(Error::Answered);
            }
            b"-name" => {
                let pattern = args.next().ok_or_else(|| usage("-name needs a pattern"))?;
                tests.push(Test::Name(pattern.into_vec()));
            }
            b"-type" => {
                let kind = args.next().and_then(|letter| kind(&letter));
                let kind = kind.ok_or_else(|| usage("-type needs a letter of bcdflps"))?;
                tests.push(Test::Type(kind));
            }
            [b'-', ..] => return Err(usage(&format!("unknown test {}", Shown(&word)))),
            _ if tests.is_empty() => roots.push(word),
            _ => return Err(usage(&format!("file after a test: {}", Shown(&word)))),
        }
    }
    if roots.is_empty() {
        roots.push(".".into());
    }
    Ok((roots, tests))
}

fn usage(message: &str) -> Error {
    Error::Usage(message.to_owned())
}

/// The file type of `-type`.
fn kind(letter: &OsStr) -> Option<FileType> {
    Some(match letter.as_bytes() {
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
