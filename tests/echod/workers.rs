//! Tests of echod's workers: there is one thread for each CPU, and all of them together are one server.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use libtest_mimic::{Completion, Trial};
use rustix::process::{Resource, Rlimit, Signal, setrlimit};
use rustix::thread::{CpuSet, Pid, sched_getaffinity, sched_setaffinity};

use super::client::{Leave, PATIENCE, answered, connect, ping, session};
use super::rights::not_root;
use super::server::Server;
use super::{Ran, echod};
use crate::per_arch;
use crate::skip;
use crate::support::{Arch, Folder, wait_until, with_new_times};
use crate::trial::{LONG, may_take};

pub fn trials() -> impl Iterator<Item = Trial> {
    per_arch![
        are_as_many_as_asked_for,
        stay_on_their_cpus,
        take_the_clients_of_their_cpu,
        share_no_address_with_another_server,
        all_serve,
        take_no_more_clients_than_allowed,
        wake_one_that_was_refused_when_a_client_leaves,
        close_clients_that_are_idle,
        spin,
        report_that_they_are_ready_when_they_are,
    ]
    .chain(with_new_times(per_arch![are_those_that_could_be_made,]))
}

/// The ids of the server's threads. Under qemu-user they include its own threads.
pub fn threads(server: &Server) -> Vec<Pid> {
    let folder = std::fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap();
    let ids = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut ids: Vec<i32> = ids.map(|id| id.parse().unwrap()).collect();
    ids.sort();
    ids.into_iter().filter_map(Pid::from_raw).collect()
}

fn are_as_many_as_asked_for(arch: Arch) {
    // qemu-user has a thread of its own.
    let own = if arch.is_native() { 0 } else { 1 };
    for workers in [1, 2, 5] {
        let server = Server::new(arch, &["-w", &workers.to_string()]);
        wait_until("all workers are running", || {
            threads(&server).len() == workers + own
        });
        ping(&mut connect(server.address()), b"whoever");
        server.end("");
    }
}

/// The CPUs that a thread may run on.
fn cpus(thread: Option<Pid>) -> Vec<usize> {
    let set = sched_getaffinity(thread).unwrap();
    (0..CpuSet::MAX_CPU)
        .filter(|&cpu| set.is_set(cpu))
        .collect()
}

/// The CPUs for workers, if the test can distinguish workers by their CPU.
pub fn several_cpus(arch: Arch) -> Result<Vec<usize>, Completion> {
    let all = cpus(None);
    let why = if !arch.is_native() {
        skip::THREAD_OF_QEMU
    } else if all.len() < 2 {
        skip::ONE_CPU
    } else {
        return Ok(all);
    };
    Err(Completion::ignored_with(why))
}

fn stay_on_their_cpus(arch: Arch) -> Completion {
    let all = match several_cpus(arch) {
        Ok(all) => all,
        Err(ignored) => return ignored,
    };
    let server = Server::new(arch, &[]);
    let expected: Vec<_> = all.iter().map(|&cpu| vec![cpu]).collect();
    wait_until("each worker has its CPU", || {
        let threads = threads(&server);
        let places: Vec<_> = threads.iter().map(|&thread| cpus(Some(thread))).collect();
        places == expected
    });
    Completion::Completed
}

/// How often a thread has been switched out, voluntarily or not.
pub fn stopped(server: &Server, thread: Pid) -> u64 {
    let file = format!("/proc/{}/task/{thread}/status", server.pid());
    let status = std::fs::read_to_string(file).unwrap();
    let lines = status.lines().filter_map(|line| line.split_once(':'));
    lines
        .filter(|(name, _)| name.ends_with("voluntary_ctxt_switches"))
        .map(|(_, count)| count.trim().parse::<u64>().unwrap())
        .sum()
}

/// A client whose packets arrive at the worker of this CPU, as long as the calling thread lives.
fn connect_from(cpu: usize, server: &Server) -> TcpStream {
    let mut set = CpuSet::new();
    set.set(cpu);
    sched_setaffinity(None, &set).unwrap();
    connect(server.address())
}

