//! Tests of `save`'s temporary name: how it is derived from FILE's name, files that already have this name, and
//! directories in which the temporary file could not be renamed.

use std::fs::{self, File};
use std::os::unix::fs::{FileTypeExt, chown, symlink};
use std::path::PathBuf;
use std::process::Command;

use libtest_mimic::{Completion, Trial};
use rustix::fs::{FlockOperation, IFlags, flock, ioctl_getflags, ioctl_setflags};

use super::attributes::NOBODY;
use super::{OLD, failed, fine};
use crate::per_arch;
use crate::skip;
use crate::support::{Arch, Folder, once};

pub fn trials() -> Vec<Trial> {
    per_arch![
        leaves_what_is_no_leftover,
        removes_leftovers_that_are_for_reading,
        takes_no_name_in_an_append_only_directory,
    ]
    .chain([once(
        "save::temporary::is_derived_from_the_files_name",
        is_derived_from_the_files_name,
    )])
    .collect()
}

/// The first temporary names for a file: FNV-1a of its name, xor a number below 4.
fn names_for(file: &str) -> [String; 4] {
    let hash = file.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    [0, 1, 2, 3].map(|number| format!(".ring3-{:016x}", hash ^ number))
}

/// The derivation is fixed, so that a later version finds the leftovers of this version.
fn is_derived_from_the_files_name() {
    for file in ["f", "a longer name, é"] {
        let names = names_for(file);
        let folder = Folder::new();
        for (taken, name) in names.iter().enumerate() {
            let mut command = Command::new("strace");
            command.args(["-e", "inject=renameat2:signal=KILL", "-o", "/dev/null"]);
            if taken > 0 {
                let injection = format!("inject=linkat:error=EEXIST:when=1..{taken}");
                command.args(["-e", &injection]);
            }
            command.arg(Arch::NATIVE.shipped("save")).arg(file);
            assert_eq!(folder.feed(&mut command, b"new").status, None);
            assert_eq!(folder.names(), [name.as_str()]);
        }
    }
}

/// A directory, a symbolic link and its target, and a locked file stay. A FIFO that is not locked is removed.
fn leaves_what_is_no_leftover(arch: Arch) {
    let folder = Folder::with_old();
    fs::write(folder.path("victim"), OLD).unwrap();
    let [directory, link, locked, fifo] = names_for("f");
    fs::create_dir(folder.path(&directory)).unwrap();
    symlink("victim", folder.path(&link)).unwrap();
    let holder = File::create(folder.path(&locked)).unwrap();
    flock(&holder, FlockOperation::NonBlockingLockExclusive).unwrap();
    let make =
        |fifo: PathBuf| assert!(Command::new("mkfifo").arg(fifo).status().unwrap().success());
    make(folder.path(&fifo));
    for round in ["first", "second"] {
        assert_eq!(folder.save(arch, &["f"], round.as_bytes()), fine());
        assert_eq!(folder.read("f"), round.as_bytes());
        let mut names = [&*directory, &*link, &*locked, "f", "victim"];
        names.sort();
        assert_eq!(folder.names(), names);
        assert!(folder.path(&directory).is_dir() && folder.path(&link).is_symlink());
        assert_eq!(folder.read("victim"), OLD);
    }
    // All four names are in use, so the fifth name is random.
    let holder = File::create(folder.path(&fifo)).unwrap();
    flock(&holder, FlockOperation::NonBlockingLockExclusive).unwrap();
    assert_eq!(folder.save(arch, &["f"], b"third"), fine());
    assert_eq!(folder.read("f"), b"third");
    assert_eq!(folder.names().len(), 6);
}

/// A leftover that the user may not write, and a FIFO, which would block, are opened for reading.
fn removes_leftovers_that_are_for_reading(arch: Arch) {
    let folder = Folder::with_old();
    let [file, fifo, ..] = names_for("f");
    fs::write(folder.path(&file), "left").unwrap();
    assert!(
        Command::new("mkfifo")
            .arg(folder.path(&fifo))
            .status()
            .unwrap()
            .success()
    );
    assert!(
        fs::metadata(folder.path(&fifo))
            .unwrap()
            .file_type()
            .is_fifo()
    );
    let mut command = folder.unprivileged_save(arch);
    for name in [&file, &fifo] {
        folder.set_mode(name, 0o444);
    }
    if rustix::process::geteuid().is_root() {
        chown(folder.path("f"), Some(NOBODY), Some(NOBODY)).unwrap();
    }
    assert_eq!(folder.feed(command.arg("f"), b"new"), fine());
    assert_eq!(folder.read("f"), b"new");
    assert_eq!(folder.names(), ["f", "save"]);
}

/// Makes a directory append-only until it is dropped.
struct AppendOnly(File);

impl AppendOnly {
    fn new(folder: &Folder) -> Result<Self, Completion> {
        let directory = File::open(folder.root()).unwrap();
        let set = ioctl_getflags(&directory)
            .and_then(|flags| ioctl_setflags(&directory, flags | IFlags::APPEND));
        match set {
            Ok(()) => Ok(Self(directory)),
            Err(_) => Err(Completion::ignored_with(skip::APPEND_ONLY)),
        }
    }
}

impl Drop for AppendOnly {
    fn drop(&mut self) {
        let flags = ioctl_getflags(&self.0).unwrap();
        ioctl_setflags(&self.0, flags - IFlags::APPEND).unwrap();
    }
}

/// In a directory with `chattr +a` a name can be created, but neither renamed nor removed.
fn takes_no_name_in_an_append_only_directory(arch: Arch) -> Completion {
    let folder = Folder::with_old();
    let append_only = match AppendOnly::new(&folder) {
        Ok(append_only) => append_only,
        Err(ignored) => return ignored,
    };
    let why = "Operation not permitted (EPERM)";
    let cause = ": its directory does not allow that; --in-place writes into it";
    for (file, cause) in [("f", cause), ("new", "")] {
        let refused = failed(&format!("replace {file}: {why}{cause}"));
        assert_eq!(folder.save(arch, &[file], b"new"), refused);
        assert_eq!(folder.names(), ["f"]);
    }
    assert_eq!(folder.read("f"), OLD);
    assert_eq!(folder.save(arch, &["--in-place", "f"], b"new"), fine());
    assert_eq!(folder.save(arch, &["-a", "f"], b"er"), fine());
    assert_eq!(folder.save(arch, &["-a", "log"], b"new"), fine());
    assert_eq!(folder.read("f"), b"newer");
    drop(append_only);
    assert_eq!(folder.names(), ["f", "log"]);
    assert_eq!(folder.save(arch, &["f"], b"newest"), fine());
    assert_eq!(folder.read("f"), b"newest");
    Completion::Completed
}
