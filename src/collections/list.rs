//! A list: a vector of fixed capacity that needs no heap.
//!
//! The capacity reserves only address space. A page of the address space takes memory when the first value in this page
//! is pushed.

use core::fmt;
use core::ops::{Deref, DerefMut};

use crate::abi::Result;
use crate::mem::Slots;

/// Up to a fixed number of values, in order: a `Vec` for programs without a heap.
pub struct List<T> {
    slots: Slots<T>,
    /// The number of values. They are in the first slots.
    length: usize,
}

impl<T: fmt::Debug> fmt::Debug for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<T> List<T> {
    /// Creates an empty list.
    ///
    /// # Errors
    /// `ENOMEM`: there is not enough address space for `capacity` values.
    pub fn new(capacity: usize) -> Result<Self> {
        Ok(Self {
            slots: Slots::new(capacity)?,
            length: 0,
        })
    }

    /// Appends a value.
    ///
    /// # Errors
    /// Returns `value` if the list is full.
    pub fn push(&mut self, value: T) -> core::result::Result<(), T> {
        match self.slots.get_mut(self.length) {
            Some(slot) => slot.write(value),
            None => return Err(value),
        };
        self.length += 1;
        Ok(())
    }

    /// Removes the last value, and returns it.
    pub fn pop(&mut self) -> Option<T> {
        self.length = self.length.checked_sub(1)?;
        let slot = self.slots.get(self.length)?;
        // SAFETY: `push` initialized this slot, and the decremented length no longer includes it. So the value is taken
        // once.
        Some(unsafe { slot.assume_init_read() })
    }
}

impl<T> Deref for List<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: the first `length` slots are initialized: `push` writes a slot before it counts the slot.
        unsafe { self.slots.values(self.length) }
    }
}

impl<T> DerefMut for List<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`.
        unsafe { self.slots.values_mut(self.length) }
    }
}

impl<T> Drop for List<T> {
    fn drop(&mut self) {
        while self.pop().is_some() {}
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::Errno;
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
        assert_eq!(
            List::<u64>::new((usize::MAX - 0xffff) / 8).err(),
            Some(Errno::ENOMEM)
        );
        assert!(List::<u64>::new(0).is_ok());
    }
}
