//! Values by small numbers that it gives them itself, in memory that is taken as it is used.

use core::mem::MaybeUninit;
use core::ptr::NonNull;

use crate::abi::{Errno, Result};
use crate::mem;

/// Up to `capacity` values. Each gets the number of one that left, or the next: so they lie side by side,
/// and a page takes memory when the first of its values comes, and not before.
pub struct Slab<T> {
    slots: NonNull<[MaybeUninit<Slot<T>>]>,
    /// How many slots were ever used, from the first on.
    used: usize,
    /// The free one among them that was used last, and [`NONE`] where there is none.
    free: u32,
    /// How many values there are.
    count: usize,
}

/// A slot that was used. Where `T` has a bit pattern to spare it is as large as `T`.
enum Slot<T> {
    Full(T),
    /// The one that was free before it.
    Free(u32),
}

/// No slot's number.
const NONE: u32 = u32::MAX;

// SAFETY: it owns its values and their memory, as a Vec does.
unsafe impl<T: Send> Send for Slab<T> {}
// SAFETY: shared, it gives nothing but shared references to its values.
unsafe impl<T: Sync> Sync for Slab<T> {}

impl<T> Slab<T> {
    /// What one value takes, in bytes.
    pub const SLOT: usize = size_of::<Slot<T>>();

    /// An empty slab.
    ///
    /// # Errors
    /// `ENOMEM`: there is no address space for so many.
    pub fn new(capacity: usize) -> Result<Self> {
        const { assert!(align_of::<T>() <= mem::LEAST_PAGE) }; // a mapping begins on a page
        let capacity = capacity.max(1); // no mapping is empty
        if capacity > NONE as usize {
            return Err(Errno::ENOMEM);
        }
        let length = capacity.checked_mul(Self::SLOT).ok_or(Errno::ENOMEM)?;
        let start = mem::map(length)?.cast();
        Ok(Self {
            slots: NonNull::slice_from_raw_parts(start, capacity),
            used: 0,
            free: NONE,
            count: 0,
        })
    }

    /// The slots that were used.
    fn slots(&self) -> &[Slot<T>] {
        // SAFETY: the mapping is this slab's alone, and longer; each of its first `used` slots was written.
        unsafe { NonNull::slice_from_raw_parts(self.slots.cast(), self.used).as_ref() }
    }

    /// The same, to change them.
    fn slots_mut(&mut self) -> &mut [Slot<T>] {
        // SAFETY: as in `slots`.
        unsafe { NonNull::slice_from_raw_parts(self.slots.cast(), self.used).as_mut() }
    }

    /// Takes `value` in and says its number.
    ///
    /// # Errors
    /// `value` itself, where the slab is full.
    pub fn insert(&mut self, value: T) -> core::result::Result<usize, T> {
        let number = match self.slots().get(self.free as usize) {
            Some(&Slot::Free(next)) => core::mem::replace(&mut self.free, next) as usize,
            _ => self.used,
        };
        // SAFETY: the mapping is this slab's alone, and as long.
        match unsafe { self.slots.as_mut() }.get_mut(number) {
            Some(slot) => slot.write(Slot::Full(value)),
            None => return Err(value),
        };
        self.used = self.used.max(number + 1);
        self.count += 1;
        Ok(number)
    }

    /// The value of that number.
    pub fn get(&self, number: usize) -> Option<&T> {
        match self.slots().get(number)? {
            Slot::Full(value) => Some(value),
            Slot::Free(_) => None,
        }
    }

    /// The same, to change it.
    pub fn get_mut(&mut self, number: usize) -> Option<&mut T> {
        match self.slots_mut().get_mut(number)? {
            Slot::Full(value) => Some(value),
            Slot::Free(_) => None,
        }
    }

    /// Takes the value of that number out.
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

    /// Above every number that was given.
    pub fn used(&self) -> usize {
        self.used
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The values, by rising number.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.slots().iter().filter_map(|slot| match slot {
            Slot::Full(value) => Some(value),
            Slot::Free(_) => None,
        })
    }

    /// The values to change, with their numbers, by rising number.
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
        let length = self.slots.len() * Self::SLOT;
        // SAFETY: the slab's whole mapping; the slab was its only user. An error leaks the mapping, as in `Mapping`.
        let _ = unsafe { mem::unmap(self.slots.cast(), length) };
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
        // The one that left last comes first.
        assert_eq!((slab.insert(16), slab.insert(17)), (Ok(3), Ok(1)));
        *slab.get_mut(0).unwrap() = 18;
        assert!(slab.iter().eq(&[18, 17, 12, 16, 14]));
        assert!(slab.iter_mut().map(|(number, _)| number).eq(0..5));
        slab.clear();
        assert_eq!((slab.len(), slab.iter().count()), (0, 0));
        assert_eq!(slab.insert(19), Ok(0));
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
