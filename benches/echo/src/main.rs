//! `echo-bench`: runs every scenario on every echo server, and prints a table of the results.
//!
//! In a round, every server runs the scenario once, each in a new process. Each round starts with another server than
//! the round before. The table shows the median of the rounds, the least and the greatest. Figures that depend on the
//! machine are shown as ratios to cepoll's figure of the same round.

mod held;
mod machine;
mod options;
mod run;
mod scenarios;
mod server;
#[path = "../../shared.rs"]
mod shared;

use std::collections::HashMap;

use options::Options;
use run::Outcome;
use scenarios::{Kind, SCENARIOS, Scenario};

/// The servers, in the order of the table's columns.
const SERVERS: [&str; 5] = ["echod", BASE, "tokio", "monoio", "go"];

/// The server with which the others are compared.
const BASE: &str = "cepoll";

/// The results of a round, by server.
type Round<'a> = HashMap<&'a str, Outcome>;

fn main() {
    let options = Options::of_this_process();
    let mut servers = SERVERS.to_vec();
    servers.retain(|name| options.wants_server(name));

    let mut table = vec![vec!["scenario".to_owned(), "figure".to_owned()]];
    table[0].extend(servers.iter().map(|name| name.to_string()));
    let wanted = |scenario: &&Scenario| options.wants_scenario(scenario.name);
    for scenario in SCENARIOS.iter().filter(wanted) {
        eprintln!("{}...", scenario.name);
        let mut turns = servers.clone();
        let rounds: Vec<Round> = (0..scenario.work.rounds(options.rounds))
            .map(|_| {
                turns.rotate_left(1);
                turns
                    .iter()
                    .map(|&name| (name, run::run(&options, scenario, name)))
                    .collect()
            })
            .collect();
        for (index, figure) in scenario.work.figures().iter().enumerate() {
            let mut line = vec![scenario.title.to_owned(), figure.title.to_owned()];
            line.extend(
                servers
                    .iter()
                    .map(|name| cell(scenario, index, name, &rounds)),
            );
            table.push(line);
        }
    }
    shared::print(&table);
}

/// Returns the table's cell for a server and a figure.
fn cell(scenario: &Scenario, index: usize, server: &str, rounds: &[Round]) -> String {
    let figure = &scenario.work.figures()[index];
    let is_ratio = figure.kind == Kind::Ratio && server != BASE;
    let digits = if is_ratio { 2 } else { figure.digits };
    let value = |round: &Round| {
        let value = round[server].as_ref().ok()?[index];
        let base = if is_ratio {
            round[BASE].as_ref().ok()?[index]
        } else {
            1.0
        };
        Some(value / base)
    };
    let mut values: Vec<f64> = rounds.iter().filter_map(value).collect();
    values.sort_by(f64::total_cmp);

    let failures: Vec<&String> = rounds
        .iter()
        .filter_map(|round| round[server].as_ref().err())
        .collect();
    let Some(last) = values.len().checked_sub(1) else {
        return failures.first().map_or("no ratio", |why| why).to_owned();
    };
    let [least, median, most] = [0, last / 2, last].map(|at| format!("{:.*}", digits, values[at]));
    let mut cell = if least == most {
        median
    } else {
        format!("{median} [{least} {most}]")
    };
    if let Some(why) = failures.first() {
        cell += &format!(" {} failed: {why}", failures.len());
    }
    cell
}
