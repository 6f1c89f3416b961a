//! Tests of the example `dns`, against a name server of their own.

use std::net::UdpSocket;
use std::time::Duration;

use libtest_mimic::Trial;

use super::example;
use crate::dns::{A, AAAA, ASKED, CNAME, answer, damaged, name, record};
use crate::per_arch;
use crate::support::{Arch, Ran, run, with_new_times};

pub fn trials() -> Vec<Trial> {
    per_arch![refuses_what_is_not_a_name,]
        .chain(with_new_times(per_arch![
            prints_the_addresses_of_a_name,
            follows_a_name_that_stands_for_another,
            ignores_what_is_not_the_answer,
            reports_why_there_is_no_address,
            survives_malformed_answers,
            asks_again,
        ]))
        .collect()
}

/// Runs `dns` for `www.example.org`. The server answers each query with all datagrams that `answers` returns.
fn ask(
    arch: Arch,
    options: &[&str],
    answers: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send,
) -> (Ran, Vec<Vec<u8>>) {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let mut command = example(arch, "dns");
    command
        .args(options)
        .arg(address.to_string())
        .arg("www.example.org");
    std::thread::scope(|scope| {
        let (end, ended) = std::sync::mpsc::channel();
        let queries = scope.spawn(move || {
            let mut queries = Vec::new();
            server
                .set_read_timeout(Some(Duration::from_millis(20)))
                .unwrap();
            let mut buffer = [0; 600];
            while ended.try_recv().is_err() {
                if let Ok((length, client)) = server.recv_from(&mut buffer) {
                    for datagram in answers(&buffer[..length]) {
                        server.send_to(&datagram, client).unwrap();
                    }
                    queries.push(buffer[..length].to_vec());
                }
            }
            queries
        });
        let ran = run(&mut command);
        end.send(()).unwrap();
        (ran, queries.join().unwrap())
    })
}

/// A standard answer with these records.
fn ask_for(arch: Arch, records: &[Vec<u8>]) -> Ran {
    ask(arch, &[], |query| vec![answer(query, 0, records)]).0
}

