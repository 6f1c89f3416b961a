//! Tests of `save` with faults: under strace each system call of a run is killed once, and fails once with each of
//! several errors.

use std::fs::{self, File};
use std::io::Write;
use std::process::Command;

use libtest_mimic::Trial;

use super::{OLD, content, failed, fine};
use crate::support::{Arch, Folder, Ran, once, wait_until};
use crate::trial::{LONG, may_take, trial};

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
        once("save::faults::does_without", does_without),
        once(
            "save::faults::opens_files_for_itself",
            opens_files_for_itself,
        ),
        once("save::faults::says_what_would_help", says_what_would_help),
        once("save::faults::holds_signals_back", holds_signals_back),
        once("save::faults::takes_another_name", takes_another_name),
        once(
            "save::faults::removes_its_name_at_a_signal",
            removes_its_name_at_a_signal,
        ),
        once(
            "save::faults::leaves_ignored_signals_alone",
            leaves_ignored_signals_alone,
        ),
        once(
            "save::faults::removes_what_is_left_of_several",
            removes_what_is_left_of_several,
        ),
        once(
            "save::faults::passes_over_a_name_in_use",
            passes_over_a_name_in_use,
        ),
        once("save::faults::does_without_statx", does_without_statx),
        once(
            "save::faults::syncs_what_it_may_not_read",
            syncs_what_it_may_not_read,
        ),
        once(
            "save::faults::writes_to_the_kernel_once",
            writes_to_the_kernel_once,
        ),
        once(
            "save::faults::syncs_file_and_directory",
            syncs_file_and_directory,
        ),
    ]);
    trials
}

const NATIVE: Arch = Arch::NATIVE;

/// One path through the program.
struct Scenario {
    name: &'static str,
    /// `save`, or `msort` with the input on standard input.
    program: &'static str,
    arguments: &'static [&'static str],
    /// Whether the file `f` exists.
    old: bool,
    /// Whether standard input is a file; otherwise it is a pipe.
    from_file: bool,
    /// A call that always fails: its name, its error, and the number of the first failing call (`when=`).
    broken: Option<(&'static str, &'static str, usize)>,
    /// The calls between start-up and exit; for `msort` from the first statx on. After a colon: the operation in the
    /// message if the call fails with EIO. Without a colon, such a failure has no effect.
    calls: &'static str,
}

