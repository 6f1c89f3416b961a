//! aarch64: the number goes in `x8`, the arguments in `x0` to `x5`, then `svc #0`.

use core::arch::{asm, global_asm};

pub(super) mod mem;

/// The largest page a kernel of this architecture runs with, in bytes.
pub const PAGE_MAX: usize = 65536;

/// `_start`: the kernel jumps here with `sp` at argc and every other register 0 or undefined
/// (`ELF_PLAT_INIT` in the kernel's arch/arm64/include/asm/elf.h).
///
/// `$entry` is an `unsafe extern "C" fn(*const usize, *const rt::Image) -> !`.
#[doc(hidden)]
#[macro_export]
macro_rules! __start {
    ($entry:path) => {
        ::core::arch::global_asm!(
            ".pushsection .text._start, \"ax\"",
            ".globl _start",
            "_start:",
            "mov x29, xzr",                       // the outermost frame has no caller:
            "mov x30, xzr",                       //   unwinders stop at 0
            "mov x0, sp",                         // 1st argument: argc, argv, envp and auxv are above here
            "adr x1, __ehdr_start",               // the linker script's symbols, relative to pc:
            "adr x2, __relr_start",               //   nothing is relocated yet. Linked at 0,
            "adr x3, __relr_end",                 //   __ehdr_start is the load base; and all is
            "adr x4, __relro_start",              //   within 1 MB, as the code model promises
            "adr x5, __relro_end",
            "sub sp, sp, #48",                    // an `Image` of 5 words, and 16-byte alignment kept
            "stp x1, x2, [sp]",
            "stp x3, x4, [sp, #16]",
            "str x5, [sp, #32]",
            "mov x1, sp",                         // 2nd argument: the Image
            "bl {entry}",
            "brk #1",                             // entry does not return
            ".popsection",
            entry = sym $entry,
        );
    };
}

/// `_start` of a program that has no relocation and no RELRO: it only passes the stack on.
///
/// `$entry` is an `unsafe extern "C" fn(*const usize) -> !`.
#[doc(hidden)]
#[macro_export]
macro_rules! __start_bare {
    ($entry:path) => {
        ::core::arch::global_asm!(
            ".pushsection .text._start, \"ax\"",
            ".globl _start",
            "_start:",
            "mov x0, sp",                         // argc, argv, envp and auxv are above here
            "bl {entry}",                         // the kernel aligned sp to 16, as the ABI asks
            ".popsection",
            entry = sym $entry,
        );
    };
}

/// The instruction that goes on elsewhere, with all registers as they are.
#[doc(hidden)]
#[macro_export]
macro_rules! __jump {
    () => {
        "b"
    };
}

/// `svc` with no argument.
///
/// # Safety
/// The call must be sound: see the kernel's contract for `nr`. The same holds for the others below.
#[inline(always)]
pub unsafe fn syscall0(nr: usize) -> usize {
    let result;
    // SAFETY: the kernel keeps every register but x0; what it does to memory is the caller's promise.
    unsafe { asm!("svc #0", in("x8") nr, lateout("x0") result, options(nostack)) };
    result
}

/// `svc` with one argument.
///
/// # Safety
/// As [`syscall0`].
#[inline(always)]
pub unsafe fn syscall1(nr: usize, a0: usize) -> usize {
    let result;
    // SAFETY: as in syscall0.
    unsafe { asm!("svc #0", in("x8") nr, inlateout("x0") a0 => result, options(nostack)) };
    result
}

/// `svc` with two arguments.
///
/// # Safety
/// As [`syscall0`].
#[inline(always)]
pub unsafe fn syscall2(nr: usize, a0: usize, a1: usize) -> usize {
    let result;
    // SAFETY: as in syscall0.
    unsafe {
        asm!("svc #0", in("x8") nr, inlateout("x0") a0 => result, in("x1") a1, options(nostack));
    }
    result
}

/// `svc` with three arguments.
///
/// # Safety
/// As [`syscall0`].
#[inline(always)]
pub unsafe fn syscall3(nr: usize, a0: usize, a1: usize, a2: usize) -> usize {
    let result;
    // SAFETY: as in syscall0.
    unsafe {
        asm!("svc #0", in("x8") nr, inlateout("x0") a0 => result, in("x1") a1, in("x2") a2,
            options(nostack));
    }
    result
}

