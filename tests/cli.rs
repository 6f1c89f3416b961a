//! Tests of the command line that all programs share (`ring3::cli`): each program runs with the same table of usage
//! errors.

use std::fs::OpenOptions;
use std::process::{Command, Stdio};

use libtest_mimic::Trial;

use crate::per_arch;
use crate::support::{Arch, Ran, ran, run};
use crate::trial::{LONG, may_take};

pub fn trials() -> Vec<Trial> {
    per_arch![
        reports_help_that_cannot_be_written,
        refuses_options_that_it_does_not_have,
        refuses_flags_with_a_value,
        refuses_options_without_their_value,
        refuses_operands_too_few_and_too_many,
        refuses_numbers_beyond_their_limits,
        answers_help_before_all_else,
    ]
    .collect()
}

/// A program and its options, for the usage errors that all programs share.
struct Program {
    name: &'static str,
    /// Short options without a value.
    short: &'static [&'static str],
    /// Long options without a value.
    long: &'static [&'static str],
    /// Options with a value, short or long.
    values: &'static [&'static str],
    /// Operands of a wrong number, and the message.
    operands: &'static [(&'static [&'static str], &'static str)],
    /// Options whose value is a number, with the minimum and the maximum.
    numbers: &'static [(&'static str, u64, u64)],
}

/// All programs except `hello`, which is too small for messages.
const PROGRAMS: [Program; 6] = [
    Program {
        name: "save",
        short: &["-a"],
        long: &["--in-place", "--no-sync"],
        values: &["-m"],
        operands: &[
            (&[], "no FILE"),
            (&["--"], "no FILE"),
            (&["-a", "--no-sync"], "no FILE"),
            (&["f", "g"], "unexpected g"),
            (&["f", "--", "-g"], "unexpected -g"),
            (&["-", ""], "unexpected "),
        ],
        numbers: &[],
    },
    Program {
        name: "msort",
        short: &["-r", "-u", "-z"],
        long: &[
            "--reverse",
            "--unique",
            "--zero-terminated",
            "--in-place",
            "--no-sync",
        ],
        values: &["-o", "--output"],
        operands: &[(&["-oa", "--output=b"], "more than one output")],
        numbers: &[],
    },
    Program {
        name: "echod",
        short: &["-q", "-v", "-u"],
        long: &[],
        values: &[
            "-l",
            "-x",
            "-w",
            "-b",
            "--max-conns",
            "--idle",
            "--grace",
            "--spin",
            "--user",
            "--chroot",
            "--stats",
        ],
        operands: &[
            (&["x"], "unexpected x"),
            (&["-"], "unexpected -"),
            (&[""], "unexpected "),
            (&["--", "-q"], "unexpected -q"),
        ],
        numbers: &[
            ("-w", 1, 1024),
            ("-b", 1, 65_535),
            ("--max-conns", 1, (1 << 31) - 1),
            ("--idle", 1, CENTURY),
            ("--grace", 0, CENTURY),
            ("--spin", 0, 1_000_000),
            ("--stats", 1, CENTURY),
        ],
    },
    Program {
        name: "echoc",
        short: &[],
        long: &["--verify"],
        values: &["-c", "-s", "-d", "-t", "--stall"],
        operands: &[
            (&[], "no ADDR:PORT"),
            (&["127.0.0.1:7", "x"], "unexpected x"),
            (&["x"], "x is not ADDR:PORT"),
        ],
        numbers: &[
            ("-c", 1, 1_000_000),
            ("-s", 1, 16 << 20),
            ("-d", 1, 1024),
            ("-t", 1, 1_000_000),
            ("--stall", 1, 1_000_000),
        ],
    },
    Program {
        name: "init",
        short: &["-g", "-S", "-s", "-w"],
        long: &[],
        values: &["-r", "-e", "-p"],
        operands: &[(&[], "no CMD"), (&["-g", "--"], "no CMD")],
        numbers: &[("-e", 0, 255)],
    },
    Program {
        name: "pipe",
        short: &[],
        long: &["--last", "--status", "--socket"],
        values: &["-s", "--timeout", "--grace", "--size"],
        operands: &[
            (&[], "no CMD"),
            (&["--last", "--"], "no CMD"),
            (&["true", "|"], "no CMD in part 2"),
        ],
        numbers: &[("--size", 1, (1 << 31) - 1)],
    },
];

