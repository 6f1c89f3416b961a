//! Tests of names of hosts (`net::resolve`), by the probe `resolve`: with files in place of `/etc`, and with name servers
//! in a network namespace, where port 53 is free. The servers are dnsmasq, and servers of the tests' own that answer
//! wrongly, late or not at all.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::Scope;
use std::time::Duration;

use libtest_mimic::{Completion, Trial};

use crate::dns::{A, AAAA, ASKED, CNAME, answer, damaged, name, record};
use crate::network::Network;
use crate::per_arch;
use crate::skip;
use crate::support::{Arch, Folder, Ran, run, variable, wait_until};

pub fn trials() -> Vec<Trial> {
    per_arch![
        reads_hosts,
        knows_localhost_and_numbers_without_any_file,
        refuses_what_is_no_name,
        asks_for_both_families_and_sorts,
        tries_the_search_list_as_the_manual_says,
        reports_why_there_is_no_address,
        turns_to_the_next_server,
        ignores_what_is_not_the_answer,
        survives_malformed_answers,
        repeats_truncated_queries_over_tcp,
        ends_at_the_deadline,
        does_not_wait_long_for_the_other_family,
        asks_dnsmasq,
    ]
    .collect()
}

/// A machine of a test: a network of its own, and files in place of `/etc`.
pub struct Machine {
    arch: Arch,
    etc: Folder,
}

impl Machine {
    /// The calling thread enters the network. `Err`: this machine has no such namespaces.
    pub fn new(arch: Arch) -> Result<Self, Completion> {
        Network::new()?;
        let etc = Folder::new();
        let machine = Self { arch, etc };
        let mounts = run(machine.command().arg("true"));
        if mounts != Ran::new(0, "", "") {
            return Err(Completion::ignored_with(skip::namespaces(&mounts.stderr)));
        }
        Ok(machine)
    }

    /// A command that runs its arguments with the files.
    pub fn command(&self) -> Command {
        let mut command = Command::new("unshare");
        let script = r#"mount --bind "$0" /etc && exec "$@""#;
        command.args(["-m", "sh", "-c", script]);
        command.arg(self.etc.root());
        command
    }

    pub fn write(&self, file: &str, text: &str) {
        std::fs::write(self.etc.path(file), text).unwrap();
    }

    /// Runs the probe with these arguments.
    fn resolve(&self, arguments: &str) -> Ran {
        let probe = self.arch.probe("resolve");
        let mut command = self.command();
        command.arg(probe.get_program()).args(probe.get_args());
        run(command.args(arguments.split_whitespace()))
    }

    /// The addresses of a host.
    fn addresses(&self, host: &str) -> Vec<String> {
        let ran = self.resolve(host);
        assert_eq!((ran.status, &*ran.stderr), (Some(0), ""), "{host}");
        let lines = ran.stdout.lines();
        lines
            .map(|line| line.strip_suffix(":80").unwrap().to_owned())
            .collect()
    }

    /// Checks that the host has no address, for this reason.
    fn fails(&self, host: &str, why: &str) {
        let wanted = Ran::new(1, "", &format!("resolve: resolve {host}: {why}\n"));
        assert_eq!(self.resolve(host), wanted);
    }

    /// The addresses of a host with this time limit, how long the call took, and the error.
    fn timed(&self, host: &str, limit: u64) -> (Vec<String>, u64, String) {
        let ran = self.resolve(&format!("{host} {limit}"));
        let mut lines: Vec<_> = ran.stdout.lines().map(str::to_owned).collect();
        let took = lines.pop().unwrap().parse().unwrap();
        (lines, took, ran.stderr)
    }
}

/// The questions that a server was asked, in order: name and type.
type Log = Mutex<Vec<(String, u16)>>;

/// The name and the type in a query.
fn question(query: &[u8]) -> (String, u16) {
    let (mut at, mut labels) = (12, Vec::new());
    while query[at] != 0 {
        let end = at + 1 + usize::from(query[at]);
        labels.push(String::from_utf8(query[at + 1..end].to_vec()).unwrap());
        at = end;
    }
    let kind = u16::from_be_bytes([query[at + 1], query[at + 2]]);
    (labels.join("."), kind)
}

