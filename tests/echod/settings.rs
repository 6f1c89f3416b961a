//! Tests of echod's options: each pair of options. The effects of both options must hold
//! together. (`tests/cli.rs` tests each option alone.)

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Mutex;
use std::thread::sleep;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use rustix::process::{Signal, geteuid};

use super::client::{answered, connect, is_reset, ping};
use super::datagrams;
use super::server::Server;
use super::workers::threads;
use crate::descriptors;
use crate::support::{Arch, Folder, once, pairs, wait_until};
use crate::trial::{LONG, may_take};

pub fn trials() -> impl Iterator<Item = Trial> {
    let crossed = once("echod::settings::each_pair_holds [x86_64]", each_pair_holds);
    [crossed].into_iter()
}

/// A running server with two options.
struct Life {
    folder: Folder,
    server: Server,
    options: [&'static str; 2],
    address: SocketAddr,
    begin: Instant,
}

/// An option under test: its arguments, and a check of its effect. The first argument is the option's name.
struct Tried {
    arguments: &'static [&'static str],
    check: fn(&Life),
    /// How many more lines about listening addresses the option causes.
    lines: usize,
}

/// The options, and for each a check. Only the last two need root.
const ALL: [Tried; 14] = [
    tried(&["-l", "[::1]:0"], other_address, 1),
    tried(&["-u"], udp, 1),
    tried(&["-x", "socket"], path, 1),
    tried(&["-w", "3"], three_workers, 0),
    tried(&["-b", "7"], |_| {}, 0), // tested by echod::sockets
    tried(&["--max-conns", "2"], two_clients, 0),
    tried(&["--idle", "4"], idle, 0),
    tried(&["--grace", "0"], |_| {}, 0), // tested at the end of each life
    tried(&["--spin", "300us"], |_| {}, 0), // tested by echod::times
    tried(&["--stats", "1"], |life| sleep_until(life.begin, 1500), 0),
    tried(&["-q"], |_| {}, 0), // tested at the end of each life
    tried(&["-v"], |_| {}, 0), // tested at the end of each life
    tried(&["--user", "12345:23456"], user, 0),
    tried(&["--chroot", "."], root, 0),
];

const fn tried(arguments: &'static [&'static str], check: fn(&Life), lines: usize) -> Tried {
    Tried {
        arguments,
        check,
        lines,
    }
}

fn sleep_until(begin: Instant, milliseconds: u64) {
    sleep(Duration::from_millis(milliseconds).saturating_sub(begin.elapsed()));
}

/// The TCP ports at which the server listens, from the kernel's table of this family. With `-q` the server does not
/// report them.
fn ports(server: &Server, table: &str) -> Vec<u16> {
    let sockets: Vec<_> = descriptors::of(server.pid())
        .into_iter()
        .filter_map(|(_, target)| {
            let inode = target.strip_prefix("socket:[")?.strip_suffix(']')?;
            Some(inode.to_owned())
        })
        .collect();
    let table = fs::read_to_string(format!("/proc/self/net/{table}")).unwrap();
    // Columns: number, local address, remote address, state, ...; the tenth is the inode (proc_pid_net(5)).
    let rows = table.lines().skip(1);
    let listening = rows.filter_map(|row| {
        let columns: Vec<_> = row.split_whitespace().collect();
        let is_ours = columns[3] == "0A" && sockets.iter().any(|inode| inode == columns[9]);
        let (_, port) = columns[1].rsplit_once(':').unwrap();
        is_ours.then(|| u16::from_str_radix(port, 16).unwrap())
    });
    listening.collect()
}

fn other_address(life: &Life) {
    let port = ports(&life.server, "tcp6")[0];
    let mut client = connect(format!("[::1]:{port}").parse().unwrap());
    ping(&mut client, b"another address");
}

fn udp(life: &Life) {
    datagrams::ask(&datagrams::client(life.address), b"a datagram");
}

fn path(life: &Life) {
    let mut client = UnixStream::connect(life.folder.path("socket")).unwrap();
    ping(&mut client, b"by a path");
}

fn three_workers(life: &Life) {
    wait_until("three workers are running", || {
        threads(&life.server).len() == 3
    });
}

/// A third client must wait until a client has left.
fn two_clients(life: &Life) {
    let mut both = [(); 2].map(|()| connect(life.address));
    both.iter_mut().for_each(|client| ping(client, b"in"));
    let mut third = connect(life.address);
    std::io::Write::write_all(&mut third, b"me?").unwrap();
    sleep(Duration::from_millis(30));
    assert!(!answered(&third, 3));
    drop(both);
    wait_until("the third client is served", || answered(&third, 3));
}

fn idle(life: &Life) {
    let mut client = connect(life.address);
    let begin = Instant::now();
    ping(&mut client, b"then nothing");
    assert!(!is_reset(client));
    super::times::took(begin, 4.0);
}

