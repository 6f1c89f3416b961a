//! What the kernel has for x86-64 alone.

super::abi! {
    numbers ["asm/unistd.h"] {
        arch_prctl = 158,
    }

    consts ["asm/prctl.h" usize] {
        /// `arch_prctl`: sets the base of the segment `fs`, the thread pointer.
        ARCH_SET_FS = 0x1002,
    }
}
