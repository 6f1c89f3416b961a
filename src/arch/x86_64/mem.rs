//! The memory functions for x86-64: see [`super::super::mem`].
//!
//! Every x86-64 processor has SSE2. A processor with AVX moves twice as many bytes in a cycle. The functions choose
//! between the two by [`XCR0`]: `memcpy`, `memmove` and `memset` from 65 bytes on, `memcmp` and `bcmp` from 64 bytes
//! on, `strlen` after the first block of 64 bytes.

use core::{
    arch::{asm, global_asm},
    sync::atomic::{AtomicU8, Ordering::Relaxed},
};

/// The low byte of the processor's register XCR0: a bit for each kind of state that the kernel saves and restores for a
/// thread. Linux sets a bit only if CPUID reports the instructions that belong to it (arch/x86/kernel/fpu/xstate.c,
/// `xsave_cpuid_features`). The value is 0 until [`choose`] was called: then only SSE2 is used.
static XCR0: AtomicU8 = AtomicU8::new(0);

/// XCR0 bit 2: AVX.
const YMM: u8 = 1 << 2;

/// XCR0 bit 5: AVX-512. This module takes the bit as a sign of AVX2 too, which has no bit of its own: no processor has
/// AVX-512 without AVX2, and compilers rely on this (LLVM, X86.td: AVX512 implies AVX2).
const OPMASK: u8 = 1 << 5;

/// AT_MINSIGSTKSZ of a kernel that saves registers by FXSAVE: 512 bytes of registers, 112 for a 32-bit task, a frame of
/// 736, paddings of 15 and 63, rounded up to 16 (arch/x86/kernel/signal.c, `init_sigframe_size`). With XSAVE and AVX it
/// is at least 1776. A kernel with AVX but without support for 32-bit tasks may stay below this limit; then this module
/// uses only SSE2.
const MINSIGSTKSZ_FXSAVE: usize = 1440;

/// Determines the instructions that the functions of this module may use: see [`super::choose`].
///
/// `minsigstksz` is AT_MINSIGSTKSZ of the auxiliary vector, or 0 without one. This function does not use CPUID, because
/// CPUID traps under a hypervisor.
///
/// # Safety
/// `minsigstksz` comes from the kernel that this process runs on.
pub unsafe fn choose(minsigstksz: usize) {
    // SAFETY: the caller promises that `minsigstksz` comes from the kernel.
    XCR0.store(unsafe { xcr0(minsigstksz) }, Relaxed);
}

/// Returns the low byte of XCR0, or 0 if the processor may not have that register.
///
/// # Safety
/// As [`choose`].
unsafe fn xcr0(minsigstksz: usize) -> u8 {
    if minsigstksz <= MINSIGSTKSZ_FXSAVE {
        return 0;
    }
    let low: u32;
    // SAFETY: so large a signal frame means that the kernel saves registers by XSAVE. For that the kernel has set
    // CR4.OSXSAVE, which makes XGETBV legal. XGETBV accesses no memory.
    unsafe {
        asm!("xgetbv",
            in("ecx") 0,                          // XCR0
            out("eax") low,
            out("edx") _,                         // the high half is not used
            options(nomem, nostack, preserves_flags));
    }
    low as u8
}

