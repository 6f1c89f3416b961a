//! Tests of `echoc`, the load generator: its measurements are correct, it ends when it should, and it detects errors of
//! a server.

mod count;
mod parts;
pub mod server;
mod settings;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use libtest_mimic::{Completion, Trial};
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, setrlimit};
use socket2::{Domain, Socket, Type};

use crate::echod::server::Server;
use crate::per_arch;
use crate::resolve::Machine;
use crate::skip;
use crate::support::{Arch, Ran, ran, run, wait_until};
use crate::trial::{LONG, may_take};
use parts::pattern::Pattern;

pub fn trials() -> Vec<Trial> {
    per_arch![
        every_byte_of_echod_comes_back,
        many_connections,
        counts_what_came_back,
        prints_how_long_replies_take,
        more_under_way_than_the_buffers_hold,
        has_more_descriptors_than_it_was_given,
        goes_on_when_interrupted,
        ends_early_at_a_signal,
        a_second_signal_kills,
        time_in_which_it_was_stopped_does_not_count,
        finds_a_changed_byte,
        finds_pieces_that_changed_places,
        finds_a_lost_byte,
        finds_a_byte_too_many,
        reports_a_server_that_does_not_answer,
        reports_a_server_that_does_not_end,
        reports_a_server_that_does_not_accept,
        reports_a_reset,
        reports_a_refused_connection,
        reports_a_reader_that_is_gone,
        connects_to_a_name,
        tries_the_addresses_of_a_name_in_turn,
        refuses_what_it_does_not_understand,
    ]
    .chain(count::trials())
    .chain(parts::trials())
    .chain(settings::trials())
    .collect()
}

fn echoc(arch: Arch, arguments: &str) -> Ran {
    run(arch.program("echoc").args(arguments.split_whitespace()))
}

/// The report of a run without errors.
struct Report {
    requests: u64,
    milliseconds: u64,
    /// In thousandths of GB/s.
    megabytes: u64,
    /// In tenths of a microsecond: p50, p99, p99.9 and max.
    latencies: [u64; 4],
}

impl Report {
    /// Parses the two lines of the report, which must match the format exactly.
    fn of(ran: Ran) -> Self {
        assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
        Self::parse(&ran.stdout).unwrap_or_else(|| panic!("{ran:?}"))
    }

    fn parse(text: &str) -> Option<Self> {
        let (first, second) = text.strip_suffix('\n')?.split_once('\n')?;
        let (requests, rest) = first.split_once(" requests in ")?;
        let (seconds, rest) = rest.split_once(" s: ")?;
        let (rate, gigabytes) = rest.strip_suffix(" GB/s")?.split_once(" req/s, ")?;
        let (requests, milliseconds) = (requests.parse().ok()?, decimal(seconds, 3)?);
        let rate: u64 = rate.parse().ok()?;
        let difference = (rate * milliseconds).abs_diff(requests * 1000);
        assert!(difference <= milliseconds + rate, "{text}"); // both numbers are rounded
        let megabytes = decimal(gigabytes, 3)?;
        let mut latencies = [0; 4];
        let names = ["latency p50 ", "p99 ", "p99.9 ", "max "];
        let fields: Vec<_> = second.split(", ").collect();
        assert_eq!(fields.len(), 4, "{text}");
        for ((latency, name), field) in latencies.iter_mut().zip(names).zip(fields) {
            *latency = decimal(field.strip_prefix(name)?.strip_suffix(" us")?, 1)?;
        }
        assert!(latencies.is_sorted(), "{text}");
        Some(Self {
            requests,
            milliseconds,
            megabytes,
            latencies,
        })
    }
}

/// Parses a number with exactly `digits` digits after the point. Returns the digits without the point.
fn decimal(text: &str, digits: usize) -> Option<u64> {
    let (whole, fraction) = text.split_once('.')?;
    assert_eq!(fraction.len(), digits, "{text}");
    format!("{whole}{fraction}").parse().ok()
}

/// A socket that is bound but does not listen yet, and its address.
fn bound() -> (Socket, SocketAddr) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    socket.bind(&any.into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address)
}

