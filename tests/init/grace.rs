//! Tests of `--grace`: the remaining processes get SIGTERM, the time, and SIGKILL, not earlier and not later.

use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use libtest_mimic::{Completion, Trial};
use rustix::process::{Pid, Signal, getuid, kill_process};

use super::{Running, as_process_1, init, write_executable};
use crate::per_arch;
use crate::skip;
use crate::support::{Arch, Folder, Ran, run, wait_until};

pub fn trials() -> impl Iterator<Item = Trial> {
    per_arch![
        a_worker_can_finish,
        who_does_not_end_is_killed_in_time,
        sigterm_begins_the_time,
        who_got_another_signal_gets_no_sigterm,
        later_signals_are_passed_on,
        a_chain_of_processes_ends,
        it_needs_proc,
        who_joined_gets_sigterm_too,
        a_machine_waits_as_long,
        others_kill_the_worker,
    ]
}

/// Starts a process in a session of its own that finishes its work 0.4 s after SIGTERM. The text `done` in the file `log`
/// shows that the process has finished.
const WORKER: &str = "
setsid sh -c 'trap \"echo got >>log; sleep 0.4; echo done >>log; exit\" TERM INT; : >ready; while :; do sleep 0.02; done' &
until [ -e ready ]; do sleep 0.01; done
";

/// Starts a process that ignores SIGTERM.
const STUBBORN: &str = "
setsid sh -c 'trap \"\" TERM; : >ready; while :; do sleep 0.02; done' &
until [ -e ready ]; do sleep 0.01; done
";

/// The time between the end of a period and the end of `init` that a busy machine may take.
const LATE: f64 = 1.5;

/// How `init` gets orphans: as process 1, or as a subreaper.
fn both(arch: Arch, command: &Command) -> Vec<Command> {
    let mut all = Vec::from_iter(as_process_1(command).ok());
    if arch.is_native() {
        let mut own = Command::new(command.get_program());
        own.args(command.get_args());
        all.push(own);
    }
    all
}

/// Why there is no command to test.
fn skipped(command: &Command) -> Completion {
    match as_process_1(command) {
        Err(why) => Completion::ignored_with(why),
        Ok(_) => Completion::Completed,
    }
}

fn now() -> f64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap().as_secs_f64()
}

/// Runs `init`; its script writes the time to the file `time`. Returns how long `init` runs after this time.
fn run_timed(command: &mut Command, folder: &Folder) -> (Ran, f64) {
    let ran = run(command.current_dir(folder.root()));
    let end = now();
    let text = String::from_utf8(folder.read("time")).unwrap();
    (ran, end - text.trim().parse::<f64>().unwrap())
}

fn log(folder: &Folder) -> String {
    fs::read_to_string(folder.path("log")).unwrap_or_default()
}

const TIME: &str = "date +%s.%N >time; ";

fn a_worker_can_finish(arch: Arch) -> Completion {
    let script = format!("{WORKER}{TIME}exit 5");
    for (grace, expected) in [("5", "got\ndone\n"), ("0.15", "got\n"), ("0", "")] {
        let command = init(arch, &["--grace", grace], &script);
        let one = if grace == "0" { 1 } else { 2 }; // without a period, a subreaper leaves the worker running
        for mut command in both(arch, &command).into_iter().take(one) {
            let folder = Folder::new();
            let (ran, took) = run_timed(&mut command, &folder);
            assert_eq!(
                (ran.status, &*ran.stdout),
                (Some(5), ""),
                "{grace}: {ran:?}"
            );
            assert_eq!(log(&folder), expected, "{grace}");
            // `init` does not wait for the end of the period.
            let least = if grace == "5" { 0.4 } else { 0.0 };
            assert!(least <= took && took < 0.4 + LATE, "{grace}: {took}");
        }
    }
    skipped(&init(arch, &[], ""))
}

fn who_does_not_end_is_killed_in_time(arch: Arch) -> Completion {
    let script = format!("{STUBBORN}{TIME}exit 6");
    for (grace, span) in [("0.3", 0.3), ("900ms", 0.9)] {
        for mut command in both(arch, &init(arch, &["-w", "--grace", grace], &script)) {
            let (ran, took) = run_timed(&mut command, &Folder::new());
            assert_eq!((ran.status, &*ran.stdout), (Some(6), ""), "{ran:?}");
            let killed = ran
                .stderr
                .lines()
                .filter(|line| line.ends_with(" ended: signal 9"));
            assert!(killed.count() >= 1, "{ran:?}");
            assert!(span <= took && took < span + LATE, "{grace}: {took}");
        }
    }
    skipped(&init(arch, &[], ""))
}

