//! Tests that kill `save` at many moments: the file then has either the old or the new content, complete.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use rustix::process::{Pid, Signal, kill_process};

use super::{OLD, content, failed, fine};
use crate::per_arch;
use crate::support::{Arch, Folder, ran, wait_until};
use crate::trial::{LONG, may_take};

pub fn trials() -> Vec<Trial> {
    per_arch![
        survives_a_kill_at_any_time,
        survives_a_kill_after_any_byte,
        leaves_nothing_at_a_signal,
        is_whole_to_every_reader,
        copes_with_what_changes_meanwhile,
    ]
    .collect()
}

/// The number of times that each test kills `save`.
fn kills(arch: Arch) -> u32 {
    if arch.is_native() { 300 } else { 60 }
}

/// Starts `save PATH` in the folder.
fn start(arch: Arch, folder: &Folder, path: &str, stdin: impl Into<Stdio>) -> Child {
    arch.program("save")
        .arg(path)
        .current_dir(folder.path(""))
        .stdin(stdin)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Checks the folder after a kill. `f` has one of the two contents, complete. A name left between linkat(2) and
/// renameat2(2) has the new content, complete. The next `save` removes that name and works as usual. Returns whether `f`
/// has the new content.
fn check(arch: Arch, folder: &Folder, old: &[u8], new: &[u8]) -> bool {
    let found = folder.read("f");
    assert!(
        found == old || found == new,
        "f has neither the old nor the new content"
    );
    let left: Vec<_> = folder
        .names()
        .into_iter()
        .filter(|name| name != "f")
        .collect();
    assert!(left.len() <= 1, "{left:?}");
    for name in left {
        assert!(name.starts_with(".ring3-"), "{name}");
        assert!(folder.read(&name) == new, "{name} is incomplete");
    }
    assert_eq!(folder.save(arch, &["f"], old), fine());
    assert_eq!(folder.names(), ["f"]);
    assert!(folder.read("f") == old);
    found == new
}

/// The kills are spread over the duration of a run, and a little longer.
fn survives_a_kill_at_any_time(arch: Arch) {
    may_take(LONG);
    let folder = Folder::new();
    let source = Folder::new();
    let (old, new) = (content(500_000), vec![b'n'; 700_000]);
    fs::write(folder.path("f"), &old).unwrap();
    fs::write(source.path("new"), &new).unwrap();
    let start = || start(arch, &folder, "f", File::open(source.path("new")).unwrap());
    let mut longest = Duration::ZERO;
    for _ in 0..5 {
        let begin = Instant::now();
        assert!(start().wait().unwrap().success());
        longest = longest.max(begin.elapsed());
        check(arch, &folder, &old, &new);
    }
    let mut killed = 0;
    for i in 0..kills(arch) {
        let begin = Instant::now();
        let mut child = start();
        while begin.elapsed() < longest * i / kills(arch) {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        killed += u32::from(child.wait().unwrap().signal() == Some(9));
        check(arch, &folder, &old, &new);
    }
    assert!(killed > 0, "every run ended before its kill");
}

/// Starts a `save` and waits until it has read exactly these bytes of its input.
fn start_and_feed(
    arch: Arch,
    folder: &Folder,
    path: &str,
    bytes: &[u8],
) -> (Child, std::io::PipeWriter) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let child = start(arch, folder, path, reader.try_clone().unwrap());
    writer.write_all(bytes).unwrap();
    wait_until("save has read all bytes", || {
        rustix::io::ioctl_fionread(&reader).unwrap() == 0
    });
    (child, writer)
}

/// Kills after a number of bytes; the numbers are evenly spread.
fn survives_a_kill_after_any_byte(arch: Arch) {
    may_take(LONG);
    let folder = Folder::new();
    let (old, new) = (content(500_000), vec![b'n'; 700_000]);
    fs::write(folder.path("f"), &old).unwrap();
    let kills = kills(arch) as usize;
    for i in 0..=kills {
        let (mut child, writer) = start_and_feed(arch, &folder, "f", &new[..new.len() * i / kills]);
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(9));
        drop(writer);
        assert_eq!(folder.names(), ["f"]);
        assert!(
            !check(arch, &folder, &old, &new),
            "f was replaced before the input was complete"
        );
    }
}

fn leaves_nothing_at_a_signal(arch: Arch) {
    let folder = Folder::new();
    let old = content(500_000);
    fs::write(folder.path("f"), &old).unwrap();
    for signal in [Signal::HUP, Signal::INT, Signal::TERM] {
        let (mut child, writer) = start_and_feed(arch, &folder, "f", &[b'n'; 100_000]);
        kill_process(Pid::from_child(&child), signal).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.signal(), Some(signal.as_raw()));
        drop(writer);
        assert_eq!(folder.names(), ["f"]);
        assert!(folder.read("f") == old);
    }
}

/// Two writers replace the same file again and again while a reader reads it.
fn is_whole_to_every_reader(arch: Arch) {
    let folder = Folder::new();
    let contents = [vec![b'a'; 100_000], vec![b'b'; 200_000]];
    fs::write(folder.path("f"), &contents[0]).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers = contents.each_ref().map(|content| {
            scope.spawn(|| {
                for _ in 0..kills(arch) / 3 {
                    assert_eq!(folder.save(arch, &["f", "--no-sync"], content), fine());
                }
            })
        });
        scope.spawn(|| {
            while !done.load(Relaxed) {
                let found = folder.read("f");
                assert!(contents.contains(&found), "{} bytes", found.len());
            }
        });
        let ends = writers.map(|writer| writer.join());
        done.store(true, Relaxed);
        ends.into_iter().for_each(Result::unwrap);
    });
    assert_eq!(folder.names(), ["f"]);
}

/// Changes `sub/f` and its surroundings while `save` reads its input, and checks the result.
fn copes_with_what_changes_meanwhile(arch: Arch) {
    let during = |old: bool, change: &dyn Fn(&Folder)| {
        let folder = Folder::new();
        fs::create_dir(folder.path("sub")).unwrap();
        if old {
            fs::write(folder.path("sub/f"), OLD).unwrap();
        }
        let (child, writer) = start_and_feed(arch, &folder, "sub/f", b"new");
        change(&folder);
        drop(writer);
        (ran(child.wait_with_output().unwrap()), folder)
    };
    let remove = |folder: &Folder| fs::remove_file(folder.path("sub/f")).unwrap();

    let (ended, folder) = during(true, &remove);
    assert_eq!(ended, fine());
    assert_eq!(folder.read("sub/f"), b"new");

    let write = |folder: &Folder| fs::write(folder.path("sub/f"), "other").unwrap();
    for old in [false, true] {
        let (ended, folder) = during(old, &write);
        assert_eq!(ended, fine());
        assert_eq!(folder.read("sub/f"), b"new");
    }

    let rename = |folder: &Folder| {
        fs::rename(folder.path("sub"), folder.path("other")).unwrap();
    };
    for old in [false, true] {
        let (ended, folder) = during(old, &rename);
        assert_eq!(ended, fine());
        assert_eq!(folder.names(), ["other"]);
        assert_eq!(folder.read("other/f"), b"new");
    }

    for old in [false, true] {
        let (ended, folder) = during(old, &|folder| {
            if old {
                remove(folder);
            }
            fs::create_dir(folder.path("sub/f")).unwrap();
        });
        assert_eq!(ended, failed("replace sub/f: Is a directory (EISDIR)"));
        assert_eq!(fs::read_dir(folder.path("sub")).unwrap().count(), 1);
    }
}
