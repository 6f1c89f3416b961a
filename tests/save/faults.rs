//! Every system call of a run of `save` killed once and failed once, under the real strace.

use std::fs::{self, File};
use std::io::Write;
use std::process::Command;

use libtest_mimic::Trial;

use super::{OLD, content, failed, fine};
use crate::support::{Arch, Folder, Ran, once};
use crate::trial::trial;

pub fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for scenario in &SCENARIOS {
        let mut add = |name, test: fn(&Scenario)| {
            trials.push(trial(
                format!("save::faults::{name} ({})", scenario.name),
                move || test(scenario),
            ))
        };
        add("makes_these_calls", makes_these_calls);
        add("survives_a_kill_at_any_call", survives_a_kill_at_any_call);
        add("survives_errors_of_any_call", survives_errors_of_any_call);
    }
    trials.extend([
        once("save::faults::says_what_failed", says_what_failed),
        once("save::faults::holds_signals_back", holds_signals_back),
        once("save::faults::takes_another_name", takes_another_name),
        once(
            "save::faults::syncs_file_and_directory",
            syncs_file_and_directory,
        ),
    ]);
    trials
}

/// strace is for the programs that this machine runs itself.
const NATIVE: Arch = if cfg!(target_arch = "x86_64") {
    Arch::X86_64
} else {
    Arch::Aarch64
};

/// One way through the program.
struct Scenario {
    name: &'static str,
    arguments: &'static [&'static str],
    /// Whether there is a file `f`.
    old: bool,
    /// Where standard input comes from: a file or a pipe.
    from_file: bool,
    /// What fails all the time: a call, its error, and at which of its calls (`when=`) that begins.
    broken: Option<(&'static str, &'static str, usize)>,
    /// The calls between start-up and exit.
    calls: &'static str,
}

const SCENARIOS: [Scenario; 9] = [
    Scenario {
        name: "a pipe over a file",
        arguments: &["f"],
        old: true,
        from_file: false,
        broken: None,
        calls: "rt_sigprocmask statx statx openat readlinkat statx openat close openat \
                copy_file_range splice splice mmap read munmap \
                fchown getxattr fremovexattr fchmod fsync \
                rt_sigprocmask getrandom linkat close renameat rt_sigprocmask fsync close",
    },
    Scenario {
        name: "a file over a file",
        arguments: &["-m", "640", "f"],
        old: true,
        from_file: true,
        broken: None,
        calls: "rt_sigprocmask statx statx openat readlinkat statx openat close openat \
                copy_file_range copy_file_range splice mmap read munmap \
                fchown getxattr fremovexattr fchmod fsync \
                rt_sigprocmask getrandom linkat close renameat rt_sigprocmask fsync close",
    },
    Scenario {
        name: "a new file",
        arguments: &["f", "-m640"],
        old: false,
        from_file: false,
        broken: None,
        calls: "rt_sigprocmask statx statx openat readlinkat openat close openat \
                copy_file_range splice splice mmap read munmap fchmod fsync \
                rt_sigprocmask linkat close rt_sigprocmask fsync close",
    },
    Scenario {
        name: "without sync",
        arguments: &["--no-sync", "f"],
        old: true,
        from_file: false,
        broken: None,
        calls: "rt_sigprocmask statx statx openat readlinkat statx openat \
                copy_file_range splice splice mmap read munmap fchown getxattr fremovexattr fchmod \
                rt_sigprocmask getrandom linkat close renameat rt_sigprocmask close",
    },
    Scenario {
        name: "without O_TMPFILE",
        arguments: &["f"],
        old: true,
        from_file: false,
        broken: Some(("openat", "EOPNOTSUPP", 3)),
        calls: "rt_sigprocmask statx statx openat readlinkat statx openat close \
                openat getrandom openat copy_file_range splice splice mmap read munmap \
                fchown getxattr fremovexattr fchmod fsync \
                rt_sigprocmask close renameat rt_sigprocmask fsync close",
    },
    Scenario {
        name: "without a way to link",
        arguments: &["f"],
        old: true,
        from_file: false,
        broken: Some(("linkat", "ENOENT", 1)),
        calls: "rt_sigprocmask statx statx openat readlinkat statx openat close openat \
                copy_file_range splice splice mmap read munmap \
                fchown getxattr fremovexattr fchmod fsync \
                rt_sigprocmask getrandom linkat linkat rt_sigprocmask \
                getrandom openat lseek copy_file_range copy_file_range splice mmap read munmap close \
                fchown getxattr fremovexattr fchmod fsync \
                rt_sigprocmask close renameat rt_sigprocmask fsync close",
    },
    Scenario {
        name: "a new file without a way to link",
        arguments: &["f", "-m640"],
        old: false,
        from_file: false,
        broken: Some(("linkat", "ENOENT", 1)),
        calls: "rt_sigprocmask statx statx openat readlinkat openat close openat \
                copy_file_range splice splice mmap read munmap fchmod fsync \
                rt_sigprocmask linkat linkat getrandom linkat linkat rt_sigprocmask \
                getrandom openat lseek copy_file_range copy_file_range splice mmap read munmap close \
                fchmod fsync rt_sigprocmask close renameat rt_sigprocmask fsync close",
    },
    Scenario {
        name: "appending",
        arguments: &["-a", "f"],
        old: true,
        from_file: false,
        broken: None,
        calls: "rt_sigprocmask statx openat statx copy_file_range splice mmap read write read munmap \
                fsync close",
    },
    Scenario {
        name: "appending to a new file",
        arguments: &["-a", "-m640", "f"],
        old: false,
        from_file: false,
        broken: None,
        calls: "rt_sigprocmask statx openat openat readlinkat openat close openat statx \
                copy_file_range splice mmap read write read munmap fchmod fsync fsync close close",
    },
];

