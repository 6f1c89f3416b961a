//! gRPC: the request, and which answers count. The frames are written byte by byte, after RFC 9113 and RFC 7541.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use libtest_mimic::Trial;

use super::server::Server;
use super::{answers, fails};
use crate::per_arch;
use crate::support::{Arch, Folder};

pub fn trials() -> Vec<Trial> {
    per_arch![
        sends_a_request,
        asks_over_unix,
        sends_no_zone,
        takes_a_healthy_service,
        says_why_it_is_not_healthy,
        takes_frames_in_any_form,
        refuses_what_is_not_grpc,
        answers_pings_and_settings,
        reads_byte_by_byte,
        takes_at_most_64_kib,
    ]
    .collect()
}

const CUT: &str = "the connection ended before the answer did";
const OTHER: &str = "not an answer of HTTP/2 and gRPC";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const WITH_PRIORITY: u8 = 0x20;

/// A frame.
pub fn frame(kind: u8, flags: u8, stream: u8, content: &[u8]) -> Vec<u8> {
    let [_, high, middle, low] = (content.len() as u32).to_be_bytes();
    [&[high, middle, low, kind, flags, 0, 0, 0, stream], content].concat()
}

/// A header that is not in a table, as text.
fn header(name: &str, value: &str) -> Vec<u8> {
    let parts = [
        &[0, name.len() as u8],
        name.as_bytes(),
        &[value.len() as u8],
        value.as_bytes(),
    ];
    parts.concat()
}

/// `:status: 200`, of the static table.
const OK: &[u8] = &[0x88];

/// The headers before the message.
fn head() -> Vec<u8> {
    let headers = [OK, &header("content-type", "application/grpc")].concat();
    frame(HEADERS, END_HEADERS, 1, &headers)
}

/// The headers after the message.
fn trailers(status: &str) -> Vec<u8> {
    let headers = [header("grpc-status", status), header("grpc-message", "")].concat();
    frame(HEADERS, END_HEADERS | END_STREAM, 1, &headers)
}

fn message(status: u8) -> Vec<u8> {
    frame(DATA, 0, 1, &[0, 0, 0, 0, 2, 8, status])
}

/// The whole answer of a server whose service is healthy.
fn healthy() -> Vec<u8> {
    [
        frame(SETTINGS, 0, 0, &[]),
        frame(SETTINGS, 1, 0, &[]),
        head(),
        message(1),
        trailers("0"),
    ]
    .concat()
}

/// The end of the request for the server as a whole.
const END: &[u8] = &[0, 0, 5, DATA, END_STREAM, 0, 0, 0, 1, 0, 0, 0, 0, 0];

/// A server with this answer, and its target.
fn server(answer: Vec<u8>) -> (Server, String) {
    let server = Server::answering(END, answer);
    let target = format!("grpc://{}", server.address);
    (server, target)
}

fn sends_a_request(arch: Arch) {
    for (path, message, end) in [
        ("", &[0, 0, 0, 0, 0][..], END),
        ("/", &[0, 0, 0, 0, 0], END),
        ("/a.B", b"\0\0\0\0\x06\x0a\x04a.B/", b"a.B/"),
    ] {
        let path = if path == "/a.B" { "/a.B/" } else { path };
        let server = Server::answering(end, healthy());
        answers(arch, &format!("grpc://{}{path}", server.address));
        let expected = request(&server.address.to_string(), message);
        assert_eq!(server.request().1, expected);
    }
}

/// The request of `probe` to this host, with this message.
fn request(host: &str, message: &[u8]) -> Vec<u8> {
    let headers = [
        b"\x83\x86\x04\x1c/grpc.health.v1.Health/Check\x01",
        &[host.len() as u8][..],
        host.as_bytes(),
        b"\x0f\x10\x10application/grpc\0\x02te\x08trailers",
    ];
    let frames = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        frame(SETTINGS, 0, 0, &[0, 1, 0, 0, 0, 0]), // SETTINGS_HEADER_TABLE_SIZE is 0
        frame(HEADERS, END_HEADERS, 1, &headers.concat()),
        frame(DATA, END_STREAM, 1, message),
    ];
    frames.concat()
}