// memcpy is memmove: a memcpy that relies on the absence of overlap would save only one comparison.
//
// Every path loads all bytes that its stores could overwrite before it stores. Lengths that a pair of moves does not
// cover are covered by two pairs that meet or overlap in the middle.
global_asm!(
    r#"
    .pushsection .text.ring3_memmove, "ax"
    .globl ring3_memcpy, ring3_memmove
    .hidden ring3_memcpy, ring3_memmove
    .type ring3_memcpy, @function
    .type ring3_memmove, @function
    .p2align 5
ring3_memcpy:
ring3_memmove:
    mov rax, rdi                            // the result is dst
    cmp rdx, 16
    jb .Lmove_small                         // too few for a pair of 16
    movups xmm0, [rsi]                      // the first 16 bytes and the last
    movups xmm1, [rsi + rdx - 16]
    cmp rdx, 64
    ja .Lmove_long                          // too many for two pairs

    // 16..=64 bytes: the first 16 and the last 16; from 33 bytes on also the next 16 inwards from each end. Up to 32
    // bytes the inner pair repeats the outer pair: that is cheaper than a branch.
    lea ecx, [rdx - 1]
    and ecx, 32
    shr ecx, 1                              // how far inwards: 0 or 16
    lea r8, [rdx - 16]
    sub r8, rcx                             // the start of the last 16 but one
    movups xmm2, [rsi + rcx]
    movups xmm3, [rsi + r8]
    movups [rdi], xmm0                      // all four are loaded, so src may be overwritten
    movups [rdi + rdx - 16], xmm1
    movups [rdi + rcx], xmm2
    movups [rdi + r8], xmm3
    ret

    // More: 64 bytes at each end are kept in registers. The aligned blocks of dst between them are moved in the
    // direction in which each byte of src is read before dst overwrites it.
.Lmove_long:
    movups xmm4, [rsi + 16]                 // the rest of the first 64
    movups xmm5, [rsi + 32]
    movups xmm6, [rsi + 48]
    movups xmm7, [rsi + rdx - 32]           // the rest of the last 64
    movups xmm8, [rsi + rdx - 48]
    movups xmm9, [rsi + rdx - 64]
    lea r8, [rdi + 64]
    and r8, -64                             // the start of the first whole block of dst
    lea r9, [rdi + rdx - 1]
    and r9, -64                             // the end of the last whole block
    mov ecx, 64                             // upwards, one block for each step
    sub rsi, rdi                            // src relative to dst: one pointer less to advance
    mov r10, rsi
    neg r10                                 // dst - src
    cmp r10, rdx
    jae .Lmove_blocks                       // dst does not begin inside src: upwards is right
    xchg r8, r9                             // downwards: from the last block to the first
    add r8, -64
    add r9, -64
    neg rcx
.Lmove_blocks:
    cmp r8, r9
    je .Lmove_ends                          // no whole block between the ends
    test byte ptr [rip + {xcr0}], {ymm}     // may AVX be used?
    jnz .Lmove_avx
.Lmove_sse:
    movups xmm2, [rsi + r8]                 // 64 bytes of src, which may be unaligned
    movups xmm3, [rsi + r8 + 16]
    movups xmm10, [rsi + r8 + 32]
    movups xmm11, [rsi + r8 + 48]
    movaps [r8], xmm2                       // to an aligned block: no store crosses a cache line
    movaps [r8 + 16], xmm3
    movaps [r8 + 32], xmm10
    movaps [r8 + 48], xmm11
    add r8, rcx                             // the next block, up or down
    cmp r8, r9
    jne .Lmove_sse
.Lmove_ends:
    movups [rdi], xmm0                      // the 64 bytes at each end
    movups [rdi + 16], xmm4
    movups [rdi + 32], xmm5
    movups [rdi + 48], xmm6
    movups [rdi + rdx - 64], xmm9
    movups [rdi + rdx - 48], xmm8
    movups [rdi + rdx - 32], xmm7
    movups [rdi + rdx - 16], xmm1
    ret
    .p2align 4
.Lmove_avx:
    vmovups ymm2, [rsi + r8]                // the same loop in half the moves
    vmovups ymm3, [rsi + r8 + 32]
    vmovaps [r8], ymm2
    vmovaps [r8 + 32], ymm3
    add r8, rcx
    cmp r8, r9
    jne .Lmove_avx
    vzeroupper                              // SSE code is slow while an upper half is in use
    jmp .Lmove_ends

    // 4..=15 bytes: as 16..=64, in units of 4.
.Lmove_small:
    cmp edx, 4
    jb .Lmove_bytes                         // too few for a pair of 4
    mov ecx, edx
    and ecx, 8
    shr ecx, 1                              // how far inwards: 0, or 4 from 8 bytes on
    mov r8d, [rsi]                          // the first and the second; then the last
    mov r9d, [rsi + rcx]
    mov r10d, [rsi + rdx - 4]
    sub rsi, rcx
    mov r11d, [rsi + rdx - 4]               // the last but one, or the last again
    mov [rdi], r8d                          // all four are loaded
    mov [rdi + rcx], r9d
    mov [rdi + rdx - 4], r10d
    sub rdi, rcx
    mov [rdi + rdx - 4], r11d
    ret

    // 1..=3 bytes: the first, the middle, the last.
.Lmove_bytes:
    test edx, edx
    jz .Lmove_none                          // nothing to move: no byte may be read
    mov ecx, edx
    shr ecx, 1                              // the index of the middle byte
    movzx r8d, byte ptr [rsi]
    movzx r9d, byte ptr [rsi + rcx]
    movzx r10d, byte ptr [rsi + rdx - 1]
    mov [rdi], r8b                          // all three are loaded
    mov [rdi + rcx], r9b
    mov [rdi + rdx - 1], r10b
.Lmove_none:
    ret
    .size ring3_memcpy, . - ring3_memcpy
    .size ring3_memmove, . - ring3_memmove
    .popsection
"#,
    xcr0 = sym XCR0,
    ymm = const YMM,
);

