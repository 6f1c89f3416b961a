//! The memory functions for riscv64: see [`super::super::mem`].

use core::arch::global_asm;

global_asm!(
    r#"
    .pushsection .text.ring3_memmove, "ax"
    .globl ring3_memcpy, ring3_memmove
    .hidden ring3_memcpy, ring3_memmove
    .type ring3_memcpy, @function
    .type ring3_memmove, @function
ring3_memcpy:
ring3_memmove:
    mv t0, a0
    sub t1, a0, a1
    bltu t1, a2, 3f
1:  beqz a2, 2f
    lb t2, 0(a1)
    sb t2, 0(t0)
    addi a1, a1, 1
    addi t0, t0, 1
    addi a2, a2, -1
    j 1b
2:  ret
3:  beqz a2, 2b
    addi a2, a2, -1
    add t1, a1, a2
    add t0, a0, a2
    lb t2, 0(t1)
    sb t2, 0(t0)
    j 3b
    .popsection

    .pushsection .text.ring3_memset, "ax"
    .globl ring3_memset
    .hidden ring3_memset
    .type ring3_memset, @function
ring3_memset:
    mv t0, a0
1:  beqz a2, 2f
    sb a1, 0(t0)
    addi t0, t0, 1
    addi a2, a2, -1
    j 1b
2:  ret
    .popsection

    .pushsection .text.ring3_memcmp, "ax"
    .globl ring3_memcmp, ring3_bcmp
    .hidden ring3_memcmp, ring3_bcmp
    .type ring3_memcmp, @function
    .type ring3_bcmp, @function
ring3_memcmp:
ring3_bcmp:
    mv t0, a0
    mv a0, zero
1:  beqz a2, 2f
    lbu t1, 0(t0)
    lbu t2, 0(a1)
    sub a0, t1, t2
    bnez a0, 2f
    addi t0, t0, 1
    addi a1, a1, 1
    addi a2, a2, -1
    j 1b
2:  ret
    .popsection

    .pushsection .text.ring3_strlen, "ax"
    .globl ring3_strlen
    .hidden ring3_strlen
    .type ring3_strlen, @function
ring3_strlen:
    mv t0, a0
1:  lbu t1, 0(t0)
    beqz t1, 2f
    addi t0, t0, 1
    j 1b
2:  sub a0, t0, a0
    ret
    .popsection
    "#
);
