//! `save -a`: appends standard input to a file.

use core::ffi::CStr;

use ring3::abi::Errno;
use ring3::fd::{OwnedFd, STDIN};
use ring3::fs::copy::copy;
use ring3::fs::replace::{During, Failed, Operation, Options};
use ring3::fs::resolve::Entry;
use ring3::fs::{self, *};

use crate::NotSaved;

/// Appends standard input to the file at `path`, and creates the file if it does not exist. After an error the file
/// gets its old length back, unless another process has appended to it in the meantime.
pub fn append(path: &CStr, options: Options, stdin: &Statx) -> Result<(), NotSaved> {
    let Opened { file, made, here } = open(path, options)?;
    let before = fs::stat(file.as_fd()).during(Operation::Stat)?;
    let is_regular = before.kind() == S_IFREG;
    refuse_itself(&before, stdin)?;
    let (copied, result) = match copy(STDIN, file.as_fd()) {
        Ok(copied) => (copied, finish(&file, made.as_ref(), is_regular, options)),
        Err(stopped) => (stopped.copied, Err(stopped.into())),
    };
    result.map_err(|failed| NotSaved {
        failed,
        left: match is_regular && !here {
            true => cut_back(&file, before.stx_size, copied),
            false => copied,
        },
    })
}

/// Refuses to append a regular file to itself: each byte that is read would add a byte to read.
pub fn refuse_itself(file: &Statx, stdin: &Statx) -> Result<(), Failed> {
    match file.kind() == S_IFREG && file.is_same_file(stdin) {
        true => Err(Errno::EINVAL).during(Operation::Append),
        false => Ok(()),
    }
}

/// The file to append to.
struct Opened {
    file: OwnedFd,
    /// The place of a file that this process may have created, if the file's name is to be made durable.
    made: Option<Entry>,
    /// Whether the path named an open descriptor, such as /dev/stdout. Other processes may share that descriptor's
    /// offset, and write after the bytes of this process. So the file must not be cut back.
    here: bool,
}

/// Opens the file, and creates it if it does not exist.
fn open(path: &CStr, options: Options) -> Result<Opened, Failed> {
    let opened = |file: Result<OwnedFd, Errno>, made, here| {
        file.map(|file| Opened { file, made, here })
            .during(Operation::Open)
    };
    let mut entry = Entry::find(path).during(Operation::Open)?;
    if let Some(file) = entry.descriptor().transpose() {
        return opened(file, None, true);
    }
    let flags = O_WRONLY | O_APPEND | O_NOCTTY | O_CLOEXEC;
    match fs::open(CWD, path, flags, 0) {
        Err(Errno::ENOENT) => {}
        file => return opened(file, None, false),
    }
    if options.sync {
        let opened = entry.open_directory();
        opened.during(Operation::OpenDirectory)?;
    }
    let name = entry.name.as_c_str();
    // With `--mode` the file gets its permissions at the end. Until then, no other user may open it.
    let mode = if options.mode.is_some() { 0o600 } else { 0o666 };
    let file = fs::open(entry.dir.as_fd(), name, flags | O_CREAT, mode);
    opened(file, options.sync.then_some(entry), false)
}

/// Completes the file after all bytes are written: sets the permissions, and makes the file and its name durable.
fn finish(
    file: &OwnedFd,
    made: Option<&Entry>,
    is_regular: bool,
    options: Options,
) -> Result<(), Failed> {
    if let Some(mode) = options.mode
        && is_regular
    {
        fs::set_permissions(file.as_fd(), mode).during(Operation::SetMode)?;
    }
    if options.sync {
        fs::sync_if_possible(file.as_fd()).during(Operation::Sync)?;
    }
    if let Some(entry) = made {
        let synced = entry.sync(file.as_fd());
        synced.during(Operation::SyncDirectory)?;
    }
    // Without fsync(2), NFS may report ENOSPC only at close(2), so a duplicate is closed. `file` itself stays open, so
    // that it can be cut back.
    let closed = file.as_fd().duplicate().and_then(OwnedFd::close);
    closed.during(Operation::Close)
}

/// Sets the file back to its old `length`. Returns how many of the `copied` bytes are still in it: 0 or all. The file
/// stays as it is if its size shows that another process has appended too.
fn cut_back(file: &OwnedFd, length: u64, copied: u64) -> u64 {
    let only_ours = |now: Statx| now.stx_size == length + copied;
    let cut = copied == 0
        || fs::stat(file.as_fd()).is_ok_and(only_ours)
            && fs::set_length(file.as_fd(), length).is_ok();
    if cut { 0 } else { copied }
}
