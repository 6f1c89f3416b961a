//! Reads the hand-written changes (`tests/mutants/changes/*`) and the records of equivalent changes
//! (`tests/mutants/equivalent`).
//!
//! A change is a line `FILE: DESCRIPTION`, then the replaced lines (`-`) and their replacement (`+`, or nothing).
//! Indentation is ignored when lines are compared. The replaced lines must occur in the file exactly once.
//!
//! A record is a line with the name of a change, as `mutants` prints it but without the line number. An indented line
//! follows with the reason why no test can notice the change.

use std::collections::BTreeSet;
use std::fs;

use crate::mutant::Mutant;

const CHANGES: &str = "tests/mutants/changes";
const EQUIVALENT: &str = "tests/mutants/equivalent";

/// All hand-written changes.
pub fn read() -> Result<Vec<Mutant>, String> {
    let mut lists: Vec<_> = fs::read_dir(CHANGES)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
        .map_err(|why| format!("{CHANGES}: {why}"))?;
    lists.sort();
    let (mut changes, mut wrong) = (Vec::new(), Vec::new());
    for list in lists {
        let text = read_file(&list.to_string_lossy())?;
        for entry in text
            .split("\n\n")
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
        {
            match parse(entry) {
                Ok(change) => changes.push(change),
                Err(why) => wrong.push(format!("{}: {why}:\n{entry}", list.display())),
            }
        }
    }
    match wrong.is_empty() {
        true => Ok(changes),
        false => Err(wrong.join("\n")),
    }
}

fn read_file(path: &str) -> Result<String, String> {
    fs::read_to_string(path).map_err(|why| format!("{path}: {why}"))
}

fn parse(entry: &str) -> Result<Mutant, String> {
    let (title, body) = entry.split_once('\n').ok_or("without lines")?;
    let (file, what) = title.split_once(": ").ok_or("without a description")?;
    let lines = |sign| body.lines().filter_map(move |line| line.strip_prefix(sign));
    let old: Vec<&str> = lines('-').map(str::trim).collect();
    let new: String = lines('+').map(|line| format!("{line}\n")).collect();
    if old.is_empty() || lines('-').count() + lines('+').count() != body.lines().count() {
        return Err("not lines with - and then with +".to_owned());
    }

    let text = read_file(file)?;
    let source: Vec<&str> = text.split_inclusive('\n').collect();
    let matches = |at: &usize| {
        source[*at..]
            .iter()
            .map(|line| line.trim())
            .take(old.len())
            .eq(old.iter().copied())
    };
    let places: Vec<usize> = (0..source.len()).filter(matches).collect();
    let [at] = places[..] else {
        return Err(format!(
            "these lines are in the file {} times",
            places.len()
        ));
    };
    let length = |lines: &[&str]| lines.iter().map(|line| line.len()).sum::<usize>();
    let from = length(&source[..at]);
    Ok(Mutant {
        file: file.to_owned(),
        line: at + 1,
        what: what.to_owned(),
        from,
        to: from + length(&source[at..at + old.len()]),
        new,
    })
}

/// The names of the changes that are recorded as equivalent.
pub fn equivalent() -> Result<BTreeSet<String>, String> {
    let text = read_file(EQUIVALENT)?;
    let mut names = BTreeSet::new();
    let mut lines = text.lines().filter(|line| !line.is_empty()).peekable();
    while let Some(name) = lines.next() {
        let reason = |line: &&str| line.starts_with(' ') && line.trim().contains(' ');
        if name.starts_with(' ') || lines.next_if(reason).is_none() {
            return Err(format!("{EQUIVALENT}: not a name and its reason: {name}"));
        }
        while lines.next_if(|line| line.starts_with(' ')).is_some() {}
        names.insert(name.to_owned());
    }
    Ok(names)
}