/// Ends the servers when it is dropped, also by a failed assertion.
struct Servers<'s> {
    ended: &'s AtomicBool,
}

impl Drop for Servers<'_> {
    fn drop(&mut self) {
        self.ended.store(true, Relaxed);
    }
}

impl<'s> Servers<'s> {
    /// Starts a server at this address that sends all datagrams that `answers` returns for a query.
    fn udp<'e>(
        &self,
        scope: &'s Scope<'s, 'e>,
        ip: &str,
        answers: impl Fn(&[u8]) -> Vec<Vec<u8>> + Send + 's,
    ) {
        let server = socket(ip);
        let ended = self.ended;
        scope.spawn(move || {
            let mut buffer = [0; 600];
            while !ended.load(Relaxed) {
                if let Ok((length, client)) = server.recv_from(&mut buffer) {
                    for datagram in answers(&buffer[..length]) {
                        server.send_to(&datagram, client).unwrap();
                    }
                }
            }
        });
    }

    /// Starts a server of TCP at this address that calls `serve` with each connection and the query.
    fn tcp<'e>(
        &self,
        scope: &'s Scope<'s, 'e>,
        ip: &str,
        serve: impl Fn(&mut std::net::TcpStream, &[u8]) -> std::io::Result<()> + Send + 's,
    ) {
        let listener = TcpListener::bind((ip, 53)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let ended = self.ended;
        scope.spawn(move || {
            while !ended.load(Relaxed) {
                let Ok((mut connection, _)) = listener.accept() else {
                    std::thread::sleep(Duration::from_millis(1));
                    continue;
                };
                connection.set_nonblocking(false).unwrap();
                // The program may close the connection early, also before it sends the query.
                let mut length = [0; 2];
                let _ = connection.read_exact(&mut length).and_then(|()| {
                    let mut query = vec![0; u16::from_be_bytes(length).into()];
                    connection.read_exact(&mut query)?;
                    serve(&mut connection, &query)
                });
            }
        });
    }
}

fn socket(ip: &str) -> UdpSocket {
    let socket = UdpSocket::bind((ip, 53)).unwrap();
    let wait = Duration::from_millis(5);
    socket.set_read_timeout(Some(wait)).unwrap();
    socket
}

/// Calls `test` with a machine whose `resolv.conf` is `config`, and with servers.
fn with_servers(
    arch: Arch,
    config: &str,
    test: impl for<'s, 'e> Fn(&Machine, &Servers<'s>, &'s Scope<'s, 'e>) + Send,
) -> Completion {
    let machine = match Machine::new(arch) {
        Ok(machine) => machine,
        Err(ignored) => return ignored,
    };
    machine.write("resolv.conf", config);
    let ended = AtomicBool::new(false);
    let ended: &'static AtomicBool = Box::leak(Box::new(ended));
    std::thread::scope(|scope| {
        let servers = Servers { ended };
        test(&machine, &servers, scope);
    });
    Completion::Completed
}

/// The address 127.0.0.N or `::N`, as data of a record.
fn data(kind: u16, last: u8) -> Vec<u8> {
    match kind {
        A => vec![127, 0, 0, last],
        _ => [[0; 15].as_slice(), &[last]].concat(),
    }
}

/// The answer with one address, 127.0.0.N, or none if the query is for IPv6.
fn one(query: &[u8], last: u8) -> Vec<u8> {
    let records = [record(ASKED, A, &data(A, last))];
    let (_, kind) = question(query);
    answer(query, 0, &records[..usize::from(kind == A)])
}

