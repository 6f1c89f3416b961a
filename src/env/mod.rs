//! The data that the kernel passes to a program at its start: arguments, environment and auxiliary vector.
//!
//! The kernel leaves these data at the initial stack pointer (execve(2); `create_elf_tables`, fs/binfmt_elf.c):
//!
//! ```text
//!  sp -> argc
//!        argv[0] ... argv[argc-1]  0
//!        envp[0] ...               0
//!        auxv: key value  ...  AT_NULL value
//!        ... the strings themselves
//! ```

pub mod auxv;
mod directory;
mod expand;
mod strings;

use core::ffi::{CStr, c_char};
use core::fmt;

pub use directory::{current_dir, set_current_dir, set_current_dir_to};
pub use expand::{ExpandError, expand};
pub use strings::Strings;

/// The arguments and the environment of a program.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    args: Args,
    /// The array of the environment's strings, which ends with a null pointer.
    environ: *const *const c_char,
    pub(crate) auxv: *const auxv::Entry,
}

// SAFETY: the pointers lead to the initial stack. `new`'s caller promises that nothing changes it while the value or a
// copy is used, and it exists until the process ends. So every thread may read it.
unsafe impl Send for Start {}
// SAFETY: as above.
unsafe impl Sync for Start {}

impl Start {
    /// Finds the arguments, the environment and the auxiliary vector.
    ///
    /// # Safety
    /// `sp` is the initial stack pointer. Nothing changes the initial stack as long as the result and its copies are
    /// used.
    pub(crate) unsafe fn new(sp: *const usize) -> Self {
        // SAFETY: the caller promises that `sp` is the initial stack pointer.
        let args = unsafe { Args::new(sp) };
        // SAFETY: argv ends with a null pointer, and the environment begins after this pointer.
        let environ = unsafe { args.next.add(args.left + 1) };
        let mut end = environ;
        // SAFETY: `end` is not after the null pointer that ends the environment: the loop stops at this pointer.
        while !unsafe { *end }.is_null() {
            // SAFETY: the entry is not null, so another entry follows.
            end = unsafe { end.add(1) };
        }
        // SAFETY: the auxiliary vector begins after the environment's null pointer.
        let auxv = unsafe { end.add(1) }.cast();
        Self {
            args,
            environ,
            auxv,
        }
    }

    /// Returns the arguments. The first is the program's own name (`argv[0]`), if the caller of execve(2) passed one.
    #[must_use]
    pub fn args(&self) -> Args {
        self.args
    }

    /// Returns the environment: strings, mostly of the form `NAME=value`.
    #[must_use]
    pub fn environ(&self) -> Strings<'static> {
        // SAFETY: `new` found this array on the initial stack, which exists until the process ends. The kernel ended
        // each string with a zero, and the array with a null pointer.
        unsafe { Strings::new(self.environ) }
    }

    /// Returns the value of the first `name=...` in the environment.
    #[must_use]
    pub fn var(&self, name: &str) -> Option<&'static CStr> {
        self.environ().value(name)
    }
}

/// The arguments, in order.
#[derive(Clone, Copy)]
pub struct Args {
    /// The address of the next argument's pointer.
    pub(crate) next: *const *const c_char,
    /// The number of arguments from `next` on.
    pub(crate) left: usize,
}

// SAFETY: the strings are on the initial stack. `new`'s caller promises that nothing changes them while the value or a
// copy is used, and the initial stack exists until the process ends. So every thread may read them.
unsafe impl Send for Args {}
// SAFETY: as above.
unsafe impl Sync for Args {}

/// A list of the remaining arguments.
impl fmt::Debug for Args {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.strings().fmt(f)
    }
}

impl Args {
    /// Finds the arguments.
    ///
    /// # Safety
    /// `sp` is the initial stack pointer. Nothing changes the initial stack as long as the result and its copies are
    /// used.
    #[inline]
    pub(crate) unsafe fn new(sp: *const usize) -> Self {
        // SAFETY: the caller promises that `sp` is the initial stack pointer. The kernel puts argc there, and argv
        // after it.
        unsafe {
            Self {
                next: sp.add(1).cast(),
                left: *sp,
            }
        }
    }

    /// Returns the remaining arguments, as execve(2) takes them.
    #[must_use]
    pub fn strings(&self) -> Strings<'static> {
        // SAFETY: `left` arguments are at `next`, and a null pointer follows them. The initial stack exists until the
        // process ends.
        unsafe { Strings::new(self.next) }
    }
}