// memset is as memmove, with nothing to load.
global_asm!(
    r#"
    .pushsection .text.ring3_memset, "ax"
    .globl ring3_memset
    .hidden ring3_memset
    .type ring3_memset, @function
    .p2align 5
ring3_memset:
    mov rax, rdi                            // the result is dst
    movzx esi, sil
    imul esi, esi, 0x01010101               // the byte, four times
    cmp rdx, 16
    jb .Lset_small                          // too few for a pair of 16
    movd xmm0, esi
    pshufd xmm0, xmm0, 0                    // sixteen times
    movups [rdi], xmm0                      // the first 16 bytes and the last
    movups [rdi + rdx - 16], xmm0
    cmp rdx, 64
    ja .Lset_long                           // too many for two pairs

    // 16..=64 bytes: the first 16 and the last 16; from 33 bytes on also the next 16 inwards from each end.
    lea ecx, [rdx - 1]
    and ecx, 32
    shr ecx, 1                              // how far inwards: 0 or 16
    movups [rdi + rcx], xmm0                // the second, or the first again
    sub rdx, rcx                            // the last but one, or the last again
    movups [rdi + rdx - 16], xmm0
    ret

    // More: 64 bytes at each end, then the aligned blocks between them.
.Lset_long:
    movups [rdi + 16], xmm0                 // the rest of the first 64
    movups [rdi + 32], xmm0
    movups [rdi + 48], xmm0
    movups [rdi + rdx - 32], xmm0           // the rest of the last 64
    movups [rdi + rdx - 48], xmm0
    movups [rdi + rdx - 64], xmm0
    lea r9, [rdi + rdx - 1]
    and r9, -64                             // the end of the last whole block
    add rdi, 64
    and rdi, -64                            // the start of the first whole block
    cmp rdi, r9
    je .Lset_done                           // no whole block between the ends
    test byte ptr [rip + {xcr0}], {ymm}     // may AVX be used?
    jnz .Lset_prepare
.Lset_sse:
    movaps [rdi], xmm0                      // aligned: no store crosses a cache line
    movaps [rdi + 16], xmm0
    movaps [rdi + 32], xmm0
    movaps [rdi + 48], xmm0
    add rdi, 64
    cmp rdi, r9
    jne .Lset_sse
.Lset_done:
    ret
    .p2align 4
.Lset_prepare:
    vinsertf128 ymm0, ymm0, xmm0, 1         // the byte, 32 times
.Lset_avx:
    vmovaps [rdi], ymm0                     // the same loop in half the moves
    vmovaps [rdi + 32], ymm0
    add rdi, 64
    cmp rdi, r9
    jne .Lset_avx
    vzeroupper                              // SSE code is slow while an upper half is in use
    ret

    // 4..=15 bytes: as 16..=64, in units of 4.
.Lset_small:
    cmp edx, 4
    jb .Lset_bytes                          // too few for a pair of 4
    mov ecx, edx
    and ecx, 8
    shr ecx, 1                              // how far inwards: 0, or 4 from 8 bytes on
    mov [rdi], esi
    mov [rdi + rcx], esi
    mov [rdi + rdx - 4], esi
    sub rdi, rcx                            // the last but one, or the last again
    mov [rdi + rdx - 4], esi
    ret

    // 1..=3 bytes: the first, the last, the middle.
.Lset_bytes:
    test edx, edx
    jz .Lset_none                           // nothing to fill
    mov [rdi], sil
    mov [rdi + rdx - 1], sil
    shr edx, 1                              // the index of the middle byte
    mov [rdi + rdx], sil
.Lset_none:
    ret
    .size ring3_memset, . - ring3_memset
    .popsection
"#,
    xcr0 = sym XCR0,
    ymm = const YMM,
);

