//! Printing: buffered output to a descriptor ([`Writer`]), and the values that can be printed ([`Print`]).
//!
//! This replaces `core::fmt`, whose code for padding, signs and precision would be a fifth of a small
//! program. Here a value only writes its bytes, and a line is printed as its parts in order:
//! `out.print(parts!(clients, " clients, and others wait\n"))`.

use core::ffi::CStr;
use core::fmt;
use core::marker::PhantomData;
use core::ptr;

use crate::abi::{Errno, Result};
use crate::env::ExpandError;
use crate::fd::{BorrowedFd, STDOUT};
use crate::io;
use crate::text::Shown;

/// A value that can be printed: texts, bytes and numbers, [`Errno`], and what [`parts!`](crate::parts) combines.
///
/// ```
/// use ring3::fd::STDOUT;
/// use ring3::parts;
/// use ring3::text::{Fixed, Left, Right, Writer};
///
/// let mut buffer = [0; 512];
/// let mut out = Writer::new(STDOUT, &mut buffer);
/// for (name, size) in [("save", 23_680), ("msort", 74_896)] {
///     out.print(parts!(Left(name, 8), Right(size, 8), Right(Fixed(size / 100, 1), 8), " kB\n"));
/// }
/// out.flush()?;
/// # Ok::<(), ring3::Errno>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be printed",
    label = "not a value that `print`, `parts!` or a message can print",
    note = "`str`, `CStr`, `[u8]`, `bool`, `char`, integers and `Errno` can be printed; `parts!(a, b)` combines them",
    note = "text from outside is printed as `ring3::text::Shown(bytes)`; a type of your own implements \
            `ring3::text::Print`; `write!` prints what implements `core::fmt::Display`"
)]
pub trait Print {
    /// Prints the value to `out`.
    fn print(&self, out: &mut Writer<'_>);
}

/// A buffer in front of a descriptor, for output in small pieces.
///
/// The buffer is written when it is full, and by [`flush`](Self::flush). Dropping the value writes nothing,
/// because the error could not be reported.
#[derive(Debug)]
pub struct Writer<'a> {
    fd: BorrowedFd<'a>,
    buffer: &'a mut [u8],
    /// The number of bytes in the buffer, at most its length.
    used: usize,
    /// The first error. Nothing is written after it, so that the output has no gap.
    failed: Option<Errno>,
}

impl<'a> Writer<'a> {
    /// A writer to `fd` through `buffer`. `buffer` is an array, so that the compiler refuses an empty one, which would
    /// lose all bytes. `first_chunk_mut` makes an array of a slice:
    ///
    /// ```
    /// use ring3::{fd::STDOUT, text::Writer};
    ///
    /// let mut memory = vec![0; 1024];
    /// let buffer = memory.first_chunk_mut::<512>().unwrap();
    /// let mut out = Writer::new(STDOUT, buffer);
    /// out.print("Hello\n");
    /// out.flush()?;
    /// # Ok::<(), ring3::Errno>(())
    /// ```
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

    /// The error that [`flush`](Self::flush) would return without writing: that of an earlier write. With it, a loop
    /// without end can stop when nobody reads its output any more.
    #[inline]
    #[must_use]
    pub fn error(&self) -> Option<Errno> {
        self.failed
    }

    fn empty(&mut self) {
        if self.failed.is_none() {
            self.failed = io::write_all(self.fd, self.held()).err();
            self.used = 0;
        }
    }

    /// The bytes in the buffer.
    fn held(&self) -> &[u8] {
        self.buffer.get(..self.used).unwrap_or_default()
    }
}

/// `write!` and `core::fmt` print to a `Writer` too. An error is kept for [`flush`](Writer::flush): `write!` returns `Ok`.
///
/// The first use of `core::fmt` adds about 2 KB to a program whose panics print nothing formatted, and more for each type
/// that is formatted. [`Print`] adds much less.
impl fmt::Write for Writer<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.put(text.as_bytes());
        Ok(())
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

/// Prints the bytes as they are. [`Shown`](super::Shown) prints text from outside safely.
impl Print for [u8] {
    fn print(&self, out: &mut Writer<'_>) {
        out.put(self);
    }
}

