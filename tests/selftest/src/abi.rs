//! Self-test cases of `ring3::abi`: system calls by `syscall!`, errors and flags, and their conversion from and to
//! numbers.

use ring3::abi::process::{PRIO_PROCESS, RUSAGE_SELF, Rusage};
use ring3::abi::{Arg, check};
use ring3::fs::{O_APPEND, O_CREAT, O_EXCL, Open};
use ring3::{Errno, syscall};

use crate::case::*;
use crate::cases;

cases! {
    "a call that has no function", [], nice(PRIO_PROCESS).map(|nice| (-20..20).contains(&nice)) => YES;
    "the error of such a call", [], nice(9) => error(Errno::EINVAL);
    "a call that fills a structure", [], peak_memory().map(|size| size > 0) => YES;
    "a result that is a value", [check], left_by_a_call(5) => value(5);
    "a result that is an error", [check], left_by_a_call(-2) => error(Errno::ENOENT);
    "an argument in its register", [Arg::arg], (-1_i32).arg() == usize::MAX && u32::MAX.arg() == 0xffff_ffff && (O_CREAT | O_EXCL).arg() == 0o300 => YES;
    "an error of its number", [Errno::from_number, Errno::number], Errno::from_number(2).map_or(0, Errno::number) => value(2);
    "0 is no error", [Errno::from_number], Errno::from_number(0).is_some() => NO;
    "4096 is none, nor is -1", [Errno::from_number], Errno::from_number(4096).or(Errno::from_number(-1)).is_some() => NO;
    "name and words", [Errno::name, Errno::words], Errno::ENOSPC.name().is_some_and(|name| name.eq(*b"ENOSPC")) && Errno::ENOSPC.words().is_some_and(|words| words.eq(*b"No space left on device")) => YES;
    "a number without a name", [Errno::name, Errno::words], Errno::from_number(4000).is_some_and(|errno| errno.name().is_none() && errno.words().is_none()) => YES;
    "flags to bits and back", [bits, from_bits], Open::from_bits((O_CREAT | O_EXCL).bits()) == O_CREAT | O_EXCL => YES;
    "some flags and others", [union], O_CREAT.union(O_EXCL) == O_CREAT | O_EXCL && (O_CREAT | O_EXCL) & !O_EXCL == O_CREAT => YES;
    "all of some flags", [contains], (O_CREAT | O_EXCL).contains(O_CREAT | O_EXCL) && !O_CREAT.contains(O_CREAT | O_EXCL) => YES;
    "any of some flags", [intersects], O_CREAT.intersects(O_CREAT | O_EXCL) && !O_CREAT.intersects(O_APPEND) => YES;
}

/// The nice value of the calling process, if `which` is `PRIO_PROCESS`.
fn nice(which: i32) -> ring3::Result<i64> {
    // SAFETY: getpriority takes two numbers and changes nothing. Its result is 20 minus the nice value.
    let raw = unsafe { syscall!(getpriority(which, 0)) }?;
    Ok(20 - raw as i64)
}

/// The peak resident memory of the process, in KiB.
fn peak_memory() -> ring3::Result<i64> {
    let mut usage = Rusage::ZERO;
    // SAFETY: the kernel writes a `struct rusage` to `usage`, which has this layout.
    unsafe { syscall!(getrusage(RUSAGE_SELF, &raw mut usage)) }?;
    Ok(usage.ru_maxrss as i64)
}

/// The result of a call that left `register`, which is a value or an error.
fn left_by_a_call(register: isize) -> ring3::Result<usize> {
    // SAFETY: the cases pass such values.
    unsafe { check(register as usize) }
}
