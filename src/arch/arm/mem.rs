//! The memory functions for arm: see [`super::super::mem`].
//!
//! ARMv7 allows unaligned addresses in `ldr` and `str`, and requires multiples of 4 in `ldm` and `stm`. Some ARMv7
//! processors have no NEON.

use core::arch::global_asm;

// memcpy is memmove: a memcpy that relies on the absence of overlap would save only one comparison.
//
// Every path loads all bytes that its stores could overwrite before it stores.
global_asm!(
    r#"
    .pushsection .text.ring3_memmove, "ax"
    .arm
    .globl ring3_memcpy, ring3_memmove
    .hidden ring3_memcpy, ring3_memmove
    .type ring3_memcpy, %function
    .type ring3_memmove, %function
    .p2align 2
ring3_memcpy:
ring3_memmove:                              @ r0, the result, stays dst
    subs r3, r2, #4
    blo .Lmove_bytes
    cmp r2, #8
    bhi .Lmove_more

    @ 4..=8 bytes: the first 4 and the last 4.
    ldr r2, [r1]
    ldr r1, [r1, r3]
    str r2, [r0]                            @ both are loaded, so src may be overwritten
    str r1, [r0, r3]
    bx lr

    @ 0..=3 bytes: 2 if bit 1 of the length is set, then 1 if bit 0 is set.
.Lmove_bytes:
    cmp r2, #0
    bxeq lr                                 @ nothing to move
    lsls r3, r2, #31                        @ bit 1 to the carry flag, bit 0 to N
    ldrhcs r3, [r1]                         @ the first 2
    submi r2, r2, #1
    ldrbmi r1, [r1, r2]                     @ the last
    strhcs r3, [r0]
    strbmi r1, [r0, r2]
    bx lr

    @ 9..=16 bytes: the first 8 and the last 8.
.Lmove_more:
    cmp r2, #16
    bhi .Lmove_long
    push {{r4, lr}}
    sub r2, r2, #8                          @ the place of the last 8
    ldr r3, [r1]                            @ the first 8
    ldr r12, [r1, #4]
    ldr r4, [r1, r2]!                       @ the last 8
    ldr lr, [r1, #4]
    str r3, [r0]                            @ all four are loaded
    str r12, [r0, #4]
    str r4, [r2, r0]!
    str lr, [r2, #4]
    pop {{r4, pc}}

.Lmove_long:
    push {{r4-r11, lr}}
    sub r3, r0, r1                          @ dst - src
    cmp r3, r2
    blo .Lmove_down                         @ dst begins inside src

    @ Upwards: the first 4 bytes and the last 16 are kept on the stack. The words of dst between them are stored in
    @ blocks of 32 bytes, aligned to 4.
    add r12, r1, r2                         @ the end of src
    ldr r4, [r12, #-16]                     @ the last 16
    ldr r5, [r12, #-12]
    ldr r6, [r12, #-8]
    ldr r7, [r12, #-4]
    ldr r8, [r1]                            @ the first 4
    push {{r0, r4-r8}}
    add lr, r0, r2                          @ the end of dst
    and r12, r0, #3
    rsb r12, r12, #4                        @ from dst to its next word: 1 to 4
    add r0, r0, r12
    add r1, r1, r12
    sub r2, lr, r0
    subs r2, r2, #32                        @ the bytes after the next block
    blo .Lmove_up_end
    tst r1, #3
    bne .Lmove_up_unaligned
.Lmove_up:
    ldm r1!, {{r4-r11}}
    subs r2, r2, #32
    stm r0!, {{r4-r11}}
    bhs .Lmove_up
    b .Lmove_up_end
.Lmove_up_unaligned:
    ldr r4, [r1], #4
    ldr r5, [r1], #4
    ldr r6, [r1], #4
    ldr r7, [r1], #4
    ldr r8, [r1], #4
    ldr r9, [r1], #4
    ldr r10, [r1], #4
    ldr r11, [r1], #4
    subs r2, r2, #32
    stm r0!, {{r4-r11}}
    bhs .Lmove_up_unaligned
.Lmove_up_end:
    cmn r2, #16                             @ more than 16 bytes left?
    ble .Lmove_up_last
    ldr r4, [r1]
    ldr r5, [r1, #4]
    ldr r6, [r1, #8]
    ldr r7, [r1, #12]
    stm r0, {{r4-r7}}
.Lmove_up_last:
    pop {{r0, r4-r8}}
    str r8, [r0]                            @ the first 4
    str r4, [lr, #-16]                      @ the last 16
    str r5, [lr, #-12]
    str r6, [lr, #-8]
    str r7, [lr, #-4]
    pop {{r4-r11, pc}}

    @ Downwards, in blocks of 16 bytes: the first 16 are kept in registers.
.Lmove_down:
    ldr r8, [r1]                            @ the first 16
    ldr r9, [r1, #4]
    ldr r10, [r1, #8]
    ldr r11, [r1, #12]
.Lmove_down_block:
    sub r2, r2, #16                         @ the place of the block
    add r12, r1, r2
    ldr r4, [r12]
    ldr r5, [r12, #4]
    ldr r6, [r12, #8]
    ldr r7, [r12, #12]
    add r12, r0, r2
    str r4, [r12]                           @ all 16 are loaded
    str r5, [r12, #4]
    str r6, [r12, #8]
    str r7, [r12, #12]
    cmp r2, #16
    bhi .Lmove_down_block
    str r8, [r0]                            @ the first 16
    str r9, [r0, #4]
    str r10, [r0, #8]
    str r11, [r0, #12]
    pop {{r4-r11, pc}}
    .size ring3_memcpy, . - ring3_memcpy
    .size ring3_memmove, . - ring3_memmove
    .popsection
"#,
);

global_asm!(
    r#"
    .pushsection .text.ring3_memset, "ax"
    .arm
    .globl ring3_memset
    .hidden ring3_memset
    .type ring3_memset, %function
    .p2align 2
ring3_memset:                               @ r0, the result, stays dst
    cmp r2, #0
    bxeq lr                                 @ nothing to fill
    add r3, r0, r2                          @ the end
    cmp r2, #4
    blo .Lset_bytes
    and r1, r1, #0xff                       @ only the low byte counts
    orr r1, r1, r1, lsl #8
    orr r1, r1, r1, lsl #16                 @ the byte, four times

    @ 4..=16 bytes: the first 4 and the last 4; from 9 bytes on also the next 4 inwards from each end.
    str r1, [r0]
    str r1, [r3, #-4]
    cmp r2, #8
    bxls lr
    str r1, [r0, #4]
    str r1, [r3, #-8]
    cmp r2, #16
    bxls lr

    @ More: the words between these bytes, in blocks of 32 bytes, aligned to 4.
    push {{r0, lr}}
    add r0, r0, #8
    bic r0, r0, #3                          @ 5 to 8 bytes from dst on
    sub r2, r3, r0
    mov r3, r1                              @ the byte, sixteen times
    mov r12, r1
    mov lr, r1
    subs r2, r2, #32                        @ the bytes after the next block
    blo .Lset_end
.Lset_block:
    stm r0!, {{r1, r3, r12, lr}}
    subs r2, r2, #32
    stm r0!, {{r1, r3, r12, lr}}
    bhs .Lset_block
.Lset_end:                                  @ r2 is the number of bytes left, minus 32
    lsls r2, r2, #28                        @ 16 left? bit 4 to the carry flag; and 8? bit 3 to N
    stmcs r0!, {{r1, r3, r12, lr}}
    stmmi r0!, {{r1, r3}}                   @ the last 7 or fewer have been stored above
    pop {{r0, pc}}

    @ 1..=3 bytes: the first, the middle, the last.
.Lset_bytes:
    strb r1, [r0]
    strb r1, [r3, #-1]
    strb r1, [r0, r2, lsr #1]
    bx lr
    .size ring3_memset, . - ring3_memset
    .popsection
"#,
);

// bcmp is memcmp: a separate bcmp would save only the ordering of the bytes that differ.
global_asm!(
    r#"
    .pushsection .text.ring3_memcmp, "ax"
    .arm
    .globl ring3_memcmp, ring3_bcmp
    .hidden ring3_memcmp, ring3_bcmp
    .type ring3_memcmp, %function
    .type ring3_bcmp, %function
    .p2align 2
ring3_memcmp:
ring3_bcmp:
    subs r2, r2, #4                         @ the bytes after the next word
    blo .Lcompare_bytes
.Lcompare_word:
    ldr r3, [r0], #4
    ldr r12, [r1], #4
    cmp r3, r12
    bne .Lcompare_order
    subs r2, r2, #4
    bhs .Lcompare_word

    @ The last word moves back, so that it ends with the last byte.
    cmn r2, #4                              @ no byte left?
    beq .Lcompare_equal
    add r0, r0, r2                          @ r2 < 0: move back by the excess of a whole word
    add r1, r1, r2
    mov r2, #0
    b .Lcompare_word

.Lcompare_order:
    rev r3, r3                              @ the first byte in memory becomes the most significant
    rev r12, r12
    cmp r3, r12                             @ compare as unsigned
    mov r0, #1
    mvnlo r0, #0
    bx lr
.Lcompare_equal:
    mov r0, #0
    bx lr

    @ 0..=3 bytes: byte by byte.
.Lcompare_bytes:
    adds r2, r2, #4
    beq .Lcompare_equal                     @ nothing to compare
.Lcompare_byte:
    ldrb r3, [r0], #1
    ldrb r12, [r1], #1
    subs r3, r3, r12                        @ the sign is the order
    bne .Lcompare_done
    subs r2, r2, #1
    bne .Lcompare_byte
.Lcompare_done:
    mov r0, r3
    bx lr
    .size ring3_memcmp, . - ring3_memcmp
    .size ring3_bcmp, . - ring3_bcmp
    .popsection
"#,
);

// strlen reads whole aligned words, so it also reads bytes before the string and after its NUL. These reads cannot
// fault, because an aligned word never crosses a page.
global_asm!(
    r#"
    .pushsection .text.ring3_strlen, "ax"
    .arm
    .globl ring3_strlen
    .hidden ring3_strlen
    .type ring3_strlen, %function
    .p2align 2
ring3_strlen:
    ldrb r2, [r0]
    cmp r2, #0
    beq .Llength_none
    bic r1, r0, #3                          @ the word that contains the start of the string
    ldr r3, [r1], #4
    and r2, r0, #3
    lsl r2, r2, #3                          @ the number of bits before the string
    mvn r12, #0
    mvn r2, r12, lsl r2                     @ 1 in each of them
    orr r3, r3, r2                          @ no byte before the string is NUL
    movw r12, #0x0101                       @ 1 in each byte
    movt r12, #0x0101
.Llength_word:                              @ r1 is the end of the word in r3
    uqsub8 r2, r12, r3                      @ each byte: 1 if it is NUL, otherwise 0
    cmp r2, #0
    ldreq r3, [r1], #4                      @ no NUL: the next word
    beq .Llength_word
    rbit r2, r2
    clz r2, r2                              @ the number of bits before the first NUL's
    sub r0, r1, r0
    sub r0, r0, #4                          @ the bytes of the words before
    add r0, r0, r2, lsr #3                  @ and of this word
    bx lr
.Llength_none:                              @ the empty string
    mov r0, #0
    bx lr
    .size ring3_strlen, . - ring3_strlen
    .popsection
"#,
);
