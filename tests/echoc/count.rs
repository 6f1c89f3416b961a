//! Tests of `echoc -n`: a number of requests instead of a time.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use libtest_mimic::Trial;

use super::{Report, echoc, finds, server};
use crate::per_arch;
use crate::support::Arch;

pub fn trials() -> impl Iterator<Item = Trial> {
    per_arch![
        sends_exactly_that_many,
        has_no_other_limit,
        ends_at_the_first_of_two_limits,
        finds_what_a_run_with_a_time_finds,
    ]
}

/// The number of bytes of each connection, sorted.
fn bytes_of_each(arch: Arch, options: &str, connections: usize) -> (Report, Vec<u64>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sees = seen.clone();
    let (address, serving) = server::start(connections, move |client| {
        let mut count = 0;
        server::echo(client, |_, bytes| {
            count += bytes.len() as u64;
            true
        });
        sees.lock().unwrap().push(count);
    });
    let report = Report::of(echoc(arch, &format!("--stall 60 {options} {address}")));
    serving.join().expect("the server has served all clients");
    let mut seen = seen.lock().unwrap().clone();
    seen.sort();
    (report, seen)
}

/// Each connection sends its share. There is no connection without a share.
fn sends_exactly_that_many(arch: Arch) {
    for (options, size, shares) in [
        ("-n 1", 64, &[1][..]),
        ("-n 1 -d 1024 -c 1000", 64, &[1]),
        ("-n 2 -c 5", 64, &[1, 1]),
        ("-n 5 -c 5 -d 9 -s 1", 1, &[1; 5]),
        ("-n 4 -c 3 -d 4", 64, &[1, 1, 2]),
        ("-n 100 -c 3 -d 4", 64, &[33, 33, 34]),
        ("-n 101 -c 3 -d 33 --verify", 64, &[33, 34, 34]),
        (
            "-n 103 -c 10",
            64,
            &[10, 10, 10, 10, 10, 10, 10, 11, 11, 11],
        ),
        ("-n 50 -c 2 -d 7 -s 100000 --verify", 100_000, &[25, 25]),
    ] {
        let (report, seen) = bytes_of_each(arch, options, shares.len());
        assert_eq!(report.requests, shares.iter().sum(), "{options}");
        let shares: Vec<_> = shares.iter().map(|share| share * size).collect();
        assert_eq!(seen, shares, "{options}");
    }
}

/// The run takes longer than a second, the default of `-t`.
fn has_no_other_limit(arch: Arch) {
    let (address, _) = server::start(1, |client| {
        server::slow(client, Duration::from_millis(40));
    });
    let report = Report::of(echoc(arch, &format!("-n 40 --stall 60 {address}")));
    assert_eq!(report.requests, 40);
    assert!(report.milliseconds >= 40 * 40, "{}", report.milliseconds);
}

fn ends_at_the_first_of_two_limits(arch: Arch) {
    let begin = Instant::now();
    let (report, seen) = bytes_of_each(arch, "-t 1000 -n 9", 1);
    assert_eq!((report.requests, seen), (9, vec![9 * 64]));
    assert!(begin.elapsed() < Duration::from_secs(30));

    let (report, seen) = bytes_of_each(arch, "-t 1 -n 1000000000000 -d 5", 1);
    assert_eq!(seen, [64 * report.requests]);
    assert!(report.milliseconds >= 1000, "{}", report.milliseconds);
}

/// Echoes one message, then does not answer, and keeps the connection.
fn answer_once(mut client: TcpStream) {
    let mut bytes = [0; 64];
    client.read_exact(&mut bytes).unwrap();
    client.write_all(&bytes).unwrap();
    while client.read(&mut bytes).is_ok_and(|count| count > 0) {}
}

fn finds_what_a_run_with_a_time_finds(arch: Arch) {
    let reset = "recv: Connection reset by peer (ECONNRESET)";
    finds(arch, "-n 1 --stall 60", reset, |client| {
        server::reset(client, 64)
    });
    finds(arch, "-n 10 -d 3 --stall 60", reset, |client| {
        server::reset(client, 192)
    });
    // The server dies after the first message.
    finds(
        arch,
        "-n 3 --stall 60",
        "ended after 64 bytes of 128",
        |client| {
            server::echo(client, |position, bytes| {
                if position > 0 {
                    bytes.clear();
                }
                position == 0
            });
        },
    );
    let stalled = "no progress for 1.0 s, after 64 bytes of 128";
    finds(arch, "-n 2 --stall 1", stalled, answer_once);
    // A byte after the last reply.
    finds(
        arch,
        "-n 3 --stall 60",
        "received 193 bytes, sent 192",
        |client| {
            server::echo(client, |_, bytes| {
                if bytes.is_empty() {
                    bytes.push(0);
                }
                true
            });
        },
    );
}
