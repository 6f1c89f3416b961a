//! arm: the system call's number is in `r7`, its arguments in `r0 r1 r2 r3 r4 r5`, its result in `r0`; the instruction
//! is `svc #0`.
//!
//! This is the EABI, on ARMv7-A with VFP registers for floating-point arguments (`armhf`).
//! The compiler makes ARM code, or Thumb code with the target feature `thumb-mode`, which the shipped programs have.
//! Functions that are all assembly are ARM code. Inline assembly is correct in both.

use core::arch::{asm, global_asm};
use core::ffi::CStr;

use crate::abi::nr;
use crate::abi::signal::{SA_RESTORER, SA_SIGINFO, Sigaction};

pub(super) mod mem;

/// The largest page size of a kernel for this architecture, in bytes: aarch64 kernels can run these programs too. The
/// pages of other kernels have 4 KiB.
pub const PAGE_MAX: usize = 65536;

/// The name and the version of `clock_gettime` in the vDSO (vdso(7)).
pub const CLOCK_GETTIME: (&CStr, &CStr) = (c"__vdso_clock_gettime64", c"LINUX_2.6");

/// `ring3_start`: the kernel jumps here with `sp` at argc and every other register 0 or undefined (`start_thread` in
/// the kernel's arch/arm/include/asm/processor.h). The code relocates the program, then calls Rust.
///
/// [The relocation](crate::arch#the-relocation) describes the lists, and why this code neither calls nor names a Rust
/// item or a memory function. Here the second list is `SHT_REL`, and its type is `R_ARM_RELATIVE`. The code has a table
/// of the linker script's symbols, as distances from the table, and finds the table relative to `pc`.
#[doc(hidden)]
#[macro_export]
macro_rules! __start {
    ($entry:path) => {
        ::core::arch::global_asm!(
            ".pushsection .text.ring3_start, \"ax\"",
            ".globl ring3_start",
            ".arm",                               // also in a program of Thumb code
            ".p2align 2",
            ".type ring3_start, %function",
            "ring3_start:",
            "mov r11, #0",                        // the outermost frame has no caller:
            "mov lr, #0",                         //   unwinders stop at 0
            "mov r0, sp",                         // 1st argument: argc, argv, envp and auxv begin here
            "adr r12, 9f",                        // the table
            "ldm r12, {{r1-r7}}",                 // distances from the table; with the table's address, addresses:
            "add r1, r1, r12",                    // 2nd argument: the begin of RELRO
            "add r2, r2, r12",                    // 3rd: the end of RELRO
            "add r4, r4, r12",                    // linked at 0, so its address is the load base
            "add r5, r5, r12",                    // the next word of the lists
            "add r6, r6, r12",                    // the end of the first list
            "add r7, r7, r12",                    // the end of the second list
            "add r3, r3, r12",
            "sub r3, r3, r4",                     // 4th argument: bytes, and so far from the load base
            "2:",
            "cmp r5, r6",
            "beq 6f",
            "ldr r8, [r5], #4",
            "lsrs r8, r8, #1",                    // the low bit to the carry flag: 0 even, 1 odd
            "bcs 3f",
            "add r9, r4, r8, lsl #1",             // even: the word to relocate; the bit shifted out was 0
            "ldr r12, [r9]",                      // the word holds an address relative to the base
            "add r12, r12, r4",
            "str r12, [r9], #4",                  // r9: the first word that no entry has covered
            "b 2b",
            "3:",
            "mov r10, r9",                        // odd: r10 steps through the 31 words
            "4:",
            "lsrs r8, r8, #1",                    // this word's bit to the carry flag, Z if no bits are left
            "ldrcs r12, [r10]",
            "addcs r12, r12, r4",
            "strcs r12, [r10]",
            "add r10, r10, #4",
            "bne 4b",
            "add r9, r9, #31*4",
            "b 2b",
            "5:",
            "ldr r8, [r5], #8",                   // the offset; the type is always the same
            "ldr r12, [r4, r8]",                  // the word holds an address relative to the base
            "add r12, r12, r4",
            "str r12, [r4, r8]",
            "6:",                                 // the second list begins at the end of the first
            "cmp r5, r7",
            "bne 5b",
            "bl {entry}",                         // relocated. The kernel aligned sp to 16; the ABI requires 8
            "bkpt #0",                            // entry does not return
            ".balign 4",
            "9:",                                 // in the order of the registers
            ".word __relro_start - 9b",
            ".word __relro_end - 9b",
            ".word __thread_words - 9b",
            ".word __ehdr_start - 9b",
            ".word __relr_start - 9b",
            ".word __relr_end - 9b",
            ".word __rela_end - 9b",
            ".size ring3_start, . - ring3_start",
            ".popsection",
            ".pushsection .data.begin, \"aw\"",   // makes .data never empty: see the linker script
            ".byte 0",
            ".popsection",
            entry = sym $entry,
        );
    };
}

