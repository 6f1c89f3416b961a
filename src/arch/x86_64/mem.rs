//! `memcpy`, `memmove`, `memset`, `memcmp`, `bcmp` and `strlen`.
//!
//! The compiler calls the first five for code that never names them, so they cannot be written in
//! Rust: a loop that copies bytes compiles into a call of itself. Each stands in a section of its
//! own, and the linker drops those a program does not call. The plain names are the program's to
//! define (`mem_names!`); here they would collide with libc's in a test under std.
//!
//! SSE2 is all that x86-64 promises, and half of what the processor moves in a cycle where it has
//! AVX. From 65 bytes on (`strlen`: 64) the functions ask [`XCR0`] which one to use.

use core::{
    arch::{asm, global_asm},
    ffi::{c_char, c_int, c_void},
    sync::atomic::{AtomicU8, Ordering::Relaxed},
};

unsafe extern "C" {
    /// `memcpy(3)`: copies `n` bytes from `src` to `dst` and returns `dst`.
    pub fn ring3_memcpy(dst: *mut c_void, src: *const c_void, n: usize) -> *mut c_void;
    /// `memmove(3)`: copies `n` bytes from `src` to `dst`, which may overlap, and returns `dst`.
    pub fn ring3_memmove(dst: *mut c_void, src: *const c_void, n: usize) -> *mut c_void;
    /// `memset(3)`: fills `n` bytes from `dst` on with the low byte of `c` and returns `dst`.
    pub fn ring3_memset(dst: *mut c_void, c: c_int, n: usize) -> *mut c_void;
    /// `memcmp(3)`: the first byte that differs decides, as unsigned: negative, 0 or positive.
    pub fn ring3_memcmp(a: *const c_void, b: *const c_void, n: usize) -> c_int;
    /// `bcmp(3)`: 0 if the `n` bytes are equal.
    pub fn ring3_bcmp(a: *const c_void, b: *const c_void, n: usize) -> c_int;
    /// `strlen(3)`: the number of bytes before the first NUL.
    pub fn ring3_strlen(s: *const c_char) -> usize;
}

/// The low byte of the register of this name: the kinds of state that the kernel saves and
/// restores for a thread. 0 until [`choose`] was called, and then nothing beyond SSE2 is used.
static XCR0: AtomicU8 = AtomicU8::new(0);

/// XCR0 bit 2: AVX.
const YMM: u8 = 1 << 2;

/// XCR0 bit 5: AVX-512, which Linux enables only where the processor also has AVX2
/// (arch/x86/kernel/cpu/cpuid-deps.c). No bit of XCR0 stands for AVX2 alone.
const OPMASK: u8 = 1 << 5;

/// The largest AT_MINSIGSTKSZ of a kernel that saves registers by FXSAVE: 512 bytes of registers,
/// 112 for a 32-bit task, a frame of at most 736, paddings of 15 and 63, rounded up to 16
/// (arch/x86/kernel/signal.c, `init_sigframe_size`). With AVX, XSAVE makes it 1776 and more.
const MINSIGSTKSZ_FXSAVE: usize = 1440;

/// Finds out what the functions of this module may use. Not calling it is safe: they are slower.
///
/// `minsigstksz` is AT_MINSIGSTKSZ of the auxiliary vector, 0 if there is none. CPUID is not
/// asked: under a hypervisor it traps.
///
/// # Safety
///
/// `minsigstksz` comes from the kernel this process runs on.
#[inline]
pub unsafe fn choose(minsigstksz: usize) {
    if minsigstksz <= MINSIGSTKSZ_FXSAVE {
        return;
    }
    let low: u32;
    // SAFETY: so large a signal frame means that the kernel saves registers by XSAVE. For that it
    // has set CR4.OSXSAVE, which is what makes XGETBV legal. It reads, and touches no memory.
    unsafe {
        asm!("xgetbv",
             in("ecx") 0,      // XCR0
             out("eax") low,
             out("edx") _,     // the high half: nothing there concerns us
             options(nomem, nostack, preserves_flags));
    }
    XCR0.store(low as u8, Relaxed);
}

