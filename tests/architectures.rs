//! The table in docs/architectures.md: made here from the sources and the programs, and compared.

use std::fs;

use libtest_mimic::Trial;

use crate::oracle;
use crate::readme::{is_right_size, with_commas};
use crate::support::{Arch, once, programs, root};

pub fn trials() -> Vec<Trial> {
    vec![once("architectures::table_is_true", table_is_true)]
}

/// The calls in the table.
const CALLS: [&str; 4] = ["openat", "write", "mmap", "exit_group"];

/// The text between two texts.
fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    let (_, rest) = text
        .split_once(begin)
        .unwrap_or_else(|| panic!("no {begin:?} in {text:?}"));
    rest.split_once(end).unwrap().0
}

/// The name in C of a system call: src/abi/nr.rs states it in the cell of an architecture if it is not the row's name.
fn name_of<'a>(table: &'a str, arch: Arch, call: &'a str) -> &'a str {
    let kind = match arch {
        Arch::Aarch64 | Arch::Riscv64 => "generic",
        Arch::X86 | Arch::Arm => "bits32",
        Arch::X86_64 => "x86_64",
    };
    let row = table.lines().find_map(|line| {
        line.trim()
            .strip_prefix(call)?
            .trim_start()
            .strip_prefix("= {")
    });
    let row = row.unwrap_or_else(|| panic!("src/abi/nr.rs has no row for {call}"));
    for cell in row.trim_end_matches(['}', ',', ' ']).split(',') {
        let words: Vec<_> = cell.split_whitespace().collect();
        match words[..] {
            [of, name, _number] if of == kind || of == arch.name() => return name,
            _ => {}
        }
    }
    call
}

/// The column of an architecture: the title and the text of each cell.
fn column(arch: Arch) -> Vec<(String, String)> {
    let file = root().join(format!("src/arch/{}/mod.rs", arch.name()));
    let source = fs::read_to_string(file).unwrap();
    let lines = source.lines().map_while(|line| line.strip_prefix("//! "));
    let first = lines.collect::<Vec<_>>().join(" ");
    assert!(
        first.starts_with(&format!("{}: the system call's", arch.name())),
        "{first}"
    );
    let quoted = |begin: &str| format!("`{}`", between(&first, &format!("{begin} `"), "`"));
    let mut cells = vec![
        ("instruction".to_owned(), quoted("the instruction is")),
        ("number in".to_owned(), quoted("number is in")),
        ("arguments in".to_owned(), quoted("its arguments in")),
        ("result in".to_owned(), quoted("its result in")),
    ];
    let table = fs::read_to_string(root().join("src/abi/nr.rs")).unwrap();
    let numbers = oracle::numbers(arch);
    for call in CALLS {
        let name = name_of(&table, arch, call);
        let number = numbers[name];
        let other = if name == call {
            String::new()
        } else {
            format!(" (`{name}`)")
        };
        cells.push((format!("`{call}`"), format!("{number}{other}")));
    }
    for name in programs() {
        let size = fs::metadata(arch.shipped(&name)).unwrap().len();
        cells.push((format!("[`{name}`]({name}.md)"), with_commas(size)));
    }
    cells
}

/// Whether both texts are sizes, and the stated size is right.
fn is_size(stated: &str, is: &str) -> bool {
    let size = |text: &str| text.replace(',', "").parse::<u64>();
    matches!((size(stated), size(is)), (Ok(stated), Ok(is)) if is_right_size(stated, is))
}

/// The page has the cells of each architecture of this run.
fn table_is_true() {
    let file = root().join("docs/architectures.md");
    let page = fs::read_to_string(&file).unwrap();
    let mut rows: Vec<Vec<String>> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .map(|line| line.split(" | ").map(str::to_owned).collect())
        .collect();
    let names = rows[0].clone();
    let mut wrong = String::new();
    for arch in Arch::tested() {
        let place = names.iter().position(|name| name == arch.name());
        let place = place.unwrap_or_else(|| panic!("no column for {}", arch.name()));
        for (title, text) in column(arch) {
            let row = rows.iter_mut().find(|row| row[0] == title);
            let row = row.unwrap_or_else(|| panic!("no row for {title}"));
            let is_program = title.starts_with('[');
            if row[place] != text && !(is_program && is_size(&row[place], &text)) {
                wrong += &format!("\n{title}, {}: {text}, not {}", arch.name(), row[place]);
                row[place] = text;
            }
        }
    }
    if wrong.is_empty() {
        return;
    }
    let mut rows = rows.iter().map(|row| format!("| {} |", row.join(" | ")));
    let line = |line: &str| match line.strip_prefix("| ") {
        Some(_) => rows.next().unwrap(),
        None => line.to_owned(),
    };
    let made: Vec<_> = page.lines().map(line).collect();
    let made_file = root().join("target/architectures.md");
    fs::write(&made_file, made.join("\n") + "\n").unwrap();
    panic!(
        "docs/architectures.md is wrong; the page with the right table is {}:{wrong}",
        made_file.display()
    );
}
