//! `grep`: prints the lines of files that contain a fixed string, as `grep -F` does.
//!
//! ```sh
//! cargo run --example grep -- -n 'pub fn' src/*.rs
//! ```
//!
//! Several threads search the files. The main thread prints what they found, in the order of the command line; while the
//! next file is not searched yet, the main thread searches too. A file is read whole, and all bytes are text: there are
//! no binary files.
//!
//! Exit status: 0 if a line was found, 1 if not, 2 after an error.

#![cfg_attr(not(test), no_std, no_main)]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::vec::Vec;
use core::ffi::CStr;
use core::ops::Range;

use ring3::cli::{Argument, Options, OrFail};
use ring3::collections::List;
use ring3::env::Start;
use ring3::fd::{STDIN, STDOUT};
use ring3::fs::{self, CWD, Contents, O_CLOEXEC, O_NOCTTY, O_RDONLY};
use ring3::heap::Small;
use ring3::rt::Exit;
use ring3::sync::{Condvar, Mutex};
use ring3::text::{Shown, Writer};
use ring3::{Errno, bytes, parts, thread};

ring3::options! {
    "grep", "[OPTION]... STRING [FILE]...", "Print the lines of all FILEs that contain STRING.";

    /// Prints how many lines each FILE has that contain STRING, and not the lines.
    Count "-c, --count" "print only the number of lines";

    /// Prints the names of the FILEs that have a line with STRING, and not the lines.
    FilesWithMatches "-l, --files-with-matches" "print only the names of FILEs with such lines";

    /// Prints each line after its number in its FILE, from 1.
    LineNumber "-n, --line-number" "print the numbers of lines";

    /// Compares ASCII letters without regard to case.
    IgnoreCase "-i, --ignore-case" "ignore the case of ASCII letters";

    /// Takes the lines that do not contain STRING.
    InvertMatch "-v, --invert-match" "the lines that do not contain STRING";

    operands: Argument::File;
    note: "Lines of STRING are several strings. Without FILE, or if FILE is -, standard\ninput is read.";
    example: "grep -in todo *.c", "Print the lines with todo, Todo or TODO, and their numbers.";
}

ring3::program!(Given::NAME, main);

/// The lists of lines are of unknown length, so this program needs an allocator.
#[global_allocator]
static HEAP: Small = Small::new();

/// The status after an error: 1 means that no line was found.
const TROUBLE: Exit = Exit(2);

fn main(start: Start) -> Result<Exit, Exit> {
    let mut search = Search::default();
    let mut strings = None;
    let most = start.args().len() + 1;
    let mut files = List::new(most)
        .or_fail(PROGRAM, "read", "arguments")
        .map_err(|_| TROUBLE)?;
    let mut options = Options::new(start.args());
    while let Some(given) = options.next_arg()? {
        match given {
            Given::Count => search.counts = true,
            Given::FilesWithMatches => search.names = true,
            Given::LineNumber => search.numbers = true,
            Given::IgnoreCase => search.ignores_case = true,
            Given::InvertMatch => search.inverts = true,
            Given::Operand(operand) if strings.is_none() => strings = Some(operand),
            Given::Operand(operand) => _ = files.push(operand), // has room for every argument
        }
    }
    search.strings = strings
        .ok_or_else(|| options.usage("expected a STRING"))?
        .to_bytes();
    if files.is_empty() {
        _ = files.push(c"-");
    }

    let board = Board::new(&search, &files);
    let mut buffer = [0; 65536];
    let mut out = Writer::new(STDOUT, &mut buffer);
    let threads = thread::available_parallelism().min(files.len());
    let status = thread::scope(|scope| {
        for _ in 1..threads {
            // Without this thread, the others have more to do.
            if scope.spawn(|| board.work()).is_err() {
                break;
            }
        }
        let mut status = Exit(1);
        for (number, &file) in files.iter().enumerate() {
            match board.take(number) {
                Ok(found) => {
                    search.print(file, &found, files.len() > 1, &mut out);
                    if found.count > 0 && status == Exit(1) {
                        status = Exit(0);
                    }
                }
                Err((operation, errno)) => {
                    if out.flush().is_err() {
                        break;
                    }
                    PROGRAM.fail(operation, Shown(name(file)), errno);
                    status = TROUBLE;
                }
            }
        }
        board.close();
        status
    });
    out.flush()
        .or_fail(PROGRAM, "write", "stdout")
        .map_err(|_| TROUBLE)?;
    Ok(status)
}

/// The name that stands for a file in the output.
fn name(file: &CStr) -> &[u8] {
    match file.to_bytes() {
        b"-" => b"(standard input)",
        name => name,
    }
}

/// The strings to search for, and the form of the output.
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
    text: Contents,
    /// The number of each line, and its place in the text; empty if the lines are not printed.
    lines: Vec<(u64, Range<usize>)>,
    count: u64,
}