// memcpy is memmove: knowing that nothing overlaps would save one comparison.
//
// Every path loads all that its stores could overwrite before it stores. Lengths that one pair of
// moves covers only in part are covered by two pairs that meet or overlap in the middle.
global_asm!(
    ".section .text.ring3_memmove, \"ax\", @progbits",
    ".globl ring3_memcpy, ring3_memmove",
    ".hidden ring3_memcpy, ring3_memmove",
    ".type ring3_memcpy, @function",
    ".type ring3_memmove, @function",
    ".p2align 5",
    "ring3_memcpy:",
    "ring3_memmove:",
    "mov rax, rdi",                // the result is dst
    "cmp rdx, 16",
    "jb 5f",
    "movups xmm0, [rsi]",          // the first 16 bytes and the last
    "movups xmm1, [rsi + rdx - 16]",
    "cmp rdx, 64",
    "ja 2f",

    // 16..=64 bytes: the first 16 and the last, and from 33 on the next 16 inwards from each
    // end. Up to 32 the inner pair is the outer one again: cheaper than a branch.
    "lea ecx, [rdx - 1]",
    "and ecx, 32",
    "shr ecx, 1",                  // how far inwards: 0 or 16
    "lea r8, [rdx - 16]",
    "sub r8, rcx",                 // where the last but one begins
    "movups xmm2, [rsi + rcx]",
    "movups xmm3, [rsi + r8]",
    "movups [rdi], xmm0",
    "movups [rdi + rdx - 16], xmm1",
    "movups [rdi + rcx], xmm2",
    "movups [rdi + r8], xmm3",
    "ret",

    // More: 64 bytes at each end wait in registers; the aligned blocks of dst between them are
    // moved in the direction that reads each byte of src before dst takes its place.
    "2:",
    "movups xmm4, [rsi + 16]",     // the rest of the first 64
    "movups xmm5, [rsi + 32]",
    "movups xmm6, [rsi + 48]",
    "movups xmm7, [rsi + rdx - 32]", // and of the last 64
    "movups xmm8, [rsi + rdx - 48]",
    "movups xmm9, [rsi + rdx - 64]",
    "lea r8, [rdi + 64]",
    "and r8, -64",                 // where the first whole block of dst begins
    "lea r9, [rdi + rdx - 1]",
    "and r9, -64",                 // where the last one ends
    "mov ecx, 64",                 // upwards, a block a step
    "sub rsi, rdi",                // src, seen from dst: one pointer less to step
    "mov r10, rsi",
    "neg r10",                     // dst - src
    "cmp r10, rdx",
    "jae 3f",                      // dst is not inside src: upwards is right
    "xchg r8, r9",                 // downwards: from the last block to the first
    "add r8, -64",
    "add r9, -64",
    "neg rcx",
    "3:",
    "cmp r8, r9",
    "je 4f",                       // no whole block between the ends
    "test byte ptr [rip + {xcr0}], {ymm}",
    "jnz 6f",
    "33:",
    "movups xmm2, [rsi + r8]",     // 64 bytes out of src, wherever it lies
    "movups xmm3, [rsi + r8 + 16]",
    "movups xmm10, [rsi + r8 + 32]",
    "movups xmm11, [rsi + r8 + 48]",
    "movaps [r8], xmm2",           // into an aligned block: no store crosses a cache line
    "movaps [r8 + 16], xmm3",
    "movaps [r8 + 32], xmm10",
    "movaps [r8 + 48], xmm11",
    "add r8, rcx",
    "cmp r8, r9",
    "jne 33b",
    "4:",
    "movups [rdi], xmm0",          // the ends
    "movups [rdi + 16], xmm4",
    "movups [rdi + 32], xmm5",
    "movups [rdi + 48], xmm6",
    "movups [rdi + rdx - 64], xmm9",
    "movups [rdi + rdx - 48], xmm8",
    "movups [rdi + rdx - 32], xmm7",
    "movups [rdi + rdx - 16], xmm1",
    "ret",
    ".p2align 4",
    "6:",
    "vmovups ymm2, [rsi + r8]",    // the same loop in half the moves
    "vmovups ymm3, [rsi + r8 + 32]",
    "vmovaps [r8], ymm2",
    "vmovaps [r8 + 32], ymm3",
    "add r8, rcx",
    "cmp r8, r9",
    "jne 6b",
    "vzeroupper",                  // SSE code is slow while an upper half is in use
    "jmp 4b",

    // 4..=15 bytes: as 16..=64, in units of 4.
    "5:",
    "cmp edx, 4",
    "jb 7f",
    "mov ecx, edx",
    "and ecx, 8",
    "shr ecx, 1",                  // how far inwards: 0, or 4 from 8 bytes on
    "mov r8d, [rsi]",
    "mov r9d, [rsi + rcx]",
    "mov r10d, [rsi + rdx - 4]",
    "sub rsi, rcx",
    "mov r11d, [rsi + rdx - 4]",
    "mov [rdi], r8d",
    "mov [rdi + rcx], r9d",
    "mov [rdi + rdx - 4], r10d",
    "sub rdi, rcx",
    "mov [rdi + rdx - 4], r11d",
    "ret",

    // 1..=3 bytes: the first, the middle, the last.
    "7:",
    "test edx, edx",
    "jz 8f",
    "mov ecx, edx",
    "shr ecx, 1",                  // where the middle is
    "mov r8b, [rsi]",
    "mov r9b, [rsi + rcx]",
    "mov r10b, [rsi + rdx - 1]",
    "mov [rdi], r8b",
    "mov [rdi + rcx], r9b",
    "mov [rdi + rdx - 1], r10b",
    "8:",
    "ret",
    ".size ring3_memcpy, . - ring3_memcpy",
    ".size ring3_memmove, . - ring3_memmove",
    ".previous",
    xcr0 = sym XCR0,
    ymm = const YMM,
);

