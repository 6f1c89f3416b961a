//! The arguments of a bare program, read and rewritten in place on the initial stack.

use crate::env::Args;

/// The arguments of a bare program, as one text.
#[derive(Debug)]
pub struct Words(Args);

impl Words {
    /// Finds the arguments.
    ///
    /// # Safety
    /// `sp` is the initial stack pointer, and no other code uses the strings that it leads to.
    #[inline(always)]
    #[must_use]
    pub unsafe fn new(sp: *const usize) -> Self {
        // SAFETY: the caller promises that `sp` is the initial stack pointer.
        Self(unsafe { Args::new(sp) })
    }

    /// Whether there is no argument after the program's own name.
    #[inline(always)]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.left < 2
    }

    /// Returns the first four bytes of the first argument after the program's own name. If the argument is shorter, the
    /// bytes after its end are a zero and the bytes that the kernel put after the zero. `None` if there is no argument.
    #[inline(always)]
    #[must_use]
    pub fn first_four(&self) -> Option<[u8; 4]> {
        if self.is_empty() {
            return None;
        }
        // SAFETY: `is_empty` has checked that argv[1] exists. At least the executable's path and 8 zeros lie after this
        // argument, so four bytes can be read. (`bprm_mm_init` in the kernel's fs/exec.c leaves the 8 zeros at the end
        // of the stack.)
        Some(unsafe { *(*self.0.next.add(1)).cast() })
    }

    /// Returns one text: `before`, then the arguments after the program's own name with a space before each, then
    /// `after`. The text is empty if there is no argument.
    ///
    /// The text is made in place on the initial stack, which the program may write. The kernel puts the strings next to
    /// each other (`/proc/PID/cmdline` shows them so); spaces replace the zeros between them. `before` overwrites
    /// `argv[0]`. If `argv[0]` is shorter, `before` also overwrites bytes below `argv[0]`, where the kernel puts the
    /// string of `AT_PLATFORM` and the 16 bytes of `AT_RANDOM`. `after` overwrites the start of the environment or of
    /// the executable's path, which follow the arguments.
    #[inline(always)]
    #[must_use]
    pub fn framed<const N: usize, const M: usize>(
        self,
        before: &[u8; N],
        after: &[u8; M],
    ) -> &'static [u8] {
        const { assert!(N <= 16 && M <= 2) };
        if self.is_empty() {
            return &[];
        }
        // SAFETY: no overwritten string is borrowed: `Words` returns no reference to a string, and the caller of `new`
        // promised that no other code uses the strings. All written bytes are on the initial stack: `before` has at
        // most 16 bytes and `after` at most 2, and the kernel puts at least as many bytes before and after the
        // arguments, as described above. The result ends with the process, and `self` is consumed, so nothing writes
        // these bytes again.
        unsafe {
            let mut end: *mut u8 = (*self.0.next.add(1)).cast_mut().cast::<u8>().sub(1);
            let begin = end.sub(N);
            begin.cast::<[u8; N]>().write(*before);
            for _ in 1..self.0.left {
                end.write(b' ');
                loop {
                    end = end.add(1);
                    // Volatile, so that the compiler does not turn this loop into a call of strlen.
                    if end.read_volatile() == 0 {
                        break;
                    }
                }
            }
            end.cast::<[u8; M]>().write(*after);
            core::slice::from_raw_parts(begin, end.add(M).offset_from_unsigned(begin))
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use crate::env::tests::stack;
    use core::ffi::CStr;
    use std::vec::Vec;

    #[test]
    fn words_are_framed_where_they_lie() {
        let framed = |args: &[&CStr]| {
            let all = stack(args, &[c"A=b"]);
            // SAFETY: the words are laid out as an initial stack, and no other code reads its strings.
            let words = || unsafe { Words::new(all.words.as_ptr()) };
            assert_eq!(words().is_empty(), args.len() < 2);
            let four = words().first_four();
            (four, words().framed(b"Hello,", b"!\n").to_vec())
        };
        assert_eq!(framed(&[]), (None, Vec::new()));
        assert_eq!(framed(&[c"name"]), (None, Vec::new()));
        assert_eq!(
            framed(&[c"name", c"Ada"]),
            (Some(*b"Ada\0"), b"Hello, Ada!\n".to_vec())
        );
        assert_eq!(
            framed(&[c"", c"Grace", c"", c"x"]),
            (Some(*b"Grac"), b"Hello, Grace  x!\n".to_vec())
        );
    }
}