/// On loopback, a client's packets arrive on the CPU that sends them. So only the worker of this CPU wakes up.
fn take_the_clients_of_their_cpu(arch: Arch) -> Completion {
    const PINGS: u64 = 200;
    let all = match several_cpus(arch) {
        Ok(all) => all,
        Err(ignored) => return ignored,
    };
    let server = Server::new(arch, &[]);
    wait_until("all workers are running", || {
        threads(&server).len() == all.len()
    });
    for (&cpu, worker) in all.iter().zip(threads(&server)) {
        let before: Vec<_> = threads(&server)
            .into_iter()
            .map(|thread| stopped(&server, thread))
            .collect();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut client = connect_from(cpu, &server);
                (0..PINGS).for_each(|_| ping(&mut client, b"here"));
            });
        });
        for (thread, before) in threads(&server).into_iter().zip(before) {
            let more = stopped(&server, thread) - before;
            let its_own = thread == worker;
            assert_eq!(more > PINGS / 10, its_own, "{more} times, of {PINGS} pings");
        }
    }
    Completion::Completed
}

/// The workers of a server share an address, but another server cannot share it with them.
fn share_no_address_with_another_server(arch: Arch) {
    let server = Server::new(arch, &[]);
    let address = server.address().to_string();
    let why = "Address already in use (EADDRINUSE)";
    assert_eq!(
        echod(arch, &["-l", &address]),
        Ran::new(1, "", &format!("echod: bind {address}: {why}\n"))
    );
    server.end("");
}

fn all_serve(arch: Arch) {
    may_take(LONG);
    let server = Server::new(arch, &["-w", "4"]);
    let address = server.address();
    std::thread::scope(|scope| {
        for seed in 0..100 {
            let leave = [Leave::HalfClose, Leave::Close, Leave::Reset][seed as usize % 3];
            scope.spawn(move || session(address, seed, 200_000, leave));
        }
    });
    server.end("");
}

/// The limit is for all workers together.
fn take_no_more_clients_than_allowed(arch: Arch) {
    for (most, workers, waiting) in [(1, "3", 4), (3, "2", 3), (5, "4", 20), (4, "1", 9)] {
        let limit = most.to_string();
        let server = Server::new(arch, &["--max-conns", &limit, "-w", workers]);
        let mut first: Vec<_> = (0..most).map(|_| connect(server.address())).collect();
        first.iter_mut().for_each(|client| ping(client, b"in"));
        let mut others: Vec<_> = (0..waiting).map(|_| connect(server.address())).collect();
        for other in &mut others {
            other.write_all(b"me?").unwrap();
        }
        let served = || others.iter().filter(|other| answered(other, 3)).count();
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(served(), 0);
        // The kernel chooses which waiting client is next, because it has a queue for each worker.
        let places = first.len();
        for (nth, client) in (1..).zip(first) {
            drop(client);
            let expected = waiting.min(nth);
            wait_until("a waiting client is served", || served() == expected);
        }
        // Now the served clients occupy all places.
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(served(), waiting.min(places));
        drop(others);
        server.end(&format!("echod: {most} clients, the limit; others wait\n"));
    }
}

