//! `core::sync::atomic` on loom's atomics, in memory that the kernel may unmap.

use std::cell::Cell;

use loom::cell::UnsafeCell;
pub use loom::sync::atomic::{Ordering, fence};

/// loom's own `spin_loop` runs all other threads first, so that no thread would ever wait for a lock.
pub mod hint {
    pub fn spin_loop() {}
}

use crate::kernel;

macro_rules! atomic {
    ($name:ident of $value:ty, $($change:ident: $changed:expr),*) => {
        /// The part of core's type that the library uses.
        pub struct $name {
            atomic: loom::sync::atomic::$name,
            /// The last value in the modification order.
            latest: Cell<$value>,
            /// A use of the atomic reads this, its drop writes this: loom reports a use that races with the drop.
            used: UnsafeCell<()>,
        }

        // SAFETY: loom runs one thread at a time, and `latest` is used only between two switches of threads.
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

            /// The last value in the modification order. Reading it orders nothing.
            #[track_caller]
            pub fn latest(&self) -> $value {
                self.load(Ordering::Relaxed); // so that loom tries this before and after each change
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
                kernel::is_there(address); // other threads ran before the access
                if let Some(value) = changed(&result) {
                    self.latest.set(value);
                }
                result
            }
        }

        impl Drop for $name {
            #[track_caller]
            fn drop(&mut self) {
                // In a model that has failed nothing more is checked.
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
    /// The kernel's store of 0 for a thread that has ended: relaxed, because the kernel promises no more. This store is
    /// not recorded as a use: a thread that reads the 0 may unmap the memory.
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