/// The service after a Unix socket, with and without a slash.
fn asks_over_unix(arch: Arch) {
    for (path, message) in [
        (":my.Service", &b"\0\0\0\0\x0c\x0a\x0amy.Service"[..]),
        (":/my.Service", b"\0\0\0\0\x0c\x0a\x0amy.Service"),
        ("", &[0; 5]),
    ] {
        let folder = Folder::new();
        let socket = folder.path("socket");
        let listener = UnixListener::bind(&socket).unwrap();
        let expected = request("localhost", message);
        let length = expected.len();
        let serving = std::thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            let mut request = vec![0; length];
            client.read_exact(&mut request).unwrap();
            client.write_all(&healthy()).unwrap();
            (request, client)
        });
        answers(arch, &format!("grpc://unix:{}{path}", socket.display()));
        // Until here the connection is open: `probe` answers the settings.
        let (request, _client) = serving.join().unwrap();
        assert_eq!(request, expected);
    }
}

/// The zone of an address is this machine's matter.
fn sends_no_zone(arch: Arch) {
    // Some machines have no IPv6.
    let Ok(listener) = TcpListener::bind("[::1]:0") else {
        return;
    };
    let server = Server::answering_on(listener, END, healthy());
    let port = server.address.port();
    answers(arch, &format!("grpc://[::1%lo]:{port}"));
    assert_eq!(
        server.request().1,
        request(&format!("[::1]:{port}"), &[0; 5])
    );
}

fn takes_a_healthy_service(arch: Arch) {
    let (_server, target) = server(healthy());
    answers(arch, &target);
}

fn says_why_it_is_not_healthy(arch: Arch) {
    let with = |frames: &[Vec<u8>]| [&[frame(SETTINGS, 0, 0, &[])], frames].concat().concat();
    let ended = |headers: &[u8]| frame(HEADERS, END_HEADERS | END_STREAM, 1, headers);
    let status = |status: &str| [OK, &header("grpc-status", status)].concat();
    for (answer, why) in [
        (
            with(&[head(), message(2), trailers("0")]),
            "not serving (NOT_SERVING)",
        ),
        (
            with(&[head(), message(0), trailers("0")]),
            "the health is unknown (UNKNOWN)",
        ),
        (
            with(&[head(), message(4), trailers("0")]),
            "the health is unknown (UNKNOWN)",
        ),
        (
            with(&[head(), frame(DATA, 0, 1, &[0; 5]), trailers("0")]),
            "the health is unknown (UNKNOWN)",
        ),
        (
            with(&[head(), message(3), trailers("0")]),
            "the server does not know the service (SERVICE_UNKNOWN)",
        ),
        (
            with(&[ended(&status("5"))]),
            "the server does not know the service (NOT_FOUND)",
        ),
        (
            with(&[ended(&status("12"))]),
            "the server has no health check (UNIMPLEMENTED)",
        ),
        (with(&[ended(&status("14"))]), "gRPC status 14"),
        // A failure after the message is a failure.
        (
            with(&[head(), message(1), trailers("13")]),
            "gRPC status 13",
        ),
        (with(&[ended(&[0x8d])]), "status 404"),
        (
            with(&[frame(HEADERS, END_HEADERS, 1, &[0x8e])]),
            "status 500",
        ),
        (with(&[ended(&[0x08, 3, b'4', b'1', b'5'])]), "status 415"),
        (
            with(&[frame(RST_STREAM, 0, 1, &[0, 0, 0, 7])]),
            "the server reset the call",
        ),
        (
            with(&[frame(GOAWAY, 0, 0, &[0; 8])]),
            "the server ends the connection",
        ),
    ] {
        let (_server, target) = server(answer);
        fails(arch, "", target, why);
    }
}