fn user(life: &Life) {
    let ids = |name| life.server.status(name);
    assert_eq!(ids("Uid:"), ["12345"; 4].join("\t"));
    assert_eq!(
        (ids("Gid:"), ids("Groups:")),
        (["23456"; 4].join("\t"), String::new())
    );
}

fn root(life: &Life) {
    let root = fs::read_link(format!("/proc/{}/root", life.server.pid())).unwrap();
    assert_eq!(root, life.folder.root());
}

/// Sixteen servers run at the same time, because most of the time is waiting.
fn each_pair_holds() {
    may_take(LONG);
    let needs_root = |option: &Tried| ["--user", "--chroot"].contains(&option.arguments[0]);
    let mut all = pairs(&ALL);
    all.retain(|pair| geteuid().is_root() || !pair.iter().any(|option| needs_root(option)));
    // Of -q and -v the last one counts, so the pair is tested in both orders.
    let voices = ALL.each_ref().map(|option| option.arguments[0]);
    let voice = |name| &ALL[voices.iter().position(|other| *other == name).unwrap()];
    all.push([voice("-v"), voice("-q")]);
    let count = all.len();
    assert!(count > 60, "{count}");
    let left = Mutex::new(all);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                loop {
                    let next = left.lock().unwrap().pop();
                    let Some(pair) = next else { return };
                    live(pair);
                }
            });
        }
    });
}

fn live(pair: [&'static Tried; 2]) {
    let folder = Folder::new();
    let options = pair.map(|option| option.arguments[0]);
    let has = |name| options.contains(&name);
    // Standard error is a file, so that no thread has to read it while the server runs.
    let stderr = File::create(folder.path("stderr")).unwrap();
    let mut command = Arch::X86_64.program("echod");
    command.args(["-l", "127.0.0.1:0"]);
    pair.iter().for_each(|option| {
        command.args(option.arguments);
    });
    let begin = Instant::now();
    let said = pair.iter().map(|option| option.lines).sum::<usize>() + 1;
    // With -u the second address also listens in UDP.
    let said = said + usize::from(has("-u") && has("-l"));
    let is_quiet = has("-q") && options[1] != "-v";
    let said = if is_quiet { 0 } else { said };
    let server = Server::with_stderr(command.current_dir(folder.root()), said, stderr);
    let mut address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    wait_until("echod listens", || {
        address.set_port(ports(&server, "tcp").first().copied().unwrap_or(0));
        address.port() != 0 && TcpStream::connect(address).is_ok()
    });
    let life = Life {
        folder,
        server,
        options,
        address,
        begin,
    };
    for option in pair {
        let mut client = connect(life.address);
        ping(&mut client, b"whatever else was asked for");
        drop(client);
        (option.check)(&life);
    }
    ended(life, is_quiet);
}

/// Ends a server that still has a client, and checks its output.
fn ended(life: Life, is_quiet: bool) {
    let has = |name| life.options.contains(&name);
    let mut client = connect(life.address);
    ping(&mut client, b"until the end");
    let begin = Instant::now();
    life.server.signal(Signal::TERM);
    if has("--grace") {
        assert!(!is_reset(client));
    } else {
        wait_until("echod has stopped listening", || {
            TcpStream::connect(life.address).is_err()
        });
        // A client that is not idle has five seconds.
        if begin.elapsed() < Duration::from_secs(2) {
            ping(&mut client, b"in the time of grace");
        }
        drop(client);
    }
    let (address, options) = (life.address, life.options);
    let ran = life.server.wait();
    assert_eq!(ran.status, Some(0), "{options:?}");
    let first = format!("echod: listening on {address}\n");
    assert_eq!(
        ran.stdout.contains(&first),
        !is_quiet,
        "{options:?}: {ran:?}"
    );
    let stderr = String::from_utf8(life.folder.read("stderr")).unwrap();
    // Each line on standard error belongs to an option, and each such option has exactly one line.
    let is_verbose = has("-v") && !is_quiet;
    let mut left: Vec<_> = stderr.lines().collect();
    for (is_said, is_one) in [
        (
            is_verbose,
            (|line| line.starts_with("echod: client ")) as fn(&str) -> bool,
        ),
        (has("--stats"), |line| {
            line.contains(" clients of ") && line.ends_with(" resets, 0 errors")
        }),
        (has("--max-conns") && !is_quiet, |line| {
            line == "echod: 2 clients, the limit; others wait"
        }),
    ] {
        let before = left.len();
        left.retain(|line| !is_one(line));
        assert_eq!(left.len() < before, is_said, "{options:?}: {stderr}");
    }
    assert_eq!(left, [""; 0], "{options:?}");
}
