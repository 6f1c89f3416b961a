//! The options of the command line.

use std::{env, path::PathBuf, process};

use crate::{ALLOCATORS, BASE, rows::ROWS, shared::chosen};

const USAGE: &str =
    "usage: heap-bench [--only WORK,...] [--with ALLOCATOR,...] [--rounds N] [--cpu] WORKERS";

/// The parsed command line.
pub struct Options {
    works: Vec<String>,
    allocators: Vec<String>,
    /// The number of rounds of each work.
    pub rounds: usize,
    /// The suffix of a time's name: empty for wall time, `-cpu` for CPU time.
    pub clock: &'static str,
    /// The directory that contains the workers, each under its allocator's name.
    pub workers: PathBuf,
}

impl Options {
    /// Parses this process's command line. Prints the usage and exits with 2 if it is wrong.
    pub fn of_this_process() -> Self {
        Self::parse(env::args().skip(1)).unwrap_or_else(|| {
            let mut works = ROWS.map(|row| row.work).to_vec();
            works.dedup();
            eprintln!(
                "{USAGE}\nworks: {}\nallocators: {}",
                works.join(","),
                ALLOCATORS.join(",")
            );
            process::exit(2)
        })
    }

    fn parse(mut arguments: impl Iterator<Item = String>) -> Option<Self> {
        let (mut rounds, mut clock, mut workers) = (5, "", None);
        let mut works = ROWS.map(|row| row.work.to_owned()).to_vec();
        let mut allocators = ALLOCATORS.map(str::to_owned).to_vec();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--only" => works = chosen(&arguments.next()?, &works)?,
                "--with" => allocators = chosen(&arguments.next()?, &allocators)?,
                "--rounds" => {
                    rounds = arguments
                        .next()?
                        .parse()
                        .ok()
                        .filter(|&rounds| rounds > 0)?
                }
                "--cpu" => clock = "-cpu",
                _ if argument.starts_with('-') || workers.is_some() => return None,
                _ => workers = Some(argument.into()),
            }
        }
        Some(Self {
            works,
            allocators,
            rounds,
            clock,
            workers: workers?,
        })
    }

    /// Whether the work is to be run.
    pub fn wants_work(&self, work: &str) -> bool {
        self.works.iter().any(|wanted| wanted == work)
    }

    /// Whether the allocator is to be run. [`BASE`], with which the others are compared, is always run.
    pub fn wants_allocator(&self, allocator: &str) -> bool {
        allocator == BASE || self.allocators.iter().any(|wanted| wanted == allocator)
    }
}
