//! aarch64: the system call's number is in `x8`, its arguments in `x0 x1 x2 x3 x4 x5`, its result in `x0`; the
//! instruction is `svc #0`.

use core::arch::{asm, global_asm};
use core::ffi::CStr;

use crate::abi::nr;
use crate::abi::signal::{SA_RESTORER, Sigaction};

pub(super) mod mem;

/// The largest page size of a kernel for this architecture, in bytes.
pub const PAGE_MAX: usize = 65536;

/// The name and the version of `clock_gettime` in the vDSO (vdso(7)).
pub const CLOCK_GETTIME: (&CStr, &CStr) = (c"__kernel_clock_gettime", c"LINUX_2.6.39");

/// `ring3_start`: the kernel jumps here with `sp` at argc and every other register 0 or undefined (`ELF_PLAT_INIT` in the
/// kernel's arch/arm64/include/asm/elf.h). The code relocates the program, then calls Rust.
///
/// [The relocation](crate::arch#the-relocation) describes the lists, and why this code neither calls nor names a Rust
/// item or a memory function. Here the second list is `SHT_RELA`, and its type is `R_AARCH64_RELATIVE`. `adrp` and
/// `add` address the linker script's symbols relative to `pc`, within 4 GiB, so that this code does not limit the size
/// of a program.
#[doc(hidden)]
#[macro_export]
macro_rules! __start {
    ($entry:path) => {
        ::core::arch::global_asm!(
            ".pushsection .text.ring3_start, \"ax\"",
            ".globl ring3_start",
            ".type ring3_start, @function",
            "ring3_start:",
            "mov x29, xzr",                       // the outermost frame has no caller:
            "mov x30, xzr",                       //   unwinders stop at 0
            "mov x0, sp",                         // 1st argument: argc, argv, envp and auxv begin here
            "adrp x4, __ehdr_start",              // linked at 0, so its page is the load base
            "adrp x5, __relr_start",              // the next word of the list
            "add x5, x5, :lo12:__relr_start",
            "adrp x6, __relr_end",
            "add x6, x6, :lo12:__relr_end",
            "2:",
            "cmp x5, x6",
            "b.eq 6f",
            "ldr x7, [x5], #8",
            "tbnz x7, #0, 3f",                    // bit 0: 0 even, 1 odd
            "add x8, x4, x7",                     // even: the word to relocate
            "ldr x9, [x8]",                       // the word holds an address relative to the base
            "add x9, x9, x4",
            "str x9, [x8], #8",                   // x8: the first word that no entry has covered
            "b 2b",
            "3:",
            "mov x10, x8",                        // odd: x10 steps through the 63 words
            "4:",
            "lsr x7, x7, #1",
            "cbz x7, 5f",                         // no bits are left
            "ldr x9, [x10], #8",
            "tbz x7, #0, 4b",                     // this word's bit: 0 means nothing to relocate
            "add x9, x9, x4",
            "str x9, [x10, #-8]",
            "b 4b",
            "5:",
            "add x8, x8, #63*8",
            "b 2b",
            "6:",                                 // the second list begins at the end of the first
            "adrp x6, __rela_end",
            "add x6, x6, :lo12:__rela_end",
            "7:",
            "cmp x5, x6",
            "b.eq 8f",
            "ldp x7, xzr, [x5], #16",             // the offset, and the type, always the same
            "ldr x9, [x5], #8",                   // the address relative to the base
            "add x9, x9, x4",
            "str x9, [x4, x7]",
            "b 7b",
            "8:",                                 // relocated: from here on Rust code can run
            "adrp x1, __relro_start",             // 2nd argument
            "add x1, x1, :lo12:__relro_start",
            "adrp x2, __relro_end",               // 3rd
            "add x2, x2, :lo12:__relro_end",
            "adrp x3, __thread_words",            // 4th: bytes, and so far from the load base
            "add x3, x3, :lo12:__thread_words",
            "sub x3, x3, x4",
            "bl {entry}",                         // the kernel aligned sp to 16, as the ABI requires
            "brk #1",                             // entry does not return
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
            "mov x0, sp",                         // 1st argument: argc, argv, envp and auxv begin here
            "bl {entry}",                         // the kernel aligned sp to 16, as the ABI requires
            ".popsection",
            entry = sym $entry,
        );
    };
}

