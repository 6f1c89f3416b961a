//! Self-test cases of random numbers.

use ring3::Errno;
use ring3::random::bits;

use crate::case::*;
use crate::cases;

cases! {
    "64 bits", [bits], bits().map(drop) => DONE;
    "others each time", [bits], bits() != bits() => YES;
    "each of them is 0 and 1", [bits], changing() => value(64);
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
