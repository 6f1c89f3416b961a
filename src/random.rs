//! Random numbers from the kernel: getrandom(2).
//!
//! ```
//! let mut key = [0; 32];
//! ring3::random::fill(&mut key)?;
//! assert_ne!(key, [0; 32]); // equal once in 2^256 runs
//! # Ok::<(), ring3::Errno>(())
//! ```

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

/// Fills `buffer` with random bytes (getrandom(2)). Soon after boot, the call waits until the kernel's generator is
/// seeded.
///
/// # Errors
/// As for [`bits`]. Then some of the bytes may have changed.
#[doc(alias = "getrandom")]
pub fn fill(mut buffer: &mut [u8]) -> Result<()> {
    let wait_for_seed = 0;
    while !buffer.is_empty() {
        // A signal may end a longer request early, with the bytes so far; and 2^25 - 1 bytes are the most.
        //
        // SAFETY: the kernel writes at most `buffer.len()` bytes to `buffer`, which this function borrows mutably.
        let count = retry(|| unsafe {
            syscall!(getrandom(buffer.as_mut_ptr(), buffer.len(), wait_for_seed))
        })?;
        if count == 0 {
            return Err(Errno::EIO);
        }
        buffer = buffer.get_mut(count..).unwrap_or_default();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    #[test]
    fn every_byte_is_filled() {
        for length in [0, 1, 255, 256, 257, 10_000] {
            // A byte that stays 0 in 16 fills was not filled (or once in 2^128 times).
            let mut seen = std::vec![0; length];
            for _ in 0..16 {
                let mut bytes = std::vec![0; length];
                fill(&mut bytes).unwrap();
                seen.iter_mut()
                    .zip(bytes)
                    .for_each(|(seen, byte)| *seen |= byte);
            }
            assert!(!seen.contains(&0), "{length}");
        }
    }
}