const SCENARIOS: [Scenario; 13] = [
    Scenario {
        name: "a pipe over a file",
        program: "save",
        arguments: &["f"],
        old: true,
        from_file: false,
        broken: None,
        calls: "rt_sigprocmask statx:stat_stdin statx:open openat:open readlinkat:open fstatfs \
                statx:open openat:open_directory_of close statx openat fchown:set_owner_of \
                copy_file_range splice splice mmap:read_stdin read:read_stdin munmap \
                getxattr:set_access_control_list_of fremovexattr:set_access_control_list_of \
                fchmod:set_mode_of fsync:sync rt_sigprocmask flock openat openat openat openat \
                linkat fcntl:replace close:replace renameat2:replace rt_sigprocmask \
                fsync:sync_directory_of close close",
    },
    Scenario {
        name: "a file over a file",
        program: "save",
        arguments: &["-m", "640", "f"],
        old: true,
        from_file: true,
        broken: None,
        calls: "rt_sigprocmask statx:stat_stdin statx:open openat:open readlinkat:open fstatfs \
                statx:open openat:open_directory_of close statx openat fchown:set_owner_of \
                copy_file_range copy_file_range splice mmap:read_stdin read:read_stdin munmap \
                getxattr:set_access_control_list_of fremovexattr:set_access_control_list_of \
                fchmod:set_mode_of fsync:sync rt_sigprocmask flock openat openat openat openat \
                linkat fcntl:replace close:replace renameat2:replace rt_sigprocmask \
                fsync:sync_directory_of close close",
    },
    Scenario {
        name: "a new file",
        program: "save",
        arguments: &["f", "-m640"],
        old: false,
        from_file: false,
        broken: None,
        calls: "rt_sigprocmask statx:stat_stdin statx:open openat:open readlinkat:open fstatfs \
                openat:open_directory_of close statx openat copy_file_range splice splice \
                mmap:read_stdin read:read_stdin munmap fchmod:set_mode_of fsync:sync \
                rt_sigprocmask flock openat openat openat openat linkat fcntl:replace \
                close:replace renameat2:replace rt_sigprocmask fsync:sync_directory_of close \
                close",
    },
    Scenario {
        name: "without sync",
        program: "save",
        arguments: &["--no-sync", "f"],
        old: true,
        from_file: false,
        broken: None,
        calls: "rt_sigprocmask statx:stat_stdin statx:open openat:open readlinkat:open fstatfs \
                statx:open statx openat fchown:set_owner_of copy_file_range splice splice \
                mmap:read_stdin read:read_stdin munmap getxattr:set_access_control_list_of \
                fremovexattr:set_access_control_list_of fchmod:set_mode_of rt_sigprocmask \
                flock openat openat openat openat linkat fcntl:replace close:replace \
                renameat2:replace rt_sigprocmask close close",
    },
    Scenario {
        name: "without O_TMPFILE",
        program: "save",
        arguments: &["f"],
        old: true,
        from_file: false,
        broken: Some(("openat", "EOPNOTSUPP", 3)),
        calls: "rt_sigprocmask statx:stat_stdin statx:open openat readlinkat:open fstatfs \
                statx:open openat close statx openat rt_sigprocmask openat openat openat \
                openat openat:open flock statx statx rt_sigaction rt_sigaction rt_sigaction \
                rt_sigaction rt_sigaction rt_sigaction rt_sigaction rt_sigaction rt_sigaction \
                rt_sigaction rt_sigaction rt_sigaction rt_sigprocmask fchown:set_owner_of \
                copy_file_range splice splice mmap:read_stdin read:read_stdin munmap \
                getxattr:set_access_control_list_of fremovexattr:set_access_control_list_of \
                fchmod:set_mode_of fsync:sync rt_sigprocmask fcntl:replace close:replace \
                renameat2:replace rt_sigprocmask fsync:sync_directory_of close close",
    },
    Scenario {
        name: "without a way to link",
        program: "save",
        arguments: &["f"],
        old: true,
        from_file: false,
        broken: Some(("linkat", "ENOENT", 1)),
        calls: "rt_sigprocmask statx:stat_stdin statx:open openat:open readlinkat:open fstatfs \
                statx:open openat:open_directory_of close statx openat fchown:set_owner_of \
                copy_file_range splice splice mmap:read_stdin read:read_stdin munmap \
                getxattr:set_access_control_list_of fremovexattr:set_access_control_list_of \
                fchmod:set_mode_of fsync:sync rt_sigprocmask flock openat openat openat openat \
                linkat linkat rt_sigprocmask openat openat openat openat openat:open flock \
                statx statx rt_sigaction rt_sigaction rt_sigaction rt_sigaction rt_sigaction \
                rt_sigaction rt_sigaction rt_sigaction rt_sigaction rt_sigaction rt_sigaction \
                rt_sigaction rt_sigprocmask rt_sigprocmask fchown:set_owner_of lseek:copy \
                copy_file_range copy_file_range splice mmap:copy read:copy munmap close \
                getxattr:set_access_control_list_of fremovexattr:set_access_control_list_of \
                fchmod:set_mode_of fsync:sync rt_sigprocmask fcntl:replace close:replace \
                renameat2:replace rt_sigprocmask fsync:sync_directory_of close close",
    },
    Scenario {
        name: "a new file without a way to link",
        program: "save",
        arguments: &["f", "-m640"],
        old: false,
        from_file: false,
        broken: Some(("linkat", "ENOENT", 1)),
        calls: "rt_sigprocmask statx:stat_stdin statx:open openat:open readlinkat:open fstatfs \
                openat:open_directory_of close statx openat copy_file_range splice splice \
                mmap:read_stdin read:read_stdin munmap fchmod:set_mode_of fsync:sync \
                rt_sigprocmask flock openat openat openat openat linkat linkat rt_sigprocmask \
                openat openat openat openat openat:open flock statx statx rt_sigaction \
                rt_sigaction rt_sigaction rt_sigaction rt_sigaction rt_sigaction rt_sigaction \
                rt_sigaction rt_sigaction rt_sigaction rt_sigaction rt_sigaction \
                rt_sigprocmask rt_sigprocmask lseek:copy copy_file_range copy_file_range \
                splice mmap:copy read:copy munmap close fchmod:set_mode_of fsync:sync \
                rt_sigprocmask fcntl:replace close:replace renameat2:replace rt_sigprocmask \
                fsync:sync_directory_of close close",
    },
    Scenario {
        name: "appending",
        program: "save",
        arguments: &["-a", "f"],
        old: true,
        from_file: false,
        broken: None,
        calls: "rt_sigprocmask statx:stat_stdin openat:open readlinkat:open openat:open close \
                statx:stat copy_file_range splice mmap:read_stdin read:read_stdin write:write \
                read:read_stdin munmap fsync:sync fcntl:close close:close close",
    },
    Scenario {
        name: "appending to a new file",
        program: "save",
        arguments: &["-a", "-m640", "f"],
        old: false,
        from_file: false,
        broken: None,
        calls: "rt_sigprocmask statx:stat_stdin openat:open readlinkat:open openat:open \
                openat:open_directory_of close openat:open statx:stat copy_file_range splice \
                mmap:read_stdin read:read_stdin write:write read:read_stdin munmap \
                fchmod:set_mode_of fsync:sync fsync:sync_directory_of fcntl:close close:close \
                close close",
    },
    Scenario {
        name: "in place",
        program: "save",
        arguments: &["--in-place", "f"],
        old: true,
        from_file: false,
        broken: None,
        calls: "rt_sigprocmask statx:stat_stdin statx:open openat:open readlinkat:open fstatfs \
                statx:open openat:open memfd_create:open copy_file_range splice splice \
                mmap:read_stdin read:read_stdin munmap rt_sigprocmask lseek:write \
                copy_file_range splice mmap:write read:write write:write read:write munmap \
                ftruncate:write rt_sigprocmask close fsync:sync close:close close",
    },
    Scenario {
        name: "in place with a mode",
        program: "save",
        arguments: &["--in-place", "-m640", "f"],
        old: true,
        from_file: false,
        broken: None,
        calls: "rt_sigprocmask statx:stat_stdin statx:open openat:open readlinkat:open fstatfs \
                statx:open openat:open memfd_create:open copy_file_range splice splice \
                mmap:read_stdin read:read_stdin munmap fchmod:set_mode_of rt_sigprocmask \
                lseek:write copy_file_range splice mmap:write read:write write:write \
                read:write munmap ftruncate:write fchmod:set_mode_of rt_sigprocmask close \
                fsync:sync close:close close",
    },
    Scenario {
        name: "sorted over a file",
        program: "msort",
        arguments: &["-o", "f"],
        old: true,
        from_file: true,
        broken: None,
        calls: "statx read:read_stdin read:read_stdin statx:open openat:open readlinkat:open \
                fstatfs statx:open openat:open_directory_of close statx openat \
                fchown:set_owner_of write:write getxattr:set_access_control_list_of \
                fremovexattr:set_access_control_list_of fchmod:set_mode_of fsync:sync \
                rt_sigprocmask flock openat openat openat openat linkat fcntl:replace \
                close:replace renameat2:replace rt_sigprocmask fsync:sync_directory_of close \
                close",
    },
    Scenario {
        name: "sorted in place",
        program: "msort",
        arguments: &["--in-place", "-o", "f"],
        old: true,
        from_file: false,
        broken: None,
        calls: "statx read:read_stdin read:read_stdin statx:open openat:open readlinkat:open \
                fstatfs statx:open openat:open memfd_create:open write:write rt_sigprocmask \
                lseek:write copy_file_range splice mmap:write read:write write:write \
                read:write munmap ftruncate:write rt_sigprocmask close fsync:sync close:close \
                close",
    },
];

