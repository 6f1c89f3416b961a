//! Unit tests of echoc's parts: the histogram of latencies, the pattern and the report.

use std::collections::HashSet;

use libtest_mimic::Trial;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::support::once;

#[path = "../../src/bin/echoc/histogram.rs"]
mod histogram;
#[path = "../../src/bin/echoc/pattern.rs"]
pub mod pattern;

#[path = "../../src/bin/echoc/report.rs"]
mod report;

use histogram::Histogram;
use pattern::Pattern;
use report::Outcome;
use ring3::pipe::{O_CLOEXEC, Pipe};
use ring3::text::Writer;

pub fn trials() -> [Trial; 6] {
    [
        once(
            "echoc::parts::latencies_are_printed_to_one_percent",
            latencies_are_printed_to_one_percent,
        ),
        once(
            "echoc::parts::few_latencies_and_extreme_ones",
            few_latencies_and_extreme_ones,
        ),
        once(
            "echoc::parts::a_slot_is_as_wide_as_it_should_be",
            a_slot_is_as_wide_as_it_should_be,
        ),
        once(
            "echoc::parts::shares_are_of_the_count",
            shares_are_of_the_count,
        ),
        once(
            "echoc::parts::every_figure_is_computed_of_what_came_back",
            every_figure_is_computed_of_what_came_back,
        ),
        once(
            "echoc::parts::no_piece_of_the_pattern_is_like_another",
            no_piece_of_the_pattern_is_like_another,
        ),
    ]
}