/// The operation that failed, and why.
type Failed = (&'static str, Errno);

impl Search {
    /// Searches a file.
    fn file(&self, file: &CStr) -> Result<Found, Failed> {
        let read = |file| fs::read_to_end(file).map_err(|errno| ("read", errno));
        let text = match file.to_bytes() {
            b"-" => read(STDIN)?,
            _ => {
                let flags = O_RDONLY | O_NOCTTY | O_CLOEXEC;
                let file = fs::open(CWD, file, flags, 0).map_err(|errno| ("open", errno))?;
                read(file.as_fd())?
            }
        };
        let (mut lines, mut count, mut number, mut begin) = (Vec::new(), 0, 0, 0);
        while let Some(rest) = text.get(begin..)
            && !rest.is_empty()
        {
            let end = bytes::position(rest, b'\n').unwrap_or(rest.len());
            let line = rest.get(..end).unwrap_or_default();
            number += 1;
            if self.takes(line) {
                count += 1;
                if self.names {
                    break;
                }
                if !self.counts {
                    // `push` would abort the program if there were no memory.
                    let room = lines.try_reserve(1);
                    room.map_err(|_| ("search", Errno::ENOMEM))?;
                    lines.push((number, begin..begin + end));
                }
            }
            begin += end + 1;
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
        let Some(&first) = string.first() else {
            return true;
        };
        if self.ignores_case {
            let mut parts = line.windows(string.len());
            return parts.any(|part| part.eq_ignore_ascii_case(string));
        }
        let mut rest = line;
        while let Some(at) = bytes::position(rest, first) {
            rest = rest.get(at..).unwrap_or_default();
            if rest.starts_with(string) {
                return true;
            }
            rest = rest.get(1..).unwrap_or_default();
        }
        false
    }

    /// Prints the result of a file. An error is kept for the flush of `out`.
    fn print(&self, file: &CStr, found: &Found, has_name: bool, out: &mut Writer<'_>) {
        let name = name(file);
        if self.names {
            if found.count > 0 {
                out.print(parts!(name, "\n"));
            }
            return;
        }
        if self.counts {
            if has_name {
                out.print(parts!(name, ":"));
            }
            return out.print(parts!(found.count, "\n"));
        }
        for (number, place) in &found.lines {
            if has_name {
                out.print(parts!(name, ":"));
            }
            if self.numbers {
                out.print(parts!(number, ":"));
            }
            let line = found.text.get(place.clone()).unwrap_or_default();
            out.print(parts!(line, "\n"));
        }
    }
}

/// The most files that are searched before they are printed: this limits the memory.
const AHEAD: usize = 64;

/// The files and their results, which the threads share.
struct Board<'a> {
    search: &'a Search,
    files: &'a [&'static CStr],
    state: Mutex<State>,
    /// Notified after each change of `state` that a thread may wait for.
    changed: Condvar,
}

struct State {
    /// The number of the next file to search.
    next: usize,
    /// Files before this number are searched: the last that may be searched, and one more.
    end: usize,
    /// The results. The result of file N is at index N modulo `AHEAD`, until `take` removes the result.
    found: [Option<Result<Found, Failed>>; AHEAD],
}

impl<'a> Board<'a> {
    fn new(search: &'a Search, files: &'a [&'static CStr]) -> Self {
        Self {
            search,
            files,
            state: Mutex::new(State {
                next: 0,
                end: AHEAD.min(files.len()),
                found: [const { None }; AHEAD],
            }),
            changed: Condvar::new(),
        }
    }

    /// Searches files until there are no more.
    fn work(&self) {
        loop {
            let mut state = self.state.lock();
            while state.next == state.end {
                if state.next == self.files.len() {
                    return;
                }
                state = self.changed.wait(state);
            }
            drop(state);
            self.search_next();
        }
    }

    /// Searches the next file, unless another thread was faster.
    fn search_next(&self) {
        let mut state = self.state.lock();
        let number = state.next;
        if number == state.end {
            return;
        }
        state.next += 1;
        drop(state); // so that the other threads search other files meanwhile
        if let Some(file) = self.files.get(number) {
            let found = self.search.file(file);
            if let Some(place) = self.state.lock().found.get_mut(number % AHEAD) {
                *place = Some(found);
            }
            self.changed.notify_all();
        }
    }

    /// Waits for the result of file `number`, and removes it. The caller takes the files in order.
    fn take(&self, number: usize) -> Result<Found, Failed> {
        loop {
            let mut state = self.state.lock();
            let place = state.found.get_mut(number % AHEAD);
            if let Some(found) = place.and_then(Option::take) {
                state.end = self.files.len().min(number + 1 + AHEAD);
                drop(state);
                self.changed.notify_all();
                return found;
            }
            if state.next < state.end {
                drop(state);
                self.search_next();
            } else {
                drop(self.changed.wait(state));
            }
        }
    }

    /// Ends the work: files that nobody has begun to search are left out.
    fn close(&self) {
        let mut state = self.state.lock();
        (state.next, state.end) = (self.files.len(), self.files.len());
        drop(state);
        self.changed.notify_all();
    }
}
