//! The command lines of all programs but `hello`: what `ring3::cli` does is the same in each.

use std::fs::OpenOptions;
use std::process::Command;

use libtest_mimic::Trial;

use crate::per_arch;
use crate::support::{Arch, Ran, run};

pub fn trials() -> Vec<Trial> {
    per_arch![
        faults_of_the_command_line_are_usage_errors,
        an_answer_that_cannot_be_written_is_an_error,
    ]
    .collect()
}

/// Each program, and an option of it that takes a value.
const PROGRAMS: [(&str, &str); 6] = [
    ("save", "-m"),
    ("msort", "--output"),
    ("echod", "--max-conns"),
    ("echoc", "-c"),
    ("pipe", "--grace"),
    ("init", "-p"),
];

fn faults_of_the_command_line_are_usage_errors(arch: Arch) {
    for (program, option) in PROGRAMS {
        let command = |words: &[&str]| run(arch.program(program).args(words));
        let help = command(&["--help"]);
        assert_eq!((help.status, &*help.stderr), (Some(0), ""), "{program}");
        let usage = help.stdout.lines().next().unwrap();
        assert!(usage.starts_with(&format!("usage: {program} ")), "{usage}");
        assert_eq!(command(&["--help", "--nothing"]), help);

        for (words, message) in [
            (&["-?"][..], "unknown option -?"),
            (&["-\n"], "unknown option -\\x0a"),
            (&["--nothing"], "unknown option --nothing"),
            (&["--nothing=at-all"], "unknown option --nothing"),
            (&["--helper"], "unknown option --helper"),
            (&["---"], "unknown option ---"),
            (&["--=help"], "unknown option --"),
            (&[option], &format!("{option} needs a value")),
        ] {
            let message = format!("{program}: {message}\n{usage}\n");
            assert_eq!(command(words), Ran::new(2, "", &message), "{words:?}");
        }
    }
}

fn an_answer_that_cannot_be_written_is_an_error(arch: Arch) {
    for (program, _) in PROGRAMS {
        for question in ["--help", "--version"] {
            let command = || {
                let mut command = arch.program(program);
                command.arg(question);
                command
            };
            let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
            let answer = stderr_of(command().stdout(full));
            let error = format!("{program}: write stdout: No space left on device (ENOSPC)\n");
            assert_eq!(answer, (Some(1), error), "{question}");
        }
    }
}

/// The exit status and standard error, where standard output is something else than a pipe.
fn stderr_of(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().expect("the command starts");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), text)
}
