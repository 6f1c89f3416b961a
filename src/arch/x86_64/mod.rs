//! x86-64: the number goes in `rax`, the arguments in `rdi rsi rdx r10 r8 r9`, then `syscall`.

use core::arch::{asm, global_asm};

use crate::abi::{nr, x86};

pub(super) mod mem;

/// The largest page a kernel of this architecture runs with, in bytes.
pub const PAGE_MAX: usize = 4096;

/// `_start`: the kernel jumps here with `rsp` at argc and every other register undefined
/// (System V ABI for AMD64, "Process Initialization"). It relocates the program, then calls Rust.
///
/// The relocation adds the load base to every address in the linker's list (`SHT_RELR` of the ELF gABI).
/// An even entry of the list is the offset of a word to relocate. An odd entry is a bitmap of the 63 words
/// after the last word that an entry covered.
///
/// Before the relocation, the GOT and every static that holds an address have link addresses. So the
/// code here neither calls nor names a Rust item, `memcpy` and its kin included: the optimiser decides
/// whether the compiler reaches an item by the GOT. The linker script's symbols are reached relative to `rip`.
///
/// `$entry` is an `unsafe extern "C" fn(*const usize, usize, usize, usize) -> !`. Its arguments: the initial
/// stack pointer, the begin of RELRO, the end of RELRO, and how many bytes a thread's words have.
#[doc(hidden)]
#[macro_export]
macro_rules! __start {
    ($entry:path) => {
        ::core::arch::global_asm!(
            ".pushsection .text._start, \"ax\"",
            ".globl _start",
            ".type _start, @function",
            "_start:",
            "xor ebp, ebp",                       // the outermost frame has no caller: unwinders stop at 0
            "mov rdi, rsp",                       // 1st argument: argc, argv, envp and auxv are above here
            "lea rdx, [rip + __ehdr_start]",      // linked at 0, so its address is the load base
            "lea rsi, [rip + __relr_start]",      // the next word of the list, for lodsq
            "lea rcx, [rip + __relr_end]",
            "2:",
            "cmp rsi, rcx",
            "je 6f",
            "lodsq",                              // rax = *rsi++ (the kernel cleared the direction flag)
            "shr rax, 1",                         // even or odd: into the carry flag
            "jc 3f",
            "lea r8, [rdx + 2*rax]",              // even: the word to relocate; the bit shifted out was 0
            "add qword ptr [r8], rdx",            // it holds the address less the base
            "add r8, 8",                          // r8: the first word that no entry has covered
            "jmp 2b",
            "3:",
            "mov r9, r8",                         // odd: r9 goes through the 63 words
            "4:",
            "shr rax, 1",                         // this word's bit: into the carry flag
            "jnc 5f",
            "add qword ptr [r9], rdx",
            "5:",
            "add r9, 8",
            "test rax, rax",                      // is a bit left?
            "jnz 4b",
            "add r8, 63*8",
            "jmp 2b",
            "6:",                                 // relocated: from here on Rust may run
            "lea rsi, [rip + __relro_start]",     // 2nd argument
            "lea rdx, [rip + __relro_end]",       // 3rd
            "mov ecx, offset __thread_words",     // 4th: a number, not an address
            "call {entry}",                       // the kernel aligned rsp to 16, as the ABI asks before a call
            "ud2",                                // entry does not return
            ".size _start, . - _start",
            ".popsection",
            ".pushsection .data.begin, \"aw\"",   // makes .data never empty: see the linker script
            ".byte 0",
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
            "mov rdi, rsp",                       // argc, argv, envp and auxv are above here
            "call {entry}",                       // the kernel aligned rsp to 16: the call's push is as the ABI asks
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
        "jmp"
    };
}

/// `syscall` with no argument.
///
/// # Safety
/// The call must be sound: see the kernel's contract for `nr`. The same holds for the others below.
#[inline(always)]
pub unsafe fn syscall0(nr: usize) -> usize {
    let result;
    // SAFETY: the kernel keeps every register but rax, rcx (return rip) and r11 (return rflags);
    // what it does to memory is the caller's promise.
    unsafe {
        asm!("syscall", inlateout("rax") nr => result,
            lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    result
}

/// `syscall` with one argument.
///
/// # Safety
/// As [`syscall0`].
#[inline(always)]
pub unsafe fn syscall1(nr: usize, a0: usize) -> usize {
    let result;
    // SAFETY: as in syscall0.
    unsafe {
        asm!("syscall", inlateout("rax") nr => result, in("rdi") a0,
            lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    result
}

/// `syscall` with two arguments.
///
/// # Safety
/// As [`syscall0`].
#[inline(always)]
pub unsafe fn syscall2(nr: usize, a0: usize, a1: usize) -> usize {
    let result;
    // SAFETY: as in syscall0.
    unsafe {
        asm!("syscall", inlateout("rax") nr => result, in("rdi") a0, in("rsi") a1,
            lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    result
}

/// `syscall` with three arguments.
///
/// # Safety
/// As [`syscall0`].
#[inline(always)]
pub unsafe fn syscall3(nr: usize, a0: usize, a1: usize, a2: usize) -> usize {
    let result;
    // SAFETY: as in syscall0.
    unsafe {
        asm!("syscall", inlateout("rax") nr => result, in("rdi") a0, in("rsi") a1, in("rdx") a2,
            lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    result
}

/// `syscall` with four arguments: the fourth is in `r10`, because the instruction overwrites `rcx`.
///
/// # Safety
/// As [`syscall0`].
#[inline(always)]
pub unsafe fn syscall4(nr: usize, a0: usize, a1: usize, a2: usize, a3: usize) -> usize {
    let result;
    // SAFETY: as in syscall0.
    unsafe {
        asm!("syscall", inlateout("rax") nr => result, in("rdi") a0, in("rsi") a1, in("rdx") a2,
            in("r10") a3, lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    result
}

/// `syscall` with five arguments.
///
/// # Safety
/// As [`syscall0`].
#[inline(always)]
pub unsafe fn syscall5(nr: usize, a0: usize, a1: usize, a2: usize, a3: usize, a4: usize) -> usize {
    let result;
    // SAFETY: as in syscall0.
    unsafe {
        asm!("syscall", inlateout("rax") nr => result, in("rdi") a0, in("rsi") a1, in("rdx") a2,
            in("r10") a3, in("r8") a4, lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    result
}

/// `syscall` with six arguments.
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
        asm!("syscall", inlateout("rax") nr => result, in("rdi") a0, in("rsi") a1, in("rdx") a2,
            in("r10") a3, in("r8") a4, in("r9") a5,
            lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    result
}

/// Ends the process by SIGILL: for a place that must not go on and has no kernel to ask.
#[inline(always)]
pub fn trap() -> ! {
    // SAFETY: ud2 raises an exception and does nothing else.
    unsafe { asm!("ud2", options(noreturn, nomem, nostack)) }
}

/// Begins to bring what is at an address into the first cache, and waits for nothing.
#[inline(always)]
pub fn prefetch(address: *const u8) {
    // SAFETY: a hint; an address where nothing is does no harm.
    unsafe {
        asm!("prefetcht0 byte ptr [{}]", in(reg) address,
            options(readonly, nostack, preserves_flags));
    }
}

// The words that each thread has of its own (`thread_word`): in the block of thread-local storage
// that whoever starts a thread lays out below its thread pointer, `fs` (System V ABI for AMD64, "TLS").
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
    // offset from `fs` which stands in the GOT, and which the linker of a program writes into the
    // first instruction instead.
    unsafe {
        asm!("mov {0}, qword ptr [rip + ring3_thread_words@gottpoff]",
            "mov {0}, qword ptr fs:[{0} + {at}]",
            out(reg) value, at = const 8 * N, options(pure, readonly, nostack, preserves_flags));
    }
    value
}

/// Sets word `N` of the calling thread's own.
///
/// # Safety
/// `value` is valid for word `N`: [`WORD_HEAP`](super::WORD_HEAP) and [`WORD_AT_EXIT`](super::WORD_AT_EXIT)
/// state their values. The code that uses the word relies on it.
#[inline(always)]
pub unsafe fn set_thread_word<const N: usize>(value: usize) {
    const { assert!(N < super::THREAD_WORDS) };
    // SAFETY: as in thread_word; nothing but these two uses the word.
    unsafe {
        asm!("mov {0}, qword ptr [rip + ring3_thread_words@gottpoff]",
            "mov qword ptr fs:[{0} + {at}], {1}",
            out(reg) _, in(reg) value, at = const 8 * N, options(nostack, preserves_flags));
    }
}

/// A thread's own memory: its words, and behind them, where the thread pointer is, the address of that
/// place (System V ABI for AMD64, "TLS").
#[repr(C)]
pub struct ThreadBlock([usize; super::THREAD_WORDS + 1]);

impl ThreadBlock {
    /// The block of a thread that begins.
    pub const NEW: Self = Self([0; super::THREAD_WORDS + 1]);

    /// The thread pointer of the thread whose block this is, once it has its place.
    pub fn thread_pointer(&mut self) -> usize {
        let own = &mut self.0[super::THREAD_WORDS];
        *own = (&raw mut *own).expose_provenance();
        *own
    }
}

/// Makes a block the calling thread's own. Returns the system call's result: 0, or a negated errno.
///
/// # Safety
/// `pointer` is the [`thread_pointer`](ThreadBlock::thread_pointer) of a block that is no other
/// thread's and stays as long as this one. The program is linked by our linker script: under another
/// runtime the thread pointer is that runtime's.
pub unsafe fn set_thread_pointer(pointer: usize) -> usize {
    // Without CPUID nobody knows whether `wrfsbase` may be used but the kernel, which is asked instead.
    // SAFETY: the call changes the base of `fs` alone; the caller promises that `pointer` is valid for it.
    unsafe { syscall2(x86::arch_prctl, x86::ARCH_SET_FS, pointer) }
}

/// Starts a thread or a process by clone(2): it calls `entry(stack)` on the stack that ends at `stack`.
/// Gives what the kernel gave the caller: the other's id, or an error number negated.
///
/// # Safety
/// `flags` are those of a thread: it shares all memory and has its own thread pointer; or of a process that
/// has a copy of the memory, or shares it while the caller stands still (`CLONE_VFORK`). `stack` is a
/// multiple of 16, and below it is memory for a stack that nobody else uses; at `tid` the kernel may
/// write as the flags ask. `entry` is sound with `stack`, in the new thread or process.
#[inline(never)] // the two threads go apart in here; no caller's frame is in two minds
pub unsafe fn clone(
    flags: usize,
    stack: *mut u8,
    tid: *mut u32,
    pointer: usize,
    entry: unsafe extern "C" fn(*mut u8) -> !,
) -> usize {
    let result;
    // SAFETY: the new thread touches nothing of the caller's frame, whose registers it only copied: it
    // has a stack of its own and never leaves `entry`. For the caller this is a system call.
    unsafe {
        asm!("syscall",
            "test rax, rax",        // 0 in the new thread
            "jnz 2f",
            "xor ebp, ebp",         // the outermost frame has no caller: unwinders stop at 0
            "mov rdi, rsp",         // 1st argument: the stack's end
            "push rbp",             // as a `call` would; nothing returns to 0
            "jmp r9",
            "2:",
            inlateout("rax") nr::clone => result, in("rdi") flags, in("rsi") stack, in("rdx") tid,
            in("r10") tid, in("r8") pointer, in("r9") entry, lateout("rcx") _, lateout("r11") _,
            options(nostack));
    }
    result
}

// Where a signal handler returns to: it asks the kernel to go on where the signal came (sigreturn(2)).
// It has no prologue, because the stack must be as the handler's return left it.
global_asm!(
    ".pushsection .text.ring3_restorer, \"ax\"",
    ".globl ring3_restorer",
    ".hidden ring3_restorer",
    ".type ring3_restorer, @function",
    "ring3_restorer:",
    "mov eax, {rt_sigreturn}",
    "syscall",
    "ud2",                                // it does not return
    ".popsection",
    rt_sigreturn = const nr::rt_sigreturn,
);

/// The address of the code that a signal handler returns to (`sa_restorer`). The kernel needs the address; no code
/// calls it.
#[inline(always)]
pub fn restorer() -> usize {
    let address;
    // SAFETY: `lea` computes an address relative to rip in a register; it accesses no memory.
    unsafe {
        asm!("lea {}, [rip + ring3_restorer]", out(reg) address,
            options(pure, nomem, nostack, preserves_flags));
    }
    address
}

/// Gives back `length` bytes of mappings from `start`, the calling thread's own stack among them, and ends
/// the thread: no instruction between the two needs a stack.
///
/// # Safety
/// Nothing uses these mappings any more but this thread, and no signal handler may run in it: all
/// signals are blocked.
pub unsafe fn unmap_and_exit(start: *mut u8, length: usize) -> ! {
    // SAFETY: the caller's promise; nothing after the first call touches memory.
    unsafe {
        asm!("syscall",             // munmap(start, length)
            "mov eax, {exit}",
            "xor edi, edi",         // status 0, which nobody asks for
            "syscall",
            "ud2",                  // exit does not return
            exit = const nr::exit, in("rax") nr::munmap, in("rdi") start, in("rsi") length,
            options(noreturn));
    }
}