fn reads_hosts(arch: Arch) -> Completion {
    let machine = match Machine::new(arch) {
        Ok(machine) => machine,
        Err(ignored) => return ignored,
    };
    let long = "x".repeat(300);
    let aliases: String = (0..500).map(|at| format!(" alias{at}")).collect();
    machine.write(
        "hosts",
        &format!(
            "# 127.0.0.9 comment\n\
             127.0.0.1\tone One.Example # not\n\
             not an address\n\
             127.0.0.2 {long} two one#not\n\
             \n\
             ::1 six mixed\n\
             127.0.0.3 mixed\r\n\
             127.0.0.4{aliases} last\n\
             127.0.0.1 one\n\
             fe80::1%lo link\n\
             fe80::1 zoneless\n\
             127.0.0.5 end"
        ),
    );
    assert_eq!(machine.addresses("one"), ["127.0.0.1", "127.0.0.2"]);
    assert_eq!(machine.addresses("ONE.example."), ["127.0.0.1"]);
    assert_eq!(machine.addresses("two"), ["127.0.0.2"]);
    assert_eq!(machine.addresses("six"), ["[::1]"]);
    assert_eq!(machine.addresses("mixed"), ["[::1]", "127.0.0.3"]);
    assert_eq!(machine.addresses("alias499"), ["127.0.0.4"]);
    assert_eq!(machine.addresses("last"), ["127.0.0.4"]);
    assert_eq!(machine.addresses("link"), ["[fe80::1%1]"]);
    assert_eq!(machine.addresses("end"), ["127.0.0.5"]);
    // Nobody serves names in this network.
    let why = "the name server 127.0.0.1: Connection refused (ECONNREFUSED)";
    for none in ["not", "comment", "an", "zoneless", "on", "onee"] {
        machine.fails(none, why);
    }
    std::fs::remove_file(machine.etc.path("hosts")).unwrap();
    machine.fails("one", why);
    std::fs::create_dir(machine.etc.path("hosts")).unwrap();
    machine.fails("one", "read /etc/hosts: Is a directory (EISDIR)");
    std::fs::remove_dir(machine.etc.path("hosts")).unwrap();
    std::fs::create_dir(machine.etc.path("resolv.conf")).unwrap();
    machine.fails("one", "read /etc/resolv.conf: Is a directory (EISDIR)");
    Completion::Completed
}

fn knows_localhost_and_numbers_without_any_file(arch: Arch) -> Completion {
    let machine = match Machine::new(arch) {
        Ok(machine) => machine,
        Err(ignored) => return ignored,
    };
    // Files that cannot be read are an error for each other name.
    std::fs::create_dir(machine.etc.path("hosts")).unwrap();
    for name in ["localhost", "LocalHost.", "a.b.localhost"] {
        assert_eq!(machine.addresses(name), ["[::1]", "127.0.0.1"]);
    }
    machine.fails("notlocalhost", "read /etc/hosts: Is a directory (EISDIR)");
    for (number, address) in [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:DB8::0:1", "[2001:db8::1]"),
        ("fe80::1%1", "[fe80::1%1]"),
        ("fe80::1%lo", "[fe80::1%1]"),
    ] {
        assert_eq!(machine.addresses(number), [address]);
    }
    machine.fails("fe80::1%none", "interface: No such device (ENODEV)");
    let why = "a link-local address needs a zone, as in fe80::1%eth0";
    machine.fails("fe80::1", why);
    Completion::Completed
}

fn refuses_what_is_no_name(arch: Arch) {
    let label = "x".repeat(64);
    let long = format!("{0}.{0}.{0}.{1}", "x".repeat(63), "x".repeat(62));
    for wrong in [
        "",
        ".",
        "..",
        ".a",
        "a..b",
        "a..",
        "a/b",
        "a b",
        "a:b",
        "ä",
        "1.2.3.256",
        "127.1",
        "7",
        "::g",
        "1.2.3.4%lo",
        &label,
        &long,
    ] {
        let ran = run(arch.probe("resolve").arg(wrong));
        let why = format!("resolve: resolve {wrong}: not a host name\n");
        assert_eq!(ran, Ran::new(1, "", &why));
    }
}

