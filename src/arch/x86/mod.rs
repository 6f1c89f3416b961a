//! x86: the system call's number is in `eax`, its arguments in `ebx ecx edx esi edi ebp`, its result in `eax`; the
//! instruction is `int 0x80`.
//!
//! `int 0x80` makes a call from any code. The kernel's own code for a call, `__kernel_vsyscall` in the vDSO, is several
//! times faster: it uses the instruction that the processor has for calls. Its address is in the auxiliary vector. Each
//! thread block has a copy of the address, at the same place as in glibc and musl: `gs:16`. So the code of this file
//! also works in a program of another runtime.

use core::arch::{asm, global_asm};
use core::ffi::CStr;
use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};

use crate::abi::auxv::AT_SYSINFO;
use crate::abi::nr;
use crate::abi::signal::{SA_RESTORER, SA_SIGINFO, Sigaction};
use crate::abi::x86::UserDesc;

pub(super) mod mem;

/// The largest page size of a kernel for this architecture, in bytes.
pub const PAGE_MAX: usize = 4096;

/// The name and the version of `clock_gettime` in the vDSO (vdso(7)).
pub const CLOCK_GETTIME: (&CStr, &CStr) = (c"__vdso_clock_gettime64", c"LINUX_2.6");

/// `ring3_start`: the kernel jumps here with `esp` at argc and every other register 0 or undefined (System V ABI for
/// Intel386, "Process Initialization"). The code relocates the program, then calls Rust.
///
/// [The relocation](crate::arch#the-relocation) describes the lists, and why this code neither calls nor names a Rust
/// item or a memory function. Here the second list is `SHT_REL`, and its type is `R_386_RELATIVE`. No address is
/// relative to `eip`, so a `call` finds the code's own address, and the linker script's symbols are relative to that.
/// (The syntax is AT&T's, because Intel's cannot express the difference of two symbols in an address.)
#[doc(hidden)]
#[macro_export]
macro_rules! __start {
    ($entry:path) => {
        ::core::arch::global_asm!(
            ".pushsection .text.ring3_start, \"ax\"",
            ".globl ring3_start",
            ".type ring3_start, @function",
            "ring3_start:",
            "call 1f",
            "1: popl %ebx",                       // the address of this instruction
            "leal __ehdr_start - 1b(%ebx), %edx", // linked at 0, so its address is the load base
            "leal __relr_start - 1b(%ebx), %esi", // the next word of the list, for lodsl
            "leal __relr_end - 1b(%ebx), %ecx",
            "2:",
            "cmpl %ecx, %esi",
            "je 6f",
            "lodsl",                              // eax = *esi++ (the kernel cleared the direction flag)
            "shrl %eax",                          // the low bit to the carry flag: 0 even, 1 odd
            "jc 3f",
            "leal (%edx,%eax,2), %edi",           // even: the word to relocate; the bit shifted out was 0
            "addl %edx, (%edi)",                  // the word holds an address relative to the base
            "addl $4, %edi",                      // edi: the first word that no entry has covered
            "jmp 2b",
            "3:",
            "movl %edi, %ebp",                    // odd: ebp steps through the 31 words
            "4:",
            "shrl %eax",                          // this word's bit to the carry flag
            "jnc 5f",
            "addl %edx, (%ebp)",
            "5:",
            "addl $4, %ebp",
            "testl %eax, %eax",                   // are bits left?
            "jnz 4b",
            "addl $31*4, %edi",
            "jmp 2b",
            "6:",                                 // the second list begins at the end of the first
            "leal __rela_end - 1b(%ebx), %ecx",
            "7:",
            "cmpl %ecx, %esi",
            "je 8f",
            "lodsl",                              // the offset
            "addl %edx, (%edx,%eax)",
            "lodsl",                              // the type, always the same
            "jmp 7b",
            "8:",                                 // relocated: from here on Rust code can run
            "xorl %ebp, %ebp",                    // the outermost frame has no caller: unwinders stop at 0
            "movl %esp, %ecx",                    // argc, argv, envp and auxv begin here
            "leal __thread_words - 1b(%ebx), %eax",
            "subl %edx, %eax",
            "pushl %eax",                         // 4th argument: bytes, and so far from the load base
            "leal __relro_end - 1b(%ebx), %eax",
            "pushl %eax",                         // 3rd
            "leal __relro_start - 1b(%ebx), %eax",
            "pushl %eax",                         // 2nd
            "pushl %ecx",                         // 1st
            "call {entry}",                       // the kernel aligned esp to 16, as the ABI requires before a call
            "ud2",                                // entry does not return
            // Keeps the thread words: `__thread_words` must not be 0, because the fast system call needs a block.
            ".reloc ring3_start, R_386_NONE, ring3_thread_words",
            ".size ring3_start, . - ring3_start",
            ".popsection",
            ".pushsection .data.begin, \"aw\"",   // makes .data never empty: see the linker script
            ".byte 0",
            ".popsection",
            entry = sym $entry,
            options(att_syntax),
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
            "mov edi, esp",                       // argc, argv, envp and auxv begin here
            "pusha",                              // 32 bytes, the last of them edi: the 1st argument
            "call {entry}",                       // the kernel aligned esp to 16, as the ABI requires before a call
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

/// The place in a thread block of the address of `__kernel_vsyscall`, in bytes from the thread pointer.
const VSYSCALL: usize = 16;

// The system call of all functions but those that change the stack. It preserves every register but eax. In a bare
// program, the linker script replaces it by `ring3_int80`.
global_asm!(
    ".pushsection .text.ring3_syscall, \"ax\"",
    ".globl ring3_syscall",
    ".hidden ring3_syscall",
    ".type ring3_syscall, @function",
    "ring3_syscall:",
    "push ecx",
    "mov ecx, gs",
    "jecxz 2f",                           // 0: no thread block yet
    "pop ecx",
    "jmp dword ptr gs:[{vsyscall}]",      // __kernel_vsyscall, or ring3_int80
    "2:",
    "pop ecx",
    "int 0x80",
    "ret",
    ".size ring3_syscall, . - ring3_syscall",
    ".popsection",
    ".pushsection .text.ring3_int80, \"ax\"",
    ".globl ring3_int80",
    ".hidden ring3_int80",
    ".type ring3_int80, @function",
    "ring3_int80:",
    "int 0x80",
    "ret",
    ".size ring3_int80, . - ring3_int80",
    ".popsection",
    vsyscall = const VSYSCALL,
);

unsafe extern "C" {
    /// Makes a system call, with the number and the arguments in the kernel's registers.
    fn ring3_int80();
}

/// The address for a new thread block.
static NEW_VSYSCALL: AtomicPtr<()> = AtomicPtr::new(ring3_int80 as *mut ());

/// Determines the code of a system call for the thread blocks that are made afterwards. Without this call, and with a
/// kernel that has no vDSO, this is `int 0x80`.
///
/// # Safety
/// `auxv` returns the values of the kernel's auxiliary vector, or `None`.
pub unsafe fn choose(auxv: impl Fn(usize) -> Option<usize>) {
    if let Some(address) = auxv(AT_SYSINFO) {
        NEW_VSYSCALL.store(core::ptr::with_exposed_provenance_mut(address), Relaxed);
    }
}

/// Makes a system call without arguments.
///
/// # Safety
/// The call must be sound: see the kernel's contract for the call `NR`. The same applies to the functions below.
#[inline(always)]
pub unsafe fn syscall0<const NR: usize>() -> usize {
    let result;
    // SAFETY: `ring3_syscall` preserves every register but eax. The caller promises that the call's accesses to memory
    // are sound.
    unsafe {
        asm!(call_site!("call ring3_syscall", "nr", 0), nr = const NR, inlateout("eax") NR => result);
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
        asm!(call_site!("call ring3_syscall", "nr", 1), nr = const NR, inlateout("eax") NR => result, in("ebx") a0);
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
        asm!(call_site!("call ring3_syscall", "nr", 2), nr = const NR,
            inlateout("eax") NR => result, in("ebx") a0, in("ecx") a1);
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
        asm!(call_site!("call ring3_syscall", "nr", 3), nr = const NR,
            inlateout("eax") NR => result, in("ebx") a0, in("ecx") a1, in("edx") a2);
    }
    result
}

/// Makes a system call with four arguments. The fourth is in `esi`, which cannot be an operand, because the compiler
/// may use it for the frame.
///
/// # Safety
/// As [`syscall0`].
#[inline(always)]
pub unsafe fn syscall4<const NR: usize>(a0: usize, a1: usize, a2: usize, a3: usize) -> usize {
    let result;
    // SAFETY: as in syscall0. esi gets its value back.
    unsafe {
        asm!("xchg esi, edi",       // edi keeps the value of esi
            call_site!("call ring3_syscall", "nr", 4),
            "mov esi, edi",
            nr = const NR,
            inlateout("eax") NR => result, in("ebx") a0, in("ecx") a1, in("edx") a2, inlateout("edi") a3 => _);
    }
    result
}

/// Makes a system call with five arguments. The fourth is in `esi`, as in [`syscall4`].
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
    // SAFETY: as in syscall0. esi gets its value back.
    unsafe {
        asm!("push esi",
            "mov esi, eax",
            "mov eax, {nr}",
            call_site!("call ring3_syscall", "nr", 5),
            "pop esi",
            nr = const NR,
            inlateout("eax") a3 => result, in("ebx") a0, in("ecx") a1, in("edx") a2, in("edi") a4);
    }
    result
}

/// Makes a system call with six arguments. The sixth is in `ebp`, which cannot be an operand either. No register is
/// left for the fourth and the sixth, so they are in memory.
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
    let more = [a3, a5];
    // SAFETY: as in syscall0. esi and ebp get their values back.
    unsafe {
        asm!("push esi",
            "push ebp",
            "mov esi, [eax]",
            "mov ebp, [eax + 4]",
            "mov eax, {nr}",
            call_site!("call ring3_syscall", "nr", 6),
            "pop ebp",
            "pop esi",
            nr = const NR,
            inlateout("eax") &raw const more => result, in("ebx") a0, in("ecx") a1, in("edx") a2, in("edi") a4);
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

// The thread words (`thread_word`). They are in the block of thread-local storage below the thread pointer, the base of
// `gs` (ELF Handling For Thread-Local Storage, "IA-32"). The runtime that starts a thread provides the block.
global_asm!(
    ".pushsection .tbss.ring3, \"awT\", @nobits",
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
    // linker writes its offset from the base of `gs` into the instruction.
    unsafe {
        asm!("mov {0}, dword ptr gs:[ring3_thread_words@ntpoff + {at}]",
            out(reg) value, at = const 4 * N, options(pure, readonly, nostack, preserves_flags));
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
        asm!("mov dword ptr gs:[ring3_thread_words@ntpoff + {at}], {0}",
            in(reg) value, at = const 4 * N, options(nostack, preserves_flags));
    }
}

/// The memory of a thread's words. The thread pointer points after the words. There the block holds its own address
/// (ELF Handling For Thread-Local Storage, "IA-32"), and 16 bytes further the address for a system call.
#[derive(Debug)]
#[repr(C)]
pub struct ThreadBlock([usize; super::THREAD_WORDS + VSYSCALL / 4 + 1]);

impl ThreadBlock {
    /// The block of a new thread.
    pub const NEW: Self = Self([0; super::THREAD_WORDS + VSYSCALL / 4 + 1]);

    /// Returns the thread pointer for this block. The block must not move afterwards.
    pub fn thread_pointer(&mut self) -> usize {
        self.0[super::THREAD_WORDS + VSYSCALL / 4] = NEW_VSYSCALL.load(Relaxed).expose_provenance();
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
    let mut segment = segment(pointer, u32::MAX); // the kernel replaces the number by that of an unused descriptor
    // SAFETY: the call changes only an unused descriptor.
    let result =
        unsafe { syscall1::<{ nr::set_thread_area }>((&raw mut segment).expose_provenance()) };
    if result == 0 {
        // SAFETY: the instruction changes only `gs`, to a segment that the kernel has set up. The caller promises that
        // `pointer` is a valid thread pointer.
        unsafe {
            asm!("mov gs, {0:e}", in(reg) segment.entry_number << 3 | 3, // 3: the privilege level
                options(nostack, preserves_flags));
        }
    }
    result
}

/// The segment that begins at a thread pointer and has all addresses, by the descriptor with the number `entry`.
fn segment(pointer: usize, entry: u32) -> UserDesc {
    UserDesc {
        entry_number: entry,
        base_addr: pointer as u32,
        limit: 0xf_ffff,
        rest: (1_u32 | 1 << 4 | 1 << 6).to_ne_bytes(), // seg_32bit, limit_in_pages, useable
    }
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
    let gs: u32;
    // SAFETY: the instruction reads a segment register.
    unsafe { asm!("mov {0:e}, gs", out(reg) gs, options(pure, nomem, nostack, preserves_flags)) };
    // Each thread has its own descriptors. All threads use the one with the same number.
    let segment = segment(pointer, gs >> 3);
    let more = [(&raw const segment).expose_provenance(), entry as usize];
    let result;
    // SAFETY: the new thread has only copies of the caller's registers, and does not access the caller's frame: it has
    // a stack of its own, and never returns from `entry`. For the caller this is an ordinary system call. Not by the
    // vDSO, whose code would return by the new stack.
    unsafe {
        asm!("push esi",
            "push ebp",
            "mov esi, [eax]",       // the segment
            "mov ebp, [eax + 4]",   // not an argument: the new thread gets a copy
            "mov eax, {clone}",
            call_site!("int 0x80", "clone", 5),
            "test eax, eax",        // 0 in the new thread
            "jnz 2f",
            "mov ecx, esp",
            "sub esp, 12",          // the argument is at a multiple of 16, as the ABI requires
            "push ecx",             // 1st argument: the end of the stack
            "push eax",             // the return address that a `call` would push: 0; nothing returns to it
            "xchg ebp, eax",        // the outermost frame has no caller: unwinders stop at 0
            "jmp eax",
            "2:",
            "pop ebp",
            "pop esi",
            clone = const nr::clone,
            inlateout("eax") &raw const more => result, in("ebx") flags, in("ecx") stack, in("edx") tid,
            in("edi") tid);
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
    call_site!("int 0x80", "rt_sigreturn", 0),
    "ud2",                                // rt_sigreturn does not return
    ".popsection",
    rt_sigreturn = const nr::rt_sigreturn,
);

unsafe extern "C" {
    fn ring3_restorer();
}

/// Lets the handler of `action` return to the code above. The kernel needs the address; no code calls it. The code's
/// system call belongs to the signal frame of a handler with `SA_SIGINFO`; without this flag, the frame is another.
#[inline(always)]
pub fn set_restorer(action: &mut Sigaction) {
    action.sa_restorer = ring3_restorer as *const () as usize;
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
    // accesses memory. The calls are not by the vDSO, whose code uses the stack.
    unsafe {
        asm!(call_site!("int 0x80", "munmap", 2), // munmap(start, length)
            "mov eax, {exit}",
            "xor ebx, ebx",         // status 0; no code reads it
            call_site!("int 0x80", "exit", 1),
            "ud2",                  // exit does not return
            munmap = const nr::munmap, exit = const nr::exit,
            in("eax") nr::munmap, in("ebx") start, in("ecx") length,
            options(noreturn));
    }
}