/// A call of a run: its name, and which of its calls it is, from 1.
struct Call {
    name: String,
    nth: usize,
}

impl Scenario {
    /// Fewer bytes than a pipe and the buffer hold, so that each run makes the same calls.
    fn input(&self) -> Vec<u8> {
        content(50_000)
    }

    fn before(&self) -> Vec<u8> {
        if self.old { OLD.into() } else { Vec::new() }
    }

    fn after(&self) -> Vec<u8> {
        match self.arguments[0] {
            "-a" => [self.before(), self.input()].concat(),
            _ => self.input(),
        }
    }

    fn folder(&self) -> Folder {
        let folder = Folder::new();
        if self.old {
            fs::write(folder.path("f"), OLD).unwrap();
            folder.set_mode("f", 0o640);
        }
        folder
    }

    /// Runs it under strace with one more injection, and says which calls it made.
    fn run(&self, folder: &Folder, injection: Option<&str>) -> (Ran, Vec<Call>) {
        let aside = Folder::new();
        let trace = aside.path("trace");
        let mut command = Command::new("strace");
        command.arg("-o").arg(&trace);
        if let Some((call, error, first)) = self.broken {
            command.args(["-e", &format!("inject={call}:error={error}:when={first}")]);
            if call == "linkat" {
                command.args(["-e", &format!("inject={call}:error={error}")]);
            }
        }
        if let Some(injection) = injection {
            command.args(["-e", &format!("inject={injection}")]);
        }
        command.arg(NATIVE.shipped("save")).args(self.arguments);
        let ran = if self.from_file {
            fs::write(aside.path("in"), self.input()).unwrap();
            folder.run(&mut command, File::open(aside.path("in")).unwrap())
        } else {
            let (reader, mut writer) = std::io::pipe().unwrap();
            writer.write_all(&self.input()).unwrap();
            drop(writer);
            folder.run(&mut command, reader)
        };
        let mut calls = Vec::<Call>::new();
        for line in fs::read_to_string(trace).unwrap().lines() {
            let Some((name, _)) = line.split_once('(') else {
                continue; // +++ exited with 0 +++
            };
            let nth = 1 + calls.iter().filter(|call| call.name == name).count();
            calls.push(Call {
                name: name.into(),
                nth,
            });
        }
        (ran, calls)
    }

    /// The calls of an undisturbed run, without those of start-up and exit: a program without a
    /// file or a message cannot go wrong by them.
    fn calls(&self) -> Vec<Call> {
        let folder = self.folder();
        let (ran, mut calls) = self.run(&folder, None);
        assert_eq!(ran, fine());
        assert!(folder.read("f") == self.after());
        assert_eq!(folder.mode("f"), 0o640);
        assert_eq!(folder.names(), ["f"]);
        calls.retain(|call| !["execve", "mprotect", "exit_group"].contains(&call.name.as_str()));
        calls
    }

    /// Where the injection goes that disturbs this call; none where it is broken as it is.
    fn when(&self, call: &Call) -> Option<String> {
        match self.broken {
            Some((name, ..)) if name == "linkat" && call.name == name => None,
            // strace keeps one injection a call: one range has to hold the broken one too.
            Some((name, _, first)) if call.name == name => {
                (call.nth > first).then(|| format!("{first}..{}", call.nth))
            }
            _ => Some(call.nth.to_string()),
        }
    }
}

