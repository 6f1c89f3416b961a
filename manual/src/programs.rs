//! The programs and their options.

use ring3::cli::{Argument, Documentation, Table};
use ring3::signal::NAMES;

#[path = "../../src/bin/echoc/options.rs"]
mod echoc;
#[path = "../../src/bin/echod/options.rs"]
mod echod;
#[path = "../../src/bin/init/options.rs"]
mod init;
#[path = "../../src/bin/msort/options.rs"]
mod msort;
#[path = "../../src/bin/pipe/options.rs"]
mod pipe;
#[path = "../../src/bin/probe/options.rs"]
mod probe;
#[path = "../../src/bin/save/options.rs"]
mod save;

/// Defines the lists of programs.
macro_rules! programs {
    ($($name:ident)*) => {
        /// The table of each program that has one: of all programs except `hello`.
        pub const TABLES: &[Documentation] = &[$($name::Given::DOCUMENTATION),*];

        /// All programs, in the order of their names.
        pub fn all() -> Vec<Program> {
            let mut all = vec![hello(), $(Program::new::<$name::Given>()),*];
            all.sort_by_key(|program| program.name);
            all
        }
    };
}

programs! { echoc echod init msort pipe probe save }

/// A program.
pub struct Program {
    /// The name.
    pub name: &'static str,
    /// The usage, without the name.
    pub usage: &'static str,
    /// The summary.
    pub about: &'static str,
    /// The options in the order of `--help`.
    pub options: Vec<Opt>,
    /// What the operands are.
    pub operands: Argument,
    /// Examples: a command, and its effect.
    pub examples: &'static [(&'static str, &'static str)],
}

/// An option.
pub struct Opt {
    /// The short name.
    pub short: Option<char>,
    /// The long name, without the dashes.
    pub long: &'static str,
    /// The word for the argument.
    pub word: Option<&'static str>,
    /// Whether the argument may be missing: `--name[=WORD]`.
    pub is_optional: bool,
    /// The line of help, without the default.
    pub help: &'static str,
    /// The default; empty if there is none.
    pub default: &'static str,
    /// What the argument is.
    pub argument: Argument,
    /// The paragraphs of the manual, in Markdown. Empty for `--help` and `--version`, which all programs have.
    pub manual: &'static str,
}

impl Program {
    fn new<T: Table>() -> Self {
        let table = T::DOCUMENTATION;
        let own = table.options.iter();
        let mut options: Vec<_> = own
            .map(|item| Opt {
                default: item.default,
                argument: item.argument,
                manual: item.manual,
                ..Opt::new(item.names, item.help)
            })
            .collect();
        // `options!` adds the lines of --help and --version.
        for line in T::TEXTS.options.lines().skip(options.len()) {
            let (names, help) = line.split_once('\t').unwrap_or((line, ""));
            options.push(Opt::new(names.trim_start(), help));
        }
        Self {
            name: table.name,
            usage: table.usage,
            about: table.about,
            options,
            operands: table.operands,
            examples: table.examples,
        }
    }

    /// The names of all options whose argument can be the next word.
    pub fn names_with_argument(&self) -> Vec<String> {
        let all = self.with_argument().filter(|option| !option.is_optional);
        all.flat_map(Opt::names).collect()
    }

    /// The options with an argument.
    pub fn with_argument(&self) -> impl Iterator<Item = &Opt> {
        self.options.iter().filter(|option| option.word.is_some())
    }

    /// The name of the man page. `man init` has to show the page of the system's init.
    pub fn page(&self) -> &'static str {
        match self.name {
            "init" => "ring3-init",
            name => name,
        }
    }
}

impl Opt {
    /// An option with these names, as `--help` prints them. `default`, `argument` and `manual` are empty.
    pub fn new(names: &'static str, help: &'static str) -> Self {
        let (short, long) = names.split_once("--").unwrap_or(("", names));
        let optional = long
            .strip_suffix(']')
            .and_then(|long| long.split_once("[="));
        let is_optional = optional.is_some();
        let (long, word) = match optional.or(long.split_once('=')) {
            Some((long, word)) => (long, Some(word)),
            None => (long, None),
        };
        Self {
            short: short.trim_start_matches(['-', ' ']).chars().next(),
            long,
            word,
            is_optional,
            help,
            default: "",
            argument: Argument::None,
            manual: "",
        }
    }

    /// The names: `-m`, `--mode`.
    pub fn names(&self) -> Vec<String> {
        let short = self.short.map(|short| format!("-{short}"));
        let long = format!("--{}", self.long);
        short.into_iter().chain([long]).collect()
    }

    /// The names, the long name with the word for the argument: `-m`, `--mode=MODE`.
    pub fn names_and_word(&self) -> Vec<String> {
        let mut names = self.names();
        if let (Some(word), Some(long)) = (self.word, names.last_mut()) {
            *long += &match self.is_optional {
                true => format!("[={word}]"),
                false => format!("={word}"),
            };
        }
        names
    }
}

/// `hello` is too small for a table.
fn hello() -> Program {
    Program {
        name: "hello",
        usage: "[NAME...]",
        about: "Print a greeting.",
        options: vec![Opt::new("    --help", "print the usage")],
        operands: Argument::Text,
        examples: &[("hello Ada Grace", "Print \"Hello, Ada Grace!\".")],
    }
}

/// The signals' names, without the real-time signals.
pub fn signals() -> Vec<&'static str> {
    NAMES
        .split_whitespace()
        .filter_map(|name| name.strip_prefix("SIG"))
        .collect()
}
