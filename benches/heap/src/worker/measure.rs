//! Measures sections of code, and prints figures.

use crate::machine::nanoseconds;

/// How often a section is run. The fastest run counts, because it was disturbed least.
const REPETITIONS: usize = 7;

/// After this time, in nanoseconds, a slow section is not repeated any more.
const ENOUGH: u64 = 1_000_000_000;

/// Runs `section`, which does `operations` operations, several times. Prints the nanoseconds of an operation: wall time
/// as `name`, CPU time as `name-cpu`.
pub fn time(name: &str, operations: usize, mut section: impl FnMut()) {
    let now = || [libc::CLOCK_MONOTONIC, libc::CLOCK_PROCESS_CPUTIME_ID].map(nanoseconds);
    let begin = now();
    let [mut wall, mut cpu] = [u64::MAX; 2];
    for _ in 0..REPETITIONS {
        let before = now();
        section();
        let after = now();
        wall = wall.min(after[0] - before[0]);
        cpu = cpu.min(after[1] - before[1]);
        if after[0] - begin[0] > ENOUGH {
            break;
        }
    }
    let each = |time| time as f64 / operations as f64;
    print_figure(name, each(wall));
    print_figure(&format!("{name}-cpu"), each(cpu));
}

/// Prints a figure for the table.
pub fn print_figure(name: &str, figure: f64) {
    println!("{name} {figure}");
}
