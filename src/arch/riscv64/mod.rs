//! riscv64: the system call's number is in `a7`, its arguments in `a0 a1 a2 a3 a4 a5`, its result in `a0`; the
//! instruction is `ecall`.
//!
//! No code uses `gp`: the linker does not address by it unless `--relax-gp` is set, so start-up leaves it alone.

use core::arch::{asm, global_asm};
use core::ffi::CStr;

use crate::abi::nr;
use crate::abi::signal::Sigaction;

pub(super) mod mem;

/// The largest page size of a kernel for this architecture, in bytes.
pub const PAGE_MAX: usize = 4096;

/// The name and the version of `clock_gettime` in the vDSO (vdso(7)).
pub const CLOCK_GETTIME: (&CStr, &CStr) = (c"__vdso_clock_gettime", c"LINUX_4.15");

/// `ring3_start`: the kernel jumps here with `sp` at argc and every other register 0 (`start_thread` in the kernel's
/// arch/riscv/kernel/process.c). The code relocates the program, then calls Rust.
///
/// [The relocation](crate::arch#the-relocation) describes the lists, and why this code neither calls nor names a Rust
/// item or a memory function. Here the second list is `SHT_RELA`, and its type is `R_RISCV_RELATIVE`. `lla` and `call`
/// are pairs of instructions that address relative to `pc`, within 2 GiB, so that this code does not limit the size of
/// a program.
#[doc(hidden)]
#[macro_export]
macro_rules! __start {
    ($entry:path) => {
        ::core::arch::global_asm!(
            ".pushsection .text.ring3_start, \"ax\"",
            ".globl ring3_start",
            ".type ring3_start, @function",
            "ring3_start:",
            "mv s0, zero",                        // the outermost frame has no caller:
            "mv ra, zero",                        //   unwinders stop at 0
            "mv a0, sp",                          // 1st argument: argc, argv, envp and auxv begin here
            "lla a4, __ehdr_start",               // linked at 0, so its address is the load base
            "lla a5, __relr_start",               // the next word of the list
            "lla a6, __relr_end",
            "2:",
            "beq a5, a6, 7f",
            "ld a7, 0(a5)",
            "addi a5, a5, 8",
            "andi t0, a7, 1",                     // bit 0: 0 even, 1 odd
            "bnez t0, 3f",
            "add t1, a4, a7",                     // even: the word to relocate
            "ld t0, 0(t1)",                       // the word holds an address relative to the base
            "add t0, t0, a4",
            "sd t0, 0(t1)",
            "addi t1, t1, 8",                     // t1: the first word that no entry has covered
            "j 2b",
            "3:",
            "mv t2, t1",                          // odd: t2 steps through the 63 words
            "4:",
            "srli a7, a7, 1",
            "beqz a7, 6f",                        // no bits are left
            "andi t0, a7, 1",                     // this word's bit: 0 means nothing to relocate
            "beqz t0, 5f",
            "ld t0, 0(t2)",
            "add t0, t0, a4",
            "sd t0, 0(t2)",
            "5:",
            "addi t2, t2, 8",
            "j 4b",
            "6:",
            "addi t1, t1, 63*8",
            "j 2b",
            "7:",                                 // the second list begins at the end of the first
            "lla a6, __rela_end",
            "8:",
            "beq a5, a6, 9f",
            "ld t1, 0(a5)",                       // the offset; the type after it is always the same
            "ld t0, 16(a5)",                      // the address relative to the base
            "addi a5, a5, 24",
            "add t1, t1, a4",
            "add t0, t0, a4",
            "sd t0, 0(t1)",
            "j 8b",
            "9:",                                 // relocated: from here on Rust code can run
            "lla a1, __relro_start",              // 2nd argument
            "lla a2, __relro_end",                // 3rd
            "lla a3, __thread_words",             // 4th: bytes, and so far from the load base
            "sub a3, a3, a4",
            "call {entry}",                       // the kernel aligned sp to 16, as the ABI requires
            "ebreak",                             // entry does not return
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
            "ring3_start:",
            "mv a0, sp",                          // 1st argument: argc, argv, envp and auxv begin here
            "call {entry}",                       // the kernel aligned sp to 16, as the ABI requires
            ".popsection",
            entry = sym $entry,
        );
    };
}

