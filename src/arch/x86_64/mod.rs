//! x86_64: the system call's number is in `rax`, its arguments in `rdi rsi rdx r10 r8 r9`, its result in `rax`; the
//! instruction is `syscall`.

use core::arch::{asm, global_asm};
use core::ffi::CStr;

use crate::abi::auxv::AT_MINSIGSTKSZ;
use crate::abi::signal::{SA_RESTORER, Sigaction};
use crate::abi::{nr, x86_64};

pub(super) mod mem;

/// The largest page size of a kernel for this architecture, in bytes.
pub const PAGE_MAX: usize = 4096;

/// The name and the version of `clock_gettime` in the vDSO (vdso(7)).
pub const CLOCK_GETTIME: (&CStr, &CStr) = (c"__vdso_clock_gettime", c"LINUX_2.6");

/// `ring3_start`: the kernel jumps here with `rsp` at argc and every other register undefined (System V ABI for AMD64,
/// "Process Initialization"). The code relocates the program, then calls Rust.
///
/// [The relocation](crate::arch#the-relocation) describes the lists, and why this code neither calls nor names a Rust
/// item or a memory function. Here the second list is `SHT_RELA`, and its type is `R_X86_64_RELATIVE`. The code
/// addresses the linker script's symbols relative to `rip`.
#[doc(hidden)]
#[macro_export]
macro_rules! __start {
    ($entry:path) => {
        ::core::arch::global_asm!(
            ".pushsection .text.ring3_start, \"ax\"",
            ".globl ring3_start",
            ".type ring3_start, @function",
            "ring3_start:",
            "xor ebp, ebp",                       // the outermost frame has no caller: unwinders stop at 0
            "mov rdi, rsp",                       // 1st argument: argc, argv, envp and auxv begin here
            "lea rdx, [rip + __ehdr_start]",      // linked at 0, so its address is the load base
            "lea rsi, [rip + __relr_start]",      // the next word of the list, for lodsq
            "lea rcx, [rip + __relr_end]",
            "2:",
            "cmp rsi, rcx",
            "je 6f",
            "lodsq",                              // rax = *rsi++ (the kernel cleared the direction flag)
            "shr rax, 1",                         // the low bit to the carry flag: 0 even, 1 odd
            "jc 3f",
            "lea r8, [rdx + 2*rax]",              // even: the word to relocate; the bit shifted out was 0
            "add qword ptr [r8], rdx",            // the word holds an address relative to the base
            "add r8, 8",                          // r8: the first word that no entry has covered
            "jmp 2b",
            "3:",
            "mov r9, r8",                         // odd: r9 steps through the 63 words
            "4:",
            "shr rax, 1",                         // this word's bit to the carry flag
            "jnc 5f",
            "add qword ptr [r9], rdx",
            "5:",
            "add r9, 8",
            "test rax, rax",                      // are bits left?
            "jnz 4b",
            "add r8, 63*8",
            "jmp 2b",
            "6:",                                 // the second list begins at the end of the first
            "lea rcx, [rip + __rela_end]",
            "7:",
            "cmp rsi, rcx",
            "je 8f",
            "lodsq",                              // the offset
            "mov r8, rax",
            "lodsq",                              // the type, always the same
            "lodsq",                              // the address relative to the base
            "add rax, rdx",
            "mov qword ptr [rdx + r8], rax",
            "jmp 7b",
            "8:",                                 // relocated: from here on Rust code can run
            "lea rcx, [rip + __thread_words]",    // 4th argument: bytes, and so far from the load base
            "sub rcx, rdx",
            "lea rsi, [rip + __relro_start]",     // 2nd argument
            "lea rdx, [rip + __relro_end]",       // 3rd
            "call {entry}",                       // the kernel aligned rsp to 16, as the ABI requires before a call
            "ud2",                                // entry does not return
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
            "mov rdi, rsp",                       // 1st argument: argc, argv, envp and auxv begin here
            "call {entry}",                       // the kernel aligned rsp to 16, as the ABI requires before a call
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

/// The jump instruction. It changes no register.
#[doc(hidden)]
#[macro_export]
macro_rules! __jump {
    () => {
        "jmp"
    };
}

/// Determines the instructions that the functions of [`mem`](super::mem) may use. Without this call the functions work,
/// but are slower.
///
/// # Safety
/// `auxv` returns the values of the kernel's auxiliary vector, or `None`.
pub unsafe fn choose(auxv: impl Fn(usize) -> Option<usize>) {
    // SAFETY: the caller promises that the value comes from the kernel.
    unsafe { mem::choose(auxv(AT_MINSIGSTKSZ).unwrap_or(0)) };
}

/// Makes a system call without arguments.
///
/// # Safety
/// The call must be sound: see the kernel's contract for the call `NR`. The same applies to the functions below.
#[inline(always)]
pub unsafe fn syscall0<const NR: usize>() -> usize {
    let result;
    // SAFETY: the kernel preserves every register but rax, rcx (the return rip) and r11 (the return rflags). The caller
    // promises that the call's accesses to memory are sound.
    unsafe {
        asm!(call_site!("syscall", "nr", 0), nr = const NR, inlateout("rax") NR => result,
            lateout("rcx") _, lateout("r11") _, options(nostack));
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
        asm!(call_site!("syscall", "nr", 1), nr = const NR, inlateout("rax") NR => result, in("rdi") a0,
            lateout("rcx") _, lateout("r11") _, options(nostack));
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
        asm!(call_site!("syscall", "nr", 2), nr = const NR,
            inlateout("rax") NR => result, in("rdi") a0, in("rsi") a1,
            lateout("rcx") _, lateout("r11") _, options(nostack));
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
        asm!(call_site!("syscall", "nr", 3), nr = const NR,
            inlateout("rax") NR => result, in("rdi") a0, in("rsi") a1, in("rdx") a2,
            lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    result
}

/// Makes a system call with four arguments. The fourth is in `r10`, because the instruction overwrites `rcx`.
///
/// # Safety
/// As [`syscall0`].
#[inline(always)]
pub unsafe fn syscall4<const NR: usize>(a0: usize, a1: usize, a2: usize, a3: usize) -> usize {
    let result;
    // SAFETY: as in syscall0.
    unsafe {
        asm!(call_site!("syscall", "nr", 4), nr = const NR,
            inlateout("rax") NR => result, in("rdi") a0, in("rsi") a1, in("rdx") a2,
            in("r10") a3, lateout("rcx") _, lateout("r11") _, options(nostack));
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
        asm!(call_site!("syscall", "nr", 5), nr = const NR,
            inlateout("rax") NR => result, in("rdi") a0, in("rsi") a1, in("rdx") a2,
            in("r10") a3, in("r8") a4, lateout("rcx") _, lateout("r11") _, options(nostack));
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
        asm!(call_site!("syscall", "nr", 6), nr = const NR,
            inlateout("rax") NR => result, in("rdi") a0, in("rsi") a1, in("rdx") a2,
            in("r10") a3, in("r8") a4, in("r9") a5,
            lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    result
}

/// Ends the process by SIGILL, without a system call: for code that must not continue.
#[inline(always)]
pub fn trap() -> ! {
    // SAFETY: ud2 raises an exception and does nothing else.
    unsafe { asm!("ud2", options(noreturn, nomem, nostack)) }
}

/// Starts to load the cache line at an address into the first-level cache, without waiting.
#[inline(always)]
pub fn prefetch(address: *const u8) {
    // SAFETY: the instruction is a hint. It does not fault, even if the address is not mapped.
    unsafe {
        asm!("prefetcht0 byte ptr [{}]", in(reg) address,
            options(readonly, nostack, preserves_flags));
    }
}

// The thread words (`thread_word`). They are in the block of thread-local storage below the thread pointer, `fs`
// (System V ABI for AMD64, "TLS"). The runtime that starts a thread provides the block.
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
    // offset from `fs` is in the GOT; in a program, the linker writes the offset into the first instruction instead.
    unsafe {
        asm!("mov {0}, qword ptr [rip + ring3_thread_words@gottpoff]",
            "mov {0}, qword ptr fs:[{0} + {at}]",
            out(reg) value, at = const 8 * N, options(pure, readonly, nostack, preserves_flags));
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
        asm!("mov {0}, qword ptr [rip + ring3_thread_words@gottpoff]",
            "mov qword ptr fs:[{0} + {at}], {1}",
            out(reg) _, in(reg) value, at = const 8 * N, options(nostack, preserves_flags));
    }
}

/// The memory of a thread's words. The thread pointer points to the last element, which holds its own address (System V
/// ABI for AMD64, "TLS").
#[derive(Debug)]
#[repr(C)]
pub struct ThreadBlock([usize; super::THREAD_WORDS + 1]);

impl ThreadBlock {
    /// The block of a new thread.
    pub const NEW: Self = Self([0; super::THREAD_WORDS + 1]);

    /// Returns the thread pointer for this block. The block must not move afterwards.
    pub fn thread_pointer(&mut self) -> usize {
        let own = &mut self.0[super::THREAD_WORDS];
        *own = (&raw mut *own).expose_provenance();
        *own
    }
}

/// Makes the block at `pointer` the calling thread's block. Returns the system call's result: 0, or a negated errno.
///
/// # Safety
/// - `pointer` is the [`thread_pointer`](ThreadBlock::thread_pointer) of a block that no other thread has, and that
///   stays in place as long as this thread exists.
/// - The linker script of this crate linked the program. Under another runtime the thread pointer belongs to that
///   runtime.
pub unsafe fn set_thread_pointer(pointer: usize) -> usize {
    // Not `wrfsbase`: only CPUID shows whether a program may use that instruction, and CPUID traps under a hypervisor. The
    // system call always works.
    //
    // SAFETY: the call changes only the base of `fs`. The caller promises that `pointer` is a valid thread pointer.
    unsafe { syscall2::<{ nr::arch_prctl }>(x86_64::ARCH_SET_FS, pointer) }
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
        asm!(call_site!("syscall", "clone", 5),
            "test rax, rax",        // 0 in the new thread
            "jnz 2f",
            "xor ebp, ebp",         // the outermost frame has no caller: unwinders stop at 0
            "mov rdi, rsp",         // 1st argument: the end of the stack
            "push rbp",             // the return address that a `call` would push; nothing returns to it
            "jmp r9",
            "2:",
            clone = const nr::clone,
            inlateout("rax") nr::clone => result, in("rdi") flags, in("rsi") stack, in("rdx") tid,
            in("r10") tid, in("r8") pointer, in("r9") entry, lateout("rcx") _, lateout("r11") _,
            options(nostack));
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
    "mov eax, {rt_sigreturn}",
    call_site!("syscall", "rt_sigreturn", 0),
    "ud2",                                // rt_sigreturn does not return
    ".popsection",
    rt_sigreturn = const nr::rt_sigreturn,
);

/// Lets the handler of `action` return to the code above. The kernel needs the address; no code calls it.
#[inline(always)]
pub fn set_restorer(action: &mut Sigaction) {
    // SAFETY: `lea` computes an address relative to rip in a register; it accesses no memory.
    unsafe {
        asm!("lea {}, [rip + ring3_restorer]", out(reg) action.sa_restorer,
            options(pure, nomem, nostack, preserves_flags));
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
        asm!(call_site!("syscall", "munmap", 2), // munmap(start, length)
            "mov eax, {exit}",
            "xor edi, edi",         // status 0; no code reads it
            call_site!("syscall", "exit", 1),
            "ud2",                  // exit does not return
            munmap = const nr::munmap, exit = const nr::exit,
            in("rax") nr::munmap, in("rdi") start, in("rsi") length,
            options(noreturn));
    }
}
