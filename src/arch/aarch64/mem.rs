//! The cores of memcpy and its kin.
core::arch::global_asm!(
    ".section .text.ring3_memcpy,\"ax\"",
    ".globl ring3_memcpy",
    "ring3_memcpy: mov x3,x0",
    "cbz x2,3f",
    "2: ldrb w4,[x1],#1",
    "strb w4,[x3],#1",
    "subs x2,x2,#1",
    "b.ne 2b",
    "3: ret",
    ".section .text.ring3_memset,\"ax\"",
    ".globl ring3_memset",
    "ring3_memset: mov x3,x0",
    "cbz x2,3f",
    "2: strb w1,[x3],#1",
    "subs x2,x2,#1",
    "b.ne 2b",
    "3: ret",
    ".section .text.ring3_strlen,\"ax\"",
    ".globl ring3_strlen",
    "ring3_strlen: mov x1,x0",
    "mov x0,#0",
    "2: ldrb w2,[x1],#1",
    "cbz w2,3f",
    "add x0,x0,#1",
    "b 2b",
    "3: ret",
    ".section .text.ring3_bcmp,\"ax\"",".globl ring3_bcmp","ring3_bcmp: mov x3,x0","mov x0,#0","cbz x2,3f","2: ldrb w4,[x3],#1","ldrb w5,[x1],#1","eor w0,w4,w5","cbnz w0,3f","subs x2,x2,#1","b.ne 2b","3: ret",".section .text.ring3_memmove,\"ax\"",".globl ring3_memmove",".globl ring3_memcmp","ring3_memmove: ","ring3_memcmp: brk 1",".text"
);
#[allow(missing_docs)] unsafe extern "C" {
    pub fn ring3_memcpy();
    pub fn ring3_memmove();
    pub fn ring3_memset();
    pub fn ring3_memcmp();
    pub fn ring3_bcmp();
    pub fn ring3_strlen();
}
