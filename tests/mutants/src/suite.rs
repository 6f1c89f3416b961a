//! Runs a test program up to its first failure or its time limit, then kills and reaps all processes that the program
//! started.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, wait};

pub enum Ran {
    Passed,
    /// The name of the first test that failed.
    Failed(String),
    /// How the program ended, if it ended without a failed test.
    Died(String),
    TimedOut,
}

/// From this call on, orphaned descendants become children of this process, which kills and reaps them.
pub fn adopt_orphans() {
    set_child_subreaper(Some(getpid())).expect("Linux has it since 3.4");
}

/// Runs the tests with `filter` in their names. A failure counts only if the test also fails when it runs alone: on a
/// busy machine a test may exceed its time limit.
pub fn run_tests(
    program: impl Fn() -> Command,
    filter: &str,
    skipped: &[String],
    limit: Duration,
) -> Ran {
    let mut skipped = skipped.to_vec();
    loop {
        let skips = skipped.iter().flat_map(|test| ["--skip", test]);
        match run(program().arg(filter).args(skips), limit) {
            Ran::Failed(test) => match run(program().args(["--exact", &test]), limit) {
                Ran::Passed => skipped.push(test),
                _ => return Ran::Failed(test),
            },
            ran => return ran,
        }
    }
}

/// Runs a command up to the first line `test ... FAILED` of its output.
pub fn run(command: &mut Command, limit: Duration) -> Ran {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command
        .process_group(0)
        .spawn()
        .expect("the program starts");
    let pid = Pid::from_child(&child);
    let (sender, receiver) = channel();
    let stdout = BufReader::new(child.stdout.take().expect("piped"));
    std::thread::spawn(move || {
        let failed = |line: String| {
            Some(
                line.strip_prefix("test ")?
                    .strip_suffix(" ... FAILED")?
                    .trim_end()
                    .to_owned(),
            )
        };
        for line in stdout.lines().map_while(Result::ok) {
            let _ = failed(line).is_some_and(|test| sender.send(test).is_err()); // an error: the receiver is gone
        }
    });

    let begin = Instant::now();
    let mut ended = None;
    let ran = loop {
        match receiver.recv_timeout(Duration::from_millis(20)) {
            Ok(test) => break Ran::Failed(test),
            Err(RecvTimeoutError::Disconnected) => std::thread::sleep(Duration::from_millis(20)),
            Err(RecvTimeoutError::Timeout) => (),
        }
        while let Ok(Some((done, status))) = wait(WaitOptions::NOHANG) {
            if done == pid {
                ended = Some(status);
            }
        }
        if let Some(status) = ended {
            // The reader can still have lines before it: it ends at the end of the output.
            break match receiver.recv_timeout(Duration::from_secs(1)) {
                Ok(test) => Ran::Failed(test),
                _ if status.exit_status() == Some(0) => Ran::Passed,
                _ => Ran::Died(format!("{status:?}")),
            };
        }
        if begin.elapsed() > limit {
            break Ran::TimedOut;
        }
    };
    end_all();
    let _ = child.wait(); // an error: the child is reaped already
    ran
}

/// Kills and reaps all descendants of this process.
fn end_all() {
    loop {
        for process in children("self") {
            end(process);
        }
        // The children of a killed process become children of this process. The next round kills them.
        if wait(WaitOptions::empty()).is_err() {
            return;
        }
    }
}

/// Kills the children of a process, then the process.
fn end(process: Pid) {
    let _ = kill_process(process, Signal::STOP); // a stopped process starts no more children
    for child in children(&process.as_raw_nonzero().to_string()) {
        end(child);
    }
    let _ = kill_process(process, Signal::KILL); // an error: the process has ended
}

fn children(process: &str) -> Vec<Pid> {
    let tasks = fs::read_dir(format!("/proc/{process}/task"))
        .into_iter()
        .flatten()
        .flatten();
    let lists =
        tasks.map(|task| fs::read_to_string(task.path().join("children")).unwrap_or_default());
    let lists: String = lists.collect();
    lists
        .split_whitespace()
        .filter_map(|pid| Pid::from_raw(pid.parse().ok()?))
        .collect()
}