impl Iterator for Args {
    type Item = &'static CStr;

    #[inline]
    fn next(&mut self) -> Option<&'static CStr> {
        self.left = self.left.checked_sub(1)?;
        // SAFETY: at least one argument was left at `next`: a string that the kernel ended with a zero, on the initial
        // stack, which exists until the process ends.
        unsafe {
            let arg = CStr::from_ptr(*self.next);
            self.next = self.next.add(1);
            Some(arg)
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Args {}

#[cfg(test)]
pub(crate) mod tests {
    extern crate std;

    use super::*;
    use std::vec::Vec;

    /// An initial stack as the kernel leaves it, with the strings next to each other.
    pub struct Stack {
        pub words: Vec<usize>,
        _strings: Vec<u8>,
    }

    /// Builds an initial stack with these arguments and this environment.
    pub fn stack(args: &[&CStr], environ: &[&CStr]) -> Stack {
        const BEFORE: usize = 16;
        let all = args.iter().chain(environ);
        let mut strings = std::vec![b'?'; BEFORE];
        let places: Vec<_> = all
            .map(|text| {
                strings.extend(text.to_bytes_with_nul());
                strings.len() - text.to_bytes_with_nul().len()
            })
            .collect();
        strings.extend(*b"./name\0\0\0\0\0\0\0\0\0");
        let first = strings.as_mut_ptr();
        let address = |place: &usize| first.wrapping_add(*place).expose_provenance();
        let (args, environ) = places.split_at(args.len());
        let mut words = std::vec![args.len()];
        words.extend(args.iter().map(address).chain([0]));
        words.extend(environ.iter().map(address).chain([0]));
        words.extend([auxv::AT_PAGESZ, 4096, auxv::AT_NULL, 0]);
        Stack {
            words,
            _strings: strings,
        }
    }

    /// Returns the `Start` of a stack. The result is valid as long as the stack.
    fn start(stack: &Stack) -> Start {
        // SAFETY: the words are laid out as an initial stack, and the callers keep the stack.
        unsafe { Start::new(stack.words.as_ptr()) }
    }

    #[test]
    fn arguments_and_environment_are_found() {
        let args = [c"name", c"", c"two words"];
        let environ = [c"HOME=/", c"A=b=c", c"AB=d", c"A=late", c"none", c"="];
        let all = stack(&args, &environ);
        let start = start(&all);
        assert!(start.args().eq(args) && start.environ().iter().eq(environ));
        let mut left = start.args();
        for count in (0..=3).rev() {
            assert_eq!(
                (left.len(), left.size_hint()),
                (count, (count, Some(count)))
            );
            assert!(left.strings().iter().eq(args[3 - count..].iter().copied()));
            assert_eq!(left.next(), args.get(3 - count).copied());
        }
        assert_eq!(left.next(), None);
        for (name, value) in [
            ("HOME", Some(c"/")),
            ("A", Some(c"b=c")),
            ("AB", Some(c"d")),
            ("none", None),
            ("HOM", None),
            ("home", None),
        ] {
            assert_eq!(start.var(name), value, "{name}");
        }
        // SAFETY: the vector follows the environment.
        let entry = unsafe { *start.auxv };
        assert_eq!((entry.key, entry.value), (auxv::AT_PAGESZ, 4096));
    }

    #[test]
    fn other_threads_may_read_them_and_they_can_be_shown() {
        fn is<T: Send + Sync>() {}
        is::<(Start, Args, Strings<'_>)>();
        let all = stack(&[c"name", c"two words"], &[c"A=b"]);
        let start = start(&all);
        assert_eq!(
            std::format!("{:?}", start.args()),
            "[\"name\", \"two words\"]"
        );
        assert_eq!(std::format!("{:?}", start.environ()), "[\"A=b\"]");
    }

    #[test]
    fn there_may_be_nothing() {
        let all = stack(&[], &[]);
        let start = start(&all);
        assert_eq!((start.args().len(), start.args().next()), (0, None));
        assert_eq!((start.environ().iter().count(), start.var("A")), (0, None));
        // SAFETY: the vector follows the environment.
        assert_eq!(unsafe { *start.auxv }.key, auxv::AT_PAGESZ);
    }
}