// As memmove, with nothing to load.
global_asm!(
    ".section .text.ring3_memset, \"ax\", @progbits",
    ".globl ring3_memset",
    ".hidden ring3_memset",
    ".type ring3_memset, @function",
    ".p2align 5",
    "ring3_memset:",
    "mov rax, rdi",                // the result is dst
    "movzx esi, sil",
    "imul esi, esi, 0x01010101",   // the byte, four times
    "cmp rdx, 16",
    "jb 5f",
    "movd xmm0, esi",
    "pshufd xmm0, xmm0, 0",        // sixteen times
    "movups [rdi], xmm0",          // the first 16 bytes and the last
    "movups [rdi + rdx - 16], xmm0",
    "cmp rdx, 64",
    "ja 2f",

    // 16..=64 bytes: from 33 on the next 16 inwards from each end too.
    "lea ecx, [rdx - 1]",
    "and ecx, 32",
    "shr ecx, 1",                  // how far inwards: 0 or 16
    "movups [rdi + rcx], xmm0",
    "sub rdx, rcx",
    "movups [rdi + rdx - 16], xmm0",
    "ret",

    // More: 64 bytes at each end, then the aligned blocks between them.
    "2:",
    "movups [rdi + 16], xmm0",
    "movups [rdi + 32], xmm0",
    "movups [rdi + 48], xmm0",
    "movups [rdi + rdx - 32], xmm0",
    "movups [rdi + rdx - 48], xmm0",
    "movups [rdi + rdx - 64], xmm0",
    "lea r9, [rdi + rdx - 1]",
    "and r9, -64",                 // where the last whole block ends
    "add rdi, 64",
    "and rdi, -64",                // where the first one begins
    "cmp rdi, r9",
    "je 4f",                       // no whole block between the ends
    "test byte ptr [rip + {xcr0}], {ymm}",
    "jnz 6f",
    "3:",
    "movaps [rdi], xmm0",
    "movaps [rdi + 16], xmm0",
    "movaps [rdi + 32], xmm0",
    "movaps [rdi + 48], xmm0",
    "add rdi, 64",
    "cmp rdi, r9",
    "jne 3b",
    "4:",
    "ret",
    ".p2align 4",
    "6:",
    "vinsertf128 ymm0, ymm0, xmm0, 1", // the byte, 32 times
    "60:",
    "vmovaps [rdi], ymm0",
    "vmovaps [rdi + 32], ymm0",
    "add rdi, 64",
    "cmp rdi, r9",
    "jne 60b",
    "vzeroupper",                  // SSE code is slow while an upper half is in use
    "ret",

    // 4..=15 bytes: as 16..=64, in units of 4.
    "5:",
    "cmp edx, 4",
    "jb 7f",
    "mov ecx, edx",
    "and ecx, 8",
    "shr ecx, 1",                  // how far inwards: 0, or 4 from 8 bytes on
    "mov [rdi], esi",
    "mov [rdi + rcx], esi",
    "mov [rdi + rdx - 4], esi",
    "sub rdi, rcx",
    "mov [rdi + rdx - 4], esi",
    "ret",

    // 1..=3 bytes: the first, the last, the middle.
    "7:",
    "test edx, edx",
    "jz 8f",
    "mov [rdi], sil",
    "mov [rdi + rdx - 1], sil",
    "shr edx, 1",                  // where the middle is
    "mov [rdi + rdx], sil",
    "8:",
    "ret",
    ".size ring3_memset, . - ring3_memset",
    ".previous",
    xcr0 = sym XCR0,
    ymm = const YMM,
);

