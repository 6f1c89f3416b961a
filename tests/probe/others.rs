//! Redis and PostgreSQL: what `probe` sends, and which answers count.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::time::Duration;

use libtest_mimic::Trial;

use super::server::Server;
use super::{answers, fails, probe};
use crate::per_arch;
use crate::support::{Arch, Folder, Ran, run};

pub fn trials() -> Vec<Trial> {
    per_arch![
        redis_answers_ping,
        redis_gets_the_password,
        redis_says_why_not,
        postgres_answers_with_and_without_tls,
        postgres_says_why_not,
    ]
    .collect()
}

const CUT: &str = "the connection ended before the answer did";
const PING: &str = "*1\r\n$4\r\nPING\r\n";

fn redis_answers_ping(arch: Arch) {
    let server = Server::answering(b"PING\r\n", "+PONG\r\n");
    answers(arch, &format!("redis://{}", server.address));
    assert_eq!(server.text(), PING);
    let server = Server::dripping(b"PING\r\n", "+PONG\r\n", Duration::from_millis(1));
    answers(arch, &format!("redis://{}/", server.address));
    // Over a Unix socket.
    let folder = Folder::new();
    let path = folder.path("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let serving = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        client.read_exact(&mut [0; PING.len()]).unwrap();
        client.write_all(b"+PONG\r\n").unwrap();
    });
    answers(arch, &format!("redis://unix:{}", path.display()));
    serving.join().unwrap();
}

fn redis_gets_the_password(arch: Arch) {
    let long = "x".repeat(1234);
    for (user, password, expected) in [
        ("", "secret", "*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n"),
        (
            "",
            "0123456789 \t",
            "*2\r\n$4\r\nAUTH\r\n$12\r\n0123456789 \t\r\n",
        ),
        ("me@", "x", "*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$1\r\nx\r\n"),
        (
            "",
            &long,
            &format!("*2\r\n$4\r\nAUTH\r\n$1234\r\n{long}\r\n"),
        ),
    ] {
        let server = Server::answering(b"PING\r\n", "+OK\r\n+PONG\r\n");
        let mut command = probe(arch, &format!("redis://{user}{}", server.address));
        let ran = run(command.env("REDISCLI_AUTH", password));
        assert_eq!(ran, Ran::new(0, "", ""));
        assert_eq!(server.text(), format!("{expected}{PING}"));
    }
}

fn redis_says_why_not(arch: Arch) {
    let long = format!("-ERR {}\r\n", "x".repeat(200));
    for (answer, why) in [
        (
            "-NOAUTH Authentication required.\r\n",
            "NOAUTH Authentication required.",
        ),
        (
            "-LOADING Redis is loading\x1b[1m\n",
            "LOADING Redis is loading\\x1b[1m",
        ),
        (&long, &format!("ERR {}", "x".repeat(75))),
        ("+OK\r\n", "not an answer of Redis"),
        ("HTTP/1.1 400 Bad Request\r\n\r\n", "not an answer of Redis"),
        ("\r\n", "not an answer of Redis"),
        ("+PONG", CUT),
        ("", CUT),
    ] {
        let server = Server::answering(b"PING\r\n", answer);
        fails(arch, "", format!("redis://{}", server.address), why);
    }
    let server = Server::answering(b"PING\r\n", "-WRONGPASS no\r\n+PONG\r\n");
    let target = format!("redis://{}", server.address);
    let ran = run(probe(arch, &target).env("REDISCLI_AUTH", "x"));
    assert_eq!(
        ran,
        Ran::new(1, "", &format!("probe: {target}: WRONGPASS no\n"))
    );
}

const SSL_REQUEST: &[u8] = &[0, 0, 0, 8, 4, 210, 22, 47];

fn postgres_answers_with_and_without_tls(arch: Arch) {
    for answer in ["S", "N", "N\0\0"] {
        let server = Server::answering(SSL_REQUEST, answer);
        answers(arch, &format!("postgres://{}", server.address));
        assert_eq!(server.request().1, SSL_REQUEST);
    }
}

fn postgres_says_why_not(arch: Arch) {
    for (answer, why) in [
        (
            "Ecould not fork new process\n\0",
            "could not fork new process",
        ),
        ("HTTP", "not an answer of PostgreSQL"),
        ("\0", "not an answer of PostgreSQL"),
        ("E", CUT),
        ("", CUT),
    ] {
        let server = Server::answering(SSL_REQUEST, answer);
        fails(arch, "", format!("postgres://{}/", server.address), why);
    }
}
