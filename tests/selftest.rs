//! Runs the self-test (`tests/selftest/`) natively, under qemu-user and on real kernels. Each case must have the result
//! that `tests/selftest/matrix` lists, and every public function of the library must have a case.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use libtest_mimic::{Completion, Trial};

use crate::functions;
use crate::guest::{Guest, guests};
use crate::skip;
use crate::support::{Arch, Folder, once, run};
use crate::trial::{LONG, may_take, trial};

pub fn trials() -> Vec<Trial> {
    Arch::tested()
        .map(Environment::here)
        .chain(guests().map(Environment::guest))
        .flat_map(|environment| environment.trials())
        .chain([once(
            "selftest::every_public_function_has_a_case",
            every_public_function_has_a_case,
        )])
        .collect()
}

/// An environment in which the self-test runs.
struct Environment {
    /// The name in brackets at the end of the trials' names.
    name: String,
    /// The column of the matrix.
    column: &'static str,
    runs: On,
    report: OnceLock<Result<Report, String>>,
}

enum On {
    /// The kernel of this machine; with qemu-user for the architectures that the machine does not run.
    Here(Arch),
    Guest(&'static Guest),
}

/// The columns of the matrix.
const COLUMNS: [&str; 7] = [
    "native",
    "qemu-user",
    "x86_64",
    "aarch64",
    "aarch64_16k",
    "riscv64",
    "arm",
];

impl Environment {
    fn new(name: String, column: &'static str, runs: On) -> &'static Self {
        Box::leak(Box::new(Self {
            name,
            column,
            runs,
            report: OnceLock::new(),
        }))
    }

    fn here(arch: Arch) -> &'static Self {
        let column = if arch.is_native() {
            "native"
        } else {
            "qemu-user"
        };
        Self::new(arch.name().to_owned(), column, On::Here(arch))
    }

    fn guest(guest: &'static Guest) -> &'static Self {
        Self::new(
            format!("{} kernel", guest.name),
            guest.name,
            On::Guest(guest),
        )
    }

    /// One trial for each room of the library; one for each case that may or must skip here, so that each skip is
    /// counted; and one for the count at the end.
    fn trials(&'static self) -> Vec<Trial> {
        if self.column == "qemu-user" && std::env::var_os("QEMU_PAGESIZE").is_some() {
            return vec![trial(
                format!("selftest::every_room [{}]", self.name),
                || Completion::ignored_with(skip::PAGES),
            )];
        }
        let skips = matrix()
            .into_iter()
            .map(|(case, mut cells)| (case, cells.remove(self.column).unwrap()))
            .filter(|(_, cell)| *cell != Cell::Passes)
            .map(|(case, cell)| {
                self.trial(case.clone(), move |report| {
                    match (&report.cases[&case], &cell) {
                        (Outcome::Skipped(errno), Cell::Skips(known)) if errno != known => {
                            panic!("skipped with {errno}, but the matrix has {known}")
                        }
                        (Outcome::Skipped(errno), _) => {
                            Completion::ignored_with(skip::refused(self.answers(), errno))
                        }
                        // Another version of qemu than the matrix describes may support more.
                        (Outcome::Passed, Cell::Skips(errno)) if !self.may_do_more() => {
                            panic!("passed, but the matrix has {errno}")
                        }
                        (Outcome::Passed, _) => Completion::Completed,
                        (Outcome::Failed(why), _) => panic!("{why}"),
                    }
                })
            });
        let rooms = rooms().into_iter().map(|room| {
            self.trial(room.clone(), move |report| {
                let wrong = self.wrong(report, &room);
                assert!(wrong.is_empty(), "{}", wrong.join("\n"));
                Completion::Completed
            })
        });
        let count = self.trial("count".into(), |report| {
            report.check_count();
            Completion::Completed
        });
        rooms.chain(skips).chain([count]).collect()
    }

    fn trial(
        &'static self,
        what: String,
        test: impl FnOnce(&Report) -> Completion + Send + 'static,
    ) -> Trial {
        trial(format!("selftest::{what} [{}]", self.name), move || {
            may_take(LONG); // the first test runs the whole self-test
            match self.report() {
                Ok(report) => test(report),
                Err(why) => Completion::ignored_with(why.clone()),
            }
        })
    }

    fn report(&self) -> &Result<Report, String> {
        self.report.get_or_init(|| match self.runs {
            On::Here(arch) => {
                let folder = Folder::new();
                let mut probe = arch.probe("selftest");
                if !arch.is_native() {
                    probe.env("SELFTEST_UNDER", which(probe.get_program()));
                }
                let ran = run(probe.current_dir(folder.root()));
                assert_eq!(folder.names(), [""; 0], "files are left");
                Ok(Report::of(ran.stdout.lines()))
            }
            On::Guest(guest) => match guest.session() {
                Ok(session) => Ok(Report::of(session.of("selftest").into_iter())),
                Err(why) => Err(why.clone()),
            },
        })
    }

    /// The cases of a room that must pass and have not passed. Cases that may skip have trials of their own.
    fn wrong(&self, report: &Report, room: &str) -> Vec<String> {
        let matrix = matrix();
        let of_room = |case: &str| case.split_once("::").is_some_and(|(of, _)| of == room);
        let passes = |case: &str| {
            let cells = matrix.get(case);
            cells.is_none_or(|cells| cells[self.column] == Cell::Passes)
        };
        let judged = report
            .cases
            .iter()
            .filter(|(case, _)| of_room(case) && passes(case));
        judged
            .filter_map(|(case, outcome)| match outcome {
                Outcome::Passed => None,
                Outcome::Skipped(errno) => Some(format!(
                    "{case}: skipped with {errno}, and the matrix knows of none"
                )),
                Outcome::Failed(why) => Some(format!("{case}: {why}")),
            })
            .collect()
    }

    /// The kernel or emulator that executes the system calls.
    fn answers(&self) -> &'static str {
        match self.column {
            "native" => "the kernel of this machine",
            "qemu-user" => "qemu-user",
            _ => "Debian's kernel",
        }
    }

