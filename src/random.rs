//! Random numbers from the kernel: getrandom(2).

use crate::abi::{Errno, Result, syscall};
use crate::io::retry;

/// Returns 64 random bits (getrandom(2)). Soon after boot, the call waits until the kernel's generator is
/// seeded.
///
/// # Errors
/// `ENOSYS`: a kernel before Linux 3.17, or a seccomp filter.
#[doc(alias = "getrandom")]
pub fn bits() -> Result<u64> {
    let mut bytes = [0u8; 8];
    let wait_for_seed = 0;
    // SAFETY: the kernel writes at most `bytes.len()` bytes to `bytes`, a local array.
    let count =
        retry(|| unsafe { syscall!(getrandom(bytes.as_mut_ptr(), bytes.len(), wait_for_seed)) })?;
    // The kernel returns requests of up to 256 bytes whole (getrandom(2)).
    if count == bytes.len() {
        Ok(u64::from_ne_bytes(bytes))
    } else {
        Err(Errno::EIO)
    }
}
