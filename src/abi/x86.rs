//! Structures that the kernel has only on 32-bit x86.

super::abi! {
    /// A segment descriptor (set_thread_area(2)). The rest has the flags, as bits: `seg_32bit` (bit 0), `contents` (1
    /// and 2), `read_exec_only` (3), `limit_in_pages` (4), `seg_not_present` (5) and `useable` (6).
    record ["asm/ldt.h" "struct user_desc" UserDesc + 4] {
        /// The number of the descriptor in its table; -1: the kernel chooses one.
        entry_number: u32,
        /// The address of the segment.
        base_addr: u32,
        /// The segment's last offset, in bytes or pages.
        limit: u32,
    }
}
