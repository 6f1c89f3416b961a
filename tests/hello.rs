//! Tests of `hello`: its output, and its message if it cannot write.

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use libtest_mimic::Trial;
use rustix::process::{Pid, Signal, kill_process};

use crate::per_arch;
use crate::support::{Arch, Ran, ran, run, wait_until};

pub fn trials() -> Vec<Trial> {
    per_arch![
        greets_the_world,
        greets_names,
        greets_whatever_its_own_name_is,
        greets_many_names,
        helps,
        refuses_unknown_options,
        reports_a_full_device,
        reports_a_closed_stdout,
        reports_a_broken_pipe,
        continues_after_a_short_write,
    ]
    .collect()
}

const USAGE: &str = "usage: hello [NAME...]\n";
const FAILED: &str = "hello: write stdout: failed\n";

fn hello(arch: Arch, names: &[&str]) -> Ran {
    run(arch.program("hello").args(names))
}

fn greets_the_world(arch: Arch) {
    assert_eq!(hello(arch, &[]), Ran::new(0, "Hello, world!\n", ""));
}

fn greets_names(arch: Arch) {
    assert_eq!(hello(arch, &["Ada"]), Ran::new(0, "Hello, Ada!\n", ""));
    assert_eq!(
        hello(arch, &["Ada", "Grace", "é"]),
        Ran::new(0, "Hello, Ada Grace é!\n", "")
    );
    assert_eq!(
        hello(arch, &["a b", "c"]),
        Ran::new(0, "Hello, a b c!\n", "")
    );
    assert_eq!(hello(arch, &[""]), Ran::new(0, "Hello, !\n", ""));
    assert_eq!(
        hello(arch, &["a", "", "b"]),
        Ran::new(0, "Hello, a  b!\n", "")
    );
}

/// `hello` writes its greeting over its own name, which may be short or missing. It must not need the environment
/// strings after the names.
fn greets_whatever_its_own_name_is(arch: Arch) {
    for name in ["", "h", "hello", "a rather long name of a program"] {
        let mut hello = arch.program("hello");
        if arch.is_native() {
            hello.arg0(name);
        } else {
            // qemu-user sets the name with `-0 NAME`.
            let mut qemu = Command::new(hello.get_program());
            qemu.args(["-0", name]).args(hello.get_args());
            hello = qemu;
        }
        let ran = run(hello.env_clear().args(["Ada", "Grace"]));
        assert_eq!(ran, Ran::new(0, "Hello, Ada Grace!\n", ""));
    }
}

/// Half a megabyte of names.
fn many_names() -> Vec<String> {
    (0..5_000).map(|i| format!("{i:0100}")).collect()
}

fn greets_many_names(arch: Arch) {
    let names = many_names();
    let ran = run(arch.program("hello").args(&names));
    assert_eq!(
        ran,
        Ran::new(0, &format!("Hello, {}!\n", names.join(" ")), "")
    );
}

fn helps(arch: Arch) {
    assert_eq!(hello(arch, &["--help"]), Ran::new(0, USAGE, ""));
}

fn refuses_unknown_options(arch: Arch) {
    for option in ["-x", "-", "--", "--bogus", "-h", "--version"] {
        assert_eq!(hello(arch, &[option]), Ran::new(2, "", USAGE), "{option}");
    }
}

fn reports_a_full_device(arch: Arch) {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = arch
        .program("hello")
        .stdout(full)
        .stderr(Stdio::piped())
        .spawn();
    let ran = ran(output.unwrap().wait_with_output().unwrap());
    assert_eq!(ran, Ran::new(1, "", FAILED));
}

fn reports_a_closed_stdout(arch: Arch) {
    let program = arch.program("hello");
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "exec \"$@\" >&-", "sh"])
        .arg(program.get_program());
    assert_eq!(run(shell.args(program.get_args())), Ran::new(1, "", FAILED));
}

fn reports_a_broken_pipe(arch: Arch) {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let child = arch
        .program("hello")
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    assert_eq!(
        ran(child.wait_with_output().unwrap()),
        Ran::new(1, "", FAILED)
    );
}

/// A full pipe and a signal cause a real partial write. The greeting must continue after the written part.
fn continues_after_a_short_write(arch: Arch) {
    let names = many_names();
    let mut child = arch
        .program("hello")
        .args(&names)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let (id, pid) = (child.id(), Pid::from_child(&child));
    let mut left = Vec::new();
    for _ in 0..3 {
        wait_until("the pipe is full", || {
            rustix::io::ioctl_fionread(&stdout).unwrap() >= 1 << 16
        });
        wait_until("hello sleeps", || state(id) == 'S');
        if arch.is_native() {
            left.push(bytes_being_written(id));
        }
        kill_process(pid, Signal::STOP).unwrap();
        wait_until("hello is stopped", || state(id) == 'T');
        kill_process(pid, Signal::CONT).unwrap();
        wait_until("hello continues", || state(id) == 'S');
    }
    let mut text = String::new();
    stdout.read_to_string(&mut text).unwrap();
    assert!(child.wait().unwrap().success());
    let whole = format!("Hello, {}!\n", names.join(" "));
    assert!(text == whole, "the text is incomplete");
    if arch.is_native() {
        assert_eq!(left[0], whole.len());
        assert_eq!(
            left[1],
            whole.len() - (1 << 16),
            "the first write was not partial"
        );
    }
}

/// The third argument of the system call in which the process waits.
fn bytes_being_written(pid: u32) -> usize {
    let call = std::fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap();
    let count = call.split(' ').nth(3).unwrap();
    usize::from_str_radix(count.trim_start_matches("0x"), 16).unwrap()
}

fn state(pid: u32) -> char {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit_once(") ").unwrap().1.chars().next().unwrap()
}
