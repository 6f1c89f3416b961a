//! Values in a row, in memory that is taken as it is used.

use core::mem::MaybeUninit;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

use crate::abi::{Errno, Result};
use crate::mem;

/// Up to so many values, one behind the other. It is what a vector is where there is no heap.
pub struct List<T> {
    places: NonNull<[MaybeUninit<T>]>,
    /// How many of the places, from the first on, have a value.
    length: usize,
}

// SAFETY: it owns its values and their memory, as a Vec does.
unsafe impl<T: Send> Send for List<T> {}
// SAFETY: shared, it gives nothing but shared references to its values.
unsafe impl<T: Sync> Sync for List<T> {}

impl<T> List<T> {
    /// An empty list.
    ///
    /// # Errors
    /// `ENOMEM`: there is no address space for so many.
    pub fn new(capacity: usize) -> Result<Self> {
        const { assert!(align_of::<T>() <= mem::LEAST_PAGE && size_of::<T>() > 0) }; // a mapping begins on a page
        let capacity = capacity.max(1); // no mapping is empty
        let length = capacity.checked_mul(size_of::<T>());
        let start = mem::map(length.ok_or(Errno::ENOMEM)?)?.cast();
        Ok(Self {
            places: NonNull::slice_from_raw_parts(start, capacity),
            length: 0,
        })
    }

    /// Puts `value` behind the last.
    ///
    /// # Errors
    /// `value` itself, where the list is full.
    pub fn push(&mut self, value: T) -> core::result::Result<(), T> {
        // SAFETY: the mapping is this list's alone, and as long; no place has to hold a value.
        match unsafe { self.places.as_mut() }.get_mut(self.length) {
            Some(place) => place.write(value),
            None => return Err(value),
        };
        self.length += 1;
        Ok(())
    }

    /// Takes the last value out.
    pub fn pop(&mut self) -> Option<T> {
        self.length = self.length.checked_sub(1)?;
        // SAFETY: the mapping is this list's alone, and as long.
        let place = unsafe { self.places.as_ref() }.get(self.length)?;
        // SAFETY: the place has a value, and counts no more: it is taken once.
        Some(unsafe { place.assume_init_read() })
    }
}

impl<T> Deref for List<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: the mapping is this list's alone, and longer; each of these places has a value.
        unsafe { NonNull::slice_from_raw_parts(self.places.cast(), self.length).as_ref() }
    }
}

impl<T> DerefMut for List<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`.
        unsafe { NonNull::slice_from_raw_parts(self.places.cast(), self.length).as_mut() }
    }
}

impl<T> Drop for List<T> {
    fn drop(&mut self) {
        while self.pop().is_some() {}
        let length = self.places.len() * size_of::<T>();
        // SAFETY: the list's whole mapping; the list was its only user. An error leaks the mapping, as in `Mapping`.
        let _ = unsafe { mem::unmap(self.places.cast(), length) };
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::rc::Rc;

    #[test]
    fn values_are_in_their_order() {
        let mut list = List::new(3).unwrap();
        assert!(list.is_empty());
        assert_eq!(
            [1, 2, 3, 4].map(|value| list.push(value)),
            [Ok(()), Ok(()), Ok(()), Err(4)]
        );
        assert_eq!(*list, [1, 2, 3]);
        list[1] = 5;
        assert_eq!((list.pop(), list.pop(), list.len()), (Some(3), Some(5), 1));
        assert_eq!((list.push(6), &*list), (Ok(()), &[1, 6][..]));
        assert_eq!(
            (list.pop(), list.pop(), list.pop()),
            (Some(6), Some(1), None)
        );
    }

    #[test]
    fn every_value_is_dropped_once() {
        let value = Rc::new(());
        let mut list = List::new(8).unwrap();
        for _ in 0..4 {
            list.push(value.clone()).unwrap();
        }
        drop(list.pop());
        assert_eq!(Rc::strong_count(&value), 4);
        drop(list);
        assert_eq!(Rc::strong_count(&value), 1);
    }

    #[test]
    fn more_than_the_address_space_is_refused() {
        assert_eq!(List::<u64>::new(usize::MAX).err(), Some(Errno::ENOMEM));
        assert_eq!(List::<u64>::new(1 << 60).err(), Some(Errno::ENOMEM));
        assert!(List::<u64>::new(0).is_ok());
    }
}
