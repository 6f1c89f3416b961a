//! The run-time of a program: the way from `ring3_start` to `main`, exit statuses, and the panic handler.

mod bare;
mod messages;
mod program;

use core::fmt::Write as _;
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicI32, Ordering::Relaxed};

use crate::abi::{self, Errno, syscall};
use crate::arch::{self, ThreadBlock};
use crate::env::{Start, auxv};
use crate::fd::STDERR;
use crate::mem;
use crate::parts;
use crate::process;
use crate::text::{Shown, Writer};

pub use bare::Words;
pub use messages::Program;

/// Runs a program from its initial stack to its exit status. `ring3_start` calls this after it has relocated the
/// program.
///
/// If the kernel refuses a system call of start-up, this prints a message of `program`, and the program exits; `main`
/// does not run.
///
/// # Safety
/// `ring3_start` calls this once, before anything else, with:
///
/// - `sp`: the initial stack pointer.
/// - `relro`, `relro_end`: the bounds of this program's RELRO, which nothing writes after the relocation.
/// - `thread_words`: the bytes of the thread words (`arch::thread_word`); 0 if no code of the program uses a thread
///   word.
pub unsafe fn start<T: Termination>(
    program: Program,
    sp: *const usize,
    relro: usize,
    relro_end: usize,
    thread_words: usize,
    main: impl FnOnce(Start) -> T,
) -> ! {
    // SAFETY: the caller promises that `sp` is the initial stack pointer. Nothing changes the data there: only
    // `Words::framed` would, and only a bare program calls `Words::framed`. A bare program does not call this function.
    let start = unsafe { Start::new(sp) };
    // SAFETY: `Start::new` found the auxiliary vector on the initial stack. The vector stays unchanged, as described
    // above.
    unsafe { auxv::set(start.auxv) };
    // SAFETY: `get` reads the kernel's auxiliary vector, which was set above.
    unsafe { arch::choose(auxv::get) };
    if thread_words != 0 {
        // SAFETY: the caller promises that this is the only call. The call is in the first thread, before any code uses
        // a thread word.
        if let Err(errno) = unsafe { give_thread_words() } {
            refuse(program, "set", "thread pointer", errno)
        }
    }
    // SAFETY: the caller promises that these are the bounds of RELRO, and that nothing writes it after the relocation.
    if let Err(errno) = unsafe { protect(relro, relro_end) } {
        // A program promises that its relocated data are read-only, so it does not run if they are not.
        refuse(program, "mprotect", "relocated data", errno)
    }
    process::exit(main(start).report(program))
}

/// Prints that start-up failed, and ends the program.
#[cold]
fn refuse(program: Program, operation: &str, object: &str, errno: Errno) -> ! {
    process::exit(program.fail(operation, object, errno).status())
}

/// Gives thread words to the first thread.
///
/// # Safety
/// The caller calls this function once, in the first thread, before any code uses a thread word.
unsafe fn give_thread_words() -> abi::Result<()> {
    static mut BLOCK: ThreadBlock = ThreadBlock::NEW;
    let block = &raw mut BLOCK;
    // SAFETY: the caller promises that this function runs once, so no other reference to the block exists. All later
    // uses of the block are through the thread pointer.
    let pointer = unsafe { (*block).thread_pointer() };
    // SAFETY: the block is a static, so it lives as long as the thread, and only the first thread has it. The linker
    // script of this crate linked the program: `ring3_start` refers to symbols of this script. `check` gets the result
    // of a system call.
    unsafe { abi::check(arch::set_thread_pointer(pointer)) }.map(drop)
}

/// Makes RELRO read-only. RELRO may begin in the middle of its first page. Its pages hold nothing else that code uses,
/// because the linker script begins RELRO's segment and the next segment on new pages.
///
/// # Errors
/// Those of mprotect(2): for example `ENOMEM` if the number of mappings is exhausted.
///
/// # Safety
/// `relro..relro_end` is this program's RELRO, and nothing writes it afterwards.
unsafe fn protect(relro: usize, relro_end: usize) -> abi::Result<()> {
    if relro == relro_end {
        return Ok(());
    }
    let first = relro & !(mem::page_size() - 1);
    // SAFETY: the range is whole pages of the program's own image. They hold only RELRO, which nothing writes again,
    // and bytes of the file that no code uses.
    unsafe { syscall!(mprotect(first, relro_end - first, mem::PROT_READ)) }.map(drop)
}

