//! How much memory of the kernel's the heap takes, and gives back. Under qemu-user what qemu takes for
//! itself is in the numbers.

use libtest_mimic::Trial;

use crate::per_arch;
use crate::support::{Arch, run};

pub fn trials() -> Vec<Trial> {
    per_arch![
        zeros_are_pages_that_nobody_touched,
        what_is_freed_goes_back,
        generations_of_threads_leave_nothing,
    ]
    .collect()
}

const MIB: u64 = 1 << 10;

/// The number that a part of the probe prints: of KiB, mostly.
fn number(arch: Arch, part: &str) -> u64 {
    let ran = run(arch.probe("memory").arg(part));
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
    ran.stdout.trim_end().parse().unwrap()
}

/// The part's number is at most `most`; under qemu-user `more` comes to that.
fn at_most(arch: Arch, part: &str, most: u64, more: u64) {
    let most = if arch.is_native() { most } else { most + more };
    let number = number(arch, part);
    assert!(number <= most, "{part}: {number}, and may be {most}");
}

/// qemu-user keeps a note for each page.
fn zeros_are_pages_that_nobody_touched(arch: Arch) {
    at_most(arch, "zeros", MIB, 16 * MIB);
}

/// qemu-user keeps what it translated.
fn what_is_freed_goes_back(arch: Arch) {
    at_most(arch, "freed", 2 * MIB, 4 * MIB);
}

/// A page of 2 MiB more may be in use at one time than at another.
fn generations_of_threads_leave_nothing(arch: Arch) {
    at_most(arch, "generations", 3 * MIB, 16 * MIB);
}
