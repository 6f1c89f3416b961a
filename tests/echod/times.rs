//! Tests of echod's timeouts: none ends early, and none much too late. A busy machine may lengthen a timeout to ten
//! times its length, or by some seconds; a timeout in a wrong unit would exceed this range. (All tests run at the same time because
//! they mostly wait. Only one architecture is tested, because the timeouts come from the same source code.)

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use libtest_mimic::{Completion, Trial};
use rustix::process::Signal;

use super::client::{connect, ping, read};
use super::injected;
use super::server::Server;
use crate::skip;
use crate::support::{Arch, Folder, once, wait_until};
use crate::trial::{LONG, may_take};

pub fn trials() -> impl Iterator<Item = Trial> {
    [once("echod::times::are_kept [x86_64]", are_kept)].into_iter()
}

const ARCH: Arch = Arch::X86_64;

/// Checks that at least `seconds` have passed since `begin`, and at most ten times as much.
#[track_caller]
pub fn took(begin: Instant, seconds: f64) {
    let took = begin.elapsed().as_secs_f64();
    assert!(
        (seconds..10.0 * seconds).contains(&took),
        "{took} s, not {seconds} s"
    );
}

fn are_kept() -> Completion {
    may_take(LONG);
    if !ARCH.is_native() {
        return Completion::ignored_with(skip::STRACE);
    }
    std::thread::scope(|scope| {
        let all: [fn(); 9] = [
            idle,
            idle_between_ticks,
            idle_of_one_that_held_bytes,
            busy_for_long,
            grace,
            grace_by_default,
            stats,
            pause,
            spin,
        ];
        for test in all {
            scope.spawn(test);
        }
    });
    Completion::Completed
}

/// Waits until the server has closed the connection with an ordinary EOF.
fn closed(client: TcpStream) {
    assert_eq!(read(client, &mut [0]).expect("EOF"), 0);
}

fn idle() {
    for seconds in [1, 2] {
        let server = Server::new(ARCH, &["--idle", &seconds.to_string(), "-v"]);
        let mut client = connect(server.address());
        let silent = connect(server.address());
        let begin = Instant::now();
        ping(&mut client, b"then nothing");
        closed(client);
        took(begin, seconds as f64);
        closed(silent);
        server.signal(Signal::TERM);
        let ran = server.wait();
        let lines = ran.stderr.lines();
        let idle = lines.filter(|line| line.ends_with("closed: it was idle"));
        assert_eq!((ran.status, idle.count()), (Some(0), 2), "{}", ran.stderr);
    }
}

/// The server looks for idle clients 16 times in an idle time, from its first client on. A client that comes shortly
/// before a look keeps its connection for the whole time too.
fn idle_between_ticks() {
    let server = Server::new(ARCH, &["--idle", "2", "-w", "1"]);
    let first = connect(server.address());
    std::thread::sleep(Duration::from_millis(110)); // the first look is after 125 ms
    let begin = Instant::now();
    closed(connect(server.address()));
    took(begin, 2.0);
    closed(first);
    server.end("");
}

/// A client that has not received all its bytes is reset when its idle time is over.
fn idle_of_one_that_held_bytes() {
    // Longer than `fill` goes on writing to the kernel's buffers after the server's last read.
    let server = Server::new(ARCH, &["--idle", "4", "-w", "1"]);
    let others = server.count("socket");
    let begin = Instant::now();
    let mut blocked = super::Blocked::new(server.address(), 1);
    blocked.fill();
    // A client that reads is served again. So this client reads only after its end.
    wait_until("the server has closed the client", || {
        server.count("socket") == others
    });
    took(begin, 4.0);
    assert!(super::is_reset(blocked.into_stream()));
    server.end("");
}

/// A client that keeps sending is not closed. It runs long enough that a tick counter of one byte would wrap around.
fn busy_for_long() {
    let server = Server::new(ARCH, &["--idle", "1", "-w", "1"]);
    let mut client = connect(server.address());
    let (mut begin, mut last) = (Instant::now(), Instant::now());
    while begin.elapsed() < Duration::from_secs(18) {
        // On a busy machine this thread may not run for a second: then the client was idle, and another one begins.
        if last.elapsed() > Duration::from_millis(500) {
            client = connect(server.address());
            begin = Instant::now();
        }
        ping(&mut client, b"still here");
        last = Instant::now();
        std::thread::sleep(Duration::from_millis(150));
    }
    drop(client);
    server.end("");
}

