//! A table indexed by small numbers, descriptors for one, in memory that is taken as it is used.

use core::mem::MaybeUninit;
use core::ptr::NonNull;

use crate::abi::{Errno, Result};
use crate::mem;

/// Up to `capacity` values, each at an index of its own. A page of the table takes memory when the
/// first value is put there, and not before.
pub struct Table<T> {
    entries: NonNull<[Entry<T>]>,
    /// No entry from here on was ever full, nor its memory touched.
    end: usize,
}

/// All zeros, it is empty: so a fresh mapping is a valid table.
#[repr(C)]
struct Entry<T> {
    full: bool,
    value: MaybeUninit<T>,
}

impl<T> Table<T> {
    /// An empty table.
    ///
    /// # Errors
    /// `ENOMEM`: there is no address space for so many.
    pub fn new(capacity: usize) -> Result<Self> {
        const { assert!(align_of::<T>() <= 4096) }; // a mapping begins on a page
        let capacity = capacity.max(1); // no mapping is empty
        let length = capacity
            .checked_mul(size_of::<Entry<T>>())
            .ok_or(Errno::ENOMEM)?;
        let start = mem::map(length)?.cast();
        Ok(Self {
            entries: NonNull::slice_from_raw_parts(start, capacity),
            end: 0,
        })
    }

    fn entries(&mut self) -> &mut [Entry<T>] {
        // SAFETY: the mapping is this table's alone, and as long; each entry was zero, which is a
        // valid one, and is only written whole since.
        unsafe { self.entries.as_mut() }
    }

    /// Puts `value` at `index`, in place of the one that was there.
    ///
    /// # Errors
    /// `value` itself, where `index` is not below the capacity.
    pub fn insert(&mut self, index: usize, value: T) -> core::result::Result<&mut T, T> {
        if index >= self.entries.len() {
            return Err(value);
        }
        self.take(index);
        self.end = self.end.max(index + 1);
        let entry = &mut self.entries()[index];
        entry.full = true;
        Ok(entry.value.write(value))
    }

    /// The value at `index`.
    pub fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        let entry = self.entries().get_mut(index).filter(|entry| entry.full)?;
        // SAFETY: a full entry has a value.
        Some(unsafe { entry.value.assume_init_mut() })
    }

    /// Takes the value at `index` out.
    pub fn take(&mut self, index: usize) -> Option<T> {
        let entry = self.entries().get_mut(index).filter(|entry| entry.full)?;
        entry.full = false;
        // SAFETY: the entry was full, so it has a value; it is not any more, so nobody reads it again.
        Some(unsafe { entry.value.assume_init_read() })
    }

    /// The values, by rising index.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        let end = self.end;
        self.entries()[..end]
            .iter_mut()
            .filter(|entry| entry.full)
            // SAFETY: a full entry has a value.
            .map(|entry| unsafe { entry.value.assume_init_mut() })
    }

    /// Drops all values.
    pub fn clear(&mut self) {
        for index in 0..self.end {
            self.take(index);
        }
        self.end = 0;
    }
}

impl<T> Drop for Table<T> {
    fn drop(&mut self) {
        self.clear();
        let length = self.entries.len() * size_of::<Entry<T>>();
        // SAFETY: the table's whole mapping, at its end of use. It cannot fail: nothing is split.
        let _ = unsafe { mem::unmap(self.entries.cast(), length) };
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::rc::Rc;
    use std::vec::Vec;

    #[test]
    fn values_are_where_they_were_put() {
        let mut table = Table::new(1000).unwrap();
        assert_eq!(table.get_mut(0), None);
        for index in (0..1000).rev().step_by(3) {
            assert_eq!(table.insert(index, index * 7), Ok(&mut (index * 7)));
        }
        assert_eq!(table.insert(1000, 1), Err(1));
        assert_eq!(table.take(999), Some(999 * 7));
        assert_eq!(table.take(999), None);
        *table.get_mut(3).unwrap() = 5;
        let mut all: Vec<usize> = (0..999).step_by(3).map(|index| index * 7).collect();
        all[1] = 5;
        assert!(table.iter_mut().map(|value| *value).eq(all));
        table.clear();
        assert_eq!(table.iter_mut().count(), 0);
        assert_eq!(table.get_mut(3), None);
    }

    #[test]
    fn every_value_is_dropped_once() {
        let value = Rc::new(());
        let mut table = Table::new(8).unwrap();
        for index in [1, 1, 2, 7] {
            assert!(table.insert(index, value.clone()).is_ok());
        }
        assert_eq!(Rc::strong_count(&value), 4); // the second one at 1 replaced the first
        drop(table.take(2));
        assert_eq!(Rc::strong_count(&value), 3);
        drop(table);
        assert_eq!(Rc::strong_count(&value), 1);
    }

    #[test]
    fn more_than_the_address_space_is_refused() {
        assert_eq!(Table::<u64>::new(usize::MAX).err(), Some(Errno::ENOMEM));
        assert_eq!(
            Table::<u64>::new(usize::MAX / 64).err(),
            Some(Errno::ENOMEM)
        );
        assert!(Table::<u64>::new(0).is_ok());
    }
}
