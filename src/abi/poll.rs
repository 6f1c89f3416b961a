//! Waiting for many descriptors.

super::abi! {
    consts ["linux/eventpoll.h" i32] {
        /// Watch a descriptor.
        EPOLL_CTL_ADD = 1,
        /// Watch it no more.
        EPOLL_CTL_DEL = 2,
        /// Watch it for other events; what holds already is reported again.
        EPOLL_CTL_MOD = 3,
        /// `epoll_create1`: closed by execve.
        EPOLL_CLOEXEC = 0o2000000,
    }

    /// How an eventfd is made.
    flags ["sys/eventfd.h" Efd: u32] {
        /// No call on it waits.
        EFD_NONBLOCK = 0o4000,
        /// Closed by execve.
        EFD_CLOEXEC = 0o2000000,
    }

    /// What happened to a descriptor, or what to watch it for.
    flags ["linux/eventpoll.h" Events: u32] {
        /// Something can be read, or accepted.
        EPOLLIN = 0x0001,
        /// Something exceptional: a TCP byte sent out of band.
        EPOLLPRI = 0x0002,
        /// Something can be written.
        EPOLLOUT = 0x0004,
        /// An error; reported unasked.
        EPOLLERR = 0x0008,
        /// Both directions have ended; reported unasked.
        EPOLLHUP = 0x0010,
        /// The peer has ended its direction.
        EPOLLRDHUP = 0x2000,
        /// Not all who watch it in sets of their own are woken, but one or few of them.
        EPOLLEXCLUSIVE = 0x10000000,
        /// Edge-triggered: report a change, not a state.
        EPOLLET = 0x80000000,
    }

    /// An event, and the number that the watcher gave for its descriptor.
    #[cfg_attr(target_arch = "x86_64", repr(packed))] // as on 32-bit x86, for that one's programs
    record ["linux/eventpoll.h" "struct epoll_event" EpollEvent] {
        /// `EPOLL*`
        events: u32,
        /// Whatever the watcher wants to see again.
        data: u64,
    }
}
