//! Futex operations: waiting for another thread (futex(2)).

super::abi! {
    consts ["linux/futex.h" i32] {
        /// Wait if the futex word still has the given value.
        FUTEX_WAIT = 0,
        /// Wake at most the given number of waiting threads.
        FUTEX_WAKE = 1,
        /// Only threads of this process use the futex. So the kernel identifies the futex by its address,
        /// and does not look up the mapping.
        FUTEX_PRIVATE_FLAG = 128,
    }
}
