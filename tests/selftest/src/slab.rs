//! Self-test cases of slabs: values by small integer keys.

use ring3::Errno;
use ring3::collections::Slab;

use crate::case::*;
use crate::cases;
use crate::mem::stays;

cases! {
    "keys from 0, and their values", [Slab::new, Slab::insert, Slab::get, Slab::get_mut], full().map(|mut slab| (0..4).all(|n| slab.get(n) == Some(&(10 * n)) && slab.get_mut(n) == Some(&mut (10 * n)))) => YES;
    "a full slab refuses a value", [Slab::insert], full().map(|mut slab| slab.insert(5) == Err(5)) => YES;
    "a freed key is reused", [Slab::take, Slab::insert], full().map(|mut slab| slab.take(2) == Some(20) && slab.take(2).is_none() && slab.insert(7) == Ok(2)) => YES;
    "the number of values and of used keys", [Slab::len, Slab::is_empty, Slab::used], full().map(|mut slab| { slab.take(0); slab.len() == 3 && !slab.is_empty() && slab.used() == 4 }) => YES;
    "all values", [Slab::iter, Slab::iter_mut], full().map(|mut slab| slab.iter_mut().map(|(_, value)| { *value += 1; *value }).sum::<usize>() == 64 && slab.iter().count() == 4) => YES;
    "no value after clear", [Slab::clear], full().map(|mut slab| { slab.clear(); slab.is_empty() && slab.used() == 0 }) => YES;
    "a thousand slabs leave no mapping", [Slab::new, Slab::insert], stays(|| Slab::new(100_000).map(|mut slab: Slab<u64>| slab.insert(1) == Ok(0))) => value(0);
    "a slab larger than the address space", [Slab::new], Slab::<u64>::new(usize::MAX).map(drop) => error(Errno::ENOMEM);
}

fn full() -> Result<Slab<usize>, Errno> {
    let mut slab = Slab::new(4)?;
    for n in 0..4 {
        if slab.insert(10 * n) != Ok(n) {
            return Err(Errno::EIO);
        }
    }
    Ok(slab)
}
