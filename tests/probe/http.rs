//! HTTP: the request, and which answers count.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use libtest_mimic::Trial;

use super::server::Server;
use super::{answers, fails, probe};
use crate::per_arch;
use crate::support::{Arch, Folder, Ran, run};

pub fn trials() -> Vec<Trial> {
    per_arch![
        sends_a_request,
        sends_what_the_options_say,
        sends_no_zone,
        asks_over_unix,
        takes_the_status,
        takes_other_statuses,
        refuses_what_is_not_http,
        finds_a_text,
        misses_a_text,
        is_not_fooled_by_lengths,
        reads_byte_by_byte,
        takes_at_most_64_kib_of_headers,
    ]
    .collect()
}

const END: &[u8] = b"\r\n\r\n";
const CUT: &str = "the connection ended before the answer did";
const OTHER: &str = "not an answer of HTTP/1.1";
const MISSING: &str = "the body does not contain the text";

fn sends_a_request(arch: Arch) {
    for (path, line) in [
        ("", "GET / HTTP/1.1"),
        ("/", "GET / HTTP/1.1"),
        ("/a//b?c=%20&d@e:f", "GET /a//b?c=%20&d@e:f HTTP/1.1"),
    ] {
        let server = Server::answering(END, "HTTP/1.1 200 OK\r\n\r\n");
        answers(arch, &format!("http://{}{path}", server.address));
        let expected = format!(
            "{line}\r\nHost: {}\r\nUser-Agent: ring3-probe\r\nAccept: */*\r\nConnection: close\r\n\r\n",
            server.address
        );
        assert_eq!(server.text(), expected);
    }
    // A request that is longer than the buffer arrives whole.
    let server = Server::answering(END, "HTTP/1.1 200 OK\r\n\r\n");
    let path = "x".repeat(400);
    answers(
        arch,
        &format!("http://{}/{path} -H A:{path} -H B:{path}", server.address),
    );
    let text = server.text();
    assert!(
        text.starts_with(&format!("GET /{path} HTTP/1.1\r\n")),
        "{text}"
    );
    assert!(
        text.ends_with(&format!("\r\nA:{path}\r\nB:{path}\r\n\r\n")),
        "{text}"
    );
}

fn sends_what_the_options_say(arch: Arch) {
    let server = Server::answering(END, "HTTP/1.1 200 OK\r\n\r\n");
    let mut command = probe(
        arch,
        &format!("--method HEAD http://{}/ -H", server.address),
    );
    command.args(["hOST: example.org", "--header", "X-Empty:"]);
    assert_eq!(run(&mut command), Ran::new(0, "", ""));
    let expected = "HEAD / HTTP/1.1\r\nUser-Agent: ring3-probe\r\nAccept: */*\r\nConnection: close\r\n\
                    hOST: example.org\r\nX-Empty:\r\n\r\n";
    assert_eq!(server.text(), expected);
}

/// The zone of an address is this machine's matter.
fn sends_no_zone(arch: Arch) {
    // Some machines have no IPv6.
    let Ok(listener) = TcpListener::bind("[::1]:0") else {
        return;
    };
    let server = Server::answering_on(listener, END, "HTTP/1.1 200 OK\r\n\r\n");
    let port = server.address.port();
    answers(arch, &format!("http://[::1%lo]:{port}"));
    let host = format!("\r\nHost: [::1]:{port}\r\n");
    let text = server.text();
    assert!(text.contains(&host), "{text}");
}

fn asks_over_unix(arch: Arch) {
    let folder = Folder::new();
    let path = folder.path("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let serving = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(END) {
            let mut byte = [0];
            client.read_exact(&mut byte).unwrap();
            request.push(byte[0]);
        }
        client
            .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
            .unwrap();
        String::from_utf8(request).unwrap()
    });
    answers(arch, &format!("http://unix:{}:/health?all", path.display()));
    let request = serving.join().unwrap();
    assert!(
        request.starts_with("GET /health?all HTTP/1.1\r\nHost: localhost\r\n"),
        "{request}"
    );
}

/// A server whose answer has this status line.
fn with_status(line: &str) -> (Server, String) {
    let server = Server::answering(END, format!("{line}\r\nServer: test\r\n\r\n"));
    let target = format!("http://{}/", server.address);
    (server, target)
}