/// A call of a run: its name, and its number among the calls with this name, from 1.
struct Call {
    name: String,
    nth: usize,
    /// The start of the message if the call fails with EIO, before the text of the error.
    message: Option<String>,
}

/// Calls that are repeated if a signal interrupts them.
const RETRIED: [&str; 5] = ["openat", "read", "write", "fsync", "ftruncate"];

impl Call {
    /// The start of the message if the call fails with this error. `None` if the program works without the call.
    fn message(&self, error: &str) -> Option<&str> {
        let without = match error {
            "EINTR" => RETRIED.contains(&self.name.as_str()),
            // The file already has the right owner.
            "EPERM" => ["statx", "fchown"].contains(&self.name.as_str()),
            "ENOSYS" => {
                ["statx", "fchown", "getxattr", "fremovexattr"].contains(&self.name.as_str())
            }
            _ => false,
        };
        self.message.as_deref().filter(|_| !without)
    }
}

impl Scenario {
    /// The input is smaller than a pipe and the buffer, so that each run makes the same calls.
    fn input(&self) -> Vec<u8> {
        content(50_000)
    }

    fn before(&self) -> Vec<u8> {
        if self.old { OLD.into() } else { Vec::new() }
    }

    fn after(&self) -> Vec<u8> {
        if self.program == "msort" {
            let input = self.input();
            let mut lines: Vec<_> = input.split(|&byte| byte == b'\n').collect();
            lines.sort_unstable();
            return [lines.join(&b'\n'), vec![b'\n']].concat();
        }
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

    /// Runs the scenario under strace with one more injection. Returns the result and the calls of the run.
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
        let program = NATIVE.shipped(self.program);
        command.arg(program).args(self.arguments);
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
                message: None,
            });
        }
        (ran, calls)
    }

    /// The calls of `self.calls`, each with the operation and the object of its message.
    fn expected(&self) -> impl Iterator<Item = (&'static str, Option<String>)> {
        self.calls.split_whitespace().map(|call| {
            let (name, message) = call.split_once(':').unzip();
            let message = message.map(|message: &str| match message.replace('_', " ") {
                message if message.ends_with("stdin") => message,
                message => message + " f",
            });
            (name.unwrap_or(call), message)
        })
    }

    /// The calls of an undisturbed run, without the calls of start-up and exit: a failure there cannot affect the file,
    /// or be reported.
    fn calls(&self) -> Vec<Call> {
        let folder = self.folder();
        let (ran, mut calls) = self.run(&folder, None);
        assert_eq!(ran, fine());
        assert!(folder.read("f") == self.after());
        assert_eq!(folder.mode("f"), 0o640);
        assert_eq!(folder.names(), ["f"]);
        const ENDS: [&str; 4] = ["execve", "mprotect", "futex", "exit_group"];
        calls.retain(|call| !ENDS.contains(&call.name.as_str()));
        if self.program == "msort" {
            let first = calls.iter().position(|call| call.name == "statx");
            calls.drain(..first.unwrap());
        }
        let mut expected = self.expected().peekable();
        let mut message = None;
        for call in &mut calls {
            // (An older kernel may refuse the first way to link a file or to create a memfd; a call for the second way
            // follows.)
            if let Some((_, next)) = expected.next_if(|(name, _)| *name == call.name) {
                message = next;
            }
            call.message = message.clone();
        }
        assert!(expected.next().is_none(), "{:?}", expected.next());
        calls
    }

    /// The `when=` of an injection that disturbs this call. `None` if the call always fails in this scenario.
    fn when(&self, call: &Call) -> Option<String> {
        match self.broken {
            Some((name, ..)) if name == "linkat" && call.name == name => None,
            // strace keeps one injection for each call name, so one range must include the calls that always fail.
            Some((name, _, first)) if call.name == name => {
                (call.nth > first).then(|| format!("{first}..{}", call.nth))
            }
            _ => Some(call.nth.to_string()),
        }
    }
}

