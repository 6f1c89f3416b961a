//! `grep [OPTION]... STRING [FILE]...`: prints the lines of files that contain a fixed string.
//!
//! Threads search the files. The main thread prints what they found, in the order of the command line. A file is read
//! whole, and all bytes are text.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::ops::Range;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, Builder};

use common::cli::{Arg, Cli, Parser};
use common::error::{Error, OrFail, Shown};
use common::signal;

const CLI: Cli<Flag> = Cli {
    name: "grep",
    usage: "[OPTION]... STRING [FILE]...\nPrint the lines of all FILEs that contain STRING.",
    options: &[
        ("-c, --count", "print only the number of lines", Flag::Count),
        (
            "-l, --files-with-matches",
            "print only the names of FILEs with such lines",
            Flag::FilesWithMatches,
        ),
        (
            "-n, --line-number",
            "print the numbers of lines",
            Flag::LineNumber,
        ),
        (
            "-i, --ignore-case",
            "ignore the case of ASCII letters",
            Flag::IgnoreCase,
        ),
        (
            "-v, --invert-match",
            "the lines that do not contain STRING",
            Flag::InvertMatch,
        ),
    ],
    end: "\
Lines of STRING are several strings. Without FILE, or if FILE is -, standard
input is read.

Examples:
  grep -in todo *.c
      Print the lines with todo, Todo or TODO, and their numbers.
",
};

#[derive(Clone, Copy)]
enum Flag {
    Count,
    FilesWithMatches,
    LineNumber,
    IgnoreCase,
    InvertMatch,
}

/// The status after an error: 1 means that no line was found.
const TROUBLE: u8 = 2;

/// The most files that are searched before they are printed: this limits the memory.
const AHEAD: usize = 64;

fn main() -> ExitCode {
    signal::reset(libc::SIGPIPE); // a reader such as `head` ends the search
    match run() {
        Ok(status) => ExitCode::from(status),
        Err(error) => error.exit(CLI.name, TROUBLE),
    }
}

fn run() -> Result<u8, Error> {
    let mut search = Search::default();
    let (mut strings, mut files) = (None, Vec::new());
    let mut parser = Parser::new(&CLI);
    while let Some(arg) = parser.next_arg()? {
        match arg {
            Arg::Option(Flag::Count) => search.counts = true,
            Arg::Option(Flag::FilesWithMatches) => search.names = true,
            Arg::Option(Flag::LineNumber) => search.numbers = true,
            Arg::Option(Flag::IgnoreCase) => search.ignores_case = true,
            Arg::Option(Flag::InvertMatch) => search.inverts = true,
            Arg::Operand(operand) if strings.is_none() => strings = Some(operand),
            Arg::Operand(operand) => files.push(operand),
        }
    }
    let strings = strings.ok_or_else(|| Error::Usage("expected a STRING".into()))?;
    search.strings = strings.into_vec();
    if files.is_empty() {
        files.push("-".into());
    }

    let (jobs, queue) = mpsc::channel();
    let queue = Mutex::new(queue);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for number in 0..threads.min(files.len()) {
            match Builder::new().spawn_scoped(scope, || search.work(&queue)) {
                Ok(_) => {}
                Err(error) if number == 0 => return Err(Error::new("start", "a thread", error)),
                Err(_) => break, // the others have more to do
            }
        }
        search.print_all(&files, jobs)
    })
}

/// A file to search, and where the result goes.
type Job<'a> = (&'a OsStr, Sender<Result<Found, Error>>);

/// The strings to search for, and the form of the output.
#[derive(Default)]
struct Search {
    /// The strings, separated by newlines.
    strings: Vec<u8>,
    counts: bool,
    names: bool,
    numbers: bool,
    ignores_case: bool,
    inverts: bool,
}

/// The lines of a file that are to be printed.
struct Found {
    text: Vec<u8>,
    /// The number of each line, and its place in the text; empty if the lines are not printed.
    lines: Vec<(u64, Range<usize>)>,
    count: u64,
}

