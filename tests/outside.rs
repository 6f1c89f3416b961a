//! Crates outside of this repository: `scripts/outside.sh` makes each in an empty directory from a template, adds the
//! library by `cargo add`, and builds the crate without further flags. These tests run the programs.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use libtest_mimic::{Completion, Trial};

use crate::elf::{assert_is_a_static_pie, file::File};
use crate::gdb;
use crate::per_arch;
use crate::skip;
use crate::support::{Arch, Folder, Ran, once, run};
use crate::trial::{LONG, may_take};

pub fn trials() -> Vec<Trial> {
    per_arch![
        a_tool_works_in_every_profile,
        a_server_works_in_every_profile,
        a_bare_program_works_in_every_profile,
        every_program_is_a_static_pie,
        has_backtraces,
    ]
    .chain([
        once("outside::works_from_a_git_repository", works_from_git),
        once("outside::needs_no_c_compiler", needs_no_c_compiler),
        once("outside::runs_unit_tests_under_std", runs_unit_tests),
        once("outside::refuses_gnu_ld", refuses_gnu_ld),
        once("outside::refuses_mold", refuses_mold),
    ])
    .collect()
}

/// The profiles of the crates, as in [`profiles`](crate::profiles): two architectures have all.
fn profiles(arch: Arch) -> &'static [&'static str] {
    match arch {
        Arch::X86_64 | Arch::Aarch64 => &["debug", "release", "s", "fat"],
        Arch::Riscv64 | Arch::X86 | Arch::Arm => &["debug", "release"],
    }
}

fn file(arch: Arch, name: &str, profile: &str) -> PathBuf {
    arch.shipped(&format!("outside/{name}-{profile}"))
}

/// Checks the template `tool`, which numbers lines.
fn numbers_lines(arch: Arch, file: &Path) {
    let numbered = |words: &[&str], input: &str| {
        let mut command = arch.command(file.to_owned());
        command.args(words).stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let lines = |text: &str| (Some(0), text.to_owned(), String::new());
    assert_eq!(numbered(&[], ""), lines(""));
    assert_eq!(numbered(&[], "a\nb"), lines("1\ta\n2\tb\n"));
    assert_eq!(numbered(&["--first=9"], "\nb\n"), lines("9\t\n10\tb\n"));
    // The limit that `--help` states, with a newline and without one.
    let limit = 65535;
    for long in ["x".repeat(limit) + "\n", "x".repeat(limit)] {
        let numbers = format!("1\ta\n2\t{}\n", long.trim_end());
        assert!(numbered(&[], &format!("a\n{long}")) == lines(&numbers));
        let longer = format!("a\nx{long}");
        let message = format!("tool: line 2 is longer than {limit} bytes\n");
        assert_eq!(numbered(&[], &longer), (Some(1), "1\ta\n".into(), message));
    }

    let run = |words: &[&str]| run(arch.command(file.to_owned()).args(words));
    assert_eq!(run(&["--version"]), Ran::new(0, "tool 0.1.0\n", ""));
    let help = run(&["--help"]).stdout;
    assert!(help.starts_with("usage: tool [OPTION]...\n"), "{help}");
    assert!(help.contains(&format!("at most {limit} bytes")), "{help}");
    assert_eq!(run(&["x"]).status, Some(2));

    // An input without end ends when the output fails.
    let mut yes = Command::new("yes").stdout(Stdio::piped()).spawn().unwrap();
    let mut command = arch.command(file.to_owned());
    command.stdin(yes.stdout.take().unwrap());
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = command.stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = "tool: write stdout: No space left on device (ENOSPC)\n";
    assert_eq!(String::from_utf8_lossy(&output.stderr), message);
    drop(command); // the reading end of the pipe
    yes.wait().unwrap();
}

fn a_tool_works_in_every_profile(arch: Arch) {
    for profile in profiles(arch) {
        numbers_lines(arch, &file(arch, "tool", profile));
    }
}

/// A server, which is killed when the value is dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn a_server_works_in_every_profile(arch: Arch) {
    for profile in profiles(arch) {
        let mut command = arch.command(file(arch, "server", profile));
        let mut server = Server(command.stdout(Stdio::piped()).spawn().unwrap());
        let mut line = String::new();
        let mut stdout = BufReader::new(server.0.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on ").unwrap();
        for _ in 0..10 {
            let mut client = TcpStream::connect(address).unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).unwrap();
            assert_eq!(answer, format!("{}\n", client.local_addr().unwrap()));
        }
        let busy = run(arch.command(file(arch, "server", profile)).arg(address));
        let message = format!("server: bind {address}: Address already in use (EADDRINUSE)\n");
        assert_eq!(busy, Ran::new(1, "", &message), "{profile}");
    }
}