/// A century in seconds.
const CENTURY: u64 = 100 * 365 * 24 * 60 * 60;

impl Program {
    /// The usage line: the first line of the help.
    fn usage(&self, arch: Arch) -> String {
        let help = run(arch.program(self.name).arg("--help"));
        assert_eq!((help.status, &*help.stderr), (Some(0), ""));
        let usage = help.stdout.split_inclusive('\n').next().unwrap().to_owned();
        let begin = format!("usage: {} ", self.name);
        assert!(
            usage.starts_with(&begin) && usage.ends_with('\n'),
            "{usage}"
        );
        usage
    }
}

/// Runs each program with the usage errors that `faults` lists for it: the arguments, and the expected message.
fn refuse(arch: Arch, faults: impl Fn(&Program) -> Vec<(Vec<String>, String)>) {
    may_take(LONG);
    for program in &PROGRAMS {
        let usage = program.usage(arch);
        for (arguments, message) in faults(program) {
            let ran = run(arch.program(program.name).args(&arguments));
            let told = format!("{}: {message}\n{usage}", program.name);
            assert_eq!(
                ran,
                Ran::new(2, "", &told),
                "{} {arguments:?}",
                program.name
            );
        }
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn refuses_options_that_it_does_not_have(arch: Arch) {
    refuse(arch, |program| {
        let mut faults = vec![
            (words(&["-X"]), "unknown option -X".to_owned()),
            (words(&["-?"]), "unknown option -?".into()),
            (words(&["--bogus"]), "unknown option --bogus".into()),
            (words(&["--bogus=1"]), "unknown option --bogus".into()),
            (words(&["--=x"]), "unknown option --".into()),
            (words(&["--hel"]), "unknown option --hel".into()),
            (words(&["---"]), "unknown option ---".into()),
            // Control characters in an argument are escaped.
            (
                words(&["--b\n\x1b[1m"]),
                "unknown option --b\\x0a\\x1b[1m".into(),
            ),
            (words(&["-\n"]), "unknown option -\\x0a".into()),
            (words(&["-é"]), "unknown option -\\xc3".into()),
        ];
        for &flag in program.short {
            // In a cluster of short options, before and after a valid option.
            faults.push((words(&[&format!("{flag}X")]), "unknown option -X".into()));
            faults.push((words(&[flag, "-X"]), "unknown option -X".into()));
            faults.push((words(&[&format!("{flag}=")]), "unknown option -=".into()));
        }
        faults
    });
}

fn refuses_flags_with_a_value(arch: Arch) {
    refuse(arch, |program| {
        let faults = program.long.iter().flat_map(|flag| {
            ["yes", ""].map(|value| {
                let message = format!("{flag} takes no value");
                (words(&[&format!("{flag}={value}"), "x"]), message)
            })
        });
        faults.collect()
    });
}

fn refuses_options_without_their_value(arch: Arch) {
    refuse(arch, |program| {
        let faults = program.values.iter().map(|&option| {
            let before = program.short.first().or(program.long.first());
            let arguments = before.into_iter().chain([&option]);
            let arguments: Vec<_> = arguments.copied().collect();
            (words(&arguments), format!("{option} needs a value"))
        });
        faults.collect()
    });
}

fn refuses_operands_too_few_and_too_many(arch: Arch) {
    refuse(arch, |program| {
        let faults = program.operands.iter();
        faults
            .map(|(arguments, message)| (words(arguments), (*message).to_owned()))
            .collect()
    });
}

/// Both sides of each limit. An accepted number is followed by an unknown option, so that the program does not start
/// its work.
fn refuses_numbers_beyond_their_limits(arch: Arch) {
    refuse(arch, |program| {
        let mut faults = Vec::new();
        let given = |option: &str, value: &str| match option.starts_with("--") {
            true => words(&[&format!("{option}={value}"), "-X"]),
            false => words(&[&format!("{option}{value}"), "-X"]),
        };
        for &(option, least, most) in program.numbers {
            let refused = format!(" is not a number from {least} to {most}");
            for number in [least, most] {
                faults.push((
                    given(option, &number.to_string()),
                    "unknown option -X".into(),
                ));
                let padded = words(&[option, &format!("{number:025}"), "-X"]);
                faults.push((padded, "unknown option -X".into()));
            }
            let mut wrong = vec![(most + 1).to_string(), "9".repeat(40)];
            wrong.extend(least.checked_sub(1).map(|number| number.to_string()));
            wrong.extend(["x", "-1", "+1", "1x", " 1", "1 ", "1.0", "0x1"].map(str::to_owned));
            for number in wrong {
                faults.push((given(option, &number), format!("{number}{refused}")));
            }
            faults.push((words(&[option, "", "-X"]), refused));
        }
        // A number of seconds may have a fraction.
        if program.name == "pipe" {
            for option in ["--timeout", "--grace"] {
                for right in ["0", ".5", "5.", "3153600000", "0.000000000000000000001"] {
                    faults.push((given(option, right), "unknown option -X".into()));
                }
                for wrong in [
                    "",
                    ".",
                    "-1",
                    "1s",
                    "3153600001",
                    "1.5.5",
                    "99999999999999999999",
                ] {
                    let message = format!("{wrong} is not a number of seconds from 0 to {CENTURY}");
                    faults.push((given(option, wrong), message));
                }
            }
        }
        if program.name == "save" {
            for right in ["0", "7777", "00000000000000000000000007777"] {
                faults.push((given("-m", right), "unknown option -X".into()));
            }
            for wrong in ["8", "10000", "-1", "0o7", "7 ", "9999999999999999999999999"] {
                let message = format!("-m takes 0 to 7777, octal, not {wrong}");
                faults.push((given("-m", wrong), message));
            }
        }
        faults
    });
}

/// `--help` and `--version` work at any position, and later arguments are not read.
fn answers_help_before_all_else(arch: Arch) {
    for program in &PROGRAMS {
        let said = |arguments: &[&str]| {
            let ran = run(arch.program(program.name).args(arguments));
            assert_eq!((ran.status, &*ran.stderr), (Some(0), ""), "{arguments:?}");
            ran.stdout
        };
        let help = said(&["--help"]);
        let version = format!("{} (ring3) 0.1.0\n", program.name);
        assert_eq!(said(&["--version"]), version);
        assert_eq!(said(&["--help", "-X"]), help);
        assert_eq!(said(&["--version", "--bogus", "--help"]), version);
        for flag in program.short.iter().chain(program.long) {
            assert_eq!(said(&[flag, "--help"]), help);
        }
        // Every option in the table is in the help, at the end of a word.
        for option in program
            .short
            .iter()
            .chain(program.long)
            .chain(program.values)
        {
            let mut words = help.split(|char: char| char.is_whitespace() || ",=".contains(char));
            assert!(
                words.any(|word| word == *option),
                "{} {option}",
                program.name
            );
        }
    }
}

/// In every program, help or version that cannot be written is an error.
fn reports_help_that_cannot_be_written(arch: Arch) {
    let names = PROGRAMS.iter().map(|program| program.name);
    for name in names.chain(["hello"]) {
        for argument in ["--help", "--version"] {
            let why = |errno: &str| match name {
                "hello" => "hello: write stdout: failed\n".to_owned(),
                _ => format!("{name}: write stdout: {errno}\n"),
            };
            if (name, argument) == ("hello", "--version") {
                continue;
            }
            let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
            let mut command = arch.program(name);
            let child = command
                .arg(argument)
                .stdin(Stdio::null())
                .stdout(full)
                .stderr(Stdio::piped())
                .spawn();
            let told = ran(child.unwrap().wait_with_output().unwrap());
            let message = why("No space left on device (ENOSPC)");
            assert_eq!(told, Ran::new(1, "", &message), "{name} {argument}");

            let mut shell = Command::new("sh");
            shell
                .args(["-c", "exec \"$@\" >&-", "sh"])
                .arg(command.get_program())
                .args(command.get_args());
            let message = why("Bad file descriptor (EBADF)");
            assert_eq!(
                run(&mut shell),
                Ran::new(1, "", &message),
                "{name} {argument}"
            );
        }
    }
}
