//! Tests of the example `timeout`: it has the exit statuses of timeout(1), and signals reach the whole group.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::example;
use crate::per_arch;
use crate::support::{Arch, Ran, run, wait_until};

pub fn trials() -> Vec<Trial> {
    per_arch![
        has_the_statuses_of_timeout,
        reports_its_own_failures,
        sends_the_signal_it_is_told,
        ends_at_its_time,
        ends_the_children_of_the_command,
        passes_signals_on,
    ]
    .collect()
}

/// The exit status that a shell sees, and standard output.
fn status(timeout: Command, words: &[&str]) -> (Option<i32>, String) {
    // timeout(1) ends itself by the signal that ended its command.
    let mut shell = Command::new("sh");
    shell.args(["-c", "\"$@\"; exit $?", "sh"]);
    shell.arg(timeout.get_program()).args(timeout.get_args());
    let ran = run(shell.args(words));
    (ran.status, ran.stdout)
}

fn has_the_statuses_of_timeout(arch: Arch) {
    for words in [
        &["10", "true"][..],
        &["10", "sh", "-c", "exit 7"],
        &["0", "sh", "-c", "exit 8"],
        &["10", "sh", "-c", "kill -TERM $$"],
        &["10", "sh", "-c", "kill -KILL $$"],
        &["0.1", "sleep", "10"],
        &["0.1s", "sleep", "10"],
        &["-s", "INT", "0.1", "sleep", "10"],
        &["--signal=9", "0.1", "sleep", "10"],
        &["-f", "0.1", "sleep", "10"],
        &["--kill-after=10", "--", "10", "echo", "-s", "--help"],
        &["10", "/no/such/file"],
        &["10", "no-such-program"],
        &["10", "/etc/passwd"],
        &["10", "/"],
    ] {
        // (The short -f is younger than the long option.)
        let theirs = words.iter().map(|&word| match word {
            "-f" => "--foreground",
            word => word,
        });
        let theirs: Vec<_> = theirs.collect();
        let theirs = status(Command::new("timeout"), &theirs);
        assert_eq!(status(example(arch, "timeout"), words), theirs, "{words:?}");
    }
    for (options, script) in [
        (&[][..], "trap 'exit 3' TERM; echo begun; sleep 10"),
        (
            &["-k", "0.2"],
            "trap '' TERM; echo begun; sleep 10; echo ended",
        ),
    ] {
        let theirs = trapped(|| Command::new("timeout"), options, script);
        let ours = trapped(|| example(arch, "timeout"), options, script);
        assert_eq!(ours, theirs, "{options:?}");
    }
}

/// On a busy machine the time may be up before the command has begun. Then the command gets the next of these times.
const TIMES: [&str; 4] = ["0.1", "0.4", "1.6", "6.4"];

/// As `status`, of a shell that prints `begun` after it has set its trap.
fn trapped(timeout: impl Fn() -> Command, options: &[&str], script: &str) -> (Option<i32>, String) {
    for time in TIMES {
        let words = [options, &[time, "sh", "-c", script]].concat();
        let ran = status(timeout(), &words);
        if ran.1.starts_with("begun") {
            return ran;
        }
    }
    panic!("the shell does not set its trap");
}

fn reports_its_own_failures(arch: Arch) {
    let expected = "expected a duration such as 0.5, 90s, 5m, 2h or 10ms";
    for (words, message) in [
        ("", "no DURATION"),
        ("-s TERM", "no DURATION"),
        ("10", "no CMD"),
        ("x true", &format!("x: {expected}")),
        ("-k x 10 true", &format!("-k: x: {expected}")),
    ] {
        let words: Vec<_> = words.split_whitespace().collect();
        let ran = run(example(arch, "timeout").args(&words));
        let misused = Ran::misused("timeout", message);
        let misused = Ran {
            status: Some(125),
            ..misused
        };
        assert_eq!(ran, misused, "{words:?}");
        assert_eq!(status(Command::new("timeout"), &words).0, Some(125));
    }
    let ran = run(example(arch, "timeout").args(["10", "no-such-program"]));
    let message = "timeout: run no-such-program: No such file or directory (ENOENT)\n";
    assert_eq!(ran, Ran::new(127, "", message));
    let ran = run(example(arch, "timeout").args(["10", "/etc/passwd"]));
    let message = "timeout: run /etc/passwd: Permission denied (EACCES)\n";
    assert_eq!(ran, Ran::new(126, "", message));
}