/// `grpc-status` in Huffman's code (RFC 7541, appendix B), and the code of `0`, filled with ones.
const NAME: &[u8] = &[0x9a, 0xca, 0xc8, 0xb2, 0x12, 0x34, 0xda, 0x8f];
const ZERO: u8 = 0x07;

fn takes_frames_in_any_form(arch: Arch) {
    let settings = frame(SETTINGS, 0, 0, &[0, 4, 0, 0xff, 0xff, 0xff]);
    let whole = |frames: &[Vec<u8>]| [std::slice::from_ref(&settings), frames].concat().concat();
    let end = END_HEADERS | END_STREAM;
    let huffman = |bits: u8| [&[bits, 0x88][..], NAME, &[0x81, ZERO]].concat();
    for answer in [
        // The message in several frames, one of them empty.
        whole(&[
            head(),
            frame(DATA, 0, 1, &[0, 0]),
            frame(DATA, 0, 1, &[]),
            frame(DATA, 0, 1, &[0, 0, 2, 8]),
            frame(DATA, 0, 1, &[1]),
            trailers("0"),
        ]),
        // Padding.
        whole(&[
            frame(HEADERS, END_HEADERS | PADDED, 1, &[2, 0x88, 0, 0]),
            frame(DATA, PADDED, 1, &[3, 0, 0, 0, 0, 2, 8, 1, 9, 9, 9]),
            trailers("0"),
        ]),
        // Headers with a priority, and in several frames, cut anywhere.
        whole(&[
            frame(HEADERS, WITH_PRIORITY, 1, &[0, 0, 0, 0, 16, 0x88, 0]),
            frame(CONTINUATION, 0, 1, &[1, b'x']),
            frame(CONTINUATION, 0, 1, &[]),
            frame(CONTINUATION, END_HEADERS, 1, &[1, b'y']),
            message(1),
            trailers("0"),
        ]),
        // Huffman's code, in a header that is never indexed, one that is not indexed, and one that would be indexed.
        whole(&[head(), message(1), frame(HEADERS, end, 1, &huffman(0x10))]),
        whole(&[head(), message(1), frame(HEADERS, end, 1, &huffman(0x00))]),
        whole(&[head(), message(1), frame(HEADERS, end, 1, &huffman(0x40))]),
        // The dynamic table has the size 0. A long header, whose length has two bytes.
        whole(&[
            frame(
                HEADERS,
                END_HEADERS,
                1,
                &[&[0x20, 0x88, 0, 1, b'x', 0x7f, 0x21][..], &[b'x'; 160]].concat(),
            ),
            message(1),
            trailers("0"),
        ]),
        // `:status` as text, with its name from the table or without.
        whole(&[
            frame(HEADERS, END_HEADERS, 1, b"\x48\x03200"),
            message(1),
            trailers("0"),
        ]),
        whole(&[
            frame(HEADERS, END_HEADERS, 1, &header(":status", "200")),
            message(1),
            trailers("0"),
        ]),
        // Frames of no concern: other streams, other types.
        whole(&[
            frame(WINDOW_UPDATE, 0, 0, &[0, 0, 1, 0]),
            frame(PRIORITY, 0, 3, &[0; 5]),
            frame(0x2a, 0xff, 7, &[1, 2, 3]),
            head(),
            message(1),
            trailers("0"),
        ]),
    ] {
        let (_server, target) = server(answer);
        answers(arch, &target);
    }
}

