//! Parts of echoc by themselves: its latencies, its pattern.

use std::collections::HashSet;

use libtest_mimic::Trial;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::support::once;

#[path = "../../src/bin/echoc/histogram.rs"]
mod histogram;
#[path = "../../src/bin/echoc/pattern.rs"]
pub mod pattern;

use histogram::Histogram;
use pattern::Pattern;

pub fn trials() -> [Trial; 3] {
    [
        once(
            "echoc::parts::latencies_are_told_to_one_percent",
            latencies_are_told_to_one_percent,
        ),
        once(
            "echoc::parts::few_latencies_and_extreme_ones",
            few_latencies_and_extreme_ones,
        ),
        once(
            "echoc::parts::no_piece_of_the_pattern_is_like_another",
            no_piece_of_the_pattern_is_like_another,
        ),
    ]
}

fn latencies_are_told_to_one_percent() {
    let mut random = StdRng::seed_from_u64(1);
    for bits in 1..=41 {
        let mut histogram = Histogram::new().unwrap();
        let mut values: Vec<u64> = (0..5000)
            .map(|_| random.random::<u64>() >> 1 >> (63 - random.random_range(1..=bits)))
            .collect();
        values.iter().for_each(|&value| histogram.add(value));
        values.sort();
        assert_eq!(histogram.count(), 5000);
        assert_eq!(histogram.max(), values[4999]);
        for share in [1, 10, 500, 900, 990, 999, 1000] {
            let exact = values[5 * share - 1];
            let told = histogram.per_mille(share as u64);
            assert!(
                told.abs_diff(exact) * 100 <= exact,
                "{share} in 1000 of {bits} bits: {told}, not {exact}"
            );
        }
    }
}

fn few_latencies_and_extreme_ones() {
    let mut histogram = Histogram::new().unwrap();
    assert_eq!((histogram.per_mille(500), histogram.max()), (0, 0));
    histogram.add(1_000_003);
    for share in [1, 500, 1000] {
        assert!(histogram.per_mille(share).abs_diff(1_000_003) <= 10_000);
    }
    histogram.add(0);
    assert_eq!(histogram.per_mille(500), 0);
    histogram.add(u64::MAX);
    assert_eq!((histogram.count(), histogram.max()), (3, u64::MAX));
    assert!(histogram.per_mille(1000) > 1 << 41);
}

fn no_piece_of_the_pattern_is_like_another() {
    let mut seen = HashSet::new();
    for number in 0..4 {
        let pattern = Pattern::new(number);
        let mut whole = vec![0; 20_000];
        pattern.fill(0, &mut whole);
        for piece in whole.windows(8) {
            assert!(seen.insert(piece.to_vec()), "{piece:?} twice");
        }
        let mut random = StdRng::seed_from_u64(number);
        for _ in 0..5000 {
            let start = random.random_range(0..whole.len());
            let end = whole.len().min(start + random.random_range(0..40));
            let mut piece = vec![0; end - start];
            pattern.fill(start as u64, &mut piece);
            assert_eq!(piece, whole[start..end], "from {start}");
        }
    }
}
