//! Tests that the lists with an entry for each program name all programs of `src/bin`, and that each public module of
//! the library has an example.

use std::fs;
use std::path::Path;

use libtest_mimic::Trial;

use crate::support::{once, programs};
use crate::{elf, guest, stack, syscalls};

pub fn trials() -> Vec<Trial> {
    vec![
        once("lists::name_every_program", name_every_program),
        once(
            "lists::every_module_has_an_example",
            every_module_has_an_example,
        ),
    ]
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

/// Each public module has an example that `cargo test --doc` runs, in the module's own documentation or in that of its
/// items. The tables of `abi` are data, and `arch` is hidden from the documentation.
fn every_module_has_an_example() {
    let mut without = Vec::new();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src");
    let count = look_for_examples(&source, &source.join("lib.rs"), &mut without);
    assert!(count > 30, "{count} modules");
    assert_eq!(without, [""; 0], "modules without an example that runs");
}

/// Looks for examples in the public modules that `file` declares. Their files are in `folder`. Returns how many modules
/// there are.
fn look_for_examples(folder: &Path, file: &Path, without: &mut Vec<String>) -> usize {
    let read = |path: &Path| fs::read_to_string(path).unwrap_or_default();
    let declared = |text: &str, before: &str| -> Vec<String> {
        let names = text.lines().filter_map(|line| line.strip_prefix(before));
        let names = names.filter_map(|name| name.strip_suffix(';'));
        names.map(str::to_owned).collect()
    };
    let has_example = |text: &str| {
        let mut is_open = false;
        text.lines().any(|line| {
            let line = line.trim_start();
            let line = line
                .strip_prefix("//! ```")
                .or(line.strip_prefix("/// ```"));
            let Some(kind) = line else { return false };
            is_open = !is_open;
            is_open && kind.is_empty()
        })
    };
    let mut count = 0;
    for name in declared(&read(file), "pub mod ") {
        if name == "arch" {
            continue;
        }
        count += 1;
        let inner = folder.join(&name);
        let mut own = folder.join(format!("{name}.rs"));
        if !own.exists() {
            own = inner.join("mod.rs");
        }
        let mut texts = vec![read(&own)];
        for private in declared(&texts[0], "mod ") {
            texts.push(read(&inner.join(format!("{private}.rs"))));
        }
        if !texts.iter().any(|text| has_example(text)) {
            without.push(own.display().to_string());
        }
        if name != "abi" {
            count += look_for_examples(&inner, &own, without);
        }
    }
    count
}
