//! Constants and structures of epoll(7) and eventfd(2).

super::abi! {
    consts ["linux/eventpoll.h" i32] {
        /// Adds a descriptor to the set.
        EPOLL_CTL_ADD = 1,
        /// Removes a descriptor from the set.
        EPOLL_CTL_DEL = 2,
        /// Changes a descriptor's events. A condition that holds already is reported again.
        EPOLL_CTL_MOD = 3,
        /// `epoll_create1`: execve closes the descriptor.
        EPOLL_CLOEXEC = 0o2000000,
    }

    /// Flags of eventfd2.
    flags ["sys/eventfd.h" Efd: u32] {
        /// Calls on the descriptor do not wait: they fail with `EAGAIN`.
        EFD_NONBLOCK = 0o4000,
        /// execve closes the descriptor.
        EFD_CLOEXEC = 0o2000000,
    }

    /// Events of a descriptor, to wait for or reported.
    flags ["linux/eventpoll.h" Events: u32] {
        /// Data can be read, or a connection accepted.
        EPOLLIN = 0x0001,
        /// An exceptional condition, for example a TCP byte sent out of band.
        EPOLLPRI = 0x0002,
        /// Data can be written.
        EPOLLOUT = 0x0004,
        /// An error. Always reported, also if not asked for.
        EPOLLERR = 0x0008,
        /// Both directions have ended. Always reported, also if not asked for.
        EPOLLHUP = 0x0010,
        /// The peer has closed its sending direction (half-close).
        EPOLLRDHUP = 0x2000,
        /// If several epoll sets watch the same file, an event wakes at least one of them, and usually not
        /// all.
        EPOLLEXCLUSIVE = 0x10000000,
        /// Edge-triggered: epoll reports a change once. Without this flag it reports a state for as long as
        /// the state holds.
        EPOLLET = 0x80000000,
    }

    /// An event, and the data that was given for its descriptor.
    #[cfg_attr(target_arch = "x86_64", repr(packed))] // the layout of 32-bit x86, so that its programs run too
    record ["linux/eventpoll.h" "struct epoll_event" EpollEvent] {
        /// `EPOLL*`
        events: u32,
        /// The number that the program passed to `epoll_ctl`.
        data: u64,
    }
}