/// A worker without a free place prints a message before it waits. At that moment a client of another worker leaves.
fn wake_one_that_was_refused_when_a_client_leaves(arch: Arch) -> Completion {
    let [one, other] = match several_cpus(arch) {
        Ok(all) => [all[0], all[1]],
        Err(ignored) => return ignored,
    };
    let folder = Folder::new();
    let mut strace = Command::new("strace");
    // strace delays the first write of each thread. For the second worker that is the message.
    let slow = "--inject=write:delay_enter=300000:when=1";
    strace.args(["-f", "-D", "-qq", "--trace=write", slow, "-o"]);
    strace.arg(folder.path("log")).arg(arch.shipped("echod"));
    strace.args(["-l", "127.0.0.1:0", "--max-conns", "2"]);
    let server = Server::start(&mut strace, 1);
    let from = |cpu| {
        let connect = || connect_from(cpu, &server);
        std::thread::scope(|scope| scope.spawn(connect).join().unwrap())
    };
    let mut first = from(one);
    ping(&mut first, b"in");
    // The worker of the second client has no place for a third client.
    let mut second = from(other);
    std::thread::sleep(Duration::from_millis(100));
    drop(first);
    ping(&mut second, b"in, and the last one");
    // The threads that have written `what`. strace shows the first 32 bytes of a write.
    let who = |what: &str| -> Vec<String> {
        let log = String::from_utf8(folder.read("log")).unwrap();
        let lines = log.lines().filter(|line| line.contains(what));
        lines
            .filter_map(|line| Some(line.split_once(' ')?.0.to_owned()))
            .collect()
    };
    if let [refused] = &who("and others")[..] {
        let rings = || who(r#""\1\0\0\0\0\0\0\0", 8"#);
        wait_until("the other worker wakes the waiting worker", || {
            rings().iter().any(|by| by != refused)
        });
    }
    ping(&mut from(other), b"the third");
    Completion::Completed
}

fn close_clients_that_are_idle(arch: Arch) {
    let server = Server::new(arch, &["--idle", "1"]);
    let mut busy = connect(server.address());
    let mut idle = connect(server.address());
    ping(&mut idle, b"then nothing");
    let is_closed = |client: &TcpStream| {
        client.set_nonblocking(true).unwrap();
        let end = matches!(client.peek(&mut [0]), Ok(0));
        client.set_nonblocking(false).unwrap();
        end
    };
    wait_until("the client is closed", || {
        ping(&mut busy, b"still here");
        is_closed(&idle)
    });
    ping(&mut busy, b"and then");
    drop(busy);
    server.end("");
}

fn spin(arch: Arch) {
    let server = Server::new(arch, &["--spin", "200us", "-w", "1"]);
    let mut client = connect(server.address());
    (0..50).for_each(|_| ping(&mut client, b"quick"));
    drop(client);
    server.end("");
}

/// The new user may have one process besides root's thread, so there is only one worker. It serves all clients: the
/// kernel must not assign clients to listeners of missing workers.
fn are_those_that_could_be_made(arch: Arch) -> Completion {
    if let Some(ignored) = not_root() {
        return ignored;
    }
    let user = "--user=23457:23457"; // no other process has this user
    let mut command = arch.program("echod");
    command.args(["-w", "4", "-u", "-l", "127.0.0.1:0", user]);
    let limit = Rlimit {
        current: Some(1),
        maximum: Some(1),
    };
    // SAFETY: the closure runs between fork and exec. It makes one system call, and takes no lock and allocates
    // nothing.
    unsafe { command.pre_exec(move || Ok(setrlimit(Resource::Nproc, limit)?)) };
    let mut server = Server::start(&mut command, 2);
    let mut stderr = BufReader::new(server.take_stderr());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    let why = "Resource temporarily unavailable (EAGAIN)";
    let expected = format!("echod: clone worker: {why}; workers: 1\n");
    assert_eq!(line, expected);
    for _ in 0..40 {
        ping(&mut connect(server.address()), b"all the same");
        super::datagrams::ask(&super::datagrams::client(server.address()), b"all the same");
    }
    server.signal(Signal::TERM);
    let printed = server.wait();
    assert_eq!(printed.status, Some(0));
    line.clear();
    stderr.read_line(&mut line).unwrap();
    assert_eq!(line, "", "the message was printed more than once");
    Completion::Completed
}

/// strace delays clone or replaces its result. Before clone has returned, echod must neither print an address nor
/// notify the manager.
fn report_that_they_are_ready_when_they_are(arch: Arch) -> Completion {
    if !arch.is_native() {
        return Completion::ignored_with(skip::STRACE);
    }
    let folder = Folder::new();
    let manager = UnixDatagram::bind(folder.path("manager")).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    for (inject, said) in [
        ("clone:delay_enter=1000", ""),
        (
            "clone:error=EAGAIN:when=2+",
            "echod: clone worker: Resource temporarily unavailable (EAGAIN); workers: 2\n",
        ),
    ] {
        let log = folder.path("log");
        let mut strace = Command::new("strace");
        strace.args(["-D", "-qq", "--trace=clone,write,sendto", "-o"]);
        strace
            .arg(&log)
            .arg(format!("--inject={inject}"))
            .arg(arch.shipped("echod"));
        strace.args(["-w", "4", "-l", "127.0.0.1:0", "--grace", "0"]);
        strace.env("NOTIFY_SOCKET", folder.path("manager"));
        let server = Server::start(&mut strace, 1);
        let mut text = [0; 100];
        let length = manager.recv(&mut text).expect("echod notifies the manager");
        assert_eq!(&text[..length], b"READY=1");
        (0..20).for_each(|_| ping(&mut connect(server.address()), b"ready"));
        server.end(said);
        let length = manager.recv(&mut text).expect("echod notifies the manager");
        assert_eq!(&text[..length], b"STOPPING=1");
        let log = std::fs::read_to_string(log).unwrap();
        let place = |what| {
            log.find(what)
                .unwrap_or_else(|| panic!("{what} is not in {log}"))
        };
        let clone = log.rfind("clone(").expect("echod starts threads");
        assert!(clone < place("echod: listening"), "{log}");
        assert!(place("echod: listening") < place("READY=1"), "{log}");
    }
    Completion::Completed
}
