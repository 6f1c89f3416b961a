//! `--boot`: prepares a machine that has just booted, and switches it off at the end.

use core::ffi::CStr;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use ring3::Errno;
use ring3::bytes;
use ring3::cli::OrFail;
use ring3::env::Start;
use ring3::fs::{self, CWD};
use ring3::net::{self, SOCK_CLOEXEC, SOCK_STREAM};
use ring3::parts;
use ring3::process::{self, Watch, exit};
use ring3::rt::Exit;
use ring3::signal::{SIGTERM, SignalSet};
use ring3::system::{self, MS_NODEV, MS_NOEXEC, MS_NOSUID, Mount};
use ring3::text::Shown;
use ring3::time::{Deadline, SECOND};

use crate::PROGRAM;
use crate::rest::Rest;
use crate::signals::Rewrites;

/// The time between SIGTERM and SIGKILL to all processes without `--grace`, in nanoseconds.
const GRACE: u64 = 2 * SECOND;

/// The file systems that programs expect: the directory, the type, and the flags of the mount.
const MOUNTS: [(&CStr, &CStr, Mount); 3] = {
    let nothing_runs = Mount::from_bits(MS_NOSUID.bits() | MS_NODEV.bits() | MS_NOEXEC.bits());
    [
        (c"/proc", c"proc", nothing_runs),
        (c"/sys", c"sysfs", nothing_runs),
        (
            c"/dev",
            c"devtmpfs",
            Mount::from_bits(MS_NOSUID.bits() | MS_NOEXEC.bits()),
        ),
    ]
};

/// Whether this is process 1, and `--boot` or an abbreviation is among the arguments before `--`. This function is for a
/// command line with an error: [`Settings`](crate::Settings) does not parse such a line to its end.
pub fn is_asked_for(start: Start) -> bool {
    let words = start.args().map(CStr::to_bytes);
    let mut words = words.take_while(|word| *word != b"--");
    process::getpid().as_raw() == 1
        && words.any(|word| word.len() > 2 && bytes::begins(b"--boot", word))
}

/// Mounts the file systems and brings the loopback interface up. Reports errors; the program runs in any case.
pub fn prepare() {
    for (directory, kind, flags) in MOUNTS {
        let result = match fs::make_directory(CWD, directory, 0o755) {
            Ok(()) | Err(Errno::EEXIST) => system::mount(kind, directory, kind, flags),
            failed => failed,
        };
        // EBUSY: the kernel has mounted /dev by itself (CONFIG_DEVTMPFS_MOUNT).
        if let Err(errno) = result
            && errno != Errno::EBUSY
        {
            PROGRAM.fail("mount", Shown(directory.to_bytes()), errno);
        }
    }
    if let Err(errno) = bring_lo_up() {
        PROGRAM.fail("bring up", "lo", errno);
    }
}

fn bring_lo_up() -> ring3::Result<()> {
    let any = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
    net::bring_up(net::socket(any, SOCK_STREAM | SOCK_CLOEXEC)?.as_fd(), c"lo")
}

/// Ends all other processes, writes all files to the devices, prints the exit status of the program, and switches the
/// machine off. Exits if the machine can't be switched off. If `grace` is not 0, [`run`](crate::run) has ended the
/// processes, unless it failed.
pub fn end(result: Result<(), Exit>, grace: u64) -> ! {
    let Exit(status) = result.err().unwrap_or(Exit(0));
    end_all(if grace == 0 { GRACE } else { grace });
    system::sync();
    PROGRAM.say(parts!("exit status ", status));
    if let Err(errno) = system::power_off() {
        PROGRAM.fail("power off", "machine", errno);
    }
    exit(status.into())
}

/// Ends all other processes.
fn end_all(grace: u64) {
    let watch = Watch::new(SignalSet::NONE).or_fail(PROGRAM, "watch", "children");
    let Ok(watch) = watch else { return };
    let mut rest = Rest::of_machine();
    rest.signal(SIGTERM);
    rest.end(&watch, Deadline::after(grace), &Rewrites::NONE, false);
}
