//! The table of a program's options.

use core::ffi::CStr;

use crate::cli::Parser;
use crate::rt::Exit;
use crate::rt::Program;

/// Declares a program's options. The macro defines an enum `Given`: an element of a command line, with the option's
/// argument as the program uses it. [`Options`](crate::cli::Options) returns the elements one by one.
///
/// ```
/// use ring3::cli::{Argument, Number};
///
/// ring3::options! {
///     "list", "[OPTION]... [DIRECTORY]...", "Print the names in directories.";
///
///     /// Prints names that begin with a dot, too.
///     All "-a, --all" "print hidden names too";
///
///     /// Breaks lines after this many columns.
///     Width(Number<1, 1000>, WIDTH = "80") "-w, --width=COLUMNS" "the length of a line";
///
///     operands: Argument::Directory;
///     note: "Names are printed in the order of the file system.";
///     example: "list -a /tmp", "all names in /tmp";
/// }
/// # fn main() {
/// assert_eq!((Given::NAME, WIDTH), ("list", 80));
/// # }
/// ```
///
/// The first line has the program's name, the usage after the name, and the summary. Then each option has:
///
/// - the paragraphs of the manual, a doc comment in Markdown, which is not compiled into the program;
/// - the name of its variant, and the type of its argument ([`Value`](crate::cli::Value)), if the option has an
///   argument; the name of a constant for the default, and the default, if there is one (for a type with a function
///   `constant`: `Number`, `Size`, `Duration`, `Limit`, `Mode`);
/// - its names as `--help` prints them: the short name, or four spaces; the long name; the word for the argument, as
///   `[=WORD]` if the argument may be missing ([`Optional`](crate::cli::Optional));
/// - its line of help.
///
/// Then come the kind of the operands ([`Argument`](crate::cli::Argument)), a note for `--help` if there is one, and
/// examples. A text of `--help` that is wider than 80 columns does not compile.
///
/// The macro adds `-h, --help` and `-V, --version`. `--version` prints `NAME (PACKAGE) VERSION`, or `NAME VERSION` if the
/// package has the program's name. Package and version are of the package that uses the macro (`CARGO_PKG_NAME` and
/// `CARGO_PKG_VERSION`, which cargo sets).
#[macro_export]
macro_rules! options {
    (
        $name:literal, $usage:literal, $about:literal;
        $(
            $(#[doc = $manual:literal])+
            $option:ident $(($kind:ty $(, $const:ident = $default:literal)?))? $names:literal $help:literal;
        )*
        operands: $operands:expr;
        $(note: $note:literal;)?
        $(example: $command:literal, $effect:literal;)+
    ) => {
        /// An element of the command line: an option with its argument, or an operand.
        #[derive(Clone, Copy)]
        pub enum Given {
            $($(#[doc = $manual])+ $option $((<$kind as $crate::cli::Value>::Is))?,)*
            /// An argument that is not an option.
            Operand(&'static ::core::ffi::CStr),
        }

        $($($(
            #[doc = concat!("The default of `", $names, "`.")]
            pub const $const: <$kind as $crate::cli::Value>::Is = <$kind>::constant($default);
        )?)?)*

        impl Given {
            /// The program's name.
            pub const NAME: &'static str = $name;
        }

        impl $crate::cli::Table for Given {
            const TEXTS: &'static $crate::cli::Texts = &$crate::cli::Texts {
                program: $crate::rt::Program::new($name),
                version: $crate::cli::Texts::version(
                    [$name, env!("CARGO_PKG_NAME")],
                    concat!($name, " ", env!("CARGO_PKG_VERSION"), "\n"),
                    concat!($name, " (", env!("CARGO_PKG_NAME"), ") ", env!("CARGO_PKG_VERSION"), "\n"),
                ),
                usage: concat!("usage: ", $name, " ", $usage, "\n", $about, "\n\n"),
                options: concat!(
                    $("  ", $names, "\t", $help $($(, " (default ", $default, ")")?)?, "\n",)*
                    "  -h, --help\tprint this help\n",
                    "  -V, --version\tprint the version\n",
                ),
                end: concat!(
                    $("\n", $note, "\n",)?
                    "\nExamples:\n",
                    $("  ", $command, "\n      ", $effect, "\n",)+
                ),
            }
            .checked();

            const DOCUMENTATION: $crate::cli::Documentation = $crate::cli::Documentation {
                name: $name,
                usage: $usage,
                about: $about,
                options: &[$(
                    $crate::cli::Item {
                        names: $names,
                        help: $help,
                        default: $crate::options!(@ first [$($($default,)?)? ""]),
                        argument: $crate::options!(
                            @ first [$(<$kind as $crate::cli::Value>::ARGUMENT,)? $crate::cli::Argument::None]
                        ),
                        manual: concat!($($manual, "\n"),+),
                    },
                )*],
                operands: $operands,
                examples: &[$(($command, $effect)),+],
            };

            fn read(
                index: usize,
                parser: &mut $crate::cli::Parser,
            ) -> ::core::result::Result<Self, $crate::rt::Exit> {
                #[derive(Clone, Copy)]
                enum Index { $($option),* }
                $(if index == Index::$option as usize {
                    return Ok(Self::$option $((<$kind as $crate::cli::Value>::read(parser)?))?);
                })*
                Err(parser.unknown()) // not reached: the parser itself answers the other two lines, help and version
            }

            fn operand(operand: &'static ::core::ffi::CStr) -> Self {
                Self::Operand(operand)
            }
        }
    };
    (@ first [$first:expr $(, $rest:expr)*]) => {
        $first
    };
    // No arm above matches. The compiler's own error about a missing doc comment does not name the comment, so these
    // arms look for an option without one. If there is none, the arms match up to the mistake, and the compiler points
    // there.
    ($name:literal, $usage:literal, $about:literal; $($rest:tt)*) => {
        $crate::options!(@ undocumented $($rest)*);
    };
    (
        @ undocumented
        $(#[doc = $manual:literal])+
        $option:ident $(($kind:ty $(, $const:ident = $default:literal)?))? $names:literal $help:literal;
        $($rest:tt)*
    ) => {
        $crate::options!(@ undocumented $($rest)*);
    };
    (
        @ undocumented
        $option:ident $(($kind:ty $(, $const:ident = $default:literal)?))? $names:literal $help:literal;
        $($rest:tt)*
    ) => {
        ::core::compile_error!(::core::concat!(
            "the option `", ::core::stringify!($option), "` has no doc comment: write the option's paragraph of the \
             manual above it, `/// ...`",
        ));
    };
    (
        @ undocumented
        operands: $operands:expr;
        $(note: $note:literal;)?
        $(example: $command:literal, $effect:literal;)+
    ) => {};
}

/// A program's table of options. [`options!`](macro@crate::options) implements this trait.
pub trait Table: Sized {
    /// The texts of the options.
    const TEXTS: &'static Texts;

    /// The table as data.
    const DOCUMENTATION: Documentation;

    /// Reads the argument of the option with this index.
    ///
    /// # Errors
    /// Exit 2: the option has no argument, or a wrong one. Exit 1: the argument names an interface that does not exist. A
    /// message was printed.
    fn read(index: usize, parser: &mut Parser) -> Result<Self, Exit>;

    /// An operand.
    fn operand(operand: &'static CStr) -> Self;
}

/// The texts of a program's options. The parser finds the names of the options in the text that `--help` prints, so the
/// names are only once in the program's file.
#[derive(Debug)]
pub struct Texts {
    /// The program.
    pub program: Program,
    /// The answer to `--version`, a line.
    pub version: &'static str,
    /// The usage, the summary and an empty line.
    pub usage: &'static str,
    /// A line for each option: `  -s, --long=WORD`, a tab, and the help.
    pub options: &'static str,
    /// The note and the examples.
    pub end: &'static str,
}

/// The column of the help in the line of an option, from 0.
pub(super) const COLUMN: usize = 28;

/// The greatest width of a line, in columns.
const WIDTH: usize = 80;

impl Texts {
    /// Returns the answer to `--version`: `short` if the program and its package have the same name, `long` if not.
    #[must_use]
    pub const fn version(
        [program, package]: [&str; 2],
        short: &'static str,
        long: &'static str,
    ) -> &'static str {
        let (program, package) = (program.as_bytes(), package.as_bytes());
        if program.len() != package.len() {
            return long;
        }
        let mut at = 0;
        while at < program.len() {
            if program[at] != package[at] {
                return long;
            }
            at += 1;
        }
        short
    }

    /// Returns the texts unchanged. It panics if a line is wider than 80 columns, or a line of an option has not the
    /// form that the parser reads. In a constant, that is an error of the compiler.
    #[must_use]
    pub const fn checked(self) -> Self {
        check_widths(self.usage);
        check_widths(self.options);
        check_widths(self.end);
        let options = self.options.as_bytes();
        let mut at = 0;
        while at < options.len() {
            let (_, line) = options.split_at(at);
            assert!(
                matches!(
                    line,
                    [
                        b' ',
                        b' ',
                        b' ',
                        b' ',
                        b' ',
                        b' ',
                        b'-',
                        b'-',
                        b'a'..=b'z',
                        ..
                    ] | [
                        b' ',
                        b' ',
                        b'-',
                        b'!'..=b'~',
                        b',',
                        b' ',
                        b'-',
                        b'-',
                        b'a'..=b'z',
                        ..
                    ]
                ),
                "an option begins with \"-x, --long\", or with four spaces and \"--long\""
            );
            while options[at] != b'\n' {
                at += 1;
            }
            at += 1;
        }
        self
    }
}

/// Panics if a line of `text` is too wide.
const fn check_widths(text: &str) {
    let text = text.as_bytes();
    let (mut at, mut column) = (0, 0);
    while at < text.len() {
        match text[at] {
            b'\n' => column = 0,
            b'\t' => {
                assert!(
                    column + 2 <= COLUMN,
                    "an option leaves two columns before its help"
                );
                column = COLUMN;
            }
            _ => column += 1,
        }
        assert!(column <= WIDTH, "a line of the help has at most 80 columns");
        at += 1;
    }
}

/// A table as data, for manuals, completions and tests. No program contains it.
#[derive(Debug)]
pub struct Documentation {
    /// The program's name.
    pub name: &'static str,
    /// The usage, without the name.
    pub usage: &'static str,
    /// The summary.
    pub about: &'static str,
    /// The options in the order of `--help`, without `--help` and `--version`.
    pub options: &'static [Item],
    /// What the operands are.
    pub operands: Argument,
    /// Examples: a command, and its effect.
    pub examples: &'static [(&'static str, &'static str)],
}

/// An option as data.
#[derive(Debug)]
pub struct Item {
    /// The names as in `--help`: `-l, --listen=ADDR:PORT`.
    pub names: &'static str,
    /// The line of help, without the default.
    pub help: &'static str,
    /// The default; empty if there is none.
    pub default: &'static str,
    /// What the argument is.
    pub argument: Argument,
    /// The paragraphs of the manual: each line begins with a space and ends with a newline.
    pub manual: &'static str,
}

/// What the argument of an option is, or an operand: how a shell completes it, and which texts are right.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Argument {
    /// There is no argument.
    None,
    /// Any text.
    Text,
    /// The name of a file.
    File,
    /// The name of a directory.
    Directory,
    /// A command with its arguments.
    Command,
    /// A number in this range.
    Number(u64, u64),
    /// A duration.
    Duration,
    /// A number of bytes in this range.
    Size(u64, u64),
    /// The permissions of a file, in octal.
    Mode,
    /// An address and a port.
    Address,
    /// The name or the number of a signal.
    Signal,
    /// A text of another form.
    Form {
        /// Right texts.
        right: &'static [&'static str],
        /// Wrong texts.
        wrong: &'static [&'static str],
    },
}

#[cfg(test)]
mod tests {
    use super::Texts;

    #[test]
    fn a_package_with_another_name_is_named() {
        for (package, version) in [("ab", "ab 1"), ("ac", "ab (p) 1"), ("abc", "ab (p) 1")] {
            assert_eq!(Texts::version(["ab", package], "ab 1", "ab (p) 1"), version);
        }
    }
}
