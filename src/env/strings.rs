//! Lists of C strings in the format of execve(2): an array of pointers that ends with a null pointer.

use core::ffi::{CStr, c_char};
use core::fmt;
use core::marker::PhantomData;
use core::ptr;

use crate::bytes::{begins, strip_prefix, tail};

/// A list of C strings: the arguments of a program, or its environment.
#[derive(Clone, Copy)]
pub struct Strings<'a>(*const *const c_char, PhantomData<&'a CStr>);

// SAFETY: `new`'s caller guarantees that the array and the strings stay valid and unchanged for `'a`, for every thread.
unsafe impl Send for Strings<'_> {}
// SAFETY: as above.
unsafe impl Sync for Strings<'_> {}

/// A list of the strings.
impl fmt::Debug for Strings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// A null pointer that several threads may read.
#[repr(transparent)]
struct Null(*const c_char);

// SAFETY: the value is an immutable null pointer, which nothing dereferences.
unsafe impl Sync for Null {}

static NULL: Null = Null(ptr::null());

impl<'a> Strings<'a> {
    /// The empty list.
    pub const NONE: Self = Self(&raw const NULL.0, PhantomData);

    /// The list whose array begins at `list`.
    ///
    /// # Safety
    /// `list` points to an array of pointers to C strings that ends with a null pointer. For `'a`, the array
    /// and the strings stay valid and unchanged.
    #[must_use]
    pub const unsafe fn new(list: *const *const c_char) -> Self {
        Self(list, PhantomData)
    }

    /// The address of the array, as the kernel takes it.
    pub(crate) fn as_ptr(self) -> *const *const c_char {
        self.0
    }

    /// The strings, in order.
    pub fn iter(self) -> impl Iterator<Item = &'a CStr> + use<'a> {
        let mut next = self.0;
        core::iter::from_fn(move || {
            // SAFETY: `next` is at or before the null pointer: it starts at the first entry and advances only
            // from an entry that is not null. `new`'s caller guarantees that all entries up to the null
            // pointer are valid.
            let string = unsafe { *next };
            if string.is_null() {
                return None;
            }
            // SAFETY: `string` is not null, so at least one more entry follows.
            next = unsafe { next.add(1) };
            // SAFETY: `new`'s caller guarantees that each entry before the null pointer is a C string, valid
            // and unchanged for `'a`.
            Some(unsafe { CStr::from_ptr(string) })
        })
    }

    /// The value of the first entry `name=...`.
    #[must_use]
    pub fn value(self, name: &str) -> Option<&'a CStr> {
        self.iter()
            .find_map(|entry| strip_prefix(strip_prefix(entry, name)?, "="))
    }

    /// As [`value`](Self::value), for a name that is not known to be UTF-8.
    pub(super) fn value_of(self, name: &[u8]) -> Option<&'a CStr> {
        let value = |entry: &'a CStr| match entry.to_bytes().split_at_checked(name.len()) {
            Some((start, [b'=', ..])) if begins(start, name) => Some(tail(entry, name.len() + 1)),
            _ => None,
        };
        self.iter().find_map(value)
    }
}