fn latencies_are_printed_to_one_percent() {
    let mut random = SmallRng::seed_from_u64(1);
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
            let printed = histogram.per_mille(share as u64);
            assert!(
                printed.abs_diff(exact) * 100 <= exact,
                "{share} in 1000 of {bits} bits: {printed}, not {exact}"
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

/// The value that the histogram reports for a latency: the middle of its slot. The width of a slot is at most 1/64 of
/// its lower end.
fn middle(value: u64) -> u64 {
    let value = value.min((1 << 42) - 1);
    match value.checked_ilog2() {
        None | Some(0..7) => value,
        Some(bits) => {
            let width = 1 << (bits - 6);
            value / width * width + width / 2
        }
    }
}

fn a_slot_is_as_wide_as_it_should_be() {
    let edges = (0..64).flat_map(|bits| [0, 1, 2, 3, 5].map(|more| (1_u64 << bits) + more));
    let values = (0..300)
        .chain(edges)
        .flat_map(|value| [value, !value, value.wrapping_sub(1)]);
    for value in values {
        let mut histogram = Histogram::new().unwrap();
        histogram.add(value);
        histogram.add(u64::MAX); // ensures that the maximum does not bound the reported values
        assert_eq!(histogram.per_mille(500), middle(value), "{value}");
        assert_eq!((histogram.count(), histogram.max()), (2, u64::MAX));
    }
}

/// Percentiles use the nearest rank: the smallest value that at least the given share of all values does not exceed.
fn shares_are_of_the_count() {
    for count in [1, 2, 3, 9, 10, 99, 100, 101, 999, 1000, 1001, 2000] {
        let mut histogram = Histogram::new().unwrap();
        // The first hundred values are reported exactly.
        (0..count).for_each(|value| histogram.add(value));
        for share in 1..=1000 {
            let rank = (1..=count)
                .find(|rank| rank * 1000 >= count * share)
                .unwrap();
            let expected = middle(rank - 1).min(count - 1);
            assert_eq!(histogram.per_mille(share), expected, "{share} of {count}");
        }
    }
}

/// The printed report of an outcome.
fn printed(outcome: Outcome) -> String {
    let pipe = Pipe::new(O_CLOEXEC).unwrap();
    let mut buffer = [0; 512];
    let mut out = Writer::new(pipe.write.as_fd(), &mut buffer);
    out.print(outcome);
    out.flush().unwrap();
    let mut text = [0; 512];
    let length = ring3::io::read(pipe.read.as_fd(), &mut text).unwrap();
    String::from_utf8(text[..length].to_vec()).unwrap()
}

fn every_figure_is_computed_of_what_came_back() {
    const MS: u64 = 1_000_000;
    for (elapsed, bytes, count, expected) in [
        (0, 0, 0, "0 requests in 0.000 s: 0 req/s, 0.000 GB/s"),
        (
            999,
            64,
            1,
            "1 requests in 0.000 s: 1000000 req/s, 0.064 GB/s",
        ),
        (
            1000 * MS,
            64_000,
            1000,
            "1000 requests in 1.000 s: 1000 req/s, 0.000 GB/s",
        ),
        (
            1000 * MS,
            499_999,
            1,
            "1 requests in 1.000 s: 1 req/s, 0.000 GB/s",
        ),
        (
            1000 * MS,
            500_000,
            1,
            "1 requests in 1.000 s: 1 req/s, 0.001 GB/s",
        ),
        (
            1000 * MS,
            12_345_678_901,
            7,
            "7 requests in 1.000 s: 7 req/s, 12.346 GB/s",
        ),
        (
            2000 * MS,
            12_345_678_901,
            3,
            "3 requests in 2.000 s: 2 req/s, 6.173 GB/s",
        ),
        (
            2000 * MS,
            8 << 30,
            2,
            "2 requests in 2.000 s: 1 req/s, 4.295 GB/s",
        ),
        (
            1000 * MS + 499_999,
            0,
            9,
            "9 requests in 1.000 s: 9 req/s, 0.000 GB/s",
        ),
        (
            1000 * MS + 500_000,
            0,
            9,
            "9 requests in 1.001 s: 9 req/s, 0.000 GB/s",
        ),
        (
            61_050 * MS,
            1,
            122_100,
            "122100 requests in 61.050 s: 2000 req/s, 0.000 GB/s",
        ),
    ] {
        let mut latencies = Histogram::new().unwrap();
        (0..count).for_each(|_| latencies.add(0));
        let outcome = Outcome {
            elapsed,
            bytes,
            latencies,
        };
        let zeros = "latency p50 0.0 us, p99 0.0 us, p99.9 0.0 us, max 0.0 us";
        assert_eq!(printed(outcome), format!("{expected}\n{zeros}\n"));
    }
    // A thousand different latencies of 1 ms, 2 ms, ..., 1 s, in shuffled order.
    let mut latencies = Histogram::new().unwrap();
    (1..=1000).for_each(|nth| latencies.add(nth * 379 % 1009 * MS + 49));
    (1..=9).for_each(|nth| latencies.add(if nth < 9 { 1 } else { 1009 * MS }));
    let all = (1..=1000).map(|nth| nth * 379 % 1009 * MS + 49);
    let mut all: Vec<_> = all.chain([1; 8]).chain([1009 * MS]).collect();
    all.sort();
    let tenths = |nanoseconds: u64| {
        let tenths = (nanoseconds + 50) / 100;
        format!("{}.{} us", tenths / 10, tenths % 10)
    };
    let [half, most, nearly] =
        [505, 999, 1008].map(|rank| tenths(middle(all[rank - 1]).min(1009 * MS)));
    let latency = format!("latency p50 {half}, p99 {most}, p99.9 {nearly}, max 1009000.0 us");
    let outcome = Outcome {
        elapsed: 1000 * MS,
        bytes: 0,
        latencies,
    };
    let text = printed(outcome);
    assert_eq!(text.lines().nth(1), Some(&*latency));
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
        let mut random = SmallRng::seed_from_u64(number);
        for _ in 0..5000 {
            let start = random.random_range(0..whole.len());
            let end = whole.len().min(start + random.random_range(0..40));
            let mut piece = vec![0; end - start];
            pattern.fill(start as u64, &mut piece);
            assert_eq!(piece, whole[start..end], "from {start}");
        }
    }
}
