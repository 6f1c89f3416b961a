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

/// The folders where cargo puts the programs of each profile. What the profiles between `debug` and `s` could break does
/// not depend on the architecture, so two architectures have all profiles.
fn profiles(arch: Arch) -> &'static [&'static str] {
    match arch {
        Arch::X86_64 | Arch::Aarch64 => &["debug", "release", "s", "thin"],
        Arch::Riscv64 | Arch::X86 | Arch::Arm => &["debug", "s"],
    }
}

/// The file of a program as built in a profile.
pub fn built(arch: Arch, profile: &str, program: &str) -> PathBuf {
    let target = Path::new(&variable("CARGO_TARGET_DIR")).join(arch.facts().triple);
    target.join(profile).join(program)
}

fn every_program_starts_and_works(arch: Arch) {
    may_take(LONG);
    let programs = programs();
    for profile in profiles(arch) {
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
    for profile in profiles(arch) {
        let ran = run(&mut arch.command(built(arch, profile, "start")));
        assert!(
            ran.stdout.contains("\nrelocated 130\n"),
            "{profile}: {ran:?}"
        );
    }
}

fn is_larger_than_a_mebibyte(arch: Arch) {
    // The other two have `large` with fat LTO, too.
    let fat: &[&str] = match arch {
        Arch::X86_64 | Arch::Aarch64 => &["fat"],
        Arch::Riscv64 | Arch::X86 | Arch::Arm => &[],
    };
    for profile in profiles(arch).iter().chain(fat) {
        let file = built(arch, profile, "large");
        assert!(file.metadata().unwrap().len() > 2 << 20);
        let ran = run(&mut arch.command(file));
        assert_eq!(ran, Ran::new(0, "2097153 here\n", ""), "{profile}");
    }
}

fn hexadecimal(digits: &str) -> Option<u64> {
    u64::from_str_radix(digits, 16).ok()
}

/// The instructions of `ring3_start`, each with its address.
fn start_up(arch: Arch, file: &Path) -> Vec<(u64, String)> {
    let mut objdump = arch.gnu("objdump");
    objdump.args(["-d", "--no-show-raw-insn", "--disassemble=ring3_start"]);
    let ran = run(objdump.arg(file));
    assert_eq!(ran.status, Some(0), "{ran:?}");
    // A line of objdump: `     338:   mov     x30, xzr`
    let instruction = |line: &str| {
        let (address, instruction) = line.split_once(":\t")?;
        Some((hexadecimal(address.trim())?, instruction.replace('\t', " ")))
    };
    let instructions: Vec<_> = ran.stdout.lines().filter_map(instruction).collect();
    assert!(instructions.len() > 20, "{}: {ran:?}", file.display());
    instructions
}

/// Whether an instruction reads memory at a fixed place: relative to the instruction, or at an offset from a register that
/// holds a place in the code. `previous` is the instruction before. Start-up reads its lists and the words to relocate at
/// other registers.
fn reads_a_constant_place(arch: Arch, previous: &str, instruction: &str) -> bool {
    let (mnemonic, operands) = instruction.split_once(' ').unwrap_or((instruction, ""));
    match arch {
        Arch::X86_64 => operands.contains("(%rip)") && mnemonic != "lea",
        Arch::Aarch64 => {
            let operand = operands.split_once(", ").map_or("", |(_, operand)| operand);
            mnemonic.starts_with("ldr")
                && (!operand.starts_with('[') || operand.contains(", #"))
                && !operand.contains("], #")
        }
        // `auipc a5,0x1` and `ld a5,8(a5)`
        Arch::Riscv64 => {
            let base = operands
                .split_once('(')
                .and_then(|(_, rest)| rest.split_once(')'));
            let base = base.map_or("", |(base, _)| base);
            let begin = format!("auipc {base},");
            mnemonic.starts_with('l') && !base.is_empty() && previous.starts_with(&begin)
        }
        // The register that holds the address of a label in the code
        Arch::X86 => operands.contains("(%ebx)") && mnemonic != "lea",
        // Start-up's own table is read by one `ldm`.
        Arch::Arm => operands.contains("[pc"),
    }
}

/// Whether an instruction is a call to an address in itself, which is not read from the GOT, or on riscv64 relative to
/// `ra`, to which the instruction before added the distance.
fn is_direct_call(arch: Arch, instruction: &str) -> bool {
    // `call 10 <NAME>`, `bl 10 <NAME>`, `jal ra,10 <NAME>`, `jalr 16(ra) # 10 <NAME>`
    let mut words = instruction.split_ascii_whitespace();
    let (mnemonic, operand) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let is_address = |text: &str| hexadecimal(text).is_some();
    match arch {
        Arch::X86_64 | Arch::X86 => mnemonic == "call" && is_address(operand),
        Arch::Aarch64 => mnemonic == "bl" && is_address(operand),
        // `blx` of an address calls Thumb code.
        Arch::Arm => matches!(mnemonic, "bl" | "blx") && is_address(operand),
        Arch::Riscv64 => match mnemonic {
            "jal" => is_address(operand.trim_start_matches("ra,")),
            "jalr" => operand.ends_with("(ra)"),
            _ => false,
        },
    }
}

fn nothing_goes_by_the_got_before_it_is_relocated(arch: Arch) {
    const TRAPS: [&str; 4] = ["ud2", "brk", "ebreak", "bkpt"];
    const CALLS: [&str; 4] = ["call", "bl ", "jal", "blx"];
    let programs = programs();
    let shipped = programs.iter().map(|program| arch.debug(program));
    let others = profiles(arch)
        .iter()
        .flat_map(|profile| programs.iter().map(|program| built(arch, profile, program)));
    for file in others.chain(shipped) {
        // hello relocates nothing, except with debug assertions.
        if file.file_stem() == Some("hello".as_ref()) && !file.parent().unwrap().ends_with("debug")
        {
            continue;
        }
        let instructions = start_up(arch, &file);
        let is_trap = |(_, line): &(u64, String)| TRAPS.iter().any(|trap| line.starts_with(trap));
        let end = instructions.iter().position(is_trap);
        let [before @ .., (last, call)] = &instructions[..end.unwrap_or(0)] else {
            panic!("{}: {instructions:?}", file.display())
        };
        assert!(is_direct_call(arch, call), "{}: {call}", file.display());
        // A call within start-up pushes the address of the next instruction. (objdump may name its destination by a
        // symbol of a section in no segment, such as .gcc_except_table: their addresses begin at 0, too.)
        let start_up = instructions[0].0..*last;
        let is_within = |instruction: &str| {
            let destination = instruction.split_ascii_whitespace().nth(1);
            let destination = destination.and_then(hexadecimal);
            destination.is_some_and(|address| start_up.contains(&address))
        };
        let previous = std::iter::once("").chain(before.iter().map(|(_, line)| line.as_str()));
        for ((_, instruction), previous) in before.iter().zip(previous) {
            let elsewhere =
                CALLS.iter().any(|call| instruction.starts_with(call)) && !is_within(instruction);
            assert!(
                !elsewhere && !reads_a_constant_place(arch, previous, instruction),
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
