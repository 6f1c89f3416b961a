//! Printing: buffered output to a descriptor ([`Writer`]), and the values that can be printed ([`Print`]).
//!
//! This replaces `core::fmt`, whose code for padding, signs and precision would be a fifth of a small
//! program. Here a value only writes its bytes, and a line is printed as its parts in order:
//! `out.print(parts!(clients, " clients, and others wait\n"))`.

use core::marker::PhantomData;
use core::ptr;

use crate::abi::{Errno, Result};
use crate::fd::BorrowedFd;
use crate::io;

/// A value that can be printed.
pub trait Print {
    /// Prints the value to `out`.
    fn print(&self, out: &mut Writer<'_>);
}

/// A buffer in front of a descriptor, for output in small pieces.
///
/// The buffer is written when it is full, and by [`flush`](Self::flush). Dropping the value writes nothing,
/// because the error could not be reported.
pub struct Writer<'a> {
    fd: BorrowedFd<'a>,
    buffer: &'a mut [u8],
    /// The number of bytes in the buffer, at most its length.
    used: usize,
    /// The first error. Nothing is written after it, so that the output has no gap.
    failed: Option<Errno>,
}

impl<'a> Writer<'a> {
    /// A writer to `fd` through `buffer`.
    #[inline]
    pub const fn new<const N: usize>(fd: BorrowedFd<'a>, buffer: &'a mut [u8; N]) -> Self {
        const { assert!(N > 0) };
        Self {
            fd,
            buffer,
            used: 0,
            failed: None,
        }
    }

    /// Appends `bytes`. An error is kept for [`flush`](Self::flush).
    #[inline(never)] // called for every part of every line
    pub fn put(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if self.used == self.buffer.len() {
                self.empty();
            }
            if let Some(place) = self.buffer.get_mut(self.used) {
                *place = byte;
                self.used += 1;
            }
        }
    }

    /// Prints `value`. An error is kept for [`flush`](Self::flush).
    #[inline]
    pub fn print(&mut self, value: impl Print) {
        value.print(self);
    }

    /// Writes the bytes in the buffer. Returns `Ok` if everything since the writer was created has been
    /// written.
    ///
    /// # Errors
    /// The first error of [`write_all`](io::write_all). Later calls return the same error.
    pub fn flush(&mut self) -> Result<()> {
        self.empty();
        self.failed.map_or(Ok(()), Err)
    }

    fn empty(&mut self) {
        if self.failed.is_none() {
            self.failed = io::write_all(self.fd, self.held()).err();
        }
        self.used = 0;
    }

    /// The bytes in the buffer.
    fn held(&self) -> &[u8] {
        self.buffer.get(..self.used).unwrap_or_default()
    }
}

impl<T: Print + ?Sized> Print for &T {
    fn print(&self, out: &mut Writer<'_>) {
        (**self).print(out);
    }
}

impl Print for str {
    fn print(&self, out: &mut Writer<'_>) {
        out.put(self.as_bytes());
    }
}

/// A value that prints by calling a function. [`parts!`](crate::parts) creates it.
pub struct Parts<F>(pub F);

impl<F: Fn(&mut Writer<'_>)> Print for Parts<F> {
    #[inline]
    fn print(&self, out: &mut Writer<'_>) {
        self.0(out);
    }
}

/// Combines its arguments, in order, into a value that can be printed: `parts!(clients, " clients, and others
/// wait")`.
#[macro_export]
macro_rules! parts {
    ($($part:expr),+ $(,)?) => {
        // A closure: constant parts take no room in the value.
        $crate::text::Parts(|out: &mut $crate::text::Writer<'_>| {
            $( $crate::text::Print::print(&$part, out); )+
        })
    };
}

/// A reference to a printable value of any type.
///
/// This is a `&dyn Print` without a vtable for each type: the addresses in vtables would need relocations.
#[derive(Clone, Copy)]
pub struct Any<'a> {
    value: *const (),
    print: unsafe fn(*const (), &mut Writer<'_>),
    lives: PhantomData<&'a ()>,
}

impl<'a> Any<'a> {
    /// Refers to `value`.
    #[inline]
    pub fn new<T: Print>(value: &'a T) -> Self {
        /// # Safety
        /// `value` points to a `T` that is valid for the call.
        unsafe fn print<T: Print>(value: *const (), out: &mut Writer<'_>) {
            // SAFETY: `value` points to a valid `T`: the caller guarantees this.
            unsafe { &*value.cast::<T>() }.print(out);
        }
        Self {
            value: ptr::from_ref(value).cast(),
            print: print::<T>,
            lives: PhantomData,
        }
    }
}

