//! Tests of programs that `pipe` ends early: at its --timeout, or because of a shortage.

use std::process::Command;
use std::time::{Duration, Instant};

use libtest_mimic::{Completion, Trial};

use super::{command, pipe};
use crate::per_arch;
use crate::skip;
use crate::support::{Arch, Folder, Ran, once, run};
use crate::trial::{LONG, may_take};

pub fn trials() -> Vec<Trial> {
    per_arch![
        ends_all_when_the_time_is_over,
        kills_what_does_not_end,
        ends_programs_that_are_stopped,
        lets_those_that_are_quicker_be,
        reports_that_there_are_no_descriptors,
    ]
    .chain([
        once(
            "pipe::ends::reports_shortages_halfway [x86_64]",
            reports_shortages_halfway,
        ),
        once(
            "pipe::ends::kills_after_five_seconds",
            kills_after_five_seconds,
        ),
        once(
            "pipe::ends::goes_on_when_interrupted [x86_64]",
            goes_on_when_interrupted,
        ),
    ])
    .collect()
}

fn ends_all_when_the_time_is_over(arch: Arch) {
    let begin = Instant::now();
    let ran = pipe(
        arch,
        &[
            "--timeout",
            "0.2",
            "sleep",
            "100",
            "|",
            "sleep",
            "100",
            "|",
            "cat",
        ],
    );
    assert_eq!(ran, Ran::new(124, "", ""));
    let time = begin.elapsed();
    assert!(
        time >= Duration::from_millis(200) && time < Duration::from_secs(30),
        "{time:?}"
    );
}

fn kills_what_does_not_end(arch: Arch) {
    let folder = Folder::new();
    let stubborn = "trap '' TERM; echo $$ >pid; while :; do sleep 0.05; done";
    let words = [
        "--status",
        "--timeout",
        "0.5",
        "--grace",
        "0.3",
        "sh",
        "-c",
        stubborn,
        "|",
        "sleep",
        "50",
    ];
    let begin = Instant::now();
    let ran = run(command(arch, &words).current_dir(folder.root()));
    assert_eq!((ran.status, ran.stdout.as_str()), (Some(124), ""));
    assert!(begin.elapsed() >= Duration::from_millis(800));
    let ends: Vec<_> = ran
        .stderr
        .lines()
        .map(|line| line.split(", ").nth(1).unwrap())
        .collect();
    assert_eq!(ends, ["signal 9", "signal 15"]);
}

fn kills_after_five_seconds() {
    may_take(LONG);
    let stubborn = "trap '' TERM; echo ready; while :; do sleep 0.05; done";
    let words = ["--timeout", "0.5", "sh", "-c", stubborn, "|", "cat"];
    let begin = Instant::now();
    let ran = pipe(Arch::NATIVE, &words);
    assert_eq!(ran, Ran::new(124, "ready\n", ""));
    let time = begin.elapsed().as_secs_f64();
    assert!((5.5..30.0).contains(&time), "{time}");
}

fn ends_programs_that_are_stopped(arch: Arch) {
    let words = [
        "--timeout",
        "0.3",
        "--grace",
        "50",
        "sh",
        "-c",
        "kill -STOP $$",
        "|",
        "cat",
    ];
    let begin = Instant::now();
    assert_eq!(pipe(arch, &words), Ran::new(124, "", ""));
    assert!(begin.elapsed() < Duration::from_secs(30));
}

fn lets_those_that_are_quicker_be(arch: Arch) {
    // 0 is no limit, as for timeout(1).
    for timeout in ["100", "0", "0.0"] {
        let quick = ["sh", "-c", "sleep 0.2; echo quick", "|", "cat"];
        let ran = pipe(arch, &[&["--timeout", timeout], &quick[..]].concat());
        assert_eq!(ran, Ran::new(0, "quick\n", ""));
    }
}

