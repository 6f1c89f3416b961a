//! Tests of the command lines of all programs. Each option of each program is tried in all its forms, which come from the
//! programs' tables of options.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::process::{Command, Stdio};

use libtest_mimic::Trial;
use ring3::cli::{Argument, Documentation, Item};
use ring3_manual::{Opt, TABLES};

use crate::per_arch;
use crate::support::{Arch, Ran, ran, run};
use crate::trial::{LONG, may_take};

pub fn trials() -> Vec<Trial> {
    per_arch![
        reports_help_that_cannot_be_written,
        takes_each_option_in_each_form,
        refuses_wrong_values,
        refuses_options_that_it_does_not_have,
        refuses_ambiguous_abbreviations,
        refuses_flags_with_a_value,
        refuses_options_without_their_value,
        answers_help_before_all_else,
        has_the_version_of_its_own_package,
        prints_help_as_the_table_says,
    ]
    .collect()
}

/// The short name of an option: `-x`.
fn short_name(option: &Opt) -> Option<String> {
    option.short.map(|letter| format!("-{letter}"))
}

/// All options of a program, with `--help` and `--version`.
fn options(program: &Documentation) -> Vec<Opt> {
    let own = program.options.iter().map(|item| item.names);
    own.chain(["-h, --help", "-V, --version"])
        .map(|names| Opt::new(names, ""))
        .collect()
}

/// The abbreviations of `long`: true, if the abbreviation is unique or is the whole name.
fn abbreviations(program: &Documentation, long: &str) -> Vec<(String, bool)> {
    let all = options(program);
    (1..=long.len())
        .map(|length| {
            let short = &long[..length];
            let others = all.iter().filter(|option| option.long.starts_with(short));
            (
                short.to_owned(),
                length == long.len() || others.count() == 1,
            )
        })
        .collect()
}

/// Values that an option takes. After them the program must still be able to refuse another option: so no value has an
/// effect while the command line is read.
fn right_values(argument: Argument) -> Vec<String> {
    let values: &[&str] = match argument {
        Argument::None => &[],
        Argument::Text => &["then", "", "-x", "--", "a=b"],
        Argument::File | Argument::Directory => &["file", "-", "--help", "a=b", "=", "é"],
        Argument::Command => unreachable!("no option takes a command"),
        Argument::Number(least, most) => {
            return [least, most, least + (most - least) / 2]
                .iter()
                .flat_map(|number| [number.to_string(), format!("{number:025}")])
                .collect();
        }
        Argument::Size(least, most) => {
            let mut values = vec![least.to_string(), most.to_string()];
            for (unit, bytes) in [
                ("k", 1 << 10),
                ("KiB", 1 << 10),
                ("M", 1 << 20),
                ("G", 1_u64 << 30),
            ] {
                if bytes <= most {
                    values.extend([format!("1{unit}"), format!("{}{unit}", most / bytes)]);
                    values.extend([format!("0.5{unit}"), format!(".9{unit}")]);
                }
            }
            return values;
        }
        Argument::Duration => &[
            "0",
            "5",
            "0.5",
            ".5",
            "5.",
            "90s",
            "5m",
            "2h",
            "10ms",
            "7us",
            "3ns",
            "1d",
            "1.25h",
            "0.000000000001",
            "36500d",
            "000000000000000000000001",
        ],
        Argument::Mode => &["0", "7777", "644", "00000000000000000000000007777"],
        Argument::Address => &[
            "127.0.0.1:0",
            "0.0.0.0:65535",
            "[::]:1",
            "[::1]:7007",
            "[::1%lo]:7",
            "[fe80::1%1]:7",
        ],
        Argument::Signal => &[
            "TERM", "SIGTERM", "term", "15", "1", "64", "RTMIN", "RTMIN+3", "RTMAX", "HUP",
        ],
        Argument::Form { right, .. } => right,
    };
    values.iter().map(|&value| value.to_owned()).collect()
}