/// The program ignores SIGTERM. The worker gets SIGTERM at once.
fn sigterm_begins_the_time(arch: Arch) -> Completion {
    if !arch.is_native() {
        return Completion::ignored_with(skip::SUBREAPER);
    }
    let folder = Folder::new();
    let script = format!(
        "cd {:?}\n{WORKER}trap '' TERM; echo ready; while :; do sleep 0.02; done",
        folder.root()
    );
    let running = Running::new(arch, &["--grace", "0.9"], &script);
    let start = now();
    running.send(Signal::TERM);
    let (status, _) = running.end();
    let took = now() - start;
    assert_eq!(status.code(), Some(128 + 9));
    assert!((0.9..0.9 + LATE).contains(&took), "{took}");
    assert_eq!(log(&folder), "got\ndone\n");
    Completion::Completed
}

/// With `--rewrite`, the program gets the other signal and nothing else, and with `--group` its group too.
fn who_got_another_signal_gets_no_sigterm(arch: Arch) -> Completion {
    if !arch.is_native() {
        return Completion::ignored_with(skip::SUBREAPER);
    }
    let traps = "for n in TERM USR1; do trap \"echo $n >>NAME\" $n; done";
    let member = format!(
        "({}; : >there; while :; do sleep 0.02; done) &",
        traps.replace("NAME", "member")
    );
    for (options, of_member) in [(&["-g"][..], "USR1\n"), (&[], "TERM\n")] {
        let folder = Folder::new();
        let script = format!(
            "exec 2>/dev/null; cd {:?}\n{}\n{member}\n{WORKER}until [ -e there ]; do sleep 0.01; done
            echo ready; while :; do sleep 0.02; done",
            folder.root(),
            traps.replace("NAME", "own")
        );
        let options = [options, &["-r", "TERM:USR1", "--grace", "0.7"]].concat();
        let running = Running::new(arch, &options, &script);
        running.send(Signal::TERM);
        let (status, _) = running.end();
        assert_eq!(status.code(), Some(128 + 9));
        let read = |name| String::from_utf8(folder.read(name)).unwrap();
        assert_eq!(
            (&*read("own"), &*read("member")),
            ("USR1\n", of_member),
            "{options:?}"
        );
        assert_eq!(log(&folder), "got\ndone\n", "{options:?}");
    }
    Completion::Completed
}

/// A second SIGTERM does not change the time. While the program runs, the program gets the signal. Afterwards the remaining
/// processes get the signal.
fn later_signals_are_passed_on(arch: Arch) -> Completion {
    if !arch.is_native() {
        return Completion::ignored_with(skip::SUBREAPER);
    }
    let script = "trap 'echo got' TERM INT; echo ready; while :; do sleep 0.02; done";
    let mut running = Running::new(arch, &["--grace", "0.8"], script);
    let start = now();
    for signal in [Signal::TERM, Signal::TERM, Signal::INT] {
        running.send(signal);
        assert_eq!(running.line(), "got");
        sleep(Duration::from_millis(100));
    }
    assert_eq!(running.end().0.code(), Some(128 + 9));
    let took = now() - start;
    assert!((0.8..0.8 + LATE).contains(&took), "{took}");

    let folder = Folder::new();
    // The worker ends at its second SIGTERM. The first comes at the program's end.
    let worker = "setsid sh -c 'trap \"echo got >>log; trap \\\"echo again >>log; exit\\\" TERM\" TERM; \
        : >ready; while :; do sleep 0.02; done' & until [ -e ready ]; do sleep 0.01; done";
    let script = format!("cd {:?}\n{worker}\necho ready; exit 4", folder.root());
    let mut running = Running::new(arch, &["--grace", "60"], &script);
    wait_until("the first signal", || log(&folder) == "got\n");
    running.send(Signal::TERM);
    let status = running.init.wait().unwrap();
    assert_eq!((status.code(), &*log(&folder)), (Some(4), "got\nagain\n"));
    Completion::Completed
}

/// Each process of the chain starts the next one and ends. So a process can start another one while `init` finds and
/// kills it.
fn a_chain_of_processes_ends(arch: Arch) -> Completion {
    let link = "#!/bin/sh\ntrap '' TERM\necho x >>links\nsetsid ./link &\n";
    for mut command in both(
        arch,
        &init(
            arch,
            &["--grace", "0.2"],
            "setsid ./link & sleep 0.2; exit 8",
        ),
    ) {
        let folder = Folder::new();
        write_executable(&folder.path("link"), link);
        let ran = run(command.current_dir(folder.root()));
        assert_eq!(ran, Ran::new(8, "", ""));
        let links = folder.read("links").len();
        sleep(Duration::from_millis(200));
        assert_eq!(folder.read("links").len(), links, "the chain goes on");
    }
    skipped(&init(arch, &[], ""))
}

