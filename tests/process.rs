//! Tests of processes, signals and Unix sockets in a freestanding program (the probe `process`).

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use libtest_mimic::Trial;
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::per_arch;
use crate::support::{Arch, Folder, Ran, run};
use crate::trial::{LONG, may_take};

pub fn trials() -> Vec<Trial> {
    per_arch![
        reports_how_children_end,
        reports_why_none_was_started,
        places_descriptors_that_overlap,
        starts_thousands_and_leaves_nothing,
        starts_from_several_threads,
        runs_no_handler_in_a_child,
        lets_no_signal_state_through,
        makes_groups_and_sessions,
        leaves_no_other_descriptors,
        watches_children_and_signals,
        waits_by_pidfd,
        handles_signals,
        is_interrupted_by_handlers,
        continues_unchanged_after_a_handler,
        passes_descriptors_through_sockets,
        keeps_no_descriptor_where_not_all_have_room,
        sizes_pipes,
    ]
    .collect()
}

/// The command that runs this part of the probe.
fn probe(arch: Arch, part: &str) -> Command {
    let mut probe = arch.probe("process");
    probe.args(part.split_whitespace());
    probe
}

/// Runs a part of the probe `process`, which prints nothing on success.
fn holds(arch: Arch, part: &str) {
    assert_eq!(run(&mut probe(arch, part)), Ran::new(0, "", ""));
}

/// The output of a child that a part of the probe starts.
fn prints(arch: Arch, part: &str) -> String {
    let ran = run(&mut probe(arch, part));
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
    ran.stdout
}

fn reports_how_children_end(arch: Arch) {
    holds(arch, "statuses");
}

fn reports_why_none_was_started(arch: Arch) {
    let folder = Folder::new();
    for (name, mode) in [("text", 0o755), ("plain", 0o644)] {
        fs::write(folder.path(name), "no program\n").unwrap();
        fs::set_permissions(folder.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    let mut probe = probe(arch, "errors");
    let ran = run(probe.current_dir(folder.root()));
    assert_eq!(ran, Ran::new(0, "", ""));
}

fn places_descriptors_that_overlap(arch: Arch) {
    holds(arch, "files");
}

/// Ten thousand pipelines of two programs in one process. Under qemu-user a hundred, because each takes a copy of the
/// emulator; a leak would be in the same code.
fn starts_thousands_and_leaves_nothing(arch: Arch) {
    may_take(LONG);
    let count = if arch.is_native() { 10_000 } else { 100 };
    holds(arch, &format!("many {count}"));
}

fn starts_from_several_threads(arch: Arch) {
    holds(arch, "threads");
}

fn runs_no_handler_in_a_child(arch: Arch) {
    let count = if arch.is_native() { 300 } else { 20 };
    let mut probe = probe(arch, &format!("storm {count}"));
    // The probe gets its own process group, because it sends the signals to its group.
    assert_eq!(run(probe.process_group(0)), Ran::new(0, "", ""));
}

/// The blocked and ignored signals of a new program, of the first 31. (The caller of the tests may have ignored some of
/// the others.)
fn sets(arch: Arch, how: &str) -> [u64; 2] {
    let printed = prints(arch, &format!("masks {how}"));
    let set = |name: &str| {
        let line = printed.lines().find_map(|line| line.strip_prefix(name));
        u64::from_str_radix(line.unwrap().trim(), 16).unwrap() & 0x7fff_ffff
    };
    [set("SigBlk:"), set("SigIgn:")]
}

fn lets_no_signal_state_through(arch: Arch) {
    const HUP_AND_PIPE: u64 = 1 | 1 << 12;
    const USR2: u64 = 1 << 11;
    assert_eq!(sets(arch, "plain"), [0, HUP_AND_PIPE]);
    assert_eq!(sets(arch, "defaults"), [0, 0]);
    assert_eq!(sets(arch, "mask"), [USR2, HUP_AND_PIPE]);
}

fn makes_groups_and_sessions(arch: Arch) {
    let ids = |how| {
        let printed = prints(arch, &format!("groups {how}"));
        let ids: Vec<u32> = printed
            .split_whitespace()
            .map(|id| id.parse().unwrap())
            .collect();
        <[u32; 3]>::try_from(ids).unwrap()
    };
    let [process, group, session] = ids("inherited");
    assert!(group != process && session != process);
    let [process, group, own] = ids("own");
    assert_eq!((group, own), (process, session));
    let [process, group, session] = ids("session");
    assert_eq!((group, session), (process, process));
}

fn leaves_no_other_descriptors(arch: Arch) {
    let folder = Folder::new();
    fs::write(folder.path("f"), "").unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec \"$@\" 9<f", "sh"]);
    let probe = probe(arch, "others");
    shell.arg(probe.get_program()).args(probe.get_args());
    // 3 is the folder that `ls` reads; 8 was passed.
    assert_eq!(
        run(shell.current_dir(folder.root())),
        Ran::new(0, "0\n1\n2\n3\n8\n", "")
    );
}

fn watches_children_and_signals(arch: Arch) {
    holds(arch, "watch");
}

fn waits_by_pidfd(arch: Arch) {
    holds(arch, "pidfd");
}

fn handles_signals(arch: Arch) {
    holds(arch, "handlers");
}

fn is_interrupted_by_handlers(arch: Arch) {
    holds(arch, "waits");
}

fn continues_unchanged_after_a_handler(arch: Arch) {
    may_take(LONG);
    holds(arch, "restored");
}

fn passes_descriptors_through_sockets(arch: Arch) {
    holds(arch, "unix");
}

fn keeps_no_descriptor_where_not_all_have_room(arch: Arch) {
    may_take(LONG);
    let limit = Rlimit {
        current: Some(16),
        maximum: Some(16),
    };
    let mut probe = probe(arch, "crowded");
    // SAFETY: the closure runs between fork and exec. It makes one system call, and takes no lock and allocates
    // nothing.
    unsafe { probe.pre_exec(move || Ok(setrlimit(Resource::Nofile, limit)?)) };
    assert_eq!(run(&mut probe), Ran::new(0, "", ""));
}

fn sizes_pipes(arch: Arch) {
    holds(arch, "size");
}