/// Values that an option refuses, each with the reason.
fn wrong_values(argument: Argument) -> Vec<(String, String)> {
    let refused = |values: &[&str], expected: &str| {
        let reason = |value: &&str| ((*value).to_owned(), format!(": expected {expected}"));
        values.iter().map(reason).collect::<Vec<_>>()
    };
    match argument {
        Argument::None
        | Argument::Text
        | Argument::File
        | Argument::Directory
        | Argument::Command => vec![],
        Argument::Number(least, most) => {
            let mut values: Vec<_> = ["", "x", "-1", "+1", "1x", " 1", "1 ", "1.0", "0x1", "1k"]
                .map(String::from)
                .into();
            values.extend(least.checked_sub(1).map(|number| number.to_string()));
            values.extend(most.checked_add(1).map(|number| number.to_string()));
            values.push("9".repeat(40));
            let reason = format!(" is not a number from {least} to {most}");
            values
                .into_iter()
                .map(|value| (value, reason.clone()))
                .collect()
        }
        Argument::Size(least, most) => {
            let mut values: Vec<_> = vec![(most + 1).to_string(), "8G".into(), "0.999".into()];
            values.extend(least.checked_sub(1).map(|number| number.to_string()));
            let reason = format!(" is not a size from {least} to {most}");
            let mut wrong: Vec<_> = values
                .into_iter()
                .map(|value| (value, reason.clone()))
                .collect();
            wrong.extend(refused(
                &[
                    "",
                    "x",
                    "-1",
                    "1B",
                    "1kB",
                    "1 k",
                    "k",
                    "1m",
                    "1.5.5k",
                    "0x10",
                    "99999999999999999999",
                ],
                "a size such as 4096, 64k, 1M or 64KiB",
            ));
            wrong
        }
        Argument::Duration => refused(
            &[
                "",
                ".",
                "-1",
                "+1",
                "1 s",
                "1S",
                "1sec",
                "s",
                "1.5.5",
                "1e3",
                "x",
                "0x1",
                "99999999999999999999",
                "36501d",
            ],
            "a duration such as 0.5, 90s, 5m, 2h or 10ms",
        ),
        Argument::Mode => refused(
            &[
                "",
                "8",
                "10000",
                "-1",
                "+644",
                "0o7",
                "7 ",
                "u=rw",
                "9999999999999999999999999",
            ],
            "an octal number from 0 to 7777, such as 644",
        ),
        Argument::Address => {
            let mut wrong = refused(
                &[
                    "",
                    "127.0.0.1",
                    "127.0.0.1:",
                    "127.0.0.1:65536",
                    "127.0.0.1:7 ",
                    "localhost:7",
                    ":7",
                    "::1:7",
                    "[::1]",
                    "[::1%]:7",
                    "256.0.0.1:7",
                    "7007",
                ],
                "a numeric address such as 127.0.0.1:7007 or [::1]:7007",
            );
            wrong.extend(refused(
                &["[fe80::1]:7"],
                "a zone, as in [fe80::1%eth0]:7007",
            ));
            wrong
        }
        Argument::Signal => refused(
            &[
                "", "NONE", "+9", "0", "65", "RTMIN+31", "RTMIN-1", "SIG9", "TERM ", "-15",
            ],
            "a signal such as TERM, RTMIN+3 or 15",
        ),
        // The words after "expected" are the program's.
        Argument::Form { wrong, .. } => refused(wrong, ""),
    }
}

/// Some options act while the command line is read: `--boot` is refused, unless `init` is process 1.
fn acts_at_once(program: &Documentation, item: &Item) -> bool {
    (program.name, Opt::new(item.names, "").long) == ("init", "boot")
}

