//! Random numbers of the kernel.

use crate::abi::{Errno, Result, syscall};
use crate::io::retry;

/// 64 random bits (getrandom(2)). Early in the system's start it waits until the kernel has collected enough.
///
/// # Errors
/// `ENOSYS`: a kernel before Linux 3.17, or a filter.
pub fn bits() -> Result<u64> {
    let mut bytes = [0u8; 8];
    let wait_for_seed = 0;
    // SAFETY: the kernel writes at most 8 bytes into a buffer of ours.
    let count =
        retry(|| unsafe { syscall!(getrandom(bytes.as_mut_ptr(), bytes.len(), wait_for_seed)) })?;
    // Up to 256 bytes come whole (getrandom(2)).
    if count == bytes.len() {
        Ok(u64::from_ne_bytes(bytes))
    } else {
        Err(Errno::EIO)
    }
}
