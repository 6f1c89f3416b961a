//! Tests of `pipe`'s options: every option combined with every other, each with its effect.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Stdio;

use libtest_mimic::Trial;
use rustix::fs::OFlags;

use super::command;
use crate::per_arch;
use crate::support::Ran;
use crate::support::{Arch, Folder, pairwise, ran, wait_until};
use crate::trial::{LONG, may_take};

pub fn trials() -> Vec<Trial> {
    per_arch![has_the_effect_of_each_beside_each].collect()
}

/// Ignores SIGTERM, and exits with 3 when the file `go` exists.
const FIRST: &str = "trap '' TERM; until [ -e go ]; do sleep 0.01 2>/dev/null; done; exit 3";

/// Prints its process id, then ends by SIGTERM or with exit status 0.
const SECOND: &str = "echo $$; exec cat";

fn has_the_effect_of_each_beside_each(arch: Arch) {
    may_take(LONG);
    // Most of the time is spent waiting, so all combinations run at the same time.
    std::thread::scope(|scope| {
        for selected in pairwise() {
            scope.spawn(move || has_the_effect_of(arch, selected));
        }
    });
}

fn has_the_effect_of(arch: Arch, selected: [bool; 7]) {
    let [separator, last, status, timeout, grace, socket, size] = selected;
    let mut words = Vec::new();
    for (given, option) in [
        (separator, &["-s", "then"][..]),
        (last, &["--last"]),
        (status, &["--status"]),
        (timeout, &["--timeout", "3"]),
        (grace, &["--grace", "0.1"]),
        (socket, &["--socket"]),
        (size, &["--size", "8192"]),
    ] {
        words.extend(if given { option } else { &[] });
    }
    let options = words.clone();
    words.extend(["sh", "-c", FIRST, if separator { "then" } else { "|" }]);
    words.extend(["sh", "-c", SECOND]);
    let folder = Folder::new();
    let mut pipe = command(arch, &words);
    pipe.stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut pipe = pipe.current_dir(folder.root()).spawn().unwrap();
    let mut stdout = BufReader::new(pipe.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    if socket && size {
        let ran = ran(pipe.wait_with_output().unwrap());
        let message = "--size is for pipes, not for --socket";
        assert_eq!((ran, &*line), (Ran::misused("pipe", message), ""));
        return;
    }
    let second = Path::new("/proc").join(line.trim_end());
    let input = second.join("fd/0");
    let kind = fs::read_link(&input).unwrap();
    let kind = kind.to_str().unwrap().split(':').next().unwrap();
    assert_eq!(kind, if socket { "socket" } else { "pipe" }, "{options:?}");
    if !socket {
        let mut reader = fs::File::options();
        reader
            .read(true)
            .custom_flags(OFlags::NONBLOCK.bits() as i32);
        let bytes = rustix::pipe::fcntl_getpipe_size(reader.open(&input).unwrap()).unwrap();
        assert_eq!(bytes, if size { 8192 } else { 131_072 }, "{options:?}");
    }
    // The first program may end at once. With --timeout it may end only after the second program, and with --timeout
    // and --grace never.
    let may_end = || fs::write(folder.path("go"), "").unwrap();
    if timeout && !grace {
        wait_until("the second program has ended", || !second.exists());
    }
    if !(timeout && grace) {
        may_end();
    }
    wait_until("pipe has ended", || pipe.try_wait().unwrap().is_some());
    may_end();
    let ran = ran(pipe.wait_with_output().unwrap());
    let code = if timeout {
        124
    } else if last {
        0
    } else {
        3
    };
    assert_eq!(ran.status, Some(code), "{options:?}: {ran:?}");
    let ends = ran
        .stderr
        .lines()
        .map(|line| line.split(", ").nth(1).unwrap());
    let expected = if !status {
        &[][..]
    } else if !timeout {
        &["exit 3", "exit 0"]
    } else if grace {
        &["signal 9", "signal 15"]
    } else {
        &["exit 3", "signal 15"]
    };
    assert_eq!(ends.collect::<Vec<_>>(), expected, "{options:?}");
}
