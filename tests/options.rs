//! Options of the programs: both sides of each limit, and each pair of them.

use crate::support::{Arch, Ran, run};

/// An option whose value is a number, and the least and the largest.
pub type Number = (&'static str, u64, u64);

/// Each of these takes its least and its largest number, and no number beyond. `usage` is the first line of the help.
pub fn take_numbers_within_limits(arch: Arch, program: &str, usage: &str, numbers: &[Number]) {
    for &(option, least, most) in numbers {
        let tried = |number: u64| {
            // What follows a number that is taken is looked at.
            let number = number.to_string();
            run(arch.program(program).args([option, &number, "--version"]))
        };
        let taken = Ran::new(0, &format!("{program} (ring3) 0.1.0\n"), "");
        for number in [least, most] {
            assert_eq!(tried(number), taken, "{option} {number}");
        }
        for number in least.checked_sub(1).into_iter().chain([most + 1]) {
            let why =
                format!("{program}: {number} is not a number from {least} to {most}\n{usage}");
            assert_eq!(tried(number), Ran::new(2, "", &why), "{option} {number}");
        }
    }
}

/// Each pair of different ones, in their order.
pub fn pairs<T>(all: &[T]) -> Vec<[&T; 2]> {
    let numbered = all.iter().enumerate();
    numbered
        .flat_map(|(nth, one)| all[nth + 1..].iter().map(move |other| [one, other]))
        .collect()
}
