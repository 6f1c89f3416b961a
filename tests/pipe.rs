//! Tests of `pipe`: it connects each program's output to the next program's input, waits for all programs, and leaves
//! no descriptor and no process.

mod commit;
mod descriptors;
mod ends;
mod options;
mod search;
mod signals;
mod statuses;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use libtest_mimic::{Completion, Trial};

use crate::per_arch;
use crate::skip;
use crate::support::{Arch, Folder, Ran, run};
use crate::trial::{LONG, may_take};

pub fn trials() -> Vec<Trial> {
    per_arch![
        joins_real_commands,
        carries_every_byte_through_64_programs,
        runs_one_alone,
        leaves_options_to_their_programs,
        separates_by_the_given_word,
        leaves_nothing_after_many_runs,
        makes_pipes_larger,
        prints_how_each_ended,
        works_where_nothing_else_is,
        refuses_what_it_does_not_understand,
    ]
    .chain(commit::trials())
    .chain(descriptors::trials())
    .chain(ends::trials())
    .chain(options::trials())
    .chain(search::trials())
    .chain(signals::trials())
    .chain(statuses::trials())
    .collect()
}

/// A command that runs `pipe` with these arguments.
fn command(arch: Arch, arguments: &[&str]) -> Command {
    let mut command = arch.program("pipe");
    command.args(arguments);
    command
}

fn pipe(arch: Arch, arguments: &[&str]) -> Ran {
    run(&mut command(arch, arguments))
}

/// Runs `pipe` with a line like a shell's (`a b | c`), split at spaces.
fn line(arch: Arch, line: &str) -> Ran {
    pipe(arch, &line.split_whitespace().collect::<Vec<_>>())
}

fn joins_real_commands(arch: Arch) {
    for more in ["", "--socket "] {
        let sum = line(
            arch,
            &format!("{more}seq 1000 | grep 7 | sort -rn | sed -n 1,3p"),
        );
        assert_eq!(sum, Ran::new(0, "997\n987\n979\n", ""));
    }
    // A bar is a separator only as a separate argument.
    let words = [
        "printf", "%s\n", "b|", "|a", "", "c|a", "|", "env", "LC_ALL=C", "sort", "|", "cat", "-n",
    ];
    assert_eq!(
        pipe(arch, &words),
        Ran::new(0, "     1\t\n     2\tb|\n     3\tc|a\n     4\t|a\n", "")
    );
}

fn carries_every_byte_through_64_programs(arch: Arch) {
    may_take(LONG);
    let all: String = (0..300_000).map(|n| format!("{n}\n")).collect();
    for more in [&[][..], &["--socket"], &["--size", "4096"]] {
        let mut words = more.to_vec();
        words.extend(["seq", "0", "299999"]);
        words.extend(["|", "cat"].repeat(63));
        let ran = pipe(arch, &words);
        assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
        assert!(ran.stdout == all, "{more:?}: {} bytes", ran.stdout.len());
    }
}

fn runs_one_alone(arch: Arch) {
    assert_eq!(line(arch, "echo alone"), Ran::new(0, "alone\n", ""));
    assert_eq!(line(arch, "false"), Ran::new(1, "", ""));
}

fn leaves_options_to_their_programs(arch: Arch) {
    let printed = "--status -s x --help\n";
    assert_eq!(
        line(arch, "echo --status -s x --help"),
        Ran::new(0, printed, "")
    );
    assert_eq!(
        line(arch, "-- echo -- --last"),
        Ran::new(0, "-- --last\n", "")
    );
    assert_eq!(
        line(arch, "echo a | cat -n"),
        Ran::new(0, "     1\ta\n", "")
    );
}

fn separates_by_the_given_word(arch: Arch) {
    let printed = Ran::new(0, "     1\ta | b\n", "");
    assert_eq!(line(arch, "-s then echo a | b then cat -n"), printed);
    assert_eq!(line(arch, "-s@ echo a | b @ cat -n"), printed);
    // The empty string is also a valid separator.
    let words = ["-s", "", "echo", "a", "|", "b", "", "cat", "-n"];
    assert_eq!(pipe(arch, &words), printed);
}

/// Whether any process runs this file.
fn runs(file: &Path) -> bool {
    fs::read_dir("/proc").unwrap().any(|entry| {
        let exe = entry.unwrap().path().join("exe");
        fs::read_link(exe).is_ok_and(|exe| exe == file)
    })
}

/// Ten thousand runs, one after the other. Under qemu-user a hundred, because a run takes thirty times as long. (The
/// library's tests check that a single process that starts as many programs leaks nothing.)
fn leaves_nothing_after_many_runs(arch: Arch) {
    may_take(LONG);
    let folder = Folder::new();
    // A separate copy identifies the processes of this test. `hello` is small and starts quickly.
    let hello = folder.path("hello");
    fs::copy(Arch::NATIVE.shipped("hello"), &hello).unwrap();
    let hello = fs::canonicalize(hello).unwrap();
    let file = hello.to_str().unwrap();
    let mut pipe = arch.program("pipe");
    // The output of the first program is not read, and may end it by SIGPIPE.
    pipe.args(["--last", file, "|", file]);
    pipe.stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    for _ in 0..if arch.is_native() { 10_000 } else { 100 } {
        assert!(pipe.status().unwrap().success());
    }
    assert!(!runs(&hello));
}

