//! From `_start`, which has relocated the program, to `main` and back: arguments, environment, panic, exit.
//!
//! The kernel leaves this at the stack pointer (execve(2); `create_elf_tables`, fs/binfmt_elf.c):
//!
//! ```text
//!  sp -> argc
//!        argv[0] ... argv[argc-1]  0
//!        envp[0] ...               0
//!        auxv: key value  ...  AT_NULL value
//!        ... the strings themselves
//! ```

use core::ffi::{CStr, c_char};
use core::fmt::{self, Write as _};
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicI32, Ordering::Relaxed};

use crate::abi::{self, Errno, syscall};
use crate::arch::{self, ThreadBlock};
use crate::fd::STDERR;
use crate::parts;
use crate::print::Writer;
use crate::process::{self, Strings};
use crate::shown::Shown;
use crate::{auxv, mem};

/// From the initial stack to the exit status. `_start` has relocated the program before.
///
/// If the kernel refuses a system call of start-up, `refused` prints a message, and the program exits; `main` does not
/// run. `refused` gets the operation, its object and the error.
///
/// # Safety
/// `_start` calls this once, before anything else, with:
///
/// - `sp`: the initial stack pointer.
/// - `relro`, `relro_end`: the bounds of this program's RELRO, which nothing writes after the relocation.
/// - `thread_words`: how many bytes a thread's words have; 0 if no code of the program uses such a word.
pub unsafe fn start<T: Termination>(
    refused: fn(&str, &str, Errno) -> Exit,
    sp: *const usize,
    relro: usize,
    relro_end: usize,
    thread_words: usize,
    main: impl FnOnce(Start) -> T,
) -> ! {
    // SAFETY: `sp` is the initial stack pointer.
    let start = unsafe { Start::new(sp) };
    // SAFETY: Start::new found the vector behind the environment.
    unsafe { auxv::set(start.auxv) };
    // SAFETY: the value is the kernel's.
    unsafe { arch::mem::choose(auxv::get(auxv::AT_MINSIGSTKSZ).unwrap_or(0)) };
    if thread_words != 0 {
        // SAFETY: the caller's promise: this is the only call, in the first thread, before any code uses such a word.
        if let Err(errno) = unsafe { give_thread_words() } {
            process::exit(refused("arch_prctl", "thread pointer", errno).status())
        }
    }
    // SAFETY: the caller's promise: these are the bounds of RELRO, and nothing writes it after the relocation.
    if let Err(errno) = unsafe { protect(relro, relro_end) } {
        // A program promised to run with RELRO does not run without.
        process::exit(refused("mprotect", "relocated data", errno).status())
    }
    process::exit(main(start).status())
}

/// Gives the first thread words of its own.
///
/// # Safety
/// Called once, in the first thread, and before anything uses such a word.
unsafe fn give_thread_words() -> abi::Result<()> {
    static mut BLOCK: ThreadBlock = ThreadBlock::NEW;
    let block = &raw mut BLOCK;
    // SAFETY: this function runs once (the caller's promise), so no other reference to the block exists. All later
    // use of the block is through the thread pointer.
    let pointer = unsafe { (*block).thread_pointer() };
    // SAFETY: the block is a static, so it lives as long as the thread, and only the first thread has it. Our linker
    // script linked the program: `_start` passes its symbols. `check` gets the result of a system call.
    unsafe { abi::check(arch::set_thread_pointer(pointer)) }.map(drop)
}

/// Makes RELRO read-only. It begins somewhere in its first page, and nothing else is in its pages:
/// the linker script begins the next segment on a page of its own.
///
/// # Safety
/// `relro` to `relro_end` is this program's RELRO, and nothing writes it afterwards.
unsafe fn protect(relro: usize, relro_end: usize) -> abi::Result<()> {
    if relro == relro_end {
        return Ok(());
    }
    let first = relro & !(mem::page_size() - 1);
    // SAFETY: whole pages of our own image, none of which holds anything but RELRO and bytes of the
    // file that nobody uses.
    unsafe { syscall!(mprotect(first, relro_end - first, mem::PROT_READ)) }.map(drop)
}

/// What the kernel hands a program: arguments and environment.
#[derive(Clone, Copy)]
pub struct Start {
    args: Args,
    environ: *const *const c_char,
    auxv: *const auxv::Entry,
}

impl Start {
    /// # Safety
    /// `sp` is the initial stack pointer.
    unsafe fn new(sp: *const usize) -> Self {
        // SAFETY: the caller's promise.
        let args = unsafe { Args::new(sp) };
        // SAFETY: argv ends with a null pointer, and the environment begins behind that.
        let environ = unsafe { args.next.add(args.left + 1) };
        let mut end = environ;
        // SAFETY: the environment too ends with a null pointer.
        while !unsafe { *end }.is_null() {
            // SAFETY: there is an entry behind each that is not null.
            end = unsafe { end.add(1) };
        }
        // SAFETY: the auxiliary vector begins behind the environment's null pointer.
        let auxv = unsafe { end.add(1) }.cast();
        Self {
            args,
            environ,
            auxv,
        }
    }

