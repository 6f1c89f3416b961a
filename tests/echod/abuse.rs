//! Tests of echod with difficult clients: crowds, clients that do not read, clients that reset, and too many clients.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use libtest_mimic::{Completion, Trial};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use rustix::net::SendFlags;
use rustix::process::Signal;

use super::client::{
    Blocked, Leave, answered, compare, connect, patterned, ping, reset_on_close, session,
};
use super::server::Server;
use crate::per_arch;
use crate::skip;
use crate::support::{Arch, wait_until};
use crate::trial::{LONG, may_take};

pub fn trials() -> impl Iterator<Item = Trial> {
    per_arch![
        a_crowd_gets_every_byte,
        one_that_does_not_read_harms_nobody,
        one_that_does_nothing_but_send_leaves_room_for_others,
        a_half_close_with_megabytes_under_way,
        clients_take_no_huge_pages,
        blocked_clients_take_bounded_memory,
        bytes_out_of_band_stay_in_their_place,
        one_byte_at_a_time,
        a_client_that_resets_unread,
        stopped_and_continued,
        more_clients_than_descriptors,
        no_descriptor_is_leaked,
    ]
}

/// Hundreds of clients at the same time. Each sends between one byte and a mebibyte, in pieces of random sizes, and
/// leaves in one of all possible ways.
fn a_crowd_gets_every_byte(arch: Arch) {
    let server = Server::new(arch, &[]);
    let address = server.address();
    std::thread::scope(|scope| {
        for seed in 0..320 {
            scope.spawn(move || {
                let mut random = SmallRng::seed_from_u64(!seed);
                let length = 1 << random.random_range(0..=20);
                let length = random.random_range(length / 2 + 1..=length);
                let leave = [Leave::HalfClose, Leave::Close, Leave::Reset];
                session(address, seed, length, leave[random.random_range(0..3)]);
            });
        }
    });
    ping(&mut connect(address), b"still there");
    server.end("");
}

fn one_that_does_not_read_harms_nobody(arch: Arch) {
    may_take(LONG);
    let server = Server::new(arch, &[]);
    let mut blocked: Vec<_> = (0..3)
        .map(|seed| Blocked::new(server.address(), seed))
        .collect();
    blocked.iter_mut().for_each(Blocked::fill);
    assert!(
        blocked.iter().all(|client| client.sent() > 64 * 1024),
        "echod accepted little data"
    );
    let mut others: Vec<_> = (0..20).map(|_| connect(server.address())).collect();
    for round in 0..50 {
        for (seed, other) in (100..).zip(&mut others) {
            ping(other, &patterned(seed, round, 1 + round * 97));
        }
    }
    blocked.into_iter().for_each(Blocked::finish);
    others
        .iter_mut()
        .for_each(|other| ping(other, b"and after"));
}

/// A client that always has data to read must not starve other clients.
fn one_that_does_nothing_but_send_leaves_room_for_others(arch: Arch) {
    let server = Server::new(arch, &[]);
    let streams: Vec<_> = (0..2).map(|_| connect(server.address())).collect();
    std::thread::scope(|scope| {
        for mut stream in &streams {
            scope.spawn(move || {
                let bytes = vec![1; 1 << 20];
                while stream.write_all(&bytes).is_ok() {}
            });
            scope.spawn(move || {
                let mut buffer = vec![0; 1 << 20];
                while stream.read(&mut buffer).is_ok_and(|count| count != 0) {}
            });
        }
        let mut others: Vec<_> = (0..10).map(|_| connect(server.address())).collect();
        for _ in 0..20 {
            others.iter_mut().for_each(|other| ping(other, b"my turn"));
        }
        for stream in &streams {
            stream
                .shutdown(Shutdown::Both)
                .expect("the socket is connected");
        }
    });
}