    /// Whether this is another version of qemu-user than the matrix describes.
    fn may_do_more(&self) -> bool {
        const KNOWN: &str = " version 7.2.";
        let On::Here(arch) = self.runs else {
            return false;
        };
        arch.runner().is_some_and(|qemu| {
            let mut qemu = Command::new(qemu);
            !run(qemu.arg("--version")).stdout.contains(KNOWN)
        })
    }
}

/// The path of a program, which execve needs.
fn which(program: &std::ffi::OsStr) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path).map(|folder| folder.join(program));
    places
        .find(|place| place.is_file())
        .unwrap_or(program.into())
}

/// The result of a case.
#[derive(PartialEq, Eq, Debug)]
enum Outcome {
    Passed,
    Skipped(String),
    Failed(String),
}

/// The output of a run of the self-test.
struct Report {
    cases: BTreeMap<String, Outcome>,
    /// The last line, with the counts.
    count: String,
}

impl Report {
    fn of<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let (mut cases, mut count) = (BTreeMap::new(), String::new());
        for line in lines {
            let (case, outcome) = if let Some(case) = line.strip_prefix("ok ") {
                (case, Outcome::Passed)
            } else if let Some(rest) = line.strip_prefix("SKIP ") {
                let (case, errno) = rest.rsplit_once(' ').unwrap();
                (case, Outcome::Skipped(errno.to_owned()))
            } else if let Some(rest) = line.strip_prefix("FAIL ") {
                // The name ends at the first `: ` before which there is a known name.
                let colon = rest.rfind(": ").unwrap();
                let case = &rest[..rest
                    .match_indices(": ")
                    .map(|(at, _)| at)
                    .find(|&at| names().contains(&rest[..at]))
                    .unwrap_or(colon)];
                (case, Outcome::Failed(rest[case.len() + 2..].to_owned()))
            } else {
                count = line.to_owned();
                continue;
            };
            cases.insert(case.to_owned(), outcome);
        }
        // If the self-test ended early, the remaining cases have failed.
        for name in names() {
            let ended = || Outcome::Failed(format!("not reached: the last line is {count:?}"));
            cases.entry(name.clone()).or_insert_with(ended);
        }
        Self { cases, count }
    }

    /// Checks the counts that the self-test printed, and that it ran exactly the known cases.
    fn check_count(&self) {
        let (mut passed, mut failed, mut skipped) = (0, 0, 0);
        for outcome in self.cases.values() {
            match outcome {
                Outcome::Passed => passed += 1,
                Outcome::Failed(_) => failed += 1,
                Outcome::Skipped(_) => skipped += 1,
            }
        }
        let count = format!("{passed} passed, {failed} failed, {skipped} skipped");
        // If the exit status is not 0, the script prints a line after the counts.
        assert!(
            self.count == count || self.count.starts_with("status "),
            "{} is not {count}",
            self.count
        );
        assert!(
            self.cases.keys().eq(names()),
            "the self-test ran other cases than it lists"
        );
    }
}

