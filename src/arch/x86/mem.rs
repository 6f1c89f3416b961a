//! The memory functions for 32-bit x86: see [`super::super::mem`].
//!
//! SSE2 is in the baseline of this target. The arguments are on the stack, above the return address.

use core::arch::global_asm;

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
    .p2align 4
ring3_memcpy:
ring3_memmove:
    push esi
    push edi
    mov eax, [esp + 12]                     // dst, which is also the result
    mov esi, [esp + 16]                     // src
    mov ecx, [esp + 20]                     // n
    cmp ecx, 16
    jb .Lmove_small                         // too few for a pair of 16
    movups xmm0, [esi]                      // the first 16 bytes and the last
    movups xmm1, [esi + ecx - 16]
    cmp ecx, 32
    jbe .Lmove_pair                         // the pair is all

    // More: 32 bytes at each end are kept in registers. The aligned blocks of dst between them are moved in the
    // direction in which each byte of src is read before dst overwrites it.
    movups xmm2, [esi + 16]                 // the rest of the first 32
    movups xmm3, [esi + ecx - 32]           // the rest of the last 32
    lea edi, [eax + 32]
    and edi, -32                            // the start of the first whole block of dst
    lea edx, [eax + ecx - 1]
    and edx, -32                            // the end of the last whole block
    sub esi, eax                            // src relative to dst: one pointer less to advance
    add ecx, esi                            // carry: dst begins inside src or at its end, dst - src <= n
    mov ecx, 32                             // upwards, one block for each step
    jnc .Lmove_blocks
    xchg edi, edx                           // downwards: from the last block to the first
    sub edi, ecx
    sub edx, ecx
    neg ecx
.Lmove_blocks:
    cmp edi, edx
    je .Lmove_ends                          // no whole block between the ends
.Lmove_block:
    movups xmm4, [esi + edi]                // 32 bytes of src, which may be unaligned
    movups xmm5, [esi + edi + 16]
    movaps [edi], xmm4                      // to an aligned block: no store crosses a cache line
    movaps [edi + 16], xmm5
    add edi, ecx                            // the next block, up or down
    cmp edi, edx
    jne .Lmove_block
.Lmove_ends:
    mov ecx, [esp + 20]                     // n again
    movups [eax + 16], xmm2
    movups [eax + ecx - 32], xmm3
.Lmove_pair:
    movups [eax], xmm0
    movups [eax + ecx - 16], xmm1
.Lmove_done:
    pop edi
    pop esi
    ret

    // 8..=15 bytes: the first 8 and the last 8; 4..=7: the same by 4.
.Lmove_small:
    cmp ecx, 4
    jb .Lmove_bytes                         // too few for a pair of 4
    cmp ecx, 8
    jb .Lmove_four                          // too few for a pair of 8
    movq xmm0, qword ptr [esi]
    movq xmm1, qword ptr [esi + ecx - 8]
    movq qword ptr [eax], xmm0              // both are loaded, so src may be overwritten
    movq qword ptr [eax + ecx - 8], xmm1
    jmp .Lmove_done
.Lmove_four:
    mov edx, [esi]
    mov esi, [esi + ecx - 4]
    mov [eax], edx
    mov [eax + ecx - 4], esi
    jmp .Lmove_done

    // 1..=3 bytes: the first, the middle, the last.
.Lmove_bytes:
    test ecx, ecx
    jz .Lmove_done                          // nothing to move: no byte may be read
    movzx edx, byte ptr [esi]
    mov dh, [esi + ecx - 1]
    shr ecx                                 // the index of the middle byte
    mov edi, ecx
    mov cl, [esi + ecx]
    mov [eax], dl                           // all three are loaded
    mov [eax + edi], cl
    mov ecx, [esp + 20]
    mov [eax + ecx - 1], dh
    jmp .Lmove_done
    .size ring3_memcpy, . - ring3_memcpy
    .size ring3_memmove, . - ring3_memmove
    .popsection
"#
);

// memset is as memmove, with nothing to load.
global_asm!(
    r#"
    .pushsection .text.ring3_memset, "ax"
    .globl ring3_memset
    .hidden ring3_memset
    .type ring3_memset, @function
    .p2align 4
ring3_memset:
    mov eax, [esp + 4]                      // dst, which is also the result
    movzx edx, byte ptr [esp + 8]
    mov ecx, [esp + 12]                     // n
    imul edx, edx, 0x01010101               // the byte, four times
    cmp ecx, 16
    jb .Lset_small                          // too few for a pair of 16
    movd xmm0, edx
    pshufd xmm0, xmm0, 0                    // sixteen times
    movups [eax], xmm0                      // the first 16 bytes and the last
    movups [eax + ecx - 16], xmm0
    cmp ecx, 32
    jbe .Lset_done                          // the pair is all

    // More: 32 bytes at each end, then the aligned blocks between them.
    movups [eax + 16], xmm0                 // the rest of the first 32
    movups [eax + ecx - 32], xmm0           // the rest of the last 32
    lea edx, [eax + 32]
    and edx, -32                            // the start of the first whole block
    lea ecx, [eax + ecx - 1]
    and ecx, -32                            // the end of the last whole block
    cmp edx, ecx
    je .Lset_done                           // no whole block between the ends
.Lset_block:
    movaps [edx], xmm0                      // aligned: no store crosses a cache line
    movaps [edx + 16], xmm0
    add edx, 32
    cmp edx, ecx
    jne .Lset_block
.Lset_done:
    ret

    // 4..=15 bytes: the first 4 and the last 4; from 8 bytes on also the next 4 inwards from each end.
.Lset_small:
    cmp ecx, 4
    jb .Lset_bytes                          // too few for a pair of 4
    mov [eax], edx
    mov [eax + ecx - 4], edx
    cmp ecx, 8
    jb .Lset_done
    mov [eax + 4], edx
    mov [eax + ecx - 8], edx
    ret

    // 1..=3 bytes: the first, the last, the middle.
.Lset_bytes:
    test ecx, ecx
    jz .Lset_done                           // nothing to fill
    mov [eax], dl
    mov [eax + ecx - 1], dl
    shr ecx                                 // the index of the middle byte
    mov [eax + ecx], dl
    ret
    .size ring3_memset, . - ring3_memset
    .popsection
"#
);