fn makes_these_calls(scenario: &Scenario) {
    let mut calls: Vec<_> = scenario.calls().into_iter().map(|call| call.name).collect();
    if scenario.broken.is_none() {
        // Before Linux 6.10 the first way to link is root's alone, and others come to the second.
        calls.dedup_by(|next, call| next == call && call == "linkat");
    }
    let wanted: Vec<_> = scenario.calls.split_whitespace().collect();
    assert_eq!(calls, wanted);
}

/// What a run may leave that was killed or failed: the old file or the new one, whole.
fn check(scenario: &Scenario, folder: &Folder) -> bool {
    let found = fs::read(folder.path("f")).unwrap_or_default();
    let is_new = found == scenario.after();
    assert!(
        is_new || found == scenario.before(),
        "{} bytes",
        found.len()
    );
    is_new
}

fn survives_a_kill_at_any_call(scenario: &Scenario) {
    for call in scenario.calls() {
        let Some(when) = scenario.when(&call) else {
            continue;
        };
        let folder = scenario.folder();
        let injection = format!("{}:signal=KILL:when={when}", call.name);
        let (ran, calls) = scenario.run(&folder, Some(&injection));
        assert_eq!(
            ran,
            Ran {
                status: None,
                ..fine()
            },
            "{injection}"
        );
        assert_eq!(calls.last().unwrap().name, call.name, "{injection}");
        check(scenario, &folder);
        // Between its two names, the file is whole; before, it has no name, or is broken by design.
        let linked = calls.iter().any(|call| call.name == "linkat");
        for name in folder.names().iter().filter(|name| *name != "f") {
            assert!(name.starts_with(".ring3-"), "{injection} left {name}");
            let mode = folder.mode(name);
            assert!(
                mode == 0o600 || mode == 0o640,
                "{injection} left {name}, {mode:o}"
            );
            match scenario.broken {
                None => assert!(
                    linked && folder.read(name) == scenario.after(),
                    "{injection}"
                ),
                Some(_) => assert!(
                    scenario.after().starts_with(&folder.read(name)),
                    "{injection}"
                ),
            }
        }
        assert_eq!(folder.save(NATIVE, &["f"], b"next"), fine());
        assert_eq!(folder.read("f"), b"next");
    }
}

fn survives_errors_of_any_call(scenario: &Scenario) {
    for call in scenario.calls() {
        let Some(when) = scenario.when(&call) else {
            continue;
        };
        for error in ["EIO", "EPERM", "ENOSYS", "EINTR"] {
            let folder = scenario.folder();
            let injection = format!("{}:error={error}:when={when}", call.name);
            let (ran, _) = scenario.run(&folder, Some(&injection));
            let is_new = check(scenario, &folder);
            let context = format!("{injection}: {ran:?}");
            match ran.status {
                Some(0) => {
                    assert_eq!(ran, fine(), "{context}");
                    assert!(is_new, "{context}");
                    assert_eq!(folder.mode("f"), 0o640, "{context}");
                }
                Some(1) => {
                    assert!(ran.stderr.starts_with("save: "), "{context}");
                    assert!(ran.stderr.ends_with(&format!("({error})\n")), "{context}");
                    assert_eq!(ran.stderr.lines().count(), 1, "{context}");
                    // By then the new file is in its place, or complete.
                    let late = match scenario.arguments[0] {
                        "-a" => "save: close f: ",
                        _ => "save: sync directory of f: ",
                    };
                    let is_late = ran.stderr.starts_with(late);
                    assert_eq!(is_new, is_late, "{context}");
                }
                _ => panic!("{context}"),
            }
            let others = folder.names().into_iter().filter(|name| name != "f");
            assert_eq!(others.count(), 0, "{context}");
        }
    }
}

