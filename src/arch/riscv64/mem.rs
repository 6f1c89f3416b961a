//! The memory functions for riscv64: see [`super::super::mem`].
//!
//! A load or store of 8 bytes is at a multiple of 8: at other addresses it may trap to the kernel, which is slow. If
//! two buffers differ in alignment, the bytes of two aligned words of one buffer are merged into an aligned word of the
//! other. The vector extension is not part of the baseline.

use core::arch::global_asm;

// memcpy is memmove: a memcpy that relies on the absence of overlap would save only one comparison.
//
// An aligned word that contains a byte of src is read as a whole. Such a read cannot fault, because an aligned word
// never crosses a page. Each path reads a byte of src before it overwrites the byte: upwards if dst does not begin
// inside src, downwards otherwise.
global_asm!(
    r#"
    .pushsection .text.ring3_memmove, "ax"
    .globl ring3_memcpy, ring3_memmove
    .hidden ring3_memcpy, ring3_memmove
    .type ring3_memcpy, @function
    .type ring3_memmove, @function
ring3_memcpy:
ring3_memmove:                              // a0, the result, stays dst
    sub t0, a0, a1                          // dst - src
    add a4, a0, a2                          // the end of dst
    bltu t0, a2, .Lmove_down                // dst begins inside src
    beqz a2, .Lup_done                      // nothing to move: dst may be any number, and dst - 8 may wrap

    // Upwards: a3 steps through dst, a1 through src. Bytes, until a3 is a multiple of 8.
    mv a3, a0
    addi t1, a0, 7
    andi t1, t1, -8                         // the first word of dst
    addi t0, a4, -8                         // the last place where a word of dst may begin
    bltu t0, t1, .Lup_bytes                 // dst has no whole word
    beq a3, t1, .Lup_aligned
.Lup_head:
    lbu t2, 0(a1)
    addi a1, a1, 1
    sb t2, 0(a3)
    addi a3, a3, 1
    bne a3, t1, .Lup_head
.Lup_aligned:
    andi t3, a1, 7                          // by how much src is not aligned
    bnez t3, .Lup_merge

    // Both are aligned: steps of 32 bytes, then of 8.
    addi t1, a4, -32                        // the last place where such a step may begin
    bltu t1, a3, .Lup_next
.Lup_words:
    ld t2, 0(a1)
    ld t3, 8(a1)
    ld t4, 16(a1)
    ld t5, 24(a1)
    addi a1, a1, 32
    sd t2, 0(a3)                            // all four are loaded, so src may be overwritten
    sd t3, 8(a3)
    sd t4, 16(a3)
    sd t5, 24(a3)
    addi a3, a3, 32
    bgeu t1, a3, .Lup_words
    j .Lup_next
.Lup_word:
    ld t2, 0(a1)
    addi a1, a1, 8
    sd t2, 0(a3)
    addi a3, a3, 8
.Lup_next:
    bgeu t0, a3, .Lup_word

    // The bytes that are left, upwards.
.Lup_bytes:
    beq a3, a4, .Lup_done
.Lup_byte:
    lbu t2, 0(a1)
    addi a1, a1, 1
    sb t2, 0(a3)
    addi a3, a3, 1
    bne a3, a4, .Lup_byte
.Lup_done:
    ret

    // A word of dst has bytes of two words of src: the high bytes of the lower word, then the low bytes of the upper
    // word. The upper word is the lower one of the next step.
.Lup_merge:
    andi a1, a1, -8                         // the word that contains the next byte of src
    slli t4, t3, 3                          // the bits of this word that are before src
    neg t5, t4                              // shifts count modulo 64: the other bits
    ld t2, 0(a1)                            // the lower word
    addi t1, a4, -16                        // the last place where a step of two words may begin
    bltu t1, a3, .Lup_merge_next
.Lup_merge_words:
    ld a5, 8(a1)                            // the upper word
    srl t2, t2, t4
    sll t6, a5, t5
    or t6, t6, t2
    sd t6, 0(a3)
    ld t2, 16(a1)                           // the same with the next upper word
    srl a5, a5, t4
    sll t6, t2, t5
    or t6, t6, a5
    sd t6, 8(a3)
    addi a1, a1, 16
    addi a3, a3, 16
    bgeu t1, a3, .Lup_merge_words
.Lup_merge_next:
    bltu t0, a3, .Lup_merge_end             // too few bytes for one more word
    ld a5, 8(a1)
    srl t2, t2, t4
    sll t6, a5, t5
    or t6, t6, t2
    sd t6, 0(a3)
    addi a1, a1, 8
    addi a3, a3, 8
.Lup_merge_end:
    add a1, a1, t3                          // the next byte of src
    j .Lup_bytes

    // Downwards, likewise: a4 steps through dst, a1 through src, both from the end.
.Lmove_down:
    add a1, a1, a2                          // the end of src
    andi t1, a4, -8                         // the end of the last word of dst
    addi t0, a0, 8                          // the first place where a word of dst may end
    bltu t1, t0, .Ldown_byte                // dst has no whole word; it begins inside src, so it has a byte
    beq a4, t1, .Ldown_aligned
.Ldown_head:
    lbu t2, -1(a1)
    addi a1, a1, -1
    sb t2, -1(a4)
    addi a4, a4, -1
    bne a4, t1, .Ldown_head
.Ldown_aligned:
    andi t3, a1, 7                          // by how much src is not aligned
    bnez t3, .Ldown_merge

    // Both are aligned: steps of 32 bytes, then of 8.
    addi t1, a0, 32                         // the first place where such a step may end
    bltu a4, t1, .Ldown_next
.Ldown_words:
    ld t2, -8(a1)
    ld t3, -16(a1)
    ld t4, -24(a1)
    ld t5, -32(a1)
    addi a1, a1, -32
    sd t2, -8(a4)                           // all four are loaded
    sd t3, -16(a4)
    sd t4, -24(a4)
    sd t5, -32(a4)
    addi a4, a4, -32
    bgeu a4, t1, .Ldown_words
    j .Ldown_next
.Ldown_word:
    ld t2, -8(a1)
    addi a1, a1, -8
    sd t2, -8(a4)
    addi a4, a4, -8
.Ldown_next:
    bgeu a4, t0, .Ldown_word

    // The bytes that are left, downwards.
.Ldown_bytes:
    beq a4, a0, .Ldown_done
.Ldown_byte:
    lbu t2, -1(a1)
    addi a1, a1, -1
    sb t2, -1(a4)
    addi a4, a4, -1
    bne a4, a0, .Ldown_byte
.Ldown_done:
    ret

    // As .Lup_merge, but the lower word is the upper one of the next step.
.Ldown_merge:
    andi a1, a1, -8                         // the word that contains the last byte of src
    slli t4, t3, 3                          // the bits of this word that belong to src
    neg t5, t4                              // shifts count modulo 64: the other bits
    ld t2, 0(a1)                            // the upper word
    addi t1, a0, 16                         // the first place where a step of two words may end
    bltu a4, t1, .Ldown_merge_next
.Ldown_merge_words:
    ld a5, -8(a1)                           // the lower word
    sll t2, t2, t5
    srl t6, a5, t4
    or t6, t6, t2
    sd t6, -8(a4)
    ld t2, -16(a1)                          // the same with the next lower word
    sll a5, a5, t5
    srl t6, t2, t4
    or t6, t6, a5
    sd t6, -16(a4)
    addi a1, a1, -16
    addi a4, a4, -16
    bgeu a4, t1, .Ldown_merge_words
.Ldown_merge_next:
    bltu a4, t0, .Ldown_merge_end           // too few bytes for one more word
    ld a5, -8(a1)
    sll t2, t2, t5
    srl t6, a5, t4
    or t6, t6, t2
    sd t6, -8(a4)
    addi a1, a1, -8
    addi a4, a4, -8
.Ldown_merge_end:
    add a1, a1, t3                          // the end of the bytes of src that are left
    j .Ldown_bytes
    .size ring3_memcpy, . - ring3_memcpy
    .size ring3_memmove, . - ring3_memmove
    .popsection
"#,
);

