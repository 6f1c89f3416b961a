//! `msort`: sorts lines by their bytes, as `LC_ALL=C sort` does.
//!
//! This file reads the options (`options.rs` is their table), and reads all inputs into one text. The lines of the text
//! are then listed ([`index`]), sorted ([`sort`]) and written ([`output`]), by several threads if the text
//! is large. To sort, `msort` allocates all memory before the first byte of output, so that a lack of memory never
//! leaves a part of the output. A merge can run out of memory in the middle.
//!
//! To check an input ([`check`]) or to merge inputs ([`merge`]), it reads them line by line ([`stream`]).
//!
//! Inputs are read, not mapped. If another process truncates an input meanwhile, the input just ends earlier; access to
//! a mapping would raise SIGBUS.

#![cfg_attr(not(test), no_std, no_main)]

extern crate alloc;

mod by_bytes;
mod by_number;
mod check;
mod index;
mod line;
mod memory;
mod merge;
mod number;
mod options;
mod order;
mod output;
mod sort;
mod stream;
mod text;
mod workers;

use alloc::vec::Vec;
use core::ffi::CStr;

use ring3::abi::Errno;
use ring3::cli::{Options, OrFail};
use ring3::env::Start;
use ring3::fd::{BorrowedFd, OwnedFd, STDIN, STDOUT};
use ring3::fs::replace::{self, During, Failed, Operation, Replacement};
use ring3::fs::{self, At, CWD, O_CLOEXEC, O_NOCTTY, O_RDONLY, S_IFDIR, S_IFREG, Statx};
use ring3::heap::Heap;
use ring3::rt::Exit;
use ring3::signal::{self, SIGPIPE, SIGXFSZ, SignalSet};
use ring3::text::{Print, Shown, Writer};
use ring3::{io, parts, program};

use check::Check;
use memory::reserve;
use merge::Merge;
use options::Given;
use order::Order;
use output::Sorted;
use text::Text;

program!(Given::NAME, main);

#[global_allocator]
static HEAP: Heap = Heap::new();

fn main(start: Start) -> Result<(), Exit> {
    // With these signals blocked, a write fails with EPIPE or EFBIG, and the error is reported. If a seccomp filter
    // refuses to block them, they end the program.
    let _ = signal::block(SignalSet::of(&[SIGPIPE, SIGXFSZ]));
    let settings = Settings::of(start)?;
    if let [_, _, ..] = &settings.inputs[..] {
        // With several inputs, all are checked before the first is read: the first may be a FIFO, and its read may
        // wait.
        for &input in &settings.inputs {
            Input(input).check()?;
        }
    }
    let order = settings.order;
    let (inputs, end) = (&settings.inputs[..], settings.end);
    if let Some(check) = settings.check {
        return check::check(Input(inputs[0]), end, order, check);
    }
    if settings.merge && merge::is_possible(inputs, settings.output) {
        let mut merge = Merge::new(inputs, end, order)?;
        return settings.write(Content::Merge(&mut merge));
    }
    let mut text = Vec::new();
    for &input in &settings.inputs {
        Input(input).read(&mut text, settings.end)?;
    }
    let text = Text::new(&text, settings.end);
    let threads = workers::threads(text.len());
    let mut lines = index::lines(text, threads, order).or_fail(PROGRAM, "sort", "input")?;
    sort::sort(text, &mut lines, threads, order);
    let sorted = Sorted {
        text,
        lines: &lines,
        order,
    };
    settings.write(Content::Sorted(&sorted, threads))
}

/// The options of the command line, or their defaults.
struct Settings {
    order: Order,
    /// Whether the input is only checked, and how.
    check: Option<Check>,
    merge: bool,
    /// The byte that ends a line.
    end: u8,
    output: Option<&'static CStr>,
    /// How `output` is replaced.
    options: replace::Options,
    inputs: Vec<&'static CStr>,
}