fn sends_the_signal_it_is_told(arch: Arch) {
    for signal in ["HUP", "INT", "USR1", "TERM"] {
        let script = format!(
            "trap 'echo {signal}; exit' {signal}; echo begun; while :; do sleep 0.05; done"
        );
        let ran = trapped(|| example(arch, "timeout"), &["-s", signal], &script);
        assert_eq!(ran, (Some(124), format!("begun\n{signal}\n")));
    }
}

fn ends_at_its_time(arch: Arch) {
    let begin = Instant::now();
    let script = "trap '' TERM; echo begun; while :; do sleep 0.05; done";
    let ran = trapped(|| example(arch, "timeout"), &["-k", "0.3"], script);
    let took = begin.elapsed();
    assert_eq!(ran, (Some(137), "begun\n".to_owned()));
    assert!(took >= Duration::from_millis(400), "{took:?}");
    // A stopped command does not act on SIGTERM before it continues.
    let script = "kill -STOP $$; sleep 60";
    let ran = run(example(arch, "timeout").args(["0.3", "sh", "-c", script]));
    assert_eq!(ran.status, Some(124));
    // The signal itself can stop the command, and not the timeout.
    let mut timeout = example(arch, "timeout");
    let ran = run(timeout.args(["-k0.2", "-s", "STOP", "0.1", "sleep", "60"]));
    assert_eq!(ran.status, Some(137));
}

/// A running timeout whose command has printed a line: the process id of a grandchild.
fn running(arch: Arch, options: &[&str], times: &[&str]) -> (std::process::Child, Pid) {
    for time in times {
        let mut timeout = example(arch, "timeout");
        timeout.args(options).args([time, "sh", "-c"]);
        timeout.arg("sleep 60 >/dev/null & echo $!; wait; wait");
        let mut child = timeout.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        if let Ok(grandchild) = line.trim().parse() {
            return (child, Pid::from_raw(grandchild).unwrap());
        }
        child.wait().unwrap();
    }
    panic!("the command does not begin");
}

fn has_ended(pid: Pid) -> bool {
    // An orphan may stay a zombie, if no process 1 reaps it.
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    test_kill_process(pid).is_err() || stat.is_ok_and(|stat| stat.contains(") Z "))
}

fn ends_the_children_of_the_command(arch: Arch) {
    let (mut child, grandchild) = running(arch, &[], &TIMES);
    assert_eq!(child.wait().unwrap().code(), Some(124));
    wait_until("the grandchild has ended", || has_ended(grandchild));

    let (mut child, grandchild) = running(arch, &["-f"], &TIMES);
    assert_eq!(child.wait().unwrap().code(), Some(124));
    assert!(!has_ended(grandchild));
    kill_process(grandchild, Signal::KILL).unwrap();
}

fn passes_signals_on(arch: Arch) {
    for (signal, name) in [
        (Signal::TERM, "TERM"),
        (Signal::INT, "INT"),
        (Signal::HUP, "HUP"),
        (Signal::QUIT, "QUIT"),
    ] {
        let mut timeout = example(arch, "timeout");
        timeout.args(["60", "sh", "-c"]);
        timeout.arg("for s in TERM INT HUP QUIT; do trap \"echo $s; exit 5\" $s; done; echo; while :; do sleep 0.05; done");
        let mut child = timeout.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "");
        kill_process(Pid::from_child(&child), signal).unwrap();
        assert_eq!(lines.next().unwrap().unwrap(), name);
        assert_eq!(child.wait().unwrap().code(), Some(5));
    }
    // With -k, SIGKILL follows the signal.
    let (mut child, grandchild) = running(arch, &["-k", "0.2", "-s", "CONT"], &["60"]);
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    child.wait().unwrap();
    wait_until("the grandchild has ended", || has_ended(grandchild));
}