// memset stores from both ends inwards, in units that grow. The stores of the two ends meet or overlap in the middle:
// that is cheaper than a branch for each length.
global_asm!(
    r#"
    .pushsection .text.ring3_memset, "ax"
    .globl ring3_memset
    .hidden ring3_memset
    .type ring3_memset, @function
ring3_memset:                               // a0, the result, stays dst
    beqz a2, .Lset_done                     // nothing to fill
    add a3, a0, a2                          // the end
    sb a1, 0(a0)                            // up to 2 bytes: the first and the last
    sb a1, -1(a3)
    li t0, 2
    bgeu t0, a2, .Lset_done
    sb a1, 1(a0)                            // up to 6 bytes: two more at each end
    sb a1, 2(a0)
    sb a1, -2(a3)
    sb a1, -3(a3)
    li t0, 6
    bgeu t0, a2, .Lset_done
    sb a1, 3(a0)                            // up to 8 bytes: one more at each end
    sb a1, -4(a3)
    li t0, 8
    bgeu t0, a2, .Lset_done

    // 4 bytes at each end are set. Now the first 4 and the last 4 at a multiple of 4.
    andi a1, a1, 0xff
    slli t0, a1, 8
    or a1, a1, t0                           // the byte, twice
    slli t0, a1, 16
    or a1, a1, t0                           // four times
    addi t1, a0, 3
    andi t1, t1, -4
    andi t2, a3, -4
    sw a1, 0(t1)
    sw a1, -4(t2)

    // 7 bytes at each end are set. Now the words of 8 bytes between: steps of 64 bytes, then of 8.
    slli t0, a1, 32
    or a1, a1, t0                           // eight times
    addi t1, t1, 4
    andi t1, t1, -8                         // the first word that may not be set
    andi t2, a3, -8                         // the end of the last
    addi t3, t2, -64                        // the last place where a step of 64 may begin
    bltu t3, t1, .Lset_next
.Lset_words:
    sd a1, 0(t1)
    sd a1, 8(t1)
    sd a1, 16(t1)
    sd a1, 24(t1)
    sd a1, 32(t1)
    sd a1, 40(t1)
    sd a1, 48(t1)
    sd a1, 56(t1)
    addi t1, t1, 64
    bgeu t3, t1, .Lset_words
    j .Lset_next
.Lset_word:
    sd a1, 0(t1)
    addi t1, t1, 8
.Lset_next:
    bltu t1, t2, .Lset_word
.Lset_done:
    ret
    .size ring3_memset, . - ring3_memset
    .popsection
"#,
);

