//! Backtraces: with a NAME.debug file, gdb finds the callers up to `ring3_start`.

use std::fs;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use libtest_mimic::{Completion, Trial};
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, setrlimit};

use crate::per_arch;
use crate::skip;
use crate::support::{Arch, Folder, run, wait_until};

pub fn trials() -> Vec<Trial> {
    per_arch![of_a_core, of_a_running_process, of_a_debug_file].collect()
}

/// The program of these tests. It waits for standard input in a function that `main` calls.
const PROGRAM: &str = "msort";

/// Runs gdb with the debug file of `PROGRAM` and these commands. Returns its output, or the reason of a skip.
fn of_program(arch: Arch, folder: &Folder, commands: &[&str]) -> Result<String, Completion> {
    gdb(folder, &arch.debug(PROGRAM), commands)
}

/// Runs gdb with a file that has symbols, and these commands. Returns its output, or the reason of a skip.
pub fn gdb(folder: &Folder, file: &Path, commands: &[&str]) -> Result<String, Completion> {
    let mut gdb = Command::new("gdb-multiarch");
    gdb.current_dir(folder.root()).args(["-nx", "-batch"]);
    gdb.args(["-iex", "set debuginfod enabled off"]);
    // gdb starts a program by this shell: the test must not depend on the user's.
    gdb.env("SHELL", "/bin/sh");
    for command in commands {
        gdb.args(["-ex", command]);
    }
    let ran = run(gdb.arg(file));
    if ran.stderr.contains("ptrace: Operation not permitted") {
        return Err(Completion::ignored_with(skip::PTRACE));
    }
    Ok(format!("{}{}", ran.stdout, ran.stderr))
}

/// Checks a backtrace: it has the functions `callers`, innermost first, and its last frame is `ring3_start`. On riscv64
/// and arm the last frame is the first function that never returns: such a function does not save where it was called.
/// The lines of gdb are `#6  main () at FILE:LINE` or `#6  0x00005555 in main () at FILE:LINE`.
pub fn check(arch: Arch, output: &str, callers: &[&str]) {
    let frames = output.lines().filter(|line| line.starts_with('#'));
    let name = |line: &str| {
        let words = line.split_once(' ').unwrap().1.trim_start();
        let words = match words.split_once(" in ") {
            Some((address, rest)) if address.starts_with("0x") => rest,
            _ => words,
        };
        words.split([' ', '<']).next().unwrap().to_owned()
    };
    let names: Vec<String> = frames.map(name).collect();
    let outermost = match arch {
        Arch::Riscv64 => "::__entry::",
        Arch::Arm => callers.last().unwrap(),
        _ => "ring3_start",
    };
    let last = names.last().unwrap();
    assert!(last.contains(outermost), "{output}");
    let mut rest = names.iter();
    for caller in callers {
        assert!(rest.any(|name| name == caller), "no {caller}: {output}");
    }
}

/// A program that waits for standard input.
struct Waiting(Child);

impl Waiting {
    fn new(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::piped()).spawn().unwrap())
    }

    /// Writes a byte, and waits until the program has read it: from then on it waits for the next.
    fn until_it_reads(&mut self) {
        let mut pipe = self.0.stdin.as_ref().unwrap();
        pipe.write_all(b"x").unwrap();
        wait_until("the program reads", || {
            rustix::io::ioctl_fionread(pipe).unwrap() == 0
        });
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.0.kill(); // it may have ended
        self.0.wait().unwrap();
    }
}

