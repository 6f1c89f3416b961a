//! The run-time: from `_start`, which has relocated the program, to `main`; panics; and the exit status.

mod bare;
mod program;

use core::fmt::{self, Write as _};
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
    use super::*;

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
