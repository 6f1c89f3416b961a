//! Growing a `Vec` with an error instead of an abort if there is no memory.

use alloc::vec::Vec;

use ring3::{Errno, Result};

/// Makes room for `count` more items. If there is enough memory, the capacity doubles, so that a list that grows item
/// by item is not reallocated for each item.
///
/// # Errors
/// `ENOMEM`.
pub fn reserve<T>(list: &mut Vec<T>, count: usize) -> Result<()> {
    list.try_reserve(count)
        .or_else(|_| list.try_reserve_exact(count))
        .map_err(|_| Errno::ENOMEM)
}

/// Replaces the bytes of `copy` by `bytes`.
///
/// # Errors
/// `ENOMEM`.
pub fn copy(bytes: &[u8], copy: &mut Vec<u8>) -> Result<()> {
    copy.clear();
    reserve(copy, bytes.len())?;
    copy.extend_from_slice(bytes);
    Ok(())
}
