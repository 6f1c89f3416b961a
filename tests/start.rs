//! Tests of the start and the end of a program: the arguments, environment and auxiliary vector that `main` receives,
//! the memory that the start-up protects, and the ways in which a program ends.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};

use libtest_mimic::{Completion, Trial};

use crate::elf::{file::File, relocates};
use crate::per_arch;
use crate::skip;
use crate::support::{Arch, Ran, programs_except, run};

pub fn trials() -> Vec<Trial> {
    per_arch![
        hands_over_arguments,
        hands_over_the_environment,
        hands_over_the_auxiliary_vector,
        relocates_every_address,
        is_placed_at_random,
        protects_relocated_data,
        protects_code,
        does_not_run_its_stack,
        reports_a_stack_overflow,
        reports_no_other_fault,
        a_report_leaves_no_mapping,
        reports_what_the_kernel_refuses,
        ends_with_the_status_of_main,
        reports_a_panic,
        reports_a_panic_in_a_panic,
        aborts_whatever_was_set_for_sigabrt,
        aborts_nobody_else,
    ]
    .collect()
}

/// What the probe `start` prints of one kind: `arg`, `env`...
fn lines(ran: &Ran, kind: &str) -> Vec<String> {
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
    let of_kind = |line: &str| Some(line.strip_prefix(kind)?.strip_prefix(' ')?.to_owned());
    ran.stdout.lines().filter_map(of_kind).collect()
}

fn hands_over_arguments(arch: Arch) {
    let probe = arch.probe("start");
    let own = probe
        .get_args()
        .next()
        .unwrap_or(probe.get_program())
        .to_owned();
    let ran = run(arch
        .probe("start")
        .args(["one", "", "two words", "\x1b[1mé"]));
    assert_eq!(lines(&ran, "argc"), ["5"]);
    let own = own.into_string().unwrap();
    assert_eq!(
        lines(&ran, "arg"),
        [own.as_str(), "one", "", "two words", "\\x1b[1mé"]
    );
    let many: Vec<_> = (0..10_000).map(|i| i.to_string()).collect();
    assert_eq!(
        lines(&run(arch.probe("start").args(&many)), "arg")[1..],
        many
    );
}

fn hands_over_the_environment(arch: Arch) {
    let clean = |command: &mut Command| run(command.env_clear());
    let ran = clean(&mut arch.probe("start"));
    assert_eq!(lines(&ran, "env"), [""; 0]);
    assert_eq!(lines(&ran, "var"), [""; 0]);
    // RING3_VAR is looked up by name; RING3_VARS and RING3 begin alike.
    let mut probe = arch.probe("start");
    probe
        .env_clear()
        .env("RING3", "no")
        .env("RING3_VAR", "a=b")
        .env("RING3_VARS", "no");
    let ran = run(&mut probe);
    let mut entries = lines(&ran, "env");
    entries.sort();
    assert_eq!(entries, ["RING3=no", "RING3_VAR=a=b", "RING3_VARS=no"]);
    assert_eq!(lines(&ran, "var"), ["a=b"]);
}

fn hands_over_the_auxiliary_vector(arch: Arch) {
    let ran = run(&mut arch.probe("start"));
    let entries = lines(&ran, "auxv");
    let value = |key: u32| {
        let entry = entries
            .iter()
            .find_map(|entry| entry.strip_prefix(&format!("{key} 0x")));
        u64::from_str_radix(
            entry.unwrap_or_else(|| panic!("no {key} in {entries:?}")),
            16,
        )
        .unwrap()
    };
    // qemu-user gives the guest the host's, or what this says.
    let page = match std::env::var("QEMU_PAGESIZE") {
        Ok(size) if !arch.is_native() => size.parse().unwrap(),
        _ => rustix::param::page_size() as u64,
    };
    assert_eq!(value(6), page);
    assert_eq!(lines(&ran, "page"), [page.to_string()]);
    let header = if arch.facts().pointer == 8 { 56 } else { 32 };
    assert_eq!(value(4), header); // AT_PHENT: the size of a program header
    assert_ne!(value(25), 0); // AT_RANDOM
    assert_eq!(value(23), 0); // AT_SECURE
}

