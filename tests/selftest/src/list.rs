//! Self-test cases of lists: vectors of fixed capacity.

use ring3::Errno;
use ring3::collections::List;

use crate::case::*;
use crate::cases;
use crate::mem::stays;

cases! {
    "values stay in the order of insertion", [List::new, List::push], full().map(|list| list.iter().sum::<u32>()) => value(60);
    "a full list refuses a value", [List::push], full().map(|mut list| list.push(1) == Err(1)) => YES;
    "pop returns the last value", [List::pop], full().map(|mut list| list.pop() == Some(30) && list.len() == 2) => YES;
    "pop of an empty list", [List::pop], List::<u32>::new(3).map(|mut list| list.pop().is_none()) => YES;
    "a thousand lists leave no mapping", [List::new, List::push], stays(|| List::new(100_000).map(|mut list: List<u64>| list.push(1) == Ok(()))) => value(0);
    "a list larger than the address space", [List::new], List::<u64>::new(usize::MAX / 4).map(drop) => error(Errno::ENOMEM);
}

fn full() -> Result<List<u32>, Errno> {
    let mut list = List::new(3)?;
    for value in [10, 20, 30] {
        list.push(value).map_err(|_| Errno::EIO)?;
    }
    Ok(list)
}
