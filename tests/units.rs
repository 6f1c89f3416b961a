//! Runs the tests of a libtest program: the library's unit tests, or the models under loom. Each test runs in a
//! separate process, with a time limit. libtest has no time limit: it only prints the names of tests that have run for
//! a minute.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use libtest_mimic::{Completion, Trial};

use crate::support::{Folder, once, run};
use crate::trial::{may_take, printed_of, trial};

pub fn trials() -> Vec<Trial> {
    vec![once(
        "units::ends_a_test_that_hangs",
        ends_a_test_that_hangs,
    )]
}

/// The limit of each test in seconds, then the words of the command that runs the libtest program, a line for each. If this
/// variable is set, the runner runs the tests of that program, and no others.
const UNITS: &str = "RING3_UNITS";

/// The tests of that program, if the variable is set.
pub fn of_another_program() -> Option<Vec<Trial>> {
    let variable = std::env::var(UNITS).ok()?;
    let (seconds, words) = variable.split_once('\n').unwrap();
    let limit = Duration::from_secs(seconds.parse().unwrap());
    let program = words.to_owned();
    let ran = run(command(&program).args(["--list", "--format", "terse"]));
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let names = ran.stdout.lines();
    let names = names.map(|line| line.strip_suffix(": test").unwrap().to_owned());
    Some(names.map(|name| test(&program, name, limit)).collect())
}

/// A test that cannot run here prints this and the reason, on a line of standard error. (libtest itself cannot skip a test
/// that has begun.)
const SKIPPED: &str = "skipped: ";

fn command(words: &str) -> Command {
    let mut words = words.lines();
    let mut command = Command::new(words.next().unwrap());
    command.args(words);
    command
}

fn test(program: &str, name: String, limit: Duration) -> Trial {
    let mut command = command(program);
    trial(name.clone(), move || {
        may_take(limit);
        let ran = run(command.args(["--exact", &name, "--nocapture"]));
        assert_eq!(ran.status, Some(0), "{}{}", ran.stdout, ran.stderr);
        match ran
            .stderr
            .lines()
            .find_map(|line| line.strip_prefix(SKIPPED))
        {
            Some(why) => Completion::ignored_with(why),
            None => Completion::Completed,
        }
    })
}

fn ends_a_test_that_hangs() {
    let folder = Folder::new();
    let program = folder.path("libtest");
    // A libtest program with only the options that the runner uses.
    let script = "#!/bin/sh
        case $* in
        '--list --format terse') printf '%s: test\\n' hangs passes fails skips ;;
        '--exact hangs --nocapture') sleep 1000; : ;;
        '--exact passes --nocapture') ;;
        '--exact skips --nocapture') echo 'skipped: this machine has no moon' >&2 ;;
        '--exact fails --nocapture') echo because; exit 101 ;;
        esac";
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut runner = Command::new(std::env::current_exe().unwrap());
    let ran = run(runner.env(UNITS, format!("1\n{}", program.display())));
    assert_eq!(ran.status, Some(101), "{ran:?}");
    let count = "test result: FAILED. 1 passed; 2 failed; 1 ignored;";
    assert!(ran.stdout.contains(count), "{ran:?}");
    let printed = printed_of("hangs", &ran.stdout);
    assert!(
        printed[0].starts_with("not done after 1 s, its limit"),
        "{printed:?}"
    );
    assert!(printed[1].ends_with(": sleep 1000"), "{printed:?}");
    assert!(ran.stdout.contains("because"), "{ran:?}");
    assert!(
        ran.stdout.contains("ignored (this machine has no moon)"),
        "{ran:?}"
    );
}