/// /proc of another PID namespace has other ids.
fn it_needs_proc(arch: Arch) -> Completion {
    let command = |options: &[&str]| {
        let mut command = as_process_1(&init(arch, options, "exit 3"))?;
        let arguments: Vec<_> = command
            .get_args()
            .filter(|word| *word != "--mount-proc")
            .map(ToOwned::to_owned)
            .collect();
        command = Command::new("unshare");
        command.args(arguments);
        Ok::<_, String>(command)
    };
    let ran = |options| command(options).map(|mut command| run(&mut command));
    match ran(&["--grace", "1"]) {
        Ok(ran) => assert_eq!(ran, Ran::new(3, "", "")), // kill(2) finds the processes
        Err(why) => return Completion::ignored_with(why),
    }
    let refused = Ran::new(1, "", "init: search /proc: No such process (ESRCH)\n");
    assert_eq!(ran(&["--grace", "1", "-r", "TERM:QUIT"]), Ok(refused));
    Completion::Completed
}

/// A process that joins the PID namespace, as with `docker exec`, is no descendant of `init`.
fn who_joined_gets_sigterm_too(arch: Arch) -> Completion {
    let script = "trap 'exit 3' USR1; : >ready; while :; do sleep 0.02; done";
    let command = init(arch, &["-r", "TERM:USR1", "--grace", "5"], script);
    let mut command = match as_process_1(&command) {
        Ok(command) if getuid().is_root() => command,
        Ok(_) => return Completion::ignored_with(skip::namespaces("not root")),
        Err(why) => return Completion::ignored_with(why),
    };
    let folder = Folder::new();
    let mut unshare = command.current_dir(folder.root()).spawn().unwrap();
    wait_until("CMD", || folder.path("ready").exists());
    let id = unshare.id();
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
    let first: i32 = children.trim().parse().unwrap();
    let mut enter = Command::new("nsenter");
    enter.args(["--pid", "--target", &first.to_string(), "sh", "-c"]);
    enter.arg("trap 'echo got >>log; exit' TERM; : >joined; while :; do sleep 0.02; done");
    let mut joined = enter.current_dir(folder.root()).spawn().unwrap();
    wait_until("the process that joins", || folder.path("joined").exists());
    kill_process(Pid::from_raw(first).unwrap(), Signal::TERM).unwrap();
    assert_eq!(unshare.wait().unwrap().code(), Some(3));
    joined.wait().unwrap();
    assert_eq!(log(&folder), "got\n");
    Completion::Completed
}

/// `--boot` uses the time of `--grace` in place of its 2 s.
fn a_machine_waits_as_long(arch: Arch) -> Completion {
    let script = format!("{STUBBORN}{TIME}exit 6");
    let mut command = match as_process_1(&init(arch, &["--boot", "--grace", "0.4"], &script)) {
        Ok(command) => command,
        Err(why) => return Completion::ignored_with(why),
    };
    let arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
    command = Command::new("unshare");
    command.args(["--mount", "--net"]).args(arguments);
    let (ran, took) = run_timed(&mut command, &Folder::new());
    assert!(ran.stderr.ends_with("init: exit status 6\n"), "{ran:?}");
    assert!((0.4..0.4 + LATE).contains(&took), "{took}");
    Completion::Completed
}

/// tini, dumb-init and catatonit, with the same program: the worker does not finish.
fn others_kill_the_worker(arch: Arch) -> Completion {
    if !arch.is_native() {
        return Completion::ignored_with(skip::PEERS_OF_INIT);
    }
    let script = format!("{WORKER}exit 5");
    for peer in [
        &["tini", "-g", "--"][..],
        &["dumb-init", "--"],
        &["catatonit", "--"],
    ] {
        let mut command = Command::new(peer[0]);
        command.args(&peer[1..]).args(["sh", "-c", &script]);
        if Command::new(peer[0]).arg("--version").output().is_err() {
            return Completion::ignored_with(skip::PEERS_OF_INIT);
        }
        let mut command = match as_process_1(&command) {
            Ok(command) => command,
            Err(why) => return Completion::ignored_with(why),
        };
        let folder = Folder::new();
        let ran = run(command.current_dir(folder.root()));
        assert_eq!(
            (ran.status, &*log(&folder)),
            (Some(5), ""),
            "{peer:?}: {ran:?}"
        );
    }
    Completion::Completed
}
