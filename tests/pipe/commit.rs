//! Tests of `pipe --commit`, which withholds EOF from the last program until all others have succeeded, and of
//! `pipe --allow-sigpipe`.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::{Completion, Trial};
use rustix::process::{Pid, Signal, kill_process};

use super::{command, pipe};
use crate::per_arch;
use crate::skip;
use crate::support::{Arch, Folder, Ran, once, run, wait_until};
use crate::trial::{LONG, may_take};

pub fn trials() -> Vec<Trial> {
    per_arch![
        keeps_the_old_file_where_a_program_fails,
        keeps_the_old_file_where_a_program_cannot_start,
        replaces_the_file_after_success,
        kills_a_last_program_that_ignores_sigterm,
        gives_no_eof_after_a_timeout,
        keeps_the_old_file_after_sigterm,
        leaves_a_last_program_that_ends_early_its_status,
        leaves_a_last_program_that_does_not_read_alone,
        takes_one_program_alone,
        allows_sigpipe_before_the_last,
    ]
    .chain([once(
        "pipe::commit::keeps_the_old_file_where_it_cannot_wait [x86_64]",
        keeps_the_old_file_where_it_cannot_wait,
    )])
    .collect()
}

/// A folder with the file `file`, whose content is `old`.
fn folder() -> Folder {
    let folder = Folder::new();
    fs::write(folder.path("file"), "old").unwrap();
    folder
}

/// `pipe OPTIONS sh -c SCRIPT '|' ... save file`.
fn into_save(arch: Arch, folder: &Folder, options: &[&str], scripts: &[&str]) -> Command {
    let mut command = command(arch, options);
    for script in scripts {
        command.args(["sh", "-c", script, "|"]);
    }
    let save = arch.program("save");
    command.arg(save.get_program()).args(save.get_args());
    command.args(["--no-sync", "file"]);
    command.current_dir(folder.root());
    command
}

/// Options of which none changes what `--commit` does.
const MORE: [&[&str]; 4] = [
    &["--commit"],
    &["--commit", "--socket"],
    &["--commit", "--last"],
    &["--commit", "--allow-sigpipe", "--timeout=1000"],
];

fn keeps_the_old_file_where_a_program_fails(arch: Arch) {
    may_take(LONG);
    const MUCH: &str = "head -c 3000000 /dev/zero";
    std::thread::scope(|scope| {
        for options in MORE {
            scope.spawn(move || {
                for (scripts, status) in [
                    (&["exit 3"][..], 3),
                    (&["echo new; exit 141"], 141),
                    (&[&format!("{MUCH}; exit 4")], 4),
                    (&["echo new; kill -TERM $$"], 143),
                    (&[&format!("{MUCH}; kill -9 $$")], 137),
                    // The program closes its end before it fails.
                    (&["echo new; exec >&-; sleep 0.3; exit 5"], 5),
                    (&["exec >&-; sleep 0.3; exit 6", "echo new"], 6),
                    (&[&format!("{MUCH}; exit 7"), "cat"], 7),
                    (&["yes 2>/dev/null", "head -c 100000; exit 8"], 8),
                    // The rightmost failed program before `save`, as without --commit.
                    (&["exit 9", "cat; exit 10"], 10),
                    // A program goes on to write after another one has failed, and is not ended by SIGPIPE.
                    (&["exit 11", &format!("cat; sleep 0.1; {MUCH}")], 11),
                ] {
                    let folder = folder();
                    let ran = run(&mut into_save(arch, &folder, options, scripts));
                    assert_eq!(ran, Ran::new(status, "", ""), "{options:?} {scripts:?}");
                    assert_eq!(folder.read("file"), b"old", "{options:?} {scripts:?}");
                    assert_eq!(folder.names(), ["file"]);
                }
            });
        }
    });
}

fn keeps_the_old_file_where_a_program_cannot_start(arch: Arch) {
    for options in MORE {
        let folder = folder();
        // The options and the first two programs.
        let words = [options, &["echo", "new", "|", "nonexistent-anywhere", "|"]].concat();
        let ran = run(&mut into_save(arch, &folder, &words, &[]));
        let told = "pipe: run nonexistent-anywhere: No such file or directory (ENOENT)\n";
        assert_eq!(ran, Ran::new(127, "", told), "{options:?}");
        assert_eq!(folder.read("file"), b"old");
    }
}

