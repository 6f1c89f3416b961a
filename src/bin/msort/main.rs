//! `msort`: sorts lines by their bytes, as `LC_ALL=C sort` does.
//!
//! All inputs are read into one text; its lines are listed ([`index`]), sorted ([`sort`]) and written
//! ([`output`]), by several threads where there is much to do. Memory is asked for where its lack can
//! still be told, and none after the first byte of output.
//!
//! Inputs are read, not mapped: one that somebody else cuts meanwhile just ends earlier.

#![no_std]
#![no_main]

extern crate alloc;

mod index;
mod line;
mod memory;
mod output;
mod sort;
mod text;
mod workers;

use alloc::vec::Vec;
use core::ffi::CStr;

use ring3::abi::Errno;
use ring3::cli::{Arg, Options, OrFail};
use ring3::fd::{BorrowedFd, OwnedFd, STDIN, STDOUT};
use ring3::fs::{self, At, CWD, O_CLOEXEC, O_NOCTTY, O_RDONLY, S_IFDIR, S_IFREG};
use ring3::heap::Heap;
use ring3::io;
use ring3::print::{Print, Writer};
use ring3::program;
use ring3::replace::{self, During, Failed, Operation, Replacement};
use ring3::rt::{Exit, Start};
use ring3::shown::Shown;
use ring3::signal::{self, SIGPIPE, SIGXFSZ, SignalSet};

use memory::reserve;
use output::Sorted;
use text::Text;

program!("msort", main);

#[global_allocator]
static HEAP: Heap = Heap::new();

const HELP: &str = "\
usage: msort [-r] [-u] [-z] [-o FILE] [--in-place] [--no-sync] [FILE...]
Sort the lines of all FILEs by their bytes, as LC_ALL=C sort does.
Where there is no FILE, or FILE is -, read standard input.

  -r, --reverse          the greatest first
  -u, --unique           of equal lines only one
  -z, --zero-terminated  a zero byte ends a line, not a newline
  -o, --output=FILE      replace FILE, which may be an input, once all is sorted
      --in-place         write into FILE, do not replace it; a reader can see
                         a part of it, and a crash can leave a part
      --no-sync          do not wait until FILE is on the device
      --help             print this
      --version          print the version
";

/// How much is asked of one read, in bytes: so little that it is in the cache still when the read
/// writes over the zeros in it.
const READ: usize = 128 * 1024;

fn main(start: Start) -> Result<(), Exit> {
    // With these blocked, a write returns EPIPE or EFBIG, which is reported. If a filter refuses to block them, they
    // end the program.
    let _ = signal::block(SignalSet::of(&[SIGPIPE, SIGXFSZ]));
    let job = Job::new(start)?;
    if let [_, _, ..] = &job.inputs[..] {
        // Errors are reported before an input that is a FIFO blocks.
        for &input in &job.inputs {
            Input(input).check()?;
        }
    }
    let mut text = Vec::new();
    for &input in &job.inputs {
        Input(input).read(&mut text, job.end)?;
    }
    let text = Text::new(&text, job.end);
    let threads = workers::threads(text.len());
    let mut lines = index::lines(text, threads).or_fail(PROGRAM, "sort", "input")?;
    sort::sort(text, &mut lines, threads);
    let sorted = Sorted {
        text,
        lines: &lines,
        reverse: job.reverse,
        unique: job.unique,
    };

    match job.output {
        None => sorted
            .write(STDOUT, threads)
            .or_fail(PROGRAM, "write", "stdout"),
        Some(path) => replace(&sorted, path, job.options, threads).map_err(|failed| {
            PROGRAM.say(failed.of(path));
            Exit(1)
        }),
    }
}

/// What the command line asks for.
struct Job {
    reverse: bool,
    unique: bool,
    /// What ends a line.
    end: u8,
    output: Option<&'static CStr>,
    /// How `output` is replaced.
    options: replace::Options,
    inputs: Vec<&'static CStr>,
}