fn of_a_core(arch: Arch) -> Completion {
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap();
    if pattern.contains(['|', '/']) {
        return Completion::ignored_with(skip::CORE);
    }
    let folder = Folder::new();
    let mut command = arch.program(PROGRAM);
    let limit = Rlimit {
        current: None,
        maximum: None,
    };
    // SAFETY: the closure runs between fork and exec. It makes one system call, and takes no lock and allocates
    // nothing.
    unsafe { command.pre_exec(move || Ok(setrlimit(Resource::Core, limit)?)) };
    let mut waiting = Waiting::new(command.current_dir(folder.root()));
    waiting.until_it_reads();
    kill_process(Pid::from_child(&waiting.0), Signal::ABORT).unwrap();
    waiting.0.wait().unwrap();

    // qemu-user writes `qemu_NAME_TIME_PID.core`, and the kernel may write a core of qemu-user itself.
    let prefix = if arch.is_native() { "core" } else { "qemu_" };
    let names = folder.names();
    let Some(core) = names.iter().find(|name| name.starts_with(prefix)) else {
        let of_qemu = arch == Arch::Riscv64 && !arch.is_native();
        let why = if of_qemu {
            skip::CORE_OF_QEMU
        } else {
            skip::CORE
        };
        return Completion::ignored_with(why);
    };
    let core = format!("core-file {core}");
    let output = if arch.is_native() {
        of_program(arch, &folder, &[&core, "backtrace"])
    } else {
        // The core has no program headers, by which gdb finds the load base: it is where qemu-user puts every program.
        let symbols = format!(
            "symbol-file -o {:#x} {}",
            base(arch, &folder, &core),
            arch.debug(PROGRAM).display()
        );
        of_program(arch, &folder, &[&core, &symbols, "backtrace"])
    };
    match output {
        Ok(output) => check(arch, &output, &["read_to_end", "main", "start"]),
        Err(ignored) => return ignored,
    }
    Completion::Completed
}

/// The load base of the program in a core: AT_ENTRY there, less the entry point in the file.
fn base(arch: Arch, folder: &Folder, core: &str) -> u64 {
    let output = of_program(arch, folder, &[core, "info auxv", "info files"]).unwrap_or_default();
    let last = |start: &str| {
        let line = output
            .lines()
            .find(|line| line.trim_start().starts_with(start));
        let word = line
            .unwrap_or_else(|| panic!("{output}"))
            .split_whitespace()
            .last();
        u64::from_str_radix(word.unwrap().trim_start_matches("0x"), 16).unwrap()
    };
    // `9    AT_ENTRY             Entry point of program         0x5500000190`, `	Entry point: 0x190`
    last("9 ") - last("Entry point: ")
}

fn of_a_running_process(arch: Arch) -> Completion {
    if !arch.is_native() {
        return emulated(arch, &arch.shipped(PROGRAM));
    }
    let folder = Folder::new();
    let mut waiting = Waiting::new(&mut arch.program(PROGRAM));
    waiting.until_it_reads();
    let attach = format!("attach {}", waiting.0.id());
    match of_program(arch, &folder, &[&attach, "backtrace"]) {
        Ok(output) => check(arch, &output, &["read_to_end", "main", "start"]),
        Err(ignored) => return ignored,
    }
    Completion::Completed
}

/// gdb runs the NAME.debug file itself.
fn of_a_debug_file(arch: Arch) -> Completion {
    if !arch.is_native() {
        return emulated(arch, &arch.debug(PROGRAM));
    }
    match of_program(
        arch,
        &Folder::new(),
        &["break write", "run --help", "backtrace"],
    ) {
        Ok(output) => check(arch, &output, &["write", "main", "start"]),
        Err(ignored) => return ignored,
    }
    Completion::Completed
}

/// The backtrace of a program under qemu-user, to which gdb connects.
fn emulated(arch: Arch, file: &Path) -> Completion {
    let folder = Folder::new();
    let socket = folder.path("socket");
    let mut qemu = Command::new(arch.qemu());
    let qemu = qemu.arg("-g").arg(&socket).arg(file).arg("--help");
    let _waiting = Waiting::new(qemu.stdout(Stdio::null()));
    wait_until("qemu-user listens", || socket.exists());
    let connect = format!("target remote {}", socket.display());
    match of_program(
        arch,
        &folder,
        &[&connect, "break write", "continue", "backtrace"],
    ) {
        Ok(output) => check(arch, &output, &["write", "main", "start"]),
        Err(ignored) => return ignored,
    }
    Completion::Completed
}