fn makes_these_calls(scenario: &Scenario) {
    let mut calls: Vec<_> = scenario.calls().into_iter().map(|call| call.name).collect();
    // On older kernels the program takes the second way. Before Linux 6.10 only root can use the first way to link.
    // Before Linux 6.3 there are no memfds without the right to execute.
    let ways: &[&str] = match scenario.broken {
        None => &["linkat", "memfd_create"],
        Some(_) => &["memfd_create"],
    };
    calls.dedup_by(|next, call| next == call && ways.contains(&call.as_str()));
    let wanted: Vec<_> = scenario.expected().map(|(name, _)| name).collect();
    assert_eq!(calls, wanted);
}

/// Checks the file after a run that was killed or failed: it must have the old or the new content, complete. Returns
/// whether it has the new content.
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
    may_take(LONG);
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
        // Between linkat and renameat2 the temporary file is complete. Before linkat it has no name, except in a
        // scenario in which O_TMPFILE always fails.
        let linked = calls.iter().any(|call| call.name == "linkat");
        let left: Vec<_> = folder
            .names()
            .into_iter()
            .filter(|name| name != "f")
            .collect();
        assert!(left.len() <= 1, "{injection} left {left:?}");
        for name in &left {
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
        assert_eq!(folder.names(), ["f"], "{injection}");
    }
}

const DIRECTORY: &str = ": its directory does not allow that; --in-place writes into it";
const PART: &str = ": it may have a part of the new content";

