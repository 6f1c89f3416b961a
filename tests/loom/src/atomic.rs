//! `core::sync::atomic` on top of loom's atomics, for memory that the model's kernel may unmap.

use std::cell::Cell;

use loom::cell::UnsafeCell;
pub use loom::sync::atomic::{Ordering, fence};

/// Does nothing. loom's own `spin_loop` runs all other threads first, so no thread would ever have to wait for a lock.
pub mod hint {
    pub fn spin_loop() {}
}

use crate::kernel;

macro_rules! atomic {
    ($name:ident of $value:ty, $($change:ident: $changed:expr),*) => {
        /// An atomic with the operations of core's type that the library uses.
        pub struct $name {
            atomic: loom::sync::atomic::$name,
            /// The last value in the modification order.
            latest: Cell<$value>,
            /// Each use of the atomic reads this cell, and its drop writes the cell: loom reports a use that races with
            /// the drop.
            used: UnsafeCell<()>,
        }

        // SAFETY: loom runs one thread at a time, and switches threads only at its own atomic operations. No access to
        // `latest` contains such an operation, so accesses to `latest` never overlap.
        unsafe impl Sync for $name {}

        impl $name {
            #[track_caller]
            pub fn new(value: $value) -> Self {
                Self {
                    atomic: loom::sync::atomic::$name::new(value),
                    latest: Cell::new(value),
                    used: UnsafeCell::new(()),
                }
            }

            #[track_caller]
            pub fn load(&self, order: Ordering) -> $value {
                self.access(|atomic| atomic.load(order), |_| None)
            }

            #[track_caller]
            pub fn store(&self, value: $value, order: Ordering) {
                self.access(|atomic| atomic.store(value, order), |()| Some(value))
            }

            #[track_caller]
            pub fn swap(&self, value: $value, order: Ordering) -> $value {
                self.access(|atomic| atomic.swap(value, order), |_| Some(value))
            }

            #[track_caller]
            pub fn compare_exchange(
                &self,
                old: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                self.access(
                    |atomic| atomic.compare_exchange(old, new, success, failure),
                    |result| result.is_ok().then_some(new),
                )
            }

            #[track_caller]
            pub fn compare_exchange_weak(
                &self,
                old: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                self.compare_exchange(old, new, success, failure)
            }

            $(
                #[track_caller]
                pub fn $change(&self, value: $value, order: Ordering) -> $value {
                    let changed: fn($value, $value) -> $value = $changed;
                    self.access(
                        |atomic| atomic.$change(value, order),
                        |&old| Some(changed(old, value)),
                    )
                }
            )*

            /// The last value in the modification order. Reading it synchronizes with no other thread.
            #[track_caller]
            pub fn latest(&self) -> $value {
                self.load(Ordering::Relaxed); // a switch point: loom tries this read before and after each change
                self.latest.get()
            }

            #[track_caller]
            fn access<T>(
                &self,
                access: impl FnOnce(&loom::sync::atomic::$name) -> T,
                changed: impl FnOnce(&T) -> Option<$value>,
            ) -> T {
                let address = (&raw const *self).addr();
                kernel::use_memory(address);
                self.used.with(|_| ());
                let result = access(&self.atomic);
                kernel::is_there(address); // loom may have run other threads before the access
                if let Some(value) = changed(&result) {
                    self.latest.set(value);
                }
                result
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.latest.get().fmt(f)
            }
        }

        impl Drop for $name {
            #[track_caller]
            fn drop(&mut self) {
                // A failed model checks nothing more.
                if !std::thread::panicking() {
                    self.used.with_mut(|_| ());
                }
            }
        }
    };
}

atomic!(AtomicU32 of u32, fetch_add: u32::wrapping_add, fetch_sub: u32::wrapping_sub);
atomic!(
    AtomicU64 of u64,
    fetch_add: u64::wrapping_add,
    fetch_sub: u64::wrapping_sub,
    fetch_or: |old, bits| old | bits,
    fetch_and: |old, bits| old & bits
);

impl AtomicU32 {
    /// Does the kernel's store of 0 for a thread that has ended. The store is relaxed, because the kernel promises no
    /// more. It is not recorded as a use of the memory: a thread that reads the 0 may unmap the memory.
    pub fn clear(&self) {
        self.atomic.store(0, Ordering::Relaxed);
        kernel::is_there((&raw const *self).addr());
        self.latest.set(0);
    }

    /// The address that the futex calls take.
    pub fn as_ptr(&self) -> *mut u32 {
        (&raw const *self).cast_mut().cast()
    }
}
