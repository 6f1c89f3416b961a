//! Changes of files and directories: inotify(7).
//!
//! ```
//! use ring3::inotify::{IN_CLOEXEC, IN_CREATE, IN_NONBLOCK, Inotify};
//!
//! let folder = std::env::temp_dir().join(format!("ring3-{}", std::process::id()));
//! std::fs::create_dir(&folder).unwrap();
//! let path = std::ffi::CString::new(folder.to_str().unwrap()).unwrap();
//!
//! let inotify = Inotify::new(IN_CLOEXEC | IN_NONBLOCK)?;
//! let watch = inotify.add(&path, IN_CREATE)?;
//! std::fs::write(folder.join("new"), "").unwrap();
//! let mut buffer = [0; 4096];
//! for event in inotify.read(&mut buffer)? {
//!     assert_eq!((event.watch, event.name), (watch, Some(c"new")));
//! }
//! # std::fs::remove_dir_all(&folder).unwrap();
//! # Ok::<(), ring3::Errno>(())
//! ```

use core::ffi::CStr;
use core::iter::FusedIterator;

pub use crate::abi::inotify::*;
use crate::abi::{Arg, Result, syscall};
use crate::bytes;
use crate::fd::{BorrowedFd, OwnedFd, as_fd};
use crate::io;

/// An inotify instance: a set of watched files and directories, and the queue of their events.
#[derive(Debug)]
pub struct Inotify(OwnedFd);

as_fd! { Inotify }

/// A watched file or directory. The number belongs to one [`Inotify`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Watch(i32);

impl Watch {
    /// The number: at least 1; -1 for an event with `IN_Q_OVERFLOW`.
    #[inline]
    #[must_use]
    pub const fn as_raw(self) -> i32 {
        self.0
    }
}

impl Arg for Watch {
    type Content = usize;

    #[inline(always)]
    fn arg(self) -> usize {
        self.0.arg()
    }
}

impl Inotify {
    /// Creates an instance that watches nothing (inotify_init1(2)). The flags are `IN_CLOEXEC` and `IN_NONBLOCK`.
    ///
    /// # Errors
    /// `EINVAL`: another flag. `EMFILE`: too many descriptors, or the user has more instances than
    /// `fs.inotify.max_user_instances`. `ENFILE`, `ENOMEM`.
    #[doc(alias = "inotify_init1")]
    pub fn new(flags: InotifyFlags) -> Result<Self> {
        // SAFETY: inotify_init1 takes a number. The returned descriptor is new, so no other value owns it.
        unsafe {
            let raw = syscall!(inotify_init1(flags))?;
            Ok(Self(OwnedFd::from_raw(raw)))
        }
    }

    /// The descriptor, to be waited for: `POLLIN` is reported as long as the queue has an event.
    #[inline]
    #[must_use]
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Watches the file or directory `path` for `events` (inotify_add_watch(2)). If the file is watched already, under
    /// this or another path, `events` replaces the earlier set (or extends it, with `IN_MASK_ADD`), and the result is
    /// the same watch.
    ///
    /// A watch of a directory also reports the events of the files in the directory, but not those of its
    /// subdirectories.
    ///
    /// # Errors
    /// `EACCES`: no permission to read the file. `EEXIST`: the file is watched already, and `events` has
    /// `IN_MASK_CREATE`. `EINVAL`: `events` has no event. `ENOSPC`: the user has `fs.inotify.max_user_watches` watches.
    /// `ENOTDIR`: no directory, and `events` has `IN_ONLYDIR`. `ENOMEM`, and the errors of resolving a path.
    #[doc(alias = "inotify_add_watch")]
    pub fn add(&self, path: &CStr, events: InotifyEvents) -> Result<Watch> {
        // SAFETY: the kernel only reads the path, which ends with a zero.
        let watch = unsafe { syscall!(inotify_add_watch(self.as_fd(), path, events)) }?;
        Ok(Watch(watch as i32)) // the kernel's numbers are positive ints
    }

    /// Ends a watch (inotify_rm_watch(2)). The queue gets a last event of it, `IN_IGNORED`.
    ///
    /// # Errors
    /// `EINVAL`: this instance has no such watch.
    #[doc(alias = "inotify_rm_watch")]
    pub fn remove(&self, watch: Watch) -> Result<()> {
        // SAFETY: the call takes numbers; the kernel accesses no memory of this process.
        unsafe { syscall!(inotify_rm_watch(self.as_fd(), watch)) }.map(drop)
    }

    /// Takes events from the queue, as many as `buffer` has room for (read(2)). Without `IN_NONBLOCK` the call waits
    /// for the first event. [`EVENT_MAX`] bytes have room for any event; a larger buffer saves system calls.
    ///
    /// # Errors
    /// `EAGAIN`: the queue is empty, and the descriptor is non-blocking. `EINVAL`: `buffer` is too short for the next
    /// event.
    pub fn read<'buffer>(&self, buffer: &'buffer mut [u8]) -> Result<Events<'buffer>> {
        let count = io::read(self.as_fd(), buffer)?;
        Ok(Events(buffer.get(..count).unwrap_or_default()))
    }
}

/// The bytes of the longest event: its file has a name of 255 bytes.
pub const EVENT_MAX: usize = size_of::<InotifyEvent>() + 255 + 1;

/// An event of a watched file or directory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event<'a> {
    /// The watch.
    pub watch: Watch,
    /// What happened: one of the events that were asked for, `IN_IGNORED`, `IN_UNMOUNT` or `IN_Q_OVERFLOW`; and
    /// `IN_ISDIR` if it happened to a directory.
    pub mask: InotifyEvents,
    /// The same number for both events of a rename, otherwise 0.
    pub cookie: u32,
    /// The name of the file in the watched directory. `None` if the event is of the watched file or directory itself.
    pub name: Option<&'a CStr>,
}

