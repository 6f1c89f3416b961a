//! Seals of files in memory: operations that nobody can do any more (fcntl(2), "File Sealing").

use crate::abi::fs::*;
use crate::abi::{Result, syscall};
use crate::fd::BorrowedFd;

/// The seals of a file in memory (fcntl(2), `F_GET_SEALS`).
///
/// # Errors
/// `EINVAL`: the file system has no seals.
#[doc(alias = "fcntl")]
#[doc(alias = "F_GET_SEALS")]
pub fn seals(file: BorrowedFd<'_>) -> Result<Seal> {
    // SAFETY: F_GET_SEALS takes no pointer; the kernel accesses no memory of this process.
    unsafe { syscall!(fcntl(file, F_GET_SEALS)) }.map(|bits| Seal::from_bits(bits as _))
}

/// Adds seals to a file in memory, for ever (fcntl(2), `F_ADD_SEALS`).
///
/// # Errors
/// `EPERM`: the file is not open for writing, or has `F_SEAL_SEAL`. `EBUSY`: `F_SEAL_WRITE`, and the file is mapped
/// for writing. `EINVAL`: the file system has no seals, or the kernel does not know one.
#[doc(alias = "fcntl")]
#[doc(alias = "F_ADD_SEALS")]
pub fn add_seals(file: BorrowedFd<'_>, seals: Seal) -> Result<()> {
    // SAFETY: F_ADD_SEALS takes a number; the kernel accesses no memory of this process.
    unsafe { syscall!(fcntl(file, F_ADD_SEALS, seals)) }.map(drop)
}