fn every_byte_of_echod_comes_back(arch: Arch) {
    let server = Server::start(
        arch.program("echod")
            .args(["-l", "127.0.0.1:0", "-l", "[::1]:0"]),
        2,
    );
    let [four, six] = server.addresses[..] else {
        panic!("not two addresses");
    };
    std::thread::scope(|scope| {
        for arguments in [
            format!("{four}"),
            format!("{six} --verify"),
            format!("--verify -s 1 -d 1024 {four}"),
            format!("--verify -s 777 -d 7 -c 20 {six}"),
            format!("-s 1048576 -c 3 -d 2 {four}"),
            format!("--verify -s16777216 {six}"),
        ] {
            scope.spawn(move || {
                let arguments = format!("--stall 60 {arguments}");
                assert_ne!(Report::of(echoc(arch, &arguments)).requests, 0);
            });
        }
    });
    server.end("");
}

fn many_connections(arch: Arch) {
    let server = Server::new(arch, &[]);
    let count = if arch.is_native() { 500 } else { 200 };
    let arguments = format!("--stall 60 --verify -c {count} {}", server.address());
    assert!(Report::of(echoc(arch, &arguments)).requests >= count);
    server.end("");
}

fn counts_what_came_back(arch: Arch) {
    for (connections, size, depth) in [(1, 64, 1), (5, 1000, 3)] {
        let (address, counted) = server::counting(connections);
        let report = Report::of(echoc(
            arch,
            &format!("--stall 60 -c {connections} -s {size} -d {depth} {address}"),
        ));
        let counted = counted();
        assert_eq!(report.requests * size, counted);
        assert!(
            (1000..10_000).contains(&report.milliseconds),
            "the run did not last a second"
        );
        // The milliseconds and the quotient are rounded.
        let megabytes = counted / 1000 / report.milliseconds;
        assert!(report.megabytes.abs_diff(megabytes) <= 1 + megabytes / 500);
    }
}

fn prints_how_long_replies_take(arch: Arch) {
    let delays = Arc::new(Mutex::new(Vec::new()));
    let noted = delays.clone();
    // Every tenth message of a connection is delayed longer.
    let (address, serving) = server::start(3, move |client| {
        let mut number = 0;
        server::echo(client, |_, bytes| {
            if bytes.is_empty() {
                return true;
            }
            number += 1;
            let begin = Instant::now();
            std::thread::sleep(Duration::from_millis(if number % 10 == 0 {
                60
            } else {
                20
            }));
            noted
                .lock()
                .unwrap()
                .push(begin.elapsed().as_nanos() as u64);
            true
        });
    });
    let report = Report::of(echoc(arch, &format!("--stall 60 -c 3 {address}")));
    serving.join().expect("the server has served all clients");
    let mut delays = std::mem::take(&mut *delays.lock().unwrap());
    delays.sort();
    assert_eq!(report.requests, delays.len() as u64);
    // A reply takes at least its delay. So each percentile of the latencies is at least the percentile of the delays,
    // within 1 %.
    for (latency, share) in report.latencies.into_iter().zip([500, 990, 999, 1000]) {
        let least = delays[(delays.len() * share).div_ceil(1000) - 1];
        assert!(
            latency * 100 * 100 >= least * 99 - 10_000,
            "{share} in 1000"
        );
    }
    // Each connection has one request in flight, which bounds the number of requests in the given time.
    assert!(report.requests <= 3 * (report.milliseconds / 20 + 1));
    // The latencies are below some seconds: a value in a wrong unit would exceed that.
    assert!(report.latencies[0] < 50_000_000 && report.latencies[3] < 300_000_000);
}

/// The server does not read while it cannot send. A client that in turn did not read while it cannot send would
/// deadlock.
fn more_under_way_than_the_buffers_hold(arch: Arch) {
    may_take(LONG);
    let (socket, address) = bound();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    socket.set_send_buffer_size(16 * 1024).unwrap();
    socket.listen(16).unwrap();
    let listener = TcpListener::from(socket);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..2 {
                let (client, _) = listener.accept().unwrap();
                scope.spawn(|| server::echo(client, |_, _| true));
            }
        });
        let arguments = format!("-t 3 --stall 60 --verify -c 2 -s 500000 -d 12 {address}");
        assert!(Report::of(echoc(arch, &arguments)).requests >= 2 * 12);
    });
}