/// What must not be passed over, and how it is told.
fn says_what_failed() {
    let (over, new, append) = (&SCENARIOS[0], &SCENARIOS[2], &SCENARIOS[7]);
    for (scenario, injection, operation) in [
        (over, "statx:error=EIO:when=1", "read stdin"),
        (over, "statx:error=EIO:when=2", "open f"),
        (over, "readlinkat:error=EIO", "open f"),
        (over, "openat:error=EIO:when=2", "open directory of f"),
        (over, "openat:error=EIO:when=3..4", "open f"),
        (over, "mmap:error=EIO", "read stdin"),
        (over, "read:error=EIO", "read stdin"),
        (over, "fchown:error=EIO", "set owner of f"),
        (over, "getxattr:error=EIO", "set access control list of f"),
        (
            over,
            "fremovexattr:error=EIO",
            "set access control list of f",
        ),
        (over, "fchmod:error=EIO", "set mode of f"),
        (over, "fsync:error=EIO:when=1", "sync f"),
        (over, "close:error=EIO:when=2", "replace f"),
        (over, "renameat:error=EIO", "replace f"),
        (new, "fchmod:error=EIO", "set mode of f"),
        (new, "fsync:error=EIO:when=1", "sync f"),
        (append, "write:error=EIO:when=1", "write f"),
        (append, "fsync:error=EIO", "sync f"),
    ] {
        let folder = scenario.folder();
        let (ran, _) = scenario.run(&folder, Some(injection));
        let message = format!("{operation}: Input/output error (EIO)");
        assert_eq!(ran, failed(&message), "{injection}");
        let names: &[&str] = if scenario.old { &["f"] } else { &[] };
        assert_eq!(folder.names(), names, "{injection}");
        if scenario.old {
            assert_eq!(folder.read("f"), OLD, "{injection}");
            assert_eq!(folder.mode("f"), 0o640, "{injection}");
        }
    }
    let folder = over.folder();
    let (ran, _) = over.run(&folder, Some("fsync:error=EIO:when=2"));
    let message = "sync directory of f: Input/output error (EIO)";
    assert_eq!(ran, failed(message));
    assert!(folder.read("f") == over.after());
}

/// A signal that comes while the file has a name from which to rename it waits until it is renamed.
fn holds_signals_back() {
    let scenario = &SCENARIOS[0];
    for call in ["getrandom", "linkat", "close:when=2", "renameat"] {
        let (call, when) = call.split_once(':').unwrap_or((call, "when=1"));
        let folder = scenario.folder();
        let injection = format!("{call}:signal=TERM:{when}");
        let (ran, _) = scenario.run(&folder, Some(&injection));
        assert_eq!(
            ran,
            Ran {
                status: None,
                ..fine()
            },
            "{injection}"
        );
        assert!(folder.read("f") == scenario.after(), "{injection}");
        assert_eq!(folder.names(), ["f"], "{injection}");
    }
    let folder = scenario.folder();
    let (ran, _) = scenario.run(&folder, Some("renameat:error=EIO:signal=TERM"));
    assert_eq!(
        ran,
        Ran {
            status: None,
            ..fine()
        }
    );
    assert_eq!(folder.read("f"), OLD);
    assert_eq!(folder.names(), ["f"]);
}

/// A name that is taken, by chance or by somebody who would like to be in the way, is not used.
fn takes_another_name() {
    for (scenario, injection, names) in [
        (&SCENARIOS[0], "linkat:error=EEXIST:when=1..3", 4),
        // The first time it is the new file's own name.
        (&SCENARIOS[2], "linkat:error=EEXIST:when=1..3", 3),
        // The first time it is the file without a name.
        (&SCENARIOS[0], "openat:error=EEXIST:when=3..5", 3),
    ] {
        let folder = scenario.folder();
        let (ran, calls) = scenario.run(&folder, Some(injection));
        assert_eq!(ran, fine(), "{injection}");
        assert!(folder.read("f") == scenario.after(), "{injection}");
        assert_eq!(folder.names(), ["f"], "{injection}");
        let tried = calls.iter().filter(|call| call.name == "getrandom");
        assert_eq!(tried.count(), names, "{injection}");
    }
}

/// The file before it gets its name, the directory after.
fn syncs_file_and_directory() {
    let folder = SCENARIOS[0].folder();
    let aside = Folder::new();
    let mut command = Command::new("strace");
    command
        .args(["-y", "-e", "trace=fsync,linkat,renameat", "-o"])
        .arg(aside.path("trace"))
        .arg(NATIVE.shipped("save"))
        .arg("f");
    assert_eq!(folder.feed(&mut command, b"new"), fine());
    let trace = fs::read_to_string(aside.path("trace")).unwrap();
    let [file, links @ .., rename, directory, _exit] = &trace.lines().collect::<Vec<_>>()[..]
    else {
        panic!("{trace}");
    };
    let path = fs::canonicalize(folder.path("")).unwrap();
    let path = path.display();
    let is_of = |line: &str, what: &str| line.starts_with("fsync(") && line.contains(what);
    assert!(is_of(file, &format!("<{path}/#")), "{trace}");
    assert!(links.iter().any(|link| link.ends_with(" = 0")), "{trace}");
    assert!(rename.starts_with("renameat("), "{trace}");
    assert!(is_of(directory, &format!("<{path}>)")), "{trace}");
}