impl Job {
    fn new(start: Start) -> Result<Self, Exit> {
        let mut job = Self {
            reverse: false,
            unique: false,
            end: b'\n',
            output: None,
            options: replace::Options::default(),
            inputs: Vec::new(),
        };
        // As many as could be, and the `-` where there is none.
        let most = start.args().len() + 1;
        reserve(&mut job.inputs, most).or_fail(PROGRAM, "read", "arguments")?;

        let mut options = Options::new(PROGRAM, HELP, start.args());
        while let Some(arg) = options.next_arg()? {
            match arg {
                Arg::Short(b'r') | Arg::Long(b"reverse") => job.reverse = true,
                Arg::Short(b'u') | Arg::Long(b"unique") => job.unique = true,
                Arg::Short(b'z') | Arg::Long(b"zero-terminated") => job.end = 0,
                Arg::Short(b'o') | Arg::Long(b"output") => {
                    let path = options.value()?;
                    if job.output.replace(path).is_some_and(|other| other != path) {
                        return Err(options.usage("more than one output"));
                    }
                }
                Arg::Long(b"in-place") => job.options.in_place = true,
                Arg::Long(b"no-sync") => job.options.sync = false,
                Arg::Operand(path) => job.inputs.push(path),
                _ => return Err(options.unknown()),
            }
        }
        if job.inputs.is_empty() {
            job.inputs.push(c"-");
        }
        Ok(job)
    }
}

/// Writes the lines to a file that takes the place of the one at `path`.
///
/// Its descriptor comes after the last read and is gone before an error is told, so that it cannot be
/// the standard input or the standard error of who started us without them.
fn replace(
    sorted: &Sorted<'_>,
    path: &CStr,
    options: replace::Options,
    threads: usize,
) -> Result<(), Failed> {
    let replacement = Replacement::new(path, options)?;
    sorted
        .write(replacement.as_fd(), threads)
        .during(Operation::Write)?;
    replacement.commit()
}

/// One input, by its name on the command line.
#[derive(Clone, Copy)]
struct Input(&'static CStr);

impl Input {
    /// Adds all of it to `text`, and the end of its last line where that is missing.
    fn read(self, text: &mut Vec<u8>, end: u8) -> Result<(), Exit> {
        let begin = text.len();
        if self.is_stdin() {
            read_to_end(STDIN, text)
        } else {
            let file = self.open()?;
            read_to_end(file.as_fd(), text)
        }
        .and_then(|()| {
            if text.len() > begin && text.last() != Some(&end) {
                reserve(text, 1)?;
                text.push(end);
            }
            Ok(())
        })
        .or_fail(PROGRAM, "read", self)
    }

    fn open(self) -> Result<OwnedFd, Exit> {
        let flags = O_RDONLY | O_NOCTTY | O_CLOEXEC;
        fs::open(CWD, self.0, flags, 0).or_fail(PROGRAM, "open", self)
    }

    /// Reports the error of opening a regular file, or of reading a directory. Opening other kinds of files may block or
    /// have an effect, so these are not opened here.
    fn check(self) -> Result<(), Exit> {
        if self.is_stdin() {
            return Ok(());
        }
        let found = fs::stat_at(CWD, self.0, At::NONE).or_fail(PROGRAM, "open", self)?;
        match found.kind() {
            S_IFREG => self.open().map(drop),
            S_IFDIR => Err(Errno::EISDIR).or_fail(PROGRAM, "read", self),
            _ => Ok(()),
        }
    }

    fn is_stdin(self) -> bool {
        self.0 == c"-"
    }
}

impl Print for Input {
    fn print(&self, out: &mut Writer<'_>) {
        match self.is_stdin() {
            true => out.print("stdin"),
            false => out.print(Shown(self.0.to_bytes())),
        }
    }
}

/// Adds to `text` all that is read until the end of the file.
fn read_to_end(fd: BorrowedFd<'_>, text: &mut Vec<u8>) -> ring3::Result<()> {
    let size = fs::stat(fd).map_or(0, |stat| stat.stx_size as usize);
    // Room for all at once, and for the read that finds the end. What has no size, or another by then,
    // or one that is too much, gets room as it comes.
    let _ = reserve(text, size.saturating_add(READ));
    let mut used = text.len();
    loop {
        if used == text.len() {
            reserve(text, READ)?;
            text.resize(used + READ, 0);
        }
        match io::read(fd, &mut text[used..])? {
            0 => break,
            count => used += count,
        }
    }
    text.truncate(used);
    Ok(())
}