fn makes_pipes_larger(arch: Arch) {
    let folder = Folder::new();
    // The reader starts to read only when the writer has finished. A pipe of the default size would not hold its
    // output.
    let writer = "head -c 1000000 /dev/zero; echo written >done";
    let reader = "while ! [ -e done ]; do sleep 0.01; done; wc -c";
    let mut command = command(
        arch,
        &[
            "--size", "1048576", "sh", "-c", writer, "|", "sh", "-c", reader,
        ],
    );
    let ran = run(command.current_dir(folder.root()));
    assert_eq!(ran, Ran::new(0, "1000000\n", ""));

    // Without --size, the pipe holds as much as other programs usually write at once.
    let folder = Folder::new();
    let writer = "head -c 131072 /dev/zero; echo written >done";
    let mut command = self::command(arch, &["sh", "-c", writer, "|", "sh", "-c", reader]);
    let ran = run(command.current_dir(folder.root()));
    assert_eq!(ran, Ran::new(0, "131072\n", ""));
}

fn prints_how_each_ended(arch: Arch) {
    let words = [
        "--status",
        "sh",
        "-c",
        "sleep 0.2; exit 3",
        "|",
        "sh",
        "-c",
        "i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done; kill -USR1 $$",
        "|",
        "/bin/sh",
        "-c",
        "head -c 20000000 /dev/zero | tail -n 1 >/dev/null; echo said >&2",
    ];
    let ran = pipe(arch, &words);
    assert_eq!((ran.status, ran.stdout.as_str()), (Some(138), ""));
    let lines: Vec<_> = ran.stderr.lines().collect();
    let [said, first, second, third] = lines[..] else {
        panic!("{ran:?}")
    };
    assert_eq!(said, "said");
    let report = |line: &str, name: &str, status: &str| {
        let rest = line.strip_prefix(&format!("pipe: {name}: pid ")).unwrap();
        let (pid, rest) = rest.split_once(", ").unwrap();
        assert!(pid.parse::<u32>().unwrap() > 0);
        let rest = rest.strip_prefix(status).unwrap();
        let rest = rest.strip_prefix(", wall ").unwrap();
        let (wall, rest) = rest.split_once(" s, user ").unwrap();
        let (user, rest) = rest.split_once(" s, system ").unwrap();
        let (system, rest) = rest.split_once(" s, ").unwrap();
        let peak: u64 = rest.strip_suffix(" KiB").unwrap().parse().unwrap();
        let number = |text: &str| {
            assert_eq!(text.split_once('.').unwrap().1.len(), 6, "{line}");
            text.parse::<f64>().unwrap()
        };
        (number(wall), number(user), number(system), peak)
    };
    let (wall, user, system, peak) = report(first, "sh", "exit 3");
    assert!(
        (0.2..30.0).contains(&wall) && user + system < 0.2 && peak > 100,
        "{first}"
    );
    // A shell that only counts uses almost no system time.
    let (_, user, system, _) = report(second, "sh", "signal 10");
    assert!(user > 0.005 && user > system, "{second}");
    let (_, user, system, peak) = report(third, "/bin/sh", "exit 0");
    // The usage includes that of reaped children: `tail` held a line of 20 MB.
    assert!(user + system > 0.005 && peak > 19_000, "{third}");
}

/// A root directory that contains only three programs.
fn works_where_nothing_else_is(arch: Arch) -> Completion {
    if !arch.is_native() {
        return Completion::ignored_with(skip::IN_AN_IMAGE);
    }
    let folder = Folder::new();
    fs::create_dir(folder.path("bin")).unwrap();
    for name in ["pipe", "hello", "save"] {
        fs::copy(arch.shipped(name), folder.path("bin").join(name)).unwrap();
    }
    let mut unshare = Command::new("unshare");
    unshare
        .args(["--user", "--map-root-user", "--root"])
        .arg(folder.root());
    unshare.args([
        "/bin/pipe",
        "hello",
        "Ada",
        "|",
        "save",
        "--no-sync",
        "/said",
    ]);
    let ran = run(unshare.env("PATH", "/bin"));
    if ran.stderr.starts_with("unshare: ") {
        return Completion::ignored_with(skip::namespaces(&ran.stderr));
    }
    assert_eq!(ran, Ran::new(0, "", ""));
    assert_eq!(folder.read("said"), b"Hello, Ada!\n");
    Completion::Completed
}

/// (`tests/cli.rs` tests each option.)
fn refuses_what_it_does_not_understand(arch: Arch) {
    for (words, message) in [
        ("", "no CMD"),
        ("--last", "no CMD"),
        ("--", "no CMD"),
        ("|", "no CMD in part 1"),
        ("| cat", "no CMD in part 1"),
        ("cat |", "no CMD in part 2"),
        ("cat | | cat", "no CMD in part 2"),
        ("-s , true , false ,", "no CMD in part 3"),
        (
            "--socket --size 4096 true",
            "--size is for pipes, not for --socket",
        ),
    ] {
        assert_eq!(line(arch, words), Ran::misused("pipe", message), "{words}");
    }
}
