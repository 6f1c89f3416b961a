//! A slab: stores values and hands out small integer keys; freed keys are reused first.
//!
//! The capacity is fixed, and reserves only address space. A page of the address space takes memory when the first
//! value in this page is inserted.

use core::fmt;

use crate::abi::{Errno, Result};
use crate::mem::Slots;

/// Up to a fixed number of values, each with a key. A new value gets the key that was freed last, or else the next
/// unused key. So the values lie close together, and use few pages.
pub struct Slab<T> {
    /// The key of a value is the index of its slot.
    slots: Slots<Slot<T>>,
    /// The number of slots that were ever used, or were used since the last `clear`. They are the first slots, and all
    /// of them are initialized.
    used: usize,
    /// The head of the free list: the key that was freed last, or [`NONE`].
    free: u32,
    /// The number of values.
    count: usize,
}

/// A map from the keys to the values.
impl<T: fmt::Debug> fmt::Debug for Slab<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = self
            .slots()
            .iter()
            .enumerate()
            .filter_map(|(number, slot)| match slot {
                Slot::Full(value) => Some((number, value)),
                Slot::Free(_) => None,
            });
        f.debug_map().entries(values).finish()
    }
}

/// The content of a used slot. If `T` has a niche, a slot is as large as `T`.
enum Slot<T> {
    /// The slot holds a value.
    Full(T),
    /// The slot is in the free list. Holds the key of the next slot in the free list, or [`NONE`].
    Free(u32),
}

/// The end of the free list: no slot has this key.
const NONE: u32 = u32::MAX;

impl<T> Slab<T> {
    /// The bytes that one value takes.
    pub const SLOT: usize = size_of::<Slot<T>>();

    /// Creates an empty slab.
    ///
    /// # Errors
    /// `ENOMEM`: there is not enough address space for `capacity` values.
    pub fn new(capacity: usize) -> Result<Self> {
        if capacity > NONE as usize {
            return Err(Errno::ENOMEM);
        }
        Ok(Self {
            slots: Slots::new(capacity)?,
            used: 0,
            free: NONE,
            count: 0,
        })
    }

    /// Returns the used slots.
    fn slots(&self) -> &[Slot<T>] {
        // SAFETY: the first `used` slots are initialized: `insert` writes a slot before it counts the slot as used.
        unsafe { self.slots.values(self.used) }
    }

    /// Returns the used slots as mutable.
    fn slots_mut(&mut self) -> &mut [Slot<T>] {
        // SAFETY: as in `slots`.
        unsafe { self.slots.values_mut(self.used) }
    }

    /// Inserts a value, and returns its key.
    ///
    /// # Errors
    /// Returns `value` if the slab is full.
    pub fn insert(&mut self, value: T) -> core::result::Result<usize, T> {
        let number = match self.slots().get(self.free as usize) {
            Some(&Slot::Free(next)) => core::mem::replace(&mut self.free, next) as usize,
            _ => self.used,
        };
        match self.slots.get_mut(number) {
            Some(slot) => slot.write(Slot::Full(value)),
            None => return Err(value),
        };
        self.used = self.used.max(number + 1);
        self.count += 1;
        Ok(number)
    }

    /// Returns the value with this key.
    #[must_use]
    pub fn get(&self, number: usize) -> Option<&T> {
        match self.slots().get(number)? {
            Slot::Full(value) => Some(value),
            Slot::Free(_) => None,
        }
    }

    /// Returns the value with this key as mutable.
    pub fn get_mut(&mut self, number: usize) -> Option<&mut T> {
        match self.slots_mut().get_mut(number)? {
            Slot::Full(value) => Some(value),
            Slot::Free(_) => None,
        }
    }

    /// Removes the value with this key, and returns it.
    pub fn take(&mut self, number: usize) -> Option<T> {
        let free = Slot::Free(self.free);
        let slot = self.slots_mut().get_mut(number)?;
        if let Slot::Free(_) = slot {
            return None;
        }
        let Slot::Full(value) = core::mem::replace(slot, free) else {
            return None;
        };
        self.free = number as u32;
        self.count -= 1;
        Some(value)
    }

    /// Returns a number above all keys in use.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used
    }

    /// Returns the number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are no values.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Iterates over the values, in ascending order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.slots().iter().filter_map(|slot| match slot {
            Slot::Full(value) => Some(value),
            Slot::Free(_) => None,
        })
    }

    /// Iterates over the keys and the mutable values, in ascending order of the keys.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (usize, &mut T)> {
        let slots = self.slots_mut().iter_mut().enumerate();
        slots.filter_map(|(number, slot)| match slot {
            Slot::Full(value) => Some((number, value)),
            Slot::Free(_) => None,
        })
    }

    /// Drops all values.
    pub fn clear(&mut self) {
        for number in 0..self.used {
            self.take(number);
        }
        (self.used, self.free) = (0, NONE);
    }
}

impl<T> Drop for Slab<T> {
    fn drop(&mut self) {
        self.clear();
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
        let mut slab = Slab::new(5).unwrap();
        assert!(slab.is_empty());
        assert_eq!(slab.get(0), None);
        assert_eq!(slab.get_mut(0), None);
        let numbers: Vec<_> = (10..15).map(|value| slab.insert(value).unwrap()).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4]);
        assert_eq!(slab.insert(15), Err(15));
        assert_eq!(slab.take(1), Some(11));
        assert_eq!(slab.take(1), None);
        assert_eq!(slab.take(3), Some(13));
        assert_eq!((slab.len(), slab.get_mut(3)), (3, None));
        assert_eq!((slab.get(2), slab.get(3)), (Some(&12), None));
        // The key that was freed last is reused first.
        assert_eq!((slab.insert(16), slab.insert(17)), (Ok(3), Ok(1)));
        *slab.get_mut(0).unwrap() = 18;
        assert!(slab.iter().eq(&[18, 17, 12, 16, 14]));
        assert!(slab.iter_mut().map(|(number, _)| number).eq(0..5));
        slab.clear();
        assert_eq!((slab.len(), slab.iter().count()), (0, 0));
        assert_eq!(slab.insert(19), Ok(0));
    }

    #[test]
    fn a_slab_is_shown_as_a_map() {
        let mut slab = Slab::new(3).unwrap();
        for value in 7..10 {
            slab.insert(value).unwrap();
        }
        slab.take(1);
        assert_eq!(std::format!("{slab:?}"), "{0: 7, 2: 9}");
    }

    #[test]
    fn every_value_is_dropped_once() {
        let value = Rc::new(());
        let mut slab = Slab::new(8).unwrap();
        for _ in 0..4 {
            slab.insert(value.clone()).unwrap();
        }
        drop(slab.take(2));
        assert_eq!(Rc::strong_count(&value), 4);
        slab.insert(value.clone()).unwrap();
        drop(slab);
        assert_eq!(Rc::strong_count(&value), 1);
    }

    #[test]
    fn more_than_the_address_space_is_refused() {
        assert_eq!(Slab::<u64>::new(usize::MAX).err(), Some(Errno::ENOMEM));
        let gigantic = Slab::<[u64; 1 << 20]>::new(NONE as usize).err();
        assert_eq!(gigantic, Some(Errno::ENOMEM));
        assert!(Slab::<u64>::new(0).is_ok());
    }
}
