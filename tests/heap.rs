//! Tests of the heap in a freestanding program (the probe `heap`): the collections of the `alloc` crate, a shortage of
//! memory, the memory that the heap returns to the kernel, and the misuses that the heap detects.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use libtest_mimic::{Completion, Trial};

use crate::per_arch;
use crate::skip;
use crate::support::{Arch, Folder, Ran, limit_memory, once, run};
use crate::trial::{LONG, may_take};

pub fn trials() -> Vec<Trial> {
    per_arch![
        vec_string_btreemap_and_arc_live_on_it,
        exhaustion_is_null_and_what_is_freed_serves_again,
        zeros_take_no_memory_until_they_are_written,
        has_every_alignment_and_not_every_size,
        keeps_what_a_growing_block_holds,
        a_smaller_block_gives_its_memory_back,
        rounds_leave_nothing_mapped,
        an_empty_region_is_unmapped,
        many_large_blocks_leave_a_table,
        lives_on_in_a_forked_child_with_threads,
        a_guard_ends_a_write_beside_a_large_block,
        catches_a_large_block_that_is_freed_twice,
        catches_a_small_block_that_comes_back_to_its_span_twice,
        catches_a_pointer_into_a_large_block,
        small_serves_a_program,
        small_exhausts_and_serves_again,
        small_catches_a_block_that_is_freed_twice,
    ]
    .chain([
        once(
            "heap::a_large_block_grows_by_moving_its_pages [x86_64]",
            a_large_block_grows_by_moving_its_pages,
        ),
        once(
            "heap::ten_thousand_blocks_have_guards [x86_64]",
            ten_thousand_blocks_have_guards,
        ),
        once("heap::asks_no_cpuid [x86_64]", asks_no_cpuid),
    ])
    .collect()
}

/// The expected output of the probe's part `types`, computed with std.
pub fn types() -> String {
    let squares: u64 = (0..100_000_u64).map(|n| n * n).sum();
    let text: usize = (0..10_000).map(|n: u32| n.to_string().len() + 1).sum();
    let words: Vec<u32> = (0..10_000).filter(|n| n % 3 == 0).collect();
    let boxes: usize = words.iter().map(|n| 2 * n.to_string().len()).sum();
    let last = words.iter().map(u32::to_string).max().unwrap();
    let shared = words.iter().filter(|&n| n % 2 == 0).count();
    let words = words.len();
    format!(
        "squares {squares}\ntext {text}\nwords {words} {last}\nshared 5000 {shared}\n\
         boxes {words} {boxes} 1\n"
    )
}

fn vec_string_btreemap_and_arc_live_on_it(arch: Arch) {
    assert_eq!(
        run(arch.mapping_probe("heap").arg("types")),
        Ran::new(0, &types(), "")
    );
}

fn exhaustion_is_null_and_what_is_freed_serves_again(arch: Arch) -> Completion {
    if arch.reserves_addresses() {
        return Completion::ignored_with(skip::UNLIMITED);
    }
    may_take(LONG);
    let mut probe = arch.probe("heap");
    limit_memory(arch, &mut probe, 128 << 20);
    assert_eq!(run(probe.arg("exhaust")), Ran::new(0, &types(), ""));
    Completion::Completed
}

fn zeros_take_no_memory_until_they_are_written(arch: Arch) {
    assert_eq!(
        run(arch.mapping_probe("heap").arg("fresh")),
        Ran::new(0, "", "")
    );
}

fn has_every_alignment_and_not_every_size(arch: Arch) {
    assert_eq!(
        run(arch.mapping_probe("heap").arg("layouts")),
        Ran::new(0, "", "")
    );
}

fn keeps_what_a_growing_block_holds(arch: Arch) {
    assert_eq!(
        run(arch.mapping_probe("heap").arg("grow")),
        Ran::new(0, "", "")
    );
}

fn a_smaller_block_gives_its_memory_back(arch: Arch) {
    assert_eq!(
        run(arch.mapping_probe("heap").arg("shrink")),
        Ran::new(0, "", "")
    );
}

/// Under qemu-user a round takes thirty times as long. (There the probe has no reserved address space: qemu-user keeps the
/// mappings of such a space.)
fn rounds_leave_nothing_mapped(arch: Arch) -> Completion {
    if arch == Arch::Arm && !arch.is_native() {
        return Completion::ignored_with(skip::KEPT);
    }
    let count = if arch.is_native() { "1000" } else { "50" };
    let mut probe = arch.probe("heap");
    assert_eq!(run(probe.args(["rounds", count])), Ran::new(0, "", ""));
    Completion::Completed
}

fn an_empty_region_is_unmapped(arch: Arch) {
    assert_eq!(
        run(arch.mapping_probe("heap").arg("regions")),
        Ran::new(0, "", "")
    );
}