impl Settings {
    /// Parses the command line.
    fn of(start: Start) -> Result<Self, Exit> {
        let mut settings = Self {
            order: Order::default(),
            check: None,
            merge: false,
            end: b'\n',
            output: None,
            options: replace::Options::default(),
            inputs: Vec::new(),
        };
        // Every argument may be an input; without inputs there is one, `-`.
        let most = start.args().len() + 1;
        reserve(&mut settings.inputs, most)
            .or_fail(PROGRAM, "read", "arguments")
            .map_err(|_| Exit(2))?; // not 1: with `-c`, 1 means that the input is not sorted

        let mut options = Options::new(start.args());
        while let Some(given) = options.next_arg()? {
            match given {
                Given::Numeric => settings.order.numeric = true,
                Given::Stable => settings.order.stable = true,
                Given::Reverse => settings.order.reverse = true,
                Given::Unique => settings.order.unique = true,
                Given::ZeroTerminated => settings.end = 0,
                Given::Check => settings.set_check(Check::Printed, &options)?,
                Given::QuietCheck => settings.set_check(Check::Quiet, &options)?,
                Given::Merge => settings.merge = true,
                Given::Output(path) => {
                    if settings
                        .output
                        .replace(path)
                        .is_some_and(|other| other != path)
                    {
                        return Err(options.refuse("more than one output"));
                    }
                }
                Given::InPlace => settings.options.in_place = true,
                Given::NoSync => settings.options.sync = false,
                Given::Operand(path) => settings.inputs.push(path),
            }
        }
        if let Some(check) = settings.check {
            let name = check.option();
            if settings.output.is_some() {
                return Err(options.usage(parts!(name, " and -o are incompatible")));
            }
            if let [_, extra, ..] = &settings.inputs[..] {
                let extra = Shown(extra.to_bytes());
                return Err(options.usage(parts!("extra operand ", extra, " with ", name)));
            }
        }
        if settings.inputs.is_empty() {
            settings.inputs.push(c"-");
        }
        Ok(settings)
    }

    fn set_check(&mut self, check: Check, options: &Options<Given>) -> Result<(), Exit> {
        match self.check.replace(check) {
            Some(other) if other != check => Err(options.usage("-c and -C are incompatible")),
            _ => Ok(()),
        }
    }

    /// Writes the lines to the output.
    fn write(&self, content: Content<'_>) -> Result<(), Exit> {
        let written = match self.output {
            None => content.write(STDOUT),
            Some(path) => replace(path, self.options, content),
        };
        written.map_err(|stopped| match (stopped, self.output) {
            (Stopped::Read(input, errno), _) => PROGRAM.fail("read", input, errno),
            (Stopped::Write(failed), None) => PROGRAM.fail("write", "stdout", failed.errno),
            (Stopped::Write(failed), Some(path)) => {
                PROGRAM.say(failed.of(path));
                Exit(1)
            }
        })
    }
}

/// The lines to be written.
enum Content<'a> {
    /// With the number of threads.
    Sorted(&'a Sorted<'a>, usize),
    Merge(&'a mut Merge),
}

impl Content<'_> {
    fn write(self, fd: BorrowedFd<'_>) -> Result<(), Stopped> {
        match self {
            Self::Sorted(sorted, threads) => {
                Ok(sorted.write(fd, threads).during(Operation::Write)?)
            }
            Self::Merge(merge) => merge.write(fd),
        }
    }
}

/// The error that ends the output.
enum Stopped {
    Read(Input, Errno),
    Write(Failed),
}

impl From<Failed> for Stopped {
    fn from(failed: Failed) -> Self {
        Self::Write(failed)
    }
}

/// Writes the lines to a new file, and replaces the file at `path` by it.
///
/// The new file is opened after the last open of an input, and closed before an error is printed. If standard input or
/// standard error is closed from the start, the new file gets the number of that descriptor. In this order, the new
/// file is neither read as standard input, nor does it receive an error message.
fn replace(path: &CStr, options: replace::Options, content: Content<'_>) -> Result<(), Stopped> {
    let replacement = Replacement::new(path, options)?;
    content.write(replacement.as_fd())?;
    Ok(replacement.commit()?)
}

/// One input, by its name on the command line.
#[derive(Clone, Copy)]
struct Input(&'static CStr);

impl Input {
    /// Appends the whole input to `text`, and a terminator if the last line has none.
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

    /// Reports the error if the input is a regular file that cannot be opened, or a directory. Opening other kinds of
    /// files may block or have an effect, so these are not opened here.
    fn check(self) -> Result<(), Exit> {
        if self.is_stdin() {
            // Without standard input, the first file that is opened would be read as standard input.
            return match STDIN.is_open() {
                true => Ok(()),
                false => Err(Errno::EBADF).or_fail(PROGRAM, "read", self),
            };
        }
        let found = self.stat().or_fail(PROGRAM, "open", self)?;
        match found.kind() {
            S_IFREG => self.open().map(drop),
            S_IFDIR => Err(Errno::EISDIR).or_fail(PROGRAM, "read", self),
            _ => Ok(()),
        }
    }

    fn stat(self) -> ring3::Result<Statx> {
        match self.is_stdin() {
            true => fs::stat(STDIN),
            false => fs::stat_at(CWD, self.0, At::NONE),
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

/// The size of one read, in bytes. It is so small that the zeros, which `resize` writes, are still in the cache when
/// the read overwrites them.
const READ: usize = 128 * 1024;

/// Appends all bytes to `text` until the end of the file.
fn read_to_end(fd: BorrowedFd<'_>, text: &mut Vec<u8>) -> ring3::Result<()> {
    let size = fs::stat(fd).map_or(0, |stat| stat.stx_size);
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    // Room for the whole file at once, and for the read that returns 0. If the file has no size, or the size changes,
    // or is too large, the loop makes more room.
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
