//! Memory that the kernel gives.

pub use crate::abi::mem::*;
use crate::{arch, auxv};

/// The size of a page in bytes, a power of two.
///
/// Where no auxiliary vector was given (the library under another runtime), the largest that the
/// architecture has: what is aligned to that is aligned to the real one too.
pub fn page_size() -> usize {
    auxv::get(auxv::AT_PAGESZ).unwrap_or(arch::PAGE_MAX)
}