/// Prints the bytes as they are, as a slice does.
impl<const N: usize> Print for [u8; N] {
    fn print(&self, out: &mut Writer<'_>) {
        out.put(self);
    }
}

/// Prints the bytes before the zero as they are. [`Shown`](super::Shown) prints text from outside safely.
impl Print for CStr {
    fn print(&self, out: &mut Writer<'_>) {
        out.put(self.to_bytes());
    }
}

impl Print for char {
    fn print(&self, out: &mut Writer<'_>) {
        out.put(self.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

/// Prints `true` or `false`.
impl Print for bool {
    fn print(&self, out: &mut Writer<'_>) {
        out.print(if *self { "true" } else { "false" });
    }
}

/// A value that prints by calling a function. [`parts!`](crate::parts) creates it.
pub struct Parts<F>(pub F);

impl<F> fmt::Debug for Parts<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").finish_non_exhaustive()
    }
}

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

impl fmt::Debug for Any<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Any").finish_non_exhaustive()
    }
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

/// Signed numbers print in decimal.
macro_rules! signed_numbers {
    ($($type:ident)*) => { $(
        impl Print for $type {
            fn print(&self, out: &mut Writer<'_>) {
                (*self as i64).print(out);
            }
        }
    )* };
}

signed_numbers! { i8 i16 i32 isize }

impl Print for i64 {
    fn print(&self, out: &mut Writer<'_>) {
        if *self < 0 {
            out.print("-");
        }
        out.print(self.unsigned_abs());
    }
}

/// A number in decimal, with leading zeros up to the number of digits in the second field.
#[derive(Clone, Copy, Debug)]
pub struct Digits(pub u64, pub usize);

impl Print for Digits {
    fn print(&self, out: &mut Writer<'_>) {
        digits(self.0, 10, self.1, out);
    }
}

/// A number in hexadecimal, with leading zeros up to the number of digits in the second field.
#[derive(Clone, Copy, Debug)]
pub struct Hex(pub u64, pub usize);

impl Print for Hex {
    fn print(&self, out: &mut Writer<'_>) {
        digits(self.0, 16, self.1, out);
    }
}

/// A number with a decimal point before the number of digits in the second field: `Fixed(1234, 2)` is `12.34`, and
/// `Fixed(-5, 3)` is `-0.005`.
#[derive(Clone, Copy, Debug)]
pub struct Fixed(pub i64, pub usize);

impl Print for Fixed {
    fn print(&self, out: &mut Writer<'_>) {
        let Self(number, places) = *self;
        // Without a scale, 10 to the power of `places` is larger than every number.
        let scale = u32::try_from(places)
            .ok()
            .and_then(|places| 10_u64.checked_pow(places));
        let number = if number < 0 {
            out.put(b"-");
            number.unsigned_abs()
        } else {
            number as u64
        };
        match scale {
            Some(1) => out.print(number),
            Some(scale @ 1..) => {
                out.print(parts!(number / scale, ".", Digits(number % scale, places)));
            }
            _ => out.print(parts!("0.", Digits(number, places))),
        }
    }
}

/// A value, and spaces after it up to the width in the second field. The width counts the characters of UTF-8. A value
/// that is wider is printed whole. A value of [`PADDED`] bytes or more gets no spaces.
#[derive(Clone, Copy, Debug)]
pub struct Left<T>(pub T, pub usize);

/// A value, and spaces before it up to the width in the second field, as [`Left`].
#[derive(Clone, Copy, Debug)]
pub struct Right<T>(pub T, pub usize);

/// Values of fewer bytes are padded by [`Left`] and [`Right`].
pub const PADDED: usize = 256;

impl<T: Print> Print for Left<T> {
    fn print(&self, out: &mut Writer<'_>) {
        padded(Any::new(&self.0), 0, self.1, out);
    }
}

impl<T: Print> Print for Right<T> {
    fn print(&self, out: &mut Writer<'_>) {
        padded(Any::new(&self.0), self.1, 0, out);
    }
}

