//! Time limits, pauses between attempts, and the memory.

use std::fs;
use std::net::TcpListener;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::{Completion, Trial};

use super::server::{Server, nobody};
use super::{answers, probe, ran};
use crate::per_arch;
use crate::skip;
use crate::support::{Arch, Folder, Ran, wait_until};
use crate::trial::{LONG, may_take};

pub fn trials() -> Vec<Trial> {
    per_arch![
        limits_an_attempt,
        limits_a_slow_answer,
        limits_a_full_queue,
        waits_for_a_server,
        pauses_longer_and_longer,
        pauses_as_asked,
        gives_up_in_time,
        waits_without_a_limit,
        checks_at_once,
        needs_little_memory,
    ]
    .collect()
}

const LATE: &str = "Connection timed out (ETIMEDOUT)";

fn milliseconds(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Runs `probe` until it needs no more than 50 ms over `least`, at most ten times: on a busy machine a process may wait
/// for a CPU. It may never need less. (Under qemu-user a start takes longer.)
fn takes(arch: Arch, least: Duration, arguments: &str, expected: &Ran) {
    takes_one_of(arch, least, arguments, &[expected]);
}

/// The same with one of these results.
fn takes_one_of(arch: Arch, least: Duration, arguments: &str, expected: &[&Ran]) {
    let more = milliseconds(if arch.is_native() { 50 } else { 500 });
    let mut longest = Duration::ZERO;
    for _ in 0..10 {
        let begin = Instant::now();
        let ran = ran(arch, arguments);
        let took = begin.elapsed();
        assert!(expected.contains(&&ran), "{arguments}: {ran:?}");
        assert!(took >= least, "{arguments}: {took:?}");
        if took <= least + more {
            return;
        }
        longest = longest.max(took);
    }
    panic!("{arguments}: {longest:?}, not {least:?}");
}

fn late(call: &str, target: &str) -> Ran {
    Ran::new(1, "", &format!("probe: {call} {target}: {LATE}\n"))
}

/// The targets of a server, in all protocols that wait for an answer.
fn targets(address: impl std::fmt::Display) -> [String; 4] {
    ["http", "redis", "postgres", "grpc"].map(|scheme| format!("{scheme}://{address}"))
}

fn limits_an_attempt(arch: Arch) {
    may_take(LONG);
    let server = Server::silent();
    for target in targets(server.address) {
        takes(
            arch,
            milliseconds(100),
            &format!("-t 100ms {target}"),
            &late("recv", &target),
        );
    }
    let target = format!("http://{}", server.address);
    takes(arch, milliseconds(1000), &target, &late("recv", &target));
    // A server that is not running, in an address range for documentation: no answer, or an error at once.
}

/// Each byte comes in time, but not the whole answer.
fn limits_a_slow_answer(arch: Arch) {
    may_take(LONG);
    let drip = |end, answer: &str| Server::dripping(end, answer.repeat(1000), milliseconds(20));
    for (scheme, end, answer) in [
        ("http", &b"\r\n\r\n"[..], "HTTP/1.1 100 x\r\n\r\n"),
        ("redis", b"PING\r\n", "+++++"),
        ("grpc", b"\0\0\0\0\0", "\0\0\0\u{4}\u{1}\0\0\0\0"),
    ] {
        let server = drip(end, answer);
        let target = format!("{scheme}://{}", server.address);
        takes(
            arch,
            milliseconds(150),
            &format!("-t 0.15 {target}"),
            &late("recv", &target),
        );
    }
    // The body has no limit but the time.
    let server = Server::flooding(b"HTTP/1.1 200 OK\r\n\r\n", b"x");
    let target = format!("http://{}", server.address);
    let arguments = format!("-t 0.15 -c y {target}");
    takes(arch, milliseconds(150), &arguments, &late("recv", &target));
}

/// The accept queue of a Unix socket has no room: connect(2) does not wait, and poll(2) does not report room.
fn limits_a_full_queue(arch: Arch) {
    let folder = Folder::new();
    let path = folder.path("socket");
    let listener = UnixListener::bind(&path).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let _first = UnixStream::connect(&path).unwrap();
    let target = format!("unix:{}", path.display());
    let expected = late("connect", &target);
    takes(
        arch,
        milliseconds(100),
        &format!("-t 0.1 {target}"),
        &expected,
    );
    // When there is room, it connects.
    let server = std::thread::spawn(move || {
        std::thread::sleep(milliseconds(200));
        [listener.accept().unwrap(), listener.accept().unwrap()]
    });
    answers(arch, &format!("-t 20 {target}"));
    server.join().unwrap();
}

/// The server begins to listen after a while.
fn waits_for_a_server(arch: Arch) {
    for option in ["--wait", "--wait=20", "--wait=20s -v", "--wait -q"] {
        let address = nobody();
        let server = std::thread::spawn(move || {
            std::thread::sleep(milliseconds(350));
            TcpListener::bind(address).unwrap()
        });
        let begin = Instant::now();
        let ran = ran(arch, &format!("{option} {address}"));
        assert!(begin.elapsed() >= milliseconds(350));
        assert_eq!(ran.status, Some(0), "{ran:?}");
        if option.ends_with("-v") {
            // A line for each attempt, at 0, 0.1 and 0.3 s, and the last line for the answer.
            let failure = format!("probe: connect {address}: Connection refused (ECONNREFUSED)");
            let lines: Vec<_> = ran.stderr.lines().collect();
            let (last, failures) = lines.split_last().unwrap();
            assert!((2..=4).contains(&failures.len()), "{ran:?}");
            assert!(failures.iter().all(|line| **line == failure), "{ran:?}");
            assert!(
                last.starts_with(&format!("probe: {address}: answers, after ")),
                "{ran:?}"
            );
        } else {
            assert_eq!(ran.stderr, "");
        }
        server.join().unwrap();
    }
}

/// The times between the accepted connections of a server that is never ready. The kernel accepts a connection before
/// the server does, so a pause can look a little shorter.
fn pauses(arch: Arch, option: &str, count: usize) -> Vec<Duration> {
    let server = Server::answering(b"\r\n\r\n", "HTTP/1.1 503 Busy\r\n\r\n");
    let mut child = probe(arch, &format!("{option} http://{}", server.address))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let moments: Vec<_> = (0..=count).map(|_| server.request().0).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    moments.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// Checks that the pauses are these, up to the time that a busy machine adds.
fn are(found: &[Duration], expected: &[u64]) {
    for (pause, expected) in found.iter().zip(expected) {
        let least = milliseconds(*expected).saturating_sub(milliseconds(20));
        let most = milliseconds(2 * expected + 500);
        assert!((least..most).contains(pause), "{found:?}, not {expected:?}");
    }
    assert_eq!(found.len(), expected.len());
}

fn pauses_longer_and_longer(arch: Arch) {
    may_take(LONG);
    let expected = [100, 200, 400, 800, 1000, 1000];
    are(&pauses(arch, "--wait", expected.len()), &expected);
}

fn pauses_as_asked(arch: Arch) {
    let expected = [50; 8];
    are(
        &pauses(arch, "--wait=60 --interval 50ms", expected.len()),
        &expected,
    );
    // There is always a pause.
    let pauses = pauses(arch, "--wait -i 0", 20);
    assert!(
        pauses.iter().sum::<Duration>() >= milliseconds(15),
        "{pauses:?}"
    );
}

fn gives_up_in_time(arch: Arch) {
    may_take(LONG);
    let address = nobody();
    let expected = format!("probe: connect {address}: Connection refused (ECONNREFUSED)\n");
    // On a busy machine the last attempt can begin too late.
    let expected = [
        &Ran::new(1, "", &expected),
        &late("connect", &address.to_string()),
    ];
    for (option, least) in [
        // The attempts are at 0, 0.1, 0.3 and 0.4 s: the last one begins 0.1 s before the end.
        ("--wait=0.5", 400),
        ("--wait=0.3 -i 60", 200),
        ("--wait=0.3 -i 0.25", 200),
    ] {
        takes_one_of(
            arch,
            milliseconds(least),
            &format!("{option} {address}"),
            &expected,
        );
    }
    // Shorter pauses go on to the end.
    let begin = Instant::now();
    let refused = ran(arch, &format!("--wait=0.3 -i 20ms -v {address}"));
    assert!(begin.elapsed() >= milliseconds(260));
    assert!(refused.stderr.lines().count() <= 16, "{refused:?}");
    // The limit of the wait cuts an attempt.
    let server = Server::silent();
    let target = format!("http://{}", server.address);
    let arguments = format!("--wait=0.2 -t 60 {target}");
    takes(arch, milliseconds(200), &arguments, &late("recv", &target));
}

fn waits_without_a_limit(arch: Arch) {
    for option in ["--wait", "--wait=0", "-t 0"] {
        let server = Server::silent();
        let mut child = probe(arch, &format!("{option} -t 0 http://{}", server.address))
            .spawn()
            .unwrap();
        std::thread::sleep(milliseconds(1500));
        assert!(child.try_wait().unwrap().is_none(), "{option}");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

/// Targets that do not answer take as long together as one.
fn checks_at_once(arch: Arch) {
    let servers = [Server::silent(), Server::silent(), Server::silent()];
    let targets = servers
        .each_ref()
        .map(|server| format!("http://{}", server.address));
    let mut shortest = Duration::MAX;
    for _ in 0..10 {
        let begin = Instant::now();
        let ran = ran(arch, &format!("-t 0.4 {}", targets.join(" ")));
        shortest = shortest.min(begin.elapsed());
        assert_eq!(ran.status, Some(1));
        for target in &targets {
            let line = format!("probe: recv {target}: {LATE}\n");
            assert!(ran.stderr.contains(&line), "{ran:?}");
        }
        if shortest < milliseconds(800) {
            return;
        }
    }
    panic!("{shortest:?}");
}

/// The private memory of a process, in KiB: what it has written to.
fn private(child: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
    number.unwrap().parse().unwrap()
}

/// Less than 64 KiB of private memory: while a server is silent, in the middle of an endless answer, and for several
/// targets at once.
fn needs_little_memory(arch: Arch) -> Completion {
    if !arch.is_native() {
        return Completion::ignored_with(skip::PAGE_FAULTS);
    }
    let silent = Server::silent();
    let flood = Server::flooding(b"HTTP/1.1 200 OK\r\n\r\n", b"x");
    let [http, redis, postgres, grpc] = targets(silent.address);
    for arguments in [
        http.clone(),
        grpc.clone(),
        format!("-c missing http://{}", flood.address),
        format!("{http} {redis} {postgres} {grpc}"),
        format!("{http} {http} {http} {http} {grpc} {grpc} {grpc} {grpc}"),
    ] {
        let mut child = probe(arch, &format!("-t 60 {arguments}")).spawn().unwrap();
        let count = arguments
            .split(' ')
            .filter(|word| word.contains("://"))
            .count();
        wait_until("probe waits for answers", || {
            let tasks = fs::read_dir(format!("/proc/{}/task", child.id()))
                .unwrap()
                .count();
            tasks >= if count == 1 { 1 } else { 1 + count }
        });
        std::thread::sleep(milliseconds(200));
        let used = private(&child);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!((4..64).contains(&used), "{arguments}: {used} KiB");
    }
    Completion::Completed
}