fn reports_that_there_are_no_descriptors(arch: Arch) {
    // qemu-user needs a descriptor to open the program.
    let limit = if arch.is_native() { 4 } else { 6 };
    let pipe = command(arch, &["cat", "|", "cat", "|", "cat"]);
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit -n {limit}; exec \"$@\""), "sh"]);
    shell.arg(pipe.get_program()).args(pipe.get_args());
    let ran = run(&mut shell);
    assert_eq!((ran.status, ran.stdout.as_str()), (Some(1), ""), "{ran:?}");
    let words = ": Too many open files (EMFILE)\n";
    assert!(
        ran.stderr.starts_with("pipe: ") && ran.stderr.ends_with(words),
        "{ran:?}"
    );
    assert_eq!(ran.stderr.lines().count(), 1);
}

/// strace injects the errors that the kernel returns if the user has too many processes, pipes or sockets; root has no
/// such limits.
fn reports_shortages_halfway() -> Completion {
    if !Arch::X86_64.is_native() {
        return Completion::ignored_with(skip::STRACE);
    }
    let (none, follow): (&[&str], &[&str]) = (&[], &["-f"]);
    for (inject, follow, more, printed) in [
        (
            "mmap:error=ENOMEM:when=1",
            none,
            none,
            "mmap arguments: Cannot allocate memory (ENOMEM)",
        ),
        (
            "mmap:error=ENOMEM:when=2",
            none,
            none,
            "mmap programs: Cannot allocate memory (ENOMEM)",
        ),
        (
            "pipe2:error=EMFILE:when=1",
            none,
            none,
            "pipe2 standard descriptors: Too many open files (EMFILE)",
        ),
        // The third pipe is the pipe that would report a failure to start the first program.
        (
            "pipe2:error=EMFILE:when=3",
            none,
            none,
            "run sleep: Too many open files (EMFILE)",
        ),
        // In the child, before it executes the first program.
        (
            "dup3:error=EMFILE:when=1",
            follow,
            none,
            "run sleep: Too many open files (EMFILE)",
        ),
        (
            "clone:error=EAGAIN:when=3",
            none,
            none,
            "run sort: Resource temporarily unavailable (EAGAIN)",
        ),
        (
            "pipe2:error=ENFILE:when=4",
            none,
            none,
            "pipe2 after cat: Too many open files in system (ENFILE)",
        ),
        (
            "socketpair:error=ENOBUFS:when=2",
            none,
            &["--socket"],
            "socketpair after cat: No buffer space available (ENOBUFS)",
        ),
        (
            "fcntl:error=EPERM:when=2",
            none,
            &["--size=8192"],
            "resize the pipe after cat: Operation not permitted (EPERM)",
        ),
    ] {
        let folder = Folder::new();
        let mut strace = Command::new("strace");
        strace.args(["-qq", "-o"]);
        strace.arg(folder.path("log"));
        strace.arg(format!("--inject={inject}"));
        strace
            .args(follow)
            .arg(Arch::X86_64.shipped("pipe"))
            .args(more);
        strace.args(["sleep", "100", "|", "cat", "|", "sort", "|", "cat"]);
        let begin = Instant::now();
        let printed = format!("pipe: {printed}\n");
        assert_eq!(run(&mut strace), Ran::new(1, "", &printed), "{inject}");
        // Programs that had already started were ended at once.
        assert!(begin.elapsed() < Duration::from_secs(30));
    }
    Completion::Completed
}

fn goes_on_when_interrupted() -> Completion {
    if !Arch::X86_64.is_native() {
        return Completion::ignored_with(skip::STRACE);
    }
    for inject in [
        "rt_sigtimedwait:error=EINTR:when=1+2",
        "wait4:error=EINTR:when=1+2",
        // No size was requested: the pipes keep the kernel's default size.
        "fcntl:error=EPERM:when=1+",
    ] {
        let folder = Folder::new();
        let mut strace = Command::new("strace");
        strace.args(["-qq", "-o"]);
        strace.arg(folder.path("log"));
        strace.arg(format!("--inject={inject}"));
        strace.arg(Arch::X86_64.shipped("pipe"));
        strace.args(["sh", "-c", "sleep 0.1; echo said", "|", "cat"]);
        assert_eq!(run(&mut strace), Ran::new(0, "said\n", ""), "{inject}");
    }
    Completion::Completed
}
