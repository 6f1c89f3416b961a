//! Tests of `pipe`'s exit status, which is compared with the status that a shell reports for the same programs.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::Trial;

use super::{command, pipe};
use crate::per_arch;
use crate::support::{Arch, Folder, Ran, run};
use crate::trial::{LONG, may_take};

pub fn trials() -> Vec<Trial> {
    per_arch![
        takes_the_rightmost_that_failed,
        takes_the_last_as_a_shell_does,
        encodes_each_signal_by_its_number,
        distinguishes_a_missing_file_from_one_that_may_not_run,
        ends_the_others_where_one_cannot_start,
        waits_for_all,
        ignores_children_that_it_did_not_start,
    ]
    .collect()
}

/// Ways to end, as shell scripts.
const ENDS: [&str; 8] = [
    "exit 0",
    "exit 1",
    "exit 3",
    "exit 255",
    "exit 127",
    "kill -9 $$",
    "kill -15 $$",
    "kill -13 $$",
];

/// All pairs of ways to end, and some triples.
fn table() -> Vec<Vec<&'static str>> {
    let pairs = ENDS.iter().flat_map(|a| ENDS.iter().map(|b| vec![*a, *b]));
    let threes = ENDS.iter().enumerate().flat_map(|(n, a)| {
        let b = ENDS[(3 * n + 1) % ENDS.len()];
        [
            vec![*a, b, "exit 0"],
            vec!["exit 0", *a, b],
            vec![*a, "exit 0", "exit 0"],
        ]
    });
    pairs.chain(threes).collect()
}

/// `sh -c SCRIPT` for each script, separated by bars.
fn stages<'a>(scripts: &[&'a str]) -> Vec<&'a str> {
    let mut words = Vec::new();
    for script in scripts {
        words.extend(["sh", "-c", script, "|"]);
    }
    words.pop();
    words
}

/// The exit status that dash reports for a line.
fn dash(line: &str) -> i32 {
    let mut dash = Command::new("dash");
    dash.args(["-c", &format!("{line}\nexit $?")]);
    let status = dash.stdin(Stdio::null()).stderr(Stdio::null()).status();
    status.unwrap().code().unwrap()
}

fn takes_the_rightmost_that_failed(arch: Arch) {
    may_take(LONG);
    let alone = ENDS.map(|script| (script, dash(&format!("sh -c '{script}'"))));
    let of = |script: &str| alone.iter().find(|(other, _)| *other == script).unwrap().1;
    for scripts in table() {
        let statuses = scripts.iter().map(|script| of(script));
        let status = statuses.rev().find(|&status| status != 0).unwrap_or(0);
        let ran = pipe(arch, &stages(&scripts));
        assert_eq!(ran, Ran::new(status, "", ""), "{scripts:?}");
    }
}

fn takes_the_last_as_a_shell_does(arch: Arch) {
    may_take(LONG);
    for scripts in table() {
        let quoted: Vec<_> = scripts
            .iter()
            .map(|script| format!("sh -c '{script}'"))
            .collect();
        let status = dash(&quoted.join(" | "));
        let mut words = vec!["--last"];
        words.extend(stages(&scripts));
        assert_eq!(pipe(arch, &words), Ran::new(status, "", ""), "{scripts:?}");
    }
}

/// All signals that end a program without a handler. Signals that stop a program or have no effect are left out.
fn encodes_each_signal_by_its_number(arch: Arch) {
    for signal in 1..=64 {
        if matches!(signal, 17..=23 | 28) {
            continue;
        }
        if !arch.is_native() && signal >= 32 {
            continue; // qemu-user uses two of them itself, and maps the others to each other
        }
        let script = format!("kill -{signal} $$; sleep 60");
        let words = ["sh", "-c", &script, "|", "true"];
        let mut command = command(arch, &words);
        let ran = run(command.current_dir(Folder::new().root())); // a core dump may be written there
        assert_eq!(ran, Ran::new(128 + signal, "", ""), "{signal}");
    }
}

fn distinguishes_a_missing_file_from_one_that_may_not_run(arch: Arch) {
    let folder = Folder::new();
    let link = folder.path("link");
    std::os::unix::fs::symlink(&link, &link).unwrap();
    let link = link.to_str().unwrap();
    for (name, words) in [
        ("nonexistent-anywhere", "No such file or directory (ENOENT)"),
        ("/nonexistent/file", "No such file or directory (ENOENT)"),
        ("/dev/null/file", "Not a directory (ENOTDIR)"),
        ("/etc/passwd", "Permission denied (EACCES)"),
        ("/", "Permission denied (EACCES)"),
        ("", "No such file or directory (ENOENT)"),
        (link, "Too many levels of symbolic links (ELOOP)"),
    ] {
        let status = dash(&format!("'{name}'"));
        let printed = format!("pipe: run {name}: {words}\n");
        assert_eq!(pipe(arch, &[name]), Ran::new(status, "", &printed));
    }
    assert_eq!(pipe(arch, &[link]).status, Some(127));
}

fn ends_the_others_where_one_cannot_start(arch: Arch) {
    let folder = Folder::new();
    // The script reports when it is asked to end; otherwise it would run for a long time.
    let other = "trap 'echo ended >ended; exit 0' TERM; echo begun >begun; \
                 while :; do sleep 0.01; done";
    // The second program gives the first time to start before the third program fails.
    let words = [
        "sh",
        "-c",
        other,
        "|",
        "cat",
        "|",
        "nonexistent-anywhere",
        "|",
        "cat",
    ];
    let mut command = command(arch, &words);
    let printed = "pipe: run nonexistent-anywhere: No such file or directory (ENOENT)\n";
    let ran = run(command.current_dir(folder.root()));
    assert_eq!(ran, Ran::new(127, "", printed));
    // If the first program had started, it was asked to end. Otherwise SIGTERM ended it before.
    assert_eq!(folder.path("begun").exists(), folder.path("ended").exists());
    // A program that does not end is killed.
    let stubborn = "trap '' TERM; while :; do sleep 0.01; done";
    let words = [
        "--grace=0.2",
        "sh",
        "-c",
        stubborn,
        "|",
        "nonexistent-anywhere",
    ];
    let begin = Instant::now();
    assert_eq!(pipe(arch, &words), Ran::new(127, "", printed));
    // (The program may have ended before it ignored the signal.)
    assert!(begin.elapsed() < Duration::from_secs(30));
}

fn waits_for_all(arch: Arch) {
    let folder = Folder::new();
    let words = [
        "sh",
        "-c",
        "exec >&-; sleep 0.3; echo late >f; exit 4",
        "|",
        "true",
    ];
    let ran = run(command(arch, &words).current_dir(folder.root()));
    assert_eq!(ran, Ran::new(4, "", ""));
    assert_eq!(folder.read("f"), b"late\n");
}

/// The process that executes `pipe` may have had children before.
fn ignores_children_that_it_did_not_start(arch: Arch) {
    let pipe = command(
        arch,
        &["sleep", "0.3", "|", "sh", "-c", "sleep 0.2; exit 8"],
    );
    let mut script = Command::new("sh");
    script.args(["-c", "(exit 3) & (sleep 0.1; exit 4) & exec \"$@\"", "sh"]);
    script.arg(pipe.get_program()).args(pipe.get_args());
    assert_eq!(run(&mut script), Ran::new(8, "", ""));
}
