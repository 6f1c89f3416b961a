//! Builds the server of docs/guide.md, "A server, step by step", and compares it with `templates/server`.

use std::fs;
use std::path::Path;

use libtest_mimic::Trial;

use crate::safe::{library, rustc};
use crate::support::{Folder, once, run};
use crate::trial::{LONG, may_take};

pub fn trials() -> Vec<Trial> {
    vec![once("guide::each_step_compiles", each_step_compiles)]
}

fn page(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::read_to_string(root.join(path)).unwrap()
}

/// The items of a source, in order: texts between blank lines, of which each begins in the first column.
fn items(source: &str) -> Vec<String> {
    let mut items: Vec<String> = Vec::new();
    for text in source.trim().split("\n\n") {
        match items.last_mut() {
            Some(last) if text.starts_with([' ', '}']) => *last += &format!("\n\n{text}"),
            _ => items.push(text.to_owned()),
        }
    }
    items
}

/// The name of the function that the item defines.
fn function(item: &str) -> Option<&str> {
    let mut lines = item.lines();
    let line = lines.find(|line| !line.starts_with("//"))?;
    Some(line.strip_prefix("fn ")?.split_once('(')?.0)
}

/// The program after each step. A function replaces the function of the same name; other items are added.
fn steps() -> Vec<Vec<String>> {
    let guide = page("docs/guide.md");
    let (_, chapter) = guide.split_once("## A server, step by step\n").unwrap();
    let (chapter, _) = chapter.split_once("\n## ").unwrap();
    let blocks = chapter.split("```rust\n").skip(1);
    let mut program: Vec<String> = Vec::new();
    let mut steps = Vec::new();
    for block in blocks.map(|rest| rest.split_once("```").unwrap().0) {
        for item in items(block) {
            let mut old = program.iter_mut();
            let old = old.find(|old| function(&item).is_some() && function(old) == function(&item));
            match old {
                Some(old) => *old = item,
                None => program.push(item),
            }
        }
        steps.push(program.clone());
    }
    steps
}

fn each_step_compiles() {
    may_take(LONG);
    let folder = Folder::new();
    let library = library(&folder);
    let steps = steps();
    assert_eq!(steps.len(), 4);
    for (number, step) in (1..).zip(&steps) {
        let file = folder.path("server.rs");
        fs::write(&file, step.join("\n\n")).unwrap();
        let mut rustc = rustc(folder.root(), "bin", "human");
        rustc.args(["-D", "warnings", "-C", "panic=abort", "--extern"]);
        let ran = run(rustc.arg(&library).arg(file));
        assert_eq!(ran.status, Some(0), "step {number}: {}", ran.stderr);
    }
    let functions = |items: Vec<String>| {
        let items = items.into_iter();
        let mut functions: Vec<_> = items.filter(|item| function(item).is_some()).collect();
        functions.sort();
        functions
    };
    let template = functions(items(&page("templates/server/src/main.rs")));
    assert_eq!(functions(steps.last().unwrap().clone()), template);
}