/// Starts a command with a soft limit of `current` descriptors and a hard limit of `maximum`.
fn limit_descriptors(command: &mut Command, current: u64, maximum: u64) {
    let limit = Rlimit {
        current: Some(current),
        maximum: Some(maximum),
    };
    // SAFETY: the closure runs between fork and exec. It makes one system call, and takes no lock and allocates
    // nothing.
    unsafe { command.pre_exec(move || Ok(setrlimit(Resource::Nofile, limit)?)) };
}

fn has_more_descriptors_than_it_was_given(arch: Arch) {
    let server = Server::new(arch, &[]);
    let address = server.address().to_string();
    let mut command = arch.program("echoc");
    command.args(["--stall", "60", "-c", "100", &address]);
    limit_descriptors(&mut command, 50, 200);
    Report::of(run(&mut command));

    limit_descriptors(&mut command, 50, 60);
    let why = "Too many open files (EMFILE)";
    assert_eq!(
        run(&mut command),
        Ran::new(1, "", &format!("echoc: socket {address}: {why}\n"))
    );
    server.end("");
}

/// Every third call of each kind is interrupted.
fn goes_on_when_interrupted(arch: Arch) -> Completion {
    if !arch.is_native() {
        return Completion::ignored_with(skip::STRACE);
    }
    let (address, counted) = server::counting(3);
    let calls = "--inject=epoll_pwait,recvfrom,sendto,read:error=EINTR:when=2+3";
    let mut strace = Command::new("strace");
    strace
        .args(["-D", "-qq", "-o", "/dev/null", calls])
        .arg(arch.shipped("echoc"))
        .args("--stall 60 --verify -c 3 -s 10000".split_whitespace())
        .arg(address.to_string());
    assert_eq!(Report::of(run(&mut strace)).requests * 10_000, counted());
    Completion::Completed
}

/// A running echoc, whose server has received a message from each client.
pub struct Running(Child);

impl Running {
    pub fn start(
        arch: Arch,
        arguments: &str,
        serve: impl Fn(TcpStream) + Clone + Send + 'static,
    ) -> Self {
        let (came, wait) = std::sync::mpsc::channel();
        let (address, _) = server::start(1, move |client| {
            client.peek(&mut [0]).expect("a message");
            came.send(()).expect("the test waits for the message");
            serve(client);
        });
        let child = arch
            .program("echoc")
            .args(arguments.split_whitespace())
            .arg(address.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("echoc starts");
        wait.recv().expect("a message from each client");
        Self(child)
    }

    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.0)
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("echoc is running");
    }

    pub fn wait(self) -> Ran {
        ran(self
            .0
            .wait_with_output()
            .expect("echoc is a child of the test"))
    }
}

fn ends_early_at_a_signal(arch: Arch) {
    for signal in [Signal::TERM, Signal::INT] {
        let running = Running::start(arch, "-t 1000 --stall 60 --verify -d 5", |client| {
            server::echo(client, |_, _| true);
        });
        running.signal(signal);
        let report = Report::of(running.wait());
        assert_ne!(report.requests, 0);
        assert!(report.milliseconds < 1_000_000);
    }
}

fn a_second_signal_kills(arch: Arch) {
    let mut running = Running::start(arch, "-t 1000 --stall 1000", |client| {
        server::slow(client, Duration::from_secs(1000));
    });
    wait_until("echoc has ended", || {
        running.signal(Signal::TERM);
        running
            .0
            .try_wait()
            .expect("echoc is a child of the test")
            .is_some()
    });
    assert_eq!(running.wait().status, None);
}

fn time_in_which_it_was_stopped_does_not_count(arch: Arch) {
    may_take(LONG);
    let running = Running::start(arch, "-t 1 --stall 3 -d 10", |client| {
        server::echo(client, |_, _| true);
    });
    running.signal(Signal::STOP);
    std::thread::sleep(Duration::from_secs(4));
    running.signal(Signal::CONT);
    assert!(Report::of(running.wait()).milliseconds >= 1000);
}

/// Checks that echoc, with these arguments and one connection to this server, prints exactly the message `fault`.
fn finds(
    arch: Arch,
    arguments: &str,
    fault: &str,
    serve: impl Fn(TcpStream) + Clone + Send + 'static,
) {
    let (address, _) = server::start(1, serve);
    let ran = echoc(arch, &format!("{arguments} {address}"));
    let said = format!("echoc: connection 1 of {address}: {fault}\n");
    assert_eq!(ran, Ran::new(1, "", &said));
}

