//! Lists of C strings for execve(2), built at run time.

use core::ffi::{CStr, c_char};
use core::marker::PhantomData;
use core::ptr;

use crate::abi::{Errno, Result};
use crate::env::Strings;
use crate::mem::Mapping;

/// Memory for building several lists, one after the other. It is a mapping, so it needs no heap.
#[derive(Debug)]
pub struct Lists<'a> {
    /// The pointers of all lists.
    memory: Mapping,
    used: usize,
    /// The end of the last complete list, in bytes.
    ended: usize,
    strings: PhantomData<&'a CStr>,
}

const POINTER: usize = size_of::<*const c_char>();

impl<'a> Lists<'a> {
    /// Allocates room for `strings` strings in all lists together, and for `lists` lists.
    ///
    /// # Errors
    /// `ENOMEM`: not enough memory.
    pub fn new(strings: usize, lists: usize) -> Result<Self> {
        let pointers = strings.checked_add(lists).ok_or(Errno::ENOMEM)?;
        let length = pointers.max(1).checked_mul(POINTER); // a mapping can't be empty
        Ok(Self {
            memory: Mapping::new(length.ok_or(Errno::ENOMEM)?)?,
            used: 0,
            ended: 0,
            strings: PhantomData,
        })
    }

    /// Appends a string to the current list.
    ///
    /// # Errors
    /// `ENOMEM`: more strings than `new` made room for.
    pub fn push(&mut self, string: &'a CStr) -> Result<()> {
        // SAFETY: `string` is a C string for `'a`.
        unsafe { self.put(string.as_ptr()) }
    }

    /// Ends the current list. Returns its position, for [`get`](Self::get); the next string begins a new
    /// list.
    ///
    /// # Errors
    /// `ENOMEM`: more lists than `new` made room for.
    pub fn end(&mut self) -> Result<usize> {
        // SAFETY: a null pointer is no string: it ends the list.
        unsafe { self.put(ptr::null())? };
        Ok(core::mem::replace(&mut self.ended, self.used))
    }

    /// As [`push`](Self::push), for a string that is written later.
    ///
    /// # Safety
    /// `pointer` is null, or points to a C string whenever the list is read.
    #[inline(never)] // a small program has one copy
    pub(super) unsafe fn put(&mut self, pointer: *const c_char) -> Result<()> {
        let place = self.memory.get_mut(self.used..self.used + POINTER);
        let place = place.ok_or(Errno::ENOMEM)?;
        // SAFETY: `place` has the size of a pointer. It is aligned, because the mapping begins on a page, and
        // `used` is a multiple of a pointer's size. This writes a pointer, not its bytes, so that the pointer
        // keeps its provenance.
        unsafe { place.as_mut_ptr().cast::<*const c_char>().write(pointer) };
        self.used += POINTER;
        Ok(())
    }

    /// The list at a position that [`end`](Self::end) returned; [`Strings::NONE`] for any other position.
    #[must_use]
    pub fn get(&self, begin: usize) -> Strings<'_> {
        if begin >= self.ended || !begin.is_multiple_of(POINTER) {
            return Strings::NONE;
        }
        // SAFETY: `begin` is the index of a pointer below `ended`. From `begin` on, there are pointers to
        // strings, up to the null pointer of their list. The strings are valid while the list is read: `push`
        // takes strings of `'a`, which outlives `&self`, and the caller of `put` guarantees this. `&self`
        // keeps `push` and `end` from changing the memory.
        unsafe { Strings::new(self.memory.as_ptr().add(begin).cast()) }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    #[test]
    fn a_list_is_found_at_its_position() {
        let mut lists = Lists::new(3, 3).unwrap();
        lists.push(c"a").unwrap();
        lists.push(c"NAME=value").unwrap();
        assert_eq!(lists.get(0).iter().count(), 0); // not yet complete
        let first = lists.end().unwrap();
        let second = lists.end().unwrap();
        lists.push(c"b").unwrap();
        let third = lists.end().unwrap();
        let strings = |begin| lists.get(begin).iter().collect::<Vec<_>>();
        assert_eq!(strings(first), [c"a", c"NAME=value"]);
        assert!(strings(second).is_empty());
        assert_eq!(strings(third), [c"b"]);
        assert!(strings(first + 1).is_empty());
        assert!(strings(10_000_000).is_empty());
        assert_eq!(lists.get(first).value("NAME"), Some(c"value"));
        assert_eq!(lists.get(first).value("a"), None);
        assert_eq!(lists.get(first).value("NAM"), None);
        assert_eq!(lists.get(first).value("NAME=value"), None);
        assert_eq!(Strings::NONE.iter().count(), 0);
    }

    #[test]
    fn the_first_entry_of_a_name_counts() {
        let mut lists = Lists::new(4, 1).unwrap();
        for entry in [c"AB=no", c"A=", c"A=second", c"=empty"] {
            lists.push(entry).unwrap();
        }
        let list = lists.end().unwrap();
        assert_eq!(lists.get(list).value("A"), Some(c""));
        assert_eq!(lists.get(list).value(""), Some(c"empty"));
    }

    #[test]
    fn the_room_is_exact() {
        // The mapping has whole pages; the room is not rounded up.
        let mut lists = Lists::new(1, 0).unwrap();
        lists.push(c"a").unwrap();
        assert_eq!(lists.push(c"b"), Err(Errno::ENOMEM));
        assert_eq!(lists.end(), Err(Errno::ENOMEM));
        // Two lists of one string each.
        let mut lists = Lists::new(2, 2).unwrap();
        for _ in 0..2 {
            lists.push(c"a").unwrap();
            lists.end().unwrap();
        }
        assert_eq!(lists.end(), Err(Errno::ENOMEM));
        assert!(Lists::new(usize::MAX, 1).is_err());
        assert!(Lists::new(usize::MAX / 4, 1).is_err());
    }
}
