//! Tests that the lists with an entry for each program name all programs of `src/bin`.

use std::fs;
use std::path::Path;

use libtest_mimic::Trial;

use crate::support::{once, programs};
use crate::{elf, guest, stack, syscalls};

pub fn trials() -> Vec<Trial> {
    vec![once("lists::name_every_program", name_every_program)]
}

/// A file of this folder.
fn page(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn name_every_program() {
    let main = page("main.rs");
    let suites = main.lines();
    let suites = suites.filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
    let rooms = page("mutants/src/rooms.rs");
    let rows = rooms.split('"');
    let rows = rows.filter_map(|path| path.strip_prefix("src/bin/"));
    let init = ["init"]; // it runs the script
    let manual = ring3_manual::all();
    let lists: [(&str, Vec<&str>); 7] = [
        (
            "tests/elf.rs",
            elf::PROGRAMS.iter().map(|row| row.0).collect(),
        ),
        (
            "manual/src/programs.rs",
            manual.iter().map(|program| program.name).collect(),
        ),
        (
            "tests/stack.rs",
            stack::RUNS.iter().map(|run| run.0).collect(),
        ),
        (
            "tests/syscalls.rs",
            syscalls::RUNS.iter().map(|run| run.0).collect(),
        ),
        (
            "the script of tests/guest.rs",
            guest::SCRIPT.split_whitespace().chain(init).collect(),
        ),
        ("tests/main.rs", suites.collect()),
        ("tests/mutants/src/rooms.rs", rows.collect()),
    ];
    let programs = programs();
    assert!(programs.contains(&"hello".to_owned()), "{programs:?}");
    for (list, names) in lists {
        let is_missing = |name: &&String| !names.contains(&name.as_str());
        let missing: Vec<_> = programs.iter().filter(is_missing).collect();
        assert!(missing.is_empty(), "{list} lacks {missing:?}");
    }
}