/// `ring3_start` of a program without relocations and without RELRO: it only passes the stack pointer on.
///
/// `$entry` is an `unsafe extern "C" fn(*const usize) -> !`.
#[doc(hidden)]
#[macro_export]
macro_rules! __start_bare {
    ($entry:path) => {
        ::core::arch::global_asm!(
            ".pushsection .text.ring3_start, \"ax\"",
            ".globl ring3_start",
            ".arm",                               // also in a program of Thumb code
            ".p2align 2",
            "ring3_start:",
            "mov r0, sp",                         // 1st argument: argc, argv, envp and auxv begin here
            "bl {entry}",                         // the kernel aligned sp to 16; the ABI requires 8
            ".popsection",
            entry = sym $entry,
        );
    };
}

/// Defines what the compiler's own library (`compiler_builtins`) expects of a C library: nothing on this architecture.
#[doc(hidden)]
#[macro_export]
macro_rules! __libc_names {
    () => {};
}

/// The jump instruction, in ARM code as what it jumps to. It changes no register.
#[doc(hidden)]
#[macro_export]
macro_rules! __jump {
    () => {
        ".arm\n.p2align 2\nb"
    };
}

/// Does nothing: all processors and kernels of this architecture have the instructions that this crate uses.
///
/// # Safety
/// `auxv` returns the values of the kernel's auxiliary vector, or `None`.
pub unsafe fn choose(_auxv: impl Fn(usize) -> Option<usize>) {}

/// Makes the system call `NR`. In Thumb code `r7` can be the frame pointer, and `asm!` refuses it as an operand. So the
/// code saves `r7`.
macro_rules! svc {
    ($arguments:literal, $($operands:tt)*) => {
        asm!("mov {saved}, r7",
            "mov r7, {number}",
            call_site!("svc #0", "nr", $arguments),
            "mov r7, {saved}",
            nr = const NR, number = in(reg) NR, saved = out(reg) _, $($operands)*, options(nostack))
    };
}

/// Makes a system call without arguments.
///
/// # Safety
/// The call must be sound: see the kernel's contract for the call `NR`. The same applies to the functions below.
#[inline(always)]
pub unsafe fn syscall0<const NR: usize>() -> usize {
    let result;
    // SAFETY: the kernel preserves every register but r0, and `svc` restores r7. The caller promises that the call's
    // accesses to memory are sound.
    unsafe { svc!(0, lateout("r0") result) };
    result
}

/// Makes a system call with one argument.
///
/// # Safety
/// As [`syscall0`].
#[inline(always)]
pub unsafe fn syscall1<const NR: usize>(a0: usize) -> usize {
    let result;
    // SAFETY: as in syscall0.
    unsafe { svc!(1, inlateout("r0") a0 => result) };
    result
}

/// Makes a system call with two arguments.
///
/// # Safety
/// As [`syscall0`].
#[inline(always)]
pub unsafe fn syscall2<const NR: usize>(a0: usize, a1: usize) -> usize {
    let result;
    // SAFETY: as in syscall0.
    unsafe { svc!(2, inlateout("r0") a0 => result, in("r1") a1) };
    result
}

/// Makes a system call with three arguments.
///
/// # Safety
/// As [`syscall0`].
#[inline(always)]
pub unsafe fn syscall3<const NR: usize>(a0: usize, a1: usize, a2: usize) -> usize {
    let result;
    // SAFETY: as in syscall0.
    unsafe { svc!(3, inlateout("r0") a0 => result, in("r1") a1, in("r2") a2) };
    result
}

/// Makes a system call with four arguments.
///
/// # Safety
/// As [`syscall0`].
#[inline(always)]
pub unsafe fn syscall4<const NR: usize>(a0: usize, a1: usize, a2: usize, a3: usize) -> usize {
    let result;
    // SAFETY: as in syscall0.
    unsafe { svc!(4, inlateout("r0") a0 => result, in("r1") a1, in("r2") a2, in("r3") a3) };
    result
}

/// Makes a system call with five arguments.
///
/// # Safety
/// As [`syscall0`].
#[inline(always)]
pub unsafe fn syscall5<const NR: usize>(
    a0: usize,
    a1: usize,
    a2: usize,
    a3: usize,
    a4: usize,
) -> usize {
    let result;
    // SAFETY: as in syscall0.
    unsafe {
        svc!(5, inlateout("r0") a0 => result, in("r1") a1, in("r2") a2, in("r3") a3, in("r4") a4)
    };
    result
}