/// `svc` with four arguments.
///
/// # Safety
/// As [`syscall0`].
#[inline(always)]
pub unsafe fn syscall4(nr: usize, a0: usize, a1: usize, a2: usize, a3: usize) -> usize {
    let result;
    // SAFETY: as in syscall0.
    unsafe {
        asm!("svc #0", in("x8") nr, inlateout("x0") a0 => result, in("x1") a1, in("x2") a2,
            in("x3") a3, options(nostack));
    }
    result
}

/// `svc` with five arguments.
///
/// # Safety
/// As [`syscall0`].
#[inline(always)]
pub unsafe fn syscall5(nr: usize, a0: usize, a1: usize, a2: usize, a3: usize, a4: usize) -> usize {
    let result;
    // SAFETY: as in syscall0.
    unsafe {
        asm!("svc #0", in("x8") nr, inlateout("x0") a0 => result, in("x1") a1, in("x2") a2,
            in("x3") a3, in("x4") a4, options(nostack));
    }
    result
}

/// `svc` with six arguments.
///
/// # Safety
/// As [`syscall0`].
#[inline(always)]
pub unsafe fn syscall6(
    nr: usize,
    a0: usize,
    a1: usize,
    a2: usize,
    a3: usize,
    a4: usize,
    a5: usize,
) -> usize {
    let result;
    // SAFETY: as in syscall0.
    unsafe {
        asm!("svc #0", in("x8") nr, inlateout("x0") a0 => result, in("x1") a1, in("x2") a2,
            in("x3") a3, in("x4") a4, in("x5") a5, options(nostack));
    }
    result
}

/// Ends the process by SIGTRAP: for a place that must not go on and has no kernel to ask.
#[inline(always)]
pub fn trap() -> ! {
    // SAFETY: brk raises an exception and does nothing else.
    unsafe { asm!("brk #1", options(noreturn, nomem, nostack)) }
}

// The words that each thread has of its own (`thread_word`): in the block of thread-local storage
// that whoever starts a thread lays out above its thread pointer, `tpidr_el0` (ELF for the Arm
// 64-bit Architecture, "Thread Local Storage").
global_asm!(
    ".pushsection .tbss.ring3, \"awT\", @nobits",
    ".balign 8",
    ".globl ring3_thread_words",
    ".hidden ring3_thread_words",
    "ring3_thread_words: .zero {size}",
    ".popsection",
    size = const 8 * super::THREAD_WORDS,
);

/// Word `N` of the calling thread's own: 0 until [`set_thread_word`].
#[inline(always)]
pub fn thread_word<const N: usize>() -> usize {
    const { assert!(N < super::THREAD_WORDS) };
    let value;
    // SAFETY: reads a word of the thread's block, where the linker put `ring3_thread_words`: at an
    // offset from `tpidr_el0` which stands in the GOT, and which the linker of a program writes into
    // the first two instructions instead.
    unsafe {
        asm!("adrp {0}, :gottprel:ring3_thread_words",
            "ldr {0}, [{0}, :gottprel_lo12:ring3_thread_words]",
            "mrs {1}, tpidr_el0",
            "add {0}, {0}, {1}",
            "ldr {0}, [{0}, {at}]",
            out(reg) value, out(reg) _, at = const 8 * N,
            options(pure, readonly, nostack, preserves_flags));
    }
    value
}

/// Sets word `N` of the calling thread's own.
#[inline(always)]
pub fn set_thread_word<const N: usize>(value: usize) {
    const { assert!(N < super::THREAD_WORDS) };
    // SAFETY: as in thread_word; nothing but these two uses the word.
    unsafe {
        asm!("adrp {0}, :gottprel:ring3_thread_words",
            "ldr {0}, [{0}, :gottprel_lo12:ring3_thread_words]",
            "mrs {1}, tpidr_el0",
            "add {0}, {0}, {1}",
            "str {2}, [{0}, {at}]",
            out(reg) _, out(reg) _, in(reg) value, at = const 8 * N,
            options(nostack, preserves_flags));
    }
}
