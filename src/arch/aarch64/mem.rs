//! The memory functions for aarch64: see [`super::super::mem`].
//!
//! NEON is part of the architecture. One instruction moves a pair of q registers: 32 bytes.

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
ring3_memmove:                              // x0, the result, stays dst
    add x3, x0, x2                          // the end of dst
    add x4, x1, x2                          // the end of src
    cmp x2, #16
    b.lo .Lmove_small                       // too few for a pair of 16
    cmp x2, #64
    b.hi .Lmove_long                        // too many for two pairs

    // 16..=64 bytes: the first 16 and the last 16; from 33 bytes on also the next 16 inwards from each end. Up to 32
    // bytes the inner pair repeats the outer pair: that is cheaper than a branch.
    sub x5, x2, #1
    and x5, x5, #32
    lsr x5, x5, #1                          // how far inwards: 0 or 16
    ldr q0, [x1]                            // the first 16 bytes and the second
    ldr q1, [x1, x5]
    ldur q2, [x4, #-16]                     // the last
    sub x4, x4, x5                          // the last but one, or the last again
    ldur q3, [x4, #-16]
    str q0, [x0]                            // all four are loaded, so src may be overwritten
    str q1, [x0, x5]
    stur q2, [x3, #-16]
    sub x3, x3, x5
    stur q3, [x3, #-16]
    ret

    // More: 64 bytes at each end are kept in registers. The aligned blocks of dst between them are moved in the
    // direction in which each byte of src is read before dst overwrites it.
.Lmove_long:
    ldp q0, q1, [x1]                        // the first 64
    ldp q2, q3, [x1, #32]
    ldp q4, q5, [x4, #-64]                  // the last 64
    ldp q6, q7, [x4, #-32]
    add x5, x0, #64
    and x5, x5, #-64                        // the start of the first whole block of dst
    sub x6, x3, #1
    and x6, x6, #-64                        // the end of the last whole block
    mov x7, #64                             // upwards, one block for each step
    sub x8, x0, x1                          // dst - src
    cmp x8, x2
    b.hs .Lmove_blocks                      // dst does not begin inside src: upwards is right
    sub x9, x6, #64                         // downwards: from the last block to the first
    sub x6, x5, #64                         // the end, one block below the first
    mov x5, x9
    mov x7, #-64                            // one block for each step
.Lmove_blocks:
    sub x8, x5, x8                          // the same block in src
    b .Lmove_next                           // there may be no whole block between the ends
.Lmove_block:
    ldp q16, q17, [x8]                      // 64 bytes of src, which may be unaligned
    ldp q18, q19, [x8, #32]
    add x8, x8, x7
    stp q16, q17, [x5]                      // to an aligned block: no store crosses a cache line
    stp q18, q19, [x5, #32]
    add x5, x5, x7                          // the next block, up or down
.Lmove_next:
    cmp x5, x6
    b.ne .Lmove_block
    stp q0, q1, [x0]                        // the 64 bytes at each end
    stp q2, q3, [x0, #32]
    stp q4, q5, [x3, #-64]
    stp q6, q7, [x3, #-32]
    ret

    // 4..=15 bytes: as 16..=64, in units of 4.
.Lmove_small:
    cmp x2, #4
    b.lo .Lmove_bytes                       // too few for a pair of 4
    and x5, x2, #8
    lsr x5, x5, #1                          // how far inwards: 0, or 4 from 8 bytes on
    ldr w6, [x1]
    ldr w7, [x1, x5]
    ldur w8, [x4, #-4]
    sub x4, x4, x5                          // the last but one, or the last again
    ldur w9, [x4, #-4]
    str w6, [x0]                            // all four are loaded
    str w7, [x0, x5]
    stur w8, [x3, #-4]
    sub x3, x3, x5
    stur w9, [x3, #-4]
    ret

    // 1..=3 bytes: the first, the middle, the last.
.Lmove_bytes:
    cbz x2, .Lmove_none                     // nothing to move: no byte may be read
    lsr x5, x2, #1                          // the index of the middle byte
    ldrb w6, [x1]
    ldrb w7, [x1, x5]
    ldurb w8, [x4, #-1]
    strb w6, [x0]                           // all three are loaded
    strb w7, [x0, x5]
    sturb w8, [x3, #-1]
.Lmove_none:
    ret
    .size ring3_memcpy, . - ring3_memcpy
    .size ring3_memmove, . - ring3_memmove
    .popsection
"#,
);

// memset is as memmove, with nothing to load.
global_asm!(
    r#"
    .pushsection .text.ring3_memset, "ax"
    .globl ring3_memset
    .hidden ring3_memset
    .type ring3_memset, @function
    .p2align 4
ring3_memset:                               // x0, the result, stays dst
    dup v0.16b, w1                          // the byte, sixteen times
    add x3, x0, x2                          // the end
    cmp x2, #16
    b.lo .Lset_small                        // too few for a pair of 16
    cmp x2, #64
    b.hi .Lset_long                         // too many for two pairs

    // 16..=64 bytes: the first 16 and the last 16; from 33 bytes on also the next 16 inwards from each end.
    sub x5, x2, #1
    and x5, x5, #32
    lsr x5, x5, #1                          // how far inwards: 0 or 16
    str q0, [x0]                            // the first 16 bytes
    str q0, [x0, x5]                        // the second, or the first again
    stur q0, [x3, #-16]                     // the last
    sub x3, x3, x5                          // the last but one, or the last again
    stur q0, [x3, #-16]
    ret

    // More: 64 bytes at each end, then the aligned blocks between them.
.Lset_long:
    stp q0, q0, [x0]                        // the first 64
    stp q0, q0, [x0, #32]
    stp q0, q0, [x3, #-64]                  // the last 64
    stp q0, q0, [x3, #-32]
    add x5, x0, #64
    and x5, x5, #-64                        // the start of the first whole block
    sub x6, x3, #1
    and x6, x6, #-64                        // the end of the last whole block
    tst w1, #0xff                           // is the byte 0?
    b.ne .Lset_next
    mrs x4, dczid_el0                       // zeros: does dc zva exist (bit 4 is 0),
    cmp x4, #4                              // and does it clear 2^4 words, 64 bytes?
    b.ne .Lset_next
    b .Lset_next_zero                       // there may be no whole block between the ends
.Lset_zero:
    dc zva, x5                              // 64 bytes of zeros
    add x5, x5, #64
.Lset_next_zero:
    cmp x5, x6
    b.ne .Lset_zero
    ret
.Lset_block:
    stp q0, q0, [x5]                        // 64 bytes, aligned: no store crosses a cache line
    stp q0, q0, [x5, #32]
    add x5, x5, #64
.Lset_next:
    cmp x5, x6
    b.ne .Lset_block
    ret

    // 4..=15 bytes: as 16..=64, in units of 4.
.Lset_small:
    cmp x2, #4
    b.lo .Lset_bytes                        // too few for a pair of 4
    and x5, x2, #8
    lsr x5, x5, #1                          // how far inwards: 0, or 4 from 8 bytes on
    str s0, [x0]
    str s0, [x0, x5]
    stur s0, [x3, #-4]
    sub x3, x3, x5                          // the last but one, or the last again
    stur s0, [x3, #-4]
    ret

    // 1..=3 bytes: the first, the middle, the last.
.Lset_bytes:
    cbz x2, .Lset_none                      // nothing to fill
    lsr x5, x2, #1                          // the index of the middle byte
    strb w1, [x0]
    strb w1, [x0, x5]
    sturb w1, [x3, #-1]
.Lset_none:
    ret
    .size ring3_memset, . - ring3_memset
    .popsection
"#,
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
    cmp x2, #16
    b.lo .Lcompare_small                    // too few for a step of 16
    subs x2, x2, #64                        // the bytes after this block
    b.lo .Lcompare_64_end                   // too few for a step of 64

    // Steps of 64 bytes, while they are equal and at least 64 are left.
.Lcompare_64:
    ldp q0, q1, [x0]                        // 64 bytes of a
    ldp q2, q3, [x0, #32]
    ldp q4, q5, [x1]                        // 64 bytes of b
    ldp q6, q7, [x1, #32]
    eor v0.16b, v0.16b, v4.16b              // bits are 1 where a and b differ
    eor v1.16b, v1.16b, v5.16b
    eor v2.16b, v2.16b, v6.16b
    eor v3.16b, v3.16b, v7.16b
    orr v0.16b, v0.16b, v1.16b              // all differences of the 64 bytes
    orr v2.16b, v2.16b, v3.16b
    orr v0.16b, v0.16b, v2.16b
    umaxp v0.4s, v0.4s, v0.4s               // 128 bits to 64: a nonzero bit remains
    fmov x3, d0
    cbnz x3, .Lcompare_64_end               // a difference: the steps of 16 find its place
    add x0, x0, #64
    add x1, x1, #64
    subs x2, x2, #64
    b.hs .Lcompare_64
.Lcompare_64_end:
    adds x2, x2, #64                        // the bytes from this block on
    b.eq .Lcompare_equal                    // none left, all equal

    // Steps of 16 bytes. The last step moves back, so that it ends with the last byte.
.Lcompare_16:
    subs x2, x2, #16                        // the bytes after this step
    b.hs .Lcompare_pair
    add x0, x0, x2                          // x2 < 0: move back by the excess of a whole step
    add x1, x1, x2
    mov x2, #0
.Lcompare_pair:
    ldp x3, x5, [x0], #16                   // 16 bytes of each
    ldp x4, x6, [x1], #16
    cmp x3, x4                              // the first 8
    b.ne .Lcompare_order
    mov x3, x5
    mov x4, x6
    cmp x3, x4                              // the last 8
    b.ne .Lcompare_order
    cbnz x2, .Lcompare_16
.Lcompare_equal:
    mov w0, #0
    ret

    // 8..=15 bytes: the first 8, then the last 8; 4..=7: the same by 4.
.Lcompare_small:
    cmp x2, #4
    b.lo .Lcompare_bytes                    // too few for a pair of 4
    tbz x2, #3, .Lcompare_four              // too few for a pair of 8
    ldr x3, [x0]
    ldr x4, [x1]
    cmp x3, x4
    b.ne .Lcompare_order
    sub x2, x2, #8
    ldr x3, [x0, x2]                        // the last 8; some are compared twice
    ldr x4, [x1, x2]
    b .Lcompare_order                       // the result is 0 there if they are equal
.Lcompare_four:
    ldr w3, [x0]
    ldr w4, [x1]
    cmp w3, w4
    b.ne .Lcompare_order
    sub x2, x2, #4
    ldr w3, [x0, x2]                        // the last 4, likewise
    ldr w4, [x1, x2]
.Lcompare_order:
    rev x3, x3                              // the first byte in memory becomes the most significant
    rev x4, x4
    cmp x3, x4                              // compare as unsigned
    cset w0, hi                             // 1 if a > b, 0 if equal
    csinv w0, w0, wzr, hs                   // -1 if a < b
    ret

    // 0..=3 bytes: byte by byte.
.Lcompare_bytes:
    mov w5, #0
.Lcompare_next:
    subs x2, x2, #1
    b.lo .Lcompare_done                     // none left
    ldrb w3, [x0], #1
    ldrb w4, [x1], #1
    subs w5, w3, w4                         // the sign is the order
    b.eq .Lcompare_next
.Lcompare_done:
    mov w0, w5
    ret
    .size ring3_memcmp, . - ring3_memcmp
    .size ring3_bcmp, . - ring3_bcmp
    .popsection
"#,
);

// strlen reads whole aligned blocks of 16 and 64 bytes, so it also reads bytes before the string and after its NUL.
// These reads cannot fault, because such a block never crosses a page.
global_asm!(
    r#"
    .pushsection .text.ring3_strlen, "ax"
    .globl ring3_strlen
    .hidden ring3_strlen
    .type ring3_strlen, @function
    .p2align 4
ring3_strlen:
    and x1, x0, #-16                        // the block that contains the start of the string
    ldr q0, [x1]
    cmeq v0.16b, v0.16b, #0                 // all bits 1 in each byte that is NUL
    shrn v0.8b, v0.8h, #4                   // four bits for each byte, so that a block's fit in x2
    fmov x2, d0
    lsl x3, x0, #2                          // four bits for each byte before the string (modulo 64)
    lsr x2, x2, x3                          // without these bits
    cbz x2, .Llength_next
    rbit x2, x2
    clz x2, x2                              // the number of bits before the first NUL's
    lsr x0, x2, #2                          // the number of bytes before the first NUL
    ret

    // Steps of 16 bytes up to the next block of 64.
.Llength_16:
    ldr q0, [x1]
    cmeq v0.16b, v0.16b, #0                 // as above
    shrn v0.8b, v0.8h, #4
    fmov x2, d0
    cbnz x2, .Llength_found
.Llength_next:
    add x1, x1, #16
    tst x1, #63
    b.ne .Llength_16

    // Steps of 64 bytes while there is no NUL among them. Then .Llength_16 finds the NUL.
.Llength_64:
    ldp q0, q1, [x1]                        // 64 bytes
    ldp q2, q3, [x1, #32]
    umin v0.16b, v0.16b, v1.16b             // the smallest of four bytes is 0 if one of them is
    umin v2.16b, v2.16b, v3.16b
    umin v0.16b, v0.16b, v2.16b
    cmeq v0.16b, v0.16b, #0
    umaxp v0.4s, v0.4s, v0.4s               // 128 bits to 64: a nonzero bit remains
    fmov x2, d0
    cbnz x2, .Llength_16                    // find it in the block
    add x1, x1, #64
    b .Llength_64

.Llength_found:
    rbit x2, x2
    clz x2, x2                              // as above
    sub x0, x1, x0
    add x0, x0, x2, lsr #2                  // the bytes of the blocks before, and of this one
    ret
    .size ring3_strlen, . - ring3_strlen
    .popsection
"#,
);
