//! Waiting for another thread.

super::abi! {
    consts ["linux/futex.h" i32] {
        /// Wait, if the word still has the value given.
        FUTEX_WAIT = 0,
        /// Wake some of those that wait.
        FUTEX_WAKE = 1,
        /// Only threads of this process wait and wake, which spares the kernel a look at the mapping.
        FUTEX_PRIVATE_FLAG = 128,
    }
}
