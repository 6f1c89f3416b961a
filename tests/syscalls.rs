//! The contract of what each program asks of the kernel: docs/syscalls.md says it, and the real
//! strace sees it. A call that the file does not name is a failure, and one that it names and no run
//! makes is too.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

use libtest_mimic::Trial;
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Arch, once, run, wait_until};

pub fn trials() -> Vec<Trial> {
    vec![
        once("syscalls::hello [x86_64]", hello),
        once("syscalls::save [x86_64]", save),
        once("syscalls::msort [x86_64]", msort),
        once("syscalls::echod [x86_64]", echod),
    ]
}

/// A run of programs under strace: a folder to work in, and what was seen.
struct Watch {
    program: &'static str,
    folder: tempfile::TempDir,
    seen: BTreeSet<String>,
}

impl Watch {
    fn new(program: &'static str) -> Self {
        Self { program, folder: tempfile::tempdir().unwrap(), seen: BTreeSet::new() }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// The program under strace, in the folder, behind a shell's redirections: `<input >output`.
    fn command(&self, arguments: &str) -> Command {
        let mut shell = Command::new("sh");
        shell.current_dir(self.folder.path()).stdin(Stdio::null()).args([
            "-c",
            &format!("exec strace -qq -f -o log \"$0\" {arguments}"),
        ]);
        shell.arg(Arch::X86_64.shipped(self.program));
        shell
    }

    /// Runs the program, which must end with `status`.
    fn run(&mut self, arguments: &str, status: i32) {
        let ran = run(&mut self.command(arguments));
        assert_eq!(ran.status, Some(status), "{} {arguments}: {ran:?}", self.program);
        self.collect();
    }

    /// Takes in what strace wrote: `PID NAME(ARGUMENTS) = RESULT`.
    fn collect(&mut self) {
        let log = fs::read_to_string(self.path("log")).unwrap();
        let calls = log.lines().filter_map(|line| {
            let (name, _) = line.split_once(' ')?.1.trim_start().split_once('(')?;
            Some(name.to_owned())
        });
        // The shell's execve becomes the program.
        self.seen.extend(calls.filter(|name| name != "execve"));
    }

    /// Compares with docs/syscalls.md: the names between backquotes that begin the rows of the
    /// program's table.
    fn check(&self) {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/syscalls.md");
        let text = fs::read_to_string(file).unwrap();
        let heading = format!("## `{}`\n", self.program);
        let (_, section) = text.split_once(&heading).unwrap();
        let section = section.split("\n## ").next().unwrap();
        let said: BTreeSet<_> = section
            .lines()
            .filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned()))
            .collect();
        let unsaid: Vec<_> = self.seen.difference(&said).collect();
        let unseen: Vec<_> = said.difference(&self.seen).collect();
        assert!(
            unsaid.is_empty() && unseen.is_empty(),
            "{}: made and not in docs/syscalls.md: {unsaid:?}; there and not made: {unseen:?}",
            self.program
        );
    }
}

fn hello() {
    let mut watch = Watch::new("hello");
    watch.run("", 0);
    watch.run("Ada Grace", 0);
    watch.run("--help", 0);
    watch.run("-x", 2);
    watch.run(">/dev/full", 1);
    watch.check();
}
