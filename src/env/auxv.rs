//! The auxiliary vector: key-value pairs that the kernel passes to a program at its start (getauxval(3)).
//!
//! ```
//! use ring3::env::auxv::{self, AT_PAGESZ};
//!
//! // `None` under another run-time, such as std.
//! if let Some(size) = auxv::get(AT_PAGESZ) {
//!     assert!(size.is_power_of_two());
//! }
//! ```

use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};

pub use crate::abi::auxv::*;

/// An entry: a key `AT_*` and its value, in the kernel's layout (`create_elf_tables`).
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Entry {
    /// `AT_PAGESZ`, `AT_HWCAP`...; `AT_NULL` marks the end of the vector.
    pub key: usize,
    /// A number or an address, depending on the key.
    pub value: usize,
}

static VECTOR: AtomicPtr<Entry> = AtomicPtr::new(core::ptr::null_mut());

/// Stores the vector's address. `rt` calls this once, before `main`.
///
/// # Safety
/// `vector` points to the entries on the initial stack, of which the last has the key `AT_NULL`. The entries
/// stay valid and unchanged for as long as the process lives.
pub(crate) unsafe fn set(vector: *const Entry) {
    // Relaxed: no other thread exists yet, and starting a thread orders this store before the thread's loads.
    VECTOR.store(vector.cast_mut(), Relaxed);
}

/// The entries before `AT_NULL`. There are none if the library runs under another runtime, where `set` was
/// not called.
pub fn entries() -> impl Iterator<Item = Entry> {
    let mut next: *const Entry = VECTOR.load(Relaxed);
    core::iter::from_fn(move || {
        if next.is_null() {
            return None;
        }
        // SAFETY: `next` is at or before the `AT_NULL` entry: it starts at the first entry and advances only
        // from an entry that is not `AT_NULL`. `set`'s caller guarantees that all entries up to `AT_NULL` are
        // valid and unchanged.
        let entry = unsafe { *next };
        if entry.key == AT_NULL {
            return None;
        }
        // SAFETY: `entry` is not the `AT_NULL` entry, so at least one more entry follows.
        next = unsafe { next.add(1) };
        Some(entry)
    })
}

/// The value of the first entry with this key.
#[must_use]
pub fn get(key: usize) -> Option<usize> {
    entries()
        .find(|entry| entry.key == key)
        .map(|entry| entry.value)
}