/// Makes a system call with six arguments.
///
/// # Safety
/// As [`syscall0`].
#[inline(always)]
pub unsafe fn syscall6<const NR: usize>(
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
        svc!(6, inlateout("r0") a0 => result, in("r1") a1, in("r2") a2, in("r3") a3, in("r4") a4, in("r5") a5)
    };
    result
}

/// Ends the process by SIGTRAP, without a system call: for code that must not continue.
#[inline(always)]
pub fn trap() -> ! {
    // SAFETY: bkpt raises an exception and does nothing else.
    unsafe { asm!("bkpt #0", options(noreturn, nomem, nostack)) }
}

/// Starts to load the cache line at an address into the first-level cache, without waiting.
#[inline(always)]
pub fn prefetch(address: *const u8) {
    // SAFETY: the instruction is a hint. It does not fault, even if the address is not mapped.
    unsafe {
        asm!("pld [{}]", in(reg) address,
            options(readonly, nostack, preserves_flags));
    }
}

// The thread words (`thread_word`). They are in the block of thread-local storage above the thread pointer, TPIDRURO
// (Addenda to, and Errata in, the ABI for the Arm Architecture, "Linux for Arm static (initial exec) model"). The
// runtime that starts a thread provides the block.
global_asm!(
    ".pushsection .tbss.ring3, \"awT\", %nobits",
    ".balign 4",
    ".globl ring3_thread_words",
    ".hidden ring3_thread_words",
    "ring3_thread_words: .zero {size}",
    ".popsection",
    size = const 4 * super::THREAD_WORDS,
);

/// Returns word `N` of the calling thread: 0 until [`set_thread_word`].
#[inline(always)]
pub fn thread_word<const N: usize>() -> usize {
    const { assert!(N < super::THREAD_WORDS) };
    let value;
    // SAFETY: the code reads a word in the calling thread's block, where the linker put `ring3_thread_words`. The
    // linker writes the word's offset from the thread pointer into the code.
    unsafe {
        asm!("ldr {0}, 2f",
            "b 3f",
            ".p2align 2",                     // Thumb code is aligned to 2
            "2: .word ring3_thread_words(tpoff) + {at}",
            "3: mrc p15, 0, {1}, c13, c0, 3", // TPIDRURO
            "ldr {0}, [{0}, {1}]",
            out(reg) value, out(reg) _, at = const 4 * N,
            options(pure, readonly, nostack, preserves_flags));
    }
    value
}

/// Sets word `N` of the calling thread.
///
/// # Safety
/// `value` is valid for word `N`: [`WORD_HEAP`](super::WORD_HEAP) and [`WORD_AT_EXIT`](super::WORD_AT_EXIT) state their
/// values. The code that uses the word relies on the value.
#[inline(always)]
pub unsafe fn set_thread_word<const N: usize>(value: usize) {
    const { assert!(N < super::THREAD_WORDS) };
    // SAFETY: as in `thread_word`. Only these two functions access the word.
    unsafe {
        asm!("ldr {0}, 2f",
            "b 3f",
            ".p2align 2",                     // Thumb code is aligned to 2
            "2: .word ring3_thread_words(tpoff) + {at}",
            "3: mrc p15, 0, {1}, c13, c0, 3", // TPIDRURO
            "str {2}, [{0}, {1}]",
            out(reg) _, out(reg) _, in(reg) value, at = const 4 * N,
            options(nostack, preserves_flags));
    }
}

/// The memory of a thread's words. The thread pointer points to its start: two unused words, then the thread words.
#[derive(Debug)]
#[repr(C)]
pub struct ThreadBlock([usize; 2 + super::THREAD_WORDS]);

impl ThreadBlock {
    /// The block of a new thread.
    pub const NEW: Self = Self([0; 2 + super::THREAD_WORDS]);

    /// Returns the thread pointer for this block. The block must not move afterwards.
    pub fn thread_pointer(&mut self) -> usize {
        self.0.as_mut_ptr().expose_provenance()
    }
}

/// Makes the block at `pointer` the calling thread's block. Returns the kernel's result: 0, or a negated errno. Only
/// the kernel can write TPIDRURO.
///
/// # Safety
/// - `pointer` is the [`thread_pointer`](ThreadBlock::thread_pointer) of a block that no other thread has, and that
///   stays in place as long as this thread exists.
/// - The linker script of this crate linked the program. Under another runtime the thread pointer belongs to that
///   runtime.
pub unsafe fn set_thread_pointer(pointer: usize) -> usize {
    // SAFETY: the call changes only this register. The caller promises that `pointer` is a valid thread pointer.
    unsafe { syscall1::<{ nr::set_tls }>(pointer) }
}

