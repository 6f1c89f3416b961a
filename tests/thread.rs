//! Tests of threads and of the synchronization types, in a freestanding program (the probe `thread`).

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};

use libtest_mimic::{Completion, Trial};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::per_arch;
use crate::skip;
use crate::support::{Arch, Folder, Ran, limit_memory, once, run};

pub fn trials() -> Vec<Trial> {
    per_arch![
        gives_what_its_function_gives,
        has_words_of_its_own,
        borrows_within_a_scope,
        goes_on_alone,
        calls_the_heap_at_its_end,
        shares_what_threads_share,
        has_the_stack_that_was_asked_for,
        ends_whole_in_a_storm_of_signals,
        waits_for_a_mutex_and_a_once,
        leaves_no_mapping,
        has_a_name,
        prints_its_name_in_a_panic,
        has_a_guard_below_its_stack,
        overflows_into_sigsegv,
        counts_the_cpus_it_may_use,
        exhaustion_is_an_error_and_what_ended_makes_room,
    ]
    .chain([
        once(
            "thread::a_refusal_of_the_kernel_is_reported [x86_64]",
            a_refusal_of_the_kernel_is_reported,
        ),
        once(
            "thread::takes_itself_down_in_order [x86_64]",
            takes_itself_down_in_order,
        ),
    ])
    .collect()
}

/// Runs a part of the probe `thread` that says nothing where all is well.
fn holds(arch: Arch, part: &str) {
    assert_eq!(run(arch.probe("thread").arg(part)), Ran::new(0, "", ""));
}

fn gives_what_its_function_gives(arch: Arch) {
    holds(arch, "results");
}

fn has_words_of_its_own(arch: Arch) {
    holds(arch, "words");
}

fn borrows_within_a_scope(arch: Arch) {
    holds(arch, "scope");
}

fn goes_on_alone(arch: Arch) {
    holds(arch, "detach");
}

fn shares_what_threads_share(arch: Arch) {
    holds(arch, "shares");
}

fn has_the_stack_that_was_asked_for(arch: Arch) {
    holds(arch, "sizes");
}

/// Under qemu-user a thread takes thirty times as long.
fn ends_whole_in_a_storm_of_signals(arch: Arch) {
    let count = if arch.is_native() { "1000" } else { "100" };
    let mut probe = arch.probe("thread");
    assert_eq!(run(probe.args(["storm", count])), Ran::new(0, "", ""));
}

fn calls_the_heap_at_its_end(arch: Arch) {
    holds(arch, "at-exit");
}

fn waits_for_a_mutex_and_a_once(arch: Arch) {
    holds(arch, "sync");
}

fn leaves_no_mapping(arch: Arch) {
    holds(arch, "many");
}

fn has_a_name(arch: Arch) {
    let mut probe = arch.probe("thread");
    probe
        .arg("names")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut probe = probe.spawn().unwrap();
    let mut ready = String::new();
    BufReader::new(probe.stdout.take().unwrap())
        .read_line(&mut ready)
        .unwrap();
    assert_eq!(ready, "ready\n");
    let own = fs::read_to_string(format!("/proc/{}/comm", probe.id())).unwrap();
    let tasks = fs::read_dir(format!("/proc/{}/task", probe.id())).unwrap();
    let names: Vec<_> = tasks
        .map(|task| fs::read_to_string(task.unwrap().path().join("comm")).unwrap())
        .collect();
    drop(probe.stdin.take());
    assert!(probe.wait().unwrap().success());
    // The one without a name has its creator's. (So has the one that qemu-user starts for itself.)
    let all: BTreeSet<_> = names.iter().map(String::as_str).collect();
    assert_eq!(all, BTreeSet::from(["longer than fif\n", "short\n", &own]));
    let count = names.iter().filter(|name| **name == own).count();
    assert!(
        count == 2 && own == "thread\n" || !arch.is_native(),
        "{names:?}"
    );
}

/// Runs a part of the probe `thread` that ends by a signal, and gives what it said.
fn ends_by(arch: Arch, signal: i32, part: &str) -> String {
    let mut probe = arch.probe("thread");
    let output = probe.arg(part).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.signal(), Some(signal), "{output:?}");
    assert_eq!(output.stdout, b"");
    String::from_utf8(output.stderr).unwrap()
}

fn prints_its_name_in_a_panic(arch: Arch) {
    let printed = ends_by(arch, 6, "panic");
    // qemu-user adds a line of its own; ours is the first. The thread's id differs from run to run.
    let line = printed.lines().next().unwrap();
    let (begin, rest) = line.split_once(" (").unwrap();
    let (id, rest) = rest.split_once(") ").unwrap();
    assert_eq!(begin, "thread: thread 'second'");
    assert!(id.parse::<u32>().unwrap() > 0);
    assert!(
        rest.starts_with("panicked at tests/probes/src/bin/thread.rs:")
            && rest.ends_with(": the answer is 42"),
        "{line}"
    );
}

/// A line of `/proc/PID/maps`: begin, end, and what may be done.
fn mapping(line: &str) -> (u64, u64, &str) {
    let (range, rest) = line.split_once(' ').unwrap();
    let (begin, end) = range.split_once('-').unwrap();
    let address = |text| u64::from_str_radix(text, 16).unwrap();
    (address(begin), address(end), &rest[..4])
}