fn grace() {
    for (seconds, least) in [("1", 1.0), ("2", 2.0)] {
        let server = Server::new(ARCH, &["--grace", seconds, "-w", "2"]);
        let mut clients = [(); 3].map(|()| connect(server.address()));
        clients.iter_mut().for_each(|client| ping(client, b"in"));
        let begin = Instant::now();
        server.signal(Signal::TERM);
        clients.into_iter().for_each(closed);
        took(begin, least);
        assert_eq!(server.wait().status, Some(0));
    }
}

fn grace_by_default() {
    let server = Server::new(ARCH, &["-w", "1"]);
    let mut client = connect(server.address());
    ping(&mut client, b"in");
    let begin = Instant::now();
    server.signal(Signal::TERM);
    closed(client);
    took(begin, 5.0);
    assert_eq!(server.wait().status, Some(0));
}

fn stats() {
    for seconds in [1, 2] {
        let begin = Instant::now();
        let seconds_text = seconds.to_string();
        let mut server = Server::new(ARCH, &["--stats", &seconds_text, "-w", "1"]);
        let mut lines = BufReader::new(server.take_stderr()).lines();
        for nth in 1..=3 {
            let line = lines.next().unwrap().unwrap();
            assert_eq!(
                line,
                "echod: 0 clients of 0, 0 bytes, 0 requests, 0 resets, 0 errors"
            );
            took(begin, (nth * seconds) as f64);
        }
        server.signal(Signal::TERM);
        assert_eq!(server.wait().status, Some(0));
    }
}

/// After a shortage that ends by itself, accept is retried twice, each time after a second.
fn pause() {
    let shortage = "accept4:error=ENFILE:when=1..2";
    let Ok(server) = injected::start(ARCH, &["-l", "127.0.0.1:0"], 1, &[shortage]) else {
        unreachable!("the machine is of this architecture");
    };
    let begin = Instant::now();
    ping(&mut connect(server.address()), b"patience");
    took(begin, 2.0);
    server.end("echod: accept client: Too many open files in system (ENFILE)\n");
}

/// Parses a line of strace: the time stamp, and the timeout of the call.
fn wait_of(line: &str) -> Option<(f64, i32)> {
    let (time, call) = line.split_once(' ')?;
    let (call, _) = call.rsplit_once(", NULL, 8)")?;
    let (_, timeout) = call.rsplit_once(' ')?;
    Some((time.parse().unwrap(), timeout.parse().unwrap()))
}

/// The server polls for the given time, then sleeps.
fn spin() {
    for (time, least) in [("0", 0.0), ("1us", 0.0), ("500ms", 0.5), ("1", 1.0)] {
        let folder = Folder::new();
        let mut strace = Command::new("strace");
        strace.args(["-D", "-qq", "-ttt", "--trace=epoll_pwait", "-o"]);
        strace.arg(folder.path("log")).arg(ARCH.shipped("echod"));
        strace.args(["-l", "127.0.0.1:0", "-w", "1", "--spin", time]);
        let server = Server::start(&mut strace, 1);
        let mut client = connect(server.address());
        ping(&mut client, b"quick");
        // The log has a series of calls with timeout 0, then a call that sleeps.
        std::thread::sleep(Duration::from_millis(200) + Duration::from_secs_f64(2.0 * least));
        drop(client);
        server.end("");
        let log = String::from_utf8(folder.read("log")).unwrap();
        let waits: Vec<_> = log.lines().filter_map(wait_of).collect();
        let rows = waits.split_inclusive(|(_, timeout)| *timeout != 0);
        let slept = rows.filter(|row| row.last().is_some_and(|(_, timeout)| *timeout == -1));
        let mut count = 0;
        for row in slept {
            count += 1;
            let (begin, end) = (row[0].0, row[row.len() - 1].0);
            assert_eq!(row.len() == 1, time == "0", "--spin {time}: {log}");
            assert!(
                (least - 0.001..10.0 * least + 5.0).contains(&(end - begin)),
                "--spin {time}: {begin} to {end}"
            );
        }
        assert!(count > 0, "--spin {time}: {log}");
    }
}