fn relocates_every_address(arch: Arch) {
    // 260 addresses: RELR needs an address and several bitmaps for them.
    assert_eq!(lines(&run(&mut arch.probe("start")), "relocated"), ["130"]);
}

fn is_placed_at_random(arch: Arch) -> Completion {
    if !arch.is_native() {
        return Completion::ignored_with(skip::RANDOM_PLACE);
    }
    let setting = std::fs::read_to_string("/proc/sys/kernel/randomize_va_space").unwrap();
    if setting.trim() == "0" {
        return Completion::ignored_with(skip::FIXED_PLACE);
    }
    let mut places: Vec<_> = (0..8)
        .flat_map(|_| lines(&run(&mut arch.probe("start")), "static"))
        .collect();
    places.sort();
    places.dedup();
    assert!(places.len() > 4, "eight runs, and the places {places:?}");
    Completion::Completed
}

fn ends_by_sigsegv(arch: Arch, what: &str) {
    let mut probe = arch.probe("protect");
    let status = probe
        .arg(what)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.signal(), Some(11), "{what}: {status}");
}

fn protects_relocated_data(arch: Arch) {
    ends_by_sigsegv(arch, "relro");
}

fn protects_code(arch: Arch) {
    ends_by_sigsegv(arch, "text");
}

fn does_not_run_its_stack(arch: Arch) {
    ends_by_sigsegv(arch, "stack");
}

/// Runs the probe `protect`, which ends by SIGSEGV, and returns its standard error.
fn says_and_ends_by_sigsegv(arch: Arch, arguments: &[&str]) -> String {
    let mut probe = arch.probe("protect");
    let output = probe.args(arguments).stdin(Stdio::null()).output().unwrap();
    assert_eq!(
        output.status.signal(),
        Some(11),
        "{arguments:?}: {output:?}"
    );
    String::from_utf8(output.stderr).unwrap()
}

fn reports_a_stack_overflow(arch: Arch) {
    for what in ["overflow", "overflow-thread"] {
        let printed = says_and_ends_by_sigsegv(arch, &[what, "reported"]);
        // qemu-user adds a line of its own; ours is the first.
        let line = printed.lines().next().unwrap_or_default();
        let (begin, thread) = line.split_once(" (").unwrap_or((line, ""));
        let name = match begin.strip_prefix("protect: stack overflow in thread '") {
            Some(name) => name.trim_end_matches('\''),
            None => panic!("{what}: {printed}"),
        };
        let expected = match what {
            "overflow-thread" => "deep",
            _ => &arch.comm("protect"),
        };
        assert!(name.starts_with(expected), "{what}: {printed}");
        let id = thread.trim_end_matches(')');
        assert!(
            id.parse::<u32>().is_ok_and(|id| id > 0),
            "{what}: {printed}"
        );
        // Only the library prints the message, and only with a `Report`.
        let printed = says_and_ends_by_sigsegv(arch, &[what]);
        assert!(!printed.contains("overflow"), "{what}: {printed}");
    }
}

/// After the last report is dropped, a stack overflow ends the process without a message.
fn a_report_leaves_no_mapping(arch: Arch) -> Completion {
    if arch == Arch::Arm && !arch.is_native() {
        return Completion::ignored_with(skip::UNLISTED);
    }
    let printed = says_and_ends_by_sigsegv(arch, &["reports"]);
    assert!(
        !printed.contains("overflow") && !printed.contains("panicked"),
        "{printed}"
    );
    Completion::Completed
}

fn reports_no_other_fault(arch: Arch) {
    for what in ["relro", "text", "local", "stack", "sent"] {
        let printed = says_and_ends_by_sigsegv(arch, &[what, "reported"]);
        assert!(!printed.contains("overflow"), "{what}: {printed}");
    }
}

