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

    /// Events and options of a watch (inotify(7)), and flags of inotify_init1.
    flags ["linux/inotify.h" Inotify: u32] {
        /// The file was read or executed.
        IN_ACCESS = 0x1,
        /// The file was written or truncated.
        IN_MODIFY = 0x2,
        /// The file's metadata was changed: permissions, times, owner, number of links.
        IN_ATTRIB = 0x4,
        /// The file was closed, which was open for writing.
        IN_CLOSE_WRITE = 0x8,
        /// The file or directory was closed, which was not open for writing.
        IN_CLOSE_NOWRITE = 0x10,
        /// `IN_CLOSE_WRITE` and `IN_CLOSE_NOWRITE`.
        IN_CLOSE = 0x18,
        /// The file or directory was opened.
        IN_OPEN = 0x20,
        /// A file was moved out of the directory. `cookie` connects the event with `IN_MOVED_TO`.
        IN_MOVED_FROM = 0x40,
        /// A file was moved into the directory. `cookie` connects the event with `IN_MOVED_FROM`.
        IN_MOVED_TO = 0x80,
        /// `IN_MOVED_FROM` and `IN_MOVED_TO`.
        IN_MOVE = 0xc0,
        /// A file was created in the directory.
        IN_CREATE = 0x100,
        /// A file was removed from the directory.
        IN_DELETE = 0x200,
        /// The watched file or directory itself was removed.
        IN_DELETE_SELF = 0x400,
        /// The watched file or directory itself was moved.
        IN_MOVE_SELF = 0x800,
        /// All events above.
        IN_ALL_EVENTS = 0xfff,
        /// Reported: the file system was unmounted.
        IN_UNMOUNT = 0x2000,
        /// Reported, with `wd` -1: the queue was full, and events were lost.
        IN_Q_OVERFLOW = 0x4000,
        /// Reported: the watch was removed.
        IN_IGNORED = 0x8000,
        /// Fails with `ENOTDIR` unless the path leads to a directory.
        IN_ONLYDIR = 0x1000000,
        /// If the path's last component is a symbolic link, watches the link itself.
        IN_DONT_FOLLOW = 0x2000000,
        /// Reports no event of files that were removed from the directory.
        IN_EXCL_UNLINK = 0x4000000,
        /// Fails with `EEXIST` if the file is watched already.
        IN_MASK_CREATE = 0x10000000,
        /// Adds the events to those of an existing watch, instead of replacing them.
        IN_MASK_ADD = 0x20000000,
        /// Reported: the event is of a directory.
        IN_ISDIR = 0x40000000,
        /// Removes the watch after one event.
        IN_ONESHOT = 0x80000000,
        /// `inotify_init1`: calls on the descriptor do not wait: they fail with `EAGAIN`.
        IN_NONBLOCK = 0o4000,
        /// `inotify_init1`: execve closes the descriptor.
        IN_CLOEXEC = 0o2000000,
    }

    /// An event of a watch. The name follows, with zeros up to `len` bytes.
    record ["linux/inotify.h" "struct inotify_event" InotifyEvent] {
        /// The watch: the result of inotify_add_watch.
        wd: i32,
        /// The event: `IN_*`.
        mask: u32,
        /// The same number in the two events of one move; else 0.
        cookie: u32,
        /// The length of the name with its zeros, in bytes; 0 if there is no name.
        len: u32,
    }
}