fn has_a_guard_below_its_stack(arch: Arch) -> Completion {
    if arch == Arch::Arm && !arch.is_native() {
        return Completion::ignored_with(skip::UNLISTED);
    }
    let ran = run(arch.probe("thread").arg("guard"));
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
    assert_guard(ran.stdout.lines());
    Completion::Completed
}

/// The probe's output for `guard`.
pub fn assert_guard<'a>(mut lines: impl Iterator<Item = &'a str>) {
    let place = u64::from_str_radix(lines.next().unwrap(), 16).unwrap();
    let maps: Vec<_> = lines.map(mapping).collect();
    let stack = maps
        .iter()
        .position(|&(begin, end, _)| (begin..end).contains(&place))
        .unwrap();
    let (begin, _, what) = maps[stack];
    assert_eq!(what, "rw-p");
    // It goes down for about the 100 000 bytes that were asked for.
    assert!(
        (90_000..200_000).contains(&(place - begin)),
        "{}",
        place - begin
    );
    let (low, high, what) = maps[stack - 1];
    assert_eq!((high, what), (begin, "---p"), "below the stack: {low:x}");
}

fn overflows_into_sigsegv(arch: Arch) {
    ends_by(arch, 11, "overflow");
}

fn counts_the_cpus_it_may_use(arch: Arch) {
    let all = sched_getaffinity(None).unwrap();
    let count = |command: &mut Command| run(command.arg("cpus"));
    assert_eq!(
        count(&mut arch.probe("thread")),
        Ran::new(0, &format!("{}\n", all.count()), "")
    );
    let mut one = CpuSet::new();
    one.set((0..CpuSet::MAX_CPU).find(|&n| all.is_set(n)).unwrap());
    let mut probe = arch.probe("thread");
    // SAFETY: between fork and exec the child makes one system call, and takes no lock.
    unsafe { probe.pre_exec(move || Ok(sched_setaffinity(None, &one)?)) };
    assert_eq!(count(&mut probe), Ran::new(0, "1\n", ""));
}

fn exhaustion_is_an_error_and_what_ended_makes_room(arch: Arch) -> Completion {
    if arch.reserves_addresses() {
        return Completion::ignored_with(skip::UNLIMITED);
    }
    let mut probe = arch.probe("thread");
    limit_memory(arch, &mut probe, 64 << 20);
    let printed = "Cannot allocate memory (ENOMEM)\n".repeat(2);
    assert_eq!(run(probe.arg("exhaust")), Ran::new(0, &printed, ""));
    Completion::Completed
}

/// Runs a part of the probe under strace with these options. Returns the log, one line for each call.
fn traced(options: &[&str], part: &str, ran: &Ran) -> String {
    let folder = Folder::new();
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o"]).arg(folder.path("log"));
    strace
        .args(options)
        .arg(Arch::X86_64.shipped("probes/thread"));
    assert_eq!(run(strace.arg(part)), *ran);
    fs::read_to_string(folder.path("log")).unwrap()
}

/// strace refuses the first clone as the kernel does beyond `RLIMIT_NPROC`, which would be the user's,
/// and not root's at all; or the memory of the first stack.
fn a_refusal_of_the_kernel_is_reported() -> Completion {
    if !Arch::X86_64.is_native() {
        return Completion::ignored_with(skip::STRACE);
    }
    for (refusal, printed) in [
        (
            "clone:error=EAGAIN:when=1",
            "Resource temporarily unavailable (EAGAIN)",
        ),
        // (The start-up calls mprotect too.)
        (
            "mprotect:error=ENOMEM:when=2",
            "Cannot allocate memory (ENOMEM)",
        ),
    ] {
        let ran = Ran::new(0, &format!("{printed}\n2\n"), "");
        traced(&["-e", &format!("inject={refusal}")], "refused", &ran);
    }
    Completion::Completed
}

/// A thread that nobody joins blocks all signals, withdraws the address at which the kernel reports its end, unmaps its
/// stack and ends.
fn takes_itself_down_in_order() -> Completion {
    if !Arch::X86_64.is_native() {
        return Completion::ignored_with(skip::STRACE);
    }
    let calls = "trace=mmap,rt_sigprocmask,set_tid_address,munmap,exit";
    let log = traced(&["-e", calls], "alone", &Ran::new(0, "", ""));
    let lines: Vec<(&str, &str)> = log
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(id, call)| (id, call.trim()))
        .collect();
    let end = lines.iter().find(|(_, call)| call.starts_with("exit("));
    let (thread, _) = *end.unwrap();
    let of = |is_own| {
        lines
            .iter()
            .filter(move |line| (line.0 == thread) == is_own)
    };
    let own: Vec<_> = of(true).collect();
    // The creator's last mapping is the stack.
    let mapping = of(false).rfind(|(_, call)| call.starts_with("mmap("));
    let (arguments, start) = mapping.unwrap().1.rsplit_once(" = ").unwrap();
    let length = arguments.split(", ").nth(1).unwrap();
    let unmapped = format!("munmap({start}, {length})");
    let expected = [
        "rt_sigprocmask(SIG_BLOCK, ~[",
        "set_tid_address(", // strace prints null as 0 or as NULL
        &unmapped,
        "exit(0)",
    ];
    assert_eq!(own.len(), expected.len(), "{log}");
    for ((_, call), expected) in own.iter().zip(expected) {
        assert!(call.starts_with(expected), "{expected}: {log}");
    }
    let address = own[1].1.strip_prefix(expected[1]).unwrap();
    assert!(
        ["0)", "NULL)"].iter().any(|null| address.starts_with(null)),
        "{log}"
    );
    Completion::Completed
}
