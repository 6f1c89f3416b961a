//! Processes and threads.

super::abi! {
    consts ["linux/prctl.h" i32] {
        /// The calling thread's name, 16 bytes with the zero at its end.
        PR_GET_NAME = 16,
    }

    consts ["asm/resource.h" u32] {
        /// One more than the largest descriptor.
        RLIMIT_NOFILE = 7,
    }

    /// A limit of a resource; all bits set is none.
    record ["linux/resource.h" "struct rlimit64" Rlimit] {
        /// What holds.
        rlim_cur: u64,
        /// What `rlim_cur` may be raised to.
        rlim_max: u64,
    }
}