fn reports_what_the_kernel_refuses(arch: Arch) -> Completion {
    if !arch.is_native() {
        return Completion::ignored_with(skip::STRACE);
    }
    let refused = |program: &str, call: &str| {
        let mut strace = Command::new("strace");
        strace.args(["-qq", "-o", "/dev/null"]);
        strace.arg(format!("--inject={call}:error=EPERM:when=1"));
        run(strace.arg(arch.shipped(program)).arg("--help"))
    };
    // `hello` has no words for messages.
    for program in &programs_except(&["hello"]) {
        // mprotect is called only by a program in which some constant holds an address.
        let file = std::fs::read(arch.shipped(program)).unwrap();
        if relocates(&File::parse(&file)) {
            let message = "mprotect relocated data: Operation not permitted (EPERM)";
            let printed = format!("{program}: {message}\n");
            assert_eq!(refused(program, "mprotect"), Ran::new(1, "", &printed));
        }
    }
    // A program in which no code uses a thread's words sets no thread pointer.
    let call = match arch {
        Arch::X86_64 => Some("arch_prctl"),
        Arch::X86 => Some("set_thread_area"),
        Arch::Arm => Some("set_tls"),
        Arch::Aarch64 | Arch::Riscv64 => None, // an instruction sets the register
    };
    if let Some(call) = call {
        let printed = "msort: set thread pointer: Operation not permitted (EPERM)\n";
        assert_eq!(refused("msort", call), Ran::new(1, "", printed));
    }
    Completion::Completed
}

fn ends_with_the_status_of_main(arch: Arch) {
    assert_eq!(run(&mut arch.probe("panic")), Ran::new(2, "", ""));
    assert_eq!(run(&mut arch.probe("start")).status, Some(0));
}

/// Runs the probe `panic`: it must end by SIGABRT, having said what this returns.
fn panics(arch: Arch, how: &str) -> String {
    let output = arch
        .probe("panic")
        .arg(how)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.signal(), Some(6), "{how}: {}", output.status);
    assert_eq!(output.stdout, b"");
    let printed = String::from_utf8(output.stderr).unwrap();
    // qemu-user adds a line of its own; ours is the first.
    let line = printed.lines().next().unwrap().to_owned();
    // The thread's id differs from run to run: panic: thread 'NAME' (ID) panicked...
    let (begin, rest) = line.split_once(" (").unwrap();
    let (id, rest) = rest.split_once(") ").unwrap();
    assert!(id.parse::<u32>().unwrap() > 0);
    let thread = arch.comm("panic");
    assert!(
        begin.starts_with(&format!("panic: thread '{thread}")),
        "{line}"
    );
    rest.to_owned()
}

fn reports_a_panic(arch: Arch) {
    let place = "panicked at tests/probes/src/bin/panic.rs:";
    let printed = panics(arch, "index");
    assert!(printed.starts_with(place), "{printed}");
    assert!(
        printed.ends_with(": index out of bounds: the len is 3 but the index is 7"),
        "{printed}"
    );
    let printed = panics(arch, "message");
    assert!(
        printed.starts_with(place) && printed.ends_with(": the answer is 42"),
        "{printed}"
    );
}

fn reports_a_panic_in_a_panic(arch: Arch) {
    let printed = panics(arch, "nested");
    assert!(
        printed.ends_with(": while it printed this message"),
        "{printed}"
    );
}

/// A shell that runs the probe `panic` as `"$@" index`.
fn shell(arch: Arch, script: &str) -> Command {
    let probe = arch.probe("panic");
    let mut shell = Command::new("sh");
    shell
        .args(["-c", script, "sh"])
        .arg(probe.get_program())
        .args(probe.get_args());
    shell
}

fn aborts_whatever_was_set_for_sigabrt(arch: Arch) {
    let mut ignoring = shell(arch, "trap '' ABRT; exec \"$@\" index");
    let status = ignoring.stderr(Stdio::null()).status().unwrap();
    assert_eq!(status.signal(), Some(6), "{status}");
}

/// The shell is in the same process group, and lives to say how the program ended.
fn aborts_nobody_else(arch: Arch) {
    let mut group = shell(arch, "\"$@\" index 2>/dev/null; echo status $?");
    let ran = run(group.process_group(0).stderr(Stdio::null()));
    assert_eq!((ran.status, ran.stdout.as_str()), (Some(0), "status 134\n"));
}
