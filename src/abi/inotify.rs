//! Constants and structures of inotify(7).

super::abi! {
    /// Flags of inotify_init1(2).
    flags ["linux/inotify.h" InotifyFlags: u32] {
        /// Calls on the descriptor do not wait: they fail with `EAGAIN`.
        IN_NONBLOCK = 0o4000,
        /// execve closes the descriptor.
        IN_CLOEXEC = 0o2000000,
    }

    /// Events and options of a watch (inotify(7)).
    flags ["linux/inotify.h" InotifyEvents: u32] {
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
