//! The auxiliary vector: what the kernel tells a program at its start (getauxval(3)).

use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};

pub use crate::abi::auxv::*;

/// One entry: a key `AT_*` and its value, as the kernel lays them out (`create_elf_tables`).
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Entry {
    /// `AT_PAGESZ`, `AT_HWCAP`...; `AT_NULL` ends the vector.
    pub key: usize,
    /// A number or an address, as the key says.
    pub value: usize,
}

static VECTOR: AtomicPtr<Entry> = AtomicPtr::new(core::ptr::null_mut());

/// Says where the vector is. `rt` does it once, before `main`.
///
/// # Safety
/// `vector` is the vector on the initial stack: entries up to one of `AT_NULL`, valid and unchanged
/// for as long as the process lives.
pub(crate) unsafe fn set(vector: *const Entry) {
    // Relaxed: no other thread exists yet, and starting a thread orders this store before the thread's loads.
    VECTOR.store(vector.cast_mut(), Relaxed);
}

/// The entries before `AT_NULL`; none where the library runs under another runtime.
pub fn entries() -> impl Iterator<Item = Entry> {
    let mut next: *const Entry = VECTOR.load(Relaxed);
    core::iter::from_fn(move || {
        if next.is_null() {
            return None;
        }
        // SAFETY: `set` was promised entries up to AT_NULL, and this one is not behind it.
        let entry = unsafe { *next };
        if entry.key == AT_NULL {
            return None;
        }
        // SAFETY: there is an entry behind every one that is not AT_NULL.
        next = unsafe { next.add(1) };
        Some(entry)
    })
}

/// The value of the first entry of that key.
pub fn get(key: usize) -> Option<usize> {
    entries()
        .find(|entry| entry.key == key)
        .map(|entry| entry.value)
}