// bcmp is memcmp: a separate bcmp would save only the ordering of the bytes that differ.
global_asm!(
    r#"
    .pushsection .text.ring3_memcmp, "ax"
    .globl ring3_memcmp, ring3_bcmp
    .hidden ring3_memcmp, ring3_bcmp
    .type ring3_memcmp, @function
    .type ring3_bcmp, @function
    .p2align 5
ring3_memcmp:
ring3_bcmp:
    cmp rdx, 16
    jb .Lcompare_small                      // too few for a step of 16
    add rdi, rdx                            // a and b point to their ends
    add rsi, rdx
    neg rdx                                 // the index counts from -n up to 0
    cmp rdx, -64
    jg .Lcompare_sse                        // too few for a step of 64
    test byte ptr [rip + {xcr0}], {ymm}     // may AVX be used?
    jz .Lcompare_sse

    // Steps of 64 bytes, while they are equal and at least 64 are left.
.Lcompare_avx:
    vmovups ymm0, [rdi + rdx]               // 64 bytes of a
    vmovups ymm1, [rdi + rdx + 32]
    vxorps ymm0, ymm0, [rsi + rdx]          // bits are 1 where a and b differ
    vxorps ymm1, ymm1, [rsi + rdx + 32]
    vorps ymm0, ymm0, ymm1                  // all differences of the 64 bytes
    vptest ymm0, ymm0
    jnz .Lcompare_avx_end                   // a difference: the steps of 16 find its place
    add rdx, 64
    cmp rdx, -64                            // another 64 left?
    jle .Lcompare_avx
.Lcompare_avx_end:
    vzeroupper                              // SSE code is slow while an upper half is in use
    test rdx, rdx
    jz .Lcompare_equal                      // nothing left, all equal

    // Steps of 16 bytes. The last step moves back, so that it ends with the last byte.
    cmp rdx, -16
    jle .Lcompare_sse
.Lcompare_last:
    mov rdx, -16                            // the last 16, some of them for the second time
.Lcompare_sse:
    movups xmm0, [rdi + rdx]
    movups xmm1, [rsi + rdx]
    pcmpeqb xmm0, xmm1                      // all bits 1 in each byte that is equal
    pmovmskb eax, xmm0                      // a bit for each byte that is equal
    sub eax, 0xffff                         // minus the mask of the bytes that differ
    jnz .Lcompare_byte                      // at least one differs
    add rdx, 16
    jz .Lcompare_equal                      // nothing left, all equal
    cmp rdx, -16                            // another 16 left?
    jle .Lcompare_sse
    jmp .Lcompare_last
.Lcompare_equal:
    xor eax, eax
    ret
.Lcompare_byte:
    bsf eax, eax                            // negation keeps the lowest bit: the first byte that differs
    add rdx, rax                            // its index
    movzx eax, byte ptr [rdi + rdx]         // compare as unsigned
    movzx ecx, byte ptr [rsi + rdx]
    sub eax, ecx                            // the sign is the order
    ret

    // 8..=15 bytes: the first 8, then the last 8; 4..=7: the same by 4.
.Lcompare_small:
    cmp edx, 4
    jb .Lcompare_bytes                      // too few for a pair of 4
    cmp edx, 8
    jb .Lcompare_four                       // too few for a pair of 8
    mov rax, [rdi]
    mov rcx, [rsi]
    cmp rax, rcx
    jne .Lcompare_order
    mov rax, [rdi + rdx - 8]                // the last 8; some are compared twice
    mov rcx, [rsi + rdx - 8]
    jmp .Lcompare_order                     // the result is 0 there if they are equal
.Lcompare_four:
    mov eax, [rdi]
    mov ecx, [rsi]
    cmp eax, ecx
    jne .Lcompare_order
    mov eax, [rdi + rdx - 4]                // the last 4, likewise
    mov ecx, [rsi + rdx - 4]
.Lcompare_order:
    bswap rax                               // the first byte in memory becomes the most significant
    bswap rcx
    cmp rax, rcx                            // compare as unsigned
    seta al                                 // 1 if a > b
    sbb al, 0                               // 0 - 1 if a < b: seta left the carry alone
    movsx eax, al
    ret

    // 0..=3 bytes: byte by byte.
.Lcompare_bytes:
    xor eax, eax
.Lcompare_next:
    sub edx, 1
    jb .Lcompare_done                       // none left
    movzx eax, byte ptr [rdi]
    movzx ecx, byte ptr [rsi]
    inc rdi
    inc rsi
    sub eax, ecx
    jz .Lcompare_next
.Lcompare_done:
    ret
    .size ring3_memcmp, . - ring3_memcmp
    .size ring3_bcmp, . - ring3_bcmp
    .popsection
"#,
    xcr0 = sym XCR0,
    ymm = const YMM,
);

