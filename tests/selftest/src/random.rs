//! Random numbers.

use ring3::random::bits;

use crate::case::*;
use crate::cases;

cases! {
    "64 bits", [bits], bits().map(drop) => DONE;
    "others each time", [bits], bits() != bits() => YES;
}