fn a_half_close_with_megabytes_under_way(arch: Arch) {
    let server = Server::new(arch, &[]);
    let stream = connect(server.address());
    const LENGTH: usize = 3 << 20;
    let back = std::thread::scope(|scope| {
        let mut writer = &stream;
        let (sent, wait) = std::sync::mpsc::channel();
        scope.spawn(move || {
            writer
                .write_all(&patterned(9, 0, LENGTH))
                .expect("echod reads");
            writer
                .shutdown(Shutdown::Write)
                .expect("the socket is connected");
            let _ = sent.send(()); // an error: the reader has received everything already
        });
        // The writer fills all buffers before the reader reads the first byte.
        let _ = wait.recv_timeout(Duration::from_millis(300));
        let mut back = Vec::new();
        let mut reader = &stream;
        reader.read_to_end(&mut back).expect("all bytes come back");
        back
    });
    assert_eq!(back.len(), LENGTH);
    compare(9, 0, &back);
    assert_eq!(
        super::client::read(&stream, &mut [0]).expect("EOF again"),
        0
    );
}

/// The largest read in KiB, which is also the most that echod holds for a client (`BUFFER` in its connection.rs).
const HELD: u64 = 64;

/// A huge page would be hundreds of times as large as the memory of a few clients.
fn clients_take_no_huge_pages(arch: Arch) -> Completion {
    if !arch.is_native() {
        return Completion::ignored_with(skip::HUGE_PAGES);
    }
    let server = Server::new(arch, &[]);
    assert_eq!(server.status("THP_enabled:"), "0");
    server.end("");
    Completion::Completed
}

fn blocked_clients_take_bounded_memory(arch: Arch) {
    may_take(LONG);
    const CLIENTS: u64 = 300;
    // Allows for memory that does not depend on the clients: each worker's buffer, and its table of held bytes, from
    // their first use on. qemu-user also uses memory of its own, for example for each part of the program that runs for
    // the first time.
    let workers = std::thread::available_parallelism().unwrap().get() as u64;
    let slack = if arch.is_native() {
        64 + 96 * workers
    } else {
        4096
    };
    let server = Server::new(arch, &[]);
    let mut first = connect(server.address());
    ping(&mut first, &[1; 64 * 1024]);
    let before = server.resident();

    // Idle clients take a few bytes each: less than a page for a hundred clients.
    let idle: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let mut client = connect(server.address());
            ping(&mut client, b"idle");
            client
        })
        .collect();
    let with_idle = server.resident();
    assert!(
        with_idle <= before + slack,
        "{before} KiB, then {with_idle} KiB"
    );
    drop(idle);

    let mut blocked: Vec<_> = (0..CLIENTS)
        .map(|seed| Blocked::new(server.address(), seed))
        .collect();
    std::thread::scope(|scope| {
        for client in &mut blocked {
            scope.spawn(move || client.fill());
        }
    });
    let sent: usize = blocked.iter().map(Blocked::sent).sum();
    assert!(
        sent as u64 / 1024 > 2 * CLIENTS * HELD,
        "echod accepted only {sent} bytes"
    );
    if arch.is_native() {
        // Checks that echod holds bytes of most clients; otherwise this test would prove nothing. Held bytes are in at
        // least a page of memory, or in a pipe. A pipe has two descriptors, and takes no memory of the program.
        wait_until("echod holds bytes of most clients", || {
            let pages = server.resident().saturating_sub(with_idle) / 4;
            let pipes = server.count("pipe") as u64 / 2;
            pages + pipes > CLIENTS / 2
        });
    }
    let with_blocked = server.resident();
    assert!(
        with_blocked <= with_idle + CLIENTS * HELD + slack,
        "{with_blocked} KiB"
    );
    for client in blocked {
        reset_on_close(&client.into_stream());
    }
    wait_until("echod has released the held bytes", || {
        server.resident() <= with_idle + slack
    });
    ping(&mut first, b"still there");
}

fn bytes_out_of_band_stay_in_their_place(arch: Arch) {
    let server = Server::new(arch, &[]);
    let mut stream = connect(server.address());
    for round in 0..200 {
        let (before, after) = (round % 7, round % 5);
        stream.write_all(&b"before"[..before.min(6)]).unwrap();
        rustix::net::send(&stream, b"!", SendFlags::OOB).unwrap();
        stream.write_all(&b"after"[..after]).unwrap();
        let mut back = vec![0; before.min(6) + 1 + after];
        stream.read_exact(&mut back).expect("echod answers");
        let expected = [&b"before"[..before.min(6)], b"!", &b"after"[..after]].concat();
        assert_eq!(back, expected);
    }
}