fn replaces_the_file_after_success(arch: Arch) {
    for options in MORE {
        for (scripts, content) in [
            (&["echo a; sleep 0.2; echo b"][..], "a\nb\n"),
            (&["true"], ""),
            // No EOF arrives before the program has ended, although it has closed its end.
            (&["echo a; exec >&-; sleep 0.2; cmp file old"], "a\n"),
            (
                &["exec >&-; sleep 0.2; cmp file old", "echo b", "cat"],
                "b\n",
            ),
        ] {
            let folder = folder();
            fs::write(folder.path("old"), "old").unwrap();
            let ran = run(&mut into_save(arch, &folder, options, scripts));
            assert_eq!(ran, Ran::new(0, "", ""), "{options:?} {scripts:?}");
            assert_eq!(folder.read("file"), content.as_bytes(), "{options:?}");
        }
        let folder = folder();
        let much = ["head -c 3000000 /dev/zero"];
        let ran = run(&mut into_save(arch, &folder, options, &much));
        assert_eq!(ran, Ran::new(0, "", ""), "{options:?}");
        assert!(folder.read("file") == [0; 3_000_000], "{options:?}");
    }
}

/// How the programs ended, by the lines of `--status`.
fn ends(ran: &Ran) -> Vec<&str> {
    let lines = ran.stderr.lines();
    lines.map(|line| line.split(", ").nth(1).unwrap()).collect()
}

/// Ignores SIGTERM, creates the file `ready`, and reads until EOF.
const STUBBORN: &str = "trap '' TERM; echo >ready; exec cat";

fn kills_a_last_program_that_ignores_sigterm(arch: Arch) {
    for more in [&[][..], &["--socket"], &["--last"]] {
        let folder = Folder::new();
        let first = "until [ -e ready ]; do sleep 0.01; done; echo new; exit 3";
        let words = ["--commit", "--status", "--grace", "0.4"];
        let words = [
            &words,
            more,
            &["sh", "-c", first, "|", "sh", "-c", STUBBORN],
        ]
        .concat();
        let begin = Instant::now();
        let ran = run(command(arch, &words).current_dir(folder.root()));
        assert!(begin.elapsed() >= Duration::from_millis(400));
        assert_eq!((ran.status, &*ran.stdout), (Some(3), "new\n"));
        assert_eq!(ends(&ran), ["exit 3", "signal 9"]);
    }
}

/// The first program exits with 0 because of SIGTERM. That is no success of the pipeline.
fn gives_no_eof_after_a_timeout(arch: Arch) {
    may_take(LONG);
    let folder = Folder::new();
    let first = "trap 'exit 0' TERM; echo new; while :; do sleep 0.05; done";
    let options = ["--commit", "--status", "--timeout", "2", "--grace", "0.4"];
    let words = [
        &options[..],
        &["sh", "-c", first, "|", "sh", "-c", STUBBORN],
    ]
    .concat();
    let ran = run(command(arch, &words).current_dir(folder.root()));
    assert_eq!((ran.status, &*ran.stdout), (Some(124), "new\n"));
    assert_eq!(ends(&ran), ["exit 0", "signal 9"]);
}

fn keeps_the_old_file_after_sigterm(arch: Arch) {
    let folder = folder();
    let first = "echo new; echo >ready; exec sleep 1000";
    let mut command = into_save(arch, &folder, &["--commit"], &[first]);
    let mut pipe = command.stdin(Stdio::null()).spawn().unwrap();
    wait_until("the first program runs", || folder.path("ready").exists());
    kill_process(Pid::from_child(&pipe), Signal::TERM).unwrap();
    assert_eq!(pipe.wait().unwrap().code(), Some(143));
    assert_eq!(folder.read("file"), b"old");
}

/// The first program ends by SIGPIPE when the last one exits. `pipe` may learn of the two ends in any order.
fn leaves_a_last_program_that_ends_early_its_status(arch: Arch) {
    may_take(LONG);
    let first = ["sh", "-c", "exec yes 2>/dev/null", "|"];
    for _ in 0..10 {
        for (more, last, told, status, as_last) in [
            (&[][..], "head -n 1", "y\n", 141, 0),
            (&[], "exit 3", "", 3, 3),
            (&["--allow-sigpipe"], "head -n 1", "y\n", 0, 0),
            (&["--allow-sigpipe"], "exit 3", "", 3, 3),
        ] {
            let last = ["sh", "-c", last];
            let words = [&["--commit"], more, &first, &last].concat();
            assert_eq!(pipe(arch, &words), Ran::new(status, told, ""), "{words:?}");
            let words = [&["--commit", "--last"], more, &first, &last].concat();
            assert_eq!(pipe(arch, &words), Ran::new(as_last, told, ""), "{words:?}");
        }
        // A write to a socket fails with ECONNRESET if the other end was closed with bytes in it.
        let words = [
            &["--commit", "--socket"],
            &first[..],
            &["sh", "-c", "exit 3"],
        ]
        .concat();
        assert_eq!(pipe(arch, &words), Ran::new(3, "", ""));
    }
}

