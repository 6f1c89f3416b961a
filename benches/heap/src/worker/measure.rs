//! A measured section, and what is said of it.

use crate::machine::nanoseconds;

/// How often a section is repeated: the fastest counts, the one that was disturbed least.
const REPETITIONS: usize = 7;

/// Nanoseconds after which a slow one is not repeated any more.
const ENOUGH: u64 = 1_000_000_000;

/// Runs `section`, which does `operations`, again and again and says what one took.
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
    say(name, each(wall));
    say(&format!("{name}-cpu"), each(cpu));
}

/// A figure, for the table.
pub fn say(name: &str, figure: f64) {
    println!("{name} {figure}");
}
