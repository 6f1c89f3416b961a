//! Inputs for the tests of msort.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// Lines of random lengths with random bytes from `bytes`. A newline occurs in a line only if it is in `bytes`.
pub fn random_lines(
    seed: u64,
    count: usize,
    lengths: std::ops::Range<usize>,
    bytes: &[u8],
) -> Vec<u8> {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut text = Vec::new();
    for _ in 0..count {
        let length = random.random_range(lengths.clone());
        text.extend((0..length).map(|_| bytes[random.random_range(0..bytes.len())]));
        text.push(b'\n');
    }
    text
}

fn joined(lines: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    lines
        .into_iter()
        .flat_map(|mut line| {
            line.push(b'\n');
            line
        })
        .collect()
}

/// Every line is a prefix of all longer lines. At each key one line ends and the others continue.
pub fn each_in_the_next() -> Vec<u8> {
    joined((0..2_000).map(|n| vec![b'a'; 7 * (n * 7 % 2_000)]))
}

/// The inputs, by name.
pub fn inputs() -> Vec<(&'static str, Vec<u8>)> {
    let all_bytes: Vec<u8> = (0..=255).collect();
    let long = 10 << 20;
    let numbers = || (0..100_000_u32).map(|n| format!("{n:06}").into_bytes());
    let mut without_end = random_lines(1, 1000, 0..30, b"abc");
    without_end.pop();
    let mut zeros_for_newlines = random_lines(2, 20_000, 0..30, b"ab\n");
    zeros_for_newlines
        .iter_mut()
        .for_each(|byte| *byte = if *byte == b'a' { 0 } else { *byte });
    vec![
        ("nothing", vec![]),
        ("one newline", b"\n".to_vec()),
        ("one zero", b"\0".to_vec()),
        ("one byte", b"a".to_vec()),
        ("one line", b"a\n".to_vec()),
        ("empty lines", b"\n\nb\n\na\n\n".to_vec()),
        ("many empty lines", vec![b'\n'; 200_000]),
        ("no last newline", without_end),
        ("only the last line lacks its newline", b"b\nb".to_vec()),
        ("carriage returns", b"b\r\na\n\r\na\r\n".to_vec()),
        ("every byte", [&all_bytes[..], &all_bytes[..]].concat()),
        ("random bytes", random_lines(3, 50_000, 0..20, &all_bytes)),
        // Lengths around the size of a key, with bytes below and above a newline and a padding zero.
        (
            "lengths around 7",
            random_lines(4, 50_000, 5..10, b"\0\x01\t\x0b\xff"),
        ),
        (
            "lengths around 14",
            random_lines(5, 50_000, 12..17, b"\0\x01"),
        ),
        (
            "zeros of every length",
            joined((0..200).rev().map(|length| vec![0; length])),
        ),
        ("zeros between", zeros_for_newlines),
        (
            "equal lines",
            joined(vec![b"the same line again".to_vec(); 100_000]),
        ),
        ("sorted", joined(numbers())),
        ("reversed", joined(numbers().rev())),
        (
            "random",
            random_lines(6, 200_000, 8..51, b"0123456789abcdef"),
        ),
        ("few different", random_lines(7, 200_000, 0..3, b"ab")),
        (
            "long common beginnings",
            joined((0..5_000_u32).map(|n| {
                let mut line = vec![b'x'; 1000];
                line.extend((n.wrapping_mul(2_654_435_761) >> 8).to_string().bytes());
                line
            })),
        ),
        ("each the beginning of the next", each_in_the_next()),
        (
            "a line of 10 MiB",
            [vec![b'x'; long], b"\nw\ny\n".to_vec()].concat(),
        ),
        (
            "lines of 10 MiB that differ at their ends",
            joined([b'c', b'a', b'b'].map(|last| [vec![b'x'; long], vec![last]].concat())),
        ),
    ]
}

/// A size at which `msort` uses a second thread.
pub const SHARED: usize = 2 << 20;

/// Inputs for several threads, by name.
pub fn shared_inputs() -> Vec<(&'static str, Vec<u8>)> {
    let random = random_lines(20, 80_000, 8..51, b"0123456789abcdef");
    let numbers = || (0..300_000_u32).map(|n| format!("{n:09}").into_bytes());
    let mut zeros = random_lines(21, 300_000, 0..20, b"\0a\n");
    zeros.pop();
    vec![
        ("one byte too few", random[..SHARED - 1].to_vec()),
        ("just enough", random[..SHARED].to_vec()),
        ("one byte more", random[..=SHARED].to_vec()),
        ("sorted", joined(numbers())),
        ("reversed", joined(numbers().rev())),
        (
            "equal lines",
            joined(vec![b"the same line again".to_vec(); 120_000]),
        ),
        (
            "few different",
            joined((0..120_000).map(|n| format!("line {:012}", n * 7 % 11).into_bytes())),
        ),
        ("empty lines", vec![b'\n'; SHARED]),
        ("short lines", random_lines(22, 900_000, 0..4, b"ab")),
        (
            "keys and no more",
            random_lines(23, 350_000, 6..9, b"\0\x01"),
        ),
        (
            "a common beginning",
            joined((0..100_000_u32).map(|n| {
                let number = n.wrapping_mul(2_654_435_761);
                format!("/usr/share/doc/{number}").into_bytes()
            })),
        ),
        ("one line", vec![b'x'; SHARED]),
        (
            "a long line among others",
            [&random[..SHARED / 2], &vec![b'7'; SHARED], b"\n", &random].concat(),
        ),
        ("zeros", zeros),
    ]
}
