//! Self-test cases of `ring3::abi`: errors and flags, and their conversion from and to numbers.

use ring3::Errno;
use ring3::fs::{O_APPEND, O_CREAT, O_EXCL, Open};

use crate::case::*;
use crate::cases;

cases! {
    "an error of its number", [Errno::from_number, Errno::number], Errno::from_number(2).map_or(0, Errno::number) => value(2);
    "0 is no error", [Errno::from_number], Errno::from_number(0).is_some() => NO;
    "4096 is none, nor is -1", [Errno::from_number], Errno::from_number(4096).or(Errno::from_number(-1)).is_some() => NO;
    "name and words", [Errno::name, Errno::words], Errno::ENOSPC.name().is_some_and(|name| name.eq(*b"ENOSPC")) && Errno::ENOSPC.words().is_some_and(|words| words.eq(*b"No space left on device")) => YES;
    "a number without a name", [Errno::name, Errno::words], Errno::from_number(4000).is_some_and(|errno| errno.name().is_none() && errno.words().is_none()) => YES;
    "flags to bits and back", [bits, from_bits], Open::from_bits((O_CREAT | O_EXCL).bits()) == O_CREAT | O_EXCL => YES;
    "all of some flags", [contains], (O_CREAT | O_EXCL).contains(O_CREAT | O_EXCL) && !O_CREAT.contains(O_CREAT | O_EXCL) => YES;
    "any of some flags", [intersects], O_CREAT.intersects(O_CREAT | O_EXCL) && !O_CREAT.intersects(O_APPEND) => YES;
}
