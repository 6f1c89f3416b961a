//! Processes and threads.

super::abi! {
    consts ["linux/prctl.h" i32] {
        /// The calling thread's name, 16 bytes with the zero at its end.
        PR_GET_NAME = 16,
    }
}
