//! Self-test cases of random numbers.

use ring3::Errno;
use ring3::random::{bits, fill};

use crate::case::*;
use crate::cases;

cases! {
    "64 bits", [bits], bits().map(drop) => DONE;
    "others each time", [bits], bits() != bits() => YES;
    "each of them is 0 and 1", [bits], changing() => value(64);
    "as many bytes as asked for", [fill], filled() => value(0);
    "no bytes", [fill], fill(&mut []) => DONE;
}

/// How many of the 64 bits were both 0 and 1 in 64 numbers. With real random numbers fewer than 64 have a probability
/// of 2^-57.
fn changing() -> Result<u32, Errno> {
    let (mut ones, mut zeros) = (0, 0);
    for _ in 0..64 {
        let bits = bits()?;
        ones |= bits;
        zeros |= !bits;
    }
    Ok((ones & zeros).count_ones())
}

/// How many of 1000 bytes were 0 in each of 16 fills. With real random numbers one is, once in 2^118 times.
fn filled() -> Result<usize, Errno> {
    let mut seen = [0; 1000];
    for _ in 0..16 {
        let mut bytes = [0; 1000];
        fill(&mut bytes)?;
        seen.iter_mut()
            .zip(bytes)
            .for_each(|(seen, byte)| *seen |= byte);
    }
    Ok(seen.iter().filter(|&&byte| byte == 0).count())
}