fn takes_the_status(arch: Arch) {
    for line in [
        "HTTP/1.1 200 OK",
        "HTTP/1.1 200",
        "HTTP/1.1 200 ",
        "HTTP/1.0 204 No Content",
        "HTTP/1.1 302 Found",
        "HTTP/1.1 399 x",
        // Informational answers come before the answer.
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK",
    ] {
        let (_server, target) = with_status(line);
        answers(arch, &target);
    }
    for status in [400, 404, 500, 503, 999] {
        let (_server, target) = with_status(&format!("HTTP/1.1 {status} x"));
        fails(arch, "", target, &format!("status {status}"));
    }
    let (_server, target) = with_status("HTTP/1.1 101 Switching Protocols");
    fails(arch, "", target, "status 101");
    // The newlines may lack their carriage returns.
    let server = Server::answering(END, "HTTP/1.1 200 OK\nServer: test\n\n");
    answers(arch, &format!("http://{}/", server.address));
}

fn takes_other_statuses(arch: Arch) {
    for (option, status, is_right) in [
        ("401", 401, true),
        ("401", 200, false),
        ("200-299", 299, true),
        ("200-299", 300, false),
        ("201-299", 200, false),
        ("101", 101, true),
    ] {
        let (_server, target) = with_status(&format!("HTTP/1.1 {status} x"));
        match is_right {
            true => answers(arch, &format!("--status={option} {target}")),
            false => fails(
                arch,
                &format!("-s{option}"),
                target,
                &format!("status {status}"),
            ),
        }
    }
}

fn refuses_what_is_not_http(arch: Arch) {
    for answer in [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/2 200\r\n\r\n",
        "HTTP/1.1 20\r\n\r\n",
        "HTTP/1.1 2000\r\n\r\n",
        "HTTP/1.1 099\r\n\r\n",
        "HTTP/1.1 2x0 OK\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n",
        "HTTP/1.x 200 OK\r\n\r\n",
        "http/1.1 200 OK\r\n\r\n",
        "\r\nHTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\n",
    ] {
        let server = Server::answering(END, answer);
        fails(arch, "", format!("http://{}/", server.address), OTHER);
    }
    // An answer without its end is none, wherever it is cut.
    let whole = "HTTP/1.1 200 OK\r\nServer: x\r\n\r\n";
    for length in [
        0,
        1,
        5,
        12,
        15,
        16,
        17,
        20,
        whole.len() - 2,
        whole.len() - 1,
    ] {
        let server = Server::answering(END, &whole[..length]);
        fails(arch, "", format!("http://{}/", server.address), CUT);
    }
}

/// Checks which answers contain `text`: `None`, or the reason why not.
fn contains(arch: Arch, text: &str, head: &str, body: &str, expected: Option<&str>) {
    let server = Server::answering(END, format!("HTTP/1.1 200 OK\r\n{head}\r\n{body}"));
    let target = format!("http://{}/", server.address);
    let ran = run(probe(arch, "").args(["-c", text, &target]));
    let expected = match expected {
        None => Ran::new(0, "", ""),
        Some(why) => Ran::new(1, "", &format!("probe: {target}: {why}\n")),
    };
    assert_eq!(ran, expected, "{text:?} {head:?} {body:?}");
}

fn finds_a_text(arch: Arch) {
    for (text, head, body) in [
        ("ready", "", "it is ready now"),
        ("ready", "Content-Length: 5\r\n", "ready"),
        (
            "ready",
            "content-LENGTH:5\r\nContent-Length: 5\r\n",
            "ready",
        ),
        (
            "ready",
            "Transfer-Encoding: chunked\r\n",
            "3\r\nrea\r\n2\r\ndy\r\n0\r\n\r\n",
        ),
        (
            "ready",
            "Transfer-Encoding: Chunked\r\n",
            "00A;x=y\r\nit is read\r\n1 ;z\r\ny\r\n0\r\n\r\n",
        ),
        ("aab", "", "aaaab"),
        ("abac", "", "ababac"),
        ("\"up\": true", "", "{\"up\": true}"),
        ("", "", ""),
        ("", "Content-Length: 0\r\n", ""),
        // The text is there before the answer ends: the rest does not matter.
        ("ready", "Content-Length: 500\r\n", "ready"),
        ("ready", "Transfer-Encoding: chunked\r\n", "5\r\nready"),
    ] {
        contains(arch, text, head, body, None);
    }
    let long = "x".repeat(254) + "y";
    contains(arch, &long, "", &format!("{}y", "x".repeat(5000)), None);
}

