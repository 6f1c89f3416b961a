//! Tests of the descriptors and the signal state with which `pipe` starts programs.

use std::fs;
use std::process::Command;

use libtest_mimic::Trial;

use super::command;
use crate::per_arch;
use crate::support::{Arch, Folder, Ran, run};

pub fn trials() -> Vec<Trial> {
    per_arch![
        have_the_three_and_no_other,
        have_what_they_inherit,
        may_lack_standard_ones,
        keep_messages_out_of_the_programs,
        begin_with_no_signal_blocked_or_ignored_but_the_terminals,
    ]
    .collect()
}

/// Writes the list of its open descriptors to a separate file, then copies its input.
const LIST: &str = "ls /proc/self/fd >list$0; exec cat";

fn have_the_three_and_no_other(arch: Arch) {
    for more in [
        &[][..],
        &["--socket"],
        &["--commit"],
        &["--commit", "--socket"],
    ] {
        let folder = Folder::new();
        let mut words = more.to_vec();
        for number in ["1", "2", "3", "4", "5"] {
            words.extend(["sh", "-c", LIST, number, "|"]);
        }
        words.extend(["sh", "-c", "ls /proc/self/fd >list6; wc -c"]);
        let ran = run(command(arch, &words).current_dir(folder.root()));
        assert_eq!(ran, Ran::new(0, "0\n", ""));
        // The descriptors of a program that is started without `pipe`: the three standard descriptors, descriptors that
        // the test runner left open, and the descriptor with which `ls` reads the folder.
        let usual = run(Command::new("sh").args(["-c", "ls /proc/self/fd"])).stdout;
        assert!(usual.contains("0\n1\n"), "{usual}");
        for number in 1..=6 {
            let list = folder.read(format!("list{number}"));
            assert_eq!(list, usual.as_bytes(), "program {number}");
        }
    }
}

/// Runs `sh -c 'exec pipe WORDS REDIRECTIONS'`.
fn redirected(arch: Arch, redirections: &str, words: &[&str]) -> Command {
    shell(redirections, &command(arch, words))
}

fn shell(redirections: &str, pipe: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("exec \"$@\" {redirections}"), "sh"]);
    shell.arg(pipe.get_program()).args(pipe.get_args());
    shell
}

/// The descriptors that `ls` lists without `pipe`.
fn listed_by_ls(redirections: &str, folder: &Folder) -> String {
    let mut ls = Command::new("ls");
    ls.arg("/proc/self/fd");
    run(shell(redirections, &ls).current_dir(folder.root())).stdout
}

/// Programs inherit the descriptors that `pipe` inherited, as from a shell: for example a lock or a listening socket.
fn have_what_they_inherit(arch: Arch) {
    let folder = Folder::new();
    let words = ["ls", "/proc/self/fd", "|", "cat"];
    let mut command = redirected(arch, "7<.", &words);
    let ran = run(command.current_dir(folder.root()));
    let usual = listed_by_ls("7<.", &folder);
    assert!(usual.contains("\n7\n"), "{usual}");
    assert_eq!(ran, Ran::new(0, &usual, ""));
}

fn may_lack_standard_ones(arch: Arch) {
    let folder = Folder::new();
    // Without standard input, `ls` opens its folder as descriptor 0.
    let words = ["sh", "-c", "ls /proc/self/fd", "|", "cat"];
    let ran = run(&mut redirected(arch, "<&-", &words));
    assert_eq!(ran, Ran::new(0, &listed_by_ls("<&-", &folder), ""));
    // The last program has no standard output, but the others do.
    let words = [
        "echo",
        "text",
        "|",
        "sh",
        "-c",
        "cat >f; readlink /proc/self/fd/1; ls /proc/self/fd >list",
    ];
    let mut command = redirected(arch, ">&-", &words);
    assert_eq!(run(command.current_dir(folder.root())).stdout, "");
    assert_eq!(folder.read("f"), b"text\n");
    let words = ["cat", "f", "|", "cat", "|", "sh", "-c", "cat >g"];
    let mut command = redirected(arch, "<&- >&- 2>&-", &words);
    assert_eq!(run(command.current_dir(folder.root())), Ran::new(0, "", ""));
    assert_eq!(folder.read("g"), b"text\n");
}

/// If standard error is closed, no pipe may get its number.
fn keep_messages_out_of_the_programs(arch: Arch) {
    let folder = Folder::new();
    let words = [
        "--status",
        "true",
        "|",
        "sh",
        "-c",
        "cat >f",
        "|",
        "nonexistent-anywhere",
    ];
    let mut command = redirected(arch, "2>&-", &words);
    let ran = run(command.current_dir(folder.root()));
    assert_eq!(ran, Ran::new(127, "", ""));
    assert_eq!(fs::read(folder.path("f")).unwrap_or_default(), b"");
}

fn begin_with_no_signal_blocked_or_ignored_but_the_terminals(arch: Arch) {
    let words = [
        "grep",
        "-E",
        "^Sig(Blk|Ign)",
        "/proc/self/status",
        "|",
        "cat",
    ];
    let pipe = command(arch, &words);
    let mut env = Command::new("env");
    env.args([
        "--ignore-signal=HUP,PIPE,CHLD,INT,QUIT,TSTP,TERM,USR2,RTMIN",
        "--block-signal=TERM,USR1,CHLD",
    ]);
    env.arg(pipe.get_program()).args(pipe.get_args());
    let ran = run(&mut env);
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
    // qemu-user uses signals 32 and 33 itself. Depending on its version, it also installs handlers for some of HUP, INT
    // and QUIT. A native program that it starts then has the default action for these signals.
    let own = if arch.is_native() {
        0
    } else {
        0b11 << 31 | 0b111
    };
    let sets: Vec<_> = ran
        .stdout
        .lines()
        .map(|line| {
            let (name, set) = line.split_once('\t').unwrap();
            (name, u64::from_str_radix(set, 16).unwrap() & !own)
        })
        .collect();
    // HUP, INT, QUIT and TSTP.
    let kept = (0b111 | 1 << 19) & !own;
    assert_eq!(sets, [("SigBlk:", 0), ("SigIgn:", kept)]);
}
