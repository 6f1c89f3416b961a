//! This process; and children, which are this program again.

use ring3::Errno;
use ring3::process::*;
use ring3::rt::{Exit, Start};

use crate::case::*;
use crate::cases;

cases! {
    "an id", [getpid], getpid() > 0 => YES;
    "the first thread has the process's", [gettid], gettid() == getpid() => YES;
    "a thread that is there", [thread_exists], thread_exists(gettid()) => YES;
    "a thread that is not", [thread_exists], thread_exists(0x3fff_ffff) => NO;
    "a name", [thread_name], !thread_name(&mut [0; 16]).is_empty() => YES;
    "how many descriptors there may be", [limit], limit(RLIMIT_NOFILE).rlim_cur > 3 => YES;
    "as many as are allowed", [raise_limit], raise_limit(RLIMIT_NOFILE) == limit(RLIMIT_NOFILE).rlim_cur => YES;
}

pub fn child(_: Start) -> Result<(), Exit> {
    let _ = Errno::EIO;
    Ok(())
}