/// IPv6 comes first if there is a route, and addresses without a route come last. The queries are those of RFC 1035.
fn asks_for_both_families_and_sorts(arch: Arch) -> Completion {
    with_servers(arch, "nameserver 127.0.0.1\n", |machine, servers, scope| {
        let queries = Mutex::new(Vec::new());
        let queries: &'static Mutex<Vec<Vec<u8>>> = Box::leak(Box::new(queries));
        servers.udp(scope, "127.0.0.1", |query| {
            queries.lock().unwrap().push(query.to_vec());
            let addresses: &[Vec<u8>] = match question(query).1 {
                A => &[vec![192, 0, 2, 1], data(A, 3), data(A, 2), data(A, 3)],
                _ => &[[[0x20; 1].as_slice(), &[1; 15]].concat(), data(AAAA, 1)],
            };
            let kind = question(query).1;
            let records: Vec<_> = addresses
                .iter()
                .map(|address| record(ASKED, kind, address))
                .collect();
            vec![answer(query, 0, &records)]
        });
        let wanted = ["[::1]", "127.0.0.3", "127.0.0.2", "192.0.2.1"];
        let found = machine.addresses("www.Example.org");
        assert_eq!(found[..4], wanted);
        assert_eq!(found[4..], ["[2001:101:101:101:101:101:101:101]"]);
        for _ in 0..3 {
            machine.addresses("www.Example.org");
        }
        let queries = std::mem::take(&mut *queries.lock().unwrap());
        assert_eq!(queries.len(), 8);
        for pair in queries.chunks(2) {
            for (query, kind) in pair.iter().zip([A, AAAA]) {
                let end = [0, kind as u8, 0, 1];
                assert_eq!(query[2..12], [1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
                assert_eq!(query[12..], [&name("www.Example.org")[..], &end].concat());
            }
        }
        // All ids are random. (Of eight, four are equal once in 10^13 runs.)
        let mut ids: Vec<_> = queries.iter().map(|query| &query[..2]).collect();
        ids.sort();
        ids.dedup();
        assert!(ids.len() > 4, "{queries:?}");
    })
}

fn tries_the_search_list_as_the_manual_says(arch: Arch) -> Completion {
    with_servers(arch, "", |machine, servers, scope| {
        let log: &'static Log = Box::leak(Box::default());
        servers.udp(scope, "127.0.0.1", |query| {
            let (name, kind) = question(query);
            log.lock().unwrap().push((name.clone(), kind));
            match &*name {
                "empty.y.example" => vec![answer(query, 0, &[])],
                "found.y.example" => vec![one(query, 7)],
                "broken.x.example" => vec![answer(query, 2, &[])],
                _ => vec![answer(query, 3, &[])],
            }
        });
        let asked = |config: &str, host: &str, why: Option<&str>| {
            machine.write("resolv.conf", config);
            match why {
                Some(why) => machine.fails(host, why),
                None => assert_eq!(machine.addresses(host), ["127.0.0.7"]),
            }
            let mut names: Vec<_> = std::mem::take(&mut *log.lock().unwrap())
                .into_iter()
                .map(|(name, _)| name)
                .collect();
            names.dedup(); // A and AAAA, of each attempt
            names.join(" ")
        };
        let none = Some("no such name");
        let two = "search x.example y.example\n";
        assert_eq!(asked("", "a", none), "a");
        assert_eq!(asked("", "a.b", none), "a.b");
        assert_eq!(asked(two, "a", none), "a.x.example a.y.example a");
        assert_eq!(asked(two, "a.b", none), "a.b a.b.x.example a.b.y.example");
        assert_eq!(asked(two, "a.", none), "a");
        assert_eq!(asked(two, "a.b.", none), "a.b");
        let ndots = |count| format!("{two}options ndots:{count}\n");
        let [last, first] = [
            "a.b.x.example a.b.y.example a.b",
            "a.b a.b.x.example a.b.y.example",
        ];
        assert_eq!(asked(&ndots(2), "a.b", none), last);
        assert_eq!(asked(&ndots(1), "a.b", none), first);
        assert_eq!(asked(&ndots(0), "a", none), "a a.x.example a.y.example");
        // The last line counts.
        let domain = "search x.example\ndomain z.example w.example\n";
        assert_eq!(asked(domain, "a", none), "a.z.example a");
        let again = "domain z.example\nsearch x.example. .\n; search no\n#search no\n";
        assert_eq!(asked(again, "a", none), "a.x.example a");
        // The first name with addresses; a name without; and a failure, which ends the search.
        assert_eq!(asked(two, "found", None), "found.x.example found.y.example");
        let empty = Some("the name has no address");
        let all = "empty.x.example empty.y.example empty";
        assert_eq!(asked(two, "empty", empty), all);
        let failed = Some("the name server 127.0.0.1 failed (SERVFAIL)");
        assert_eq!(asked(two, "broken", failed), "broken.x.example");
        // A name that is too long in a domain is left out.
        let long = format!("search {0}.{0}.{0}.{0}\n", "x".repeat(61));
        assert_eq!(asked(&long, "abcdefghijk", none), "abcdefghijk");
    })
}

fn reports_why_there_is_no_address(arch: Arch) -> Completion {
    let config = "nameserver 127.0.0.1\noptions attempts:1\n";
    with_servers(arch, config, |machine, servers, scope| {
        servers.udp(scope, "127.0.0.1", |query| {
            // The statuses of both answers are in the name.
            let (name, kind) = question(query);
            let at = usize::from(kind == AAAA);
            let status = name.as_bytes()[at] - b'a';
            vec![answer(query, status, &[])]
        });
        let server = "the name server 127.0.0.1";
        for (name, why) in [
            ("dd", "no such name".to_owned()),
            ("aa", "the name has no address".into()),
            ("ad", "the name has no address".into()),
            ("da", "the name has no address".into()),
            ("cc", format!("{server} failed (SERVFAIL)")),
            ("ac", format!("{server} failed (SERVFAIL)")),
            ("fd", format!("{server} refuses to answer (REFUSED)")),
            (
                "bb",
                format!("{server} does not understand the query (FORMERR)"),
            ),
            (
                "ee",
                format!("{server} does not have such queries (NOTIMP)"),
            ),
            ("jj", format!("{server} reports the unknown error 9")),
        ] {
            machine.fails(name, &why);
        }
        machine.write("resolv.conf", "nameserver 192.0.2.1");
        let why = "the name server 192.0.2.1: Network is unreachable (ENETUNREACH)";
        machine.fails("a", why);
    })
}

/// A silent server is left after its timeout; a server that refuses or fails is left at once.
fn turns_to_the_next_server(arch: Arch) -> Completion {
    with_servers(arch, "", |machine, servers, scope| {
        let log: &'static Log = Box::leak(Box::default());
        servers.udp(scope, "127.0.0.1", |query| {
            log.lock().unwrap().push(question(query));
            Vec::new()
        });
        servers.udp(scope, "127.0.0.2", |query| vec![one(query, 22)]);
        servers.udp(scope, "127.0.0.3", |query| vec![answer(query, 2, &[])]);
        let timed = |config: &str| {
            machine.write("resolv.conf", config);
            let timed = machine.timed("a.example", 60_000);
            (timed, std::mem::take(&mut *log.lock().unwrap()).len())
        };
        let found = vec![String::from("127.0.0.22:80")];
        let options = "options rotate timeout:1 attempts:3\n";
        let late = "nameserver 127.0.0.1\nnameserver 127.0.0.2\n";
        let ((addresses, took, _), queries) = timed(&format!("{late}{options}"));
        assert_eq!((addresses, queries), (found.clone(), 2));
        assert!((1000..2000).contains(&took), "{took}");
        // Nobody serves at 127.0.0.4: the kernel reports it.
        for first in ["127.0.0.4", "127.0.0.3", "192.0.2.1"] {
            let config = format!("nameserver {first}\nnameserver 127.0.0.2\n{options}");
            let ((addresses, took, _), _) = timed(&config);
            assert_eq!(addresses, found);
            assert!(took < 900, "{first}: {took}");
        }
        // Attempts and timeouts are counted. A fourth server is not asked.
        let silent = "nameserver 127.0.0.1\n".repeat(3);
        let config = format!("{silent}nameserver 127.0.0.2\noptions attempts:1 timeout:1\n");
        let ((_, took, error), queries) = timed(&config);
        let why = "resolve: resolve a.example: the name server 127.0.0.1 did not answer\n";
        assert_eq!((&*error, queries), (why, 6));
        assert!((3000..4000).contains(&took), "{took}");
        let config = format!("nameserver 127.0.0.1\n{options}");
        let ((_, took, error), queries) = timed(&config);
        assert_eq!((&*error, queries), (why, 6));
        assert!((3000..4000).contains(&took), "{took}");
        // A name server with an IPv6 address, and with a zone.
        for six in ["::1", "::1%lo"] {
            if six == "::1" {
                servers.udp(scope, "::1", |query| vec![one(query, 66)]);
            }
            let ((addresses, ..), _) = timed(&format!("nameserver {six}\n"));
            assert_eq!(addresses, ["127.0.0.66:80"]);
        }
    })
}

/// False answers come before the right one.
fn ignores_what_is_not_the_answer(arch: Arch) -> Completion {
    with_servers(arch, "nameserver 127.0.0.1\n", |machine, _, scope| {
        let server = socket("127.0.0.1");
        let strangers = ["127.0.0.1", "127.0.0.2"].map(|ip| UdpSocket::bind((ip, 0)).unwrap());
        let ended: &'static AtomicBool = Box::leak(Box::new(AtomicBool::new(false)));
        let _end = Servers { ended };
        scope.spawn(move || {
            let mut buffer = [0; 600];
            while !ended.load(Relaxed) {
                let Ok((length, client)) = server.recv_from(&mut buffer) else {
                    continue;
                };
                let query = &buffer[..length];
                let wrong = one(query, 66);
                for stranger in &strangers {
                    stranger.send_to(&wrong, client).unwrap();
                }
                for message in damaged(&wrong, length) {
                    server.send_to(&message, client).unwrap();
                }
                server.send_to(&one(query, 1), client).unwrap();
            }
        });
        assert_eq!(machine.addresses("a.example"), ["127.0.0.1"]);
    })
}

/// Compression that does not end, lengths beyond the end of the message, and names that stand for each other.
fn survives_malformed_answers(arch: Arch) -> Completion {
    let config = "nameserver 127.0.0.1\noptions attempts:1\n";
    with_servers(arch, config, |machine, servers, scope| {
        let first = 12 + name("a.example").len() as u8 + 4;
        let right = record(ASKED, A, &data(A, 1));
        let malformed = [
            record(&[0xc0, first], A, &data(A, 1)), // a pointer to itself
            record(&[1, b'a', 0xc0, first], A, &data(A, 1)), // to the label before it
            record(&[0xff, 0xff], A, &data(A, 1)),  // beyond the end
            record(&[0x80], A, &data(A, 1)),        // neither a length nor a pointer
            record(ASKED, A, &[127, 0, 0]),
            record(ASKED, A, &[127, 0, 0, 1, 1]),
            record(ASKED, CNAME, &[0xc0]),
            record(ASKED, CNAME, &[5, b'a']),
            right[..15].to_vec(), // cut off
            Vec::new(),
        ];
        let wrong: &'static Mutex<Vec<Vec<u8>>> = Box::leak(Box::default());
        servers.udp(scope, "127.0.0.1", |query| {
            let records = wrong.lock().unwrap();
            let count = usize::from(question(query).1 == A) * records.len();
            vec![answer(query, 0, &records[..count])]
        });
        let why = "the name server 127.0.0.1 sent a malformed answer";
        for record in malformed {
            // The address before the malformed record does not count.
            *wrong.lock().unwrap() = vec![record.clone()];
            machine.fails("a.example", why);
            if !record.is_empty() {
                *wrong.lock().unwrap() = vec![right.clone(), record];
                let ran = machine.resolve("a.example");
                assert_ne!(ran.status, None);
            }
        }
        let b = name("b.example");
        *wrong.lock().unwrap() = vec![record(ASKED, CNAME, &b), record(&b, CNAME, ASKED)];
        machine.fails("a.example", "the name has no address");
        *wrong.lock().unwrap() = vec![record(&b, A, &data(A, 3)), record(ASKED, CNAME, &b)];
        assert_eq!(machine.addresses("a.example"), ["127.0.0.3"]);
    })
}

fn repeats_truncated_queries_over_tcp(arch: Arch) -> Completion {
    let config = "nameserver 127.0.0.1\noptions attempts:1 timeout:2\n";
    with_servers(arch, config, |machine, servers, scope| {
        // A truncated answer has an address, which does not count.
        let truncated = |query: &[u8]| {
            let mut answer = one(query, 66);
            answer[2] |= 2;
            vec![answer]
        };
        servers.udp(scope, "127.0.0.1", truncated);
        servers.udp(scope, "127.0.0.2", truncated); // nobody serves TCP there
        servers.tcp(scope, "127.0.0.1", move |connection, query| {
            let (name, kind) = question(query);
            let mut many: Vec<_> = (1..=250)
                .map(|last| record(ASKED, kind, &data(kind, last)))
                .collect();
            let message = match &*name {
                "bytewise.example" | "cut.example" | "silent.example" => one(query, 1),
                "foreign.example" => {
                    let mut message = one(query, 1);
                    message[0] ^= 1;
                    message
                }
                "again.example" => truncated(query).remove(0),
                _ => {
                    if name == "long.example" {
                        many.truncate(40);
                    }
                    answer(query, 0, &many)
                }
            };
            let mut bytes = (message.len() as u16).to_be_bytes().to_vec();
            bytes.extend(message);
            match &*name {
                "cut.example" => connection.write_all(&bytes[..bytes.len() - 1]),
                "silent.example" => {
                    connection.write_all(&bytes[..7])?;
                    connection.read(&mut [0]).map(drop) // until the program gives up
                }
                "bytewise.example" => {
                    connection.set_nodelay(true)?;
                    bytes.iter().try_for_each(|byte| {
                        std::thread::sleep(Duration::from_millis(2));
                        connection.write_all(&[*byte])
                    })
                }
                _ => connection.write_all(&bytes),
            }
        });
        assert_eq!(machine.addresses("bytewise.example"), ["127.0.0.1"]);
        // 40 addresses, and 250, of which the first 4096 bytes are read; eight of each family are used.
        for name in ["long.example", "longer.example"] {
            let found = machine.addresses(name);
            assert_eq!(found.len(), 16, "{name}: {found:?}");
            let fours: Vec<_> = found.iter().filter(|text| text.contains('.')).collect();
            let wanted: Vec<_> = (1..=8).map(|last| format!("127.0.0.{last}")).collect();
            assert!(fours.into_iter().eq(&wanted), "{found:?}");
            assert_eq!(found[0], "[::1]");
        }
        let malformed = "the name server 127.0.0.1 sent a malformed answer";
        for name in ["cut.example", "foreign.example", "again.example"] {
            machine.fails(name, malformed);
        }
        let (_, took, error) = machine.timed("silent.example", 60_000);
        assert!(error.ends_with(": the name server 127.0.0.1 did not answer\n"));
        assert!((2000..3000).contains(&took), "{took}");
        machine.write("resolv.conf", "nameserver 127.0.0.2\n");
        let why = "the name server 127.0.0.2: Connection refused (ECONNREFUSED)";
        machine.fails("a.example", why);
    })
}

/// Whatever servers do, the call ends at its deadline, and at most 50 ms later. (On a busy machine a process may have to
/// wait for a CPU: one of several runs is in time.)
fn ends_at_the_deadline(arch: Arch) -> Completion {
    let config = "nameserver 127.0.0.1\nnameserver 127.0.0.2\n";
    with_servers(arch, config, |machine, servers, scope| {
        servers.udp(scope, "127.0.0.1", |query| match &*question(query).0 {
            "silent.example" => Vec::new(),
            "wrong.example" => vec![query.to_vec(); 20],
            _ => {
                let mut answer = answer(query, 0, &[]);
                answer[2] |= 2;
                vec![answer]
            }
        });
        servers.tcp(scope, "127.0.0.1", |connection, _| {
            connection.write_all(&[1])?;
            connection.read(&mut [0]).map(drop)
        });
        servers.udp(scope, "127.0.0.2", |_| Vec::new());
        for name in ["silent.example", "wrong.example", "tcp.example"] {
            for limit in [0, 1, 300] {
                let is_in_time = |_| {
                    let (addresses, took, error) = machine.timed(name, limit);
                    assert!(addresses.is_empty());
                    let why = "the name server 127.0.0.1 did not answer\n";
                    assert!(error.ends_with(why), "{error}");
                    assert!(took >= limit, "{took}");
                    took <= limit + 50
                };
                assert!((0..20).any(is_in_time), "{name} {limit}");
            }
        }
    })
}

/// If one family is there, the other one is awaited for 0.2 s, and not for the timeout of 5 s.
fn does_not_wait_long_for_the_other_family(arch: Arch) -> Completion {
    with_servers(arch, "nameserver 127.0.0.1\n", |machine, servers, scope| {
        servers.udp(scope, "127.0.0.1", |query| {
            let (name, kind) = question(query);
            let silent = if name.starts_with("six") { A } else { AAAA };
            let records = [record(ASKED, kind, &data(kind, 1))];
            match kind == silent {
                true => Vec::new(),
                false => vec![answer(query, 0, &records)],
            }
        });
        for (name, address) in [
            ("six.example", "[::1]:80"),
            ("four.example", "127.0.0.1:80"),
        ] {
            let (addresses, took, _) = machine.timed(name, 60_000);
            assert_eq!(addresses, [address]);
            assert!((200..2000).contains(&took), "{took}");
            // A deadline may come earlier.
            let (addresses, took, _) = machine.timed(name, 100);
            assert!(took >= 100 && (addresses.is_empty() || addresses == [address]));
        }
    })
}

/// dnsmasq, ended when it is dropped.
struct Dnsmasq(Child);

impl Drop for Dnsmasq {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn asks_dnsmasq(arch: Arch) -> Completion {
    let machine = match Machine::new(arch) {
        Ok(machine) => machine,
        Err(ignored) => return ignored,
    };
    let many = (1..=60).map(|last| format!("--host-record=many.example,127.0.1.{last}"));
    let mut command = Command::new(variable("RING3_DNSMASQ"));
    command.args([
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        "--pid-file=",
        "--user=root",
        "--no-resolv",
        "--no-hosts",
        "--local=/#/",
        "--listen-address=127.0.0.1",
        "--bind-interfaces",
        "--host-record=a.example,127.0.0.7,::1",
        "--host-record=four.example,127.0.0.4",
        "--cname=alias.example,a.example",
        "--txt-record=text.example,text",
        "--log-facility=-",
    ]);
    command
        .args(many)
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    let _dnsmasq = Dnsmasq(command.spawn().unwrap());
    let server: SocketAddr = "127.0.0.1:53".parse().unwrap();
    wait_until("dnsmasq serves", || {
        std::net::TcpStream::connect(server).is_ok()
    });
    machine.write("resolv.conf", "nameserver 127.0.0.1\nsearch example\n");
    for name in ["a.example", "alias.example", "A", "alias"] {
        assert_eq!(machine.addresses(name), ["[::1]", "127.0.0.7"]);
    }
    assert_eq!(machine.addresses("four"), ["127.0.0.4"]);
    machine.fails("none.example", "no such name");
    machine.fails("text", "the name has no address");
    // An answer of 60 addresses is too long for UDP.
    let many = machine.addresses("many");
    assert_eq!(many.len(), 8, "{many:?}");
    assert!(many.iter().all(|address| address.starts_with("127.0.1.")));
    Completion::Completed
}
