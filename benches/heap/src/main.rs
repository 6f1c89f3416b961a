//! The table: each work on each allocator, rounds interleaved, ratios of the same round.
//!
//! In a round every allocator does a work once, each in a process of its own, and the next round
//! begins with another of them. A ratio is to mimalloc v3 of the same round; the table shows the
//! median of the rounds and their quartiles.

mod options;
mod rows;

use std::{collections::HashMap, path::Path, process::Command};

use options::Options;
use rows::{ROWS, Row};

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

/// The one that the others are compared with.
const BASE: &str = "mimalloc3";

/// What a process said: figures by their names.
type Figures = HashMap<String, f64>;

fn main() {
    let options = Options::of_this_process();
    let rows: Vec<&Row> = ROWS.iter().filter(|row| options.wants_work(row)).collect();
    let allocators: Vec<&str> = ALLOCATORS
        .into_iter()
        .filter(|name| options.wants(name))
        .collect();

    let mut works: Vec<&str> = rows.iter().map(|row| row.work).collect();
    works.dedup();
    let mut table = vec![heading(&allocators)];
    for work in works {
        eprint!("{work} ");
        let rounds: Vec<Vec<Figures>> = (0..options.rounds)
            .map(|round| play(&options.workers, work, &allocators, round))
            .collect();
        for row in rows.iter().filter(|row| row.work == work) {
            table.push(line(row, &allocators, &rounds, options.suffix));
        }
    }
    eprintln!();
    print(&table);
}

/// One round of a work: the figures of each allocator, in their order.
fn play(workers: &Path, work: &str, allocators: &[&str], round: usize) -> Vec<Figures> {
    let mut all = vec![Figures::new(); allocators.len()];
    for turn in 0..allocators.len() {
        let index = (turn + round) % allocators.len();
        let worker = workers.join(allocators[index]);
        let output = Command::new(&worker).arg(work).output();
        let output = output.unwrap_or_else(|error| panic!("{}: {error}", worker.display()));
        assert!(
            output.status.success(),
            "{} {work}: {}",
            worker.display(),
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8(output.stdout).expect("figures are ASCII");
        all[index] = text.lines().map(figure).collect();
    }
    all
}

/// `NAME NUMBER`.
fn figure(line: &str) -> (String, f64) {
    let (name, number) = line.split_once(' ').expect("a name and a number");
    (name.to_owned(), number.parse().expect("a number"))
}

fn heading(allocators: &[&str]) -> Vec<String> {
    let mut cells = vec!["work".to_owned(), "at most".to_owned()];
    cells.extend(allocators.iter().map(|name| name.to_string()));
    cells
}

fn line(row: &Row, allocators: &[&str], rounds: &[Vec<Figures>], suffix: &str) -> Vec<String> {
    let name = if row.unit.is_empty() {
        format!("{}{suffix}", row.figure)
    } else {
        row.figure.to_owned()
    };
    let of = |round: &Vec<Figures>, index: usize| round[index][&name];
    let base = allocators
        .iter()
        .position(|&name| name == BASE)
        .expect("always there");
    let mut cells = vec![row.title.to_owned(), format!("{:.2}{}", row.bar, row.unit)];
    for (index, &allocator) in allocators.iter().enumerate() {
        let relative = row.unit.is_empty();
        let mut values: Vec<f64> = rounds
            .iter()
            .map(|round| match relative && allocator != BASE {
                true => of(round, index) / of(round, base),
                false => of(round, index),
            })
            .collect();
        values.sort_by(f64::total_cmp);
        cells.push(if relative && allocator == BASE {
            format!("{} ns", short(quantile(&values, 0.5)))
        } else {
            let [low, median, high] = [0.25, 0.5, 0.75].map(|part| short(quantile(&values, part)));
            if low == high {
                median
            } else {
                format!("{median} [{low} {high}]")
            }
        });
    }
    cells
}

/// The value that a `part` of the sorted ones lies below.
fn quantile(sorted: &[f64], part: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * part).round() as usize]
}

/// Two digits behind the point where there are few before it.
fn short(value: f64) -> String {
    if value < 100.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.0}")
    }
}

/// As Markdown, which reads as well on a terminal.
fn print(table: &[Vec<String>]) {
    let widths: Vec<usize> = (0..table[0].len())
        .map(|column| {
            table
                .iter()
                .map(|line| line[column].len())
                .max()
                .unwrap_or(0)
        })
        .collect();
    for (number, line) in table.iter().enumerate() {
        for (cell, &width) in line.iter().zip(&widths) {
            print!("| {cell:width$} ");
        }
        println!("|");
        if number == 0 {
            for &width in &widths {
                print!("|{:-<1$}", "", width + 2);
            }
            println!("|");
        }
    }
}