    /// The arguments, the program's own name (`argv[0]`) included where the caller gave one.
    pub fn args(&self) -> Args {
        self.args
    }

    /// The environment, entries `NAME=value` as they are.
    pub fn environ(&self) -> Strings<'static> {
        // SAFETY: the kernel ended each string with a zero, and the list with a null pointer; they stay for
        // the process's life.
        unsafe { Strings::new(self.environ) }
    }

    /// The value of the first `name=...` in the environment.
    pub fn var(&self, name: &str) -> Option<&'static CStr> {
        self.environ().value(name)
    }
}

/// The arguments, in order.
#[derive(Clone, Copy)]
pub struct Args {
    next: *const *const c_char,
    left: usize,
}

impl Args {
    /// # Safety
    /// `sp` is the initial stack pointer.
    #[inline]
    unsafe fn new(sp: *const usize) -> Self {
        // SAFETY: argc is there, and argv behind it.
        unsafe {
            Self {
                next: sp.add(1).cast(),
                left: *sp,
            }
        }
    }

    /// Those that are left, as execve(2) takes them.
    pub fn strings(&self) -> Strings<'static> {
        // SAFETY: `left` arguments are at `next`, and behind them a null pointer; they stay for the
        // process's life.
        unsafe { Strings::new(self.next) }
    }
}

impl Iterator for Args {
    type Item = &'static CStr;

    #[inline]
    fn next(&mut self) -> Option<&'static CStr> {
        self.left = self.left.checked_sub(1)?;
        // SAFETY: `left` arguments are at `next`, each a string that the kernel ended with a zero and
        // that stays for the process's life.
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

/// An exit status, as the result or the error of a `main`: whoever returns one that is not 0 has said why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(pub u8);

/// What `main` may return: each says the exit status.
pub trait Termination {
    /// 0 to 255.
    fn status(self) -> i32;
}

impl Termination for () {
    fn status(self) -> i32 {
        0
    }
}

impl Termination for Exit {
    fn status(self) -> i32 {
        self.0.into()
    }
}

impl<T: Termination> Termination for Result<T, Exit> {
    fn status(self) -> i32 {
        match self {
            Ok(value) => value.status(),
            Err(exit) => exit.status(),
        }
    }
}

/// The panic handler of [`program!`](crate::program!): message, place and thread on standard error, then abort.
///
/// `PROGRAM: thread 'NAME' (TID) panicked at FILE:LINE:COLUMN: MESSAGE`
pub fn panic(program: &str, info: &PanicInfo<'_>) -> ! {
    /// The thread that is in here: a panic while it formats the message must not come back.
    static PANICKING: AtomicI32 = AtomicI32::new(0);

    let tid = process::gettid();
    let mut name = [0; 16];
    let name = process::thread_name(&mut name);
    let mut buffer = [0; 512];
    let mut stderr = Writer::new(STDERR, &mut buffer);
    stderr.print(parts!(program, ": thread '", Shown(name)));
    stderr.print(parts!("' (", tid.unsigned_abs(), ") panicked"));
    if let Some(place) = info.location() {
        stderr.print(parts!(" at ", place.file(), ":", place.line()));
        stderr.print(parts!(":", place.column()));
    }
    if PANICKING.swap(tid, Relaxed) == tid {
        stderr.print(": while it told of a panic\n");
    } else {
        stderr.print(": ");
        let _ = write!(Message(&mut stderr), "{}", info.message());
        stderr.print("\n");
    }
    let _ = stderr.flush(); // a panic has no one else to tell
    process::abort()
}

/// What a panic's message is written to: it alone is formatted by `core`.
struct Message<'a, 'b>(&'a mut Writer<'b>);

impl fmt::Write for Message<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.print(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use std::vec::Vec;

    /// An initial stack as the kernel leaves one, with the strings one behind the other.
    struct Stack {
        words: Vec<usize>,
        _strings: Vec<u8>,
    }

    fn stack(args: &[&CStr], environ: &[&CStr]) -> Stack {
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

    /// What the kernel hands over, as long as the stack is there.
    fn start(stack: &Stack) -> Start {
        // SAFETY: laid out as an initial stack.
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
        // SAFETY: the vector is behind the environment.
        let entry = unsafe { *start.auxv };
        assert_eq!((entry.key, entry.value), (auxv::AT_PAGESZ, 4096));
    }

    #[test]
    fn there_may_be_nothing() {
        let all = stack(&[], &[]);
        let start = start(&all);
        assert_eq!((start.args().len(), start.args().next()), (0, None));
        assert_eq!((start.environ().iter().count(), start.var("A")), (0, None));
        // SAFETY: the vector is behind the environment.
        assert_eq!(unsafe { *start.auxv }.key, auxv::AT_PAGESZ);
    }

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

    #[test]
    fn a_status_is_what_main_says() {
        let failed: Result<(), Exit> = Err(Exit(7));
        assert_eq!(
            [().status(), Exit(0).status(), Exit(255).status()],
            [0, 0, 255]
        );
        assert_eq!([failed.status(), Ok::<_, Exit>(Exit(3)).status()], [7, 3]);
    }
}