impl Print for Any<'_> {
    #[inline]
    fn print(&self, out: &mut Writer<'_>) {
        // SAFETY: `new` stored a pointer to a `T` together with the function for `T`. The `T` is borrowed for
        // `'a`, so it is still valid.
        unsafe { (self.print)(self.value, out) }
    }
}

/// Numbers print in decimal.
macro_rules! numbers {
    ($($type:ident)*) => { $(
        impl Print for $type {
            fn print(&self, out: &mut Writer<'_>) {
                decimal(*self as u64, out);
            }
        }
    )* };
}

numbers! { u8 u16 u32 u64 usize }

impl Print for i32 {
    fn print(&self, out: &mut Writer<'_>) {
        i64::from(*self).print(out);
    }
}

impl Print for i64 {
    fn print(&self, out: &mut Writer<'_>) {
        if *self < 0 {
            out.print("-");
        }
        out.print(self.unsigned_abs());
    }
}

/// A number in decimal, with leading zeros up to the number of digits in the second field.
#[derive(Clone, Copy)]
pub struct Digits(pub u64, pub usize);

impl Print for Digits {
    fn print(&self, out: &mut Writer<'_>) {
        digits(self.0, 10, self.1, out);
    }
}

/// A number in hexadecimal, with leading zeros up to the number of digits in the second field.
#[derive(Clone, Copy)]
pub struct Hex(pub u64, pub usize);

impl Print for Hex {
    fn print(&self, out: &mut Writer<'_>) {
        digits(self.0, 16, self.1, out);
    }
}

#[inline(never)]
fn decimal(number: u64, out: &mut Writer<'_>) {
    digits(number, 10, 1, out);
}

fn digits(mut number: u64, radix: u64, least: usize, out: &mut Writer<'_>) {
    const MOST: usize = 20; // the digits of u64::MAX
    for _ in MOST..least {
        out.put(b"0");
    }
    let mut text = [0; MOST];
    let mut count = 0;
    for place in text.iter_mut().rev() {
        let digit = (number % radix) as u8;
        *place = digit + if digit < 10 { b'0' } else { b'a' - 10 };
        number /= radix;
        count += 1;
        if number == 0 && count >= least {
            break;
        }
    }
    out.put(text.get(MOST - count..).unwrap_or_default());
}

/// Prints `No space left on device (ENOSPC)`.
impl Print for Errno {
    fn print(&self, out: &mut Writer<'_>) {
        match (self.words(), self.name()) {
            (Some(words), Some(name)) => {
                words.for_each(|letter| out.put(&[letter]));
                out.print(" (");
                name.for_each(|letter| out.put(&[letter]));
                out.print(")");
            }
            _ => out.print(parts!("Unknown error ", self.number())),
        }
    }
}

/// The text that `value` prints.
#[cfg(test)]
pub(crate) fn printed(value: impl Print) -> std::string::String {
    let mut buffer = [0; 1024];
    let mut out = Writer::new(crate::fd::STDOUT, &mut buffer);
    out.print(value);
    std::string::String::from_utf8(out.held().to_vec()).unwrap()
}

#[cfg(test)]
extern crate std;

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn numbers_are_as_core_formats_them() {
        for number in [0, 1, 9, 10, 255, 256, 65_535, 1 << 32, u64::MAX] {
            assert_eq!(printed(number), format!("{number}"));
            for least in [0, 1, 3, 9, 20, 21, 40] {
                assert_eq!(printed(Digits(number, least)), format!("{number:0least$}"));
                assert_eq!(printed(Hex(number, least)), format!("{number:0least$x}"));
            }
        }
        assert_eq!(
            printed(parts!(i64::MIN, " ", -1, " ", 0)),
            format!("{} -1 0", i64::MIN)
        );
        assert_eq!(
            printed(parts!(7_u8, "/", 65_535_u16, &"/", 8_usize)),
            "7/65535/8"
        );
    }

    #[test]
    fn an_error_has_words_and_a_name() {
        assert_eq!(printed(Errno::ENOSPC), "No space left on device (ENOSPC)");
        assert_eq!(printed(Errno::from_number(41).unwrap()), "Unknown error 41");
        assert_eq!(
            printed(Errno::from_number(4095).unwrap()),
            "Unknown error 4095"
        );
    }
}
