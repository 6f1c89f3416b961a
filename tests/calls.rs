//! The call sites that a file records in its section `.debug_calls`, compared with the instructions that objdump finds.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use libtest_mimic::{Completion, Trial};
use object::elf::SHF_ALLOC;

use crate::elf::file::File;
use crate::per_arch;
use crate::profiles::built;
use crate::skip;
use crate::support::{Arch, once, programs, run};
use crate::syscalls::calls_of;

pub fn trials() -> Vec<Trial> {
    let per_arch = per_arch![
        every_instruction_is_recorded,
        every_instruction_is_recorded_without_lto,
    ];
    per_arch
        .chain([once(
            "calls::numbers_are_the_calls_that_are_made [x86_64]",
            numbers,
        )])
        .collect()
}

/// A record of the macro `call_site` in src/arch/mod.rs.
#[derive(Debug)]
struct Site {
    address: u64,
    number: u32,
    arguments: u32,
}

/// The records of a file whose instruction the linker did not drop.
fn recorded(file: &Path) -> Vec<Site> {
    let sections = File::parse(&fs::read(file).unwrap()).sections;
    let section = sections
        .iter()
        .find(|section| section.name == ".debug_calls")
        .unwrap_or_else(|| panic!("{} records no call site", file.display()));
    let flags = section.flags;
    assert_eq!(flags & u64::from(SHF_ALLOC), 0, "{}", file.display());
    let (records, rest) = section.data.as_chunks::<16>();
    assert!(rest.is_empty(), "{}", file.display());
    let site = |record: &[u8; 16]| Site {
        address: u64::from_le_bytes(record[..8].try_into().unwrap()),
        number: u32::from_le_bytes(record[8..12].try_into().unwrap()),
        arguments: u32::from_le_bytes(record[12..].try_into().unwrap()),
    };
    let sites = records.iter().map(site);
    sites.filter(|site| site.address != 0).collect()
}

/// The addresses of the instructions that make system calls, as objdump finds them. On x86 these are calls of a function
/// that chooses between the two instructions of this architecture.
fn disassembled(arch: Arch, file: &Path) -> Vec<u64> {
    let ran = run(arch
        .gnu("objdump")
        .args(["-d", "--no-show-raw-insn"])
        .arg(file));
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    const CHOICE: [&str; 2] = ["<ring3_syscall>", "<ring3_int80>"];
    let mut is_choice = false;
    let mut sites = Vec::new();
    for line in ran.stdout.lines() {
        // `00000330 <NAME>:`
        if let Some(title) = line.strip_suffix(':') {
            is_choice = CHOICE.iter().any(|name| title.ends_with(name));
        }
        // `     338:\tsvc\t#0x0`
        let Some((address, instruction)) = line.split_once(":\t") else {
            continue;
        };
        let mnemonic = instruction.split_whitespace().next().unwrap_or_default();
        let makes_a_call = match mnemonic {
            "syscall" | "svc" | "ecall" => true,
            "int" | "sysenter" => !is_choice,
            "call" => CHOICE.iter().any(|name| instruction.ends_with(name)),
            _ => false,
        };
        if makes_a_call {
            sites.push(u64::from_str_radix(address.trim(), 16).unwrap());
        }
    }
    sites
}

/// Compares the two lists; each address is recorded once.
fn compare(arch: Arch, file: &Path) {
    let mut sites: Vec<_> = recorded(file).iter().map(|site| site.address).collect();
    sites.sort_unstable();
    assert_eq!(sites, disassembled(arch, file), "{}", file.display());
}

fn every_instruction_is_recorded(arch: Arch) {
    for program in &programs() {
        // elf::is_stripped_to_its_segments compares the instructions with those of the shipped file.
        let file = arch.debug(program);
        compare(arch, &file);
        for site in recorded(&file) {
            assert!(site.arguments <= 6, "{program}: {site:?}");
        }
    }
}

/// The build of cargo's profile `dev`. There the linker, and not LTO, drops unused functions with their call sites.
fn every_instruction_is_recorded_without_lto(arch: Arch) {
    compare(arch, &built(arch, "debug", "msort"));
}

/// Each call that docs/syscalls.md lists for a program, where strace saw it, is recorded in the program.
fn numbers() -> Completion {
    if !Arch::X86_64.is_native() {
        return Completion::ignored_with(skip::NUMBERS);
    }
    let facts = ring3::abi::FACTS
        .iter()
        .copied()
        .flatten()
        .copied()
        .flatten();
    let names: BTreeMap<_, _> = facts
        .filter_map(|fact| Some((fact.value?, fact.expression.strip_prefix("__NR_")?)))
        .collect();
    for program in &programs() {
        let sites = recorded(&Arch::X86_64.debug(program));
        let recorded: BTreeSet<_> = sites
            .iter()
            .map(|site| names[&i64::from(site.number)].to_owned())
            .collect();
        let made = calls_of(program);
        let missing: Vec<_> = made.difference(&recorded).collect();
        assert!(
            missing.is_empty(),
            "{program} makes calls that are not recorded: {missing:?}"
        );
    }
    Completion::Completed
}
