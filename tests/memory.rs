//! Tests of the heap's use of memory: how much it takes from the kernel, and how much it gives back. Under qemu-user
//! the numbers include qemu's own memory.

use libtest_mimic::{Completion, Trial};

use crate::per_arch;
use crate::skip;
use crate::support::{Arch, run};
use crate::trial::{LONG, may_take};

pub fn trials() -> Vec<Trial> {
    per_arch![
        begins_with_three_page_faults,
        zeros_are_pages_that_nobody_touched,
        what_is_freed_goes_back,
        what_others_allocated_goes_back_too,
        a_change_of_phases_takes_a_third_more_than_is_live,
        generations_of_threads_leave_nothing,
    ]
    .collect()
}

pub const MIB: u64 = 1 << 10;

/// The number that a part of the probe prints, usually in KiB.
fn number(arch: Arch, part: &str) -> u64 {
    may_take(LONG);
    let ran = run(arch.probe("memory").arg(part));
    assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""));
    ran.stdout.trim_end().parse().unwrap()
}

/// Checks that the number of a part is at most `most`, or at most `most + more` under qemu-user.
fn at_most(arch: Arch, part: &str, most: u64, more: u64) {
    let most = if arch.is_native() { most } else { most + more };
    let number = number(arch, part);
    assert!(
        number <= most,
        "{part}: {number}, but the maximum is {most}"
    );
}

fn begins_with_three_page_faults(arch: Arch) -> Completion {
    if !arch.is_native() {
        return Completion::ignored_with(skip::PAGE_FAULTS);
    }
    at_most(arch, "first", 3, 0);
    Completion::Completed
}

/// qemu-user keeps a record for each page.
fn zeros_are_pages_that_nobody_touched(arch: Arch) {
    at_most(arch, "zeros", MIB, 16 * MIB);
}

/// qemu-user keeps its translated code.
fn what_is_freed_goes_back(arch: Arch) {
    at_most(arch, "freed", 2 * MIB, 4 * MIB);
}

/// The caches and depots of five threads stay; empty, they take a MiB.
fn what_others_allocated_goes_back_too(arch: Arch) {
    at_most(arch, "handed-over", 3 * MIB, 4 * MIB);
}

/// In thousandths of 64 live MiB: 1.35, and a third of a huge page, because the last huge page is resident as a whole.
fn a_change_of_phases_takes_a_third_more_than_is_live(arch: Arch) {
    at_most(arch, "phases", 1360, 0);
}

/// The number of 2 MiB pages in use may vary by one.
fn generations_of_threads_leave_nothing(arch: Arch) {
    at_most(arch, "generations", 3 * MIB, 16 * MIB);
}