impl Search {
    /// Searches files until there are no more, or nobody waits for the results.
    fn work(&self, queue: &Mutex<Receiver<Job<'_>>>) {
        loop {
            let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok((file, result)) = job else { return };
            if result.send(self.file(file)).is_err() {
                return;
            }
        }
    }

    /// Prints the results of all files in their order. Returns the exit status.
    fn print_all<'a>(&self, files: &'a [OsString], jobs: Sender<Job<'a>>) -> Result<u8, Error> {
        let mut out = BufWriter::with_capacity(64 * 1024, io::stdout().lock());
        let mut left = files.iter();
        let mut pending = VecDeque::new();
        let mut status = 1;
        loop {
            while pending.len() < AHEAD
                && let Some(file) = left.next()
            {
                let (sender, receiver) = mpsc::channel();
                // The threads take jobs as long as somebody waits for the results.
                let _ = jobs.send((file, sender));
                pending.push_back((file, receiver));
            }
            let Some((file, receiver)) = pending.pop_front() else {
                break;
            };
            match receiver.recv().or_fail("search", Shown(file)).flatten() {
                Ok(found) => {
                    self.print(file, &found, files.len() > 1, &mut out)
                        .or_fail("write", "stdout")?;
                    if found.count > 0 && status == 1 {
                        status = 0;
                    }
                }
                Err(error) => {
                    out.flush().or_fail("write", "stdout")?;
                    error.print(CLI.name);
                    status = TROUBLE;
                }
            }
        }
        out.flush().or_fail("write", "stdout")?;
        Ok(status)
    }

    /// Searches a file.
    fn file(&self, file: &OsStr) -> Result<Found, Error> {
        let mut text = Vec::new();
        let read = match file.as_bytes() {
            b"-" => io::stdin().lock().read_to_end(&mut text),
            _ => File::open(file)
                .or_fail("open", Shown(file))?
                .read_to_end(&mut text),
        };
        read.or_fail("read", Shown(name(file)))?;
        let (mut lines, mut count, mut begin) = (Vec::new(), 0, 0);
        for (number, line) in (1..).zip(text.split_inclusive(|&byte| byte == b'\n')) {
            let end = begin + line.len();
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            if self.takes(line) {
                count += 1;
                if self.names {
                    break;
                }
                if !self.counts {
                    lines.push((number, begin..begin + line.len()));
                }
            }
            begin = end;
        }
        Ok(Found { text, lines, count })
    }

    /// Whether the line is to be printed.
    fn takes(&self, line: &[u8]) -> bool {
        let mut strings = self.strings.split(|&byte| byte == b'\n');
        strings.any(|string| self.is_in(line, string)) != self.inverts
    }

    /// Whether the line contains the string.
    fn is_in(&self, line: &[u8], string: &[u8]) -> bool {
        if string.is_empty() {
            return true; // there are no windows of this length
        }
        let mut parts = line.windows(string.len());
        match self.ignores_case {
            true => parts.any(|part| part.eq_ignore_ascii_case(string)),
            false => parts.any(|part| part == string),
        }
    }

    /// Prints the result of a file.
    fn print(
        &self,
        file: &OsStr,
        found: &Found,
        has_name: bool,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let name = name(file).as_bytes();
        if self.names {
            if found.count > 0 {
                out.write_all(name)?;
                out.write_all(b"\n")?;
            }
            return Ok(());
        }
        let prefix = match has_name {
            true => [name, b":"].concat(),
            false => Vec::new(),
        };
        if self.counts {
            out.write_all(&prefix)?;
            return writeln!(out, "{}", found.count);
        }
        for (number, place) in &found.lines {
            out.write_all(&prefix)?;
            if self.numbers {
                write!(out, "{number}:")?;
            }
            out.write_all(&found.text[place.clone()])?;
            out.write_all(b"\n")?;
        }
        Ok(())
    }
}

/// The name that stands for a file in the output.
fn name(file: &OsStr) -> &OsStr {
    match file.as_bytes() {
        b"-" => OsStr::new("(standard input)"),
        _ => file,
    }
}