// bcmp is memcmp: a separate bcmp would save only the ordering of the bytes that differ.
//
// Words are only compared for equality. If two differ, the steps of a byte find the place.
global_asm!(
    r#"
    .pushsection .text.ring3_memcmp, "ax"
    .globl ring3_memcmp, ring3_bcmp
    .hidden ring3_memcmp, ring3_bcmp
    .type ring3_memcmp, @function
    .type ring3_bcmp, @function
ring3_memcmp:
ring3_bcmp:
    beqz a2, .Lcompare_equal                // nothing to compare: no byte may be read
    add a4, a0, a2                          // the end of a; a0 steps through a, a1 through b
    li t0, 16
    bltu a2, t0, .Lcompare_byte             // too few for steps of a word

    // Bytes, until a0 is a multiple of 8.
    addi t1, a0, 7
    andi t1, t1, -8                         // the first word of a
    beq a0, t1, .Lcompare_aligned
.Lcompare_head:
    lbu t2, 0(a0)
    lbu t3, 0(a1)
    bne t2, t3, .Lcompare_order
    addi a0, a0, 1
    addi a1, a1, 1
    bne a0, t1, .Lcompare_head
.Lcompare_aligned:
    addi t0, a4, -8                         // the last place where a word of a may begin
    andi t3, a1, 7                          // by how much b is not aligned
    bnez t3, .Lcompare_merge

    // Both are aligned: 8 bytes at each step.
.Lcompare_word:
    ld t2, 0(a0)
    ld t3, 0(a1)
    bne t2, t3, .Lcompare_byte
    addi a0, a0, 8
    addi a1, a1, 8
    bgeu t0, a0, .Lcompare_word
.Lcompare_bytes:
    beq a0, a4, .Lcompare_equal             // none left

    // Byte by byte.
.Lcompare_byte:
    lbu t2, 0(a0)
    lbu t3, 0(a1)
    bne t2, t3, .Lcompare_order
    addi a0, a0, 1
    addi a1, a1, 1
    bne a0, a4, .Lcompare_byte
.Lcompare_equal:
    li a0, 0
    ret
.Lcompare_order:
    sub a0, t2, t3                          // the sign is the order
    ret

    // A word of a is compared with the bytes of two words of b: see .Lup_merge.
.Lcompare_merge:
    andi a5, a1, -8                         // the word that contains the next byte of b
    slli t4, t3, 3                          // the bits of this word that are before b
    neg t5, t4                              // shifts count modulo 64: the other bits
    ld t2, 0(a5)                            // the lower word
.Lcompare_merge_word:
    ld t6, 8(a5)                            // the upper word
    ld t1, 0(a0)
    srl t2, t2, t4
    sll t3, t6, t5
    or t3, t3, t2
    bne t1, t3, .Lcompare_byte
    mv t2, t6                               // the lower word of the next step
    addi a5, a5, 8
    addi a0, a0, 8
    addi a1, a1, 8
    bgeu t0, a0, .Lcompare_merge_word
    j .Lcompare_bytes
    .size ring3_memcmp, . - ring3_memcmp
    .size ring3_bcmp, . - ring3_bcmp
    .popsection
"#,
);

