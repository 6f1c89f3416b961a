//! The heap under what the `alloc` crate offers, and at its end.

use libtest_mimic::Trial;

use crate::per_arch;
use crate::support::{Arch, Ran, limit_memory, run};

pub fn trials() -> Vec<Trial> {
    per_arch![
        vec_string_btreemap_and_arc_live_on_it,
        exhaustion_is_null_and_what_is_freed_serves_again,
        zeros_take_no_memory_until_they_are_written,
    ]
    .collect()
}

/// What the probe prints of `types`, worked out by std.
fn types() -> String {
    let squares: u64 = (0..100_000_u64).map(|n| n * n).sum();
    let text: usize = (0..10_000).map(|n: u32| n.to_string().len() + 1).sum();
    let words: Vec<u32> = (0..10_000).filter(|n| n % 3 == 0).collect();
    let last = words.iter().map(u32::to_string).max();
    let shared = words.iter().filter(|&n| n % 2 == 0).count();
    let words = words.len();
    format!("squares {squares}\ntext {text}\nwords {words} {last:?}\nshared 5000 {shared}\n")
}

fn vec_string_btreemap_and_arc_live_on_it(arch: Arch) {
    assert_eq!(
        run(arch.probe("heap").arg("types")),
        Ran::new(0, &types(), "")
    );
}

fn exhaustion_is_null_and_what_is_freed_serves_again(arch: Arch) {
    let mut probe = arch.probe("heap");
    limit_memory(arch, &mut probe, 128 << 20);
    assert_eq!(run(probe.arg("exhaust")), Ran::new(0, &types(), ""));
}

fn zeros_take_no_memory_until_they_are_written(arch: Arch) {
    assert_eq!(run(arch.probe("heap").arg("fresh")), Ran::new(0, "", ""));
}