fn refuses_what_is_not_grpc(arch: Arch) {
    let ended = |headers: &[u8]| frame(HEADERS, END_HEADERS | END_STREAM, 1, headers);
    let before = [head(), message(1)].concat();
    let after = |headers: &[u8]| [&before[..], &ended(headers)].concat();
    for answer in [
        b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        [0xff; 100].to_vec(),
        // No status of gRPC; no message.
        after(&[]),
        after(&header("grpc-statu", "0")),
        [head(), trailers("0")].concat(),
        // A status that is no number.
        after(&header("grpc-status", "")),
        after(&header("grpc-status", "ok")),
        after(&header("grpc-status", "1000")),
        after(&[&[0][..], &[0x88], NAME, &[0x81, 0x06]].concat()), // filled with a zero
        after(&[&[0][..], &[0x88], NAME, &[0x80]].concat()),
        // An index of the dynamic table, or none; a size of it that is not 0; a number that is too large.
        after(&[0xbe]),
        after(&[0x80]),
        after(&[0x7e, 1, b'x']),
        after(&[0x3f, 0xe1, 0x1f]),
        after(&[0xff, 0xff, 0xff, 0xff, 0x01]),
        // A block that ends in a header.
        after(&[0, 1, b'x']),
        after(&[0, 5, b'x']),
        // Another frame in the block.
        [
            before.clone(),
            frame(HEADERS, END_STREAM, 1, &[0]),
            frame(PING, 0, 0, &[0; 8]),
        ]
        .concat(),
        // More padding than the frame has.
        [head(), frame(DATA, PADDED, 1, &[3, 0, 0])].concat(),
        [head(), frame(DATA, PADDED, 1, &[])].concat(),
        frame(HEADERS, END_HEADERS | WITH_PRIORITY, 1, &[0; 4]),
        // Messages that are too long, compressed, or of another form.
        [
            head(),
            frame(DATA, 0, 1, &[0, 0, 0, 0, 4, 8, 1, 8, 1]),
            trailers("0"),
        ]
        .concat(),
        [
            head(),
            frame(DATA, 0, 1, &[1, 0, 0, 0, 2, 8, 1]),
            trailers("0"),
        ]
        .concat(),
        [
            head(),
            frame(DATA, 0, 1, &[0, 0, 0, 0, 2, 16, 1]),
            trailers("0"),
        ]
        .concat(),
        [
            head(),
            frame(DATA, 0, 1, &[0, 0, 0, 0, 2, 8]),
            trailers("0"),
        ]
        .concat(),
        // The last frame has no status.
        [head(), frame(DATA, END_STREAM, 1, &[0, 0, 0, 0, 2, 8, 1])].concat(),
        // A frame that is longer than allowed.
        [0, 0x40, 1, DATA, 0, 0, 0, 0, 1].to_vec(),
    ] {
        let shown = format!("{answer:x?}");
        let (_server, target) = server(answer);
        let ran = super::ran(arch, &target);
        assert_eq!(ran.stderr, format!("probe: {target}: {OTHER}\n"), "{shown}");
        assert_eq!(ran.status, Some(1));
    }
    let whole = healthy();
    for length in 0..whole.len() {
        // A few cuts for the emulated architectures.
        if arch.is_native() || length % 13 == 0 {
            let (_server, target) = server(whole[..length].to_vec());
            fails(arch, "", target, CUT);
        }
    }
}

fn answers_pings_and_settings(arch: Arch) {
    let ping = frame(PING, 0, 0, b"01234567");
    let answer = [ping, frame(PING, 1, 0, &[0; 8]), healthy()].concat();
    let server = Server::new(move |client| {
        let mut request = vec![0; 1];
        while !request.ends_with(END) {
            let mut byte = [0];
            client.read_exact(&mut byte).unwrap();
            request.push(byte[0]);
        }
        client.write_all(&answer).unwrap();
        let mut rest = Vec::new();
        let _ = client.read_to_end(&mut rest);
        rest
    });
    answers(arch, &format!("grpc://{}", server.address));
    let expected = [frame(PING, 1, 0, b"01234567"), frame(SETTINGS, 1, 0, &[])];
    assert_eq!(server.request().1, expected.concat());
}

fn reads_byte_by_byte(arch: Arch) {
    let server = Server::dripping(END, healthy(), Duration::from_millis(1));
    answers(arch, &format!("-t 20 grpc://{}", server.address));
}

fn takes_at_most_64_kib(arch: Arch) {
    // Settings without end.
    let server = Server::flooding(b"", &[0, 0, 0, SETTINGS, 1, 0, 0, 0, 0]);
    let why = "the answer is longer than 64 KiB";
    fails(arch, "-t 10", format!("grpc://{}", server.address), why);
}