fn leaves_a_last_program_that_does_not_read_alone(arch: Arch) {
    for more in [&[][..], &["--socket"]] {
        let folder = Folder::new();
        let first = "until [ -e ready ]; do sleep 0.01; done; exit 3";
        let last = "exec <&-; echo >ready; sleep 0.3; echo written >file";
        let words = ["sh", "-c", first, "|", "sh", "-c", last];
        let words = [&["--commit"], more, &words].concat();
        let ran = run(command(arch, &words).current_dir(folder.root()));
        assert_eq!(ran, Ran::new(3, "", ""));
        assert_eq!(folder.read("file"), b"written\n");
    }
}

fn takes_one_program_alone(arch: Arch) {
    for (script, status) in [("echo one", 0), ("echo one; exit 3", 3)] {
        let words = ["--commit", "sh", "-c", script];
        assert_eq!(pipe(arch, &words), Ran::new(status, "one\n", ""));
    }
}

/// strace makes `wait4` fail, as a seccomp filter would. `pipe` gives up; the last program must not get EOF by that.
fn keeps_the_old_file_where_it_cannot_wait() -> Completion {
    if !Arch::X86_64.is_native() {
        return Completion::ignored_with(skip::STRACE);
    }
    let folder = folder();
    let pipe = into_save(
        Arch::X86_64,
        &folder,
        &["--commit"],
        &["echo new; exec sleep 1000 >&-"],
    );
    let mut strace = Command::new("strace");
    strace.args(["-qq", "-o", "/dev/null", "--inject=wait4:error=EPERM"]);
    strace.arg(pipe.get_program()).args(pipe.get_args());
    let ran = run(strace.current_dir(folder.root()));
    let told = "pipe: wait4 programs: Operation not permitted (EPERM)\n";
    assert_eq!(ran, Ran::new(1, "", told));
    // If `save` were running, it would replace the file by now or soon.
    let saves = fs::read_dir("/proc").unwrap().any(|entry| {
        let cwd = fs::read_link(entry.unwrap().path().join("cwd"));
        cwd.is_ok_and(|cwd| cwd == fs::canonicalize(folder.root()).unwrap())
    });
    assert!(!saves);
    assert_eq!(folder.read("file"), b"old");
    Completion::Completed
}

fn allows_sigpipe_before_the_last(arch: Arch) {
    for (scripts, without, with) in [
        (&["exec yes", "head -n 1"][..], 141, 0),
        (&["kill -PIPE $$", "kill -PIPE $$", "true"], 141, 0),
        (&["exit 3", "kill -PIPE $$", "true"], 141, 3),
        (&["kill -PIPE $$", "exit 3"], 3, 3),
        // The exit status with which a shell reports SIGPIPE is not the signal.
        (&["exit 141", "true"], 141, 141),
        (&["kill -TERM $$", "true"], 143, 143),
        (&["true", "kill -PIPE $$"], 141, 141),
        (&["kill -PIPE $$"], 141, 141),
    ] {
        let mut words = Vec::new();
        for script in scripts {
            words.extend(["sh", "-c", script, "|"]);
        }
        words.pop();
        assert_eq!(pipe(arch, &words).status, Some(without), "{scripts:?}");
        words.insert(0, "--allow-sigpipe");
        assert_eq!(pipe(arch, &words).status, Some(with), "{scripts:?}");
    }
    // With --commit such an end is no failure either.
    for (more, status, content) in [(&[][..], 141, "old"), (&["--allow-sigpipe"], 0, "y\n")] {
        let folder = folder();
        let options = [&["--commit"], more].concat();
        let scripts = ["exec yes", "head -n 1"];
        let ran = run(&mut into_save(arch, &folder, &options, &scripts));
        assert_eq!(ran, Ran::new(status, "", ""));
        assert_eq!(folder.read("file"), content.as_bytes());
    }
}
