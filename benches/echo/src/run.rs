//! Runs one scenario once on one server.

use std::process::Command;
use std::{env, fs, thread, time::Duration};

use crate::held::Held;
use crate::machine;
use crate::options::Options;
use crate::scenarios::{BOTH, Load, SERVER, Scenario, Work};
use crate::server::{PATIENCE, Process, Server, Stream};

/// The figures of a scenario, in the order of [`Work::figures`]; or a short reason why there are none.
pub type Outcome = Result<Vec<f64>, String>;

/// Runs the scenario.
pub fn run(options: &Options, scenario: &Scenario, server: &str) -> Outcome {
    let files = machine::allow_files(scenario.work.files());
    if files < scenario.work.files() {
        return Err(format!("not here: at most {files} files"));
    }
    match &scenario.work {
        Work::Load(load) => under_load(options, load, server),
        Work::Calls(load) => calls(options, load, server),
        Work::Held {
            connections,
            echoes,
        } => held(options, *connections, *echoes, server),
        Work::File => {
            let file = fs::metadata(options.servers.join(server));
            Ok(vec![file.map_err(|error| error.to_string())?.len() as f64])
        }
    }
}

fn start(options: &Options, name: &str, cores: &'static [usize]) -> Result<Server, String> {
    Server::start(&options.servers, name, cores).ok_or_else(|| "did not start".to_owned())
}

fn under_load(options: &Options, load: &Load, name: &str) -> Outcome {
    let server = start(options, name, load.server)?;
    let before = machine::cpu_time(server.process.id());
    let said = clients(options, load, &server)?;
    let nanoseconds = machine::cpu_time(server.process.id()) - before;
    let requests: f64 = said.iter().map(|said| said.requests).sum();
    let worst = said.iter().map(|said| said.p99).max_by(f64::total_cmp);
    Ok(vec![
        said.iter().map(|said| said.rate).sum(),
        worst.expect("there is a client"),
        nanoseconds as f64 / requests / 1000.0,
    ])
}

fn calls(options: &Options, load: &Load, name: &str) -> Outcome {
    let server = start(options, name, load.server)?;
    let mut command = Command::new(env::var_os("STRACE").unwrap_or("strace".into()));
    command.args(["-f", "-c", "-p", &server.process.id().to_string()]);
    let mut strace = Process::start(command, BOTH, Stream::Stderr);
    strace
        .line(PATIENCE) // "strace: Process 1234 attached"
        .filter(|line| line.contains("attached"))
        .ok_or("strace failed")?;
    let said = clients(options, load, &server)?;
    strace.interrupt();
    let table = strace.rest(PATIENCE).ok_or("strace does not end")?;
    let count = total(&table).ok_or("strace counted nothing")?;
    Ok(vec![count / said[0].requests])
}

/// Returns the number of system calls from the output of `strace -c`: the fourth column of its last line.
fn total(table: &str) -> Option<f64> {
    let line = table.lines().find(|line| line.ends_with(" total"))?;
    line.split_whitespace().nth(3)?.parse().ok()
}

fn held(options: &Options, connections: usize, echoes: usize, name: &str) -> Outcome {
    let server = start(options, name, SERVER)?;
    let id = server.process.id();
    // Waits until the server has finished its start: it may still allocate memory after it has printed its address.
    thread::sleep(Duration::from_millis(100));
    let empty = machine::resident(id);
    let lost = |error| format!("lost an echo: {error}");
    let mut held = Held::open(server.address, connections).map_err(lost)?;
    let before = machine::cpu_time(id);
    for _ in 0..echoes {
        thread::sleep(Duration::from_secs(1));
        held.echo().map_err(lost)?;
    }
    let microseconds = (machine::cpu_time(id) - before) as f64 / 1000.0;
    let resident = machine::resident(id);
    let each = resident.saturating_sub(empty) as f64 / connections as f64;
    let an_echo = microseconds / (connections * echoes) as f64;
    // The table shows the first of these, as many as the scenario has ([`Work::figures`]).
    Ok(vec![resident as f64 / 1024.0, each, an_echo])
}

/// The figures that a client printed at its end.
struct Said {
    requests: f64,
    rate: f64,
    p99: f64,
}

/// Runs the clients of a load at the same time, and waits for their figures.
fn clients(options: &Options, load: &Load, server: &Server) -> Result<Vec<Said>, String> {
    let start = |&cores| client(options, load, server, cores);
    let mut clients: Vec<Process> = load.clients.iter().map(start).collect();
    clients
        .iter_mut()
        .map(|client| {
            let text = client.rest(options.seconds + PATIENCE);
            let text = text.filter(|_| client.succeeds()).ok_or("failed")?;
            said(&text).ok_or_else(|| "the client makes no sense".to_owned())
        })
        .collect()
}

fn client(options: &Options, load: &Load, server: &Server, cores: &'static [usize]) -> Process {
    let mut command = Command::new(options.servers.join("echoc"));
    let values = [
        ("-c", load.connections.to_string()),
        ("-s", load.size.to_string()),
        ("-t", options.seconds.to_string()),
    ];
    for (option, value) in values {
        command.args([option, &value]);
    }
    command.arg(server.address.to_string());
    Process::start(command, cores, Stream::Stdout)
}

/// Parses the two lines that `echoc` prints:
///
/// ```text
/// 3071234 requests in 10.003 s: 307025 req/s, 0.020 GB/s
/// latency p50 203.1 us, p99 440.0 us, p99.9 612.4 us, max 3120.9 us
/// ```
fn said(text: &str) -> Option<Said> {
    let word = |line: usize, word: usize| {
        let word = text.lines().nth(line)?.split_whitespace().nth(word)?;
        word.parse::<f64>().ok()
    };
    Some(Said {
        requests: word(0, 0).filter(|&requests| requests > 0.0)?,
        rate: word(0, 5)?,
        p99: word(1, 5)?,
    })
}
