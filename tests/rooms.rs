//! Checks the rules of the design on the sources: which module ("room") may use which (the floors of `docs/design.md`),
//! that `asm!` is only in `arch`, and that programs have no `unsafe`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::Trial;

use crate::support::once;

pub fn trials() -> Vec<Trial> {
    vec![
        once("rooms::no_arrow_points_up", no_arrow_points_up),
        once(
            "rooms::instructions_stand_in_arch",
            instructions_stand_in_arch,
        ),
        once("rooms::programs_need_no_unsafe", programs_need_no_unsafe),
        once(
            "rooms::miri_runs_tests_that_exist",
            miri_runs_tests_that_exist,
        ),
    ]
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
}

/// The sources in this folder of `src`: the path in `src`, and the lines of code without comments and unit tests.
fn sources(folder: &str) -> Vec<(PathBuf, Vec<String>)> {
    fn walk(root: &Path, folder: &Path, found: &mut Vec<(PathBuf, Vec<String>)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let stem = path.file_stem().unwrap().to_str().unwrap();
            if path.is_dir() {
                walk(root, &path, found);
            } else if !stem.ends_with("tests") {
                let text = fs::read_to_string(&path).unwrap();
                let lines = text.lines().take_while(|line| *line != "mod tests {");
                let code = lines.map(|line| line.split("//").next().unwrap().to_owned());
                found.push((path.strip_prefix(root).unwrap().into(), code.collect()));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src");
    let mut found = Vec::new();
    walk(&root, &root.join(folder), &mut found);
    assert!(!found.is_empty());
    found
}

/// The floor of each room, counted from the top. In the design's list, a line with a description begins a floor.
fn floors() -> BTreeMap<String, usize> {
    let design = read("docs/design.md");
    let (_, list) = design.split_once("## The floors\n\n```\n").unwrap();
    let (list, _) = list.split_once("```").unwrap();
    let mut floors = BTreeMap::new();
    let mut floor = 0;
    for line in list.lines() {
        let (rooms, what) = line.split_once("  ").unwrap_or((line, ""));
        floor += usize::from(!what.is_empty());
        for room in rooms.split([',', ' ']).filter(|room| !room.is_empty()) {
            floors.insert(room.trim_end_matches('/').to_owned(), floor);
        }
    }
    floors
}

/// The floor of the room at this path. A module inside a room can have a floor of its own: `net::resolve`.
fn floor_of(floors: &BTreeMap<String, usize>, path: &str) -> Option<usize> {
    let outer = path.rsplit_once("::").map(|(outer, _)| outer);
    let floor = floors.get(path).copied();
    floor.or_else(|| floor_of(floors, outer?))
}

/// The rooms that the line uses: the path after each `crate::`, or the paths in braces.
fn used(line: &str) -> Vec<String> {
    let places = line.split("crate::").skip(1);
    let names = places.flat_map(|rest| {
        let list = rest.strip_prefix('{').and_then(|list| list.split_once('}'));
        match list {
            Some((list, _)) => list.split(',').collect::<Vec<_>>(),
            None => vec![rest],
        }
    });
    let ends = |letter: char| !letter.is_ascii_alphanumeric() && !matches!(letter, '_' | ':');
    let names = names.map(|name| name.trim().split(ends).next().unwrap());
    names
        .map(|name| name.trim_end_matches(':').to_owned())
        .collect()
}

fn no_arrow_points_up() {
    let floors = floors();
    let library = read("src/lib.rs");
    let rooms = library
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let missing: Vec<_> = rooms.filter(|&room| !floors.contains_key(room)).collect();
    assert_eq!(missing, [""; 0], "docs/design.md has no floor for these");
    let mut arrows = 0;
    for (path, lines) in sources("") {
        let own = path.with_extension("");
        let own: Vec<_> = own.iter().map(|part| part.to_str().unwrap()).collect();
        let room = own[0];
        let own = own.join("::");
        // `arch` takes the numbers of the few calls that it makes itself from `abi`. `lib` has no floor.
        if ["arch", "lib"].contains(&room) {
            continue;
        }
        for line in &lines {
            for name in used(line) {
                if let Some(below) = floor_of(&floors, &name) {
                    arrows += 1;
                    let above = floor_of(&floors, &own).unwrap();
                    assert!(below >= above, "{}: {line}", path.display());
                }
            }
        }
    }
    assert!(arrows > 100, "{arrows}");
}

fn instructions_stand_in_arch() {
    let is_asm = |line: &String| line.contains("asm!(") || line.contains("::asm!");
    let (inside, outside): (Vec<_>, Vec<_>) = sources("")
        .into_iter()
        .filter(|(_, lines)| lines.iter().any(is_asm))
        .map(|(path, _)| path)
        .partition(|path| path.starts_with("arch"));
    assert!(inside.len() > 3, "{inside:?}");
    assert!(outside.is_empty(), "{outside:?}");
}

fn programs_need_no_unsafe() {
    for (path, lines) in sources("bin") {
        let found = lines.iter().find(|line| line.contains("unsafe"));
        assert_eq!(found, None, "{}", path.display());
    }
}

/// Each filter of `scripts/miri.sh` is the name of a room with unit tests, or the beginning of the name of a test.
fn miri_runs_tests_that_exist() {
    let script = read("scripts/miri.sh");
    let (_, filters) = script.split_once("computes='").unwrap();
    let (filters, _) = filters.split_once('\'').unwrap();
    let mut checked = 0;
    for filter in filters.split_whitespace() {
        let (room, test) = match filter.split_once("::tests::") {
            Some((room, test)) => (room, test),
            None => (filter.strip_suffix("::").unwrap(), ""),
        };
        let room = format!("src/{}", room.replace("::", "/"));
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let folder = fs::read_dir(root.join(&room)).into_iter().flatten();
        let files = folder.map(|entry| entry.unwrap().path());
        let files = files.chain([root.join(format!("{room}.rs"))]);
        let text: String = files
            .filter_map(|file| fs::read_to_string(file).ok())
            .collect();
        let (_, tests) = text
            .split_once("#[test]")
            .unwrap_or_else(|| panic!("{filter}: {room} has no test"));
        assert!(tests.contains(&format!("fn {test}")), "{filter}");
        checked += 1;
    }
    assert!(checked > 10, "{checked}");
}