// strlen reads whole words of 8 bytes, so it also reads bytes after the NUL. These reads cannot fault, because an
// aligned word never crosses a page.
global_asm!(
    r#"
    .pushsection .text.ring3_strlen, "ax"
    .globl ring3_strlen
    .hidden ring3_strlen
    .type ring3_strlen, @function
ring3_strlen:
    mv a1, a0                               // a1 steps through the string

    // Bytes, until a1 is a multiple of 8.
    addi t0, a0, 7
    andi t0, t0, -8
    beq a1, t0, .Llength_aligned
.Llength_head:
    lbu t1, 0(a1)
    beqz t1, .Llength_found
    addi a1, a1, 1
    bne a1, t0, .Llength_head

    // Words: one of 8 bytes is NUL if (word - 0x0101...) & !word & 0x8080... is not 0.
.Llength_aligned:
    lui t2, 0x1010
    addi t2, t2, 0x101
    slli t3, t2, 32
    or t2, t2, t3                           // 1 in each byte
    slli t3, t2, 7                          // bit 7 of each byte
    addi a1, a1, -8
.Llength_word:
    addi a1, a1, 8
    ld t0, 0(a1)
    sub t1, t0, t2                          // bit 7 becomes 1 in a byte that is 0 (or above 0x80)
    not t0, t0                              // bit 7 is 1 in a byte that is below 0x80
    and t1, t1, t3
    and t1, t1, t0
    beqz t1, .Llength_word                  // none of the eight is NUL
.Llength_byte:                              // one is
    lbu t1, 0(a1)
    beqz t1, .Llength_found
    addi a1, a1, 1
    j .Llength_byte
.Llength_found:
    sub a0, a1, a0
    ret
    .size ring3_strlen, . - ring3_strlen
    .popsection
"#,
);