fn a_bare_program_works_in_every_profile(arch: Arch) {
    for profile in profiles(arch) {
        let file = file(arch, "bare", profile);
        let ran = run(&mut arch.command(file.clone()));
        assert_eq!(ran, Ran::new(0, "Hello, world!\n", ""), "{profile}");
    }
    // The template's own profile, `release`, is for size.
    let size = fs::metadata(file(arch, "bare", "release")).unwrap().len();
    assert!(size <= 1_200, "{size} bytes");
}

fn every_program_is_a_static_pie(arch: Arch) {
    for name in ["tool", "server", "bare"] {
        for profile in profiles(arch) {
            let file = file(arch, name, profile);
            let file = File::parse(&fs::read(file).unwrap());
            assert_is_a_static_pie(arch, &format!("{name}-{profile}"), &file);
        }
    }
}

fn has_backtraces(arch: Arch) -> Completion {
    if !arch.is_native() {
        return Completion::ignored_with(skip::PTRACE_OF_QEMU);
    }
    let folder = Folder::new();
    fs::write(folder.path("lines"), "line\n").unwrap();
    let commands = ["break tool::next", "run <lines", "backtrace"];
    match gdb::gdb(&folder, &file(arch, "tool", "debug"), &commands) {
        Ok(output) => gdb::check(
            arch,
            &output,
            &["tool::next", "tool::main", "tool::__entry"],
        ),
        Err(ignored) => return ignored,
    }
    Completion::Completed
}

fn works_from_git() -> Completion {
    if file(Arch::NATIVE, "tool-git", "refused").exists() {
        return Completion::ignored_with(skip::CARGO_GIT);
    }
    numbers_lines(Arch::NATIVE, &file(Arch::NATIVE, "tool-git", "debug"));
    Completion::Completed
}

fn needs_no_c_compiler() {
    numbers_lines(Arch::NATIVE, &file(Arch::NATIVE, "tool-nocc", "debug"));
}

/// A cargo command for the crate of the template `tool`.
fn cargo() -> Command {
    let outside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/outside");
    let outside = outside.join(Arch::NATIVE.name());
    let mut cargo = Command::new("cargo");
    cargo.current_dir(outside.join("crates/tool"));
    cargo.env("CARGO_TARGET_DIR", outside.join("target"));
    cargo
}

fn runs_unit_tests() {
    may_take(LONG);
    let ran = run(cargo().args(["test", "--offline"]));
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let test = "test tests::lines_are_numbered_in_order ... ok";
    assert!(ran.stdout.contains(test), "{ran:?}");
}

/// Links the crate `tool` by another linker, which must fail. Returns the messages.
fn refused(linker: &str) -> String {
    may_take(LONG);
    let option = format!("-Clink-arg=-fuse-ld={linker}");
    let ran = run(cargo().args(["rustc", "--offline", "--", &option]));
    assert_eq!(ran.status, Some(101), "{ran:?}");
    ran.stderr
}

fn refuses_gnu_ld() {
    let messages = refused("bfd");
    let remedy = "ring3: this program must be linked by lld: see docs/guide.md, Linkers";
    assert!(messages.contains(remedy), "{messages}");
}

fn refuses_mold() -> Completion {
    if Command::new("mold").arg("--version").output().is_err() {
        return Completion::ignored_with(skip::MOLD);
    }
    let messages = refused("mold");
    let remedy = "for lld; other linkers do not read this file: see docs/guide.md, Linkers";
    assert!(messages.contains(remedy), "{messages}");
    Completion::Completed
}