/// Defines what the compiler's own library (`compiler_builtins`) expects of a C library: its outlined atomic operations
/// look for LSE instructions by `getauxval`, in C code with a stack protector.
///
/// That code is a constructor, and no program of this crate runs constructors. So the outlined operations use exclusive
/// loads and stores, which each processor has. Code that is compiled with `-Ctarget-feature=-outline-atomics` or `+lse`
/// does not call these operations.
#[doc(hidden)]
#[macro_export]
macro_rules! __libc_names {
    () => {
        #[unsafe(no_mangle)]
        extern "C" fn getauxval(key: usize) -> usize {
            $crate::env::auxv::get(key).unwrap_or(0)
        }

        // In assembly, because LLVM would merge equal constants with a static, and address them by the GOT.
        ::core::arch::global_asm!(
            ".pushsection .rodata.__stack_chk_guard, \"a\"",
            ".globl __stack_chk_guard",
            ".balign 8",
            "__stack_chk_guard:",
            ".xword 0",
            ".popsection",
        );

        #[unsafe(no_mangle)]
        extern "C" fn __stack_chk_fail() -> ! {
            $crate::arch::trap()
        }
    };
}

/// The jump instruction. It changes no register.
#[doc(hidden)]
#[macro_export]
macro_rules! __jump {
    () => {
        "b"
    };
}

/// Does nothing: all processors and kernels of this architecture have the instructions that this crate uses.
///
/// # Safety
/// `auxv` returns the values of the kernel's auxiliary vector, or `None`.
pub unsafe fn choose(_auxv: impl Fn(usize) -> Option<usize>) {}

/// Makes a system call without arguments.
///
/// # Safety
/// The call must be sound: see the kernel's contract for the call `NR`. The same applies to the functions below.
#[inline(always)]
pub unsafe fn syscall0<const NR: usize>() -> usize {
    let result;
    // SAFETY: the kernel preserves every register but x0. The caller promises that the call's accesses to memory are
    // sound.
    unsafe {
        asm!(call_site!("svc #0", "nr", 0), nr = const NR, in("x8") NR, lateout("x0") result, options(nostack));
    }
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
    unsafe {
        asm!(call_site!("svc #0", "nr", 1), nr = const NR,
            in("x8") NR, inlateout("x0") a0 => result, options(nostack));
    }
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
    unsafe {
        asm!(call_site!("svc #0", "nr", 2), nr = const NR,
            in("x8") NR, inlateout("x0") a0 => result, in("x1") a1, options(nostack));
    }
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
    unsafe {
        asm!(call_site!("svc #0", "nr", 3), nr = const NR,
            in("x8") NR, inlateout("x0") a0 => result, in("x1") a1, in("x2") a2,
            options(nostack));
    }
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
    unsafe {
        asm!(call_site!("svc #0", "nr", 4), nr = const NR,
            in("x8") NR, inlateout("x0") a0 => result, in("x1") a1, in("x2") a2,
            in("x3") a3, options(nostack));
    }
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
        asm!(call_site!("svc #0", "nr", 5), nr = const NR,
            in("x8") NR, inlateout("x0") a0 => result, in("x1") a1, in("x2") a2,
            in("x3") a3, in("x4") a4, options(nostack));
    }
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
        asm!(call_site!("svc #0", "nr", 6), nr = const NR,
            in("x8") NR, inlateout("x0") a0 => result, in("x1") a1, in("x2") a2,
            in("x3") a3, in("x4") a4, in("x5") a5, options(nostack));
    }
    result
}

/// Ends the process by SIGTRAP, without a system call: for code that must not continue.
#[inline(always)]
pub fn trap() -> ! {
    // SAFETY: brk raises an exception and does nothing else.
    unsafe { asm!("brk #1", options(noreturn, nomem, nostack)) }
}

/// Starts to load the cache line at an address into the first-level cache, without waiting.
#[inline(always)]
pub fn prefetch(address: *const u8) {
    // SAFETY: the instruction is a hint. It does not fault, even if the address is not mapped.
    unsafe {
        asm!("prfm pldl1keep, [{}]", in(reg) address,
            options(readonly, nostack, preserves_flags));
    }
}

