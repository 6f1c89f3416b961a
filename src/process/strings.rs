//! Lists of strings as execve(2) takes them: pointers, and a null pointer behind the last.

use core::ffi::{CStr, c_char};
use core::marker::PhantomData;
use core::ptr;

use crate::abi::{Errno, Result};
use crate::mem::{self, Mapping};

/// Such a list: the arguments of a program, or its environment.
#[derive(Clone, Copy)]
pub struct Strings<'a>(*const *const c_char, PhantomData<&'a CStr>);

/// A null pointer that threads may share.
#[repr(transparent)]
struct Null(*const c_char);

// SAFETY: nobody writes it, and it points nowhere.
unsafe impl Sync for Null {}

static NULL: Null = Null(ptr::null());

impl<'a> Strings<'a> {
    /// No string.
    pub const NONE: Self = Self(&raw const NULL.0, PhantomData);

    /// The list that begins there.
    ///
    /// # Safety
    /// There are pointers to strings, and behind them a null pointer. For `'a` all that stays, and nobody
    /// changes it.
    pub const unsafe fn new(list: *const *const c_char) -> Self {
        Self(list, PhantomData)
    }

    /// As the kernel takes it.
    pub(super) fn as_ptr(self) -> *const *const c_char {
        self.0
    }

    /// The strings, in order.
    pub fn iter(self) -> impl Iterator<Item = &'a CStr> + use<'a> {
        let mut next = self.0;
        core::iter::from_fn(move || {
            // SAFETY: not behind the null pointer, at which `next` stops.
            let string = unsafe { *next };
            if string.is_null() {
                return None;
            }
            // SAFETY: there is a pointer behind each that is not null.
            next = unsafe { next.add(1) };
            // SAFETY: `new` was promised a string, for `'a`.
            Some(unsafe { CStr::from_ptr(string) })
        })
    }

    /// The value of the first `name=...` in it.
    pub fn value(self, name: &str) -> Option<&'a CStr> {
        self.iter()
            .find_map(|entry| after(after(entry, name)?, "="))
    }
}

/// What comes after `start` in `text`; none where that begins in another way.
pub(super) fn after<'a>(text: &'a CStr, start: &str) -> Option<&'a CStr> {
    mem::begins(text.to_bytes(), start.as_bytes()).then(|| behind(text, start.len()))
}

/// `text` without its first `count` bytes.
pub(crate) fn behind(text: &CStr, count: usize) -> &CStr {
    match text.to_bytes_with_nul().get(count..) {
        // SAFETY: it ends as `text` ends, with a zero, and before that there is none.
        Some(rest @ [.., 0]) => unsafe { CStr::from_bytes_with_nul_unchecked(rest) },
        _ => c"",
    }
}

/// Memory in which to make such lists, one behind the other.
pub struct Lists<'a> {
    /// Pointers.
    memory: Mapping,
    used: usize,
    /// Up to where lists are complete.
    ended: usize,
    strings: PhantomData<&'a CStr>,
}

const POINTER: usize = size_of::<*const c_char>();

impl<'a> Lists<'a> {
    /// Room for so many strings, and the ends of so many lists.
    ///
    /// # Errors
    /// `ENOMEM`: there is no memory for them.
    pub fn new(strings: usize, lists: usize) -> Result<Self> {
        let pointers = strings.checked_add(lists).ok_or(Errno::ENOMEM)?;
        let length = pointers.max(1).checked_mul(POINTER); // no mapping is empty
        Ok(Self {
            memory: Mapping::new(length.ok_or(Errno::ENOMEM)?)?,
            used: 0,
            ended: 0,
            strings: PhantomData,
        })
    }

    /// Puts a string behind what the list that is being made has.
    ///
    /// # Errors
    /// `ENOMEM`: there was room for fewer.
    pub fn push(&mut self, string: &'a CStr) -> Result<()> {
        self.put(string.as_ptr())
    }

    /// Ends the list that is being made, and says where it begins: so [`get`](Self::get) finds it.
    ///
    /// # Errors
    /// `ENOMEM`: there was room for fewer lists.
    pub fn end(&mut self) -> Result<usize> {
        self.put(ptr::null())?;
        Ok(core::mem::replace(&mut self.ended, self.used))
    }

    /// As [`push`](Self::push), for memory whose string is written later.
    pub(super) fn put(&mut self, pointer: *const c_char) -> Result<()> {
        let place = self.memory.get_mut(self.used..self.used + POINTER);
        let place = place.ok_or(Errno::ENOMEM)?;
        // SAFETY: the place has a pointer's size and alignment: the mapping begins on a page, and `used` is a multiple
        // of that size. This writes the pointer, not its bytes, so that the pointer keeps its provenance.
        unsafe { place.as_mut_ptr().cast::<*const c_char>().write(pointer) };
        self.used += POINTER;
        Ok(())
    }

    /// The list that begins there; [`Strings::NONE`] where none does.
    pub fn get(&self, begin: usize) -> Strings<'_> {
        if begin >= self.ended || !begin.is_multiple_of(POINTER) {
            return Strings::NONE;
        }
        // SAFETY: from any pointer below `ended` on there are pointers to strings of `'a`, which outlives
        // `&self`, and then the null one of their list. `&self` keeps all that as it is.
        unsafe { Strings::new(self.memory.as_ptr().add(begin).cast()) }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    #[test]
    fn lists_are_where_they_begin() {
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
    fn the_first_of_a_name_counts() {
        let mut lists = Lists::new(4, 1).unwrap();
        for entry in [c"AB=no", c"A=", c"A=second", c"=empty"] {
            lists.push(entry).unwrap();
        }
        let list = lists.end().unwrap();
        assert_eq!(lists.get(list).value("A"), Some(c""));
        assert_eq!(lists.get(list).value(""), Some(c"empty"));
    }

    #[test]
    fn what_comes_after_is_a_string_of_its_own() {
        assert_eq!(after(c"start", "st"), Some(c"art"));
        assert_eq!(after(c"start", "start"), Some(c""));
        assert_eq!(after(c"start", "starts"), None);
        assert_eq!(after(c"start", "art"), None);
        for (count, rest) in [(0, c"text"), (3, c"t"), (4, c""), (5, c""), (6, c"")] {
            assert_eq!(behind(c"text", count), rest);
        }
    }

    #[test]
    fn room_is_as_asked_for() {
        // A mapping is whole pages; the room is not.
        let mut lists = Lists::new(1, 0).unwrap();
        lists.push(c"a").unwrap();
        assert_eq!(lists.push(c"b"), Err(Errno::ENOMEM));
        assert_eq!(lists.end(), Err(Errno::ENOMEM));
        // Two of one, and the ends of two.
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
