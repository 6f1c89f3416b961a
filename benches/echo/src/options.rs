//! The options of the command line.

use std::{env, path::PathBuf, process};

use crate::{BASE, SERVERS, scenarios::SCENARIOS, shared::chosen};

const USAGE: &str = "usage: echo-bench [--only SCENARIO,...] [--with SERVER,...] [--rounds N] \
     [--seconds S] SERVERS";

/// The parsed command line.
pub struct Options {
    scenarios: Vec<String>,
    names: Vec<String>,
    /// The number of rounds of each scenario.
    pub rounds: usize,
    /// For how many seconds the clients send.
    pub seconds: u64,
    /// The directory that contains the servers, under their names, and `echoc`.
    pub servers: PathBuf,
}

impl Options {
    /// Parses this process's command line. Prints the usage and exits with 2 if it is wrong.
    pub fn of_this_process() -> Self {
        Self::parse(env::args().skip(1)).unwrap_or_else(|| {
            eprintln!(
                "{USAGE}\nscenarios: {}\nservers: {}",
                SCENARIOS.map(|scenario| scenario.name).join(","),
                SERVERS.join(",")
            );
            process::exit(2)
        })
    }

    fn parse(mut arguments: impl Iterator<Item = String>) -> Option<Self> {
        let (mut rounds, mut seconds, mut servers) = (5, 1, None);
        let mut scenarios = SCENARIOS.map(|scenario| scenario.name.to_owned()).to_vec();
        let mut names = SERVERS.map(str::to_owned).to_vec();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--only" => scenarios = chosen(&arguments.next()?, &scenarios)?,
                "--with" => names = chosen(&arguments.next()?, &names)?,
                "--rounds" => rounds = positive(&arguments.next()?)? as usize,
                "--seconds" => seconds = positive(&arguments.next()?)?,
                _ if argument.starts_with('-') || servers.is_some() => return None,
                _ => servers = Some(argument.into()),
            }
        }
        Some(Self {
            scenarios,
            names,
            rounds,
            seconds,
            servers: servers?,
        })
    }

    /// Whether the scenario is to be run.
    pub fn wants_scenario(&self, name: &str) -> bool {
        self.scenarios.iter().any(|wanted| wanted == name)
    }

    /// Whether the server is to be run. [`BASE`], with which the others are compared, is always run.
    pub fn wants_server(&self, name: &str) -> bool {
        name == BASE || self.names.iter().any(|wanted| wanted == name)
    }
}

/// Parses a number of rounds or seconds: 1 to 1000.
fn positive(text: &str) -> Option<u64> {
    text.parse()
        .ok()
        .filter(|number| (1..=1000).contains(number))
}
