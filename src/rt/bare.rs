//! The arguments of a bare program.

use crate::env::Args;

/// The arguments of a bare program, as one text.
pub struct Words(Args);

impl Words {
    /// # Safety
    /// `sp` is the initial stack pointer, and nobody else reads the strings that it leads to.
    #[inline(always)]
    pub unsafe fn new(sp: *const usize) -> Self {
        // SAFETY: the caller's promise.
        Self(unsafe { Args::new(sp) })
    }

    /// Whether there is no argument behind the program's own name.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.0.left < 2
    }

    /// The first four bytes behind the program's own name: of the first argument, and behind its end
    /// of whatever the kernel put there. None where there is no argument.
    #[inline(always)]
    pub fn first_four(&self) -> Option<[u8; 4]> {
        if self.is_empty() {
            return None;
        }
        // SAFETY: argv[1] is there, and behind it at least the executable's path and 8 zeros
        // (`bprm_mm_init` in the kernel's fs/exec.c leaves those at the end of the stack).
        Some(unsafe { *(*self.0.next.add(1)).cast() })
    }

    /// `before`, the arguments behind the program's own name with a space before each, `after`.
    ///
    /// It needs no memory but the initial stack, which is ours to write: the kernel puts the strings
    /// one behind the other (`/proc/PID/cmdline` shows them so), so that the zeros between them turn
    /// into spaces. `before` goes over `argv[0]`, and where that is shorter, over what the kernel
    /// put below it: the 16 bytes of `AT_RANDOM`. `after` goes over the environment and the path of
    /// the executable behind that. Empty where there is no argument.
    #[inline(always)]
    pub fn framed<const N: usize, const M: usize>(
        self,
        before: &[u8; N],
        after: &[u8; M],
    ) -> &'static [u8] {
        const { assert!(N <= 16 && M <= 2) };
        if self.is_empty() {
            return &[];
        }
        // SAFETY: Words are not Args: nobody holds a string that this overwrites. What is written is
        // the initial stack, by the argument above.
        unsafe {
            let mut end: *mut u8 = (*self.0.next.add(1)).cast_mut().cast::<u8>().sub(1);
            let begin = end.sub(N);
            begin.cast::<[u8; N]>().write(*before);
            for _ in 1..self.0.left {
                end.write(b' ');
                loop {
                    end = end.add(1);
                    // Volatile, or the compiler makes a call of strlen of it.
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
            // SAFETY: laid out as an initial stack, whose strings nobody else reads.
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