/// The events that [`Inotify::read`] returned: an iterator.
#[derive(Clone, Debug)]
pub struct Events<'a>(&'a [u8]);

impl<'a> Events<'a> {
    /// The events in bytes that a read(2) of an inotify descriptor returned. The iterator ends at an incomplete event.
    #[inline]
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }
}

impl<'a> Iterator for Events<'a> {
    type Item = Event<'a>;

    fn next(&mut self) -> Option<Event<'a>> {
        // A header of four numbers, and `len` bytes with the name and zeros.
        let (header, rest) = self
            .0
            .split_first_chunk::<{ size_of::<InotifyEvent>() }>()?;
        let ([watch, mask, cookie, length], _) = header.as_chunks::<4>() else {
            return None;
        };
        let length = u32::from_ne_bytes(*length) as usize;
        let (name, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(Event {
            watch: Watch(i32::from_ne_bytes(*watch)),
            mask: InotifyEvents::from_bits(u32::from_ne_bytes(*mask)),
            cookie: u32::from_ne_bytes(*cookie),
            name: (length > 0).then(|| bytes::until_zero(name)),
        })
    }
}

impl FusedIterator for Events<'_> {}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::Errno;
    use std::vec::Vec;

    fn event(watch: i32, mask: u32, cookie: u32, length: u32, name: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::from(watch.to_ne_bytes());
        bytes.extend([mask, cookie, length].map(u32::to_ne_bytes).concat());
        bytes.extend(name);
        bytes
    }

    #[test]
    fn events_are_those_of_the_bytes() {
        let mut bytes = event(1, IN_MODIFY.bits(), 0, 0, b"");
        bytes.extend(event(2, 0x40, 77, 16, b"some\0\0\0\0\0\0\0\0\0\0\0\0"));
        bytes.extend(event(-1, IN_Q_OVERFLOW.bits(), 0, 0, b""));
        let events: Vec<_> = Events::new(&bytes).collect();
        let [first, second, third] = events[..] else {
            panic!("{}", events.len())
        };
        assert_eq!((first.watch, first.cookie, first.name), (Watch(1), 0, None));
        assert!(first.mask == IN_MODIFY && second.mask == IN_MOVED_FROM);
        assert_eq!((second.watch.as_raw(), second.cookie), (2, 77));
        assert_eq!(second.name, Some(c"some"));
        assert!(third.watch == Watch(-1) && third.mask == IN_Q_OVERFLOW);
    }

    #[test]
    fn broken_lengths_end_the_events() {
        let whole = event(1, 2, 3, 16, b"some\0\0\0\0\0\0\0\0\0\0\0\0");
        for end in 0..whole.len() {
            assert_eq!(Events::new(&whole[..end]).count(), 0);
        }
        for length in [17, 1 << 31, u32::MAX, u32::MAX - 15] {
            let mut events = [0; 64];
            let bytes = event(1, 2, 3, length, b"");
            events[..bytes.len()].copy_from_slice(&bytes);
            let count = Events::new(&events[..32]).count();
            assert_eq!(count, 0, "{length}");
        }
        // A name without a zero is no name, and is not read past its end.
        let bytes = event(1, 2, 3, 4, b"name");
        assert_eq!(Events::new(&bytes).next().unwrap().name, Some(c""));
    }

    #[test]
    fn a_file_s_life_is_reported() {
        let folder = std::env::temp_dir().join(std::format!("ring3-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let path = std::ffi::CString::new(folder.to_str().unwrap()).unwrap();
        let inotify = Inotify::new(IN_CLOEXEC | IN_NONBLOCK).unwrap();
        assert!(crate::fd::tests::closes_at_exec(inotify.as_fd()));
        let all = IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF;
        let watch = inotify.add(&path, all | IN_ONLYDIR).unwrap();
        let mut buffer = [0; EVENT_MAX];
        assert_eq!(inotify.read(&mut buffer).err(), Some(Errno::EAGAIN));
        let long = "n".repeat(255);
        std::fs::write(folder.join(&long), "").unwrap();
        assert_eq!(
            inotify.read(&mut buffer[..EVENT_MAX - 1]).err(),
            Some(Errno::EINVAL)
        );
        let created: Vec<_> = inotify.read(&mut buffer).unwrap().collect();
        assert!(created.len() == 1 && created[0].mask == IN_CREATE);
        assert_eq!(created[0].name.unwrap().to_str(), Ok(&*long));
        std::fs::rename(folder.join(&long), folder.join("b")).unwrap();
        std::fs::remove_file(folder.join("b")).unwrap();
        let mut buffer = [0; 4096];
        let events: Vec<_> = inotify.read(&mut buffer).unwrap().collect();
        let masks: Vec<_> = events.iter().map(|event| event.mask).collect();
        assert!(masks == [IN_MOVED_FROM, IN_MOVED_TO, IN_DELETE]);
        assert!(events[0].cookie != 0 && events[0].cookie == events[1].cookie);
        assert!(events.iter().all(|event| event.watch == watch));
        inotify.remove(watch).unwrap();
        assert_eq!(inotify.remove(watch), Err(Errno::EINVAL));
        let last = inotify.read(&mut buffer).unwrap().next().unwrap();
        assert!(last.mask == IN_IGNORED && last.name.is_none());
        std::fs::remove_dir(&folder).unwrap();
    }
}