// strlen reads whole aligned blocks of 64 bytes, so it also reads bytes before the string and after its NUL. These
// reads cannot fault, because such a block never crosses a page.
global_asm!(
    r#"
    .pushsection .text.ring3_strlen, "ax"
    .globl ring3_strlen
    .hidden ring3_strlen
    .type ring3_strlen, @function
    .p2align 5
ring3_strlen:
    pxor xmm4, xmm4                         // zeros to compare with
    mov rax, rdi
    and rax, -64                            // the block that contains the start of the string
    mov ecx, edi                            // the number of its bytes before the string: shifts are modulo 64

    // Find the NULs of one block: a bit for each.
.Llength_block:
    movdqa xmm0, [rax]                      // all 64 bytes
    movdqa xmm1, [rax + 16]
    movdqa xmm2, [rax + 32]
    movdqa xmm3, [rax + 48]
    pcmpeqb xmm0, xmm4                      // all bits 1 in each byte that is NUL
    pcmpeqb xmm1, xmm4
    pcmpeqb xmm2, xmm4
    pcmpeqb xmm3, xmm4
    pmovmskb edx, xmm0                      // a bit for each byte
    pmovmskb esi, xmm1
    pmovmskb r8d, xmm2
    pmovmskb r9d, xmm3
    shl esi, 16
    or edx, esi                             // the first 32 bytes
    shl r9d, 16
    or r8d, r9d                             // the last 32
    shl r8, 32
    or rdx, r8
    shr rdx, cl                             // clear the bits of the bytes before the string
    shl rdx, cl
    bsf rdx, rdx                            // the first NUL
    jz .Llength_further                     // no NUL: try the next blocks
    add rax, rdx                            // the address of the NUL
    sub rax, rdi                            // minus the start of the string
    ret

    // Further blocks, in a faster loop, until one contains a NUL.
.Llength_further:
    xor ecx, ecx                            // these blocks have no bytes before the string
    test byte ptr [rip + {xcr0}], {opmask}  // may AVX2 be used?
    jnz .Llength_prepare
.Llength_sse:
    add rax, 64
    movdqa xmm0, [rax]                      // 64 bytes, half of them with pminub
    movdqa xmm1, [rax + 32]
    pminub xmm0, [rax + 16]                 // the smallest of four bytes is 0 if one of them is
    pminub xmm1, [rax + 48]
    pminub xmm0, xmm1
    pcmpeqb xmm0, xmm4                      // all bits 1 in each byte that is NUL
    pmovmskb edx, xmm0                      // is there any?
    test edx, edx
    jz .Llength_sse
    jmp .Llength_block                      // find it in the block
    .p2align 4
.Llength_prepare:
    vpxor xmm4, xmm4, xmm4                  // the upper half of ymm4 too
.Llength_avx:
    add rax, 64                             // the same loop in half the moves
    vmovdqa ymm0, [rax]
    vpminub ymm0, ymm0, [rax + 32]
    vpcmpeqb ymm0, ymm0, ymm4
    vpmovmskb edx, ymm0
    test edx, edx
    jz .Llength_avx
    vzeroupper                              // SSE code is slow while an upper half is in use
    jmp .Llength_block                      // find it in the block
    .size ring3_strlen, . - ring3_strlen
    .popsection
"#,
    xcr0 = sym XCR0,
    opmask = const OPMASK,
);

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use core::ffi::c_ulong;
    use std::is_x86_feature_detected;

    unsafe extern "C" {
        fn getauxval(kind: c_ulong) -> c_ulong;
    }

    /// Compares with CPUID, which std uses.
    #[test]
    fn chooses_what_cpuid_allows() {
        const AT_MINSIGSTKSZ: c_ulong = 51;
        // SAFETY: getauxval reads this process's own auxiliary vector.
        let minsigstksz = unsafe { getauxval(AT_MINSIGSTKSZ) } as usize;
        // SAFETY: the value comes from the kernel.
        let xcr0 = unsafe { xcr0(minsigstksz) };
        let known = minsigstksz > MINSIGSTKSZ_FXSAVE;
        assert_eq!(xcr0 & YMM != 0, known && is_x86_feature_detected!("avx"));
        assert_eq!(
            xcr0 & OPMASK != 0,
            known && is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx2")
        );
    }

    /// Registers that hold no argument may hold any value.
    #[test]
    fn length_with_registers_in_use() {
        #[repr(align(64))]
        struct Text([u8; 512]);
        if !is_x86_feature_detected!("avx") {
            return; // this processor has no upper halves
        }
        crate::arch::mem_tests::with_each_choice(|| {
            let mut text = Text([1; 512]);
            text.0[0] = 0; // a NUL before the string
            for nul in 1..512 {
                text.0[nul] = 0;
                let length: usize;
                // SAFETY: the processor has AVX, and the text contains a NUL after the start of the string.
                unsafe {
                    asm!("vxorps xmm4, xmm4, xmm4",
                        "vcmptrueps ymm4, ymm4, ymm4", // ones in both halves
                        "call {strlen}",
                        strlen = sym crate::arch::mem::ring3_strlen,
                        in("rdi") &text.0[1],
                        inout("rcx") 0_usize => _,
                        lateout("rax") length,
                        clobber_abi("C"));
                }
                assert_eq!(length, nul - 1);
                text.0[nul] = 1;
            }
        });
    }
}
