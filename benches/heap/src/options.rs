//! What is asked for on the command line.

use std::{env, path::PathBuf, process};

use crate::{
    ALLOCATORS, BASE,
    rows::{ROWS, Row},
};

const USAGE: &str =
    "usage: heap-bench [--only WORK,...] [--with ALLOCATOR,...] [--rounds N] [--cpu] WORKERS";

/// The command line, taken apart.
pub struct Options {
    works: Option<Vec<String>>,
    allocators: Option<Vec<String>>,
    /// How many rounds of each work.
    pub rounds: usize,
    /// What follows a figure's name: CPU time of both threads together, in place of the wall's.
    pub suffix: &'static str,
    /// The directory of the executables, each by its allocator's name.
    pub workers: PathBuf,
}

impl Options {
    /// Of this process; which ends here, with a word about it, where they make no sense.
    pub fn of_this_process() -> Self {
        Self::parse(env::args().skip(1)).unwrap_or_else(|| {
            eprintln!(
                "{USAGE}\nworks: {}\nallocators: {}",
                ROWS.map(|row| row.work).join(" "),
                ALLOCATORS.join(" ")
            );
            process::exit(2)
        })
    }

    fn parse(mut arguments: impl Iterator<Item = String>) -> Option<Self> {
        let (mut works, mut allocators, mut workers) = (None, None, None);
        let (mut rounds, mut suffix) = (5, "");
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--only" => works = Some(names(&arguments.next()?, &ROWS.map(|row| row.work))?),
                "--with" => allocators = Some(names(&arguments.next()?, &ALLOCATORS)?),
                "--rounds" => {
                    rounds = arguments
                        .next()?
                        .parse()
                        .ok()
                        .filter(|&rounds| rounds > 0)?
                }
                "--cpu" => suffix = "-cpu",
                _ if argument.starts_with('-') || workers.is_some() => return None,
                _ => workers = Some(argument.into()),
            }
        }
        Some(Self {
            works,
            allocators,
            rounds,
            suffix,
            workers: workers?,
        })
    }

    /// Whether the row's work is to be done.
    pub fn wants_work(&self, row: &Row) -> bool {
        self.works
            .as_ref()
            .is_none_or(|works| works.iter().any(|work| work == row.work))
    }

    /// Whether this allocator is to be run. The one that the others are compared with always is.
    pub fn wants(&self, allocator: &str) -> bool {
        allocator == BASE
            || self
                .allocators
                .as_ref()
                .is_none_or(|names| names.iter().any(|name| name == allocator))
    }
}

/// The names of a list, if they are all known.
fn names(list: &str, known: &[&str]) -> Option<Vec<String>> {
    let names: Vec<String> = list.split(',').map(str::to_owned).collect();
    names
        .iter()
        .all(|name| known.contains(&name.as_str()))
        .then_some(names)
}