fn survives_errors_of_any_call(scenario: &Scenario) {
    may_take(LONG);
    // For `msort`, which makes the same calls, only the first two errors.
    let errors = match scenario.program {
        "msort" => &["EIO", "EINTR"][..],
        _ => &["EIO", "EINTR", "EPERM", "ENOSYS"],
    };
    for call in scenario.calls() {
        let Some(when) = scenario.when(&call) else {
            continue;
        };
        for &error in errors {
            let folder = scenario.folder();
            let injection = format!("{}:error={error}:when={when}", call.name);
            let (ran, _) = scenario.run(&folder, Some(&injection));
            let is_new = check(scenario, &folder);
            let context = format!("{injection}: {ran:?}");
            let others = folder.names().into_iter().filter(|name| name != "f");
            assert_eq!(others.count(), 0, "{context}");
            let Some(message) = call.message(error) else {
                assert_eq!(ran, fine(), "{context}");
                assert!(is_new, "{context}");
                assert_eq!(folder.mode("f"), 0o640, "{context}");
                continue;
            };
            let in_place = scenario.arguments[0] == "--in-place";
            let causes: &[_] = match message {
                // `msort` writes to a memfd before it writes to the file.
                "write f" if in_place && scenario.program == "msort" => &["", PART],
                "write f" if in_place => &[PART],
                "open f" | "replace f" if error == "EPERM" && scenario.old => &["", DIRECTORY],
                _ => &[""],
            };
            assert_eq!((ran.status, &*ran.stdout), (Some(1), ""), "{context}");
            let wanted = format!("{}: {message}: ", scenario.program);
            let words = ran.stderr.strip_prefix(&wanted).expect(&context);
            let (_, cause) = words.split_once(&format!(" ({error})")).expect(&context);
            let cause = cause.strip_suffix('\n').expect(&context);
            assert!(causes.contains(&cause), "{context}");
            // Whether the new file is in place, or complete, when the call fails.
            let late = match message {
                "sync f" | "close f" => in_place,
                // The file is cut to its new length after all bytes are written.
                "write f" if in_place => is_new,
                // The second time, when -m gives a mode.
                "set mode of f" if in_place => call.nth == 2,
                _ => message == "sync directory of f" && scenario.arguments[0] != "-a",
            };
            assert_eq!(is_new, late, "{context}");
        }
    }
}

