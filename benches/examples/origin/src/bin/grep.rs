//! `grep [OPTION]... STRING [FILE]...`: prints the lines of files that contain a fixed string, as `grep -F` does.
//!
//! Several threads search the files. The main thread prints the results in the order of the command line, and searches
//! too while the next result is not there.

#![no_std]
#![no_main]

extern crate alloc;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ffi::CStr;
use core::fmt::Write;
use core::ops::Range;

use common::cli::{Arg, Cli, Opt, Parser};
use common::io::{Out, stdin, stdout};
use common::{Args, Environment, Exit, Program, Text, thread};
use rustix::buffer::spare_capacity;
use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::{Errno, read, retry_on_intr};
use rustix::thread::sched_getaffinity;
use rustix_futex_sync::{Condvar, Mutex};

common::main!(main);

const PROGRAM: Program = Program("grep");

const CLI: Cli = Cli {
    program: PROGRAM,
    help: "\
usage: grep [OPTION]... STRING [FILE]...
Print the lines of all FILEs that contain STRING.

  -c, --count               print only the number of lines
  -l, --files-with-matches  print only the names of FILEs with such lines
  -n, --line-number         print the numbers of lines
  -i, --ignore-case         ignore the case of ASCII letters
  -v, --invert-match        the lines that do not contain STRING
  -h, --help                print this help
  -V, --version             print the version

Lines of STRING are several strings. Without FILE, or if FILE is -, standard
input is read.

Examples:
  grep -in todo *.c
      Print the lines with todo, Todo or TODO, and their numbers.
",
    version: concat!("grep (origin) ", env!("CARGO_PKG_VERSION"), "\n"),
    options: &[
        Opt(Some('c'), "count", false),
        Opt(Some('l'), "files-with-matches", false),
        Opt(Some('n'), "line-number", false),
        Opt(Some('i'), "ignore-case", false),
        Opt(Some('v'), "invert-match", false),
    ],
};

/// The statuses: 1 means that no line was found.
const FOUND: i32 = 0;
const NOT_FOUND: i32 = 1;
const TROUBLE: i32 = 2;

fn main(args: Args, _: Environment) -> Result<i32, Exit> {
    let mut search = Search::default();
    let (mut strings, mut files) = (None, Vec::new());
    let mut parser = Parser::new(&CLI, args);
    while let Some(arg) = parser.next_arg()? {
        match arg {
            Arg::Option("count") => search.counts = true,
            Arg::Option("files-with-matches") => search.names = true,
            Arg::Option("line-number") => search.numbers = true,
            Arg::Option("ignore-case") => search.ignores_case = true,
            Arg::Option(_) => search.inverts = true,
            Arg::Operand(operand) if strings.is_none() => strings = Some(operand),
            Arg::Operand(operand) => files.push(operand),
        }
    }
    let strings = strings.ok_or_else(|| parser.usage(format_args!("expected a STRING")))?;
    search.strings = strings.to_bytes();
    if files.is_empty() {
        files.push(c"-");
    }

    // The threads are not joined: the end of the program ends them. So the board must never be freed.
    let board: &'static Board = Box::leak(Box::new(Board::new(search, files)));
    let processors = sched_getaffinity(None).map_or(1, |set| set.count() as usize);
    for _ in 1..processors.min(board.files.len()) {
        // Without this thread, the others have more to do.
        if thread::spawn(|| board.work()).is_err() {
            break;
        }
    }

    let mut buffer = [0; 64 * 1024];
    let mut out = Out::new(stdout(), &mut buffer);
    let mut status = NOT_FOUND;
    for (index, &file) in board.files.iter().enumerate() {
        match board.take(index) {
            Ok(found) => {
                board
                    .search
                    .print(file, &found, board.files.len() > 1, &mut out);
                if found.count > 0 && status == NOT_FOUND {
                    status = FOUND;
                }
            }
            Err((operation, errno)) => {
                if out.flush().is_err() {
                    break;
                }
                PROGRAM.fail(operation, Text(name(file)), errno);
                status = TROUBLE;
            }
        }
    }
    match out.flush() {
        Ok(()) => Ok(status),
        Err(errno) => {
            PROGRAM.fail("write", "stdout", errno);
            Err(Exit(TROUBLE))
        }
    }
}

/// The name that stands for a file in the output.
fn name(file: &CStr) -> &[u8] {
    match file.to_bytes() {
        b"-" => b"(standard input)",
        name => name,
    }
}

/// The strings, and the form of the output.
#[derive(Default)]
struct Search {
    /// The strings, separated by newlines.
    strings: &'static [u8],
    counts: bool,
    names: bool,
    numbers: bool,
    ignores_case: bool,
    inverts: bool,
}

/// The lines of a file that are to be printed.
struct Found {
    text: Vec<u8>,
    /// Each line's number and its place in the text; empty if lines are not printed.
    lines: Vec<(u64, Range<usize>)>,
    count: u64,
}