fn prints_the_addresses_of_a_name(arch: Arch) {
    let records = [
        record(ASKED, A, &[192, 0, 2, 1]),
        record(ASKED, AAAA, &[0; 16]),
        record(&name("other.example.org"), A, &[192, 0, 2, 2]),
        record(&name("WWW.example.ORG"), A, &[192, 0, 2, 255]),
    ];
    let (ran, queries) = ask(arch, &[], |query| vec![answer(query, 0, &records)]);
    assert_eq!(ran, Ran::new(0, "192.0.2.1\n192.0.2.255\n", ""));
    let [query] = &queries[..] else {
        panic!("{queries:?}")
    };
    let question = [&name("www.example.org")[..], &[0, 1, 0, 1]].concat();
    assert_eq!(query[2..12], [1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    assert_eq!(query[12..], question);
    // The id is random: the same twice in one of 65536 runs, and four times never.
    let is_other = |_| {
        let (_, queries) = ask(arch, &[], |query| vec![answer(query, 3, &[])]);
        queries[0][..2] != query[..2]
    };
    assert!((0..3).any(is_other));
}

fn follows_a_name_that_stands_for_another(arch: Arch) {
    let [b, c] = [name("b.example.org"), name("c.example.org")];
    let records = [
        record(&c, A, &[192, 0, 2, 3]),
        record(&b, CNAME, &c),
        record(ASKED, CNAME, &b),
    ];
    assert_eq!(ask_for(arch, &records), Ran::new(0, "192.0.2.3\n", ""));
    // A circle.
    let records = [record(&b, CNAME, ASKED), record(ASKED, CNAME, &b)];
    let message = "dns: query www.example.org: no IPv4 address\n";
    assert_eq!(ask_for(arch, &records), Ran::new(1, "", message));
}

/// False answers come before the right one.
fn ignores_what_is_not_the_answer(arch: Arch) {
    let (ran, _) = ask(arch, &[], |query| {
        let wrong = answer(query, 0, &[record(ASKED, A, &[192, 0, 2, 66])]);
        let mut all = damaged(&wrong, query.len());
        all.push(answer(query, 0, &[record(ASKED, A, &[192, 0, 2, 1])]));
        all
    });
    assert_eq!(ran, Ran::new(0, "192.0.2.1\n", ""));
}

fn reports_why_there_is_no_address(arch: Arch) {
    for (status, why) in [
        (0, "no IPv4 address"),
        (2, "the server failed (SERVFAIL)"),
        (3, "the server has no such name (NXDOMAIN)"),
        (5, "the server refuses to answer (REFUSED)"),
        (9, "the server reports the unknown error 9"),
    ] {
        let (ran, _) = ask(arch, &[], |query| vec![answer(query, status, &[])]);
        assert_eq!(
            ran,
            Ran::new(1, "", &format!("dns: query www.example.org: {why}\n"))
        );
    }
    let (ran, _) = ask(arch, &[], |query| {
        let mut answer = answer(query, 0, &[]);
        answer[2] |= 2;
        vec![answer]
    });
    let message = "dns: query www.example.org: the answer is too long for UDP\n";
    assert_eq!(ran, Ran::new(1, "", message));
    let closed = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let ran = run(example(arch, "dns").args([&closed.to_string(), "a"]));
    let message = format!("dns: query {closed}: Connection refused (ECONNREFUSED)\n");
    assert_eq!(ran, Ran::new(1, "", &message));
}

/// Compression that does not end, and lengths beyond the end of the message.
fn survives_malformed_answers(arch: Arch) {
    let records = HEADER + name("www.example.org").len() as u8 + 4;
    for wrong in [
        record(&[0xc0, records], A, &[192, 0, 2, 1]), // a pointer to itself
        record(&[1, b'a', 0xc0, records], A, &[192, 0, 2, 1]), // to the label before it
        record(&[0xff, 0xff], A, &[192, 0, 2, 1]),    // beyond the end
        record(&[0x80], A, &[192, 0, 2, 1]),          // neither a length nor a pointer
        record(ASKED, A, &[192, 0, 2]),
        record(ASKED, CNAME, &[0xc0]),
        record(ASKED, CNAME, &[5, b'a']),
        record(ASKED, A, &[192, 0, 2, 1])[..15].to_vec(), // cut off
        Vec::new(),
    ] {
        let ran = ask_for(arch, &[wrong]);
        assert_eq!((ran.status, &*ran.stdout), (Some(1), ""));
        let end = ": Bad message (EBADMSG)\n";
        assert!(
            ran.stderr
                .starts_with("dns: parse the answer of 127.0.0.1:"),
            "{}",
            ran.stderr
        );
        assert!(ran.stderr.ends_with(end), "{}", ran.stderr);
    }
}

const HEADER: u8 = 12;

fn asks_again(arch: Arch) {
    let (ran, queries) = ask(arch, &["-t", "50ms", "-n", "3"], |_| Vec::new());
    assert_eq!(ran.status, Some(1));
    assert!(
        ran.stderr.ends_with(": Connection timed out (ETIMEDOUT)\n"),
        "{}",
        ran.stderr
    );
    assert_eq!(queries.len(), 3);
    // Datagrams that are not the answer do not prolong the wait.
    let (ran, queries) = ask(arch, &["-t50ms", "-n1"], |query| vec![query.to_vec(); 50]);
    assert_eq!((ran.status, queries.len()), (Some(1), 1));
}

fn refuses_what_is_not_a_name(arch: Arch) {
    let dns = |arguments: &[&str]| run(example(arch, "dns").args(arguments));
    let long = "x".repeat(64);
    for name in ["", ".", "a..b", ".a", &long] {
        let why = format!("{name} is not the name of a host");
        assert_eq!(dns(&["127.0.0.1:53", name]), Ran::misused("dns", &why));
    }
    let why = "expected ADDR:PORT and NAME";
    assert_eq!(dns(&["127.0.0.1:53"]), Ran::misused("dns", why));
    let why = "localhost: expected a numeric address such as 127.0.0.1:7007 or [::1]:7007";
    assert_eq!(dns(&["localhost", "a"]), Ran::misused("dns", why));
}
