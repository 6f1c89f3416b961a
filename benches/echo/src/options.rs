//! What is asked for on the command line.

use std::{env, path::PathBuf, process};

use crate::{BASE, SERVERS, scenarios::SCENARIOS, shared::chosen};

const USAGE: &str = "usage: echo-bench [--only SCENARIO,...] [--with SERVER,...] [--rounds N] \
     [--seconds S] SERVERS";

/// The command line, taken apart.
pub struct Options {
    scenarios: Vec<String>,
    names: Vec<String>,
    /// How many rounds of each scenario.
    pub rounds: usize,
    /// How long the clients send.
    pub seconds: u64,
    /// The directory of the servers, each by its name, and of `echoc`.
    pub servers: PathBuf,
}

impl Options {
    /// Of this process; where they make no sense it says what would, and ends.
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

    /// Whether that scenario is wanted.
    pub fn wants_scenario(&self, name: &str) -> bool {
        self.scenarios.iter().any(|wanted| wanted == name)
    }

    /// Whether that server is to be run: the one that the others are compared with always is.
    pub fn wants_server(&self, name: &str) -> bool {
        name == BASE || self.names.iter().any(|wanted| wanted == name)
    }
}

/// A number that bounds what is done: not zero, and not for days.
fn positive(text: &str) -> Option<u64> {
    text.parse()
        .ok()
        .filter(|number| (1..=1000).contains(number))
}
