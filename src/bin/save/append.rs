//! `-a`: standard input to the end of the file.

use core::ffi::CStr;

use ring3::abi::Errno;
use ring3::copy::copy;
use ring3::fd::{OwnedFd, STDIN};
use ring3::fs::{self, *};
use ring3::place::Place;
use ring3::replace::Options;

use crate::Failed;

/// Appends standard input to the file at `path`, which is made where there is none. Where that fails
/// the file gets its old length back, unless somebody else has appended in the meantime.
pub fn append(path: &CStr, options: Options, stdin: &Statx) -> Result<(), Failed> {
    let (file, made) = open(path, options.sync)?;
    let before = fs::stat(file.as_fd()).map_err(Failed::to("open"))?;
    let is_regular = before.kind() == S_IFREG;
    if is_regular && before.is_same_file(stdin) {
        // Each byte read would make one more to read.
        return Err(Failed::to("append to itself")(Errno::EINVAL));
    }
    let (copied, result) = match copy(STDIN, file.as_fd()) {
        Ok(copied) => (copied, finish(&file, made.as_ref(), is_regular, options)),
        Err(stopped) => (stopped.copied, Err(stopped.into())),
    };
    result.map_err(|failed| match is_regular {
        true => Failed {
            left: cut_back(&file, before.stx_size, copied),
            ..failed
        },
        false => failed,
    })?;
    // NFS may say only now that there was no room, where fsync(2) was not asked.
    file.close().map_err(Failed::to("close"))
}

/// The file to append to, and where it was made, if it was and that is to be made durable.
fn open(path: &CStr, sync: bool) -> Result<(OwnedFd, Option<Place>), Failed> {
    let flags = O_WRONLY | O_APPEND | O_NOCTTY | O_CLOEXEC;
    match fs::open(CWD, path, flags, 0) {
        Err(Errno::ENOENT) => {}
        file => return Ok((file.map_err(Failed::to("open"))?, None)),
    }
    let mut place = Place::find(path).map_err(Failed::to("open"))?;
    if sync {
        let opened = place.open_directory();
        opened.map_err(Failed::to("open directory of"))?;
    }
    let name = place.name.as_c_str();
    let file = fs::open(place.dir.as_fd(), name, flags | O_CREAT, 0o666);
    Ok((file.map_err(Failed::to("open"))?, sync.then_some(place)))
}

/// What is to be done once all is written.
fn finish(
    file: &OwnedFd,
    made: Option<&Place>,
    is_regular: bool,
    options: Options,
) -> Result<(), Failed> {
    if let Some(mode) = options.mode
        && is_regular
    {
        fs::set_permissions(file.as_fd(), mode).map_err(Failed::to("set mode of"))?;
    }
    if options.sync {
        fs::sync_if_possible(file.as_fd()).map_err(Failed::to("sync"))?;
    }
    if let Some(place) = made {
        fs::sync_if_possible(place.dir.as_fd()).map_err(Failed::to("sync directory of"))?;
    }
    Ok(())
}

/// Gives the file its old length back, and says how many of the `copied` bytes it has nevertheless.
fn cut_back(file: &OwnedFd, length: u64, copied: u64) -> u64 {
    let ours_alone = |now: Statx| now.stx_size == length + copied;
    let cut = copied == 0
        || fs::stat(file.as_fd()).is_ok_and(ours_alone)
            && fs::set_length(file.as_fd(), length).is_ok();
    if cut { 0 } else { copied }
}