/// Starts a thread or a process by clone(2). The new thread or process calls `entry(stack)` on the stack that ends at
/// `stack`. The caller gets the kernel's result: the id of the new thread or process, or a negated errno.
///
/// # Safety
/// - `flags` create a thread, which shares all memory and has its own thread pointer; or a process, which has a copy of
///   the memory, or shares the memory while the caller is suspended (`CLONE_VFORK`).
/// - `stack` is a multiple of 16. Below it is memory for a stack, which no other code uses.
/// - The kernel may write to `tid` as the flags require.
/// - `entry` is sound with `stack`, in the new thread or process.
#[inline(never)] // the two threads diverge in here, so no caller's frame is used by both
pub unsafe fn clone(
    flags: usize,
    stack: *mut u8,
    tid: *mut u32,
    pointer: usize,
    entry: unsafe extern "C" fn(*mut u8) -> !,
) -> usize {
    let result;
    // SAFETY: the new thread has only copies of the caller's registers, and does not access the caller's frame: it has
    // a stack of its own, and never returns from `entry`. For the caller this is an ordinary system call.
    unsafe {
        asm!("mov {saved}, r7",
            "mov r7, {number}",
            call_site!("svc #0", "clone", 5),
            "cmp r0, #0",
            "bne 2f",               // 0 in the new thread
            "mov r11, #0",          // the outermost frame has no caller:
            "mov lr, #0",           //   unwinders stop at 0, and nothing returns there
            "mov r0, sp",           // 1st argument: the end of the stack
            "bx r5",
            "2: mov r7, {saved}",
            clone = const nr::clone, number = in(reg) nr::clone, saved = out(reg) _,
            inlateout("r0") flags => result, in("r1") stack, in("r2") tid,
            in("r3") pointer, in("r4") tid, in("r5") entry, options(nostack));
    }
    result
}

// The code that a signal handler returns to: it lets the kernel continue the interrupted code (sigreturn(2)). It has no
// prologue: the kernel expects the stack as the handler's return left it.
global_asm!(
    ".pushsection .text.ring3_restorer, \"ax\"",
    ".globl ring3_restorer",
    ".hidden ring3_restorer",
    ".type ring3_restorer, %function",
    ".arm",
    ".p2align 2",
    "ring3_restorer:",
    "mov r7, #{rt_sigreturn}",
    call_site!("svc #0", "rt_sigreturn", 0),
    "bkpt #0",                            // rt_sigreturn does not return
    ".popsection",
    rt_sigreturn = const nr::rt_sigreturn,
);

/// Lets the handler of `action` return to the code above. The kernel needs the address; no code calls it. The code's
/// system call belongs to the signal frame of a handler with `SA_SIGINFO`; without this flag, the frame is another.
#[inline(always)]
pub fn set_restorer(action: &mut Sigaction) {
    // SAFETY: the code adds the address of a word and the restorer's distance from it, which the word holds.
    unsafe {
        asm!("adr {0}, 2f",
            "ldr {1}, [{0}]",
            "add {0}, {0}, {1}",
            "b 3f",
            ".p2align 2",           // Thumb code is aligned to 2
            "2: .word ring3_restorer - 2b",
            "3:",
            out(reg) action.sa_restorer, out(reg) _, options(pure, nomem, nostack, preserves_flags));
    }
    action.sa_flags |= SA_RESTORER | SA_SIGINFO;
}

/// Unmaps `length` bytes of mappings from `start`, which include the calling thread's stack, and ends the thread. No
/// instruction between the two system calls uses a stack.
///
/// # Safety
/// - Only this thread uses these mappings.
/// - All signals are blocked, so no signal handler runs in this thread.
pub unsafe fn unmap_and_exit(start: *mut u8, length: usize) -> ! {
    // SAFETY: the caller promises that no other code uses the mappings. No instruction after the first system call
    // accesses memory.
    unsafe {
        asm!("mov r7, {number}",
            call_site!("svc #0", "munmap", 2), // munmap(start, length)
            "mov r7, #{exit}",
            "mov r0, #0",           // status 0; no code reads it
            call_site!("svc #0", "exit", 1),
            "bkpt #0",              // exit does not return
            munmap = const nr::munmap, exit = const nr::exit,
            number = in(reg) nr::munmap, in("r0") start, in("r1") length,
            options(noreturn));
    }
}