// bcmp is memcmp: a separate bcmp would save only the ordering of the bytes that differ.
global_asm!(
    r#"
    .pushsection .text.ring3_memcmp, "ax"
    .globl ring3_memcmp, ring3_bcmp
    .hidden ring3_memcmp, ring3_bcmp
    .type ring3_memcmp, @function
    .type ring3_bcmp, @function
    .p2align 4
ring3_memcmp:
ring3_bcmp:
    push esi
    push edi
    mov edi, [esp + 12]                     // a
    mov esi, [esp + 16]                     // b
    mov edx, [esp + 20]                     // n
    xor eax, eax                            // the result if nothing differs
    cmp edx, 4
    jb .Lcompare_bytes                      // too few for a step of 4
    add edi, edx                            // a and b point to their ends
    add esi, edx
    neg edx                                 // the index counts from -n up to 0
    cmp edx, -16
    jg .Lcompare_four                       // too few for a step of 16

    // Steps of 16 bytes. The last step moves back, so that it ends with the last byte.
.Lcompare_sse:
    movups xmm0, [edi + edx]
    movups xmm1, [esi + edx]
    pcmpeqb xmm0, xmm1                      // all bits 1 in each byte that is equal
    pmovmskb eax, xmm0                      // a bit for each byte that is equal
    sub eax, 0xffff                         // minus the mask of the bytes that differ
    jnz .Lcompare_differ                    // at least one differs
    add edx, 16
    jz .Lcompare_done                       // nothing left, all equal: eax is 0
    cmp edx, -16                            // another 16 left?
    jle .Lcompare_sse
    mov edx, -16                            // the last 16, some of them for the second time
    jmp .Lcompare_sse
.Lcompare_differ:
    bsf eax, eax                            // negation keeps the lowest bit: the first byte that differs
    add edx, eax                            // its index
    movzx eax, byte ptr [edi + edx]         // compare as unsigned
    movzx ecx, byte ptr [esi + edx]
    sub eax, ecx                            // the sign is the order
.Lcompare_done:
    pop edi
    pop esi
    ret

    // 4..=15 bytes: the same in steps of 4.
.Lcompare_four:
    mov eax, [edi + edx]
    mov ecx, [esi + edx]
    sub eax, ecx                            // 0 if they are equal
    jne .Lcompare_order
    add edx, 4
    jz .Lcompare_done                       // nothing left, all equal
    cmp edx, -4                             // another 4 left?
    jle .Lcompare_four
    mov edx, -4                             // the last 4, some of them for the second time
    jmp .Lcompare_four
.Lcompare_order:
    add eax, ecx                            // the bytes of a again
    bswap eax                               // the first byte in memory becomes the most significant
    bswap ecx
    cmp eax, ecx                            // compare as unsigned
    sbb eax, eax                            // -1 if a < b, otherwise 0
    or eax, 1                               // -1 or 1
    jmp .Lcompare_done

    // 0..=3 bytes: byte by byte.
.Lcompare_bytes:
    sub edx, 1
    jb .Lcompare_done                       // none left
    movzx eax, byte ptr [edi]
    movzx ecx, byte ptr [esi]
    inc edi
    inc esi
    sub eax, ecx
    jz .Lcompare_bytes
    jmp .Lcompare_done
    .size ring3_memcmp, . - ring3_memcmp
    .size ring3_bcmp, . - ring3_bcmp
    .popsection
"#
);

// strlen reads whole aligned blocks of 16 bytes, so it also reads bytes before the string and after its NUL. These
// reads cannot fault, because such a block never crosses a page.
global_asm!(
    r#"
    .pushsection .text.ring3_strlen, "ax"
    .globl ring3_strlen
    .hidden ring3_strlen
    .type ring3_strlen, @function
    .p2align 4
ring3_strlen:
    mov ecx, [esp + 4]                      // the start of the string
    mov edx, ecx
    and edx, -16                            // the block that contains the start
    and ecx, 15                             // the number of its bytes before the string
    pxor xmm0, xmm0                         // zeros to compare with
    pcmpeqb xmm0, [edx]                     // all bits 1 in each byte that is NUL
    pmovmskb eax, xmm0                      // a bit for each byte
    shr eax, cl                             // without the bits of the bytes before the string
    bsf eax, eax                            // the first NUL: the result
    jz .Llength_further                     // no NUL: try the next blocks
    ret
.Llength_further:
    pxor xmm0, xmm0                         // a NUL before the string left other bits
.Llength_block:
    add edx, 16
    pcmpeqb xmm0, [edx]                     // as above; without a NUL, xmm0 stays 0
    pmovmskb eax, xmm0
    test eax, eax                           // is there any?
    jz .Llength_block
    bsf eax, eax                            // the first NUL
    add eax, edx                            // its address
    sub eax, [esp + 4]                      // minus the start of the string
    ret
    .size ring3_strlen, . - ring3_strlen
    .popsection
"#
);
