//! Futex operations: waiting for another thread (futex(2)).

super::abi! {
    consts ["linux/futex.h" i32] {
        /// Wait if the futex word still has the given value.
        FUTEX_WAIT = 0,
        /// Wake at most the given number of waiting threads.
        FUTEX_WAKE = 1,
        /// Wake some waiting threads, and let others wait for another futex.
        FUTEX_REQUEUE = 3,
        /// As `FUTEX_REQUEUE`, if the futex word still has the given value.
        FUTEX_CMP_REQUEUE = 4,
        /// Change a second futex word, and wake threads of both.
        FUTEX_WAKE_OP = 5,
        /// Lock, with inheritance of priority.
        FUTEX_LOCK_PI = 6,
        /// Unlock, with inheritance of priority.
        FUTEX_UNLOCK_PI = 7,
        /// Lock if the lock is free, with inheritance of priority.
        FUTEX_TRYLOCK_PI = 8,
        /// As `FUTEX_WAIT`, with a set of bits and a point in time as the time limit.
        FUTEX_WAIT_BITSET = 9,
        /// As `FUTEX_WAKE`, for waiting threads with a common bit.
        FUTEX_WAKE_BITSET = 10,
        /// Wait, to be requeued to a futex with inheritance of priority.
        FUTEX_WAIT_REQUEUE_PI = 11,
        /// As `FUTEX_CMP_REQUEUE`, to a futex with inheritance of priority.
        FUTEX_CMP_REQUEUE_PI = 12,
        /// As `FUTEX_LOCK_PI`, with the monotonic clock if `FUTEX_CLOCK_REALTIME` is not given.
        FUTEX_LOCK_PI2 = 13,
        /// Only threads of this process use the futex. So the kernel identifies the futex by its address,
        /// and does not look up the mapping.
        FUTEX_PRIVATE_FLAG = 128,
        /// The time limit is by the wall clock.
        FUTEX_CLOCK_REALTIME = 256,
    }

    consts ["linux/futex.h" u32] {
        /// Of the word of a lock with inheritance of priority: threads wait.
        FUTEX_WAITERS = 0x80000000,
        /// Of the word of a robust lock: the owner ended without unlocking.
        FUTEX_OWNER_DIED = 0x40000000,
        /// The bits of the owner's thread id.
        FUTEX_TID_MASK = 0x3fffffff,
        /// All bits: any waiting thread.
        FUTEX_BITSET_MATCH_ANY = 0xffffffff,
    }
}
