//! Parses a command line by a program's table of options.

use core::ffi::CStr;
use core::fmt;
use core::marker::PhantomData;

use crate::bytes::{begins, tail};
use crate::cli::table::COLUMN;
use crate::cli::{Table, Texts};
use crate::env::Args;
use crate::fd::STDOUT;
use crate::parts;
use crate::rt::Exit;
use crate::rt::Program;
use crate::text::{Any, Print, Shown, Writer};

/// A program's command line, parsed as getopt_long(3) does. `T` is the enum of the program's table
/// ([`options!`](macro@crate::options)).
///
/// Short options cluster (`-ru`). A value is in the same argument or is the next argument (`-oFILE`, `-o FILE`,
/// `--out=FILE`, `--out FILE`). A long option may be abbreviated if the abbreviation is unique. Options may follow
/// operands. `--` ends the options.
///
/// `Options` handles `--help` and `--version` itself.
pub struct Options<T> {
    parser: Parser,
    table: PhantomData<T>,
}

impl<T> fmt::Debug for Options<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parser.fmt(f)
    }
}

impl<T: Table> Options<T> {
    /// The command line in the arguments after `argv[0]`.
    #[must_use]
    pub fn new(args: Args) -> Self {
        Self {
            parser: Parser::new(T::TEXTS, args),
            table: PhantomData,
        }
    }

    /// Returns the next element; `None` at the end.
    ///
    /// # Errors
    /// Exit 2: an unknown option, or an option without its value, or with a wrong value; a message was printed.
    /// Exit 0: `--help` or `--version`; the answer was printed. Exit 1: the answer could not be printed, or the value
    /// names an interface that does not exist; a message was printed.
    #[inline]
    pub fn next_arg(&mut self) -> Result<Option<T>, Exit> {
        Ok(match self.parser.piece()? {
            Some(Piece::Option(index)) => Some(T::read(index, &mut self.parser)?),
            Some(Piece::Operand(operand)) => Some(T::operand(operand)),
            None => None,
        })
    }

    /// The arguments after the element that [`next_arg`](Self::next_arg) returned last, unparsed: for a program whose
    /// operands are the command line of another program.
    #[must_use]
    pub fn rest(&self) -> Args {
        self.parser.args
    }

    /// The parser, for an operand with the syntax of a value ([`Parser::address`], [`Parser::duration`]).
    #[must_use]
    pub fn parser(&self) -> &Parser {
        &self.parser
    }

    /// Prints the option that was returned last, and why it is refused. Returns exit status 2.
    #[inline]
    pub fn refuse(&self, why: impl Print) -> Exit {
        self.parser.refuse(why)
    }

    /// Prints that `operand` is unexpected. Returns exit status 2.
    #[cold]
    #[must_use]
    pub fn unexpected(&self, operand: &CStr) -> Exit {
        self.usage(parts!("unexpected ", Shown(operand.to_bytes())))
    }

    /// Prints `message`, and which command prints the help. Returns exit status 2.
    #[inline]
    pub fn usage(&self, message: impl Print) -> Exit {
        self.parser.usage(message)
    }
}

/// The part of [`Options`] that is the same for all programs.
#[derive(Debug)]
pub struct Parser {
    texts: &'static Texts,
    args: Args,
    /// The text after the last option: the rest of its cluster, or its `=value`.
    rest: Rest,
    /// The last element: the name to look up, and the subject of messages.
    last: Last,
    operands_only: bool,
}