/// The functions that each case covers, by the case's name (`ROOM::NAME`).
fn list() -> &'static BTreeMap<String, Vec<String>> {
    static LIST: OnceLock<BTreeMap<String, Vec<String>>> = OnceLock::new();
    LIST.get_or_init(|| {
        let ran = run(Arch::NATIVE.probe("selftest").arg("--list"));
        assert_eq!((ran.status, &*ran.stderr), (Some(0), ""));
        let mut list = BTreeMap::new();
        for line in ran.stdout.lines() {
            let (case, covers) = line.split_once('\t').unwrap();
            let covers = covers.split_whitespace().map(str::to_owned).collect();
            let twice = list.insert(case.to_owned(), covers);
            assert!(twice.is_none(), "two cases are called {case}");
        }
        list
    })
}

fn names() -> &'static BTreeSet<String> {
    static NAMES: OnceLock<BTreeSet<String>> = OnceLock::new();
    NAMES.get_or_init(|| list().keys().cloned().collect())
}

fn rooms() -> BTreeSet<String> {
    let room = |case: &String| case.split_once("::").unwrap().0.to_owned();
    names().iter().map(room).collect()
}

/// A cell of the matrix: the expected result of a case in an environment.
#[derive(PartialEq, Eq)]
enum Cell {
    /// `-`: the case must pass.
    Passes,
    /// `ENAME`: the environment lacks the operation, and reports this error.
    Skips(String),
    /// `?`: depends on the machine.
    Depends,
}

/// The matrix: for each case with a row, its cells by column.
fn matrix() -> BTreeMap<String, BTreeMap<&'static str, Cell>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("selftest/matrix");
    let text = fs::read_to_string(file).unwrap();
    let mut matrix = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<_> = line.split('|').map(str::trim).collect();
        let [case, cells @ ..] = &fields[..] else {
            unreachable!()
        };
        assert!(
            names().contains(*case),
            "the matrix has {case}, which does not exist"
        );
        assert_eq!(cells.len(), COLUMNS.len(), "{line}");
        let cells = COLUMNS
            .into_iter()
            .zip(cells.iter().map(|cell| match *cell {
                "-" => Cell::Passes,
                "?" => Cell::Depends,
                errno => Cell::Skips(errno.to_owned()),
            }));
        let twice = matrix.insert((*case).to_owned(), cells.collect());
        assert!(twice.is_none(), "the matrix has {case} twice");
    }
    matrix
}

/// Every public function of the library's rooms is in `ELSEWHERE`, or a case lists it as covered and the files of its
/// room call it. No case lists a function that does not exist.
fn every_public_function_has_a_case() {
    let mut covered = BTreeMap::<String, BTreeSet<String>>::new();
    for (case, functions) in list() {
        let (room, _) = case.split_once("::").unwrap();
        covered
            .entry(room.to_owned())
            .or_default()
            .extend(functions.iter().cloned());
    }
    let mut wrong = Vec::new();
    for (room, public) in functions::of_all_rooms() {
        let covered = covered.remove(&room).unwrap_or_default();
        let elsewhere: BTreeSet<_> = functions::ELSEWHERE
            .iter()
            .filter(|(of, ..)| *of == room)
            .map(|(_, function, _)| (*function).to_owned())
            .collect();
        for function in public.difference(&covered) {
            if !elsewhere.contains(function) {
                wrong.push(format!("{room}::{function} has no case"));
            }
        }
        for function in covered
            .difference(&public)
            .chain(elsewhere.difference(&public))
        {
            wrong.push(format!(
                "{room}::{function} is listed as covered, but does not exist"
            ));
        }
        for function in covered.intersection(&elsewhere) {
            wrong.push(format!(
                "{room}::{function} has a case, but is also in ELSEWHERE"
            ));
        }
        for function in covered
            .iter()
            .filter(|function| !functions::is_used(&room, function))
        {
            wrong.push(format!(
                "{room}::{function} is listed as covered, but not called"
            ));
        }
    }
    for (room, functions) in covered
        .iter()
        .filter(|(_, functions)| !functions.is_empty())
    {
        wrong.push(format!("{room} is not a room, but lists {functions:?}"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
