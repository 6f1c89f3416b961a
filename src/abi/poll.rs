//! Constants and structures of epoll(7), poll(2) and eventfd(2).

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
        /// A read takes 1 from the counter, instead of all.
        EFD_SEMAPHORE = 0o1,
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
        /// Not used: `epoll_ctl` fails for a number that is no descriptor.
        EPOLLNVAL = 0x20,
        /// Data can be read: the same as `EPOLLIN` for most files.
        EPOLLRDNORM = 0x40,
        /// Priority data can be read.
        EPOLLRDBAND = 0x80,
        /// Data can be written: the same as `EPOLLOUT` for most files.
        EPOLLWRNORM = 0x100,
        /// Priority data can be written.
        EPOLLWRBAND = 0x200,
        /// Not used.
        EPOLLMSG = 0x400,
        /// The peer has closed its sending direction (half-close).
        EPOLLRDHUP = 0x2000,
        /// If several epoll sets watch the same file, an event wakes at least one of them, and usually not
        /// all.
        EPOLLEXCLUSIVE = 0x10000000,
        /// Keeps the machine from suspending while the event is pending. Needs `CAP_BLOCK_SUSPEND`.
        EPOLLWAKEUP = 0x20000000,
        /// Reports one event, then none until `EPOLL_CTL_MOD` sets the events again.
        EPOLLONESHOT = 0x40000000,
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

    /// Events of a descriptor, to wait for or reported (poll(2)).
    flags ["asm/poll.h" PollEvents: i16] {
        /// Data can be read, or a connection accepted.
        POLLIN = 0x1,
        /// An exceptional condition, for example a TCP byte sent out of band.
        POLLPRI = 0x2,
        /// Data can be written.
        POLLOUT = 0x4,
        /// An error. Always reported, also if not asked for.
        POLLERR = 0x8,
        /// Both directions have ended. Always reported, also if not asked for.
        POLLHUP = 0x10,
        /// The number is no open descriptor. Always reported, also if not asked for.
        POLLNVAL = 0x20,
        /// Data can be read: the same as `POLLIN` for most files.
        POLLRDNORM = 0x40,
        /// Priority data can be read.
        POLLRDBAND = 0x80,
        /// Data can be written: the same as `POLLOUT` for most files.
        POLLWRNORM = 0x100,
        /// Priority data can be written.
        POLLWRBAND = 0x200,
        /// Not used.
        POLLMSG = 0x400,
        /// Not used.
        POLLREMOVE = 0x1000,
        /// The peer has closed its sending direction (half-close).
        POLLRDHUP = 0x2000,
    }

    /// A descriptor to wait for (poll(2)).
    record ["asm/poll.h" "struct pollfd" Pollfd] {
        /// The descriptor; a negative number is skipped.
        fd: i32,
        /// The events to wait for: `POLL*`.
        events: i16,
        /// The events that happened: `POLL*`.
        revents: i16,
    }
}