// bcmp is memcmp: it would save nothing but the order of the byte that differs.
global_asm!(
    ".section .text.ring3_memcmp, \"ax\", @progbits",
    ".globl ring3_memcmp, ring3_bcmp",
    ".hidden ring3_memcmp, ring3_bcmp",
    ".type ring3_memcmp, @function",
    ".type ring3_bcmp, @function",
    ".p2align 5",
    "ring3_memcmp:",
    "ring3_bcmp:",
    "cmp rdx, 16",
    "jb 5f",
    "add rdi, rdx",                // both ends, and
    "add rsi, rdx",
    "neg rdx",                     // an index that counts up to 0 from below
    "cmp rdx, -64",
    "jg 3f",
    "test byte ptr [rip + {xcr0}], {ymm}",
    "jz 3f",

    // 64 bytes a step while they are equal and there are as many.
    "2:",
    "vmovups ymm0, [rdi + rdx]",
    "vmovups ymm1, [rdi + rdx + 32]",
    "vxorps ymm0, ymm0, [rsi + rdx]", // a bit is left where they differ
    "vxorps ymm1, ymm1, [rsi + rdx + 32]",
    "vorps ymm0, ymm0, ymm1",
    "vptest ymm0, ymm0",
    "jnz 20f",
    "add rdx, 64",
    "cmp rdx, -64",
    "jle 2b",
    "20:",
    "vzeroupper",                  // SSE code is slow while an upper half is in use
    "test rdx, rdx",
    "jz 4f",                       // nothing left, all equal

    // 16 bytes a step; the last step is pulled back to end with the last byte.
    "cmp rdx, -16",
    "jle 3f",
    "30:",
    "mov rdx, -16",
    "3:",
    "movups xmm0, [rdi + rdx]",
    "movups xmm1, [rsi + rdx]",
    "pcmpeqb xmm0, xmm1",
    "pmovmskb eax, xmm0",          // a bit for each byte that is equal
    "sub eax, 0xffff",
    "jnz 6f",
    "add rdx, 16",
    "jz 4f",                       // nothing left, all equal
    "cmp rdx, -16",
    "jle 3b",
    "jmp 30b",
    "4:",
    "xor eax, eax",
    "ret",
    "6:",
    "bsf eax, eax",                // mask - 0xffff = -(those that differ): the lowest bit is theirs
    "add rdx, rax",
    "movzx eax, byte ptr [rdi + rdx]",
    "movzx ecx, byte ptr [rsi + rdx]",
    "sub eax, ecx",
    "ret",

    // 8..=15 bytes: the first 8, then the last 8; 4..=7: the same by 4.
    "5:",
    "cmp edx, 4",
    "jb 8f",
    "cmp edx, 8",
    "jb 7f",
    "mov rax, [rdi]",
    "mov rcx, [rsi]",
    "cmp rax, rcx",
    "jne 70f",
    "mov rax, [rdi + rdx - 8]",
    "mov rcx, [rsi + rdx - 8]",
    "cmp rax, rcx",
    "jne 70f",
    "xor eax, eax",
    "ret",
    "7:",
    "mov eax, [rdi]",
    "mov ecx, [rsi]",
    "cmp eax, ecx",
    "jne 70f",
    "mov eax, [rdi + rdx - 4]",
    "mov ecx, [rsi + rdx - 4]",
    "70:",
    "bswap rax",                   // the first byte in memory weighs most
    "bswap rcx",
    "xor edx, edx",
    "cmp rax, rcx",
    "seta dl",                     // 1 if a > b
    "sbb edx, 0",                  // 0 - 1 if a < b: seta left the carry alone
    "mov eax, edx",
    "ret",

    // 0..=3 bytes: one by one.
    "8:",
    "xor eax, eax",
    "80:",
    "sub edx, 1",
    "jb 9f",                       // none left
    "movzx eax, byte ptr [rdi]",
    "movzx ecx, byte ptr [rsi]",
    "inc rdi",
    "inc rsi",
    "sub eax, ecx",
    "jz 80b",
    "9:",
    "ret",
    ".size ring3_memcmp, . - ring3_memcmp",
    ".size ring3_bcmp, . - ring3_bcmp",
    ".previous",
    xcr0 = sym XCR0,
    ymm = const YMM,
);