fn many_large_blocks_leave_a_table(arch: Arch) {
    assert_eq!(
        run(arch.mapping_probe("heap").arg("table")),
        Ran::new(0, "", "")
    );
}

fn lives_on_in_a_forked_child_with_threads(arch: Arch) {
    assert_eq!(
        run(arch.mapping_probe("heap").arg("fork")),
        Ran::new(0, "", "")
    );
}

/// Each block takes 33 MiB of addresses: all together more than qemu-user has.
fn ten_thousand_blocks_have_guards() -> Completion {
    if !Arch::X86_64.is_native() {
        return Completion::ignored_with(skip::ADDRESSES);
    }
    let mut probe = Arch::X86_64.mapping_probe("heap");
    assert_eq!(run(probe.arg("guarded")), Ran::new(0, "", ""));
    Completion::Completed
}

fn a_guard_ends_a_write_beside_a_large_block(arch: Arch) {
    for case in [
        "before",
        "after",
        "grown",
        "grown-again",
        "shrunk",
        "aligned-before",
        "aligned-after",
    ] {
        let mut probe = arch.mapping_probe("heap");
        let output = probe.args(["guard", case]).output().unwrap();
        assert_eq!(output.status.signal(), Some(11), "{case}: {output:?}");
        assert_eq!(output.stdout, b"up to here\n", "{case}");
    }
}

/// Some steps up find room after the block.
fn a_large_block_grows_by_moving_its_pages() -> Completion {
    if !Arch::X86_64.is_native() {
        return Completion::ignored_with(skip::STRACE);
    }
    let folder = Folder::new();
    let mut strace = Command::new("strace");
    strace
        .args(["-f", "-qq", "-e", "trace=mremap", "-o"])
        .arg(folder.path("log"))
        .arg(Arch::X86_64.shipped("probes/heap"))
        .arg("grow");
    assert_eq!(run(&mut strace), Ran::new(0, "", ""));
    let log = fs::read_to_string(folder.path("log")).unwrap();
    assert!(log.contains("mremap("), "{log}");
    Completion::Completed
}

/// Runs a part of the probe that frees what it must not: it says so, and is ended.
fn is_caught(arch: Arch, part: &[&str], why: &str) {
    let mut probe = arch.mapping_probe("heap");
    let output = probe.args(part).stdin(Stdio::null()).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stderr);
    // qemu-user adds a line of its own.
    let line = printed.lines().next().unwrap_or_default();
    assert!(
        line.contains(": heap: freed ") && line.ends_with(why),
        "{printed}"
    );
    assert_eq!(output.status.signal(), Some(6));
}

fn catches_a_large_block_that_is_freed_twice(arch: Arch) {
    is_caught(arch, &["twice"], "which is no block of that size in use");
}

fn catches_a_small_block_that_comes_back_to_its_span_twice(arch: Arch) {
    is_caught(arch, &["twice-small"], "twice");
}

fn catches_a_pointer_into_a_large_block(arch: Arch) {
    is_caught(arch, &["foreign"], "which is no block of that size in use");
}

/// `heap::Small` as the program's allocator.
fn small_serves_a_program(arch: Arch) {
    for part in ["types", "layouts", "grow", "fork"] {
        let ran = run(arch.mapping_probe("heap").args(["small", part]));
        let output = if part == "types" { &*types() } else { "" };
        assert_eq!(ran, Ran::new(0, output, ""), "{part}");
    }
}

fn small_exhausts_and_serves_again(arch: Arch) -> Completion {
    if arch.reserves_addresses() {
        return Completion::ignored_with(skip::UNLIMITED);
    }
    may_take(LONG);
    let mut probe = arch.probe("heap");
    limit_memory(arch, &mut probe, 128 << 20);
    assert_eq!(
        run(probe.args(["small", "exhaust"])),
        Ran::new(0, &types(), "")
    );
    Completion::Completed
}

fn small_catches_a_block_that_is_freed_twice(arch: Arch) {
    is_caught(arch, &["small", "twice-small"], "a block that is free");
}

/// It would trap under hypervisors. (aarch64 has no such instruction.)
fn asks_no_cpuid() -> Completion {
    if !Arch::X86_64.is_native() {
        return Completion::ignored_with(skip::OBJDUMP);
    }
    for file in ["save", "msort", "echod", "probes/heap", "probes/model"] {
        let mut objdump = Command::new("objdump");
        let listing = run(objdump.arg("-d").arg(Arch::X86_64.debug(file)));
        assert!(listing.stdout.contains("\tsyscall"), "{}", listing.stderr);
        assert!(!listing.stdout.contains("\tcpuid"), "{file}");
    }
    Completion::Completed
}