fn one_byte_at_a_time(arch: Arch) {
    let server = Server::new(arch, &[]);
    let mut stream = connect(server.address());
    stream.set_nodelay(true).unwrap();
    for (position, byte) in patterned(5, 0, 2000).into_iter().enumerate() {
        stream.write_all(&[byte]).unwrap();
        if position % 100 == 99 {
            let mut back = [0; 100];
            stream.read_exact(&mut back).expect("echod answers");
            compare(5, position - 99, &back);
        }
    }
}

/// A client that closes with unread bytes resets the connection while echod sends. SIGPIPE must not end echod.
fn a_client_that_resets_unread(arch: Arch) {
    may_take(LONG);
    let server = Server::new(arch, &[]);
    let mut witness = connect(server.address());
    for seed in 0..50 {
        let mut client = Blocked::new(server.address(), seed);
        if seed % 10 == 0 {
            client.fill();
        }
        let mut stream = client.into_stream();
        stream.write_all(&patterned(seed, 0, 50_000)).err();
        drop(stream);
        ping(&mut witness, b"still there");
    }
    drop(witness);
    server.end("");
}

fn stopped_and_continued(arch: Arch) {
    let server = Server::new(arch, &[]);
    let mut stream = connect(server.address());
    for _ in 0..5 {
        server.signal(Signal::STOP);
        stream.write_all(b"sleep well").unwrap();
        let mut waiting = connect(server.address()); // the kernel accepts it into the backlog
        server.signal(Signal::CONT);
        let mut back = [0; 10];
        stream.read_exact(&mut back).expect("echod answers");
        assert_eq!(&back, b"sleep well");
        ping(&mut waiting, b"awake");
    }
}

fn more_clients_than_descriptors(arch: Arch) {
    const LIMIT: usize = 32;
    let server = Server::new(arch, &[]);
    let mut first = connect(server.address());
    ping(&mut first, b"first");
    let numbers = server.descriptors();
    let free = (0..LIMIT)
        .filter(|number| !numbers.contains(&number.to_string()))
        .count();
    server.limit_descriptors(LIMIT as u64);

    // The kernel completes all connections; echod accepts only the first.
    let mut clients: Vec<_> = (0..3 * LIMIT).map(|_| connect(server.address())).collect();
    for client in &mut clients {
        client.write_all(b"me?").unwrap();
    }
    let count = |clients: &[TcpStream]| clients.iter().filter(|client| answered(client, 3)).count();
    wait_until("all clients that fit are served", || {
        count(&clients) >= free
    });

    // While other clients wait, echod uses almost no CPU time: at most 5 of 200 ticks.
    let before = server.ticks();
    std::thread::sleep(Duration::from_secs(2));
    let used = server.ticks() - before;
    assert!(used <= 5, "{used} ticks in 2 seconds of waiting");
    assert_eq!(count(&clients), free);
    ping(&mut first, b"still first");

    // Whenever a client leaves, a waiting client is served. The kernel chooses which, because it has a queue for each
    // worker.
    while !clients.is_empty() {
        let mut next = 0;
        wait_until("a waiting client is served", || {
            let found = clients.iter().position(|client| answered(client, 3));
            found.inspect(|&found| next = found).is_some()
        });
        let mut back = [0; 3];
        let mut client = clients.swap_remove(next);
        client
            .read_exact(&mut back)
            .expect("the bytes have arrived");
        assert_eq!(&back, b"me?");
    }
    ping(&mut first, b"last");
    ping(&mut connect(server.address()), b"and new ones");
    drop(first);
    server.end("echod: accept client: Too many open files (EMFILE)\n");
}

fn no_descriptor_is_leaked(arch: Arch) {
    let server = Server::new(arch, &[]);
    let mut witness = connect(server.address());
    ping(&mut witness, b"first");
    let before = server.descriptors();
    for number in 0..10_000 {
        let mut client = connect(server.address());
        match number % 4 {
            0 => ping(&mut client, b"a word"),
            1 => reset_on_close(&client),
            2 => client.write_all(b"unread").unwrap(),
            _ => {}
        }
    }
    wait_until("every connection is closed", || {
        server.descriptors() == before
    });
    ping(&mut witness, b"last");
}
