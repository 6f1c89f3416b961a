//! Tests that programs work with any optimisation. They run programs that `scripts/profiles.sh` built in the profiles
//! that a user's cargo may use, and the shipped programs.

use std::path::{Path, PathBuf};

use libtest_mimic::Trial;
use rustix::process::Signal;

use crate::echod::server::Server;
use crate::per_arch;
use crate::support::{Arch, Folder, Ran, programs, run, variable};
use crate::trial::{LONG, may_take};

pub fn trials() -> Vec<Trial> {
    per_arch![
        every_program_starts_and_works,
        every_address_is_relocated,
        is_larger_than_a_mebibyte,
        nothing_goes_by_the_got_before_it_is_relocated,
        asks_no_linker_for_what_lld_14_lacks,
    ]
    .collect()
}

/// The folders where cargo puts the programs of each profile.
const PROFILES: [&str; 4] = ["debug", "release", "s", "thin"];

/// The file of a program as built in a profile.
pub fn built(arch: Arch, profile: &str, program: &str) -> PathBuf {
    let target = Path::new(&variable("CARGO_TARGET_DIR")).join(arch.facts().triple);
    target.join(profile).join(program)
}

fn every_program_starts_and_works(arch: Arch) {
    may_take(LONG);
    let programs = programs();
    for profile in PROFILES {
        let file = |program| built(arch, profile, program);
        let command = |program| arch.command(file(program));
        for program in &programs {
            let ran = run(command(program.as_str()).arg("--help"));
            assert_eq!(ran.status, Some(0), "{profile} {program}: {ran:?}");
            let usage = format!("usage: {program} ");
            assert!(ran.stdout.starts_with(&usage), "{profile}: {ran:?}");
        }

        // The words that start a program, including qemu-user for the other architecture: arguments for `init` and
        // `pipe`.
        let emulated = |program| {
            let command = command(program);
            let words = std::iter::once(command.get_program()).chain(command.get_args());
            words.map(ToOwned::to_owned).collect::<Vec<_>>()
        };
        let greet = emulated("hello");
        let init = run(command("init").arg("--").args(&greet).args(["Ada", "é"]));
        assert_eq!(init, Ran::new(0, "Hello, Ada é!\n", ""), "{profile}");

        let folder = Folder::new();
        std::fs::write(folder.path("lines"), "two\none\ntwo\n").unwrap();
        let mut pipe = command("pipe");
        pipe.current_dir(folder.root())
            .args(emulated("msort"))
            .args(["-u", "lines", "|"])
            .args(emulated("save"))
            .arg("sorted");
        assert_eq!(run(&mut pipe), Ran::new(0, "", ""), "{profile}");
        assert_eq!(folder.read("sorted"), b"one\ntwo\n", "{profile}");

        let server = Server::start(command("echod").args(["-w1", "-l", "127.0.0.1:0"]), 1);
        let mut client = command("echoc");
        client.args(["--verify", "-t", "1", "-s", "100000"]);
        let ran = run(client.arg(server.address().to_string()));
        assert_eq!(ran.status, Some(0), "{profile}: {ran:?}");
        server.signal(Signal::TERM);
        assert_eq!(server.wait().status, Some(0), "{profile}");
    }
}

fn every_address_is_relocated(arch: Arch) {
    for profile in PROFILES {
        let ran = run(&mut arch.command(built(arch, profile, "start")));
        assert!(
            ran.stdout.contains("\nrelocated 130\n"),
            "{profile}: {ran:?}"
        );
    }
}

fn is_larger_than_a_mebibyte(arch: Arch) {
    for profile in PROFILES.into_iter().chain(["fat"]) {
        let file = built(arch, profile, "large");
        assert!(file.metadata().unwrap().len() > 2 << 20);
        let ran = run(&mut arch.command(file));
        assert_eq!(ran, Ran::new(0, "2097153 here\n", ""), "{profile}");
    }
}

