//! Tests of echoc's options: each pair of options, the times that options set, and the options of the sockets.
//! (`tests/cli.rs` tests the limits of numbers.)

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

use libtest_mimic::{Completion, Trial};
use ring3::net::{IPPROTO_TCP, TCP_NODELAY};
use rustix::fs::{OFlags, fcntl_getfl};
use rustix::process::Signal;

use super::parts::pattern::Pattern;
use super::{Report, Running, bytes, echoc, server};
use crate::descriptors::{all_close_at_exec, option, sockets};
use crate::echod::times::took;
use crate::per_arch;
use crate::support::{Arch, once, pairs};
use crate::trial::{LONG, may_take};

pub fn trials() -> impl Iterator<Item = Trial> {
    per_arch![its_sockets_do_not_wait].chain([
        once("echoc::settings::each_pair_holds [x86_64]", each_pair_holds),
        once("echoc::settings::times_are_kept [x86_64]", times_are_kept),
    ])
}

/// The sockets of `echoc` are non-blocking, and send small messages without delay (TCP_NODELAY).
fn its_sockets_do_not_wait(arch: Arch) -> Completion {
    let running = Running::start(arch, "-t 1000 --stall 1000 --verify", |client| {
        server::echo(client, |_, _| true);
    });
    let sockets = match sockets(running.pid()) {
        Ok(sockets) => sockets,
        Err(ignored) => return ignored,
    };
    let [socket] = &sockets[..] else {
        panic!("{sockets:?}")
    };
    assert_eq!(option(socket, IPPROTO_TCP, TCP_NODELAY), Some(1));
    assert!(fcntl_getfl(socket).unwrap().contains(OFlags::NONBLOCK));
    if arch.is_native() {
        all_close_at_exec(running.pid());
    }
    running.signal(Signal::TERM);
    Report::of(running.wait());
    Completion::Completed
}

/// What a server observes of its clients.
#[derive(Default)]
struct Seen {
    clients: usize,
    bytes: usize,
    /// The largest number of bytes in flight on a connection.
    most: usize,
    /// The first bytes of each connection.
    begins: Vec<[u8; 8]>,
}

/// Sends an answer when as many bytes have arrived as may be in flight, or when no more have arrived for a while.
/// Checks that no more bytes than that arrive before the answer.
fn serve(mut client: TcpStream, under_way: usize, seen: &Mutex<Seen>) {
    seen.lock().unwrap().clients += 1;
    let mut buffer = vec![0; under_way + 1];
    let mut is_first = true;
    loop {
        let mut count = 0;
        let patience = Duration::from_millis(300);
        client.set_read_timeout(None).unwrap();
        let is_end = loop {
            match client.read(&mut buffer[count..]) {
                Ok(0) => break true,
                Ok(more) => count += more,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break false,
                Err(error) => panic!("{error}"),
            }
            // If all expected bytes have arrived, extra bytes get a short time to arrive.
            let patience = if count < under_way {
                patience
            } else {
                Duration::from_millis(20)
            };
            client.set_read_timeout(Some(patience)).unwrap();
        };
        if count > 0 {
            let mut seen = seen.lock().unwrap();
            seen.bytes += count;
            seen.most = seen.most.max(count);
            if std::mem::take(&mut is_first) {
                seen.begins.push(buffer[..8].try_into().unwrap());
            }
        }
        client.write_all(&buffer[..count]).unwrap();
        if is_end {
            return;
        }
    }
}

/// Each option with the tested value, which is not the default.
const ALL: [&str; 6] = ["-c 3", "-s 1000", "-d 5", "-t 2", "--verify", "--stall 60"];

fn each_pair_holds() {
    let pairs = pairs(&ALL);
    assert_eq!(pairs.len(), 15);
    std::thread::scope(|scope| {
        for [one, other] in pairs {
            scope.spawn(move || live(&format!("{one} {other}")));
        }
    });
}

fn live(options: &str) {
    let has = |option: &str| options.contains(option);
    let clients = if has("-c 3") { 3 } else { 1 };
    let size = if has("-s 1000") { 1000 } else { 64 };
    let under_way = if has("-d 5") { 5 * size } else { size };
    let seconds: u32 = if has("-t 2") { 2 } else { 1 };
    let seen = Arc::new(Mutex::new(Seen::default()));
    let sees = seen.clone();
    let (address, serving) = server::start(clients, move |client| serve(client, under_way, &sees));
    let begin = Instant::now();
    let report = Report::of(echoc(Arch::X86_64, &format!("{options} {address}")));
    took(begin, f64::from(seconds));
    serving.join().expect("the server has served all clients");
    let seen = seen.lock().unwrap();
    assert_eq!((seen.clients, seen.most), (clients, under_way), "{options}");
    assert_eq!(
        seen.bytes as u64,
        report.requests * size as u64,
        "{options}"
    );
    assert!(
        report.milliseconds >= u64::from(1000 * seconds),
        "{options}"
    );
    if has("--verify") {
        let mut expected: Vec<_> = (0..clients as u64)
            .map(|number| {
                let mut begin = [0; 8];
                Pattern::new(number).fill(0, &mut begin);
                begin
            })
            .collect();
        let mut begins = seen.begins.clone();
        expected.sort();
        begins.sort();
        assert_eq!(begins, expected, "{options}");
    }
}

/// A time passes in full, and not much longer.
fn times_are_kept() {
    may_take(LONG);
    std::thread::scope(|scope| {
        for test in [sends, stalls, stalls_when_all_was_sent, does_not_stall] as [fn(); 4] {
            scope.spawn(test);
        }
    });
}

fn sends() {
    for seconds in [1, 3] {
        let (address, _) = server::start(1, |client| {
            server::slow(client, Duration::from_millis(5));
        });
        let begin = Instant::now();
        let report = Report::of(echoc(Arch::X86_64, &format!("-t {seconds} {address}")));
        took(begin, seconds as f64);
        let window = 1000 * seconds..10_000 * seconds;
        assert!(
            window.contains(&report.milliseconds),
            "{}",
            report.milliseconds
        );
    }
}

fn stalls() {
    let (socket, address) = super::bound();
    socket.listen(1).unwrap();
    for (option, seconds) in [("--stall 1", 1), ("--stall 2", 2), ("", 5)] {
        let begin = Instant::now();
        let ran = echoc(Arch::X86_64, &format!("{option} {address}"));
        took(begin, f64::from(seconds));
        let before = format!("no progress for {seconds}.0 s, after ");
        assert_eq!(bytes(&ran, address, &before, " bytes of "), [0, 64]);
        drop(socket.accept().unwrap()); // makes room in the accept queue for the next client
    }
}

/// The server does not end the connection.
fn stalls_when_all_was_sent() {
    let (address, _) = server::start(1, |client| {
        server::echo(client, |_, bytes| {
            if bytes.is_empty() {
                sleep(Duration::from_secs(40));
            }
            true
        });
    });
    let begin = Instant::now();
    let ran = echoc(Arch::X86_64, &format!("--stall 2 {address}"));
    // One second of sending, then the two seconds of `--stall`.
    took(begin, 3.0);
    let [received, sent] = bytes(&ran, address, "no progress for 2.0 s, after ", " bytes of ");
    assert_eq!(received, sent);
}

/// Each reply takes longer than a polling interval but less than `--stall`, which starts anew with each reply.
fn does_not_stall() {
    let (address, _) = server::start(1, |client| {
        server::slow(client, Duration::from_millis(1200));
    });
    let report = Report::of(echoc(Arch::X86_64, &format!("-t 4 --stall 3 {address}")));
    assert!((1..=4).contains(&report.requests), "{}", report.requests);
}