// The thread words (`thread_word`). They are in the block of thread-local storage above the thread pointer, `tpidr_el0`
// (ELF for the Arm 64-bit Architecture, "Thread Local Storage"). The runtime that starts a thread provides the block.
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
    // SAFETY: the code reads a word in the calling thread's block, where the linker put `ring3_thread_words`. Its
    // offset from `tpidr_el0` is in the GOT; in a program, the linker writes the offset into the first two instructions
    // instead.
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
        asm!("adrp {0}, :gottprel:ring3_thread_words",
            "ldr {0}, [{0}, :gottprel_lo12:ring3_thread_words]",
            "mrs {1}, tpidr_el0",
            "add {0}, {0}, {1}",
            "str {2}, [{0}, {at}]",
            out(reg) _, out(reg) _, in(reg) value, at = const 8 * N,
            options(nostack, preserves_flags));
    }
}

/// The memory of a thread's words. The thread pointer points to its start: two unused words, then the thread words (ELF
/// for the Arm 64-bit Architecture, "Thread Local Storage").
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

/// Makes the block at `pointer` the calling thread's block. Returns 0: aarch64 needs no system call, so this cannot
/// fail.
///
/// # Safety
/// - `pointer` is the [`thread_pointer`](ThreadBlock::thread_pointer) of a block that no other thread has, and that
///   stays in place as long as this thread exists.
/// - The linker script of this crate linked the program. Under another runtime the thread pointer belongs to that
///   runtime.
pub unsafe fn set_thread_pointer(pointer: usize) -> usize {
    // SAFETY: the instruction changes only this register. The caller promises that `pointer` is a valid thread pointer.
    unsafe { asm!("msr tpidr_el0, {}", in(reg) pointer, options(nostack, preserves_flags)) };
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
        asm!(call_site!("svc #0", "clone", 5),
            "cbnz x0, 2f",          // 0 in the new thread
            "mov x29, xzr",         // the outermost frame has no caller:
            "mov x30, xzr",         //   unwinders stop at 0, and nothing returns there
            "mov x0, sp",           // 1st argument: the end of the stack
            "br x5",
            "2:",
            clone = const nr::clone,
            in("x8") nr::clone, inlateout("x0") flags => result, in("x1") stack, in("x2") tid,
            in("x3") pointer, in("x4") tid, in("x5") entry, options(nostack));
    }
    result
}

// The code that a signal handler returns to: it lets the kernel continue the interrupted code (sigreturn(2)). It has no
// prologue: the kernel expects the stack as the handler's return left it.
global_asm!(
    ".pushsection .text.ring3_restorer, \"ax\"",
    ".globl ring3_restorer",
    ".hidden ring3_restorer",
    ".type ring3_restorer, @function",
    "ring3_restorer:",
    "mov x8, {rt_sigreturn}",
    call_site!("svc #0", "rt_sigreturn", 0),
    "brk #1",                             // rt_sigreturn does not return
    ".popsection",
    rt_sigreturn = const nr::rt_sigreturn,
);

/// Lets the handler of `action` return to the code above. The kernel needs the address; no code calls it.
///
/// The code is not `ring3_restorer as usize`: in the tiny code model the compiler reads the address of a foreign
/// function from the GOT by R_AARCH64_GOT_LD_PREL19. lld 14 and 16 do not know this relocation.
#[inline(always)]
pub fn set_restorer(action: &mut Sigaction) {
    // SAFETY: both instructions compute an address relative to pc in a register; they access no memory.
    unsafe {
        asm!("adrp {0}, ring3_restorer",
            "add {0}, {0}, :lo12:ring3_restorer",
            out(reg) action.sa_restorer, options(pure, nomem, nostack, preserves_flags));
    }
    action.sa_flags |= SA_RESTORER;
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
        asm!(call_site!("svc #0", "munmap", 2), // munmap(start, length)
            "mov x8, {exit}",
            "mov x0, xzr",          // status 0; no code reads it
            call_site!("svc #0", "exit", 1),
            "brk #1",               // exit does not return
            munmap = const nr::munmap, exit = const nr::exit,
            in("x8") nr::munmap, in("x0") start, in("x1") length,
            options(noreturn));
    }
}
