//! Self-test cases of inotify.

use ring3::Errno;
use ring3::fs::{self, CWD, O_CLOEXEC, O_CREAT, O_WRONLY};
use ring3::inotify::*;

use crate::case::*;
use crate::cases;
use crate::fd::closes_at_exec;

cases! {
    "an instance is closed at execve", [Inotify::new, Inotify::as_fd], Inotify::new(IN_CLOEXEC).and_then(|inotify| closes_at_exec(inotify.as_fd())) => YES, cannot EMFILE;
    "a number for each watch", [Inotify::add, Watch::as_raw], Inotify::new(IN_CLOEXEC).and_then(|inotify| inotify.add(c"/", IN_CREATE)).map(|watch| watch.as_raw() > 0) => YES, cannot EMFILE | ENOSPC;
    "watching nothing", [Inotify::add], Inotify::new(IN_CLOEXEC).and_then(|inotify| inotify.add(c"/nothing", IN_CREATE)).map(drop) => error(Errno::ENOENT), cannot EMFILE;
    "watching for nothing", [Inotify::add], Inotify::new(IN_CLOEXEC).and_then(|inotify| inotify.add(c"/", InotifyEvents::NONE)).map(drop) => error(Errno::EINVAL), cannot EMFILE;
    "nothing has happened", [Inotify::read], Inotify::new(IN_CLOEXEC | IN_NONBLOCK).and_then(|inotify| inotify.read(&mut [0; EVENT_MAX]).map(drop)) => error(Errno::EAGAIN), cannot EMFILE;
    "a file and its name", [Inotify::read], created() => YES, cannot EMFILE | ENOSPC;
    "a watch ends", [Inotify::remove], removed() => YES, cannot EMFILE | ENOSPC;
    "the watch of another", [Inotify::remove], other() => error(Errno::EINVAL), cannot EMFILE | ENOSPC;
    "an event cut short", [Events::new], Events::new(&[0; 15]).count() => value(0);
}

fn created() -> Result<bool, Errno> {
    let inotify = Inotify::new(IN_CLOEXEC | IN_NONBLOCK)?;
    fs::make_directory(CWD, c"watched", 0o700)?;
    let watch = inotify.add(c"watched", IN_CREATE | IN_DELETE);
    let file = fs::open(CWD, c"watched/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600);
    let unlinked = fs::unlink(CWD, c"watched/file");
    let mut buffer = [0; 4 * EVENT_MAX];
    let events = inotify.read(&mut buffer);
    fs::remove_directory(CWD, c"watched")?;
    let (watch, _, _) = (watch?, file?, unlinked?);
    let mut events = events?;
    let mut is = |mask| {
        let event = events.next();
        event.is_some_and(|it| (it.watch, it.name) == (watch, Some(c"file")) && it.mask == mask)
    };
    Ok(is(IN_CREATE) && is(IN_DELETE) && events.next().is_none())
}

fn removed() -> Result<bool, Errno> {
    let inotify = Inotify::new(IN_CLOEXEC | IN_NONBLOCK)?;
    let watch = inotify.add(c"/", IN_CREATE)?;
    inotify.remove(watch)?;
    let mut buffer = [0; EVENT_MAX];
    let mut events = inotify.read(&mut buffer)?;
    Ok(events.any(|event| event.watch == watch && event.mask == IN_IGNORED))
}

fn other() -> Result<(), Errno> {
    let watch = Inotify::new(IN_CLOEXEC)?.add(c"/", IN_CREATE)?;
    Inotify::new(IN_CLOEXEC)?.remove(watch)
}