/// Defines what the compiler's own library expects of a C library: nothing on riscv64.
#[doc(hidden)]
#[macro_export]
macro_rules! __libc_names {
    () => {};
}

/// The jump instruction, to anywhere within 2 GiB. It changes only `t1`, which holds no argument.
#[doc(hidden)]
#[macro_export]
macro_rules! __jump {
    () => {
        "tail"
    };
}

/// Does nothing: all processors and kernels of this architecture have the instructions that this crate uses.
///
/// # Safety
/// `auxv` returns the values of the kernel's auxiliary vector, or `None`.
pub unsafe fn choose(_auxv: impl Fn(usize) -> Option<usize>) {}

/// The assembly of the system call `NR`. The arguments: how many arguments the call has, then the operands of `asm!`.
///
/// The kernel preserves every register but `a0` and the vector registers (Documentation/arch/riscv/vector.rst). A
/// program that is compiled for the baseline does not use vector registers.
macro_rules! ecall {
    ($arguments:literal, $($operands:tt)*) => {
        asm!(call_site!("ecall", "nr", $arguments), nr = const NR, in("a7") NR, $($operands)*,
            out("v0") _, out("v1") _, out("v2") _, out("v3") _, out("v4") _, out("v5") _, out("v6") _, out("v7") _,
            out("v8") _, out("v9") _, out("v10") _, out("v11") _, out("v12") _, out("v13") _,
            out("v14") _, out("v15") _, out("v16") _, out("v17") _, out("v18") _, out("v19") _,
            out("v20") _, out("v21") _, out("v22") _, out("v23") _, out("v24") _, out("v25") _,
            out("v26") _, out("v27") _, out("v28") _, out("v29") _, out("v30") _, out("v31") _,
            options(nostack))
    };
}

/// Makes a system call without arguments.
///
/// # Safety
/// The call must be sound: see the kernel's contract for the call `NR`. The same applies to the functions below.
#[inline(always)]
pub unsafe fn syscall0<const NR: usize>() -> usize {
    let result;
    // SAFETY: `ecall` lists the registers that the kernel changes. The caller promises that the call's accesses to
    // memory are sound.
    unsafe { ecall!(0, lateout("a0") result) };
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
    unsafe { ecall!(1, inlateout("a0") a0 => result) };
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
    unsafe { ecall!(2, inlateout("a0") a0 => result, in("a1") a1) };
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
    unsafe { ecall!(3, inlateout("a0") a0 => result, in("a1") a1, in("a2") a2) };
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
    unsafe { ecall!(4, inlateout("a0") a0 => result, in("a1") a1, in("a2") a2, in("a3") a3) };
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
        ecall!(5, inlateout("a0") a0 => result, in("a1") a1, in("a2") a2, in("a3") a3, in("a4") a4)
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
        ecall!(6, inlateout("a0") a0 => result, in("a1") a1, in("a2") a2, in("a3") a3, in("a4") a4,
            in("a5") a5);
    }
    result
}

/// Ends the process by SIGTRAP, without a system call: for code that must not continue.
#[inline(always)]
pub fn trap() -> ! {
    // SAFETY: ebreak raises an exception and does nothing else.
    unsafe { asm!("ebreak", options(noreturn, nomem, nostack)) }
}

/// Starts to load the cache line at an address into the first-level cache, without waiting. Does nothing on a processor
/// without the extension Zicbop.
#[inline(always)]
pub fn prefetch(address: *const u8) {
    // SAFETY: the instruction is Zicbop's `prefetch.r`, spelled as every assembler knows it. It is a hint: a processor
    // without Zicbop computes a value and drops it. It does not fault, even if the address is not mapped.
    unsafe {
        asm!("ori zero, {}, 1", in(reg) address, options(readonly, nostack, preserves_flags));
    }
}

