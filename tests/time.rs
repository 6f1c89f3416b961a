//! Tests of clocks: their values are right, and they are read without system calls if there is a vDSO.

use std::process::Command;
use std::time::Duration;

use libtest_mimic::{Completion, Trial};
use rustix::time::{ClockId, clock_gettime};

use crate::per_arch;
use crate::skip;
use crate::support::{Arch, run};

pub fn trials() -> Vec<Trial> {
    per_arch![
        clocks_agree_with_the_c_librarys,
        a_time_is_a_system_call_only_without_a_vdso,
    ]
    .collect()
}

fn clock(id: ClockId) -> Duration {
    clock_gettime(id).try_into().expect("a time after 1970")
}

fn parsed(line: &str) -> Duration {
    let (seconds, nanoseconds) = line.split_once('.').expect("SECONDS.NANOSECONDS");
    assert_eq!(nanoseconds.len(), 9);
    Duration::new(seconds.parse().unwrap(), nanoseconds.parse().unwrap())
}

fn clocks_agree_with_the_c_librarys(arch: Arch) {
    let clocks = [ClockId::Realtime, ClockId::Monotonic];
    let before = clocks.map(clock);
    let ran = run(arch.probe("time").arg("1"));
    let after = clocks.map(clock);
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
    let times: Vec<_> = ran.stdout.lines().map(parsed).collect();
    assert_eq!(times.len(), 2);
    for ((before, time), after) in before.iter().zip(times).zip(after) {
        assert!(
            *before <= time && time <= after,
            "{before:?} {time:?} {after:?}"
        );
    }
}

/// Clock sources that the vDSO can read. For others the vDSO makes the system call itself (the kernel's `enum
/// vdso_clock_mode`).
const READ_WITHOUT_THE_KERNEL: [&str; 4] = [
    "tsc",
    "kvm-clock",
    "hyperv_clocksource_tsc_page",
    "arch_sys_counter",
];

/// Reads a clock 1001 times. With a vDSO there must be no system call. Without a vDSO, as under qemu-user, each read
/// must be a system call.
fn a_time_is_a_system_call_only_without_a_vdso(arch: Arch) -> Completion {
    let probe = arch.probe("time");
    let (mut traced, expected) = if arch.is_native() {
        let source = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
        let source = std::fs::read_to_string(source).unwrap_or_default();
        if !READ_WITHOUT_THE_KERNEL.contains(&source.trim()) {
            return Completion::ignored_with(skip::clock(&source));
        }
        let mut strace = Command::new("strace");
        strace.arg(probe.get_program());
        (strace, 0)
    } else {
        let mut qemu = Command::new(probe.get_program());
        qemu.arg("-strace").args(probe.get_args());
        (qemu, 1001)
    };
    let ran = run(traced.arg("1000"));
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    let calls = |name| {
        ran.stderr
            .lines()
            .filter(|line| line.contains(name))
            .count()
    };
    assert_eq!(calls("write("), 1, "{}", ran.stderr);
    assert_eq!(calls("clock_gettime("), expected);
    Completion::Completed
}