/// The operation that failed, and why.
type Failed = (&'static str, Errno);

impl Search {
    /// Searches a file.
    fn file(&self, file: &CStr) -> Result<Found, Failed> {
        let text = if file == c"-" {
            read_to_end(stdin())?
        } else {
            let flags = OFlags::RDONLY | OFlags::NOCTTY | OFlags::CLOEXEC;
            let file = retry_on_intr(|| open(file, flags, Mode::empty()))
                .map_err(|errno| ("open", errno))?;
            read_to_end(file.as_fd())?
        };
        let (mut lines, mut count, mut begin) = (Vec::new(), 0, 0);
        for (line, number) in text.split_inclusive(|&byte| byte == b'\n').zip(1..) {
            let content = line.strip_suffix(b"\n").unwrap_or(line);
            if self.takes(content) {
                count += 1;
                if self.names {
                    break;
                }
                if !self.counts {
                    lines.push((number, begin..begin + content.len()));
                }
            }
            begin += line.len();
        }
        Ok(Found { text, lines, count })
    }

    /// Whether the line is to be printed.
    fn takes(&self, line: &[u8]) -> bool {
        let mut strings = self.strings.split(|&byte| byte == b'\n');
        strings.any(|string| self.contains(line, string)) != self.inverts
    }

    fn contains(&self, line: &[u8], string: &[u8]) -> bool {
        if string.is_empty() {
            return true;
        }
        let mut windows = line.windows(string.len());
        if self.ignores_case {
            windows.any(|window| window.eq_ignore_ascii_case(string))
        } else {
            windows.any(|window| window == string)
        }
    }

    /// Prints the result for a file.
    fn print(&self, file: &CStr, found: &Found, several: bool, out: &mut Out<'_>) {
        if self.names {
            if found.count > 0 {
                out.put(name(file));
                out.put(b"\n");
            }
            return;
        }
        let begin = |out: &mut Out<'_>| {
            if several {
                out.put(name(file));
                out.put(b":");
            }
        };
        if self.counts {
            begin(out);
            let _ = writeln!(out, "{}", found.count);
        }
        for (number, place) in &found.lines {
            begin(out);
            if self.numbers {
                let _ = write!(out, "{number}:");
            }
            out.put(&found.text[place.clone()]);
            out.put(b"\n");
        }
    }
}

/// Reads a file to its end.
fn read_to_end(file: BorrowedFd<'_>) -> Result<Vec<u8>, Failed> {
    let mut text = Vec::new();
    loop {
        // A file may be larger than the memory. That is an error, and not the end of the program.
        text.try_reserve(64 * 1024)
            .map_err(|_| ("read", Errno::NOMEM))?;
        match retry_on_intr(|| read(file, spare_capacity(&mut text))) {
            Ok(0) => return Ok(text),
            Ok(_) => {}
            Err(errno) => return Err(("read", errno)),
        }
    }
}

/// The most files that are searched before they are printed: this limits the memory.
const AHEAD: usize = 64;

/// What the threads share.
struct Board {
    search: Search,
    files: Vec<&'static CStr>,
    state: Mutex<State>,
    /// Notified after each change of the state.
    changed: Condvar,
}

struct State {
    /// The next file to search.
    next: usize,
    /// The first file that must wait, because too many results are not printed.
    end: usize,
    /// The results of file N at N modulo `AHEAD`.
    results: [Option<Result<Found, Failed>>; AHEAD],
}

impl Board {
    fn new(search: Search, files: Vec<&'static CStr>) -> Self {
        let state = State {
            next: 0,
            end: files.len().min(AHEAD),
            results: [const { None }; AHEAD],
        };
        Self {
            search,
            files,
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    /// Searches files until there are no more.
    fn work(&self) {
        let mut state = self.state.lock();
        while state.next < self.files.len() {
            if state.next < state.end {
                drop(state);
                self.search_next();
                state = self.state.lock();
            } else {
                state = self.changed.wait(state);
            }
        }
    }

    /// Searches the next file, if there is one that need not wait.
    fn search_next(&self) {
        let mut state = self.state.lock();
        let index = state.next;
        if index == state.end {
            return;
        }
        state.next += 1;
        drop(state);
        let result = self.search.file(self.files[index]);
        self.state.lock().results[index % AHEAD] = Some(result);
        self.changed.notify_all();
    }

    /// The result for a file. The caller takes the files in order.
    fn take(&self, index: usize) -> Result<Found, Failed> {
        let mut state = self.state.lock();
        loop {
            if let Some(result) = state.results[index % AHEAD].take() {
                state.end = self.files.len().min(index + 1 + AHEAD);
                drop(state);
                self.changed.notify_all();
                return result;
            }
            if state.next < state.end {
                drop(state);
                self.search_next();
                state = self.state.lock();
            } else {
                state = self.changed.wait(state);
            }
        }
    }
}