/// Runs a program with usage errors: the arguments, and the expected message.
fn refuse(arch: Arch, faults: impl Fn(&Documentation) -> Vec<(Vec<String>, String)>) {
    may_take(LONG);
    for program in TABLES {
        for (arguments, message) in faults(program) {
            let ran = run(arch.program(program.name).args(&arguments));
            assert_eq!(
                ran,
                Ran::misused(program.name, &message),
                "{} {arguments:?}",
                program.name
            );
        }
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// All right forms of an option are in one command line. It ends with an unknown option, so that the program does not
/// start its work.
fn takes_each_option_in_each_form(arch: Arch) {
    refuse(arch, |program| {
        let mut faults = Vec::new();
        for item in program
            .options
            .iter()
            .filter(|item| !acts_at_once(program, item))
        {
            let names = Opt::new(item.names, "");
            assert_eq!(
                names.word.is_some(),
                item.argument != Argument::None,
                "{}",
                item.names
            );
            let right = right_values(item.argument);
            // Some options refuse another value than the first.
            let values: &[String] = if item.argument == Argument::File {
                &right[..1]
            } else {
                &right
            };
            let mut line = Vec::new();
            if names.word.is_some() {
                for value in values {
                    if let Some(short) = &short_name(&names) {
                        line.extend([short.clone(), value.clone()]);
                        if !value.is_empty() {
                            line.push(format!("{short}{value}"));
                        }
                    }
                    line.push(format!("--{}", names.long));
                    if !names.is_optional {
                        line.push(value.clone());
                    }
                    line.push(format!("--{}={value}", names.long));
                }
            }
            for (name, is_unique) in abbreviations(program, names.long) {
                if !is_unique {
                    continue;
                }
                if names.is_optional {
                    line.extend([format!("--{name}"), format!("--{name}={}", values[0])]);
                } else if names.word.is_some() {
                    line.extend([format!("--{name}"), values[0].clone()]);
                    line.push(format!("--{name}={}", values[0]));
                } else {
                    line.push(format!("--{name}"));
                }
            }
            if let (Some(short), false) = (&short_name(&names), names.word.is_some()) {
                line.extend([short.clone(), short.clone() + &short[1..]]);
            }
            // A program that ends its options at the first operand has the rest of the line for itself.
            let operands = matches!(program.operands, Argument::Command);
            let ends = if operands {
                vec![]
            } else {
                words(&["operand"])
            };
            line.extend(ends);
            let mut clustered = line.clone();
            line.push("-?".into());
            faults.push((line, "unknown option -?".to_owned()));
            if let (Some(short), false) = (&short_name(&names), names.word.is_some()) {
                clustered.push(format!("{short}?"));
                faults.push((clustered, "unknown option -?".to_owned()));
            }
        }
        if program.name == "echod" {
            // The first operand is refused before the last option is read.
            for (line, _) in &mut faults {
                line.retain(|word| word != "operand");
            }
        }
        faults
    });
}

fn refuses_wrong_values(arch: Arch) {
    may_take(LONG);
    for program in TABLES {
        for item in program.options {
            let names = Opt::new(item.names, "");
            // In turns after the long and the short name.
            for (number, (value, reason)) in wrong_values(item.argument).into_iter().enumerate() {
                let option = match &short_name(&names) {
                    Some(short) if number % 2 == 1 => short.clone(),
                    _ => format!("--{}", names.long),
                };
                let words = if names.is_optional {
                    vec![format!("{option}={value}")]
                } else {
                    vec![option.clone(), value.clone()]
                };
                let ran = run(arch.program(program.name).args(words));
                let message = format!("{option}: {value}{reason}");
                match item.argument {
                    Argument::Form { .. } => {
                        assert_eq!(
                            (ran.status, &*ran.stdout),
                            (Some(2), ""),
                            "{} {option} {value}",
                            program.name
                        );
                        let begin = format!("{}: {message}", program.name);
                        assert!(
                            ran.stderr.starts_with(&begin) && ran.stderr.contains(" such as "),
                            "{ran:?}"
                        );
                    }
                    _ => assert_eq!(
                        ran,
                        Ran::misused(program.name, &message),
                        "{option} {value}"
                    ),
                }
            }
        }
    }
}

fn refuses_options_that_it_does_not_have(arch: Arch) {
    refuse(arch, |program| {
        vec![
            (words(&["-X"]), "unknown option -X".to_owned()),
            (words(&["-?"]), "unknown option -?".into()),
            (words(&["- "]), "unknown option - ".into()),
            (words(&["--bogus"]), "unknown option --bogus".into()),
            (words(&["--bogus=1"]), "unknown option --bogus".into()),
            (words(&["--=x"]), "unknown option --".into()),
            (words(&["--helps"]), "unknown option --helps".into()),
            (words(&["--HELP"]), "unknown option --HELP".into()),
            (words(&["---"]), "unknown option ---".into()),
            (words(&["--\t"]), "unknown option --\\x09".into()),
            // Control characters in an argument are escaped.
            (
                words(&["--b\n\x1b[1m"]),
                "unknown option --b\\x0a\\x1b[1m".into(),
            ),
            (words(&["-\n"]), "unknown option -\\x0a".into()),
            (words(&["-é"]), "unknown option -\\xc3".into()),
            (
                words(&[&format!(
                    "--{}x",
                    Opt::new(program.options[0].names, "").long
                )]),
                {
                    format!(
                        "unknown option --{}x",
                        Opt::new(program.options[0].names, "").long
                    )
                },
            ),
        ]
    });
}

fn refuses_ambiguous_abbreviations(arch: Arch) {
    refuse(arch, |program| {
        let all = options(program);
        let mut ambiguous = BTreeMap::new();
        for names in &all {
            for (name, is_unique) in abbreviations(program, names.long) {
                if !is_unique {
                    let longs = all.iter().map(|option| &option.long);
                    let longs: String = longs
                        .filter(|long| long.starts_with(&name))
                        .map(|long| format!(" --{long}"))
                        .collect();
                    ambiguous.insert(name, longs);
                }
            }
        }
        ambiguous.retain(|name, _| all.iter().all(|option| option.long != *name));
        let faults = ambiguous.into_iter();
        faults
            .map(|(name, longs)| {
                (
                    words(&[&format!("--{name}")]),
                    format!("--{name} is ambiguous:{longs}"),
                )
            })
            .collect()
    });
}

fn refuses_flags_with_a_value(arch: Arch) {
    refuse(arch, |program| {
        let mut faults = Vec::new();
        for names in options(program)
            .iter()
            .filter(|option| option.word.is_none())
        {
            for form in names.names() {
                for value in ["yes", "", "3"] {
                    faults.push((
                        words(&[&format!("{form}={value}"), "x"]),
                        format!("{form} takes no value"),
                    ));
                }
            }
        }
        faults
    });
}

fn refuses_options_without_their_value(arch: Arch) {
    refuse(arch, |program| {
        let mut faults = Vec::new();
        for names in options(program)
            .iter()
            .filter(|option| option.word.is_some() && !option.is_optional)
        {
            let flags = options(program)
                .into_iter()
                .filter(|option| option.word.is_none() && option.long != "boot");
            let flag = flags
                .map(|flag| format!("--{}", flag.long))
                .next()
                .filter(|flag| flag != "--help");
            for form in names.names() {
                let arguments = flag.iter().chain([&form]).cloned().collect();
                faults.push((arguments, format!("{form} needs a value")));
            }
        }
        faults
    });
}

/// The probe is in another package than the library.
fn has_the_version_of_its_own_package(arch: Arch) {
    let ran = run(arch.probe("safe").args(["number", "--version"]));
    assert_eq!(ran, Ran::new(0, "safe (probes) 0.0.0\n", ""));
}

/// `--help` and `--version` work at any position, and later arguments are not read.
fn answers_help_before_all_else(arch: Arch) {
    for program in TABLES {
        let said = |arguments: &[&str]| {
            let ran = run(arch.program(program.name).args(arguments));
            assert_eq!((ran.status, &*ran.stderr), (Some(0), ""), "{arguments:?}");
            ran.stdout
        };
        let help = said(&["--help"]);
        let version = format!("{} (ring3) 0.1.0\n", program.name);
        for arguments in [
            &["-h"][..],
            &["--hel"],
            &["-h", "-X"],
            &["--help", "--bogus", "--version"],
        ] {
            assert_eq!(said(arguments), help);
        }
        for arguments in [
            &["-V"][..],
            &["--version"],
            &["-Vh"],
            &["--version", "--bogus", "--help"],
        ] {
            assert_eq!(said(arguments), version);
        }
        for item in program
            .options
            .iter()
            .filter(|item| !acts_at_once(program, item))
        {
            let names = Opt::new(item.names, "");
            if names.word.is_none() {
                assert_eq!(said(&[&format!("--{}", names.long), "--help"]), help);
                if let Some(short) = &short_name(&names) {
                    assert_eq!(said(&[&format!("{short}h")]), help);
                }
            }
        }
    }
}

/// `--help` has the usage, a line for each option in the order of the table, with the default, and examples at the end.
/// No line is wider than 80 columns.
fn prints_help_as_the_table_says(arch: Arch) {
    for program in TABLES {
        let help = run(arch.program(program.name).arg("--help")).stdout;
        let usage = format!(
            "usage: {} {}\n{}\n\n",
            program.name, program.usage, program.about
        );
        let rest = help.strip_prefix(&usage).expect("the usage comes first");
        let (lines, end) = rest.split_once("\n\n").unwrap();
        let mut lines = lines.lines();
        for item in program.options {
            let default = match item.default {
                "" => String::new(),
                default => format!(" (default {default})"),
            };
            let line = format!("  {:<26}{}{default}", item.names, item.help);
            assert_eq!(lines.next(), Some(&*line), "{}", program.name);
        }
        let last: Vec<_> = lines.map(str::trim_start).collect();
        assert!(
            matches!(last[..], [help, version] if help.starts_with("-h, --help ") && version.starts_with("-V, --version "))
        );
        let (_, examples) = end.split_once("Examples:\n").expect("examples come last");
        let examples: Vec<_> = examples.lines().map(str::trim_start).collect();
        let expected: Vec<_> = program
            .examples
            .iter()
            .flat_map(|(command, effect)| [*command, *effect])
            .collect();
        assert_eq!(examples, expected);
        for line in help.lines() {
            assert!(line.chars().count() <= 80, "{}: {line}", program.name);
        }
    }
}

/// In every program, help or version that cannot be written is an error.
fn reports_help_that_cannot_be_written(arch: Arch) {
    let names = TABLES.iter().map(|program| program.name);
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
            let printed = ran(child.unwrap().wait_with_output().unwrap());
            let message = why("No space left on device (ENOSPC)");
            assert_eq!(printed, Ran::new(1, "", &message), "{name} {argument}");

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
