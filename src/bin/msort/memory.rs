//! Room for more, or the error that says there is none.

use alloc::vec::Vec;

use ring3::{Errno, Result};

/// Makes room for `count` more items: for as many again as there are, where memory allows that, so
/// that a list which grows item by item does not ask each time.
///
/// # Errors
/// `ENOMEM`.
pub fn reserve<T>(list: &mut Vec<T>, count: usize) -> Result<()> {
    list.try_reserve(count)
        .or_else(|_| list.try_reserve_exact(count))
        .map_err(|_| Errno::ENOMEM)
}
