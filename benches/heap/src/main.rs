//! `heap-bench`: runs every workload ("work") on every allocator, and prints a table of the results.
//!
//! In a round, every allocator runs the work once, each in a new process. Each round starts with another allocator than
//! the round before. A time is shown as its ratio to mimalloc v3's time of the same round: the median of the rounds,
//! and their quartiles. Other figures are shown as they are.

mod options;
mod rows;
#[path = "../../shared.rs"]
mod shared;

use std::{collections::HashMap, path::Path, process::Command};

use options::Options;
use rows::{Kind, ROWS, Row};

/// The allocators, in the order of the table's columns.
const ALLOCATORS: [&str; 9] = [
    "ring3",
    BASE,
    "mimalloc2",
    "jemalloc",
    "snmalloc",
    "rpmalloc",
    "glibc",
    "dlmalloc",
    "talc",
];

/// The allocator with which the others are compared.
const BASE: &str = "mimalloc3";

/// The figures that a process printed, by their names.
type Figures = HashMap<String, f64>;

/// The figures of a round, by allocator.
type Round<'a> = HashMap<&'a str, Figures>;

fn main() {
    let options = Options::of_this_process();
    let rows: Vec<&Row> = ROWS
        .iter()
        .filter(|row| options.wants_work(row.work))
        .collect();
    let mut works: Vec<&str> = rows.iter().map(|row| row.work).collect();
    works.dedup(); // rows of the same work are adjacent
    let mut allocators = ALLOCATORS.to_vec();
    allocators.retain(|name| options.wants_allocator(name));

    let mut table = vec![vec!["work".to_owned(), "at most".to_owned()]];
    table[0].extend(allocators.iter().map(|name| name.to_string()));
    for work in works {
        eprintln!("{work}...");
        let mut turns = allocators.clone();
        let rounds: Vec<Round> = (0..options.rounds)
            .map(|_| {
                turns.rotate_left(1);
                turns
                    .iter()
                    .map(|&name| (name, run(&options.workers.join(name), work)))
                    .collect()
            })
            .collect();
        for row in rows.iter().filter(|row| row.work == work) {
            let mut line = vec![row.title.to_owned(), row.bar.to_owned()];
            line.extend(
                allocators
                    .iter()
                    .map(|name| cell(row, name, &rounds, options.clock)),
            );
            table.push(line);
        }
    }
    shared::print(&table);
}

/// Runs a work in a worker process. If the process fails, there are no figures.
fn run(worker: &Path, work: &str) -> Figures {
    let output = Command::new(worker).arg(work).output();
    let output = output.unwrap_or_else(|error| panic!("{}: {error}", worker.display()));
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        eprintln!("{} {work}: {} {said}", worker.display(), output.status);
        return Figures::new();
    }
    let figures = String::from_utf8_lossy(&output.stdout);
    let figure = |line: &str| {
        let (name, number) = line.split_once(' ')?;
        Some((name.to_owned(), number.parse().ok()?))
    };
    let figures = figures.lines().map(figure).collect::<Option<_>>();
    figures.expect("lines of a name and a number")
}

/// Returns the table's cell for an allocator and a row.
fn cell(row: &Row, allocator: &str, rounds: &[Round], clock: &str) -> String {
    let figure = match row.kind {
        Kind::Time => format!("{}{clock}", row.figure),
        Kind::Plain => row.figure.to_owned(),
    };
    let is_ratio = row.kind == Kind::Time && allocator != BASE;
    let value = |round: &Round| {
        let value = round[allocator].get(&figure)?;
        let base = if is_ratio {
            round[BASE].get(&figure)?
        } else {
            &1.0
        };
        Some(value / base)
    };
    let mut values: Vec<f64> = rounds.iter().filter_map(value).collect();
    values.sort_by(f64::total_cmp);

    let Some(last) = values.len().checked_sub(1) else {
        return "died".to_owned();
    };
    let [low, median, high] = [1, 2, 3].map(|quarter| short(values[last * quarter / 4]));
    let mut cell = if row.kind == Kind::Time && allocator == BASE {
        format!("{median} ns")
    } else if low == high {
        median
    } else {
        format!("{median} [{low} {high}]")
    };
    let died = rounds
        .iter()
        .filter(|round| round[allocator].is_empty())
        .count();
    if died > 0 {
        cell += &format!(" {died} died");
    }
    cell
}

/// Formats a value: with two decimal places below 100, otherwise without.
fn short(value: f64) -> String {
    format!("{value:.0$}", if value < 100.0 { 2 } else { 0 })
}