/// Failures that must not be ignored, and their messages.
fn says_what_failed() {
    let (over, new, append) = (&SCENARIOS[0], &SCENARIOS[2], &SCENARIOS[7]);
    for (scenario, injection, operation) in [
        (over, "statx:error=EIO:when=1", "stat stdin"),
        (over, "statx:error=EIO:when=2", "open f"),
        (over, "readlinkat:error=EIO", "open f"),
        (over, "openat:error=EIO:when=2", "open directory of f"),
        (over, "openat:error=EIO:when=3..8", "open f"),
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
        (over, "renameat2:error=EIO", "replace f"),
        (new, "fchmod:error=EIO", "set mode of f"),
        (new, "fsync:error=EIO:when=1", "sync f"),
        (append, "write:error=EIO:when=1", "write f"),
        (append, "fsync:error=EIO", "sync f"),
        (append, "close:error=EIO:when=2", "close f"),
        (append, "statx:error=EIO:when=2", "stat f"),
        // The kernel writes no byte and returns no error.
        (append, "write:retval=0:when=1", "write f"),
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

/// Every file that is opened has close-on-exec set, and no opened terminal becomes the controlling terminal.
fn opens_files_for_itself() {
    for (program, arguments) in [
        ("save", &["f"][..]),
        ("save", &["new"]),
        ("save", &["--in-place", "f"]),
        ("save", &["-a", "f"]),
        ("save", &["-a", "new"]),
        ("save", &["/dev/null"]),
        ("save", &["-a", "/dev/null"]),
        ("save", &["/proc/self/comm"]),
        ("msort", &["f", "g", "-o", "f"]),
    ] {
        let folder = Folder::with_old();
        fs::write(folder.path("g"), OLD).unwrap();
        let aside = Folder::new();
        let mut command = Command::new("strace");
        command
            .args(["-e", "trace=openat,memfd_create,fcntl", "-o"])
            .arg(aside.path("trace"))
            .arg(NATIVE.shipped(program))
            .args(arguments);
        assert_eq!(folder.feed(&mut command, b"new"), fine());
        let trace = fs::read_to_string(aside.path("trace")).unwrap();
        let mut opened = 0;
        for line in trace.lines().filter(|line| line.contains('(')) {
            opened += 1;
            assert!(line.contains("CLOEXEC"), "{arguments:?}: {line}");
            let is_new = ["O_PATH", "O_DIRECTORY", "O_TMPFILE", "O_EXCL"];
            if line.starts_with("openat") && !is_new.iter().any(|flag| line.contains(flag)) {
                assert!(line.contains("O_NOCTTY"), "{arguments:?}: {line}");
            }
        }
        assert!(opened > 1, "{trace}");
    }
}

/// Errors of a file system or a filter after which `save` can still do everything that was requested.
fn does_without() {
    for (name, injections) in [
        // Owner and group are already right.
        (
            "a pipe over a file",
            &["fchown:error=EINVAL", "fchown:error=EOPNOTSUPP"][..],
        ),
        // The file system has no access control lists.
        (
            "a file over a file",
            &[
                "getxattr:error=EOPNOTSUPP",
                "getxattr:error=ENOENT",
                "fremovexattr:error=EOPNOTSUPP",
                "fremovexattr:error=ENODATA",
            ],
        ),
        // A directory that cannot be synced; a file system without locks.
        (
            "a new file",
            &[
                "fsync:error=EINVAL:when=2",
                "flock:error=ENOLCK",
                "flock:error=EAGAIN",
            ],
        ),
        ("without O_TMPFILE", &["flock:error=EOPNOTSUPP"]),
        (
            "appending",
            &[
                "fsync:error=EINVAL",
                "splice:error=ENOSYS",
                "copy_file_range:error=EXDEV",
            ],
        ),
        (
            "in place",
            &["fsync:error=EINVAL", "memfd_create:error=EINVAL:when=1"],
        ),
    ] {
        let scenario = SCENARIOS.iter().find(|scenario| scenario.name == name);
        let scenario = scenario.unwrap();
        for injection in injections {
            let folder = scenario.folder();
            let (ran, calls) = scenario.run(&folder, Some(injection));
            assert_eq!(ran, fine(), "{name}: {injection}");
            assert!(folder.read("f") == scenario.after(), "{name}: {injection}");
            assert_eq!(folder.mode("f"), 0o640, "{name}: {injection}");
            assert_eq!(folder.names(), ["f"], "{name}: {injection}");
            if injection.starts_with("memfd_create") {
                let made = calls.iter().filter(|call| call.name == "memfd_create");
                assert_eq!(made.count(), 2);
            }
        }
    }
}

/// The message of an error suggests --in-place if the file could be overwritten.
fn says_what_would_help() {
    const OWNER: &str = ": its owner or group would change; --in-place writes into it";
    const MOUNT: &str = ": it is a mount point; --in-place writes into it";
    let (over, new) = (&SCENARIOS[0], &SCENARIOS[2]);
    let mut cases = vec![
        (
            over,
            "renameat2:error=EBUSY",
            "replace f: Device or resource busy (EBUSY)",
            MOUNT,
        ),
        (
            new,
            "renameat2:error=EBUSY",
            "replace f: Device or resource busy (EBUSY)",
            "",
        ),
        (
            over,
            "renameat2:error=EACCES",
            "replace f: Permission denied (EACCES)",
            DIRECTORY,
        ),
        (
            over,
            "renameat2:error=EROFS",
            "replace f: Read-only file system (EROFS)",
            DIRECTORY,
        ),
        (
            over,
            "renameat2:error=EINVAL",
            "replace f: Invalid argument (EINVAL)",
            "",
        ),
        (
            over,
            "renameat2:error=ENOSPC",
            "replace f: No space left on device (ENOSPC)",
            "",
        ),
        // All calls that create a file.
        (
            over,
            "openat:error=EROFS:when=3..8",
            "open f: Read-only file system (EROFS)",
            DIRECTORY,
        ),
        // Also the call that opens the old file.
        (
            over,
            "openat:error=EROFS:when=3+",
            "open f: Read-only file system (EROFS)",
            "",
        ),
        (
            new,
            "openat:error=EROFS:when=3..8",
            "open f: Read-only file system (EROFS)",
            "",
        ),
        (
            over,
            "fsync:error=EINVAL:when=1",
            "sync f: Invalid argument (EINVAL)",
            "",
        ),
    ];
    let other = rustix::process::geteuid().is_root();
    if other {
        // A file of another user.
        let refused = "fchown:error=EINVAL";
        cases.push((
            over,
            refused,
            "set owner of f: Invalid argument (EINVAL)",
            OWNER,
        ));
    }
    for (scenario, injection, message, cause) in cases {
        let folder = scenario.folder();
        if injection.starts_with("fchown") {
            std::os::unix::fs::chown(folder.path("f"), Some(1234), None).unwrap();
        }
        let before = folder.names();
        let (ran, _) = scenario.run(&folder, Some(injection));
        assert_eq!(ran, failed(&format!("{message}{cause}")), "{injection}");
        assert_eq!(folder.names(), before, "{injection}");
        assert!(!check(scenario, &folder), "{injection}");
    }
}

/// A signal that arrives while the file has its temporary name is delayed until after the rename.
fn holds_signals_back() {
    let scenario = &SCENARIOS[0];
    for call in ["flock", "linkat", "close:when=2", "renameat2"] {
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
    let (ran, _) = scenario.run(&folder, Some("renameat2:error=EIO:signal=TERM"));
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

/// A temporary name that another user has taken is not used.
fn takes_another_name() {
    for (scenario, injection, random) in [
        (&SCENARIOS[0], "linkat:error=EEXIST:when=1..3", 0),
        (&SCENARIOS[2], "linkat:error=EEXIST:when=1..6", 3),
        // The `openat` calls before: of the file without a name, and of four names that a dead writer may have left.
        (&SCENARIOS[0], "openat:error=EEXIST:when=3..12", 2),
    ] {
        let folder = scenario.folder();
        let (ran, calls) = scenario.run(&folder, Some(injection));
        assert_eq!(ran, fine(), "{injection}");
        assert!(folder.read("f") == scenario.after(), "{injection}");
        assert_eq!(folder.names(), ["f"], "{injection}");
        let tried = calls.iter().filter(|call| call.name == "getrandom");
        assert_eq!(tried.count(), random, "{injection}");
    }
    // All names are taken.
    let folder = SCENARIOS[0].folder();
    let (ran, calls) = SCENARIOS[0].run(&folder, Some("openat:error=EEXIST:when=3+"));
    assert_eq!(ran, failed("open f: File exists (EEXIST)"));
    let random = calls.iter().filter(|call| call.name == "getrandom");
    assert_eq!(random.count(), 12);
    // All derived names are taken, and the kernel refuses getrandom.
    let folder = SCENARIOS[0].folder();
    let mut command = Command::new("strace");
    command
        .args([
            "-e",
            "inject=openat:error=EEXIST:when=3+",
            "-o",
            "/dev/null",
        ])
        .args(["-e", "inject=getrandom:error=ENOSYS"])
        .arg(NATIVE.shipped("save"))
        .arg("f");
    let ran = folder.feed(&mut command, b"new");
    let message = "get random numbers for f: Function not implemented (ENOSYS)";
    assert_eq!(ran, failed(message));
    assert_eq!(folder.read("f"), OLD);
    assert_eq!(folder.names(), ["f"]);
}

/// A scenario with a file system without O_TMPFILE.
const NAMED: &Scenario = &SCENARIOS[4];

/// Without O_TMPFILE the file has a temporary name from the start.
fn removes_its_name_at_a_signal() {
    for signal in ["HUP", "INT", "QUIT", "TERM", "USR1", "USR2"] {
        // Before the file has content, and when it is complete.
        for call in ["copy_file_range", "read", "fsync"] {
            let folder = NAMED.folder();
            let injection = format!("{call}:signal={signal}:when=1");
            let (ran, _) = NAMED.run(&folder, Some(&injection));
            assert_eq!((ran.status, &*ran.stderr), (None, ""), "{injection}");
            assert_eq!(folder.read("f"), OLD, "{injection}");
            assert_eq!(folder.names(), ["f"], "{injection}");
        }
    }
}

/// A signal that the parent ignored stays ignored, for example under `nohup save FILE`.
fn leaves_ignored_signals_alone() {
    for signal in ["HUP", "INT", "QUIT", "TERM", "USR1", "USR2"] {
        let folder = NAMED.folder();
        let script = format!("trap '' {signal}; exec \"$@\"");
        let injection = format!("inject=fsync:signal={signal}:when=1");
        let mut command = Command::new("sh");
        command
            .args([
                "-c",
                &script,
                "sh",
                "strace",
                "-e",
                &injection,
                "-o",
                "/dev/null",
            ])
            .args(["-e", "inject=openat:error=EOPNOTSUPP:when=3"])
            .arg(NATIVE.shipped("save"))
            .arg("f");
        assert_eq!(folder.feed(&mut command, b"new"), fine(), "{signal}");
        assert_eq!(folder.read("f"), b"new", "{signal}");
        assert_eq!(folder.names(), ["f"], "{signal}");
    }
}

/// Of two concurrent writers, the second uses another name. If it is killed, the next writer also removes that name.
fn removes_what_is_left_of_several() {
    for arch in Arch::tested() {
        let folder = SCENARIOS[0].folder();
        let mut command = Command::new("strace");
        command
            .args(["-e", "inject=linkat:error=EEXIST:when=1"])
            .args(["-e", "inject=renameat2:signal=KILL:when=1"])
            .args(["-o", "/dev/null"])
            .arg(NATIVE.shipped("save"))
            .arg("f");
        assert_eq!(folder.feed(&mut command, b"new").status, None);
        assert_eq!(folder.names().len(), 2);
        assert_eq!(folder.save(arch, &["f"], b"next"), fine());
        assert_eq!(folder.names(), ["f"]);
    }
}

/// Two concurrent writers without O_TMPFILE: the first waits for its input while the second runs. If both are killed,
/// the next writer removes both names.
fn passes_over_a_name_in_use() {
    let folder = NAMED.folder();
    let aside = Folder::new();
    let (reader, writer) = std::io::pipe().unwrap();
    let mut first = Command::new("strace");
    first
        .args(["-e", "inject=openat:error=EOPNOTSUPP:when=3", "-o"])
        .arg(aside.path("trace"))
        .arg(NATIVE.shipped("save"))
        .arg("f")
        .current_dir(folder.root())
        .stdin(reader);
    let mut child = first.spawn().unwrap();
    drop(first);
    wait_until("the first writer has its temporary name", || {
        let trace = fs::read_to_string(aside.path("trace")).unwrap_or_default();
        trace.contains("splice(")
    });
    assert_eq!(folder.names().len(), 2);
    let (ran, _) = NAMED.run(&folder, None);
    assert_eq!(ran, fine());
    assert!(folder.read("f") == NAMED.after());
    // A writer that is killed during this time also leaves its name.
    let (ran, _) = NAMED.run(&folder, Some("read:signal=KILL:when=1"));
    assert_eq!(ran.status, None);
    assert_eq!(folder.names().len(), 3);
    (&writer).write_all(b"of the first").unwrap();
    drop(writer);
    assert!(child.wait().unwrap().success());
    assert_eq!(folder.read("f"), b"of the first");
    assert_eq!(folder.names().len(), 2);
    let (ran, _) = NAMED.run(&folder, None);
    assert_eq!(ran, fine());
    assert_eq!(folder.names(), ["f"]);
}

/// An old seccomp filter refuses system calls that it does not know, such as statx.
fn does_without_statx() {
    for scenario in &SCENARIOS {
        for error in ["EPERM", "ENOSYS"] {
            let folder = scenario.folder();
            let (ran, calls) = scenario.run(&folder, Some(&format!("statx:error={error}")));
            assert_eq!(ran, fine(), "{}", scenario.name);
            assert!(folder.read("f") == scenario.after(), "{}", scenario.name);
            assert_eq!(folder.mode("f"), 0o640, "{}", scenario.name);
            assert_eq!(folder.names(), ["f"], "{}", scenario.name);
            let count = |name| calls.iter().filter(|call| call.name == name).count();
            assert_eq!(count("statx"), count("newfstatat"), "{}", scenario.name);
        }
    }
}

/// If the directory is writable but not readable, the whole file system is synced.
fn syncs_what_it_may_not_read() {
    for (scenario, nth) in [(&SCENARIOS[0], 2), (&SCENARIOS[2], 2), (&SCENARIOS[8], 3)] {
        let folder = scenario.folder();
        let injection = format!("openat:error=EACCES:when={nth}");
        let (ran, calls) = scenario.run(&folder, Some(&injection));
        assert_eq!(ran, fine());
        assert!(folder.read("f") == scenario.after());
        let synced = calls.iter().map(|call| &*call.name);
        let synced: Vec<_> = synced.filter(|name| name.contains("sync")).collect();
        assert_eq!(synced, ["fsync", "syncfs"], "{}", scenario.name);
    }
}

/// A file of /proc receives its content in one write, also if the input arrives in pieces.
fn writes_to_the_kernel_once() {
    let aside = Folder::new();
    let (reader, mut writer) = std::io::pipe().unwrap();
    let mut command = Command::new("strace");
    command
        .args(["-e", "trace=write,splice,copy_file_range", "-o"])
        .arg(aside.path("trace"))
        .arg(NATIVE.shipped("save"))
        .arg("/proc/self/comm");
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for piece in ["na", "me"] {
                writer.write_all(piece.as_bytes()).unwrap();
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
        });
        assert_eq!(aside.run(&mut command, reader), fine());
    });
    let trace = fs::read_to_string(aside.path("trace")).unwrap();
    let writes: Vec<_> = trace
        .lines()
        .filter(|line| line.starts_with("write("))
        .collect();
    assert!(
        matches!(writes[..], [write] if write.contains("\"name\", 4) ")),
        "{trace}"
    );
}

/// The file is synced before it gets its name, and the directory afterwards.
fn syncs_file_and_directory() {
    let folder = SCENARIOS[0].folder();
    let aside = Folder::new();
    let mut command = Command::new("strace");
    command
        .args(["-y", "-e", "trace=fsync,linkat,renameat2", "-o"])
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
    assert!(rename.starts_with("renameat2("), "{trace}");
    assert!(is_of(directory, &format!("<{path}>)")), "{trace}");
}
