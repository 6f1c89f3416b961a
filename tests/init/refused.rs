//! Tests of `init` with refused system calls, as by a seccomp filter: strace makes the calls fail. `init` must report
//! the call or continue. It must not hang, or report another error.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::{Completion, Trial};

use super::init;
use crate::per_arch;
use crate::skip;
use crate::support::{Arch, Ran, run};

pub fn trials() -> impl Iterator<Item = Trial> {
    per_arch![
        never_hangs_where_a_mask_is_refused,
        names_what_was_refused,
        ends_although_the_program_runs,
        reports_a_failed_search_once,
    ]
}

/// Runs the program under strace with this injection.
fn refused(program: &mut Command, injection: &str) -> Ran {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null"]);
    command.args(["-e", &format!("inject={injection}")]);
    command.arg(program.get_program()).args(program.get_args());
    run(&mut command)
}

fn never_hangs_where_a_mask_is_refused(arch: Arch) -> Completion {
    if !arch.is_native() {
        return Completion::ignored_with(skip::STRACE);
    }
    let hello = arch.shipped("hello");
    let printed = |message: &str| {
        Ran::new(
            1,
            "",
            &format!("init: {message}: Operation not permitted (EPERM)\n"),
        )
    };
    let run_failed = printed(&format!("run {}", hello.display()));
    let fine = Ran::new(0, "Hello, world!\n", "");
    // Each call fails in turn. `init` blocks SIGCHLD and the passed signals, then SIGPIPE, then all signals, and then
    // restores the mask. The calls of the child have the same numbers; its first call sets the program's mask.
    let expected = [
        printed("watch children"),
        fine.clone(),
        run_failed.clone(),
        fine.clone(),
        fine,
    ];
    for (number, expected) in expected.into_iter().enumerate() {
        for _ in 0..5 {
            let mut init = arch.program("init");
            init.arg("--").arg(&hello);
            let ran = refused(
                &mut init,
                &format!("rt_sigprocmask:error=EPERM:when={}", number + 1),
            );
            assert_eq!(ran, expected, "call {}", number + 1);
        }
    }
    Completion::Completed
}

fn names_what_was_refused(arch: Arch) -> Completion {
    if !arch.is_native() {
        return Completion::ignored_with(skip::STRACE);
    }
    for (program, operands) in [("init", "children"), ("pipe", "programs")] {
        for call in ["wait4", "rt_sigtimedwait"] {
            let mut command = arch.program(program);
            // A short program, because strace ends only after all traced processes.
            command.args(["sh", "-c", "sleep 0.2"]).stdin(Stdio::null());
            // The second name is that of 32 bits.
            let ran = refused(
                &mut command,
                &format!("{call},?{call}_time64:error=EPERM:when=1"),
            );
            let printed =
                format!("{program}: {call} {operands}: Operation not permitted (EPERM)\n");
            assert_eq!(ran, Ran::new(1, "", &printed));
        }
    }
    Completion::Completed
}

/// Runs `init` under strace with this injection; the program of `init` runs without strace. Returns the time that passed,
/// too.
fn refused_alone(arch: Arch, injection: &str, script: &str) -> (Ran, Duration) {
    let init = init(arch, &["--grace", "0.2"], script);
    let mut command = Command::new("strace");
    command.args([
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        &format!("inject={injection}"),
    ]);
    command.arg(init.get_program()).args(init.get_args());
    let start = Instant::now();
    (run(&mut command), start.elapsed())
}

/// The time between SIGKILL and the end of `init`, and what a busy machine may take.
const AFTER_KILL: Duration = Duration::from_secs(2);
const LATE: Duration = Duration::from_millis(2500);

/// A program that `init` may not signal, as after a change of the user.
fn ends_although_the_program_runs(arch: Arch) -> Completion {
    if !arch.is_native() {
        return Completion::ignored_with(skip::STRACE);
    }
    let script = "trap '' TERM; kill -TERM $PPID; exec sleep 6 >/dev/null 2>&1";
    let (ran, took) = refused_alone(arch, "kill:error=EPERM", script);
    assert_eq!(ran, Ran::new(128 + 9, "", "init: processes remain\n"));
    assert!(AFTER_KILL < took && took < AFTER_KILL + LATE, "{took:?}");
    Completion::Completed
}

/// One message for SIGTERM, and one for SIGKILL, which is repeated.
fn reports_a_failed_search_once(arch: Arch) -> Completion {
    if !arch.is_native() {
        return Completion::ignored_with(skip::STRACE);
    }
    let script = "sleep 6 >/dev/null 2>&1 & exit 4";
    let (ran, took) = refused_alone(arch, "getdents64:error=EIO", script);
    let message = "init: search /proc: Input/output error (EIO)\n";
    let expected = format!("{message}{message}init: processes remain\n");
    assert_eq!(ran, Ran::new(4, "", &expected));
    assert!(AFTER_KILL < took && took < AFTER_KILL + LATE, "{took:?}");
    Completion::Completed
}