// Reads whole aligned blocks of 64 bytes: what lies before the string and after its NUL is read
// with it, and since a block never crosses a page, that cannot fault.
global_asm!(
    ".section .text.ring3_strlen, \"ax\", @progbits",
    ".globl ring3_strlen",
    ".hidden ring3_strlen",
    ".type ring3_strlen, @function",
    ".p2align 5",
    "ring3_strlen:",
    "pxor xmm4, xmm4",             // NULs to compare with
    "mov rax, rdi",
    "and rax, -64",                // the block in which the string begins
    "mov ecx, edi",                // its bytes below the string (modulo 64, as shifts count)

    // The NULs of one block, a bit each.
    "2:",
    "movdqa xmm0, [rax]",
    "movdqa xmm1, [rax + 16]",
    "movdqa xmm2, [rax + 32]",
    "movdqa xmm3, [rax + 48]",
    "pcmpeqb xmm0, xmm4",
    "pcmpeqb xmm1, xmm4",
    "pcmpeqb xmm2, xmm4",
    "pcmpeqb xmm3, xmm4",
    "pmovmskb edx, xmm0",
    "pmovmskb esi, xmm1",
    "pmovmskb r8d, xmm2",
    "pmovmskb r9d, xmm3",
    "shl esi, 16",
    "or edx, esi",                 // the first 32 bytes
    "shl r9d, 16",
    "or r8d, r9d",                 // the last 32
    "shl r8, 32",
    "or rdx, r8",
    "shr rdx, cl",                 // without those below the string
    "shl rdx, cl",
    "bsf rdx, rdx",
    "jz 3f",                       // none: on to the next blocks
    "add rax, rdx",
    "sub rax, rdi",
    "ret",

    // Further blocks, as fast as they come, until one holds a NUL.
    "3:",
    "xor ecx, ecx",                // nothing below the string in these
    "test byte ptr [rip + {xcr0}], {opmask}",
    "jnz 4f",
    "30:",
    "add rax, 64",
    "movdqa xmm0, [rax]",
    "movdqa xmm1, [rax + 32]",
    "pminub xmm0, [rax + 16]",     // the smallest of four bytes is 0 if one of them is
    "pminub xmm1, [rax + 48]",
    "pminub xmm0, xmm1",
    "pcmpeqb xmm0, xmm4",
    "pmovmskb edx, xmm0",
    "test edx, edx",
    "jz 30b",
    "jmp 2b",
    ".p2align 4",
    "4:",
    "vpxor xmm4, xmm4, xmm4",      // the upper half of ymm4 too
    "40:",
    "add rax, 64",                 // the same loop in half the moves
    "vmovdqa ymm0, [rax]",
    "vpminub ymm0, ymm0, [rax + 32]",
    "vpcmpeqb ymm0, ymm0, ymm4",
    "vpmovmskb edx, ymm0",
    "test edx, edx",
    "jz 40b",
    "vzeroupper",                  // SSE code is slow while an upper half is in use
    "jmp 2b",
    ".size ring3_strlen, . - ring3_strlen",
    ".previous",
    xcr0 = sym XCR0,
    opmask = const OPMASK,
);