// The thread words (`thread_word`). They are in the block of thread-local storage at the thread pointer, `tp` (RISC-V
// ELF psABI, "Thread Local Storage"). The runtime that starts a thread provides the block.
global_asm!(
    ".pushsection .tbss.ring3, \"awT\", @nobits",
    ".balign 8",
    ".globl ring3_thread_words",
    ".hidden ring3_thread_words",
    "ring3_thread_words: .zero {size}",
    ".popsection",
    size = const 8 * super::THREAD_WORDS,
);

/// Returns word `N` of the calling thread: 0 until [`set_thread_word`].
#[inline(always)]
pub fn thread_word<const N: usize>() -> usize {
    const { assert!(N < super::THREAD_WORDS) };
    let value;
    // SAFETY: the code reads a word in the calling thread's block, where the linker put `ring3_thread_words`. The linker
    // writes its offset from `tp` into the instructions.
    unsafe {
        asm!("lui {0}, %tprel_hi(ring3_thread_words + {at})",
            "add {0}, {0}, tp, %tprel_add(ring3_thread_words + {at})",
            "ld {0}, %tprel_lo(ring3_thread_words + {at})({0})",
            out(reg) value, at = const 8 * N,
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
        asm!("lui {0}, %tprel_hi(ring3_thread_words + {at})",
            "add {0}, {0}, tp, %tprel_add(ring3_thread_words + {at})",
            "sd {1}, %tprel_lo(ring3_thread_words + {at})({0})",
            out(reg) _, in(reg) value, at = const 8 * N,
            options(nostack, preserves_flags));
    }
}

/// The memory of a thread's words. The thread pointer points to its start (RISC-V ELF psABI, "Thread Local Storage").
#[derive(Debug)]
#[repr(C)]
pub struct ThreadBlock([usize; super::THREAD_WORDS]);

impl ThreadBlock {
    /// The block of a new thread.
    pub const NEW: Self = Self([0; super::THREAD_WORDS]);

    /// Returns the thread pointer for this block. The block must not move afterwards.
    pub fn thread_pointer(&mut self) -> usize {
        self.0.as_mut_ptr().expose_provenance()
    }
}

/// Makes the block at `pointer` the calling thread's block. Returns 0: riscv64 needs no system call, so this cannot
/// fail.
///
/// # Safety
/// - `pointer` is the [`thread_pointer`](ThreadBlock::thread_pointer) of a block that no other thread has, and that
///   stays in place as long as this thread exists.
/// - The linker script of this crate linked the program. Under another runtime the thread pointer belongs to that
///   runtime.
pub unsafe fn set_thread_pointer(pointer: usize) -> usize {
    // SAFETY: the instruction changes only this register. The caller promises that `pointer` is a valid thread pointer.
    unsafe { asm!("mv tp, {}", in(reg) pointer, options(nostack, preserves_flags)) };
    0
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
        asm!(call_site!("ecall", "clone", 5),
            "bnez a0, 2f",          // 0 in the new thread
            "mv s0, zero",          // the outermost frame has no caller:
            "mv ra, zero",          //   unwinders stop at 0, and nothing returns there
            "mv a0, sp",            // 1st argument: the end of the stack
            "jr a5",
            "2:",
            clone = const nr::clone,
            in("a7") nr::clone, inlateout("a0") flags => result, in("a1") stack, in("a2") tid,
            in("a3") pointer, in("a4") tid, in("a5") entry);
    }
    result
}

/// Does nothing: on this architecture a signal handler returns to the kernel's own code, in the vDSO.
#[inline(always)]
pub fn set_restorer(_: &mut Sigaction) {}

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
        asm!(call_site!("ecall", "munmap", 2), // munmap(start, length)
            "li a7, {exit}",
            "li a0, 0",             // status 0; no code reads it
            call_site!("ecall", "exit", 1),
            "ebreak",               // exit does not return
            munmap = const nr::munmap, exit = const nr::exit,
            in("a7") nr::munmap, in("a0") start, in("a1") length,
            options(noreturn));
    }
}