/// The byte that the first connection sends at this position.
pub fn sent(position: u64) -> u8 {
    let mut byte = [0];
    Pattern::new(0).fill(position, &mut byte);
    byte[0]
}

fn finds_a_changed_byte(arch: Arch) {
    for (size, depth, place) in [(1, 1, 0usize), (64, 1, 1000), (5000, 9, 70_000)] {
        let is = sent(place as u64);
        finds(
            arch,
            &format!("-t 1000 --stall 60 --verify -s {size} -d {depth}"),
            &format!("byte {place} is {:#04x}, not {is:#04x}", is ^ 0x10),
            move |client| {
                server::echo(client, |position, bytes| {
                    let wrong = place.checked_sub(position);
                    if let Some(byte) = wrong.and_then(|index| bytes.get_mut(index)) {
                        *byte ^= 0x10;
                    }
                    true
                });
            },
        );
    }
}

/// Swapped pieces of equal length: aligned and unaligned, near each other and far apart.
fn finds_pieces_that_changed_places(arch: Arch) {
    for (one, other, length) in [(0, 8, 8), (3, 12, 5), (0, 32, 32), (1, 2, 1), (7, 47, 11)] {
        let place = 640 + one as u64;
        let (is, should) = (sent(640 + other as u64), sent(place));
        assert_ne!(is, should, "the bytes are equal: choose other positions");
        finds(
            arch,
            "-t 1000 --stall 60 --verify",
            &format!("byte {place} is {is:#04x}, not {should:#04x}"),
            move |client| {
                server::echo(client, |position, bytes| {
                    if position == 640 {
                        let (head, tail) = bytes.split_at_mut(other);
                        head[one..one + length].swap_with_slice(&mut tail[..length]);
                    }
                    true
                });
            },
        );
    }
}

fn finds_a_lost_byte(arch: Arch) {
    for verify in ["", "--verify"] {
        finds(
            arch,
            &format!("-t 1000 --stall 60 {verify}"),
            "ended after 639 bytes of 640",
            |client| {
                server::echo(client, |position, bytes| {
                    if position == 640 - 64 {
                        bytes.pop();
                    }
                    position < 640 - 64
                });
            },
        );
    }
    // A byte is lost in the middle. The client waits for it in vain, and ends with an error.
    finds(
        arch,
        "-t 1 --stall 1",
        "no progress for 1.0 s, after 63 bytes of 64",
        |client| {
            server::echo(client, |_, bytes| {
                bytes.pop();
                true
            });
        },
    );
}

fn finds_a_byte_too_many(arch: Arch) {
    for verify in ["", "--verify"] {
        finds(
            arch,
            &format!("-t 1000 --stall 60 {verify}"),
            "received 65 bytes, sent 64",
            |client| {
                server::echo(client, |_, bytes| {
                    bytes.push(0);
                    true
                });
            },
        );
    }
    // An extra byte after all others.
    let (address, _) = server::start(1, |client| {
        server::echo(client, |_, bytes| {
            if bytes.is_empty() {
                bytes.push(0);
            }
            true
        });
    });
    let ran = echoc(arch, &format!("--stall 60 {address}"));
    let [received, sent] = bytes(&ran, address, "received ", " bytes, sent ");
    assert_eq!(received, sent + 1);
}

/// The two numbers in echoc's message about its only connection.
fn bytes(ran: &Ran, address: SocketAddr, before: &str, between: &str) -> [u64; 2] {
    assert_eq!((ran.status, ran.stdout.as_str()), (Some(1), ""));
    let begin = format!("echoc: connection 1 of {address}: {before}");
    let numbers = ran.stderr.strip_prefix(&begin);
    let numbers = numbers.and_then(|numbers| numbers.trim_end().split_once(between));
    let Some((received, sent)) = numbers else {
        panic!("{ran:?}")
    };
    [received, sent].map(|number| number.parse().expect("a number"))
}

fn reports_a_server_that_does_not_answer(arch: Arch) {
    finds(
        arch,
        "-t 1000 --stall 1",
        "no progress for 1.0 s, after 0 bytes of 64",
        |client| server::slow(client, Duration::from_secs(1000)),
    );
}

