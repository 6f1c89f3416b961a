//! Tests of the example `tee`: it writes what tee(1) writes, and outputs that fail do not end the others.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use libtest_mimic::Trial;
use rand::rngs::SmallRng;
use rand::{RngCore, SeedableRng};
use rustix::process::{Pid, Signal, kill_process};

use super::{example, fed};
use crate::per_arch;
use crate::support::{Arch, Folder, Ran, wait_until};

pub fn trials() -> Vec<Trial> {
    per_arch![
        writes_what_tee_writes,
        other_outputs_continue_after_a_failure,
        ends_with_its_last_output,
        ignores_interrupts_if_asked,
        is_small,
    ]
    .collect()
}

/// A tee in a folder with the files `old` and `long`.
fn in_folder(mut tee: Command) -> (Folder, Command) {
    let folder = Folder::new();
    fs::write(folder.path("old"), "old\n").unwrap();
    fs::write(folder.path("long"), "x".repeat(1 << 20)).unwrap();
    tee.current_dir(folder.root());
    (folder, tee)
}

fn writes_what_tee_writes(arch: Arch) {
    let mut random = vec![0; 300_000];
    SmallRng::seed_from_u64(1).fill_bytes(&mut random);
    let inputs: [&[u8]; 4] = [b"", b"a line\n", b"no newline \0 \xff", &random];
    for input in inputs {
        for words in [
            "",
            "old",
            "old new long",
            "-a old new long",
            "--append old",
            "-ai new",
            "-- -a",
            "- new",
        ] {
            let (theirs, mut tee) = in_folder(Command::new("tee"));
            let their_run = fed(tee.args(words.split_whitespace()), input);
            let (ours, mut tee) = in_folder(example(arch, "tee"));
            let our_run = fed(tee.args(words.split_whitespace()), input);
            assert!(our_run == their_run, "{words}: {}", our_run.stderr);
            assert_eq!(ours.names(), theirs.names(), "{words}");
            for name in ours.names() {
                assert!(ours.read(&name) == theirs.read(&name), "{words}: {name}");
            }
        }
    }
}

fn other_outputs_continue_after_a_failure(arch: Arch) {
    let (folder, mut tee) = in_folder(example(arch, "tee"));
    let text = "x".repeat(200_000);
    tee.args(["one", "/dev/full", "no/file", ".", "two"]);
    let ran = fed(&mut tee, text.as_bytes());
    let messages = "\
        tee: open no/file: No such file or directory (ENOENT)\n\
        tee: open .: Is a directory (EISDIR)\n\
        tee: write /dev/full: No space left on device (ENOSPC)\n";
    assert!(ran == Ran::new(1, &text, messages), "{}", ran.stderr);
    for name in ["one", "two"] {
        assert!(folder.read(name) == text.as_bytes(), "{name}");
    }
}

/// Standard output is a pipe without a reader. The file gets the whole input; without the file, tee ends at once.
fn ends_with_its_last_output(arch: Arch) {
    for (files, input) in [(&["file"][..], Some("x".repeat(200_000))), (&[], None)] {
        let (folder, mut tee) = in_folder(example(arch, "tee"));
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let endless = || File::open("/dev/zero").unwrap().into();
        tee.args(files).stdout(writer).stderr(Stdio::piped());
        tee.stdin(match input {
            Some(_) => Stdio::piped(),
            None => endless(),
        });
        let mut child = tee.spawn().unwrap();
        if let (Some(input), Some(mut stdin)) = (&input, child.stdin.take()) {
            stdin.write_all(input.as_bytes()).unwrap();
        }
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let message = b"tee: write stdout: Broken pipe (EPIPE)\n";
        assert_eq!(output.stderr, message);
        if let Some(input) = input {
            assert!(folder.read("file") == input.as_bytes());
        }
    }
}

fn ignores_interrupts_if_asked(arch: Arch) {
    for (options, signal) in [(&["-i"][..], None), (&[], Some(Signal::INT.as_raw()))] {
        let mut tee = example(arch, "tee");
        tee.args(options).stdin(Stdio::piped());
        let mut child = tee.stdout(Stdio::piped()).spawn().unwrap();
        let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut line = [0; 4];
        stdin.write_all(b"one\n").unwrap();
        stdout.read_exact(&mut line).unwrap();
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        if signal.is_some() {
            wait_until("tee has ended", || child.try_wait().unwrap().is_some());
        } else {
            stdin.write_all(b"two\n").unwrap();
            stdout.read_exact(&mut line).unwrap();
            assert_eq!(line, *b"two\n");
        }
        drop(stdin);
        let status = child.wait().unwrap();
        assert_eq!(status.signal(), signal);
        assert_eq!(status.success(), signal.is_none());
    }
}

/// The goal for a small program with the allocator `heap::Small`.
fn is_small(arch: Arch) {
    let size = fs::metadata(arch.shipped("examples/tee")).unwrap().len();
    let most = match arch {
        Arch::X86_64 => 15_000,
        Arch::Aarch64 => 16_000,
        Arch::Riscv64 | Arch::X86 | Arch::Arm => 17_250,
    };
    assert!(size < most, "{size}");
}
