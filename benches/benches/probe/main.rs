//! Compares the time of a check by `probe`, from exec to exit, with that of the smallest C program that does the same
//! (musl, static), and with `curl`. The server is a thread of this program, on the loopback interface.
//!
//! A round starts each program the same number of times, in turns. The result of a round is the median of its starts.
//! The table shows the median of the rounds, the least and the greatest, and the median of the ratios within a round.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// How often a program is started in one round.
const STARTS: usize = 101;

fn main() {
    let folder = std::env::var_os("RING3_PROBE_BENCH");
    let folder = PathBuf::from(folder.expect("RING3_PROBE_BENCH is set: run `make bench-probe`"));
    let rounds = std::env::var("ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok());
    let rounds = rounds.unwrap_or(21);
    let address = serve();
    let (port, url) = (address.port().to_string(), format!("http://{address}/"));
    let tcp = address.to_string();

    println!("| what | unit | ring3 | beside it | ratio |\n|---|---|---|---|---|");
    let own = [&*tcp];
    row(
        "a TCP connection; `connect` in C with musl",
        rounds,
        &folder,
        ("probe", &own),
        ("connect", &[&port]),
    );
    let curl = ["--silent", "--output", "/dev/null", &url];
    row(
        "a status of HTTP; curl",
        rounds,
        &folder,
        ("probe", &[&url]),
        ("curl", &curl),
    );
    row(
        "a status of HTTP; a TCP connection by `probe`",
        rounds,
        &folder,
        ("probe", &[&url]),
        ("probe", &own),
    );
}

/// Starts a server that accepts, and answers a request of HTTP.
fn serve() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback works");
    let address = listener.local_addr().expect("the socket is bound");
    std::thread::spawn(move || {
        while let Ok((mut client, _)) = listener.accept() {
            // A client may have closed already.
            if matches!(client.read(&mut [0; 1024]), Ok(1..)) {
                let _ = client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            }
        }
    });
    address
}

/// Measures and prints a row of the table.
fn row(title: &str, rounds: usize, folder: &Path, one: (&str, &[&str]), other: (&str, &[&str])) {
    let mut pairs = Vec::new();
    for round in 0..=rounds {
        let (mut ones, mut others) = (Vec::new(), Vec::new());
        for _ in 0..STARTS {
            ones.push(micros(folder, one));
            others.push(micros(folder, other));
        }
        // The first round warms the caches.
        if round > 0 {
            pairs.push((spread(ones)[1], spread(others)[1]));
        }
    }
    let told = |values: Vec<f64>| {
        let [least, median, most] = spread(values);
        format!("{median:.1} [{least:.1} {most:.1}]")
    };
    let [_, ratio, _] = spread(pairs.iter().map(|(one, other)| one / other).collect());
    println!(
        "| {title} | us | {} | {} | {ratio:.3} |",
        told(pairs.iter().map(|pair| pair.0).collect()),
        told(pairs.iter().map(|pair| pair.1).collect()),
    );
}

/// Runs a program of the folder, or of PATH. Returns the microseconds from before its start to its end.
fn micros(folder: &Path, (name, arguments): (&str, &[&str])) -> f64 {
    let own = folder.join(name);
    let mut command = Command::new(if own.exists() { &own } else { Path::new(name) });
    command.args(arguments).stdin(Stdio::null()).env_clear();
    let begin = Instant::now();
    let status = command.status().expect("the program starts");
    let took = begin.elapsed();
    assert!(status.success(), "{name} {arguments:?}: {status}");
    took.as_secs_f64() * 1e6
}

/// Returns the least, the median and the greatest value.
fn spread(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [
        values[0],
        values[values.len() / 2],
        values[values.len() - 1],
    ]
}