fn reports_a_server_that_does_not_end(arch: Arch) {
    may_take(LONG);
    let (address, _) = server::start(1, |client| {
        server::echo(client, |_, bytes| {
            !bytes.is_empty()
                || loop {
                    std::thread::park();
                }
        });
    });
    let ran = echoc(arch, &format!("--stall 2 {address}"));
    let [received, sent] = bytes(&ran, address, "no progress for 2.0 s, after ", " bytes of ");
    assert_eq!(received, sent);
}

fn reports_a_server_that_does_not_accept(arch: Arch) {
    let (socket, address) = bound();
    socket.listen(0).unwrap();
    let why = "Connection timed out (ETIMEDOUT)";
    assert_eq!(
        echoc(arch, &format!("-c 8 --stall 1 {address}")),
        Ran::new(1, "", &format!("echoc: connect {address}: {why}\n"))
    );
}

fn reports_a_reset(arch: Arch) {
    finds(
        arch,
        "-t 1000 --stall 60",
        "recv: Connection reset by peer (ECONNRESET)",
        |client| server::reset(client, 64),
    );
}

fn reports_a_refused_connection(arch: Arch) {
    // A bound port that does not listen: no other process can listen there.
    let (_socket, address) = bound();
    let why = "Connection refused (ECONNREFUSED)";
    for more in ["", "-c 10", "-n 1"] {
        assert_eq!(
            echoc(arch, &format!("{more} {address}")),
            Ran::new(1, "", &format!("echoc: connect {address}: {why}\n"))
        );
    }
}

/// `localhost` is `[::1]` first, where nobody listens.
fn connects_to_a_name(arch: Arch) {
    let (address, _) = server::start(3, |client| server::echo(client, |_, _| true));
    let port = address.port();
    let ran = echoc(arch, &format!("-c 3 -n 30 --stall 60 localhost:{port}"));
    assert_eq!(Report::of(ran).requests, 30);
}

fn tries_the_addresses_of_a_name_in_turn(arch: Arch) -> Completion {
    let machine = match Machine::new(arch) {
        Ok(machine) => machine,
        Err(ignored) => return ignored,
    };
    let (address, _) = server::start(5, |client| server::echo(client, |_, _| true));
    let hosts = "127.0.0.2 three two\n127.0.0.3 three two\n127.0.0.1 three\n";
    machine.write("hosts", hosts);
    let echoc = |server: &str| {
        let program = arch.program("echoc");
        let mut command = machine.command();
        command.arg(program.get_program()).args(program.get_args());
        run(command.args(["-c5", "-n50", "--stall=60", server]))
    };
    let port = address.port();
    assert_eq!(Report::of(echoc(&format!("three:{port}"))).requests, 50);
    let why = "Connection refused (ECONNREFUSED)";
    let last = format!("echoc: connect 127.0.0.3:{port}: {why}\n");
    assert_eq!(echoc(&format!("two:{port}")), Ran::new(1, "", &last));
    let none = format!("echoc: resolve none: the name server 127.0.0.1: {why}\n");
    assert_eq!(echoc(&format!("none:{port}")), Ran::new(1, "", &none));
    Completion::Completed
}

fn reports_a_reader_that_is_gone(arch: Arch) {
    let (address, _) = server::start(1, |client| server::echo(client, |_, _| true));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = arch.program("echoc");
    command
        .arg(address.to_string())
        .stdin(Stdio::null())
        .stdout(writer)
        .stderr(Stdio::piped());
    let ran = ran(command.output().expect("echoc starts"));
    assert_eq!(
        ran,
        Ran::new(1, "", "echoc: write stdout: Broken pipe (EPIPE)\n")
    );
}

/// (`tests/cli.rs` tests each option.)
fn refuses_what_it_does_not_understand(arch: Arch) {
    let address = "expected a host and a port such as localhost:7007, 127.0.0.1:7007 or [::1]:7007";
    for (arguments, why) in [
        ("", "no HOST:PORT".to_owned()),
        ("127.0.0.1", format!("127.0.0.1: {address}")),
        ("-c 3 a..b:7", format!("a..b:7: {address}")),
        ("1.2.3.256:7", format!("1.2.3.256:7: {address}")),
        (
            "[fe80::1]:7",
            "[fe80::1]:7: expected a zone, as in [fe80::1%eth0]:7007".into(),
        ),
        ("127.0.0.1:7 [::1]:7", "unexpected [::1]:7".into()),
    ] {
        assert_eq!(echoc(arch, arguments), Ran::misused("echoc", &why));
    }
}