/// An exit status, as the result or the error of `main`. Code that returns a status other than 0 has printed the
/// reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(pub u8);

/// A result type of `main`, which determines the exit status.
///
/// `Result<(), Exit>` is for programs that print their errors where they know the operation and its object
/// ([`OrFail`](crate::cli::OrFail)). `Result<(), Errno>` is for small programs: an error of `main` is printed as
/// `PROGRAM: Words of errno (ENAME)`, and the exit status is 1.
///
/// ```ignore
/// fn main(_: ring3::env::Start) -> ring3::Result<()> {
///     ring3::io::write_all(ring3::fd::STDOUT, b"Hello\n")
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`main` cannot return `{Self}`",
    label = "`main` returns `{Self}`, which is no exit status",
    note = "`main` returns `()`, `ring3::rt::Exit`, `ring3::Result<()>` or `Result<(), ring3::rt::Exit>`",
    note = "`result.or_fail(PROGRAM, \"open\", path)?` prints an error and returns an `Exit` (trait `ring3::cli::OrFail`)"
)]
pub trait Termination {
    /// Returns the exit status, 0 to 255.
    fn status(self) -> i32;

    /// Prints the error if `self` is an error that was not printed yet, and returns the exit status.
    #[inline]
    fn report(self, program: Program) -> i32
    where
        Self: Sized,
    {
        let _ = program;
        self.status()
    }
}

impl Termination for () {
    fn status(self) -> i32 {
        0
    }
}

/// A `main` that never returns.
impl Termination for <fn() -> ! as Returns>::Of {
    fn status(self) -> i32 {
        self
    }
}

/// Names the type that a function returns: stable Rust has no other name for the type `!`.
#[doc(hidden)]
pub trait Returns {
    /// The type.
    type Of;
}

impl<T> Returns for fn() -> T {
    type Of = T;
}

impl Termination for Exit {
    fn status(self) -> i32 {
        self.0.into()
    }
}

/// The status is 1.
impl Termination for Errno {
    fn status(self) -> i32 {
        1
    }

    fn report(self, program: Program) -> i32 {
        program.say(self);
        self.status()
    }
}

impl<T: Termination, E: Termination> Termination for Result<T, E> {
    fn status(self) -> i32 {
        match self {
            Ok(value) => value.status(),
            Err(error) => error.status(),
        }
    }

    #[inline]
    fn report(self, program: Program) -> i32 {
        match self {
            Ok(value) => value.report(program),
            Err(error) => error.report(program),
        }
    }
}

/// The panic handler of [`program!`](crate::program!). Prints the message, the source location and the thread on
/// standard error, then aborts the process by SIGABRT.
///
/// `PROGRAM: thread 'NAME' (TID) panicked at FILE:LINE:COLUMN: MESSAGE`
pub fn panic(program: &str, info: &PanicInfo<'_>) -> ! {
    /// The id of the thread that panicked last. If the formatting of that thread's message panics, the message is not
    /// formatted again.
    static PANICKING: AtomicI32 = AtomicI32::new(0);

    let tid = process::gettid().as_raw();
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
        stderr.print(": while it printed this message\n");
    } else {
        stderr.print(": ");
        let _ = write!(stderr, "{}", info.message());
        stderr.print("\n");
    }
    let _ = stderr.flush(); // there is no other place to report an error
    process::abort()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_what_main_says() {
        let failed: Result<(), Exit> = Err(Exit(7));
        assert_eq!(
            [().status(), Exit(0).status(), Exit(255).status()],
            [0, 0, 255]
        );
        assert_eq!([failed.status(), Ok::<_, Exit>(Exit(3)).status()], [7, 3]);
        let failed: crate::Result<()> = Err(Errno::ENOENT);
        assert_eq!([failed.status(), crate::Result::Ok(()).status()], [1, 0]);
    }
}
