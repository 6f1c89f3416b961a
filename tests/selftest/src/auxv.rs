//! Self-test cases of the auxiliary vector.

use ring3::Errno;
use ring3::env::auxv::*;

use crate::case::*;
use crate::cases;

cases! {
    "there are entries", [auxv::entries], entries().count() > 5 => YES;
    "a page is a power of two, from 4 KiB to 64 KiB", [auxv::get], get(AT_PAGESZ).is_some_and(|page| page.is_power_of_two() && (4096..=65536).contains(&page)) => YES;
    "no entry of a key that is none", [auxv::get], get(usize::MAX).is_some() => NO;
    "the end is no entry", [auxv::entries, auxv::get], get(AT_NULL).is_some() => NO;
    "16 random bytes", [auxv::get], get(AT_RANDOM).is_some() => YES;
    "no more rights than the caller", [auxv::get], get(AT_SECURE).map_or(-1, |secure| secure as i64) => value(0);
    "the path of the executable", [auxv::get], get(AT_EXECFN).is_some() => YES;
    "what the CPU can", [auxv::get], get(AT_HWCAP).is_some_and(|bits| bits != 0) => YES;
    "there is a vDSO", [auxv::get], get(AT_SYSINFO_EHDR).map(drop).ok_or(Errno::ENOENT) => DONE, cannot ENOENT;
    "how much stack a signal takes", [auxv::get], get(AT_MINSIGSTKSZ).map(|bytes| bytes >= 1024).ok_or(Errno::ENOENT) => YES, cannot ENOENT;
}