/// Prints `value`, with spaces before it up to the width `before`, or after it up to the width `after`.
#[inline(never)]
fn padded(value: Any<'_>, before: usize, after: usize, out: &mut Writer<'_>) {
    let mut buffer = [0; PADDED];
    let mut text = Writer::new(STDOUT, &mut buffer);
    text.failed = Some(Errno::ENOBUFS); // so that this writer writes nothing, and drops what its buffer does not hold
    text.print(value);
    let text = text.held();
    if text.len() == PADDED {
        return out.print(value);
    }
    let width = text.iter().filter(|&&byte| byte & 0xc0 != 0x80).count();
    for _ in width..before {
        out.put(b" ");
    }
    out.put(text);
    for _ in width..after {
        out.put(b" ");
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

/// Prints `${PORT: expected a closing brace`, `${A+B}: expected ${NAME}, ${NAME:-WORD} or ${NAME:?WORD}`, or
/// `PORT: WORD`.
impl Print for ExpandError<'_> {
    fn print(&self, out: &mut Writer<'_>) {
        let (subject, message) = match *self {
            Self::Open(text) => (text, &b"expected a closing brace"[..]),
            Self::Form(text) => (
                text,
                &b"expected ${NAME}, ${NAME:-WORD} or ${NAME:?WORD}"[..],
            ),
            Self::Unset { name, word: b"" } => (name, &b"not set, or empty"[..]),
            Self::Unset { name, word } => (name, word),
        };
        out.print(parts!(Shown(subject), ": ", Shown(message)));
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
    fn values_are_as_core_formats_them() {
        assert_eq!(
            printed(parts!(true, false, 'x', 'é', '漢')),
            "truefalsexé漢"
        );
        assert_eq!(
            printed(parts!(b"bytes"[..], b"array", c"string", *c"s")),
            "bytesarraystrings"
        );
        assert_eq!(
            printed(parts!(i8::MIN, " ", i16::MIN, " ", isize::MIN)),
            format!("{} {} {}", i8::MIN, i16::MIN, isize::MIN)
        );
        let mut buffer = [0; 64];
        let mut out = Writer::new(crate::fd::STDOUT, &mut buffer);
        fmt::Write::write_fmt(&mut out, format_args!("{:>4}|{:?}", 7, "x")).unwrap();
        assert_eq!(out.held(), b"   7|\"x\"");
    }

    #[test]
    fn a_decimal_point_is_placed() {
        for (number, places, text) in [
            (1234, 2, "12.34"),
            (1234, 0, "1234"),
            (0, 0, "0"),
            (0, 2, "0.00"),
            (5, 3, "0.005"),
            (-5, 3, "-0.005"),
            (-1234, 1, "-123.4"),
            (i64::MIN, 18, "-9.223372036854775808"),
            (i64::MAX, 19, "0.9223372036854775807"),
            (i64::MAX, 20, "0.09223372036854775807"),
            (7, 25, "0.0000000000000000000000007"),
        ] {
            assert_eq!(printed(Fixed(number, places)), text);
        }
    }

    #[test]
    fn values_are_padded_as_core_pads_them() {
        for width in [0, 1, 4, 5, 6, 30] {
            for text in ["", "a", "abcde", "é漢"] {
                assert_eq!(printed(Left(text, width)), format!("{text:<width$}"));
                assert_eq!(printed(Right(text, width)), format!("{text:>width$}"));
            }
            assert_eq!(printed(Right(-1234, width)), format!("{:>width$}", -1234));
        }
        for length in [PADDED - 1, PADDED, PADDED + 1, 2 * PADDED] {
            let text = "x".repeat(length);
            let spaces = if length < PADDED { 300 - length } else { 0 };
            let right = " ".repeat(spaces) + &text;
            assert_eq!(printed(Right(&*text, 300)), right);
        }
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

    #[test]
    fn an_error_of_an_expansion_names_its_text() {
        let unset = |word| ExpandError::Unset { name: b"A", word };
        let form = "${A+\\x1b}: expected ${NAME}, ${NAME:-WORD} or ${NAME:?WORD}";
        for (error, text) in [
            (ExpandError::Open(b"${A"), "${A: expected a closing brace"),
            (ExpandError::Form(b"${A+\x1b}"), form),
            (unset(b""), "A: not set, or empty"),
            (unset(b"two\nlines"), "A: two\\x0alines"),
        ] {
            assert_eq!(printed(error), text);
        }
    }
}