#[derive(Clone, Copy, Debug)]
enum Rest {
    None,
    Cluster(&'static CStr),
    Value(&'static CStr),
}

/// An element as it was written.
#[derive(Clone, Copy, Debug)]
enum Last {
    Short(u8),
    Long(&'static [u8]),
    Operand,
}

/// An element of a command line.
enum Piece {
    /// The option with this index in the table.
    Option(usize),
    Operand(&'static CStr),
}

impl Parser {
    fn new(texts: &'static Texts, mut args: Args) -> Self {
        args.next();
        Self {
            texts,
            args,
            rest: Rest::None,
            last: Last::Operand,
            operands_only: false,
        }
    }

    /// Splits off the next element, and answers `--help` and `--version`.
    #[inline(never)]
    fn piece(&mut self) -> Result<Option<Piece>, Exit> {
        if let Rest::Cluster(cluster) = core::mem::replace(&mut self.rest, Rest::None) {
            return self.short(cluster);
        }
        let Some(mut arg) = self.args.next() else {
            return Ok(None);
        };
        if !self.operands_only && arg.to_bytes() == b"--" {
            self.operands_only = true;
            match self.args.next() {
                Some(next) => arg = next,
                None => return Ok(None),
            }
        }
        match arg.to_bytes() {
            [b'-', b'-', ..] if !self.operands_only => self.long(arg),
            [b'-', _, ..] if !self.operands_only => self.short(tail(arg, 1)),
            _ => {
                self.last = Last::Operand;
                Ok(Some(Piece::Operand(arg)))
            }
        }
    }

    fn short(&mut self, cluster: &'static CStr) -> Result<Option<Piece>, Exit> {
        // The caller's cluster is not empty. If it were, 0 is a letter that no option has.
        self.last = Last::Short(cluster.to_bytes().first().copied().unwrap_or_default());
        let rest = tail(cluster, 1);
        if !rest.is_empty() {
            self.rest = Rest::Cluster(rest);
        }
        self.option()
    }

    fn long(&mut self, arg: &'static CStr) -> Result<Option<Piece>, Exit> {
        let mut name = tail(arg, 2).to_bytes();
        let end = name.iter().position(|&byte| byte == b'=');
        if let Some(before) = end.and_then(|end| name.get(..end)) {
            name = before;
            self.rest = Rest::Value(tail(arg, 2 + name.len() + 1));
        }
        self.last = Last::Long(name);
        self.option()
    }

    /// Finds the option `self.last`. Answers `--help` and `--version`.
    fn option(&mut self) -> Result<Option<Piece>, Exit> {
        let (mut found, mut count) = (None, 0);
        for (index, line) in self.lines().enumerate() {
            if line.matches(self.last) {
                (found, count) = (Some((index, line)), count + 1);
                if line.is_exactly(self.last) {
                    count = 1;
                    break;
                }
            }
        }
        let Some((index, line)) = found else {
            return Err(self.unknown());
        };
        if count > 1 {
            return Err(self.usage(parts!(self.last, " is ambiguous:", Candidates(self))));
        }
        let has_value = match self.rest {
            Rest::Value(_) => true,
            // `-q=1` is not the options `-q`, `-=` and `-1`.
            Rest::Cluster(rest) => rest.to_bytes().first() == Some(&b'='),
            Rest::None => false,
        };
        if has_value && !line.takes_value() {
            return Err(self.usage(parts!(self.last, " takes no value")));
        }
        match line.short() {
            Some(b'h') => Err(self.answer(Any::new(&Help(self.texts)))),
            Some(b'V') => Err(self.answer(Any::new(&self.texts.version))),
            _ => Ok(Some(Piece::Option(index))),
        }
    }

    /// The value of the last option.
    ///
    /// # Errors
    /// Exit 2: there is no value; a message was printed.
    pub fn value(&mut self) -> Result<&'static CStr, Exit> {
        match core::mem::replace(&mut self.rest, Rest::None) {
            Rest::Value(value) | Rest::Cluster(value) => Ok(value),
            Rest::None => match self.args.next() {
                Some(value) => Ok(value),
                None => Err(self.usage(parts!(self.last, " needs a value"))),
            },
        }
    }

    /// Whether the last option has its value in the same argument.
    pub(super) fn has_value(&self) -> bool {
        !matches!(self.rest, Rest::None)
    }

    /// The program.
    #[must_use]
    pub fn program(&self) -> Program {
        self.texts.program
    }

    /// Parses the value of the last option with `parse`, which returns `None` for a wrong value. `expected` describes a
    /// right value, with an example.
    ///
    /// # Errors
    /// Exit 2: there is no value, or a wrong one; a message was printed.
    #[inline]
    pub fn parse<T>(
        &mut self,
        parse: impl FnOnce(&'static [u8]) -> Option<T>,
        expected: &str,
    ) -> Result<T, Exit> {
        let text = self.value()?;
        parse(text.to_bytes()).ok_or_else(|| self.expected(text, expected))
    }

    /// Prints that the program does not have the last option. Returns exit status 2.
    #[cold]
    #[must_use]
    pub fn unknown(&self) -> Exit {
        self.usage(parts!("unknown option ", self.last))
    }

    /// Prints that `text`, a value of the last option or an operand, is wrong. `expected` describes a right
    /// text. Returns exit status 2.
    #[cold]
    #[inline(never)]
    #[must_use]
    pub fn expected(&self, text: &CStr, expected: &str) -> Exit {
        self.refuse(parts!(Shown(text.to_bytes()), ": expected ", expected))
    }

    /// Prints the last option, if the last element is an option, and why it is refused. Returns exit status 2.
    #[inline]
    pub fn refuse(&self, why: impl Print) -> Exit {
        self.usage(parts!(Subject(self.last), why))
    }

    /// Prints `message`, and which command prints the help. Returns exit status 2.
    #[inline]
    pub fn usage(&self, message: impl Print) -> Exit {
        self.misused(Any::new(&message));
        Exit(2)
    }

    /// The part of [`usage`](Self::usage) that is the same for all types of message.
    #[cold]
    #[inline(never)]
    fn misused(&self, message: Any<'_>) {
        let program = self.texts.program;
        program.line(Any::new(&parts!(
            message,
            "\nTry '",
            program.name,
            " --help'."
        )));
    }

    fn answer(&self, text: Any<'_>) -> Exit {
        let mut buffer = [0; 512];
        let mut stdout = Writer::new(STDOUT, &mut buffer);
        stdout.print(text);
        match stdout.flush() {
            Ok(()) => Exit(0),
            Err(errno) => {
                // This does not call `fail`. So the program is the same constant in all calls of `fail` with
                // a `&str` object, and the compiler does not pass the program.
                self.texts
                    .program
                    .failed("write", Any::new(&"stdout"), errno);
                Exit(1)
            }
        }
    }

    /// The lines of the options.
    fn lines(&self) -> impl Iterator<Item = Line> + use<> {
        let lines = self.texts.options.as_bytes().split(|&byte| byte == b'\n');
        lines.map(Line)
    }
}

/// The line of an option in the help, without the newline: `  -s, --long=WORD`, a tab, and the help. `[=WORD]` is a word
/// that may be missing. After the last newline is one empty line, which has no names.
#[derive(Clone, Copy)]
struct Line(&'static [u8]);

impl Line {
    fn short(self) -> Option<u8> {
        match self.0 {
            [_, _, b'-', letter, ..] => Some(*letter),
            _ => None,
        }
    }

    /// The long name.
    fn long(self) -> &'static [u8] {
        let name = self.0.get(8..).unwrap_or_default();
        let end = name
            .iter()
            .position(|byte| matches!(byte, b'=' | b'[' | b'\t'));
        end.and_then(|end| name.get(..end)).unwrap_or_default()
    }

    fn takes_value(self) -> bool {
        matches!(self.0.get(8 + self.long().len()), Some(b'=' | b'['))
    }

    /// Whether the line's option has this name, or has a long name that begins with this name.
    fn matches(self, name: Last) -> bool {
        match name {
            Last::Short(letter) => self.short() == Some(letter),
            Last::Long(name) => !name.is_empty() && begins(self.long(), name),
            Last::Operand => false,
        }
    }

    /// Whether a name that matches is the whole name.
    fn is_exactly(self, name: Last) -> bool {
        matches!(name, Last::Long(name) if name.len() == self.long().len())
    }
}

impl Print for Last {
    fn print(&self, out: &mut Writer<'_>) {
        match *self {
            Last::Short(letter) => out.print(parts!("-", Shown(&[letter]))),
            Last::Long(name) => out.print(parts!("--", Shown(name))),
            Last::Operand => {}
        }
    }
}

/// Prints an option and a colon; nothing for an operand.
struct Subject(Last);

impl Print for Subject {
    fn print(&self, out: &mut Writer<'_>) {
        if !matches!(self.0, Last::Operand) {
            out.print(parts!(self.0, ": "));
        }
    }
}

/// Prints the long options that match the parser's last name.
struct Candidates<'a>(&'a Parser);

impl Print for Candidates<'_> {
    fn print(&self, out: &mut Writer<'_>) {
        for line in self.0.lines() {
            if line.matches(self.0.last) {
                out.print(parts!(" --", Shown(line.long())));
            }
        }
    }
}

/// Prints the help.
struct Help(&'static Texts);

impl Print for Help {
    fn print(&self, out: &mut Writer<'_>) {
        out.print(self.0.usage);
        let mut column = 0;
        for &byte in self.0.options.as_bytes() {
            if byte == b'\t' {
                while column < COLUMN {
                    out.put(b" ");
                    column += 1;
                }
            } else {
                out.put(&[byte]);
                column = if byte == b'\n' { 0 } else { column + 1 };
            }
        }
        out.print(self.0.end);
    }
}