/// The instructions of `ring3_start`, up to its only call, which enters Rust, and the trap after the call.
fn start_up(arch: Arch, file: &Path) -> Vec<String> {
    let mut objdump = arch.gnu("objdump");
    objdump.args(["-d", "--no-show-raw-insn", "--disassemble=ring3_start"]);
    let ran = run(objdump.arg(file));
    assert_eq!(ran.status, Some(0), "{ran:?}");
    // A line of objdump: `     338:   mov     x30, xzr`
    let instruction = |line: &str| Some(line.split_once(":\t")?.1.replace('\t', " "));
    let instructions: Vec<_> = ran.stdout.lines().filter_map(instruction).collect();
    assert!(instructions.len() > 20, "{}: {ran:?}", file.display());
    instructions
}

/// Whether an instruction reads memory at a fixed place: relative to the instruction, or at an offset from a register.
/// Start-up reads its list and the words to relocate at registers without an offset.
fn reads_a_constant_place(arch: Arch, instruction: &str) -> bool {
    match arch {
        Arch::X86_64 => instruction.contains("(%rip)") && !instruction.starts_with("lea"),
        Arch::Aarch64 => {
            let operand = instruction
                .split_once(", ")
                .map_or("", |(_, operand)| operand);
            instruction.starts_with("ldr")
                && (!operand.starts_with('[') || operand.contains(", #"))
                && !operand.contains("], #")
        }
        Arch::Riscv64 | Arch::X86 | Arch::Arm => todo!("when these exist"),
    }
}

fn nothing_goes_by_the_got_before_it_is_relocated(arch: Arch) {
    let programs = programs();
    let shipped = programs.iter().map(|program| arch.debug(program));
    let others = PROFILES
        .iter()
        .flat_map(|profile| programs.iter().map(|program| built(arch, profile, program)));
    for file in others.chain(shipped) {
        // hello relocates nothing, except with debug assertions.
        if file.file_stem() == Some("hello".as_ref()) && !file.parent().unwrap().ends_with("debug")
        {
            continue;
        }
        let instructions = start_up(arch, &file);
        let (last, before) = match &*instructions {
            [before @ .., call, end] if end.starts_with("ud2") || end.starts_with("brk") => {
                (call, before)
            }
            _ => panic!("{}: {instructions:?}", file.display()),
        };
        // `call 10 <NAME>` or `bl 10 <NAME>`. A call through the GOT would be `call *16(%rip)` or `blr x0`.
        let mut words = last.split_ascii_whitespace();
        let call = if arch == Arch::X86_64 { "call" } else { "bl" };
        let target = (words.next(), words.next());
        assert!(
            target.0 == Some(call)
                && target
                    .1
                    .is_some_and(|at| u64::from_str_radix(at, 16).is_ok()),
            "{}: {last}",
            file.display()
        );
        for instruction in before {
            let elsewhere = ["call", "bl "]
                .iter()
                .any(|call| instruction.starts_with(call));
            assert!(
                !elsewhere && !reads_a_constant_place(arch, instruction),
                "{}: {instruction}",
                file.display()
            );
        }
    }
}

/// In the tiny code model, one instruction loads the address of an item in another compilation unit. Its relocation is
/// supported only by newer linkers. Fat LTO moves all Rust items (their names begin with `_R` or `_ZN`) into one unit;
/// foreign items stay outside.
fn asks_no_linker_for_what_lld_14_lacks(arch: Arch) {
    let ran = run(arch
        .gnu("objdump")
        .arg("-r")
        .arg(built(arch, "s", "libring3.rlib")));
    assert!(ran.status == Some(0) && ran.stdout.contains(" R_"));
    let lacking = ran.stdout.lines().find(|line| {
        let is_rusts = line.contains(" _R") || line.contains(" _ZN");
        line.contains("R_AARCH64_GOT_LD_PREL19") && !is_rusts
    });
    assert_eq!(lacking, None);
}
