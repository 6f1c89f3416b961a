//! Tests that no program needs more than 32 KiB of stack. Each program runs with 48 KiB: the kernel takes up to 8 KiB
//! for a random start, and arguments and environment take as much as their length.

use std::io::Write;
use std::process::{Command, Stdio};

use libtest_mimic::Trial;
use rustix::process::Signal;

use crate::echod::client::{connect, patterned, ping};
use crate::echod::server::Server;
use crate::probe::server::Server as HttpServer;
use crate::support::{Arch, Folder, Ran, limit_stack, per_arch, ran, run};
use crate::trial::{LONG, may_take};

pub fn trials() -> Vec<Trial> {
    let trials = |(program, test): &Run| {
        per_arch(&format!("stack::is_enough_for_{program}"), *test).collect::<Vec<_>>()
    };
    RUNS.iter().flat_map(trials).collect()
}

/// A program, and a test that runs it.
type Run = (&'static str, fn(Arch));

/// All programs.
pub const RUNS: &[Run] = &[
    ("hello", greets),
    ("save", saves),
    ("msort", sorts),
    ("echod", serves),
    ("echoc", loads),
    ("pipe", joins_programs),
    ("init", is_a_first_process),
    ("probe", checks_services),
];

/// A command that runs a program with 48 KiB of stack.
fn program(arch: Arch, program: &str) -> Command {
    let mut command = arch.program(program);
    limit_stack(arch, &mut command, 48 << 10);
    command
}

/// The words of a command that runs a program, as arguments of a program that starts others.
fn words(arch: Arch, program: &str) -> Vec<std::ffi::OsString> {
    let command = arch.program(program);
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(ToOwned::to_owned).collect()
}

/// Runs a command with `input` on its standard input.
fn fed(command: &mut Command, input: &[u8]) -> Ran {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = piped.stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // An error is ignored: if the program has ended early, its status shows the reason.
    let _ = stdin.write_all(input);
    drop(stdin);
    ran(child.wait_with_output().unwrap())
}

fn greets(arch: Arch) {
    let ran = run(program(arch, "hello").args(["Ada", "Grace"]));
    assert_eq!(ran, Ran::new(0, "Hello, Ada Grace!\n", ""));
}

fn saves(arch: Arch) {
    let folder = Folder::new();
    let bytes = patterned(1, 0, 1 << 20);
    let mut save = program(arch, "save");
    save.current_dir(folder.root());
    for arguments in [&["new"][..], &["new"], &["-m", "600", "new"]] {
        let ran = fed(save.args(arguments), &bytes);
        assert_eq!(ran, Ran::new(0, "", ""), "{arguments:?}");
        assert!(folder.read("new") == bytes);
        save = program(arch, "save");
        save.current_dir(folder.root());
    }
    let ran = fed(save.args(["-a", "new"]), &bytes);
    assert_eq!(ran, Ran::new(0, "", ""));
    assert_eq!(folder.read("new").len(), 2 << 20);
}

fn sorts(arch: Arch) {
    may_take(LONG);
    // Enough lines for several threads.
    let lines: Vec<_> = (0..500_000_u64)
        .map(|line| {
            format!(
                "{:08x} line {line}\n",
                line.wrapping_mul(0x9e37_79b9) as u32
            )
        })
        .collect();
    let folder = Folder::new();
    std::fs::write(folder.path("lines"), lines.concat()).unwrap();
    let mut msort = program(arch, "msort");
    msort.current_dir(folder.root());
    let ran = run(msort.args(["-u", "-o", "lines", "lines"]));
    assert_eq!(ran, Ran::new(0, "", ""));
    let mut sorted = lines;
    sorted.sort();
    assert!(folder.read("lines") == sorted.concat().as_bytes());
}

fn serves(arch: Arch) {
    let folder = Folder::new();
    let mut echod = program(arch, "echod");
    echod
        .current_dir(folder.root())
        .args(["-l", "127.0.0.1:0", "-x", "socket"]);
    let server = Server::start(&mut echod, 2);
    for length in [1, 1000, 1 << 20] {
        ping(&mut connect(server.address()), &patterned(7, 0, length));
    }
    server.signal(Signal::TERM);
    assert_eq!(server.wait().status, Some(0));
}

fn loads(arch: Arch) {
    let server = Server::new(arch, &[]);
    let mut echoc = program(arch, "echoc");
    echoc.args(["--verify", "-t", "1", "-c", "10", "-s", "100000"]);
    let ran = run(echoc.arg(server.address().to_string()));
    assert_eq!(ran.status, Some(0), "{ran:?}");
}

fn joins_programs(arch: Arch) {
    let folder = Folder::new();
    let mut pipe = program(arch, "pipe");
    pipe.current_dir(folder.root())
        .args(words(arch, "hello"))
        .args(["Ada", "|"])
        .args(words(arch, "msort"))
        .arg("|")
        .args(words(arch, "save"))
        .arg("greeting");
    assert_eq!(run(&mut pipe), Ran::new(0, "", ""));
    assert_eq!(folder.read("greeting"), b"Hello, Ada!\n");
    // Programs that are searched in PATH.
    let mut pipe = program(arch, "pipe");
    pipe.env("PATH", "/nowhere:/usr/bin:/bin");
    let ran = run(pipe.args(["echo", "found", "|", "cat"]));
    assert_eq!(ran, Ran::new(0, "found\n", ""));
}

fn is_a_first_process(arch: Arch) {
    let mut init = program(arch, "init");
    let ran = run(init.args(["-w", "--"]).args(words(arch, "hello")));
    assert_eq!(ran, Ran::new(0, "Hello, world!\n", ""));
}

/// Each protocol, alone and at once; a text in the body, a variable in the target, and the program at the end.
fn checks_services(arch: Arch) {
    let http = HttpServer::answering(b"\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nready");
    let silent = HttpServer::silent();
    let target = format!("http://{}/${{PATH_OF_IT:-health}}", http.address);
    let mut probe = program(arch, "probe");
    let probe = probe
        .args(["-c", "ready", &target, "--"])
        .args(words(arch, "hello"));
    assert_eq!(run(probe), Ran::new(0, "Hello, world!\n", ""));
    let others = ["http", "redis", "postgres", "grpc"]
        .map(|scheme| format!("{scheme}://{}", silent.address));
    let ran = run(program(arch, "probe").args(["-t", "0.2"]).args(&others));
    assert_eq!(ran.status, Some(1));
    assert_eq!(
        ran.stderr
            .matches(": Connection timed out (ETIMEDOUT)\n")
            .count(),
        4,
        "{ran:?}"
    );
}