fn misses_a_text(arch: Arch) {
    for (text, head, body) in [
        ("ready", "", "it is not read"),
        ("ready", "", ""),
        ("ready", "Content-Length: 4\r\n", "read"),
        ("ready", "Content-Length: 0\r\n", ""),
        (
            "ready",
            "Transfer-Encoding: chunked\r\n",
            "4\r\nread\r\n0\r\n\r\n",
        ),
        ("ready", "Transfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        ("ready", "X: ready\r\n", "no"),
    ] {
        contains(arch, text, head, body, Some(MISSING));
    }
    // An answer with this status has no body, whatever follows.
    let server = Server::answering(END, "HTTP/1.1 204 No Content\r\n\r\nready");
    fails(
        arch,
        "-c ready",
        format!("http://{}/", server.address),
        MISSING,
    );
}

fn is_not_fooled_by_lengths(arch: Arch) {
    for (head, body, why) in [
        // Bytes after the end are no part of the answer.
        ("Content-Length: 4\r\n", "ready", MISSING),
        (
            "Transfer-Encoding: chunked\r\n",
            "4\r\nread\r\n0\r\n\r\nready",
            MISSING,
        ),
        // Fewer bytes than announced.
        ("Content-Length: 6\r\n", "read", CUT),
        ("Content-Length: 18446744073709551615\r\n", "read", CUT),
        ("Transfer-Encoding: chunked\r\n", "5\r\nread", CUT),
        ("Transfer-Encoding: chunked\r\n", "4\r\nread", CUT),
        ("Transfer-Encoding: chunked\r\n", "4\r\nread\r\n", CUT),
        (
            "Transfer-Encoding: chunked\r\n",
            "FFFFFFFFFFFFFFFF\r\nread",
            CUT,
        ),
        // The length of a chunk is wrong, or none.
        (
            "Transfer-Encoding: chunked\r\n",
            "3\r\nread\r\n0\r\n\r\n",
            OTHER,
        ),
        (
            "Transfer-Encoding: chunked\r\n",
            "10000000000000000\r\nready",
            OTHER,
        ),
        ("Transfer-Encoding: chunked\r\n", "\r\nready", OTHER),
        ("Transfer-Encoding: chunked\r\n", "-1\r\nready", OTHER),
        ("Transfer-Encoding: chunked\r\n", "0x5\r\nready", OTHER),
        (
            "Content-Length: 5\r\nContent-Length: 6\r\n",
            "ready",
            "two lengths that differ",
        ),
        (
            "Transfer-Encoding: gzip, chunked\r\n",
            "5\r\nready\r\n",
            "the transfer coding is not chunked",
        ),
    ] {
        contains(arch, "ready", head, body, Some(why));
    }
}

fn reads_byte_by_byte(arch: Arch) {
    let answer =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nrea\r\n2\r\ndy\r\n0\r\n\r\n";
    let server = Server::dripping(END, answer, Duration::from_millis(1));
    answers(arch, &format!("-t 20 -c ready http://{}/", server.address));
}

fn takes_at_most_64_kib_of_headers(arch: Arch) {
    const LONG: &str = "the answer is longer than 64 KiB";
    for (length, is_right) in [(65000, true), (66000, false)] {
        let head = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(length));
        let server = Server::answering(END, head);
        let target = format!("http://{}/", server.address);
        match is_right {
            true => answers(arch, &target),
            false => fails(arch, "-t 10", target, LONG),
        }
    }
    for part in [&b"X-Header: value\r\n"[..], b"x"] {
        let server = Server::flooding(b"HTTP/1.1 200 OK\r\n", part);
        fails(arch, "-t 10", format!("http://{}/", server.address), LONG);
    }
}
